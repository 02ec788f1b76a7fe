/*
 * The handle is lost at once, so no task can await this one; async_task_detach says that this is
 * meant.
 *
 *  gcc: ignoring return value of 'async_fn_of__repeat' declared with attribute 'warn_unused_result'
 *  clang: ignoring return value of function declared with 'warn_unused_result' attribute
 */
#include <asyncio.h>

static int repeat(int count, const char *word)
{
    return word[0] * count;
}
async_fn(repeat, int, const char *);

void begin(void)
{
#ifdef RIGHT
    async_task_detach(async_create_task(repeat, 3, "ho"));
#else
    async_create_task(repeat, 3, "ho");
#endif
}
