/* Listening: every address by every loop, so that the system deals connections out among them. */
#include "net/net_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 511, ADDRESS_TEXT_SIZE = 64 };

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
    } of;
    socklen_t size;
    char text[128];
};

static bool parse_address(const char *text, uint32_t port, struct address *out)
{
    *out = (struct address){0};
    snprintf(out->text, sizeof out->text, strchr(text, ':') == NULL ? "%s:%u" : "[%s]:%u", text,
             port);
    if (inet_pton(AF_INET, text, &out->of.v4.sin_addr) == 1) {
        out->of.v4.sin_family = AF_INET;
        out->of.v4.sin_port = htons((uint16_t)port);
        out->size = sizeof out->of.v4;
        return true;
    }
    if (inet_pton(AF_INET6, text, &out->of.v6.sin6_addr) == 1) {
        out->of.v6.sin6_family = AF_INET6;
        out->of.v6.sin6_port = htons((uint16_t)port);
        out->size = sizeof out->of.v6;
        return true;
    }
    return false;
}

/* A bound socket, or -1 with errno. */
static int open_bound(const struct address *address, bool shared)
{
    const int yes = 1;
    const int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    const int socket_fd = socket(address->of.any.sa_family, type, 0);
    if (socket_fd < 0) {
        return -1;
    }
    bool good = true;
    if (address->of.any.sa_family != AF_UNIX) {
        good = setsockopt(socket_fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0;
        if (good && shared) {
            good = setsockopt(socket_fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes) == 0;
        }
        if (good && address->of.any.sa_family == AF_INET6) {
            good = setsockopt(socket_fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes) == 0;
        }
    }
    if (!good || bind(socket_fd, &address->of.any, address->size) != 0) {
        const int cause = errno;
        close(socket_fd);
        errno = cause;
        return -1;
    }
    return socket_fd;
}

/* With SO_REUSEPORT another server of the same user would share the port in silence: so first a
 * socket without it, which only succeeds where nobody listens. */
static bool is_free(const struct address *address)
{
    const int probe = open_bound(address, false);
    bool free_now = probe >= 0 && listen(probe, 1) == 0;
    if (probe >= 0) {
        const int cause = errno;
        close(probe);
        errno = cause;
    }
    return free_now;
}

static void on_paused(uv_handle_t *handle)
{
    struct listener *listener = (struct listener *)handle->data;
    listener->is_paused = true;
}

static void on_connection(uv_stream_t *stream, int status)
{
    const struct listener *listener = (const struct listener *)stream->data;
    if (status == 0) {
        struct loop *loop = (struct loop *)stream->loop->data;
        connection_accept(loop, stream, listener->is_unix);
        return;
    }
    /* The system gives no more files. libuv would ask again at once, and for ever: the handle goes,
     * the socket stays and keeps who is waiting, until the next tick tries again. */
    if (!uv_is_closing((const uv_handle_t *)stream)) {
        uv_close((uv_handle_t *)stream, on_paused);
    }
}

/* A handle over the kept socket. False: not now. */
static bool begin_listening(struct loop *loop, struct listener *listener)
{
    const int socket_fd = fcntl(listener->kept_socket, F_DUPFD_CLOEXEC, 0);
    if (socket_fd < 0) {
        return false;
    }
    const int made = listener->is_unix ? uv_pipe_init(&loop->uv, &listener->uv.pipe, 0)
                                       : uv_tcp_init(&loop->uv, &listener->uv.tcp);
    if (made != 0) {
        close(socket_fd);
        return false;
    }
    listener->uv.handle.data = listener;
    listener->is_paused = false;
    const int opened = listener->is_unix ? uv_pipe_open(&listener->uv.pipe, socket_fd)
                                         : uv_tcp_open(&listener->uv.tcp, socket_fd);
    if (opened != 0) {
        close(socket_fd);
    }
    if (opened != 0 || uv_listen(&listener->uv.stream, BACKLOG, on_connection) != 0) {
        uv_close(&listener->uv.handle, on_paused);
        return false;
    }
    return true;
}

/* The loop listens on the socket, and owns it. */
static bool add_listener(struct loop *loop, int socket_fd, bool is_unix)
{
    struct listener *listener = &loop->listeners[loop->listeners_count++];
    listener->is_unix = is_unix;
    listener->is_paused = true;
    listener->kept_socket = socket_fd;
    return begin_listening(loop, listener);
}

void net_resume_listeners(struct loop *loop)
{
    for (uint32_t i = 0; i < loop->listeners_count; i++) {
        if (loop->listeners[i].is_paused && loop->listeners[i].kept_socket >= 0) {
            (void)begin_listening(loop, &loop->listeners[i]);
        }
    }
}

static enum status fail(char *error, const char *address, const char *what)
{
    snprintf(error, NET_ERROR_SIZE, "cannot listen on %s: %s", address, what);
    return STATUS_IO;
}

static enum status listen_tcp(struct net *self, const char *text, char *error)
{
    struct address address;
    if (!parse_address(text, self->config.port, &address)) {
        return fail(error, text, "it is not an IPv4 or IPv6 address");
    }
    if (!is_free(&address)) {
        return fail(error, address.text, strerror(errno));
    }
    for (uint32_t i = 0; i < self->threads; i++) {
        const int socket_fd = open_bound(&address, true);
        if (socket_fd < 0) {
            return fail(error, address.text, strerror(errno));
        }
        if (!add_listener(&self->loops[i], socket_fd, false)) {
            return fail(error, address.text, "the system refuses");
        }
    }
    return STATUS_OK;
}

/* A socket file that nobody listens on stays behind after a crash. */
static bool remove_stale(const struct address *address)
{
    struct stat file;
    if (lstat(address->of.local.sun_path, &file) != 0) {
        return errno == ENOENT;
    }
    if (!S_ISSOCK(file.st_mode)) {
        errno = EEXIST;
        return false;
    }
    const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe < 0) {
        return false;
    }
    /* Any other failure (a full backlog, a socket of another type) comes from somebody who is
     * there. */
    const bool stale =
        connect(probe, &address->of.any, address->size) != 0 && errno == ECONNREFUSED;
    close(probe);
    if (!stale) {
        errno = EADDRINUSE;
        return false;
    }
    return unlink(address->of.local.sun_path) == 0;
}

/* One loop takes them all: a socket file has no SO_REUSEPORT. */
static enum status listen_unix(struct net *self, const char *path, char *error)
{
    struct address address = {0};
    address.of.local.sun_family = AF_UNIX;
    address.size = sizeof address.of.local;
    if (strlen(path) >= sizeof address.of.local.sun_path) {
        return fail(error, path, "the path is too long");
    }
    snprintf(address.of.local.sun_path, sizeof address.of.local.sun_path, "%s", path);
    if (!remove_stale(&address)) {
        return fail(error, path, strerror(errno));
    }
    const int socket_fd = open_bound(&address, false);
    if (socket_fd < 0) {
        return fail(error, path, strerror(errno));
    }
    self->has_unix_socket = true;
    if (!add_listener(&self->loops[0], socket_fd, true)) {
        return fail(error, path, "the system refuses");
    }
    return STATUS_OK;
}

enum status net_listen(struct net *self, char error[static NET_ERROR_SIZE])
{
    char text[ADDRESS_TEXT_SIZE];
    const char *rest = self->config.lent_addresses;
    uint32_t count = 0;
    while (self->config.port != 0 && *rest != '\0') {
        const size_t size = strcspn(rest, " ");
        if (size >= sizeof text || count == LISTENERS_MAX - 1) {
            return fail(error, rest, "it is too long, or one address too many");
        }
        if (size > 0) {
            snprintf(text, sizeof text, "%.*s", (int)size, rest);
            const enum status status = listen_tcp(self, text, error);
            if (status != STATUS_OK) {
                return status;
            }
            count++;
        }
        rest += size + (rest[size] == ' ');
    }
    if (self->config.lent_unix_socket != NULL && self->config.lent_unix_socket[0] != '\0') {
        return listen_unix(self, self->config.lent_unix_socket, error);
    }
    return STATUS_OK;
}

void net_close_listeners(struct loop *loop)
{
    for (uint32_t i = 0; i < loop->listeners_count; i++) {
        struct listener *listener = &loop->listeners[i];
        if (listener->kept_socket >= 0) {
            close(listener->kept_socket);
            listener->kept_socket = -1;
        }
        if (!listener->is_paused && !uv_is_closing(&listener->uv.handle)) {
            uv_close(&listener->uv.handle, NULL);
        }
    }
}

void net_unlink_socket(const struct net *self)
{
    if (self->has_unix_socket) {
        unlink(self->config.lent_unix_socket);
    }
}
