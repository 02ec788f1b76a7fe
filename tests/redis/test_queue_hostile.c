/*
 * test_queue_hostile.c: a queue in Redis against a server that replies with anything. Calls then
 * fail or wait, the client goes on, and no number in a reply is trusted.
 */
#include "redis/fake_queue.h"
#include <asyncio/redis_queue.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static struct fake_redis fake;

/*
 * The command that gets the replies below, each in the case of its index. The name of a case's
 * queue tells the server which it is; for a command without a name it is `the_case`.
 */
static const char *victim;
static int the_case;
static int opens_left[100]; /* of each case: queues until the replies become wrong */

#define ENTRY(id, tries)                                                                           \
    "*2\r\n" id "*6\r\n$1\r\nn\r\n" tries "$1\r\nt\r\n$3\r\n4/0\r\n$1\r\nb\r\n$4\r\nabcd\r\n"
#define SOME_ID            "$3\r\n1-1\r\n"
#define ONCE               "$1\r\n1\r\n"
#define LARGEST            "9223372036854775807"

#define ENTRIES(id, tries) "*1\r\n*2\r\n$10\r\n{jobs00}:s\r\n*1\r\n" ENTRY(id, tries)

static char long_list[16384], long_name[1024];

static const char *const replies[] = {
    /* of another type */
    ":1\r\n",
    ":-1\r\n",
    ":" LARGEST "\r\n",
    "_\r\n",
    "$-1\r\n",
    "$0\r\n\r\n",
    "+OK\r\n",
    "#t\r\n",
    ",inf\r\n",
    ",nan\r\n",
    "(123456789012345678901234567890\r\n",
    "*0\r\n",
    "*-1\r\n",
    "%0\r\n",
    "%1\r\n$10\r\n{jobs00}:s\r\n:3\r\n",
    "*1\r\n*1\r\n*1\r\n*1\r\n_\r\n",
    /* errors */
    "-NOSCRIPT none\r\n",
    "-NOGROUP none\r\n",
    "-ERR no\r\n",
    "-OOM none\r\n",
    "-LOADING wait\r\n",
    /* entries: without fields, with fields that are no texts, with an id that is none */
    "*1\r\n*2\r\n$10\r\n{jobs00}:s\r\n*1\r\n*1\r\n$3\r\n1-1\r\n",
    "*1\r\n*2\r\n$10\r\n{jobs00}:s\r\n*1\r\n*2\r\n:1\r\n*3\r\n:1\r\n_\r\n*0\r\n",
    "*1\r\n*2\r\n_\r\n*1\r\n" ENTRY("_\r\n", "_\r\n"),
    /* a number of tries that is too large, negative, or a letter */
    ENTRIES(SOME_ID, "$19\r\n" LARGEST "\r\n"),
    ENTRIES(SOME_ID, "$2\r\n-9\r\n"),
    ENTRIES(SOME_ID, "$1\r\nx\r\n"),
    /* claims */
    "*4\r\n$3\r\n0-0\r\n:" LARGEST "\r\n" ENTRY(SOME_ID, "$19\r\n" LARGEST "\r\n") ":" LARGEST
                                                                                   "\r\n",
    "*4\r\n*0\r\n:-1\r\n" ENTRY(SOME_ID, ONCE) ":-" LARGEST "\r\n",
    "*3\r\n_\r\n_\r\n" ENTRY(SOME_ID, ONCE),
    /* the index of a stream that is not there, and one that is */
    "*2\r\n:-1\r\n" ENTRY(SOME_ID, ONCE),
    "*2\r\n:3\r\n" ENTRY(SOME_ID, ONCE),
    "*2\r\n:" LARGEST "\r\n" ENTRY(SOME_ID, ONCE),
    "*2\r\n:2\r\n" ENTRY(SOME_ID, ONCE),
    /* more than was asked for */
    long_list,
    long_name,
};

enum { CASES = sizeof replies / sizeof *replies };
enum { PLAIN_CASES = 21 }; /* those of another type, and errors */

/* 400 entries that are taken, where 256 are asked for; an entry with a long id. */
static void write_long_replies(void)
{
    size_t used = (size_t)snprintf(long_list, sizeof long_list, "*400\r\n");
    for (int i = 0; i < 400; i++)
        used += (size_t)snprintf(long_list + used, sizeof long_list - used,
                                 "*4\r\n$3\r\n1-1\r\n+me\r\n:1\r\n:1\r\n");
    snprintf(long_name, sizeof long_name, ENTRIES("$300\r\n%0300d\r\n", ONCE), 1);
}

static int case_of(const async_redis_reply *command)
{
    int number;
    for (size_t i = 0; i < async_redis_reply_size(command); i++)
        if (sscanf(fake_word(command, i), "{jobs%d}", &number) == 1)
            return number;
    return the_case;
}

/* The reply, with the name of the case's queue. */
static int say_with_name(async_stream *stream, const char *reply, int number)
{
    char text[sizeof long_list], digits[3];
    memcpy(text, reply, strlen(reply) + 1);
    snprintf(digits, sizeof digits, "%02u", (unsigned)number % 100);
    for (char *name = strstr(text, "{jobs00}"); name != NULL; name = strstr(name + 1, "{jobs00}"))
        memcpy(name + strlen("{jobs"), digits, 2);
    return fake_say(stream, text);
}

/* Then the items come from what scripts reply. */
static bool claims_only(const async_redis_reply *command)
{
    return strcmp(victim, "EVALSHA") == 0 && case_of(command) >= PLAIN_CASES;
}

/* After a pause: the clock of the test stands still while a task is ready. */
static int answer_as_told(async_stream *stream, const async_redis_reply *command)
{
    const double pause = 0.005;
    const char *name = fake_word(command, 0);
    bool is_victim = strcmp(name, victim) == 0 && opens_left[case_of(command)] <= 0;
    bool asks_for_items = strcmp(name, "XREADGROUP") == 0;
    if (is_victim || (asks_for_items && claims_only(command)))
        ASYNC_TRY(async_sleep(pause));
    if (is_victim)
        return say_with_name(stream, replies[case_of(command)], case_of(command));
    if (!asks_for_items)
        return fake_answer_queue(stream, command);
    return claims_only(command) ? fake_say(stream, "_\r\n")
                                : say_with_name(stream, ENTRIES(SOME_ID, ONCE), case_of(command));
}

static int take_two(async_queue *queue)
{
    int number;
    ASYNC_TRY(async_queue_get(queue, &number));
    async_queue_task_failed(queue, -EIO);
    ASYNC_TRY(async_queue_get(queue, &number));
    return async_sleep(1); /* not reported: it goes back */
}

/* Each call may fail, or last too long. */
static int use(async_redis *redis, int number, const async_redis_queue_options *options)
{
    const double patience = 0.03;
    char name[8];
    async_auto_queue *queue = NULL;
    snprintf(name, sizeof name, "jobs%02u", (unsigned)number % 100);
    int result = async_timeout(patience, async_redis_queue_open(&queue, redis, name, 4, options));
    opens_left[number]--;
    if (result < 0)
        return 0;
    async_ignore(async_timeout(patience, async_queue_put(queue, &number)));
    async_ignore(async_timeout(patience, async_redis_queue_put_later(queue, &number, 1)));
    async_ignore(async_timeout(patience, async_redis_queue_put_once(queue, &number, "once")));
    async_ignore(async_timeout(4 * patience, take_two(queue)));
    async_ignore(async_timeout(patience, async_queue_join(queue)));
    return 0;
}
async_fn(use, async_redis *, int, const async_redis_queue_options *);

/* late: the replies are wrong from when the queues are open. */
static int use_all_kinds(int number, bool late)
{
    static const async_redis_queue_options one = {.lease = 0.1, .maxsize = 5},
                                           three = {.lease = 0.1, .priorities = 3, .tries = 2},
                                           durable = {.durable = 1};
    async_redis *redis = fake_client(&fake, NULL);
    ASYNC_TASK_GROUP(uses);
    opens_left[number] = late ? 3 : 0;
    async_group_create_task(&uses, use, redis, number, &one);
    async_group_create_task(&uses, use, redis, number, &three);
    async_group_create_task(&uses, use, redis, number, &durable);
    CHECK_EQ(async_group_wait(&uses), 0);
    CHECK_EQ(async_redis_command(redis, NULL, "SET a 1"), 0);
    async_redis_free_wait(redis);
    return 0;
}
async_fn(use_all_kinds, int, bool);

/* All cases beside each other: with connections the clock of the test passes as the real one. */
static void use_in_each_case(const char *command, bool late)
{
    ASYNC_TASK_GROUP(tasks);
    victim = command;
    for (int i = 0; i < CASES; i++)
        async_group_create_task(&tasks, use_all_kinds, i, late);
    CHECK_EQ(async_group_wait(&tasks), 0);
}

LOOP_TEST(redis_queue_lives_with_any_reply_of_the_server)
{
    write_long_replies();
    fake.answer = answer_as_told;
    fake_open(&fake);
    use_in_each_case("EVALSHA", false);
    use_in_each_case("EVALSHA", true);
    use_in_each_case("XREADGROUP", true);
    use_in_each_case("XPENDING", true);
    use_in_each_case("XADD", true);
    fake_close(&fake);
    return 0;
}

/* Opens a queue in each case, and puts. */
static void put_in_each_case(const char *command)
{
    static const async_redis_queue_options durable = {.durable = 1};
    const int number = 1;
    victim = command;
    for (the_case = 0; the_case < PLAIN_CASES; the_case++) {
        async_redis *redis = fake_client(&fake, NULL);
        async_queue *queue;
        if (async_redis_queue_open(&queue, redis, "any", sizeof number, &durable) == 0)
            async_ignore(async_timeout(0.03, async_queue_put(queue, &number)));
        async_queue_free(queue);
        CHECK_EQ(async_redis_command(redis, NULL, "SET a 1"), 0);
        async_redis_free_wait(redis);
    }
}

LOOP_TEST(redis_queue_lives_with_any_reply_to_a_command_without_its_name)
{
    write_long_replies();
    fake.answer = answer_as_told;
    fake_open(&fake);
    put_in_each_case("SCRIPT");
    put_in_each_case("CONFIG");
    put_in_each_case("WAIT");
    fake_close(&fake);
    return 0;
}

LOOP_TEST(redis_queue_refuses_seconds_out_of_range)
{
    static const double wrong[] = {-1, 1e300, INFINITY, NAN};
    async_queue *queue;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const async_redis_queue_options lease = {.lease = wrong[i]}, pause = {.pause = wrong[i]};
        CHECK_EQ(async_redis_queue_open(&queue, NULL, "jobs", 1, &lease), -EINVAL);
        CHECK_STR(async_strerror(-EINVAL), "-EINVAL: async_redis_queue_open: options.lease, .pause "
                                           "or .tries is out of range");
        CHECK_EQ(async_redis_queue_open(&queue, NULL, "jobs", 1, &pause), -EINVAL);
        CHECK_STR(async_strerror(-EINVAL), "-EINVAL: async_redis_queue_open: options.lease, .pause "
                                           "or .tries is out of range");
    }
    return 0;
}
