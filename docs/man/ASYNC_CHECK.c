/*
 * ASYNC_CHECK.c: checks; a failure names the task and the values
 *
 * Pages: ASYNC_CHECK ASYNC_CHECK_EQ ASYNC_CHECK_STR ASYNC_MUST_SWITCH
 * ASYNC_MUST_NOT_SWITCH
 */
#include <asyncio/test.h>
#include <stdio.h>

ASYNC_TEST(event_wakes_the_task)
{
    char text[16];
    async_event event = {0};
    ASYNC_CHECK(!async_event_is_set(&event));
    ASYNC_CHECK_EQ(ASYNC_MUST_SWITCH(async_sleep(0)), 0);
    async_event_set(&event);
    ASYNC_CHECK_EQ(ASYNC_MUST_NOT_SWITCH(async_event_wait(&event)), 0);
    snprintf(text, sizeof text, "%g s", async_time());
    ASYNC_CHECK_STR(text, "0 s");
    return 0;
}

ASYNC_TEST_MAIN

/* Prints:
 * TAP version 13
 * 1..1
 * ok 1 - event_wakes_the_task
 */
