/*
 * tty/scope.c: modes of terminals, which are undone on every way out of them: the end of the scope,
 * exit(3), a signal that ends or stops the process. The shell finds the terminal as it was.
 *
 *      begin ─→ set ⇄ restored     Ctrl-Z restores, SIGCONT sets again
 *                └──→ restored     end, exit, a deadly signal
 *
 * A terminal is restored only if its settings are still ours, and, like every change, only while
 * this process is in its foreground: otherwise the terminal belongs to another program.
 *
 * Invariant: `lock` is held while slots are touched, with all signals of the thread blocked. So a
 * handler never waits for its own thread.
 */
#include "sched/sched.h"
#include "sys/file.h"
#include "sys/signals.h"
#include "sys/terminal.h"
#include <asyncio/terminal.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SCOPES = 16 };

struct terminal_slot {
    unsigned number; /* of the scope, in the order of their beginnings; 0: the slot is free */
    unsigned device;
    int fd; /* the scope's own descriptor */
    async_terminal_mode mode;
    bool is_set;
    struct termios before, ours; /* while it is set */
};

static struct terminal_slot slots[MAX_SCOPES];
static unsigned last_number, active_count;
static atomic_flag lock = ATOMIC_FLAG_INIT;

static void lock_slots(sigset_t *mask)
{
    asyncp_sys_block_signals(mask);
    while (atomic_flag_test_and_set_explicit(&lock, memory_order_acquire))
        continue;
}

static void unlock_slots(const sigset_t *mask)
{
    atomic_flag_clear_explicit(&lock, memory_order_release);
    asyncp_sys_restore_signals(mask);
}

/* ---- settings ------------------------------------------------------------------------------- */

static struct termios with_mode(const struct termios *before, async_terminal_mode mode)
{
    struct termios settings = *before;
    if (mode == ASYNC_TERMINAL_RAW)
        cfmakeraw(&settings);
    if (mode == ASYNC_TERMINAL_NO_ECHO)
        settings.c_lflag &= ~(tcflag_t)ECHO;
    if (mode == ASYNC_TERMINAL_CHARACTERS)
        settings.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    if (mode != ASYNC_TERMINAL_NO_ECHO) {
        settings.c_cc[VMIN] = 1;
        settings.c_cc[VTIME] = 0;
    }
    return settings;
}

static bool are_equal(const struct termios *a, const struct termios *b)
{
    return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag && a->c_cflag == b->c_cflag &&
           a->c_lflag == b->c_lflag && memcmp(a->c_cc, b->c_cc, sizeof a->c_cc) == 0;
}

static bool is_still_ours(const struct terminal_slot *slot)
{
    struct termios now;
    return slot->is_set && asyncp_sys_get_terminal(slot->fd, &now) == 0 &&
           are_equal(&now, &slot->ours);
}

/* Settings that the terminal does not have are left out of `ours`. */
static int set_slot(struct terminal_slot *slot)
{
    if (slot->is_set || !asyncp_sys_is_foreground(slot->fd))
        return 0;
    int result = asyncp_sys_get_terminal(slot->fd, &slot->before);
    slot->ours = with_mode(&slot->before, slot->mode);
    if (result == 0)
        result = asyncp_sys_set_terminal(slot->fd, &slot->ours);
    if (result == 0)
        result = asyncp_sys_get_terminal(slot->fd, &slot->ours);
    slot->is_set = result == 0;
    return result;
}

static void restore_slot(struct terminal_slot *slot)
{
    if (is_still_ours(slot) && asyncp_sys_is_foreground(slot->fd))
        asyncp_sys_set_terminal(slot->fd, &slot->before);
    slot->is_set = false;
}

/* The active slot with the least number above this; or NULL. */
static struct terminal_slot *next_slot(unsigned number)
{
    struct terminal_slot *next = NULL;
    for (size_t i = 0; i < MAX_SCOPES; i++)
        if (slots[i].number > number && (next == NULL || slots[i].number < next->number))
            next = &slots[i];
    return next;
}

/* The active slot with the greatest number below this; or NULL. */
static struct terminal_slot *slot_before(unsigned number)
{
    struct terminal_slot *before = NULL;
    for (size_t i = 0; i < MAX_SCOPES; i++)
        if (slots[i].number != 0 && slots[i].number < number &&
            (before == NULL || slots[i].number > before->number))
            before = &slots[i];
    return before;
}

static void restore_all(void)
{
    for (struct terminal_slot *slot = slot_before(UINT_MAX); slot != NULL;
         slot = slot_before(slot->number))
        restore_slot(slot);
}

/* Unless the last one is in force, a shell has changed the settings meanwhile. */
static void set_all(void)
{
    const struct terminal_slot *last = slot_before(UINT_MAX);
    if (last == NULL || is_still_ours(last))
        return;
    for (struct terminal_slot *slot = next_slot(0); slot != NULL; slot = next_slot(slot->number)) {
        slot->is_set = false;
        set_slot(slot);
    }
}

/* ---- signals -------------------------------------------------------------------------------- */

static void restore_before_the_end(void)
{
    sigset_t mask;
    lock_slots(&mask);
    restore_all();
    unlock_slots(&mask);
}

static void on_deadly_signal(int number)
{
    asyncp_sys_signal_default(number); /* calls restore_before_the_end */
    asyncp_sys_raise(number);
}

static void on_continue(int number)
{
    int saved = errno;
    sigset_t mask;
    (void)number;
    lock_slots(&mask);
    set_all();
    unlock_slots(&mask);
    errno = saved;
}

static void on_stop(int number)
{
    int saved = errno;
    restore_before_the_end();
    asyncp_sys_stop(number);
    on_continue(SIGCONT);
    errno = saved;
}

static const struct {
    int number;
    void (*handler)(int);
} handled[] = {
    {SIGHUP, on_deadly_signal},  {SIGINT, on_deadly_signal},  {SIGQUIT, on_deadly_signal},
    {SIGILL, on_deadly_signal},  {SIGABRT, on_deadly_signal}, {SIGBUS, on_deadly_signal},
    {SIGFPE, on_deadly_signal},  {SIGSEGV, on_deadly_signal}, {SIGPIPE, on_deadly_signal},
    {SIGALRM, on_deadly_signal}, {SIGTERM, on_deadly_signal}, {SIGXCPU, on_deadly_signal},
    {SIGUSR1, on_deadly_signal}, {SIGUSR2, on_deadly_signal}, {SIGVTALRM, on_deadly_signal},
    {SIGPROF, on_deadly_signal}, {SIGXFSZ, on_deadly_signal}, {SIGSYS, on_deadly_signal},
    {SIGTRAP, on_deadly_signal}, {SIGIO, on_deadly_signal},   {SIGPWR, on_deadly_signal},
    {SIGTSTP, on_stop},          {SIGCONT, on_continue},
};

enum { HANDLED_SIGNALS = sizeof handled / sizeof *handled };

static asyncp_signal_handler *handler_of(int number)
{
    for (size_t i = 0; i < HANDLED_SIGNALS; i++)
        if (handled[i].number == number)
            return handled[i].handler;
    return SIG_DFL;
}

/* Changes the action of each signal from one handler to the other, and leaves others alone. */
static void exchange_handlers(bool install)
{
    for (size_t i = 0; i < HANDLED_SIGNALS; i++) {
        struct sigaction now, action = {.sa_flags = SA_ONSTACK | SA_RESTART};
        void (*from)(int) = install ? SIG_DFL : handled[i].handler;
        action.sa_handler = install ? handled[i].handler : SIG_DFL;
        sigfillset(&action.sa_mask);
        if (asyncp_sys_sigaction(handled[i].number, NULL, &now) == 0 &&
            (now.sa_flags & SA_SIGINFO) == 0 && now.sa_handler == from)
            asyncp_sys_sigaction(handled[i].number, &action, NULL);
    }
    asyncp_sys_set_last_call(install ? restore_before_the_end : NULL);
    asyncp_catch_set_defaults(install ? handler_of : NULL);
}

/* The scopes are the parent's. */
static void forget_in_child(void)
{
    if (active_count > 0)
        exchange_handlers(false);
    for (size_t i = 0; i < MAX_SCOPES; i++)
        if (slots[i].number != 0)
            asyncp_sys_close(slots[i].fd);
    memset(slots, 0, sizeof slots);
    active_count = 0;
    atomic_flag_clear(&lock);
}

__attribute__((constructor)) static void install_forgetting(void)
{
    pthread_atfork(NULL, NULL, forget_in_child);
}

/* ---- scopes --------------------------------------------------------------------------------- */

static void free_slot(struct terminal_slot *slot)
{
    slot->number = 0;
    if (--active_count == 0)
        exchange_handlers(false);
}

/* 0 or -errno. */
static int begin_scope(async_terminal_scope *scope, int fd, async_terminal_mode mode)
{
    static bool restores_at_exit;
    struct terminal_slot *slot = slots;
    while (slot < slots + MAX_SCOPES && slot->number != 0)
        slot++;
    if (slot == slots + MAX_SCOPES)
        return -EMFILE;
    *slot = (struct terminal_slot){
        .device = asyncp_sys_terminal_number(fd), .fd = fd, .mode = mode, .number = ++last_number};
    if (active_count++ == 0)
        exchange_handlers(true);
    if (!restores_at_exit)
        restores_at_exit = atexit(restore_before_the_end) == 0;
    int result = set_slot(slot);
    if (result == 0)
        *scope = (async_terminal_scope){(unsigned)(slot - slots), slot->number};
    else
        free_slot(slot);
    return result;
}

int async_terminal_begin(async_terminal_scope *scope, int fd, async_terminal_mode mode)
{
    sigset_t mask;
    struct termios settings;
    if (scope == NULL)
        return async_fail(-EINVAL, "async_terminal_begin: the scope is NULL");
    *scope = (async_terminal_scope){0};
    if (mode < ASYNC_TERMINAL_RAW || mode > ASYNC_TERMINAL_NO_ECHO)
        return async_fail(-EINVAL, "async_terminal_begin: there is no mode %d", (int)mode);
    ASYNC_TRY(asyncp_sys_get_terminal(fd, &settings));
    int own = asyncp_sys_dup(fd);
    if (own < 0)
        return own;
    lock_slots(&mask);
    int result = begin_scope(scope, own, mode);
    unlock_slots(&mask);
    if (result < 0)
        asyncp_sys_close(own);
    return result;
}

/* A later scope on the same terminal goes on; it restores what this one would have restored. */
static void end_slot(struct terminal_slot *slot)
{
    struct terminal_slot *next = next_slot(slot->number);
    while (next != NULL && next->device != slot->device)
        next = next_slot(next->number);
    if (next != NULL && next->is_set && slot->is_set)
        next->before = slot->before;
    else
        restore_slot(slot);
    free_slot(slot);
}

void async_terminal_end(async_terminal_scope *scope)
{
    sigset_t mask;
    if (scope == NULL || scope->asyncp_number == 0 || scope->asyncp_slot >= MAX_SCOPES)
        return;
    struct terminal_slot *slot = &slots[scope->asyncp_slot];
    lock_slots(&mask);
    bool is_active = slot->number == scope->asyncp_number; /* not in a child of fork() */
    int fd = slot->fd;
    if (is_active)
        end_slot(slot);
    unlock_slots(&mask);
    if (is_active)
        asyncp_sys_close(fd);
    scope->asyncp_number = 0;
}
