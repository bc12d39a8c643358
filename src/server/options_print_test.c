#include "server/options_print.h"

#include "server/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TERMINAL_COLUMNS = 120 };

/* The caller frees it. */
static char *print(void (*print_to)(FILE *to))
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    assert_non_null(to);
    print_to(to);
    assert_int_equal(fclose(to), 0);
    return text;
}

static void every_option_is_told(void (*print_to)(FILE *to), const char *format)
{
    char *text = print(print_to);
    for (size_t i = 0; i < OPTIONS_COUNT; i++) {
        char name[128] = "";
        size_t at = 0;
        for (const char *c = options_table[i].name; *c != '\0'; c++) {
            if (*c == '-' && print_to == options_print_man) {
                name[at++] = '\\';
            }
            name[at++] = *c;
        }
        char wanted[256];
        (void)snprintf(wanted, sizeof wanted, "%s", format);
        char *mark = strchr(wanted, '%');
        assert_non_null(mark);
        memmove(mark + strlen(name), mark + 1, strlen(mark + 1) + 1);
        memcpy(mark, name, strlen(name));
        assert_non_null(strstr(text, wanted));
    }
    free(text);
}

static void the_help_names_every_option(void **state)
{
    (void)state;
    every_option_is_told(options_print_help, "\n  --% ");
}

static void the_help_fits_a_terminal(void **state)
{
    (void)state;
    char *text = print(options_print_help);
    assert_non_null(strstr(text, "\n  --port N                    TCP port to listen on; 0: none "
                                 "[6677]\n"));
    assert_non_null(strstr(text, "--config FILE"));
    assert_non_null(strstr(text, "--help"));
    assert_non_null(strstr(text, "--version"));
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        assert_true(strlen(line) <= TERMINAL_COLUMNS);
    }
    free(text);
}

static void the_pages_name_every_option(void **state)
{
    (void)state;
    every_option_is_told(options_print_markdown, "\n| `%` | ");
    every_option_is_told(options_print_man, "\n\\fB\\-\\-%\\fR ");
}

/* A line that begins with a dot would be taken for a macro. */
static void the_man_page_has_known_macros_only(void **state)
{
    (void)state;
    char *text = print(options_print_man);
    static const char *const macros[] = {".TH", ".SH", ".SS", ".TP", ".PP",  ".B",
                                         ".RS", ".RE", ".nf", ".fi", ".\\\""};
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        bool is_known = line[0] != '.' && line[0] != '\'';
        for (size_t i = 0; i < sizeof macros / sizeof macros[0]; i++) {
            is_known = is_known || strncmp(line, macros[i], strlen(macros[i])) == 0;
        }
        assert_true(is_known);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_help_names_every_option),
        cmocka_unit_test(the_help_fits_a_terminal),
        cmocka_unit_test(the_pages_name_every_option),
        cmocka_unit_test(the_man_page_has_known_macros_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
