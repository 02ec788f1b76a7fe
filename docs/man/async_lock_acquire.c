/*
 * async_lock_acquire.c: let one task at a time use something
 *
 * Pages: async_lock_acquire async_lock_acquire_nowait async_lock_release
 * async_lock_locked async_lock
 */
#include <asyncio.h>
#include <stdio.h>

/* The pages of two letters must not mix. */
static async_lock printer; /* {0} is free */

static int print_letter(const char *whose)
{
    ASYNC_TRY(async_lock_acquire(&printer)); /* in FIFO order */
    int result = 0;
    for (int page = 1; page <= 2 && result >= 0; page++) {
        printf("%s: page %d\n", whose, page);
        result = async_sleep(1);
    }
    async_lock_release(&printer); /* also after an error */
    return result;
}
async_fn(print_letter, const char *);

static int print_if_free(const char *what)
{
    ASYNC_TRY(async_sleep(0.5));
    if (async_lock_acquire_nowait(&printer) == -EAGAIN) {
        printf("%s can wait\n", what);
        return 0;
    }
    printf("%s\n", what);
    async_lock_release(&printer);
    return 0;
}
async_fn(print_if_free, const char *);

static int amain(void)
{
    ASYNC_TRY(async_gather(async_create_task(print_letter, "Ada"),
                           async_create_task(print_letter, "Bob"),
                           async_create_task(print_if_free, "the test page")));
    printf("the printer is %s\n",
           async_lock_locked(&printer) ? "in use" : "free");
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * Ada: page 1
 * the test page can wait
 * Ada: page 2
 * Bob: page 1
 * Bob: page 2
 * the printer is free
 */
