/*
 * base/printable.c: turns untrusted bytes into safely printable text: one line of UTF-8 without
 * control characters and changes of direction. Other bytes are escaped.
 */
#include "base/text.h"
#include <asyncio/base.h>
#include <string.h>

enum { ESCAPE_BYTES = 4 }; /* "\x1B" */

/* Control characters, line separators, and marks of a change in the direction of text. */
static bool is_unsafe(uint32_t character)
{
    return character < 0x20 || (character >= 0x7f && character < 0xa0) ||
           (character >= 0x200e && character <= 0x200f) ||
           (character >= 0x2028 && character <= 0x202e) ||
           (character >= 0x2066 && character <= 0x2069);
}

/* The length of a UTF-8 character by its first byte; 0: no character begins with it. */
static size_t utf8_length(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead < 0xe0)
        return 2;
    if (lead >= 0xe0 && lead < 0xf0)
        return 3;
    return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

/* The bytes of the character at the start of bytes[0..length); 0: it must be escaped. */
static size_t printable_length(const unsigned char *bytes, size_t length)
{
    static const uint32_t min_character[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = utf8_length(bytes[0]);
    if (size == 0 || size > length)
        return 0;
    uint32_t character = size == 1 ? bytes[0] : bytes[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        character = character << 6 | (bytes[i] & 0x3f);
    }
    bool is_surrogate = character >= 0xd800 && character < 0xe000;
    return character < min_character[size] || character > 0x10ffff || is_surrogate ||
                   is_unsafe(character)
               ? 0
               : size;
}

static void write_escape(char *place, unsigned char byte)
{
    static const char digits[] = "0123456789ABCDEF";
    const char escape[ESCAPE_BYTES] = {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    memcpy(place, escape, sizeof escape);
}

size_t async_printable(char *text, size_t size, const void *bytes, size_t length)
{
    const unsigned char *next = bytes;
    size_t whole = 0, end = 0; /* bytes of the whole text; bytes written */
    bool has_room = size > 0;
    for (size_t left = length; left > 0;) {
        size_t shown = printable_length(next, left), taken = shown != 0 ? shown : 1;
        size_t written = shown != 0 ? shown : ESCAPE_BYTES;
        has_room = has_room && written < size - end;
        if (has_room && shown != 0)
            memcpy(text + end, next, shown);
        else if (has_room)
            write_escape(text + end, *next);
        end += has_room ? written : 0;
        whole += written;
        next += taken;
        left -= taken;
    }
    if (size > 0)
        text[end] = 0;
    return whole;
}

size_t asyncp_text_whole(const char *text, size_t length)
{
    for (size_t back = 1; back <= 3 && back <= length; back++) {
        unsigned char byte = (unsigned char)text[length - back];
        if ((byte & 0xc0) != 0x80)
            return utf8_length(byte) > back ? length - back : length;
    }
    return length;
}

int asyncp_text_fit(const char *text, size_t size)
{
    return (int)asyncp_text_whole(text, strnlen(text, size));
}
