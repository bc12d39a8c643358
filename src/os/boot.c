#include "os/boot.h"

#include <stdio.h>
#include <string.h>

/* proc(5): a UUID as text, drawn at each boot. */
static const char path[] = "/proc/sys/kernel/random/boot_id";

enum { DIGITS = 2 * BOOT_ID_SIZE };

static bool take_digit(char digit, uint8_t *to)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = digit == '\0' ? NULL : strchr(digits, digit);
    if (found != NULL) {
        *to = (uint8_t)(*to << 4 | (uint8_t)(found - digits));
    }
    return found != NULL;
}

bool boot_read_id(uint8_t to[static BOOT_ID_SIZE])
{
    char text[64] = {0};
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    const bool got = fgets(text, sizeof text, file) != NULL;
    (void)fclose(file);
    uint8_t id[BOOT_ID_SIZE] = {0};
    unsigned digits = 0;
    for (const char *at = text; got && *at != '\0' && digits < DIGITS; at++) {
        digits += take_digit(*at, &id[digits / 2]);
    }
    if (digits < DIGITS) {
        return false;
    }
    memcpy(to, id, sizeof id);
    return true;
}
