/*
 * sys/names.h: libc's resolver. It reads files and queries the network, so it may block for half a
 * minute, and it needs 20 KiB of stack: call it on threads of its own. It has a file of its own
 * because a static program with getaddrinfo needs glibc's shared libraries at run time; a program
 * that resolves no names must not link it.
 */
#ifndef SYS_NAMES_H
#define SYS_NAMES_H

#include <stddef.h>
#include <sys/socket.h>

struct addrinfo;

/*
 * The functions of netdb.h with the same names. They may block and are called on any thread.
 * Integer results are 0 or EAI_*.
 */
struct resolver {
    int (*getaddrinfo)(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **list);
    void (*freeaddrinfo)(struct addrinfo *list);
    int (*getnameinfo)(const struct sockaddr *address, socklen_t size, char *host,
                       socklen_t host_size, char *service, socklen_t service_size, int flags);
};

/* The resolver in use: libc's. Tests replace it before the first call. */
extern const struct resolver *asyncp_sys_resolver;

/*
 * 0 or -errno; the table in asyncio/name.h has the -errno for each EAI_*. After an error *why is a
 * constant text. The caller owns the list.
 */
int asyncp_sys_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                           struct addrinfo **list, const char **why);
void asyncp_sys_freeaddrinfo(struct addrinfo *list);
int asyncp_sys_getnameinfo(const struct sockaddr *address, socklen_t size, char *host,
                           size_t host_size, char *service, size_t service_size, int flags,
                           const char **why);

#endif
