/* inspect/view.c: reads one piece of a process's memory. */
#include "inspect/view.h"
#include <errno.h>

int asyncp_view_read(const struct view *view, uint64_t address, void *bytes, size_t size)
{
    struct piece piece = {.address = address, .bytes = bytes, .size = size};
    int result = view->read(view, &piece, 1);
    return result < 0 ? result : piece.was_read ? 0 : -EFAULT;
}
