/* planted.c: appends events to a timeline in memory. */
#include "timeline/planted.h"
#include "run/runner.h"
#include <string.h>

enum { MAX_EVENTS = 200000 };

void plant_begin(struct planted *planted)
{
    *planted = (struct planted){.now_ns = 0};
    planted->timeline.events = calloc(MAX_EVENTS, sizeof *planted->timeline.events);
    CHECK(planted->timeline.events != NULL);
    planted->timeline.tasks = planted->tasks;
    planted->timeline.waits = planted->waits;
    planted->tasks[0] = (struct timeline_task){.name = "", .function = "", .where = ""};
    planted->timeline.task_count = 1;
}

void plant_free(struct planted *planted)
{
    free(planted->timeline.events);
}

void plant_later(struct planted *planted, double ms)
{
    planted->now_ns += (uint64_t)(ms * 1e6);
    planted->timeline.length_ns = planted->now_ns;
}

void plant_event(struct planted *planted, enum event_kind kind, uint32_t task, uint8_t flags)
{
    CHECK(planted->timeline.event_count < MAX_EVENTS);
    planted->tasks[task].has_events = true;
    planted->timeline.events[planted->timeline.event_count++] = (struct timeline_event){
        .at_ns = planted->now_ns, .task = task, .kind = (uint8_t)kind, .flags = flags};
}

uint32_t plant_task(struct planted *planted, const char *function)
{
    uint32_t task = (uint32_t)planted->timeline.task_count++;
    CHECK(task < MAX_PLANTED_TASKS);
    planted->tasks[task] = (struct timeline_task){
        .id = task, .name = function, .function = function, .where = "planted.c:1"};
    plant_event(planted, EVENT_CREATE, task, 0);
    return task;
}

void plant_idle(struct planted *planted, const char *function, int count, uint32_t wait)
{
    for (int i = 0; i < count; i++) {
        uint32_t task = (uint32_t)planted->timeline.task_count++;
        CHECK(task < MAX_PLANTED_TASKS);
        planted->tasks[task] = (struct timeline_task){.id = task,
                                                      .name = function,
                                                      .function = function,
                                                      .where = "planted.c:2",
                                                      .is_live = true,
                                                      .wait = wait};
    }
}

static uint32_t find_wait(struct planted *planted, const char *call, uint64_t object)
{
    size_t i = 0;
    while (i < planted->timeline.wait_count &&
           (planted->waits[i].call != call || planted->waits[i].object != object))
        i++;
    CHECK(i < sizeof planted->waits / sizeof planted->waits[0]);
    planted->waits[i] = (struct timeline_wait){.call = call, .object = object};
    if (i == planted->timeline.wait_count)
        planted->timeline.wait_count++;
    return (uint32_t)i;
}

void plant_wait(struct planted *planted, uint32_t task, const char *call, uint64_t object)
{
    uint32_t wait = find_wait(planted, call, object);
    plant_event(planted, EVENT_WAIT, task, 0);
    planted->timeline.events[planted->timeline.event_count - 1].wait = wait;
}

void plant_turn(struct planted *planted, uint32_t task, double ms, const char *call,
                uint64_t object)
{
    plant_event(planted, EVENT_RUN, task, 0);
    plant_later(planted, ms);
    plant_wait(planted, task, call, object);
}

void plant_last_turn(struct planted *planted, uint32_t task, double ms)
{
    plant_event(planted, EVENT_RUN, task, 0);
    plant_later(planted, ms);
    plant_event(planted, EVENT_END, task, 0);
}

void plant_wakes(struct planted *planted, uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        plant_event(planted, EVENT_WAKE, first + i, 0);
}
