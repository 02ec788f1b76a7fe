/*
 * test_queue_model.c: thousands of random calls by several tasks on one queue, with random
 * cancellations and timeouts, beside a plain model of a queue: a few arrays, and no tasks. A queue
 * decides everything inside the calls made to it, so the model makes each decision at the same
 * moment, and each call must return exactly what the model predicts. That also covers conserved
 * items, order, and stranded tasks; the sum of items is checked anyway. Each game is played under
 * several orders of the ready queue.
 */
#include "run/runner.h"
#include "run/queues.h"

#include <stdlib.h>
#include <string.h>

enum { WORKERS = 8, STEPS = 120, MAX_ITEMS = WORKERS * STEPS };
enum kind { FIFO, LIFO, PRIORITY, KINDS };

/* ---- the model ------------------------------------------------------------------------------ */

enum { UNDECIDED = 1 };

/* A worker's call as the model sees it. */
struct call {
    int item;        /* the item to put, or the item that was got */
    int verdict;     /* the predicted result; UNDECIDED while it waits */
    double deadline; /* when it gives up waiting */
};

/* Calls that wait, the longest first. */
struct line {
    struct call *calls[WORKERS]; /* [0..count) */
    size_t count;                /* of them */
};

struct model {
    int items[MAX_ITEMS]; /* [0..count), the oldest first */
    size_t count;         /* that can be taken */
    size_t maxsize;       /* 0: any number */
    enum kind kind;       /* which queue it is a model of */
    struct line getters;  /* wait for an item */
    struct line putters;  /* wait for room */
    bool shut_down;       /* puts fail, and gets when it is empty */
};

static struct call *leave_line(struct line *line, size_t number)
{
    struct call *call = line->calls[number];
    line->count--;
    memmove(&line->calls[number], &line->calls[number + 1], (line->count - number) * sizeof call);
    return call;
}

static void wait_in_line(struct line *line, struct call *call)
{
    CHECK(line->count < WORKERS);
    line->calls[line->count++] = call;
    call->verdict = UNDECIDED;
}

/* Where the item is that comes out next. */
static size_t next_item(const struct model *model)
{
    size_t next = model->kind == LIFO ? model->count - 1 : 0;
    for (size_t i = 0; model->kind == PRIORITY && i < model->count; i++)
        next = model->items[i] < model->items[next] ? i : next;
    return next;
}

static int take_item(struct model *model)
{
    size_t number = next_item(model);
    int item = model->items[number];
    model->count--;
    memmove(&model->items[number], &model->items[number + 1],
            (model->count - number) * sizeof item);
    return item;
}

static void accept_item(struct model *model, int item)
{
    if (model->getters.count == 0) {
        model->items[model->count++] = item;
        return;
    }
    struct call *getter = leave_line(&model->getters, 0);
    getter->item = item;
    getter->verdict = 0;
}

static bool has_room(const struct model *model)
{
    return model->maxsize == 0 || model->count < model->maxsize;
}

/* The verdict is UNDECIDED if the call would have to wait. */
static void model_put_nowait(struct model *model, struct call *call)
{
    call->verdict = UNDECIDED;
    if (model->shut_down)
        call->verdict = -ESHUTDOWN;
    if (call->verdict != UNDECIDED || !has_room(model))
        return;
    accept_item(model, call->item);
    call->verdict = 0;
}

static void model_get_nowait(struct model *model, struct call *call)
{
    call->verdict = model->shut_down ? -ESHUTDOWN : UNDECIDED;
    if (model->count == 0)
        return;
    call->item = take_item(model);
    call->verdict = 0;
    while (has_room(model) && model->putters.count > 0) {
        struct call *putter = leave_line(&model->putters, 0);
        accept_item(model, putter->item);
        putter->verdict = 0;
    }
}

/* The call's time is up, or its task was cancelled: it leaves its line, if it is in one. */
static void model_give_up(struct model *model, struct call *call, int verdict)
{
    struct line *lines[] = {&model->getters, &model->putters};
    for (int i = 0; i < 2; i++)
        for (size_t number = 0; number < lines[i]->count; number++)
            if (lines[i]->calls[number] == call)
                leave_line(lines[i], number)->verdict = verdict;
}

/*
 * Time moves only when no task can run, so the first task that acts after that may do this for all.
 */
static void model_expire(struct model *model, struct line *line, double now)
{
    for (size_t i = line->count; i-- > 0;)
        if (line->calls[i]->deadline <= now)
            model_give_up(model, line->calls[i], -ETIMEDOUT);
}

static void model_shut_down(struct model *model)
{
    model->shut_down = true;
    while (model->getters.count > 0)
        leave_line(&model->getters, 0)->verdict = -ESHUTDOWN;
    while (model->putters.count > 0)
        leave_line(&model->putters, 0)->verdict = -ESHUTDOWN;
}

/* ---- the game ------------------------------------------------------------------------------- */

/* One queue, its model, and the tasks that use both. */
struct game {
    async_queue *queue;           /* the real one */
    struct model model;           /* the other */
    async_task *workers[WORKERS]; /* tasks */
    struct call calls[WORKERS];   /* the call that each task makes */
    unsigned short random[3];     /* nrand48's state */
    bool limits;                  /* waits have time limits */
    int working;                  /* workers that have not ended */
    int made;                     /* items, ever */
    long long put;                /* sum of the items that were put */
    long long got;                /* sum of the items that were got or dropped */
};

static int draw(struct game *game, int below)
{
    return (int)(nrand48(game->random) % below);
}

/* Unlike all others, and in no order. */
static int new_item(struct game *game)
{
    return (int)((unsigned)++game->made * 2654435761u >> 2);
}

static void expire(struct game *game)
{
    model_expire(&game->model, &game->model.getters, async_time());
    model_expire(&game->model, &game->model.putters, async_time());
}

/* After the call: is its result the model's, and does the queue equal the model? */
static void compare(struct game *game, bool is_put, const struct call *call, int result, int item)
{
    expire(game);
    bool gave_up = call->verdict == -ETIMEDOUT || call->verdict == -ECANCELED;
    int expected = gave_up && async_task_cancelling(async_current_task()) > 0 ? -ECANCELED
                                                                              : call->verdict;
    CHECK_EQ(result, expected);
    CHECK_EQ(async_queue_qsize(game->queue), game->model.count);
    CHECK_EQ(async_queue_full(game->queue), !has_room(&game->model));
    if (result == 0 && is_put)
        game->put += call->item;
    if (result == 0 && !is_put) {
        CHECK_EQ(item, call->item);
        game->got += item;
        async_queue_task_done(game->queue);
    }
}

static void play_nowait(struct game *game, bool is_put, struct call *call)
{
    int item = call->item;
    if (is_put)
        model_put_nowait(&game->model, call);
    else
        model_get_nowait(&game->model, call);
    if (call->verdict == UNDECIDED)
        call->verdict = -EAGAIN;
    int result = is_put ? async_queue_put_nowait(game->queue, &item)
                        : async_queue_get_nowait(game->queue, &item);
    compare(game, is_put, call, result, item);
}

/* Applies to the model a call that is about to be made and may wait, with this time limit. */
static void foresee(struct game *game, bool is_put, struct call *call, int limit)
{
    struct model *model = &game->model;
    call->deadline = game->limits ? async_time() + limit : 1e9;
    if (async_task_cancelling(async_current_task()) > 0 || call->deadline <= async_time()) {
        call->verdict = async_task_cancelling(async_current_task()) > 0 ? -ECANCELED : -ETIMEDOUT;
        return;
    }
    if (is_put)
        model_put_nowait(model, call);
    else
        model_get_nowait(model, call);
    if (call->verdict == UNDECIDED)
        wait_in_line(is_put ? &model->putters : &model->getters, call);
}

static void play_waiting(struct game *game, bool is_put, struct call *call)
{
    int item = call->item, limit = draw(game, 4), result;
    foresee(game, is_put, call, limit);
    if (!game->limits)
        result = is_put ? async_queue_put(game->queue, &item) : async_queue_get(game->queue, &item);
    else if (is_put)
        result = async_timeout(limit, async_queue_put(game->queue, &item));
    else
        result = async_timeout(limit, async_queue_get(game->queue, &item));
    compare(game, is_put, call, result, item);
}

/* Perhaps itself, and perhaps one that has ended. */
static void cancel_somebody(struct game *game)
{
    int victim = draw(game, WORKERS);
    if (async_task_cancel(game->workers[victim]))
        model_give_up(&game->model, &game->calls[victim], -ECANCELED);
}

static void play_step(struct game *game, struct call *call)
{
    bool is_put = draw(game, 2) == 0;
    expire(game);
    call->item = is_put ? new_item(game) : 0;
    switch (draw(game, 6)) {
    case 0:
        play_nowait(game, is_put, call);
        break;
    case 1:
        cancel_somebody(game);
        break;
    case 2:
        async_ignore(async_sleep(game->limits ? draw(game, 3) : 0));
        break;
    default:
        play_waiting(game, is_put, call);
    }
}

static int work(struct game *game, int number)
{
    for (int i = 0; i < STEPS; i++) {
        play_step(game, &game->calls[number]);
        if (draw(game, 4) != 0) /* else the next call is refused */
            while (async_task_cancelling(async_current_task()) > 0)
                async_task_uncancel(async_current_task());
    }
    game->working--;
    return 0;
}
async_fn(work, struct game *, int);

static void count_dropped(void *item, void *context)
{
    struct game *game = context;
    CHECK_EQ(*(const int *)item, take_item(&game->model));
    game->got += *(const int *)item;
}

/* All remaining tasks wait in a line of the model: without time limits nothing would wake them. */
static bool is_stuck(const struct game *game)
{
    return game->model.getters.count + game->model.putters.count == (size_t)game->working;
}

static int play(struct game *game)
{
    for (int i = 0; i < WORKERS; i++)
        game->workers[i] = async_create_task(work, game, i);
    game->working = WORKERS;
    while (game->working > WORKERS / 2 && (game->limits || !is_stuck(game)))
        CHECK_EQ(async_sleep(game->limits ? 1 : 0), 0);
    expire(game);
    async_queue_shutdown(game->queue, false);
    model_shut_down(&game->model);
    CHECK_EQ(async_gather_n(game->workers, WORKERS, NULL, ASYNC_FIRST_ERROR), 0);
    async_queue_shutdown(game->queue, true);
    CHECK_EQ(game->model.count, 0);
    CHECK_EQ(game->put, game->got);
    return async_timeout(1, async_queue_join(game->queue)); /* all was reported done */
}
async_fn(play, struct game *);

static async_queue *queue_of(enum kind kind, size_t maxsize)
{
    switch (kind) {
    case LIFO:
        return new_lifo_queue(maxsize, sizeof(int));
    case PRIORITY:
        return new_priority_queue(maxsize, sizeof(int), compare_ints);
    default:
        return new_queue(maxsize, sizeof(int));
    }
}

static void play_one(enum kind kind, size_t maxsize, unsigned short seed, async_run_options options)
{
    static struct game game;
    game = (struct game){.limits = options.virtual_clock,
                         .random = {seed, (unsigned short)maxsize, (unsigned short)kind}};
    game.model.kind = kind;
    game.model.maxsize = maxsize;
    game.queue = queue_of(kind, maxsize);
    async_queue_on_drop(game.queue, count_dropped, &game);
    CHECK_EQ(async_run_with(&options, play, &game), 0);
    async_queue_free(game.queue);
}

static void play_many(bool virtual_clock, unsigned short seeds)
{
    static const size_t maxsizes[] = {0, 1, 2, 5};
    async_run_options options = *test_options();
    options.virtual_clock = virtual_clock;
    for (enum kind kind = FIFO; kind < KINDS; kind++)
        for (size_t i = 0; i < sizeof maxsizes / sizeof maxsizes[0]; i++)
            for (unsigned short seed = 0; seed < seeds; seed++) {
                options.shuffle_seed = virtual_clock ? seed : 0; /* 0: first come first served */
                play_one(kind, maxsizes[i], seed, options);
            }
}

TEST_EACH_BACKEND(queue_behaves_as_its_model)
{
    play_many(true, 8);
}

/*
 * Without time limits, so that the result does not depend on the speed of this machine; the loop
 * polls less often.
 */
TEST_EACH_BACKEND(queue_behaves_as_its_model_on_the_real_clock)
{
    play_many(false, 4);
}
