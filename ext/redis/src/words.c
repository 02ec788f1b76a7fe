/*
 * ext/redis/src/words.c: the words of a command with any number of keys and entries. They are
 * borrowed; numbers are written into the struct.
 */
#include "queue.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

void redisp_add_bytes(struct words *words, const void *bytes, size_t size)
{
    assert(words->count < MOST_WORDS);
    words->words[words->count++] = (struct iovec){(void *)(uintptr_t)bytes, size};
}

void redisp_add_word(struct words *words, const char *text)
{
    redisp_add_bytes(words, text, strlen(text));
}

void redisp_add_number(struct words *words, long long number)
{
    char *place = words->digits + words->digits_used;
    size_t room = sizeof words->digits - words->digits_used;
    int size = snprintf(place, room, "%lld", number);
    assert((size_t)size < room);
    redisp_add_bytes(words, place, (size_t)size);
    words->digits_used += (size_t)size;
}

void redisp_add_streams(struct words *words, const struct shared_queue *queue)
{
    for (int i = 0; i < queue->stream_count; i++)
        redisp_add_word(words, queue->streams[i]);
}

int redisp_run(struct shared_queue *queue, async_redis_reply **reply, async_redis_script *script,
               const struct words *words)
{
    return redisp_eval_words(queue->redis, reply, script, words->words, words->count);
}

void redisp_begin_failure(struct words *words, const struct shared_queue *queue, int priority,
                          enum outcome outcome)
{
    double pause = outcome == RETURNED ? -1 : queue->pause; /* see lua.c */
    redisp_add_word(words, "3");
    redisp_add_word(words, queue->streams[priority]);
    redisp_add_word(words, queue->later);
    redisp_add_word(words, queue->dead);
    redisp_add_word(words, queue->consumer);
    redisp_add_number(words, outcome == UNFIT ? 0 : queue->tries);
    redisp_add_number(words, (long long)(pause * 1000));
    redisp_add_number(words, priority);
}

void redisp_add_failure(struct words *words, const char *entry, const char *reason)
{
    redisp_add_word(words, entry);
    redisp_add_word(words, reason != NULL ? reason : "");
}
