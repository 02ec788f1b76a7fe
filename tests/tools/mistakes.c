/*
 * mistakes.c: for tests/scripts/tools.py, which runs it under valgrind: tasks that make a mistake
 * each, some calls deep, and a run without any, in which stacks are used again, by tasks with more
 * arguments, and the kernel writes into buffers.
 *
 *     mistakes backend fine|undecided|beyond|lost|kept
 */
#include <asyncio.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static volatile int sink;

__attribute__((noinline)) static void decide(const volatile int *undefined)
{
    if (*undefined != 0)
        sink++;
}

__attribute__((noinline)) static void write_beyond(char *block, size_t size)
{
    ((volatile char *)block)[size] = 1;
}

__attribute__((noinline)) static int blunder(const char *what)
{
    volatile int undefined;
    char *block = malloc(10);
    if (strcmp(what, "undecided") == 0)
        decide(&undefined);
    if (strcmp(what, "beyond") == 0)
        write_beyond(block, 10);
    if (strcmp(what, "lost") != 0)
        free(block);
    return async_sleep(0);
}

static int blunders(const char *what)
{
    ASYNC_TRY(async_sleep(0));
    ASYNC_TRY(blunder(what));
    return 0;
}
async_fn(blunders, const char *);

/* The only pointer to the block is a local variable of a task that waits. */
static int keeps(void)
{
    char *volatile block = malloc(20);
    ASYNC_TRY(async_sleep(1000));
    free(block);
    return 0;
}
async_fn(keeps);

struct much {
    char bytes[8000];
};

static int takes_much(struct much much)
{
    char shown[sizeof much.bytes + 1];
    ASYNC_TRY(async_sleep(0));
    return snprintf(shown, sizeof shown, "%s", much.bytes) == 7 ? 0 : -EINVAL;
}
async_fn(takes_much, struct much);

/* Waits before there is anything, so that the kernel completes it. */
static int receives(int fd)
{
    char text[16];
    int count = async_recv(fd, text, sizeof text, 0);
    return count == 6 && strcmp(text, "hello") == 0 ? 0 : -EINVAL;
}
async_fn(receives, int);

static int goes_well(void)
{
    int ends[2];
    struct much much = {"letters"};
    async_auto_addrinfo *list = NULL; /* for which a thread is made, and is gone at the end */
    ASYNC_TRY(async_getaddrinfo("localhost", "80", NULL, &list));
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return -errno;
    async_task *receiver = async_create_task(receives, ends[0]);
    for (int round = 0; round < 2; round++) {
        ASYNC_TRY(async_gather(async_create_task(blunders, "nothing"),
                               async_create_task(blunders, "nothing")));
        ASYNC_TRY(
            async_gather(async_create_task(takes_much, much), async_create_task(takes_much, much)));
    }
    if (send(ends[1], "hello", 6, 0) != 6)
        return -errno;
    return async_await(receiver);
}
async_fn(goes_well);

static int amain(const char *what)
{
    if (strcmp(what, "fine") == 0)
        return goes_well();
    if (strcmp(what, "kept") != 0)
        return async_await(async_create_task(blunders, what));
    async_task_detach(async_create_task(keeps));
    ASYNC_TRY(async_sleep(0));
    exit(0);
}
async_fn(amain, const char *);

int main(int count, char **arguments)
{
    async_run_options options = {.backend = count == 3 ? arguments[1] : "none"};
    return async_run_with(&options, amain, arguments[2]) == 0 ? 0 : 1;
}
