/*
 * show/places.h: where in the source a task is. How that is found out differs: the command has
 * libdw, a process that reports about itself has the line tables of its own files.
 */
#ifndef SHOW_PLACES_H
#define SHOW_PLACES_H

#include "inspect/snapshot.h"

/* A call that has not returned. */
struct code_place {
    char function[128]; /* "": unknown */
    char file[256];     /* of the source; of the program, if `line` is 0; "": unknown */
    unsigned line;
    uint64_t offset; /* in the program's file, if `line` is 0 */
    bool is_entry;   /* the function that async_fn has made, which calls it */
};

struct places {
    /*
     * The innermost call on the stack of a task that is not the library's own. It is empty if all
     * are, as in a task that ends with a call. Valid until the next call.
     */
    const struct code_place *(*find)(struct places *places, const struct snapshot *snapshot,
                                     const struct row *row);
    /*
     * A number for all calls on the stack that are not the library's own: the same for tasks with
     * the same calls. NULL where stacks are not shown.
     */
    uint64_t (*find_kind)(struct places *places, const struct snapshot *snapshot,
                          const struct row *row);
    /*
     * Writes the name of the variable of the program that an address is in: "jobs", "table+0x40".
     * false: it has none, as on the heap, and the text is unchanged. NULL where names are not
     * shown.
     */
    bool (*name_object)(struct places *places, uint64_t address, char *name, size_t size);
};

/*
 * Whether a source file is in the folder that holds the folder of another one: the library's files
 * are in folders of one folder.
 */
bool asyncp_are_sources_together(const char *file, const char *other);

/* name: as the compiler knows it; symbol: as the linker does. NULL: unknown. */
void asyncp_place_set_function(struct code_place *place, const char *name);
void asyncp_place_set_symbol(struct code_place *place, const char *symbol);

/* "jobs (0x55aa)", or "0x55aa" without a name. */
void asyncp_show_object(char *shown, size_t size, struct places *places, uint64_t address);

/* "flush server.c:88" */
void asyncp_place_text(char *shown, size_t size, const struct code_place *place);

/* The place of a task as one line without control characters; "" if it is empty. */
void asyncp_show_place(char *shown, size_t size, struct places *places,
                       const struct snapshot *snapshot, const struct row *row);

#endif
