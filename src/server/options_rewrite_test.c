#include "server/options_rewrite.h"

#include "os/files_fake.h"
#include "server/options_read.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct machine machine = {.memory_bytes = UINT64_C(24) << 30, .cores = 2};

struct world {
    struct options options;
    bool is_changed[OPTIONS_COUNT];
    struct failure failure;
};

static void start_world(struct world *self)
{
    memset(self, 0, sizeof *self);
    options_set_defaults(&self->options, machine);
}

static void mark(struct world *self, const char *name)
{
    const struct option *option = options_find(slice_from_text(name));
    assert_non_null(option);
    self->is_changed[option - options_table] = true;
}

static enum status rewrite(struct world *self, const char *text, struct buffer *to)
{
    buffer_init(to);
    return options_rewrite_text(&self->options, self->is_changed, "conf", slice_from_text(text), to,
                                &self->failure);
}

static void expect(struct world *self, const char *text, const char *wanted)
{
    struct buffer to;
    assert_int_equal(rewrite(self, text, &to), STATUS_OK);
    const struct slice found = buffer_peek(&to);
    assert_int_equal(found.size, strlen(wanted));
    assert_memory_equal(found.bytes, wanted, found.size);
    buffer_deinit(&to);
}

static void a_value_changes_where_it_stands(void **state)
{
    (void)state;
    struct world world;
    start_world(&world);
    mark(&world, "commit-delay");
    mark(&world, "timeout");
    world.options.commit_delay_ms = 5000;
    world.options.timeout_ms = 7000;
    expect(&world, "# commit-delay = 1s\ncommit-delay=30s\ntimeout :  10s  ; of the pool\r\n",
           "# commit-delay = 1s\ncommit-delay=5s\ntimeout :  7s  ; of the pool\r\n");
    expect(&world, "log-level = info\n\n;x\ncommit-delay = 30s\ntimeout = 1s",
           "log-level = info\n\n;x\ncommit-delay = 5s\ntimeout = 7s");
}

static void the_same_value_in_other_words_stays(void **state)
{
    (void)state;
    struct world world;
    start_world(&world);
    mark(&world, "commit-delay");
    world.options.commit_delay_ms = 60000;
    expect(&world, "commit-delay = 60s\n", "commit-delay = 60s\n");
    expect(&world, "commit-delay = 60000ms\n", "commit-delay = 60000ms\n");
}

static void what_has_no_line_is_added(void **state)
{
    (void)state;
    struct world world;
    start_world(&world);
    mark(&world, "commit-delay");
    mark(&world, "timeout");
    mark(&world, "log-level");
    world.options.commit_delay_ms = 5000;
    world.options.timeout_ms = 7000;
    /* The log's level is as it would be without a line. */
    expect(&world, "", "# Changed with CONFIG SET:\ntimeout = 7s\ncommit-delay = 5s\n");
    expect(&world, "port = 7000",
           "port = 7000\n# Changed with CONFIG SET:\ntimeout = 7s\ncommit-delay = 5s\n");
    expect(&world, "# Changed with CONFIG SET:\ncommit-delay = 1s\n",
           "# Changed with CONFIG SET:\ncommit-delay = 5s\ntimeout = 7s\n");
}

static void what_was_not_changed_is_not_touched(void **state)
{
    (void)state;
    struct world world;
    start_world(&world);
    world.options.commit_delay_ms = 5000;
    expect(&world, "commit-delay = 30s\n", "commit-delay = 30s\n");
    expect(&world, "", "");
}

static void a_text_that_starts_no_server_is_left(void **state)
{
    (void)state;
    struct world world;
    start_world(&world);
    mark(&world, "commit-delay");
    struct buffer to;
    assert_int_equal(rewrite(&world, "nonsense = 1\n", &to), STATUS_INVALID);
    assert_non_null(strstr(world.failure.text, "nonsense"));
    buffer_deinit(&to);
}

static void write_conf(const struct files *files, const char *text)
{
    struct file file;
    assert_int_equal(files->ops->open(files->self, "conf", FILES_REPLACE, &file).status, STATUS_OK);
    assert_int_equal(files->ops->write_at(files->self, file, 0, text, strlen(text)).status,
                     STATUS_OK);
    assert_int_equal(files->ops->sync(files->self, file).status, STATUS_OK);
    files->ops->close(files->self, file);
    assert_int_equal(files->ops->sync_folder(files->self, ".").status, STATUS_OK);
}

static bool has_delay(const struct files *files, uint64_t delay_ms)
{
    struct options options;
    struct failure failure;
    options_set_defaults(&options, machine);
    assert_int_equal(options_read_file(&options, files, "conf", &failure), STATUS_OK);
    return options.commit_delay_ms == delay_ms;
}

/* Whatever fails, and wherever the power goes: the old file or the new one. */
static void the_file_is_whole_after_any_failure(void **state)
{
    (void)state;
    bool ended_well = false;
    for (uint32_t fail_at = 1; !ended_well; fail_at++) {
        struct world world;
        struct files_fake memory = {0};
        const struct files files = files_fake_get(&memory);
        start_world(&world);
        mark(&world, "commit-delay");
        world.options.commit_delay_ms = 5000;
        write_conf(&files, "commit-delay = 20s\n");
        memory.fail_at = memory.operations + fail_at;
        memory.fail_number = EIO;
        const enum status status =
            options_rewrite(&world.options, world.is_changed, &files, "conf", &world.failure);
        memory.fail_at = 0;
        ended_well = status == STATUS_OK;
        assert_true(ended_well ? has_delay(&files, 5000)
                               : has_delay(&files, 5000) || has_delay(&files, 20000));
        files_fake_cut_power(&memory, fail_at);
        assert_true(ended_well ? has_delay(&files, 5000)
                               : has_delay(&files, 5000) || has_delay(&files, 20000));
        assert_in_range(fail_at, 1, 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_changes_where_it_stands),
        cmocka_unit_test(the_same_value_in_other_words_stays),
        cmocka_unit_test(what_has_no_line_is_added),
        cmocka_unit_test(what_was_not_changed_is_not_touched),
        cmocka_unit_test(a_text_that_starts_no_server_is_left),
        cmocka_unit_test(the_file_is_whole_after_any_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
