/*
 * sched/interrupt.c: SIGINT while a loop runs: the first one cancels the main task, the second one
 * ends the process as if we were not there. Only on the main thread, and only if nobody else
 * handles it.
 */
#include "sched/sched.h"

static _Atomic(struct async_loop *) interrupted; /* whose main task SIGINT cancels */

/* Interrupted calls of the program go on (SA_RESTART): stdio would lose the line it was writing. */
static void on_sigint(int number)
{
    struct async_loop *loop = atomic_load(&interrupted);
    if (loop == NULL || atomic_fetch_add(&loop->interrupt.count, 1) > 0) {
        signal(number, SIG_DFL);
        raise(number);
        return;
    }
    int saved = errno;
    asyncp_attend(loop, ATTENTION_SIGNAL);
    errno = saved;
}

static bool is_ours(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) == 0 && action->sa_handler == on_sigint;
}

void asyncp_sigint_take(struct async_loop *loop)
{
    struct sigaction now;
    struct sigaction action = {.sa_handler = on_sigint, .sa_flags = SA_ONSTACK | SA_RESTART};
    bool known = asyncp_sys_sigaction(SIGINT, NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) == 0;
    if (known && is_ours(&now)) /* an earlier loop could not give it back */
        now.sa_handler = SIG_DFL;
    bool free_to_take = known && now.sa_handler == SIG_DFL;
    if (!free_to_take || !asyncp_sys_is_main_thread())
        return;
    atomic_store(&interrupted, loop);
    loop->interrupt.before = now;
    loop->interrupt.is_ours = asyncp_sys_sigaction(SIGINT, &action, NULL) == 0;
    if (!loop->interrupt.is_ours)
        atomic_store(&interrupted, NULL);
}

void asyncp_sigint_give_back(struct async_loop *loop)
{
    if (!loop->interrupt.is_ours)
        return;
    struct sigaction now;
    if (asyncp_sys_sigaction(SIGINT, NULL, &now) == 0 &&
        is_ours(&now)) /* else the program's own has come */
        asyncp_sys_sigaction(SIGINT, &loop->interrupt.before, NULL);
    atomic_store(&interrupted, NULL);
    atomic_store(&loop->interrupt.count,
                 0); /* one that came when the main task had ended is not the next one's */
    loop_clear_attention(loop, ATTENTION_SIGNAL);
    loop->interrupt.is_ours = false;
}

/* The loop may be another thread's, which the child does not have. */
void asyncp_sigint_fork(void)
{
    struct async_loop *loop = atomic_load(&interrupted);
    if (loop != NULL)
        asyncp_sigint_give_back(loop);
}

void asyncp_sigint_deliver(struct async_loop *loop)
{
    if (loop->interrupt.main_task != NULL)
        asyncp_request(loop, &loop->interrupt.main_task, 1, asyncp_reason(REASON_SIGINT));
}

void asyncp_sigint_aim(struct async_loop *loop, struct async_task *main_task)
{
    loop->interrupt.main_task = main_task;
}

bool asyncp_sigint_came(const struct async_loop *loop)
{
    return atomic_load(&loop->interrupt.count) > 0;
}
