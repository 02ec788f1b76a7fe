/* sys/peek.h: reading memory of this process that may not be there any more. */
#ifndef SYS_PEEK_H
#define SYS_PEEK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copies bytes from an address; false: they cannot be read. */
bool asyncp_sys_peek(uint64_t address, void *bytes, size_t size);

#endif
