/*
 * thread/executor.c: starting worker threads, giving them work, and ending them. A worker is
 * started when more work is queued than workers are available; if the kernel starts none, the work
 * waits for the existing ones. It does not know loops and tasks.
 */
#include "thread/executor.h"
#include "base/memory.h"
#include "sched/worker.h"
#include "sched/sched.h"
#include "sys/thread.h"

/* As CPython's ThreadPoolExecutor. */
enum { MORE_THAN_PROCESSORS = 4, MAX_BY_DEFAULT = 32 };

/* The place of the running thread, if it is a worker. */
static __thread struct worker *running_worker;

static size_t executor_size(size_t limit)
{
    return sizeof(struct async_executor) + limit * sizeof(struct worker);
}

static size_t default_limit(void)
{
    size_t wanted = asyncp_sys_cpu_count() + MORE_THAN_PROCESSORS;
    return wanted < MAX_BY_DEFAULT ? wanted : MAX_BY_DEFAULT;
}

void asyncp_executor_init(struct async_executor *executor, size_t limit)
{
    memset(executor, 0, executor_size(limit));
    executor->options.executor = executor;
    executor->limit = limit;
    executor->references = 1;
    executor->fork_generation = asyncp_fork_generation();
    pthread_mutex_init(&executor->mutex, NULL);
    pthread_cond_init(&executor->work_came, NULL);
}

int async_executor_new(async_executor **out, size_t threads)
{
    if (out == NULL)
        return async_fail(-EINVAL, "async_executor_new: the place for the executor is NULL");
    *out = NULL;
    size_t limit = threads != 0 ? threads : default_limit();
    if (limit > (SIZE_MAX - sizeof(struct async_executor)) / sizeof(struct worker))
        return -ENOMEM;
    struct async_executor *executor = memory_new(&asyncp_malloc, executor_size(limit));
    if (executor == NULL)
        return -ENOMEM;
    asyncp_executor_init(executor, limit);
    *out = executor;
    return 0;
}

static void unqueue_work(struct async_executor *executor, struct work *work)
{
    list_remove(&work->link);
    work->queued = false;
    executor->queued--;
}

/* Nothing is queued. A spinning worker is not asleep, so it needs no wake-up. */
static void spin_for_work(struct async_executor *executor, struct spinner *spinner)
{
    if (executor->spinning || executor->closing ||
        !spin_is_worthwhile(spinner, &executor->giver_seen))
        return;
    executor->spinning = true;
    pthread_mutex_unlock(&executor->mutex);
    asyncp_spin(spinner, &executor->queued, UINT32_MAX);
    pthread_mutex_lock(&executor->mutex);
    executor->spinning = false;
}

/* The next work, which is the caller's then; NULL: the worker is to end. */
static struct work *wait_for_work(struct worker *self, struct spinner *spinner)
{
    struct async_executor *executor = self->executor;
    struct work *work = NULL;
    pthread_mutex_lock(&executor->mutex);
    if (list_empty(&executor->queue) && !self->leaves)
        spin_for_work(executor, spinner);
    while (list_empty(&executor->queue) && !executor->closing && !self->leaves) {
        executor->waiting++;
        pthread_cond_wait(&executor->work_came, &executor->mutex);
        executor->waiting--;
    }
    struct link *first = list_first(&executor->queue);
    if (first != NULL && !self->leaves) {
        work = CONTAINER_OF(first, struct work, link);
        unqueue_work(executor, work);
        executor->available--;
        self->busy = true;
    }
    pthread_mutex_unlock(&executor->mutex);
    return work;
}

static void *run_worker(void *argument)
{
    struct spinner spinner = {0};
    running_worker = argument;
    for (struct work *work; (work = wait_for_work(running_worker, &spinner)) != NULL;)
        work->run(work);
    return NULL;
}

static int start_worker(struct async_executor *executor)
{
    struct worker *worker = executor->workers;
    while (worker->exists)
        worker++;
    *worker = (struct worker){.executor = executor};
    int result = asyncp_sys_thread_start(&worker->thread, run_worker, worker);
    worker->exists = result == 0;
    executor->count += result == 0;
    executor->available += result == 0;
    return result;
}

/*
 * Finds a worker for the last queued work. 0: one comes for it; 1: a sleeping one must be woken;
 * -errno: there is no worker at all.
 */
static int find_worker(struct async_executor *executor)
{
    size_t available = executor->available;
    if (executor->queued <= available)
        return executor->queued > available - executor->waiting;
    int error = executor->count < executor->limit ? start_worker(executor) : 0;
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
        last_cpu_store(&executor->giver_seen);
        if ((result = find_worker(executor)) < 0)
            unqueue_work(executor, work);
        else
            executor->references++;
    }
    pthread_mutex_unlock(&executor->mutex);
    if (result > 0) /* not before: the woken worker wants the mutex */
        pthread_cond_signal(&executor->work_came);
    return result < 0 ? result : 0;
}

void asyncp_executor_worker_ends(struct async_executor *executor)
{
    running_worker->busy = false;
    executor->available++;
}

bool asyncp_executor_take_back(struct async_executor *executor, struct work *work)
{
    pthread_mutex_lock(&executor->mutex);
    bool queued = work->queued;
    if (queued)
        unqueue_work(executor, work);
    pthread_mutex_unlock(&executor->mutex);
    return queued;
}

void asyncp_executor_release(struct async_executor *executor)
{
    if (--executor->references > 0)
        return;
    /* In a child of fork(), the mutex may be held by a thread missing there. */
    if (executor->fork_generation == asyncp_fork_generation()) {
        pthread_cond_destroy(&executor->work_came);
        pthread_mutex_destroy(&executor->mutex);
    }
    memory_free(&asyncp_malloc, executor, executor_size(executor->limit));
}

static void join_worker(struct worker *worker)
{
    ENSURE(!pthread_equal(worker->thread, pthread_self()),
           "async_executor_free_wait was called on one of the executor's own threads, which it "
           "would wait for");
    pthread_join(worker->thread, NULL);
}

/* Waits until all work is done and the workers have ended. */
static void end_workers(struct async_executor *executor)
{
    pthread_mutex_lock(&executor->mutex);
    executor->closing = true;
    pthread_cond_broadcast(&executor->work_came);
    pthread_mutex_unlock(&executor->mutex);
    for (size_t i = 0; i < executor->limit; i++)
        if (executor->workers[i].exists)
            join_worker(&executor->workers[i]);
}

void asyncp_executor_end_idle(struct async_executor *executor)
{
    pthread_mutex_lock(&executor->mutex);
    for (size_t i = 0; i < executor->limit; i++)
        executor->workers[i].leaves = executor->workers[i].exists && !executor->workers[i].busy;
    pthread_cond_broadcast(&executor->work_came);
    for (size_t i = 0; i < executor->limit; i++) {
        struct worker *worker = &executor->workers[i];
        if (!worker->leaves)
            continue;
        pthread_mutex_unlock(&executor->mutex);
        join_worker(worker);
        pthread_mutex_lock(&executor->mutex);
        worker->exists = worker->leaves = false;
        executor->count--;
        executor->available--;
    }
    pthread_mutex_unlock(&executor->mutex);
}

void async_executor_free_wait(async_executor *executor)
{
    if (executor == NULL)
        return;
    ENSURE(executor != ASYNC_DEFAULT_EXECUTOR, "async_executor_free_wait: the default executor is "
                                               "the loop's, which frees it when it is closed");
    if (executor->fork_generation == asyncp_fork_generation())
        end_workers(executor);
    else /* the tasks with a reference are the parent's */
        executor->references = 1;
    asyncp_executor_release(executor);
}
