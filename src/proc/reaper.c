/*
 * proc/reaper.c: the list of the processes without a loop.
 */
#include "proc/reaper.h"
#include "sys/file.h"
#include "sys/spawn.h"
#include <pthread.h>

static struct {
    pthread_mutex_t mutex;
    struct list list;
} orphans = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void lock_orphans(void)
{
    pthread_mutex_lock(&orphans.mutex);
}

static void unlock_orphans(void)
{
    pthread_mutex_unlock(&orphans.mutex);
}

static void free_orphan_entry(struct orphan *orphan)
{
    list_remove(&orphan->link);
    asyncp_sys_close(orphan->pidfd);
    orphan->free(orphan);
}

/* The processes are the parent's children, not ours. */
static void forget_orphans_in_child(void)
{
    for (struct link *link; (link = list_first(&orphans.list)) != NULL;)
        free_orphan_entry(CONTAINER_OF(link, struct orphan, link));
    unlock_orphans();
}

static void open_orphans(void)
{
    pthread_atfork(lock_orphans, unlock_orphans, forget_orphans_in_child);
}

void asyncp_reap_later(struct orphan *orphan, int pidfd, void (*free)(struct orphan *orphan))
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_orphans);
    orphan->pidfd = pidfd;
    orphan->free = free;
    lock_orphans();
    list_append(&orphans.list, &orphan->link);
    unlock_orphans();
}

void asyncp_reap_orphans(void)
{
    lock_orphans();
    struct link *next;
    for (struct link *link = list_first(&orphans.list); link != NULL; link = next) {
        struct orphan *orphan = CONTAINER_OF(link, struct orphan, link);
        int status;
        next = list_after(&orphans.list, link);
        if (asyncp_sys_wait_process(orphan->pidfd, true, &status) != PROCESS_RUNS)
            free_orphan_entry(orphan);
    }
    unlock_orphans();
}
