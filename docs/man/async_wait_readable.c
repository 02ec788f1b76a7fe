/*
 * async_wait_readable.c: wait until a descriptor is readable or writable
 *
 * Pages: async_wait_readable async_wait_writable
 */
#include <asyncio.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* Writes everything to a non-blocking descriptor. */
static int write_all(int fd, const char *text, size_t size)
{
    for (ssize_t written; size > 0; text += written, size -= (size_t)written) {
        while ((written = write(fd, text, size)) < 0 && errno == EAGAIN)
            ASYNC_TRY(async_wait_writable(fd));
        if (written < 0)
            return async_fail(-errno, "write to %d", fd);
    }
    return 0;
}

static int send_news(int fd)
{
    ASYNC_TRY(write_all(fd, "good news\n", 10));
    ASYNC_TRY(async_sleep(0.01));
    return write_all(fd, "bad news\n", 9);
}
async_fn(send_news, int);

static int receive_news(int fd)
{
    char text[64];
    int size;
    ASYNC_TRY(size = async_recv(fd, text, sizeof text, 0));
    printf("%.*s", size, text);

    ASYNC_TRY(async_wait_readable(fd)); /* also for pipes and devices */
    ASYNC_TRY(size = (int)read(fd, text, sizeof text));
    printf("%.*s", size, text);
    return 0;
}
async_fn(receive_news, int);

static int amain(void)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
                   ends) < 0)
        return -errno;
    int result = async_gather(async_create_task(receive_news, ends[0]),
                              async_create_task(send_news, ends[1]));
    close(ends[0]);
    close(ends[1]);
    return result;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * good news
 * bad news
 */
