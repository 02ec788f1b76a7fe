/*
 * stack/stack.h: the pool of stacks. Stacks of one size are cut from slabs of address space that
 * costs nothing until it is touched; one that was given back is the next to be taken, still warm.
 * Knows nothing of tasks: its user keeps a control block at each stack's own top, so that an idle
 * task touches one page; struct stack is a member of it.
 *
 *   slot   |guard|  free  | frames | arguments | control block | colour |
 *          bottom                               stack_control()
 *                 stack_limit()
 *
 * The guard has at least one page, and no less than what compilers leave unprobed (GUARD_LEAST). It
 * is not counted in a stack's size, so that a stack has what was asked for whatever a page is. A
 * stack has at least one page.
 *
 * Colour: tops at the same offset in every slot would share a few sets of the cache, so slots
 * differ by multiples of 192 bytes. Invariant: a slab that has a stack to give is in its class's
 * list; one that is in it may have none left, until somebody looks.
 */
#ifndef STACK_STACK_H
#define STACK_STACK_H

#include "base/list.h"
#include "base/memory.h"
#include "sys/tools.h"

enum {
    STACK_LEAST_LOG = 14,   /* 16 KiB: a first libc call uses 3.2 KB, printf of a double 9 */
    STACK_DEFAULT_LOG = 16, /* 64 KiB */
    STACK_MOST_LOG = 30,    /* 1 GiB */
    STACK_CLASSES = STACK_MOST_LOG - STACK_LEAST_LOG + 1
};

/*
 * With -fstack-clash-protection a function touches its frame at such distances, so that it cannot
 * step over a guard. A frame up to this size is not touched at all. On aarch64 gcc and clang take
 * every guard to have 64 KiB.
 */
#if defined(__aarch64__)
enum { GUARD_LEAST = 64 * 1024 };
#else
enum { GUARD_LEAST = 4096 };
#endif

enum guard { GUARD_LIGHT, GUARD_PROTECTION, GUARD_CANARY };

struct slab;

struct stack {
    struct stack *next;       /* in the slab's free stacks */
    struct slab *slab;        /* what it was cut from */
    char *bottom;             /* the slot's lowest byte, where the guard begins */
    uint8_t log;              /* 2^log bytes lie above the guard */
    uint8_t guard;            /* enum guard: what stops an overflow */
    struct known_stack known; /* as the tools know it */
};

struct slab {
    struct link link;   /* in its class's list, while it is listed */
    struct slab *next;  /* in the pool's list of all slabs */
    struct stack *free; /* given back, the warmest first */
    char *start;        /* of the mapping */
    size_t slot_size;   /* bytes from one slot to the next, guard included */
    uint32_t slots;     /* in the mapping */
    uint32_t fresh;     /* slots that were ever taken; those behind are untouched */
    uint32_t guarded;   /* slots whose guard is in place, at least fresh */
    uint32_t in_use;    /* taken and not given back */
    uint8_t log;        /* each slot has 2^log bytes above its guard */
    uint8_t guard;      /* enum guard of the slots from fresh to guarded */
    bool listed;        /* it is in its class's list */
    bool rested;        /* nobody used it when stacks were last to be given back */
};

struct stack_pool {
    struct list available[STACK_CLASSES]; /* slabs with a stack to give, by size */
    uint32_t slabs_made[STACK_CLASSES];   /* decides how large the next slab is */
    struct slab *slabs;                   /* all of them */
    size_t reserve;                       /* bytes of control block at each top */
    size_t offset;                        /* of struct stack in it */
    size_t page;                          /* bytes of a page */
    size_t guard_size;                    /* bytes of a guard, whole pages */
    unsigned least_log;                   /* of the smallest stack: it has at least a page */
    enum guard guard;                     /* the best there is */
    async_allocator memory;               /* where the slabs' descriptions come from */
};

/*
 * The user's control block has `reserve` bytes, struct stack at `offset` in it; it begins a cache
 * line.
 */
void asyncp_stack_pool_open(struct stack_pool *pool, size_t reserve, size_t offset,
                            async_allocator memory);

/* All stacks must be back. */
void asyncp_stack_pool_close(struct stack_pool *pool);

/* A stack of 2^log bytes that was never used, or that another slab has; NULL: out of memory. */
struct stack *asyncp_stack_find(struct stack_pool *pool, unsigned log);

/* Puts a slab that has a stack to give again into its class's list. */
void asyncp_stack_list(struct stack_pool *pool, struct slab *slab);

/* How many stacks are in use, and how many were given back and kept: counted slab by slab. */
struct stack_census {
    size_t in_use; /* taken and not given back */
    size_t idle;   /* given back */
};
struct stack_census asyncp_stack_count(const struct stack_pool *pool);

/* The least log for that many bytes, of STACK_DEFAULT_LOG for 0; 0 if there is none. */
unsigned asyncp_stack_log(const struct stack_pool *pool, size_t size);

/* Gives slabs back to the kernel that nobody uses, nor used the last time this was called. */
void asyncp_stack_trim(struct stack_pool *pool);

/* How far down the stack was ever written, in bytes below its control block. */
size_t asyncp_stack_used(const struct stack_pool *pool, const struct stack *stack);

/*
 * Tells valgrind that everything below its control block may be written, wherever the last flow had
 * its frames.
 */
void asyncp_stack_open(const struct stack_pool *pool, const struct stack *stack);

/* Makes everything below its control block zeros, so that asyncp_stack_used starts anew. */
void asyncp_stack_clean(const struct stack_pool *pool, const struct stack *stack);

/*
 * The stack that the address lies in, in use or given back; NULL: none that was ever taken from the
 * pool.
 */
const struct stack *asyncp_stack_at(const struct stack_pool *pool, const void *address);

/* Dies if the guard of a stack that has only a canary was overwritten. */
void asyncp_stack_check(const struct stack *stack);

/*
 * Puts guards of that size and kind into count slots; returns how many could be put. A canary
 * always can.
 */
uint32_t asyncp_guard_install(enum guard kind, char *slot, size_t slot_size, size_t size,
                              uint32_t count);

/* The best kind that was proven to work here. */
enum guard asyncp_guard_best(size_t page);
bool asyncp_guard_intact(const char *bottom);

/*
 * A stack of 2^log bytes, or NULL: out of memory. Its struct is set; the rest of its control block
 * is zeros, or as it was when the stack was given back.
 */
static inline struct stack *stack_take(struct stack_pool *pool, unsigned log)
{
    ASSERT(log >= pool->least_log && log <= STACK_MOST_LOG);
    struct link *first = list_first(&pool->available[log - STACK_LEAST_LOG]);
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
        asyncp_stack_list(pool, slab);
}

/* Bytes above the guard: of frames, arguments, the control block and the colour. */
static inline size_t stack_size(const struct stack *stack)
{
    return (size_t)1 << stack->log;
}

/* The control block that the stack is a member of: what lies below it is the flow's. */
static inline char *stack_control(const struct stack_pool *pool, const struct stack *stack)
{
    return (char *)(uintptr_t)stack - pool->offset;
}

/* The lowest byte that frames may use. */
static inline char *stack_limit(const struct stack_pool *pool, const struct stack *stack)
{
    return stack->bottom + pool->guard_size;
}

#endif
