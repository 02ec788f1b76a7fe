/*
 * net/start.c: starting a server: a socket for each address of its hosts, all at one port; or one
 * at a path; or one that the program has bound.
 */
#include "base/options.h"
#include "net/address.h"
#include "net/path.h"
#include "net/server.h"
#include "poll/watched.h"
#include "sys/socket.h"
#include <asyncio/name.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>

/*
 * A port that the kernel chose for one address may be taken at another: so many are tried. Where
 * nine tenths of the ports are taken at the other address, one start in 38,000 fails.
 */
enum { MAX_PORT_TRIES = 100 };

/* ---- one socket ----------------------------------------------------------------------------- */

static int set_options(int fd, int family, const async_server_options *options)
{
    int result = asyncp_sys_set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (result == 0 && options->reuse_port)
        result = asyncp_sys_set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (result == 0 && family == AF_INET6)
        result = asyncp_sys_set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (result == 0 && options->keep_alive)
        result = asyncp_sys_set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    return result == 0 ? asyncp_sys_set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1)
                       : result; /* which the connections inherit */
}

static int fail_to_listen(int error, const struct sockaddr *address, socklen_t size)
{
    char text[ADDRESS_TEXT];
    asyncp_address_text(address, size, text, sizeof text);
    return async_fail_errno(error, "listen at %s", text);
}

/* A socket that listens there, or -errno and why. */
static int open_listener(const struct sockaddr *address, socklen_t size,
                         const async_server_options *options)
{
    int fd = asyncp_sys_socket(address->sa_family, SOCK_STREAM, 0);
    if (fd < 0)
        return fail_to_listen(fd, address, size);
    int result = address->sa_family != AF_UNIX ? set_options(fd, address->sa_family, options) : 0;
    if (result == 0)
        result = asyncp_sys_bind(fd, address, size);
    if (result == 0)
        result = asyncp_sys_listen(fd, options->backlog);
    if (result == 0)
        return fd;
    asyncp_sys_close(fd);
    return fail_to_listen(result, address, size);
}

static int take_listener(struct async_server *server, int fd, struct socket_path *path)
{
    int result = asyncp_server_listen(server, fd, path);
    if (result < 0)
        asyncp_sys_close(fd);
    return result;
}

/*
 * Gives the server to the program, or to nobody. Of what a listener is at first nobody tells: so it
 * is tried.
 */
static int finish(struct async_server *server, int result, async_server **out)
{
    if (result < 0) {
        async_server_free_wait(server);
        return result;
    }
    asyncp_server_accept_again(server);
    *out = server;
    return paced(server->loop, PACE_KERNEL, 0);
}

/* ---- ports ---------------------------------------------------------------------------------- */

static bool has_port(const struct sockaddr *address)
{
    return address->sa_family == AF_INET || address->sa_family == AF_INET6;
}

static in_port_t *port_of(struct sockaddr *address)
{
    void *any = address;
    ASSERT(has_port(address));
    return address->sa_family == AF_INET6 ? &((struct sockaddr_in6 *)any)->sin6_port
                                          : &((struct sockaddr_in *)any)->sin_port;
}

/* The port at which a socket is bound, as a number; 0: it has none. -errno. */
static int bound_port(int fd)
{
    struct sockaddr_storage storage;
    struct sockaddr *address = (struct sockaddr *)&storage;
    socklen_t size;
    int result = asyncp_sys_local_address(fd, &storage, &size);
    if (result < 0)
        return result;
    return has_port(address) ? ntohs(*port_of(address)) : 0;
}

int async_server_port(const async_server *server)
{
    ENSURE(server != NULL, "async_server_port: the server is NULL");
    int port = server->listener_count > 0 ? bound_port(server->listeners[0].pollable.source.fd) : 0;
    return port > 0 ? port : 0;
}

/* ---- at all addresses of its hosts ---------------------------------------------------------- */

/* One address at which a server is to listen. */
struct place {
    struct sockaddr *address; /* in a list of the places' */
    socklen_t size;           /* of it */
    int fd;                   /* that listens there; -1: none does */
};

struct places {
    struct async_loop *loop; /* whose memory this is */
    struct addrinfo **lists; /* of each host; NULL: not looked up */
    size_t host_count;       /* of the lists */
    struct place *places;    /* each address once */
    size_t count;            /* of them */
    size_t room;             /* for so many */
    bool any_port;           /* the kernel chooses the port */
    size_t open;             /* sockets that listen */
};

static size_t count_hosts(const async_server_options *options)
{
    size_t count = 1;
    if (options->more_hosts != NULL)
        for (const char *const *host = options->more_hosts; *host != NULL; host++)
            count++;
    return count;
}

static int look_up_hosts(struct places *places, const char *first, int port,
                         const async_server_options *options)
{
    places->host_count = count_hosts(options);
    places->lists = memory_new(&places->loop->memory, places->host_count * sizeof *places->lists);
    if (places->lists == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < places->host_count; i++) {
        const char *host = i == 0 ? first : options->more_hosts[i - 1];
        if (host != NULL && host[0] == 0)
            host = NULL;
        ASYNC_TRY(asyncp_look_up(host, port, options->service, AI_PASSIVE, &places->lists[i]));
        for (const struct addrinfo *one = places->lists[i]; one != NULL; one = one->ai_next)
            places->room++;
    }
    return 0;
}

static bool is_known(const struct places *places, const struct addrinfo *address)
{
    for (size_t i = 0; i < places->count; i++)
        if (places->places[i].size == address->ai_addrlen &&
            memcmp(places->places[i].address, address->ai_addr, address->ai_addrlen) == 0)
            return true;
    return false;
}

static int gather_places(struct places *places)
{
    places->places = memory_new(&places->loop->memory, places->room * sizeof *places->places);
    if (places->places == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < places->host_count; i++)
        for (const struct addrinfo *one = places->lists[i]; one != NULL; one = one->ai_next)
            if (has_port(one->ai_addr) && !is_known(places, one))
                places->places[places->count++] = (struct place){
                    .address = one->ai_addr, .size = one->ai_addrlen, .fd = -1};
    if (places->count == 0)
        return async_fail(-EADDRNOTAVAIL, "the host has no address to listen at");
    places->any_port = *port_of(places->places[0].address) == 0;
    return 0;
}

static void close_places(struct places *places)
{
    for (size_t i = 0; i < places->count; i++) {
        if (places->places[i].fd >= 0)
            asyncp_sys_close(places->places[i].fd);
        places->places[i].fd = -1;
    }
    places->open = 0;
}

static void free_places(struct places *places)
{
    const async_allocator *memory = &places->loop->memory;
    close_places(places);
    memory_free(memory, places->places, places->room * sizeof *places->places);
    for (size_t i = 0; i < places->host_count && places->lists != NULL; i++)
        async_freeaddrinfo(places->lists[i]);
    memory_free(memory, places->lists, places->host_count * sizeof *places->lists);
}

/*
 * A machine that has no IPv6, or has it and no address, is no reason not to listen at the others.
 */
static bool is_dispensable(int error)
{
    return error == -EAFNOSUPPORT || error == -EADDRNOTAVAIL;
}

static void report_left_out(const struct async_server *server, const struct place *place, int error)
{
    char text[ADDRESS_TEXT];
    if (!loop_is_debug(server->loop))
        return;
    asyncp_address_text(place->address, place->size, text, sizeof text);
    asyncp_report("'%s' does not listen at %s: %s", server->function.name, text, strerror(-error));
}

/* All of them at one port. 0, or the error of an address that cannot be done without. */
static int open_places(struct async_server *server, struct places *places)
{
    const struct place *left_out = NULL;
    int port = 0, error = 0;
    for (struct place *place = places->places; place < places->places + places->count; place++) {
        if (places->any_port)
            *port_of(place->address) = htons((in_port_t)port);
        int result = open_listener(place->address, place->size, &server->options);
        if (result < 0 && !is_dispensable(result))
            return result;
        if (result < 0) {
            report_left_out(server, place, result);
            if (left_out == NULL || error == -EAFNOSUPPORT) { /* which says less */
                left_out = place;
                error = result;
            }
            continue;
        }
        place->fd = result;
        places->open++;
        if (port == 0 && (port = bound_port(result)) < 0)
            return port;
    }
    return places->open > 0 ? 0 : fail_to_listen(error, left_out->address, left_out->size);
}

static int listen_at_places(struct async_server *server, struct places *places)
{
    int result = -EADDRINUSE;
    for (int tries = 0; tries < MAX_PORT_TRIES && result == -EADDRINUSE; tries++) {
        close_places(places);
        result = open_places(server, places);
        if (!places->any_port || places->open == 0)
            break;
    }
    if (result == 0)
        result = asyncp_server_make_room(server, places->open);
    for (size_t i = 0; i < places->count && result == 0; i++) {
        if (places->places[i].fd >= 0)
            result = take_listener(server, places->places[i].fd, NULL);
        places->places[i].fd = -1;
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
    struct places places = {.loop = loop};
    OPTIONS_CHECK(options, "async_start_server");
    if (out == NULL || serve == NULL || (options != NULL && options->backlog < 0))
        return -EINVAL;
    *out = NULL;
    if (loop_running(loop)->refused)
        return asyncp_refused(loop);
    int result = look_up_hosts(&places, host, port, options != NULL ? options : &defaults);
    if (result == 0)
        result = gather_places(&places);
    if (result == 0) {
        server = asyncp_server_make(loop, serve, name, where, argument, options);
        result = server != NULL ? listen_at_places(server, &places) : -ENOMEM;
    }
    free_places(&places);
    return finish(server, result, out);
}

/* ---- at a path ------------------------------------------------------------------------------ */

static int listen_at_path(struct async_server *server, struct socket_path *path,
                          const struct sockaddr *address, socklen_t size)
{
    int fd = asyncp_sys_socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0)
        return fail_to_listen(fd, address, size);
    int result = asyncp_path_vacate(path);
    if (result < 0) {
        asyncp_sys_close(fd);
        return result;
    }
    result = asyncp_path_bind(path, fd, address, size);
    if (result == 0)
        result = asyncp_sys_listen(fd, server->options.backlog);
    if (result == 0)
        return take_listener(server, fd, path);
    asyncp_sys_close(fd);
    return fail_to_listen(result, address, size);
}

static int listen_at_abstract_name(struct async_server *server, const struct sockaddr *address,
                                   socklen_t size)
{
    int fd = open_listener(address, size, &server->options);
    return fd < 0 ? fd : take_listener(server, fd, NULL);
}

static int start_at_path(struct async_server *server, const char *text)
{
    struct sockaddr_un unix_address;
    const struct sockaddr *address = (const struct sockaddr *)&unix_address;
    struct socket_path *path;
    int size = asyncp_unix_address(&unix_address, text);
    if (size < 0)
        return size;
    ASYNC_TRY(asyncp_server_make_room(server, 1));
    if (text[0] == '@')
        return listen_at_abstract_name(server, address, (socklen_t)size);
    ASYNC_TRY(asyncp_path_claim(server->loop, text, &path));
    int result = listen_at_path(server, path, address, (socklen_t)size);
    if (result < 0)
        asyncp_path_withdraw(server->loop, path);
    else
        asyncp_path_settle(path);
    return result;
}

int asyncp_start_unix_server(async_server **out, async_serve *serve, const char *name,
                             const char *where, void *argument, const char *path,
                             const async_server_options *options)
{
    struct async_loop *loop = loop_enter("async_start_unix_server");
    OPTIONS_CHECK(options, "async_start_unix_server");
    if (out == NULL || serve == NULL || path == NULL || (options != NULL && options->backlog < 0))
        return -EINVAL;
    *out = NULL;
    if (loop_running(loop)->refused)
        return asyncp_refused(loop);
    struct async_server *server = asyncp_server_make(loop, serve, name, where, argument, options);
    return finish(server, server != NULL ? start_at_path(server, path) : -ENOMEM, out);
}

/* ---- on a socket of the program's ----------------------------------------------------------- */

static bool is_bound(const struct sockaddr_storage *address, socklen_t size)
{
    struct sockaddr_storage copy = *address;
    if (address->ss_family == AF_UNIX)
        return size > offsetof(struct sockaddr_un, sun_path);
    return !has_port((struct sockaddr *)&copy) || *port_of((struct sockaddr *)&copy) != 0;
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
    const struct watched *watched = watched_find(&loop->poller, fd);
    if (watched != NULL && watched->source != NULL)
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
    int result = check_listener(server->loop, fd, &listens);
    if (result == 0)
        result = asyncp_server_make_room(server, 1);
    if (result == 0)
        result = asyncp_sys_no_blocking(fd);
    if (result == 0 && server->options.keep_alive)
        result = asyncp_sys_set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    if (result < 0)
        return result;
    async_ignore(asyncp_sys_set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1)); /* if it is one of TCP */
    if (!listens || (options != NULL && options->backlog > 0))
        result = asyncp_sys_listen(fd, server->options.backlog);
    if (result < 0)
        return async_fail_errno(result, "listen on descriptor %d", fd);
    return asyncp_server_listen(server, fd, NULL);
}

int asyncp_start_server_fd(async_server **out, async_serve *serve, const char *name,
                           const char *where, void *argument, int fd,
                           const async_server_options *options)
{
    struct async_loop *loop = loop_enter("async_start_server_fd");
    OPTIONS_CHECK(options, "async_start_server_fd");
    if (out == NULL || serve == NULL || (options != NULL && options->backlog < 0))
        return -EINVAL;
    *out = NULL;
    if (loop_running(loop)->refused)
        return asyncp_refused(loop);
    struct async_server *server = asyncp_server_make(loop, serve, name, where, argument, options);
    return finish(server, server != NULL ? serve_on_descriptor(server, fd, options) : -ENOMEM, out);
}
