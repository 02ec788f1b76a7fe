/*
 * show/own_places.h: where tasks of this process are, from the symbols and line tables of the files
 * that it has loaded. Separate and compressed debug information is not read.
 */
#ifndef SHOW_OWN_PLACES_H
#define SHOW_OWN_PLACES_H

#include "inspect/source.h"
#include "show/places.h"
#include "sys/symbol.h"

struct own_places {
    struct places places;
    struct table found;   /* struct own_place by the index of the trace */
    struct table located; /* struct located by the address */
    struct code_place place;
    struct loaded_file file; /* in use */
    bool has_file;
    struct elf_image image; /* of the file in use; bytes NULL: none */
    uintptr_t library_base;
    struct source_line library_line; /* of one of its functions; line 0: unknown */
};

void asyncp_own_places_open(struct own_places *own);
void asyncp_own_places_close(struct own_places *own);

/* The place of an instruction. false: it is in no loaded file. */
bool asyncp_own_place(struct own_places *own, uint64_t address, struct code_place *place);

/*
 * The file of an instruction: one without the library, libasyncio.so, or a program or plugin that
 * the library is linked into.
 */
enum own_file { OTHER_FILE, LIBRARY_FILE, COMMON_FILE };
enum own_file asyncp_own_file(uint64_t address);

/*
 * Whether an instruction is surely in the library. In a common file the line tells where its
 * function begins: another function may have code of the library inlined. That takes milliseconds.
 */
bool asyncp_is_library_code(uint64_t address);

/*
 * Writes "flush server.c:88" for an instruction. Allocates nothing, for a process that is about to
 * end; not reentrant. false: it is in no loaded file, and the text is unchanged.
 */
bool asyncp_own_place_text(uint64_t address, char *text, size_t size);

/* Whether a call is the library's own, below the function of a task. */
bool asyncp_is_beginning(const struct code_place *place);

#endif
