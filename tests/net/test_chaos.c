/*
 * test_chaos.c: random programs at both sides of connections without TLS; each byte, end and error
 * is checked: see chaos.h. `make chaos N=100000` plays that many rounds of each kind.
 */
#include "chaos.h"

#include <asyncio/layer.h>
#include <stdlib.h>

/* A layer of records: two bytes of length, and so many masked bytes. A length of 0 is the end. */
struct records {
    unsigned char header[2]; /* of the record that is read */
    size_t header_bytes;     /* that have come */
    size_t left;             /* bytes of the record that have not been read */
    bool ended;              /* the peer has said so */
};

enum { MASK = 0x55, MAX_IN_RECORD = 700 };

/* 1: a record of at least a byte has begun; otherwise the result for the layer's read. */
static int read_header(struct records *records, async_transport *below)
{
    while (records->header_bytes < 2) {
        int result = async_transport_read(below, records->header + records->header_bytes,
                                          2 - records->header_bytes);
        if (result <= 0)
            return result < 0 ? result : -ECONNRESET;
        records->header_bytes += (size_t)result;
    }
    records->header_bytes = 0;
    records->left = records->header[0] * 256u + records->header[1];
    records->ended = records->left == 0;
    return !records->ended;
}

static int read_masked(void *state, async_transport *below, void *buffer, size_t size)
{
    struct records *records = state;
    char *bytes = buffer;
    int begun = records->ended ? 0 : records->left > 0 ? 1 : read_header(records, below);
    if (begun <= 0)
        return begun;
    int result = async_transport_read(below, buffer, size < records->left ? size : records->left);
    for (int i = 0; i < result; i++)
        bytes[i] ^= MASK;
    records->left -= result > 0 ? (size_t)result : 0;
    return result == 0 ? -ECONNRESET : result;
}

static int write_masked(void *state, async_transport *below, const void *data, size_t size)
{
    char record[2 + MAX_IN_RECORD];
    (void)state;
    for (size_t done = 0, count; done < size; done += count) {
        count = size - done < MAX_IN_RECORD ? size - done : MAX_IN_RECORD;
        record[0] = (char)(count / 256);
        record[1] = (char)(count % 256);
        for (size_t i = 0; i < count; i++)
            record[2 + i] = ((const char *)data)[done + i] ^ MASK;
        ASYNC_TRY(async_transport_write(below, record, 2 + count));
    }
    return 0;
}

static int finish_masked(void *state, async_transport *below)
{
    (void)state;
    return async_transport_write(below, "\0\0", 2);
}

static const async_stream_layer mask = {
    .read = read_masked, .write = write_masked, .finish = finish_masked, .free = free};

static int put_mask_on(async_stream *stream, bool serves)
{
    struct records *records = calloc(1, sizeof *records);
    (void)serves;
    CHECK(records != NULL);
    int result = async_stream_set_layer(stream, &mask, records);
    if (result < 0)
        free(records);
    return result;
}

LOOP_TEST(chaos_on_unix_sockets_loses_nothing_and_reports_every_cut)
{
    return chaos_play(&(struct chaos_kind){.fewest_rounds = 400});
}

LOOP_TEST(chaos_by_tcp_loses_nothing_and_reports_every_cut)
{
    return chaos_play(&(struct chaos_kind){.is_tcp = true, .fewest_rounds = 400});
}

LOOP_TEST(chaos_through_a_layer_by_tcp_loses_nothing_and_reports_every_cut)
{
    return chaos_play(&(struct chaos_kind){
        .is_tcp = true, .has_goodbye = true, .secure = put_mask_on, .fewest_rounds = 300});
}

LOOP_TEST(chaos_through_a_layer_on_unix_sockets_loses_nothing_and_reports_every_cut)
{
    return chaos_play(
        &(struct chaos_kind){.has_goodbye = true, .secure = put_mask_on, .fewest_rounds = 300});
}
