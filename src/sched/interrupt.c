/*
 * sched/interrupt.c: SIGINT while a loop runs: the first one cancels the main task, the second one
 * has the default action. Only on the main thread, and only if SIGINT had its default action
 * before.
 */
#include "sched/sched.h"
#include "sys/signals.h"
#include "sys/thread.h"

static _Atomic(struct async_loop *) interrupted; /* the loop handling SIGINT; NULL: none */

static void (*_Atomic default_handler)(int); /* NULL: SIG_DFL itself */

/* Installed with SA_RESTART: otherwise stdio could lose the line being written. */
static void on_sigint(int number)
{
    struct async_loop *loop = atomic_load(&interrupted);
    if (loop == NULL || atomic_fetch_add(&loop->interrupt.count, 1) > 0) {
        asyncp_sys_signal_default(number);
        asyncp_sys_raise(number);
        return;
    }
    int saved = errno;
    asyncp_attend(loop, ATTENTION_SIGNAL);
    errno = saved;
}

static bool is_our_handler(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) == 0 && action->sa_handler == on_sigint;
}

void asyncp_sigint_set_default(void (*handler)(int))
{
    atomic_store(&default_handler, handler);
}

static bool is_default(const struct sigaction *action)
{
    void (*handler)(int) = atomic_load(&default_handler);
    return (action->sa_flags & SA_SIGINFO) == 0 &&
           (action->sa_handler == SIG_DFL || (handler != NULL && action->sa_handler == handler));
}

/* What is in force when no run handles SIGINT any more. */
static struct sigaction action_after(const struct sigaction *before)
{
    void (*handler)(int) = atomic_load(&default_handler);
    if (handler == NULL || !is_default(before))
        return *before;
    return (struct sigaction){.sa_handler = handler, .sa_flags = SA_ONSTACK | SA_RESTART};
}

void asyncp_sigint_install(struct async_loop *loop)
{
    struct sigaction now;
    struct sigaction action = {.sa_handler = on_sigint, .sa_flags = SA_ONSTACK | SA_RESTART};
    bool known = asyncp_sys_sigaction(SIGINT, NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) == 0;
    if (known && is_default(&now))
        now = (struct sigaction){.sa_handler = SIG_DFL};
    if (known && is_our_handler(&now)) /* an earlier loop failed to restore it */
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

void asyncp_sigint_restore(struct async_loop *loop)
{
    if (!loop->interrupt.is_ours)
        return;
    struct sigaction now;
    bool known = asyncp_sys_sigaction(SIGINT, NULL, &now) == 0;
    struct sigaction after = action_after(&loop->interrupt.before);
    if (known && is_our_handler(&now)) /* else the program has installed its own */
        asyncp_sys_sigaction(SIGINT, &after, NULL);
    atomic_store(&interrupted, NULL);
    atomic_store(&loop->interrupt.count, 0); /* the next run starts without pending SIGINT */
    loop_clear_attention(loop, ATTENTION_SIGNAL);
    loop->interrupt.is_ours = false;
}

/* The loop may belong to a thread missing in the child. */
void asyncp_sigint_fork(void)
{
    struct async_loop *loop = atomic_load(&interrupted);
    if (loop != NULL)
        asyncp_sigint_restore(loop);
}

void asyncp_sigint_deliver(struct async_loop *loop)
{
    if (loop->interrupt.main_task != NULL)
        asyncp_request(loop, &loop->interrupt.main_task, 1, asyncp_reason(REASON_SIGINT));
}

void asyncp_sigint_set_task(struct async_loop *loop, struct async_task *main_task)
{
    loop->interrupt.main_task = main_task;
}

bool asyncp_sigint_came(const struct async_loop *loop)
{
    return atomic_load(&loop->interrupt.count) > 0;
}
