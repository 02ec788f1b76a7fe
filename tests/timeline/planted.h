/*
 * planted.h: timelines made by hand, event by event. Tasks are created at once; the clock is moved
 * by plant_at.
 */
#ifndef TEST_PLANTED_H
#define TEST_PLANTED_H

#include "timeline/decode.h"

enum { MAX_PLANTED_TASKS = 512 };

struct planted {
    struct timeline timeline;
    struct timeline_task tasks[MAX_PLANTED_TASKS];
    struct timeline_wait waits[64];
    uint64_t now_ns;
};

void plant_begin(struct planted *planted);
void plant_free(struct planted *planted);

/* Moves the clock forward. */
void plant_later(struct planted *planted, double ms);

/* The task: created now, and ready. */
uint32_t plant_task(struct planted *planted, const char *function);

/* Live tasks without an event, in the wait with this index + 1; 0: they have not begun. */
void plant_idle(struct planted *planted, const char *function, int count, uint32_t wait);

void plant_event(struct planted *planted, enum event_kind kind, uint32_t task, uint8_t flags);
void plant_wait(struct planted *planted, uint32_t task, const char *call, uint64_t object);

/* A turn of the task, which ends in a wait. */
void plant_turn(struct planted *planted, uint32_t task, double ms, const char *call,
                uint64_t object);

/* A turn with which it ends. */
void plant_last_turn(struct planted *planted, uint32_t task, double ms);

/* The tasks are woken by the loop. */
void plant_wakes(struct planted *planted, uint32_t first, uint32_t count);

#endif
