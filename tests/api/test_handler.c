/*
 * test_handler.c: the exception handler, which gets errors that were never retrieved; debug mode
 * switched on and off during a run; and the limit for slow callbacks.
 */
#include "run/coroutines.h"
#include "run/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char words[] = "the words that it was given"; /* the handler's context */

static void note_error(async_loop *loop, const async_exception_context *error, void *context)
{
    CHECK(loop == async_get_loop() && context == words && async_current_task() == NULL);
    note("%s:%d", error->task != NULL ? async_task_name(error->task) : "-", error->code);
    CHECK(error->task == NULL || async_task_result(error->task) == error->code);
    CHECK(strstr(error->message, error->task != NULL ? "its result was never retrieved" : "own") !=
          NULL);
}

static void hear(void)
{
    async_loop_set_exception_handler(async_get_loop(), note_error, (void *)(uintptr_t)words);
}

LOOP_TEST(handler_gets_an_error_that_was_never_retrieved)
{
    hear();
    async_task_detach(async_create_task(give, -EPROTO));
    async_task_detach(async_create_task(give, -ECANCELED));
    async_task_detach(async_create_task(give, 7));
    CHECK_EQ(async_sleep(0), 0);
    CHECK_TRACE("give:-71");
    async_task *task = async_create_task(give, -EPROTO);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_TRACE("");
    async_task_detach(task);
    CHECK_TRACE("give:-71");
    CHECK_EQ(async_await(async_create_task(give, -EPROTO)), -EPROTO);
    CHECK_TRACE("");
    return 0;
}

static int fail_later(void)
{
    async_ignore(async_sleep(1));
    return -EPROTO;
}
async_fn(fail_later);

static int leave_failing(void)
{
    hear();
    async_task_detach(async_create_task(fail_later));
    async_task *kept = async_create_task(give, -EIO);
    async_ignore(async_sleep(0));
    return kept != NULL;
}
async_fn(leave_failing);

TEST_EACH_BACKEND(handler_gets_errors_at_the_end_of_the_loop)
{
    CHECK_EQ(async_run_with(test_options(), leave_failing), 1);
    CHECK_TRACE("fail_later:-71 give:-5");
}

LOOP_TEST(handler_gets_errors_that_the_program_reports)
{
    hear();
    async_loop_call_exception_handler(
        async_get_loop(), &(async_exception_context){.message = "my own", .code = -EIO});
    CHECK_TRACE("-:-5");
    async_loop_call_exception_handler(NULL, NULL);
    async_loop_set_exception_handler(NULL, NULL, NULL);
    return 0;
}

static void create_another(async_loop *loop, const async_exception_context *error, void *context)
{
    (void)loop;
    (void)error;
    if (async_all_tasks(NULL, 0) > 0)
        *(async_task **)context = async_create_task(give, 3);
}

LOOP_TEST(handler_may_create_a_task)
{
    async_task *task = NULL;
    async_loop_set_exception_handler(async_get_loop(), create_another, &task);
    async_task_detach(async_create_task(give, -EPROTO));
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_await(task), 3);
    return 0;
}

static int fail_by_default(void)
{
    hear();
    async_loop_set_exception_handler(async_get_loop(), NULL, NULL);
    async_task_detach(async_create_task(give, -EPROTO));
    ASYNC_TRY(async_sleep(0));
    async_loop_call_exception_handler(async_get_loop(),
                                      &(async_exception_context){.message = "my own"});
    return async_fail(-EIO, "on purpose");
}
async_fn(fail_by_default);

DEATH_TEST(
    handler_by_default_is_standard_error,
    "asyncio: task #2 'give'|failed and its result was never retrieved: -EPROTO|asyncio: my own\n|"
    "asyncio: fail_by_default failed: -EIO: on purpose")
{
    exit(async_main(fail_by_default));
}

static void say_what_main_did(async_loop *loop, const async_exception_context *error, void *context)
{
    (void)loop;
    fprintf(stderr, "%s heard that %s, %d, %s\n", (const char *)context, error->message,
            error->code, async_task_name(error->task));
}

static int fail_with_handler(void)
{
    async_loop_set_exception_handler(async_get_loop(), say_what_main_did, (void *)"the handler");
    return -EIO;
}
async_fn(fail_with_handler);

DEATH_TEST(handler_gets_the_error_of_the_main_task,
           "the handler heard that fail_with_handler failed: -EIO: "
           "Input/output error, -5, fail_with_handler")
{
    exit(async_main(fail_with_handler));
}

static void wait_in_handler(async_loop *loop, const async_exception_context *error, void *context)
{
    (void)loop;
    (void)error;
    (void)context;
    async_ignore(async_sleep(1));
}

static int misuse_handler(void)
{
    async_loop_set_exception_handler(async_get_loop(), wait_in_handler, NULL);
    async_task_detach(async_create_task(give, -EPROTO));
    return async_sleep(0);
}
async_fn(misuse_handler);

DEATH_TEST(handler_cannot_wait, "async_sleep was called in a callback")
{
    async_run(misuse_handler);
}

static void keep_in_handler(async_loop *loop, const async_exception_context *error, void *context)
{
    (void)loop;
    *(async_task **)context = async_task_ref(error->task);
}

static int keep_a_lent_task(void)
{
    static async_task *kept;
    async_loop_set_exception_handler(async_get_loop(), keep_in_handler, &kept);
    async_task_detach(async_create_task(give, -EPROTO));
    return async_sleep(0);
}
async_fn(keep_a_lent_task);

DEATH_TEST(handler_cannot_keep_the_task, "kept or released the task that it only borrows")
{
    async_run(keep_a_lent_task);
}

/* ---- debug mode ----------------------------------------------------------------------------- */

LOOP_TEST(handler_debug_mode_can_be_switched)
{
    async_loop *loop = async_get_loop();
    bool before = async_loop_get_debug(loop);
    for (int i = 0; i < 3; i++) {
        async_loop_set_debug(loop, i % 2 == 0);
        CHECK(async_loop_get_debug(loop) == (i % 2 == 0));
        CHECK_EQ(async_await(async_create_task(give_after, 1, 7)), 7);
    }
    async_loop_set_debug(loop, before);
    async_loop_set_debug(NULL, true);
    CHECK(!async_loop_get_debug(NULL));
    CHECK_EQ(async_loop_set_slow_callback_duration(loop, NAN), -EINVAL);
    CHECK_EQ(async_loop_set_slow_callback_duration(NULL, 1), -EINVAL);
    return 0;
}

/* Whatever takes time at all is slow then. */
static int be_slow(void)
{
    async_loop_set_debug(async_get_loop(), true);
    CHECK_EQ(async_loop_set_slow_callback_duration(async_get_loop(), 0), 0);
    ASYNC_TRY(async_sleep(1e-6)); /* a turn is timed from its beginning */
    return async_sleep(1e-6);
}
async_fn(be_slow);

DEATH_TEST(handler_slow_callback_duration_decides_what_is_slow, "'be_slow'|held the loop for")
{
    async_run(be_slow);
    exit(1);
}
