/* CLIENT: what a connection is called, and what it may be told of itself. */
#include "base/assert.h"
#include "base/quote.h"
#include "net/net_internal.h"
#include "net/render.h"
#include "net/session_reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct connection_names *get_names(struct connection *self)
{
    if (self->names == NULL) {
        self->names = calloc(1, sizeof *self->names);
    }
    return self->names;
}

/* A name as CLIENT takes it: printable, without spaces. */
static bool set_name(struct connection *self, char *(*place)(struct connection_names *),
                     struct slice name, const char *what)
{
    char text[REQUEST_ERROR_SIZE];
    for (size_t i = 0; i < name.size; i++) {
        if (name.bytes[i] < '!' || name.bytes[i] > '~') {
            snprintf(text, sizeof text, "%s cannot contain spaces, newlines or special characters.",
                     what);
            render_error(&self->writer, text);
            return false;
        }
    }
    if (name.size >= CONNECTION_NAME_SIZE) {
        snprintf(text, sizeof text, "%s must be at most %d bytes, got %zu", what,
                 CONNECTION_NAME_SIZE - 1, name.size);
        render_error(&self->writer, text);
        return false;
    }
    struct connection_names *names = get_names(self);
    if (names == NULL) {
        render_status(&self->writer, STATUS_MEMORY);
        return false;
    }
    char *to = place(names);
    if (name.size > 0) {
        memcpy(to, name.bytes, name.size);
    }
    to[name.size] = '\0';
    return true;
}

static char *name_of(struct connection_names *names)
{
    return names->name;
}

bool session_set_name(struct connection *self, struct slice name)
{
    return set_name(self, name_of, name, "Client names");
}

static char *library_of(struct connection_names *names)
{
    return names->library;
}

static char *library_version_of(struct connection_names *names)
{
    return names->library_version;
}

static void client_setinfo(struct connection *self, const struct slice *arguments)
{
    bool done = false;
    if (slice_equal_text_nocase(arguments[2], "lib-name")) {
        done = set_name(self, library_of, arguments[3], "lib-name");
    } else if (slice_equal_text_nocase(arguments[2], "lib-ver")) {
        done = set_name(self, library_version_of, arguments[3], "lib-ver");
    } else {
        char shown[QUOTE_SIZE];
        char text[REQUEST_ERROR_SIZE];
        snprintf(text, sizeof text, "Unrecognized option '%s'", quote_print(shown, arguments[2]));
        render_error(&self->writer, text);
    }
    if (done) {
        write_ok(self);
    }
}

static void client_getname(struct connection *self)
{
    if (self->names == NULL || self->names->name[0] == '\0') {
        resp_write_null(&self->writer);
    } else {
        write_text(&self->writer, self->names->name);
    }
}

static void client_id(struct connection *self)
{
    resp_write_integer(&self->writer, (int64_t)self->id);
}

static void client_setname(struct connection *self, const struct slice *arguments)
{
    if (session_set_name(self, arguments[2])) {
        write_ok(self);
    }
}

static void client_reply(struct connection *self, struct slice mode)
{
    if (slice_equal_text_nocase(mode, "on")) {
        self->mute = MUTE_NOT;
        write_ok(self);
    } else if (slice_equal_text_nocase(mode, "off")) {
        self->mute = MUTE_ALL;
    } else if (slice_equal_text_nocase(mode, "skip")) {
        self->mute = self->mute == MUTE_ALL ? MUTE_ALL : MUTE_ASKED;
    } else {
        render_error(&self->writer, "syntax error");
    }
}

static void set_flag(struct connection *self, bool *flag, struct slice value)
{
    if (slice_equal_text_nocase(value, "on")) {
        *flag = true;
        write_ok(self);
    } else if (slice_equal_text_nocase(value, "off")) {
        *flag = false;
        write_ok(self);
    } else {
        render_error(&self->writer, "syntax error");
    }
}

static const char *const help[] = {
    "CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "GETNAME",
    "    Return the name of the current connection.",
    "ID",
    "    Return the ID of the current connection.",
    "INFO",
    "    Return information about the current client connection.",
    "KILL <ip:port>",
    "    Kill connection made from <ip:port>.",
    "KILL <option> <value> [<option> <value> [...]]",
    "    Kill connections. Options are:",
    "    * ADDR (<ip:port>|<unixsocket>:0)",
    "      Kill connections made from the specified address",
    "    * LADDR (<ip:port>|<unixsocket>:0)",
    "      Kill connections made to specified local address",
    "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
    "      Kill connections by type.",
    "    * USER <username>",
    "      Kill connections authenticated by <username>.",
    "    * ID <id>",
    "      Kill the connection of that ID.",
    "    * SKIPME (YES|NO)",
    "      Skip killing current connection (default: yes).",
    "LIST [options ...]",
    "    Return information about client connections. Options:",
    "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
    "      Return clients of specified type.",
    "    * ID <id> [<id> [...]]",
    "      Return clients of the specified IDs.",
    "NO-EVICT (ON|OFF)",
    "    Accepted; no connection is evicted.",
    "NO-TOUCH (ON|OFF)",
    "    Accepted; reading does not depend on it.",
    "REPLY (ON|OFF|SKIP)",
    "    Control the replies sent to the current connection.",
    "SETINFO (LIB-NAME|LIB-VER) <value>",
    "    Tell the name or the version of the client's library.",
    "SETNAME <name>",
    "    Assign the name <name> to the current connection.",
    "HELP",
    "    Prints this help.",
    NULL,
};

enum subcommand {
    CLIENT_GETNAME,
    CLIENT_HELP,
    CLIENT_ID,
    CLIENT_INFO,
    CLIENT_KILL,
    CLIENT_LIST,
    CLIENT_NO_EVICT,
    CLIENT_NO_TOUCH,
    CLIENT_REPLY,
    CLIENT_SETINFO,
    CLIENT_SETNAME,
    CLIENT_SUBCOMMANDS,
};

/* With CLIENT and its own name; negative: at least so many. */
static const struct {
    const char *name;
    int arity;
} subcommands[CLIENT_SUBCOMMANDS] = {
    [CLIENT_GETNAME] = {"client|getname", 2},
    [CLIENT_HELP] = {"client|help", 2},
    [CLIENT_ID] = {"client|id", 2},
    [CLIENT_INFO] = {"client|info", 2},
    [CLIENT_KILL] = {"client|kill", -3},
    [CLIENT_LIST] = {"client|list", -2},
    [CLIENT_NO_EVICT] = {"client|no-evict", 3},
    [CLIENT_NO_TOUCH] = {"client|no-touch", 3},
    [CLIENT_REPLY] = {"client|reply", 3},
    [CLIENT_SETINFO] = {"client|setinfo", 4},
    [CLIENT_SETNAME] = {"client|setname", 3},
};

static enum subcommand find_subcommand(struct slice name)
{
    unsigned found = 0;
    while (found < CLIENT_SUBCOMMANDS &&
           !slice_equal_text_nocase(name, subcommands[found].name + strlen("client|"))) {
        found++;
    }
    return (enum subcommand)found;
}

static enum session_outcome run(struct connection *self, enum subcommand subcommand,
                                const struct slice *arguments, uint32_t count)
{
    switch (subcommand) {
    case CLIENT_GETNAME:
        client_getname(self);
        return SESSION_GOES_ON;
    case CLIENT_HELP:
        write_help(&self->writer, help);
        return SESSION_GOES_ON;
    case CLIENT_ID:
        client_id(self);
        return SESSION_GOES_ON;
    case CLIENT_INFO:
        session_client_info(self);
        return SESSION_GOES_ON;
    case CLIENT_KILL:
        return session_client_close(self, arguments, count);
    case CLIENT_LIST:
        return session_client_list(self, arguments, count);
    case CLIENT_NO_EVICT:
        set_flag(self, &self->is_no_evict, arguments[2]);
        return SESSION_GOES_ON;
    case CLIENT_NO_TOUCH:
        set_flag(self, &self->is_no_touch, arguments[2]);
        return SESSION_GOES_ON;
    case CLIENT_REPLY:
        client_reply(self, arguments[2]);
        return SESSION_GOES_ON;
    case CLIENT_SETINFO:
        client_setinfo(self, arguments);
        return SESSION_GOES_ON;
    case CLIENT_SETNAME:
        client_setname(self, arguments);
        return SESSION_GOES_ON;
    case CLIENT_SUBCOMMANDS:
        break;
    }
    UNREACHABLE("a subcommand of no kind");
}

enum session_outcome session_run_client(struct connection *self, const struct slice *arguments,
                                        uint32_t count)
{
    const enum subcommand subcommand = find_subcommand(arguments[1]);
    if (subcommand == CLIENT_SUBCOMMANDS) {
        unknown_subcommand(self, arguments[1], "CLIENT");
        return SESSION_GOES_ON;
    }
    const int arity = subcommands[subcommand].arity;
    if (arity < 0 ? count < (uint32_t)-arity : count != (uint32_t)arity) {
        wrong_arity(self, subcommands[subcommand].name);
        return SESSION_GOES_ON;
    }
    self->lent_command = subcommands[subcommand].name;
    return run(self, subcommand, arguments, count);
}
