/*
 * net/address.h: socket addresses: as text, of a host, and of paths.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* Room for the text of any address; a path with bytes shown as \xNN may be cut. */
enum { ADDRESS_TEXT = 128 };

/*
 * "127.0.0.1:80", "[::1]:80", "/run/x.sock", "@abstract", "", printable; returns the whole length,
 * as snprintf does.
 */
int asyncp_address_text(const struct sockaddr *address, socklen_t size, char *text, size_t room);

/*
 * Addresses for streams at a host and a port, or at a service if it is not NULL; the flags are
 * getaddrinfo's. 0, and the list is the caller's; or -errno. Switches.
 */
struct addrinfo;
int asyncp_look_up(const char *host, int port, const char *service, int flags,
                   struct addrinfo **list);

/*
 * async_fail_errno with the error message "<what> <address>", for example "connect to [::1]:80".
 * The address may be too short for its family.
 */
int asyncp_fail_at_address(const char *what, int error, const struct sockaddr *address,
                           socklen_t size);

static inline bool address_has_port(const struct sockaddr *address)
{
    return address->sa_family == AF_INET || address->sa_family == AF_INET6;
}

/* The port of an IPv4 or IPv6 address, in network byte order. */
static inline in_port_t *address_port(struct sockaddr *address)
{
    void *any = address;
    return address->sa_family == AF_INET6 ? &((struct sockaddr_in6 *)any)->sin6_port
                                          : &((struct sockaddr_in *)any)->sin_port;
}

/* The local port of a socket; 0: it has none; or -errno. */
int asyncp_socket_port(int fd);

/*
 * The address of a Unix socket at the path, or of an abstract one, "@name": its size, or -errno.
 */
struct sockaddr_un;
int asyncp_unix_address(struct sockaddr_un *address, const char *path);

#endif
