/*
 * io/start.c: starting a server: a socket for each address of its host, all at one port, or one at a path.
 */
#include "io/address.h"
#include "io/server.h"
#include "sys/socket.h"
#include <asyncio/name.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { HIGHEST_PORT = 65535 };

/* ---- one socket ------------------------------------------------------------------------------------------------ */

static int set_options(int descriptor, int family, const async_server_options *options)
{
    int result = async__sys_set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
    if (result == 0 && options->reuse_port)
        result = async__sys_set_option(descriptor, SOL_SOCKET, SO_REUSEPORT, 1);
    if (result == 0 && family == AF_INET6)
        result = async__sys_set_option(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (result == 0 && options->keep_alive)
        result = async__sys_set_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
    return result == 0 ? async__sys_set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1)
                       : result; /* which the connections inherit */
}

/* A socket that listens there, or -errno and why. */
static int open_listener(const struct sockaddr *address, socklen_t size, const async_server_options *options)
{
    int descriptor = async__sys_socket(address->sa_family, SOCK_STREAM, 0);
    if (descriptor < 0)
        return descriptor;
    int result = address->sa_family != AF_UNIX ? set_options(descriptor, address->sa_family, options) : 0;
    if (result == 0)
        result = async__sys_bind(descriptor, address, size);
    if (result == 0)
        result = async__sys_listen(descriptor, options->backlog);
    if (result == 0)
        return descriptor;
    async__sys_close(descriptor);
    char text[ADDRESS_TEXT];
    async__address_text(address, size, text, sizeof text);
    return async_fail(result, "listen at %s: %s", text, strerror(-result));
}

/* ---- at all addresses of a host -------------------------------------------------------------------------------- */

static in_port_t *port_of(struct sockaddr *address)
{
    void *any = address;
    return address->sa_family == AF_INET6 ? &((struct sockaddr_in6 *)any)->sin6_port
                                          : &((struct sockaddr_in *)any)->sin_port;
}

int async_server_port(const async_server *server)
{
    struct sockaddr_storage address;
    socklen_t size;
    ENSURE(server != NULL, "async_server_port: the server is NULL");
    if (server->listener_count == 0 ||
        async__sys_local_address(server->listeners[0].channel.source.descriptor, &address, &size) < 0 ||
        address.ss_family == AF_UNIX)
        return 0;
    return ntohs(*port_of((struct sockaddr *)&address));
}

/* A machine that has no IPv6, or has it and no address, is no reason not to listen at the others. */
static bool is_dispensable(int error)
{
    return error == -EAFNOSUPPORT || error == -EADDRNOTAVAIL;
}

static int listen_at_all(struct async_server *server, const struct addrinfo *addresses)
{
    int dispensable = -EADDRNOTAVAIL;
    for (const struct addrinfo *one = addresses; one != NULL && server->listener_count < MOST_LISTENERS;
         one = one->ai_next) {
        if (one->ai_family != AF_INET && one->ai_family != AF_INET6)
            continue;
        if (*port_of(one->ai_addr) == 0) /* the kernel has chosen for the first: the others follow */
            *port_of(one->ai_addr) = htons((in_port_t)async_server_port(server));
        int result = open_listener(one->ai_addr, one->ai_addrlen, &server->options);
        if (result >= 0)
            result = async__server_listen(server, result, NULL);
        if (result < 0 && !is_dispensable(result))
            return result;
        dispensable = result < 0 ? result : dispensable;
    }
    return server->listener_count > 0 ? 0 : dispensable;
}

/* Gives the server to the program, or to nobody. Of what a listener is at first nobody tells: so it is tried. */
static int finish(struct async_server *server, int result, async_server **out)
{
    if (result < 0) {
        async_server_free(server);
        return result;
    }
    async__server_accept_again(server);
    *out = server;
    return 0;
}

int async__start_server(async_server **out, async_serve *serve, const char *name, const char *where,
                        void *argument, const char *host, int port, const async_server_options *options)
{
    struct async_loop *loop = loop_enter("async_start_server");
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    char service[8];
    if (out == NULL || serve == NULL || (options != NULL && options->backlog < 0))
        return -EINVAL;
    *out = NULL;
    if (loop->current->refused)
        return async__refused(loop);
    if (port < 0 || port > HIGHEST_PORT)
        return async_fail(-EINVAL, "there is no port %d", port);
    snprintf(service, sizeof service, "%d", port);
    int result = async_getaddrinfo(host, service, &hints, &addresses);
    if (result < 0)
        return result;
    struct async_server *server = async__server_make(loop, serve, name, where, argument, options);
    result = server != NULL ? listen_at_all(server, addresses) : -ENOMEM;
    async_freeaddrinfo(addresses);
    return finish(server, result, out);
}

/* ---- at a path ------------------------------------------------------------------------------------------------- */

/* A socket that a server has left there would be in the way. */
static void remove_socket(const char *path)
{
    struct stat status;
    if (path[0] != '@' && stat(path, &status) == 0 && S_ISSOCK(status.st_mode))
        unlink(path);
}

static int listen_at_path(struct async_server *server, const char *path)
{
    struct sockaddr_un address;
    int size = async__unix_address(&address, path);
    if (size < 0)
        return size;
    remove_socket(path);
    char *copy = path[0] != '@' ? memory_new(&server->loop->memory, strlen(path) + 1) : NULL;
    if (copy == NULL && path[0] != '@')
        return -ENOMEM;
    if (copy != NULL)
        memcpy(copy, path, strlen(path));
    int result = open_listener((const struct sockaddr *)&address, (socklen_t)size, &server->options);
    if (result >= 0)
        result = async__server_listen(server, result, copy);
    if (result < 0 && copy != NULL)
        memory_free(&server->loop->memory, copy, strlen(path) + 1);
    return result;
}

int async__start_unix_server(async_server **out, async_serve *serve, const char *name, const char *where,
                             void *argument, const char *path, const async_server_options *options)
{
    struct async_loop *loop = loop_enter("async_start_unix_server");
    if (out == NULL || serve == NULL || path == NULL || (options != NULL && options->backlog < 0))
        return -EINVAL;
    *out = NULL;
    if (loop->current->refused)
        return async__refused(loop);
    struct async_server *server = async__server_make(loop, serve, name, where, argument, options);
    return finish(server, server != NULL ? listen_at_path(server, path) : -ENOMEM, out);
}
