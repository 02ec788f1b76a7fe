/*
 * An unsigned variable cannot hold the error that ASYNC_TRY looks for.
 *
 *  gcc: static assertion failed: "ASYNC_TRY: an unsigned value cannot hold the error"
 *  clang: "ASYNC_TRY: an unsigned value cannot hold the error"
 */
#include <asyncio.h>

int receive(int socket, char *buffer, size_t size)
{
#ifdef RIGHT
    int count;
    ASYNC_TRY(count = async_recv(socket, buffer, size, 0));
    return count;
#else
    unsigned count;
    ASYNC_TRY(count = (unsigned)async_recv(socket, buffer, size, 0));
    return (int)count;
#endif
}
