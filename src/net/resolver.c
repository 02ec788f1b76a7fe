/*
 * net/resolver.c: lookups, and the tasks that wait for them. A lookup is a job of an executor of
 * net/resolver.c: lookups, and the tasks that wait for them. A lookup is a job of an executor of
 * the process, on the heap; a task's wait for it lies in the task's frame.
 *      under_way    lookups that are queued or running, hashed by question
 *      waiters      of each of these lookups: the tasks that wait for it
 *
 * One mutex protects all of them. A cancelled task takes its wait out of the waiters and
 * returns; libc cannot be interrupted, so the lookup goes on without it. When a lookup ends, each
 * of its waiters is sent a message, which lies in the task's frame: from then on the task waits for
 * the message, and holds a reference to the lookup until it has read the answer.
 */
#include "net/resolver.h"
#include "net/copy.h"
#include "base/hash.h"
#include "base/memory.h"
#include "sched/mailbox.h"
#include "sys/names.h"
#include "thread/executor.h"
#include <netdb.h>

enum { MAX_THREADS = 4, BUCKETS = 64 };

struct lookup {
    struct work work;
    struct link sibling; /* in its bucket, while it is under way */
    struct list waiters;
    _Atomic uint32_t references; /* of waiters, of tasks with a message, of under_way */
    struct question question;    /* points into bytes */
    struct answer answer;        /* set when the lookup has ended; names lie in bytes */
    size_t size;                 /* of all of it */
    _Alignas(max_align_t) char bytes[];
};

/* A task's wait for a lookup. */
struct lookup_wait {
    struct link link; /* among the waiters, until the message is sent */
    bool is_sent;
    struct message message;
    struct wait wait;
    struct async_loop *loop;
    struct lookup *lookup;
};

static struct {
    pthread_mutex_t mutex; /* of the following fields, and of the waiters of lookups */
    struct list under_way[BUCKETS];
    size_t count; /* of those under way */
} lookups = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* Its own threads: slow names hold up names, and no other jobs. */
static union {
    struct async_executor executor;
    char room[sizeof(struct async_executor) + MAX_THREADS * sizeof(struct worker)];
} threads;

/* ---- questions ------------------------------------------------------------------------------ */

static bool is_same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool is_same_address(const struct question *a, const struct question *b)
{
    if (a->address == NULL || b->address == NULL)
        return a->address == b->address;
    return a->address_size == b->address_size &&
           memcmp(a->address, b->address, a->address_size) == 0;
}

static bool is_same_question(const struct question *a, const struct question *b)
{
    return a->flags == b->flags && a->family == b->family && a->type == b->type &&
           a->protocol == b->protocol && a->wants_host == b->wants_host &&
           a->wants_service == b->wants_service && is_same_text(a->host, b->host) &&
           is_same_text(a->service, b->service) && is_same_address(a, b);
}

/* The bucket of lookups of equal questions. */
static struct list *bucket_of_question(const struct question *question)
{
    const char *bytes = question->address != NULL ? (const char *)question->address
                                                  : question->host;
    size_t size = question->address != NULL ? question->address_size
                  : bytes != NULL           ? strlen(bytes)
                                            : 0;
    return &lookups.under_way[hash_bytes(bytes, size) % BUCKETS];
}

static void ask_for_names(const struct question *question, struct answer *answer)
{
    answer->code = asyncp_sys_getnameinfo(question->address, question->address_size, answer->host,
                                          question->wants_host ? NI_MAXHOST : 0, answer->service,
                                          question->wants_service ? NI_MAXSERV : 0, question->flags,
                                          &answer->why);
}

static void ask_for_addresses(const struct question *question, struct answer *answer)
{
    struct addrinfo hints = {.ai_flags = question->flags,
                             .ai_family = question->family,
                             .ai_socktype = question->type,
                             .ai_protocol = question->protocol};
    answer->code = asyncp_sys_getaddrinfo(question->host, question->service, &hints, &answer->list,
                                          &answer->why);
    if (answer->code < 0)
        answer->list = NULL; /* libc leaves it undefined */
}

/* ---- lookups -------------------------------------------------------------------------------- */

static void run_lookup(struct work *work);

static size_t text_size(const char *text)
{
    return text != NULL ? strlen(text) + 1 : 0;
}

/* Holds a reference for being under way. NULL: out of memory. */
static struct lookup *new_lookup(const struct question *question)
{
    size_t host = text_size(question->host), service = text_size(question->service);
    size_t names = question->address != NULL ? NI_MAXHOST + NI_MAXSERV : 0;
    size_t copies = copy_size(question->address_size) + copy_size(host) + copy_size(service);
    size_t size = sizeof(struct lookup) + copies + names;
    struct lookup *lookup = memory_new(&asyncp_malloc, size);
    if (lookup == NULL)
        return NULL;
    char *rest = lookup->bytes;
    lookup->work.run = run_lookup;
    lookup->size = size;
    lookup->references = 1;
    lookup->question = *question;
    lookup->question.address = copy_to(&rest, question->address, question->address_size);
    lookup->question.host = copy_to(&rest, question->host, host);
    lookup->question.service = copy_to(&rest, question->service, service);
    lookup->answer.host = question->wants_host ? rest : NULL;
    lookup->answer.service = question->wants_service ? rest + NI_MAXHOST : NULL;
    return lookup;
}

void asyncp_lookup_release(struct lookup *lookup)
{
    if (--lookup->references > 0)
        return;
    asyncp_sys_freeaddrinfo(lookup->answer.list);
    memory_free(&asyncp_malloc, lookup, lookup->size);
}

const struct answer *asyncp_lookup_answer(const struct lookup *lookup)
{
    return &lookup->answer;
}

/* It is no longer under way, and no worker has it. */
static void retire_lookup(struct lookup *lookup)
{
    list_remove(&lookup->sibling);
    lookups.count--;
    asyncp_lookup_release(lookup);
}

/* A lookup of an equal question under way; or NULL. */
static struct lookup *find_lookup(const struct question *question)
{
    LIST_EACH (link, bucket_of_question(question)) {
        struct lookup *lookup = CONTAINER_OF(link, struct lookup, sibling);
        if (is_same_question(&lookup->question, question))
            return lookup;
    }
    return NULL;
}

/* When the mutex is released, the frames of the waiters may be gone; the loops are held. */
static void send_to_waiters(struct lookup *lookup)
{
    for (struct link *link; (link = list_first(&lookup->waiters)) != NULL;) {
        struct lookup_wait *waiting = CONTAINER_OF(link, struct lookup_wait, link);
        struct async_loop *loop = waiting->loop;
        list_remove(link);
        waiting->is_sent = true;
        loop_hold(loop);
        asyncp_mailbox_send(loop, &waiting->message);
        loop_release(loop);
    }
}

/*
 * On a worker thread. The answer is kept apart until it is complete, since a fork() meanwhile
 * copies the lookup.
 */
static void run_lookup(struct work *work)
{
    struct lookup *lookup = CONTAINER_OF(work, struct lookup, work);
    struct answer answer = lookup->answer;
    if (lookup->question.address != NULL)
        ask_for_names(&lookup->question, &answer);
    else
        ask_for_addresses(&lookup->question, &answer);
    pthread_mutex_lock(&lookups.mutex);
    asyncp_executor_worker_ends(&threads.executor);
    lookup->answer = answer;
    send_to_waiters(lookup);
    retire_lookup(lookup);
    asyncp_executor_release(&threads.executor);
    pthread_mutex_unlock(&lookups.mutex);
}

/* ---- the process ---------------------------------------------------------------------------- */

static void lock_before_fork(void)
{
    pthread_mutex_lock(&lookups.mutex);
}

static void unlock_after_fork(void)
{
    pthread_mutex_unlock(&lookups.mutex);
}

/*
 * The child has none of the threads, so nothing is under way; and the waiting tasks never run
 * there, so their references are dropped.
 */
static void forget_lookups_in_child(void)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct link *link; (link = list_first(&lookups.under_way[i])) != NULL;) {
            struct lookup *lookup = CONTAINER_OF(link, struct lookup, sibling);
            lookup->references = 1;
            retire_lookup(lookup);
        }
    asyncp_executor_init(&threads.executor, MAX_THREADS);
    pthread_mutex_unlock(&lookups.mutex);
}

static void open_lookups(void)
{
    asyncp_executor_init(&threads.executor, MAX_THREADS);
    pthread_atfork(lock_before_fork, unlock_after_fork, forget_lookups_in_child);
}

/*
 * At the end of the program. A thread in libc may stay there for half a minute: the process ends
 * under it.
 */
__attribute__((destructor)) static void end_idle_threads(void)
{
    if (threads.executor.limit > 0)
        asyncp_executor_end_idle(&threads.executor);
}

/* ---- waiting -------------------------------------------------------------------------------- */

static int begin_lookup(const struct question *question, struct lookup **out)
{
    struct lookup *lookup = *out = new_lookup(question);
    if (lookup == NULL)
        return -ENOMEM;
    list_append(bucket_of_question(question), &lookup->sibling);
    lookups.count++;
    int result = asyncp_executor_give(&threads.executor, &lookup->work);
    if (result < 0)
        retire_lookup(lookup);
    return result;
}

/* Finds or begins the lookup, and adds the wait to its waiters. 0 or -errno. */
static int join_lookup(struct lookup_wait *waiting, const struct question *question)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int result = 0;
    pthread_once(&once, open_lookups);
    pthread_mutex_lock(&lookups.mutex);
    waiting->lookup = find_lookup(question);
    if (waiting->lookup == NULL)
        result = begin_lookup(question, &waiting->lookup);
    if (result == 0) {
        waiting->lookup->references++;
        list_append(&waiting->lookup->waiters, &waiting->link);
    }
    pthread_mutex_unlock(&lookups.mutex);
    return result;
}

/*
 * Takes the wait out. A lookup without waiters is dropped if no worker has taken it. false: the
 * message is on its way.
 */
static bool leave_lookup(struct lookup_wait *waiting)
{
    struct lookup *lookup = waiting->lookup;
    pthread_mutex_lock(&lookups.mutex);
    bool leaves = !waiting->is_sent;
    if (leaves) {
        list_remove(&waiting->link);
        lookup->references--;
        if (list_empty(&lookup->waiters) &&
            asyncp_executor_take_back(&threads.executor, &lookup->work)) {
            asyncp_executor_release(&threads.executor);
            retire_lookup(lookup);
        }
    }
    pthread_mutex_unlock(&lookups.mutex);
    return leaves;
}

/* A loop is not closed before its tasks have ended, so no task waits then. */
static void receive_answer(struct message *message, bool is_closing)
{
    struct lookup_wait *waiting = CONTAINER_OF(message, struct lookup_wait, message);
    ASSERT(!is_closing);
    (void)is_closing;
    loop_count_job(waiting->loop, -1);
    asyncp_wake(&waiting->wait, NULL, 0);
}

static void cancel_lookup_wait(struct wait *wait)
{
    struct lookup_wait *waiting = CONTAINER_OF(wait, struct lookup_wait, wait);
    if (!leave_lookup(waiting))
        return;
    loop_count_job(waiting->loop, -1);
    asyncp_cancel_wait(wait);
}

int asyncp_resolve(struct async_loop *loop, const struct question *question, const char *call,
                   struct lookup **lookup)
{
    struct lookup_wait waiting = {.message.receive = receive_answer, .loop = loop};
    int result = join_lookup(&waiting, question);
    if (result < 0)
        return result;
    loop_count_job(loop, 1);
    *lookup = waiting.lookup;
    wait_init(&waiting.wait, call, waiting.lookup, cancel_lookup_wait);
    return asyncp_park(loop, &waiting.wait);
}

size_t asyncp_lookups_under_way(void)
{
    pthread_mutex_lock(&lookups.mutex);
    size_t count = lookups.count;
    pthread_mutex_unlock(&lookups.mutex);
    return count;
}
