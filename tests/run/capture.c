/* capture.c: standard error is a file in memory until the end of the capture. */
#include "run/capture.h"
#include "run/runner.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static int captured_file, real_stderr;

int capture_file(const char *name)
{
    int file = memfd_create(name, MFD_CLOEXEC);
    if (file >= 0)
        (void)fcntl(file, F_SETFL, O_APPEND);
    return file;
}

void capture_begin(void)
{
    captured_file = capture_file("stderr");
    real_stderr = dup(STDERR_FILENO);
    CHECK(captured_file >= 0 && real_stderr >= 0);
    CHECK_EQ(dup2(captured_file, STDERR_FILENO), STDERR_FILENO);
}

const char *capture_look(void)
{
    static char text[1 << 15];
    ssize_t length = pread(captured_file, text, sizeof text - 1, 0);
    CHECK(length >= 0);
    text[length] = '\0';
    return text;
}

const char *capture_end(void)
{
    CHECK_EQ(dup2(real_stderr, STDERR_FILENO), STDERR_FILENO);
    const char *text = capture_look();
    CHECK(close(captured_file) == 0 && close(real_stderr) == 0);
    return text;
}
