/*
 * inspect/expression.h: DWARF expressions, as call frame information uses them (in the linker's
 * stubs and in the kernel's signal trampolines).
 */
#ifndef INSPECT_EXPRESSION_H
#define INSPECT_EXPRESSION_H

#include "inspect/cfi.h"

/* The registers of a frame; a bit of `known` for each whose value is known. */
struct registers {
    uint64_t values[CFI_REGISTERS];
    uint64_t known;
    uint64_t pc;
};

/* Reads a word of the process. 0 or -errno. */
struct words_source {
    int (*read)(const struct words_source *source, uint64_t address, uint64_t *word);
};

/*
 * Computes an expression; `first` lies on its stack at the begin. 0, -EPROTO, or an error of read.
 */
int asyncp_expression(const struct cfi_rule *rule, const struct registers *registers,
                      const struct words_source *source, const uint64_t *first, uint64_t *value);

#endif
