/*
 * sched/task.c: making tasks, their first and last moments, and joining them. A task that ends
 * hands its result to its record, wakes who waits, gives its stack back while still on it, and goes
 * on in whoever is next.
 */
#include "base/options.h"
#include "sched/task.h"
#include "sched/fork.h"
#include "sched/future.h"
#include "sched/lifetime.h"
#include "sched/pace.h"

enum { ARGUMENTS_SHARE = 4 }; /* of its stack that a task's arguments may take: a quarter */

/* What was said of an error goes with the result, if it is that error. */
OUT_OF_LINE static void keep_sentence(struct coroutine *self, int result)
{
    if (self->sentence->code == result)
        self->task->sentence = self->sentence;
    else
        asyncp_sentence_free(&self->task->loop->memory, self->sentence);
    self->sentence = NULL;
}

/*
 * What was asked of the task ends with it; why is the sentence of its end, if that came of it and
 * no other was said.
 */
OUT_OF_LINE static void forget_requests(struct coroutine *self, int result)
{
    if (self->request_round == ROUND_FORKED)
        asyncp_forked_end(self);
    if (result == -ECANCELED && self->task->sentence == NULL)
        self->task->sentence = sentence_handed_on(self->reason);
    else
        asyncp_sentence_free(&self->task->loop->memory, sentence_handed_on(self->reason));
    self->reason = NULL;
    self->refused = false;
    self->requests = 0;
    self->request_round = 0;
    self->refusals = 0;
}

OUT_OF_LINE static void forget_locals(struct coroutine *self)
{
    asyncp_locals_release(self->task->loop, self->locals);
    self->locals = NULL;
}

/* A function of its own, as the label would lie in the first frame of every task. */
OUT_OF_LINE static void scope_left_open(const struct async_task *task)
{
    asyncp_misuse("%s ended inside a timeout or shelter that it began; end the scope on "
                  "every way out of the block",
                  asyncp_label(task).text);
}

/* The task's last moment on its stack; returns where to go on. */
FLATTEN static void *end(struct async_loop *loop, struct coroutine *self, int result)
{
    struct async_task *task = self->task;
    if (unlikely(self->scopes != NULL))
        scope_left_open(task);
    task->result = result;
    if (unlikely(self->sentence != NULL))
        keep_sentence(self, result);
    if (unlikely(self->request_round != 0))
        forget_requests(self, result);
    if (unlikely(self->locals != NULL))
        forget_locals(self);
    task_conclude(loop, task);
    stack_give(&loop->tasks.stacks, &self->stack);
    return context_end(loop_goes_on(loop) ? loop_advance(loop) : asyncp_loop_next(loop));
}

/* The first function on every task's stack. */
TOOLS_BLIND static void *begin(void *argument)
{
    struct coroutine *self = argument;
    struct async_loop *loop = asyncp_current;
    context_begin(&self->context, &loop->sched.context);
    if (unlikely(loop->sched.exceptions != NULL))
        *loop->sched.exceptions = (struct exceptions){0};
    return end(loop, self, self->function->enter(self->arguments));
}

/* The same in debug mode. */
TOOLS_BLIND static void *begin_checked(void *argument)
{
    struct coroutine *self = argument;
    struct async_loop *loop = asyncp_current;
    context_begin(&self->context, &loop->sched.context);
    if (unlikely(loop->sched.exceptions != NULL))
        *loop->sched.exceptions = (struct exceptions){0};
    asyncp_check_arguments(loop, self);
    return end(loop, self, self->function->enter(self->arguments));
}

void asyncp_set_beginning(struct async_loop *loop)
{
    loop->sched.begin = loop_is_debug(loop) ? begin_checked : begin;
}

/* The first function of a task whose function runs on a worker thread. */
TOOLS_BLIND static void *begin_offloaded(void *argument)
{
    struct coroutine *self = argument;
    struct async_loop *loop = asyncp_current;
    context_begin(&self->context, &loop->sched.context);
    if (unlikely(loop->sched.exceptions != NULL))
        *loop->sched.exceptions = (struct exceptions){0};
    return end(loop, self, loop->hooks->offload(self->executor, self->function, self->arguments));
}

/*
 * As a control block is in new memory, and as every task leaves its own for the next one on its
 * stack.
 */
static bool is_blank(const struct coroutine *self)
{
    return self->ready.run == NULL && self->wait == NULL && self->scopes == NULL &&
           self->sentence == NULL && !self->refused && !self->held_back && self->requests == 0 &&
           self->request_round == 0 && self->refusals == 0 && self->locals == NULL &&
           self->reason == NULL;
}

/*
 * The coroutine at the top of its stack, with its arguments below it; on the way to its first turn.
 */
static void lay_out(const struct async_loop *loop, struct coroutine *self,
                    const struct asyncp_function *function, const void *arguments)
{
    uintptr_t top = ((uintptr_t)self - function->size) & ~(uintptr_t)15;
    if (unlikely(function->alignment > 16))
        top &= ~(uintptr_t)(function->alignment - 1);
    ASSERT(is_blank(self));
    self->select_turn = 0;
    self->function = function;
    self->arguments = (void *)top;
    context_prepare(&self->context, &self->stack.known, (void *)top, loop->sched.begin, self);
    if (function->size > 0)
        memory_copy(self->arguments, arguments, function->size);
}

static unsigned log_of(const struct async_loop *loop, const async_task_options *options)
{
    if (likely(options == NULL || options->stack_size == 0))
        return loop->tasks.default_log;
    return asyncp_stack_log(&loop->tasks.stacks, options->stack_size);
}

OUT_OF_LINE static void check_arguments(const struct asyncp_function *function, unsigned log)
{
    ENSURE(log == 0 || function->size <= ((size_t)1 << log) / ARGUMENTS_SHARE,
           "async_create_task(%s): %zu bytes of arguments do not fit on a stack of %zu bytes; pass "
           "a pointer",
           function->name, function->size, (size_t)1 << log);
}

/* Before a stack is used again, for those who look at it closely. */
__attribute__((cold, noinline)) static void lay_open(struct async_loop *loop,
                                                     const struct stack *stack)
{
    asyncp_stack_open(&loop->tasks.stacks, stack);
    if (loop_is_debug(loop)) /* a clean stack shows how deep this task goes */
        asyncp_stack_clean(&loop->tasks.stacks, stack);
}

static struct coroutine *new_coroutine(struct async_loop *loop,
                                       const struct asyncp_function *function,
                                       const async_task_options *options)
{
    unsigned log = log_of(loop, options);
    if (unlikely(function->size > ((size_t)1 << STACK_LEAST_LOG) / ARGUMENTS_SHARE))
        check_arguments(function, log);
    struct stack *stack = log != 0 ? stack_take(&loop->tasks.stacks, log) : NULL;
    if (unlikely(stack == NULL))
        return NULL;
    if (unlikely(loop->debug.instrumented))
        lay_open(loop, stack);
    return CONTAINER_OF(stack, struct coroutine, stack);
}

/*
 * What is left of a task that is not to be; whoever was to start it is told that there was no
 * memory for it.
 */
static async_task *give_up(struct async_loop *loop, struct async_task *task, struct coroutine *self,
                           const async_task_options *options)
{
    if (self != NULL && self->locals != NULL)
        forget_locals(self);
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

/* What else a task is to be. 0 or -ENOMEM. */
static int follow_options(struct async_task *task, struct coroutine *self,
                          const async_task_options *options)
{
    if (options->executor != NULL) {
        self->executor = options->executor;
        context_prepare(&self->context, &self->stack.known, self->arguments, begin_offloaded, self);
    }
    return options->name != NULL ? asyncp_task_rename(task, options->name) : 0;
}

/* Its first turn, now; the creator's next one is right after it, in the same burst. */
static void begin_at_once(struct async_loop *loop, struct coroutine *self)
{
    struct coroutine *creator = loop->sched.current;
    ready_push_first(&loop->sched.ready, &creator->ready);
    loop->sched.turns_left++;
    loop->sched.current = self;
    loop_switch(loop, &creator->context, &self->context);
    ASSERT(loop->sched.current == creator);
}

/* The last steps of making a task that has options. */
OUT_OF_LINE static async_task *start_with(struct async_loop *loop, struct async_task *task,
                                          struct coroutine *self, const async_task_options *options)
{
    OPTIONS_CHECK(options, "async_create_task_with");
    if (follow_options(task, self, options) < 0)
        return give_up(loop, task, self, options);
    struct asyncp_maker *maker = options->asyncp_maker;
    int begins = maker != NULL ? maker->start(loop, maker, self) : 1;
    if (begins < 0)
        return give_up(loop, task, self, NULL);
    loop->tasks.created++;
    if (begins && options->eager_start && loop->sched.current != NULL)
        begin_at_once(loop, self);
    else if (begins)
        loop_push(loop, &self->ready);
    return task;
}

async_task *asyncp_create(const struct asyncp_function *function, const void *arguments,
                          const async_task_options *options, const char *where)
{
    struct async_loop *loop = asyncp_current;
    struct asyncp_maker *maker = unlikely(options != NULL) ? options->asyncp_maker : NULL;
    if (unlikely(maker != NULL) && maker->make != NULL)
        return maker->make(maker, function, arguments, where);
    if (unlikely(loop == NULL)) {
        asyncp_run_expect("async_create_task", function->name, where);
        return NULL;
    }
    struct async_task *task = task_new_record(loop);
    struct coroutine *self = task != NULL ? new_coroutine(loop, function, options) : NULL;
    if (unlikely(self == NULL))
        return give_up(loop, task, self, options);
    lay_out(loop, self, function, arguments);
    task_set_up_record(task, self, function->name, where);
    self->task = task;
    self->locals = locals_inherit(loop);
    if (likely(options == NULL)) {
        loop->tasks.created++;
        loop_push(loop, &self->ready);
        return task;
    }
    return start_with(loop, task, self, options);
}

struct pointer_call {
    int (*function)(void *argument); /* what to call */
    void *argument;                  /* with what */
};

static int enter_pointer(void *arguments)
{
    const struct pointer_call *call = arguments;
    return call->function(call->argument);
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

struct join {
    struct wait wait;         /* of the task that joins */
    struct waiter waiter;     /* its place with the task it waits for now */
    async_task *const *tasks; /* all it waits for */
    size_t count;             /* of them */
    uint64_t passed_on;       /* the last round of requests that they were told of */
};

/*
 * Passes on what is asked of the joining task; if it is among those it joins, it has been asked
 * already.
 */
static void pass_on_to_all(struct async_loop *loop, struct join *join, struct coroutine *self)
{
    join->passed_on = asyncp_round_pass_on(loop, self);
    asyncp_request(loop, join->tasks, join->count, self->reason);
}

static void pass_on(struct wait *wait)
{
    pass_on_to_all(wait->coroutine->task->loop, CONTAINER_OF(wait, struct join, wait),
                   wait->coroutine);
}

static void wait_for(struct async_loop *loop, struct join *join, struct async_task *task,
                     const char *call)
{
    struct coroutine *self = loop->sched.current;
    if (unlikely(self->refused && join->passed_on != self->request_round)) {
        pass_on_to_all(loop, join,
                       self); /* asked when it was woken already, or in the turn of its refusal */
        if (task_done(task))
            return; /* a future, which is over with that */
    }
    wait_init(&join->wait, call, task, pass_on);
    wait_on(&join->wait, &join->waiter, &task->waiters);
    loop_park(loop, &join->wait);
    ASSERT(task_done(task));
}

/* One after the other, the last first: those that were created together often end in order. */
void asyncp_join(struct async_loop *loop, async_task *const tasks[], size_t count, const char *call)
{
    struct join join;
    join.tasks = tasks;
    join.count = count;
    join.passed_on = 0;
    if (unlikely(loop->sched.current->refused)) {
        pass_on_to_all(loop, &join, loop->sched.current);
        asyncp_refused(loop);
    }
    for (size_t i = count; i-- > 0;)
        if (tasks[i] != NULL && !task_done(tasks[i]) && tasks[i]->coroutine != loop->sched.current)
            wait_for(loop, &join, tasks[i], call);
}

/*
 * Brings the sentence of another task's error to the running task; the last who looks gets it,
 * others a copy.
 */
static void adopt_sentence(struct async_loop *loop, struct async_task *task, bool last)
{
    struct coroutine *self = loop->sched.current;
    struct sentence *sentence = task->sentence;
    bool of_another = self->sentence != NULL && self->sentence->code != task->result;
    if (sentence != NULL && sentence_is_constant(sentence) && of_another)
        return; /* a reason of the library's is not worth a sentence */
    if (sentence != NULL && !last)
        sentence = asyncp_sentence_copy(&loop->memory, sentence);
    else
        task->sentence = NULL;
    if (sentence == NULL && (self->sentence == NULL || self->sentence->code != task->result))
        return; /* what was said of another error stays */
    asyncp_sentence_free(&loop->memory, self->sentence);
    self->sentence = sentence;
}

int asyncp_task_collect(struct async_loop *loop, struct async_task *task)
{
    if (task == NULL)
        return -ENOMEM;
    ASSERT(task_done(task) && task->references > 0 && task->reserved > 0);
    int result = task->result;
    if (unlikely(result < 0))
        adopt_sentence(loop, task, task->references == 1);
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
        return -ENOMEM;
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
        return; /* an inherited record goes with its loop */
    task_check(task, "async_task_detach", true);
    if (unlikely(task_handles(task) == task->reserved))
        return; /* each is another call's to take */
    if (--task->references == 0)
        task->taken_by = 0;
    if (unlikely(task->references == 0 && task_is_future(task)))
        asyncp_future_settle(task, -ECANCELED); /* nobody can do that any more */
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
        adopt_sentence(task->loop, task, false);
    return task->result;
}
