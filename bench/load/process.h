/*
 * bench/load/process.h: starts and ends the measured server, for all load generators in C: the
 * server runs on one processor, prints its port, and ends when its input is closed (server.h). This
 * file must not know what is measured.
 */
#ifndef BENCH_LOAD_PROCESS_H
#define BENCH_LOAD_PROCESS_H

#include <bench.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct server {
    pid_t process;
    int port;
    int input;          /* the server ends when this is closed */
    clockid_t cpu_time; /* of all its threads */
};

static inline void load_die(const char *what)
{
    bench_die(what, strerror(errno));
}

/* Raises the limit of descriptors, which the server inherits. */
static inline void load_allow_descriptors(rlim_t count)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < count)
        bench_die("load", "ulimit -Hn is too low");
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* The last two allowed processors, or one for both. */
static inline void load_choose_processors(size_t *servers, size_t *own)
{
    cpu_set_t allowed;
    size_t found = 0;
    sched_getaffinity(0, sizeof allowed, &allowed);
    *servers = *own = 0;
    for (size_t i = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, &allowed)) {
            *own = found++ == 0 ? i : *servers;
            *servers = i;
        }
    }
}

static inline void load_stay_on(size_t processor)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    sched_setaffinity(0, sizeof set, &set);
}

/* In the child: becomes the server. */
static inline void load_become(const char *program, size_t processor, int input, int output)
{
    load_stay_on(processor);
    setenv("GOMAXPROCS", "1", 1);
    dup2(input, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    execl(program, program, (char *)NULL);
    load_die(program);
}

static inline int load_read_port(int output)
{
    int port = 0;
    FILE *said = fdopen(output, "r");
    if (said == NULL || fscanf(said, "%d", &port) != 1)
        bench_die("load", "the server did not print its port");
    return port;
}

static inline struct server load_start(const char *program)
{
    struct server server = {0};
    size_t servers, own;
    int input[2], output[2];
    load_choose_processors(&servers, &own);
    if (pipe2(input, O_CLOEXEC) < 0 || pipe2(output, O_CLOEXEC) < 0)
        load_die("pipe");
    server.process = fork();
    if (server.process < 0)
        load_die("fork");
    if (server.process == 0)
        load_become(program, servers, input[0], output[1]);
    load_stay_on(own);
    close(input[0]);
    close(output[1]);
    server.input = input[1];
    server.port = load_read_port(output[0]);
    if (clock_getcpuclockid(server.process, &server.cpu_time) != 0)
        bench_die("load", "the server's clock cannot be read");
    return server;
}

static inline void load_end(struct server *server)
{
    close(server->input);
    waitpid(server->process, NULL, 0);
}

#endif
