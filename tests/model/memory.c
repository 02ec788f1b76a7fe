/*
 * model/memory.c: atomics of C11, a little weaker than real machines: for each place the values
 * that were written, in order, and for each thread a view: the oldest value in that order that it
 * can still read. A load may give any value from there on. A release attaches the writer's view to
 * its value, an acquire merges the view that is attached to the value it reads; a read-modify-write
 * (exchange, fetch_or, …) reads the last value and passes on the attached view, as a release
 * sequence does. Sequential consistency is treated as acquire and release, and no more.
 *
 * Simpler than C11 in one point: the last write is the last in a place's order. Where all writes
 * are read-modify-writes, as with the two words that matter, nothing else is possible. The kernel's
 * eventfd orders nothing here.
 *
 * Values that no thread can read any more are dropped, so that states which differ only in their
 * past are equal. Not modelled: reordering of a thread's own accesses; see
 * docs/decisions/attention.md for that.
 */
#include "memory.h"
#include "explore.h"
#include "stdatomic.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES = 14, LETTERS = 4, WRITES = 24 };

/* The oldest value of each place that a thread can still read. */
struct view {
    uint8_t place[PLACES];   /* the first value of each that may still be read */
    uint8_t letter[LETTERS]; /* whether it was written for certain */
};

struct write {
    uint64_t value;
    struct view attached; /* the view that an acquire of it merges */
};

struct place {
    uintptr_t address;           /* of the atomic; 0: not used yet */
    int count;                   /* values that may be read */
    struct write writes[WRITES]; /* those, the last one last */
};

static struct {
    struct place places[PLACES];    /* each atomic */
    struct view views[MAX_THREADS]; /* each thread's */
    bool failed_once;               /* a compare-and-swap has failed without a reason */
} memory MODEL_STATE;

static int most_behind; /* how many writes a load may lag behind */

void memory_begin(int lag)
{
    most_behind = lag < WRITES ? lag : WRITES;
}

static struct view *my_view(void)
{
    return &memory.views[running];
}

static void see(struct view *view, const struct view *more)
{
    for (int i = 0; i < PLACES; i++)
        if (view->place[i] < more->place[i])
            view->place[i] = more->place[i];
    for (int i = 0; i < LETTERS; i++)
        view->letter[i] |= more->letter[i];
}

void memory_write_letter(int letter)
{
    my_view()->letter[letter] = true;
}

bool memory_sees_letter(int letter)
{
    return my_view()->letter[letter];
}

static int number_of(const volatile void *address, size_t size)
{
    struct place *places = memory.places;
    int i = 0;
    while (i < PLACES && places[i].address != (uintptr_t)address && places[i].address != 0)
        i++;
    if (i == PLACES)
        violated("there are more atomics than the model has places for");
    if (places[i].address == 0) {
        places[i] = (struct place){.address = (uintptr_t)address, .count = 1};
        memcpy(&places[i].writes[0].value, (const void *)(uintptr_t)address, size);
    }
    return i;
}

void memory_place(const volatile void *address, size_t size)
{
    number_of(address, size);
}

static void shift(struct view *view, int place, int by)
{
    view->place[place] = view->place[place] > by ? (uint8_t)(view->place[place] - by) : 0;
}

/* Drops the values that no thread can read any more. */
static void forget(int number)
{
    struct place *place = &memory.places[number];
    int oldest = place->count - 1;
    for (int i = 0; i < MAX_THREADS; i++)
        if (threads[i].state == READY || threads[i].state == WAITS)
            oldest = memory.views[i].place[number] < oldest ? memory.views[i].place[number]
                                                            : oldest;
    if (oldest < place->count - 1 - most_behind)
        oldest = place->count - 1 - most_behind;
    if (oldest == 0)
        return;
    place->count -= oldest;
    memmove(place->writes, place->writes + oldest, (size_t)place->count * sizeof *place->writes);
    memset(place->writes + place->count, 0, (size_t)oldest * sizeof *place->writes);
    for (int i = 0; i < MAX_THREADS; i++)
        shift(&memory.views[i], number, oldest);
    for (int i = 0; i < MAX_THREADS; i++)
        if (threads[i].state == ENDED)
            memory.views[i] = (struct view){{0}, {0}};
    for (int i = 0; i < PLACES; i++)
        for (int j = 0; j < memory.places[i].count; j++)
            shift(&memory.places[i].writes[j].attached, number, oldest);
}

static bool acquires(memory_order order)
{
    return order == memory_order_acquire || order >= memory_order_acq_rel;
}

static bool releases(memory_order order)
{
    return order >= memory_order_release;
}

/* Reads value number `which` of this place. */
static uint64_t read(int number, int which, memory_order order)
{
    const struct write *write = &memory.places[number].writes[which];
    uint64_t value = write->value;
    my_view()->place[number] = (uint8_t)which;
    if (acquires(order))
        see(my_view(), &write->attached);
    return value;
}

/* Appends a value to this place; passed_on is the view attached to the previous value. */
static void append(int number, volatile void *address, size_t size, uint64_t value,
                   struct view passed_on, memory_order order)
{
    struct place *place = &memory.places[number];
    if (place->count == WRITES)
        violated("more values can be read than the model remembers");
    my_view()->place[number] = (uint8_t)place->count;
    if (releases(order))
        see(&passed_on, my_view());
    place->writes[place->count++] = (struct write){value, passed_on};
    memcpy((void *)(uintptr_t)address, &value, size);
    forget(number);
}

/* ---- what the header's macros call ---------------------------------------------------------- */

uint64_t model_load(const volatile void *address, size_t size, memory_order order)
{
    step();
    int number = number_of(address, size);
    int first = my_view()->place[number];
    int which = first + choose(memory.places[number].count - first);
    uint64_t value = read(number, which, order);
    forget(number);
    tell("loads place %" PRIu64 ": %#" PRIx64, (uint64_t)number, value);
    return value;
}

void model_store(volatile void *address, size_t size, uint64_t value, memory_order order)
{
    step();
    int number = number_of(address, size);
    append(number, address, size, value, (struct view){{0}, {0}}, order);
    tell("stores in place %" PRIu64 ": %#" PRIx64, (uint64_t)number, value);
}

static uint64_t changed(enum model_change change, uint64_t old, uint64_t value)
{
    switch (change) {
    case MODEL_SET:
        return value;
    case MODEL_OR:
        return old | value;
    case MODEL_AND:
        return old & value;
    case MODEL_ADD:
        return old + value;
    }
    abort();
}

static uint64_t change_last(int number, volatile void *address, size_t size,
                            enum model_change change, uint64_t value, memory_order order)
{
    const struct place *place = &memory.places[number];
    struct view attached = place->writes[place->count - 1].attached;
    uint64_t old = read(number, place->count - 1, order);
    append(number, address, size, changed(change, old, value), attached, order);
    return old;
}

uint64_t model_change(volatile void *address, size_t size, enum model_change change, uint64_t value,
                      memory_order order)
{
    static const char *const formats[] = {
        "exchanges %#" PRIx64 " for %#" PRIx64, "or: %#" PRIx64 " | %#" PRIx64,
        "and: %#" PRIx64 " & %#" PRIx64, "add: %#" PRIx64 " + %#" PRIx64};
    step();
    int number = number_of(address, size);
    uint64_t old = change_last(number, address, size, change, value, order);
    tell(formats[change], old, value);
    return old;
}

static bool exchange_if(volatile void *address, size_t size, void *expected, uint64_t value,
                        memory_order order, bool weak)
{
    uint64_t wanted = 0;
    step();
    int number = number_of(address, size);
    const struct place *place = &memory.places[number];
    memcpy(&wanted, expected, size);
    bool same = place->writes[place->count - 1].value == wanted;
    if (same && weak && !memory.failed_once && choose(2) == 1) {
        memory.failed_once = true;
        same = false;
    }
    if (same) {
        change_last(number, address, size, MODEL_SET, value, order);
    } else {
        wanted = read(number, place->count - 1, memory_order_relaxed);
        memcpy(expected, &wanted, size);
    }
    tell(same ? "swaps in %#" PRIx64 : "finds %#" PRIx64 " to be another", value, 0);
    return same;
}

/* Weak: it may fail without a reason, which is tried once in a run. */
bool model_exchange_if(volatile void *address, size_t size, void *expected, uint64_t value,
                       memory_order order)
{
    return exchange_if(address, size, expected, value, order, true);
}

bool model_exchange_surely(volatile void *address, size_t size, void *expected, uint64_t value)
{
    return exchange_if(address, size, expected, value, memory_order_seq_cst, false);
}
