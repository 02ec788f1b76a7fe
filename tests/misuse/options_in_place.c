/*
 * Options written in place, with a comma between them, need parentheses in a macro's argument.
 *
 *  gcc: pasting "options_in_place_need_parentheses_around_them_" and "." does not give a valid preprocessing token
 *  clang: pasting formed 'options_in_place_need_parentheses_around_them_.', an invalid preprocessing token
 */
#include <asyncio.h>

static int repeat(int count, const char *word)
{
    return word[0] * count;
}
async_fn(repeat, int, const char *);

async_task *begin(void)
{
#ifdef RIGHT
    return async_create_task_with((&(async_task_options){.name = "first", .stack_size = 1 << 20}),
                                  repeat, 1, "ho");
#else
    return async_create_task_with(&(async_task_options){.name = "first", .stack_size = 1 << 20},
                                  repeat, 1, "ho");
#endif
}
