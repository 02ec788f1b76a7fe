/*
 * asyncio/redis_queue.h: queues in Redis, for work that survives a restart, is tried again, or is
 * done by other processes and machines.
 *
 *     async_auto_queue *jobs = NULL;
 *     ASYNC_TRY(async_redis_queue_open(&jobs, redis, "thumbnails", sizeof(struct job), NULL));
 *
 *     ASYNC_TRY(async_queue_put(jobs, &job)); // in one process: Redis has it now
 *
 *     for (;;) {                              // in others
 *         ASYNC_TRY(async_queue_get(jobs, &job));
 *         int result = work(&job);
 *         if (result < 0)
 *             async_queue_task_failed(jobs, result);
 *         else
 *             async_queue_task_done(jobs);
 *     }
 *
 * Such a queue is used as a local one (asyncio/queue.h). Each item is done at least once, and
 * sometimes more than once: if a process, its connection or Redis fails after the work and before
 * the report. An item is the task's that took it until the task reports it:
 *
 *     async_queue_task_done    the item is done; Redis forgets it
 *     async_queue_task_failed  it is tried again after a pause, and after options.tries it becomes
 *                              a dead one (the stream {name}:dead); after -ECANCELED it is free at
 *                              once for others, and the try does not count
 *     the end of the task      it is free at once for others
 *     the end of the process   it is free after options.lease
 *
 * async_queue_task_done and async_queue_task_failed mean the item that the calling task took last
 * and has not reported. Another task cannot report it: a call without such an item aborts the
 * program with an error message.
 *
 * Differences from a local queue: async_queue_put_nowait and async_on_put give -EOPNOTSUPP,
 * async_queue_get_nowait always gives -EAGAIN, async_queue_join asks Redis at intervals, and
 * async_queue_qsize is up to half a second old. Items come roughly in the order of the puts. While
 * Redis is away, gets and puts wait. A put that is cancelled or times out may have put its item:
 * Redis may have the command already. After a shutdown the items stay in Redis, for others.
 *
 * Items travel as bytes between processes: use types of fixed size without pointers, and give each
 * layout a version of its own. An item of another size or version goes to the dead ones. Machines
 * of different byte order must agree on one: htobe64(3).
 *
 * The server must be Redis 7.0 or later, or Valkey.
 *
 * In Redis: the stream {name}:s with the group "w", also {name}:s1, {name}:s2 … for the other
 * priorities, the sorted set {name}:later, the stream {name}:dead, the keys {name}:once:ID. An
 * entry has the fields b (bytes), t (tag: size/version; none: any), after a failed try n (tries), i
 * (the first id) and p (the priority), and as a dead one e (why) and c (the process). Others are
 * kept.
 */
#ifndef ASYNCIO_REDIS_QUEUE_H
#define ASYNCIO_REDIS_QUEUE_H

#include <asyncio/redis.h>

ASYNC_BEGIN_C

/* The item of a queue of texts or bytes, which was opened with item_size 0. */
typedef struct async_redis_item {
    char *data;  /* from a get: with a zero byte behind it, the caller's, freed with free(3) */
    size_t size; /* bytes of data */
} async_redis_item;

/*
 * Options of a queue; {0} and NULL mean the defaults. All processes should open a queue with the
 * same ones: a process with a shorter lease takes items that another is still working on.
 */
typedef struct async_redis_queue_options {
    /* a put waits while so many items are there: taken or not, now or later; 0: no limit */
    size_t maxsize;
    /*
     * seconds after which an item of a dead process is free, from 0.1 to 1e9; 0: 60. A process in
     * which a task waits takes it within a quarter more
     */
    double lease;
    int tries; /* an item that has failed, or lost its process, so often is dead; 0: 5 */
    double
        pause;   /* the most seconds before the second try, doubled for each of the next 15; 0: 1 */
    int version; /* of the item's layout; not used with item_size 0 */
    bool any_eviction; /* also a server that may evict keys (maxmemory-policy) */
    int priorities; /* from 1 to 16; 0: 1. Items of priority 0 are taken first, then those of 1 … */
    /*
     * gives the priority of an item that is put; a number outside counts as the nearest one. It
     * must not switch. NULL: 0, also for processes that only take
     */
    int (*priority)(const void *item);
    /*
     * replicas of the server that must have an item before its put returns, so that no put is lost
     * if one of them takes over; 0: none. A put waits while there are fewer. Each has a connection
     * to itself meanwhile (pool_size of the client)
     */
    int durable;
    ASYNCP_RESERVED(8);
} async_redis_queue_options;

/*
 * Opens a queue in Redis, and creates it if it is not there.
 *
 * name is that of the queue in all processes; it has no braces. item_size is the size of an item,
 * at most 512 MiB. 0: the items are async_redis_item, texts or bytes of any length, for JSON and
 * other formats that programs in other languages know. options may be NULL.
 *
 * Borrows the client until the queue is freed; async_redis_free_wait waits for the last commands of
 * its queues. The caller owns *queue and frees it with async_queue_free; items taken and not
 * reported are free for others then.
 * Returns 0; -EINVAL if an argument is not valid; -EPERM if the server may evict keys; an error of
 * async_redis_command.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_redis_queue_open(async_queue **queue, async_redis *redis,
                                                const char *name, size_t item_size,
                                                const async_redis_queue_options *options);

/*
 * int async_redis_queue_put_later(async_queue *queue, const TYPE *item, double seconds)
 *
 * Puts an item that can be taken after so many seconds, by the server's clock, and up to half a
 * second more; 0 or less: at once. Some process must have the queue open then. Waits for room as
 * async_queue_put does.
 *
 * Copies the item.
 * Returns 0 when Redis has it; -EINVAL if the queue is not in Redis, or seconds is not a number or
 * more than 1e9; an error of async_queue_put.
 * Switches.
 */
#define async_redis_queue_put_later(queue, item, seconds)                                          \
    asyncp_redis_queue_put_later((queue), (item), sizeof *(item), (seconds))
ASYNC_API ASYNC_MUST int asyncp_redis_queue_put_later(async_queue *queue, const void *item,
                                                      size_t size, double seconds);

/*
 * int async_redis_queue_put_once(async_queue *queue, const TYPE *item, const char *id)
 *
 * Puts an item unless one with this id was put within the last day. Waits for room as
 * async_queue_put does.
 *
 * Copies the item.
 * Returns 0 when Redis has it; -EALREADY if it was put before, also by this call, if the connection
 * was lost meanwhile; -EINVAL if the queue is not in Redis or id is NULL; an error of
 * async_queue_put.
 * Switches.
 */
#define async_redis_queue_put_once(queue, item, id)                                                \
    asyncp_redis_queue_put_once((queue), (item), sizeof *(item), (id))
ASYNC_API ASYNC_MUST int asyncp_redis_queue_put_once(async_queue *queue, const void *item,
                                                     size_t size, const char *id);

/* An item as Redis knows it. */
typedef struct async_redis_delivery {
    char id[48]; /* the same each time the item is delivered */
    int count;   /* the number of this try, from 1: an item that was given back has not had one */
} async_redis_delivery;

/*
 * Returns the delivery of the item that the calling task took last and has not reported.
 *
 * Returns 0; -ENOENT if it has none; -EINVAL if the queue is not in Redis.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_redis_queue_delivery(async_queue *queue,
                                                    async_redis_delivery *delivery);

ASYNC_END_C
#endif
