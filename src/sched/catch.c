/*
 * sched/catch.c: the table of the owners of signal numbers, and the one signal handler.
 *
 * The table is the process's, without a lock: a catch becomes the owner of its number by
 * compare-and-swap, and only the owner's thread then changes the signal's action. The handler may
 * run on any thread while the owner's thread ends the catch and frees its memory. So it counts
 * itself in `handlers` before it reads the owner. The end of a catch first removes the owner and
 * then waits until the count is 0.
 */
#include "sched/catch.h"
#include "sched/sched.h"
#include "sys/signals.h"
#include "sys/thread.h"
#include "sys/thread_state.h"
#include <stdio.h>

struct signal_slot {
    _Atomic(struct signal_catch *) owner; /* receives the signals; NULL: the number is free */
    _Atomic(struct signal_catch *) below; /* the run's, below the program's; NULL: none */
    struct sigaction before;              /* what our handler replaced; the owner's thread's */
    _Atomic bool did_nothing;             /* what it replaced ignores the signal */
};

static struct signal_slot slots[NSIG];
static _Atomic uint32_t handlers; /* threads that are in the handler */
static asyncp_signal_handler *(*_Atomic default_of)(int number); /* NULL: SIG_DFL for all */

/* A signal without an owner: the handler is left over, or another handler has called it. */
static void act_as_before(int number)
{
    if (atomic_load(&slots[number].did_nothing))
        return;
    asyncp_sys_signal_default(number);
    asyncp_sys_raise(number);
}

/* Installed with SA_RESTART: otherwise stdio could lose the line that it is writing. */
static void on_signal(int number)
{
    int saved = errno;
    atomic_fetch_add(&handlers, 1);
    struct signal_catch *caught = atomic_load(&slots[number].owner);
    bool received = caught != NULL && (atomic_fetch_add(&caught->count, 1) == 0 || !caught->of_run);
    if (received)
        asyncp_attend(caught->loop, ATTENTION_SIGNAL);
    atomic_fetch_sub(&handlers, 1);
    if (!received)
        act_as_before(number);
    errno = saved;
}

static bool is_ours(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) == 0 && action->sa_handler == on_signal;
}

/* Whether the action is SIG_DFL or SIG_IGN. */
static bool is_action(const struct sigaction *action, void (*plain)(int number))
{
    return (action->sa_flags & SA_SIGINFO) == 0 && action->sa_handler == plain;
}

void asyncp_catch_set_defaults(asyncp_signal_handler *(*of)(int number))
{
    atomic_store(&default_of, of);
}

/* SIG_DFL, or the handler in its place. */
static asyncp_signal_handler *default_handler_of(int number)
{
    asyncp_signal_handler *(*of)(int) = atomic_load(&default_of);
    return of != NULL ? of(number) : SIG_DFL;
}

static bool default_is_to_ignore(int number)
{
    return number == SIGCHLD || number == SIGCONT || number == SIGURG || number == SIGWINCH;
}

/* Installs the handler. 0; -EEXIST: it would replace an action that is not to be replaced. */
static int install_on_signal(struct signal_slot *slot, const struct signal_catch *caught)
{
    const struct sigaction ours = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_RESTART};
    struct sigaction now;
    asyncp_sys_sampling_leave(caught->number);
    int result = asyncp_sys_sigaction(caught->number, NULL, &now);
    if (result < 0)
        return result;
    if (is_ours(&now)) /* an earlier owner failed to restore it */
        now = slot->before;
    bool ignored = is_action(&now, SIG_IGN);
    if (is_action(&now, default_handler_of(caught->number)))
        now = (struct sigaction){.sa_handler = SIG_DFL};
    else if (!is_action(&now, SIG_DFL) && (!ignored || caught->of_run))
        return -EEXIST;
    slot->before = now;
    atomic_store(&slot->did_nothing, ignored || default_is_to_ignore(caught->number));
    return asyncp_sys_sigaction(caught->number, &ours, NULL);
}

/* 0: our handler is installed; -EEXIST: the program has set another action; or -errno. */
static int find_handler_installed(int number)
{
    struct sigaction now;
    int result = asyncp_sys_sigaction(number, NULL, &now);
    if (result < 0)
        return result;
    return is_ours(&now) ? 0 : -EEXIST;
}

static void restore_action(const struct signal_slot *slot, int number)
{
    struct sigaction before = slot->before;
    asyncp_signal_handler *handler = default_handler_of(number);
    if (is_action(&before, SIG_DFL) && handler != SIG_DFL) {
        before = (struct sigaction){.sa_handler = handler, .sa_flags = SA_ONSTACK | SA_RESTART};
        sigfillset(&before.sa_mask);
    }
    if (find_handler_installed(number) == 0) /* else the program has installed its own */
        asyncp_sys_sigaction(number, &before, NULL);
}

/*
 * A change, not a load: either the handler's increment comes second and the handler sees the new
 * owner, or it comes first and is seen here.
 */
static uint32_t count_handlers(void)
{
    return atomic_fetch_add(&handlers, 0);
}

static void set_owner(struct signal_slot *slot, struct signal_catch *next)
{
    atomic_store(&slot->owner, next);
    while (count_handlers() > 0) /* a few instructions on another thread */
        asyncp_sys_yield();
}

/* The loop's catch of this number, the program's or the run's; NULL: none. */
static struct signal_catch *find_kind(const struct async_loop *loop, int number, bool of_run)
{
    LIST_EACH (link, &loop->signals.catches) {
        struct signal_catch *caught = CONTAINER_OF(link, struct signal_catch, link);
        if (caught->number == number && caught->of_run == of_run)
            return caught;
    }
    return NULL;
}

static int become_owner(struct signal_slot *slot, struct signal_catch *caught)
{
    struct signal_catch *none = NULL;
    if (!atomic_compare_exchange_strong(&slot->owner, &none, caught))
        return -EBUSY;
    int result = install_on_signal(slot, caught);
    if (result < 0)
        set_owner(slot, NULL);
    return result;
}

/* The program's catch receives the signals, and the run's is below it, whichever began first. */
static int share_number(struct signal_slot *slot, struct signal_catch *caught,
                        struct signal_catch *other)
{
    int result = find_handler_installed(caught->number);
    if (result < 0)
        return result;
    atomic_store(&slot->below, caught->of_run ? caught : other);
    if (!caught->of_run)
        set_owner(slot, caught);
    return 0;
}

int asyncp_catch_begin(struct async_loop *loop, struct signal_catch *caught)
{
    if (caught->number <= 0 || caught->number >= NSIG)
        return -ERANGE;
    struct signal_slot *slot = &slots[caught->number];
    struct signal_catch *other = find_kind(loop, caught->number, !caught->of_run);
    if (find_kind(loop, caught->number, caught->of_run) != NULL)
        return -EBUSY;
    caught->loop = loop; /* before the handler can read it */
    int result = other != NULL ? share_number(slot, caught, other) : become_owner(slot, caught);
    if (result == 0)
        list_append(&loop->signals.catches, &caught->link);
    return result;
}

void asyncp_catch_end(struct signal_catch *caught)
{
    struct signal_slot *slot = &slots[caught->number];
    list_remove(&caught->link);
    if (atomic_load(&slot->below) == caught)
        atomic_store(&slot->below, NULL);
    if (atomic_load(&slot->owner) != caught) /* the run's, or inherited by a child of fork() */
        return;
    struct signal_catch *next = atomic_exchange(&slot->below, NULL);
    if (next == NULL)
        restore_action(slot, caught->number);
    set_owner(slot, next);
}

struct signal_catch *asyncp_catch_find(const struct async_loop *loop, int number)
{
    return find_kind(loop, number, false);
}

bool asyncp_catches_any(const struct async_loop *loop)
{
    LIST_EACH (link, &loop->signals.catches)
        if (!CONTAINER_OF(link, struct signal_catch, link)->of_run)
            return true;
    return false;
}

void asyncp_catches_deliver(struct async_loop *loop)
{
    LIST_EACH (link, &loop->signals.catches) {
        struct signal_catch *caught = CONTAINER_OF(link, struct signal_catch, link);
        if (catch_came(caught))
            caught->deliver(caught);
    }
}

/* The owners may belong to threads that do not exist in the child. */
void asyncp_catches_fork(void)
{
    atomic_store(&handlers, 0);
    for (int number = 1; number < NSIG; number++) {
        struct signal_slot *slot = &slots[number];
        if (atomic_load(&slot->owner) == NULL)
            continue;
        restore_action(slot, number);
        atomic_store(&slot->below, NULL);
        atomic_store(&slot->owner, NULL);
    }
}

struct signal_name asyncp_signal_name(int number)
{
#define NAME(number) [number] = #number
    static const char *const names[] = {
        NAME(SIGHUP),    NAME(SIGINT),  NAME(SIGQUIT),  NAME(SIGILL),  NAME(SIGTRAP), NAME(SIGABRT),
        NAME(SIGBUS),    NAME(SIGFPE),  NAME(SIGKILL),  NAME(SIGUSR1), NAME(SIGSEGV), NAME(SIGUSR2),
        NAME(SIGPIPE),   NAME(SIGALRM), NAME(SIGTERM),  NAME(SIGCHLD), NAME(SIGCONT), NAME(SIGSTOP),
        NAME(SIGTSTP),   NAME(SIGTTIN), NAME(SIGTTOU),  NAME(SIGURG),  NAME(SIGXCPU), NAME(SIGXFSZ),
        NAME(SIGVTALRM), NAME(SIGPROF), NAME(SIGWINCH), NAME(SIGIO),   NAME(SIGPWR),  NAME(SIGSYS)};
#undef NAME
    struct signal_name name;
    bool known = number > 0 && (size_t)number < sizeof names / sizeof names[0] &&
                 names[number] != NULL;
    if (known)
        snprintf(name.text, sizeof name.text, "%s", names[number]);
    else
        snprintf(name.text, sizeof name.text, "signal %d", number);
    return name;
}
