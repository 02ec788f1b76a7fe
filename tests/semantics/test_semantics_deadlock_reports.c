/*
 * test_semantics_deadlock_reports.c: the report of a deadlock: lines of tasks, cycles, places, and
 * hints by what the tasks wait for and by those that have ended.
 */
#include "run/deadlocks.h"
#include "run/queues.h"

#include <stdio.h>

/* ---- cycles --------------------------------------------------------------------------------- */

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

/* The first and the last task wait for the same lock, and all three in the same line. */
static int cross_locks_while_another_waits(void)
{
    async_lock locks[3] = {0};
    async_task *tasks[3];
    for (int i = 0; i < 3; i++)
        tasks[i] = async_create_task(take_both, &locks[i], &locks[i == 1 ? 0 : 1]);
    return async_gather_n(tasks, 3, NULL, ASYNC_FIRST_ERROR);
}

TEST_EACH_BACKEND(deadlock_shows_each_task_of_a_cycle_in_a_line_of_its_own)
{
    const char *said = run_into_deadlock(cross_locks_while_another_waits);
    check_says(said, "─ #2 take_both: waits");
    check_says(said, "─ #3 take_both: waits");
    check_says(said, "─ #4 take_both: waits");
}

static int cross_many_locks(void)
{
    enum { LOCKS = 70 };
    static async_lock locks[LOCKS];
    async_task *tasks[LOCKS];
    for (int i = 0; i < LOCKS; i++)
        tasks[i] = async_create_task(take_both, &locks[i], &locks[(i + 1) % LOCKS]);
    return async_gather_n(tasks, LOCKS, NULL, ASYNC_FIRST_ERROR);
}

TEST(deadlock_of_a_cycle_that_is_too_long_to_be_shown_has_the_hint_about_its_locks)
{
    const char *said = run_into_deadlock(cross_many_locks);
    check_says(said, " waits for 6 more, the last one for #2\n");
    check_says(said, "  hint: tasks hold a lock and wait for another one's; ");
}

static int hold_lock(async_lock *lock, async_event *event)
{
    ASYNC_WITH(lock);
    return async_event_wait(event);
}
async_fn(hold_lock, async_lock *, async_event *);

static int take_lock(async_lock *lock)
{
    ASYNC_TRY(async_sleep(0.001));
    ASYNC_WITH(lock);
    return 0;
}
async_fn(take_lock, async_lock *);

static int wait_for_two_owners(void)
{
    async_lock locks[2] = {0};
    async_event event = {0};
    async_task *tasks[5];
    for (int i = 0; i < 2; i++)
        tasks[i] = async_create_task(hold_lock, &locks[i], &event);
    for (int i = 2; i < 5; i++)
        tasks[i] = async_create_task(take_lock, &locks[i == 2 ? 0 : 1]);
    return async_gather_n(tasks, 5, NULL, ASYNC_FIRST_ERROR);
}

TEST_EACH_BACKEND(deadlock_shows_the_owner_of_each_lock_and_joins_tasks_that_wait_for_the_same_one)
{
    const char *said = run_into_deadlock(wait_for_two_owners);
    check_says(said, "#2 and 1 more hold_lock: waits");
    check_says(said, "#4 take_lock: waits");
    check_says(said, "#5 and 1 more take_lock: waits");
    check_says(said, "held by #2 hold_lock");
    check_says(said, "held by #3 hold_lock");
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
           "cycle: #2 waits for #3 waits for #2|hint: tasks await each other; one of them must not "
           "await|must not await each other in a circle")
{
    async_run_options options = options_with(ASYNC_DEADLOCK_CANCEL);
    async_ignore(async_run_with(&options, call, cross_awaits));
}

static int await_what_takes_it(async_lock *lock)
{
    ASYNC_WITH(lock);
    return async_await(async_create_task(take_lock, lock));
}
async_fn(await_what_takes_it, async_lock *);

static int hold_and_await(void)
{
    async_lock lock = {0};
    return async_await(async_create_task(await_what_takes_it, &lock));
}

TEST_EACH_BACKEND(deadlock_of_a_task_that_awaits_another_one_with_its_lock_says_to_release_it)
{
    const char *said = run_into_deadlock(hold_and_await);
    check_says(said,
               "hint: a task awaits others while it holds a lock that one of them acquires; ");
    CHECK(strstr(said, "in the same order") == NULL);
}

/* ---- failures ------------------------------------------------------------------------------- */

static int fail(int error)
{
    return error;
}
async_fn(fail, int);

static int wait_for_ever(void)
{
    async_event event = {0};
    return async_event_wait(&event);
}
async_fn(wait_for_ever);

static int gather_one_that_has_failed(void)
{
    async_ignore(async_gather(async_create_task(wait_for_ever), async_create_task(fail, -EBUSY)));
    return -EDEADLK;
}

static int gather_two_that_have_failed(void)
{
    async_task *waits = async_create_task(wait_for_ever);
    async_ignore(
        async_gather(async_create_task(fail, -EBUSY), async_create_task(fail, -EPIPE), waits));
    return -EDEADLK;
}

TEST_EACH_BACKEND(deadlock_of_a_gather_names_the_failure_that_it_does_not_return_yet)
{
    check_says(run_into_deadlock(gather_one_that_has_failed),
               " in async_gather; 1 of its tasks has failed: -EBUSY");
    check_says(run_into_deadlock(gather_two_that_have_failed),
               " in async_gather; 2 of its tasks have failed, the first one: -EBUSY");
}

/* ---- hints ---------------------------------------------------------------------------------- */

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
    check_says(said, "hint: a task already holds the lock that it acquires; ");
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

static async_future *unset;

static int await_future(void)
{
    return async_await(unset);
}

static int wait_for_end_of_future(void)
{
    return async_task_wait(unset);
}

static int gather_futures(void)
{
    return async_gather(unset, async_future_new());
}

static int shield_future(void)
{
    return async_shield(unset);
}

static int watch_future(void)
{
    return async_wait(&unset, 1, ASYNC_ALL_COMPLETED, ASYNC_FOREVER);
}

static int complete_future(void)
{
    async_auto_completion ends = {0};
    ASYNC_TRY(async_as_completed(&ends, &unset, 1, ASYNC_FOREVER));
    return async_completion_next(&ends);
}

static int select_future(void)
{
    return async_select(async_on_task(unset));
}

static int (*wait_for_future)(void);

static int wait_for_unset_future(void)
{
    unset = async_future_new();
    return wait_for_future();
}

TEST_EACH_BACKEND(deadlock_hints_name_a_future_whatever_call_waits_for_it)
{
    static int (*const calls[])(void) = {await_future,  wait_for_end_of_future, gather_futures,
                                         shield_future, watch_future,           complete_future,
                                         select_future};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        wait_for_future = calls[i];
        const char *said = run_into_deadlock(wait_for_unset_future);
        check_says(said, "hint: no task that could go on sets the future's result");
        CHECK(strstr(said, "could not be read") == NULL);
    }
}

static int leave_future_alone(void)
{
    unset = async_future_new();
    return wait_for_event();
}

TEST_EACH_BACKEND(deadlock_hints_name_no_future_that_is_not_waited_for)
{
    CHECK(strstr(run_into_deadlock(leave_future_alone), "the future's result") == NULL);
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

/* ---- places --------------------------------------------------------------------------------- */

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
    if (strstr(run_into_deadlock(join_untaken), "test_semantics_deadlock_reports.c:") == NULL)
        test_skip("this program has no line tables");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_says(run_into_deadlock(cases[i].coroutine), cases[i].place);
}

/* The call is in an inline function of a header, and is the first statement. */
__attribute__((noinline)) static int hold_it(async_lock *lock)
{
    ASYNC_WITH(lock);
    return async_sleep(0);
}
static const unsigned line_of_hold_it = __LINE__ - 3;

static int hold_it_twice(void)
{
    async_lock lock = {0};
    ASYNC_WITH(&lock);
    int result = hold_it(&lock);
    return result < 0 ? result : 0;
}

/* clang has no line for the call; the next statement is given. */
TEST(the_line_of_a_wait_in_an_inline_function_is_that_of_its_call)
{
    unsigned line;
    const char *said = run_into_deadlock(hold_it_twice);
    const char *place = strstr(said, ", at hold_it ");
    if (strstr(said, "test_semantics_deadlock_reports.c:") == NULL)
        test_skip("this program has no line tables");
    if (place == NULL || sscanf(strchr(place, ':'), ":%u", &line) != 1)
        test_fail(__FILE__, __LINE__, "the place is missing from:\n%s", said);
#ifdef __clang__
    CHECK(line == line_of_hold_it || line == line_of_hold_it + 1);
#else
    CHECK_EQ(line, line_of_hold_it);
#endif
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
                               "tests/semantics/test_semantics_deadlock_reports.c:";
    check_says(run_into_deadlock_with_debug(get_at_once), said);
    check_says(run_into_deadlock_with_debug(get_at_once), ", and has ended: -EPIPE: Broken pipe\n");
    check_says(run_into_deadlock_with_debug(get_after_63_tasks), said);
    CHECK(strstr(run_into_deadlock_with_debug(get_after_64_tasks), "put_and_fail") == NULL);
    CHECK(strstr(run_into_deadlock(get_at_once), "put_and_fail") == NULL);
    check_says(run_into_deadlock_with_debug(take_what_was_left),
               "hint: task #2 'leave_locked' has ended and has not released its lock");
}

static int look_at_queue(async_queue *queue)
{
    return async_queue_empty(queue) ? 0 : 1;
}
async_fn(look_at_queue, async_queue *);

static int put_nothing(async_queue *queue)
{
    return async_fail(-EBADMSG, "line %zu is damaged", async_queue_qsize(queue) + 3);
}
async_fn(put_nothing, async_queue *);

/* The task that has failed has ended long before the others. */
static int get_after_looks(bool is_failed)
{
    int item;
    async_auto_queue *queue = new_queue(0, sizeof item);
    if (is_failed)
        async_ignore(async_await(async_create_task(put_nothing, queue)));
    for (int i = 0; i < 8; i++)
        ASYNC_TRY(async_await(async_create_task(look_at_queue, queue)));
    return async_queue_get(queue, &item);
}

static int get_after_a_failure(void)
{
    return get_after_looks(true);
}

static int get_without_a_failure(void)
{
    return get_after_looks(false);
}

TEST_EACH_BACKEND(deadlock_in_debug_mode_names_those_that_failed_and_their_messages_before_others)
{
    const char *said = run_into_deadlock_with_debug(get_after_a_failure);
    check_says(said, "hint: task #2 'put_nothing' (created at ");
    check_says(said, ", and has ended: -EBADMSG: line 3 is damaged\n");
    CHECK(strstr(said, "look_at_queue") == NULL);
}

TEST_EACH_BACKEND(deadlock_in_debug_mode_names_tasks_that_have_ended_alike_once)
{
    const char *said = run_into_deadlock_with_debug(get_without_a_failure);
    check_says(said, "hint: task #9 and 7 more 'look_at_queue' (created at ");
    check_says(said, ", and have ended: no error\n");
    CHECK(strstr(said, "task #8 ") == NULL);
}

/* Its handle is kept until both have ended. */
static int get_from_a_producer_that_fails(void)
{
    int item;
    async_auto_queue *queue = new_queue(0, sizeof item);
    async_task *producer = async_create_task(put_nothing, queue);
    int result = async_queue_get(queue, &item);
    async_ignore(async_await(producer));
    return result;
}

TEST_EACH_BACKEND(deadlock_names_tasks_that_have_failed_and_are_not_awaited_yet)
{
    const char *said = run_into_deadlock(get_from_a_producer_that_fails);
    check_says(said, "hint: task #2 'put_nothing' (created at ");
    check_says(said, ") has failed, and no task has awaited it yet: -EBADMSG: line 3 is damaged\n");
}

TEST_EACH_BACKEND(deadlock_in_debug_mode_names_a_task_that_has_failed_once)
{
    const char *said = run_into_deadlock_with_debug(get_from_a_producer_that_fails);
    const char *first = strstr(said, "hint: task #2 'put_nothing'");
    CHECK(first != NULL && strstr(first + 1, "hint: task #2 'put_nothing'") == NULL);
}
