/*
 * test_faults_name.c: programs for tests/scripts/faults.py (see test_faults.c) that look names up:
 * a resolver that fails, a thread that cannot be created, no memory for the request or the result.
 */
#include "run/names.h"
#include "fault_test.h"

static const char *const hosts[] = {"one.test", "two.test", "a.test", "b.test", "127.0.0.1"};
enum { HOSTS = sizeof hosts / sizeof *hosts };

/*
 * -EAGAIN means that no thread could be created, which is an answer; so is -ECANCELED for a
 * cancelled task.
 */
static int answer_of_resolver(int result)
{
    if (result == -ECANCELED) {
        CHECK(async_task_cancelling(async_current_task()) > 0);
        return result;
    }
    return result == -EAGAIN ? answer(-EPERM) : answer(result);
}

/* A list is there when it was found, and not else. */
static int keep_addresses(int number)
{
    async_auto_addrinfo *list = NULL;
    int result = answer_of_resolver(async_getaddrinfo(hosts[number % HOSTS], "80", NULL, &list));
    CHECK((list != NULL) == (result == 0));
    kept[number]++;
    return 0;
}
async_fn(keep_addresses, int);

static int keep_name(int number)
{
    char host[20] = "";
    struct sockaddr_in address = name_v4;
    int result = answer_of_resolver(async_getnameinfo(
        (const struct sockaddr *)&address, sizeof address, host, sizeof host, NULL, 0, 0));
    CHECK((host[0] != 0) == (result == 0));
    kept[number]++;
    return 0;
}
async_fn(keep_name, int);

static async_task *ask_something(int number)
{
    return number % 3 == 0 ? async_create_task(keep_name, number)
                           : async_create_task(keep_addresses, number);
}

/* Some are cancelled while they wait, or after they have their result. */
static void look_up_many(bool cancel)
{
    async_task *tasks[ACCOUNTS];
    int results[ACCOUNTS];
    for (int i = 0; i < ACCOUNTS; i++) {
        answer((tasks[i] = ask_something(i)) != NULL ? 0 : -ENOMEM);
        promised[i] = tasks[i] != NULL;
    }
    answer(async_sleep(0));
    for (int i = 0; i < ACCOUNTS && cancel; i += 2)
        if (tasks[i] != NULL)
            async_task_cancel(tasks[i]);
    answer(async_gather_n(tasks, ACCOUNTS, results, ASYNC_RETURN_EXCEPTIONS));
    await_no_lookups();
}

FAULTS_TEST(a_name_lookup_gives_every_caller_a_result)
{
    use_test_names(false);
    look_up_many(false);
    return 0;
}

FAULTS_TEST(a_cancelled_name_lookup_leaves_nothing)
{
    use_test_names(false);
    look_up_many(true);
    return 0;
}
