/*
 * ext/redis/src/queue.h: a queue in Redis, as one process sees it.
 *
 *     async_queue ── kind ──> shared_queue ── keeper ──> Redis: renewals, claims, reports
 *          ^                                  fetcher ──> Redis: XREADGROUP
 *          └── async_queue_hand ──── deliveries ──┘
 *
 * queue.c opens and ends it and has the calls of the kind; put.c puts items, durable.c also waits
 * for replicas; delivery.c knows which task has which item; fetch.c takes items from Redis; keep.c
 * does all that must be done again and again; lua.c has the steps that Redis executes as one,
 * words.c their arguments; unread.c
 * limits what is taken at once.
 *
 * Invariant: each entry that Redis considers taken by this process is a delivery in the list of one
 * taker, or is in `reports`, or is lost by a failure and comes back after the lease.
 */
#ifndef REDIS_QUEUE_H
#define REDIS_QUEUE_H

#include "client.h"
#include <asyncio/queue_kind.h>
#include <asyncio/redis_queue.h>

enum { ID_BYTES = 48, CONSUMER_BYTES = 128, TAKER_LISTS = 64, REASON_BYTES = 200 };
enum { MOST_PRIORITIES = 16 };

/* Entries that one command is about. */
enum { MOST_IN_A_COMMAND = 128 };

/* What becomes of an item. */
enum outcome { DONE, RETURNED, UNFIT, FAILED };

/* A process with so many reports that Redis does not have takes no more. */
enum { MOST_UNREPORTED = 256 };

/* An item that was taken. */
struct delivery {
    struct delivery *next; /* of its taker: the one taken before; of the reports: the next */
    char entry[ID_BYTES];  /* its id in the stream */
    char id[ID_BYTES];     /* its first id */
    int count;             /* how often it was delivered */
    int priority;          /* its stream */
    int error;             /* of a report: 0: done; -ECANCELED: free for others; else failed */
    char *reason;          /* of a failure; NULL: out of memory */
    bool is_suspect;       /* its processes have ended, and it has one try left */
    bool is_unfit;         /* it can never be an item of this queue: to the dead ones */
};

/* How far the claims of a stream have come. */
struct claiming {
    char cursor[ID_BYTES];
    int64_t suspects_left; /* by the last claim */
};

/* A task that has taken items. Its end releases those it has not reported. */
struct taker {
    struct taker *next;
    struct shared_queue *queue;
    async_task *task;
    struct delivery *last; /* the others behind it */
};

struct shared_queue {
    struct async_redis *redis; /* a reference */
    async_queue *queue;        /* NULL: it was freed */
    size_t references;         /* of the queue, its two tasks, the takers, and calls under way */
    size_t item_size;          /* 0: async_redis_item */
    size_t maxsize;
    int (*priority)(const void *item); /* NULL: 0 */
    int durable;                       /* replicas that have an item when a put returns */
    double lease, pause;
    int tries;
    bool is_shut_down;
    bool has_lost;  /* a task may have an item without a record */
    bool is_ending; /* it was freed, and the client waits for its end */
    char tag[32], consumer[CONSUMER_BYTES];
    char *streams[MOST_PRIORITIES]; /* names of keys: by priority, the first is taken first */
    char *later, *dead, *once;      /* names of keys */
    int stream_count;
    struct claiming claims[MOST_PRIORITIES];
    struct taker *takers[TAKER_LISTS]; /* by their tasks */
    struct delivery *reports, **last_report;
    size_t report_count;
    size_t known_size;  /* items in Redis, a moment ago */
    size_t at_once;     /* so many fit into a reply, or so it seems; 0: as many as are wanted */
    size_t asked;       /* by the last read */
    async_event wanted; /* a task waits for an item */
    async_event hurry;  /* there are reports, or the queue was freed */
    async_task *fetcher, *keeper;
    async_event fetcher_ended;
};

/* ---- queue.c -------------------------------------------------------------------------------- */

void redisp_queue_release(struct shared_queue *queue);

/* NULL: the queue is of another kind. */
struct shared_queue *redisp_queue_state(async_queue *queue);
void redisp_delivery_free(struct delivery *delivery);

/* Bytes of an item in this process. */
static inline size_t redisp_local_size(const struct shared_queue *queue)
{
    return queue->item_size > 0 ? queue->item_size : sizeof(async_redis_item);
}

/* Tells the exception handler that Redis refuses something, once until it succeeds. */
void redisp_tell_refusal(const struct shared_queue *queue, const char *what, int error, int *told);

/* ---- words.c -------------------------------------------------------------------------------- */

enum { MOST_WORDS = 300 };

/* The words of a command or a script, borrowed. */
struct words {
    struct iovec words[MOST_WORDS];
    size_t count;
    size_t digits_used;
    char digits[192]; /* of the numbers */
};

void redisp_add_word(struct words *words, const char *text);
void redisp_add_bytes(struct words *words, const void *bytes, size_t size);
void redisp_add_number(struct words *words, long long number);
void redisp_add_streams(struct words *words, const struct shared_queue *queue);

/*
 * The keys and the arguments of redisp_script_fail in front of the entries; then an entry with its
 * reason, which may be NULL.
 */
void redisp_begin_failure(struct words *words, const struct shared_queue *queue, int priority,
                          enum outcome outcome);
void redisp_add_failure(struct words *words, const char *entry, const char *reason);

/* Runs a script of the queue. */
int redisp_run(struct shared_queue *queue, async_redis_reply **reply, async_redis_script *script,
               const struct words *words);

/* ---- put.c ---------------------------------------------------------------------------------- */

/* 0; -ESHUTDOWN; -ECANCELED: it was freed. */
int redisp_check_open(const struct shared_queue *queue);

/* Puts an item, however long it takes. */
int redisp_put(struct shared_queue *queue, const void *item);

/* ---- durable.c ------------------------------------------------------------------------------ */

/* Runs a script that puts an item, and waits until the replicas have it. */
int redisp_run_durably(struct shared_queue *queue, async_redis_reply **reply,
                       const async_redis_script *script, const struct words *words);

/* ---- unread.c ------------------------------------------------------------------------------- */

/* Of `wanted` items, so many as are asked for. */
size_t redisp_count_at_once(const struct shared_queue *queue, size_t wanted);

/* A reply with items has fitted: more may fit. */
void redisp_take_more(struct shared_queue *queue);

/* A reply with so many items was larger than options.max_reply: returns them; asks for fewer. */
int redisp_take_fewer(struct shared_queue *queue, size_t asked);

/* Returns the entries that Redis considers taken by this process and no task has. */
int redisp_return_unread(struct shared_queue *queue, enum outcome outcome, const char *reason);

/* ---- delivery.c ----------------------------------------------------------------------------- */

/* An entry of a stream: [id, [field, value, …]]. Hands the item to a task, or gives it back. */
void redisp_deliver(struct shared_queue *queue, int priority, const async_redis_reply *entry,
                    int64_t deliveries);

/* The delivery that the calling task took last; NULL: none. */
struct delivery *redisp_last_delivery(const struct shared_queue *queue);

/* Whether a task has the entry, or it is in the reports. */
bool redisp_is_held(const struct shared_queue *queue, const char *entry);

/* The calling task reports it. false: it has none. */
bool redisp_report_last(struct shared_queue *queue, int error);

/* Whether a task has an item that is suspected of ending its process. */
bool redisp_has_suspect(const struct shared_queue *queue);

/* Releases what all tasks have. */
void redisp_release_all(struct shared_queue *queue);

/* Of a queue that was freed: its records of tasks. */
void redisp_forget_takers(struct shared_queue *queue);

/* The id of an entry. */
struct entry {
    char id[ID_BYTES];
};

/*
 * The entries of a stream that tasks have now. The caller frees *entries, which is NULL if *count
 * is 0. 0 or -ENOMEM.
 */
int redisp_held_entries(const struct shared_queue *queue, int priority, struct entry **entries,
                        size_t *count);

/* ---- fetch.c, keep.c ------------------------------------------------------------------------ */

int redisp_fetch(void *queue);
int redisp_keep(void *queue);

/* Moves items whose time has come, and notes the number of all. */
int redisp_move(struct shared_queue *queue);

/* Creates the streams and their groups if they are not there. */
int redisp_create_groups(struct shared_queue *queue);

/* ---- lua.c ---------------------------------------------------------------------------------- */

extern async_redis_script redisp_script_create, redisp_script_put, redisp_script_once,
    redisp_script_later, redisp_script_take, redisp_script_done, redisp_script_fail,
    redisp_script_renew, redisp_script_claim, redisp_script_move, redisp_script_end,
    redisp_script_forget;

#endif
