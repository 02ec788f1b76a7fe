/*
 * test_error.c: how errors travel: ASYNC_TRY out of a function, a message from async_fail to every
 * awaiting task, async_strerror, and how long its texts stay valid.
 */
#include "run/coroutines.h"
#include "run/runner.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- ASYNC_TRY ------------------------------------------------------------------------------ */

static int try_calls(int first, long second, int *reached)
{
    int kept;
    ASYNC_TRY(kept = give(first));
    *reached = kept;
    ASYNC_TRY(second);
    *reached = -1;
    return 100;
}

TEST(try_goes_on_unless_the_call_failed)
{
    int reached = 0;
    CHECK_EQ(try_calls(7, LONG_MAX, &reached), 100);
    CHECK_EQ(reached, -1);
    CHECK_EQ(try_calls(7, -EPIPE, &reached), -EPIPE);
    CHECK_EQ(reached, 7);
    CHECK_EQ(try_calls(-EIO, 0, &reached), -EIO);
    CHECK_EQ(reached, 7);
    CHECK_EQ(try_calls(0, 0, &reached), 100);
}

static int count_calls(int *calls)
{
    ++*calls;
    return 0;
}

static int try_once(int *calls)
{
    if (calls != NULL)
        ASYNC_TRY(count_calls(calls));
    else
        return -1;
    return 0;
}

TEST(try_evaluates_its_call_once_and_is_one_statement)
{
    int calls = 0;
    CHECK_EQ(try_once(&calls), 0);
    CHECK_EQ(calls, 1);
    CHECK_EQ(try_once(NULL), -1);
    async_ignore(count_calls(&calls));
    CHECK_EQ(calls, 2);
}

/* ---- the meaning of a code ------------------------------------------------------------------- */

TEST(strerror_tells_the_meaning_of_a_code_without_a_loop)
{
    CHECK_STR(async_strerror(-ECONNREFUSED), "-ECONNREFUSED: Connection refused");
    CHECK_STR(async_strerror(-ECANCELED), "-ECANCELED: Operation canceled");
    CHECK(async_strerror(-99999)[0] != '\0' && async_strerror(INT_MIN)[0] != '\0');
    CHECK(async_strerror(0)[0] != '\0' && async_strerror(ECONNREFUSED)[0] != '\0');
}

LOOP_TEST(strerror_tells_the_meaning_of_a_code_in_a_task)
{
    CHECK_STR(async_strerror(-ENOMEM), "-ENOMEM: Cannot allocate memory");
    CHECK_STR(async_strerror(-99999), "-99999: unknown error");
    CHECK_STR(async_strerror(INT_MIN), "-2147483648: unknown error");
    CHECK_STR(async_strerror(0), "0: no error");
    CHECK_STR(async_strerror(EIO), "5: no error");
    return 0;
}

static void check_copy_is_the_same_text(int code)
{
    char copy[300];
    const char *text = async_strerror(code);
    CHECK_EQ(async_strerror_copy(code, copy, sizeof copy), strlen(text));
    CHECK_STR(copy, text);
}

static void check_copies(void)
{
    static const int codes[] = {-EIO, -ECANCELED, -99999, INT_MIN, 0, 5, INT_MAX};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        check_copy_is_the_same_text(codes[i]);
}

TEST(strerror_and_its_copy_are_the_same_text_without_a_loop)
{
    check_copies();
}

LOOP_TEST(strerror_and_its_copy_are_the_same_text_in_a_task)
{
    async_ignore(async_fail(-EIO, "what was said"));
    check_copies();
    async_ignore(async_fail(-99999, "what was said of a code without a name"));
    check_copies();
    return 0;
}

LOOP_TEST(strerror_copy_is_cut_off_and_ended_where_there_is_no_room)
{
    char text[12];
    async_ignore(async_fail(-EIO, "a longer story"));
    CHECK_EQ(async_strerror_copy(-EIO, text, sizeof text), strlen("-EIO: a longer story"));
    CHECK_STR(text, "-EIO: a lon");
    memset(text, 'x', sizeof text);
    CHECK_EQ(async_strerror_copy(-EIO, text, 1), strlen("-EIO: a longer story"));
    CHECK_STR(text, "");
    CHECK_EQ(async_strerror_copy(-EIO, NULL, 0), strlen("-EIO: a longer story"));
    return 0;
}

/* ---- messages ------------------------------------------------------------------------------- */

LOOP_TEST(fail_returns_the_code_and_keeps_the_message)
{
    char host[] = "10.0.0.1";
    CHECK_EQ(async_fail(-ECONNREFUSED, "connect to %s:%d", host, 80), -ECONNREFUSED);
    host[0] = 'X';
    CHECK_STR(async_strerror(-ECONNREFUSED), "-ECONNREFUSED: connect to 10.0.0.1:80");
    return 0;
}

LOOP_TEST(fail_belongs_to_its_code_and_the_last_one_counts)
{
    async_ignore(async_fail(-EIO, "first"));
    CHECK_STR(async_strerror(-EPIPE), "-EPIPE: Broken pipe");
    CHECK_STR(async_strerror(-EIO), "-EIO: first");
    async_ignore(async_fail(-EIO, "second"));
    CHECK_STR(async_strerror(-EIO), "-EIO: second");
    async_ignore(async_fail(-EPIPE, "third"));
    CHECK_STR(async_strerror(-EIO), "-EIO: Input/output error");
    CHECK_STR(async_strerror(-EPIPE), "-EPIPE: third");
    return 0;
}

LOOP_TEST(fail_keeps_255_bytes)
{
    char long_text[400] = "", expected[400] = "-EIO: ";
    memset(long_text, 'a', 399);
    memset(expected + 6, 'a', 255);
    async_ignore(async_fail(-EIO, "%s", long_text));
    CHECK_STR(async_strerror(-EIO), expected);
    return 0;
}

TEST(fail_outside_a_loop_returns_the_code)
{
    CHECK_EQ(async_fail(-EIO, "lost"), -EIO);
    CHECK_STR(async_strerror(-EIO), "-EIO: Input/output error");
}

static void fail_in_callback(void *result)
{
    *(int *)result = async_fail(-EIO, "lost");
    CHECK_STR(async_strerror(-EIO), "-EIO: Input/output error");
}

LOOP_TEST(fail_in_a_callback_returns_the_code_and_touches_no_task)
{
    int result = 0;
    async_ignore(async_fail(-EIO, "mine"));
    async_call_soon(fail_in_callback, &result);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(result, -EIO);
    CHECK_STR(async_strerror(-EIO), "-EIO: mine");
    return 0;
}

/* ---- propagation ----------------------------------------------------------------------------- */

static int fail_with(int code, const char *message)
{
    return async_fail(code, "%s", message);
}
async_fn(fail_with, int, const char *);

static int await_and_pass_on(int code, const char *message)
{
    return async_await(async_create_task(fail_with, code, message));
}
async_fn(await_and_pass_on, int, const char *);

LOOP_TEST(error_messages_travel_with_the_error_through_every_await)
{
    CHECK_EQ(async_await(async_create_task(await_and_pass_on, -EIO, "from afar")), -EIO);
    CHECK_STR(async_strerror(-EIO), "-EIO: from afar");
    return 0;
}

LOOP_TEST(error_messages_reach_every_awaiting_task)
{
    async_task *task = async_create_task(fail_with, -EIO, "said once");
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(async_await(i < 2 ? async_task_ref(task) : task), -EIO);
        CHECK_STR(async_strerror(-EIO), "-EIO: said once");
        async_ignore(async_fail(-EIO, "something else"));
    }
    return 0;
}

LOOP_TEST(error_messages_come_with_task_result_too)
{
    async_task *task = async_create_task(fail_with, -EIO, "looked at");
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_task_result(task), -EIO);
    CHECK_STR(async_strerror(-EIO), "-EIO: looked at");
    async_ignore(async_fail(-EIO, "something else"));
    CHECK_EQ(async_await(task), -EIO);
    CHECK_STR(async_strerror(-EIO), "-EIO: looked at");
    return 0;
}

static int say_but_return(int said, int returned)
{
    async_ignore(async_fail(said, "about something else"));
    return returned;
}
async_fn(say_but_return, int, int);

LOOP_TEST(error_messages_of_another_error_are_not_passed_on)
{
    CHECK_EQ(async_await(async_create_task(say_but_return, -EIO, -EPIPE)), -EPIPE);
    CHECK_STR(async_strerror(-EPIPE), "-EPIPE: Broken pipe");
    CHECK_STR(async_strerror(-EIO), "-EIO: Input/output error");
    CHECK_EQ(async_await(async_create_task(say_but_return, -EIO, 0)), 0);
    CHECK_STR(async_strerror(-EIO), "-EIO: Input/output error");
    return 0;
}

LOOP_TEST(error_message_stays_when_another_error_comes_without_one)
{
    async_ignore(async_fail(-EIO, "mine"));
    CHECK_EQ(async_await(async_create_task(give, 0)), 0);
    CHECK_EQ(async_await(async_create_task(give, -EPIPE)), -EPIPE);
    CHECK_STR(async_strerror(-EIO), "-EIO: mine");
    return 0;
}

/* Otherwise an old message would be shown with a new error. */
LOOP_TEST(error_message_goes_when_the_same_error_comes_without_one)
{
    async_ignore(async_fail(-EIO, "an old story"));
    CHECK_EQ(async_await(async_create_task(give, -EIO)), -EIO);
    CHECK_STR(async_strerror(-EIO), "-EIO: Input/output error");
    return 0;
}

/* ---- lifetime of texts ----------------------------------------------------------------------- */

LOOP_TEST(strerror_texts_live_as_long_as_the_loop)
{
    static const char *texts[500];
    char expected[64];
    for (int i = 0; i < 500; i++) {
        async_ignore(async_fail(-EIO, "story number %d", i));
        texts[i] = async_strerror(-EIO);
    }
    for (int i = 0; i < 500; i++) {
        snprintf(expected, sizeof expected, "-EIO: story number %d", i);
        CHECK_STR(texts[i], expected);
    }
    return 0;
}

LOOP_TEST(strerror_stores_equal_texts_once)
{
    async_ignore(async_fail(-EIO, "again"));
    const char *text = async_strerror(-EIO);
    async_ignore(async_fail(-EIO, "in between"));
    CHECK(async_strerror(-EIO) != text);
    async_ignore(async_fail(-EIO, "again"));
    CHECK(async_strerror(-EIO) == text);
    return 0;
}

/* 5,000 texts of some 250 bytes are more than the mebibyte that a loop keeps. */
LOOP_TEST(strerror_gives_the_plain_meaning_when_a_mebibyte_is_full)
{
    static const char *texts[5000];
    char copy[300];
    int kept = 0;
    for (int i = 0; i < 5000; i++) {
        async_ignore(async_fail(-EIO, "%0240d", i));
        texts[i] = async_strerror(-EIO);
        kept += strcmp(texts[i], "-EIO: Input/output error") != 0;
    }
    CHECK(kept > 3500 && kept < 4300);
    for (int i = 0; i < kept; i++)
        CHECK(strtol(texts[i] + strlen("-EIO: "), NULL, 10) == i);
    CHECK_STR(texts[4999], "-EIO: Input/output error");
    async_strerror_copy(-EIO, copy, sizeof copy);
    CHECK(strlen(copy) == strlen("-EIO: ") + 240);
    return 0;
}

static void count_cleanup(int **count)
{
    ++**count;
}

static int leave_by_try(int *cleanups, int result)
{
    ASYNC_CLEANUP(count_cleanup) int *counted = cleanups;
    ASYNC_TRY(result);
    CHECK(counted == cleanups);
    return 1;
}

TEST(cleanup_is_called_on_every_way_out_of_a_block)
{
    int cleanups = 0;
    CHECK_EQ(leave_by_try(&cleanups, -EIO), -EIO);
    CHECK_EQ(cleanups, 1);
    CHECK_EQ(leave_by_try(&cleanups, 0), 1);
    CHECK_EQ(cleanups, 2);
}

/* ---- names and texts of errors -------------------------------------------------------------- */

const char *strerrorname_np(int error) __attribute__((weak)); /* not in every libc */

/* Errors whose text is the library's own. */
static const int own_texts[] = {
    EINTR,   EBADF,    EAGAIN,    ENOMEM,    EBUSY,    EEXIST,       ENFILE,        EDOM,
    ERANGE,  EDEADLK,  ENOSYS,    EOVERFLOW, ENOTSOCK, EAFNOSUPPORT, EADDRNOTAVAIL, ECONNABORTED,
    EISCONN, ENOTCONN, ESHUTDOWN, ETIMEDOUT, EALREADY, EINPROGRESS,  EKEYREJECTED,  ECANCELED};

static bool has_own_text(int error)
{
    for (size_t i = 0; i < sizeof own_texts / sizeof *own_texts; i++)
        if (own_texts[i] == error)
            return true;
    return false;
}

TEST(error_of_the_system_has_its_name_and_text)
{
    enum { HIGHEST = 4095 };
    int named = 0;
    if (strerrorname_np == NULL)
        test_skip("this libc does not tell the names of errors");
    for (int error = 1; error <= HIGHEST; error++) {
        const char *name = strerrorname_np(error);
        char expected[160];
        if (name == NULL)
            continue;
        named++;
        snprintf(expected, sizeof expected, "-%s: %s", name, strerror(error));
        if (has_own_text(error))
            expected[strlen(name) + 3] = 0;
        CHECK(strncmp(async_strerror(-error), expected, strlen(expected)) == 0);
        if (!has_own_text(error))
            CHECK_STR(async_strerror(-error), expected);
    }
    CHECK(named > 120);
}

LOOP_TEST(fail_errno_ends_with_the_system_s_text)
{
    char longest[600];
    CHECK_EQ(async_fail_errno(-ENOENT, "open %s", "x"), -ENOENT);
    CHECK_STR(async_strerror(-ENOENT), "-ENOENT: open x: No such file or directory");
    CHECK_EQ(async_fail_errno(-EXDEV, "rename"), -EXDEV);
    /* glibc's text, also with another libc */
    CHECK_STR(async_strerror(-EXDEV), "-EXDEV: rename: Invalid cross-device link");
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = 0;
    CHECK_EQ(async_fail_errno(-EACCES, "%s", longest), -EACCES);
    const char *text = async_strerror(-EACCES);
    CHECK_EQ(strlen(text), strlen("-EACCES: ") + 255);
    CHECK_STR(strrchr(text, ':'), ": Permission denied");
    CHECK_EQ(async_fail_errno(7, "no error"), 7);
    CHECK_EQ(async_fail_errno(INT_MIN, "no error"), INT_MIN);
    CHECK_STR(async_strerror(-EACCES), text);
    return 0;
}

TEST(fail_errno_outside_a_task_returns_the_code)
{
    CHECK_EQ(async_fail_errno(-ENOENT, "open %s", "x"), -ENOENT);
    CHECK_STR(async_strerror(-ENOENT), "-ENOENT: No such file or directory");
}

LOOP_TEST(failure_without_a_message_is_not_shown_with_an_older_one)
{
    char byte;
    CHECK_EQ(async_fail(-EBADF, "an older failure"), -EBADF);
    CHECK_EQ(async_recv(-1, &byte, 1, 0), -EBADF);
    CHECK_STR(async_strerror(-EBADF), "-EBADF: Bad file descriptor");
    CHECK_EQ(async_fail(-EBADF, "an older failure"), -EBADF);
    CHECK_EQ(async_send(-1, "", 1, 0), -EBADF);
    CHECK_STR(async_strerror(-EBADF), "-EBADF: Bad file descriptor");
    return 0;
}

LOOP_TEST(wrong_argument_is_named_by_its_error)
{
    CHECK_EQ(async_send(0, NULL, 1, 0), -EINVAL);
    CHECK_STR(async_strerror(-EINVAL), "-EINVAL: async_send: data is NULL");
    CHECK_EQ(async_sleep(NAN), -EINVAL);
    CHECK_STR(async_strerror(-EINVAL), "-EINVAL: async_sleep: seconds is not a number");
    return 0;
}
