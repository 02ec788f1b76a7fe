/*
 * sched/task.c: creating tasks, their first and last steps, and joining them. An ending task stores
 * its result in its record, wakes its waiters, frees its stack while it is still on it, and
 * switches to the next task.
 */
#include "sched/task.h"
#include "base/options.h"
#include "sched/current.h"
#include "sched/ended.h"
#include "sched/future.h"
#include "sched/lifetime.h"
#include "sched/pace.h"

enum { ARGUMENTS_SHARE = 4 }; /* the arguments may take 1/4 of the stack */

/* The error message stays with the result, if it has the same code. */
OUT_OF_LINE static void keep_message(struct coroutine *self, int result)
{
    if (self->message->code == result)
        self->task->message = self->message;
    else
        asyncp_error_message_free(&self->task->loop->memory, self->message);
    self->message = NULL;
}

/*
 * Drops pending requests to cancel. If the task ended with -ECANCELED and has no error message, the
 * reason of the request becomes its message.
 */
OUT_OF_LINE static void drop_requests(struct coroutine *self, int result)
{
    if (self->request_round == ROUND_FORKED)
        asyncp_forked_end(self);
    if (result == -ECANCELED && self->task->message == NULL)
        self->task->message = error_message_unconst(self->reason);
    else
        asyncp_error_message_free(&self->task->loop->memory, error_message_unconst(self->reason));
    self->reason = NULL;
    self->cancel_pending = false;
    self->requests = 0;
    self->request_round = 0;
    self->refusals = 0;
}

OUT_OF_LINE static void drop_locals(struct coroutine *self)
{
    asyncp_locals_release(self->task->loop, self->locals);
    self->locals = NULL;
}

/* Not inline: the label would lie in the first frame of every task. */
OUT_OF_LINE static void report_open_scope(const struct async_task *task)
{
    asyncp_misuse("%s ended inside a timeout or shield that it began; end the scope on "
                  "every way out of the block",
                  asyncp_label(task).text);
}

/* The last step of a task, on its own stack. Returns the context to switch to. */
FLATTEN static void *coroutine_end(struct async_loop *loop, struct coroutine *self, int result)
{
    struct async_task *task = self->task;
    if (unlikely(self->scopes != NULL))
        report_open_scope(task);
    task->result = result;
    if (unlikely(self->message != NULL))
        keep_message(self, result);
    if (unlikely(self->request_round != 0))
        drop_requests(self, result);
    if (unlikely(self->locals != NULL))
        drop_locals(self);
    task_conclude(loop, task);
    stack_give(&loop->tasks.stacks, &self->stack);
    return context_end(loop_goes_on(loop) ? loop_advance(loop) : asyncp_loop_next(loop));
}

/* The first function on every task's stack. */
TOOLS_NO_TSAN static void *coroutine_begin(void *argument)
{
    struct coroutine *self = argument;
    struct async_loop *loop = asyncp_current;
    context_begin(&self->context, &loop->sched.context);
    if (unlikely(loop->sched.exceptions != NULL))
        *loop->sched.exceptions = (struct exceptions){0};
    return coroutine_end(loop, self, self->function->enter(self->arguments));
}

struct pointer_call {
    int (*function)(void *argument);
    void *argument;
};

static int enter_pointer(void *arguments)
{
    const struct pointer_call *call = arguments;
    return call->function(call->argument);
}

/* The first function of the program that the task calls, or a function of the library. */
static const void *called_function(const struct coroutine *self)
{
    const struct pointer_call *call = self->arguments;
    return self->function->enter == enter_pointer ? (const void *)(uintptr_t)call->function
                                                  : (const void *)(uintptr_t)self->function->enter;
}

/* The first function of a task in debug mode, and in a loop that is traced. */
TOOLS_NO_TSAN static void *coroutine_begin_watched(void *argument)
{
    struct coroutine *self = argument;
    struct async_loop *loop = asyncp_current;
    context_begin(&self->context, &loop->sched.context);
    if (unlikely(loop->sched.exceptions != NULL))
        *loop->sched.exceptions = (struct exceptions){0};
    if (loop_is_traced(loop))
        asyncp_tracer_task_begins(loop, self);
    if (loop_is_debug(loop))
        asyncp_check_arguments(loop, self, called_function(self));
    int result = self->function->enter(self->arguments);
    if (loop_is_debug(loop))
        asyncp_ended_note(loop, self, result);
    return coroutine_end(loop, self, result);
}

void asyncp_set_beginning(struct async_loop *loop)
{
    loop->sched.begin = loop_watches_stops(loop) ? coroutine_begin_watched : coroutine_begin;
}

/* The first function of a task whose body is an offloaded job. */
TOOLS_NO_TSAN static void *coroutine_begin_offloaded(void *argument)
{
    struct coroutine *self = argument;
    struct async_loop *loop = asyncp_current;
    context_begin(&self->context, &loop->sched.context);
    if (unlikely(loop->sched.exceptions != NULL))
        *loop->sched.exceptions = (struct exceptions){0};
    if (loop_is_debug(loop))
        asyncp_check_arguments(loop, self, called_function(self));
    return coroutine_end(loop, self,
                         loop->hooks->offload(self->executor, self->function, self->arguments));
}

/*
 * The state of a control block in new memory; an ending task leaves it like this for the next one.
 */
static bool coroutine_is_blank(const struct coroutine *self)
{
    return self->ready.run == NULL && self->wait == NULL && self->scopes == NULL &&
           self->message == NULL && !self->cancel_pending && !self->throttled &&
           self->requests == 0 && self->request_round == 0 && self->refusals == 0 &&
           self->locals == NULL && self->reason == NULL;
}

/*
 * Places the coroutine at the top of its stack and the arguments below it, ready for the first
 * turn.
 */
static void coroutine_set_up(const struct async_loop *loop, struct coroutine *self,
                             const struct asyncp_function *function, const void *arguments)
{
    uintptr_t top = ((uintptr_t)self - function->size) & ~(uintptr_t)15;
    if (unlikely(function->alignment > 16))
        top &= ~(uintptr_t)(function->alignment - 1);
    ASSERT(coroutine_is_blank(self));
    self->select_turn = 0;
    self->function = function;
    self->arguments = (void *)top;
    context_prepare(&self->context, &self->stack.tools, (void *)top, loop->sched.begin, self);
    if (function->size > 0)
        memory_copy(self->arguments, arguments, function->size);
}

static unsigned stack_log_for(const struct async_loop *loop, const async_task_options *options)
{
    if (likely(options == NULL || options->stack_size == 0))
        return loop->tasks.default_log;
    return asyncp_stack_log(&loop->tasks.stacks, options->stack_size);
}

OUT_OF_LINE static void check_argument_size(const struct asyncp_function *function, unsigned log)
{
    ENSURE(log == 0 || function->size <= ((size_t)1 << log) / ARGUMENTS_SHARE,
           "async_create_task(%s): %zu bytes of arguments do not fit on a stack of %zu bytes; pass "
           "a pointer",
           function->name, function->size, (size_t)1 << log);
}

/*
 * Before a stack is reused: marks it as undefined for memory checkers. In debug mode also clears
 * it, which shows how deep the task goes.
 */
__attribute__((cold, noinline)) static void mark_stack_undefined(struct async_loop *loop,
                                                                 const struct stack *stack)
{
    asyncp_stack_mark_undefined(&loop->tasks.stacks, stack);
    if (loop_is_debug(loop))
        asyncp_stack_clean(&loop->tasks.stacks, stack);
}

static struct coroutine *coroutine_new(struct async_loop *loop,
                                       const struct asyncp_function *function,
                                       const async_task_options *options)
{
    unsigned log = stack_log_for(loop, options);
    if (unlikely(function->size > ((size_t)1 << MIN_STACK_LOG) / ARGUMENTS_SHARE))
        check_argument_size(function, log);
    struct stack *stack = log != 0 ? stack_take(&loop->tasks.stacks, log) : NULL;
    if (unlikely(stack == NULL))
        return NULL;
    if (unlikely(loop->debug.instrumented))
        mark_stack_undefined(loop, stack);
    return CONTAINER_OF(stack, struct coroutine, stack);
}

/* Frees the parts of a task that could not be created, and tells its maker. */
static async_task *discard_task(struct async_loop *loop, struct async_task *task,
                                struct coroutine *self, const async_task_options *options)
{
    if (self != NULL && self->locals != NULL)
        drop_locals(self);
    if (self != NULL)
        stack_give(&loop->tasks.stacks, &self->stack);
    if (task != NULL) {
        task->references = 0;
        task->coroutine = NULL;
        task->result = 0;
        task_release(task);
    }
    if (options != NULL && options->asyncp_maker != NULL)
        options->asyncp_maker->start(loop, options->asyncp_maker, NULL);
    return NULL;
}

/* Applies the options. 0 or -ENOMEM. */
static int apply_options(struct async_task *task, struct coroutine *self,
                         const async_task_options *options)
{
    if (options->executor != NULL) {
        self->executor = options->executor;
        context_prepare(&self->context, &self->stack.tools, self->arguments,
                        coroutine_begin_offloaded, self);
    }
    return options->name != NULL ? asyncp_task_rename(task, options->name) : 0;
}

/* Runs the first turn of the task now; the creator goes on after it, in the same burst. */
static void start_eagerly(struct async_loop *loop, struct coroutine *self)
{
    struct coroutine *creator = loop->sched.current;
    ready_push_first(&loop->sched.ready, &creator->ready);
    loop->sched.turns_left++;
    loop->sched.current = self;
    loop_switch(loop, &creator->context, &self->context);
    ASSERT(loop->sched.current == creator);
}

/* The last steps of creating a task with options. */
OUT_OF_LINE static async_task *start_with_options(struct async_loop *loop, struct async_task *task,
                                                  struct coroutine *self,
                                                  const async_task_options *options)
{
    OPTIONS_CHECK(options, "async_create_task_with");
    if (apply_options(task, self, options) < 0)
        return discard_task(loop, task, self, options);
    struct asyncp_maker *maker = options->asyncp_maker;
    int begins = maker != NULL ? maker->start(loop, maker, self) : 1;
    if (begins < 0)
        return discard_task(loop, task, self, NULL);
    loop->tasks.created++;
    if (task->owns_name)
        asyncp_tracer_named(task);
    if (begins && options->eager_start && loop->sched.current != NULL)
        start_eagerly(loop, self);
    else if (begins)
        loop_push(loop, &self->ready);
    return task;
}

async_task *asyncp_create(const struct asyncp_function *function, const void *arguments,
                          const async_task_options *options, const char *where)
{
    struct async_loop *loop = asyncp_current;
    if (unlikely(options != NULL) && options->asyncp_maker != NULL &&
        options->asyncp_maker->make != NULL)
        return options->asyncp_maker->make(options->asyncp_maker, function, arguments, where);
    if (unlikely(loop == NULL)) {
        asyncp_run_expect("async_create_task", function->name, where);
        return NULL;
    }
    struct async_task *task = task_new_record(loop);
    struct coroutine *self = task != NULL ? coroutine_new(loop, function, options) : NULL;
    if (unlikely(self == NULL))
        return discard_task(loop, task, self, options);
    coroutine_set_up(loop, self, function, arguments);
    task_set_up_record(task, self, function->name, where);
    self->task = task;
    self->locals = locals_inherit(loop);
    if (likely(options == NULL)) {
        loop->tasks.created++;
        loop_push(loop, &self->ready);
        return task;
    }
    return start_with_options(loop, task, self, options);
}

async_task *asyncp_create_task_ptr(int (*function)(void *), void *argument,
                                   const async_task_options *options, const char *where)
{
    static const struct asyncp_function description = {enter_pointer, sizeof(struct pointer_call),
                                                       _Alignof(struct pointer_call),
                                                       "async_create_task_ptr", "the library"};
    ENSURE(function != NULL, "async_create_task_ptr: the function is NULL (%s)", where);
    struct pointer_call call = {function, argument};
    return asyncp_create(&description, &call, options, where);
}

/*
 * Forwards the requests of the joining task. If it is among the tasks, it gets no second request.
 */
static void forward_to_all(struct async_loop *loop, struct join *join, struct coroutine *self)
{
    join->passed_on = asyncp_round_pass_on(loop, self);
    asyncp_request(loop, join->tasks, join->count, self->reason);
}

static void forward_to_joined(struct wait *wait)
{
    forward_to_all(wait->coroutine->task->loop, CONTAINER_OF(wait, struct join, wait),
                   wait->coroutine);
}

static void join_one(struct async_loop *loop, struct join *join, struct async_task *task,
                     const char *call)
{
    struct coroutine *self = loop->sched.current;
    if (unlikely(self->cancel_pending && join->passed_on != self->request_round)) {
        forward_to_all(loop, join, self); /* requested after it was woken, or before this wait */
        if (task_done(task))
            return; /* a future ends at once */
    }
    wait_init(&join->wait, call, task, forward_to_joined);
    wait_on(&join->wait, &join->waiter, &task->waiters);
    loop_park(loop, &join->wait);
    ASSERT(task_done(task));
}

/*
 * One after the other, the last first: tasks created together often end in order, so most of them
 * have ended when the last one has.
 */
bool asyncp_join(struct async_loop *loop, async_task *const tasks[], size_t count, const char *call)
{
    struct join join;
    join.tasks = tasks;
    join.count = count;
    join.passed_on = 0;
    if (unlikely(loop->sched.current->cancel_pending)) {
        forward_to_all(loop, &join, loop->sched.current);
        asyncp_fail_cancelled(loop);
    }
    for (size_t i = count; i-- > 0;)
        if (tasks[i] != NULL && !task_done(tasks[i]) && tasks[i]->coroutine != loop->sched.current)
            join_one(loop, &join, tasks[i], call);
    return join.passed_on != 0;
}

/*
 * Moves the error message of an ended task to the running one; copies it unless this is the last
 * reference. A message about another error is kept if there is nothing better.
 */
static void adopt_message(struct async_loop *loop, struct async_task *task, bool last)
{
    struct coroutine *self = loop->sched.current;
    struct error_message *message = task->message;
    bool of_another = self->message != NULL && self->message->code != task->result;
    if (message != NULL && error_message_is_constant(message) && of_another)
        return; /* a constant reason does not replace a message */
    if (message != NULL && !last)
        message = asyncp_error_message_copy(&loop->memory, message);
    else
        task->message = NULL;
    if (message == NULL && (self->message == NULL || self->message->code != task->result))
        return; /* keeps the message */
    asyncp_error_message_free(&loop->memory, self->message);
    self->message = message;
}

int asyncp_task_collect(struct async_loop *loop, struct async_task *task)
{
    if (task == NULL)
        return -ENOMEM;
    ASSERT(task_done(task) && task->references > 0 && task->reserved > 0);
    int result = task->result;
    if (unlikely(result < 0))
        adopt_message(loop, task, task->references == 1);
    task->seen = true;
    task_unreserve(task);
    if (--task->references == 0) {
        task->taken_by = loop->sched.current->task->id;
        task_free(task);
    }
    return result;
}

OUT_OF_LINE static int await_itself(struct async_task *task)
{
    task_detach_reserved(task);
    return async_fail(-EDEADLK, "task '%s' awaits itself", task->name);
}

FLATTEN int async_await(async_task *task)
{
    struct async_loop *loop = loop_enter("async_await");
    if (task == NULL)
        return asyncp_fail_no_task("async_await");
    task_reserve(task, "async_await");
    if (unlikely(task->coroutine == loop->sched.current))
        return await_itself(task);
    bool had_ended = task_done(task);
    asyncp_join(loop, &task, 1, "async_await");
    int result = asyncp_task_collect(loop, task);
    return unlikely(had_ended) ? paced(loop, PACE_STEP, result) : result;
}

void async_task_detach(async_task *task)
{
    if (task == NULL || (unlikely(task->loop != asyncp_current) && loop_is_inherited(task->loop)))
        return; /* an inherited record is freed with its loop */
    task_check(task, "async_task_detach", true);
    if (unlikely(task_handles(task) == task->reserved))
        return; /* all references are reserved by calls */
    if (--task->references == 0)
        task->taken_by = 0;
    if (unlikely(task->references == 0 && task_is_future(task)))
        asyncp_future_settle(task, -ECANCELED); /* no handle is left to set its result */
    else
        task_release(task);
}

async_task *async_current_task(void)
{
    const struct async_loop *loop = asyncp_current;
    return loop != NULL && loop->sched.current != NULL ? loop->sched.current->task : NULL;
}

bool async_task_done(const async_task *task)
{
    if (task == NULL)
        return true;
    task_check(task, "async_task_done", false);
    return task_done(task);
}

bool async_task_cancelled(const async_task *task)
{
    return async_task_done(task) && task != NULL && task->result == -ECANCELED;
}

int async_task_result(async_task *task)
{
    if (task == NULL)
        return -ENOMEM;
    task_check(task, "async_task_result", false);
    if (!task_done(task))
        return -EINPROGRESS;
    task->seen = true;
    if (task->result < 0 && task->loop->sched.current != NULL)
        adopt_message(task->loop, task, false);
    return task->result;
}
