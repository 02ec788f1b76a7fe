/*
 * rules.c: what libasyncio-test promises, a test for each rule. All pass, in every order of tasks.
 */
#include <asyncio/test.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static double real_time(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int set_after(async_event *event, double seconds)
{
    ASYNC_TRY(async_sleep(seconds));
    async_event_set(event);
    return 0;
}
async_fn(set_after, async_event *, double);

/* ---- output --------------------------------------------------------------------------------- */

enum { WRITERS = 4, LINES = 5000 };

static void *write_lines(void *unused)
{
    for (int i = 0; i < LINES; i++)
        if (write(STDERR_FILENO, "a line\n", 7) != 7)
            break;
    return unused;
}

ASYNC_TEST(output_has_the_lines_of_all_threads)
{
    struct stat before, after;
    pthread_t threads[WRITERS];
    ASYNC_CHECK_EQ(fstat(STDERR_FILENO, &before), 0);
    for (int i = 0; i < WRITERS; i++)
        ASYNC_CHECK_EQ(pthread_create(&threads[i], NULL, write_lines, NULL), 0);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    ASYNC_CHECK_EQ(fstat(STDERR_FILENO, &after), 0);
    ASYNC_CHECK(after.st_size - before.st_size == WRITERS * LINES * 7);
    return 0;
}

ASYNC_TEST_WITH(output_is_searched_from_its_beginning, .output = "the first line|the last line")
{
    puts("the first line");
    for (int i = 0; i < LINES; i++)
        puts("a line of the many in between");
    puts("the last line");
    return 0;
}

ASYNC_TEST_WITH(output_is_searched_behind_a_zero_byte, .output = "before|behind")
{
    static const char bytes[] = "before\0behind\n";
    ASYNC_CHECK_EQ(fwrite(bytes, 1, sizeof bytes, stdout), sizeof bytes);
    return 0;
}

/* ---- time ----------------------------------------------------------------------------------- */

ASYNC_TEST(clock_jumps_over_an_hour_at_once)
{
    double before = real_time();
    ASYNC_CHECK_EQ(async_sleep(3600), 0);
    ASYNC_CHECK(async_time() == 3600);
    ASYNC_CHECK(real_time() - before < 60);
    return 0;
}

ASYNC_TEST_WITH(clock_is_real_if_asked, .clock = ASYNC_TEST_REAL)
{
    double before = real_time();
    const char *backend = getenv("ASYNCIO_BACKEND");
    if (backend != NULL && strcmp(backend, "sim") == 0)
        async_test_skip("sim has no real clock");
    ASYNC_CHECK_EQ(async_sleep(0.01), 0);
    ASYNC_CHECK(real_time() - before >= 0.01);
    ASYNC_CHECK_EQ(async_test_settle(), 0);
    ASYNC_CHECK_EQ(async_test_advance(1), -EINVAL);
    ASYNC_CHECK(async_test_next() == -EINVAL);
    return 0;
}

ASYNC_TEST_WITH(clock_stands_until_it_is_advanced, .clock = ASYNC_TEST_STANDS)
{
    async_event event = {0};
    async_task *task = async_create_task(set_after, &event, 10);
    ASYNC_CHECK_EQ(async_test_settle(), 0);
    ASYNC_CHECK(async_time() == 0);
    ASYNC_CHECK_EQ(async_test_advance(9.5), 0);
    ASYNC_CHECK(!async_event_is_set(&event) && async_time() == 9.5);
    ASYNC_CHECK_EQ(async_test_advance(0.5), 0);
    ASYNC_CHECK(async_event_is_set(&event) && async_time() == 10);
    return async_await(task);
}

struct ticks {
    double at[8];
    int count;
};

static int tick(struct ticks *ticks, double period)
{
    for (int i = 0; i < 3; i++) {
        ASYNC_TRY(async_sleep(period));
        ticks->at[ticks->count++] = async_time();
    }
    return 0;
}
async_fn(tick, struct ticks *, double);

/* A timer that is set by a task woken on the way fires on the way, too. */
ASYNC_TEST(advance_fires_timers_one_by_one)
{
    static const double expected[] = {2, 3, 4, 6, 6, 9};
    struct ticks ticks = {0};
    async_task *a = async_create_task(tick, &ticks, 2), *b = async_create_task(tick, &ticks, 3);
    ASYNC_CHECK_EQ(async_test_advance(100), 0);
    ASYNC_CHECK(async_time() == 100);
    ASYNC_CHECK_EQ(ticks.count, 6);
    for (int i = 0; i < ticks.count; i++)
        ASYNC_CHECK(ticks.at[i] == expected[i]);
    return async_gather(a, b);
}

ASYNC_TEST(advance_refuses_what_is_no_time)
{
    ASYNC_CHECK_EQ(async_test_advance(-1), -EINVAL);
    ASYNC_CHECK_EQ(async_test_advance(0.0 / 0.0), -EINVAL);
    ASYNC_CHECK_EQ(async_test_advance(ASYNC_FOREVER), -EINVAL);
    ASYNC_CHECK_EQ(async_test_advance(0), 0);
    ASYNC_CHECK(async_time() == 0);
    return 0;
}

ASYNC_TEST(next_goes_to_the_next_timer)
{
    async_event event = {0};
    ASYNC_CHECK(async_test_next() == -ENOENT);
    async_task *task = async_create_task(set_after, &event, 7);
    ASYNC_CHECK(async_test_next() == 7);
    ASYNC_CHECK(async_event_is_set(&event) && async_task_done(task));
    ASYNC_CHECK(async_test_next() == -ENOENT);
    return async_await(task);
}

/* ---- settling ------------------------------------------------------------------------------- */

static int count_turns(int *turns)
{
    for (int i = 0; i < 100; i++) {
        ASYNC_TRY(async_sleep(0));
        ++*turns;
    }
    return 0;
}
async_fn(count_turns, int *);

ASYNC_TEST(settle_waits_until_no_task_is_ready)
{
    int turns = 0;
    async_task *task = async_create_task(count_turns, &turns);
    ASYNC_CHECK_EQ(async_test_settle(), 0);
    ASYNC_CHECK_EQ(turns, 100);
    ASYNC_CHECK(async_time() == 0);
    return async_await(task);
}

static int settle_and_count(int *turns)
{
    ASYNC_TRY(async_test_settle());
    return *turns == 100 ? 0 : -EIO;
}
async_fn(settle_and_count, int *);

ASYNC_TEST(settle_serves_several_tasks)
{
    int turns = 0;
    async_task *task = async_create_task(count_turns, &turns);
    async_task *a = async_create_task(settle_and_count, &turns);
    async_task *b = async_create_task(settle_and_count, &turns);
    ASYNC_CHECK_EQ(async_gather(task, a, b), 0);
    return 0;
}

static int job(double seconds)
{
    usleep((unsigned)(seconds * 1e6));
    return 5;
}
async_fn(job, double);

static int run_job(int *result)
{
    *result = async_to_thread(job, 0.02);
    return 0;
}
async_fn(run_job, int *);

ASYNC_TEST(settle_waits_for_jobs_on_threads)
{
    int result = 0;
    async_task *task = async_create_task(run_job, &result);
    ASYNC_CHECK_EQ(async_test_settle(), 0);
    ASYNC_CHECK_EQ(result, 5);
    return async_await(task);
}

static int receive(int fd, char *byte)
{
    return async_recv(fd, byte, 1, 0);
}
async_fn(receive, int, char *);

ASYNC_TEST(settle_counts_operations_in_flight)
{
    int fds[2];
    char byte = 0;
    ASYNC_CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    async_task *task = async_create_task(receive, fds[0], &byte);
    ASYNC_CHECK_EQ(async_test_settle(), 1);
    ASYNC_CHECK_EQ(write(fds[1], "x", 1), 1);
    ASYNC_CHECK_EQ(async_test_settle(), 0); /* the event has come, and the task has run */
    ASYNC_CHECK(async_task_done(task) && byte == 'x');
    ASYNC_CHECK_EQ(async_await(task), 1);
    async_close(fds[0]);
    async_close(fds[1]);
    return 0;
}

static int settle_only(void)
{
    return async_test_settle();
}
async_fn(settle_only);

ASYNC_TEST(settle_can_be_cancelled)
{
    int turns = 0;
    async_task *busy = async_create_task(count_turns, &turns);
    async_task *task = async_create_task(settle_only);
    ASYNC_CHECK_EQ(async_sleep(0), 0);
    async_task_cancel(task);
    ASYNC_CHECK_EQ(async_await(task), -ECANCELED);
    ASYNC_CHECK_EQ(async_test_settle(), 0);
    return async_await(busy);
}

/* ---- switches ------------------------------------------------------------------------------- */

static int must_both(async_event *event)
{
    ASYNC_TRY(ASYNC_MUST_SWITCH(async_event_wait(event)));
    return ASYNC_MUST_NOT_SWITCH(async_event_wait(event));
}
async_fn(must_both, async_event *);

ASYNC_TEST(must_switch_knows_tasks_and_nests)
{
    async_event event = {0};
    async_task *a = async_create_task(must_both, &event), *b = async_create_task(must_both, &event);
    async_task *c = async_create_task(set_after, &event, 1);
    ASYNC_CHECK_EQ(ASYNC_MUST_SWITCH(ASYNC_MUST_SWITCH(async_gather(a, b, c))), 0);
    ASYNC_CHECK_EQ(ASYNC_MUST_NOT_SWITCH(async_event_wait(&event)), 0);
    for (int i = 0; i < 100; i++)
        ASYNC_CHECK_EQ(ASYNC_MUST_SWITCH(async_sleep(0)), 0);
    return 0;
}

ASYNC_TEST_WITH(must_switch_works_on_the_real_clock, .clock = ASYNC_TEST_REAL)
{
    for (int i = 0; i < 1000; i++)
        ASYNC_CHECK_EQ(ASYNC_MUST_SWITCH(async_sleep(0)), 0);
    return 0;
}

/* ---- deadlocks ------------------------------------------------------------------------------ */

ASYNC_TEST_DEADLOCKS(deadlock_of_an_event)
{
    async_event event = {0};
    return async_event_wait(&event);
}

ASYNC_TEST_DEADLOCKS(deadlock_of_a_reader_in_memory)
{
    async_auto_stream *a = NULL, *b = NULL;
    char byte;
    ASYNC_TRY(async_test_pipe(&a, &b, NULL));
    return async_stream_read(a, &byte, 1);
}

ASYNC_TEST_WITH(deadlock_on_the_real_clock, .clock = ASYNC_TEST_REAL, .deadlocks = true)
{
    async_lock lock = {0};
    ASYNC_TRY(async_lock_acquire(&lock));
    return async_lock_acquire(&lock);
}

ASYNC_TEST_WITH(deadlock_report_names_the_call, .deadlocks = true,
                .output = "nothing can wake them|async_event_wait|deadlock_report_names_the_call")
{
    async_event event = {0};
    return async_event_wait(&event);
}

static void set_event(void *event)
{
    async_event_set(event);
}

struct setter {
    async_loop *loop;
    async_event *event;
};

static void *set_from_thread(void *argument)
{
    struct setter *setter = argument;
    usleep(50000);
    async_call_soon_threadsafe(setter->loop, set_event, setter->event);
    return NULL;
}

/* A thread of the program may still wake a task. */
ASYNC_TEST(deadlock_is_not_seen_while_a_thread_may_act)
{
    async_event event = {0};
    struct setter setter = {async_get_loop(), &event};
    pthread_t thread;
    ASYNC_CHECK_EQ(pthread_create(&thread, NULL, set_from_thread, &setter), 0);
    ASYNC_CHECK_EQ(async_event_wait(&event), 0);
    ASYNC_CHECK_EQ(pthread_join(thread, NULL), 0);
    return 0;
}

/* ---- runs ----------------------------------------------------------------------------------- */

static int return_five(void)
{
    return 5;
}
async_fn(return_five);

ASYNC_TEST(run_is_refused_inside_a_run)
{
    ASYNC_CHECK_EQ(async_test_run(NULL, return_five), -EBUSY);
    ASYNC_CHECK_EQ(async_test_settle(), 0);
    return 0;
}

static int sleep_forever(void)
{
    return async_sleep(ASYNC_FOREVER);
}
async_fn(sleep_forever);

ASYNC_TEST_WITH(run_may_leave_tasks_if_asked, .leaves_tasks = true)
{
    async_task_detach(async_create_task(sleep_forever));
    return 0;
}

/* ---- lost errors ---------------------------------------------------------------------------- */

static int fail_later(void)
{
    ASYNC_TRY(async_sleep(1));
    return -EIO;
}
async_fn(fail_later);

static int lose_an_error(void)
{
    async_task_detach(async_create_task(fail_later));
    return async_sleep(2);
}
async_fn(lose_an_error);

ASYNC_TEST_WITH(errors_may_be_lost_if_asked, .loses_errors = true)
{
    return lose_an_error();
}

static void count_errors(async_loop *loop, const async_exception_context *error, void *count)
{
    (void)loop;
    *(int *)count += error->code == -EIO;
}

ASYNC_TEST(errors_that_the_program_handles_are_not_lost)
{
    int count = 0;
    async_loop_set_exception_handler(async_get_loop(), count_errors, &count);
    ASYNC_CHECK_EQ(lose_an_error(), 0);
    ASYNC_CHECK_EQ(count, 1);
    async_loop_set_exception_handler(async_get_loop(), NULL, NULL);
    return 0;
}

ASYNC_TEST(messages_of_the_program_are_no_lost_errors)
{
    async_exception_context own = {.message = "no disk", .code = -ENOSPC};
    async_loop_call_exception_handler(async_get_loop(), &own);
    return 0;
}

/* Each has a result that another task can get. */
ASYNC_TEST(errors_of_awaited_tasks_are_not_lost)
{
    ASYNC_TASK_GROUP(group);
    async_group_create_task(&group, fail_later);
    ASYNC_CHECK_EQ(async_group_wait(&group), -EIO);
    async_task *task = async_create_task(fail_later);
    ASYNC_CHECK_EQ(async_task_wait(task), -EIO);
    async_task_detach(task);
    ASYNC_CHECK_EQ(async_await(async_create_task(fail_later)), -EIO);
    return 0;
}

static int put_one(async_queue *queue)
{
    int item = 1;
    return async_queue_put(queue, &item);
}
async_fn(put_one, async_queue *);

static int put_detached(void)
{
    async_auto_queue *queue = NULL;
    ASYNC_TRY(async_queue_new(&queue, 0, sizeof(int)));
    async_task_detach(async_create_task(put_one, queue));
    return async_sleep(1);
}
async_fn(put_detached);

/* It has failed because of the sweep. */
ASYNC_TEST(errors_may_be_lost_after_the_event_of_a_sweep)
{
    ASYNC_CHECK(async_test_fail_allocations(NULL, put_detached) > 1);
    return 0;
}

ASYNC_TEST(checks_return_true_if_they_pass)
{
    const char *text = "text";
    enum async_test_clock clock = ASYNC_TEST_STANDS;
    char copy[8] = "text";
    ASYNC_CHECK(ASYNC_CHECK(clock == ASYNC_TEST_STANDS) && ASYNC_CHECK_EQ(-1, -1));
    ASYNC_CHECK(ASYNC_CHECK_STR(text, copy) && ASYNC_CHECK_STR(NULL, NULL));
    return 0;
}

ASYNC_TEST(seed_is_that_of_the_environment)
{
    const char *text = getenv("ASYNCIO_SHUFFLE");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : 0;
    ASYNC_CHECK(async_test_seed() == seed);
    return 0;
}

ASYNC_TEST_WITH(seed_of_the_options_comes_first, .seed = 77)
{
    ASYNC_CHECK(async_test_seed() == 77);
    return 0;
}

static void *close_soon(void *fd)
{
    usleep(20000);
    close(*(int *)fd);
    return NULL;
}

/* Threads of the library open files of /proc, too. */
ASYNC_TEST(descriptor_that_a_thread_closes_at_once_is_no_leak)
{
    static int fd;
    pthread_t thread;
    fd = dup(STDERR_FILENO);
    ASYNC_CHECK_EQ(pthread_create(&thread, NULL, close_soon, &fd), 0);
    ASYNC_CHECK_EQ(pthread_detach(thread), 0);
    return 0;
}

/* The limit of the output is none of other files. */
ASYNC_TEST(file_of_more_than_64_mib_is_allowed)
{
    FILE *file = tmpfile();
    ASYNC_CHECK(file != NULL);
    ASYNC_CHECK_EQ(pwrite(fileno(file), "x", 1, (off_t)65 << 20), 1); /* the rest is a hole */
    return fclose(file);
}

ASYNC_TEST(skip_tells_why)
{
    async_test_skip("no %s here", "reason");
}

ASYNC_TEST_WITH(output_must_have_all_parts, .output = "one|three")
{
    puts("one two three");
    return 0;
}

/* ---- sweeps --------------------------------------------------------------------------------- */

static int sleep_three_times(void)
{
    for (int i = 0; i < 3; i++)
        ASYNC_TRY(async_sleep(1));
    return 0;
}
async_fn(sleep_three_times);

ASYNC_TEST(sweep_cancels_at_each_stop)
{
    int stops = async_test_cancel_everywhere(NULL, sleep_three_times);
    ASYNC_CHECK(stops >= 4); /* before the first step, and in each sleep */
    ASYNC_CHECK_EQ(async_test_cancel_everywhere(NULL, return_five), 1);
    return 0;
}

static int note_sleep(int fd)
{
    for (int i = 0; i < 3; i++) {
        int result = async_sleep(1);
        char letter = (char)('a' + i);
        if (result < 0)
            return write(fd, &letter, 1) == 1 ? result : -EIO;
    }
    return 0;
}
async_fn(note_sleep, int);

/* Each of the three sleeps was cancelled in some run. */
ASYNC_TEST(sweep_reaches_each_wait)
{
    char letters[64] = {0};
    int fds[2];
    ASYNC_CHECK_EQ(pipe(fds), 0);
    ASYNC_CHECK(async_test_cancel_everywhere(NULL, note_sleep, fds[1]) >= 4);
    ASYNC_CHECK(read(fds[0], letters, sizeof letters - 1) > 0);
    ASYNC_CHECK(strchr(letters, 'a') != NULL && strchr(letters, 'b') != NULL &&
                strchr(letters, 'c') != NULL);
    close(fds[0]);
    close(fds[1]);
    return 0;
}

static int use_queue(void)
{
    async_auto_queue *queue = NULL;
    int item = 1;
    ASYNC_TRY(async_queue_new(&queue, 0, sizeof item));
    for (int i = 0; i < 50; i++)
        ASYNC_TRY(async_queue_put(queue, &item));
    async_task *task = async_create_task(sleep_three_times);
    return async_await(task);
}
async_fn(use_queue);

ASYNC_TEST(sweep_fails_each_allocation)
{
    ASYNC_CHECK(async_test_fail_allocations(NULL, use_queue) >= 3);
    return 0;
}

ASYNC_TEST(sweep_of_both_sides_of_a_pipe)
{
    ASYNC_CHECK(async_test_cancel_everywhere(NULL, use_queue) > 4);
    return 0;
}

ASYNC_TEST_MAIN
