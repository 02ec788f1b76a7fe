/*
 * The options of a run, written in place, need parentheses too.
 *
 *  gcc: pasting "options_in_place_need_parentheses_around_them_" and "." does not give a valid preprocessing token
 *  clang: pasting formed 'options_in_place_need_parentheses_around_them_.', an invalid preprocessing token
 */
#include <asyncio.h>

static int amain(void)
{
    return 0;
}
async_fn(amain);

int run(void)
{
#ifdef RIGHT
    return async_run_with((&(async_run_options){.debug = true, .backend = "epoll"}), amain);
#else
    return async_run_with(&(async_run_options){.debug = true, .backend = "epoll"}, amain);
#endif
}
