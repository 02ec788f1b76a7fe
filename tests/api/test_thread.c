/*
 * test_thread.c: blocking functions on worker threads: results, cancellation, order, the number of
 * threads, which calls work there, and threads that cannot be created.
 */
#include "sys/tools.h"
#include "run/coroutines.h"
#include "run/deny.h"
#include "run/latch.h"
#include "run/trace.h"
#include "thread/executor.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_t loop_thread;

static int add_elsewhere(int a, int b)
{
    CHECK(!pthread_equal(pthread_self(), loop_thread));
    CHECK(async_get_loop() == NULL && async_current_task() == NULL);
    return a + b;
}
async_fn(add_elsewhere, int, int);

LOOP_TEST(thread_runs_the_function_elsewhere_and_gives_its_result)
{
    loop_thread = pthread_self();
    CHECK_EQ(async_to_thread(add_elsewhere, 3, 4), 7);
    CHECK_EQ(async_to_thread(add_elsewhere, 3, -4), -1);
    CHECK_EQ(async_run_in_executor(NULL, add_elsewhere, 5, 6), 11);
    return 0;
}

static int write_there(int *place)
{
    *place = 42;
    return 0;
}
async_fn(write_there, int *);

LOOP_TEST(thread_may_write_into_the_frame_that_waits)
{
    int place = 0;
    CHECK_EQ(async_to_thread(write_there, &place), 0);
    CHECK_EQ(place, 42);
    return 0;
}

static int tick(struct latch *latch)
{
    for (int i = 0; i < 100; i++)
        ASYNC_TRY(async_sleep(0));
    latch_open(latch);
    return 0;
}
async_fn(tick, struct latch *);

LOOP_TEST(thread_lets_the_loop_go_on)
{
    struct latch latch;
    latch_init(&latch);
    async_task *ticker = async_create_task(tick, &latch);
    CHECK_EQ(async_to_thread(pass_latch, &latch, 7), 7);
    return async_await(ticker);
}

LOOP_TEST(thread_task_with_an_executor_is_a_task)
{
    async_auto_wait_executor *executor = new_executor(2);
    async_task *tasks[10];
    int results[10];
    async_task_options options = {.executor = executor, .name = "sum"};
    for (int i = 0; i < 10; i++)
        tasks[i] = async_create_task_with(&options, add_elsewhere, i, 1);
    CHECK_STR(async_task_name(tasks[0]), "sum");
    CHECK_EQ(async_gather_n(tasks, 10, results, ASYNC_FIRST_ERROR), 0);
    for (int i = 0; i < 10; i++)
        CHECK_EQ(results[i], i + 1);
    async_task *task = async_create_task_with(
        &(async_task_options){.executor = ASYNC_DEFAULT_EXECUTOR}, add_elsewhere, 1, 1);
    CHECK_EQ(async_await(task), 2);
    return 0;
}

static int write_down(int number)
{
    note("%d", number);
    return 0;
}
async_fn(write_down, int);

LOOP_TEST(thread_one_worker_takes_what_came_first)
{
    async_auto_wait_executor *executor = new_executor(1);
    const async_task_options *there = &(async_task_options){.executor = executor};
    async_task *tasks[5];
    for (int i = 0; i < 5; i++)
        tasks[i] = async_create_task_with(there, write_down, i);
    CHECK_EQ(async_gather_n(tasks, 5, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK_TRACE("0 1 2 3 4");
    return 0;
}

/* All of them wait at the latch at once, so there are as many threads. */
LOOP_TEST(thread_workers_are_made_up_to_the_limit)
{
    enum { THREADS = 8 };
    struct latch latch;
    async_task *tasks[THREADS];
    async_auto_wait_executor *executor = new_executor(THREADS);
    latch_init(&latch);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < THREADS; i++)
            tasks[i] = async_create_task_with(&(async_task_options){.executor = executor},
                                              pass_latch, &latch, 0);
        CHECK_EQ(async_sleep(0), 0);
        CHECK_EQ(executor->count, THREADS);
        for (int i = 0; i < THREADS; i++)
            latch_await_arrival(&latch, tasks[i]);
        for (int i = 0; i < THREADS; i++)
            latch_open(&latch);
        CHECK_EQ(async_gather_n(tasks, THREADS, NULL, ASYNC_FIRST_ERROR), 0);
    }
    return 0;
}

/* ---- cancellation --------------------------------------------------------------------------- */

LOOP_TEST(thread_cancelled_work_that_runs_is_waited_for_and_its_result_counts)
{
    struct latch latch;
    latch_init(&latch);
    async_task *task = async_create_task(pass_latch_in_executor, NULL, &latch, 7);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_sleep(0), 0);
    latch_await_arrival(&latch, task);
    async_task_cancel(task);
    for (int i = 0; i < 10; i++)
        CHECK_EQ(async_sleep(0), 0);
    CHECK(!async_task_done(task));
    latch_open(&latch);
    CHECK_EQ(async_await(task), 7);
    return 0;
}

LOOP_TEST(thread_cancelled_work_that_is_queued_is_taken_back)
{
    struct latch latch, never;
    latch_init(&latch);
    latch_init(&never);
    async_auto_wait_executor *executor = new_executor(1);
    async_task *first = async_create_task(pass_latch_in_executor, executor, &latch, 1);
    async_task *second = async_create_task(pass_latch_in_executor, executor, &never, 2);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_sleep(0), 0);
    latch_await_arrival(&latch, first);
    async_task_cancel(second);
    CHECK_EQ(async_await(second), -ECANCELED);
    latch_open(&latch);
    CHECK_EQ(async_await(first), 1);
    return 0;
}

LOOP_TEST(thread_cancelled_before_it_began_never_runs)
{
    async_task *task = async_create_task_with(
        &(async_task_options){.executor = ASYNC_DEFAULT_EXECUTOR}, write_down, 1);
    async_task_cancel(task);
    CHECK_EQ(async_await(task), -ECANCELED);
    CHECK_TRACE("");
    return 0;
}

LOOP_TEST(thread_limit_waits_for_what_runs)
{
    struct latch latch;
    latch_init(&latch);
    latch_open(&latch);
    CHECK_EQ(async_timeout(3600, async_to_thread(pass_latch, &latch, 7)), 7);
    CHECK(async_time() == 0); /* an hour did not pass meanwhile */
    return 0;
}

/* ---- time ----------------------------------------------------------------------------------- */

static int sleep_an_hour(struct latch *latch)
{
    int result = async_sleep(3600);
    latch_open(latch);
    return result;
}
async_fn(sleep_an_hour, struct latch *);

static void open_latch(void *latch)
{
    latch_open(latch);
}

static void *open_from_elsewhere(void *latch)
{
    latch_wait(&((struct latch *)latch)->arrived);
    latch_open(latch);
    return NULL;
}

/*
 * If the clock jumped, the sleeper would end, and the task that awaits the thread would see its
 * time.
 */
LOOP_TEST(thread_virtual_time_stands_still_while_a_worker_runs)
{
    struct latch latch, unused;
    pthread_t opener;
    latch_init(&latch);
    latch_init(&unused);
    async_task *sleeper = async_create_task(sleep_an_hour, &unused);
    CHECK_EQ(pthread_create(&opener, NULL, open_from_elsewhere, &latch), 0);
    CHECK_EQ(async_to_thread(pass_latch, &latch, 7), 7);
    CHECK(async_time() == 0 && !async_task_done(sleeper));
    CHECK_EQ(pthread_join(opener, NULL), 0);
    CHECK_EQ(async_await(sleeper), 0);
    CHECK(async_time() == 3600); /* and jumps when it is back */
    return 0;
}

LOOP_TEST(thread_virtual_time_jumps_when_work_was_taken_back)
{
    struct latch latch;
    latch_init(&latch);
    async_auto_wait_executor *executor = new_executor(1);
    async_task *first = async_create_task(pass_latch_in_executor, executor, &latch, 1);
    async_task *second = async_create_task(pass_latch_in_executor, executor, &latch, 2);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_sleep(0), 0);
    latch_await_arrival(&latch, first);
    async_task_cancel(second);
    CHECK_EQ(async_await(second), -ECANCELED);
    CHECK(async_call_soon(open_latch, &latch).id != 0);
    CHECK_EQ(async_await(first), 1);
    CHECK_EQ(async_sleep(3600), 0);
    CHECK(async_time() == 3600);
    return 0;
}

/* ---- what works on a worker thread ---------------------------------------------------------- */

static async_local user = {.initial = (void *)"nobody"};

static int fail_in_words(int number)
{
    CHECK_STR((const char *)async_local_get(&user), "ann");
    return async_fail(-EPROTO, "number %d is not to my taste", number);
}
async_fn(fail_in_words, int);

LOOP_TEST(thread_error_message_arrives_and_locals_are_visible)
{
    CHECK_EQ(async_local_set(&user, (void *)"ann"), 0);
    CHECK_EQ(async_to_thread(fail_in_words, 7), -EPROTO);
    CHECK_STR(async_strerror(-EPROTO), "-EPROTO: number 7 is not to my taste");
    return 0;
}

static int describe_own_error(void)
{
    char text[80];
    async_fail(-EPROTO, "first");
    async_fail(-EPROTO, "second");
    async_strerror_copy(-EPROTO, text, sizeof text);
    CHECK_STR(text, "-EPROTO: second");
    return 0;
}
async_fn(describe_own_error);

static int fail_in_words_unseen(void)
{
    return async_fail(-EPROTO, "words");
}
async_fn(fail_in_words_unseen);

LOOP_TEST(thread_error_message_can_be_read_on_the_worker)
{
    return async_to_thread(describe_own_error);
}

static int run_a_loop(void)
{
    return async_run_with(test_options(), give_after, 1, 7);
}
async_fn(run_a_loop);

/* The allocator that counts is for one thread at a time; here it is, because the loop waits. */
LOOP_TEST(thread_may_run_a_loop_of_its_own)
{
    return async_to_thread(run_a_loop) == 7 ? 0 : -EPROTO;
}

static int look_at_signals(void)
{
    sigset_t blocked;
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, NULL, &blocked), 0);
    CHECK(sigismember(&blocked, SIGINT) && sigismember(&blocked, SIGTERM) &&
          sigismember(&blocked, SIGCHLD));
    CHECK(sigismember(&blocked, SIGUSR1) && !sigismember(&blocked, SIGSEGV));
    return 0;
}
async_fn(look_at_signals);

LOOP_TEST(thread_workers_get_no_signals)
{
    sigset_t before, after;
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
    CHECK_EQ(async_to_thread(look_at_signals), 0);
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
    CHECK_EQ(sigismember(&before, SIGINT), sigismember(&after, SIGINT));
    return 0;
}

static void write_down_call(void *unused)
{
    (void)unused;
    note("called");
}

static int call_soon_from_there(async_loop *loop)
{
    return async_call_soon_threadsafe(loop, write_down_call, NULL);
}
async_fn(call_soon_from_there, async_loop *);

LOOP_TEST(thread_call_soon_threadsafe_works_on_a_worker)
{
    CHECK_EQ(async_to_thread(call_soon_from_there, async_get_loop()), 0);
    CHECK_TRACE("called");
    return 0;
}

static int misuse_a_thread(void)
{
    return async_to_thread(sleep_a_second);
}
async_fn(misuse_a_thread);

DEATH_TEST(thread_switching_call_on_a_worker,
           "async_sleep was called on a worker thread of an executor")
{
    async_run(misuse_a_thread);
}

static void sleep_in_a_callback(void *argument)
{
    CHECK_EQ(async_sleep(1), -EIO);
    (void)argument;
}

static int ask_for_a_callback(void)
{
    async_call_soon(sleep_in_a_callback, NULL);
    return async_sleep(1);
}
async_fn(ask_for_a_callback);

static int run_a_loop_there(void)
{
    return async_run(ask_for_a_callback);
}
async_fn(run_a_loop_there);

static int misuse_a_thread_s_loop(void)
{
    return async_to_thread(run_a_loop_there);
}
async_fn(misuse_a_thread_s_loop);

DEATH_TEST(thread_with_a_loop_of_its_own_reports_its_own_callback,
           "async_sleep was called in a callback")
{
    async_run(misuse_a_thread_s_loop);
}

static int set_there(async_event *event)
{
    async_event_set(event);
    return 0;
}
async_fn(set_there, async_event *);

static void give_up(async_task *task, void *waiting)
{
    (void)task;
    async_task_cancel(waiting);
}

static int set_from_a_thread(void)
{
    async_event event = {0};
    async_task_detach(async_create_task(set_there, &event));
    CHECK_EQ(async_event_wait(&event), 0);
    async_event_clear(&event);
    async_task_options elsewhere = {.executor = ASYNC_DEFAULT_EXECUTOR};
    async_task *there = async_create_task_with(&elsewhere, set_there, &event);
    CHECK(there != NULL);
    CHECK_EQ(async_task_add_done_callback(there, give_up, async_current_task()),
             0); /* there was no thread */
    ASYNC_TRY(async_event_wait(&event));
    return async_await(there);
}
async_fn(set_from_a_thread);

DEATH_TEST(thread_that_sets_a_loop_s_event_ends_the_program,
           "'set_from_a_thread' (created at |waits in async_event_wait for something that another "
           "thread has changed")
{
    async_run(set_from_a_thread);
}

LOOP_TEST(thread_left_at_the_end_of_the_loop_is_waited_for)
{
    static struct latch latch;
    latch_init(&latch);
    async_task_detach(async_create_task(pass_latch_in_executor, NULL, &latch, 1));
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_sleep(0), 0);
    CHECK(async_call_later(0, open_latch, &latch).id != 0);
    return 0;
}

/* ---- threads that cannot be made ------------------------------------------------------------ */

static void deny_threads(void)
{
    if (ASYNC_ASAN)
        test_skip("AddressSanitizer looks for leaks on a thread of its own");
    deny_call(SYS_clone3, EAGAIN);
    deny_call(SYS_clone, EAGAIN);
}

LOOP_TEST(thread_that_cannot_be_made_is_an_error_if_there_is_no_other)
{
    deny_threads();
    CHECK_EQ(async_to_thread(write_down, 1), -EAGAIN);
    CHECK_EQ(async_to_thread(write_down, 1), -EAGAIN);
    CHECK_TRACE("");
    CHECK_EQ(async_sleep(3600), 0); /* nothing is out, so this does not take an hour */
    return 0;
}

LOOP_TEST(thread_that_cannot_be_made_leaves_the_work_to_the_others)
{
    async_task *tasks[5];
    async_auto_wait_executor *executor = new_executor(4);
    async_task_options there = {.executor = executor};
    CHECK_EQ(async_run_in_executor(executor, describe_own_error), 0);
    deny_threads();
    for (int i = 0; i < 5; i++)
        tasks[i] = async_create_task_with(&there, write_down, i);
    CHECK_EQ(async_gather_n(tasks, 5, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK_TRACE("0 1 2 3 4");
    return 0;
}

LOOP_TEST(thread_error_without_memory_loses_its_message_only)
{
    CHECK_EQ(async_to_thread(describe_own_error), 0);
    test_allow_allocations(0);
    CHECK_EQ(async_to_thread(fail_in_words_unseen),
             -EPROTO); /* the message is lost, the code is not */
    test_allow_allocations(-1);
    CHECK_STR(async_strerror(-EPROTO), "-EPROTO: Protocol error");
    return 0;
}

LOOP_TEST(thread_many_at_once_all_come_back)
{
    enum { TASKS = 500 };
    static async_task *tasks[TASKS];
    static int results[TASKS];
    loop_thread = pthread_self();
    for (int i = 0; i < TASKS; i++)
        tasks[i] = async_create_task_with(&(async_task_options){.executor = ASYNC_DEFAULT_EXECUTOR},
                                          add_elsewhere, i, 0);
    CHECK_EQ(async_gather_n(tasks, TASKS, results, ASYNC_FIRST_ERROR), 0);
    for (int i = 0; i < TASKS; i++)
        CHECK_EQ(results[i], i);
    return 0;
}
