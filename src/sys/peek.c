/* sys/peek.c: process_vm_readv(2), and a pipe in its place. */
#include "sys/peek.h"
#include "sys/call.h"
#include <fcntl.h>
#include <limits.h>

long asyncp_sys_peek(int32_t process, const struct iovec here[], const struct iovec there[],
                     size_t count)
{
    return SYS_CALL(SITE_PEEK, process_vm_readv(process, here, count, there, count, 0));
}

/* A part fits into the pipe. The address is the kernel's to check: sanitizers need not know it. */
static bool copy_part(const int ends[2], uintptr_t address, char *bytes, size_t size)
{
    return syscall(SYS_write, ends[1], address, size) == (long)size &&
           read(ends[0], bytes, size) == (ssize_t)size;
}

bool asyncp_sys_peek_by_pipe(uintptr_t address, void *bytes, size_t size)
{
    int ends[2];
    bool copied = true;
    if (fault(SITE_PEEK) || pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return false;
    for (size_t done = 0, part; done < size && copied; done += part) {
        part = size - done < PIPE_BUF ? size - done : PIPE_BUF;
        copied = copy_part(ends, address + done, (char *)bytes + done, part);
    }
    close(ends[0]);
    close(ends[1]);
    return copied;
}
