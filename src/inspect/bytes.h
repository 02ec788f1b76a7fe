/*
 * inspect/bytes.h: reading numbers from bytes, one after the other, also those of DWARF. Behind the
 * end, and after an error, each number is 0 and `failed` is set.
 */
#ifndef INSPECT_BYTES_H
#define INSPECT_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    const uint8_t *at, *end;
    uint64_t address; /* of `at` in the process */
    bool failed;
};

/* Skips bytes and returns where they are; NULL: so many are not there. */
const uint8_t *asyncp_bytes_skip(struct bytes *bytes, uint64_t size);

/* A number of 1, 2, 4 or 8 bytes, with or without a sign. */
uint64_t asyncp_bytes_unsigned(struct bytes *bytes, size_t size);
int64_t asyncp_bytes_signed(struct bytes *bytes, size_t size);

/* LEB128. */
uint64_t asyncp_bytes_uleb(struct bytes *bytes);
int64_t asyncp_bytes_sleb(struct bytes *bytes);

/* A pointer in an encoding of .eh_frame (DW_EH_PE_…). Indirect ones are not followed. */
uint64_t asyncp_bytes_pointer(struct bytes *bytes, uint8_t encoding);

#endif
