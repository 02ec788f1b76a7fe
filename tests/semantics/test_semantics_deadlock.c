/*
 * test_semantics_deadlock.c: a loop whose tasks all wait, and in which nothing is left that could
 * wake one: what is reported, what is done, and when it is no deadlock.
 */
#include "run/capture.h"
#include "run/coroutines.h"
#include "run/queues.h"
#include "sys/tools.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static async_run_options options_with(async_deadlock_action action)
{
    async_run_options options = *test_options();
    options.on_deadlock = action;
    return options;
}

/* Runs a coroutine that ends in a deadlock, which cancels it. What was reported. */
static const char *run_into_deadlock(int (*coroutine)(void));

static int call(int (*coroutine)(void))
{
    return coroutine();
}
async_fn(call, int (*)(void));

static const char *run_into_deadlock(int (*coroutine)(void))
{
    async_run_options options = options_with(ASYNC_DEADLOCK_CANCEL);
    capture_begin();
    int result = async_run_with(&options, call, coroutine);
    const char *said = capture_end();
    if (result != -EDEADLK)
        test_fail(__FILE__, __LINE__, "the result is %d, and this was said:\n%s", result, said);
    return said;
}

static void check_says(const char *said, const char *words)
{
    if (strstr(said, words) == NULL)
        test_fail(__FILE__, __LINE__, "\"%s\" is missing from:\n%s", words, said);
}

static void check_is_silent(int (*coroutine)(void), int expected)
{
    async_run_options options = options_with(ASYNC_DEADLOCK_CANCEL);
    capture_begin();
    int result = async_run_with(&options, call, coroutine);
    const char *said = capture_end();
    if (result != expected || *said != '\0')
        test_fail(__FILE__, __LINE__, "the result is %d, and this was said:\n%s", result, said);
}

/* ---- what is reported ----------------------------------------------------------------------- */

static int take_both(async_lock *first, async_lock *second)
{
    ASYNC_WITH(first);
    ASYNC_TRY(async_sleep(0.001));
    ASYNC_WITH(second);
    return 0;
}
async_fn(take_both, async_lock *, async_lock *);

static int cross_locks(void)
{
    async_lock one = {0}, two = {0};
    return async_gather(async_create_task(take_both, &one, &two),
                        async_create_task(take_both, &two, &one));
}

TEST_EACH_BACKEND(deadlock_of_two_locks_is_reported_with_its_cycle)
{
    const char *said = run_into_deadlock(cross_locks);
    check_says(said, "asyncio: deadlock: nothing is left that could wake a task of this loop");
    check_says(said, "#2 take_both: waits");
    check_says(said, "held by #3 take_both");
    check_says(said, "cycle: #2 waits for #3 waits for #2\n");
    check_says(said, "acquire the locks in the same order everywhere");
}

static int await_the_other(async_task **other)
{
    ASYNC_TRY(async_sleep(0.001));
    return async_await(async_task_ref(*other));
}
async_fn(await_the_other, async_task **);

static int cross_awaits(void)
{
    async_task *one, *two;
    one = async_create_task(await_the_other, &two);
    two = async_create_task(await_the_other, &one);
    return async_gather(one, two);
}

DEATH_TEST(deadlock_of_tasks_that_await_each_other_aborts_with_its_cycle,
           "cycle: #2 waits for #3 waits for #2|must not await each other in a circle")
{
    async_run_options options = options_with(ASYNC_DEADLOCK_CANCEL);
    async_ignore(async_run_with(&options, call, cross_awaits));
}

/* Tasks that have ended, or wait, leave hints. */

static int leave_locked(async_lock *lock)
{
    return async_lock_acquire(lock);
}
async_fn(leave_locked, async_lock *);

static int take_what_was_left(void)
{
    async_lock lock = {0};
    ASYNC_TRY(async_await(async_create_task(leave_locked, &lock)));
    return async_lock_acquire(&lock);
}

TEST_EACH_BACKEND(deadlock_of_a_lock_that_was_never_released_names_the_ended_task)
{
    check_says(run_into_deadlock(take_what_was_left),
               "hint: task #2 has ended and has not released its lock");
}

static int acquire_twice(void)
{
    async_lock lock = {0};
    ASYNC_TRY(async_lock_acquire(&lock));
    return async_lock_acquire(&lock);
}

TEST_EACH_BACKEND(deadlock_of_a_task_that_acquires_its_own_lock_says_that_it_holds_it)
{
    const char *said = run_into_deadlock(acquire_twice);
    check_says(said, "hint: task #1 already holds the lock that it acquires; ");
    CHECK(strstr(said, "in the same order") == NULL);
}

static int await_event(async_event *event)
{
    return async_event_wait(event);
}
async_fn(await_event, async_event *);

static int set_event(async_event *event)
{
    async_event_set(event);
    return 0;
}
async_fn(set_event, async_event *);

/* The task that would wake the other one may start only when that one has ended. */
static int wait_within_a_limit(void)
{
    async_event event = {0};
    ASYNC_TASK_GROUP_WITH(group, .limit = 1);
    async_group_create_task(&group, await_event, &event);
    async_group_create_task(&group, set_event, &event);
    async_group_create_task(&group, set_event, &event);
    return async_group_wait(&group);
}

TEST_EACH_BACKEND(deadlock_hints_name_the_limit_of_a_group_that_holds_tasks_back)
{
    const char *said = run_into_deadlock(wait_within_a_limit);
    check_says(said, "hint: 2 tasks have not started, because their group has reached its limit");
    check_says(said, "hint: no task that could go on calls async_event_set");
}

static int get_from_empty(void)
{
    int item;
    async_auto_queue *queue = new_queue(0, sizeof item);
    return async_queue_get(queue, &item);
}

static int put_into_full(void)
{
    int item = 1;
    async_auto_queue *queue = new_queue(1, sizeof item);
    ASYNC_TRY(async_queue_put(queue, &item));
    return async_queue_put(queue, &item);
}

static int join_unreported(void)
{
    int item = 1;
    async_auto_queue *queue = new_queue(0, sizeof item);
    ASYNC_TRY(async_queue_put(queue, &item));
    ASYNC_TRY(async_queue_get(queue, &item));
    return async_queue_join(queue);
}

static int join_untaken(void)
{
    int item = 1;
    async_auto_queue *queue = new_queue(0, sizeof item);
    ASYNC_TRY(async_queue_put(queue, &item));
    return async_queue_join(queue);
}

static int wait_for_event(void)
{
    async_event event = {0};
    return async_event_wait(&event);
}

static int wait_for_permit(void)
{
    async_semaphore semaphore = {.value = 0};
    return async_semaphore_acquire(&semaphore);
}

static int wait_for_others(void)
{
    async_barrier barrier = {.parties = 3};
    return async_barrier_wait(&barrier);
}

TEST_EACH_BACKEND(deadlock_hints_say_what_is_missing)
{
    static const struct {
        int (*coroutine)(void);
        const char *hint;
    } cases[] = {{get_from_empty, "hint: no task that could go on puts items"},
                 {put_into_full, "hint: no task that could go on takes items"},
                 {join_unreported, "hint: 1 item was taken but not reported"},
                 {join_untaken,
                  "hint: items of the queue are left, and no task that could go on takes them"},
                 {wait_for_event, "hint: no task that could go on calls async_event_set"},
                 {wait_for_permit, "hint: no task that could go on releases a permit"},
                 {wait_for_others, "hint: a barrier waits for 3 tasks, and 1 are there"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_says(run_into_deadlock(cases[i].coroutine), cases[i].hint);
}

/* The library is in the program's file, and has inline functions in headers with other paths. */
TEST(the_place_of_a_wait_is_in_the_program_and_not_in_the_library)
{
    static const struct {
        int (*coroutine)(void);
        const char *place;
    } cases[] = {{get_from_empty, ", at get_from_empty "},
                 {put_into_full, ", at put_into_full "},
                 {join_unreported, ", at join_unreported "},
                 {wait_for_others, ", at wait_for_others "}};
    if (strstr(run_into_deadlock(join_untaken), "test_semantics_deadlock.c:") == NULL)
        test_skip("this program has no line tables");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_says(run_into_deadlock(cases[i].coroutine), cases[i].place);
}

/* ---- tasks that have ended ------------------------------------------------------------------ */

static const char *run_into_deadlock_with_debug(int (*coroutine)(void))
{
    async_run_options options = options_with(ASYNC_DEADLOCK_CANCEL);
    options.debug = true;
    capture_begin();
    CHECK_EQ(async_run_with(&options, call, coroutine), -EDEADLK);
    return capture_end();
}

static int put_and_fail(async_queue *queue)
{
    ASYNC_TRY(async_queue_put(queue, &(int){1}));
    return -EPIPE;
}
async_fn(put_and_fail, async_queue *);

static int do_nothing(void)
{
    return 0;
}
async_fn(do_nothing);

/* After `others` more tasks have ended. */
static int get_what_is_never_put(int others)
{
    int item;
    async_auto_queue *queue = new_queue(0, sizeof item);
    async_ignore(async_await(async_create_task(put_and_fail, queue)));
    for (int i = 0; i < others; i++)
        ASYNC_TRY(async_await(async_create_task(do_nothing)));
    ASYNC_TRY(async_queue_get(queue, &item));
    return async_queue_get(queue, &item);
}

static int get_at_once(void)
{
    return get_what_is_never_put(0);
}

static int get_after_63_tasks(void)
{
    return get_what_is_never_put(63);
}

static int get_after_64_tasks(void)
{
    return get_what_is_never_put(64);
}

TEST_EACH_BACKEND(deadlock_in_debug_mode_names_the_tasks_that_have_ended_and_knew_the_object)
{
    static const char said[] = "hint: task #2 'put_and_fail' (created at "
                               "tests/semantics/test_semantics_deadlock.c:";
    check_says(run_into_deadlock_with_debug(get_at_once), said);
    check_says(run_into_deadlock_with_debug(get_at_once), ", and has ended: -EPIPE: Broken pipe\n");
    check_says(run_into_deadlock_with_debug(get_after_63_tasks), said);
    CHECK(strstr(run_into_deadlock_with_debug(get_after_64_tasks), "put_and_fail") == NULL);
    CHECK(strstr(run_into_deadlock(get_at_once), "put_and_fail") == NULL);
    check_says(run_into_deadlock_with_debug(take_what_was_left),
               "hint: task #2 'leave_locked' has ended and has not released its lock");
}

/* ---- what is done --------------------------------------------------------------------------- */

static int cleaned;

static int clean_up_when_cancelled(void)
{
    async_event event = {0};
    int result = async_event_wait(&event);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    CHECK_EQ(async_sleep(0.001), 0);
    cleaned++;
    return result;
}

TEST_EACH_BACKEND(deadlock_cancels_main_so_that_it_cleans_up)
{
    run_into_deadlock(clean_up_when_cancelled);
    CHECK_EQ(cleaned, 1);
}

static int handle_and_return(void)
{
    async_event event = {0};
    CHECK_EQ(async_event_wait(&event), -ECANCELED);
    return 7;
}

TEST_EACH_BACKEND(deadlock_leaves_a_result_that_main_returns_itself)
{
    async_run_options options = options_with(ASYNC_DEADLOCK_CANCEL);
    capture_begin();
    int result = async_run_with(&options, call, handle_and_return);
    capture_end();
    CHECK_EQ(result, 7);
}

static int wait_again(void)
{
    async_event event = {0};
    CHECK_EQ(async_event_wait(&event), -ECANCELED);
    CHECK_EQ(async_task_uncancel(async_current_task()), 0);
    return async_event_wait(&event);
}

DEATH_TEST(deadlock_after_the_cancellation_aborts,
           "deadlock: nothing is left|a request to cancel does not end the deadlock")
{
    async_run_options options = options_with(ASYNC_DEADLOCK_CANCEL);
    async_ignore(async_run_with(&options, call, wait_again));
}

static int wait_despite_cancel(async_event *event)
{
    while (async_event_wait(event) == -ECANCELED)
        async_task_uncancel(async_current_task());
    return 0;
}
async_fn(wait_despite_cancel, async_event *);

static int leave_a_task_that_never_ends(void)
{
    static async_event event;
    async_task_detach(async_create_task(wait_despite_cancel, &event));
    return async_sleep(0.001);
}

DEATH_TEST(deadlock_at_the_end_of_a_run_aborts,
           "deadlock: nothing is left|wait_despite_cancel: waits|does not end the deadlock")
{
    async_run_options options = options_with(ASYNC_DEADLOCK_CANCEL);
    async_ignore(async_run_with(&options, call, leave_a_task_that_never_ends));
}

DEATH_TEST(deadlock_aborts_if_the_option_says_so,
           "deadlock: nothing is left|aborted because of the deadlock")
{
    async_run_options options = options_with(ASYNC_DEADLOCK_ABORT);
    async_ignore(async_run_with(&options, call, wait_for_event));
}

DEATH_TEST(deadlock_is_handled_as_the_environment_says, "aborted because of the deadlock")
{
    CHECK_EQ(setenv("ASYNCIO_DEADLOCK", "abort", 1), 0);
    async_ignore(async_run_with(test_options(), call, wait_for_event));
}

/* Once the report was written. */
static void *interrupt_after_report(void *process)
{
    for (int i = 0; i < 1000 && strstr(capture_look(), "deadlock: ") == NULL; i++)
        usleep(10000);
    kill(*(pid_t *)process, SIGINT);
    return NULL;
}

TEST_EACH_BACKEND(deadlock_waits_for_sigint_if_the_option_says_so)
{
    async_run_options options = options_with(ASYNC_DEADLOCK_WAIT);
    pid_t self = getpid();
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, interrupt_after_report, &self), 0);
    capture_begin();
    int result = async_run_with(&options, call, wait_for_event);
    const char *said = capture_end();
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(result, -EINTR);
    check_says(said, "deadlock: nothing is left");
}

TEST_EACH_BACKEND(deadlock_option_out_of_range_is_refused)
{
    async_run_options options = options_with((async_deadlock_action)4);
    CHECK_EQ(async_run_with(&options, nothing), -EINVAL);
}

/* ---- what is none --------------------------------------------------------------------------- */

static async_event woken;

static void wake(void *context)
{
    async_event_set(context);
}

static void *wake_soon(void *loop)
{
    usleep(20000);
    CHECK_EQ(async_call_soon_threadsafe(loop, wake, &woken), 0);
    return NULL;
}

static int be_woken_by_a_thread(void)
{
    pthread_t thread;
    async_event_clear(&woken);
    CHECK_EQ(pthread_create(&thread, NULL, wake_soon, async_get_loop()), 0);
    int result = async_event_wait(&woken);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    return result;
}

TEST_EACH_BACKEND(deadlock_is_none_while_another_thread_knows_the_loop)
{
    check_is_silent(be_woken_by_a_thread, 0);
}

static int know_the_loop(void)
{
    CHECK(async_get_loop() != NULL);
    return wait_for_event();
}

TEST_EACH_BACKEND(deadlock_is_certain_if_a_known_loop_is_in_a_process_without_threads)
{
    if (ASYNC_TSAN)
        test_skip("ThreadSanitizer has a thread of its own");
    if (test_is_emulated())
        test_skip("the emulator has threads of its own");
    check_says(run_into_deadlock(know_the_loop), "asyncio: deadlock:");
}

static int sleep_until_interrupted(void)
{
    pid_t self = getpid();
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, interrupt_after_report, &self), 0);
    int result = async_sleep(INFINITY);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    return result;
}

TEST_EACH_BACKEND(deadlock_is_none_while_a_task_sleeps_for_ever)
{
    check_is_silent(sleep_until_interrupted, -EINTR);
}
