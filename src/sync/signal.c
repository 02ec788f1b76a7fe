/*
 * sync/signal.c: async_signals, which tasks wait for, and async_add_signal_handler, which calls
 * functions. Both stand on the catches of sched/catch.h, which count the signals. A set is like a
 * queue whose items are the counts; a handler defers its call to the end of the iteration, which
 * needs no memory.
 */
#include "base/values.h"
#include "sched/current.h"
#include "sched/pace.h"
#include "sys/report.h"
#include "sys/thread_state.h"
#include <asyncio/signal.h>
#include <signal.h>

/* ---- both ------------------------------------------------------------------------------------ */

static struct async_loop *loop_for_signals(const char *call)
{
    struct async_loop *loop = asyncp_current;
    asyncp_check_inherited(call);
    ENSURE(loop != NULL, "%s: this thread has no loop; call it in a coroutine or a callback", call);
    loop_check_handler(loop, call);
    return loop;
}

/* The error of a catch that could not begin, with its message. */
static int fail_to_catch(const char *call, int number, int error)
{
    struct signal_name name = asyncp_signal_name(number);
    if (error == -EBUSY)
        return async_fail(-EBUSY,
                          "%s: %s is used by another set, handler or loop; free that one first",
                          call, name.text);
    if (error == -EEXIST)
        return async_fail(-EBUSY,
                          "%s: the program has installed a handler of %s by sigaction, which is "
                          "not replaced; set SIG_DFL first",
                          call, name.text);
    if (error == -EINVAL || error == -ERANGE)
        return async_fail(-EINVAL, "%s: %s cannot be caught; choose another number", call,
                          name.text);
    return async_fail_errno(error, "%s: sigaction for %s", call, name.text);
}

static void report_if_blocked(const char *call, int number)
{
    if (asyncp_sys_is_signal_blocked(number))
        asyncp_report("%s: %s never comes: all threads of the process block it; let one of them "
                      "take it by pthread_sigmask(3)",
                      call, asyncp_signal_name(number).text);
}

static int begin_catch(struct async_loop *loop, struct signal_catch *caught, const char *call)
{
    int number = caught->number;
    if (number == SIGSEGV || number == SIGBUS || number == SIGFPE || number == SIGILL)
        return async_fail(-EINVAL,
                          "%s: %s reports a fault of the running code, which cannot go on; "
                          "install a handler by sigaction",
                          call, asyncp_signal_name(number).text);
    int result = asyncp_catch_begin(loop, caught);
    if (result == 0 && loop_is_debug(loop))
        report_if_blocked(call, number);
    return result < 0 ? fail_to_catch(call, number, result) : 0;
}

/* ---- sets ------------------------------------------------------------------------------------ */

struct caught_signal {
    struct signal_catch caught;
    struct async_signals *set;
};

struct async_signals {
    struct async_loop *loop;
    struct list waiters; /* empty while a signal that came was not taken, once it is delivered */
    bool freed;          /* the memory is kept until the loop closes */
    struct close_hook close_hook;
    size_t count;
    struct caught_signal signals[];
};

static size_t set_size(size_t count)
{
    return sizeof(struct async_signals) + count * sizeof(struct caught_signal);
}

/* Takes a signal that came. Its number; 0: none came. */
static int take_signal(struct async_signals *set)
{
    for (size_t i = 0; i < set->count; i++)
        if (catch_take_one(&set->signals[i].caught))
            return set->signals[i].caught.number;
    return 0;
}

/* Hands the signals that came to the tasks that have waited longest. */
static void serve_waiters(struct async_signals *set)
{
    struct waiter *waiter;
    for (int number;
         (waiter = waiter_first(&set->waiters)) != NULL && (number = take_signal(set)) != 0;)
        asyncp_wake(waiter->wait, waiter, number);
}

static void deliver_to_set(struct signal_catch *caught)
{
    serve_waiters(CONTAINER_OF(caught, struct caught_signal, caught)->set);
}

static void end_catches(struct async_signals *set, size_t count)
{
    for (size_t i = 0; i < count; i++)
        asyncp_catch_end(&set->signals[i].caught);
}

static void free_set_memory(struct async_signals *set)
{
    memory_free(&set->loop->memory, set, set_size(set->count));
}

static void close_set(struct close_hook *hook)
{
    struct async_signals *set = CONTAINER_OF(hook, struct async_signals, close_hook);
    list_remove(&hook->link);
    if (!set->freed)
        end_catches(set, set->count);
    free_set_memory(set);
}

static int begin_catches(struct async_signals *set, const int numbers[], const char *call)
{
    for (size_t i = 0; i < set->count; i++) {
        struct caught_signal *signal = &set->signals[i];
        signal->set = set;
        signal->caught = (struct signal_catch){.deliver = deliver_to_set, .number = numbers[i]};
        int result = begin_catch(set->loop, &signal->caught, call);
        if (result < 0) {
            end_catches(set, i);
            return result;
        }
    }
    return 0;
}

static int new_set(async_signals **out, const int numbers[], size_t count, const char *call)
{
    struct async_loop *loop = loop_for_signals(call);
    *out = NULL;
    if (numbers == NULL || count == 0 || count > NSIG)
        return async_fail(-EINVAL, "%s: name from one signal to all signals", call);
    struct async_signals *set = memory_new(&loop->memory, set_size(count));
    if (set == NULL)
        return -ENOMEM;
    set->loop = loop;
    set->count = count;
    int result = begin_catches(set, numbers, call);
    if (result < 0) {
        free_set_memory(set);
        return result;
    }
    set->close_hook.on_close = close_set;
    loop_add_close_hook(loop, &set->close_hook);
    *out = set;
    return 0;
}

int async_signals_new_n(async_signals **signals, const int numbers[], size_t count)
{
    if (signals == NULL)
        return async_fail(-EINVAL, "async_signals_new: the place for the set is NULL");
    return new_set(signals, numbers, count, "async_signals_new");
}

void async_signals_free(async_signals *set)
{
    static const char call[] = "async_signals_free";
    if (set == NULL)
        return;
    ENSURE(!set->freed, "%s: the set was freed already", call);
    struct async_loop *before = release_begin(set->loop, call, "the set of signals");
    asyncp_cancel_waiters(&set->waiters, call);
    end_catches(set, set->count);
    list_remove(&set->close_hook.link);
    set->freed = true;
    asyncp_keep_freed(set->loop, &set->close_hook);
    release_end(before);
}

static int await_signal(struct async_loop *loop, struct async_signals *set, const char *call)
{
    serve_waiters(set); /* signals that came and are not delivered yet */
    int number = take_signal(set);
    if (number != 0)
        return paced(loop, PACE_STEP, number);
    return asyncp_wait_in_list(loop, &set->waiters, call, set, asyncp_cancel_wait);
}

int async_signals_next(async_signals *set)
{
    static const char call[] = "async_signals_next";
    struct async_loop *loop = loop_enter(call);
    if (unlikely(loop_running(loop)->cancel_pending))
        return asyncp_fail_cancelled(loop); /* before any use of the set, which may be freed */
    ENSURE(set != NULL, "%s: the set is NULL; check the result of async_signals_new", call);
    if (set->loop != loop)
        asyncp_wrong_loop(set->loop, call, "the set of signals");
    if (set->freed) {
        int error = async_fail(-ECANCELED, "the set of signals was freed");
        asyncp_yield_once(loop);
        return error;
    }
    return await_signal(loop, set, call);
}

int async_signal_wait_n(const int numbers[], size_t count)
{
    static const char call[] = "async_signal_wait";
    struct async_signals *set;
    struct async_loop *loop = loop_enter(call);
    if (unlikely(loop_running(loop)->cancel_pending))
        return asyncp_fail_cancelled(loop);
    int result = new_set(&set, numbers, count, call);
    if (result < 0)
        return result;
    result = await_signal(loop, set, call);
    close_set(&set->close_hook);
    return result;
}

/* ---- handlers -------------------------------------------------------------------------------- */

struct signal_handler {
    struct signal_catch caught;
    struct deferred deferred; /* calls the function */
    bool is_deferred;
    void (*function)(int number, void *context);
    void *context;
    struct locals *locals; /* task-local values of the caller that added it; NULL: none */
    struct close_hook close_hook;
};

/* The function may remove its handler. */
static void call_function(struct deferred *deferred)
{
    struct signal_handler *handler = CONTAINER_OF(deferred, struct signal_handler, deferred);
    struct async_loop *loop = handler->caught.loop;
    handler->is_deferred = false;
    asyncp_locals_of_callback(loop, handler->locals);
    struct locals *held = asyncp_locals_inherit(loop);
    loop_set_in_callback(loop, true);
    handler->function(handler->caught.number, handler->context);
    loop_set_in_callback(loop, false);
    asyncp_locals_of_callback(loop, NULL);
    if (held != NULL)
        asyncp_locals_release(loop, held);
}

static void defer_call(struct signal_catch *caught)
{
    struct signal_handler *handler = CONTAINER_OF(caught, struct signal_handler, caught);
    if (!catch_take_all(caught) || handler->is_deferred)
        return;
    handler->is_deferred = true;
    loop_defer(caught->loop, &handler->deferred);
}

static void release_locals(struct signal_handler *handler)
{
    if (handler->locals != NULL)
        asyncp_locals_release(handler->caught.loop, handler->locals);
    handler->locals = NULL;
}

static void close_handler(struct close_hook *hook)
{
    struct signal_handler *handler = CONTAINER_OF(hook, struct signal_handler, close_hook);
    struct async_loop *loop = handler->caught.loop;
    list_remove(&hook->link);
    asyncp_catch_end(&handler->caught);
    if (handler->is_deferred)
        list_remove(&handler->deferred.link);
    release_locals(handler);
    memory_free(&loop->memory, handler, sizeof *handler);
}

/* The handler that this loop has for the signal; NULL: none. */
static struct signal_handler *find_handler(const struct async_loop *loop, int number)
{
    struct signal_catch *caught = asyncp_catch_find(loop, number);
    return caught != NULL && caught->deliver == defer_call
               ? CONTAINER_OF(caught, struct signal_handler, caught)
               : NULL;
}

/* A new handler without a function. 0 or -errno. */
static int new_handler(struct async_loop *loop, int number, struct signal_handler **out,
                       const char *call)
{
    struct signal_handler *handler = memory_new(&loop->memory, sizeof *handler);
    if (handler == NULL)
        return -ENOMEM;
    handler->caught = (struct signal_catch){.deliver = defer_call, .number = number};
    handler->deferred.run = call_function;
    int result = begin_catch(loop, &handler->caught, call);
    if (result < 0) {
        memory_free(&loop->memory, handler, sizeof *handler);
        return result;
    }
    handler->close_hook.on_close = close_handler;
    loop_add_close_hook(loop, &handler->close_hook);
    *out = handler;
    return 0;
}

int async_add_signal_handler(int number, void (*function)(int number, void *context), void *context)
{
    static const char call[] = "async_add_signal_handler";
    struct async_loop *loop = loop_for_signals(call);
    if (function == NULL)
        return async_fail(-EINVAL, "%s: the function is NULL", call);
    struct signal_handler *handler = find_handler(loop, number);
    int result = handler == NULL ? new_handler(loop, number, &handler, call) : 0;
    if (result < 0)
        return result;
    release_locals(handler);
    handler->locals = asyncp_locals_inherit(loop);
    handler->function = function;
    handler->context = context;
    return 0;
}

bool async_remove_signal_handler(int number)
{
    struct async_loop *loop = asyncp_current;
    struct signal_handler *handler = loop != NULL ? find_handler(loop, number) : NULL;
    if (handler == NULL)
        return false;
    close_handler(&handler->close_hook);
    return true;
}
