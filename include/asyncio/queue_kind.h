/*
 * asyncio/queue_kind.h: queues whose items are elsewhere, such as in Redis (asyncio/redis_queue.h).
 *
 *     async_queue *queue;
 *     ASYNC_TRY(async_queue_new_of(&queue, &kind, state, maxsize, item_size));
 *
 * Programs use such a queue as any other: async_queue_put, async_queue_get, async_on_get. Only
 * authors of kinds need this header, which asyncio.h does not include. The tasks that get wait in
 * the queue itself, and the kind hands items to them with async_queue_hand.
 */
#ifndef ASYNCIO_QUEUE_KIND_H
#define ASYNCIO_QUEUE_KIND_H

#include <asyncio/queue.h>
#include <asyncio/task.h>

ASYNC_BEGIN_C

/*
 * The calls of a kind; none may be NULL. Each is passed the state of the queue. Only those that say
 * so may switch; the queue may be freed meanwhile, so `free` must leave them their state.
 */
typedef struct async_queue_kind {
    /* Puts the item, and waits as long as that takes: 0 or -errno. It may switch. */
    int (*put)(void *state, const void *item);

    /* Puts the item if it need not wait: 0, -EAGAIN or another error. */
    int (*put_nowait)(void *state, const void *item);

    /* Takes an item if there is one here: 0, -EAGAIN or another error. */
    int (*get_nowait)(void *state, void *item);

    /* A task begins to wait for an item. Its wait may have ended when the item comes. */
    void (*want)(void *state);

    /*
     * The calling task reports an item: it is done (error 0), or has failed (-errno). false: it has
     * taken none that is not reported, and the program is aborted with an error message.
     */
    bool (*report)(void *state, int error);

    /* Waits until every item was reported: 0 or -errno. It may switch. */
    int (*join)(void *state);

    /* The number of items as far as it is known here. */
    size_t (*qsize)(const void *state);

    /* No more items are put or taken; immediate: those that are here are given up. */
    void (*shutdown)(void *state, bool immediate);

    /* The queue is gone: frees the state, now or when its last call has returned. */
    void (*free)(void *state);
} async_queue_kind;

/*
 * Creates a queue of a kind.
 *
 * Borrows kind as long as the queue exists. Takes state, for kind->free, if it succeeds. The caller
 * owns *queue and frees it with async_queue_free; after an error it is NULL.
 * Returns 0; -ENOMEM; -EINVAL as async_queue_new does, or if kind is NULL.
 * Never switches.
 */
ASYNC_API ASYNC_MUST int async_queue_new_of(async_queue **queue, const async_queue_kind *kind,
                                            void *state, size_t maxsize, size_t item_size);

/*
 * Returns the state of a queue of this kind, borrowed; NULL if the queue is of another kind.
 * Never switches.
 */
ASYNC_API void *async_queue_state(const async_queue *queue, const async_queue_kind *kind);

/*
 * Gives an item to the task that has waited longest.
 *
 * Copies the item.
 * Returns the task, borrowed; NULL if no task waits, and the item was not given.
 * Never switches.
 */
ASYNC_API async_task *async_queue_hand(async_queue *queue, const void *item);

/*
 * Returns the number of tasks that wait for an item.
 * Never switches.
 */
ASYNC_API size_t async_queue_waiting(const async_queue *queue);

ASYNC_END_C
#endif
