/*
 * sys/map.h: memory mappings: anonymous ones for stacks, shared ones for io_uring's rings, and
 * guards.
 */
#ifndef SYS_MAP_H
#define SYS_MAP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Bytes mapped by the library and not unmapped; for leak checks. */
extern _Atomic long asyncp_mapped_bytes;

/* Maps private memory without huge pages; pages are allocated on first touch. NULL: no memory. */
void *asyncp_sys_map(size_t size);

/* Maps the memory of an io_uring descriptor. NULL: it cannot be mapped. */
void *asyncp_sys_map_shared(size_t size, int fd, int64_t offset);

/*
 * Removes a mapping. If the kernel refuses because the process has vm.max_map_count mappings, the
 * mapping stays without pages and later calls try again.
 */
void asyncp_sys_unmap(void *start, size_t size);

/* Retries to remove the mappings left by asyncp_sys_unmap. asyncp_sys_map does it first. */
void asyncp_sys_unmap_leftovers(void);

/* Makes the range fault on access (MADV_GUARD_INSTALL). 0 or -errno; -EINVAL: Linux before 6.13. */
int asyncp_sys_guard(void *start, size_t size);

enum { MAX_RANGES = 64 };

/*
 * The same for `count` ranges, at most MAX_RANGES, `stride` bytes apart, in one call. After an
 * error some of them may be guarded.
 */
int asyncp_sys_guard_each(char *start, size_t stride, size_t size, uint32_t count);

/*
 * Faults in the pages of as many ranges with one call. After an error some may be without pages.
 */
int asyncp_sys_populate_each(char *start, size_t stride, size_t size, uint32_t count);

/* Makes the range fault on access by page protection, which splits the mapping. 0 or -errno. */
int asyncp_sys_mprotect_none(void *start, size_t size);

/* Frees the pages of the range; it reads as zeros afterwards. 0 or -errno. */
int asyncp_sys_madvise_dontneed(void *start, size_t size);

/* Bytes of the range below its first resident page; `size` if no page is resident; or -errno. */
ssize_t asyncp_sys_first_resident(void *start, size_t size);

/* Bytes of a page, or the multiple of a page set by the build (-Dpage_size). */
size_t asyncp_sys_page_size(void);

#endif
