/*
 * sys/symbol.h: which function an address belongs to, for people who read a message. Static
 * functions are found too, in the file's own symbol table, so that no program must be linked with
 * -rdynamic.
 */
#ifndef SYS_SYMBOL_H
#define SYS_SYMBOL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether the address lies in the code of a file that was loaded: it can be read, and may have a
 * name.
 */
bool asyncp_symbol_known(const void *address);

/*
 * Writes "function+0x1b" or "program+0x11a3" into text. false, and nothing written, if it is no
 * code.
 */
bool asyncp_symbol(const void *address, char *text, size_t size);

#endif
