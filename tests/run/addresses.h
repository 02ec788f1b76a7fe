/*
 * addresses.h: a resolver that gives every name the IPv4 addresses that a test wants, in their
 * order. It replaces libc's; numeric addresses do not reach it.
 */
#ifndef TEST_ADDRESSES_H
#define TEST_ADDRESSES_H

#include "net/addrinfo.h"
#include "net/resolver.h"
#include "run/sockets.h"
#include "run/lookups.h"
#include "sys/names.h"

#include <netdb.h>
#include <sched.h>
#include <stdlib.h>

enum { MAX_TEST_ADDRESSES = 100 };

static struct {
    uint32_t addresses[MAX_TEST_ADDRESSES]; /* in the host's byte order */
    int count;                              /* of them */
} wanted_addresses;

static int give_wanted_addresses(const char *host, const char *service,
                                 const struct addrinfo *hints, struct addrinfo **list)
{
    struct sockaddr_in addresses[MAX_TEST_ADDRESSES];
    struct addrinfo entries[MAX_TEST_ADDRESSES];
    int count = wanted_addresses.count;
    (void)host;
    for (int i = 0; i < count; i++) {
        addresses[i] = loopback(atoi(service));
        addresses[i].sin_addr.s_addr = htonl(wanted_addresses.addresses[i]);
        entries[i] = (struct addrinfo){.ai_family = AF_INET,
                                       .ai_socktype = hints->ai_socktype,
                                       .ai_addr = (struct sockaddr *)&addresses[i],
                                       .ai_addrlen = sizeof addresses[i],
                                       .ai_next = i + 1 < count ? &entries[i + 1] : NULL};
    }
    *list = asyncp_addrinfo_copy(entries);
    return *list != NULL ? 0 : EAI_MEMORY;
}

/* From now on names have count addresses: first, first + step, … */
static inline void use_addresses(uint32_t first, uint32_t step, int count)
{
    static const struct resolver resolver = {give_wanted_addresses, async_freeaddrinfo, NULL};
    await_no_lookups();
    for (int i = 0; i < count; i++)
        wanted_addresses.addresses[i] = first + step * (uint32_t)i;
    wanted_addresses.count = count;
    asyncp_sys_resolver = &resolver;
}

#endif
