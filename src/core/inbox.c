/*
 * core/inbox.c: what other threads send to a loop, and the word that makes it look. A stack without locks: senders
 * push with one compare-and-swap, the loop takes everything with one exchange and turns it round.
 *
 * Nothing is lost between looking and sleeping: a sender sets its bit after it has pushed, the loop sets SLEEPING
 * before it waits, in one word. Whoever comes second sees the other, and either the sender wakes the loop
 * or the loop does not sleep.
 */
#include "core/loop.h"

struct message {
    struct ready ready;               /* in the ready queue once it was taken */
    struct message *next;             /* sent before it */
    void (*function)(void *argument); /* to call */
    void *argument;                   /* with what */
};

void async__attend(struct async_loop *loop, uint32_t reason)
{
    if ((atomic_fetch_or(&loop->attention, reason) & ATTENTION_SLEEPING) != 0)
        async__poller_wake(&loop->poller);
}

static void free_message(struct message *message)
{
    memory_free(&async__malloc, message, sizeof *message);
}

static void run(struct ready *ready)
{
    struct message *message = CONTAINER_OF(ready, struct message, ready);
    struct message called = *message;
    free_message(message);
    called.function(called.argument);
}

int async_call_soon_threadsafe(async_loop *loop, void (*function)(void *argument), void *argument)
{
    if (loop == NULL || function == NULL)
        return -EINVAL;
    struct message *message = memory_new(&async__malloc,
                                         sizeof *message); /* the loop's allocator is one thread's */
    if (message == NULL)
        return -ENOMEM;
    message->ready.run = run;
    message->function = function;
    message->argument = argument;
    message->next = atomic_load_explicit(&loop->inbox, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&loop->inbox, &message->next, message))
        ;
    async__attend(loop, ATTENTION_INBOX);
    return 0;
}

static struct message *take_in_order(struct async_loop *loop)
{
    struct message *reversed = atomic_exchange(&loop->inbox, NULL);
    struct message *first = NULL;
    while (reversed != NULL) {
        struct message *next = reversed->next;
        reversed->next = first;
        first = reversed;
        reversed = next;
    }
    return first;
}

void async__inbox_take(struct async_loop *loop)
{
    for (struct message *message = take_in_order(loop); message != NULL; message = message->next)
        ready_push(&loop->ready, &message->ready);
}

void async__inbox_close(struct async_loop *loop)
{
    async__inbox_take(loop);
    while (loop->ready.first != NULL) {
        struct ready *ready = ready_pop(&loop->ready);
        if (ready->run == run)
            free_message(CONTAINER_OF(ready, struct message, ready));
    }
}
