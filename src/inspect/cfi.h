/*
 * inspect/cfi.h: call frame information as DWARF 5 §6.4 and the ELF ABIs describe it (.eh_frame):
 * where a function, at one of its instructions, has the registers of its caller. Only bytes are
 * interpreted; they may be damaged.
 */
#ifndef INSPECT_CFI_H
#define INSPECT_CFI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Registers that are followed, by DWARF's numbers. */
enum {
#if defined(__aarch64__)
    CFI_REGISTERS = 32,
    CFI_STACK_POINTER = 31,
#elif defined(__riscv)
    CFI_REGISTERS = 32,
    CFI_STACK_POINTER = 2,
#else
    CFI_REGISTERS = 17, /* of x86-64; 16 is the return address */
    CFI_STACK_POINTER = 7,
#endif
    CFI_MAX_ENTRY = 4096, /* bytes of an entry that is read */
};

enum cfi_kind {
    CFI_UNDEFINED,
    CFI_SAME,
    CFI_AT_OFFSET,    /* saved at the frame's address + offset */
    CFI_VALUE_OFFSET, /* the frame's address + offset */
    CFI_REGISTER,     /* in another register, or for the frame's address: register + offset */
    CFI_AT_EXPRESSION,
    CFI_VALUE_EXPRESSION
};

struct cfi_rule {
    enum cfi_kind kind;
    uint16_t other; /* CFI_REGISTER: its number */
    int64_t offset;
    const uint8_t *expression; /* in the entry's bytes */
    size_t expression_bytes;
};

struct cfi_rules {
    struct cfi_rule frame; /* the frame's address: CFI_REGISTER or CFI_VALUE_EXPRESSION */
    struct cfi_rule registers[CFI_REGISTERS];
    uint64_t changed;       /* the registers with another rule than CFI_SAME, a bit each */
    uint16_t return_column; /* the register with the return address */
    bool is_signal_frame;   /* the return address is the interrupted instruction */
};

/* Bytes that were read at an address. */
struct cfi_bytes {
    const uint8_t *bytes;
    size_t size;
    uint64_t address;
};

/*
 * The first word of an entry: its bytes with the word itself; 0 behind the last entry, -EPROTO for
 * the 64-bit format.
 */
int64_t asyncp_cfi_entry_size(const void *bytes);

/* The address of the CIE of an FDE. -EPROTO, or 0. */
int asyncp_cfi_find_cie(const struct cfi_bytes *fde, uint64_t *address);

/* Whether the function of an FDE has an instruction. */
bool asyncp_cfi_covers(const struct cfi_bytes *cie, const struct cfi_bytes *fde, uint64_t pc);

/*
 * The rules at an instruction. *rules points into both entries. 0; -ENOENT if the FDE is of another
 * function; -EPROTO if an entry is damaged or needs what is not known here.
 */
int asyncp_cfi_rules(const struct cfi_bytes *cie, const struct cfi_bytes *fde, uint64_t pc,
                     struct cfi_rules *rules);

#endif
