/*
 * sys/peek.h: copies memory that may change, or vanish, meanwhile. Where an address is not mapped
 * the kernel says so, and nothing is raised.
 */
#ifndef SYS_PEEK_H
#define SYS_PEEK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

enum { PEEK_MOST = 256 }; /* pieces in one call: their descriptions are on the stack */

/*
 * Copies from another process, or this one. How many bytes were copied: the call ends at the first
 * piece that is not there; -EFAULT: that was the first one; or -errno.
 */
long asyncp_sys_peek(int32_t process, const struct iovec here[], const struct iovec there[],
                     size_t count);

/*
 * Copies from this process through a pipe: for kernels and filters that forbid the call above.
 * Whether all of it was there.
 */
bool asyncp_sys_peek_by_pipe(uintptr_t address, void *bytes, size_t size);

#endif
