/* readstates-bench: sends commands to a server, and tells how long the answers take. */
#include "load/exit_code.h"
#include "load/options.h"
#include "load/report.h"
#include "load/result.h"
#include "load/run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static enum exit_code judge(const struct result *result)
{
    const struct tally *total = &result->total;
    if (total->lost_connections >= result->lent_options->connections) {
        return EXIT_NO_SERVER;
    }
    return total->unanswered + total->unexpected + total->lost_connections > 0 ? EXIT_SOME_MISSING
                                                                               : EXIT_ALL_ANSWERED;
}

static enum exit_code run(const struct options *options, struct result *result)
{
    char error[RUN_ERROR_SIZE] = {0};
    if (!run_all(options, result, error)) {
        fprintf(stderr, "readstates-bench: %s\n", error);
        return EXIT_NO_SERVER;
    }
    report_summary(result);
    if (options->json != NULL && !report_write_json(result, options->json)) {
        fprintf(stderr, "readstates-bench: cannot write %s: %s\n", options->json, strerror(errno));
        return EXIT_BAD_INPUT;
    }
    return judge(result);
}

int main(int argc, char **argv)
{
    struct options options;
    (void)signal(SIGPIPE, SIG_IGN);
    switch (options_read(&options, argc, argv)) {
    case OPTIONS_DONE:
        return EXIT_ALL_ANSWERED;
    case OPTIONS_WRONG:
        return EXIT_BAD_INPUT;
    case OPTIONS_RUN:
        break;
    }
    struct result *result = result_create(&options);
    if (result == NULL) {
        fputs("readstates-bench: no memory\n", stderr);
        return EXIT_NO_SERVER;
    }
    const enum exit_code code = run(&options, result);
    result_destroy(result);
    return (int)code;
}
