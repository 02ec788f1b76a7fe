/*
 * stamp.h: included first in a program of the tutorial with -include, it makes each line begin with
 * the second of the loop's clock in which it was printed, and presses Ctrl-C in the second that
 * INTERRUPT_AT names. virtual.py does this to a program in Python.
 */
#include <asyncio.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static inline void press_ctrl_c(void *unused)
{
    (void)unused;
    raise(SIGINT);
}

/* Called before each line; the first call plans the Ctrl-C. */
static inline int stamp(void)
{
    static bool planned;
    const char *second = getenv("INTERRUPT_AT");
    if (second != NULL && !planned)
        async_call_at(strtod(second, NULL), press_ctrl_c, NULL);
    planned = true;
    return (int)async_time();
}

#define printf(...) (printf("%4d s  ", stamp()), printf(__VA_ARGS__))
#define puts(text)  printf("%s\n", text)
