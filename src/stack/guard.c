/*
 * stack/guard.c: installs guards. Whether the kernel has lightweight guards is verified once: some
 * emulated kernels accept the madvise and ignore it.
 */
#include "stack/guard.h"
#include "sys/file.h"
#include "sys/map.h"
#include <errno.h>
#include <stdatomic.h>

enum { CANARY_WORDS = 8 };
static const uint64_t CANARY = 0x5afe57ac6b077035;

/* Whether a kind of guard works. UNKNOWN: not tested yet, or the kernel was short of resources. */
enum guard_support { UNKNOWN, SUPPORTED, UNSUPPORTED };

static _Atomic enum guard_support single_support; /* one range in each call */
static _Atomic enum guard_support batch_support;  /* many ranges in each call */

/* Tests a guarded page with a system call writing to it: the call fails instead of faulting. */
static enum guard_support test_guarded_page(char *page)
{
    int ends[2];
    if (asyncp_sys_pipe(ends, O_NONBLOCK) < 0)
        return UNKNOWN;
    bool written = asyncp_sys_write(ends[1], "x", 1) == 1;
    ssize_t result = written ? asyncp_sys_read(ends[0], page, 1) : 0;
    asyncp_sys_close(ends[0]);
    asyncp_sys_close(ends[1]);
    return result == -EFAULT ? SUPPORTED : result == 1 ? UNSUPPORTED : UNKNOWN;
}

static enum guard_support test_guard(bool in_batch, size_t page)
{
    char *start = asyncp_sys_map(2 * page);
    if (start == NULL)
        return UNKNOWN;
    int result = in_batch ? asyncp_sys_guard_each(start, page, page, 1)
                          : asyncp_sys_guard(start, page);
    enum guard_support support = UNSUPPORTED;
    if (result == 0)
        support = test_guarded_page(start);
    else if (result == -ENOMEM || result == -EAGAIN)
        support = UNKNOWN;
    asyncp_sys_unmap(start, 2 * page);
    return support;
}

enum guard asyncp_guard_best(size_t page)
{
    if (single_support == UNKNOWN)
        single_support = test_guard(false, page);
    if (single_support == SUPPORTED && batch_support == UNKNOWN)
        batch_support = test_guard(true, page);
    return single_support == SUPPORTED ? GUARD_LIGHT : GUARD_PROTECTION;
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

static int install_guard(enum guard kind, char *slot, size_t size)
{
    switch (kind) {
    case GUARD_LIGHT:
        return asyncp_sys_guard(slot, size);
    case GUARD_PROTECTION:
        return asyncp_sys_mprotect_none(slot, size);
    default:
        write_canary(slot);
        return 0;
    }
}

uint32_t asyncp_guard_install(enum guard kind, char *slot, size_t slot_size, size_t size,
                              uint32_t count)
{
    if (kind == GUARD_LIGHT && batch_support == SUPPORTED &&
        asyncp_sys_guard_each(slot, slot_size, size, count) == 0)
        return count;
    for (uint32_t done = 0; done < count; done++)
        if (install_guard(kind, slot + done * slot_size, size) < 0)
            return done;
    return count;
}
