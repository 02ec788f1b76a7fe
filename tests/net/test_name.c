/*
 * test_name.c: addresses of names and names of addresses: lookups that are answered at once, and
 * errors. The resolver is that of names.h, except where libc's is named.
 */
#include "run/names.h"

#include <stdio.h>

static const struct addrinfo streams = {.ai_socktype = SOCK_STREAM};

/* ---- literals ------------------------------------------------------------------------------- */

static bool same_entry(const struct addrinfo *a, const struct addrinfo *b)
{
    return a->ai_family == b->ai_family && a->ai_socktype == b->ai_socktype &&
           a->ai_protocol == b->ai_protocol && a->ai_addrlen == b->ai_addrlen &&
           memcmp(a->ai_addr, b->ai_addr, a->ai_addrlen) == 0;
}

static bool has_entry(const struct addrinfo *list, const struct addrinfo *entry)
{
    for (; list != NULL; list = list->ai_next)
        if (same_entry(list, entry))
            return true;
    return false;
}

/* musl's has no element for raw sockets. */
static bool all_there(const struct addrinfo *some, const struct addrinfo *list)
{
    for (; some != NULL; some = some->ai_next)
        if (!has_entry(list, some) && some->ai_socktype != SOCK_RAW)
            return false;
    return true;
}

/* If it was requested; musl sets it always. */
static bool same_canonical_name(const struct addrinfo *a, const struct addrinfo *b, int flags)
{
    return (flags & AI_CANONNAME) == 0 || strcmp(a->ai_canonname, b->ai_canonname) == 0;
}

/*
 * Several addresses are sorted by which ones the machine can reach, so their order is not compared.
 */
static void compare_with_libc(const char *host, const char *service, const struct addrinfo *hints)
{
    struct addrinfo *expected;
    async_auto_addrinfo *list = NULL;
    int before = names.asked;
    int result = async_getaddrinfo(host, service, hints, &list);
    if (names.asked > before)
        return;
    int error = getaddrinfo(host, service, hints, &expected);
    if (error == 0 && result == 0 && all_there(list, expected) && all_there(expected, list) &&
        same_canonical_name(list, expected, hints->ai_flags)) {
        freeaddrinfo(expected);
        return;
    }
    test_fail(__FILE__, __LINE__,
              "%s, %s, family %d, type %d, protocol %d, flags %x: %d, and libc says %d",
              host != NULL ? host : "NULL", service != NULL ? service : "NULL", hints->ai_family,
              hints->ai_socktype, hints->ai_protocol, (unsigned)hints->ai_flags, result, error);
}

static void compare_protocols_and_flags(const char *host, const char *service, int family, int type)
{
    static const int protocols[] = {0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};
    static const int flags[] = {0, AI_PASSIVE, AI_CANONNAME, AI_NUMERICHOST | AI_NUMERICSERV,
                                AI_V4MAPPED};
    for (size_t p = 0; p < sizeof protocols / sizeof *protocols; p++)
        for (size_t f = 0; f < sizeof flags / sizeof *flags; f++)
            compare_with_libc(host, service,
                              &(struct addrinfo){.ai_family = family,
                                                 .ai_socktype = type,
                                                 .ai_protocol = protocols[p],
                                                 .ai_flags = flags[f]});
}

static const char *const literal_hosts[] = {
    "127.0.0.1", "255.255.255.255", "::1",        "::ffff:1.2.3.4", "fe80::1%1", "fe80::1",
    "ff02::1%1", "2001:db8::42",    "fe80::1%lo", "::1%7",          NULL};
static const char *const odd_hosts[] = {
    "127.1", "0x7f000001", "010.0.0.1", "1.2.3.4 ", "1.2.3",     "fe80::1%no",    "::1%lo",
    "::1%",  "[::1]",      ":::",       "",         "1.2.3.4.5", "::1%4294967296"};
static const char *const services[] = {NULL, "0", "80", "65535", "00080"};
enum {
    LITERALS = sizeof literal_hosts / sizeof *literal_hosts,
    SERVICES = sizeof services / sizeof *services
};

LOOP_TEST(name_in_numbers_gives_what_libc_gives)
{
    static const int families[] = {AF_UNSPEC, AF_INET, AF_INET6},
                     types[] = {0, SOCK_STREAM, SOCK_DGRAM, SOCK_RAW};
    use_test_names(false);
    for (size_t h = 0; h < LITERALS; h++)
        for (size_t s = 0; s < SERVICES; s++)
            for (size_t i = 0; i < 12; i++)
                compare_protocols_and_flags(literal_hosts[h], services[s], families[i / 4],
                                            types[i % 4]);
    return 0;
}

LOOP_TEST(name_in_numbers_is_not_looked_up)
{
    use_test_names(false);
    for (size_t h = 0; h < LITERALS; h++)
        for (size_t s = 0; s < SERVICES; s++) {
            async_auto_addrinfo *list = NULL;
            if (literal_hosts[h] == NULL && services[s] == NULL)
                continue;
            CHECK_EQ(async_getaddrinfo(literal_hosts[h], services[s], &streams, &list), 0);
            CHECK_EQ(count_addresses(list), literal_hosts[h] == NULL ? 2 : 1);
        }
    CHECK_EQ(names.asked, 0);
    return 0;
}

LOOP_TEST(name_in_odd_numbers_is_left_to_libc)
{
    use_test_names(false);
    for (size_t h = 0; h < sizeof odd_hosts / sizeof *odd_hosts; h++) {
        async_auto_addrinfo *list = NULL;
        CHECK_EQ(async_getaddrinfo(odd_hosts[h], "80", &streams, &list), -ENOENT);
        CHECK_EQ(names.asked, (int)h + 1);
        CHECK(list == NULL);
    }
    return 0;
}

/* Depends on the machine, or is not known. */
LOOP_TEST(name_in_numbers_with_flags_that_ask_for_more_is_left_to_libc)
{
    static const int flags[] = {AI_ADDRCONFIG, AI_V4MAPPED, AI_ALL, 1 << 30,
                                AI_PASSIVE | AI_ADDRCONFIG};
    use_test_names(false);
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        struct addrinfo hints = {.ai_flags = flags[i]};
        async_auto_addrinfo *list = NULL;
        CHECK_EQ(async_getaddrinfo("127.0.0.1", "80", &hints, &list), -ENOENT);
        CHECK_EQ(names.asked, (int)i + 1);
    }
    return 0;
}

static void check_port(const char *service)
{
    async_auto_addrinfo *list = NULL;
    CHECK_EQ(async_getaddrinfo("127.0.0.1", service, &streams, &list), -EINVAL);
    CHECK_EQ(async_getaddrinfo("one.test", service, &streams, &list), -EINVAL);
    CHECK(list == NULL);
}

/* glibc takes the lower 16 bits. */
LOOP_TEST(name_of_a_port_above_65535_is_invalid)
{
    use_test_names(false);
    check_port("65536");
    check_port("70000");
    check_port("99999999999999999999999999");
    async_ignore(async_getaddrinfo("127.0.0.1", "70000", NULL, &(struct addrinfo *){NULL}));
    CHECK_STR(async_strerror(-EINVAL), "-EINVAL: 127.0.0.1, service 70000: there is no such port");
    CHECK_EQ(names.asked, 0);
    return 0;
}

LOOP_TEST(name_without_a_place_for_the_result_is_invalid)
{
    use_test_names(false);
    CHECK_EQ(async_getaddrinfo("127.0.0.1", "80", NULL, NULL), -EINVAL);
    CHECK_EQ(async_getaddrinfo("one.test", "80", NULL, NULL), -EINVAL);
    CHECK_EQ(async_getnameinfo(NULL, 0, NULL, 0, NULL, 0, 0), -EINVAL);
    async_freeaddrinfo(NULL);
    CHECK_EQ(names.asked, 0);
    return 0;
}

DEATH_TEST(name_outside_a_task, "async_getaddrinfo")
{
    async_ignore(async_getaddrinfo("127.0.0.1", "80", NULL, &(struct addrinfo *){NULL}));
}

/* ---- errors --------------------------------------------------------------------------------- */

LOOP_TEST(name_errors_are_errno_with_a_message)
{
    static const struct {
        const char *host; /* an address without a name */
        int code;         /* the message */
    } failing[] = {{"none.test", -ENOENT},   {"again.test", -EAGAIN},  {"fails.test", -EIO},
                   {"full.test", -ENOMEM},   {"system.test", -EMFILE}, {"long.test", -EMSGSIZE},
                   {"no such host", -ENOENT}};
    async_auto_addrinfo *none = NULL;
    use_test_names(false);
    for (size_t i = 0; i < sizeof failing / sizeof *failing; i++) {
        char begins[80];
        async_auto_addrinfo *list = NULL;
        CHECK_EQ(async_getaddrinfo(failing[i].host, "80", NULL, &list), failing[i].code);
        CHECK(list == NULL);
        snprintf(begins, sizeof begins, ": %s, service 80: ", failing[i].host);
        CHECK(strstr(async_strerror(failing[i].code), begins) != NULL);
    }
    CHECK_EQ(async_getaddrinfo(NULL, "http", NULL, &none), -ENOENT);
    CHECK(strstr(async_strerror(-ENOENT), ": this host, service http: ") != NULL);
    CHECK_EQ(async_getaddrinfo("none.test", NULL, NULL, &none), -ENOENT);
    CHECK(strstr(async_strerror(-ENOENT), ": none.test: ") != NULL);
    return 0;
}

/* ---- names ---------------------------------------------------------------------------------- */

static int names_of(const struct sockaddr_in *address, char *host, char *service, int flags)
{
    return async_getnameinfo((const struct sockaddr *)address, sizeof *address, host,
                             host != NULL ? 20 : 0, service, service != NULL ? 20 : 0, flags);
}

LOOP_TEST(name_info_in_numbers_is_written_at_once)
{
    char host[20], service[20];
    struct sockaddr_in address = name_v4;
    address.sin_port = htons(80);
    use_test_names(false);
    CHECK_EQ(names_of(&address, host, service, NI_NUMERICHOST | NI_NUMERICSERV), 0);
    CHECK_STR(host, "192.0.2.1");
    CHECK_STR(service, "80");
    CHECK_EQ(names_of(&address, host, NULL, NI_NUMERICHOST), 0);
    CHECK_EQ(names_of(&address, NULL, service, NI_NUMERICSERV), 0);
    CHECK_EQ(names.asked, 0);
    return 0;
}

LOOP_TEST(name_info_is_looked_up)
{
    char host[20], service[20] = "untouched";
    use_test_names(false);
    CHECK_EQ(names_of(&name_v4, host, NULL, 0), 0);
    CHECK_STR(host, "one.test");
    CHECK_EQ(names_of(&name_v4, NULL, service, 0), 0);
    CHECK_STR(service, "service");
    CHECK_EQ(names.asked, 2);
    return 0;
}

LOOP_TEST(name_info_errors)
{
    char text[20];
    struct sockaddr_in other = name_v4;
    other.sin_addr.s_addr = htonl(0x7f000001);
    use_test_names(false);
    CHECK_EQ(names_of(&other, text, NULL, NI_NAMEREQD), -ENOENT);
    CHECK(strstr(async_strerror(-ENOENT), "-ENOENT: 127.0.0.1: ") != NULL);
    CHECK_EQ(
        async_getnameinfo((const struct sockaddr *)&name_v4, sizeof name_v4, text, 8, NULL, 0, 0),
        -EMSGSIZE);
    CHECK_STR(async_strerror(-EMSGSIZE), "-EMSGSIZE: 192.0.2.1: its name is too long");
    CHECK_EQ(
        async_getnameinfo((const struct sockaddr *)&name_v4, sizeof name_v4, text, 9, NULL, 0, 0),
        0);
    CHECK_EQ(async_getnameinfo((const struct sockaddr *)&name_v4, 100000, text, 9, NULL, 0, 0),
             -EINVAL);
    CHECK_EQ(
        async_getnameinfo((const struct sockaddr *)&name_v4, 1, text, 9, NULL, 0, NI_NUMERICHOST),
        -EINVAL);
    return 0;
}

/* ---- libc ----------------------------------------------------------------------------------- */

static bool is_loopback(const struct addrinfo *entry)
{
    const struct sockaddr_in *v4 = (const void *)entry->ai_addr;
    const struct sockaddr_in6 *v6 = (const void *)entry->ai_addr;
    return entry->ai_family == AF_INET ? ntohl(v4->sin_addr.s_addr) >> 24 == 127
                                       : IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

LOOP_TEST(name_localhost_is_this_host)
{
    async_auto_addrinfo *list = NULL;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    CHECK_EQ(async_getaddrinfo("localhost", "80", &hints, &list), 0);
    for (const struct addrinfo *entry = list; entry != NULL; entry = entry->ai_next)
        CHECK(is_loopback(entry));
    await_no_lookups();
    return 0;
}

static int ask_libc_for_everything(void)
{
    async_auto_addrinfo *list = NULL;
    char host[NI_MAXHOST], service[NI_MAXSERV];
    CHECK_EQ(async_getaddrinfo("localhost", NULL, NULL, &list), 0);
    CHECK_EQ(async_getnameinfo(list->ai_addr, list->ai_addrlen, host, sizeof host, service,
                               sizeof service, 0),
             0);
    CHECK_EQ(async_getnameinfo(list->ai_addr, list->ai_addrlen, host, sizeof host, service,
                               sizeof service, NI_NUMERICHOST | NI_NUMERICSERV),
             0);
    await_no_lookups();
    return 0;
}
async_fn(ask_libc_for_everything);

LOOP_TEST(name_calls_need_no_more_than_the_smallest_stack)
{
    async_task_options smallest = {.stack_size = 16384};
    return async_await(async_create_task_with(&smallest, ask_libc_for_everything));
}
