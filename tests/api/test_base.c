/*
 * test_base.c: base.h, except for errors: the version, ASYNC_TRY_GOTO, the misuse handler, and
 * options structs with fields from a later version.
 */
#include "run/coroutines.h"
#include "run/runner.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

TEST(version_of_the_library_is_that_of_the_headers)
{
    char text[40];
    snprintf(text, sizeof text, "%d.%d.%d", ASYNC_VERSION_MAJOR, ASYNC_VERSION_MINOR,
             ASYNC_VERSION_PATCH);
    CHECK_STR(async_version(), text);
}

/* ---- ASYNC_TRY_GOTO -------------------------------------------------------------------------- */

static int cleaned;

static int try_both(int first, int second)
{
    int result = 0;
    ASYNC_TRY_GOTO(result, out, give(first));
    ASYNC_TRY_GOTO(result, out, give(second));
    result += 100;
out:
    cleaned++;
    return result;
}

TEST(try_goto_keeps_the_value_and_goes_to_the_label_with_an_error)
{
    CHECK_EQ(try_both(1, 2), 102);
    CHECK_EQ(try_both(1, -EIO), -EIO);
    CHECK_EQ(try_both(-ENOENT, -EIO), -ENOENT);
    CHECK_EQ(cleaned, 3);
}

/* ---- misuse ---------------------------------------------------------------------------------- */

static void note(const char *message, void *context)
{
    fprintf(stderr, "handler of %s: %s\n", (const char *)context, message);
}

DEATH_TEST(misuse_handler_gets_the_message_without_its_newline,
           "handler of this program: async_lock_release: the lock is not held")
{
    async_set_misuse_handler(note, "this program");
    async_lock_release(&(async_lock){0});
}

static void leave(const char *message, void *context)
{
    (void)message, (void)context;
    _exit(0);
}

static void misuse_again(const char *message, void *context)
{
    (void)message, (void)context;
    async_semaphore_release(&(async_semaphore){.value = 1, .bound = 1});
}

DEATH_TEST(misuse_in_the_handler_ends_the_program, "async_semaphore_release")
{
    async_set_misuse_handler(misuse_again, NULL);
    async_lock_release(&(async_lock){0});
}

DEATH_TEST(misuse_handler_can_be_removed,
           "async_lock_release: the lock is not held; it was released already, or never acquired")
{
    async_set_misuse_handler(leave, NULL);
    async_set_misuse_handler(NULL, NULL);
    async_lock_release(&(async_lock){0});
}

/* ---- options --------------------------------------------------------------------------------- */

#define FIELDS_OF_ANOTHER_VERSION                                                                  \
    {                                                                                              \
        .asyncp_reserved = { 0, 1 }                                                                \
    }
#define THAT_IS_SAID "have fields that this library does not know"

DEATH_TEST(options_of_a_task_with_unknown_fields,
           "async_create_task_with: the options " THAT_IS_SAID)
{
    const async_task_options options = FIELDS_OF_ANOTHER_VERSION;
    async_ignore(async_run(give, async_create_task_with(&options, give, 1) != NULL));
}

DEATH_TEST(options_of_a_run_with_unknown_fields, "async_run_options: the options " THAT_IS_SAID)
{
    const async_run_options options = FIELDS_OF_ANOTHER_VERSION;
    async_ignore(async_run_with(&options, give, 1));
}

static int use_options(int call)
{
    const async_server_options server = FIELDS_OF_ANOTHER_VERSION;
    const async_connection_options connection = FIELDS_OF_ANOTHER_VERSION;
    const async_group_options group = FIELDS_OF_ANOTHER_VERSION;
    async_task_group children;
    async_server *served;
    async_stream *stream;
    async_serve *serve = (async_serve *)(void (*)(void))give;
    switch (call) {
    case 0:
        return async_start_server(&served, serve, NULL, NULL, 0, &server);
    case 1:
        return async_start_unix_server(&served, serve, NULL, "@x", &server);
    case 2:
        return async_start_server_fd(&served, serve, NULL, STDIN_FILENO, &server);
    case 3:
        return async_open_connection(&stream, NULL, 1, &connection);
    case 4:
        return async_open_unix_connection(&stream, "@x", &connection);
    default:
        asyncp_group_begin(&children, &group);
        return 0;
    }
}
async_fn(use_options, int);

#define OPTIONS_DEATH_TEST(name, number, call)                                                     \
    DEATH_TEST(name, call ": the options " THAT_IS_SAID)                                           \
    {                                                                                              \
        async_ignore(async_run(use_options, number));                                              \
    }
OPTIONS_DEATH_TEST(options_of_a_server_with_unknown_fields, 0, "async_start_server")
OPTIONS_DEATH_TEST(options_of_a_unix_server_with_unknown_fields, 1, "async_start_unix_server")
OPTIONS_DEATH_TEST(options_of_a_server_fd_with_unknown_fields, 2, "async_start_server_fd")
OPTIONS_DEATH_TEST(options_of_a_connection_with_unknown_fields, 3, "async_open_connection")
OPTIONS_DEATH_TEST(options_of_a_unix_connection_with_unknown_fields, 4,
                   "async_open_unix_connection")
OPTIONS_DEATH_TEST(options_of_a_group_with_unknown_fields, 5, "ASYNC_TASK_GROUP_WITH")
