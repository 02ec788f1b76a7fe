/*
 * sys/peek.c: the kernel copies the bytes and checks the address. Where a filter of system calls
 * forbids that, they are copied without a check.
 */
#include "sys/peek.h"
#include "sys/call.h"
#include <string.h>
#include <sys/uio.h>

bool asyncp_sys_peek(uint64_t address, void *bytes, size_t size)
{
    const struct iovec here = {.iov_base = bytes, .iov_len = size};
    const struct iovec there = {.iov_base = (void *)(uintptr_t)address, .iov_len = size};
    long result = SYS_CALL(SITE_PEEK, process_vm_readv(getpid(), &here, 1, &there, 1, 0));
    if (result == -EPERM || result == -ENOSYS) {
        memcpy(bytes, there.iov_base, size);
        return true;
    }
    return result == (long)size;
}
