/*
 * stack/guard.c: what stops a stack from growing into its neighbour: a lightweight guard where the
 * kernel has them (6.13 and later; no mapping is spent, so a million work), page protection where
 * it does not, and where mappings run out a canary, which only tells afterwards. The first kind is
 * not believed, but proven: an emulated kernel may accept the call and do nothing.
 */
#include "stack/stack.h"
#include "sys/sys.h"
#include <stdatomic.h>

enum { CANARY_WORDS = 8 };
static const uint64_t CANARY = 0x5afe57ac6b077035;

enum proof { UNKNOWN, WORKS, DOES_NOT };

/* Whether the kernel itself refuses to write into the page at start. */
static enum proof refuses_writes(char *start)
{
    int ends[2];
    if (asyncp_sys_pipe(ends) < 0)
        return UNKNOWN;
    bool asked = asyncp_sys_write(ends[1], "x", 1) == 1;
    ssize_t answer = asked ? asyncp_sys_read(ends[0], start, 1) : 0;
    asyncp_sys_close(ends[0]);
    asyncp_sys_close(ends[1]);
    return answer == -EFAULT ? WORKS : answer == 1 ? DOES_NOT : UNKNOWN;
}

static int guard_alone(char *start, size_t page)
{
    return asyncp_sys_guard(start, page);
}

static int guard_with_others(char *start, size_t page)
{
    return asyncp_sys_guard_each(start, page, page, 1);
}

static bool is_short(int error)
{
    return error == -ENOMEM || error == -EAGAIN;
}

/* UNKNOWN when the kernel is short of something now. */
static enum proof prove(int (*guard)(char *start, size_t page), size_t page)
{
    char *start = asyncp_sys_map(2 * page);
    if (start == NULL)
        return UNKNOWN;
    int result = guard(start, page);
    enum proof proof = result == 0 ? refuses_writes(start) : is_short(result) ? UNKNOWN : DOES_NOT;
    asyncp_sys_unmap(start, 2 * page);
    return proof;
}

/* The kernel does not change while we run. */
static _Atomic enum proof alone, together;

enum guard asyncp_guard_best(size_t page)
{
    if (alone == UNKNOWN)
        alone = prove(guard_alone, page);
    if (alone == WORKS && together == UNKNOWN)
        together = prove(guard_with_others, page);
    return alone == WORKS ? GUARD_LIGHT : GUARD_PROTECTION;
}

static void write_canary(char *bottom)
{
    for (size_t i = 0; i < CANARY_WORDS; i++)
        ((uint64_t *)(void *)bottom)[i] = CANARY;
}

bool asyncp_guard_intact(const char *bottom)
{
    for (size_t i = 0; i < CANARY_WORDS; i++)
        if (((const uint64_t *)(const void *)bottom)[i] != CANARY)
            return false;
    return true;
}

static int install_one(enum guard kind, char *slot, size_t size)
{
    switch (kind) {
    case GUARD_LIGHT:
        return asyncp_sys_guard(slot, size);
    case GUARD_PROTECTION:
        return asyncp_sys_protect(slot, size);
    default:
        write_canary(slot);
        return 0;
    }
}

uint32_t asyncp_guard_install(enum guard kind, char *slot, size_t slot_size, size_t size,
                              uint32_t count)
{
    if (kind == GUARD_LIGHT && together == WORKS &&
        asyncp_sys_guard_each(slot, slot_size, size, count) == 0)
        return count;
    for (uint32_t done = 0; done < count; done++)
        if (install_one(kind, slot + done * slot_size, size) < 0)
            return done;
    return count;
}
