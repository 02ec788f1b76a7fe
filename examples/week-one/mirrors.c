/*
 * mirrors.c: fetches a file from several mirrors: the next one starts when the last one has failed
 * or has not answered within a second. The first success wins; the others are cancelled.
 */
#include <asyncio.h>
#include <stdio.h>

struct mirror {
    const char *name;
    double seconds; /* until it answers */
    int size;       /* of the file, or -errno */
};

struct download {
    const struct mirror *mirrors;
    int size; /* of the winner's file */
};

static int fetch(const struct mirror *mirror)
{
    printf("asking %s\n", mirror->name);
    int result = async_sleep(mirror->seconds);
    if (result >= 0)
        result = mirror->size;
    if (result < 0)
        printf("%s %s\n", mirror->name, result == -ECANCELED ? "is not needed any more" : "failed");
    return result;
}

static int attempt(size_t index, void *context)
{
    struct download *download = context;
    int size;
    ASYNC_TRY(size = fetch(&download->mirrors[index]));
    download->size = size;
    return 0;
}

static int amain(void)
{
    static const struct mirror mirrors[] = {{"slow.example", 10, 4711},
                                            {"broken.example", 0.3, -ECONNRESET},
                                            {"near.example", 2.5, 4711}};
    struct download download = {.mirrors = mirrors};
    int winner;
    ASYNC_TRY(winner = async_staggered_race(attempt, &download, 3, 1.0));
    printf("%d bytes from %s\n", download.size, mirrors[winner].name);
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
