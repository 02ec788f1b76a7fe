/*
 * async_input.c: ask the user for a line or a password
 *
 * Pages: async_input async_getpass
 */
#include <asyncio.h>
#include <string.h>

static int log_in(void)
{
    char name[64], password[128];
    int length = async_timeout(60, async_input("name: ", name, sizeof name));
    if (length == -ENODATA)
        return async_stream_printf(async_stdout(), "nobody\n");
    ASYNC_TRY(length);
    ASYNC_TRY(async_timeout(
        60, async_getpass("password: ", password, sizeof password)));
    explicit_bzero(password, sizeof password);
    return async_stream_printf(async_stdout(), "hello, %s\n", name);
}
async_fn(log_in);

static int amain(void)
{
    int length = log_in();
    return length < 0 ? length : 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * name: nobody
 */
