/*
 * dump.h: the current output of async_dump, as a text that a test can search.
 */
#ifndef TEST_DUMP_H
#define TEST_DUMP_H

#include "run/runner.h"
#include <sys/mman.h>
#include <unistd.h>

/* The words of one dump. */
struct dump {
    char text[4096]; /* all of them, or as many as fit */
};

static inline struct dump dump_now(void)
{
    struct dump dump = {""};
    int file = memfd_create("a dump", MFD_CLOEXEC);
    async_dump(file);
    CHECK(pread(file, dump.text, sizeof dump.text - 1, 0) > 0);
    close(file);
    return dump;
}

#endif
