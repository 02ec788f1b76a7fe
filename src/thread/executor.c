/*
 * thread/executor.c: worker threads: making them, giving them work, and ending them. A worker is
 * made when there is more work than there are workers free to come for it; if the kernel has none
 * to give, those that are there must do. It must not know of loops and tasks.
 */
#include "thread/executor.h"
#include "base/memory.h"
#include "sched/errand.h"
#include "sched/sched.h"
#include "sys/sys.h"

enum { MORE_THAN_PROCESSORS = 4, MOST_BY_DEFAULT = 32 }; /* as CPython's ThreadPoolExecutor */

static size_t bytes_for(size_t limit)
{
    return sizeof(struct async_executor) + limit * sizeof(pthread_t);
}

static size_t default_limit(void)
{
    size_t wanted = asyncp_sys_processors() + MORE_THAN_PROCESSORS;
    return wanted < MOST_BY_DEFAULT ? wanted : MOST_BY_DEFAULT;
}

int async_executor_new(async_executor **out, size_t threads)
{
    if (out == NULL)
        return -EINVAL;
    *out = NULL;
    size_t limit = threads != 0 ? threads : default_limit();
    if (limit > (SIZE_MAX - sizeof(struct async_executor)) / sizeof(pthread_t))
        return -ENOMEM;
    struct async_executor *executor = memory_new(&asyncp_malloc, bytes_for(limit));
    if (executor == NULL)
        return -ENOMEM;
    executor->options.executor = executor;
    executor->limit = limit;
    executor->references = 1;
    executor->fork_generation = asyncp_fork_generation();
    pthread_mutex_init(&executor->mutex, NULL);
    pthread_cond_init(&executor->work_came, NULL);
    *out = executor;
    return 0;
}

static void unqueue(struct async_executor *executor, struct work *work)
{
    list_remove(&work->link);
    work->queued = false;
    executor->queued--;
}

/* Nothing is queued. A worker that looks is not asleep, so that nobody wakes it. */
static void look_for_work(struct async_executor *executor, struct patience *patience)
{
    if (executor->watched || executor->closing || !patience_try(patience, &executor->giver_seen))
        return;
    executor->watched = true;
    pthread_mutex_unlock(&executor->mutex);
    asyncp_patience_look(patience, &executor->queued, UINT32_MAX);
    pthread_mutex_lock(&executor->mutex);
    executor->watched = false;
}

/* The next work, which is the caller's then; NULL: there will be none. */
static struct work *wait_for_work(struct async_executor *executor, struct patience *patience)
{
    struct work *work = NULL;
    pthread_mutex_lock(&executor->mutex);
    if (list_empty(&executor->queue))
        look_for_work(executor, patience);
    while (list_empty(&executor->queue) && !executor->closing) {
        executor->waiting++;
        pthread_cond_wait(&executor->work_came, &executor->mutex);
        executor->waiting--;
    }
    struct link *first = list_first(&executor->queue);
    if (first != NULL) {
        work = CONTAINER_OF(first, struct work, link);
        unqueue(executor, work);
        executor->available--;
    }
    pthread_mutex_unlock(&executor->mutex);
    return work;
}

static void *be_worker(void *argument)
{
    struct async_executor *executor = argument;
    struct patience patience = {0};
    for (struct work *work; (work = wait_for_work(executor, &patience)) != NULL;)
        work->run(work);
    return NULL;
}

/*
 * Somebody is to come for the work that was queued last. 0: somebody will; 1: one who waits must be
 * woken; -errno: there is nobody at all.
 */
static int find_worker(struct async_executor *executor)
{
    int error = 0;
    size_t available = executor->available;
    if (executor->queued <= available)
        return executor->queued > available - executor->waiting;
    if (executor->count < executor->limit) {
        error = asyncp_sys_thread_start(&executor->workers[executor->count], be_worker, executor);
        executor->count += error == 0;
        executor->available += error == 0;
    }
    return executor->count == 0 ? error : 0;
}

int asyncp_executor_give(struct async_executor *executor, struct work *work)
{
    ENSURE(executor->fork_generation == asyncp_fork_generation(),
           "an executor was made before fork(), and its threads are the parent's; make one in the "
           "child");
    pthread_mutex_lock(&executor->mutex);
    int result = executor->closing ? -ESHUTDOWN : 0;
    if (result == 0) {
        list_append(&executor->queue, &work->link);
        work->queued = true;
        executor->queued++;
        seen_here(&executor->giver_seen);
        if ((result = find_worker(executor)) < 0)
            unqueue(executor, work);
        else
            executor->references++;
    }
    pthread_mutex_unlock(&executor->mutex);
    if (result > 0) /* not before: whoever is woken wants the mutex */
        pthread_cond_signal(&executor->work_came);
    return result < 0 ? result : 0;
}

void asyncp_executor_worker_ends(struct async_executor *executor)
{
    executor->available++;
}

bool asyncp_executor_take_back(struct async_executor *executor, struct work *work)
{
    pthread_mutex_lock(&executor->mutex);
    bool queued = work->queued;
    if (queued)
        unqueue(executor, work);
    pthread_mutex_unlock(&executor->mutex);
    return queued;
}

void asyncp_executor_release(struct async_executor *executor)
{
    if (--executor->references > 0)
        return;
    if (executor->fork_generation ==
        asyncp_fork_generation()) { /* a child never learns who held them */
        pthread_cond_destroy(&executor->work_came);
        pthread_mutex_destroy(&executor->mutex);
    }
    memory_free(&asyncp_malloc, executor, bytes_for(executor->limit));
}

/* Lets the workers do what is left, and waits until they have ended. */
static void end_workers(struct async_executor *executor)
{
    pthread_mutex_lock(&executor->mutex);
    executor->closing = true;
    pthread_cond_broadcast(&executor->work_came);
    pthread_mutex_unlock(&executor->mutex);
    for (size_t i = 0; i < executor->count; i++) {
        ENSURE(!pthread_equal(executor->workers[i], pthread_self()),
               "async_executor_free_wait was called on one of the executor's own threads, which it "
               "would wait for");
        pthread_join(executor->workers[i], NULL);
    }
}

void async_executor_free_wait(async_executor *executor)
{
    if (executor == NULL)
        return;
    ENSURE(executor != ASYNC_DEFAULT_EXECUTOR, "async_executor_free_wait: the default executor is "
                                               "the loop's, which frees it when it is closed");
    if (executor->fork_generation == asyncp_fork_generation())
        end_workers(executor);
    else /* the tasks that have a reference are the parent's */
        executor->references = 1;
    asyncp_executor_release(executor);
}
