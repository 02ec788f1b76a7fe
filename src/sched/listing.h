/* sched/listing.h: the place of a loop in the list of all loops: loop/loops.h. */
#ifndef SCHED_LISTING_H
#define SCHED_LISTING_H

#include <stdint.h>

struct async_loop;

struct listing {
    struct async_loop *next;
    uint32_t number; /* 1, 2, 3…; never reused */
    int32_t process; /* that opened the loop: in a child of fork() the parent */
    int32_t thread;  /* its id in the kernel */
};

#endif
