/*
 * core.cpp: the measurements of bench-core on Boost.Context: raw, a switch and a ring of ready fibers, without results,
 * cancellation or waiting. It shows the cost of a switch alone. The protocol is bench.h's.
 */
#include <bench.h>
#include <boost/context/fiber.hpp>
#include <boost/context/pooled_fixedsize_stack.hpp>
#include <deque>
#include <utility>

namespace {
namespace ctx = boost::context;

/* The ready fibers. */
class Ring {
  public:
    /* Resumes the next fiber; the calling one goes to the end. */
    void yield() { arrived(take().resume()); }

    void arrived(ctx::fiber &&left)
    {
        if (left)
            ready.push_back(std::move(left));
    }

    ctx::fiber take()
    {
        ctx::fiber next = std::move(ready.front());
        ready.pop_front();
        return next;
    }

    std::deque<ctx::fiber> ready;
};

Ring ring;

__attribute__((noinline)) int deep(int frames)
{
    if (frames > 1) {
        int result = deep(frames - 1);
        __asm__ volatile("" : "+r"(result)); /* no tail call */
        return result;
    }
    ring.yield();
    return 0;
}

void turn(int frames, long turns)
{
    if (frames == 1)
        for (long i = 0; i < turns; i++)
            ring.yield();
    else
        for (long i = 0; i < turns; i++)
            deep(frames);
}

void measure_switch(const char *row, int tasks, int least, int most)
{
    constexpr long switches = 8000000, before = 800000;
    int left = tasks;
    double took = 0;
    ctx::fiber outside; /* the main context; it takes no turns */
    for (int number = 0; number < tasks; number++)
        ring.ready.push_back(ctx::fiber([=, &left, &took, &outside](ctx::fiber &&from) {
            number == 0 ? (void)(outside = std::move(from)) : ring.arrived(std::move(from));
            int frames = least + number % (most - least + 1);
            turn(frames, before / tasks);
            double begun = bench_cpu();
            turn(frames, switches / tasks);
            if (number == 0)
                took = bench_cpu() - begun;
            return --left > 0 ? ring.take() : std::move(outside);
        }));
    ring.take().resume();
    bench_say(row, took * 1e9 / switches);
}

void measure_create_await()
{
    constexpr long creations = 1000000;
    ctx::pooled_fixedsize_stack stacks(64 * 1024);
    long sum = 0;
    double begun = bench_cpu();
    for (long i = 0; i < creations; i++)
        ctx::fiber(std::allocator_arg, stacks, [&sum](ctx::fiber &&from) {
            sum++;
            return std::move(from);
        }).resume();
    bench_say("create+await", (bench_cpu() - begun) * 1e9 / creations);
}
} // namespace

int main(int argc, char **argv)
{
    static const bench_measurement all[] = {
        {"switch/2", [] { measure_switch("switch/2", 2, 1, 1); }},
        {"switch/100", [] { measure_switch("switch/100", 100, 3, 3); }},
        {"switch/1000", [] { measure_switch("switch/1000", 1000, 3, 3); }},
        {"switch/mixed", [] { measure_switch("switch/mixed", 100, 1, 8); }},
        {"create+await", measure_create_await},
    };
    return bench_main(argc, argv, all, sizeof all / sizeof all[0]);
}
