/*
 * bench/helpers/lines.c: lines COUNT: writes that many lines to standard output, as fast as a pipe
 * takes them: 1 to 127 bytes each, 64 on average, the newline included. The same lines in each run.
 */
#include <bench.h>

#include <unistd.h>

enum { LINES = 8192, LONGEST = 127 };

static char text[LINES * LONGEST];
static size_t ends[LINES + 1]; /* of the line before, by its number */

static void make_lines(void)
{
    unsigned random = 1;
    for (int i = 0; i < LINES; i++) {
        size_t length = 1 + (size_t)(bench_random(&random) * LONGEST);
        ends[i + 1] = ends[i] + length;
        memset(text + ends[i], 'a' + i % 26, length - 1);
        text[ends[i + 1] - 1] = '\n';
    }
}

static void write_all(size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t written = write(STDOUT_FILENO, text + done, size - done);
        if (written < 0)
            bench_die("lines", "write failed");
        done += (size_t)written;
    }
}

int main(int argc, char **argv)
{
    long count = argc > 1 ? atol(argv[1]) : 0;
    make_lines();
    for (; count > 0; count -= LINES)
        write_all(ends[count < LINES ? count : LINES]);
    return 0;
}
