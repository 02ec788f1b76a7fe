/*
 * sys/sigpipe.c: SIGPIPE is blocked in the thread around a call, and one that the call has raised
 * is taken.
 */
#include "sys/sigpipe.h"
#include <errno.h>
#include <time.h>

/* A signal that was not blocked before cannot have been pending. */
static bool is_sigpipe_pending(const sigset_t *old_mask)
{
    sigset_t pending;
    if (sigismember(old_mask, SIGPIPE) == 0)
        return false;
    return sigpending(&pending) != 0 || sigismember(&pending, SIGPIPE) != 0;
}

void asyncp_sigpipe_block(struct blocked_sigpipe *blocked)
{
    sigemptyset(&blocked->sigpipe);
    sigaddset(&blocked->sigpipe, SIGPIPE);
    blocked->is_blocked = pthread_sigmask(SIG_BLOCK, &blocked->sigpipe, &blocked->old_mask) == 0;
    blocked->must_clear = blocked->is_blocked && !is_sigpipe_pending(&blocked->old_mask);
}

/*
 * Only a call that moved nothing and failed with EPIPE has raised the signal, or one that moved a
 * part: the reader may have gone after the part.
 */
void asyncp_sigpipe_unblock(const struct blocked_sigpipe *blocked, long result, size_t size)
{
    const struct timespec no_wait = {0};
    bool may_have_raised = result == -EPIPE || (result > 0 && (size_t)result < size);
    if (blocked->must_clear && may_have_raised)
        sigtimedwait(&blocked->sigpipe, NULL, &no_wait);
    if (blocked->is_blocked)
        pthread_sigmask(SIG_SETMASK, &blocked->old_mask, NULL);
}
