/*
 * sched/interrupt.c: SIGINT, SIGTERM and SIGQUIT while a run lasts. Only on the main thread, and
 * only if the signal had its default action before.
 */
#include "sched/interrupt.h"
#include "sched/sched.h"
#include "sys/report.h"
#include "sys/signals.h"
#include "sys/thread.h"
#include <unistd.h>

static const int run_numbers[RUN_SIGNALS] = {SIGINT, SIGTERM};

static void end_at_limit(struct timer *timer)
{
    struct interrupt *interrupt = CONTAINER_OF(timer, struct interrupt, limit);
    const struct async_loop *loop = CONTAINER_OF(interrupt, struct async_loop, interrupt);
    asyncp_report("the run has not ended within %g s after %s, and is ended by the signal; these "
                  "tasks are left:",
                  interrupt->limit_seconds, asyncp_signal_name(interrupt->number).text);
    loop->hooks->dump(STDERR_FILENO);
    asyncp_sys_end_by_signal(interrupt->number);
}

static void start_limit(struct async_loop *loop)
{
    struct interrupt *interrupt = &loop->interrupt;
    if (interrupt->limit_seconds == 0 || interrupt->limit.set)
        return;
    timer_init(&interrupt->limit, end_at_limit);
    if (asyncp_timer_set(loop, &interrupt->limit, asyncp_deadline(loop, interrupt->limit_seconds)) <
        0)
        asyncp_report("out of memory: the run has no time limit after %s",
                      asyncp_signal_name(interrupt->number).text);
}

bool asyncp_interrupt_request(struct async_loop *loop, enum reason reason)
{
    if (loop->interrupt.main_task == NULL)
        return false;
    asyncp_request(loop, &loop->interrupt.main_task, 1, asyncp_reason(reason));
    return true;
}

/* The signal is not taken: the count tells the handler that the next one is the second. */
static void cancel_main(struct signal_catch *caught)
{
    struct async_loop *loop = caught->loop;
    struct run_signal *signal = CONTAINER_OF(caught, struct run_signal, caught);
    if (signal->is_delivered || loop->interrupt.main_task == NULL)
        return;
    signal->is_delivered = true;
    if (loop->interrupt.number == 0)
        loop->interrupt.number = caught->number;
    start_limit(loop);
    asyncp_interrupt_request(loop, caught->number == SIGTERM ? REASON_SIGTERM : REASON_SIGINT);
}

/*
 * A second SIGQUIT before this has the default action: the loop does not answer. The loop's
 * clock is read first, because a cycle counts only if its waits began before the time it shows.
 */
static void print_tasks(struct signal_catch *caught)
{
    struct async_loop *loop = caught->loop;
    loop_read_clock(loop);
    loop_report_begins(loop);
    loop->hooks->print_tasks(STDERR_FILENO);
    loop_report_ends(loop);
    catch_take_all(caught);
}

static void begin_quit(struct async_loop *loop)
{
    struct interrupt *interrupt = &loop->interrupt;
    interrupt->quit = (struct signal_catch){
        .deliver = print_tasks, .number = SIGQUIT, .of_run = true};
    interrupt->quit_is_ours = asyncp_catch_begin(loop, &interrupt->quit) == 0;
}

static void end_quit(struct async_loop *loop)
{
    if (loop->interrupt.quit_is_ours)
        asyncp_catch_end(&loop->interrupt.quit);
    loop->interrupt.quit_is_ours = false;
}

void asyncp_interrupt_begin(struct async_loop *loop, const async_run_options *options)
{
    struct interrupt *interrupt = &loop->interrupt;
    const bool wanted[RUN_SIGNALS] = {options == NULL || !options->keep_sigint,
                                      options != NULL && options->cancel_on_sigterm};
    interrupt->number = 0;
    interrupt->limit_seconds = options != NULL ? options->shutdown_timeout : 0;
    if (!asyncp_sys_is_main_thread())
        return;
    for (size_t i = 0; i < RUN_SIGNALS; i++) {
        struct run_signal *signal = &interrupt->signals[i];
        *signal = (struct run_signal){
            .caught = {.deliver = cancel_main, .number = run_numbers[i], .of_run = true}};
        signal->is_ours = wanted[i] && asyncp_catch_begin(loop, &signal->caught) == 0;
    }
    if (wanted[0])
        begin_quit(loop);
}

void asyncp_interrupt_end(struct async_loop *loop)
{
    struct interrupt *interrupt = &loop->interrupt;
    for (size_t i = 0; i < RUN_SIGNALS; i++) {
        struct run_signal *signal = &interrupt->signals[i];
        if (!signal->is_ours)
            continue;
        asyncp_catch_end(&signal->caught);
        signal->is_ours = false;
        if (catch_came(&signal->caught) && interrupt->number == 0) /* came, and not delivered */
            interrupt->number = signal->caught.number;
    }
    end_quit(loop);
}

void asyncp_interrupt_forget(struct async_loop *loop)
{
    asyncp_timer_clear(loop, &loop->interrupt.limit);
}

void asyncp_interrupt_set_task(struct async_loop *loop, struct async_task *main_task)
{
    loop->interrupt.main_task = main_task;
}

int asyncp_interrupt_number(const struct async_loop *loop)
{
    return loop->interrupt.number;
}
