/*
 * fetcher.c: fetches pages, ten at a time; each has three attempts of at most SECONDS.
 *
 *     fetcher SECONDS URL…
 *
 * A page that cannot be fetched is a result and not an error, so the other tasks go on.
 */
#include <asyncio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AT_ONCE = 10, ATTEMPTS = 3, MAX_BYTES = 8 << 20 };

struct page {
    const char *url;
    char *body;
    int status;      /* of the HTTP answer, or -errno */
    const char *why; /* the error message, if there is no body */
};

static int http_get(const char *url, char **body)
{
    char host[256], *reply;
    int used = 0, port = 80, status;
    if (sscanf(url, "http://%255[^:/]%n:%5d%n", host, &used, &port, &used) < 1)
        return async_fail(-EINVAL, "not an http URL: %s", url);
    async_auto_stream *stream = NULL;
    ASYNC_TRY(async_open_connection(&stream, host, port, NULL));
    async_stream_printf(stream, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", url[used] ? url + used : "/",
                        host);
    ASYNC_TRY(async_stream_read_all(stream, &reply, MAX_BYTES));
    if (sscanf(reply, "HTTP/%*s %d", &status) != 1) {
        free(reply);
        return async_fail(-EPROTO, "%s: not an HTTP answer", host);
    }
    *body = reply;
    return status;
}

static int fetch(struct page *page, async_semaphore *slots, double seconds)
{
    ASYNC_WITH(slots);
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        ASYNC_TRY(async_sleep(attempt * 0.1));
        page->status = async_timeout(seconds, http_get(page->url, &page->body));
        if (page->status >= 0)
            return 0;
        page->why = async_strerror(page->status);
    }
    return page->status == -ECANCELED ? -ECANCELED : 0;
}
async_fn(fetch, struct page *, async_semaphore *, double);

static int fetch_all(struct page *pages, int count, double seconds)
{
    async_semaphore slots = {.value = AT_ONCE};
    ASYNC_TASK_GROUP(fetchers);
    for (int i = 0; i < count; i++)
        async_group_create_task(&fetchers, fetch, &pages[i], &slots, seconds);
    return async_group_wait(&fetchers);
}

static int amain(int count, char **urls, double seconds)
{
    struct page *pages = calloc((size_t)count + 1, sizeof *pages);
    if (pages == NULL)
        return -ENOMEM;
    for (int i = 0; i < count; i++)
        pages[i] = (struct page){.url = urls[i], .why = "not tried"};
    int result = fetch_all(pages, count, seconds);
    for (int i = 0; i < count; i++) {
        if (pages[i].body != NULL)
            printf("%s %d %zu\n", pages[i].url, pages[i].status, strlen(pages[i].body));
        else
            printf("%s %s\n", pages[i].url, pages[i].why);
        free(pages[i].body);
    }
    free(pages);
    return result;
}
async_fn(amain, int, char **, double);

int main(int argc, char *argv[])
{
    if (argc < 3)
        return fputs("usage: fetcher SECONDS URL…\n", stderr), 2;
    return async_main(amain, argc - 2, argv + 2, strtod(argv[1], NULL));
}
