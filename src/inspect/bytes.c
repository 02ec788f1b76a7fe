/* inspect/bytes.c: numbers of one to eight bytes, and those of DWARF. */
#include "inspect/bytes.h"
#include <string.h>

const uint8_t *asyncp_bytes_skip(struct bytes *bytes, uint64_t size)
{
    const uint8_t *at = bytes->at;
    if (bytes->failed || size > (uint64_t)(bytes->end - bytes->at)) {
        bytes->failed = true;
        return NULL;
    }
    bytes->at += size;
    bytes->address += size;
    return at;
}

uint64_t asyncp_bytes_unsigned(struct bytes *bytes, size_t size)
{
    union {
        uint8_t one;
        uint16_t two;
        uint32_t four;
        uint64_t eight;
    } value;
    const uint8_t *at = asyncp_bytes_skip(bytes, size);
    if (at == NULL)
        return 0;
    memcpy(&value, at, size);
    return size == 1 ? value.one : size == 2 ? value.two : size == 4 ? value.four : value.eight;
}

int64_t asyncp_bytes_signed(struct bytes *bytes, size_t size)
{
    uint64_t value = asyncp_bytes_unsigned(bytes, size);
    uint64_t sign = UINT64_C(1) << (8 * size - 1);
    return (int64_t)((value ^ sign) - sign);
}

/* *shift: behind the last bit. */
static uint64_t read_leb(struct bytes *bytes, unsigned *shift, uint8_t *last)
{
    uint64_t value = 0;
    *shift = 0;
    do {
        *last = (uint8_t)asyncp_bytes_unsigned(bytes, 1);
        if (*shift < 64)
            value |= (uint64_t)(*last & 0x7f) << *shift;
        else
            bytes->failed = true; /* more than ten bytes */
        *shift += 7;
    } while ((*last & 0x80) != 0 && !bytes->failed);
    return value;
}

uint64_t asyncp_bytes_uleb(struct bytes *bytes)
{
    unsigned shift;
    uint8_t last;
    return read_leb(bytes, &shift, &last);
}

int64_t asyncp_bytes_sleb(struct bytes *bytes)
{
    unsigned shift;
    uint8_t last;
    uint64_t value = read_leb(bytes, &shift, &last);
    if (shift < 64 && (last & 0x40) != 0)
        value |= ~UINT64_C(0) << shift;
    return (int64_t)value;
}

uint64_t asyncp_bytes_pointer(struct bytes *bytes, uint8_t encoding)
{
    enum { FORMAT = 0x0f, RELATIVE_TO = 0x70, TO_ITSELF = 0x10, INDIRECT = 0x80, NONE = 0xff };
    const uint64_t here = bytes->address;
    uint64_t value = 0;
    if (encoding == NONE)
        return 0;
    switch (encoding & FORMAT) {
    case 0x00:
        value = asyncp_bytes_unsigned(bytes, sizeof(void *));
        break;
    case 0x01:
        value = asyncp_bytes_uleb(bytes);
        break;
    case 0x02:
    case 0x03:
    case 0x04:
        value = asyncp_bytes_unsigned(bytes, (size_t)1 << ((encoding & FORMAT) - 1));
        break;
    case 0x09:
        value = (uint64_t)asyncp_bytes_sleb(bytes);
        break;
    case 0x0a:
    case 0x0b:
    case 0x0c:
        value = (uint64_t)asyncp_bytes_signed(bytes, (size_t)1 << ((encoding & FORMAT) - 9));
        break;
    default:
        bytes->failed = true;
    }
    if ((encoding & RELATIVE_TO) == TO_ITSELF)
        return value + here;
    bytes->failed |= (encoding & RELATIVE_TO) != 0 && (encoding & INDIRECT) == 0;
    return value;
}
