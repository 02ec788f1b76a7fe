/*
 * proc/reaper.h: processes that run on after their loop was closed. Each later start of a program
 * removes those that have ended from the kernel's table.
 */
#ifndef PROC_REAPER_H
#define PROC_REAPER_H

#include "base/list.h"

struct orphan {
    struct link link;
    int pidfd;
    void (*free)(struct orphan *orphan); /* on any thread */
};

/* Takes the process and its pidfd. From any thread. */
void asyncp_reap_later(struct orphan *orphan, int pidfd, void (*free)(struct orphan *orphan));

/* Reaps and frees those that have ended. From any thread. */
void asyncp_reap_orphans(void);

#endif
