/*
 * kit.h: the interfaces between the files of libasyncio-test. A run is one coroutine that runs as a
 * test on a loop of its own; a thread has at most one at a time.
 *
 *      main.c       the program of ASYNC_TEST_MAIN: finds tests, judges them, prints TAP
 *      arguments.c  its arguments, and the environment
 *      process.c    child processes: output, time limit, end, open descriptors
 *      sweep.c      one coroutine run many times, each in a child process
 *      run.c        one run: opens the loop, supervises the coroutine, looks for leaks
 *      clock.c      how time passes in a run, and deadlocks
 *      check.c      checks and their messages
 *      memory.c     the allocator of a run: counts, and fails on demand
 *      calls.c      system calls of a run that fail on demand; call_errors.c: with which errors
 *      pipe.c       pairs of streams in memory
 */
#ifndef KIT_H
#define KIT_H

#include <asyncio/hooks.h>
#include <asyncio/test.h>

/* Exit statuses of a child process. A program that ends itself mostly has a small one. */
enum {
    STATUS_PASSED = 90,
    STATUS_FAILED,
    STATUS_TIME_LIMIT,
    STATUS_UNREACHED, /* of a sweep: there is no such stop, allocation or call */
    STATUS_SKIPPED,
};

/* A task in async_test_settle. */
struct settler {
    async_event settled;
    int64_t next_ns;   /* when it settled: until the next timer; negative: no timer is set */
    size_t operations; /* in flight then, except waits for streams in memory */
    bool has_polled;   /* the kernel was asked, and nothing has run since */
    struct settler *next;
};

struct run {
    async_loop *loop; /* NULL: it could not be opened */
    async_test_options options;
    uint64_t seed;                  /* 0: FIFO */
    async_task *supervisor;         /* borrowed; NULL: it has not begun */
    async_task *subject;            /* the coroutine under test; NULL: it has ended */
    bool has_ended;                 /* the coroutine has; the remaining tasks end now */
    bool has_failed;                /* a check failed, or something was left */
    bool left;                      /* an error was lost, or the loop had to release something */
    char message[288];              /* the text of the error of the coroutine */
    int deadlocks;                  /* how many were found */
    int64_t threads_since_ns;       /* of the real clock; other threads are waited for; 0: not */
    struct settler *settlers;       /* in the order of their calls */
    struct asyncp_test_call *calls; /* that are checked for switches, innermost first */
    long cancel_at;                 /* the stop at which the subject is cancelled; 0: none */
    long stops;                     /* of the subject so far */
    bool was_cancelled;
};

/* ---- main.c --------------------------------------------------------------------------------- */

/* Writes to standard error how the current test is run with this variable. */
void main_say_replay(const char *variable);

/* A run of the current test has ended, which has put so many turns in order. */
void main_note_turns(uint64_t turns);

/* ---- arguments.c ---------------------------------------------------------------------------- */

struct arguments {
    const struct asyncp_test *tests; /* of the program; set before */
    char **names;                    /* of the tests to run, or parts of names; 0: all tests */
    int name_count;
    long seeds; /* runs of each test with another order; 0: one, in the usual order */
    long depth; /* of these orders; 0: a shuffle */
    bool list, verbose;
};

/* Negative: the tests are to run; else the exit status of the program, which has said why. */
int arguments_parse(struct arguments *arguments, int argc, char *argv[]);

bool arguments_want(const struct arguments *arguments, const struct asyncp_test *test);

/* ---- sweep.c -------------------------------------------------------------------------------- */

/* What is wrong with ASYNC_TEST_SWEEP; NULL: nothing, or it is not set. */
const char *sweep_variable_fault(void);

/* Whether this is a run of a sweep, and its event has come. */
bool sweep_has_struck(const struct run *run);

/* ---- run.c ---------------------------------------------------------------------------------- */

/* The run of this thread; NULL: none. */
struct run *run_current(void);

/* The same for a call in a task of its loop; NULL: it is another loop, or no loop. */
struct run *run_of_loop(void);

/*
 * Makes the calling thread's loop that of a run, on a clock that jumps and without a supervisor.
 * For tests of the kit: their loops belong to another runner.
 */
void run_adopt(void);

/* The text of the last run's result. */
const char *run_message(void);

/* A check failed on a thread without a run: the run that is going on has failed. */
void run_fail_elsewhere(void);

/* Makes a copy of options; NULL: the defaults. 0 or -EINVAL. */
int options_copy(async_test_options *copy, const async_test_options *options);

/* Whether failures end the process of the test. */
bool run_is_own_process(void);

/* In a child process of the kit: they do. The runs of the parent are forgotten. */
void run_set_own_process(void);

/* ---- check.c -------------------------------------------------------------------------------- */

/*
 * Reports a failure of the current run. Ends the process if that is the test's own; else cancels
 * the test. Always false.
 */
bool check_failed(const char *file, int line, const char *format, ...) ASYNCP_PRINTF(3, 4);

/* Writes a line to report_fd(). */
void say(const char *format, ...) ASYNCP_PRINTF(1, 2);

/* ---- clock.c -------------------------------------------------------------------------------- */

/* The hook of the loop. */
int64_t clock_decide(void *run, const struct asyncp_idle *idle);

/* ---- memory.c ------------------------------------------------------------------------------- */

async_allocator memory_allocator(void);

/* Of all runs of the process. */
long memory_bytes(void);
long memory_blocks(void);

/* Lets allocation number `at`, from 1, fail, and all later ones, too. 0: none. */
void memory_fail(long at, bool later_ones);

/* Stops and continues counting. */
void memory_arm(bool armed);

/* The allocations since memory_fail. */
long memory_allocations(void);

/* ---- calls.c -------------------------------------------------------------------------------- */

/* Which system call of a run is to fail. */
struct planned_failure {
    long number; /* from 1, among the calls that may fail */
    int choice;  /* the place of the error among those that the call can have */
    int error;   /* 0: that of the choice */
};

/* The result of a plan. */
struct call_outcome {
    long calls;       /* that may fail, until the one that has failed */
    const char *name; /* of that; error == 0: there was no such call */
    int error;
    int choices; /* how many errors it can have */
    int refused; /* errno, where this machine does not support it; 0: it does */
    int lost;    /* errno, with which the parent could not get the child's calls; 0: it could */
};

/* In the parent, before the fork: prepares one run. 0 or -errno. calls_close follows. */
int calls_open(const struct planned_failure *plan);

/* In the child: from now on calls fail. Ends the process if the machine does not support it. */
void calls_begin(void);

/* In a further child: its calls do not fail. */
void calls_forget(void);

/* Whether the calls of the thread count; the value before. */
bool calls_arm(bool armed);

/* The error of the call that has failed in this run; 0: none so far. */
int calls_failed(void);

/* In the parent, after the fork: the descriptor to watch. */
int calls_socket(void);

/* It has events of poll(2): answers the child. The descriptor to watch now; -1: none. */
int calls_serve(int process, short events);

struct call_outcome calls_close(void);

/* ---- process.c ------------------------------------------------------------------------------ */

/*
 * The descriptor for what the kit says: standard error, or in a child another one for the same
 * output, because a test may close or replace that.
 */
int report_fd(void);

/* The descriptors that are open. NULL: no memory. */
struct inventory;
struct inventory *inventory_take(void);

/*
 * Compares with those open now, prints differences, and frees it. Returns whether there are any, or
 * there was no memory for one of the two.
 */
bool inventory_differs(struct inventory *before);

/* A child process and its output. */
struct child {
    int process;
    int output;       /* a file in memory */
    int alive;        /* a pipe that ends with the process */
    int status;       /* as of waitpid(2) */
    bool is_overdue;  /* it was killed from outside */
    bool is_too_long; /* its output */
    /* Set after the start: called for events of `watched`. The next descriptor to watch. */
    int (*serve)(int process, short events);
    int watched; /* -1: none */
};

/* Forks. Returns 0 in the child, and its output goes to the file; 1 in the parent; -errno. */
int child_start(struct child *child, double time_limit);

/* Waits for its end. */
void child_wait(struct child *child, double time_limit);

/* Whether these bytes are anywhere in the output. */
bool child_has_written(const struct child *child, const char *bytes, size_t length);

/*
 * The last bytes of the output, to be shown: a string in which '?' stands for a zero byte. If it is
 * not the whole output, the first line says so. NULL: none or out of memory. The caller frees it.
 */
char *child_output(const struct child *child, size_t max_shown);

/* Why it failed, as text of a line; NULL: its status is one of the others above. */
const char *child_reason(const struct child *child, char *text, size_t size);

/* Ends the process without running its exit handlers. */
_Noreturn void process_end(int status);

/* The highest time limit, in seconds. */
#define MAX_TIME_LIMIT 1e9

/* What is wrong with ASYNC_TEST_TIME_LIMIT; NULL: nothing, or it is not set. */
const char *time_limit_fault(void);

/* Seconds that a test may take. */
double time_limit_of(const async_test_options *options);

/* The same for a child of a test: less than what is left to the test, which reports the child. */
double time_left(double most);

/* ---- pipe.c --------------------------------------------------------------------------------- */

/* The waits for streams in memory among the operations in flight of this thread's loop. */
size_t pipe_waits(void);

#endif
