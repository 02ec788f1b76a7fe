/*
 * greeter.c: a service that sends the text of a file to each client: `greeter 7777 greeting.txt`.
 * SIGHUP reads the file again. SIGTERM and Ctrl-C end it in order: clients are told, and the end
 * takes five seconds at most, also if a client reads nothing.
 */
#include <asyncio.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct service {
    const char *path;
    char greeting[1024];
};

/* Keeps the old text if the file cannot be read. The file is small and local: reading blocks. */
static void load_greeting(struct service *service)
{
    char text[sizeof service->greeting];
    FILE *file = fopen(service->path, "r");
    if (file == NULL) {
        perror(service->path);
        return;
    }
    size_t size = fread(text, 1, sizeof text - 1, file);
    text[size] = 0;
    if (!ferror(file))
        memcpy(service->greeting, text, size + 1);
    fclose(file);
}

static int reload_at_hangups(struct service *service, async_signals *hangups)
{
    for (;;) {
        ASYNC_TRY(async_signals_next(hangups));
        load_greeting(service);
        puts("loaded again");
        fflush(stdout);
    }
}
async_fn(reload_at_hangups, struct service *, async_signals *);

static int greet(async_stream *stream, void *argument)
{
    const struct service *service = argument;
    char line[256];
    int result;
    do { /* once, and again for each line of the client */
        async_stream_write(stream, service->greeting, strlen(service->greeting));
        ASYNC_TRY(async_stream_drain(stream));
    } while ((result = async_stream_readline(stream, line, sizeof line)) > 0);
    if (result == -ECANCELED)
        async_stream_printf(stream, "goodbye\n");
    return result;
}

static int serve(struct service *service, int port)
{
    async_auto_wait_server *server = NULL;
    ASYNC_TRY(async_start_server(&server, greet, service, NULL, port, NULL));
    printf("listening at port %d\n", async_server_port(server));
    fflush(stdout);
    return async_server_serve_forever(server);
}

static int amain(int port, const char *path)
{
    static struct service service;
    service.path = path;
    load_greeting(&service);
    async_auto_signals *hangups = NULL; /* from here on SIGHUP does not end the program */
    ASYNC_TRY(async_signals_new(&hangups, SIGHUP));
    ASYNC_TASK_GROUP(group);
    async_group_create_task(&group, reload_at_hangups, &service, hangups);
    return serve(&service, port); /* the end of the block cancels the other task */
}
async_fn(amain, int, const char *);

int main(int count, char **arguments)
{
    const async_run_options options = {.cancel_on_sigterm = true, .shutdown_timeout = 5};
    if (count != 3) {
        fprintf(stderr, "usage: %s PORT FILE\n", arguments[0]);
        return 2;
    }
    return async_main_with(&options, amain, atoi(arguments[1]), arguments[2]);
}
