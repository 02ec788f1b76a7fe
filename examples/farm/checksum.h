/*
 * checksum.h: the CRC-32 of a file.
 */
#ifndef CHECKSUM_H
#define CHECKSUM_H

#include <asyncio.h>
#include <stdint.h>

/*
 * Reads a file to its end and stores its CRC-32, the one of gzip(1). It blocks, so it is for
 * async_to_thread.
 *
 * Returns 0, or an error of fopen(3) or fread(3).
 */
ASYNC_MUST int checksum_file(const char *path, uint32_t *sum);
async_fn(checksum_file, const char *, uint32_t *);

#endif
