/*
 * async_allocator.c: use your own allocator for a loop
 *
 * Pages: async_allocator
 */
#include <asyncio.h>
#include <stdio.h>
#include <stdlib.h>

/* Counts the bytes in use and fails above the limit. */
struct budget {
    size_t used, limit;
};

static void *reallocate(void *context, void *block, size_t old_size,
                        size_t new_size)
{
    struct budget *budget = context;
    if (new_size > old_size &&
        new_size - old_size > budget->limit - budget->used)
        return NULL;
    void *moved = new_size > 0 ? realloc(block, new_size) : NULL;
    if (new_size == 0)
        free(block);
    if (moved != NULL || new_size == 0)
        budget->used += new_size - old_size;
    return moved;
}

static int amain(const struct budget *budget)
{
    ASYNC_TRY(async_sleep(1));
    printf("the loop uses %s\n", budget->used > 0 ? "the allocator" : "malloc");
    return 0;
}
async_fn(amain, const struct budget *);

int main(void)
{
    struct budget budget = {.limit = 1 << 20};
    async_allocator allocator = {.reallocate = reallocate, .context = &budget};
    async_run_options options = {.virtual_clock = true, .allocator = allocator};
    int result = async_run_with(&options, amain, &budget);
    printf("%zu bytes are in use at the end\n", budget.used);
    return result < 0;
}

/* Prints:
 * the loop uses the allocator
 * 0 bytes are in use at the end
 */
