/*
 * net/address.h: socket addresses: as text for people, those of a host, and those of paths.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <stddef.h>
#include <sys/socket.h>

/*
 * What fits the longest, a Unix socket's path, with its zero byte; with bytes that are shown as
 * \xNN it may be cut.
 */
enum { ADDRESS_TEXT = 128 };

/*
 * "127.0.0.1:80", "[::1]:80", "/run/x.sock", "@abstract", "", printable; returns the whole length,
 * as snprintf does.
 */
int asyncp_address_text(const struct sockaddr *address, socklen_t size, char *text, size_t room);

/*
 * Addresses of streams at a host and a port, or at a service if that is not NULL; flags are those
 * of getaddrinfo. 0, and the list is the caller's; or -errno. Switches.
 */
struct addrinfo;
int asyncp_look_up(const char *host, int port, const char *service, int flags,
                   struct addrinfo **list);

/*
 * async_fail with the sentence "connect to <address>: <what the error means>", whatever the address
 * is.
 */
int asyncp_fail_to_connect(int error, const struct sockaddr *address, socklen_t size);

/*
 * The address of a Unix socket at that path, or of an abstract one, "@name": its size, or -errno.
 */
struct sockaddr_un;
int asyncp_unix_address(struct sockaddr_un *address, const char *path);

#endif
