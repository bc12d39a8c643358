#include "server/options_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

enum address_kind {
    ADDRESS_NONE,
    ADDRESS_LOOPBACK,
    ADDRESS_OTHER,
};

static enum address_kind kind_of(struct slice address)
{
    char text[INET6_ADDRSTRLEN];
    if (address.size >= sizeof text) {
        return ADDRESS_NONE;
    }
    memcpy(text, address.bytes, address.size);
    text[address.size] = '\0';
    struct in_addr four;
    if (inet_pton(AF_INET, text, &four) == 1) {
        return ntohl(four.s_addr) >> 24 == IN_LOOPBACKNET ? ADDRESS_LOOPBACK : ADDRESS_OTHER;
    }
    struct in6_addr six;
    if (inet_pton(AF_INET6, text, &six) == 1) {
        return IN6_IS_ADDR_LOOPBACK(&six) ? ADDRESS_LOOPBACK : ADDRESS_OTHER;
    }
    return ADDRESS_NONE;
}

bool options_address_take(struct slice *addresses, struct slice *out_address)
{
    size_t begin = 0;
    while (begin < addresses->size && addresses->bytes[begin] == ' ') {
        begin++;
    }
    size_t end = begin;
    while (end < addresses->size && addresses->bytes[end] != ' ') {
        end++;
    }
    if (begin == end) {
        return false;
    }
    *out_address = (struct slice){.bytes = addresses->bytes + begin, .size = end - begin};
    *addresses = (struct slice){.bytes = addresses->bytes + end, .size = addresses->size - end};
    return true;
}

bool options_address_are_valid(struct slice addresses)
{
    struct slice address;
    bool has_one = false;
    while (options_address_take(&addresses, &address)) {
        if (kind_of(address) == ADDRESS_NONE) {
            return false;
        }
        has_one = true;
    }
    return has_one;
}

bool options_address_is_loopback(struct slice address)
{
    return kind_of(address) == ADDRESS_LOOPBACK;
}
