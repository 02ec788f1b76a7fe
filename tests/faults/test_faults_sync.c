/*
 * test_faults_sync.c: programs for tests/scripts/faults.py (see test_faults.c) whose tasks wait for
 * each other: for locks, permits, events, notifications and at barriers. Whatever fails, no task is
 * stranded, and locks and permits are given back.
 */
#include "fault_test.h"
#include "run/queues.h"

#include <sys/socket.h>
#include <unistd.h>

/* ---- locks and permits ---------------------------------------------------------------------- */

struct workshop {
    async_semaphore places; /* in it */
    async_lock tool;        /* only one */
    int working;            /* how many have it */
};

static int work(struct workshop *shop, int number)
{
    ASYNC_WITH(&shop->places);
    answer(async_sleep(number % 3));
    ASYNC_WITH(&shop->tool);
    CHECK_EQ(++shop->working, 1);
    answer(async_sleep(0));
    CHECK_EQ(--shop->working, 0);
    kept[number]++;
    return 0;
}
async_fn(work, struct workshop *, int);

FAULTS_TEST(locks_and_permits_come_back_whatever_fails)
{
    struct workshop shop = {.places = {.value = 3, .bound = 3}};
    async_task *tasks[ACCOUNTS];
    for (int i = 0; i < ACCOUNTS; i++) {
        tasks[i] = async_create_task(work, &shop, i);
        promised[i] = tasks[i] != NULL;
    }
    answer(async_gather_n(tasks, ACCOUNTS, NULL, ASYNC_FIRST_ERROR));
    CHECK(!async_lock_locked(&shop.tool));
    CHECK_EQ(shop.places.value, 3);
    return 0;
}

/* ---- events, notices, barriers -------------------------------------------------------------- */

struct meeting {
    async_event begun;       /* tasks may come */
    async_condition changed; /* notified when a task comes */
    int present;             /* how many have */
    int expected;            /* how many will */
    async_barrier door;      /* they leave it together, if they are as many as were hoped for */
};

static bool are_all_present(void *argument)
{
    const struct meeting *meeting = argument;
    return meeting->present == meeting->expected;
}

static int attend(struct meeting *meeting, int number)
{
    ASYNC_TRY(async_event_wait(&meeting->begun));
    ASYNC_TRY(async_condition_acquire(&meeting->changed));
    meeting->present++;
    async_condition_notify_all(&meeting->changed);
    int result = async_condition_wait_for(&meeting->changed, are_all_present, meeting);
    async_condition_release(&meeting->changed);
    CHECK_EQ(result, 0);
    result = answer(async_barrier_wait(&meeting->door));
    CHECK(result == -EPIPE || result >= 0);
    kept[number]++;
    return 0;
}
async_fn(attend, struct meeting *, int);

/* Those that could not be made are not waited for; then the door does not open by itself. */
FAULTS_TEST(every_task_leaves_the_condition_and_the_barrier)
{
    struct meeting meeting = {.door = {.parties = ACCOUNTS}};
    async_task *tasks[ACCOUNTS];
    for (int i = 0; i < ACCOUNTS; i++) {
        tasks[i] = async_create_task(attend, &meeting, i);
        promised[i] = tasks[i] != NULL;
        meeting.expected += promised[i];
    }
    async_ignore(async_sleep(0));
    async_event_set(&meeting.begun);
    while (meeting.expected < ACCOUNTS && async_barrier_n_waiting(&meeting.door) < meeting.expected)
        async_ignore(async_sleep(0));
    if (meeting.expected < ACCOUNTS)
        async_barrier_abort(&meeting.door);
    answer(async_gather_n(tasks, ACCOUNTS, NULL, ASYNC_FIRST_ERROR));
    CHECK_EQ(meeting.present, meeting.expected);
    CHECK_EQ(async_barrier_n_waiting(&meeting.door), 0);
    return 0;
}

/* ---- futures -------------------------------------------------------------------------------- */

static int answer_question(async_future *question, int number)
{
    answer(async_sleep(number % 3));
    if (number % 4 == 3)
        async_future_set_exception(question, -EPROTO, "question %d has no answer", number);
    else
        async_future_set_result(question, number);
    async_task_detach(question);
    return 0;
}
async_fn(answer_question, async_future *, int);

/* Each question is answered, or was never asked. */
static int ask(int number)
{
    async_future *question = async_future_new();
    if (answer(question != NULL ? 0 : -ENOMEM) < 0)
        return 0;
    async_task *asked = async_create_task(answer_question, async_task_ref(question), number);
    if (answer(asked != NULL ? 0 : -ENOMEM) < 0) {
        async_task_detach(question);
        async_task_cancel(question);
        CHECK_EQ(async_await(question), -ECANCELED);
        return 0;
    }
    promised[number]++;
    int result = async_await(question);
    CHECK(result == (number % 4 == 3 ? -EPROTO : number));
    kept[number]++;
    return async_await(asked);
}
async_fn(ask, int);

FAULTS_TEST(every_future_that_is_promised_is_settled)
{
    async_task *tasks[ACCOUNTS];
    for (int i = 0; i < ACCOUNTS; i++)
        tasks[i] = async_create_task(ask, i);
    answer(async_gather_n(tasks, ACCOUNTS, NULL, ASYNC_FIRST_ERROR));
    return 0;
}

/* ---- select --------------------------------------------------------------------------------- */

/*
 * Takes items, or learns from the descriptor that no more will come. A call that fails at once lets
 * no other task run.
 */
static int serve(async_queue *queue, int fd)
{
    int item, index;
    do {
        index = async_select(async_on_get(queue, &item), async_on_readable(fd),
                             async_on_timeout(1e-4));
        if (index == 0)
            kept[item]++;
        else if (index != -ESHUTDOWN && answer(index) < 0)
            async_ignore(async_sleep(0));
    } while (index != -ESHUTDOWN && index != 1);
    return 0;
}
async_fn(serve, async_queue *, int);

FAULTS_TEST(an_item_goes_to_one_of_several_selects)
{
    async_queue *queue = new_queue(1, sizeof(int));
    int ends[2], item, index;
    if (answer(queue != NULL ? 0 : -ENOMEM) < 0)
        return 0;
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    async_task *servers[] = {async_create_task(serve, queue, ends[0]),
                             async_create_task(serve, queue, ends[0])};
    for (int i = 0; i < ACCOUNTS; i++) {
        index = answer(async_select(async_on_put(queue, &i), async_on_timeout(1e-3)));
        promised[i] = index == 0;
    }
    async_ignore(async_sleep(0));
    CHECK_EQ(shutdown(ends[1], SHUT_WR), 0);
    async_queue_shutdown(queue, false);
    answer(async_gather_n(servers, 2, NULL, ASYNC_FIRST_ERROR));
    while (async_queue_get_nowait(queue, &item) == 0)
        kept[item]++;
    async_queue_free(queue);
    close(ends[0]);
    close(ends[1]);
    return 0;
}
