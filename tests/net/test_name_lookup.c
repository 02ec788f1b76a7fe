/*
 * test_name_lookup.c: lookups of names: one lookup for many requests, other tasks that go on
 * meanwhile, and lookups that outlive their loop, their process or its parent. The resolver is that
 * of names.h.
 */
#include "sys/tools.h"
#include "run/forks.h"
#include "run/names.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct addrinfo streams = {.ai_socktype = SOCK_STREAM};

/* ---- lookups -------------------------------------------------------------------------------- */

static struct addrinfo *found[20]; /* by tasks */

static int look_up(const char *host, int number)
{
    return async_getaddrinfo(host, "80", &streams, &found[number]);
}
async_fn(look_up, const char *, int);

static void free_found(void)
{
    for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
        async_freeaddrinfo(found[i]);
        found[i] = NULL;
    }
}

/* Lets tasks that were just made come to where they wait. */
static void let_begin(void)
{
    CHECK_EQ(async_sleep(0), 0);
}

LOOP_TEST(name_is_looked_up)
{
    async_auto_addrinfo *list = NULL;
    use_test_names(false);
    CHECK_EQ(async_getaddrinfo("two.test", "80", &streams, &list), 0);
    CHECK_EQ(count_addresses(list), 2);
    CHECK_STR(list->ai_canonname, "canonical.test");
    CHECK(memcmp(list->ai_addr, &name_v6, sizeof name_v6) == 0);
    CHECK(memcmp(list->ai_next->ai_addr, &name_v4, sizeof name_v4) == 0);
    CHECK(list->ai_next->ai_canonname == NULL);
    return 0;
}

LOOP_TEST(name_requested_by_many_at_once_is_looked_up_once)
{
    enum { MANY = 10 };
    async_task *tasks[MANY];
    use_test_names(true);
    for (int i = 0; i < MANY; i++)
        tasks[i] = async_create_task(look_up, "one.test", i);
    latch_await_arrival(&names.latch, tasks[0]);
    CHECK_EQ(asyncp_lookups_under_way(), 1);
    names_open_latch();
    CHECK_EQ(async_gather_n(tasks, MANY, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK_EQ(names.asked, 1);
    for (int i = 0; i < MANY; i++) {
        CHECK(i == 0 || found[i] != found[i - 1]);
        CHECK(memcmp(found[i]->ai_addr, &name_v4, sizeof name_v4) == 0);
    }
    free_found();
    return 0;
}

static int look_up_with(const struct addrinfo *hints, const char *service, int number)
{
    return async_getaddrinfo("one.test", service, hints, &found[number]);
}
async_fn(look_up_with, const struct addrinfo *, const char *, int);

LOOP_TEST(name_with_other_hints_is_another_lookup)
{
    static const struct addrinfo hints[] = {{0},
                                            {.ai_family = AF_INET},
                                            {.ai_socktype = SOCK_STREAM},
                                            {.ai_protocol = IPPROTO_TCP},
                                            {.ai_flags = AI_CANONNAME},
                                            {0}};
    enum { OTHERS = sizeof hints / sizeof *hints };
    async_task *tasks[OTHERS + 1];
    use_test_names(true);
    for (int i = 0; i < OTHERS; i++) /* the last has the same hints, and another service */
        tasks[i] = async_create_task(look_up_with, &hints[i], i == OTHERS - 1 ? "http" : "80", i);
    tasks[OTHERS] = async_create_task(look_up_with, &hints[0], "80", OTHERS); /* nothing is other */
    let_begin();
    CHECK_EQ(asyncp_lookups_under_way(), OTHERS);
    names_open_latch();
    CHECK_EQ(async_gather_n(tasks, OTHERS + 1, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK_EQ(names.asked, OTHERS);
    free_found();
    return 0;
}

static const char *const distinct[] = {"a.test", "b.test", "c.test", "d.test", "e.test", "f.test"};
enum { DISTINCT = sizeof distinct / sizeof *distinct, THREADS = 4 };

static void look_up_distinct(async_task **tasks)
{
    for (int i = 0; i < DISTINCT; i++)
        tasks[i] = async_create_task(look_up, distinct[i], i);
    for (int i = 0; i < THREADS; i++)
        latch_await_arrival(&names.latch, tasks[i]);
}

LOOP_TEST(name_lookups_are_four_at_a_time)
{
    async_task *tasks[DISTINCT];
    use_test_names(true);
    look_up_distinct(tasks);
    CHECK_EQ(asyncp_lookups_under_way(), DISTINCT);
    CHECK_EQ(names.asked, THREADS);
    names_open_latch();
    CHECK_EQ(async_gather_n(tasks, DISTINCT, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK_EQ(names.asked, DISTINCT);
    free_found();
    return 0;
}

LOOP_TEST(name_in_numbers_does_not_wait_for_slow_names)
{
    async_task *tasks[DISTINCT];
    async_auto_addrinfo *list = NULL;
    use_test_names(true);
    look_up_distinct(tasks);
    CHECK_EQ(async_getaddrinfo("127.0.0.1", "80", NULL, &list), 0);
    CHECK_EQ(asyncp_lookups_under_way(), DISTINCT);
    names_open_latch();
    CHECK_EQ(async_gather_n(tasks, DISTINCT, NULL, ASYNC_FIRST_ERROR), 0);
    free_found();
    return 0;
}

static int add(int a, int b)
{
    return a + b;
}
async_fn(add, int, int);

LOOP_TEST(name_lookups_do_not_hold_up_the_executor)
{
    async_task *tasks[DISTINCT];
    use_test_names(true);
    look_up_distinct(tasks);
    CHECK_EQ(async_to_thread(add, 1, 2), 3);
    CHECK_EQ(names.waiting, THREADS);
    names_open_latch();
    CHECK_EQ(async_gather_n(tasks, DISTINCT, NULL, ASYNC_FIRST_ERROR), 0);
    free_found();
    return 0;
}

static void check_all(async_task **tasks, int from, int until, int expected)
{
    for (int i = from; i < until; i++)
        CHECK_EQ(async_await(tasks[i]), expected);
}

LOOP_TEST(name_whose_requests_are_all_cancelled_is_not_looked_up)
{
    async_task *tasks[DISTINCT];
    use_test_names(true);
    look_up_distinct(tasks);
    for (int i = THREADS; i < DISTINCT; i++)
        async_task_cancel(tasks[i]);
    check_all(tasks, THREADS, DISTINCT, -ECANCELED);
    CHECK_EQ(asyncp_lookups_under_way(), THREADS);
    names_open_latch();
    check_all(tasks, 0, THREADS, 0);
    CHECK_EQ(names.asked, THREADS);
    free_found();
    return 0;
}

/* The latch is still closed when the task has ended. */
LOOP_TEST(name_lookup_that_is_cancelled_goes_on_in_the_background)
{
    use_test_names(true);
    async_task *task = async_create_task(look_up, "one.test", 0);
    latch_await_arrival(&names.latch, task);
    async_task_cancel(task);
    CHECK_EQ(async_await(task), -ECANCELED);
    CHECK(found[0] == NULL);
    CHECK_EQ(names.waiting, 1);
    CHECK_EQ(asyncp_lookups_under_way(), 1);
    names_open_latch();
    return 0;
}

LOOP_TEST(name_lookup_goes_on_for_others_when_one_is_cancelled)
{
    async_task *tasks[3];
    use_test_names(true);
    for (int i = 0; i < 3; i++)
        tasks[i] = async_create_task(look_up, "one.test", i);
    latch_await_arrival(&names.latch, tasks[0]);
    async_task_cancel(tasks[1]);
    CHECK_EQ(async_await(tasks[1]), -ECANCELED);
    names_open_latch();
    CHECK_EQ(async_gather(tasks[0], tasks[2]), 0);
    CHECK(found[0] != NULL && found[1] == NULL && found[2] != NULL);
    CHECK_EQ(names.asked, 1);
    free_found();
    return 0;
}

LOOP_TEST(name_requested_again_joins_the_lookup_in_the_background)
{
    use_test_names(true);
    async_task *task = async_create_task(look_up, "one.test", 0);
    latch_await_arrival(&names.latch, task);
    async_task_cancel(task);
    CHECK_EQ(async_await(task), -ECANCELED);
    task = async_create_task(look_up, "one.test", 1);
    let_begin();
    CHECK_EQ(asyncp_lookups_under_way(), 1);
    names_open_latch();
    CHECK_EQ(async_await(task), 0);
    CHECK_EQ(names.asked, 1);
    free_found();
    return 0;
}

/* An answer that is there when the request comes is taken; it is met by the next call. */
LOOP_TEST(name_that_was_found_before_the_request_is_kept)
{
    use_test_names(true);
    async_task *task = async_create_task(look_up, "one.test", 0);
    latch_await_arrival(&names.latch, task);
    names_open_latch();
    async_task_cancel(task);
    CHECK_EQ(async_await(task), 0);
    CHECK(found[0] != NULL);
    free_found();
    return 0;
}

LOOP_TEST(name_lookup_stops_the_virtual_clock)
{
    use_test_names(false);
    CHECK_EQ(async_timeout(3600, look_up("one.test", 0)), 0);
    CHECK(async_time() == 0);
    free_found();
    return 0;
}

static int leave_lookup(void)
{
    async_task *task = async_create_task(look_up, "one.test", 0);
    latch_await_arrival(&names.latch, task);
    async_task_detach(task);
    return 0;
}
async_fn(leave_lookup);

/* The latch stays closed until the loop has ended. */
TEST_EACH_BACKEND(name_lookup_does_not_keep_the_loop_from_closing)
{
    use_test_names(true);
    CHECK_EQ(async_run_with(test_options(), leave_lookup), 0);
    CHECK_EQ(asyncp_lookups_under_way(), 1);
    names_open_latch();
    CHECK(found[0] == NULL);
}

static void *free_list(void *list)
{
    async_freeaddrinfo(list);
    return NULL;
}

static int look_up_and_keep(void)
{
    return look_up("two.test", 0);
}
async_fn(look_up_and_keep);

TEST_EACH_BACKEND(name_list_outlives_its_loop_and_can_be_freed_on_any_thread)
{
    pthread_t thread;
    use_test_names(false);
    CHECK_EQ(async_run_with(test_options(), look_up_and_keep), 0);
    CHECK_EQ(count_addresses(found[0]), 2);
    CHECK_EQ(pthread_create(&thread, NULL, free_list, found[0]), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void *run_lookups(void *number)
{
    return (void *)(intptr_t)async_run(look_up, "one.test", (int)(intptr_t)number);
}

/* One lookup serves tasks of several loops. */
TEST(name_lookup_is_shared_between_loops)
{
    enum { LOOPS = 3 };
    pthread_t threads[LOOPS];
    void *result;
    use_test_names(false);
    for (int round = 0; round < 20; round++) {
        for (intptr_t i = 0; i < LOOPS; i++)
            CHECK_EQ(pthread_create(&threads[i], NULL, run_lookups, (void *)i), 0);
        for (int i = 0; i < LOOPS; i++) {
            CHECK_EQ(pthread_join(threads[i], &result), 0);
            CHECK(result == NULL && found[i] != NULL);
        }
        free_found();
    }
    CHECK(names.asked <= 20 * LOOPS);
}

static int fail_to_find(void)
{
    return look_up("none.test", 0);
}
async_fn(fail_to_find);

/* Every waiting task gets the message, whichever came first. */
LOOP_TEST(name_errors_reach_every_waiting_task)
{
    async_task *tasks[3];
    use_test_names(true);
    for (int i = 0; i < 3; i++)
        tasks[i] = async_create_task(fail_to_find);
    latch_await_arrival(&names.latch, tasks[0]);
    names_open_latch();
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(async_await(tasks[i]), -ENOENT);
        CHECK(strstr(async_strerror(-ENOENT), "none.test") != NULL);
    }
    CHECK_EQ(names.asked, 1);
    return 0;
}

static char hosts[3][20];

static int name_host(int number)
{
    return async_getnameinfo((const struct sockaddr *)&name_v4, sizeof name_v4, hosts[number],
                             sizeof hosts[number], NULL, 0, 0);
}
async_fn(name_host, int);

static int name_service(void)
{
    char host[20] = "", service[20] = "";
    int result = async_getnameinfo((const struct sockaddr *)&name_v4, sizeof name_v4, host,
                                   sizeof host, service, sizeof service, 0);
    CHECK_STR(host, "one.test");
    CHECK_STR(service, "service");
    return result;
}
async_fn(name_service);

LOOP_TEST(name_info_with_the_service_is_another_lookup)
{
    use_test_names(true);
    async_task *host = async_create_task(name_host, 0), *service = async_create_task(name_service);
    let_begin();
    CHECK_EQ(asyncp_lookups_under_way(), 2);
    names_open_latch();
    CHECK_EQ(async_gather(host, service), 0);
    CHECK_STR(hosts[0], "one.test");
    return 0;
}

LOOP_TEST(name_info_that_many_look_up_at_the_same_time_is_looked_up_once)
{
    async_task *tasks[3];
    use_test_names(true);
    for (int i = 0; i < 3; i++)
        tasks[i] = async_create_task(name_host, i);
    latch_await_arrival(&names.latch, tasks[0]);
    async_task_cancel(tasks[1]);
    names_open_latch();
    CHECK_EQ(async_await(tasks[1]), -ECANCELED);
    CHECK_EQ(async_gather(tasks[0], tasks[2]), 0);
    CHECK_STR(hosts[0], "one.test");
    CHECK_STR(hosts[1], "");
    CHECK_STR(hosts[2], "one.test");
    CHECK_EQ(names.asked, 1);
    return 0;
}

/* ---- processes ------------------------------------------------------------------------------ */

/* Runs a function in a child; returns its status. */
static int status_of_child(void (*body)(void))
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        alarm(10);
        body();
        _exit(9);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int make_all_threads(void)
{
    async_task *tasks[DISTINCT];
    look_up_distinct(tasks);
    names_open_latch();
    int result = async_gather_n(tasks, DISTINCT, NULL, ASYNC_FIRST_ERROR);
    free_found();
    use_test_names(true);
    return result;
}
async_fn(make_all_threads);

static int look_up_all(void)
{
    async_task *tasks[DISTINCT];
    for (int i = 0; i < DISTINCT; i++)
        tasks[i] = async_create_task(look_up, distinct[i], i);
    return async_gather_n(tasks, DISTINCT, NULL, ASYNC_FIRST_ERROR);
}
async_fn(look_up_all);

static void look_up_in_child(void)
{
    CHECK_EQ(asyncp_lookups_under_way(), 0);
    names.latched = false;
    _exit(async_run(look_up_all) == 0 ? 0 : 1);
}

/*
 * The names that its parent's threads are at, too. The other threads of the parent are idle, and
 * not the child's.
 */
TEST(name_is_looked_up_by_a_forked_child)
{
    skip_where_threads_and_fork_do_not_mix();
    use_test_names(true);
    CHECK_EQ(async_run(make_all_threads), 0);
    CHECK_EQ(async_run(leave_lookup), 0);
    CHECK_EQ(status_of_child(look_up_in_child), 0);
    CHECK_EQ(asyncp_lookups_under_way(), 1);
    names_open_latch();
}

/* The child starts a new lookup of the name that its parent's thread is looking up. */
static int fork_and_ask(void)
{
    int status;
    async_task *task = async_create_task(look_up, "one.test", 0);
    latch_await_arrival(&names.latch, task);
    pid_t child = fork();
    if (child == 0) {
        alarm(10);
        look_up_in_child();
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    names_open_latch();
    return async_await(task);
}
async_fn(fork_and_ask);

LOOP_TEST(name_lookup_under_way_is_not_continued_in_a_forked_child)
{
    skip_where_threads_and_fork_do_not_mix();
    use_test_names(true);
    CHECK_EQ(fork_and_ask(), 0);
    free_found();
    return 0;
}

/* The others are idle, and joined. */
static void exit_within_lookup(void)
{
    use_test_names(false);
    if (async_run(look_up_all) < 0)
        _exit(2);
    free_found();
    names.latched = true;
    if (async_run(leave_lookup) < 0)
        _exit(3);
    exit(0);
}

TEST(name_lookup_does_not_keep_the_program_from_ending)
{
    CHECK_EQ(status_of_child(exit_within_lookup), 0);
}
