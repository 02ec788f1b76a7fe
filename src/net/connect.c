/*
 * net/connect.c: opening connections (RFC 8305, "happy eyeballs"): the addresses of a host are
 * tried until one of them has connected. The families alternate, and each attempt begins a little
 * after the one before.
 */
#include "base/options.h"
#include "net/address.h"
#include "net/stream.h"
#include "sys/socket.h"
#include "sys/file.h"
#include <asyncio/gather.h>
#include <asyncio/name.h>
#include <asyncio/time.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>

static const double ATTEMPT_DELAY_SECONDS = 0.25; /* by default; as RFC 8305 recommends */
static const double FIRST_UNIX_PAUSE_SECONDS = 0.001, MAX_UNIX_PAUSE_SECONDS = 0.1;

struct target {
    const struct addrinfo **addresses; /* in the order in which they are tried */
    size_t count;
    const struct addrinfo *local; /* addresses to connect from; NULL: any */
    async_stream *stream;         /* set when an attempt has succeeded */

    /* The failure to report, if none succeeds. */
    int error;                           /* 0: none yet */
    size_t failed;                       /* the index of its address */
    const struct addrinfo *failed_local; /* the first unusable local address; or NULL */
};

/* ---- one address ---------------------------------------------------------------------------- */

/*
 * Binds the first usable local address of the family. If none can be bound, returns the error of
 * the first, which becomes *failed.
 */
static int bind_local(int fd, const struct addrinfo *local, int family,
                      const struct addrinfo **failed)
{
    int error = -EAFNOSUPPORT;
    for (; local != NULL; local = local->ai_next) {
        if (local->ai_family != family)
            continue;
        int result = asyncp_sys_bind(fd, local->ai_addr, local->ai_addrlen);
        if (result == 0) {
            *failed = NULL;
            return 0;
        }
        if (*failed == NULL) {
            *failed = local;
            error = result;
        }
    }
    return error;
}

/* No event is reported when a Unix server's backlog has room again. */
static int connect_with_pauses(int fd, const struct sockaddr *address, socklen_t size)
{
    double pause_seconds = FIRST_UNIX_PAUSE_SECONDS;
    int result;
    while ((result = asyncp_sys_connect(fd, address, size)) == -EAGAIN) {
        result = async_sleep(pause_seconds);
        if (result < 0)
            return result;
        if (pause_seconds < MAX_UNIX_PAUSE_SECONDS)
            pause_seconds *= 2;
    }
    return result;
}

/* The socket, which is connected or connects; or -errno. */
static int begin_to_connect(const struct sockaddr *address, socklen_t size,
                            const struct addrinfo *local, const struct addrinfo **failed_local)
{
    int family = address->sa_family;
    int fd = asyncp_sys_socket(family, SOCK_STREAM, 0);
    if (fd < 0)
        return fd;
    int result = family != AF_UNIX ? asyncp_sys_set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1) : 0;
    if (result == 0 && local != NULL)
        result = bind_local(fd, local, family, failed_local);
    if (result == 0)
        result = connect_with_pauses(fd, address, size);
    if (result == 0 || result == -EINPROGRESS || result == -EINTR)
        return fd;
    asyncp_sys_close(fd);
    return result;
}

/* 0 or -errno, without an error message. */
static int connect_to_address(async_stream **out, const struct sockaddr *address, socklen_t size,
                              const struct addrinfo *local, const struct addrinfo **failed_local)
{
    struct async_loop *loop = asyncp_current;
    async_stream *stream = NULL;
    int fd = begin_to_connect(address, size, local, failed_local);
    int result = fd < 0 ? fd : asyncp_stream_make(loop, &stream, fd, address->sa_family);
    if (fd >= 0 && result < 0)
        asyncp_sys_close(fd);
    if (result == 0)
        result = asyncp_transport_wait_connected(stream_transport(stream), "async_open_connection");
    if (result == 0) {
        *out = stream;
        return 0;
    }
    async_stream_close(stream);
    return result;
}

/* ---- all addresses -------------------------------------------------------------------------- */

static bool has_family(const struct addrinfo *list, int family)
{
    while (list != NULL && list->ai_family != family)
        list = list->ai_next;
    return list != NULL;
}

static bool has_local_address(const struct target *target, const struct addrinfo *address)
{
    return target->local == NULL || has_family(target->local, address->ai_family);
}

/* The families alternate, beginning with the first address's. */
static void sort_addresses(struct target *target, const struct addrinfo *list)
{
    int family = list->ai_family;
    const struct addrinfo *same = list, *other = list;
    bool is_same_next = true;
    while (same != NULL || other != NULL) {
        const struct addrinfo **next = is_same_next ? &same : &other;
        while (*next != NULL && ((*next)->ai_family == family) != is_same_next)
            *next = (*next)->ai_next;
        if (*next != NULL) {
            if (has_local_address(target, *next))
                target->addresses[target->count++] = *next;
            *next = (*next)->ai_next;
        }
        is_same_next = !is_same_next;
    }
}

/*
 * How much an error tells about the peer: nothing, where this machine cannot reach such an address
 * at all.
 */
static int error_rank(int error)
{
    switch (error) {
    case 0:
        return 0;
    case -EAFNOSUPPORT:
    case -EADDRNOTAVAIL:
    case -ENETUNREACH:
        return 1;
    default:
        return 2;
    }
}

static void note_failure(struct target *target, size_t index, int error,
                         const struct addrinfo *failed_local)
{
    int order = error_rank(error) - error_rank(target->error);
    if (order < 0 || (order == 0 && index > target->failed))
        return;
    target->error = error;
    target->failed = index;
    target->failed_local = failed_local;
}

static int attempt_address(size_t index, void *context)
{
    struct target *target = context;
    const struct addrinfo *address = target->addresses[index], *failed_local = NULL;
    async_stream *stream = NULL;
    int result = connect_to_address(&stream, address->ai_addr, address->ai_addrlen, target->local,
                                    &failed_local);
    if (result == 0 && target->stream != NULL) {
        async_stream_close(stream); /* another attempt was faster */
        return -ECANCELED;
    }
    if (result == 0)
        target->stream = stream;
    else if (result != -ECANCELED)
        note_failure(target, index, result, failed_local);
    return result;
}

static int fail_with_best_error(const struct target *target)
{
    char text[ADDRESS_TEXT], from[ADDRESS_TEXT];
    const struct addrinfo *address = target->addresses[target->failed],
                          *local = target->failed_local;
    if (local == NULL)
        return asyncp_fail_at_address("connect to", target->error, address->ai_addr,
                                      address->ai_addrlen);
    asyncp_address_text(address->ai_addr, address->ai_addrlen, text, sizeof text);
    asyncp_address_text(local->ai_addr, local->ai_addrlen, from, sizeof from);
    return async_fail_errno(target->error, "connect to %s from %s", text, from);
}

static int connect_to_any(struct target *target, double delay_seconds)
{
    int result = target->count == 1
                     ? attempt_address(0, target)
                     : async_staggered_race(attempt_address, target, target->count,
                                            delay_seconds != 0 ? delay_seconds
                                                               : ATTEMPT_DELAY_SECONDS);
    if (target->stream != NULL)
        return 0;
    bool was_tried = target->error != 0 && result != -ECANCELED && result != -ENOMEM;
    return was_tried ? fail_with_best_error(target) : result;
}

static int connect_to_list(struct async_loop *loop, struct target *target,
                           const struct addrinfo *list, double delay_seconds)
{
    size_t capacity = 0;
    for (const struct addrinfo *entry = list; entry != NULL; entry = entry->ai_next)
        capacity++;
    target->addresses = memory_new(&loop->memory, capacity * sizeof *target->addresses);
    if (target->addresses == NULL)
        return -ENOMEM;
    sort_addresses(target, list);
    int result = target->count > 0
                     ? connect_to_any(target, delay_seconds)
                     : async_fail(-EAFNOSUPPORT, "no address of the host is of the family of "
                                                 "the local address");
    memory_free(&loop->memory, target->addresses, capacity * sizeof *target->addresses);
    return result;
}

/* Gives the connection to the program, if the handshake succeeds. */
static int secure_stream(async_stream **out, async_stream *stream, const char *host,
                         const async_connection_options *options)
{
    const char *name = options->server_name != NULL ? options->server_name : host;
    int result = options->tls != NULL ? async_start_tls(stream, options->tls, name) : 0;
    if (result < 0)
        async_stream_close(stream); /* sends the TLS alert, if there is one */
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
    OPTIONS_CHECK(options, "async_open_connection");
    if (out == NULL)
        return async_fail(-EINVAL, "async_open_connection: the place for the stream is NULL");
    *out = NULL;
    if (loop_running(loop)->cancel_pending)
        return asyncp_fail_cancelled(loop);
    if (options == NULL)
        options = &defaults;
    ASYNC_TRY(asyncp_look_up(host, port, options->service, 0, &list));
    if (options->local_host != NULL || options->local_port != 0)
        ASYNC_TRY(
            asyncp_look_up(options->local_host, options->local_port, NULL, AI_PASSIVE, &local));
    target.local = local;
    ASYNC_TRY(connect_to_list(loop, &target, list, options->happy_eyeballs_delay));
    return secure_stream(out, target.stream, host, options);
}

int async_open_unix_connection(async_stream **out, const char *path,
                               const async_connection_options *options)
{
    static const async_connection_options defaults;
    struct async_loop *loop = loop_enter("async_open_unix_connection");
    struct sockaddr_un address;
    async_stream *stream;
    OPTIONS_CHECK(options, "async_open_unix_connection");
    if (out == NULL || path == NULL)
        return async_fail(
            -EINVAL, "async_open_unix_connection: the place for the stream or the path is NULL");
    *out = NULL;
    if (loop_running(loop)->cancel_pending)
        return asyncp_fail_cancelled(loop);
    int size = asyncp_unix_address(&address, path);
    if (size < 0)
        return size;
    int result = connect_to_address(&stream, (const struct sockaddr *)&address, (socklen_t)size,
                                    NULL, NULL);
    if (result < 0 && result != -ECANCELED)
        return asyncp_fail_at_address("connect to", result, (const struct sockaddr *)&address,
                                      (socklen_t)size);
    if (result < 0)
        return result;
    return secure_stream(out, stream, NULL, options != NULL ? options : &defaults);
}
