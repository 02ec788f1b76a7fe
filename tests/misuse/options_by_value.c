/*
 * Options are passed by pointer.
 *
 *  gcc: incompatible type for argument 1 of 'async_fn_of__repeat'
 *  clang: passing 'async_task_options' (aka 'struct async_task_options') to parameter of incompatible type
 */
#include <asyncio.h>

static int repeat(int count, const char *word)
{
    return word[0] * count;
}
async_fn(repeat, int, const char *);

async_task *begin(async_task_options options)
{
#ifdef RIGHT
    return async_create_task_with(&options, repeat, 1, "ho");
#else
    return async_create_task_with(options, repeat, 1, "ho");
#endif
}
