/*
 * base/values.h: questions and conversions of plain values for which C has no clear expression.
 */
#ifndef BASE_VALUES_H
#define BASE_VALUES_H

#include <stdbool.h>
#include <stdint.h>

static inline bool is_not_a_number(double value)
{
    return value != value;
}

/*
 * Removes const. For an object not defined const, if the signature of a public function promises
 * not to change it.
 */
static inline void *unconst(const void *object)
{
    return (void *)(uintptr_t)object;
}

#endif
