/*
 * top/stall.c: a thread that computes is asked by a signal for its registers and its stack; one
 * that sleeps in the kernel is not disturbed: /proc tells the call and the stack pointer, and a
 * signal would end the sleep of the program's call.
 */
#include "top/stall.h"
#include "show/words.h"
#include "sys/clock.h"
#include "sys/frames.h"
#include "top/blocking.h"
#include "top/own_look.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Each line says where it comes from: programs print meanwhile. */
#define LINE "asyncio: "

enum {
    MAX_SHOWN_FRAMES = 12,
    SCANNED_BYTES = 4096,
    PAGE_BYTES = 4096,
    FEW_FRAMES = 3,
    MAX_LOOKS = 20
};

/* A task that had a processor for so long gets the hint, however busy the machine is. */
static const int64_t LONG_NS = 100000000;

enum stall_cause asyncp_stall_cause(const struct thread_times *before,
                                    const struct thread_times *now, int64_t held_ns)
{
    if (now->queued_ns - before->queued_ns >= held_ns / 2)
        return STALL_STARVED;
    return now->ran_ns - before->ran_ns >= held_ns / 2 ? STALL_COMPUTES : STALL_BLOCKED;
}

/* ---- calls ---------------------------------------------------------------------------------- */

struct frames {
    uint64_t addresses[MAX_FRAMES];
    size_t count;
    size_t guessed; /* from here on they are guessed */
};

/* What is known of the thread at the moment of the report. */
struct evidence {
    enum stall_cause cause;
    bool has_call;
    struct thread_call call; /* if has_call */
    int sampled;             /* 0, or the error of the sample; if not has_call */
    uint64_t sp;             /* the stack pointer; 0: unknown */
    struct frames frames;
};

static void find_sampled(struct own_look *look, const struct thread_sample *sample,
                         struct frames *frames)
{
    const struct piece stack = {.address = sample->sp,
                                .bytes = (void *)(uintptr_t)sample->stack,
                                .size = sample->stack_bytes,
                                .was_read = true};
    struct registers registers = {.pc = sample->pc, .known = sample->known};
    for (unsigned i = 0; i < CFI_REGISTERS && i < SAMPLE_REGISTERS; i++)
        registers.values[i] = sample->registers[i];
    frames->count = asyncp_unwind_from(&look->unwinder, &registers, &stack, &asyncp_any_stack,
                                       frames->addresses);
    frames->guessed = frames->count;
}

/* The code is read as all memory is: its file may be unloaded meanwhile. */
static bool follows_call(const struct own_look *look, uint64_t address)
{
    unsigned char code[MAX_CALL_BYTES];
    bool is_code = false;
    for (size_t i = 0; i < look->range_count && !is_code; i++)
        is_code = address - sizeof code >= look->ranges[i].start && address < look->ranges[i].end;
    return is_code &&
           asyncp_view_read(&asyncp_own_view, address - sizeof code, code, sizeof code) == 0 &&
           asyncp_ends_in_call(code);
}

/*
 * Return addresses above a stack pointer, for code that needs a register that is not known, and for
 * a libc without tables. The stack may end at each page.
 */
static void guess_callers(const struct own_look *look, uint64_t sp, struct frames *frames)
{
    static uintptr_t words[SCANNED_BYTES / sizeof(uintptr_t)];
    const uint64_t end = sp + SCANNED_BYTES;
    frames->guessed = frames->count;
    for (uint64_t at = sp, next; at < end && frames->count < MAX_FRAMES; at = next) {
        next = (at / PAGE_BYTES + 1) * PAGE_BYTES < end ? (at / PAGE_BYTES + 1) * PAGE_BYTES : end;
        if (asyncp_view_read(&asyncp_own_view, at, words, (size_t)(next - at)) < 0)
            return;
        for (size_t i = 0; i < (next - at) / sizeof *words && frames->count < MAX_FRAMES; i++) {
            uintptr_t address = return_address(words[i]);
            if (follows_call(look, address))
                frames->addresses[frames->count++] = address;
        }
    }
}

static void find_blocked(struct own_look *look, const struct thread_call *call,
                         struct frames *frames)
{
    const struct piece none = {.was_read = false};
    struct registers registers = {.pc = call->pc, .known = UINT64_C(1) << CFI_STACK_POINTER};
    registers.values[CFI_STACK_POINTER] = call->sp;
    frames->count = asyncp_unwind_from(&look->unwinder, &registers, &none, &asyncp_any_stack,
                                       frames->addresses);
    frames->guessed = frames->count;
    if (frames->count < FEW_FRAMES)
        guess_callers(look, call->sp, frames);
}

/* A thread that sleeps again and again, as one with many page faults, may run at the moment. */
static bool find_sleep(int32_t thread, struct thread_call *call)
{
    for (int i = 0; i < MAX_LOOKS; i++) {
        if (asyncp_sys_thread_call(0, thread, call))
            return true;
        asyncp_sys_sleep(NS_PER_MILLISECOND);
    }
    return false;
}

/* A stall, and room for a sample of its thread. */
struct stall_report {
    const struct stall *stall;
    struct thread_sample *room;
};

/*
 * The kernel counts the time of a thread without a processor only when it gets one. So on a busy
 * machine a thread may seem blocked that is ready.
 */
static void find_evidence(struct own_look *look, const struct stall_report *report,
                          struct evidence *evidence)
{
    const int32_t thread = report->stall->thread;
    *evidence = (struct evidence){.cause = report->stall->cause};
    if (evidence->cause == STALL_BLOCKED || evidence->cause == STALL_UNKNOWN) {
        evidence->has_call = find_sleep(thread, &evidence->call);
        evidence->sp = evidence->has_call ? evidence->call.sp : 0;
        if (evidence->has_call)
            find_blocked(look, &evidence->call, &evidence->frames);
        if (evidence->has_call || !asyncp_sys_thread_runs(thread))
            return;
        evidence->cause = evidence->cause == STALL_BLOCKED ? STALL_STARVED : STALL_COMPUTES;
    }
    evidence->sampled = asyncp_sys_sample(thread, report->room);
    if (evidence->sampled < 0)
        return;
    evidence->sp = report->room->sp;
    find_sampled(look, report->room, &evidence->frames);
}

static void print_frames(FILE *to, struct own_look *look, const struct frames *frames)
{
    struct code_place place, inner = {.line = 0};
    int shown = 0;
    for (size_t i = 0; i < frames->count && shown < MAX_SHOWN_FRAMES; i++) {
        char text[512];
        if (!asyncp_own_place(&look->places, frames->addresses[i] - 1, &place) ||
            asyncp_is_beginning(&place))
            return;
        bool is_repeated = place.is_entry && strcmp(place.function, inner.function) == 0;
        inner = place;
        if (is_repeated)
            continue;
        asyncp_place_text(text, sizeof text, &place);
        fprintf(to, LINE "    %s%s\n", text, i >= frames->guessed ? " ?" : "");
        shown++;
    }
}

/* By the outermost function that is known to block: libc's own calls are inside. NULL: none. */
static const char *find_hint(struct own_look *look, const struct frames *frames)
{
    struct code_place place;
    const char *hint = NULL;
    for (size_t i = frames->count; i-- > 0 && hint == NULL;)
        if (asyncp_own_place(&look->places, frames->addresses[i] - 1, &place))
            hint = asyncp_blocking_hint_by_name(place.function);
    return hint;
}

/* ---- texts ---------------------------------------------------------------------------------- */

static const struct loop_row *find_loop(const struct snapshot *snapshot, uint32_t number)
{
    for (size_t i = 0; i < snapshot->loop_count; i++)
        if (snapshot->loops[i].number == number)
            return &snapshot->loops[i];
    return NULL;
}

/* How many tasks are in a state; *last: one of them. */
static size_t count_rows(const struct snapshot *snapshot, const struct loop_row *loop,
                         enum row_state state, const struct row **last)
{
    size_t count = 0;
    for (size_t i = 0; loop != NULL && i < loop->row_count; i++)
        if (snapshot->rows[loop->first_row + i].state == state) {
            *last = &snapshot->rows[loop->first_row + i];
            count++;
        }
    return count;
}

/*
 * The task that runs; NULL: a callback does. The calls may be of a later moment than the snapshot:
 * so the stack pointer tells, unless it is in no task's stack.
 */
static const struct row *find_running(const struct snapshot *snapshot, uint32_t number, uint64_t sp)
{
    const struct row *row = NULL;
    const struct loop_row *loop = find_loop(snapshot, number);
    for (size_t i = 0; loop != NULL && i < loop->row_count; i++) {
        const struct row *task = &snapshot->rows[loop->first_row + i];
        if (sp < task->coroutine && task->coroutine - sp <= task->stack_size)
            return task;
    }
    (void)count_rows(snapshot, loop, ROW_RUNS, &row);
    return row;
}

/* A callback cannot call what waits. */
static void print_hint(FILE *to, const struct own_look *look, const struct stall *stall,
                       uint64_t sp, const char *hint)
{
    bool is_callback = find_running(&look->snapshot, stall->loop, sp) == NULL;
    fprintf(to, LINE "  hint: %s%s\n", is_callback ? "in a callback, start a task for it; " : "",
            hint);
}

static void print_headline(FILE *to, const struct own_look *look, const struct stall *stall,
                           uint64_t sp)
{
    const struct snapshot *snapshot = &look->snapshot;
    const struct loop_row *loop = find_loop(snapshot, stall->loop);
    const struct row *ready, *row = find_running(snapshot, stall->loop, sp);
    char label[256] = "a callback", name[128];
    size_t waiting = count_rows(snapshot, loop, ROW_READY, &ready);
    if (row != NULL) {
        asyncp_show_text(name, sizeof name, snapshot, row->name);
        snprintf(label, sizeof label, "task #%" PRIu64 " '%s' (created at %s)", row->id, name,
                 asyncp_texts_get(&snapshot->texts, row->where));
    }
    fprintf(to, LINE "%s %s loop %" PRIu32 " for %.2f s%s", label,
            stall->has_turns ? "and others have held" : "has held", stall->loop,
            (double)stall->held_ns / 1e9, stall->has_turns ? " together" : "");
    if (waiting > 0)
        fprintf(to, "; other tasks that are ready: %zu", waiting);
    fputc('\n', to);
}

static const char *explain_sample(int error)
{
    return error == 0 ? ":"
           : error == -EOPNOTSUPP
               ? "; in which calls is not known: the signal that asks for them "
                 "is not available, or the registers of this processor are "
                 "not known"
               : "; its thread does not answer the signal that asks for its calls";
}

static void print_computing(FILE *to, struct own_look *look, const struct stall *stall,
                            const struct evidence *evidence)
{
    const char *end = explain_sample(evidence->sampled);
    if (evidence->cause == STALL_STARVED)
        fprintf(to,
                LINE "  its thread is ready, but the machine gives it no processor (it had one for "
                     "%.2f s); it computes%s\n",
                (double)stall->ran_ns / 1e9, end);
    else
        fprintf(to, LINE "  it computes%s\n", end);
    print_frames(to, look, &evidence->frames);
    if (evidence->cause != STALL_STARVED || stall->ran_ns >= LONG_NS)
        print_hint(to, look, stall, evidence->sp,
                   "call async_sleep(0) now and then, or compute in another thread: "
                   "async_to_thread");
}

static void print_blocked(FILE *to, struct own_look *look, const struct stall *stall,
                          const struct evidence *evidence)
{
    char text[256];
    asyncp_blocking_describe(text, sizeof text, &evidence->call);
    fprintf(to, LINE "  it is blocked in the kernel, in %s:\n", text);
    print_frames(to, look, &evidence->frames);
    const char *hint = find_hint(look, &evidence->frames);
    print_hint(to, look, stall, evidence->sp,
               hint != NULL ? hint : asyncp_blocking_hint(&evidence->call));
}

static void print_cause(FILE *to, struct own_look *look, const struct stall *stall,
                        const struct evidence *evidence)
{
    if (evidence->has_call)
        print_blocked(to, look, stall, evidence);
    else if (evidence->cause == STALL_BLOCKED)
        fprintf(to, LINE "  it is blocked in the kernel, which does not tell where\n");
    else if (evidence->cause == STALL_UNKNOWN)
        fprintf(to,
                LINE "  whether it computes or is blocked is not known: "
                     "/proc/self/task/%" PRId32 " cannot be read\n",
                stall->thread);
    else
        print_computing(to, look, stall, evidence);
}

/*
 * Whether the loop is still held is asked before lines are looked up: the search may take longer
 * than the hold.
 */
static int print_stall(FILE *to, struct own_look *look, void *context)
{
    const struct stall_report *report = context;
    const struct stall *stall = report->stall;
    struct evidence evidence;
    find_evidence(look, report, &evidence);
    if (stall->is_over != NULL && stall->is_over(stall->context))
        return -EAGAIN;
    print_headline(to, look, stall, evidence.sp);
    print_cause(to, look, stall, &evidence);
    return 0;
}

bool asyncp_report_stall(const struct stall *stall, struct thread_sample *room)
{
    struct stall_report report = {stall, room};
    return asyncp_own_report(STDERR_FILENO, true, print_stall, &report) == 0;
}
