/*
 * cmd/subject.h: what is looked at: a running process, which is neither stopped nor written to, or
 * the core of one that has crashed.
 */
#ifndef CMD_SUBJECT_H
#define CMD_SUBJECT_H

#include "cmd/image.h"
#include "cmd/notes.h"
#include <sys/types.h>

enum { MAX_COPIES = 16 };

struct core;

/* The memory of a process from one execve to the next. */
struct exec_image {
    bool is_known;
    uint64_t address;         /* of the next bytes in the process */
    unsigned char random[16]; /* that the kernel has given to the program */
};

struct subject {
    struct view view;
    pid_t id;
    pid_t inner_id;          /* its number in its own namespace */
    pid_t living;            /* of a process: a thread that has not ended, mostly its first one */
    struct exec_image first; /* of a process: when it was opened */
    char name[64];
    struct core *core;                 /* NULL: it is a running process */
    const char *core_path;             /* borrowed */
    struct library copies[MAX_COPIES]; /* mostly one */
    size_t copy_count;
    int unusable;              /* why a file with libasyncio could not be used; 0: there was none */
    struct code_range *ranges; /* of all loaded files */
    size_t range_count;
    /* a sentence about an error of this kind of subject; NULL: the usual one */
    const char *(*explain)(const struct subject *subject, int error);
};

/* Whether this is the number of a process. The core of that name is given as ./NUMBER. */
bool subject_is_process(const char *name);

/*
 * Opens the process with this number, or the core in this file, and finds the copies of libasyncio.
 * After an error it has printed why, and what to do.
 */
int subject_open(struct subject *subject, const char *name);
void subject_close(struct subject *subject);

/*
 * Whether the process has executed another program since it was opened, or the same one again:
 * then the memory that was read is of both. The sentence about it is that of the error -ESTALE.
 */
bool subject_has_changed(const struct subject *subject);

/* The absolute path of the program, borrowed from the core; NULL: unknown. */
const char *core_program(const struct core *core);

/* The descriptor of its file, which core_close closes. */
int core_file(const struct core *core);

/* The processor: e_machine of its ELF header. */
uint16_t core_machine(const struct core *core);

/* Whether the file ends before its segments do. core_open has said so. */
bool core_is_cut(const struct core *core);

/* Calls a function with each note of a core, as notes_each. */
int core_each_note(const struct core *core,
                   int (*take)(void *argument, const struct elf_note *note), void *argument);

enum { COMPRESSED_BYTES = 4 };

/* A sentence about a file that begins with these bytes, if it is compressed; else NULL. */
const char *explain_compressed(const char *begin, size_t size);

/* Prints why the subject could not be read. Returns the error. */
int subject_refuse(const struct subject *subject, int error);

/* ---- for live.c and core.c ------------------------------------------------------------------ */

int live_open(struct subject *subject, const char *pid);
bool live_has_changed(const struct subject *subject);
/* Where a file that the process has loaded by this name can be opened. */
void live_find_path(const struct subject *subject, const char *name, char *path, size_t size);
/* The number, in this command's namespace, of a thread of the process; 0: it has ended. */
pid_t live_find_thread(const struct subject *subject, uint32_t thread);
/*
 * The time that a thread has spent on a processor, and ready to run without one. `thread` is its
 * number in this command's namespace. false: the kernel does not say.
 */
bool live_read_times(const struct subject *subject, pid_t thread, int64_t *processor_ns,
                     int64_t *delay_ns);
int core_open(struct subject *subject, const char *path);
void core_close(struct core *core);

/*
 * Adds the file that is loaded at an address; it may be opened by a path. 0; -ENOMEM; an error
 * after which no other file need be tried.
 */
int subject_add_file(struct subject *subject, uint64_t start, const char *path);

/* After all files: 0, or why there is no copy of libasyncio. */
int subject_check(const struct subject *subject);

/* Prints a sentence about the subject. */
void subject_say(const struct subject *subject, const char *why);

#endif
