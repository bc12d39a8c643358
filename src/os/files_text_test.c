#include "os/files_text.h"

#include "os/files_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SEEDS = 40 };

#define ASSERT_OK(result) assert_int_equal((result).status, STATUS_OK)

static struct files make_folder(struct files_fake *memory)
{
    memset(memory, 0, sizeof *memory);
    const struct files files = files_fake_get(memory);
    bool created = false;
    ASSERT_OK(files.ops->create_folder(files.self, "d", &created));
    ASSERT_OK(files.ops->sync_folder(files.self, "."));
    return files;
}

static void put(const struct files *files, const void *bytes, size_t size)
{
    struct file file;
    ASSERT_OK(files->ops->open(files->self, "d/t", FILES_REPLACE, &file));
    ASSERT_OK(files->ops->write_at(files->self, file, 0, bytes, size));
    files->ops->close(files->self, file);
}

static void what_is_replaced_is_read(void **state)
{
    (void)state;
    static const char *const texts[] = {"one\n", "", "another, longer text", "x"};
    struct files_fake memory;
    const struct files files = make_folder(&memory);
    char text[64];
    assert_int_equal(files_read_text(&files, "d/t", text, sizeof text).status, STATUS_MISSING);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        ASSERT_OK(files_replace_text(&files, "d", "t", texts[i]));
        ASSERT_OK(files_read_text(&files, "d/t", text, sizeof text));
        assert_string_equal(text, texts[i]);
    }
}

static void no_more_than_the_room_is_read(void **state)
{
    (void)state;
    struct files_fake memory;
    const struct files files = make_folder(&memory);
    char text[9];
    memset(text, 'x', sizeof text);
    put(&files, "0123456789", 10);
    ASSERT_OK(files_read_text(&files, "d/t", text, 5));
    assert_memory_equal(text, "0123\0xxxx", 9);
    ASSERT_OK(files_read_text(&files, "d/t", text, 1));
    assert_string_equal(text, "");
}

static void a_zero_inside_is_no_text(void **state)
{
    (void)state;
    struct files_fake memory;
    const struct files files = make_folder(&memory);
    char text[16];
    put(&files, "ab\0cd", 5);
    ASSERT_OK(files_read_text(&files, "d/t", text, sizeof text));
    assert_string_equal(text, "");
    put(&files, "ab\0", 3);
    ASSERT_OK(files_read_text(&files, "d/t", text, sizeof text));
    assert_string_equal(text, "");
}

static void a_failure_is_the_systems(void **state)
{
    (void)state;
    for (uint32_t at = 1; at <= 8; at++) {
        struct files_fake memory;
        const struct files files = make_folder(&memory);
        memory.fail_at = memory.operations + at;
        memory.fail_number = ENOSPC;
        const struct files_result result = files_replace_text(&files, "d", "t", "text");
        assert_int_equal(result.status, at <= 6 ? STATUS_DISK_FULL : STATUS_OK);
    }
    struct files_fake memory;
    const struct files files = make_folder(&memory);
    char text[16];
    put(&files, "ab", 2);
    memory.fail_at = memory.operations + 2;
    memory.fail_number = EIO;
    assert_int_equal(files_read_text(&files, "d/t", text, sizeof text).number, EIO);
}

/* The old text or the new one, whenever it fails and whatever the power cut leaves. */
static void it_is_replaced_in_one_step(void **state)
{
    (void)state;
    int old = 0;
    int fresh = 0;
    for (uint32_t at = 0; at <= 7; at++) {
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            struct files_fake memory;
            const struct files files = make_folder(&memory);
            char text[64];
            ASSERT_OK(files_replace_text(&files, "d", "t", "the old text"));
            memory.fail_at = at == 0 ? 0 : memory.operations + at;
            memory.fail_number = EIO;
            memory.fails_on = true;
            const struct files_result result =
                files_replace_text(&files, "d", "t", "a new one, of another size");
            files_fake_cut_power(&memory, seed);
            ASSERT_OK(files_read_text(&files, "d/t", text, sizeof text));
            if (strcmp(text, "the old text") == 0) {
                assert_int_not_equal(result.status, STATUS_OK);
                old++;
            } else {
                assert_string_equal(text, "a new one, of another size");
                fresh++;
            }
        }
    }
    assert_true(old > 0 && fresh > 2 * SEEDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_replaced_is_read),
        cmocka_unit_test(no_more_than_the_room_is_read),
        cmocka_unit_test(a_zero_inside_is_no_text),
        cmocka_unit_test(a_failure_is_the_systems),
        cmocka_unit_test(it_is_replaced_in_one_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
