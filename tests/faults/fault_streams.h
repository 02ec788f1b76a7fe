/*
 * fault_streams.h: what the fault programs of streams and of TLS share.
 */
#ifndef TEST_FAULT_STREAMS_H
#define TEST_FAULT_STREAMS_H

#include "faults/fault_test.h"
#include "run/streams.h"

/* Cancelled: the program frees its server while it serves. */
ASYNC_UNUSED static int serve_echo_until_freed(async_stream *stream, void *unused)
{
    int result = serve_echo(stream, unused);
    return result == -ECANCELED || answer(result) < 0 ? 0 : result;
}

#endif
