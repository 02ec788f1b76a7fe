/*
 * proc/capture.h: the output of a process so far. It belongs to the process until a call to
 * async_process_communicate returns it.
 */
#ifndef PROC_CAPTURE_H
#define PROC_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>

struct captured {
    char *bytes; /* from malloc */
    size_t size, capacity;
    bool cut; /* more than the limit came */
};

struct communication {
    struct captured out, err;
    size_t input_written;
};

/* Appends at most so many bytes that the limit is not passed. 0 or -ENOMEM. */
int asyncp_capture(struct captured *captured, const char *data, size_t size, size_t limit);

/* Room for the zero byte of asyncp_captured_take, which cannot fail then. 0 or -ENOMEM. */
int asyncp_captured_reserve(struct captured *captured);

/* The text becomes the caller's, with a zero byte. 0 or -ENOMEM. */
int asyncp_captured_take(struct captured *captured, char **text, size_t *size);

void asyncp_communication_free(struct communication *communication);

#endif
