/*
 * layers.h: the functions of a layer that passes everything on unchanged.
 */
#ifndef TEST_LAYERS_H
#define TEST_LAYERS_H

#include "run/runner.h"

ASYNC_UNUSED static int pass_read(void *state, async_transport *below, void *buffer, size_t size)
{
    (void)state;
    return async_transport_read(below, buffer, size);
}

ASYNC_UNUSED static int pass_write(void *state, async_transport *below, const void *data,
                                   size_t size)
{
    (void)state;
    return async_transport_write(below, data, size);
}

ASYNC_UNUSED static int pass_finish(void *state, async_transport *below)
{
    (void)state, (void)below;
    return 0;
}

ASYNC_UNUSED static void pass_free(void *state)
{
    (void)state;
}

#endif
