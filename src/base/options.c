/*
 * base/options.c: support for programs compiled for another version of the library: the check of
 * reserved words, and the version.
 */
#include "base/options.h"
#include <asyncio/base.h>

void asyncp_options_check(const uint64_t *reserved, size_t count, const char *call)
{
    for (size_t i = 0; i < count; i++)
        ENSURE(reserved[i] == 0,
               "%s: the options have fields that this library does not know; initialize the struct "
               "with {0}, or use the library that the program was compiled for",
               call);
}

const char *async_version(void)
{
    return ASYNCP_TEXT(ASYNC_VERSION_MAJOR) "." ASYNCP_TEXT(ASYNC_VERSION_MINOR) "." ASYNCP_TEXT(
        ASYNC_VERSION_PATCH);
}
