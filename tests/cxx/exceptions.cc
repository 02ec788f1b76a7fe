/*
 * exceptions.cc: each task throws, unwinds and catches independently: through many calls, in a
 * catch inside a catch, in destructors that wait during unwinding, and passed from task to task.
 * Prints "fine" and ends with 3.
 */
#include <asyncio.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>

#define CHECK(condition) ((condition) ? (void)0 : fail(__LINE__, #condition))

[[noreturn]] static void fail(int line, const char *condition)
{
    std::fprintf(stderr, "exceptions.cc:%d: check failed: %s\n", line, condition);
    std::exit(1);
}

static void wait(double seconds)
{
    CHECK(async_sleep(seconds) == 0);
}

/* Waits while it is destroyed, which may be because an exception is on its way. */
struct waits_at_the_end {
    int *destroyed;
    int under_way;
    ~waits_at_the_end()
    {
        CHECK(std::uncaught_exceptions() == under_way);
        wait(0);
        CHECK(std::uncaught_exceptions() == under_way);
        ++*destroyed;
    }
};

static void throw_deep(int depth, const std::string &text, int *destroyed)
{
    waits_at_the_end guard{destroyed, 1};
    wait(0);
    if (depth == 0)
        throw std::runtime_error(text);
    throw_deep(depth - 1, text, destroyed);
}

static int unwinds(int depth)
{
    std::string text = "thrown from " + std::to_string(depth);
    int destroyed = 0;
    try {
        throw_deep(depth, text, &destroyed);
    } catch (const std::exception &caught) {
        wait(0);
        CHECK(caught.what() == text);
    }
    CHECK(destroyed == depth + 1);
    return 0;
}
async_fn(unwinds, int);

/* Nothing is under way here, whatever the others do. */
static int looks_on(int turns)
{
    for (int i = 0; i < turns; i++) {
        CHECK(std::uncaught_exceptions() == 0);
        CHECK(std::current_exception() == nullptr);
        wait(0);
    }
    return 0;
}
async_fn(looks_on, int);

static int nests(int number)
{
    try {
        throw number;
    } catch (int outer) {
        wait(0);
        try {
            throw std::to_string(number);
        } catch (const std::string &inner) {
            wait(0);
            CHECK(inner == std::to_string(number) && outer == number);
            try {
                throw; /* the inner one */
            } catch (const std::string &again) {
                wait(0);
                CHECK(&again == &inner);
            }
        }
        wait(0);
        try {
            throw; /* the outer one */
        } catch (int again) {
            CHECK(again == number);
        }
    }
    CHECK(std::current_exception() == nullptr);
    return 0;
}
async_fn(nests, int);

static int hands_over(std::exception_ptr *out)
{
    try {
        throw std::out_of_range("handed over");
    } catch (...) {
        *out = std::current_exception();
        wait(0);
    }
    return 0;
}
async_fn(hands_over, std::exception_ptr *);

static int takes_over(std::exception_ptr *in)
{
    while (*in == nullptr)
        wait(0);
    try {
        std::rethrow_exception(*in);
    } catch (const std::out_of_range &caught) {
        wait(0);
        CHECK(caught.what() == std::string("handed over"));
    }
    return 0;
}
async_fn(takes_over, std::exception_ptr *);

/* A task that begins while its creator handles an exception handles none. */
static int creates_in_a_catch()
{
    try {
        throw 1;
    } catch (int) {
        ASYNC_TRY(async_await(async_create_task(looks_on, 3)));
        CHECK(std::current_exception() != nullptr);
    }
    return 0;
}
async_fn(creates_in_a_catch);

static int amain()
{
    std::exception_ptr handed;
    ASYNC_TRY(async_gather(async_create_task(unwinds, 0), async_create_task(unwinds, 3),
                           async_create_task(looks_on, 30), async_create_task(unwinds, 7)));
    ASYNC_TRY(async_gather(async_create_task(nests, 1), async_create_task(looks_on, 10),
                           async_create_task(nests, 2), async_create_task(nests, 3)));
    ASYNC_TRY(async_gather(async_create_task(takes_over, &handed), async_create_task(hands_over, &handed),
                           async_create_task(creates_in_a_catch)));
    std::puts("fine");
    return 3;
}
async_fn(amain);

int main()
{
    async_run_options options = {};
    options.virtual_clock = true;
    return async_run_with(&options, amain);
}
