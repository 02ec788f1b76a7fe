/*
 * timeline/output.h: bytes that grow. After a failed allocation nothing more is added, and `failed`
 * is set: it is asked once, at the end.
 */
#ifndef TIMELINE_OUTPUT_H
#define TIMELINE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct output {
    char *bytes;
    size_t count, capacity;
    bool failed;
};

void asyncp_output_put(struct output *output, const void *bytes, size_t size);
void asyncp_output_byte(struct output *output, uint8_t byte);

/* Formatted text, without its zero byte. */
void asyncp_output_print(struct output *output, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* LEB128: asyncp_bytes_uleb reads it. */
void asyncp_output_uleb(struct output *output, uint64_t value);

/* Its length and its bytes. */
void asyncp_output_text(struct output *output, const char *text);

/*
 * A text for HTML or SVG. Bytes that cannot be printed are escaped as by async_printable, and so
 * are characters that XML does not allow.
 */
void asyncp_output_markup(struct output *output, const char *text);

void asyncp_output_base64(struct output *output, const void *bytes, size_t size);

void asyncp_output_free(struct output *output);

#endif
