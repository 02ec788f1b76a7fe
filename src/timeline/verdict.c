/*
 * timeline/verdict.c: says which function or which object has done the most harm.
 */
#include "timeline/verdict.h"
#include "base/text.h"
#include "timeline/tally.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PERCENT = 100 };

/* ---- words ----------------------------------------------------------------------------------- */

struct duration_text asyncp_duration_text(uint64_t ns)
{
    struct duration_text shown;
    double value = (double)ns;
    if (ns >= 999500000)
        snprintf(shown.text, sizeof shown.text, "%.3g s", value / 1e9);
    else if (ns >= 999500)
        snprintf(shown.text, sizeof shown.text, "%.3g ms", value / 1e6);
    else
        snprintf(shown.text, sizeof shown.text, "%.3g \302\265s", value / 1e3);
    if (ns >= UINT64_C(1000000000000))
        snprintf(shown.text, sizeof shown.text, "%.0f s", value / 1e9);
    return shown;
}

/* A name with a place, such as "fetch (main.c:12)". */
struct site_text {
    char text[160];
};

static struct site_text task_text(const struct timeline_task *task)
{
    struct site_text shown;
    if (task->id == 0)
        snprintf(shown.text, sizeof shown.text, "a callback");
    else if (*task->function == 0)
        snprintf(shown.text, sizeof shown.text, "task #%" PRIu32, task->id);
    else
        snprintf(shown.text, sizeof shown.text, "%.*s (%.*s)", asyncp_text_fit(task->function, 60),
                 task->function, asyncp_text_fit(task->where, 80), task->where);
    return shown;
}

static struct site_text site_text(const struct tally *tally, const struct site *site)
{
    return task_text(&tally->timeline->tasks[site->example]);
}

/* ---- findings -------------------------------------------------------------------------------- */

/* The place of the next sentence, or NULL if enough is said. */
static char *next_sentence(struct verdict *verdict, enum finding finding)
{
    if (verdict->count == MAX_FINDINGS)
        return NULL;
    verdict->findings[verdict->count] = finding;
    return verdict->sentences[verdict->count++];
}

static uint64_t percent_of(uint64_t part, uint64_t whole)
{
    return whole > 0 ? (uint64_t)((double)part * PERCENT / (double)whole) : 0;
}

/*
 * The record may have been written because of this turn. At exit() it may be the whole program. A
 * core does not tell how long it was.
 */
static void find_unfinished(struct verdict *verdict, const struct tally *tally)
{
    const struct timeline *timeline = tally->timeline;
    const struct span *turn = &tally->last_turn;
    const struct timeline_task *task = &timeline->tasks[turn->task];
    const bool is_core = timeline->end == TIMELINE_CRASHED;
    uint64_t length_ns = turn->to_ns - turn->from_ns;
    if (turn->state != SPAN_RUNS || turn->to_event != timeline->event_count ||
        timeline->end == TIMELINE_CLOSED || timeline->end == TIMELINE_EXITED ||
        (!is_core && length_ns < (uint64_t)VERDICT_HOLD_US * NS_PER_US))
        return;
    char number[24] = "", how_long[80] = "ran when the core was written";
    char *sentence = next_sentence(verdict, FINDING_UNFINISHED);
    if (task->id != 0)
        snprintf(number, sizeof number, ": task #%" PRIu32, task->id);
    if (!is_core)
        snprintf(how_long, sizeof how_long, "still ran at the end of the record, for %s",
                 asyncp_duration_text(length_ns).text);
    if (sentence != NULL)
        snprintf(sentence, MAX_SENTENCE_BYTES, "%s %s, from %s on%s", task_text(task).text,
                 how_long, asyncp_duration_text(turn->from_ns).text, number);
}

/* Of the tasks that waited at a moment, the first ones. */
struct stuck_list {
    const struct tally *tally;
    struct span when;
    char since[80];
    unsigned count;
    char text[256];
};

static void see_stuck(void *context, const struct span *span)
{
    enum { SHOWN = 3 };
    struct stuck_list *list = context;
    const struct timeline *timeline = list->tally->timeline;
    const struct timeline_task *task = &timeline->tasks[span->task];
    bool covers = span->from_event <= list->when.from_event &&
                  span->to_event >= list->when.to_event;
    if (span->state != SPAN_WAITS || !covers || ++list->count > SHOWN)
        return;
    size_t length = strlen(list->text);
    const char *call = span->wait != SPAN_UNKNOWN ? timeline->waits[span->wait].call : "a call";
    snprintf(list->text + length, sizeof list->text - length, "%s#%" PRIu32 " %.*s in %.*s",
             length > 0 ? ", " : "", task->id, asyncp_text_fit(task->name, 30), task->name,
             asyncp_text_fit(call, 30), call);
}

/* Whether nothing could wake a task: then when, and in words. */
static bool find_standstill(struct stuck_list *list)
{
    const struct tally *tally = list->tally;
    const struct timeline *timeline = tally->timeline;
    uint64_t length_ns = tally->stuck.to_ns - tally->stuck.from_ns;
    if (timeline->end == TIMELINE_DEADLOCK) {
        list->when = (struct span){.from_event = timeline->event_count,
                                   .to_event = timeline->event_count};
        snprintf(list->since, sizeof list->since, "nothing can wake a task any more");
    } else if (length_ns >= (uint64_t)VERDICT_STUCK_US * NS_PER_US) {
        list->when = tally->stuck;
        snprintf(list->since, sizeof list->since, "for %s nothing could wake a task",
                 asyncp_duration_text(length_ns).text);
    } else if (tally->deadlock.state == SPAN_SLEEPS) {
        list->when = tally->deadlock;
        snprintf(list->since, sizeof list->since,
                 "at the reported deadlock nothing could wake a task");
    }
    return list->since[0] != 0;
}

static int find_stuck(struct verdict *verdict, const struct tally *tally)
{
    struct stuck_list list = {.tally = tally};
    if (!find_standstill(&list))
        return 0;
    int result = asyncp_replay(tally->timeline, see_stuck, &list);
    char *sentence = result < 0 || list.count == 0 ? NULL : next_sentence(verdict, FINDING_STUCK);
    if (sentence != NULL)
        snprintf(sentence, MAX_SENTENCE_BYTES, "%s (no timer, no operation, no job): %u %s, %s%s",
                 list.since, list.count, list.count == 1 ? "task waited" : "tasks waited",
                 list.text, list.count > 3 ? ", \342\200\246" : "");
    return result;
}

/* Where the turns begin by which other tasks have lost most time; NULL: below the thresholds. */
static const struct site *worst_hold(const struct tally *tally)
{
    const struct site *worst = NULL;
    for (uint32_t i = 0; i < tally->sites.count; i++) {
        const struct site *site = asyncp_site_at(tally, i);
        if (worst == NULL || site->lost_ns > worst->lost_ns)
            worst = site;
    }
    if (worst == NULL || worst->lost_ns < (uint64_t)VERDICT_LOST_US * NS_PER_US ||
        percent_of(worst->lost_ns, tally->timeline->length_ns) < VERDICT_SHARE_PERCENT)
        return NULL;
    return worst;
}

/* Debug mode has written the record after a long turn. */
static void find_reported(struct verdict *verdict, const struct tally *tally)
{
    const struct span *turn = &tally->last_turn;
    if (tally->timeline->end != TIMELINE_STALL || turn->state != SPAN_RUNS)
        return;
    uint64_t length_ns = turn->to_ns - turn->from_ns;
    const struct site *site = asyncp_site_at(tally, tally->site_of[turn->task]);
    if (length_ns < (uint64_t)VERDICT_HOLD_US * NS_PER_US || site == worst_hold(tally))
        return;
    char others[64] = "and no other task was ready";
    if (turn->ready > 0)
        snprintf(others, sizeof others, "while %" PRIu32 " other task%s ready", turn->ready,
                 turn->ready == 1 ? " was" : "s were");
    char *sentence = next_sentence(verdict, FINDING_REPORTED);
    if (sentence != NULL)
        snprintf(sentence, MAX_SENTENCE_BYTES,
                 "%s held the loop for %s at the end of the record, %s",
                 site_text(tally, site).text, asyncp_duration_text(length_ns).text, others);
}

static void find_hold(struct verdict *verdict, const struct tally *tally)
{
    const struct site *worst = worst_hold(tally);
    char *sentence = worst != NULL ? next_sentence(verdict, FINDING_HOLD) : NULL;
    if (sentence == NULL)
        return;
    int length = snprintf(sentence, MAX_SENTENCE_BYTES, "%s held the loop for %s",
                          site_text(tally, worst).text,
                          asyncp_duration_text(worst->longest_ns).text);
    if (worst->hold_count > 1)
        length += snprintf(sentence + length, (size_t)(MAX_SENTENCE_BYTES - length),
                           " at the longest, for %s in %" PRIu64 " turns",
                           asyncp_duration_text(worst->hold_ns).text, worst->hold_count);
    char ready[48] = "", late[48] = "";
    if (worst->most_ready > 0)
        snprintf(ready, sizeof ready, "%" PRIu32 " other %s ready", worst->most_ready,
                 worst->most_ready == 1 ? "task was" : "tasks were");
    if (worst->most_late > 0)
        snprintf(late, sizeof late, "%" PRIu32 "%s became ready", worst->most_late,
                 *ready != 0             ? ""
                 : worst->most_late == 1 ? " other task"
                                         : " other tasks");
    snprintf(sentence + length, (size_t)(MAX_SENTENCE_BYTES - length),
             "; meanwhile up to %s%s%s: %s%s lost together", ready,
             *ready != 0 && *late != 0 ? " and up to " : "", late, *late != 0 ? "about " : "",
             asyncp_duration_text(worst->lost_ns).text);
}

static bool is_saturated(const struct tally *tally)
{
    const struct timeline *timeline = tally->timeline;
    return timeline->length_ns >= (uint64_t)VERDICT_BUSY_US * NS_PER_US &&
           percent_of(tally->run_ns, timeline->length_ns) >= VERDICT_BUSY_PERCENT &&
           tally->ready_ns >= timeline->length_ns / 2;
}

static void find_saturation(struct verdict *verdict, const struct tally *tally)
{
    const struct site *most = asyncp_site_at(tally, 0);
    if (!is_saturated(tally))
        return;
    char *sentence = next_sentence(verdict, FINDING_SATURATION);
    for (uint32_t i = 1; i < tally->sites.count; i++)
        if (asyncp_site_at(tally, i)->run_ns > most->run_ns)
            most = asyncp_site_at(tally, i);
    if (sentence != NULL)
        snprintf(sentence, MAX_SENTENCE_BYTES,
                 "the loop was busy for %" PRIu64 " %% of the time; %s took %" PRIu64 " %% of it",
                 percent_of(tally->run_ns, tally->timeline->length_ns), site_text(tally, most).text,
                 percent_of(most->run_ns, tally->run_ns));
}

static void find_crowd(struct verdict *verdict, const struct tally *tally)
{
    const struct timeline *timeline = tally->timeline;
    const struct site *most = asyncp_site_at(tally, 0);
    for (uint32_t i = 1; i < tally->sites.count; i++)
        if (asyncp_site_at(tally, i)->ready_ns > most->ready_ns)
            most = asyncp_site_at(tally, i);
    if (timeline->length_ns < (uint64_t)VERDICT_BUSY_US * NS_PER_US ||
        tally->longest_ns >= (uint64_t)VERDICT_HOLD_US * NS_PER_US ||
        tally->ready_ns / VERDICT_CROWD_TASKS < timeline->length_ns)
        return;
    char *sentence = next_sentence(verdict, FINDING_CROWD);
    if (sentence != NULL)
        snprintf(sentence, MAX_SENTENCE_BYTES,
                 "%" PRIu32 " tasks of %s waited %s each for their turns, and no turn was longer "
                 "than %s: the loop is full, not blocked",
                 most->task_count, site_text(tally, most).text,
                 asyncp_duration_text(most->ready_ns / most->task_count).text,
                 asyncp_duration_text(tally->longest_ns).text);
}

static void find_contention(struct verdict *verdict, const struct tally *tally)
{
    const struct timeline *timeline = tally->timeline;
    const struct contention *worst = &tally->contentions[0];
    for (size_t i = 1; i < timeline->wait_count; i++)
        if (tally->contentions[i].total_ns > worst->total_ns)
            worst = &tally->contentions[i];
    if (worst->total_ns < (uint64_t)VERDICT_LOST_US * NS_PER_US ||
        worst->most_waiters < VERDICT_WAITERS ||
        percent_of(worst->total_ns, timeline->length_ns) < VERDICT_CONTENTION_PERCENT)
        return;
    char *sentence = next_sentence(verdict, FINDING_CONTENTION);
    const struct timeline_wait *wait = &timeline->waits[worst - tally->contentions];
    if (sentence == NULL)
        return;
    int length = snprintf(sentence, MAX_SENTENCE_BYTES,
                          "up to %" PRIu32 " tasks at once waited in %.*s on 0x%" PRIx64
                          ", %s in all",
                          worst->most_waiters, asyncp_text_fit(wait->call, 40), wait->call,
                          wait->object, asyncp_duration_text(worst->total_ns).text);
    if (worst->votes > 0 && worst->waker != NO_SITE)
        snprintf(sentence + length, (size_t)(MAX_SENTENCE_BYTES - length),
                 "; mostly %s let them go on",
                 site_text(tally, asyncp_site_at(tally, worst->waker)).text);
}

/* The time at the end in which only one task of its kind is left. */
static uint64_t time_alone(const struct site *site)
{
    return site->ended >= VERDICT_SIBLINGS && site->ended == site->task_count
               ? site->last_end_ns - site->previous_end_ns
               : 0;
}

/* Whether tasks of other functions have ended, or have run for long, while one was left. */
static bool others_go_on(const struct tally *tally, const struct site *site)
{
    const struct timeline *timeline = tally->timeline;
    uint64_t begin_ns = 0, others_ns = 0;
    for (size_t i = 0; i < timeline->event_count; i++) {
        const struct timeline_event *event = &timeline->events[i];
        if (event->at_ns < site->previous_end_ns || event->at_ns >= site->last_end_ns)
            continue;
        const bool is_other = asyncp_site_at(tally, tally->site_of[event->task]) != site;
        if (event->kind == EVENT_END && is_other)
            return true;
        if (event->kind == EVENT_RUN)
            begin_ns = event->at_ns;
        else if (begin_ns > 0 && event->kind != EVENT_WAKE && event->kind != EVENT_CREATE)
            others_ns += is_other && event->kind != EVENT_SLEEP ? event->at_ns - begin_ns : 0;
    }
    return percent_of(others_ns, time_alone(site)) >= VERDICT_OTHERS_PERCENT;
}

static void find_last(struct verdict *verdict, const struct tally *tally)
{
    const struct timeline *timeline = tally->timeline;
    const struct site *worst = asyncp_site_at(tally, 0);
    for (uint32_t i = 1; i < tally->sites.count; i++)
        if (time_alone(asyncp_site_at(tally, i)) > time_alone(worst))
            worst = asyncp_site_at(tally, i);
    uint64_t life_ns = worst->last_end_ns - worst->last_begin_ns;
    bool ends_with_it = timeline->length_ns - worst->last_end_ns <= timeline->length_ns / 10;
    if (time_alone(worst) < (uint64_t)VERDICT_LOST_US * NS_PER_US || !ends_with_it ||
        percent_of(time_alone(worst), timeline->length_ns) < VERDICT_LAST_PERCENT ||
        life_ns < 2 * worst->other_ns || others_go_on(tally, worst))
        return;
    char *sentence = next_sentence(verdict, FINDING_LAST);
    if (sentence != NULL)
        snprintf(sentence, MAX_SENTENCE_BYTES,
                 "the last %s of %s were for one task: #%" PRIu32 " of %s took %s, the %" PRIu32
                 " others at most %s",
                 asyncp_duration_text(time_alone(worst)).text,
                 asyncp_duration_text(timeline->length_ns).text, timeline->tasks[worst->last].id,
                 site_text(tally, worst).text, asyncp_duration_text(life_ns).text, worst->ended - 1,
                 asyncp_duration_text(worst->other_ns).text);
}

static void say_nothing_stands_out(struct verdict *verdict, const struct tally *tally)
{
    const struct timeline *timeline = tally->timeline;
    snprintf(verdict->sentences[0], MAX_SENTENCE_BYTES,
             "nothing stands out: the loop was busy for %" PRIu64
             " %% of the time, the longest turn took %s",
             percent_of(tally->run_ns, timeline->length_ns),
             asyncp_duration_text(tally->longest_ns).text);
}

static int find_all(struct verdict *verdict, const struct tally *tally)
{
    find_unfinished(verdict, tally);
    int result = find_stuck(verdict, tally);
    find_reported(verdict, tally);
    find_hold(verdict, tally);
    find_saturation(verdict, tally);
    find_crowd(verdict, tally);
    find_contention(verdict, tally);
    find_last(verdict, tally);
    if (verdict->count == 0)
        say_nothing_stands_out(verdict, tally);
    return result;
}

int asyncp_verdict_make(struct verdict *verdict, const struct timeline *timeline)
{
    struct tally tally;
    *verdict = (struct verdict){.count = 0};
    int result = asyncp_tally_make(&tally, timeline);
    if (result == 0)
        result = find_all(verdict, &tally);
    asyncp_tally_free(&tally);
    return result;
}
