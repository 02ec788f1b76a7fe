/*
 * io/connect.c: making connections: the addresses of a host are tried in an order that is fair to both kinds of them,
 * each a little after the one before, and the first that answers wins.
 */
#include "io/address.h"
#include "io/stream.h"
#include "sys/socket.h"
#include <asyncio/gather.h>
#include <asyncio/name.h>
#include <asyncio/time.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

enum { MOST_ADDRESSES = 32, HIGHEST_PORT = 65535 };
static const double DEFAULT_DELAY_SECONDS = 0.25;     /* RFC 8305 */
static const double LONGEST_UNIX_PAUSE_SECONDS = 0.1; /* while a server's backlog is full */

struct target {
    const struct addrinfo *addresses[MOST_ADDRESSES]; /* in the order in which they are tried */
    size_t count;                                     /* of them */
    const struct addrinfo *local;                     /* where the connection comes from; NULL: anywhere */
    async_stream *stream;                             /* the connection, when there is one */
};

/* ---- one address ----------------------------------------------------------------------------------------------- */

static int fail(int error, const struct sockaddr *address, socklen_t size)
{
    char text[ADDRESS_TEXT];
    async__address_text(address, size, text, sizeof text);
    return async_fail(error, "connect to %s: %s", text, strerror(-error));
}

static int bind_local(int descriptor, const struct addrinfo *local, int family)
{
    for (; local != NULL; local = local->ai_next)
        if (local->ai_family == family)
            return async__sys_bind(descriptor, local->ai_addr, local->ai_addrlen);
    return -EAFNOSUPPORT;
}

/* A Unix socket does not say when there is room in a backlog that is full. */
static int connect_patiently(int descriptor, const struct sockaddr *address, socklen_t size)
{
    double pause_seconds = 0.001;
    int result;
    while ((result = async__sys_connect(descriptor, address, size)) == -EAGAIN) {
        result = async_sleep(pause_seconds);
        if (result < 0)
            return result;
        if (pause_seconds < LONGEST_UNIX_PAUSE_SECONDS)
            pause_seconds *= 2;
    }
    return result;
}

/* Begins to connect; the socket, or -errno. */
static int begin(const struct sockaddr *address, socklen_t size, const struct addrinfo *local)
{
    int family = address->sa_family;
    int descriptor = async__sys_socket(family, SOCK_STREAM, 0);
    if (descriptor < 0)
        return descriptor;
    int result = family != AF_UNIX ? async__sys_set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1) : 0;
    if (result == 0 && local != NULL)
        result = bind_local(descriptor, local, family);
    if (result == 0)
        result = connect_patiently(descriptor, address, size);
    if (result == 0 || result == -EINPROGRESS || result == -EINTR)
        return descriptor;
    async__sys_close(descriptor);
    return result;
}

/* Waits until it is known whether the socket has connected. */
static int finish(struct async_loop *loop, struct async_stream *stream)
{
    channel_exhausted(&stream->channel, SIDE_WRITE);
    int result = async__channel_wait(loop, &stream->channel, SIDE_WRITE, "async_open_connection");
    return result == 0 ? async__sys_socket_error(stream->channel.source.descriptor) : result;
}

static int connect_to(async_stream **out, const struct sockaddr *address, socklen_t size,
                      const struct addrinfo *local)
{
    struct async_loop *loop = async__current;
    async_stream *stream = NULL;
    int descriptor = begin(address, size, local);
    int result = descriptor < 0 ? descriptor
                                : async__stream_make(loop, &stream, descriptor, address->sa_family);
    if (descriptor >= 0 && result < 0)
        async__sys_close(descriptor);
    if (result == 0)
        result = finish(loop, stream);
    if (result == 0) {
        *out = stream;
        return 0;
    }
    async_stream_close(stream);
    return result != -ECANCELED ? fail(result, address, size) : result;
}

/* ---- all addresses --------------------------------------------------------------------------------------------- */

/* The kinds take turns, that of the first address first. */
static void put_in_order(struct target *target, const struct addrinfo *list)
{
    int family = list->ai_family;
    const struct addrinfo *same = list, *other = list;
    bool turn = true;
    while ((same != NULL || other != NULL) && target->count < MOST_ADDRESSES) {
        const struct addrinfo **next = turn ? &same : &other;
        while (*next != NULL && ((*next)->ai_family == family) != turn)
            *next = (*next)->ai_next;
        if (*next != NULL) {
            target->addresses[target->count++] = *next;
            *next = (*next)->ai_next;
        }
        turn = !turn;
    }
}

static int attempt(void *context, size_t index)
{
    struct target *target = context;
    const struct addrinfo *address = target->addresses[index];
    async_stream *stream = NULL;
    int result = connect_to(&stream, address->ai_addr, address->ai_addrlen, target->local);
    if (result == 0 && target->stream != NULL) {
        async_stream_close(stream); /* another one was faster */
        return -ECANCELED;
    }
    if (result == 0)
        target->stream = stream;
    return result;
}

static int resolve(const char *host, int port, int flags, struct addrinfo **list)
{
    const struct addrinfo hints = {.ai_flags = flags, .ai_socktype = SOCK_STREAM};
    char service[8];
    if (port < 0 || port > HIGHEST_PORT)
        return async_fail(-EINVAL, "there is no port %d", port);
    snprintf(service, sizeof service, "%d", port);
    return async_getaddrinfo(host, service, &hints, list);
}

static int connect_to_any(struct target *target, double delay_seconds)
{
    if (target->count == 1)
        return attempt(target, 0);
    int result = async_staggered_race(attempt, target, target->count,
                                      delay_seconds != 0 ? delay_seconds : DEFAULT_DELAY_SECONDS);
    return result < 0 && target->stream == NULL ? result : 0;
}

/* The connection is the program's, once it is secure. */
static int secure(async_stream **out, async_stream *stream, const char *host,
                  const async_connection_options *options)
{
    const char *name = options->server_name != NULL ? options->server_name : host;
    int result = options->tls != NULL ? async_start_tls(stream, options->tls, name) : 0;
    if (result < 0)
        async_stream_close(stream); /* TLS may have told the peer why */
    else
        *out = stream;
    return result;
}

int async_open_connection(async_stream **out, const char *host, int port,
                          const async_connection_options *options)
{
    static const async_connection_options defaults;
    struct async_loop *loop = loop_enter("async_open_connection");
    struct target target = {0};
    async_auto_addrinfo *list = NULL, *local = NULL;
    if (out == NULL)
        return -EINVAL;
    *out = NULL;
    if (loop->current->refused)
        return async__refused(loop);
    if (options == NULL)
        options = &defaults;
    ASYNC_TRY(resolve(host, port, 0, &list));
    if (options->local_host != NULL || options->local_port != 0)
        ASYNC_TRY(resolve(options->local_host, options->local_port, AI_PASSIVE, &local));
    put_in_order(&target, list);
    target.local = local;
    ASYNC_TRY(connect_to_any(&target, options->happy_eyeballs_delay));
    return secure(out, target.stream, host, options);
}

int async_open_unix_connection(async_stream **out, const char *path, const async_connection_options *options)
{
    static const async_connection_options defaults;
    struct async_loop *loop = loop_enter("async_open_unix_connection");
    struct sockaddr_un address;
    async_stream *stream;
    if (out == NULL || path == NULL)
        return -EINVAL;
    *out = NULL;
    if (loop->current->refused)
        return async__refused(loop);
    int size = async__unix_address(&address, path);
    if (size < 0)
        return size;
    ASYNC_TRY(connect_to(&stream, (const struct sockaddr *)&address, (socklen_t)size, NULL));
    return secure(out, stream, NULL, options != NULL ? options : &defaults);
}
