/*
 * base/options.h: structs of options can grow. Each ends in reserved words, which programs set to
 * 0; a new option takes some of them. A program compiled for an older library gets the option's
 * default, and a struct that was never initialized is detected.
 */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include "sys/assert.h"
#include <stddef.h>
#include <stdint.h>

void asyncp_options_check(const uint64_t *reserved, size_t count, const char *call);

/* Aborts if reserved words of the options are not 0. `options` may be NULL. */
#define OPTIONS_CHECK(options, call)                                                               \
    ((options) != NULL                                                                             \
         ? asyncp_options_check((options)->asyncp_reserved,                                        \
                                sizeof(options)->asyncp_reserved / sizeof(uint64_t), (call))       \
         : (void)0)

#endif
