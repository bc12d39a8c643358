/* The rules between options, and what several of them say together. */
#include "base/assert.h"
#include "server/options.h"
#include "server/options_address.h"
#include "server/options_value.h"

#include <inttypes.h>
#include <string.h>

bool options_find_address(const struct options *self, size_t index,
                          char to[static OPTIONS_ADDRESS_SIZE])
{
    struct slice rest = slice_from_text(self->bind);
    struct slice address;
    for (size_t i = 0; options_address_take(&rest, &address); i++) {
        if (i == index) {
            ASSERT(address.size < OPTIONS_ADDRESS_SIZE);
            memcpy(to, address.bytes, address.size);
            to[address.size] = '\0';
            return true;
        }
    }
    return false;
}

static enum status check_network(const struct options *self, struct failure *out_failure)
{
    if (self->port == 0) {
        if (self->unixsocket[0] == '\0') {
            failure_set(out_failure, "port is 0 and unixsocket is empty: nobody could connect");
            return STATUS_INVALID;
        }
        return STATUS_OK;
    }
    char address[OPTIONS_ADDRESS_SIZE];
    for (size_t i = 0; options_find_address(self, i, address); i++) {
        if (!self->allow_insecure && !options_address_is_loopback(slice_from_text(address))) {
            failure_set(
                out_failure,
                "bind: %s is not a loopback address (127.0.0.0/8, ::1), and whoever reaches "
                "it could read and change everything; allow-insecure yes permits it",
                address);
            return STATUS_INVALID;
        }
    }
    return STATUS_OK;
}

static enum status check_cache(const struct options *self, struct failure *out_failure)
{
    const uint32_t threads = options_get_threads(self);
    char cache[OPTIONS_VALUE_NUMBER_SIZE];
    char dirty[OPTIONS_VALUE_NUMBER_SIZE];
    options_value_print_size(self->cache_memory_bytes, cache);
    options_value_print_size(self->dirty_memory_bytes, dirty);
    if (self->cache_users != 0 && self->cache_users < threads) {
        failure_set(out_failure,
                    "cache-users must be 0 (no bound) or at least %" PRIu32
                    ", one for each thread, got '%" PRIu64 "'",
                    threads, self->cache_users);
        return STATUS_INVALID;
    }
    if (self->cache_memory_bytes < OPTIONS_MB * threads) {
        failure_set(out_failure,
                    "cache-memory must be at least %" PRIu32 "mb, 1mb for each thread, got '%s'",
                    threads, cache);
        return STATUS_INVALID;
    }
    if (self->dirty_memory_bytes > self->cache_memory_bytes) {
        failure_set(out_failure,
                    "dirty-memory must not be more than cache-memory, which is %s, got '%s'", cache,
                    dirty);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

enum status options_check(const struct options *self, struct failure *out_failure)
{
    const enum status status = check_network(self, out_failure);
    return status == STATUS_OK ? check_cache(self, out_failure) : status;
}
