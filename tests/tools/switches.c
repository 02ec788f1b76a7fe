/*
 * switches.c: every way from one stack to another, for tests/scripts/stepping.py, which follows it
 * instruction by instruction: between tasks that wait, flat and a few frames deep, into a task that
 * begins, out of one that ends into one that waits, one that begins, and the loop, and from there
 * back.
 */
#include <asyncio.h>
#include <xmmintrin.h>

/*
 * With enough that lives on across the wait to fill all registers that a call preserves, each time
 * with others.
 */
static int waits_flat(int turns)
{
    static volatile int seed;
    int a = ++seed, b = ++seed, c = ++seed, d = ++seed, e = ++seed, f = ++seed;
    for (int i = 0; i < turns; i++)
        ASYNC_TRY(async_sleep(0));
    return a + b + c + d + e == f;
}
async_fn(waits_flat, int);

/* The volatile is written after the call, so that each level keeps a frame. */
__attribute__((noinline)) static int waits_at(int depth, volatile int *written)
{
    int result = depth > 1 ? waits_at(depth - 1, written) : waits_flat(3);
    *written = depth;
    return result;
}

/* Only flows that differ in the control of floating point are seen loading it. */
static int waits_deep(int depth)
{
    volatile int written = 0;
    _MM_SET_ROUNDING_MODE(depth > 1 ? _MM_ROUND_UP : _MM_ROUND_NEAREST);
    ASYNC_TRY(waits_at(depth, &written));
    return written;
}
async_fn(waits_deep, int);

static int ends_at_once(void)
{
    return 7;
}
async_fn(ends_at_once);

/*
 * The first ends while another waits, the next ones while another is new, the last with no other
 * task.
 */
static int amain(void)
{
    async_task *tasks[] = {async_create_task(waits_deep, 3), async_create_task(ends_at_once),
                           async_create_task(waits_flat, 2), async_create_task(waits_deep, 1),
                           async_create_task(ends_at_once),  async_create_task(ends_at_once)};
    ASYNC_TRY(async_gather_n(tasks, sizeof tasks / sizeof tasks[0], NULL, ASYNC_FIRST_ERROR));
    async_task *again = async_create_task(ends_at_once); /* on a stack that was used before */
    ASYNC_TRY(async_sleep(0.001));
    return async_await(again);
}
async_fn(amain);

int main(void)
{
    async_run_options options = {.virtual_clock = true, .backend = "epoll"};
    return async_run_with(&options, amain);
}
