/*
 * names.h: a resolver that needs no network: it knows some names under .test, and holds every
 * lookup at a latch if the test says so. It replaces libc's in the process; it leaves numbers to
 * libc.
 */
#ifndef TEST_NAMES_H
#define TEST_NAMES_H

#include "run/latch.h"
#include "run/lookups.h"
#include "net/addrinfo.h"
#include "net/resolver.h"
#include "sys/names.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

static struct {
    struct latch latch;  /* holds lookups */
    atomic_bool latched; /* if they do */
    atomic_int asked;    /* how often it was asked, for addresses or for names */
    atomic_int waiting;  /* lookups that wait at the latch */
} names;

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define IN_NETWORK_ORDER(address) (address)
#else
#define IN_NETWORK_ORDER(address)                                                                  \
    __builtin_bswap32(address) /* a constant, as htonl is not everywhere */
#endif

/* 192.0.2.1, or with it 2001:db8::1 as the first: addresses reserved for documentation. */
static const struct sockaddr_in name_v4 = {.sin_family = AF_INET,
                                           .sin_addr.s_addr = IN_NETWORK_ORDER(0xc0000201)};
static const struct sockaddr_in6 name_v6 = {
    .sin6_family = AF_INET6, .sin6_addr.s6_addr = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};

/* The known names, and the result of looking them up. */
static const struct {
    const char *host; /* its name */
    int error;        /* EAI_*, or 0 */
    int addresses;    /* how many, if 0 */
} known_names[] = {
    {"one.test", 0, 1},
    {"two.test", 0, 2},
    {"again.test", EAI_AGAIN, 0},
    {"fails.test", EAI_FAIL, 0},
    {"full.test", EAI_MEMORY, 0},
    {"system.test", EAI_SYSTEM, 0},
    {"long.test", EAI_OVERFLOW, 0},
    {"a.test", 0, 1},
    {"b.test", 0, 1},
    {"c.test", 0, 1},
    {"d.test", 0, 1},
    {"e.test", 0, 1},
    {"f.test", 0, 1},
};

static void wait_at_latch(void)
{
    names.asked++;
    if (!names.latched)
        return;
    names.waiting++;
    pass_latch(&names.latch, 0);
    names.waiting--;
}

static int known_addresses(int count, const struct addrinfo *hints, struct addrinfo **list)
{
    struct sockaddr_in v4 = name_v4;
    struct sockaddr_in6 v6 = name_v6;
    struct addrinfo second = {.ai_flags = hints->ai_flags,
                              .ai_family = AF_INET,
                              .ai_socktype = hints->ai_socktype,
                              .ai_addrlen = sizeof v4,
                              .ai_addr = (struct sockaddr *)&v4};
    char canonical[] = "canonical.test";
    struct addrinfo first = second;
    first.ai_family = AF_INET6;
    first.ai_addr = (struct sockaddr *)&v6;
    first.ai_addrlen = sizeof v6;
    first.ai_next = &second;
    first.ai_canonname = canonical;
    *list = asyncp_addrinfo_copy(count == 2 ? &first : &second);
    return *list != NULL ? 0 : EAI_MEMORY;
}

static int ask_test_for_addresses(const char *host, const char *service,
                                  const struct addrinfo *hints, struct addrinfo **list)
{
    (void)service;
    wait_at_latch();
    for (size_t i = 0; i < sizeof known_names / sizeof *known_names; i++)
        if (host != NULL && strcmp(known_names[i].host, host) == 0) {
            errno = EMFILE; /* only EAI_SYSTEM uses it */
            return known_names[i].error != 0
                       ? known_names[i].error
                       : known_addresses(known_names[i].addresses, hints, list);
        }
    return EAI_NONAME;
}

static int ask_test_for_names(const struct sockaddr *address, socklen_t size, char *host,
                              socklen_t host_size, char *service, socklen_t service_size, int flags)
{
    if ((host_size == 0 || (flags & NI_NUMERICHOST) != 0) &&
        (service_size == 0 || (flags & NI_NUMERICSERV) != 0))
        return getnameinfo(address, size, host, host_size, service, service_size, flags);
    wait_at_latch();
    bool is_known = size == sizeof name_v4 &&
                    memcmp(&((const struct sockaddr_in *)(const void *)address)->sin_addr,
                           &name_v4.sin_addr, sizeof name_v4.sin_addr) == 0;
    if (!is_known)
        return EAI_NONAME;
    if (host_size > 0)
        strcpy(host, "one.test");
    if (service_size > 0)
        strcpy(service, "service");
    return 0;
}

/* From now on this resolver is asked. */
static inline void use_test_names(bool latched)
{
    static const struct resolver resolver = {ask_test_for_addresses, async_freeaddrinfo,
                                             ask_test_for_names};
    latch_init(&names.latch);
    names.latched = latched;
    asyncp_sys_resolver = &resolver;
}

/* Opens the latch for present and later lookups, and waits until those under way have passed. */
static inline void names_open_latch(void)
{
    names.latched = false;
    for (int i = 0; i < 100; i++)
        latch_open(&names.latch);
    await_no_lookups();
}

static inline int count_addresses(const struct addrinfo *list)
{
    int length = 0;
    for (; list != NULL; list = list->ai_next)
        length++;
    return length;
}

#endif
