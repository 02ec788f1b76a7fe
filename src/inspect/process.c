/*
 * inspect/process.c: reads memory in few calls, and finds the unwind tables of all loaded files.
 */
#include "inspect/process.h"
#include "sys/image.h"
#include "sys/peek.h"
#include "sys/thread.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory --------------------------------------------------------------------------------- */

/* Marks the pieces that lie in the first `bytes` bytes. Returns how many. */
static size_t mark_read(struct piece pieces[], size_t count, size_t bytes)
{
    size_t done = 0;
    for (; done < count && pieces[done].size <= bytes; done++) {
        bytes -= pieces[done].size;
        pieces[done].was_read = true;
    }
    return done;
}

/* The call ends at the first piece that is not there: the rest follows in another one. */
static int read_batch(int32_t process, struct piece pieces[], size_t count)
{
    struct iovec here[PEEK_MOST], there[PEEK_MOST];
    for (size_t i = 0; i < count; i++) {
        pieces[i].was_read = false;
        here[i] = (struct iovec){pieces[i].bytes, pieces[i].size};
        there[i] = (struct iovec){(void *)(uintptr_t)pieces[i].address, pieces[i].size};
    }
    for (size_t done = 0; done < count; done++) {
        long bytes = asyncp_sys_peek(process, here + done, there + done, count - done);
        if (bytes < 0 && bytes != -EFAULT)
            return (int)bytes;
        done += mark_read(pieces + done, count - done, bytes > 0 ? (size_t)bytes : 0);
    }
    return 0;
}

int asyncp_process_read(int32_t process, struct piece pieces[], size_t count)
{
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i += PEEK_MOST)
        result = read_batch(process, pieces + i, count - i < PEEK_MOST ? count - i : PEEK_MOST);
    return result;
}

static int read_own(const struct view *view, struct piece pieces[], size_t count)
{
    (void)view;
    if (asyncp_process_read(asyncp_sys_process_id(), pieces, count) == 0)
        return 0;
    for (size_t i = 0; i < count; i++)
        pieces[i].was_read = asyncp_sys_peek_by_pipe((uintptr_t)pieces[i].address, pieces[i].bytes,
                                                     pieces[i].size);
    return 0;
}

const struct view asyncp_own_view = {.read = read_own};

/* ---- code ----------------------------------------------------------------------------------- */

void asyncp_code_add_table(struct code_range *ranges, size_t count, const char *path, uint64_t base)
{
    ElfW(Shdr) table;
    if (count == 0 || ranges[0].index != 0 || !asyncp_image_read_section(path, ".eh_frame", &table))
        return;
    for (size_t i = 0; i < count; i++) {
        ranges[i].table = base + table.sh_addr;
        ranges[i].table_bytes = (size_t)table.sh_size;
    }
}

struct code_list {
    struct code_range *ranges;
    size_t count;
    bool failed; /* out of memory */
};

static void add_segment(struct code_list *list, uint64_t start, uint64_t size)
{
    struct code_range *ranges = realloc(list->ranges, (list->count + 1) * sizeof *ranges);
    list->failed |= ranges == NULL;
    if (ranges == NULL)
        return;
    list->ranges = ranges;
    ranges[list->count++] = (struct code_range){.start = start, .end = start + size};
}

/* Called for each loaded file. */
static int add_loaded(struct dl_phdr_info *file, size_t size, void *argument)
{
    struct code_list *list = argument;
    const size_t first = list->count;
    (void)size;
    for (int i = 0; i < file->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &file->dlpi_phdr[i];
        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X) != 0)
            add_segment(list, file->dlpi_addr + segment->p_vaddr, segment->p_memsz);
    }
    for (int i = 0; i < file->dlpi_phnum; i++)
        for (size_t j = first; j < list->count && file->dlpi_phdr[i].p_type == PT_GNU_EH_FRAME;
             j++) {
            list->ranges[j].index = file->dlpi_addr + file->dlpi_phdr[i].p_vaddr;
            list->ranges[j].index_bytes = file->dlpi_phdr[i].p_memsz;
        }
    asyncp_code_add_table(list->ranges + first, list->count - first, asyncp_image_path(file),
                          file->dlpi_addr);
    return list->failed;
}

int asyncp_own_code(struct code_range **ranges, size_t *count)
{
    struct code_list list = {.ranges = NULL};
    dl_iterate_phdr(add_loaded, &list);
    if (list.failed) {
        free(list.ranges);
        list = (struct code_list){.ranges = NULL};
    }
    *ranges = list.ranges;
    *count = list.count;
    return list.failed ? -ENOMEM : 0;
}
