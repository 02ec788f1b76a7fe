/*
 * cmd/variables.h: the variables of a loaded file, by their addresses. libdw finds a symbol by an
 * address, too, but prefers a global one, such as the linker's label at the same address.
 */
#ifndef CMD_VARIABLES_H
#define CMD_VARIABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct Dwfl_Module;

/* Of all files that were asked for. NULL at first. */
struct variables;

/*
 * The variable with the address, "name" or "name+0x10". The first call for a file reads its
 * symbols, and keeps them in *variables. false: no variable has it, or there is no memory.
 */
bool variables_find(struct variables **variables, struct Dwfl_Module *file, uint64_t address,
                    char *name, size_t size);

void variables_free(struct variables *variables);

#endif
