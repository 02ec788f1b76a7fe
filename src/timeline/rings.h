/*
 * timeline/rings.h: the rings of traced loops as sections of a file, read through a view: those of
 * another process, of a core, or of this process while its loops run on other threads. A ring may
 * be written meanwhile, so blocks that were overwritten during the copy are left out.
 */
#ifndef TIMELINE_RINGS_H
#define TIMELINE_RINGS_H

#include "inspect/snapshot.h"
#include "timeline/encode.h"

struct rings {
    const struct view *view;
    const struct layout *layout;
    uint64_t loops; /* the address of struct loops */
    /* its number in its own namespace: loops of other processes are left out; 0: unknown */
    uint32_t process;
    uint32_t only; /* the number of a loop; 0: all loops */
    enum timeline_end end;
    bool is_live; /* a process of this machine, whose clocks can be read; false: a core */
};

/*
 * Appends a section for each loop that is traced. How many; -ENOMEM; -EPROTO if there is no list of
 * loops; an error of the view. A ring that is damaged, or overlaps with another one, is left out.
 * So are the copies of its parent's loops that a child of fork() has: they never run again.
 */
int asyncp_rings_encode(struct output *output, const struct rings *rings);

#endif
