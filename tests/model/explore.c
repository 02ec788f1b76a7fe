/*
 * model/explore.c: the search. Two states are equal if their threads are at the same place with the
 * same bytes on their stacks and share the same bytes; bytes below a stack pointer are left out.
 * States are remembered by 128 bits of hash, so that a collision among millions is out of the
 * question. It knows nothing of the model.
 *
 * A cycle would be a run that never ends although steps are taken, so it is a violation as well.
 */
#include "explore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The library's own switch: stack/context.h. */
void asyncp_switch(void **save, void *load);
void *asyncp_switch_prepare(void *top, void *(*entry)(void *), void *argument);

enum { MAX_STEPS = 4096, MIN_ROOM = 1 << 17 };

struct thread threads[MAX_THREADS] MODEL_STATE;
int running MODEL_STATE;
static char stacks[MAX_THREADS][THREAD_STACK] __attribute__((section("model_stacks"), aligned(64)));
static struct {
    int count; /* not 0: the running thread asks for a choice among this many */
    int told;  /* the choice */
} choice MODEL_STATE;

/* Where the linker has put all that. */
extern char __start_model_state[], __stop_model_state[];

/* The description of a step, not formatted yet: threads have no stack for printf. */
struct label {
    const char *who;    /* takes it */
    const char *format; /* for two values; NULL: nothing worth telling */
    uint64_t a, b;      /* those */
};

/* A state on the way to where we are, and which of its steps were tried. */
struct frame {
    char *before;
    uint64_t slot;      /* of the state among those that were seen */
    int next;           /* the thread or choice to be tried next */
    struct label label; /* the step that was taken */
};

static struct frame way[MAX_STEPS];
static size_t way_length;
static void *explorer_sp;
static bool in_thread; /* not while the first state is made */
static struct label label;
static const char *complaint; /* of the step that was taken */

/* ---- threads -------------------------------------------------------------------------------- */

static struct thread *self(void)
{
    return &threads[running];
}

static void *begin(void *argument)
{
    struct thread *thread = argument;
    step();
    thread->body(thread->argument);
    *thread = (struct thread){.state = ENDED, .name = thread->name};
    return explorer_sp;
}

static void let_run(struct thread *thread)
{
    in_thread = true;
    asyncp_switch(&explorer_sp, thread->sp);
    in_thread = false;
}

/*
 * It is begun here and once, because the registers it begins with, which are ours, become part of
 * its state.
 */
void thread_add(const char *name, void (*body)(void *), void *argument)
{
    running = 0;
    while (self()->state != ABSENT)
        running++;
    *self() = (struct thread){.state = READY, .name = name, .body = body, .argument = argument};
    self()->sp = asyncp_switch_prepare(stacks[running] + THREAD_STACK, begin, self());
    let_run(self());
}

void step(void)
{
    if (in_thread)
        asyncp_switch(&self()->sp, explorer_sp);
}

void step_when(bool (*can_go_on)(void *), void *argument)
{
    self()->state = WAITS;
    self()->can_go_on = can_go_on;
    self()->waits_for = argument;
    step();
    self()->state = READY;
    self()->can_go_on = NULL;
    self()->waits_for = NULL;
}

void tell(const char *format, uint64_t a, uint64_t b)
{
    label = (struct label){self()->name, format, a, b};
}

void violated(const char *problem)
{
    complaint = problem;
    step(); /* for good */
}

int choose(int count)
{
    if (count < 2)
        return 0;
    choice.count = count;
    step();
    choice.count = 0;
    return choice.told;
}

/* ---- states that were seen ------------------------------------------------------------------ */

struct seen {
    uint64_t hash[2]; /* of the state; 0, 0: a free slot */
    bool on_way;      /* it is on the way to where we are */
};

static struct seen *seen;
static uint64_t seen_room, seen_count;

/*
 * Four words at a time, so that the processor need not wait for one product before it begins the
 * next.
 */
static void mix(uint64_t lanes[4], const char *from, size_t size)
{
    for (size_t i = 0; i < size; i += 8) {
        uint64_t word, *lane = &lanes[i / 8 % 4];
        memcpy(&word, from + i, 8);
        *lane = (*lane ^ word) * 0x9e3779b97f4a7c15u;
        *lane ^= *lane >> 32;
    }
}

/* The live part of a thread's stack, as a whole number of words. */
static char *live_stack(int i, size_t *size)
{
    bool lives = threads[i].state == READY || threads[i].state == WAITS;
    char *from = lives ? (char *)((uintptr_t)threads[i].sp & ~(uintptr_t)7)
                       : stacks[i] + THREAD_STACK;
    *size = (size_t)(stacks[i] + THREAD_STACK - from);
    return from;
}

static size_t state_size(void)
{
    return (size_t)(__stop_model_state - __start_model_state);
}

static void hash_state(uint64_t hash[2])
{
    uint64_t lanes[4] = {1, 2, 3, 4};
    size_t size;
    mix(lanes, __start_model_state, state_size());
    for (int i = 0; i < MAX_THREADS; i++) {
        const char *stack = live_stack(i, &size);
        mix(lanes, stack, size);
    }
    hash[0] = (lanes[0] * 31 + lanes[1]) * 31 + lanes[2];
    hash[1] = (lanes[3] * 37 + lanes[2]) * 37 + lanes[1];
}

/* First the threads, which say how much there is of their stacks. */
static void save(char *to)
{
    size_t size = state_size();
    memcpy(to, __start_model_state, size);
    for (int i = 0; i < MAX_THREADS; i++) {
        to += size;
        const char *stack = live_stack(i, &size);
        memcpy(to, stack, size);
    }
}

static void restore(const char *from)
{
    size_t size = state_size();
    memcpy(__start_model_state, from, size);
    for (int i = 0; i < MAX_THREADS; i++) {
        from += size;
        char *stack = live_stack(i, &size);
        memcpy(stack, from, size);
    }
}

static uint64_t slot_of(const uint64_t hash[2])
{
    uint64_t slot = hash[0] & (seen_room - 1);
    while ((seen[slot].hash[0] | seen[slot].hash[1]) != 0 &&
           (seen[slot].hash[0] != hash[0] || seen[slot].hash[1] != hash[1]))
        slot = (slot + 1) & (seen_room - 1);
    return slot;
}

static void make_room(void)
{
    struct seen *old = seen;
    uint64_t old_room = old != NULL ? seen_room : 0;
    if (seen_count * 2 < old_room)
        return;
    seen_room = old != NULL ? old_room * 2 : MIN_ROOM;
    seen = calloc(seen_room, sizeof *seen);
    for (uint64_t i = 0; i < old_room; i++)
        if ((old[i].hash[0] | old[i].hash[1]) != 0)
            seen[slot_of(old[i].hash)] = old[i];
    for (size_t i = 0; i < way_length; i++)
        way[i].slot = slot_of(old[way[i].slot].hash);
    free(old);
}

/* ---- the search ----------------------------------------------------------------------------- */

static void print_label(const struct label *told)
{
    if (told->format == NULL)
        return;
    printf("    %-8s ", told->who);
    printf(told->format, told->a, told->b);
    printf("\n");
}

static _Noreturn void report(const char *problem)
{
    printf("violated: %s\n", problem);
    for (size_t i = 0; i + 1 < way_length; i++)
        print_label(&way[i].label);
    print_label(&label);
    exit(1);
}

/* Whether the state is new; if so it is the end of the way now. */
static bool enter(void)
{
    uint64_t hash[2];
    make_room();
    if (choice.count == 0) /* which thread took the last step does not matter */
        running = choice.told = 0;
    hash_state(hash);
    uint64_t slot = slot_of(hash);
    if ((seen[slot].hash[0] | seen[slot].hash[1]) != 0) {
        if (seen[slot].on_way)
            report("the threads go round for ever");
        return false;
    }
    seen[slot] = (struct seen){.hash = {hash[0], hash[1]}, .on_way = true};
    seen_count++;
    struct frame *frame = &way[way_length++];
    if (way_length == MAX_STEPS)
        report("the way is too long");
    if (frame->before == NULL)
        frame->before = malloc(state_size() + sizeof stacks);
    save(frame->before);
    frame->slot = slot;
    frame->next = 0;
    return true;
}

static bool can_step(const struct thread *thread)
{
    return thread->state == READY ||
           (thread->state == WAITS && thread->can_go_on(thread->waits_for));
}

/* Takes the next step that was not tried from the end of the way; false if all were. */
static bool advance(struct frame *frame)
{
    restore(frame->before);
    if (choice.count > 0) {
        if (frame->next == choice.count)
            return false;
        choice.told = frame->next++;
    } else {
        while (frame->next < MAX_THREADS && !can_step(&threads[frame->next]))
            frame->next++;
        if (frame->next == MAX_THREADS)
            return false;
        running = frame->next++;
    }
    label = (struct label){0};
    let_run(self());
    if (complaint != NULL)
        report(complaint);
    frame->label = label;
    return true;
}

static bool is_end(void)
{
    for (int i = 0; i < MAX_THREADS; i++)
        if (can_step(&threads[i]))
            return false;
    return true;
}

struct found explore(void (*set_up)(void), const char *(*at_end)(void))
{
    struct found found = {0};
    memset(__start_model_state, 0, state_size());
    memset(stacks, 0, sizeof stacks);
    seen_count = 0;
    set_up();
    enter();
    while (way_length > 0) {
        struct frame *frame = &way[way_length - 1];
        if (!advance(frame)) {
            seen[frame->slot].on_way = false;
            way_length--;
            continue;
        }
        found.transitions++;
        if (!enter())
            continue;
        found.deepest = way_length > found.deepest ? way_length : found.deepest;
        if (is_end()) {
            const char *complaint_at_end = at_end();
            found.ends++;
            if (complaint_at_end != NULL)
                report(complaint_at_end);
        }
    }
    found.states = seen_count;
    free(seen);
    seen = NULL;
    return found;
}
