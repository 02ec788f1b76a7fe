/*
 * fake_queue.h: what a queue in Redis asks, answered by a task of the test (fake_redis.h), and one
 * use of all calls of such a queue; for tests that make something fail.
 */
#ifndef TEST_FAKE_QUEUE_H
#define TEST_FAKE_QUEUE_H

#include "redis/fake_redis.h"

/* Every read gives an item, every other command succeeds. */
int fake_answer_queue(async_stream *stream, const async_redis_reply *command);

/* Opens a queue, puts, takes, reports, and frees it. The first error. */
int fake_use_queue(async_redis *redis);

#endif
