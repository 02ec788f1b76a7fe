/*
 * cmd/sections.h: the unwind table of a program that is linked statically: it has no index, and the
 * table is found by the section headers of its file alone.
 */
#ifndef CMD_SECTIONS_H
#define CMD_SECTIONS_H

#include <stddef.h>
#include <stdint.h>

/* Finds .eh_frame in an ELF file: its address there, and its size. 0 or -errno. */
int sections_find_table(const char *path, uint64_t *address, size_t *size);

#endif
