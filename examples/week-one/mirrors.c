/*
 * mirrors.c: asks several mirrors for the same file, the next one whenever the last has not
 * answered within a second or has failed. The first that succeeds wins; the others are cancelled.
 */
#include <asyncio.h>
#include <stdio.h>

struct mirror {
    const char *name;
    double seconds; /* until it answers */
    int size;       /* of the file, or why there is none */
};

struct download {
    const struct mirror *mirrors;
    int size; /* what the winner gave */
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
