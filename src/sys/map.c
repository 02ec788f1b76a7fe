/*
 * sys/map.c: mmap, munmap, madvise, mprotect and mincore. Constants missing in Debian 12's headers
 * are defined here.
 */
#include "sys/map.h"
#include "sys/call.h"
#include "sys/number.h"
#include "sys/tools.h"
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ADVICE_POPULATE_WRITE = 23, ADVICE_GUARD_INSTALL = 102 }; /* Linux 5.14, 6.13 */
enum { PIDFD_SELF = -10001 };                                    /* Linux 6.15 */

_Static_assert(sizeof(off_t) == sizeof(int64_t), "files have 64-bit offsets: _FILE_OFFSET_BITS=64");

/* A mapping still to be removed. Lies in the mapping's own last bytes. */
struct leftover {
    struct leftover *next;
    void *start;
    size_t size;
};

_Atomic long asyncp_mapped_bytes;
static _Atomic(struct leftover *) leftovers;

static void *count_mapping(void *start, size_t size)
{
    if (start == MAP_FAILED)
        return NULL;
    asyncp_mapped_bytes += (long)size;
    return start;
}

void *asyncp_sys_map(size_t size)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK;
    asyncp_sys_unmap_leftovers();
    void *start = fault(SITE_MAP) ? MAP_FAILED
                                  : mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (start != MAP_FAILED)
        madvise(start, size, MADV_NOHUGEPAGE); /* fails where the kernel has no huge pages */
    return count_mapping(start, size);
}

void *asyncp_sys_map_shared(size_t size, int fd, int64_t offset)
{
    void *start = fault(SITE_MAP_SHARED) ? MAP_FAILED
                                         : mmap(NULL, size, PROT_READ | PROT_WRITE,
                                                MAP_SHARED | MAP_POPULATE, fd, (off_t)offset);
    return count_mapping(start, size);
}

static void add_leftover(void *start, size_t size)
{
    uintptr_t end = ((uintptr_t)start + size) & ~(uintptr_t)(_Alignof(struct leftover) - 1);
    struct leftover *leftover = (struct leftover *)end - 1;
    *leftover = (struct leftover){.next = leftovers, .start = start, .size = size};
    while (!atomic_compare_exchange_weak(&leftovers, &leftover->next, leftover))
        continue;
}

/*
 * The kernel merges adjacent mappings of one kind. Removing one from the middle splits the rest in
 * two, which fails when the process has as many mappings as it may have.
 */
void asyncp_sys_unmap(void *start, size_t size)
{
    long result = SYS_CALL(SITE_UNMAP, munmap(start, size));
    ENSURE(result != -EINVAL,
           "munmap of %zu bytes failed with %ld: the library did not map this address", size,
           result);
    if (result == 0) {
        asyncp_mapped_bytes -= (long)size;
        return;
    }
    madvise(start, size, MADV_FREE); /* fails for shared memory */
    add_leftover(start, size);
}

void asyncp_sys_unmap_leftovers(void)
{
    if (likely(leftovers == NULL))
        return;
    struct leftover *leftover = atomic_exchange(&leftovers, NULL);
    while (leftover != NULL) {
        struct leftover copy = *leftover;
        asyncp_sys_unmap(copy.start, copy.size);
        leftover = copy.next;
    }
}

int asyncp_sys_guard(void *start, size_t size)
{
    return (int)SYS_CALL(SITE_GUARD, madvise(start, size, ADVICE_GUARD_INSTALL));
}

static int advise_each(enum fault_site site, char *start, size_t stride, size_t size,
                       uint32_t count, int advice)
{
    struct iovec ranges[MAX_RANGES];
    ASSERT(count <= MAX_RANGES);
    if (tools_under_valgrind()) /* it does not know the call and reports each use */
        return -ENOSYS;
    for (uint32_t i = 0; i < count; i++)
        ranges[i] = (struct iovec){.iov_base = start + i * stride, .iov_len = size};
    long done = SYS_CALL(
        site, syscall(CALL_PROCESS_MADVISE, PIDFD_SELF, ranges, (size_t)count, advice, 0u));
    if (done < 0)
        return (int)done;
    return (size_t)done == count * size ? 0 : -EAGAIN;
}

int asyncp_sys_guard_each(char *start, size_t stride, size_t size, uint32_t count)
{
    return advise_each(SITE_GUARD_EACH, start, stride, size, count, ADVICE_GUARD_INSTALL);
}

int asyncp_sys_populate_each(char *start, size_t stride, size_t size, uint32_t count)
{
    return advise_each(SITE_POPULATE_EACH, start, stride, size, count, ADVICE_POPULATE_WRITE);
}

int asyncp_sys_mprotect_none(void *start, size_t size)
{
    return (int)SYS_CALL(SITE_MPROTECT, mprotect(start, size, PROT_NONE));
}

int asyncp_sys_madvise_dontneed(void *start, size_t size)
{
    return (int)SYS_CALL(SITE_MADVISE_DONTNEED, madvise(start, size, MADV_DONTNEED));
}

static size_t kernel_page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

size_t asyncp_sys_page_size(void)
{
    return ASYNC_PAGE_SIZE != 0 ? ASYNC_PAGE_SIZE : kernel_page_size();
}

ssize_t asyncp_sys_first_resident(void *start, size_t size)
{
    enum { MAX_PAGES = 64 }; /* for each call of mincore */
    unsigned char resident[MAX_PAGES];
    size_t page = kernel_page_size(), part;
    for (size_t offset = 0; offset < size; offset += part) {
        part = size - offset < MAX_PAGES * page ? size - offset : MAX_PAGES * page;
        long result = SYS_CALL(SITE_MINCORE, mincore((char *)start + offset, part, resident));
        if (result < 0)
            return result;
        for (size_t i = 0; i * page < part; i++)
            if (resident[i] & 1)
                return (ssize_t)(offset + i * page);
    }
    return (ssize_t)size;
}
