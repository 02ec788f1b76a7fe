/*
 * fetch.c: fetches pages, ten at a time: `fetch https://example.com/ http://localhost:8080/`. Each
 * page has ten seconds and a second try; its result is printed when it arrives. A truncated answer
 * is an error.
 */
#define _GNU_SOURCE /* strcasestr, memmem */
#include <asyncio.h>
#include <asyncio/tls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_BYTES = 64 << 20, AT_ONCE = 10, SECONDS = 10, TRIES = 2 };

struct url {
    bool is_secure;
    char host[256];
    int port;
    const char *path;
};

static int parse(const char *text, struct url *url)
{
    char scheme[6] = "", port[6] = "";
    int used = 0;
    if (sscanf(text, "%5[a-z]://%255[^/:]%n", scheme, url->host, &used) != 2)
        return async_fail(-EINVAL, "not a URL: %s", text);
    url->is_secure = strcmp(scheme, "https") == 0;
    if (!url->is_secure && strcmp(scheme, "http") != 0)
        return async_fail(-EPROTONOSUPPORT, "neither http nor https: %s", text);
    url->port = url->is_secure ? 443 : 80;
    text += used;
    if (sscanf(text, ":%5[0-9]%n", port, &used) == 1) {
        url->port = atoi(port);
        text += used;
    }
    url->path = *text != 0 ? text : "/";
    return 0;
}

/* Returns the body's length, or -1 if the header has none. */
static long announced_length(const char *header)
{
    static const char name[] = "\r\nContent-Length:";
    const char *found = strcasestr(header, name);
    return found != NULL ? strtol(found + sizeof name - 1, NULL, 10) : -1;
}

/* Returns the status of a complete answer, and the length of its body. */
static int check(const struct url *url, char *answer, int size, int *length)
{
    int status = 0;
    char *body = memmem(answer, (size_t)size, "\r\n\r\n", 4);
    if (sscanf(answer, "HTTP/%*s %d", &status) != 1 || body == NULL)
        return async_fail(-EPROTO, "%s does not speak HTTP", url->host);
    *body = 0;
    *length = size - (int)(body + 4 - answer);
    long announced = announced_length(answer);
    return announced < 0 || announced == *length
               ? status
               : async_fail(-ENODATA, "%d bytes of %ld came", *length, announced);
}

static int get(const struct url *url, async_tls *tls, int *length)
{
    const async_connection_options options = {.tls = url->is_secure ? tls : NULL};
    async_auto_stream *stream = NULL;
    char *answer;
    int size;
    ASYNC_TRY(async_open_connection(&stream, url->host, url->port, &options));
    ASYNC_TRY(async_stream_printf(stream,
                                  "GET %s HTTP/1.0\r\nHost: %s\r\nUser-Agent: asyncio\r\n\r\n",
                                  url->path, url->host));
    ASYNC_TRY(size = async_stream_read_all(stream, &answer, MAX_BYTES));
    int status = check(url, answer, size, length);
    free(answer);
    return status;
}

struct shared {
    async_semaphore places;
    async_tls *tls;
    int failed; /* number of pages */
};

static int fetch(const char *text, struct shared *shared)
{
    struct url url;
    int status, length = 0;
    ASYNC_WITH(&shared->places);
    double from = async_time();
    status = parse(text, &url);
    for (int i = 0; status == 0 && i < TRIES; i++) {
        int tried = async_timeout(SECONDS, get(&url, shared->tls, &length));
        if (tried >= 0 || i + 1 == TRIES || async_task_cancelling(async_current_task()))
            status = tried;
    }
    if (status > 0)
        printf("%d %s: %d bytes in %.3f s\n", status, text, length, async_time() - from);
    else
        printf("failed %s: %s\n", text, async_strerror(status));
    fflush(stdout);
    shared->failed += status < 0 || status >= 400;
    return async_task_cancelling(async_current_task()) ? status : 0;
}
async_fn(fetch, const char *, struct shared *);

static int amain(char **urls, const char *authorities)
{
    async_auto_tls *tls = NULL;
    ASYNC_TRY(async_tls_client_new(&tls, &(async_tls_options){.ca = authorities}));
    struct shared shared = {.places = {.value = AT_ONCE}, .tls = tls};
    ASYNC_TASK_GROUP(group);
    for (; *urls != NULL; urls++)
        async_group_create_task(&group, fetch, *urls, &shared);
    ASYNC_TRY(async_group_wait(&group));
    return shared.failed > 0;
}
async_fn(amain, char **, const char *);

int main(int count, char **arguments)
{
    const char *authorities = NULL;
    int option;
    while ((option = getopt(count, arguments, "a:")) == 'a')
        authorities = optarg;
    if (option == -1 && optind < count)
        return async_main(amain, arguments + optind, authorities);
    fprintf(stderr, "usage: %s [-a authorities.pem] URL…\n", arguments[0]);
    return 2;
}
