/*
 * peers/hiredis/queue.c: XADD with hiredis: 128 commands are written, then their replies are read,
 * as a program with 128 tasks would send them; and one after the other.
 */
#include <bench.h>
#include <hiredis.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MANY = 128, ITEMS = 200000, FEW_ITEMS = 20000 };

static char folder[] = "/tmp/bench-hiredis-XXXXXX", path[64], item[64];
static pid_t server;

static redisContext *start(void)
{
    redisContext *context = NULL;
    if (mkdtemp(folder) == NULL)
        bench_die("mkdtemp", folder);
    snprintf(path, sizeof path, "%s/socket", folder);
    memset(item, 'x', sizeof item);
    const char *program = getenv("REDIS_SERVER");
    if (program == NULL)
        program = "redis-server";
    server = fork();
    if (server == 0) {
        if (freopen("/dev/null", "w", stdout) != NULL)
            execlp(program, program, "--port", "0", "--unixsocket", path, "--save", "", "--dir",
                   folder, (char *)NULL);
        _exit(1);
    }
    for (int i = 0; i < 500; i++) {
        usleep(20000);
        context = redisConnectUnix(path);
        if (context != NULL && context->err == 0)
            return context;
        redisFree(context);
    }
    bench_die("redis-server", "does not answer");
    return NULL;
}

static void stop(redisContext *context)
{
    redisFree(context);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    unlink(path);
    rmdir(folder);
}

static double put(redisContext *context, int at_once, int count)
{
    double begun = bench_clock(CLOCK_MONOTONIC);
    for (int done = 0; done < count; done += at_once) {
        void *reply;
        for (int i = 0; i < at_once; i++)
            redisAppendCommand(context, "XADD q * b %b", item, sizeof item);
        for (int i = 0; i < at_once; i++) {
            if (redisGetReply(context, &reply) != REDIS_OK)
                bench_die("redisGetReply", context->errstr);
            freeReplyObject(reply);
        }
    }
    return count / (bench_clock(CLOCK_MONOTONIC) - begun);
}

static void measure_one(void)
{
    redisContext *context = start();
    bench_say("put/1", put(context, 1, FEW_ITEMS));
    stop(context);
}

static void measure_many(void)
{
    redisContext *context = start();
    double cpu = bench_cpu();
    bench_say("put/128", put(context, MANY, ITEMS));
    bench_say("put cpu/128", (bench_cpu() - cpu) * 1e6 / ITEMS);
    stop(context);
}

int main(int argc, char **argv)
{
    static const struct bench_measurement all[] = {{"put/1", measure_one}, {"many", measure_many}};
    return bench_main(argc, argv, all, sizeof all / sizeof all[0]);
}
