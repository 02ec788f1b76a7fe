/*
 * net/resolver.h: questions about names, put to libc's resolver on threads of their own, of which a
 * process has a few, so that a name that is slow holds up names and nothing else. It must not know
 * what is done with an answer.
 */
#ifndef NET_RESOLVER_H
#define NET_RESOLVER_H

#include "sched/sched.h"
#include <sys/socket.h>

struct addrinfo;

/* What is asked. Two that are equal in everything are one and the same question. */
struct question {
    const char *host;    /* whose addresses; NULL: this host's */
    const char *service; /* at which port; NULL: none */
    /* instead of these: whose names; NULL: addresses are asked for */
    const struct sockaddr *address;
    socklen_t address_size; /* of the address */
    int flags;              /* getaddrinfo's or getnameinfo's */
    int family;             /* of the addresses */
    int type;               /* of their sockets */
    int protocol;           /* on those */
    bool wants_host;        /* of names: the host's is */
    bool wants_service;     /* of names: the service's is */
};

/* What came of it. */
struct answer {
    int code;              /* 0 or -errno */
    const char *why;       /* of an error: a constant that tells more */
    struct addrinfo *list; /* of addresses: libc's */
    char *host;            /* of names: the host's, if it was wanted */
    char *service;         /* of names: the service's, if it was wanted */
};

struct lookup;

/*
 * Waits for the answer, which stays until the lookup is released, and is for everybody who asked
 * the same. 0, whatever the answer is; -ECANCELED; -ENOMEM; -EAGAIN and the like: no thread can be
 * made.
 */
int asyncp_resolve(struct async_loop *loop, const struct question *question, const char *call,
                   struct lookup **lookup);

const struct answer *asyncp_lookup_answer(const struct lookup *lookup);
void asyncp_lookup_release(struct lookup *lookup);

/*
 * How many lookups have begun, or are to begin, and have not ended; whether or not somebody waits
 * for them.
 */
size_t asyncp_lookups_under_way(void);

#endif
