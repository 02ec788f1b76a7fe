/*
 * net/addrinfo.h: lists of addresses as users get them, and those that need nobody to look them up.
 * A list is one block of memory, whoever found the addresses. It must not know of threads and
 * tasks.
 */
#ifndef NET_ADDRINFO_H
#define NET_ADDRINFO_H

struct addrinfo;

enum { MAX_PORT = 65535 };

/*
 * A copy of a list that is not empty, for async_freeaddrinfo; from malloc, so for any thread. NULL:
 * out of memory.
 */
struct addrinfo *asyncp_addrinfo_copy(const struct addrinfo *list);

/*
 * The list for a host and a service that are numbers, or NULL, where it is beyond doubt what
 * getaddrinfo would give; no file and no network is needed for that. 1: *list is it, or NULL: out
 * of memory; 0: somebody must look it up; -EINVAL: the service is no port.
 */
int asyncp_addrinfo_literal(const char *host, const char *service, const struct addrinfo *hints,
                            struct addrinfo **list);

#endif
