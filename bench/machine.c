/*
 * bench/machine.c: the list of the measurements of bench-machine.
 */
#define _GNU_SOURCE
#include "machine.h"

int main(int argc, char **argv)
{
    static const struct bench_measurement all[] = {
        {"start/static", measure_start_static},
        {"start/true", measure_start_true},
        {"start/fds", measure_start_descriptors},
        {"start/memory", measure_start_memory},
        {"held/static", measure_held_static},
        {"held/true", measure_held_true},
        {"held/fds", measure_held_descriptors},
        {"held/memory", measure_held_memory},
        {"chunk", measure_chunk},
        {"chunk/1", measure_chunk_1},
        {"line", measure_line},
        {"line/borrowed", measure_line_borrowed},
    };
    return bench_main(argc, argv, all, sizeof all / sizeof all[0]);
}
