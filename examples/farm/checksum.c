/*
 * checksum.c: the CRC-32 of a file, bit by bit.
 */
#include "checksum.h"
#include <stdio.h>

static uint32_t add_byte(uint32_t sum, unsigned char byte)
{
    sum ^= byte;
    for (int bit = 0; bit < 8; bit++)
        sum = sum >> 1 ^ (sum & 1 ? 0xedb88320 : 0);
    return sum;
}

int checksum_file(const char *path, uint32_t *sum)
{
    unsigned char bytes[4096];
    size_t size;
    uint32_t rest = UINT32_MAX;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return async_fail_errno(-errno, "open %s", path);
    while ((size = fread(bytes, 1, sizeof bytes, file)) > 0)
        for (size_t i = 0; i < size; i++)
            rest = add_byte(rest, bytes[i]);
    int result = ferror(file) ? async_fail_errno(-errno, "read %s", path) : 0;
    fclose(file);
    *sum = ~rest;
    return result;
}
