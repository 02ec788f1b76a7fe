/*
 * net/address.c: the text of addresses; of a family without one, its number.
 */
#include "net/address.h"
#include "net/addrinfo.h"
#include "sys/socket.h"
#include <arpa/inet.h>
#include <asyncio/name.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdbool.h>
#include <string.h>
#include <sys/un.h>

static int inet4_text(const struct sockaddr_in *address, char *text, size_t room)
{
    char host[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &address->sin_addr, host, sizeof host);
    return snprintf(text, room, "%s:%u", host, ntohs(address->sin_port));
}

static int inet6_text(const struct sockaddr_in6 *address, char *text, size_t room)
{
    char host[INET6_ADDRSTRLEN], scope[IF_NAMESIZE + 1] = "%";
    inet_ntop(AF_INET6, &address->sin6_addr, host, sizeof host);
    if (address->sin6_scope_id == 0 ||
        asyncp_sys_interface_name(address->sin6_scope_id, scope + 1) < 0)
        scope[0] = 0;
    return snprintf(text, room, "[%s%s]:%u", host, scope, ntohs(address->sin6_port));
}

/*
 * A path ends at the first zero byte, or fills its field. An abstract name begins with a zero byte,
 * and all bytes after it belong to it: other programs choose them, so they are made printable.
 */
static int unix_text(const struct sockaddr_un *address, socklen_t size, char *text, size_t room)
{
    size_t length = size > offsetof(struct sockaddr_un, sun_path)
                        ? size - offsetof(struct sockaddr_un, sun_path)
                        : 0;
    if (length == 0 || address->sun_path[0] != 0)
        return (int)async_printable(text, room, address->sun_path,
                                    strnlen(address->sun_path, length));
    if (room > 1)
        text[0] = '@';
    else if (room > 0)
        text[0] = 0;
    return 1 + (int)async_printable(room > 1 ? text + 1 : NULL, room > 1 ? room - 1 : 0,
                                    address->sun_path + 1, length - 1);
}

int asyncp_address_text(const struct sockaddr *address, socklen_t size, char *text, size_t room)
{
    const void *any = address;
    switch (address->sa_family) {
    case AF_INET:
        return inet4_text(any, text, room);
    case AF_INET6:
        return inet6_text(any, text, room);
    case AF_UNIX:
        return unix_text(any, size, text, room);
    default:
        return snprintf(text, room, "an address of family %d", address->sa_family);
    }
}

int asyncp_fail_at_address(const char *what, int error, const struct sockaddr *address,
                           socklen_t size)
{
    struct sockaddr_storage copy = {0};
    char text[ADDRESS_TEXT];
    if (size > sizeof copy)
        size = sizeof copy;
    memcpy(&copy, address, size);
    asyncp_address_text((const struct sockaddr *)&copy, size, text, sizeof text);
    return async_fail_errno(error, "%s %s", what, text);
}

int asyncp_socket_port(int fd)
{
    struct sockaddr_storage storage;
    struct sockaddr *address = (struct sockaddr *)&storage;
    socklen_t size;
    int result = asyncp_sys_local_address(fd, &storage, &size);
    if (result < 0)
        return result;
    return address_has_port(address) ? ntohs(*address_port(address)) : 0;
}

int asyncp_look_up(const char *host, int port, const char *service, int flags,
                   struct addrinfo **list)
{
    const struct addrinfo hints = {.ai_flags = flags, .ai_socktype = SOCK_STREAM};
    char number[8];
    if (port < 0 || port > MAX_PORT)
        return async_fail(-EINVAL, "there is no port %d", port);
    if (service != NULL && port != 0)
        return async_fail(-EINVAL, "both port %d and service %s are given", port, service);
    snprintf(number, sizeof number, "%d", port);
    return async_getaddrinfo(host, service != NULL ? service : number, &hints, list);
}

int asyncp_unix_address(struct sockaddr_un *address, const char *path)
{
    size_t length = strlen(path);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (length == 0)
        return async_fail(-EINVAL, "the path of the Unix socket is empty");
    if (length >= sizeof address->sun_path)
        return async_fail(-ENAMETOOLONG, "the path of a Unix socket has at most %zu bytes",
                          sizeof address->sun_path - 1);
    memcpy(address->sun_path, path, length);
    if (path[0] != '@')
        return (int)sizeof *address;
    address->sun_path[0] = 0;
    return (int)(offsetof(struct sockaddr_un, sun_path) + length);
}
