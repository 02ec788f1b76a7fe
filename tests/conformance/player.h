/*
 * player.h: a program of the conformance test as the player holds it in memory, and the functions
 * that its operations may use. docs/decisions/conformance.md describes the language;
 * tests/conformance/language.py has the same table.
 *
 * The player uses the public headers only.
 */
#ifndef CONFORMANCE_PLAYER_H
#define CONFORMANCE_PLAYER_H

#include <asyncio.h>

enum {
    MAX_OPERATIONS = 400,
    MAX_ARGUMENTS = 6,
    MAX_COROUTINES = 8,
    MAX_TASKS = 60,
    MAX_SLOTS = 8,
    MAX_OBJECTS = 4, /* of a kind: queues, locks… */
    MAX_CALLBACKS = 64,
    NAME_SIZE = 64 /* of a task's name, with its zero byte */
};

struct frame;
struct operation;

/* The action of a word of the language. */
struct word {
    const char *name; /* as it is written */
    int (*run)(struct frame *frame,
               const struct operation *operation); /* does it; NULL: only punctuation */
    bool block;                                    /* reaches to an `end` */
    bool catches;                                  /* its failure ends nothing */
};

/* One line of a program. */
struct operation {
    const struct word *word;
    int arguments[MAX_ARGUMENTS]; /* its operands */
    int count;                    /* of arguments */
    int line;                     /* in its program, from 1 */
    size_t middle;                /* of a block: its `finally`, or its end */
    size_t end;                   /* of a block: its `end`; else the operation itself */
};

/* A task of the program, or a callback: it performs operations. */
struct frame {
    char name[NAME_SIZE]; /* its parents and its number among their children: "0.2.1" */
    int sequence;         /* how many tasks were made before it */
    int children;         /* how many it has made */
    int result;           /* its return value if nothing fails */
    bool ended;
    size_t begin, end;
    struct limit *limit;     /* the innermost in force that was begun as a block; NULL: none */
    unsigned locks;          /* those it holds, a bit each */
    int taken[MAX_OBJECTS];  /* of each queue in Redis: items it has got and not reported done */
    async_task_group *group; /* the innermost that it declared; NULL: none */
    async_task_group *home;  /* the group whose child it is; NULL: none */
};

/* A place for a handle of a task. */
struct slot {
    async_task *task;          /* a handle of the program's own; NULL: none */
    const struct frame *frame; /* the operations of the task; NULL: it is a future */
};

struct queue {
    async_queue *queue; /* NULL: the program has none of this number */
    int taken;          /* items got and not reported done; not in Redis */
};

/* A callback that was asked for. */
struct callback {
    struct frame frame;
    async_handle handle;
    struct callback *next; /* asked for before */
};

/* The program that is played; one at a time. */
struct play {
    struct operation operations[MAX_OPERATIONS];
    size_t operation_count;
    size_t begins[MAX_COROUTINES]; /* each coroutine's first operation */
    size_t ends[MAX_COROUTINES];   /* behind its last one */
    struct frame frames[MAX_TASKS];
    int frame_count;
    struct slot slots[MAX_SLOTS];
    struct queue queues[MAX_OBJECTS];
    struct callback callbacks[MAX_CALLBACKS];
    int callback_count;
    bool over; /* later events are not printed */
};

extern struct play play;

/* The words of the language, a table a file; the last word of each has no name. */
extern const struct word words[], group_words[], sync_words[], future_words[];

/* The words of queue declarations and the like, in the order of their numbers; the last is NULL. */
extern const char *const kinds[];

/* Reads one program into play; dies with a message if it cannot. Returns the text behind it. */
char *parse(char *text);

/* An argument of an operation. */
static inline int argument(const struct operation *operation, int number)
{
    return operation->arguments[number];
}

/* The slot that an argument names. */
static inline struct slot *slot_of(const struct operation *operation, int number)
{
    return &play.slots[argument(operation, number)];
}

/* Performs operations one after the other, up to a failure. 0 or the error. */
int perform_block(struct frame *frame, size_t begin, size_t end);

/* Performs a block's operations. */
int perform_body(struct frame *frame, const struct operation *operation);

/* Replaces the task in the slot, and detaches the previous one. */
void put_in_slot(struct slot *slot, async_task *task, const struct frame *frame);

/*
 * Whether the task may wait for the task in the slot: only for younger tasks and futures, so that
 * no cycle arises.
 */
bool may_join(const struct frame *frame, const struct slot *slot);

/* Prints an event. */
void trace(const struct frame *frame, int line, int result, const int *more, size_t count);

/* Makes locks and the like that are declared, or valid without, as new. */
void declare_sync(void);

/* Makes the objects that the program declares, before it runs; and frees them. */
void declare_all(void);
void free_all(void);

/* ---- elsewhere.c ---------------------------------------------------------------------------- */

/* Whether the queues are in Redis. Then the clock is the real one. */
bool is_elsewhere(void);

/* How long a sleep or a limit of the program takes. */
double real_seconds(int duration);

/* A queue in Redis, of the program that is played. */
async_queue *open_elsewhere(int number, int kind, size_t maxsize);

/* Waits until all tasks of the program have ended. */
void wait_for_the_end(void);

/* Prints the items of the queues, a line each, after the queues were freed. */
void print_what_is_left(void);

/* ---- player.c and words.c ------------------------------------------------------------------- */

/* The frame of a new task; NULL: the program has enough of them. */
struct frame *new_frame(struct frame *parent, int coroutine);

/* Performs a coroutine of the program. */
int perform(struct frame *frame);
async_fn(perform, struct frame *);

static inline int do_nothing(struct frame *frame, const struct operation *operation)
{
    (void)frame, (void)operation;
    return 0;
}

#endif
