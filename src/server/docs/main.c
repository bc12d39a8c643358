/* Writes the pages that are made from tables in the code, or checks that they are up to date. */
#include "base/status.h"
#include "server/docs/commands.h"
#include "server/options_print.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 4096 };

struct page {
    const char *path;
    void (*print)(FILE *to);
};

static const struct page pages[] = {
    {"docs/commands.md", commands_print_markdown},
    {"docs/options.md", options_print_markdown},
    {"packaging/man/readstates-server.1", options_print_man},
    {"packaging/man/readstates-commands.7", commands_print_man},
};

static enum status write_page(const struct page *page, const char *path)
{
    FILE *to = fopen(path, "w");
    if (to == NULL) {
        perror(path);
        return STATUS_IO;
    }
    page->print(to);
    const bool has_failed = ferror(to) != 0;
    if (fclose(to) != 0 || has_failed) {
        fprintf(stderr, "%s could not be written\n", path);
        return STATUS_IO;
    }
    return STATUS_OK;
}

/* What the page should be; the caller frees it. NULL: the system gives no more memory. */
static char *print_page(const struct page *page, size_t *out_size)
{
    char *text = NULL;
    FILE *to = open_memstream(&text, out_size);
    if (to == NULL) {
        return NULL;
    }
    page->print(to);
    return fclose(to) == 0 ? text : NULL;
}

static bool has_content(const char *path, const char *wanted, size_t size)
{
    char *found = malloc(size + 1);
    FILE *from = found == NULL ? NULL : fopen(path, "r");
    bool is_same = false;
    if (from != NULL) {
        /* One byte more is asked for, to see one that should not be there. */
        is_same = fread(found, 1, size + 1, from) == size && memcmp(found, wanted, size) == 0;
        (void)fclose(from);
    }
    free(found);
    return is_same;
}

static enum status check_page(const struct page *page, const char *path)
{
    size_t size = 0;
    char *wanted = print_page(page, &size);
    const bool is_same = wanted != NULL && has_content(path, wanted, size);
    free(wanted);
    if (!is_same) {
        fprintf(stderr, "%s is not what the code says: run readstates-docs to write it anew\n",
                path);
    }
    return is_same ? STATUS_OK : STATUS_INVALID;
}

int main(int argc, char **argv)
{
    const bool checks = argc == 3 && strcmp(argv[1], "--check") == 0;
    if (argc != 2 && !checks) {
        fputs("Usage: readstates-docs [--check] FOLDER\n"
              "Writes the pages made from the code below FOLDER, the project's root; with --check\n"
              "changes nothing, and exits 1 where one is out of date.\n",
              stderr);
        return EXIT_FAILURE;
    }
    int code = EXIT_SUCCESS;
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        char path[PATH_SIZE];
        if (snprintf(path, sizeof path, "%s/%s", argv[argc - 1], pages[i].path) >= PATH_SIZE) {
            fprintf(stderr, "%s: the path is too long\n", argv[argc - 1]);
            return EXIT_FAILURE;
        }
        const enum status status =
            checks ? check_page(&pages[i], path) : write_page(&pages[i], path);
        code = status == STATUS_OK ? code : EXIT_FAILURE;
    }
    return code;
}
