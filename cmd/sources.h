/*
 * cmd/sources.h: what the files of a process tell about an address: with libdw functions, inlined
 * ones too, lines and variables; without it the address alone.
 */
#ifndef CMD_SOURCES_H
#define CMD_SOURCES_H

#include "cmd/subject.h"
#include "show/places.h"

struct sources;

/* 0 or -ENOMEM. Files that cannot be read tell nothing. */
int sources_open(struct sources **sources, const struct subject *subject);
void sources_close(struct sources *sources);

/*
 * Whether an address is in libasyncio, which has the address `inside`: in the same file, and in a
 * static program from the same folder of sources.
 */
bool sources_in_library(const struct sources *sources, uint64_t address, uint64_t inside);

/* Whether an address is in a shared file of libc or of the kernel. */
bool sources_in_libc(const struct sources *sources, uint64_t address);

/* Whether the code at an address has debug information. */
bool sources_know(const struct sources *sources, uint64_t address);

/*
 * The calls at an instruction: the function, before it those that are inlined there, the innermost
 * first. Returns how many, at most `most`.
 */
size_t sources_find_places(const struct sources *sources, uint64_t address,
                           struct code_place *places, size_t most);

/* As name_object of struct places. */
bool sources_find_variable(struct sources *sources, uint64_t address, char *name, size_t size);

#endif
