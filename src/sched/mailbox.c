/*
 * sched/mailbox.c: messages from other threads, and the wake-up of the loop. The inbox is a
 * lock-free stack: senders push with compare-and-swap; the loop takes all messages with one
 * exchange and reverses them.
 *
 * No wake-up is lost between the check and the sleep, because both sides use one word, the
 * attention word. A sender sets its flag after it has pushed, and reads SLEEPING in the same
 * operation. The loop sets SLEEPING before it sleeps, and reads the senders' flags in the same
 * operation. So either the sender sees SLEEPING and wakes the loop, or the loop sees the flag and
 * does not sleep.
 */
#include "sched/mailbox.h"
#include "sched/sched.h"
#include "sys/thread.h"

/* If the flag was set already, the thread that has set it wakes the loop. */
void asyncp_attend(struct async_loop *loop, uint32_t reason)
{
    uint32_t before = atomic_fetch_or(&loop->sched.attention, reason);
    if ((before & ATTENTION_SLEEPING) == 0 || (before & reason) != 0)
        return;
    if ((before & ATTENTION_FUTEX) != 0)
        asyncp_sys_futex_wake(&loop->sched.attention);
    else
        asyncp_poller_wake(&loop->poller);
}

void asyncp_check_handler(const struct async_loop *loop, const char *call)
{
    bool sleeps = (atomic_load(&loop->sched.attention) & ATTENTION_SLEEPING) != 0;
    ENSURE(
        !loop_is_iterating(loop) || !sleeps,
        "%s was called in a signal handler, which may interrupt anything; instead of the handler "
        "use async_add_signal_handler, or async_signals_next in a task",
        call);
}

static void receive_message(struct ready *ready)
{
    struct message *message = CONTAINER_OF(ready, struct message, ready);
    message->receive(message, false);
}

void asyncp_mailbox_send(struct async_loop *loop, struct message *message)
{
    message->ready.run = receive_message;
    message->next = atomic_load_explicit(&loop->mailbox.inbox, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&loop->mailbox.inbox, &message->next, message))
        ;
    asyncp_attend(loop, ATTENTION_INBOX);
}

/* Allocated with malloc: the loop's allocator is not thread-safe. */
struct call {
    struct message message;
    void (*function)(void *argument);
    void *argument;
};

static void free_call(struct call *call)
{
    if (call != NULL)
        memory_free(&asyncp_malloc, call, sizeof *call);
}

/*
 * Reuses the call last received by the loop: malloc is slow when one thread frees memory allocated
 * by another.
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
    if (is_closing)
        return;
    loop_set_in_callback(asyncp_current, true);
    called.function(called.argument);
    loop_set_in_callback(asyncp_current, false);
}

int async_call_soon_threadsafe(async_loop *loop, void (*function)(void *argument), void *argument)
{
    if (loop == NULL || function == NULL)
        return async_fail(-EINVAL, "async_call_soon_threadsafe: the loop or the function is NULL");
    ENSURE(loop_is_of_this_process(loop),
           "async_call_soon_threadsafe: the loop was made before fork(), and is the parent's; make "
           "one in the child");
    struct call *call = new_call(loop);
    if (call == NULL)
        return -ENOMEM;
    *call = (struct call){
        .message.receive = receive_call, .function = function, .argument = argument};
    asyncp_mailbox_send(loop, &call->message);
    return 0;
}

static struct message *take_inbox_in_order(struct async_loop *loop)
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

void asyncp_mailbox_take(struct async_loop *loop)
{
    for (struct message *message = take_inbox_in_order(loop); message != NULL;
         message = message->next)
        ready_push(&loop->sched.ready, &message->ready);
}

void asyncp_mailbox_close(struct async_loop *loop)
{
    /* A worker may be between its last message and the wake-up: a few instructions. */
    while (loop_is_of_this_process(loop) && loop_is_held(loop))
        asyncp_sys_yield();
    for (asyncp_mailbox_take(loop); loop->sched.ready.first != NULL; asyncp_mailbox_take(loop)) {
        struct ready *ready = ready_pop(&loop->sched.ready);
        if (ready->run == receive_message) {
            struct message *message = CONTAINER_OF(ready, struct message, ready);
            /* In a child of fork(), other messages than calls lie in frames of the parent. */
            if (!loop_is_inherited(loop) || message->receive == receive_call)
                message->receive(message, true);
        }
    }
    free_call(atomic_exchange(&loop->mailbox.spare, NULL));
}
