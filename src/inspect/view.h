/*
 * inspect/view.h: the memory that is looked at: of another process, of this one, or of a core. It
 * may change and vanish meanwhile, so each piece says whether it was read.
 */
#ifndef INSPECT_VIEW_H
#define INSPECT_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes at an address of the view, to be copied to `bytes`. */
struct piece {
    uint64_t address;
    void *bytes;
    size_t size;
    bool was_read;
};

struct view {
    /*
     * Reads what can be read. 0, also if that is nothing; -errno if no memory of the process can be
     * read: -EPERM, -ESRCH.
     */
    int (*read)(const struct view *view, struct piece pieces[], size_t count);
};

/* Reads one piece. 0; -EFAULT if it is not there; else as `read`. */
int asyncp_view_read(const struct view *view, uint64_t address, void *bytes, size_t size);

#endif
