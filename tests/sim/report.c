#include "sim/report.h"

#include "base/assert.h"
#include "sim/settings.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the two processes share. */
struct outcome {
    struct run_counts counts;
    uint64_t hash;
    struct failure failure;
    bool is_well;
    bool has_ended; /* It came to its end. */
};

static void say_how_it_died(struct outcome *outcome, int status)
{
    outcome->is_well = false;
    if (WIFSIGNALED(status)) {
        failure_set(&outcome->failure, "the process is ended by signal %d (%s); see above",
                    WTERMSIG(status), strsignal(WTERMSIG(status)));
    } else {
        failure_set(&outcome->failure, "the process ends with %d; see above", WEXITSTATUS(status));
    }
}

bool report_play_apart(const struct run_options *options, struct run_counts *out_counts,
                       uint64_t *out_hash, struct failure *out_failure)
{
    struct outcome *outcome =
        mmap(NULL, sizeof *outcome, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT(outcome != MAP_FAILED);
    (void)fflush(NULL);
    const pid_t child = fork();
    ASSERT(child >= 0);
    if (child == 0) {
        outcome->is_well =
            run_execute(options, &outcome->counts, &outcome->hash, &outcome->failure);
        outcome->has_ended = true;
        (void)fflush(NULL);
        _exit(0);
    }
    int status = 0;
    const pid_t ended = waitpid(child, &status, 0);
    ASSERT(ended == child);
    if (!outcome->has_ended) {
        say_how_it_died(outcome, status);
    }
    *out_counts = outcome->counts;
    *out_hash = outcome->hash;
    *out_failure = outcome->failure;
    const bool is_well = outcome->is_well;
    (void)munmap(outcome, sizeof *outcome);
    return is_well;
}

static bool play(void *context, const struct run_options *options, struct run_counts *out_counts,
                 struct failure *out_failure)
{
    uint64_t hash = 0;
    (void)context;
    return report_play_apart(options, out_counts, &hash, out_failure);
}

static void print_run(FILE *to, const char *title, const struct wrong_run *run)
{
    char command[SETTINGS_COMMAND_SIZE];
    settings_print(&run->options, command);
    fprintf(to, "%s", title);
    if (run->counts.operations > 0) {
        fprintf(to, " after %" PRIu64 " commands", run->counts.operations);
    }
    fprintf(to, ": %s\n  build/release/bin/readstates-sim %s\n", run->failure.text, command);
    (void)fflush(to);
}

void report_wrong_run(FILE *to, const struct wrong_run *wrong, bool shrinks)
{
    const struct player player = {.play = play};
    struct wrong_run smallest;
    print_run(to, "A run is wrong", wrong);
    if (!shrinks) {
        return;
    }
    const uint32_t runs = shrink_run(wrong, &player, &smallest);
    fprintf(to, "Made smaller in %" PRIu32 " runs.\n", runs);
    print_run(to, "The smallest is wrong", &smallest);
}
