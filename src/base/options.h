/*
 * base/options.h: structs of options can grow. Each ends in reserved words, which programs leave 0;
 * a new option takes some of them. So an old program gets the default of an option that it does not
 * know, and memory that was never initialized is found here.
 */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include "sys/assert.h"
#include <stddef.h>
#include <stdint.h>

static inline void check_reserved(const uint64_t *reserved, size_t count, const char *call)
{
    for (size_t i = 0; i < count; i++)
        ENSURE(reserved[i] == 0,
               "%s: the options have fields that this library does not know; initialize the struct "
               "with {0}, or use the library that the program was compiled for",
               call);
}

/* Ends the program if reserved words of the options, which may be NULL, are not 0. */
#define OPTIONS_CHECK(options, call)                                                               \
    ((options) != NULL                                                                             \
         ? check_reserved((options)->asyncp_reserved,                                              \
                          sizeof(options)->asyncp_reserved / sizeof(uint64_t), (call))             \
         : (void)0)

#endif
