/*
 * stack/stack.c: slabs and the stacks cut from them: everything done once for a stack or a slab.
 * Reuse of a free stack is inline in stack.h.
 */
#include "stack/stack.h"
#include "sys/map.h"
#include "sys/report.h"

/* A slab has 16 to 4096 slots, each next one twice as many, and at most 256 MiB. */
enum { MIN_SLAB_LOG = 4, MAX_SLAB_LOG = 12, MAX_SLAB_BYTES_LOG = 28 };
enum { COLOURS = 12, COLOUR_BYTES = 3 * CACHE_LINE };
enum { GUARDS_IN_BATCH = 32 };

void asyncp_stack_pool_open(struct stack_pool *pool, size_t reserve, size_t offset,
                            async_allocator memory)
{
    size_t page = asyncp_sys_page_size();
    reserve = (reserve + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
    *pool = (struct stack_pool){
        .reserve = reserve, .offset = offset, .page = page, .memory = memory};
    pool->guard_size = page > MIN_GUARD_BYTES ? page : MIN_GUARD_BYTES;
    pool->guard = asyncp_guard_best(page);
    pool->min_log = MIN_STACK_LOG;
    while ((size_t)1 << pool->min_log < page)
        pool->min_log++;
}

/* The slot's colour determines where its control block lies. */
static struct stack *stack_in_slot(const struct stack_pool *pool, const struct slab *slab,
                                   uint32_t slot)
{
    char *top = slab->start + slab->slot_size * (slot + 1) - (slot % COLOURS) * COLOUR_BYTES;
    return (struct stack *)(void *)(top - pool->reserve + pool->offset);
}

static size_t slab_bytes(const struct slab *slab)
{
    return slab->slots * slab->slot_size;
}

static void slab_unmap(struct stack_pool *pool, struct slab *slab)
{
    if (tools_track_stacks())
        for (uint32_t slot = 0; slot < slab->fresh; slot++)
            tools_stack_unmapped(&stack_in_slot(pool, slab, slot)->tools);
#if ASYNC_ASAN
    ASAN_UNPOISON_MEMORY_REGION(slab->start, slab_bytes(slab));
#endif
    asyncp_sys_unmap(slab->start, slab_bytes(slab));
    pool->mapped_bytes -= slab_bytes(slab);
    pool->cut -= slab->fresh;
    memory_free(&pool->memory, slab, sizeof *slab);
}

void asyncp_stack_pool_close(struct stack_pool *pool)
{
    for (struct slab *slab = pool->slabs, *next; slab != NULL; slab = next) {
        next = slab->next;
        slab_unmap(pool, slab);
    }
    pool->slabs = NULL;
}

unsigned asyncp_stack_log(const struct stack_pool *pool, size_t size)
{
    if (size == 0)
        size = (size_t)1 << DEFAULT_STACK_LOG;
    for (unsigned log = pool->min_log; log <= MAX_STACK_LOG; log++)
        if (size <= (size_t)1 << log)
            return log;
    return 0;
}

static uint32_t slots_of_next_slab(const struct stack_pool *pool, unsigned log)
{
    unsigned slots_log = MIN_SLAB_LOG + pool->slabs_made[log - MIN_STACK_LOG];
    if (slots_log > MAX_SLAB_LOG)
        slots_log = MAX_SLAB_LOG;
    unsigned max_log = log < MAX_SLAB_BYTES_LOG ? MAX_SLAB_BYTES_LOG - log : 0;
    return (uint32_t)1 << (slots_log < max_log ? slots_log : max_log);
}

void asyncp_stack_list_slab(struct stack_pool *pool, struct slab *slab)
{
    slab->listed = true;
    list_append(&pool->available[slab->log - MIN_STACK_LOG], &slab->link);
}

static struct slab *slab_new(struct stack_pool *pool, unsigned log)
{
    struct slab *slab = memory_new(&pool->memory, sizeof *slab);
    if (slab == NULL)
        return NULL;
    slab->slots = slots_of_next_slab(pool, log);
    slab->log = (uint8_t)log;
    slab->slot_size = pool->guard_size + ((size_t)1 << log);
    slab->start = asyncp_sys_map(slab_bytes(slab));
    if (slab->start == NULL) {
        memory_free(&pool->memory, slab, sizeof *slab);
        return NULL;
    }
    slab->next = pool->slabs;
    pool->slabs = slab;
    pool->slabs_made[log - MIN_STACK_LOG]++;
    pool->mapped_bytes += slab_bytes(slab);
    asyncp_stack_list_slab(pool, slab);
    return slab;
}

/* Guards the next slots, with the best kind still available. */
static void guard_slots(struct stack_pool *pool, struct slab *slab)
{
    uint32_t left = slab->slots - slab->guarded;
    uint32_t count = left < GUARDS_IN_BATCH ? left : GUARDS_IN_BATCH;
    size_t size = slab->slot_size;
    char *slot = slab->start + size * slab->guarded;
    uint32_t done;
    while ((done = asyncp_guard_install(pool->guard, slot, size, pool->guard_size, count)) == 0) {
        if (++pool->guard == GUARD_CANARY)
            asyncp_report("no more stack guards (vm.max_map_count is reached); "
                          "further stacks have only a canary, which is checked when a task ends");
    }
    slab->guard = (uint8_t)pool->guard;
    slab->guarded += done;
    if (slab->slots == 1u << MAX_SLAB_LOG) /* thousands are in use: populate some ahead */
        asyncp_sys_populate_each(slot + size - pool->page, size, pool->page, done);
}

/* Makes a stack of the slab's next unused slot. */
static struct stack *cut_stack(struct stack_pool *pool, struct slab *slab)
{
    if (slab->fresh == slab->guarded)
        guard_slots(pool, slab);
    char *bottom = slab->start + slab->slot_size * slab->fresh;
    struct stack *stack = stack_in_slot(pool, slab, slab->fresh);
    *stack = (struct stack){.slab = slab, .bottom = bottom, .log = slab->log, .guard = slab->guard};
    tools_stack_mapped(&stack->tools, stack_limit(pool, stack), stack_control(pool, stack));
    slab->fresh++;
    pool->cut++;
    return stack;
}

/* The first slab with a free or unused stack. Exhausted slabs before it leave the list. */
static struct slab *find_slab(struct stack_pool *pool, unsigned log)
{
    struct link *first;
    while ((first = list_first(&pool->available[log - MIN_STACK_LOG])) != NULL) {
        struct slab *slab = CONTAINER_OF(first, struct slab, link);
        if (slab->free != NULL || slab->fresh < slab->slots)
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
    return cut_stack(pool, slab);
}

const struct stack *asyncp_stack_at(const struct stack_pool *pool, const void *address)
{
    for (const struct slab *slab = pool->slabs; slab != NULL; slab = slab->next) {
        size_t offset = (uintptr_t)address - (uintptr_t)slab->start; /* wraps below the slab */
        if (offset < slab_bytes(slab)) {
            size_t slot = offset / slab->slot_size;
            return slot < slab->fresh ? stack_in_slot(pool, slab, (uint32_t)slot) : NULL;
        }
    }
    return NULL;
}

struct stack_counts asyncp_stack_count(const struct stack_pool *pool)
{
    struct stack_counts counts = {0};
    for (const struct slab *slab = pool->slabs; slab != NULL; slab = slab->next) {
        counts.in_use += slab->in_use;
        counts.idle += slab->fresh - slab->in_use;
    }
    return counts;
}

void asyncp_stack_check(const struct stack *stack)
{
    ENSURE(stack->guard != GUARD_CANARY || asyncp_guard_intact(stack->bottom),
           "a task overflowed its stack of %zu KiB and overwrote other memory; the process cannot "
           "continue safely",
           stack_size(stack) / 1024);
}

void asyncp_stack_trim(struct stack_pool *pool)
{
    struct slab **place = &pool->slabs;
    while (*place != NULL) {
        struct slab *slab = *place;
        bool stays = slab->in_use != 0 || !slab->was_idle;
        slab->was_idle = slab->in_use == 0;
        if (stays) {
            place = &slab->next;
            continue;
        }
        *place = slab->next;
        pool->slabs_made[slab->log - MIN_STACK_LOG]--;
        ASSERT(slab->listed);
        list_remove(&slab->link);
        slab_unmap(pool, slab);
    }
}

/* The first non-zero byte. Untouched pages read as zeros. */
static const char *first_nonzero(const char *start, const char *end)
{
    tools_mark_defined(start, (size_t)(end - start));
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
    return (size_t)(top - first_nonzero(limit + untouched, top));
}

void asyncp_stack_mark_undefined(const struct stack_pool *pool, const struct stack *stack)
{
    char *limit = stack_limit(pool, stack);
    tools_mark_undefined(limit, (size_t)(stack_control(pool, stack) - limit));
}

void asyncp_stack_clean(const struct stack_pool *pool, const struct stack *stack)
{
    char *limit = stack_limit(pool, stack);
    char *top = stack_control(pool, stack);
    size_t whole_pages = (size_t)(top - limit) / pool->page * pool->page;
    char *top_page = limit + whole_pages;
    if (whole_pages > 0)
        asyncp_sys_madvise_dontneed(limit, whole_pages);
    memset(top_page, 0, (size_t)(top - top_page));
}
