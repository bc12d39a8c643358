#include "journal/segment.h"

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/decimal.h"
#include "base/slice.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const uint8_t magic[8] = {'r', 's', '-', 'j', 'r', 'n', 'l', '\n'};
static const char suffix[] = ".journal";

enum { CRC_AT = 60 };

void segment_encode_head(uint8_t to[static SEGMENT_HEAD_SIZE], const struct segment_head *head)
{
    memset(to, 0, SEGMENT_HEAD_SIZE);
    memcpy(to, magic, sizeof magic);
    bytes_write_u32(to + 8, SEGMENT_FORMAT);
    to[12] = (uint8_t)head->sync;
    bytes_write_u64(to + 16, head->set);
    bytes_write_u64(to + 24, head->number);
    bytes_write_u32(to + 32, head->log);
    bytes_write_u32(to + 36, head->logs);
    memcpy(to + 40, head->boot.bytes, SEGMENT_BOOT_SIZE);
    bytes_write_u32(to + 56, head->key);
    bytes_write_u32(to + CRC_AT, crc32c_extend(0, to, CRC_AT));
}

static bool is_all_zero(const uint8_t *bytes, size_t size)
{
    size_t i = 0;
    while (i < size && bytes[i] == 0) {
        i++;
    }
    return i == size;
}

enum status segment_decode_head(const uint8_t bytes[static SEGMENT_HEAD_SIZE],
                                struct segment_head *out_head)
{
    if (is_all_zero(bytes, SEGMENT_HEAD_SIZE)) {
        return STATUS_MISSING;
    }
    if (memcmp(bytes, magic, sizeof magic) != 0 ||
        bytes_read_u32(bytes + CRC_AT) != crc32c_extend(0, bytes, CRC_AT)) {
        return STATUS_CORRUPT;
    }
    if (bytes_read_u32(bytes + 8) > SEGMENT_FORMAT) {
        return STATUS_NEWER;
    }
    struct segment_head head = {
        .sync = (enum journal_sync)bytes[12],
        .set = bytes_read_u64(bytes + 16),
        .number = bytes_read_u64(bytes + 24),
        .log = bytes_read_u32(bytes + 32),
        .logs = bytes_read_u32(bytes + 36),
        .key = bytes_read_u32(bytes + 56),
    };
    memcpy(head.boot.bytes, bytes + 40, SEGMENT_BOOT_SIZE);
    if (bytes[12] > JOURNAL_SYNC_NO || bytes_read_u32(bytes + 8) == 0 || head.set == 0 ||
        head.number == 0 || head.logs == 0 || head.logs > SEGMENT_LOGS_MAX ||
        head.log >= head.logs) {
        return STATUS_CORRUPT;
    }
    *out_head = head;
    return STATUS_OK;
}

void segment_print_name(char to[static SEGMENT_NAME_SIZE], uint64_t set, uint32_t log,
                        uint64_t number)
{
    (void)snprintf(to, SEGMENT_NAME_SIZE, "%" PRIu64 "-%" PRIu32 "-%" PRIu64 "%s", set, log, number,
                   suffix);
}

/* A number up to `end`, which is passed. */
static bool take_number(const char **text, char end, uint64_t *out_value)
{
    const char *found = strchr(*text, end);
    if (found == NULL) {
        return false;
    }
    const struct slice digits = {.bytes = *text, .size = (size_t)(found - *text)};
    *text = found + 1;
    return decimal_parse_u63(digits, out_value);
}

bool segment_parse_name(const char *name, uint64_t *out_set, uint32_t *out_log,
                        uint64_t *out_number)
{
    uint64_t set = 0;
    uint64_t log = 0;
    uint64_t number = 0;
    const char *rest = name;
    if (!take_number(&rest, '-', &set) || !take_number(&rest, '-', &log) ||
        !take_number(&rest, '.', &number) || strcmp(rest, suffix + 1) != 0 || set == 0 ||
        number == 0 || log >= SEGMENT_LOGS_MAX) {
        return false;
    }
    *out_set = set;
    *out_log = (uint32_t)log;
    *out_number = number;
    return true;
}

bool segment_boot_is(const struct segment_boot *self, const struct segment_boot *other)
{
    return memcmp(self->bytes, other->bytes, SEGMENT_BOOT_SIZE) == 0;
}
