/*
 * sched/mailbox.c: what other threads send to a loop, and the word that makes it look. A stack
 * without locks: senders push with one compare-and-swap, the loop takes everything with one
 * exchange and turns it round.
 *
 * Nothing is lost between looking and sleeping: a sender sets its bit after it has pushed, the loop
 * sets SLEEPING before it waits, in one word. Whoever comes second sees the other, and either the
 * sender wakes the loop or the loop does not sleep.
 */
#include "sched/mailbox.h"
#include "sched/sched.h"
#include <sched.h>

/* Whoever finds its bit set already leaves the wake to the one who has set it. */
void asyncp_attend(struct async_loop *loop, uint32_t reason)
{
    uint32_t before = atomic_fetch_or(&loop->sched.attention, reason);
    if ((before & ATTENTION_SLEEPING) == 0 || (before & reason) != 0)
        return;
    if ((before & ATTENTION_DOZING) != 0)
        asyncp_sys_word_wake(&loop->sched.attention);
    else
        asyncp_poller_wake(&loop->poller);
}

void asyncp_check_handler(const struct async_loop *loop, const char *call)
{
    bool sleeps = (atomic_load(&loop->sched.attention) & ATTENTION_SLEEPING) != 0;
    ENSURE(!loop_is_iterating(loop) || !sleeps,
           "%s was called in a signal handler, which may interrupt anything; let the handler write "
           "to a pipe or an eventfd that a task waits for with async_wait_readable",
           call);
}

static void deliver(struct ready *ready)
{
    struct message *message = CONTAINER_OF(ready, struct message, ready);
    message->receive(message, false);
}

void asyncp_inbox_send(struct async_loop *loop, struct message *message)
{
    message->ready.run = deliver;
    message->next = atomic_load_explicit(&loop->mailbox.inbox, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&loop->mailbox.inbox, &message->next, message))
        ;
    asyncp_attend(loop, ATTENTION_INBOX);
}

/* A message on the heap: from malloc, because the loop's allocator is one thread's. */
struct call {
    struct message message;           /* how it comes to the loop */
    void (*function)(void *argument); /* to call */
    void *argument;                   /* with what */
};

static void free_call(struct call *call)
{
    if (call != NULL)
        memory_free(&asyncp_malloc, call, sizeof *call);
}

/*
 * The loop keeps one for the next sender: malloc takes long when one thread allocates what another
 * one frees.
 */
static struct call *new_call(struct async_loop *loop)
{
    struct call *spare = atomic_exchange_explicit(&loop->mailbox.spare, NULL, memory_order_acquire);
    return spare != NULL ? spare : memory_new(&asyncp_malloc, sizeof *spare);
}

static void receive_call(struct message *message, bool is_closing)
{
    struct call *call = CONTAINER_OF(message, struct call, message);
    struct call called = *call;
    free_call(atomic_exchange_explicit(&asyncp_current->mailbox.spare, call, memory_order_release));
    if (!is_closing)
        called.function(called.argument);
}

int async_call_soon_threadsafe(async_loop *loop, void (*function)(void *argument), void *argument)
{
    if (loop == NULL || function == NULL)
        return -EINVAL;
    ENSURE(loop_is_of_this_process(loop),
           "async_call_soon_threadsafe: the loop was made before fork(), and is the parent's; make "
           "one in the child");
    struct call *call = new_call(loop);
    if (call == NULL)
        return -ENOMEM;
    *call = (struct call){
        .message.receive = receive_call, .function = function, .argument = argument};
    asyncp_inbox_send(loop, &call->message);
    return 0;
}

static struct message *take_in_order(struct async_loop *loop)
{
    struct message *reversed = atomic_exchange(&loop->mailbox.inbox, NULL);
    struct message *first = NULL;
    while (reversed != NULL) {
        struct message *next = reversed->next;
        reversed->next = first;
        first = reversed;
        reversed = next;
    }
    return first;
}

void asyncp_inbox_take(struct async_loop *loop)
{
    for (struct message *message = take_in_order(loop); message != NULL; message = message->next)
        ready_push(&loop->sched.ready, &message->ready);
}

/* Workers may be between their last message and the wake that follows it: a few steps. */
static void wait_for_remote_references(const struct async_loop *loop)
{
    while (loop_is_of_this_process(loop) && loop_is_held(loop))
        sched_yield();
}

void asyncp_inbox_close(struct async_loop *loop)
{
    wait_for_remote_references(loop);
    for (asyncp_inbox_take(loop); loop->sched.ready.first != NULL; asyncp_inbox_take(loop)) {
        struct ready *ready = ready_pop(&loop->sched.ready);
        if (ready->run == deliver) {
            struct message *message = CONTAINER_OF(ready, struct message, ready);
            if (!loop_is_inherited(loop) ||
                message->receive == receive_call) /* others lie in the parent's frames */
                message->receive(message, true);
        }
    }
    free_call(atomic_exchange(&loop->mailbox.spare, NULL));
}
