/*
 * stack/stack.h: the pool of stacks. Stacks of one size are cut from slabs, which are mapped
 * without pages. Free stacks are reused LIFO, while they are in the cache. The user of the pool
 * keeps a control block at the top of each stack, so an idle task touches one page; struct stack is
 * a member of the control block.
 *
 *   slot   |guard|  free  | frames | arguments | control block | colour |
 *          bottom                               stack_control()
 *                 stack_limit()
 *
 * The guard has at least one page and at least MIN_GUARD_BYTES. It is not counted in the stack's
 * size, so the usable size does not depend on the page size. A stack has at least one page.
 *
 * Colour: tops at the same offset in every slot would compete for a few sets of the cache, so they
 * differ by multiples of 192 bytes.
 *
 * Invariant: a slab with a free or unused stack is in the list of its size class. A slab in the
 * list may have none left; the next search removes it.
 */
#ifndef STACK_STACK_H
#define STACK_STACK_H

#include "base/list.h"
#include "base/memory.h"
#include "stack/guard.h"
#include "sys/tools.h"

/* Sizes as powers of two. The first libc call uses 3.2 KB, printf of a double 9 KB. */
enum {
    MIN_STACK_LOG = 14,     /* 16 KiB */
    DEFAULT_STACK_LOG = 16, /* 64 KiB */
    MAX_STACK_LOG = 30,     /* 1 GiB */
    STACK_CLASSES = MAX_STACK_LOG - MIN_STACK_LOG + 1
};

struct slab;

struct stack {
    struct stack *next; /* in the slab's free stacks */
    struct slab *slab;
    char *bottom;            /* the slot's lowest byte, where the guard begins */
    uint8_t log;             /* 2^log bytes lie above the guard */
    uint8_t guard;           /* enum guard */
    struct tool_stack tools; /* for sanitizers and valgrind */
};

struct slab {
    struct link link;   /* in the list of its size class, if `listed` */
    struct slab *next;  /* in the pool's list of all slabs */
    struct stack *free; /* stacks given back, the last one first */
    char *start;
    size_t slot_size; /* guard included */
    uint32_t slots;
    uint32_t fresh;   /* slots ever used; the others are untouched */
    uint32_t guarded; /* slots with a guard, at least `fresh` */
    uint32_t in_use;
    uint8_t log;   /* 2^log bytes lie above each guard */
    uint8_t guard; /* enum guard of the slots from `fresh` to `guarded` */
    bool listed;
    bool was_idle; /* no stack was in use at the last asyncp_stack_trim */
};

struct stack_pool {
    struct list available[STACK_CLASSES]; /* slabs with free stacks, by size */
    uint32_t slabs_made[STACK_CLASSES];   /* determines the size of the next slab */
    struct slab *slabs;
    size_t mapped_bytes; /* of all slabs */
    size_t cut;          /* stacks, in use or free */
    size_t reserve;      /* bytes of a control block */
    size_t offset;       /* of struct stack in the control block */
    size_t page;
    size_t guard_size; /* whole pages */
    unsigned min_log;  /* of a stack with at least one page */
    enum guard guard;  /* the best available kind */
    async_allocator memory;
};

/* A control block has `reserve` bytes, with struct stack at `offset`, and is cache-line aligned. */
void asyncp_stack_pool_open(struct stack_pool *pool, size_t reserve, size_t offset,
                            async_allocator memory);

/* No stack may be in use. */
void asyncp_stack_pool_close(struct stack_pool *pool);

/* The slow path of stack_take: searches the slabs or makes one. NULL: no memory. */
struct stack *asyncp_stack_find(struct stack_pool *pool, unsigned log);

/* Puts a slab with a free stack back into the list of its size class. */
void asyncp_stack_list_slab(struct stack_pool *pool, struct slab *slab);

struct stack_counts {
    size_t in_use;
    size_t idle; /* free, but their pages may be resident */
};
struct stack_counts asyncp_stack_count(const struct stack_pool *pool);

/* The smallest log for a stack of the size; DEFAULT_STACK_LOG for 0. 0: the size is too large. */
unsigned asyncp_stack_log(const struct stack_pool *pool, size_t size);

/* Unmaps slabs without a stack in use now and at the previous call. */
void asyncp_stack_trim(struct stack_pool *pool);

/* The deepest use of the stack since asyncp_stack_clean, in bytes below its control block. */
size_t asyncp_stack_used(const struct stack_pool *pool, const struct stack *stack);

/* Marks everything below the control block undefined, for memcheck: frames of the last user. */
void asyncp_stack_mark_undefined(const struct stack_pool *pool, const struct stack *stack);

/* Zeroes everything below the control block, for asyncp_stack_used. */
void asyncp_stack_clean(const struct stack_pool *pool, const struct stack *stack);

/* The stack, in use or free, around the address; or NULL. */
const struct stack *asyncp_stack_at(const struct stack_pool *pool, const void *address);

/* Aborts if the stack's canary was overwritten. */
void asyncp_stack_check(const struct stack *stack);

/*
 * A stack of 2^log bytes. NULL: no memory. Its struct is initialized; the rest of the control block
 * is zeros, or as it was when the stack was given back.
 */
static inline struct stack *stack_take(struct stack_pool *pool, unsigned log)
{
    ASSERT(log >= pool->min_log && log <= MAX_STACK_LOG);
    struct link *first = list_first(&pool->available[log - MIN_STACK_LOG]);
    struct slab *slab = first != NULL ? CONTAINER_OF(first, struct slab, link) : NULL;
    if (unlikely(slab == NULL || slab->free == NULL))
        return asyncp_stack_find(pool, log);
    struct stack *stack = slab->free;
    slab->free = stack->next;
    slab->in_use++;
    return stack;
}

static inline void stack_give(struct stack_pool *pool, struct stack *stack)
{
    struct slab *slab = stack->slab;
    if (unlikely(stack->guard == GUARD_CANARY))
        asyncp_stack_check(stack);
    ASSERT(slab->in_use > 0);
    stack->next = slab->free;
    slab->free = stack;
    slab->in_use--;
    if (unlikely(!slab->listed))
        asyncp_stack_list_slab(pool, slab);
}

/* Bytes above the guard: frames, arguments, control block and colour. */
static inline size_t stack_size(const struct stack *stack)
{
    return (size_t)1 << stack->log;
}

/* The control block: the frames lie below it. */
static inline char *stack_control(const struct stack_pool *pool, const struct stack *stack)
{
    return (char *)(uintptr_t)stack - pool->offset;
}

/* The lowest byte for frames. */
static inline char *stack_limit(const struct stack_pool *pool, const struct stack *stack)
{
    return stack->bottom + pool->guard_size;
}

#endif
