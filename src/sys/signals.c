/*
 * sys/signals.c: sigaction, raise and sigaltstack.
 */
#include "sys/signals.h"
#include "sys/call.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

int asyncp_sys_sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
    return (int)SYS_CALL(SITE_SIGACTION, sigaction(number, action, old));
}

static void (*_Atomic last_call)(void);

void asyncp_sys_set_last_call(void (*call)(void))
{
    atomic_store(&last_call, call);
}

void asyncp_sys_signal_default(int number)
{
    const struct sigaction action = {.sa_handler = SIG_DFL};
    void (*call)(void) = atomic_load(&last_call);
    if (call != NULL)
        call();
    if (SYS_CALL(SITE_SIGNAL_DEFAULT, sigaction(number, &action, NULL)) < 0)
        abort();
}

void asyncp_sys_raise(int number)
{
    if (SYS_CALL(SITE_RAISE, raise(number)) != 0)
        abort();
}

void asyncp_sys_stop(int number)
{
    const struct sigaction action = {.sa_handler = SIG_DFL};
    struct sigaction before;
    sigset_t stop, mask;
    sigemptyset(&stop);
    sigaddset(&stop, number);
    if (SYS_CALL(SITE_SIGACTION, sigaction(number, &action, &before)) < 0)
        return;
    raise(number);
    pthread_sigmask(SIG_UNBLOCK, &stop, &mask); /* stops here */
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    sigaction(number, &before, NULL);
}

void asyncp_sys_block_signals(sigset_t *before)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, before);
}

void asyncp_sys_restore_signals(const sigset_t *before)
{
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

void asyncp_sys_end_by_signal(int number)
{
    sigset_t only;
    asyncp_sys_signal_default(number);
    sigemptyset(&only);
    sigaddset(&only, number);
    pthread_sigmask(SIG_UNBLOCK, &only, NULL);
    asyncp_sys_raise(number);
    _exit(128 + number);
}

static void abort_now(int number)
{
    (void)number;
    abort();
}

static void note_alarm(struct sys_alarm *alarm)
{
    const struct itimerval none = {.it_value = {.tv_sec = 0}};
    sigset_t pending;
    setitimer(ITIMER_REAL, &none, &alarm->timer);
    sigaction(SIGALRM, NULL, &alarm->action);
    pthread_sigmask(SIG_SETMASK, NULL, &alarm->mask);
    sigemptyset(&pending);
    sigpending(&pending);
    alarm->is_pending = sigismember(&pending, SIGALRM) == 1;
}

void asyncp_sys_abort_after(unsigned seconds, struct sys_alarm *before)
{
    const struct sigaction action = {.sa_handler = abort_now, .sa_flags = SA_ONSTACK};
    const struct sigaction none = {.sa_handler = SIG_IGN};
    const struct itimerval limit = {.it_value = {.tv_sec = (time_t)seconds}};
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, SIGALRM);
    note_alarm(before);
    sigaction(SIGALRM, &none, NULL); /* drops one that is pending: it would abort at once */
    sigaction(SIGALRM, &action, NULL);
    pthread_sigmask(SIG_UNBLOCK, &only, NULL);
    setitimer(ITIMER_REAL, &limit, NULL);
}

void asyncp_sys_cancel_abort(const struct sys_alarm *before)
{
    const struct itimerval none = {.it_value = {.tv_sec = 0}};
    setitimer(ITIMER_REAL, &none, NULL);
    pthread_sigmask(SIG_SETMASK, &before->mask, NULL);
    sigaction(SIGALRM, &before->action, NULL);
    setitimer(ITIMER_REAL, &before->timer, NULL);
    if (before->is_pending)
        kill(getpid(), SIGALRM);
}

bool asyncp_sys_has_signal_stack(void)
{
    stack_t now;
    return sigaltstack(NULL, &now) == 0 && (now.ss_flags & SS_DISABLE) == 0;
}

int asyncp_sys_set_signal_stack(void *start, size_t size)
{
    stack_t stack = {.ss_sp = start, .ss_size = size};
    return (int)SYS_CALL(SITE_SIGNAL_STACK, sigaltstack(&stack, NULL));
}

bool asyncp_sys_remove_signal_stack(void *start)
{
    stack_t now, none = {.ss_flags = SS_DISABLE};
    if (sigaltstack(NULL, &now) != 0)
        return false;
    bool is_current = (now.ss_flags & SS_DISABLE) == 0 && now.ss_sp == start;
    return !is_current || sigaltstack(&none, NULL) == 0;
}
