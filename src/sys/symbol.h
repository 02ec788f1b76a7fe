/*
 * sys/symbol.h: function names of code addresses, for messages. They are read from the ELF file's
 * own symbol table, so static functions are found too and no program must be linked with -rdynamic.
 */
#ifndef SYS_SYMBOL_H
#define SYS_SYMBOL_H

#include "sys/image.h"

/* Whether the address lies in the executable segment of a loaded file, and so can be read. */
bool asyncp_symbol_known(const void *address);

/*
 * The name of the function at an address of the file; *offset: of the address in it. NULL: unknown.
 * Uses the table of all symbols, or of the exported ones if the file is stripped.
 */
const char *asyncp_symbol_name(const struct elf_image *image, uintptr_t linked, size_t *offset);

/* The name of a loaded file, without directories. Changes its path. */
const char *asyncp_symbol_file(struct loaded_file *file);

#endif
