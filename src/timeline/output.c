/* timeline/output.c: bytes, numbers and texts, appended to memory that grows. */
#include "timeline/output.h"
#include <asyncio/base.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for more bytes. Whether there is room. */
static bool grow(struct output *output, size_t more)
{
    enum { FIRST = 4096 };
    if (output->failed || output->capacity - output->count >= more)
        return !output->failed;
    size_t capacity = output->capacity < FIRST ? FIRST : output->capacity;
    while (capacity - output->count < more && capacity <= SIZE_MAX / 2)
        capacity *= 2;
    char *bytes = capacity - output->count >= more ? realloc(output->bytes, capacity) : NULL;
    output->failed = bytes == NULL;
    if (bytes == NULL)
        return false;
    output->bytes = bytes;
    output->capacity = capacity;
    return true;
}

void asyncp_output_put(struct output *output, const void *bytes, size_t size)
{
    if (size == 0 || !grow(output, size))
        return;
    memcpy(output->bytes + output->count, bytes, size);
    output->count += size;
}

void asyncp_output_byte(struct output *output, uint8_t byte)
{
    asyncp_output_put(output, &byte, 1);
}

void asyncp_output_print(struct output *output, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length > 0)
        asyncp_output_put(output, text,
                          (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
}

void asyncp_output_uleb(struct output *output, uint64_t value)
{
    uint8_t bytes[10];
    size_t count = 0;
    do {
        bytes[count] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        count++;
        value >>= 7;
    } while (value != 0);
    asyncp_output_put(output, bytes, count);
}

void asyncp_output_text(struct output *output, const char *text)
{
    size_t size = strlen(text);
    asyncp_output_uleb(output, size);
    asyncp_output_put(output, text, size);
}

/* U+FFFE or U+FFFF: XML does not allow them, even as references. */
static bool is_forbidden_in_xml(const char *at)
{
    return strncmp(at, "\357\277\276", 3) == 0 || strncmp(at, "\357\277\277", 3) == 0;
}

void asyncp_output_markup(struct output *output, const char *text)
{
    char shown[1024];
    async_printable(shown, sizeof shown, text, strlen(text));
    for (const char *at = shown; *at != 0; at++) {
        const char *entity = *at == '<'   ? "&lt;"
                             : *at == '>' ? "&gt;"
                             : *at == '&' ? "&amp;"
                             : *at == '"' ? "&quot;"
                                          : NULL;
        if (entity != NULL) {
            asyncp_output_put(output, entity, strlen(entity));
        } else if (is_forbidden_in_xml(at)) {
            asyncp_output_print(output, "\\xEF\\xBF\\x%02X", (uint8_t)at[2]);
            at += 2;
        } else {
            asyncp_output_byte(output, (uint8_t)*at);
        }
    }
}

void asyncp_output_base64(struct output *output, const void *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *from = bytes;
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t group = (uint32_t)from[i] << 16 | (left > 1 ? (uint32_t)from[i + 1] << 8 : 0) |
                         (left > 2 ? from[i + 2] : 0);
        const char four[4] = {digits[group >> 18 & 63], digits[group >> 12 & 63],
                              left > 1 ? digits[group >> 6 & 63] : '=',
                              left > 2 ? digits[group & 63] : '='};
        asyncp_output_put(output, four, sizeof four);
    }
}

void asyncp_output_free(struct output *output)
{
    free(output->bytes);
    *output = (struct output){.bytes = NULL};
}
