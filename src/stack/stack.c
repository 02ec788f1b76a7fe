/*
 * stack/stack.c: where stacks come from. Taking one that was given back is a pop from the first
 * slab's free stacks (in stack.h); here is what happens once a stack, or once a slab.
 */
#include "stack/stack.h"
#include "sys/sys.h"

enum {
    FIRST_SLAB_LOG = 4,
    LAST_SLAB_LOG = 12,
    SLAB_BYTES_LOG = 28
}; /* slots: 16 to 4096, within 256 MiB */
enum { CACHE_LINE = 64, COLOURS = 12, COLOUR_BYTES = 3 * CACHE_LINE };
enum { GUARDS_AT_ONCE = 32 };

void asyncp_stack_pool_open(struct stack_pool *pool, size_t reserve, size_t offset,
                            async_allocator memory)
{
    size_t page = asyncp_sys_page_size();
    reserve = (reserve + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
    *pool = (struct stack_pool){
        .reserve = reserve, .offset = offset, .page = page, .memory = memory};
    pool->guard_size = page > GUARD_LEAST ? page : GUARD_LEAST;
    pool->guard = asyncp_guard_best(page);
    pool->least_log = STACK_LEAST_LOG;
    while ((size_t)1 << pool->least_log < page)
        pool->least_log++;
}

/* The stack in that slot; its control block is where the colour of the slot puts it. */
static struct stack *in_slot(const struct stack_pool *pool, const struct slab *slab, uint32_t slot)
{
    char *top = slab->start + slab->slot_size * (slot + 1) - (slot % COLOURS) * COLOUR_BYTES;
    return (struct stack *)(void *)(top - pool->reserve + pool->offset);
}

static size_t slab_size(const struct slab *slab)
{
    return slab->slots * slab->slot_size;
}

static void unmap(struct stack_pool *pool, struct slab *slab)
{
    if (tools_count_stacks())
        for (uint32_t slot = 0; slot < slab->fresh; slot++)
            tools_stack_unmapped(&in_slot(pool, slab, slot)->known);
#if ASYNC_ASAN
    ASAN_UNPOISON_MEMORY_REGION(slab->start, slab_size(slab));
#endif
    asyncp_sys_unmap(slab->start, slab_size(slab));
    memory_free(&pool->memory, slab, sizeof *slab);
}

void asyncp_stack_pool_close(struct stack_pool *pool)
{
    for (struct slab *slab = pool->slabs, *next; slab != NULL; slab = next) {
        next = slab->next;
        unmap(pool, slab);
    }
    pool->slabs = NULL;
}

unsigned asyncp_stack_log(const struct stack_pool *pool, size_t size)
{
    if (size == 0)
        size = (size_t)1 << STACK_DEFAULT_LOG;
    for (unsigned log = pool->least_log; log <= STACK_MOST_LOG; log++)
        if (size <= (size_t)1 << log)
            return log;
    return 0;
}

static uint32_t slots_of_next_slab(const struct stack_pool *pool, unsigned log)
{
    unsigned slots_log = FIRST_SLAB_LOG + pool->slabs_made[log - STACK_LEAST_LOG];
    if (slots_log > LAST_SLAB_LOG)
        slots_log = LAST_SLAB_LOG;
    unsigned most_log = log < SLAB_BYTES_LOG ? SLAB_BYTES_LOG - log : 0;
    return (uint32_t)1 << (slots_log < most_log ? slots_log : most_log);
}

void asyncp_stack_list(struct stack_pool *pool, struct slab *slab)
{
    slab->listed = true;
    list_append(&pool->available[slab->log - STACK_LEAST_LOG], &slab->link);
}

static struct slab *slab_new(struct stack_pool *pool, unsigned log)
{
    struct slab *slab = memory_new(&pool->memory, sizeof *slab);
    if (slab == NULL)
        return NULL;
    slab->slots = slots_of_next_slab(pool, log);
    slab->log = (uint8_t)log;
    slab->slot_size = pool->guard_size + ((size_t)1 << log);
    slab->start = asyncp_sys_map(slab_size(slab));
    if (slab->start == NULL) {
        memory_free(&pool->memory, slab, sizeof *slab);
        return NULL;
    }
    slab->next = pool->slabs;
    pool->slabs = slab;
    pool->slabs_made[log - STACK_LEAST_LOG]++;
    asyncp_stack_list(pool, slab);
    return slab;
}

/* Guards the next slots, many at once, with the best kind that can still be had. */
static void guard_more(struct stack_pool *pool, struct slab *slab)
{
    uint32_t left = slab->slots - slab->guarded;
    uint32_t count = left < GUARDS_AT_ONCE ? left : GUARDS_AT_ONCE;
    size_t size = slab->slot_size;
    char *slot = slab->start + size * slab->guarded;
    uint32_t done;
    while ((done = asyncp_guard_install(pool->guard, slot, size, pool->guard_size, count)) == 0) {
        if (++pool->guard == GUARD_CANARY)
            asyncp_report("no more stack guards (vm.max_map_count is reached); "
                          "further tasks have only a canary, checked when they end");
    }
    slab->guard = (uint8_t)pool->guard;
    slab->guarded += done;
    if (slab->slots ==
        1u << LAST_SLAB_LOG) /* thousands are in use, so a few pages early are no waste */
        asyncp_sys_touch_each(slot + size - pool->page, size, pool->page, done);
}

/* The next untouched slot of a slab as a stack. */
static struct stack *cut_fresh(struct stack_pool *pool, struct slab *slab)
{
    if (slab->fresh == slab->guarded)
        guard_more(pool, slab);
    char *bottom = slab->start + slab->slot_size * slab->fresh;
    struct stack *stack = in_slot(pool, slab, slab->fresh);
    *stack = (struct stack){.slab = slab, .bottom = bottom, .log = slab->log, .guard = slab->guard};
    tools_stack_mapped(&stack->known, stack_limit(pool, stack), stack_control(pool, stack));
    slab->fresh++;
    return stack;
}

static bool has_one(const struct slab *slab)
{
    return slab->free != NULL || slab->fresh < slab->slots;
}

/* The first slab that has a stack to give; those before it leave the list. */
static struct slab *find_slab(struct stack_pool *pool, unsigned log)
{
    struct link *first;
    while ((first = list_first(&pool->available[log - STACK_LEAST_LOG])) != NULL) {
        struct slab *slab = CONTAINER_OF(first, struct slab, link);
        if (has_one(slab))
            return slab;
        slab->listed = false;
        list_remove(first);
    }
    return slab_new(pool, log);
}

struct stack *asyncp_stack_find(struct stack_pool *pool, unsigned log)
{
    struct slab *slab = find_slab(pool, log);
    if (slab == NULL)
        return NULL;
    if (slab->free != NULL)
        return stack_take(pool, log);
    slab->in_use++;
    return cut_fresh(pool, slab);
}

const struct stack *asyncp_stack_at(const struct stack_pool *pool, const void *address)
{
    uintptr_t place = (uintptr_t)address;
    for (const struct slab *slab = pool->slabs; slab != NULL; slab = slab->next) {
        size_t offset = place - (uintptr_t)slab->start; /* huge if it lies before the slab */
        if (offset < slab_size(slab)) {
            size_t slot = offset / slab->slot_size;
            return slot < slab->fresh ? in_slot(pool, slab, (uint32_t)slot) : NULL;
        }
    }
    return NULL;
}

struct stack_census asyncp_stack_count(const struct stack_pool *pool)
{
    struct stack_census census = {0};
    for (const struct slab *slab = pool->slabs; slab != NULL; slab = slab->next) {
        census.in_use += slab->in_use;
        census.idle += slab->fresh - slab->in_use;
    }
    return census;
}

void asyncp_stack_check(const struct stack *stack)
{
    ENSURE(stack->guard != GUARD_CANARY || asyncp_guard_intact(stack->bottom),
           "a task overflowed its stack of %zu KiB into memory that is not its own; nothing can be "
           "trusted now",
           stack_size(stack) / 1024);
}

void asyncp_stack_trim(struct stack_pool *pool)
{
    struct slab **place = &pool->slabs;
    while (*place != NULL) {
        struct slab *slab = *place;
        bool rested = slab->in_use == 0 && slab->rested;
        slab->rested = slab->in_use == 0;
        if (!rested) {
            place = &slab->next;
            continue;
        }
        *place = slab->next;
        pool->slabs_made[slab->log - STACK_LEAST_LOG]--;
        ASSERT(slab->listed);
        list_remove(&slab->link);
        unmap(pool, slab);
    }
}

/* The first byte at or after start that is not zero: untouched pages read as zeros. */
static const char *first_written(const char *start, const char *end)
{
    tools_written(start, (size_t)(end - start)); /* below the frames too */
    while (start < end && *start == 0)
        start++;
    return start;
}

size_t asyncp_stack_used(const struct stack_pool *pool, const struct stack *stack)
{
    const char *top = stack_control(pool, stack);
    char *limit = stack_limit(pool, stack);
    ssize_t untouched = asyncp_sys_first_resident(limit, stack_size(stack));
    if (untouched < 0 || limit + untouched > top)
        return 0;
    return (size_t)(top - first_written(limit + untouched, top));
}

void asyncp_stack_open(const struct stack_pool *pool, const struct stack *stack)
{
    char *limit = stack_limit(pool, stack);
    tools_cleared(limit, (size_t)(stack_control(pool, stack) - limit));
}

void asyncp_stack_clean(const struct stack_pool *pool, const struct stack *stack)
{
    char *limit = stack_limit(pool, stack);
    char *top = stack_control(pool, stack);
    size_t whole_pages = (size_t)(top - limit) / pool->page * pool->page;
    char *top_page = limit + whole_pages;
    if (whole_pages > 0)
        asyncp_sys_forget(limit, whole_pages);
    memset(top_page, 0, (size_t)(top - top_page));
}
