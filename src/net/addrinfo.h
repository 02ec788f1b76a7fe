/*
 * net/addrinfo.h: lists of addresses for the program, each in one block of memory, and numeric
 * addresses, which need no lookup. It does not know threads and tasks.
 */
#ifndef NET_ADDRINFO_H
#define NET_ADDRINFO_H

struct addrinfo;

enum { MAX_PORT = 65535 };

/*
 * A copy of a non-empty list, for async_freeaddrinfo; from malloc, so any thread may free it. NULL:
 * out of memory.
 */
struct addrinfo *asyncp_addrinfo_copy(const struct addrinfo *list);

/*
 * Computes the result of getaddrinfo if the host and the service are numbers or NULL, without a
 * file or the network. 1: *list is the result, NULL if out of memory; 0: only getaddrinfo knows;
 * -EINVAL: there is no such port.
 */
int asyncp_addrinfo_literal(const char *host, const char *service, const struct addrinfo *hints,
                            struct addrinfo **list);

#endif
