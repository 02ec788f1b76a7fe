/*
 * net/resolver.h: questions about names, which libc answers on worker threads: four at once for the
 * whole process. It does not know the use of an answer.
 */
#ifndef NET_RESOLVER_H
#define NET_RESOLVER_H

#include "sched/sched.h"
#include <sys/socket.h>

struct addrinfo;

/*
 * For addresses: of a host and a service. For names: of an address. Equal questions share one
 * lookup.
 */
struct question {
    const char *host;               /* NULL: this host */
    const char *service;            /* NULL: none */
    const struct sockaddr *address; /* NULL: addresses are asked for, and not names */
    socklen_t address_size;
    int flags;                      /* getaddrinfo's or getnameinfo's */
    int family, type, protocol;     /* hints for addresses */
    bool wants_host, wants_service; /* which names */
};

struct answer {
    int code;              /* 0 or -errno */
    const char *why;       /* static; of an error */
    struct addrinfo *list; /* addresses, from libc */
    char *host, *service;  /* the names, if asked for, else NULL */
};

struct lookup;

/*
 * Waits for the answer. Equal questions share it, and it stays until the lookup is released. 0,
 * whatever the answer is; -ECANCELED; -ENOMEM; -EAGAIN and the like: there is no thread and none
 * can be started. Switches.
 */
int asyncp_resolve(struct async_loop *loop, const struct question *question, const char *call,
                   struct lookup **lookup);

const struct answer *asyncp_lookup_answer(const struct lookup *lookup);
void asyncp_lookup_release(struct lookup *lookup);

/* How many lookups are queued or running, including lookups without waiters. */
size_t asyncp_lookups_under_way(void);

#endif
