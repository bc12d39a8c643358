#include "server/server.h"

#include "base/glob.h"
#include "base/quote.h"
#include "net/net.h"
#include "os/clock.h"
#include "os/files.h"
#include "os/random.h"
#include "server/datadir.h"
#include "server/history.h"
#include "server/options_rewrite.h"
#include "server/version.h"
#include "server/warm.h"
#include "store/store_memory.h"
#include "store_rocksdb/store_rocksdb.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    STOP_STEP_MS = 5,
    RECOVERY_STEP_MS = 100,
    HISTORY_RETRY_MS = 5000,
    /* Beside the clients: the store's files, logs, the loops' own. */
    FILES_BESIDE_CLIENTS = 1024,
};

struct server {
    struct options options;         /* Under the lock, once the net is there. */
    bool is_changed[OPTIONS_COUNT]; /* By CONFIG SET. Under the lock. */
    const char *lent_config_path;   /* Empty: none. */
    pthread_mutex_t options_lock;
    _Atomic bool is_stopping;
    struct log log;
    struct files files;
    struct random random;
    struct datadir datadir;
    bool has_datadir;
    char epoch[DATADIR_EPOCH_SIZE];
    struct store store;
    uint32_t *generations;  /* The store's. */
    struct history history; /* With a data folder. */
    uint64_t history_retry_ms;
    struct net *net;
    struct warm *warm; /* With a data folder. */
    sigset_t signals;
};

static struct net_settings settings_of(const struct options *options)
{
    return (struct net_settings){
        .limits = {.cache_bytes = options->cache_memory_bytes,
                   .dirty_bytes = options->dirty_memory_bytes,
                   .cache_users = (uint32_t)options->cache_users,
                   .max_channels = (uint32_t)options->max_channels,
                   .tombstones_kept = (uint32_t)options->tombstones_kept,
                   .commit_delay_ms = options->commit_delay_ms,
                   .mention_ids_kept = (uint8_t)options->mention_ids_kept,
                   .warm_rate = (uint32_t)options->warm_rate},
        .idle_timeout_ms = options->timeout_ms,
        .output_max = options->client_output_limit_bytes,
        .clients_bytes_max = options->maxmemory_clients_bytes,
        .clients_max = (uint32_t)options->maxclients,
        .arguments_max = (uint32_t)options->max_arguments,
        .argument_size_max = (uint32_t)options->max_argument_bytes,
        .slowlog_threshold_ms = options->slowlog_log_slower_than_ms,
        .slowlog_entries_max = (uint32_t)options->slowlog_max_len,
        .journal_sync = options->journal_sync,
        .latency_threshold_ms = options->latency_monitor_threshold_ms,
        .gather_below_percent = (uint32_t)options->gather_below,
    };
}

/* What tools for Redis ask for before they begin, and warn without: as it is with this server. */
static const char *const redis_options[][2] = {
    {"appendonly", "no"},
    {"databases", "1"},
    {"save", ""},
};

static bool matches_one(const struct slice *patterns, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (glob_matches(patterns[i], name)) {
            return true;
        }
    }
    return false;
}

static void host_list_options(void *context, const struct slice *patterns, uint32_t count,
                              void (*take)(void *to, const char *name, const char *value), void *to)
{
    struct server *self = (struct server *)context;
    pthread_mutex_lock(&self->options_lock);
    const struct options options = self->options;
    pthread_mutex_unlock(&self->options_lock);
    for (int i = 0; i < OPTIONS_COUNT; i++) {
        char value[OPTIONS_TEXT_SIZE];
        if (matches_one(patterns, count, options_table[i].name)) {
            options_print_value(&options, &options_table[i], value);
            take(to, options_table[i].name, value);
        }
    }
    for (size_t i = 0; i < sizeof redis_options / sizeof *redis_options; i++) {
        if (matches_one(patterns, count, redis_options[i][0])) {
            take(to, redis_options[i][0], redis_options[i][1]);
        }
    }
}

/* All of the pairs on a copy, so that one that is wrong leaves everything as it was. */
static enum status change(struct options *options, const struct slice *pairs, uint32_t count,
                          struct failure *failure)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct slice *pair = &pairs[(size_t)2 * i];
        const enum status status = options_set_live(options, pair[0], pair[1], failure);
        if (status == STATUS_MISSING) {
            /* As Redis says it: tools know this text. */
            char name[QUOTE_SIZE];
            quote_print(name, pair[0]);
            failure_set(failure, "Unknown option or number of arguments for CONFIG SET - '%s'",
                        name);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    return options_check(options, failure);
}

static bool host_change_options(void *context, const struct slice *pairs, uint32_t pairs_count,
                                char error[static NET_ERROR_SIZE])
{
    struct server *self = (struct server *)context;
    struct failure failure;
    pthread_mutex_lock(&self->options_lock);
    struct options changed = self->options;
    const enum status status = change(&changed, pairs, pairs_count, &failure);
    if (status == STATUS_OK) {
        self->options = changed;
        for (uint32_t i = 0; i < pairs_count; i++) {
            self->is_changed[options_find(pairs[(size_t)2 * i]) - options_table] = true;
        }
        log_set_level(&self->log, changed.log_level);
        const struct net_settings settings = settings_of(&changed);
        net_change_settings(self->net, &settings);
    } else {
        snprintf(error, NET_ERROR_SIZE, "%.*s", NET_ERROR_SIZE - 1, failure.text);
    }
    pthread_mutex_unlock(&self->options_lock);
    return status == STATUS_OK;
}

static bool host_rewrite_options(void *context, char error[static NET_ERROR_SIZE])
{
    struct server *self = (struct server *)context;
    if (self->lent_config_path[0] == '\0') {
        snprintf(error, NET_ERROR_SIZE, "The server is running without a config file");
        return false;
    }
    struct failure failure;
    pthread_mutex_lock(&self->options_lock);
    const enum status status = options_rewrite(&self->options, self->is_changed, &self->files,
                                               self->lent_config_path, &failure);
    pthread_mutex_unlock(&self->options_lock);
    if (status != STATUS_OK) {
        /* As Redis begins it. */
        snprintf(error, NET_ERROR_SIZE, "Rewriting config file: %.400s", failure.text);
        log_write(&self->log, LOG_LEVEL_WARN, "CONFIG REWRITE failed: %s", failure.text);
        return false;
    }
    log_write(&self->log, LOG_LEVEL_INFO, "CONFIG REWRITE has written %s", self->lent_config_path);
    return true;
}

static void host_request_stop(void *context)
{
    struct server *self = (struct server *)context;
    /* Only a second signal stops the waiting: of several SHUTDOWNs the first counts. */
    if (!atomic_exchange(&self->is_stopping, true)) {
        kill(getpid(), SIGTERM);
    }
}

static void host_fail(void *context, const char *sentence)
{
    struct server *self = (struct server *)context;
    log_write(&self->log, LOG_LEVEL_ERROR, "stopping at once, with nothing more answered: %s",
              sentence);
    _exit(SERVER_EXIT_JOURNAL);
}

static enum status host_recover(void *context, uint32_t shard,
                                enum status (*take)(void *to, const struct journal_entry *entry),
                                void *to, struct failure *out_failure)
{
    struct server *self = (struct server *)context;
    return history_recover(&self->history, shard, take, to, out_failure);
}

static void report_store(void *context, const char *problem)
{
    struct server *self = (struct server *)context;
    log_write(&self->log, LOG_LEVEL_ERROR, "store: %s", problem);
}

static bool fail(struct server *self, const char *sentence)
{
    log_write(&self->log, LOG_LEVEL_ERROR, "%s", sentence);
    return false;
}

/* The store keeps the folder's name: where they do not belong together the history is another one.
 */
static bool meet_store(struct server *self)
{
    char identity[STORE_IDENTITY_SIZE_MAX + 1];
    struct failure failure;
    const enum status found =
        self->store.ops->read_identity(self->store.self, identity, sizeof identity);
    if (found != STATUS_OK && found != STATUS_MISSING) {
        return fail(self, "the store does not say which one it is");
    }
    if (datadir_meet_store(&self->datadir, found == STATUS_OK ? identity : NULL, &failure) !=
        STATUS_OK) {
        return fail(self, failure.text);
    }
    if (found == STATUS_MISSING &&
        self->store.ops->write_identity(self->store.self, self->datadir.store_id) != STATUS_OK) {
        return fail(self, "the store cannot be written to");
    }
    return true;
}

static bool open_rocksdb(struct server *self)
{
    struct failure failure;
    if (datadir_open(&self->datadir, self->options.data_dir, &self->files, &self->random,
                     &failure) != STATUS_OK) {
        return fail(self, failure.text);
    }
    self->has_datadir = true;
    char path[DATADIR_PATH_SIZE_MAX + sizeof "/rocksdb"];
    snprintf(path, sizeof path, "%s/rocksdb", self->options.data_dir);
    const struct store_rocksdb_config config = {.path = path,
                                                .memory_bytes = self->options.rocksdb_memory_bytes,
                                                .report = report_store,
                                                .lent_context = self};
    char problem[STORE_ROCKSDB_PROBLEM_SIZE];
    if (store_rocksdb_open(&self->store, &config, problem) != STATUS_OK) {
        return fail(self, problem);
    }
    if (!meet_store(self)) {
        return false;
    }
    if (history_open(&self->history, self->options.data_dir, &self->files, &self->log,
                     options_get_threads(&self->options), &failure) != STATUS_OK) {
        return fail(self, failure.text);
    }
    return true;
}

/* The logs of this start are there, and what earlier ones hold is in memory. */
static bool begin_history(struct server *self)
{
    struct failure failure;
    struct history *history = &self->history;
    if (!history->is_open) {
        return true;
    }
    const bool may_have_lost = !history->recovery.has_manifest || atomic_load(&history->has_lost);
    if (self->datadir.found == DATADIR_UNCLEAN && may_have_lost) {
        if (datadir_renew_epoch(&self->datadir, &failure) != STATUS_OK) {
            return fail(self, failure.text);
        }
        log_write(&self->log, LOG_LEVEL_WARN,
                  "the last server in %s did not end cleanly, and answered updates may be lost: a "
                  "new epoch begins",
                  self->options.data_dir);
    }
    memcpy(self->epoch, self->datadir.epoch, sizeof self->epoch);
    return history_begin(history, &failure) == STATUS_OK || fail(self, failure.text);
}

/* Nothing outlives the process: neither does the epoch. */
static bool open_memory(struct server *self)
{
    uint64_t epoch = 0;
    if (store_memory_open(&self->store) != STATUS_OK ||
        random_fill(&self->random, &epoch, sizeof epoch) != STATUS_OK) {
        return fail(self, "the system gives no more memory");
    }
    snprintf(self->epoch, sizeof self->epoch, "%016" PRIx64, epoch);
    return true;
}

/* As many files as clients may need, as far as the system allows. */
static void raise_file_limit(struct server *self)
{
    struct rlimit limit;
    const rlim_t wanted = (rlim_t)self->options.maxclients + FILES_BESIDE_CLIENTS;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) {
        return;
    }
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < wanted) {
        log_write(&self->log, LOG_LEVEL_WARN,
                  "%ju files may be open at once, too few for maxclients %" PRIu64
                  ": raise the limit (ulimit -n) to %ju",
                  (uintmax_t)limit.rlim_cur, self->options.maxclients, (uintmax_t)wanted);
    }
}

/* Tools for Redis know a restart by it. */
static bool draw_run_id(const struct server *self, char to[static NET_RUN_ID_SIZE])
{
    uint8_t bytes[(NET_RUN_ID_SIZE - 1) / 2];
    if (random_fill(&self->random, bytes, sizeof bytes) != STATUS_OK) {
        return false;
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        snprintf(to + 2 * i, 3, "%02x", bytes[i]);
    }
    return true;
}

/* Before anybody is served: who asks is told that users are being loaded. */
static void begin_warm(struct server *self)
{
    const struct warm_config config = {.lent_files = self->files,
                                       .lent_folder = self->datadir.path,
                                       .lent_log = &self->log,
                                       .lent_net = self->net,
                                       .threads = options_get_threads(&self->options),
                                       .was_unclean = self->datadir.found != DATADIR_CLEAN,
                                       .lent_options = &self->options,
                                       .lent_options_lock = &self->options_lock};
    if (self->has_datadir && warm_create(&self->warm, &config) != STATUS_OK) {
        log_write(&self->log, LOG_LEVEL_WARN, "nobody is loaded: the system gives no more memory");
    }
}

static bool start(struct server *self)
{
    raise_file_limit(self);
    const bool opened =
        self->options.store == OPTIONS_STORE_MEMORY ? open_memory(self) : open_rocksdb(self);
    if (!opened) {
        return false;
    }
    self->generations = calloc(HASH_SLOTS, sizeof *self->generations);
    if (self->generations == NULL ||
        self->store.ops->read_generations(self->store.self, self->generations) != STATUS_OK) {
        return fail(self, "the store does not say who was forgotten");
    }
    struct history *history = &self->history;
    history->lent_store = self->store;
    history->lent_generations = self->generations;
    struct net_config config = {
        .lent_addresses = self->options.bind,
        .lent_unix_socket = self->options.unixsocket,
        .port = (uint32_t)self->options.port,
        .threads = options_get_threads(&self->options),
        .lent_version = version_get(),
        .lent_config_file = self->lent_config_path,
        .allows_debug = self->options.enable_debug_command,
        .lent_store = self->store,
        .journal = {.lent_files = self->files,
                    .lent_random = self->random,
                    .lent_folder = history->is_open ? history->folder : NULL,
                    .set = history->is_open ? recovery_get_next_set(&history->recovery) : 0,
                    .boot = history->boot,
                    .segment_bytes = self->options.journal_segment_bytes,
                    .reserve_bytes = self->options.disk_reserve_bytes},
        .lent_generations = self->generations,
        .host = {.list_options = host_list_options,
                 .change_options = host_change_options,
                 .rewrite_options = host_rewrite_options,
                 .request_stop = host_request_stop,
                 .fail = host_fail,
                 .recover = host_recover,
                 .lent_context = self},
        .settings = settings_of(&self->options),
    };
    if (!draw_run_id(self, config.run_id)) {
        return fail(self, "the system has no random bytes");
    }
    struct failure failure;
    if (net_create(&self->net, &config, &failure) != STATUS_OK) {
        return fail(self, failure.text);
    }
    if (!begin_history(self)) {
        (void)net_destroy(&self->net);
        return false;
    }
    begin_warm(self);
    if (net_begin(self->net, self->epoch, &failure) != STATUS_OK) {
        (void)net_destroy(&self->net);
        return fail(self, failure.text);
    }
    return true;
}

static void say_ready(struct server *self)
{
    pthread_mutex_lock(&self->options_lock);
    const struct options options = self->options;
    pthread_mutex_unlock(&self->options_lock);
    const bool in_memory = options.store == OPTIONS_STORE_MEMORY;
    log_write(&self->log, LOG_LEVEL_INFO,
              "readstates %s is ready on %s port %" PRIu64 "%s%s: %" PRIu32
              " threads, cache %" PRIu64 " MiB, store %s, epoch %s",
              version_get(), options.bind, options.port,
              options.unixsocket[0] == '\0' ? "" : " and ", options.unixsocket,
              options_get_threads(&options), options.cache_memory_bytes / OPTIONS_MB,
              in_memory ? "in memory" : options.data_dir, self->epoch);
}

/* True: all is written. False: a second signal came, or the time is over. */
static bool wait_until_written(struct server *self)
{
    const struct clock clock = clock_get_system();
    const uint64_t begin_ms = clock_read_monotonic_ms(&clock);
    const struct timespec step = {.tv_nsec = STOP_STEP_MS * 1000000L};
    pthread_mutex_lock(&self->options_lock);
    const uint64_t timeout_ms = self->options.shutdown_timeout_ms;
    pthread_mutex_unlock(&self->options_lock);
    net_begin_stop(self->net);
    while (!net_turn_stop(self->net)) {
        if (sigtimedwait(&self->signals, NULL, &step) > 0) {
            log_write(&self->log, LOG_LEVEL_WARN, "a second signal: not waiting any longer");
            return false;
        }
        if (clock_read_monotonic_ms(&clock) - begin_ms >= timeout_ms) {
            log_write(&self->log, LOG_LEVEL_WARN, "shutdown-timeout is over");
            return false;
        }
    }
    return true;
}

/* What the store does not have is in the journal, on the disk, or is lost. */
static enum server_exit end_unwritten(struct server *self, uint64_t unwritten, bool is_kept)
{
    struct failure failure;
    if (!self->history.is_open || !is_kept) {
        log_write(&self->log, LOG_LEVEL_ERROR,
                  "the changes of %" PRIu64 " users are not in the store", unwritten);
        return SERVER_EXIT_FAILED;
    }
    log_write(&self->log, LOG_LEVEL_WARN,
              "the changes of %" PRIu64 " users are not in the store, and are kept in the journal",
              unwritten);
    if (datadir_mark_clean(&self->datadir, &failure) != STATUS_OK) {
        /* The next start finds out by the journal what a mark would say. */
        log_write(&self->log, LOG_LEVEL_WARN, "%s", failure.text);
    }
    return SERVER_EXIT_CLEAN;
}

/* Where it cannot be marked, since the disk is full, the next start finds out by the journal. */
static void mark_end(struct server *self)
{
    struct failure failure;
    if (!self->history.is_open) {
        return;
    }
    if (history_end_all(&self->history, &failure) != STATUS_OK) {
        log_write(&self->log, LOG_LEVEL_WARN, "%s", failure.text);
    }
    if (datadir_mark_clean(&self->datadir, &failure) != STATUS_OK) {
        log_write(&self->log, LOG_LEVEL_WARN, "%s", failure.text);
    }
}

static enum server_exit stop(struct server *self)
{
    const bool written = wait_until_written(self);
    if (written && self->warm != NULL) {
        warm_end(self->warm, &self->signals);
    }
    const uint64_t unwritten = written ? 0 : net_count_unwritten(self->net);
    const bool is_kept = net_destroy(&self->net);
    if (!written) {
        return end_unwritten(self, unwritten, is_kept);
    }
    if (self->store.ops->sync(self->store.self) != STATUS_OK) {
        log_write(&self->log, LOG_LEVEL_ERROR, "the store could not be synced to the disk");
        return SERVER_EXIT_FAILED;
    }
    mark_end(self);
    log_write(&self->log, LOG_LEVEL_INFO, "all is written, goodbye");
    return SERVER_EXIT_CLEAN;
}

/* What earlier logs hold may all have come into the store. */
static void turn_history(struct server *self)
{
    struct failure failure;
    const struct clock clock = clock_get_system();
    const uint64_t now_ms = clock_read_monotonic_ms(&clock);
    if (self->history.is_ended || now_ms < self->history_retry_ms || !net_is_recovered(self->net)) {
        return;
    }
    if (history_end(&self->history, &failure) == STATUS_OK) {
        net_end_history(self->net);
        return;
    }
    /* They stay, and count no more than they did. */
    log_write(&self->log, LOG_LEVEL_WARN, "%s", failure.text);
    self->history_retry_ms = now_ms + HISTORY_RETRY_MS;
}

/* Until a signal comes; meanwhile there is something to be done on the disk. */
static int wait_for_signal(struct server *self)
{
    int signal = 0;
    while (self->history.is_open) {
        uint32_t step_ms = self->history.is_ended ? UINT32_MAX : RECOVERY_STEP_MS;
        turn_history(self);
        if (self->warm != NULL) {
            const uint32_t warm_ms = warm_turn(self->warm);
            step_ms = warm_ms < step_ms ? warm_ms : step_ms;
        }
        const struct timespec step = {.tv_sec = step_ms / 1000,
                                      .tv_nsec = step_ms % 1000 * 1000000L};
        signal = sigtimedwait(&self->signals, NULL, &step);
        if (signal > 0) {
            return signal;
        }
    }
    while (sigwait(&self->signals, &signal) != 0) {
    }
    return signal;
}

static enum server_exit serve(struct server *self)
{
    say_ready(self);
    const int signal = wait_for_signal(self);
    atomic_store(&self->is_stopping, true);
    log_write(&self->log, LOG_LEVEL_INFO, "stopping on %s",
              signal == SIGINT ? "SIGINT" : "SIGTERM");
    return stop(self);
}

enum server_exit server_run(const struct options *options, const char *config_path)
{
    struct server self = {.options = *options,
                          .lent_config_path = config_path,
                          .files = files_get_system(),
                          .random = random_get_system()};
    log_start(&self.log, STDERR_FILENO, options->log_format, options->log_level,
              clock_get_system());
    pthread_mutex_init(&self.options_lock, NULL);
    /* Before any thread is there: they all inherit it, and signals come to sigwait alone. */
    sigemptyset(&self.signals);
    sigaddset(&self.signals, SIGTERM);
    sigaddset(&self.signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &self.signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    /* A write beyond the limit on file sizes fails like one on a full disk. */
    signal(SIGXFSZ, SIG_IGN);

    const enum server_exit result = start(&self) ? serve(&self) : SERVER_EXIT_FAILED;
    history_close(&self.history);
    free(self.generations);
    if (self.warm != NULL) {
        warm_destroy(&self.warm);
    }
    if (self.store.ops != NULL) {
        self.store.ops->close(self.store.self);
    }
    if (self.has_datadir) {
        datadir_close(&self.datadir);
    }
    pthread_mutex_destroy(&self.options_lock);
    return result;
}
