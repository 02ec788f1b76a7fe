/*
 * 8. A stack that is too small
 *
 * A task has 64 KiB of stack unless its options say otherwise. A recursion that goes deeper, or a
 * large local array, ends the program before anything is overwritten, and the message names the
 * task and the calls that repeat. A large array needs `-fstack-clash-protection` for that, which
 * the flags of `pkg-config --cflags asyncio` contain: without it the array may reach beyond the
 * protected page below the stack.
 *
 * give the task more, with `async_create_task_with` and the option `stack_size`: up to 1 GiB, which
 * costs nothing until it is used. Or put the array on the heap.
 */
#include <asyncio.h>

static int sum_down_from(int number)
{
    char notes[1000] = {(char)number};
    return number == 0 ? notes[0] : number + sum_down_from(number - 1);
}
async_fn(sum_down_from, int);

static int amain(void)
{
    return async_await(async_create_task(sum_down_from, 1000));
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
