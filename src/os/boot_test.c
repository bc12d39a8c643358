#include "os/boot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* As the system prints it, but for the dashes. */
static void is_what_the_system_says(void **state)
{
    (void)state;
    char line[64] = {0};
    char expected[2 * BOOT_ID_SIZE + 1] = {0};
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (file == NULL) {
        fail_msg("the system has no boot id");
        return;
    }
    assert_non_null(fgets(line, sizeof line, file));
    assert_int_equal(fclose(file), 0);
    size_t size = 0;
    for (const char *at = line; *at != '\0' && *at != '\n'; at++) {
        if (*at != '-') {
            expected[size++] = *at;
        }
    }
    assert_int_equal(size, 2 * BOOT_ID_SIZE);
    uint8_t id[BOOT_ID_SIZE];
    assert_true(boot_read_id(id));
    for (size_t i = 0; i < BOOT_ID_SIZE; i++) {
        char digits[3];
        (void)snprintf(digits, sizeof digits, "%02x", id[i]);
        assert_memory_equal(digits, expected + 2 * i, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(is_what_the_system_says)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
