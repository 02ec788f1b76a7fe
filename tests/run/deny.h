/*
 * deny.h: a seccomp filter that makes one system call fail, permanently, in the process of one
 * case.
 */
#ifndef TEST_DENY_H
#define TEST_DENY_H

#include "run/runner.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

static inline void deny__install(const struct sock_filter *filter, unsigned short length)
{
    struct sock_fprog program = {.len = length, .filter = (struct sock_filter *)(uintptr_t)filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        test_skip("this kernel does not support seccomp filters");
}

#define DENY__FAIL(error)                                                                          \
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ((unsigned)(error)&SECCOMP_RET_DATA))
#define DENY__ALLOW       BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define DENY__LOAD(place) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)(place))

/*
 * Goes on with the next instruction if the loaded value equals this, and otherwise skips that many.
 */
#define DENY__IF(value, skipped)                                                                   \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(value), 0, (skipped))

/* From now on that system call fails with error: EPERM, not -EPERM. */
static inline void deny_call(long call, int error)
{
    const struct sock_filter filter[] = {DENY__LOAD(offsetof(struct seccomp_data, nr)),
                                         DENY__IF(call, 1), DENY__FAIL(error), DENY__ALLOW};
    deny__install(filter, sizeof filter / sizeof filter[0]);
}

/* Offset of the low half of an argument. */
static inline size_t deny__argument(unsigned argument)
{
    bool high_half_first = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    return offsetof(struct seccomp_data, args) + argument * 8 + (high_half_first ? 4 : 0);
}

/* The same only where the low half of one argument has that value. Arguments are counted from 0. */
static inline void deny_call_with(long call, unsigned argument, unsigned value, int error)
{
    const struct sock_filter filter[] = {DENY__LOAD(offsetof(struct seccomp_data, nr)),
                                         DENY__IF(call, 3),
                                         DENY__LOAD(deny__argument(argument)),
                                         DENY__IF(value, 1),
                                         DENY__FAIL(error),
                                         DENY__ALLOW};
    deny__install(filter, sizeof filter / sizeof filter[0]);
}

#endif
