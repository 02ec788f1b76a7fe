/*
 * test_thread.c: blocking functions on worker threads: results, cancellation, order, how many
 * threads there are, what works on them, and what happens when one cannot be made.
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

static int tick(struct gate *gate)
{
    for (int i = 0; i < 100; i++)
        ASYNC_TRY(async_sleep(0));
    gate_open(gate);
    return 0;
}
async_fn(tick, struct gate *);

LOOP_TEST(thread_lets_the_loop_go_on)
{
    struct gate gate;
    gate_init(&gate);
    async_task *ticker = async_create_task(tick, &gate);
    CHECK_EQ(async_to_thread(pass_gate, &gate, 7), 7);
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
    CHECK_JOURNAL("0 1 2 3 4");
    return 0;
}

/* All of them stand before the gate at a time, so there are as many threads. */
LOOP_TEST(thread_workers_are_made_up_to_the_limit)
{
    enum { THREADS = 8 };
    struct gate gate;
    async_task *tasks[THREADS];
    async_auto_wait_executor *executor = new_executor(THREADS);
    gate_init(&gate);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < THREADS; i++)
            tasks[i] = async_create_task_with(&(async_task_options){.executor = executor},
                                              pass_gate, &gate, 0);
        CHECK_EQ(async_sleep(0), 0);
        CHECK_EQ(executor->count, THREADS);
        for (int i = 0; i < THREADS; i++)
            gate_await_arrival(&gate, tasks[i]);
        for (int i = 0; i < THREADS; i++)
            gate_open(&gate);
        CHECK_EQ(async_gather_n(tasks, THREADS, NULL, ASYNC_FIRST_ERROR), 0);
    }
    return 0;
}

/* ---- cancellation --------------------------------------------------------------------------- */

static int in_executor(async_executor *executor, struct gate *gate, int result)
{
    return async_run_in_executor(executor, pass_gate, gate, result);
}
async_fn(in_executor, async_executor *, struct gate *, int);

LOOP_TEST(thread_cancelled_work_that_runs_is_waited_for_and_its_result_counts)
{
    struct gate gate;
    gate_init(&gate);
    async_task *task = async_create_task(in_executor, NULL, &gate, 7);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_sleep(0), 0);
    gate_await_arrival(&gate, task);
    async_task_cancel(task);
    for (int i = 0; i < 10; i++)
        CHECK_EQ(async_sleep(0), 0);
    CHECK(!async_task_done(task));
    gate_open(&gate);
    CHECK_EQ(async_await(task), 7);
    return 0;
}

LOOP_TEST(thread_cancelled_work_that_is_queued_is_taken_back)
{
    struct gate gate, never;
    gate_init(&gate);
    gate_init(&never);
    async_auto_wait_executor *executor = new_executor(1);
    async_task *first = async_create_task(in_executor, executor, &gate, 1);
    async_task *second = async_create_task(in_executor, executor, &never, 2);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_sleep(0), 0);
    gate_await_arrival(&gate, first);
    async_task_cancel(second);
    CHECK_EQ(async_await(second), -ECANCELED);
    gate_open(&gate);
    CHECK_EQ(async_await(first), 1);
    return 0;
}

LOOP_TEST(thread_cancelled_before_it_began_never_runs)
{
    async_task *task = async_create_task_with(
        &(async_task_options){.executor = ASYNC_DEFAULT_EXECUTOR}, write_down, 1);
    async_task_cancel(task);
    CHECK_EQ(async_await(task), -ECANCELED);
    CHECK_JOURNAL("");
    return 0;
}

LOOP_TEST(thread_limit_waits_for_what_runs)
{
    struct gate gate;
    gate_init(&gate);
    gate_open(&gate);
    CHECK_EQ(async_timeout(3600, async_to_thread(pass_gate, &gate, 7)), 7);
    CHECK(async_time() == 0); /* an hour did not pass meanwhile */
    return 0;
}

/* ---- time ----------------------------------------------------------------------------------- */

static int sleep_an_hour(struct gate *gate)
{
    int result = async_sleep(3600);
    gate_open(gate);
    return result;
}
async_fn(sleep_an_hour, struct gate *);

static void open_gate(void *gate)
{
    gate_open(gate);
}

static void *open_from_elsewhere(void *gate)
{
    gate_wait(&((struct gate *)gate)->arrived);
    gate_open(gate);
    return NULL;
}

/*
 * If the clock jumped, the sleeper would end, and its time would be seen by who awaits the thread.
 */
LOOP_TEST(thread_virtual_time_stands_still_while_work_is_out)
{
    struct gate gate, unused;
    pthread_t opener;
    gate_init(&gate);
    gate_init(&unused);
    async_task *sleeper = async_create_task(sleep_an_hour, &unused);
    CHECK_EQ(pthread_create(&opener, NULL, open_from_elsewhere, &gate), 0);
    CHECK_EQ(async_to_thread(pass_gate, &gate, 7), 7);
    CHECK(async_time() == 0 && !async_task_done(sleeper));
    CHECK_EQ(pthread_join(opener, NULL), 0);
    CHECK_EQ(async_await(sleeper), 0);
    CHECK(async_time() == 3600); /* and jumps when it is back */
    return 0;
}

LOOP_TEST(thread_virtual_time_jumps_when_work_was_taken_back)
{
    struct gate gate;
    gate_init(&gate);
    async_auto_wait_executor *executor = new_executor(1);
    async_task *first = async_create_task(in_executor, executor, &gate, 1);
    async_task *second = async_create_task(in_executor, executor, &gate, 2);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_sleep(0), 0);
    gate_await_arrival(&gate, first);
    async_task_cancel(second);
    CHECK_EQ(async_await(second), -ECANCELED);
    CHECK(async_call_soon(open_gate, &gate).id != 0);
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

LOOP_TEST(thread_sentence_of_an_error_comes_along_and_locals_are_seen)
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

LOOP_TEST(thread_sentence_can_be_read_there)
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

LOOP_TEST(thread_call_soon_threadsafe_works_there)
{
    CHECK_EQ(async_to_thread(call_soon_from_there, async_get_loop()), 0);
    CHECK_JOURNAL("called");
    return 0;
}

static int sleep_there(void)
{
    return async_sleep(1);
}
async_fn(sleep_there);

static int misuse_a_thread(void)
{
    return async_to_thread(sleep_there);
}
async_fn(misuse_a_thread);

DEATH_TEST(thread_switching_call_there, "async_sleep was called on a worker thread of an executor")
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

DEATH_TEST(thread_with_a_loop_of_its_own_is_told_of_that_loop_s_callback,
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
    static struct gate gate;
    gate_init(&gate);
    async_task_detach(async_create_task(in_executor, NULL, &gate, 1));
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_sleep(0), 0);
    CHECK(async_call_later(0, open_gate, &gate).id != 0);
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
    CHECK_JOURNAL("");
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
    CHECK_JOURNAL("0 1 2 3 4");
    return 0;
}

LOOP_TEST(thread_sentence_without_memory_is_lost_and_the_error_is_not)
{
    CHECK_EQ(async_to_thread(describe_own_error), 0);
    test_allow_allocations(0);
    CHECK_EQ(async_to_thread(fail_in_words_unseen),
             -EPROTO); /* the sentence is lost, the code is not */
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
