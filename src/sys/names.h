/*
 * sys/names.h: libc's resolver. It reads files and asks the network, so it may block for half a
 * minute, and it wants 20 KiB of stack: it is for threads of their own. In a file apart from sys.c,
 * because a static program that links it wants glibc's shared libraries all the same, and one that
 * resolves no names shall not. It must not know who asks.
 */
#ifndef SYS_NAMES_H
#define SYS_NAMES_H

#include <stddef.h>
#include <sys/socket.h>

struct addrinfo;

/*
 * A resolver. Its functions are called as those of the same name in netdb.h, on any thread, and may
 * block.
 */
struct resolver {
    int (*getaddrinfo)(const char *host, const char *service, const struct addrinfo *hints,
                       struct addrinfo **list);  /* 0 or EAI_* */
    void (*freeaddrinfo)(struct addrinfo *list); /* of a list that it gave, on any thread */
    int (*getnameinfo)(const struct sockaddr *address, socklen_t size, char *host,
                       socklen_t host_size, char *service, socklen_t service_size,
                       int flags); /* 0 or EAI_* */
};

/* Who is asked by what follows: libc. A test puts another one in its place before anybody asks. */
extern const struct resolver *asyncp_sys_resolver;

/*
 * 0 or -errno, which the table in asyncio/name.h tells for each EAI_*; then *why is a constant that
 * says it in words. Of getaddrinfo the list is the caller's.
 */
int asyncp_sys_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                           struct addrinfo **list, const char **why);
void asyncp_sys_freeaddrinfo(struct addrinfo *list);
int asyncp_sys_getnameinfo(const struct sockaddr *address, socklen_t size, char *host,
                           size_t host_size, char *service, size_t service_size, int flags,
                           const char **why);

/* The number of the network interface of that name; 0: there is none. */
unsigned asyncp_sys_interface_number(const char *name);

#endif
