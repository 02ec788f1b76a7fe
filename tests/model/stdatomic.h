/*
 * model/stdatomic.h: replaces C's header of the same name while the library's own source is
 * compiled for the model. Each access to an atomic becomes a call, at which another thread may go
 * on, and which may read an old value where the memory order allows it. See memory.c.
 */
#ifndef MODEL_STDATOMIC_H
#define MODEL_STDATOMIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum memory_order {
    memory_order_relaxed,
    memory_order_acquire,
    memory_order_release,
    memory_order_acq_rel,
    memory_order_seq_cst
} memory_order;

enum model_change { MODEL_SET, MODEL_OR, MODEL_AND, MODEL_ADD };

uint64_t model_load(const volatile void *place, size_t size, memory_order order);
void model_store(volatile void *place, size_t size, uint64_t value, memory_order order);
uint64_t model_change(volatile void *place, size_t size, enum model_change change, uint64_t value,
                      memory_order order);
bool model_exchange_if(volatile void *place, size_t size, void *expected, uint64_t value,
                       memory_order order);

/* The same, and it does not fail without cause. */
bool model_exchange_surely(volatile void *place, size_t size, void *expected, uint64_t value);

/* The type of *place without _Atomic. */
#define MODEL_TYPE(place) __typeof__((void)0, *(place))
#define MODEL_BITS(value) ((uint64_t)(uintptr_t)(value))
#define MODEL_CHANGE(place, change, value, order)                                                  \
    ((MODEL_TYPE(place))model_change((place), sizeof *(place), (change), MODEL_BITS(value),        \
                                     (order)))

#define atomic_load_explicit(place, order)                                                         \
    ((MODEL_TYPE(place))model_load((place), sizeof *(place), (order)))
#define atomic_store_explicit(place, value, order)                                                 \
    model_store((place), sizeof *(place), MODEL_BITS(value), (order))
#define atomic_exchange_explicit(place, value, order)  MODEL_CHANGE(place, MODEL_SET, value, order)
#define atomic_fetch_or_explicit(place, value, order)  MODEL_CHANGE(place, MODEL_OR, value, order)
#define atomic_fetch_and_explicit(place, value, order) MODEL_CHANGE(place, MODEL_AND, value, order)
#define atomic_fetch_add_explicit(place, value, order) MODEL_CHANGE(place, MODEL_ADD, value, order)
#define atomic_compare_exchange_weak_explicit(place, expected, value, order, order_of_failure)     \
    model_exchange_if((place), sizeof *(place), (expected), MODEL_BITS(value), (order))

#define atomic_load(place)             atomic_load_explicit(place, memory_order_seq_cst)
#define atomic_store(place, value)     atomic_store_explicit(place, value, memory_order_seq_cst)
#define atomic_exchange(place, value)  atomic_exchange_explicit(place, value, memory_order_seq_cst)
#define atomic_fetch_or(place, value)  atomic_fetch_or_explicit(place, value, memory_order_seq_cst)
#define atomic_fetch_and(place, value) atomic_fetch_and_explicit(place, value, memory_order_seq_cst)
#define atomic_fetch_add(place, value) atomic_fetch_add_explicit(place, value, memory_order_seq_cst)
#define atomic_fetch_sub(place, value) atomic_fetch_add(place, -(value))
#define atomic_compare_exchange_strong(place, expected, value)                                     \
    model_exchange_surely((place), sizeof *(place), (expected), MODEL_BITS(value))
#define atomic_compare_exchange_weak(place, expected, value)                                       \
    atomic_compare_exchange_weak_explicit(place, expected, value, memory_order_seq_cst,            \
                                          memory_order_seq_cst)

#endif
