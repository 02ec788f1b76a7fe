/*
 * model/explore.h: threads that run one step at a time, and all orders of their steps. Their shared
 * data and their stacks are in one section of the program: its bytes are the state. The explorer
 * visits all states depth first, restores the bytes to try the next step, and skips states that it
 * has seen.
 */
#ifndef MODEL_EXPLORE_H
#define MODEL_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MAX_THREADS = 4, THREAD_STACK = 4096 };

enum thread_state { ABSENT, READY, WAITS, ENDED };

struct thread {
    enum thread_state state;   /* whether it can take a step */
    const char *name;          /* for people */
    void *sp;                  /* where it goes on */
    void (*body)(void *);      /* its body */
    void *argument;            /* its argument */
    bool (*can_go_on)(void *); /* while it waits: whether it need not any more */
    void *waits_for;           /* that function's argument */
};

/*
 * MODEL_STATE static struct x x: it is part of the state. Whatever else changes while threads run
 * is not.
 */
#define MODEL_STATE __attribute__((section("model_state"), aligned(64)))

extern struct thread threads[MAX_THREADS];

/* The number of the thread that takes a step. */
extern int running;

/* In set_up: adds a thread that runs body(argument). */
void thread_add(const char *name, void (*body)(void *), void *argument);

/* In a thread: here its step ends, and others may come before the next one. */
void step(void);

/* The same, and it has no next step before can_go_on(argument). */
void step_when(bool (*can_go_on)(void *), void *argument);

/*
 * Describes the step that is being taken: a format for two values. It is printed only in a report.
 */
void tell(const char *format, uint64_t a, uint64_t b);

/* In a thread: one of 0, 1, … count - 1; all are tried. */
int choose(int count);

/* Reports a violated property and the steps that lead to it; ends the program. */
void violated(const char *problem);

/* The result of an exploration. */
struct found {
    uint64_t states;      /* that differ */
    uint64_t transitions; /* steps between them */
    uint64_t ends;        /* states in which no thread can go on */
    size_t deepest;       /* steps of the longest way */
};

/*
 * Visits all states. set_up adds the threads and makes the first state; at_end checks the states in
 * which no thread can go on: NULL, or the property that is violated.
 */
struct found explore(void (*set_up)(void), const char *(*at_end)(void));

#endif
