#include "journal/manifest.h"

#include "os/files_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char path[] = "j/manifest";

static struct files make_folder(struct files_fake *memory)
{
    memset(memory, 0, sizeof *memory);
    const struct files files = files_fake_get(memory);
    bool created = false;
    assert_int_equal(files.ops->create_folder(files.self, "j", &created).status, STATUS_OK);
    assert_int_equal(files.ops->sync_folder(files.self, ".").status, STATUS_OK);
    return files;
}

static void put(const struct files *files, const void *bytes, size_t size)
{
    struct file file;
    assert_int_equal(files->ops->open(files->self, path, FILES_REPLACE, &file).status, STATUS_OK);
    assert_int_equal(files->ops->write_at(files->self, file, 0, bytes, size).status, STATUS_OK);
    files->ops->close(files->self, file);
}

static size_t get(const struct files *files, char to[static FILES_FAKE_CONTENT_SIZE])
{
    struct file file;
    size_t size = 0;
    assert_int_equal(files->ops->open(files->self, path, FILES_READ, &file).status, STATUS_OK);
    assert_int_equal(
        files->ops->read_at(files->self, file, 0, to, FILES_FAKE_CONTENT_SIZE, &size).status,
        STATUS_OK);
    files->ops->close(files->self, file);
    return size;
}

static struct manifest make_manifest(void)
{
    return (struct manifest){.count = 3,
                             .sets = {{.number = 3, .logs = 3, .is_recovered = true},
                                      {.number = 4, .logs = 1024},
                                      {.number = (uint64_t)INT64_MAX, .logs = 1}}};
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct files_fake memory;
    struct failure failure;
    struct manifest got;
    const struct files files = make_folder(&memory);
    const struct manifest wanted = make_manifest();
    assert_int_equal(manifest_read(&got, &files, "j", &failure), STATUS_MISSING);
    assert_int_equal(manifest_write(&wanted, &files, "j", &failure), STATUS_OK);
    files_fake_cut_power(&memory, 1);
    assert_int_equal(manifest_read(&got, &files, "j", &failure), STATUS_OK);
    assert_int_equal(got.count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(got.sets[i].number == wanted.sets[i].number);
        assert_int_equal(got.sets[i].logs, wanted.sets[i].logs);
        assert_int_equal(got.sets[i].is_recovered, wanted.sets[i].is_recovered);
    }
    static const char text[] = "readstates-journal 1\n"
                               "set 3 logs 3 recovered\n"
                               "set 4 logs 1024\n"
                               "set 9223372036854775807 logs 1\n"
                               "crc ";
    char bytes[FILES_FAKE_CONTENT_SIZE];
    assert_int_equal(get(&files, bytes), sizeof text - 1 + 9);
    assert_memory_equal(bytes, text, sizeof text - 1);

    const struct manifest empty = {0};
    assert_int_equal(manifest_write(&empty, &files, "j", &failure), STATUS_OK);
    assert_int_equal(manifest_read(&got, &files, "j", &failure), STATUS_OK);
    assert_int_equal(got.count, 0);
}

static void assert_refused(const struct files *files, const char *bytes, size_t size)
{
    struct manifest got;
    struct failure failure = {{0}};
    put(files, bytes, size);
    const enum status status = manifest_read(&got, files, "j", &failure);
    if (status != STATUS_CORRUPT && status != STATUS_NEWER) {
        fail_msg("%.*s: %s", (int)size, bytes, status_text(status));
    }
    assert_non_null(strstr(failure.text, path));
}

static void damage_is_refused(void **state)
{
    (void)state;
    struct files_fake memory;
    struct failure failure;
    const struct files files = make_folder(&memory);
    const struct manifest manifest = make_manifest();
    assert_int_equal(manifest_write(&manifest, &files, "j", &failure), STATUS_OK);
    char whole[FILES_FAKE_CONTENT_SIZE];
    const size_t size = get(&files, whole);
    for (size_t at = 0; at < size; at++) {
        char bytes[FILES_FAKE_CONTENT_SIZE];
        for (int byte = 0; byte < 256; byte++) {
            memcpy(bytes, whole, size);
            bytes[at] = (char)byte;
            if (bytes[at] != whole[at]) {
                assert_refused(&files, bytes, size);
            }
        }
        assert_refused(&files, whole, at); /* Cut off. */
        memcpy(bytes, whole, at);
        memcpy(bytes + at, whole + at + 1, size - at - 1);
        assert_refused(&files, bytes, size - 1); /* A byte lost. */
    }
    char longer[FILES_FAKE_CONTENT_SIZE];
    memcpy(longer, whole, size);
    longer[size] = '\n';
    assert_refused(&files, longer, size + 1);
}

static void a_newer_one_says_so(void **state)
{
    (void)state;
    static const char text[] = "readstates-journal 2\nsomething else\n";
    struct files_fake memory;
    struct manifest got;
    struct failure failure;
    const struct files files = make_folder(&memory);
    put(&files, text, sizeof text - 1);
    assert_int_equal(manifest_read(&got, &files, "j", &failure), STATUS_NEWER);
    assert_non_null(strstr(failure.text, "newer version"));
}

/* Whichever operation fails, and whatever the power cut leaves: the old list, or the new one. */
static void it_is_replaced_in_one_step(void **state)
{
    (void)state;
    for (uint32_t at = 1; at < 10; at++) {
        for (uint64_t seed = 0; seed < 30; seed++) {
            struct files_fake memory;
            struct manifest got;
            struct failure failure = {{0}};
            const struct files files = make_folder(&memory);
            const struct manifest old = {.count = 1, .sets = {{.number = 1, .logs = 2}}};
            const struct manifest wanted = make_manifest();
            assert_int_equal(manifest_write(&old, &files, "j", &failure), STATUS_OK);
            memory.fail_at = memory.operations + at;
            memory.fail_number = 5;
            memory.fails_on = true;
            const enum status status = manifest_write(&wanted, &files, "j", &failure);
            if (status != STATUS_OK) {
                assert_non_null(strstr(failure.text, "cannot be written"));
            }
            files_fake_cut_power(&memory, seed);
            assert_int_equal(manifest_read(&got, &files, "j", &failure), STATUS_OK);
            assert_true(got.count == 3 || (got.count == 1 && status != STATUS_OK));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(a_newer_one_says_so),
        cmocka_unit_test(it_is_replaced_in_one_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
