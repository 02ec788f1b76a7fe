/*
 * net/resolver.c: the threads that ask libc's resolver, and who waits for what. All of it is the
 * process's and under one mutex; threads are made when there is more to ask than there are threads
 * free for it, up to four, and stay.
 *
 *      queue        lookups that no thread has begun
 *      under_way    these, and those that a thread does
 *
 * A lookup in neither list has ended. A task that was told of an answer holds a reference until it
 * has read it.
 *
 * A lookup is on the heap and a place among its waiters in the frame of the task. Who gives up
 * takes his place out, under the mutex, and goes: the thread finds nobody there, and never touched
 * his frame or loop. Under the mutex it tells those that it finds, by messages in their frames; who
 * was told waits for the message, which is in his inbox.
 */
#include "net/resolver.h"
#include "base/memory.h"
#include "sched/mailbox.h"
#include "sys/names.h"
#include <netdb.h>

enum { THREADS = 4, BUCKETS = 64 };

struct lookup {
    struct link sibling; /* among those under way */
    struct link link;    /* in the queue */
    bool queued;         /* it is there */
    struct list waiters; /* who is to be told */
    _Atomic uint32_t
        references; /* theirs, those of the ones that were told, and one while it is under way */
    struct question question; /* what it asks; points to what follows */
    struct answer answer;     /* when it has ended; of names, the text lies in what follows */
    size_t size;              /* of all of it */
    char bytes[];             /* copies, and room for names */
};

/* A task that waits for a lookup. */
struct lookup_wait {
    struct link link;        /* among its waiters, until it is told */
    bool told;               /* the message is in the inbox, or was there */
    struct message message;  /* that it has ended */
    struct wait wait;        /* of the task */
    struct async_loop *loop; /* the task's */
    struct lookup *lookup;   /* what is waited for */
};

struct worker {
    pthread_t thread; /* if it exists */
    bool exists;      /* it was made, and nobody has joined it */
    bool busy;        /* it does a lookup */
    bool leaves;      /* it is to end instead of waiting for one */
};

static struct {
    pthread_mutex_t mutex;          /* of all that follows, and of what lookups say is */
    pthread_cond_t work_came;       /* what threads without a lookup wait for */
    struct list queue;              /* the oldest first */
    size_t queued;                  /* how many are there */
    struct list under_way[BUCKETS]; /* by what is asked */
    size_t count;                   /* of those under way */
    struct worker workers[THREADS]; /* the threads */
} pool = {.mutex = PTHREAD_MUTEX_INITIALIZER, .work_came = PTHREAD_COND_INITIALIZER};

/* ---- questions ------------------------------------------------------------------------------ */

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_address(const struct question *a, const struct question *b)
{
    if (a->address == NULL || b->address == NULL)
        return a->address == b->address;
    return a->address_size == b->address_size &&
           memcmp(a->address, b->address, a->address_size) == 0;
}

static bool same_question(const struct question *a, const struct question *b)
{
    return a->flags == b->flags && a->family == b->family && a->type == b->type &&
           a->protocol == b->protocol && a->wants_host == b->wants_host &&
           a->wants_service == b->wants_service && same_text(a->host, b->host) &&
           same_text(a->service, b->service) && same_address(a, b);
}

/* The lookups among which those lie that ask the same. */
static struct list *bucket_of(const struct question *question)
{
    const char *bytes = question->address != NULL ? (const char *)question->address
                                                  : question->host;
    size_t size = question->address != NULL ? question->address_size
                  : bytes != NULL           ? strlen(bytes)
                                            : 0;
    uint32_t hash = 5381;
    for (size_t i = 0; i < size; i++)
        hash = hash * 33 + (unsigned char)bytes[i];
    return &pool.under_way[hash % BUCKETS];
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
        answer->list = NULL; /* libc leaves it as it likes */
}

/* ---- lookups -------------------------------------------------------------------------------- */

static size_t text_size(const char *text)
{
    return text != NULL ? strlen(text) + 1 : 0;
}

/* Copies to where *rest points, which moves on; returns the copy. NULL stays NULL. */
static const void *copy_to(char **rest, const void *bytes, size_t size)
{
    if (bytes == NULL)
        return NULL;
    void *copy = memcpy(*rest, bytes, size);
    *rest += size;
    return copy;
}

/*
 * One that is nobody's yet but the caller's. NULL: out of memory. The address comes first: it wants
 * to be aligned.
 */
static struct lookup *new_lookup(const struct question *question)
{
    size_t host = text_size(question->host), service = text_size(question->service);
    size_t names = question->address != NULL ? NI_MAXHOST + NI_MAXSERV : 0;
    size_t size = sizeof(struct lookup) + question->address_size + host + service + names;
    struct lookup *lookup = memory_new(&asyncp_malloc, size);
    if (lookup == NULL)
        return NULL;
    char *rest = lookup->bytes;
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

static void unqueue(struct lookup *lookup)
{
    list_remove(&lookup->link);
    lookup->queued = false;
    pool.queued--;
}

/* It is no longer under way. */
static void retire(struct lookup *lookup)
{
    if (lookup->queued)
        unqueue(lookup);
    list_remove(&lookup->sibling);
    pool.count--;
    asyncp_lookup_release(lookup);
}

/* One under way that asks the same; NULL: there is none. */
static struct lookup *find_lookup(const struct question *question)
{
    LIST_EACH (link, bucket_of(question)) {
        struct lookup *lookup = CONTAINER_OF(link, struct lookup, sibling);
        if (same_question(&lookup->question, question))
            return lookup;
    }
    return NULL;
}

/* The task is not waiting any more when the mutex is released, but its loop is still there. */
static void tell_waiters(struct lookup *lookup)
{
    for (struct link *link; (link = list_first(&lookup->waiters)) != NULL;) {
        struct lookup_wait *waiting = CONTAINER_OF(link, struct lookup_wait, link);
        struct async_loop *loop = waiting->loop;
        list_remove(link);
        waiting->told = true;
        atomic_fetch_add(&loop->activity.remote_references, 1);
        asyncp_inbox_send(loop, &waiting->message);
        atomic_fetch_sub(&loop->activity.remote_references, 1);
    }
}

/* ---- threads -------------------------------------------------------------------------------- */

/* The next lookup for the thread; NULL: it is to end. */
static struct lookup *wait_for_lookup(const struct worker *worker)
{
    while (list_empty(&pool.queue) && !worker->leaves)
        pthread_cond_wait(&pool.work_came, &pool.mutex);
    if (worker->leaves)
        return NULL;
    struct lookup *lookup = CONTAINER_OF(list_first(&pool.queue), struct lookup, link);
    unqueue(lookup);
    return lookup;
}

/* The answer is kept apart until it is whole, because fork() may come meanwhile. */
static void *be_worker(void *argument)
{
    struct worker *worker = argument;
    pthread_mutex_lock(&pool.mutex);
    for (struct lookup *lookup; (lookup = wait_for_lookup(worker)) != NULL;) {
        struct answer answer = lookup->answer;
        worker->busy = true;
        pthread_mutex_unlock(&pool.mutex);
        (lookup->question.address != NULL ? ask_for_names : ask_for_addresses)(&lookup->question,
                                                                               &answer);
        pthread_mutex_lock(&pool.mutex);
        worker->busy = false;
        lookup->answer = answer;
        tell_waiters(lookup);
        retire(lookup);
    }
    pthread_mutex_unlock(&pool.mutex);
    return NULL;
}

/* Somebody is to come for the lookup that was queued last. 0; -errno: there is nobody at all. */
static int find_worker(void)
{
    struct worker *new = NULL;
    size_t count = 0, available = 0;
    int error = 0;
    for (struct worker *worker = pool.workers; worker < pool.workers + THREADS; worker++) {
        count += worker->exists;
        available += worker->exists && !worker->busy;
        new = worker->exists ? new : worker;
    }
    if (pool.queued > available && new != NULL) {
        *new = (struct worker){0};
        error = asyncp_sys_thread_start(&new->thread, be_worker, new);
        new->exists = error == 0;
    } else
        pthread_cond_signal(&pool.work_came);
    return count > 0 ? 0 : error;
}

/*
 * At the end of the program, those without a lookup. Who is in one is left to it: it may take half
 * a minute, and the process ends under it. If somebody still asks after this, new ones are made.
 */
__attribute__((destructor)) static void end_idle_workers(void)
{
    pthread_mutex_lock(&pool.mutex);
    for (struct worker *worker = pool.workers; worker < pool.workers + THREADS; worker++)
        worker->leaves = worker->exists && !worker->busy;
    pthread_cond_broadcast(&pool.work_came);
    for (struct worker *worker = pool.workers; worker < pool.workers + THREADS; worker++)
        if (worker->leaves) {
            pthread_mutex_unlock(&pool.mutex);
            pthread_join(worker->thread, NULL);
            pthread_mutex_lock(&pool.mutex);
            *worker = (struct worker){0};
        }
    pthread_mutex_unlock(&pool.mutex);
}

/* ---- fork ----------------------------------------------------------------------------------- */

static void before_fork(void)
{
    pthread_mutex_lock(&pool.mutex);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&pool.mutex);
}

static void forget_in_child(struct lookup *lookup)
{
    lookup
        ->references = 1; /* that of being under way; the others are those of the parent's tasks */
    retire(lookup);
}

/*
 * The child has none of the threads, so nothing is under way; and none of the tasks that wait runs
 * there.
 */
static void after_fork_in_child(void)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct link *link; (link = list_first(&pool.under_way[i])) != NULL;)
            forget_in_child(CONTAINER_OF(link, struct lookup, sibling));
    memset(pool.workers, 0, sizeof pool.workers);
    pthread_cond_init(&pool.work_came, NULL);
    pthread_mutex_unlock(&pool.mutex);
}

static void watch_forks(void)
{
    pthread_atfork(before_fork, after_fork, after_fork_in_child);
}

/* ---- waiting -------------------------------------------------------------------------------- */

/* Begins a lookup. Its one reference is that of being under way. 0 or -errno. */
static int begin_lookup(const struct question *question, struct lookup **out)
{
    struct lookup *lookup = *out = new_lookup(question);
    if (lookup == NULL)
        return -ENOMEM;
    list_append(bucket_of(question), &lookup->sibling);
    list_append(&pool.queue, &lookup->link);
    lookup->queued = true;
    pool.count++;
    pool.queued++;
    int result = find_worker();
    if (result < 0)
        retire(lookup);
    return result;
}

/* Finds or begins the lookup, and gives the wait a place there. 0 or -errno. */
static int stand_in_line(struct lookup_wait *waiting, const struct question *question)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int result = 0;
    pthread_once(&once, watch_forks);
    pthread_mutex_lock(&pool.mutex);
    waiting->lookup = find_lookup(question);
    if (waiting->lookup == NULL)
        result = begin_lookup(question, &waiting->lookup);
    if (result == 0) {
        waiting->lookup->references++;
        list_append(&waiting->lookup->waiters, &waiting->link);
    }
    pthread_mutex_unlock(&pool.mutex);
    return result;
}

/*
 * Takes the wait out again; a lookup that nobody has begun and nobody wants is not made. false: it
 * was told already.
 */
static bool leave_line(struct lookup_wait *waiting)
{
    struct lookup *lookup = waiting->lookup;
    pthread_mutex_lock(&pool.mutex);
    bool waits = !waiting->told;
    if (waits)
        list_remove(&waiting->link);
    if (waits && lookup->queued && list_empty(&lookup->waiters))
        retire(lookup);
    pthread_mutex_unlock(&pool.mutex);
    return waits;
}

/* The loop does not close before its tasks have ended, so nobody waits then. */
static void receive(struct message *message, bool is_closing)
{
    struct lookup_wait *waiting = CONTAINER_OF(message, struct lookup_wait, message);
    ASSERT(!is_closing);
    (void)is_closing;
    waiting->loop->activity.jobs--;
    asyncp_wake(&waiting->wait, NULL, 0);
}

static void give_up(struct wait *wait)
{
    struct lookup_wait *waiting = CONTAINER_OF(wait, struct lookup_wait, wait);
    if (!leave_line(waiting))
        return;
    asyncp_lookup_release(waiting->lookup);
    waiting->loop->activity.jobs--;
    asyncp_refuse_wait(wait);
}

int asyncp_resolve(struct async_loop *loop, const struct question *question, const char *call,
                   struct lookup **lookup)
{
    struct lookup_wait waiting = {.message.receive = receive, .loop = loop};
    int result = stand_in_line(&waiting, question);
    if (result < 0)
        return result;
    loop->activity.jobs++;
    *lookup = waiting.lookup;
    wait_init(&waiting.wait, call, waiting.lookup, give_up);
    return asyncp_park(loop, &waiting.wait);
}

size_t asyncp_lookups_under_way(void)
{
    pthread_mutex_lock(&pool.mutex);
    size_t count = pool.count;
    pthread_mutex_unlock(&pool.mutex);
    return count;
}
