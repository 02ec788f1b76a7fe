/*
 * 26. A name that is looked up by libc
 *
 * `getaddrinfo` waits for an answer of a name server, for seconds if it does not answer, and blocks
 * the thread meanwhile. With a good network it takes a millisecond, so the mistake shows up on the
 * day on which the network is bad. Debug mode, or `ASYNCIO_WATCHDOG=seconds` in production, shows
 * the call while it blocks. (Here no name server answers.)
 *
 * Run with ASYNCIO_DEBUG=1.
 *
 * Run with a silent name server.
 *
 * `async_getaddrinfo`, or `async_open_connection`, which takes a name. They look up names in
 * another thread.
 */
#include <asyncio.h>
#include <netdb.h>
#include <stdio.h>

static int look_up(const char *host)
{
    struct addrinfo *addresses;
    int error = getaddrinfo(host, "443", NULL, &addresses);
    if (error != 0)
        return async_fail(-EIO, "%s: %s", host, gai_strerror(error));
    freeaddrinfo(addresses);
    return 0;
}
async_fn(look_up, const char *);

static int amain(void)
{
    return async_await(async_create_task(look_up, "www.example.org"));
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
