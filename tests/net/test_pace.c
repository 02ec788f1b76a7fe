/*
 * test_pace.c: a task that makes only calls which need not wait lets other tasks run, whichever
 * call it is. A row makes one call that succeeds at once; it is repeated until another task, which
 * is ready, has run.
 */
#include "run/sockets.h"
#include "run/streams.h"
#include "run/queues.h"
#include "run/callbacks.h"

#include <fcntl.h>
#include <netdb.h>
#include <string.h>

enum { MAX_CALLS = 5000000, LINES = 30000 };

/* The objects that the calls use. */
struct scene {
    async_queue *queue;        /* of int, empty */
    async_lock lock;           /* free */
    async_event event;         /* set */
    async_semaphore semaphore; /* of one permit */
    async_barrier barrier;     /* of one party */
    async_condition condition; /* held */
    async_future *ended;       /* settled */
    struct sockets sockets;    /* one of them has a byte to read */
    struct pair streams;       /* one of them has lines to read */
    int file;                  /* a regular one */
};

static bool has_run;

static int run_once(void)
{
    has_run = true;
    return 0;
}
async_fn(run_once);

static bool always(void *unused)
{
    (void)unused;
    return true;
}

static async_future *settled(void)
{
    async_future *future = async_future_new();
    CHECK_EQ(async_future_set_result(future, 0), 0);
    return future;
}

static int put_and_get(struct scene *scene)
{
    int item = 1;
    ASYNC_TRY(async_queue_put(scene->queue, &item));
    ASYNC_TRY(async_queue_get_nowait(scene->queue, &item));
    async_queue_task_done(scene->queue);
    return 0;
}

static int get(struct scene *scene)
{
    int item = 1;
    ASYNC_TRY(async_queue_put_nowait(scene->queue, &item));
    ASYNC_TRY(async_queue_get(scene->queue, &item));
    async_queue_task_done(scene->queue);
    return 0;
}

static int join(struct scene *scene)
{
    return async_queue_join(scene->queue);
}

static int acquire_lock(struct scene *scene)
{
    ASYNC_TRY(async_lock_acquire(&scene->lock));
    async_lock_release(&scene->lock);
    return 0;
}

static int acquire_semaphore(struct scene *scene)
{
    ASYNC_TRY(async_semaphore_acquire(&scene->semaphore));
    async_semaphore_release(&scene->semaphore);
    return 0;
}

static int wait_for_event(struct scene *scene)
{
    return async_event_wait(&scene->event);
}

static int wait_at_barrier(struct scene *scene)
{
    return async_barrier_wait(&scene->barrier);
}

static int wait_for_condition(struct scene *scene)
{
    return async_condition_wait_for(&scene->condition, always, NULL);
}

static int await(struct scene *scene)
{
    (void)scene;
    return async_await(settled());
}

static int gather(struct scene *scene)
{
    (void)scene;
    return async_gather(settled(), settled());
}

static int gather_nothing(struct scene *scene)
{
    (void)scene;
    return async_gather_n(NULL, 0, NULL, ASYNC_FIRST_ERROR);
}

static int wait(struct scene *scene)
{
    return async_wait(&scene->ended, 1, ASYNC_ALL_COMPLETED, 1) == 1 ? 0 : -1;
}

static int wait_for(struct scene *scene)
{
    (void)scene;
    return async_wait_for(settled(), 1);
}

static int shield(struct scene *scene)
{
    (void)scene;
    return async_shield(settled());
}

static int complete(struct scene *scene)
{
    async_auto_completion it = {0};
    ASYNC_TRY(async_as_completed(&it, &scene->ended, 1, 1));
    return async_completion_next(&it);
}

static int wait_for_group(struct scene *scene)
{
    (void)scene;
    ASYNC_TASK_GROUP(group);
    return async_group_wait(&group);
}

static int select_event(struct scene *scene)
{
    return async_select(async_on_event(&scene->event), async_on_timeout(1));
}

static int select_readable(struct scene *scene)
{
    return async_select(async_on_readable(scene->sockets.here), async_on_timeout(1));
}

static int select_timeout(struct scene *scene)
{
    (void)scene;
    return async_select(async_on_timeout(0));
}

static int wait_readable_file(struct scene *scene)
{
    return async_wait_readable(scene->file);
}

static int receive(struct scene *scene)
{
    char byte;
    return async_recv(scene->sockets.here, &byte, 1, MSG_PEEK) == 1 ? 0 : -1;
}

static int receive_from(struct scene *scene)
{
    char byte;
    return async_recvfrom(scene->sockets.here, &byte, 1, MSG_PEEK, NULL, NULL) == 1 ? 0 : -1;
}

static int send_nothing(struct scene *scene)
{
    return async_send(scene->sockets.here, "", 0, 0);
}

static int look_up(struct scene *scene)
{
    async_auto_addrinfo *list = NULL;
    (void)scene;
    return async_getaddrinfo("127.0.0.1", "80", NULL, &list);
}

static int read_line(struct scene *scene)
{
    char line[8];
    return async_stream_readline(scene->streams.here, line, sizeof line) == 2 ? 0 : -1;
}

static int borrow_line(struct scene *scene)
{
    const char *line;
    return async_stream_borrow_line(scene->streams.here, &line) == 2 ? 0 : -1;
}

static int peek(struct scene *scene)
{
    const char *data;
    int size = async_stream_peek(scene->streams.here, &data, 2);
    if (size >= 2)
        async_stream_consume(scene->streams.here, 2);
    return size >= 2 ? 0 : -1;
}

static int drain(struct scene *scene)
{
    return async_stream_drain(scene->streams.here);
}

static int send_no_file(struct scene *scene)
{
    return async_stream_sendfile(scene->streams.here, scene->file, 0, 0);
}

static int open_and_close(struct scene *scene)
{
    struct pair pair = new_pair();
    (void)scene;
    async_stream_close(pair.there);
    return async_stream_wait_closed(pair.here);
}

static const struct row {
    const char *name;                 /* of the call */
    int (*call)(struct scene *scene); /* makes it: 0 */
} rows[] = {
    {"async_queue_put", put_and_get},
    {"async_queue_get", get},
    {"async_queue_join", join},
    {"async_lock_acquire", acquire_lock},
    {"async_semaphore_acquire", acquire_semaphore},
    {"async_event_wait", wait_for_event},
    {"async_barrier_wait", wait_at_barrier},
    {"async_condition_wait_for", wait_for_condition},
    {"async_await", await},
    {"async_gather", gather},
    {"async_gather_n", gather_nothing},
    {"async_wait", wait},
    {"async_wait_for", wait_for},
    {"async_shield", shield},
    {"async_completion_next", complete},
    {"async_group_wait", wait_for_group},
    {"async_select of an event", select_event},
    {"async_select of a descriptor", select_readable},
    {"async_select of a timeout", select_timeout},
    {"async_wait_readable of a file", wait_readable_file},
    {"async_recv", receive},
    {"async_recvfrom", receive_from},
    {"async_send", send_nothing},
    {"async_getaddrinfo", look_up},
    {"async_stream_readline", read_line},
    {"async_stream_borrow_line", borrow_line},
    {"async_stream_peek", peek},
    {"async_stream_drain", drain},
    {"async_stream_sendfile", send_no_file},
    {"async_stream_wait_closed", open_and_close},
};

/* Gives the stream that is read so many lines of two bytes that one read brings thousands. */
static void refill(struct scene *scene)
{
    static char lines[2 * LINES];
    for (int i = 0; i < 2 * LINES; i++)
        lines[i] = i % 2 == 0 ? 'x' : '\n';
    async_ignore(send(async_stream_fd(scene->streams.there), lines, sizeof lines, MSG_DONTWAIT));
}

static void check_row(struct scene *scene, const struct row *row)
{
    has_run = false;
    async_task_detach(async_create_task(run_once));
    for (int calls = 0; !has_run; calls++) {
        if (calls % 1000 == 0)
            refill(scene);
        int result = row->call(scene);
        if (result != 0 || calls == MAX_CALLS)
            test_fail(__FILE__, __LINE__, "%s: call %d returned %d, and the other task has not run",
                      row->name, calls, result);
    }
}

static int check_all_rows(void)
{
    struct scene scene = {.semaphore = {.value = 1}, .barrier = {.parties = 1}};
    scene.queue = new_queue(0, sizeof(int));
    scene.ended = settled();
    scene.sockets = unix_sockets(SOCK_STREAM);
    scene.streams = new_pair();
    scene.file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    async_event_set(&scene.event);
    CHECK_EQ(async_condition_acquire(&scene.condition), 0);
    CHECK_EQ(send(scene.sockets.there, "x", 1, 0), 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_row(&scene, &rows[i]);
    async_condition_release(&scene.condition);
    async_queue_free(scene.queue);
    async_task_detach(scene.ended);
    close_both(scene.sockets);
    close_pair(scene.streams);
    close(scene.file);
    return 0;
}

REAL_LOOP_TEST(pace_every_call_that_need_not_wait_lets_others_run)
{
    return check_all_rows();
}

LOOP_TEST(pace_every_call_that_need_not_wait_lets_others_run_on_the_virtual_clock)
{
    return check_all_rows();
}

/* ---- select, which a timer must end --------------------------------------------------------- */

REAL_LOOP_TEST(pace_select_that_is_always_ready_lets_a_timer_end_it)
{
    struct sockets pair = unix_sockets(SOCK_STREAM);
    async_event stop = {0};
    if (strcmp(test_backend(), "sim") == 0)
        test_skip("its time stands still while a task runs");
    CHECK_EQ(send(pair.there, "x", 1, 0), 1);
    async_call_later(0.01, set_event_callback, &stop);
    while (async_select(async_on_readable(pair.here), async_on_event(&stop)) == 0)
        continue;
    close_both(pair);
    return 0;
}

/* Several cases are ready all the time, of every kind; each of them happens now and then. */
LOOP_TEST(pace_select_starves_no_case)
{
    enum { CASES = 5, MAX_COUNT = 200000 };
    struct sockets pair = unix_sockets(SOCK_STREAM);
    async_auto_queue *queue = new_queue(0, sizeof(int));
    async_semaphore semaphore = {.value = MAX_COUNT};
    async_event event = {0};
    int item = 0, happened[CASES] = {0}, missing = CASES;
    CHECK_EQ(send(pair.there, "x", 1, 0), 1);
    async_event_set(&event);
    for (int i = 0; i < MAX_COUNT && missing > 0; i++) {
        CHECK_EQ(async_queue_put_nowait(queue, &item), 0);
        int which = async_select(async_on_readable(pair.here), async_on_get(queue, &item),
                                 async_on_event(&event), async_on_semaphore(&semaphore),
                                 async_on_timeout(0));
        CHECK(which >= 0);
        missing -= happened[which]++ == 0;
    }
    CHECK_EQ(missing, 0);
    close_both(pair);
    return 0;
}
