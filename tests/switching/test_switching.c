/*
 * test_switching.c: cancels every switching call at every moment. A cell is one row of the table
 * (switching.h) at one moment: up to three tasks make the call, a script of the moment acts on the
 * second of them, and then the result of each is compared with the rules, and units are counted:
 * nothing is lost, no task hangs, and every call returns once. It must not know what calls mean.
 */
#include "sys/tools.h"
#include "switching.h"
#include "run/queues.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double FIRST_TICK =
    1e-4;           /* short: while the kernel is asked, virtual time passes in real time */
static double tick; /* longer with each few attempts, for machines that are slow */
enum { INSTANT = 4, LONG = 100, MARGIN = 10 }; /* in ticks */
enum { ROUNDS = 20000, ATTEMPTS = 20, ATTEMPTS_OF_ONE_TICK = 4 };

/* How the call is made. */
enum manner {
    PLAIN,
    AGAIN,           /* when it is refused, the task answers all requests and calls once more */
    NO_TIME,         /* under a limit of nothing */
    LIMIT,           /* that runs out at the instant of the scene */
    TWO_LIMITS,      /* two limits that run out together */
    LONG_LIMIT,      /* which is long enough */
    LIMIT_BURNT,     /* the same on the real clock, which is read before each turn */
    SHIELD,          /* requests and limits from outside are held off */
    LIMIT_IN_SHIELD, /* limits from outside are held off, one inside works */
};

/*
 * The events, step by step. Before the bar: when the callers are created and have not begun. After
 * it: when they wait, if they do; a dot is one turn of the loop.
 *
 *     c t h   cancel, from a callback, from another task, from another thread
 *     i       the task cancels itself before it calls
 *     s       supply one unit; of timed calls: wait until just before the call is due
 *     @ &     wait for the instant: set before everything else; set now, after everything else
 *     e       the main task returns, and the loop ends
 *     b       burn real time, until the limit has passed
 *
 * The result of the call, for each kind in the order of enum switching_kind: 0 success, C
 * -ECANCELED, T -ETIMEDOUT, ? one of these, - the moment does not exist for this kind.
 */
struct moment {
    const char *script;   /* the steps */
    const char *expected; /* the results */
    enum manner manner;
    const char *name;
};

static const struct moment moments[] = {
    {"|s", "00000000?0", PLAIN, "never cancelled"},
    {"c|s", "CCCCC0CCCC", PLAIN, "before its first step"},
    {"cc|s", "CCCCC0CCCC", PLAIN, "before its first step, twice"},
    {"i|s", "CCCCC0CCCC", PLAIN, "by itself, before it calls"},
    {"|c.s", "CCCCC000?C", PLAIN, "while it waits"},
    {"|t..s", "CCCCC000?C", PLAIN, "while it waits, by another task"},
    {"|h..s", "CCCCC000?C", PLAIN, "while it waits, by another thread"},
    {"|cc.s", "CCCCC000?C", PLAIN, "while it waits, twice in a turn"},
    {"|c.c.s", "CCCCC000?C", PLAIN, "while it waits, twice"},
    {"|cs", "CC?CC000?C", PLAIN, "cancelled, then satisfied in the same turn"},
    {"|sc", "00?00000?C", PLAIN, "satisfied, then cancelled in the same turn"},
    {"|csc", "CC?CC000?C", PLAIN, "cancelled, satisfied and cancelled in one turn"},
    {"|scc", "00?00000?C", PLAIN, "satisfied, then cancelled twice in the same turn"},
    {"|s.c", "00000000?0", PLAIN, "satisfied, and cancelled a turn later"},
    {"|s..c", "00000000?0", PLAIN, "satisfied, and cancelled two turns later"},
    {"|sc.c.c", "00?00000?C", PLAIN, "satisfied, and cancelled turn after turn"},
    {"|s....c", "00000000?0", PLAIN, "after it has returned"},
    {"|c.....s", "00000000?0", AGAIN, "cancelled, answered and called again"},
    {"|cc.....s", "00000000?0", AGAIN, "cancelled twice, answered and called again"},
    {"c|.....s", "00000000?0", AGAIN, "before its first step, answered and called again"},
    {"|c.....c.s", "CCCCC000?C", AGAIN, "called again and cancelled again"},
    {"|c.....cs", "CC?CC000?C", AGAIN,
     "called again and cancelled again, then satisfied in the same turn"},
    {"|c.....sc", "00?00000?C", AGAIN,
     "called again and satisfied, then cancelled in the same turn"},
    {"|e", "CCCCC000?C", PLAIN, "at the end of the loop"},
    {"|se", "00000000?0", PLAIN, "at the end of the loop, satisfied in the same turn"},
    {"|ce", "CCCCC000?C", PLAIN, "at the end of the loop, cancelled in the same turn"},
    {"|e.s", "0C?0C000?C", PLAIN, "at the end of the loop, satisfied by the last callback"},
    {"|s", "00000000?0", LONG_LIMIT, "under a limit that is long enough"},
    {"|c.s", "CCCCC000?C", LONG_LIMIT, "while it waits under a limit that is long enough"},
    {"|sb", "0-00-0--?-", LIMIT_BURNT, "satisfied, when its limit runs out before it runs"},
    {"|s", "TTTTT0TTTT", NO_TIME, "under a limit of nothing"},
    {"c|s", "CCCCC0CCCC", NO_TIME, "before its first step, under a limit of nothing"},
    {"|@.s", "TTTT0000?T", LIMIT, "when its limit runs out"},
    {"|@s", "TT?T0000?T", LIMIT, "when its limit runs out, satisfied by what was set before"},
    {"|&s", "TT?T0000?T", LIMIT, "when its limit runs out, satisfied by what was set later"},
    {"|@c.s", "CCCC0000?C", LIMIT, "when its limit runs out, cancelled by what was set before"},
    {"|&c.s", "TT?C0000?C", LIMIT, "when its limit runs out, cancelled by what was set later"},
    {"|@.s", "TTTT0000?T", TWO_LIMITS, "when two limits run out"},
    {"|@c.s", "CCCC0000?C", TWO_LIMITS, "when two limits run out, cancelled in the same turn"},
    {"|c.s", "00000000?0", SHIELD, "under a shield"},
    {"c|s", "00000000?0", SHIELD, "under a shield, before its first step"},
    {"|se", "00000000?0", SHIELD, "under a shield, at the end of the loop"},
    {"c|@.s", "TTTT0000?T", LIMIT_IN_SHIELD, "when a limit inside a shield runs out"},
};
enum { MOMENTS = sizeof moments / sizeof *moments, MAX_LATE_TURNS = 100 };

static void fail(const struct scene *scene, const char *problem)
{
    test_fail(__FILE__, __LINE__, "%s (%s), %s, %s: %s", scene->row->call, scene->row->about,
              scene->moment->name, scene->caller_count > 1 ? "between two others" : "alone",
              problem);
}

static bool is_real(const struct scene *scene)
{
    return scene->moment->manner == LIMIT_BURNT;
}

/*
 * On the real clock a moment may not come about, so a rule counts as broken there only if it is
 * broken each time.
 */
static void demand(struct scene *scene, bool condition, const char *problem)
{
    if (!condition && is_real(scene) && scene->attempts_left > 0)
        scene->late = true;
    else if (!condition)
        fail(scene, problem);
}

/* ---- the callers ---------------------------------------------------------------------------- */

static double limit_of(enum manner manner)
{
    if (manner == NO_TIME)
        return 0;
    return (manner == LONG_LIMIT || manner == LIMIT_BURNT ? LONG : INSTANT) * tick;
}

static int call_in_manner(enum manner manner, struct caller *caller)
{
    int (*make)(struct caller *) = caller->scene->row->make;
    double limit = limit_of(manner);
    switch (manner) {
    case PLAIN:
    case AGAIN:
        break;
    case NO_TIME:
    case LIMIT:
    case LONG_LIMIT:
    case LIMIT_BURNT:
        return async_timeout(limit, make(caller));
    case TWO_LIMITS:
        return async_timeout(limit, async_timeout(limit, make(caller)));
    case SHIELD:
        return async_no_cancel(make(caller));
    case LIMIT_IN_SHIELD:
        return async_no_cancel(async_timeout(limit, make(caller)));
    }
    return make(caller);
}

static void call_once(struct caller *caller)
{
    struct scene *scene = caller->scene;
    caller->number = ++scene->calls;
    caller->called_at = async_time();
    caller->returned = false;
    caller->result = call_in_manner(caller == scene->subject ? scene->moment->manner : PLAIN,
                                    caller);
    caller->returned = true;
    demand(scene, caller->running == 0,
           "the call returned before the tasks that it joins had ended");
}

/* The next call is refused by a pending request, and is not ended by a wake-up for the last one. */
static void check_next_calls(struct scene *scene)
{
    int expected = async_task_cancelling(async_current_task()) > 0 ? -ECANCELED : 0;
    demand(scene, async_sleep(0) == expected,
           "the next call is refused without a pending request, or not refused with one");
    double until = async_time() + tick;
    int result = async_no_cancel(async_sleep(tick));
    bool in_time = is_real(scene) ? async_time() >= until : fabs(async_time() - until) < tick / 100;
    demand(scene, result == 0 && in_time, "a later call was woken by an event of this one");
    demand(scene, !scene->cut_off || async_task_cancelling(async_current_task()) > 0,
           "the task was left at the end and was not cancelled");
}

static int be_caller(struct caller *caller)
{
    struct scene *scene = caller->scene;
    bool is_subject = caller == scene->subject;
    if (is_subject && scene->moment->script[0] == 'i')
        async_task_cancel(async_current_task());
    call_once(caller);
    if (is_subject && scene->moment->manner == AGAIN && caller->result == -ECANCELED) {
        while (async_task_uncancel(async_current_task()) > 0)
            continue;
        call_once(caller);
    }
    check_next_calls(scene);
    caller->ended = true;
    return 0;
}
async_fn(be_caller, struct caller *);

/* ---- the script ----------------------------------------------------------------------------- */

static void cancel_subject(void *argument)
{
    struct scene *scene = argument;
    bool asked = async_task_cancel(scene->subject->task);
    demand(scene, asked || scene->subject->ended,
           "a task that had not ended could not be cancelled");
}

static int cancel_from_task(void *scene)
{
    cancel_subject(scene);
    return 0;
}

static void *cancel_from_thread(void *loop_and_scene)
{
    void **pair = loop_and_scene;
    CHECK_EQ(async_call_soon_threadsafe(pair[0], cancel_subject, pair[1]), 0);
    return NULL;
}

static void send_thread(struct scene *scene)
{
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, cancel_from_thread, (void *[]){async_get_loop(), scene}),
             0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

static bool is_timed(const struct scene *scene)
{
    return scene->row->kind == SLEEPS || scene->row->kind == JOINS_SLEEPER;
}

/* Not before that: the limit was set a moment after the clock was read. */
static double limit_passes(const struct scene *scene)
{
    return scene->subject->called_at + limit_of(scene->moment->manner);
}

/*
 * Supplies the subject, and the callers that may be served before it. The kernel may serve several
 * receives on a socket in its own order (io_uring: the last one first), and once a limit has run
 * out no unit comes in time any more.
 */
static void supply(struct scene *scene)
{
    const struct caller *subject = scene->subject;
    bool in_order_of_calls = scene->row->in_order || !is_real(scene);
    scene->late |= is_real(scene) && async_time() >= limit_passes(scene);
    for (int i = 0; i < scene->caller_count && scene->row->supply != NULL; i++) {
        const struct caller *caller = &scene->callers[i];
        bool is_before = !in_order_of_calls || caller->number < subject->number;
        if (caller == subject || (!caller->returned && is_before))
            scene->row->supply(scene);
    }
}

static void burn(const struct scene *scene)
{
    while (async_time() <= limit_passes(scene) + MARGIN * tick)
        continue;
}

static void go_on(void *scene);

/* False if that has come already. */
static bool wait_for_instant(struct scene *scene)
{
    scene->awaits_instant = async_time() < scene->instant;
    return scene->awaits_instant;
}

static void instant_has_come(void *argument)
{
    struct scene *scene = argument;
    scene->at_instant = (async_handle){0};
    if (scene->awaits_instant)
        go_on(scene);
}

static void end_play(struct scene *scene)
{
    CHECK_EQ(async_queue_put_nowait(scene->over, &(int){0}), 0);
}

/* Takes one step; true: the script pauses until go_on is called. */
static bool take_step(struct scene *scene, char step)
{
    switch (step) {
    case 'c':
        cancel_subject(scene);
        return false;
    case 't':
        async_task_detach(async_create_task_ptr(cancel_from_task, scene));
        return false;
    case 'h':
        send_thread(scene);
        return false;
    case 's':
        supply(scene);
        return is_timed(scene) && wait_for_instant(scene);
    case '.':
        CHECK(async_call_soon(go_on, scene).id != 0);
        return true;
    case '@':
        return wait_for_instant(scene);
    case '&':
        CHECK(async_call_at(scene->instant, go_on, scene).id != 0);
        return true;
    case 'e':
        scene->cut_off = true;
        end_play(scene);
        return false;
    case 'b':
        burn(scene);
        return false;
    }
    return false;
}

/* ---- after the script ------------------------------------------------------------------------ */

static bool all_have(struct scene *scene, bool ended)
{
    for (int i = 0; i < scene->caller_count; i++)
        if (!(ended ? scene->callers[i].ended : scene->callers[i].returned))
            return false;
    return true;
}

/* Checks again and again whether all have ended. */
static void await_all(void *argument)
{
    struct scene *scene = argument;
    if (all_have(scene, true)) {
        end_play(scene);
        return;
    }
    demand(scene, ++scene->rounds < ROUNDS, "a task does not end although it was supplied");
    CHECK(async_call_later(tick, await_all, scene).id != 0);
}

/* Nothing is pending any more: every caller that waits has a reason to, and is supplied now. */
static void satisfy_all(void *argument)
{
    struct scene *scene = argument;
    const struct switching_call *row = scene->row;
    bool nothing_left = row->left == NULL || row->left(scene) == 0;
    demand(scene, !row->in_line || nothing_left || all_have(scene, false),
           "a unit is left while a task waits for one");
    for (int i = 0; i < scene->caller_count && row->supply != NULL; i++)
        if (!scene->callers[i].returned)
            row->supply(scene);
    await_all(scene);
}

static void go_on(void *argument)
{
    struct scene *scene = argument;
    while (*scene->step != '\0')
        if (take_step(scene, *scene->step++))
            return;
    if (!scene->cut_off)
        CHECK(async_call_later(tick, satisfy_all, scene).id != 0);
}

/* ---- checking the results -------------------------------------------------------------------- */

static char outcome(struct scene *scene, const struct caller *caller)
{
    if (caller->result == scene->row->gives)
        return '0';
    return caller->result == -ECANCELED ? 'C' : caller->result == -ETIMEDOUT ? 'T' : '!';
}

/* The result that the rules demand for the caller. */
static char expected_of(struct scene *scene, const struct caller *caller)
{
    if (caller != scene->subject)
        return scene->cut_off ? '?' : '0';
    char expected = scene->moment->expected[scene->row->kind];
    bool limit_claims_it = is_real(scene) && scene->row->gives < 0;
    return scene->late || limit_claims_it ? '?' : expected;
}

static void check_outcomes(struct scene *scene)
{
    for (int i = 0; i < scene->caller_count; i++) {
        const struct caller *caller = &scene->callers[i];
        char expected = expected_of(scene, caller), found = outcome(scene, caller), problem[80];
        snprintf(problem, sizeof problem, "number %d got %d; the rules say %c", i + 1,
                 caller->result, expected);
        demand(scene, caller->ended, "a task did not come to its end");
        demand(scene, found == expected || (expected == '?' && found != '!'), problem);
    }
}

/* Of two that were served, the one that called first got the unit that was supplied first. */
static void check_pair(struct scene *scene, const struct caller *a, const struct caller *b)
{
    bool both = outcome(scene, a) == '0' && outcome(scene, b) == '0';
    demand(scene, !both || (a->number < b->number) == (a->value < b->value),
           "a later call was served first");
}

static void check_order(struct scene *scene)
{
    for (int i = 1; i < scene->caller_count && scene->row->in_order; i++)
        for (int j = 0; j < i; j++)
            check_pair(scene, &scene->callers[i], &scene->callers[j]);
    for (int i = 1; i < scene->handed_count; i++)
        demand(scene, scene->handed[i - 1] < scene->handed[i],
               "what was handed over came out of order");
}

static void check_conserved(struct scene *scene)
{
    int left = scene->row->left != NULL ? scene->row->left(scene) : scene->supplied - scene->taken;
    char problem[80];
    snprintf(problem, sizeof problem, "%d supplied, %d taken, %d left", scene->supplied,
             scene->taken, left);
    demand(scene, scene->supplied == scene->taken + left, problem);
}

/* Once more on a live loop: the object is usable again, and no timer is left. */
static int check_usable(struct scene *scene)
{
    if (scene->row->check != NULL)
        scene->row->check(scene);
    return 0;
}
async_fn(check_usable, struct scene *);

/* ---- a cell --------------------------------------------------------------------------------- */

static void make_callers(struct scene *scene)
{
    for (int i = 0; i < scene->caller_count; i++) {
        struct caller *caller = &scene->callers[i];
        caller->task = async_create_task(be_caller, caller);
        CHECK(caller->task != NULL);
    }
}

static bool is_something_left(void)
{
    return async_loop_timeout(async_get_loop()) != INFINITY;
}

static int play(struct scene *scene)
{
    int ended;
    if (scene->row->prepare != NULL)
        scene->row->prepare(scene);
    scene->instant = async_time() + INSTANT * tick;
    scene->at_instant = async_call_at(scene->instant, instant_has_come, scene);
    CHECK(scene->at_instant.id != 0);
    if (scene->row->set != NULL)
        scene->row->set(scene);
    make_callers(scene);
    while (*scene->step++ != '|')
        take_step(scene, scene->step[-1] == 'i' ? '\0' : scene->step[-1]);
    if (is_real(scene))
        CHECK(async_call_later(tick, go_on, scene).id != 0); /* turns are in no fixed order there */
    else
        CHECK(async_call_soon(go_on, scene).id != 0);
    CHECK_EQ(async_queue_get(scene->over, &ended), 0);
    async_handle_cancel(scene->at_instant);
    if (scene->cut_off)
        return 0;
    for (int i = 0; i < scene->caller_count; i++)
        CHECK_EQ(async_await(scene->callers[i].task), 0);
    for (int turn = 0; turn < MAX_LATE_TURNS && scene->row->kind == DEPENDS && is_something_left();
         turn++)
        CHECK_EQ(async_sleep(0),
                 0); /* a thread may answer at any moment, though no task waits for it any more */
    demand(scene, !is_something_left(), "a timer or a ready task is left");
    check_conserved(scene);
    return check_usable(scene);
}
async_fn(play, struct scene *);

static void strike(struct scene *scene)
{
    async_queue_free(scene->queue);
    async_queue_free(scene->over);
    for (int i = 0; i < 2; i++)
        if (scene->ends[i] >= 0)
            close(scene->ends[i]);
}

/* False if it did not come about, because the machine was too slow for it. */
static bool play_cell(const struct switching_call *row, const struct moment *moment,
                      int caller_count, int attempts_left)
{
    async_run_options options = *test_options();
    struct scene scene = {.row = row, .moment = moment, .step = moment->script, .ends = {-1, -1}};
    scene.caller_count = caller_count;
    scene.attempts_left = attempts_left;
    for (int i = 0; i < caller_count; i++)
        scene.callers[i] = (struct caller){.scene = &scene, .place = i};
    scene.subject = &scene.callers[caller_count / 2];
    scene.over = new_queue(0, sizeof(int));
    if (moment->manner == LIMIT_BURNT) {
        options.virtual_clock = false;
        options.shuffle_seed = 1;
    }
    printf("    %s, %s\n", moment->name, caller_count > 1 ? "between two others" : "alone");
    CHECK_EQ(async_run_with(&options, play, &scene), 0);
    if (scene.cut_off) {
        check_conserved(&scene);
        CHECK_EQ(async_run_with(test_options(), check_usable, &scene), 0);
    }
    check_outcomes(&scene);
    check_order(&scene);
    strike(&scene);
    return !scene.late;
}

static void play_until_it_comes_about(const struct switching_call *row, const struct moment *moment,
                                      int caller_count)
{
    for (int attempts_left = ATTEMPTS; attempts_left-- > 0;) {
        tick = FIRST_TICK * (1 << (ATTEMPTS - 1 - attempts_left) / ATTEMPTS_OF_ONE_TICK);
        if (play_cell(row, moment, caller_count, attempts_left))
            return;
    }
}

/*
 * Virtual time stands still while time is burnt; sim has no real clock, and under valgrind real
 * time runs too fast.
 */
static bool can_be_had(const struct switching_call *row, const struct moment *moment)
{
    const char *only = getenv("MOMENT");
    bool is_sim = test_backend() != NULL && strcmp(test_backend(), "sim") == 0;
    bool no_real_time = is_sim || tools_under_valgrind();
    return moment->expected[row->kind] != '-' && !(moment->manner == LIMIT_BURNT && no_real_time) &&
           (only == NULL || strcmp(only, moment->name) == 0);
}

void cancel_everywhere(const struct switching_call *row)
{
    int cells = 0;
    setvbuf(stdout, NULL, _IOLBF, 0); /* if this process dies, its last line names the cell */
    for (int i = 0; i < MOMENTS; i++) {
        if (!can_be_had(row, &moments[i]))
            continue;
        play_until_it_comes_about(row, &moments[i], 1);
        play_until_it_comes_about(row, &moments[i], MAX_CALLERS);
        cells += 2;
    }
    printf("%s (%s): %d cells, 0 lost\n", row->call, row->about, cells);
}

/* ---- the table in numbers ------------------------------------------------------------------- */

static const struct switching_call *rows;

void switching_register(struct switching_call *row)
{
    row->next = rows;
    rows = row;
}

static int count_cells(const struct switching_call *row)
{
    int cells = 0;
    for (int i = 0; i < MOMENTS; i++)
        cells += can_be_had(row, &moments[i]) ? 2 : 0;
    return cells;
}

TEST(cancel_everywhere_in_numbers)
{
    int row_count = 0, cells = 0;
    bool used[KINDS] = {false};
    for (const struct switching_call *row = rows; row != NULL; row = row->next) {
        row_count++;
        cells += count_cells(row);
        used[row->kind] = true;
    }
    for (int i = 0; i < MOMENTS; i++)
        CHECK_EQ(strlen(moments[i].expected), KINDS);
    for (int i = 0; i < KINDS; i++)
        CHECK(used[i]);
    printf("%d ways to call x %d moments, alone and between others: %d cells on each backend\n",
           row_count, (int)MOMENTS, cells);
}
