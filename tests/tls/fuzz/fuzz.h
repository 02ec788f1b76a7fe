/*
 * fuzz.h: shared by the programs for libFuzzer. They check the library's results for some bytes,
 * and end the process where a rule is broken; the sanitizers do the rest.
 */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include <asyncio.h>
#include <stdlib.h>
#include <string.h>

/* Called by libFuzzer for each input: 0; -1: it is of no interest. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Dies unless a terminal would show the text as it is. */
static inline void fuzz_check_printable(const char *text)
{
    if (async_printable(NULL, 0, text, strlen(text)) != strlen(text))
        abort();
}

#endif
