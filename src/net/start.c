/*
 * net/start.c: starting a server: a socket for each address of its hosts, all at one port; or one
 * at a path; or one bound by the program.
 */
#include "base/options.h"
#include "net/address.h"
#include "net/path.h"
#include "net/server.h"
#include "sys/socket.h"
#include "poll/poll.h"
#include "sys/file.h"
#include "sys/report.h"
#include <asyncio/name.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>

/*
 * A port chosen by the kernel for one address may be taken at another. If nine tenths of the ports
 * are taken there, one start in 38,000 fails.
 */
enum { MAX_PORT_TRIES = 100 };

/* ---- one socket ----------------------------------------------------------------------------- */

/* The connections inherit some of them. */
static int set_listener_options(int fd, int family, const async_server_options *options)
{
    int result = asyncp_sys_set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (result == 0 && options->reuse_port)
        result = asyncp_sys_set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (result == 0 && family == AF_INET6)
        result = asyncp_sys_set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (result == 0 && options->keep_alive)
        result = asyncp_sys_set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    if (result == 0)
        result = asyncp_sys_set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    return result;
}

/* A socket listening at the address, or -errno. */
static int open_listener(const struct sockaddr *address, socklen_t size,
                         const async_server_options *options)
{
    int fd = asyncp_sys_socket(address->sa_family, SOCK_STREAM, 0);
    if (fd < 0)
        return asyncp_fail_at_address("listen at", fd, address, size);
    int result = address->sa_family != AF_UNIX
                     ? set_listener_options(fd, address->sa_family, options)
                     : 0;
    if (result == 0)
        result = asyncp_sys_bind(fd, address, size);
    if (result == 0)
        result = asyncp_sys_listen(fd, options->backlog);
    if (result == 0)
        return fd;
    asyncp_sys_close(fd);
    return asyncp_fail_at_address("listen at", result, address, size);
}

static int take_listener(struct async_server *server, int fd)
{
    int result = asyncp_server_listen(server, fd);
    if (result < 0)
        asyncp_sys_close(fd);
    return result;
}

/* The poller need not report connections older than the registration. */
static int finish_start(struct async_server *server, int result, async_server **out)
{
    struct async_loop *loop = asyncp_current;
    if (result < 0) {
        async_server_free_wait(server);
        return result;
    }
    asyncp_server_accept(server);
    *out = server;
    return paced(loop, PACE_KERNEL, 0);
}

/* ---- at all addresses of its hosts ---------------------------------------------------------- */

/* An address to listen at. */
struct endpoint {
    struct sockaddr *address; /* in one of the lists */
    socklen_t size;
    int fd; /* -1: no socket listens there */
};

struct endpoints {
    struct async_loop *loop;
    struct addrinfo **lists; /* of each host; NULL: not looked up */
    size_t host_count;
    struct endpoint *array; /* each address once */
    size_t count, capacity;
    size_t open_count; /* endpoints with a socket */
    bool any_port;     /* the kernel chooses the port */
};

static size_t count_hosts(const async_server_options *options)
{
    size_t count = 1;
    if (options->more_hosts != NULL)
        for (const char *const *host = options->more_hosts; *host != NULL; host++)
            count++;
    return count;
}

static int look_up_hosts(struct endpoints *endpoints, const char *first, int port,
                         const async_server_options *options)
{
    endpoints->host_count = count_hosts(options);
    endpoints->lists = memory_new(&endpoints->loop->memory,
                                  endpoints->host_count * sizeof *endpoints->lists);
    if (endpoints->lists == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < endpoints->host_count; i++) {
        const char *host = i == 0 ? first : options->more_hosts[i - 1];
        if (host != NULL && host[0] == 0)
            host = NULL;
        ASYNC_TRY(asyncp_look_up(host, port, options->service, AI_PASSIVE, &endpoints->lists[i]));
        for (const struct addrinfo *entry = endpoints->lists[i]; entry != NULL;
             entry = entry->ai_next)
            endpoints->capacity++;
    }
    return 0;
}

static bool has_endpoint(const struct endpoints *endpoints, const struct addrinfo *address)
{
    for (size_t i = 0; i < endpoints->count; i++)
        if (endpoints->array[i].size == address->ai_addrlen &&
            memcmp(endpoints->array[i].address, address->ai_addr, address->ai_addrlen) == 0)
            return true;
    return false;
}

static int collect_endpoints(struct endpoints *endpoints)
{
    endpoints->array = memory_new(&endpoints->loop->memory,
                                  endpoints->capacity * sizeof *endpoints->array);
    if (endpoints->array == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < endpoints->host_count; i++)
        for (const struct addrinfo *entry = endpoints->lists[i]; entry != NULL;
             entry = entry->ai_next)
            if (address_has_port(entry->ai_addr) && !has_endpoint(endpoints, entry))
                endpoints->array[endpoints->count++] = (struct endpoint){
                    .address = entry->ai_addr, .size = entry->ai_addrlen, .fd = -1};
    if (endpoints->count == 0)
        return async_fail(-EADDRNOTAVAIL, "the host has no address to listen at");
    endpoints->any_port = *address_port(endpoints->array[0].address) == 0;
    return 0;
}

static void close_endpoints(struct endpoints *endpoints)
{
    for (size_t i = 0; i < endpoints->count; i++) {
        if (endpoints->array[i].fd >= 0)
            asyncp_sys_close(endpoints->array[i].fd);
        endpoints->array[i].fd = -1;
    }
    endpoints->open_count = 0;
}

static void free_endpoints(struct endpoints *endpoints)
{
    const async_allocator *memory = &endpoints->loop->memory;
    close_endpoints(endpoints);
    memory_free(memory, endpoints->array, endpoints->capacity * sizeof *endpoints->array);
    for (size_t i = 0; i < endpoints->host_count && endpoints->lists != NULL; i++)
        async_freeaddrinfo(endpoints->lists[i]);
    memory_free(memory, endpoints->lists, endpoints->host_count * sizeof *endpoints->lists);
}

/* A machine without IPv6, or without an address of the family, listens at the others. */
static bool is_dispensable(int error)
{
    return error == -EAFNOSUPPORT || error == -EADDRNOTAVAIL;
}

static void report_left_out(const struct async_server *server, const struct endpoint *endpoint,
                            int error)
{
    char text[ADDRESS_TEXT];
    if (!loop_is_debug(asyncp_current))
        return;
    asyncp_address_text(endpoint->address, endpoint->size, text, sizeof text);
    asyncp_report("'%s' does not listen at %s: %s", asyncp_server_name(server), text,
                  strerror(-error));
}

/* Opens a socket for each endpoint, all at one port. 0, or the error of a required endpoint. */
static int open_endpoints(struct async_server *server, struct endpoints *endpoints)
{
    const struct endpoint *left_out = NULL;
    int port = 0, error = 0;
    for (struct endpoint *endpoint = endpoints->array;
         endpoint < endpoints->array + endpoints->count; endpoint++) {
        if (endpoints->any_port)
            *address_port(endpoint->address) = htons((in_port_t)port);
        int result = open_listener(endpoint->address, endpoint->size,
                                   asyncp_server_options(server));
        if (result < 0 && !is_dispensable(result))
            return result;
        if (result < 0) {
            report_left_out(server, endpoint, result);
            if (left_out == NULL || error == -EAFNOSUPPORT) {
                left_out = endpoint;
                error = result;
            }
            continue;
        }
        endpoint->fd = result;
        endpoints->open_count++;
        if (port == 0 && (port = asyncp_socket_port(result)) < 0)
            return port;
    }
    return endpoints->open_count > 0
               ? 0
               : asyncp_fail_at_address("listen at", error, left_out->address, left_out->size);
}

static int listen_at_endpoints(struct async_server *server, struct endpoints *endpoints)
{
    int result = -EADDRINUSE;
    for (int tries = 0; tries < MAX_PORT_TRIES && result == -EADDRINUSE; tries++) {
        close_endpoints(endpoints);
        result = open_endpoints(server, endpoints);
        if (!endpoints->any_port || endpoints->open_count == 0)
            break;
    }
    if (result == 0)
        result = asyncp_server_reserve(server, endpoints->open_count);
    for (size_t i = 0; i < endpoints->count && result == 0; i++) {
        if (endpoints->array[i].fd >= 0)
            result = take_listener(server, endpoints->array[i].fd);
        endpoints->array[i].fd = -1;
    }
    return result;
}

int asyncp_start_server(async_server **out, async_serve *serve, const char *name, const char *where,
                        void *argument, const char *host, int port,
                        const async_server_options *options)
{
    static const async_server_options defaults;
    struct async_loop *loop = loop_enter("async_start_server");
    struct async_server *server = NULL;
    struct endpoints endpoints = {.loop = loop};
    OPTIONS_CHECK(options, "async_start_server");
    if (out == NULL || serve == NULL || (options != NULL && options->backlog < 0))
        return async_fail(-EINVAL,
                          "async_start_server: the place for the server or its function is NULL, "
                          "or the backlog is negative");
    *out = NULL;
    if (loop_running(loop)->cancel_pending)
        return asyncp_fail_cancelled(loop);
    int result = look_up_hosts(&endpoints, host, port, options != NULL ? options : &defaults);
    if (result == 0)
        result = collect_endpoints(&endpoints);
    if (result == 0) {
        server = asyncp_server_make(loop, serve, name, where, argument, options);
        result = server != NULL ? listen_at_endpoints(server, &endpoints) : -ENOMEM;
    }
    free_endpoints(&endpoints);
    return finish_start(server, result, out);
}

/* ---- at a path ------------------------------------------------------------------------------ */

static int listen_at_path(struct async_server *server, struct socket_path *path,
                          const struct sockaddr *address, socklen_t size)
{
    int fd = asyncp_sys_socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0)
        return asyncp_fail_at_address("listen at", fd, address, size);
    int result = asyncp_path_vacate(path);
    if (result < 0) {
        asyncp_sys_close(fd);
        return result;
    }
    result = asyncp_path_bind(path, fd, address, size);
    if (result == 0)
        result = asyncp_sys_listen(fd, asyncp_server_options(server)->backlog);
    if (result == 0)
        return take_listener(server, fd);
    asyncp_sys_close(fd);
    return asyncp_fail_at_address("listen at", result, address, size);
}

static int listen_at_abstract_name(struct async_server *server, const struct sockaddr *address,
                                   socklen_t size)
{
    int fd = open_listener(address, size, asyncp_server_options(server));
    return fd < 0 ? fd : take_listener(server, fd);
}

static int start_at_path(struct async_server *server, const char *text)
{
    struct sockaddr_un unix_address;
    const struct sockaddr *address = (const struct sockaddr *)&unix_address;
    struct socket_path *path;
    int size = asyncp_unix_address(&unix_address, text);
    if (size < 0)
        return size;
    ASYNC_TRY(asyncp_server_reserve(server, 1));
    if (text[0] == '@')
        return listen_at_abstract_name(server, address, (socklen_t)size);
    ASYNC_TRY(asyncp_path_claim(asyncp_current, text, &path));
    int result = listen_at_path(server, path, address, (socklen_t)size);
    if (result < 0) {
        asyncp_path_withdraw(asyncp_current, path);
        return result;
    }
    asyncp_path_settle(asyncp_current, path);
    asyncp_server_set_path(server, path);
    return 0;
}

int asyncp_start_unix_server(async_server **out, async_serve *serve, const char *name,
                             const char *where, void *argument, const char *path,
                             const async_server_options *options)
{
    struct async_loop *loop = loop_enter("async_start_unix_server");
    OPTIONS_CHECK(options, "async_start_unix_server");
    if (out == NULL || serve == NULL || path == NULL || (options != NULL && options->backlog < 0))
        return async_fail(
            -EINVAL, "async_start_unix_server: the place for the server, its function or the path "
                     "is NULL, or the backlog is negative");
    *out = NULL;
    if (loop_running(loop)->cancel_pending)
        return asyncp_fail_cancelled(loop);
    struct async_server *server = asyncp_server_make(loop, serve, name, where, argument, options);
    return finish_start(server, server != NULL ? start_at_path(server, path) : -ENOMEM, out);
}

/* ---- on a socket of the program's ----------------------------------------------------------- */

static bool is_bound(const struct sockaddr_storage *address, socklen_t size)
{
    struct sockaddr_storage copy = *address;
    if (address->ss_family == AF_UNIX)
        return size > offsetof(struct sockaddr_un, sun_path);
    return !address_has_port((struct sockaddr *)&copy) ||
           *address_port((struct sockaddr *)&copy) != 0;
}

/* 0, and whether it listens already; or why it cannot be a server's. */
static int check_listener(const struct async_loop *loop, int fd, bool *listens)
{
    struct sockaddr_storage address, peer;
    socklen_t size, peer_size;
    int type = asyncp_sys_option(fd, SOL_SOCKET, SO_TYPE);
    if (type < 0)
        return async_fail_errno(type, "serve on descriptor %d", fd);
    if (type != SOCK_STREAM)
        return async_fail(-EPROTOTYPE, "serve on descriptor %d: it is not a stream socket", fd);
    if (asyncp_poller_has_source(&loop->poller, fd))
        return async_fail(-EBUSY, "serve on descriptor %d: a stream or a server has it", fd);
    int result = asyncp_sys_option(fd, SOL_SOCKET, SO_ACCEPTCONN);
    *listens = result > 0;
    if (result == 0 && asyncp_sys_peer_address(fd, &peer, &peer_size) == 0)
        return async_fail(-EISCONN, "serve on descriptor %d: it is connected", fd);
    if (result == 0)
        result = asyncp_sys_local_address(fd, &address, &size);
    if (result == 0 && !is_bound(&address, size))
        return async_fail(-EINVAL, "serve on descriptor %d: it is not bound", fd);
    return result < 0 ? async_fail_errno(result, "serve on descriptor %d", fd) : 0;
}

static int serve_on_descriptor(struct async_server *server, int fd,
                               const async_server_options *options)
{
    bool listens;
    int result = check_listener(asyncp_current, fd, &listens);
    if (result == 0)
        result = asyncp_server_reserve(server, 1);
    if (result == 0)
        result = asyncp_sys_set_nonblocking(fd);
    if (result == 0 && asyncp_server_options(server)->keep_alive)
        result = asyncp_sys_set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    if (result < 0)
        return result;
    async_ignore(asyncp_sys_set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1)); /* not TCP: no matter */
    if (!listens || (options != NULL && options->backlog > 0))
        result = asyncp_sys_listen(fd, asyncp_server_options(server)->backlog);
    if (result < 0)
        return async_fail_errno(result, "listen on descriptor %d", fd);
    return asyncp_server_listen(server, fd);
}

int asyncp_start_server_fd(async_server **out, async_serve *serve, const char *name,
                           const char *where, void *argument, int fd,
                           const async_server_options *options)
{
    struct async_loop *loop = loop_enter("async_start_server_fd");
    OPTIONS_CHECK(options, "async_start_server_fd");
    if (out == NULL || serve == NULL || (options != NULL && options->backlog < 0))
        return async_fail(
            -EINVAL, "async_start_server_fd: the place for the server or its function is NULL, "
                     "or the backlog is negative");
    *out = NULL;
    if (loop_running(loop)->cancel_pending)
        return asyncp_fail_cancelled(loop);
    struct async_server *server = asyncp_server_make(loop, serve, name, where, argument, options);
    return finish_start(server, server != NULL ? serve_on_descriptor(server, fd, options) : -ENOMEM,
                        out);
}
