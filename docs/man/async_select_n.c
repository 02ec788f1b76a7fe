/*
 * async_select_n.c: wait for one of several things in an array
 *
 * Pages: async_select_n async_case async_on_task async_on_lock
 * async_on_semaphore async_on_readable async_on_writable async_on_stream
 */
#include <asyncio.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static int amain(void)
{
    async_lock lock = {0};
    async_semaphore seats = {.value = 0};
    async_future *answer = async_future_new();
    int ends[2], error;
    if (answer == NULL || pipe(ends) < 0)
        return -ENOMEM;
    async_case cases[] = {
        async_on_readable(ends[0]), /* the pipe is empty */
        async_on_semaphore(&seats), /* has no permits */
        async_on_task(answer),      /* is pending */
        async_on_lock(&lock),       /* is free */
        async_on_writable(ends[1]), /* is also ready, but is listed later */
    };
    int which = async_select_n(cases, 5, &error);
    printf("case %d, %d\n", which, error); /* this task holds the lock */
    which = async_select_n(cases, 5, &error);
    printf("case %d, %d\n", which, error);
    cases[3] = async_on_writable(-1);
    which = async_select_n(cases, 5, &error);
    printf("case %d, %s\n", which, async_strerror(error));

    async_stream *stream;
    const char *line;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return async_fail_errno(-errno, "socketpair");
    ASYNC_TRY(async_stream_new(&stream, pair[0]));
    async_ignore(write(pair[1], "one\ntwo\n", 8));
    /* the second line is in the stream's buffer */
    for (int i = 0; i < 2; i++) {
        which = async_select(async_on_stream(stream), async_on_timeout(1));
        printf("case %d, a line of %d bytes\n", which,
               async_stream_borrow_line(stream, &line));
    }
    close(pair[1]);
    async_stream_close(stream);
    async_task_detach(answer);
    close(ends[0]);
    close(ends[1]);
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * case 3, 0
 * case 4, 0
 * case 3, -EBADF: Bad file descriptor
 * case 0, a line of 4 bytes
 * case 0, a line of 4 bytes
 */
