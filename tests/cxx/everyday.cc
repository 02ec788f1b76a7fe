/*
 * everyday.cc: the library from C++17, in a program that uses the macros which are written
 * differently for C++ than for C, or that C++ is stricter about. It says "fine" and ends with 3 if
 * everything is as it should be.
 */
#include <asyncio.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>

#define CHECK(condition) ((condition) ? (void)0 : fail(__LINE__, #condition))

[[noreturn]] static void fail(int line, const char *condition)
{
    std::fprintf(stderr, "everyday.cc:%d: check failed: %s\n", line, condition);
    std::exit(1);
}

struct point {
    double x, y;
};

using predicate = bool (*)(int);

static int add(int a, int b)
{
    ASYNC_TRY(async_sleep(1));
    return a + b;
}
async_fn(add, int, int);

static int add_point(point p, double *sum, predicate wanted)
{
    *sum += p.x + p.y;
    return wanted(7) ? 0 : -EINVAL;
}
async_fn(add_point, point, double *, bool (*)(int));

static int double_it(void *number)
{
    return 2 * *static_cast<int *>(number);
}

static void tasks()
{
    double sum = 0;
    int twenty = 20;
    async_task_options options = {};
    options.name = "a name";
    async_task *task = async_create_task_with(&options, add, 1, 2);
    CHECK(async_task_name(task) == std::string("a name"));
    CHECK(async_await(task) == 3);
    predicate odd = [](int number) { return number % 2 == 1; };
    CHECK(async_await(async_create_task(add_point, point{1, 2}, &sum, odd)) == 0);
    CHECK(sum == 3);
    CHECK(async_await(async_create_task_ptr(double_it, &twenty)) == 40);
}

static void gathers()
{
    int results[2];
    CHECK(async_gather() == 0);
    CHECK(async_gather(async_create_task(add, 1, 1), async_create_task(add, 2, 2)) == 0);
    async_task *const both[] = {async_create_task(add, 3, 3), async_create_task(add, -9, 4)};
    CHECK(async_gather_n(both, 2, results, ASYNC_RETURN_EXCEPTIONS) == 0);
    CHECK(results[0] == 6 && results[1] == -5);
}

static int timed(double limit)
{
    return async_timeout(limit, async_no_cancel(add(20, async_timeout(5, add(10, 12)))));
}

static void scopes()
{
    double begun = async_time();
    CHECK(timed(10) == 42);
    CHECK(timed(0.5) == 42); /* a shield holds off the limit */
    CHECK(async_time() == begun + 4);
    CHECK(async_timeout(0.5, add(1, 2)) == -ETIMEDOUT);
    async_timeout_scope scope;
    async_timeout_begin(&scope, 0.5);
    CHECK(async_timeout_end(&scope, async_sleep(1)) == -ETIMEDOUT);
}

static int greatest_first(const void *a, const void *b)
{
    return *static_cast<const int *>(b) - *static_cast<const int *>(a);
}

static void delete_int(void *item, void *)
{
    delete *static_cast<int **>(item);
}

static int in_groups(size_t limit)
{
    ASYNC_TASK_GROUP(all);
    async_task *child = async_group_create_task(&all, add, 4, 1);
    CHECK(async_group_wait(&all) == 0);
    CHECK(async_task_result(child) == 5);
    ASYNC_TASK_GROUP_WITH(limited, limit, true);
    async_task_options options = {};
    async_group_create_task_with(&limited, &options, add, 1, 1);
    async_group_create_task(&limited, add, 1, 1);
    return async_group_wait(&limited);
}

static void queues()
{
    async_auto_queue *owners = NULL;
    CHECK(async_queue_new(&owners, 0, sizeof(int *)) == 0);
    async_queue_on_drop(owners, delete_int, nullptr);
    auto one = std::make_unique<int>(1);
    int *raw = one.get();
    CHECK(async_queue_put(owners, &raw) == 0);
    one.release();
    async_auto_queue *numbers = NULL;
    CHECK(async_priority_queue_new(&numbers, 0, sizeof(int), greatest_first) == 0);
    for (int number : {3, 1, 4})
        CHECK(async_queue_put_nowait(numbers, &number) == 0);
    int greatest;
    CHECK(async_queue_get(numbers, &greatest) == 0 && greatest == 4);
    CHECK(async_queue_get_nowait(numbers, &greatest) == 0 && greatest == 3);
}

static int hold(async_lock *lock, async_semaphore *slots, bool throws)
{
    ASYNC_WITH(lock);
    ASYNC_WITH(slots);
    CHECK(async_lock_locked(lock) && async_semaphore_locked(slots));
    if (throws)
        throw std::runtime_error("thrown while a lock is held");
    return async_sleep(1);
}
async_fn(hold, async_lock *, async_semaphore *, bool);

static int meet(async_condition *condition, async_barrier *barrier, bool *met)
{
    ASYNC_TRY(async_barrier_wait(barrier));
    ASYNC_WITH(condition);
    *met = true;
    async_condition_notify_all(condition);
    return 0;
}
async_fn(meet, async_condition *, async_barrier *, bool *);

static void locks()
{
    async_lock lock = {};
    async_semaphore slots = {};
    slots.value = slots.bound = 1;
    CHECK(async_gather(async_create_task(hold, &lock, &slots, false),
                       async_create_task(hold, &lock, &slots, false)) == 0);
    try {
        hold(&lock, &slots, true);
    } catch (const std::runtime_error &) {
        CHECK(!async_lock_locked(&lock) && !async_semaphore_locked(&slots));
    }
    bool met = false;
    async_condition condition = {};
    condition.lock = &lock;
    async_barrier barrier = {};
    barrier.parties = 2;
    async_event event = {};
    async_task *other = async_create_task(meet, &condition, &barrier, &met);
    CHECK(async_barrier_wait(&barrier) == 0);
    CHECK(async_condition_acquire(&condition) == 0);
    auto is_met = [](void *flag) { return *static_cast<bool *>(flag); };
    CHECK(async_condition_wait_for(&condition, is_met, &met) == 0);
    async_condition_release(&condition);
    async_event_set(&event);
    CHECK(async_await(other) == 0 && async_event_wait(&event) == 0);
}

static void answer(void *future)
{
    async_future_set_result(static_cast<async_future *>(future), 42);
}

static void futures()
{
    async_future *future = async_future_new();
    async_call_later(1, answer, future);
    CHECK(async_await(async_task_ref(future)) == 42);
    CHECK(async_future_set_exception(future, -EIO, "%d", 1) == -EALREADY);
    async_task_detach(future);
}

static void selects()
{
    async_auto_queue *numbers = NULL;
    CHECK(async_queue_new(&numbers, 0, sizeof(int)) == 0);
    async_event event = {};
    int number = 5, result = 1;
    CHECK(async_select(async_on_event(&event), async_on_timeout(1)) == 1);
    CHECK(async_select(async_on_get(numbers, &number), async_on_put(numbers, &number)) == 1);
    const async_case cases[] = {async_on_event(&event), async_on_get(numbers, &number)};
    CHECK(async_select_n(cases, 2, &result) == 1 && result == 0 && number == 5);
}

static int throw_and_catch(int depth)
{
    try {
        auto on_the_heap = std::make_unique<int>(depth);
        ASYNC_TRY(async_sleep(1));
        if (depth == 0)
            throw std::runtime_error("thrown in a task");
        return throw_and_catch(*on_the_heap - 1);
    } catch (const std::runtime_error &error) {
        return error.what() == std::string("thrown in a task") ? 1 : 0;
    }
}
async_fn(throw_and_catch, int);

static void exceptions()
{
    async_task *const both[] = {async_create_task(throw_and_catch, 0), async_create_task(throw_and_catch, 5)};
    int results[2];
    CHECK(async_gather_n(both, 2, results, ASYNC_FIRST_ERROR) == 0);
    CHECK(results[0] == 1 && results[1] == 1);
}

static void count_up(void *count)
{
    ++*static_cast<int *>(count);
}

static void callbacks()
{
    int count = 0;
    async_call_later(1, count_up, &count);
    CHECK(async_handle_cancel(async_call_soon(count_up, &count)));
    CHECK(async_sleep(2) == 0);
    CHECK(count == 1);
}

static int divide(int a, int b)
{
    return b != 0 ? a / b : async_fail(-EDOM, "%d by nothing", a);
}
async_fn(divide, int, int);

static void threads()
{
    static async_local unit = {const_cast<char *>("apples")};
    CHECK(async_to_thread(divide, 6, 3) == 2);
    CHECK(async_run_in_executor(nullptr, divide, 6, 0) == -EDOM);
    CHECK(std::string(async_strerror(-EDOM)).find("6 by nothing") != std::string::npos);
    CHECK(std::string(static_cast<const char *>(async_local_get(&unit))) == "apples");
    async_concurrent_future *future = async_run_coroutine_threadsafe(async_get_loop(), divide, 9, 3);
    while (!async_concurrent_future_done(future))
        CHECK(async_sleep(0) == 0);
    CHECK(async_concurrent_future_result(future, 0) == 3);
    async_concurrent_future_free(future);
}

static void signals()
{
    bool called = false;
    {
        async_auto_signals *set = nullptr;
        CHECK(async_signals_new(&set, SIGUSR1, SIGUSR2) == 0);
        std::raise(SIGUSR2);
        CHECK(async_signals_next(set) == SIGUSR2);
        CHECK(async_timeout(1, async_signal_wait(SIGHUP, SIGTERM)) == -ETIMEDOUT);
    }
    CHECK(async_add_signal_handler(
              SIGUSR1, [](int, void *flag) { *static_cast<bool *>(flag) = true; }, &called) == 0);
    std::raise(SIGUSR1);
    CHECK(async_sleep(1) == 0 && called);
    CHECK(async_remove_signal_handler(SIGUSR1));
}

static int everything(const char *word)
{
    tasks();
    gathers();
    scopes();
    CHECK(in_groups(1) == 0);
    queues();
    locks();
    futures();
    selects();
    exceptions();
    callbacks();
    threads();
    signals();
    std::puts(word);
    return 3;
}
async_fn(everything, const char *);

int main()
{
    async_run_options options = {};
    options.virtual_clock = true;
    async_auto_runner runner = {options, nullptr};
    CHECK(async_runner_run(&runner, add, 1, 2) == 3);
    async_runner_close(&runner);
    return async_run_with(&options, everything, "fine");
}
