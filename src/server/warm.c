#include "server/warm.h"

#include "os/clock.h"
#include "server/warm_save.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

enum {
    CHECKS_A_TURN = 16, /* Pieces of the file. */
    GIVE_STEP_MS = 10,
    SAVE_STEP_MS = 10,
    REST_STEP_MS = 1000, /* An option may have changed. */
    END_STEP_MS = 2,
    END_MAX_MS = 5000,
    /* A list that names who was forgotten is made anew after so long, or so many times as long as
     * the last one took. */
    RENEW_MS = 1000,
    RENEW_TIMES = 20,
};

static void show(const struct warm *self)
{
    net_show_warm(self->config.lent_net, &self->figures);
}

static void warn(struct warm *self, const struct failure *failure)
{
    log_write(self->config.lent_log, LOG_LEVEL_WARN, "%s", failure->text);
}

/* Of the options, as they are now. */
struct settings {
    uint64_t save_ms; /* 0: nothing is saved. */
    uint64_t users_max;
    uint64_t rate; /* 0: nobody is loaded. */
    uint64_t reserve_bytes;
};

static struct settings get_settings(const struct warm *self)
{
    const struct options *options = self->config.lent_options;
    pthread_mutex_lock(self->config.lent_options_lock);
    const struct settings settings = {.save_ms = options->warm_save_ms,
                                      .users_max = options->warm_users,
                                      .rate = options->warm_rate,
                                      .reserve_bytes = options->disk_reserve_bytes};
    pthread_mutex_unlock(self->config.lent_options_lock);
    return settings;
}

static uint64_t read_now_ms(void)
{
    const struct clock clock = clock_get_system();
    return clock_read_monotonic_ms(&clock);
}

static void begin_loading(struct warm *self)
{
    struct failure failure;
    const enum status status =
        warm_read_open(&self->read, &self->config.lent_files, self->config.lent_folder, &failure);
    if (status == STATUS_OK) {
        self->phase = WARM_CHECKING;
        self->figures.state = NET_WARM_LOADING;
        show(self);
    } else if (status != STATUS_MISSING) {
        warn(self, &failure);
    }
}

enum status warm_create(struct warm **out_warm, const struct warm_config *config)
{
    struct warm *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return STATUS_MEMORY;
    }
    self->config = *config;
    self->phase = WARM_RESTING;
    self->began_ms = read_now_ms();
    self->saved_ms = self->began_ms;
    self->may_name_forgotten = config->was_unclean;
    warm_save_clean(&config->lent_files, config->lent_folder);
    if (get_settings(self).rate > 0) {
        begin_loading(self);
    }
    *out_warm = self;
    return STATUS_OK;
}

void warm_destroy(struct warm **taken_warm)
{
    warm_read_close(&(*taken_warm)->read);
    free(*taken_warm);
    *taken_warm = NULL;
}

/* Nobody is to be loaded. */
static void give_up(struct warm *self)
{
    self->phase = WARM_RESTING;
    self->figures.state = NET_WARM_NONE;
    show(self);
}

static void turn_checking(struct warm *self, const struct settings *settings)
{
    struct failure failure;
    enum status status = STATUS_BUSY;
    for (int i = 0; i < CHECKS_A_TURN && status == STATUS_BUSY; i++) {
        status = warm_read_check(&self->read, &failure);
    }
    if (status == STATUS_BUSY) {
        return;
    }
    if (status != STATUS_OK) {
        warn(self, &failure);
        give_up(self);
        return;
    }
    self->phase = WARM_GIVING;
    self->figures.users = warm_read_count(&self->read);
    show(self);
    log_write(self->config.lent_log, LOG_LEVEL_INFO,
              "loading the %" PRIu64 " users used last, %" PRIu64 " a second at the most",
              self->figures.users, settings->rate);
}

static void turn_giving(struct warm *self, const struct settings *settings)
{
    struct failure failure;
    struct user_id user = {0};
    enum status status = STATUS_OK;
    if (settings->rate == 0) {
        self->is_stopped = true;
        self->phase = WARM_WAITING;
        return;
    }
    while ((status = warm_read_next(&self->read, &user, &failure)) == STATUS_OK &&
           net_warm_user(self->config.lent_net, user)) {
        warm_read_pass(&self->read);
        self->given++;
    }
    net_wake_warm(self->config.lent_net);
    if (status == STATUS_OK) {
        return; /* There is no room for more on the way. */
    }
    self->phase = WARM_WAITING;
    if (status != STATUS_MISSING) {
        warn(self, &failure);
        self->is_stopped = true;
    }
}

static void turn_waiting(struct warm *self, const struct settings *settings)
{
    const uint64_t now_ms = read_now_ms();
    self->is_stopped |= settings->rate == 0;
    const uint64_t loaded = net_peek_metric(self->config.lent_net, METRIC_WARM_LOADED);
    const uint64_t skipped = net_peek_metric(self->config.lent_net, METRIC_WARM_SKIPPED);
    if (loaded + skipped < self->given) {
        return;
    }
    warm_read_close(&self->read);
    self->phase = WARM_RESTING;
    self->saved_ms = now_ms;
    self->is_due = true;
    self->figures.state = self->is_stopped ? NET_WARM_STOPPED : NET_WARM_DONE;
    show(self);
    log_write(self->config.lent_log, LOG_LEVEL_INFO,
              "%" PRIu64 " of the %" PRIu64 " users used last are loaded, in %" PRIu64
              " ms; the others are in memory already, or not in the store, or had no room%s",
              loaded, self->figures.users, now_ms - self->began_ms,
              self->is_stopped ? ", or were left" : "");
}

static uint64_t count_forgotten(const struct warm *self)
{
    return net_peek_metric(self->config.lent_net, METRIC_FORGOTTEN_USERS);
}

static bool names_forgotten(const struct warm *self)
{
    return self->may_name_forgotten || count_forgotten(self) > self->forgotten;
}

/* Nobody is named any more. */
static void remove_list(struct warm *self)
{
    const uint64_t forgotten = count_forgotten(self);
    if (warm_save_remove(&self->config.lent_files, self->config.lent_folder) == STATUS_OK) {
        self->forgotten = forgotten;
        self->may_name_forgotten = false;
        self->is_removed = true;
    }
}

static void begin_lists(struct warm *self, const struct settings *settings)
{
    self->is_saving = true;
    self->is_due = false;
    self->saved_ms = read_now_ms();
    self->listing = count_forgotten(self);
    net_begin_hot(self->config.lent_net, settings->users_max);
}

/* The lists are there. */
static void save(struct warm *self, const struct settings *settings)
{
    const struct warm_save file = {.lent_files = &self->config.lent_files,
                                   .lent_folder = self->config.lent_folder,
                                   .lent_lists = self->lists,
                                   .lists = self->config.threads,
                                   .users_max = settings->users_max,
                                   .reserve_bytes = settings->reserve_bytes};
    struct failure failure;
    const uint64_t count = warm_save_count(&file);
    enum status status = STATUS_MISSING;
    self->is_saving = false;
    /* With nobody in memory the last list says more. */
    if (count > 0) {
        status = warm_save_run(&file, &failure);
        if (status == STATUS_OK) {
            const struct clock clock = clock_get_system();
            self->figures.saved_s = clock_read_wall_ms(&clock) / 1000;
            self->figures.saved_users = count;
            self->forgotten = self->listing;
            self->may_name_forgotten = false;
            self->is_removed = false;
        } else {
            warn(self, &failure);
            self->figures.failures++;
        }
        show(self);
    }
    if (status != STATUS_OK && names_forgotten(self)) {
        remove_list(self);
    }
    net_return_hot(self->config.lent_net, self->lists);
    self->saving_took_ms = read_now_ms() - self->saved_ms;
}

static uint64_t get_save_delay(const struct warm *self, const struct settings *settings)
{
    const uint64_t least = RENEW_TIMES * self->saving_took_ms;
    const uint64_t renew_ms = least > RENEW_MS ? least : RENEW_MS;
    const bool is_soon = self->is_due || names_forgotten(self);
    return is_soon && renew_ms < settings->save_ms ? renew_ms : settings->save_ms;
}

/* Returns in how many milliseconds there is something to do. */
static uint32_t turn_saving(struct warm *self, const struct settings *settings)
{
    if (self->is_saving && net_take_hot(self->config.lent_net, self->lists)) {
        save(self, settings);
    }
    if (self->is_saving) {
        return SAVE_STEP_MS;
    }
    if (settings->save_ms == 0) {
        if (names_forgotten(self)) {
            remove_list(self);
        }
        return REST_STEP_MS;
    }
    const uint64_t delay_ms = get_save_delay(self, settings);
    const uint64_t passed_ms = read_now_ms() - self->saved_ms;
    if (passed_ms >= delay_ms) {
        begin_lists(self, settings);
        return SAVE_STEP_MS;
    }
    const uint64_t left_ms = delay_ms - passed_ms;
    return left_ms < REST_STEP_MS ? (uint32_t)left_ms : REST_STEP_MS;
}

uint32_t warm_turn(struct warm *self)
{
    const struct settings settings = get_settings(self);
    /* What is being read stays readable. */
    if (self->phase != WARM_RESTING && count_forgotten(self) > self->forgotten) {
        remove_list(self);
    }
    switch (self->phase) {
    case WARM_CHECKING:
        turn_checking(self, &settings);
        return 0;
    case WARM_GIVING:
        turn_giving(self, &settings);
        return GIVE_STEP_MS;
    case WARM_WAITING:
        turn_waiting(self, &settings);
        return GIVE_STEP_MS;
    case WARM_RESTING:
        break;
    }
    return turn_saving(self, &settings);
}

void warm_end(struct warm *self, const sigset_t *signals)
{
    const struct settings settings = get_settings(self);
    const struct timespec step = {.tv_nsec = END_STEP_MS * 1000000L};
    const uint64_t began_ms = read_now_ms();
    const bool is_named = count_forgotten(self) > self->forgotten;
    if (self->phase != WARM_RESTING && !is_named && !self->is_removed) {
        log_write(self->config.lent_log, LOG_LEVEL_INFO,
                  "not all users used last were loaded: the list of them stays as it is");
        return;
    }
    if (settings.save_ms == 0) {
        if (names_forgotten(self)) {
            remove_list(self);
        }
        return;
    }
    begin_lists(self, &settings);
    while (!net_take_hot(self->config.lent_net, self->lists)) {
        if (sigtimedwait(signals, NULL, &step) > 0 || read_now_ms() - began_ms >= END_MAX_MS) {
            log_write(self->config.lent_log, LOG_LEVEL_WARN,
                      "the hottest users' ids are not saved: there is no time for it");
            if (names_forgotten(self)) {
                remove_list(self);
            }
            return;
        }
    }
    save(self, &settings);
}
