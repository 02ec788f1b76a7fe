/*
 * async_getaddrinfo.c: look up the addresses of a name, or the name of an address
 *
 * Pages: async_getaddrinfo async_freeaddrinfo async_auto_addrinfo async_getnameinfo
 */
#include <arpa/inet.h>
#include <asyncio.h>
#include <netdb.h>
#include <stdio.h>

static int show(const char *host, const char *service)
{
    char text[64], port[16];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    async_auto_addrinfo *list = NULL; /* calls async_freeaddrinfo */
    ASYNC_TRY(async_getaddrinfo(host, service, &hints, &list));
    for (struct addrinfo *entry = list; entry != NULL; entry = entry->ai_next) {
        ASYNC_TRY(async_getnameinfo(entry->ai_addr, entry->ai_addrlen, text,
                                    sizeof text, port, sizeof port,
                                    NI_NUMERICHOST | NI_NUMERICSERV));
        printf("%s port %s\n", text, port);
    }
    return 0;
}

static int amain(void)
{
    ASYNC_TRY(show("127.0.0.1", "80"));
    ASYNC_TRY(show(NULL, "443")); /* this machine */

    struct addrinfo *list;
    if (async_timeout(10, async_getaddrinfo("localhost", "80", NULL, &list)) ==
        0) {
        puts("localhost has an address");
        async_freeaddrinfo(list);
    }
    printf("%s\n", async_strerror(show("192.0.2.1", "70000")));
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * 127.0.0.1 port 80
 * ::1 port 443
 * 127.0.0.1 port 443
 * localhost has an address
 * -EINVAL: 192.0.2.1, service 70000: there is no such port
 */
