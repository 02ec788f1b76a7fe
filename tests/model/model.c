/*
 * model/model.c: a loop, up to two threads that send to it, and a SIGINT, in every order of their
 * steps. The library's own source runs: the mailbox, the iteration, the SIGINT handler, and
 * stepping by a host loop. Here is the rest: a kernel with one eventfd and a futex wait on one
 * word, memory that detects use after free, and the properties:
 *
 *     each message is delivered once, those of one thread in order, and its contents can be read
 *     the loop never sleeps for good while a message or a SIGINT waits for it
 *     all allocated memory is freed, also messages to a loop that closes
 *     the signal handler does not use a loop whose run has ended
 *
 * A wait in the kernel may end early, once in a run, and so may a compare-and-swap fail.
 */
#include "loop/loop.h"
#include "sched/sched.h"
#include "explore.h"
#include "memory.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SENDERS = 2, LETTERS = 3, BLOCK = 64, BLOCKS = LETTERS };

/* Something that is sent. */
struct letter {
    int sender; /* 0, 1 */
    int number; /* number of its sender's messages: 1, 2, …; 0: not sent */
    bool came;  /* it was delivered */
};

/* The data that the threads share, beside the words whose values memory.c keeps. */
static struct {
    struct async_loop loop;         /* the loop */
    char blocks[BLOCKS][BLOCK];     /* the blocks that malloc returns */
    bool given[BLOCKS];             /* and has not been given back */
    struct letter letters[LETTERS]; /* all that are sent */
    int delivered[SENDERS];         /* how many of each sender's */
    int ended;                      /* threads that have sent everything */
    bool raised;                    /* the eventfd is readable */
    bool in_futex_wait;             /* the loop is in a futex wait, and was not woken */
    bool ended_early;               /* a wait has */
    int cancelled;                  /* how often SIGINT cancelled the main task */
    bool handled;                   /* the signal handler has returned */
    bool freed;                     /* the run has ended, and the loop may be freed */
} shared MODEL_STATE;

/* The scenarios. */
struct scenario {
    const char *name;          /* as it is printed */
    int letters[SENDERS];      /* that each of them sends */
    bool interrupt;            /* there is a SIGINT as well */
    void (*run)(void *unused); /* the function of the loop's thread */
    bool virtual_clock;        /* of the loop */
    bool operates; /* an operation is in flight, so that it waits for the kernel's events */
    int lag;       /* of loads, in writes */
    /* the loop waits for a thread on another processor, and spins before the futex wait */
    bool looks;
};
static const struct scenario *scenario;

/* ---- the kernel, and what else the source calls --------------------------------------------- */

static bool is_raised(void *unused)
{
    (void)unused;
    return shared.raised;
}

static bool ends_early(void)
{
    if (shared.ended_early || choose(2) == 0)
        return false;
    shared.ended_early = true;
    return true;
}

static void wait_until_raised(void)
{
    if (ends_early())
        step();
    else
        step_when(is_raised, NULL);
    tell(shared.raised ? "is woken" : "stops waiting", 0, 0);
}

int asyncp_poller_wait(struct poller *poller, int64_t timeout_ns)
{
    (void)poller;
    if (timeout_ns < 0)
        wait_until_raised();
    if (!shared.raised)
        return 0;
    step();
    shared.raised = false;
    tell("clears the eventfd", 0, 0);
    return 0;
}

bool asyncp_poller_has_unsubmitted(const struct poller *poller)
{
    (void)poller;
    return false;
}

void asyncp_poller_wake(const struct poller *poller)
{
    (void)poller;
    step();
    if (shared.freed)
        violated("the signal handler uses a loop that was freed");
    shared.raised = true;
    tell("raises the eventfd", 0, 0);
}

static bool is_awake(void *unused)
{
    (void)unused;
    return !shared.in_futex_wait;
}

/* The kernel compares the word now, and no wake-up can come between that and the wait. */
bool asyncp_sys_futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t timeout_ns)
{
    uint32_t now;
    (void)timeout_ns;
    step();
    memcpy(&now, (const void *)word, sizeof now);
    shared.in_futex_wait = now == value;
    tell(shared.in_futex_wait ? "futex wait: %#" PRIx64 : "no futex wait: %#" PRIx64, now, 0);
    if (!shared.in_futex_wait)
        return true;
    if (ends_early())
        step();
    else
        step_when(is_awake, NULL);
    shared.in_futex_wait = false;
    tell("ends the futex wait", 0, 0);
    return true;
}

/* There is one SIGINT, so its handler never ends the process. */
void asyncp_sys_signal_default(int number)
{
    (void)number;
}

void asyncp_sys_raise(int number)
{
    (void)number;
}

/* Runs have no time limit. */
void asyncp_sys_end_by_signal(int number)
{
    (void)number;
    abort();
}

void asyncp_sys_futex_wake(_Atomic uint32_t *word)
{
    (void)word;
    step();
    shared.in_futex_wait = false;
    tell("wakes the word", 0, 0);
}

/* More failed polls would be like one. */
void asyncp_spin(struct spinner *spinner, const _Atomic uint32_t *word, uint32_t bits)
{
    (void)spinner;
    (void)bits;
    atomic_load_explicit(word, memory_order_relaxed);
}

static bool is_handled(void *unused)
{
    (void)unused;
    return shared.handled;
}

/* Only the end of a catch yields. More checks before the handler returns would be like one. */
void asyncp_sys_yield(void)
{
    step_when(is_handled, NULL);
}

uint32_t asyncp_sys_cpu(void)
{
    return 0;
}

__thread struct async_loop *asyncp_current;

/* No fork happens. */
unsigned asyncp_fork_generation(void)
{
    return 0;
}

static void (*sigint_handler)(int number);

int asyncp_sys_sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
    (void)number;
    if (action != NULL)
        sigint_handler = action->sa_handler;
    if (old != NULL)
        *old = (struct sigaction){.sa_handler = SIG_DFL};
    return 0;
}

bool asyncp_sys_is_main_thread(void)
{
    return true;
}

void asyncp_request(struct async_loop *loop, struct async_task *const tasks[], size_t count,
                    const struct error_message *reason)
{
    (void)loop;
    (void)tasks;
    (void)reason;
    shared.cancelled += (int)count;
}

const struct error_message *asyncp_reason(enum reason reason)
{
    (void)reason;
    return NULL;
}

int64_t asyncp_sys_clock_now(void)
{
    return 0;
}

void asyncp_misuse(const char *format, ...)
{
    violated(format);
    abort();
}

void asyncp_broken(const char *condition, const char *where)
{
    (void)where;
    violated(condition);
    abort();
}

/* Called by loop.c in debug mode, and for stacks that have been idle for long. */
struct label asyncp_label(const struct async_task *task)
{
    (void)task;
    return (struct label){"a task"};
}

int async_fail(int code, const char *format, ...)
{
    (void)format;
    return code;
}

void asyncp_report(const char *format, ...)
{
    violated(format);
}

void asyncp_switch_with_exceptions(struct exceptions *shared_by_all, struct context *from,
                                   struct context *to)
{
    (void)shared_by_all;
    (void)from;
    (void)to;
    violated("the model has no C++");
}

/* The switch names it as the last to be asked about a C++ exception. */
void asyncp_stack_personality(void);
void asyncp_stack_personality(void)
{
    violated("the model has no C++");
}

void asyncp_check_waits(struct async_loop *loop)
{
    (void)loop;
}

void asyncp_trim_stacks(struct async_loop *loop)
{
    (void)loop;
}

const char *asyncp_error_meaning(int code)
{
    (void)code;
    return "an error";
}

/* Gives out the lowest free block, so that addresses come again as soon as they can. */
static void *reallocate(void *context, void *block, size_t old_size, size_t new_size)
{
    (void)context;
    size_t i = 0;
    if (new_size == 0) {
        i = (size_t)((char *)block - shared.blocks[0]) / BLOCK;
        if (!shared.given[i])
            violated("a block is freed twice");
        shared.given[i] = false;
        memset(block, 0xdf, old_size);
        return NULL;
    }
    while (shared.given[i])
        i++;
    shared.given[i] = true;
    return shared.blocks[i];
}

const async_allocator asyncp_malloc = {.reallocate = reallocate};

/* ---- the threads ---------------------------------------------------------------------------- */

static void deliver(void *argument)
{
    struct letter *letter = argument;
    if (!memory_sees_letter((int)(letter - shared.letters)))
        violated("a letter is delivered that was perhaps not written yet");
    if (letter->came)
        violated("a letter is delivered twice");
    if (letter->number != ++shared.delivered[letter->sender])
        violated("a letter comes before one that the same thread sent earlier");
    letter->came = true;
}

static void send(void *argument)
{
    int sender = (int)(intptr_t)argument;
    for (int i = 0; i < LETTERS; i++) {
        if (shared.letters[i].sender != sender || shared.letters[i].number == 0)
            continue;
        memory_write_letter(i);
        if (async_call_soon_threadsafe(&shared.loop, deliver, &shared.letters[i]) < 0)
            violated("a letter could not be sent");
    }
    shared.ended++;
}

static void interrupt(void *unused)
{
    (void)unused;
    sigint_handler(SIGINT);
    shared.handled = true;
}

static void run(void *unused)
{
    (void)unused;
    for (;;)
        asyncp_iterate(&shared.loop, -1);
}

/* A host loop: it polls the descriptor, and steps ours when it is readable. */
static void step_by_step(void *unused)
{
    (void)unused;
    for (;;) {
        if (async_loop_step(&shared.loop, 0) < 0)
            violated("the loop cannot be stepped");
        if (async_loop_timeout(&shared.loop) > 0)
            wait_until_raised();
    }
}

static bool all_is_sent(void *unused)
{
    (void)unused;
    return shared.ended == (scenario->letters[0] > 0) + (scenario->letters[1] > 0);
}

/* Closes when all is sent, whether or not it was taken. */
static void iterate_and_close(void *unused)
{
    (void)unused;
    asyncp_iterate(&shared.loop, 0);
    step_when(all_is_sent, NULL);
    asyncp_mailbox_close(&shared.loop);
    for (int i = 0; i < LETTERS; i++)
        shared.letters[i].came = true; /* or was dropped */
}

/* The run ends while the loop counts as asleep, so that the handler would wake it. */
static void end_run(void *unused)
{
    (void)unused;
    loop_set_attention(&shared.loop, ATTENTION_SLEEPING);
    asyncp_interrupt_end(&shared.loop);
    shared.freed = true;
}

/* ---- exploring ------------------------------------------------------------------------------ */

/* A loop that goes on keeps one. */
static bool is_spare(const char *block)
{
    uintptr_t spare;
    memcpy(&spare, (const void *)&shared.loop.mailbox.spare, sizeof spare);
    return scenario->run != iterate_and_close && spare == (uintptr_t)block;
}

static const char *judge(void)
{
    for (int i = 0; i < LETTERS; i++)
        if (shared.letters[i].number != 0 && !shared.letters[i].came)
            return "the loop sleeps for good, and a letter waits for it";
    if (!shared.freed && shared.cancelled != scenario->interrupt)
        return "the loop sleeps for good, and a SIGINT waits for it";
    for (int i = 0; i < BLOCKS; i++)
        if (shared.given[i] && !is_spare(shared.blocks[i]))
            return "something was not freed";
    return NULL;
}

static void set_up_interrupt(void)
{
    asyncp_interrupt_begin(&shared.loop, NULL);
    memory_place(&shared.loop.interrupt.signals[0].caught.count, sizeof(uint32_t));
}

static void set_up(void)
{
    memset(&shared, 0, sizeof shared);
    shared.loop.clock.is_virtual = shared.loop.clock.deterministic = scenario->virtual_clock;
    shared.loop.poller.in_flight = scenario->operates;
    shared.loop.activity.jobs = scenario->looks;
    *(uint32_t *)&shared.loop.activity.worker_seen = scenario->looks ? 2 : 0;
    shared.loop.interrupt.main_task = (struct async_task *)(void *)&shared;
    asyncp_current = &shared.loop;
    memory_begin(scenario->lag);
    memory_place(&shared.loop.sched.attention, sizeof shared.loop.sched.attention);
    memory_place(&shared.loop.mailbox.inbox, sizeof shared.loop.mailbox.inbox);
    memory_place(&shared.loop.mailbox.spare, sizeof shared.loop.mailbox.spare);
    if (scenario->interrupt)
        set_up_interrupt();
    thread_add("loop", scenario->run, NULL);
    for (int i = 0, next = 0; i < SENDERS; i++) {
        for (int j = 1; j <= scenario->letters[i]; j++)
            shared.letters[next++] = (struct letter){.sender = i, .number = j};
        if (scenario->letters[i] > 0)
            thread_add(i == 0 ? "sender 1" : "sender 2", send, (void *)(intptr_t)i);
    }
    if (scenario->interrupt)
        thread_add("SIGINT", interrupt, NULL);
}

static const struct scenario scenarios[] = {
    {"SIGINT comes", .interrupt = true, .run = run, .operates = true, .lag = ANY_LAG},
    {"SIGINT comes to a loop in a futex wait", .interrupt = true, .run = run, .lag = ANY_LAG},
    {"one thread sends 1, and SIGINT comes, virtual clock", .letters = {1, 0}, .interrupt = true,
     .run = run, .virtual_clock = true, .operates = true, .lag = ANY_LAG},
    {"one thread sends 1, and SIGINT comes to a loop in a futex wait, virtual clock",
     .letters = {1, 0}, .interrupt = true, .run = run, .virtual_clock = true, .lag = ANY_LAG},
    {"SIGINT comes while the run ends", .interrupt = true, .run = end_run, .lag = ANY_LAG},
    {"one thread sends 3", .letters = {3, 0}, .run = run, .operates = true, .lag = ANY_LAG},
    {"one thread sends 3 to a loop in a futex wait", .letters = {3, 0}, .run = run, .lag = ANY_LAG},
    {"two threads send 1 each, virtual clock", .letters = {1, 1}, .run = run, .virtual_clock = true,
     .operates = true, .lag = ANY_LAG},
    {"two threads send 1 each", .letters = {1, 1}, .run = run, .operates = true, .lag = ANY_LAG},
    {"two threads send 1 each to a loop in a futex wait", .letters = {1, 1}, .run = run,
     .lag = ANY_LAG},
    {"two threads send 1 each to a loop that spins before a futex wait", .letters = {1, 1},
     .run = run, .lag = ANY_LAG, .looks = true},
    {"two threads send 2 and 1, and the loop closes", .letters = {2, 1}, .run = iterate_and_close,
     .operates = true, .lag = ANY_LAG},
    {"one thread sends 1, and SIGINT comes", .letters = {1, 0}, .interrupt = true, .run = run,
     .operates = true, .lag = ANY_LAG},
    {"one thread sends 1, and SIGINT comes to a loop in a futex wait", .letters = {1, 0},
     .interrupt = true, .run = run, .lag = ANY_LAG},
    {"one thread sends 2, and SIGINT comes", .letters = {2, 0}, .interrupt = true, .run = run,
     .operates = true, .lag = 0},
    {"one thread sends 2, and SIGINT comes to a loop in a futex wait", .letters = {2, 0},
     .interrupt = true, .run = run, .lag = 0},
    {"two threads send 1 each, a host loop steps", .letters = {1, 1}, .run = step_by_step,
     .operates = true, .lag = ANY_LAG},
    {"two threads send 2 and 1", .letters = {2, 1}, .run = run, .operates = true, .lag = 1},
    {"two threads send 2 and 1 to a loop in a futex wait", .letters = {2, 1}, .run = run, .lag = 1},
};

/*
 * A word selects scenarios whose names contain it, or with a '-' in front those whose names do not.
 */
static bool is_chosen(const struct scenario *one, const char *word)
{
    bool without = word != NULL && *word == '-';
    return word == NULL || (strstr(one->name, word + without) != NULL) != without;
}

/*
 * Each scenario has a process of its own: the table of the owners of signals is static, and is not
 * part of the state that is restored.
 */
static struct found explore_in_child(void)
{
    struct found found = {0};
    int ends[2], status;
    if (pipe(ends) < 0)
        exit(1);
    pid_t child = fork();
    if (child == 0) {
        found = explore(set_up, judge);
        _exit(write(ends[1], &found, sizeof found) == sizeof found ? 0 : 1);
    }
    close(ends[1]);
    bool came = read(ends[0], &found, sizeof found) == sizeof found;
    close(ends[0]);
    if (waitpid(child, &status, 0) < 0 || !came || status != 0) {
        if (WIFSIGNALED(status))
            raise(WTERMSIG(status));
        exit(1);
    }
    return found;
}

int main(int count, char **arguments)
{
    struct found sum = {0};
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        if (!is_chosen(&scenarios[i], count > 1 ? arguments[1] : NULL))
            continue;
        scenario = &scenarios[i];
        printf("%s\n", scenario->name);
        struct found found = explore_in_child();
        printf("    %" PRIu64 " states, %" PRIu64 " steps between them, %" PRIu64
               " ends, at most %zu steps\n",
               found.states, found.transitions, found.ends, found.deepest);
        sum.states += found.states;
        sum.transitions += found.transitions;
    }
    printf("%" PRIu64 " states, %" PRIu64 " steps: nothing is violated\n", sum.states,
           sum.transitions);
    return 0;
}
