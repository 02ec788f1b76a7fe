/* recorded.h: runs a loop with ASYNCIO_TRACE and reads its timeline, also as lines of text. */
#ifndef TEST_RECORDED_H
#define TEST_RECORDED_H

#include "timeline/decode.h"

/* The next loops are traced. */
void record_begin(void);

/* The bytes of the file, to be freed. */
char *record_bytes(size_t *size);

/* The timeline of the first loop since record_begin. */
void record_end(struct timeline *timeline);

/*
 * The events as text, to be freed: "0 create #1; 0 run #1; 1.5 wake #2 timer; …". Times are in
 * seconds. Tasks have their numbers, and their names where `named`.
 */
char *record_text(const struct timeline *timeline);

/* The task with an id. */
const struct timeline_task *recorded_task(const struct timeline *timeline, uint32_t id);

#endif
