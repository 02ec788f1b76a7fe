/*
 * layers.h: the parts of a layer that passes on what it is given.
 */
#ifndef TEST_LAYERS_H
#define TEST_LAYERS_H

#include "runner.h"

static int pass_read(void *state, async_transport *below, void *buffer, size_t size)
{
    (void)state;
    return async_transport_read(below, buffer, size);
}

static int pass_write(void *state, async_transport *below, const void *data, size_t size)
{
    (void)state;
    return async_transport_write(below, data, size);
}

#endif
