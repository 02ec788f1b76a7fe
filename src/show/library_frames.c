/*
 * show/library_frames.c: unwinds the stack until a return address is not in the library. A frame
 * that is not surely the library's is taken for one of the program. It may be called on the stack
 * of a task, so what is large is on the heap.
 */
#include "show/library_frames.h"
#include "inspect/process.h"
#include "show/own_places.h"
#include "sys/peek.h"
#include "sys/thread.h"
#include <stdlib.h>

/* As asyncp_own_view, with less of the stack. */
static int read_each(const struct view *view, struct piece pieces[], size_t count)
{
    const int32_t process = asyncp_sys_process_id();
    (void)view;
    for (size_t i = 0; i < count; i++) {
        const struct iovec here = {pieces[i].bytes, pieces[i].size};
        const struct iovec there = {(void *)(uintptr_t)pieces[i].address, pieces[i].size};
        pieces[i].was_read = asyncp_sys_peek(process, &here, &there, 1) == (long)pieces[i].size ||
                             asyncp_sys_peek_by_pipe((uintptr_t)pieces[i].address, pieces[i].bytes,
                                                     pieces[i].size);
    }
    return 0;
}

static const struct view each_view = {.read = read_each};

struct frames_look {
    struct unwinder unwinder;
    struct unwind_frame found[MAX_FRAMES];
    size_t count; /* of found */
};

/* The first frame is that of the switch. */
static size_t count_of_library(const struct frames_look *look, uint64_t sp, size_t size,
                               struct library_frame frames[MAX_LIBRARY_FRAMES])
{
    size_t count = 0;
    bool is_library = true;
    while (count < MAX_LIBRARY_FRAMES && count < look->count && is_library) {
        const struct unwind_frame *frame = &look->found[count];
        if (frame->sp - sp > size || frame->returns - sp > size - sizeof(void *))
            break;
        frames[count++] = (struct library_frame){(uint32_t)(frame->returns - sp),
                                                 (uint32_t)(frame->sp - sp)};
        is_library = asyncp_is_library_code(frame->address - 1);
    }
    return count;
}

size_t asyncp_find_library_frames(uint64_t resume, uint64_t sp, size_t size,
                                  struct library_frame frames[MAX_LIBRARY_FRAMES])
{
    struct code_range *ranges = NULL;
    size_t range_count, count = 0;
    struct frames_look *look = resume != 0 ? malloc(sizeof *look) : NULL;
    if (look == NULL || asyncp_own_code(&ranges, &range_count) < 0) {
        free(look);
        return 0;
    }
    if (asyncp_unwinder_open(&look->unwinder, &each_view, ranges, range_count) == 0) {
        look->unwinder.resume = resume;
        look->count = asyncp_unwind_frames(&look->unwinder, sp, look->found);
        count = count_of_library(look, sp, size, frames);
    }
    asyncp_unwinder_close(&look->unwinder);
    free(ranges);
    free(look);
    return count;
}
