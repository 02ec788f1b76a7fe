/*
 * fuzz/replies.c: bytes of a server, fed at once and in pieces: the same reply or the same error,
 * and every element can be looked at. The first byte of the input says how long the pieces are.
 */
#include "../../tls/fuzz/fuzz.h"
#include "redis.h"

enum { LIMIT = 1 << 16 };

/* A digest of a tree; looks at each byte of it. */
static uint64_t digest(const async_redis_reply *reply, uint64_t hash)
{
    const char *text;
    int64_t integer;
    double number;
    hash = hash * 31 + async_redis_reply_type(reply);
    int size = async_redis_reply_text(reply, &text);
    for (int i = 0; i <= size && text != NULL; i++) /* with its zero byte */
        hash = hash * 31 + (unsigned char)text[i];
    if (size >= 0 && text[size] != 0)
        abort();
    if (async_redis_reply_integer(reply, &integer) == 0)
        hash = hash * 31 + (uint64_t)integer;
    if (async_redis_reply_double(reply, &number) == 0)
        hash = hash * 31 + (number > 0);
    async_ignore(async_redis_reply_get(reply, "key") != NULL);
    for (size_t i = 0; i < async_redis_reply_size(reply); i++)
        hash = digest(async_redis_reply_at(reply, i), hash);
    return hash;
}

struct outcome {
    int error;       /* or 0 */
    unsigned count;  /* of replies */
    uint64_t digest; /* of all of them */
};

/* Each part is in a block of its own, so that a read beyond it is found. */
static int feed_part(struct reader *reader, const uint8_t *data, size_t size,
                     async_redis_reply **reply)
{
    char *copy = malloc(size);
    if (copy == NULL)
        abort();
    memcpy(copy, data, size);
    int fed = redisp_reader_feed(reader, copy, size, reply);
    free(copy);
    if (fed > (int)size)
        abort();
    return fed;
}

static struct outcome feed(const uint8_t *data, size_t size, size_t piece)
{
    struct outcome outcome = {0};
    struct reader reader;
    size_t fed = 0, end = 0;
    redisp_reader_open(&reader, LIMIT);
    while (outcome.error == 0 && end < size) {
        int taken = 1;
        end = end + piece < size ? end + piece : size;
        while (taken > 0 && fed < end) {
            async_redis_reply *reply;
            taken = feed_part(&reader, data + fed, end - fed, &reply);
            fed += taken > 0 ? (size_t)taken : 0;
            outcome.error = taken < 0 ? taken : 0;
            outcome.count += reply != NULL;
            outcome.digest = reply != NULL ? digest(reply, outcome.digest) : outcome.digest;
            async_redis_reply_free(reply);
        }
        if (reader.memory > LIMIT)
            abort();
    }
    redisp_reader_close(&reader);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return -1;
    struct outcome whole = feed(data + 1, size - 1, size);
    struct outcome pieces = feed(data + 1, size - 1, 1 + data[0] % 32);
    if (whole.error != pieces.error || whole.count != pieces.count || whole.digest != pieces.digest)
        abort();
    return 0;
}
