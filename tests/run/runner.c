/*
 * runner.c: the main program of the test suite: it finds the tests that registered themselves,
 * forks a process for each case, runs several at once, and prints how many passed. case.c runs
 * inside a case, outcome.c decides its outcome; nothing of the library is used here.
 */
#include "run/capture.h"
#include "run/case.h"
#include "run/faults.h"
#include "run/outcome.h"
#include "run/skips.h"

#include <linux/io_uring.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    GRACE = 2,                  /* seconds past its limit before a case is killed from outside */
    CHECK_INTERVAL = 200000000, /* nanoseconds between two checks for such cases */
    MAX_PARALLEL = 64,          /* cases at once */
    LABEL_SIZE = 160,           /* bytes of a case's name as it is shown */
};

/* The tests of all files, in the order in which their constructors ran. */
static struct test *registered;

/* Seconds of real time that a case may take. */
static unsigned time_limit = 20;

void test_register(struct test *test)
{
    test->next = registered;
    registered = test;
}

/* An error of the runner, not of a test. */
static _Noreturn void fail_runner(const char *what)
{
    perror(what);
    exit(2);
}

/* ---- cases ---------------------------------------------------------------------------------- */

/* One test on one backend, from plan to outcome. */
struct job {
    const struct test *test;
    const char *backend;         /* the backend; NULL: the library's default */
    pid_t process;               /* leader of its process group while it runs */
    int output;                  /* the file in memory that it writes to */
    double started;              /* the clock's reading then */
    double processor;            /* seconds that it and the processes it waited for computed */
    bool overdue;                /* had to be killed from outside */
    struct fault fault;          /* the fault to inject */
    const char *fault_text;      /* the same as text; NULL: none */
    struct fault_record *record; /* its counters of calls */
};

/* The options on the command line. */
static struct {
    char **filters; /* parts of names, one of which a case must contain; none: all cases */
    int filter_count;
    bool list;         /* print the names and run nothing */
    bool verbose;      /* a line for each case, and its output */
    long repeat;       /* times to run it all */
    long parallel;     /* cases at once */
    const char *fault; /* the fault in each case; NULL: none */
    /* cases and their faults come from standard input; prints a line for each */
    bool sweep;
    bool record; /* prints how often each case called each site */
} wanted = {.repeat = 1};

/* The running cases, [0..running_count): also for the handler that kills them. */
static struct job *running[MAX_PARALLEL];
static volatile sig_atomic_t running_count;

static int totals[OUTCOMES];

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* Valid until the next call. */
static const char *label_of(const struct job *job)
{
    static char label[LABEL_SIZE];
    if (!job->test->each_backend)
        return job->test->name;
    snprintf(label, sizeof label, "%s [%s]", job->test->name, job->backend);
    return label;
}

/* Hidden cases fail on purpose; tests of the runner run them. */
static bool is_wanted(const struct job *job)
{
    static const char hidden[] = "selftest_";
    bool is_hidden = strncmp(job->test->name, hidden, sizeof hidden - 1) == 0;
    for (int i = 0; i < wanted.filter_count; i++) {
        const char *filter = wanted.filters[i];
        bool asks_for_hidden = strncmp(filter, hidden, sizeof hidden - 1) == 0;
        if (strstr(label_of(job), filter) != NULL && (asks_for_hidden || !is_hidden))
            return true;
    }
    return wanted.filter_count == 0 && !is_hidden;
}

bool test_uring_is_refused(void)
{
    static int refuses = -1;
    if (refuses < 0) {
        struct io_uring_params parameters = {0};
        long ring = syscall(SYS_io_uring_setup, 1, &parameters);
        refuses = ring < 0;
        if (ring >= 0)
            close((int)ring);
    }
    return refuses == 1;
}

/* Records that no running case uses. */
static struct fault_record *records[MAX_PARALLEL];
static int records_left;

static void make_records(void)
{
    size_t size = MAX_PARALLEL * sizeof(struct fault_record);
    struct fault_record *all = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                                    -1, 0);
    if (all == MAP_FAILED)
        fail_runner("the records");
    while (records_left < MAX_PARALLEL)
        records[records_left++] = all++;
}

/* A script compiles and runs whole programs. */
static unsigned limit_of(const struct test *test)
{
    enum { FOR_SCRIPTS = 5 };
    return test->script != NULL ? FOR_SCRIPTS * time_limit : time_limit;
}

static void start(struct job *job)
{
    if (wanted.record || job->fault_text != NULL)
        job->record = records[--records_left];
    fflush(stdout);
    job->started = now();
    job->output = capture_file("output");
    job->process = fork();
    if (job->output < 0 || job->process < 0)
        fail_runner(label_of(job));
    if (job->process == 0 && job->record != NULL)
        faults_begin(&job->fault, job->record);
    if (job->process == 0)
        case_run(job->test, job->backend, job->output, limit_of(job->test));
    setpgid(job->process, job->process); /* in both: whichever comes first */
    running[running_count] = job;
    running_count++;
}

/* ---- reports -------------------------------------------------------------------------------- */

static void print_result(const struct job *job, enum outcome outcome, const char *reason,
                         const struct output *output)
{
    static const char *const words[OUTCOMES] = {"ok  ", "FAIL", "skip"};
    double seconds = now() - job->started;
    if (outcome == FAILED)
        printf("FAIL %s (%s:%d): %s\n", label_of(job), job->test->file, job->test->line, reason);
    else if (wanted.verbose)
        printf("%s %s (%.2f s, %.2f s of a processor)\n", words[outcome], label_of(job), seconds,
               job->processor);
    if (outcome == FAILED || wanted.verbose)
        output_print(output);
}

/* The last line of its output is the reason. */
static void note_skip(const struct job *job, const struct output *output)
{
    char reason[REASON_SIZE];
    int length;
    const char *line = output_last_line(output, &length);
    snprintf(reason, sizeof reason, "%.*s", length, line);
    skips_add(label_of(job), reason);
}

static void print_calls(const struct job *job)
{
    printf("calls\t%s\t%.2f\t", label_of(job), now() - job->started);
    for (int site = 0; site < TEST_SITES; site++)
        if (job->record->calls[site] > 0)
            printf("%s=%ld ", fault_site_name(site), job->record->calls[site]);
    printf("\n");
}

/* The last line that the case wrote; before one that tells the task of a message, the message. */
static const char *last_message(struct output output, int *length)
{
    static const char of_task[] = "asyncio: in task #";
    const char *line = output_last_line(&output, length);
    if ((size_t)*length < sizeof of_task || memcmp(line, of_task, sizeof of_task - 1) != 0)
        return line;
    output.length = (size_t)(line - output.text);
    return output_last_line(&output, length);
}

/* One line, separated by tabs; the last part is the last message of the case. */
static void print_fault_outcome(const struct job *job, const char *word, const char *reason,
                                const struct output *output)
{
    int length;
    const char *line = last_message(*output, &length);
    printf("verdict\t%s\t%s\t%s\t%s\t%.*s\n", label_of(job), job->fault_text, word, reason, length,
           line);
}

static void finish(struct job *job, int status)
{
    char reason[REASON_SIZE] = "";
    struct ending ending = {job->test, status, job->overdue, limit_of(job->test),
                            output_read(job->output)};
    enum outcome outcome = outcome_of(&ending, reason);
    totals[outcome]++;
    if (wanted.sweep) {
        const char *word = outcome_of_fault(&ending, outcome, job->record->injected > 0);
        print_fault_outcome(job, word, reason, &ending.output);
        free((char *)(uintptr_t)job->fault_text);
    } else
        print_result(job, outcome, reason, &ending.output);
    if (outcome == SKIPPED)
        note_skip(job, &ending.output);
    if (wanted.record)
        print_calls(job);
    if (job->record != NULL)
        records[records_left++] = job->record;
    free(ending.output.text);
    close(job->output);
}

/* ---- running many --------------------------------------------------------------------------- */

static double seconds_of(const struct timeval *time)
{
    return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

/* Kills the processes that the case started, before its number can name another process. */
static void reap(int index)
{
    struct job *job = running[index];
    struct rusage used = {0};
    int status;
    kill(-job->process, SIGKILL);
    while (wait4(job->process, &status, 0, &used) < 0 && errno == EINTR)
        continue;
    job->processor = seconds_of(&used.ru_utime) + seconds_of(&used.ru_stime);
    running_count--;
    running[index] = running[running_count];
    finish(job, status);
}

static bool has_ended(const struct job *job)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)job->process, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid != 0;
}

/*
 * For a case that its own time limit did not end: it may have blocked the signal, or hang in the
 * report.
 */
static void kill_if_overdue(struct job *job)
{
    if (now() - job->started <= limit_of(job->test) + GRACE)
        return;
    job->overdue = true;
    kill(-job->process, SIGKILL);
}

/* Waits until at least one case has ended, and finishes all that have. */
static void collect(const sigset_t *child_signal)
{
    int before = running_count;
    while (running_count == before) {
        for (int i = running_count - 1; i >= 0; i--) {
            kill_if_overdue(running[i]);
            if (has_ended(running[i]))
                reap(i);
        }
        if (running_count == before)
            sigtimedwait(child_signal, NULL, &(struct timespec){.tv_nsec = CHECK_INTERVAL});
    }
}

/* The cases have process groups of their own, so that the terminal's Ctrl-C does not reach them. */
static void on_interrupt(int signal_number)
{
    for (int i = 0; i < running_count; i++)
        kill(-running[i]->process, SIGKILL);
    _exit(128 + signal_number);
}

/*
 * The runner waits for SIGCHLD and is not interrupted by it; it must not be ignored, or statuses
 * would be lost.
 */
static void set_signals(sigset_t *child_signal)
{
    sigemptyset(child_signal);
    sigaddset(child_signal, SIGCHLD);
    sigprocmask(SIG_BLOCK, child_signal, NULL);
    signal(SIGCHLD, SIG_DFL);
    signal(SIGINT, on_interrupt);
    signal(SIGTERM, on_interrupt);
}

/* Cases that have not begun. Those on the real clock mostly wait, and run beside the others. */
struct waiting {
    struct job *next[2], *end; /* the next one by whether it is on the real clock */
};

static struct job *take(struct waiting *waiting, bool real_clock)
{
    struct job **next = &waiting->next[real_clock];
    while (*next < waiting->end && (*next)->test->real_clock != real_clock)
        (*next)++;
    return *next < waiting->end ? (*next)++ : NULL;
}

/* Half of the running cases are on the real clock, as long as there are both. */
static struct job *take_next(struct waiting *waiting)
{
    long on_real_clock = 0;
    for (int i = 0; i < running_count; i++)
        on_real_clock += running[i]->test->real_clock;
    bool real_clock = on_real_clock < wanted.parallel / 2;
    struct job *job = take(waiting, real_clock);
    return job != NULL ? job : take(waiting, !real_clock);
}

static void run_jobs(struct job *jobs, size_t count)
{
    struct waiting waiting = {{jobs, jobs}, jobs + count};
    struct job *job;
    sigset_t child_signal;
    set_signals(&child_signal);
    while ((job = take_next(&waiting)) != NULL) {
        bool on_uring = job->test->each_backend && strcmp(job->backend, "uring") == 0;
        if (on_uring && test_uring_is_refused()) {
            skips_add(label_of(job), "the kernel refuses io_uring");
            continue;
        }
        start(job);
        if (running_count == wanted.parallel)
            collect(&child_signal);
    }
    while (running_count > 0)
        collect(&child_signal);
}

/* ---- which cases ---------------------------------------------------------------------------- */

static int compare_tests(const void *a, const void *b)
{
    const struct test *first = *(struct test *const *)a, *second = *(struct test *const *)b;
    int files = strcmp(first->file, second->file);
    return files != 0 ? files : strcmp(first->name, second->name);
}

/* All registered tests, sorted, so that the order of linking does not matter. */
static struct test **sorted_tests(size_t *count)
{
    *count = 0;
    for (struct test *test = registered; test != NULL; test = test->next)
        (*count)++;
    struct test **tests = calloc(*count + 1, sizeof(struct test *));
    if (tests == NULL)
        fail_runner("the list of cases");
    size_t i = 0;
    for (struct test *test = registered; test != NULL; test = test->next)
        tests[i++] = test;
    qsort(tests, *count, sizeof *tests, compare_tests);
    return tests;
}

/* Writes the selected cases of one test to jobs and returns their number, at most three. */
static size_t plan_test(const struct test *test, struct job *jobs)
{
    static const char *const backends[] = {"epoll", "uring", "sim"};
    size_t count = 0;
    const char *only = getenv("ASYNCIO_BACKEND");
    if (only != NULL && only[0] == '\0')
        only = NULL;
    bool several = test->each_backend && only == NULL;
    for (size_t i = 0; i < (several ? 3 : 1); i++) {
        jobs[count] = (struct job){.test = test, .backend = several ? backends[i] : only};
        if (is_wanted(&jobs[count]))
            count++;
    }
    return count;
}

static struct job *plan(size_t *count)
{
    size_t test_count;
    struct test **tests = sorted_tests(&test_count);
    struct job *jobs = calloc(test_count * 3 * (size_t)wanted.repeat + 1, sizeof *jobs);
    if (jobs == NULL)
        fail_runner("the list of cases");
    *count = 0;
    for (long round = 0; round < wanted.repeat; round++) {
        for (size_t i = 0; i < test_count; i++)
            *count += plan_test(tests[i], jobs + *count);
    }
    free(tests);
    return jobs;
}

/* The case of that label, or NULL; starts where it found the previous one. */
static struct job *find_job(struct job *jobs, size_t count, const char *label, size_t length)
{
    static size_t last;
    for (size_t i = 0; i < count; i++) {
        struct job *job = &jobs[(last + i) % count];
        if (strncmp(label_of(job), label, length) != 0 || label_of(job)[length] != '\0')
            continue;
        last = (last + i) % count;
        return job;
    }
    return NULL;
}

/* The cases that standard input names, one a line, each after a tab with its fault. */
static struct job *plan_sweep(struct job *known, size_t *count)
{
    size_t known_count = *count, room = 0, size = 0;
    struct job *jobs = NULL;
    char *line = NULL;
    for (*count = 0; getline(&line, &size, stdin) > 0; (*count)++) {
        size_t length = strcspn(line, "\t");
        const struct job *job = find_job(known, known_count, line, length);
        if (*count == room)
            jobs = realloc(jobs, (room = room * 2 + 64) * sizeof *jobs);
        if (job == NULL || jobs == NULL || line[length] == '\0')
            fail_runner(line);
        jobs[*count] = *job;
        jobs[*count].fault_text = strndup(line + length + 1, strcspn(line + length + 1, "\n"));
    }
    free(line);
    free(known);
    return jobs;
}

/* Parses the texts of the faults. */
static void parse_faults(struct job *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (jobs[i].fault_text == NULL)
            jobs[i].fault_text = wanted.fault;
        if (jobs[i].fault_text != NULL && !fault_parse(jobs[i].fault_text, &jobs[i].fault))
            fail_runner(jobs[i].fault_text);
    }
}

/* ---- the command line ----------------------------------------------------------------------- */

static const char help[] =
    "usage: suite [options] [NAME]...\n"
    "\n"
    "Runs the tests whose names contain one of the NAMEs, or all. A test of the loop runs once on\n"
    "each backend: its cases are \"name [epoll]\", \"name [uring]\" and \"name [sim]\".\n"
    "\n"
    "  -v                 print a line and the output for each case, and all skipped cases\n"
    "  -j N               run N cases at once; default: twice as many as processors\n"
    "  --repeat N         run everything N times\n"
    "  --list             print the names of the cases and run nothing\n"
    "  --fault SITE:ERROR:CALL[+]\n"
    "                     make that call of the site fail in each case; with +, it and all later\n"
    "                     calls: epoll_ctl:ENOMEM:3 (sites, errors: tests/run/faults.c)\n"
    "  --record, --sweep  for tests/scripts/faults.py: print how often each case calls each site;\n"
    "                     read cases and faults from standard input\n"
    "  --help             print this\n"
    "\n"
    "environment:\n"
    "  ASYNCIO_BACKEND    epoll, uring or sim: only this backend\n"
    "  TEST_TIME_LIMIT    seconds for each case, five times as many for a script; default: 20\n"
    "  MOMENT             cancel_everywhere_*: only this moment\n"
    "  CHAOS_SEED, CHAOS_ROUNDS, STRESS\n"
    "                     chaos_*: first seed, number of rounds; stress_*: number of connections\n"
    "\n"
    "The status is 0 if at least one case passed and none failed, 1 if one failed, and 2 for an\n"
    "error of the runner.\n";

static _Noreturn void print_help(int status)
{
    fprintf(status == 0 ? stdout : stderr, "%s", help);
    exit(status);
}

/* The number in text, at most max; the runner ends if it is below 1. */
static long parse_count(const char *text, long max)
{
    char *end = NULL;
    long number = text == NULL ? 0 : strtol(text, &end, 10);
    if (number < 1 || *end != '\0')
        print_help(2);
    return number < max ? number : max;
}

/* Many cases only wait. */
static long default_parallel(void)
{
    long count = 2 * sysconf(_SC_NPROCESSORS_ONLN);
    return count < MAX_PARALLEL ? count : MAX_PARALLEL;
}

/* Moves the filters to the front of arguments. */
static void read_arguments(int count, char **arguments)
{
    wanted.parallel = default_parallel();
    wanted.filters = arguments;
    for (int i = 1; i < count; i++) {
        const char *argument = arguments[i];
        if (strcmp(argument, "-v") == 0)
            wanted.verbose = true;
        else if (strcmp(argument, "--help") == 0)
            print_help(0);
        else if (strcmp(argument, "--list") == 0)
            wanted.list = true;
        else if (strcmp(argument, "--record") == 0)
            wanted.record = true;
        else if (strcmp(argument, "--sweep") == 0)
            wanted.sweep = true;
        else if (strcmp(argument, "--fault") == 0 && arguments[i + 1] != NULL)
            wanted.fault = arguments[++i];
        else if (strcmp(argument, "-j") == 0)
            wanted.parallel = parse_count(arguments[++i], MAX_PARALLEL);
        else if (strcmp(argument, "--repeat") == 0)
            wanted.repeat = parse_count(arguments[++i], 1000000);
        else if (argument[0] == '-')
            print_help(2);
        else
            wanted.filters[wanted.filter_count++] = arguments[i];
    }
}

/* Returns the exit status of the runner. */
static int print_totals(void)
{
    int skipped = skips_count();
    skips_print(wanted.verbose);
    printf("%d passed, %d failed", totals[PASSED], totals[FAILED]);
    if (skipped > 0)
        printf(", %d skipped", skipped);
    printf("\n");
    return totals[FAILED] == 0 && totals[PASSED] > 0 ? 0 : 1;
}

int main(int count, char **arguments)
{
    size_t job_count;
    const char *limit = getenv("TEST_TIME_LIMIT");
    read_arguments(count, arguments);
    if (limit != NULL)
        time_limit = (unsigned)parse_count(limit, 86400);
    struct job *jobs = plan(&job_count);
    if (wanted.list) {
        for (size_t i = 0; i < job_count; i++)
            puts(label_of(&jobs[i]));
        free(jobs);
        return 0;
    }
    if (wanted.sweep)
        jobs = plan_sweep(jobs, &job_count);
    parse_faults(jobs, job_count);
    make_records();
    if (wanted.record)
        faults_list();
    run_jobs(jobs, job_count);
    free(jobs);
    return print_totals();
}
