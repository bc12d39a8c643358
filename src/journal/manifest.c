#include "journal/manifest.h"

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/decimal.h"
#include "journal/segment.h"
#include "os/files_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_SIZE = 8192, CRC_LINE_SIZE = 16 };

static const char file_name[] = "manifest";
static const char title[] = "readstates-journal ";

static bool take_text(const char **rest, const char *text)
{
    const size_t size = strlen(text);
    if (strncmp(*rest, text, size) != 0) {
        return false;
    }
    *rest += size;
    return true;
}

static bool take_number(const char **rest, uint64_t *out_value)
{
    const size_t size = strspn(*rest, "0123456789");
    const struct slice digits = {.bytes = *rest, .size = size};
    *rest += size;
    return decimal_parse_u63(digits, out_value);
}

static bool take_set(const char **rest, struct manifest *manifest)
{
    uint64_t logs = 0;
    struct manifest_set set = {0};
    if (manifest->count == MANIFEST_SETS_MAX || !take_text(rest, "set ") ||
        !take_number(rest, &set.number) || !take_text(rest, " logs ") ||
        !take_number(rest, &logs) || logs == 0 || logs > SEGMENT_LOGS_MAX) {
        return false;
    }
    set.logs = (uint32_t)logs;
    set.is_recovered = take_text(rest, " recovered");
    const uint64_t before = manifest->count == 0 ? 0 : manifest->sets[manifest->count - 1].number;
    manifest->sets[manifest->count++] = set;
    return set.number > before && take_text(rest, "\n");
}

static void print_crc(char to[static CRC_LINE_SIZE], const char *text, size_t size)
{
    (void)snprintf(to, CRC_LINE_SIZE, "crc %08" PRIx32 "\n", crc32c_extend(0, text, size));
}

/* The last line. */
static bool take_crc(const char **rest, const char *text)
{
    char crc[CRC_LINE_SIZE];
    print_crc(crc, text, (size_t)(*rest - text));
    return take_text(rest, crc) && **rest == '\0';
}

enum status manifest_read(struct manifest *self, const struct files *files, const char *folder,
                          struct failure *out_failure)
{
    char path[FILES_PATH_SIZE];
    char text[TEXT_SIZE];
    *self = (struct manifest){0};
    const int size = snprintf(path, sizeof path, "%s/%s", folder, file_name);
    ASSERT(size < FILES_PATH_SIZE);
    const struct files_result result = files_read_text(files, path, text, sizeof text);
    if (result.status == STATUS_MISSING) {
        return STATUS_MISSING;
    }
    if (result.status != STATUS_OK) {
        failure_set(out_failure, "%s cannot be read: %s", path, files_result_text(result));
        return result.status;
    }
    const char *rest = text;
    uint64_t format = 0;
    if (take_text(&rest, title) && take_number(&rest, &format) && format > MANIFEST_FORMAT) {
        failure_set(out_failure,
                    "%s was written by a newer version of this program: it has format %" PRIu64
                    ", this one knows format %d",
                    path, format, MANIFEST_FORMAT);
        return STATUS_NEWER;
    }
    bool is_whole = format > 0 && take_text(&rest, "\n");
    while (is_whole && strncmp(rest, "set ", 4) == 0) {
        is_whole = take_set(&rest, self);
    }
    if (!is_whole || !take_crc(&rest, text)) {
        failure_set(
            out_failure,
            "%s is damaged at byte %td: it must list the journal's sets, and end with their crc",
            path, rest - text);
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

enum status manifest_write(const struct manifest *self, const struct files *files,
                           const char *folder, struct failure *out_failure)
{
    char text[TEXT_SIZE];
    int size = snprintf(text, sizeof text, "%s%d\n", title, MANIFEST_FORMAT);
    for (uint32_t i = 0; i < self->count; i++) {
        const struct manifest_set *set = &self->sets[i];
        size += snprintf(text + size, sizeof text - (size_t)size,
                         "set %" PRIu64 " logs %" PRIu32 "%s\n", set->number, set->logs,
                         set->is_recovered ? " recovered" : "");
        ASSERT(size < TEXT_SIZE);
    }
    char crc[CRC_LINE_SIZE];
    print_crc(crc, text, (size_t)size);
    size += snprintf(text + size, sizeof text - (size_t)size, "%s", crc);
    ASSERT(size < TEXT_SIZE);
    const struct files_result result = files_replace_text(files, folder, file_name, text);
    if (result.status != STATUS_OK) {
        failure_set(out_failure, "%s/%s cannot be written: %s", folder, file_name,
                    files_result_text(result));
    }
    return result.status;
}
