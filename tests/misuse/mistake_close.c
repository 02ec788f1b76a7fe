/*
 * 16. close() while a task waits
 *
 * The kernel does not tell a waiting task that its descriptor was closed: the task would wait for
 * ever, or get the data of another file that has the number by then. In debug mode the wait ends
 * with `-EBADF`, also if another file has the number already, and the task is named.
 *
 * Run with ASYNCIO_DEBUG=1.
 *
 * `async_close(ends[0])`, which ends the wait with `-EBADF` in any mode, and then closes.
 */
#include <asyncio.h>
#include <sys/socket.h>
#include <unistd.h>

static int receive(int fd)
{
    char byte;
    return async_recv(fd, &byte, 1, 0);
}
async_fn(receive, int);

static int amain(void)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) < 0)
        return -errno;
    async_task *receiver = async_create_task(receive, ends[0]);
    ASYNC_TRY(async_sleep(0.1));
    close(ends[0]);
    return async_await(receiver);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
