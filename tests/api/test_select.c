/*
 * test_select.c: async_select: exactly one of the cases happens, and the others are as if they had
 * not been listed. Each kind of case is combined with each other kind, in both orders, ready before
 * and made ready in one instant.
 */
#include "run/coroutines.h"
#include "run/runner.h"
#include "run/queues.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- the things that can be waited for ------------------------------------------------------ */

/* One object of each kind, and how many units it holds. */
struct thing {
    async_queue *queue;        /* for async_on_get, async_on_put */
    int item;                  /* the item that came, or that is put */
    async_event event;         /* for async_on_event */
    async_future *future;      /* for async_on_task */
    async_lock lock;           /* for async_on_lock */
    async_semaphore semaphore; /* for async_on_semaphore */
    int ends[2];               /* for async_on_readable, async_on_writable */
};

struct kind {
    const char *name;                        /* of the case */
    async_case (*make)(struct thing *thing); /* the case */
    void (*supply)(void *thing);             /* makes it ready; never switches */
    bool (*is_taken)(
        const struct thing
            *thing); /* whether the event has happened, once it was ready; NULL: cannot be told */
};

static async_case on_get(struct thing *thing)
{
    return async_on_get(thing->queue, &thing->item);
}

static void put_seven(void *argument)
{
    struct thing *thing = argument;
    CHECK_EQ(async_queue_put_nowait(thing->queue, &(int){7}), 0);
}

static bool has_got_seven(const struct thing *thing)
{
    CHECK_EQ(thing->item == 7, async_queue_empty(thing->queue));
    return async_queue_empty(thing->queue);
}

static async_case on_put(struct thing *thing)
{
    CHECK_EQ(async_queue_put_nowait(thing->queue, &(int){1}), 0); /* it is full */
    return async_on_put(thing->queue, &thing->item);
}

static void make_room(void *argument)
{
    struct thing *thing = argument;
    int item;
    CHECK_EQ(async_queue_get_nowait(thing->queue, &item), 0);
    CHECK_EQ(item, 1);
}

static bool has_put(const struct thing *thing)
{
    return !async_queue_empty(thing->queue);
}

static async_case on_event(struct thing *thing)
{
    return async_on_event(&thing->event);
}

static void set_event(void *argument)
{
    struct thing *thing = argument;
    async_event_set(&thing->event);
}

static async_case on_future(struct thing *thing)
{
    return async_on_task(thing->future);
}

static void settle_future(void *argument)
{
    struct thing *thing = argument;
    CHECK_EQ(async_future_set_exception(thing->future, -EIO, NULL), 0);
}

static async_case on_lock(struct thing *thing)
{
    CHECK_EQ(async_lock_acquire_nowait(&thing->lock), 0);
    return async_on_lock(&thing->lock);
}

static void release_lock(void *argument)
{
    struct thing *thing = argument;
    async_lock_release(&thing->lock);
}

static bool has_lock(const struct thing *thing)
{
    return async_lock_locked(&thing->lock);
}

static async_case on_semaphore(struct thing *thing)
{
    return async_on_semaphore(&thing->semaphore);
}

static void release_permit(void *argument)
{
    struct thing *thing = argument;
    async_semaphore_release(&thing->semaphore);
}

static bool has_permit(const struct thing *thing)
{
    return thing->semaphore.value == 0;
}

static async_case on_readable(struct thing *thing)
{
    return async_on_readable(thing->ends[0]);
}

static void send_byte(void *argument)
{
    struct thing *thing = argument;
    CHECK_EQ(write(thing->ends[1], "x", 1), 1);
}

static async_case on_writable(struct thing *thing)
{
    static const char nothing[4096];
    while (send(thing->ends[1], nothing, sizeof nothing, MSG_DONTWAIT) > 0)
        continue;
    return async_on_writable(thing->ends[1]);
}

static void drain(void *argument)
{
    struct thing *thing = argument;
    static char bytes[4096];
    while (recv(thing->ends[0], bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        continue;
}

static const struct kind kinds[] = {
    {"get", on_get, put_seven, has_got_seven},
    {"put", on_put, make_room, has_put},
    {"event", on_event, set_event, NULL},
    {"future", on_future, settle_future, NULL},
    {"lock", on_lock, release_lock, has_lock},
    {"semaphore", on_semaphore, release_permit, has_permit},
    {"readable", on_readable, send_byte, NULL},
    {"writable", on_writable, drain, NULL},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void open_thing(struct thing *thing)
{
    *thing = (struct thing){.queue = new_queue(1, sizeof(int)), .future = async_future_new()};
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, thing->ends), 0);
}

static void close_thing(struct thing *thing)
{
    async_queue_free(thing->queue);
    async_task_detach(thing->future);
    close(thing->ends[0]);
    close(thing->ends[1]);
}

/* ---- each with each ------------------------------------------------------------------------- */

struct race {
    struct thing things[2];      /* of these two */
    const struct kind *kinds[2]; /* one kind each */
    async_case cases[2];         /* as they are waited for */
    int first;                   /* made ready before the other one; the other is, too, if both */
    bool both;                   /* in the same instant */
    bool cancelled;              /* in that instant, after them */
    async_task *task;            /* the task that waits */
};

static void make_ready(void *argument)
{
    struct race *race = argument;
    race->kinds[race->first]->supply(&race->things[race->first]);
    if (race->both)
        race->kinds[!race->first]->supply(&race->things[!race->first]);
    if (race->cancelled)
        async_task_cancel(race->task);
}

static int wait_for_race(struct race *race)
{
    int result = 1;
    int index = async_select_n(race->cases, 2, &result);
    CHECK(index < 0 || result == 0);
    return index;
}
async_fn(wait_for_race, struct race *);

static void open_race(struct race *race, int a, int b)
{
    race->kinds[0] = &kinds[a];
    race->kinds[1] = &kinds[b];
    for (int i = 0; i < 2; i++) {
        open_thing(&race->things[i]);
        race->cases[i] = race->kinds[i]->make(&race->things[i]);
    }
}

/* A case that was ready and did not win is unchanged; the others have no waiter in line. */
static void check_race(struct race *race, int winner)
{
    for (int i = 0; i < 2; i++) {
        const struct kind *kind = race->kinds[i];
        if (i != race->first && !race->both)
            kind->supply(&race->things[i]);
        if (kind->is_taken != NULL && kind->is_taken(&race->things[i]) != (i == winner))
            test_fail(__FILE__, __LINE__,
                      "%s and %s, %d first: %d won, and %s is not as it should be",
                      race->kinds[0]->name, race->kinds[1]->name, race->first, winner, kind->name);
        close_thing(&race->things[i]);
    }
}

static bool is_kernels(int kind)
{
    return kind >= KINDS - 2;
}

LOOP_TEST(select_of_ready_cases_takes_the_first_listed)
{
    for (int a = 0; a < KINDS; a++)
        for (int b = 0; b < KINDS; b++) {
            struct race race = {.both = true, .first = 1};
            open_race(&race, a, b);
            make_ready(&race);
            CHECK_EQ(wait_for_race(&race), 0);
            check_race(&race, 0);
        }
    return 0;
}

LOOP_TEST(select_takes_the_one_that_is_ready_wherever_it_is_listed)
{
    for (int a = 0; a < KINDS; a++)
        for (int b = 0; b < KINDS; b++)
            for (int first = 0; first < 2; first++) {
                struct race race = {.first = first};
                open_race(&race, a, b);
                make_ready(&race);
                CHECK_EQ(wait_for_race(&race), first);
                check_race(&race, first);
            }
    return 0;
}

LOOP_TEST(select_waits_for_the_one_that_comes)
{
    for (int a = 0; a < KINDS; a++)
        for (int b = 0; b < KINDS; b++)
            for (int first = 0; first < 2; first++) {
                struct race race = {.first = first};
                open_race(&race, a, b);
                CHECK(async_call_later(1e-5, make_ready, &race).id != 0);
                CHECK_EQ(wait_for_race(&race), first);
                check_race(&race, first);
            }
    return 0;
}

LOOP_TEST(select_gives_exactly_one_of_two_that_come_in_one_instant)
{
    for (int a = 0; a < KINDS; a++)
        for (int b = 0; b < KINDS; b++)
            for (int first = 0; first < 2; first++) {
                struct race race = {.first = first, .both = true};
                open_race(&race, a, b);
                CHECK(async_call_later(1e-5, make_ready, &race).id != 0);
                int winner = wait_for_race(&race);
                CHECK(winner == 0 || winner == 1);
                if (!is_kernels(first == 0 ? a : b)) /* the result of the kernel comes later */
                    CHECK_EQ(winner, first);
                check_race(&race, winner);
            }
    return 0;
}

LOOP_TEST(select_that_has_a_winner_is_not_undone_by_a_cancel)
{
    for (int a = 0; a < KINDS; a++)
        for (int b = 0; b < KINDS; b++)
            for (int first = 0; first < 2; first++) {
                struct race race = {.first = first, .both = true, .cancelled = true};
                open_race(&race, a, b);
                race.task = async_create_task(wait_for_race, &race);
                CHECK(async_call_later(1e-5, make_ready, &race).id != 0);
                int winner = async_await(race.task);
                if (!is_kernels(a) && !is_kernels(b))
                    CHECK_EQ(winner, first);
                else
                    CHECK(winner == 0 || winner == 1 || winner == -ECANCELED);
                check_race(&race, winner);
            }
    return 0;
}

LOOP_TEST(select_that_is_cancelled_leaves_everything_as_it_was)
{
    for (int a = 0; a < KINDS; a++)
        for (int b = 0; b < KINDS; b++) {
            struct race race = {.first = 0};
            open_race(&race, a, b);
            race.task = async_create_task(wait_for_race, &race);
            CHECK_EQ(async_sleep(0), 0);
            CHECK_EQ(async_sleep(0), 0);
            async_task_cancel(race.task);
            CHECK_EQ(async_await(race.task), -ECANCELED);
            make_ready(&race);
            check_race(&race, -1);
        }
    return 0;
}

LOOP_TEST(select_of_one_case_is_a_wait_for_it)
{
    for (int a = 0; a < KINDS; a++) {
        struct race race = {.first = 0};
        open_race(&race, a, a);
        CHECK(async_call_later(1e-5, make_ready, &race).id != 0);
        CHECK_EQ(async_select_n(race.cases, 1, NULL), 0);
        check_race(&race, 0);
    }
    return 0;
}

/* ---- timeouts ------------------------------------------------------------------------------- */

LOOP_TEST(select_ends_when_the_shortest_timeout_has_passed)
{
    async_event event = {0};
    CHECK_EQ(async_select(async_on_timeout(5), async_on_event(&event), async_on_timeout(2),
                          async_on_timeout(2)),
             2);
    CHECK(async_time() == 2);
    CHECK_EQ(async_select(async_on_timeout(INFINITY), async_on_timeout(1)), 1);
    CHECK(async_time() == 3);
    CHECK_EQ(async_select(async_on_event(&event), async_on_timeout(0)), 1);
    CHECK_EQ(async_select(async_on_timeout(-1), async_on_timeout(-2)), 0);
    CHECK(async_time() == 3);
    async_event_set(&event);
    CHECK_EQ(async_select(async_on_timeout(1), async_on_event(&event)), 1);
    CHECK(async_loop_timeout(async_get_loop()) == INFINITY); /* no timer is left */
    return 0;
}

LOOP_TEST(select_under_a_time_limit_ends_with_it)
{
    async_event event = {0};
    CHECK_EQ(async_timeout(2, async_select(async_on_event(&event), async_on_timeout(3))),
             -ETIMEDOUT);
    CHECK(async_time() == 2);
    async_event_set(&event);
    CHECK_EQ(async_timeout(0, async_select(async_on_event(&event))),
             -ETIMEDOUT); /* refused at its entry */
    return 0;
}

/* ---- errors --------------------------------------------------------------------------------- */

LOOP_TEST(select_refuses_invalid_cases)
{
    async_event event = {0};
    async_case cases[2] = {async_on_event(&event)};
    int result;
    async_event_set(&event);
    CHECK_EQ(async_select_n(NULL, 0, NULL), -EINVAL);
    CHECK_EQ(async_select_n(NULL, 1, NULL), -EINVAL);
    CHECK_EQ(async_select_n(cases, 0, &result), -EINVAL);
    CHECK_EQ(async_select_n(cases, 2, &result),
             -EINVAL); /* the second is none, though the first is ready */
    cases[1].asyncp_kind = ASYNCP_ON_STREAM + 1;
    CHECK_EQ(async_select_n(cases, 2, &result), -EINVAL);
    CHECK_EQ(async_select(async_on_event(&event), async_on_timeout(NAN)), -EINVAL);
    return 0;
}

static void shut_down(void *queue)
{
    async_queue_shutdown(queue, false);
}

LOOP_TEST(select_gives_the_error_of_the_case_that_failed)
{
    async_queue *queue = new_queue(1, sizeof(int));
    async_event event = {0};
    int item = 1, result;
    CHECK(async_call_later(1, shut_down, queue).id != 0);
    CHECK_EQ(async_select(async_on_event(&event), async_on_get(queue, &item)), -ESHUTDOWN);
    const async_case cases[] = {async_on_event(&event), async_on_get(queue, &item),
                                async_on_put(queue, &item)};
    CHECK_EQ(async_select_n(cases, 3, &result), 1);
    CHECK_EQ(result, -ESHUTDOWN);
    CHECK_EQ(async_select(async_on_put(queue, &item)), -ESHUTDOWN);
    async_queue_free(queue);
    queue = new_queue(1, sizeof(int));
    CHECK_EQ(async_queue_put_nowait(queue, &item), 0);
    CHECK(async_call_later(1, shut_down, queue).id != 0);
    CHECK_EQ(async_select(async_on_event(&event), async_on_put(queue, &item)), -ESHUTDOWN);
    async_queue_free(queue);
    CHECK_EQ(async_select(async_on_event(&event), async_on_readable(-1)), -EBADF);
    CHECK_EQ(async_select(async_on_writable(12345)), -EBADF);
    CHECK_EQ(async_select(async_on_task(async_current_task())), -EDEADLK);
    return 0;
}

LOOP_TEST(select_of_many_may_find_no_memory)
{
    async_event event = {0};
    async_case cases[64];
    for (int i = 0; i < 64; i++)
        cases[i] = async_on_event(&event);
    test_allow_allocations(0);
    CHECK_EQ(async_select_n(cases, 64, NULL), -ENOMEM);
    test_allow_allocations(-1);
    async_event_set(&event);
    CHECK_EQ(async_select_n(cases, 64, NULL), 0);
    return 0;
}

/* ---- tasks and futures ---------------------------------------------------------------------- */

LOOP_TEST(select_of_a_task_leaves_its_result_for_await)
{
    async_task *slow = async_create_task(give_after, 2.0, 5),
               *quick = async_create_task(give_after, 1.0, -EIO);
    CHECK_EQ(async_select(async_on_task(slow), async_on_task(quick)), 1);
    CHECK(async_time() == 1);
    CHECK_EQ(async_await(quick), -EIO);
    CHECK_EQ(async_select(async_on_task(NULL)), 0);
    CHECK_EQ(async_select(async_on_task(slow), async_on_timeout(10)), 0);
    CHECK_EQ(async_await(slow), 5);
    return 0;
}

LOOP_TEST(select_that_is_cancelled_leaves_its_tasks_alone)
{
    async_task *task = async_create_task(give_after, 2.0, 5);
    async_future *future = async_future_new();
    CHECK_EQ(async_timeout(1, async_select(async_on_task(task), async_on_task(future))),
             -ETIMEDOUT);
    CHECK(!async_task_done(future));
    CHECK_EQ(async_await(task), 5);
    async_task_detach(future);
    return 0;
}

static void cancel(void *future)
{
    async_task_cancel(future);
}

LOOP_TEST(select_of_a_future_returns_when_it_is_cancelled)
{
    async_future *future = async_future_new();
    CHECK(async_call_later(1, cancel, future).id != 0);
    CHECK_EQ(async_select(async_on_timeout(2), async_on_task(future)), 1);
    CHECK_EQ(async_await(future), -ECANCELED);
    return 0;
}

/* ---- the same thing twice, and many things -------------------------------------------------- */

LOOP_TEST(select_of_the_same_thing_twice_takes_it_once)
{
    async_queue *queue = new_queue(1, sizeof(int));
    int a = 0, b = 0, ends[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    struct thing thing = {.queue = queue, .ends = {ends[0], ends[1]}};
    CHECK(async_call_later(1e-5, put_seven, &thing).id != 0);
    CHECK_EQ(async_select(async_on_get(queue, &a), async_on_get(queue, &b)), 0);
    CHECK(a == 7 && b == 0);
    CHECK(async_call_later(1e-5, release_permit, &thing).id != 0);
    CHECK_EQ(
        async_select(async_on_semaphore(&thing.semaphore), async_on_semaphore(&thing.semaphore)),
        0);
    CHECK_EQ(thing.semaphore.value, 0);
    CHECK(async_call_later(1e-5, send_byte, &thing).id != 0);
    int index = async_select(async_on_readable(ends[0]), async_on_readable(ends[0]));
    CHECK(index == 0 || index == 1);
    async_queue_free(queue);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

LOOP_TEST(select_of_64_cases_returns_each)
{
    struct thing *things = calloc(64, sizeof *things);
    async_case cases[64];
    for (int i = 0; i < 64; i++) {
        open_thing(&things[i]);
        cases[i] = kinds[i % KINDS].make(&things[i]);
    }
    for (int i = 63; i >= 0; i--) {
        CHECK(async_call_later(1e-5, kinds[i % KINDS].supply, &things[i]).id != 0);
        CHECK_EQ(async_select_n(cases, (size_t)i + 1, NULL), i);
    }
    for (int i = 0; i < 64; i++)
        close_thing(&things[i]);
    free(things);
    return 0;
}

/* ---- between others ------------------------------------------------------------------------- */

static int select_get(async_queue *queue, async_event *event)
{
    int item = 0;
    return async_select(async_on_event(event), async_on_get(queue, &item)) == 0 ? 100 : item;
}
async_fn(select_get, async_queue *, async_event *);

LOOP_TEST(select_waits_in_line_as_other_waiters_do)
{
    async_queue *queue = new_queue(0, sizeof(int));
    async_event event = {0};
    async_task *a = async_create_task(get_item, queue),
               *b = async_create_task(select_get, queue, &event),
               *c = async_create_task(get_item, queue),
               *d = async_create_task(select_get, queue, &event);
    settle();
    for (int i = 1; i <= 3; i++)
        CHECK_EQ(async_queue_put_nowait(queue, &i), 0);
    async_event_set(&event);
    CHECK_EQ(async_await(a), 1);
    CHECK_EQ(async_await(b), 2);
    CHECK_EQ(async_await(c), 3);
    CHECK_EQ(async_await(d), 100);
    async_queue_free(queue);
    return 0;
}

LOOP_TEST(select_holds_a_lock_as_if_it_had_acquired_it)
{
    async_lock lock = {0};
    CHECK_EQ(async_select(async_on_lock(&lock)), 0);
    CHECK(async_lock_locked(&lock));
    CHECK_EQ(async_select(async_on_lock(&lock), async_on_timeout(1)), 1);
    async_lock_release(&lock);
    CHECK(!async_lock_locked(&lock));
    return 0;
}

DEATH_TEST(select_outside_of_a_task_ends_the_program, "async_select was called outside a task")
{
    async_ignore(async_select(async_on_timeout(1)));
}

static int select_with_wrong_size(void)
{
    async_queue *queue = new_queue(0, sizeof(int));
    char item;
    return async_select(async_on_get(queue, &item));
}
async_fn(select_with_wrong_size);

DEATH_TEST(select_of_an_item_of_another_size_ends_the_program,
           "the item has 1 bytes, but this queue's items have 4")
{
    async_ignore(async_run_with(test_options(), select_with_wrong_size));
}
