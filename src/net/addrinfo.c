/*
 * net/addrinfo.c: lists of addresses in one block, and addresses in numbers. getaddrinfo handles
 * everything not obviously numeric.
 */
#include "net/addrinfo.h"
#include "net/copy.h"
#include "base/list.h"
#include "base/memory.h"
#include "sys/names.h"
#include "sys/socket.h"
#include <arpa/inet.h>
#include <asyncio/name.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>

/* ---- lists ---------------------------------------------------------------------------------- */

/* The entries, followed by the data they point to. The program knows the first entry. */
struct address_block {
    size_t size;
    struct addrinfo entries[];
};

static size_t pointed_size(const struct addrinfo *entry)
{
    size_t name = entry->ai_canonname != NULL ? strlen(entry->ai_canonname) + 1 : 0;
    return copy_size(entry->ai_addrlen) + copy_size(name);
}

static void copy_entry(struct addrinfo *to, const struct addrinfo *from, char **rest)
{
    *to = *from;
    to->ai_addr = copy_to(rest, from->ai_addr, from->ai_addrlen);
    const char *name = from->ai_canonname;
    to->ai_canonname = copy_to(rest, name, name != NULL ? strlen(name) + 1 : 0);
    to->ai_next = from->ai_next != NULL ? to + 1 : NULL;
}

struct addrinfo *asyncp_addrinfo_copy(const struct addrinfo *list)
{
    size_t count = 0, pointed = 0;
    for (const struct addrinfo *entry = list; entry != NULL; entry = entry->ai_next) {
        count++;
        pointed += pointed_size(entry);
    }
    size_t entries_end = copy_size(sizeof(struct address_block) + count * sizeof(struct addrinfo));
    struct address_block *block = memory_new(&asyncp_malloc, entries_end + pointed);
    if (block == NULL)
        return NULL;
    block->size = entries_end + pointed;
    char *rest = (char *)block + entries_end;
    struct addrinfo *to = block->entries;
    for (const struct addrinfo *entry = list; entry != NULL; entry = entry->ai_next)
        copy_entry(to++, entry, &rest);
    return block->entries;
}

void async_freeaddrinfo(struct addrinfo *list)
{
    if (list == NULL)
        return;
    struct address_block *block = CONTAINER_OF(list, struct address_block, entries[0]);
    memory_free(&asyncp_malloc, block, block->size);
}

/* ---- numbers -------------------------------------------------------------------------------- */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/*
 * The kinds of sockets at an address, in libc's order. There are more raw protocols, so libc is
 * asked if the hints name one.
 */
static const struct {
    int type;
    int protocol;
} kinds[] = {{SOCK_STREAM, IPPROTO_TCP}, {SOCK_DGRAM, IPPROTO_UDP}, {SOCK_RAW, 0}};

enum { MAX_ADDRESSES = 2, KINDS = sizeof kinds / sizeof *kinds };

/* Whether the text is a number. One above max becomes any number above max. */
static bool parse_number(const char *text, uint32_t max, uint64_t *number)
{
    *number = 0;
    for (const char *digit = text; *digit != 0; digit++) {
        if (*digit < '0' || *digit > '9')
            return false;
        if (*number <= max)
            *number = *number * 10 + (uint64_t)(*digit - '0');
    }
    return *text != 0;
}

/* The interface after the % of an address: a number or a name. */
static bool parse_scope(const char *text, struct sockaddr_in6 *address)
{
    uint64_t number;
    if (parse_number(text, UINT32_MAX, &number)) {
        address->sin6_scope_id = (uint32_t)number;
        return number <= UINT32_MAX;
    }
    if (!IN6_IS_ADDR_LINKLOCAL(&address->sin6_addr) &&
        !IN6_IS_ADDR_MC_LINKLOCAL(&address->sin6_addr))
        return false;
    address->sin6_scope_id = asyncp_sys_interface_index(text);
    return address->sin6_scope_id != 0;
}

static bool parse_v6(const char *host, struct sockaddr_in6 *address)
{
    char text[INET6_ADDRSTRLEN];
    size_t length = strcspn(host, "%");
    if (length >= sizeof text)
        return false;
    memcpy(text, host, length);
    text[length] = 0;
    *address = (struct sockaddr_in6){.sin6_family = AF_INET6};
    if (inet_pton(AF_INET6, text, &address->sin6_addr) != 1)
        return false;
    return host[length] == 0 || parse_scope(host + length + 1, address);
}

static bool parse_v4(const char *host, struct sockaddr_in *address)
{
    *address = (struct sockaddr_in){.sin_family = AF_INET};
    return inet_pton(AF_INET, host, &address->sin_addr) == 1;
}

/* The addresses without a host, in libc's order: for servers any, for clients the loopback. */
static size_t local_addresses(bool passive, union address *addresses)
{
    const struct sockaddr_in v4 = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(passive ? INADDR_ANY : INADDR_LOOPBACK)};
    const struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                                    .sin6_addr = passive ? in6addr_any : in6addr_loopback};
    addresses[passive ? 0 : 1].v4 = v4;
    addresses[passive ? 1 : 0].v6 = v6;
    return 2;
}

/* How many addresses a host in numbers, or NULL, has; 0: it is a name. */
static size_t parse_host(const char *host, bool passive, union address *addresses)
{
    if (host == NULL)
        return local_addresses(passive, addresses);
    return parse_v4(host, &addresses->v4) || parse_v6(host, &addresses->v6) ? 1 : 0;
}

static bool is_wanted_kind(const struct addrinfo *hints, size_t kind)
{
    if (hints->ai_socktype == 0 && hints->ai_protocol == 0)
        return true;
    return kinds[kind].type != SOCK_RAW &&
           (hints->ai_socktype == 0 || hints->ai_socktype == kinds[kind].type) &&
           (hints->ai_protocol == 0 || hints->ai_protocol == kinds[kind].protocol);
}

/* Appends an entry for each wanted kind. The port is at the same offset in both families. */
static size_t add_address(union address *address, in_port_t port, const struct addrinfo *hints,
                          struct addrinfo *entries, size_t count)
{
    bool is_v4 = address->any.sa_family == AF_INET;
    address->v4.sin_port = htons(port);
    for (size_t i = 0; i < KINDS; i++)
        if (is_wanted_kind(hints, i))
            entries[count++] = (struct addrinfo){
                .ai_flags = hints->ai_flags,
                .ai_family = address->any.sa_family,
                .ai_socktype = kinds[i].type,
                .ai_protocol = kinds[i].protocol,
                .ai_addrlen = is_v4 ? sizeof address->v4 : sizeof address->v6,
                .ai_addr = &address->any,
            };
    return count;
}

/* Whether the result can be computed without libc. */
static bool is_plain(const char *host, const char *service, const struct addrinfo *hints)
{
    const int plain_flags = AI_PASSIVE | AI_CANONNAME | AI_NUMERICHOST | AI_NUMERICSERV;
    bool has_no_name = host == NULL && (hints->ai_flags & AI_CANONNAME) != 0;
    return (hints->ai_flags & ~plain_flags) == 0 && !has_no_name &&
           (host != NULL || service != NULL);
}

/* Links the entries, names the first, and copies them. */
static struct addrinfo *link_entries(struct addrinfo *entries, size_t count, const char *host,
                                     int flags)
{
    char *name = (char *)(uintptr_t)host; /* it is only read */
    for (size_t i = 1; i < count; i++)
        entries[i - 1].ai_next = &entries[i];
    if ((flags & AI_CANONNAME) != 0)
        entries->ai_canonname = name;
    return asyncp_addrinfo_copy(entries);
}

int asyncp_addrinfo_literal(const char *host, const char *service, const struct addrinfo *hints,
                            struct addrinfo **list)
{
    struct addrinfo entries[MAX_ADDRESSES * KINDS];
    union address addresses[MAX_ADDRESSES];
    uint64_t port = 0;
    if (service != NULL && !parse_number(service, MAX_PORT, &port))
        return 0;
    if (port > MAX_PORT) /* glibc takes the lower 16 bits */
        return -EINVAL;
    if (!is_plain(host, service, hints))
        return 0;
    size_t found = parse_host(host, (hints->ai_flags & AI_PASSIVE) != 0, addresses), count = 0;
    for (size_t i = 0; i < found; i++)
        if (hints->ai_family == AF_UNSPEC || hints->ai_family == addresses[i].any.sa_family)
            count = add_address(&addresses[i], (in_port_t)port, hints, entries, count);
    if (count == 0)
        return 0;
    *list = link_entries(entries, count, host, hints->ai_flags);
    return 1;
}
