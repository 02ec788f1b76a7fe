/*
 * test_semantics_priorities.c: orders of ready tasks by random priorities
 * (async_run_options.shuffle_depth): which orders there are, and that they find a race that a
 * shuffle hardly ever finds, because it needs the same order many times in a row.
 */
#include "run/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 6, MAX_TEXT = 64 };

static char text[MAX_TEXT];

static void note(int letter)
{
    size_t length = strlen(text);
    CHECK(length < MAX_TEXT - 1);
    text[length] = (char)letter;
    text[length + 1] = '\0';
}

static int note_rounds(int letter)
{
    for (int i = 0; i < ROUNDS; i++) {
        ASYNC_TRY(async_sleep(0));
        note(letter);
    }
    return 0;
}
async_fn(note_rounds, int);

static int three_tasks(void)
{
    async_task *a = async_create_task(note_rounds, 'a'), *b = async_create_task(note_rounds, 'b');
    return async_gather(a, b, async_create_task(note_rounds, 'c'));
}
async_fn(three_tasks);

static async_run_options options_of(uint64_t seed, uint32_t depth)
{
    async_run_options options = *test_options();
    options.shuffle_seed = seed;
    options.shuffle_depth = depth;
    options.shuffle_turns = 20;
    return options;
}

static const char *order_of(uint64_t seed, uint32_t depth)
{
    async_run_options options = options_of(seed, depth);
    text[0] = '\0';
    CHECK_EQ(async_run_with(&options, three_tasks), 0);
    CHECK_EQ(strlen(text), 3 * ROUNDS);
    return text;
}

/* Whether each round has all three letters: no task waits while another one has two turns. */
static bool is_fair(const char *order)
{
    for (int i = 0; i < ROUNDS; i++)
        for (const char *letter = "abc"; *letter != '\0'; letter++)
            if (memchr(order + 3 * i, *letter, 3) == NULL)
                return false;
    return true;
}

/* In how many rounds the order differs from that of the round before. */
static int count_changes(const char *order)
{
    int changes = 0;
    for (int i = 1; i < ROUNDS; i++)
        changes += memcmp(order + 3 * i, order + 3 * (i - 1), 3) != 0;
    return changes;
}

TEST_EACH_BACKEND(priorities_without_a_change_stay)
{
    int seen[6] = {0};
    static const char *const orders[] = {"abc", "acb", "bac", "bca", "cab", "cba"};
    for (uint64_t seed = 1; seed <= 300; seed++) {
        const char *order = order_of(seed, 1);
        CHECK(is_fair(order));
        CHECK_EQ(count_changes(order), 0);
        for (int i = 0; i < 6; i++)
            seen[i] += memcmp(order, orders[i], 3) == 0;
    }
    for (int i = 0; i < 6; i++)
        CHECK(seen[i] >= 25);
}

TEST_EACH_BACKEND(priorities_change_less_often_than_their_depth)
{
    int most = 0;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        const char *order = order_of(seed, 3);
        int changes = count_changes(order);
        CHECK(is_fair(order));
        CHECK(changes <= 4); /* a change in the middle of a round differs from both neighbours */
        most = changes > most ? changes : most;
    }
    CHECK(most >= 2);
}

TEST(priorities_are_decided_by_their_seed)
{
    char first[MAX_TEXT];
    int differ = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        strcpy(first, order_of(seed, 4));
        CHECK_STR(order_of(seed, 4), first);
        differ += strcmp(order_of(seed + 1, 4), first) != 0;
    }
    CHECK(differ >= 10);
}

TEST(priorities_come_from_the_environment)
{
    char by_option[MAX_TEXT];
    strcpy(by_option, order_of(77, 3));
    setenv("ASYNCIO_SHUFFLE", "0x4d:3:20", 1);
    CHECK_STR(order_of(0, 0), by_option);
    CHECK(strcmp(order_of(77, 0), by_option) != 0); /* the options come first */
}

static int return_zero(void)
{
    return 0;
}
async_fn(return_zero);

TEST(priorities_that_make_no_sense_are_refused)
{
    static const char *const wrong[] = {
        "x", "7x", "7:", "7:3", "7:3:", "7:3:0", "7:9:20", "7:0:20", "7:3:20:", "7:3:99999999999"};
    async_run_options options = options_of(7, 9);
    CHECK_EQ(async_run_with(&options, return_zero), -EINVAL);
    options = options_of(0, 0);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        setenv("ASYNCIO_SHUFFLE", wrong[i], 1);
        CHECK_EQ(async_run_with(&options, return_zero), -EINVAL);
    }
    setenv("ASYNCIO_SHUFFLE", "", 1);
    CHECK_EQ(async_run_with(&options, return_zero), 0);
    setenv("ASYNCIO_SHUFFLE", "7:8:20", 1);
    CHECK_EQ(async_run_with(&options, return_zero), 0);
}

static void note_callback(void *letter)
{
    note(*(char *)letter);
}

static int tasks_and_callbacks(void)
{
    static char letters[] = "xyz";
    async_task *a = async_create_task(note_rounds, 'a'), *b = async_create_task(note_rounds, 'b');
    ASYNC_TRY(async_sleep(0));
    for (int i = 0; i < 3; i++)
        async_call_soon(note_callback, &letters[i]);
    return async_gather(a, b);
}
async_fn(tasks_and_callbacks);

/* Callbacks have no priority: each comes once, before, between or after the tasks. */
TEST(priorities_leave_out_no_callback)
{
    int places[MAX_TEXT] = {0}, different = 0;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        async_run_options options = options_of(seed, 3);
        text[0] = '\0';
        CHECK_EQ(async_run_with(&options, tasks_and_callbacks), 0);
        CHECK_EQ(strlen(text), 2 * ROUNDS + 3);
        for (const char *letter = "yz"; *letter != '\0'; letter++)
            CHECK(strchr(text, *letter) != NULL);
        CHECK(strchr(text, 'x') != NULL);
        different += places[strchr(text, 'x') - text]++ == 0;
    }
    CHECK(different >= 4);
}

/* ---- a race of depth 3 ---------------------------------------------------------------------- */

enum { TURNS = 24, STREAK = 6 };

/*
 * Two tasks, of which each says in each iteration of the loop whether it came first. The race: the
 * first one six times in a row, then the second one six times, then the first one again.
 */
struct contest {
    int rounds[2]; /* of each task */
    int streaks;   /* complete so far: 3 are the race */
    int in_a_row;  /* times that the task of the next streak came first */
};

static int compete(struct contest *contest, int self)
{
    for (int i = 0; i < TURNS; i++) {
        ASYNC_TRY(async_sleep(0));
        bool is_first = ++contest->rounds[self] > contest->rounds[1 - self];
        CHECK(abs(contest->rounds[0] - contest->rounds[1]) <= 1);
        if (!is_first)
            continue;
        contest->in_a_row = self == contest->streaks % 2 ? contest->in_a_row + 1 : 0;
        if (contest->in_a_row == STREAK) {
            contest->streaks++;
            contest->in_a_row = 0;
        }
    }
    return 0;
}
async_fn(compete, struct contest *, int);

static int hold_contest(struct contest *contest)
{
    async_task *a = async_create_task(compete, contest, 0);
    async_task *b = async_create_task(compete, contest, 1);
    return async_gather(a, b);
}
async_fn(hold_contest, struct contest *);

/* In how many of so many orders the race happens. */
static int count_races(int runs, uint32_t depth)
{
    int races = 0;
    for (int i = 1; i <= runs; i++) {
        struct contest contest = {0};
        async_run_options options = options_of((uint64_t)i, depth);
        options.shuffle_turns = 2 * TURNS + 3;
        CHECK_EQ(async_run_with(&options, hold_contest, &contest), 0);
        CHECK(contest.rounds[0] == TURNS && contest.rounds[1] == TURNS);
        races += contest.streaks >= 3;
    }
    return races;
}

TEST(priorities_find_a_race_of_depth_three)
{
    enum { RUNS = 500 };
    int of_shuffle = count_races(RUNS, 0), of_two = count_races(RUNS, 2);
    int of_three = count_races(RUNS, 3);
    printf("of %d orders: shuffle %d, depth 2 %d, depth 3 %d\n", RUNS, of_shuffle, of_two,
           of_three);
    CHECK_EQ(of_shuffle, 0);
    CHECK_EQ(of_two, 0);
    CHECK(of_three >= 3);
}
