/*
 * net/reader.c: buffered reading. A large read receives straight into the program's buffer;
 * everything else into a block, from which it is copied or lent. A read that fails or is cancelled
 * loses nothing: a byte leaves the input only when the read can return everything it was asked for.
 */
#include "net/stream.h"
#include <limits.h>
#include <stdlib.h>

enum { MIN_DIRECT_READ = 4096, MAX_BORROWED_LINE = 64 * 1024, FIRST_TEXT_BYTES = 4096 };

/* ---- the input ------------------------------------------------------------------------------ */

static size_t unread(const struct async_stream *stream)
{
    return reader_unread(&stream->reader);
}

static const char *unread_bytes(const struct async_stream *stream)
{
    return stream->reader.input->bytes + stream->reader.input->start;
}

static struct block_pool *input_pool(const struct async_stream *stream)
{
    return &transport_loop(&stream->layer.transport)->blocks;
}

void asyncp_reader_drop(struct async_stream *stream)
{
    struct reader *reader = &stream->reader;
    if (reader->input != NULL)
        asyncp_block_give(input_pool(stream), reader->input);
    reader->input = NULL;
    reader->lent = false;
}

static void consume_input(struct async_stream *stream, size_t size)
{
    stream->reader.input->start += (uint32_t)size;
    if (unread(stream) == 0 && !stream->reader.lent)
        asyncp_reader_drop(stream);
}

static size_t copy_input(struct async_stream *stream, void *buffer, size_t size)
{
    if (size > unread(stream))
        size = unread(stream);
    memcpy(buffer, unread_bytes(stream), size);
    consume_input(stream, size);
    return size;
}

/* The program may not use borrowed bytes any more. */
static void end_loan(struct async_stream *stream)
{
    stream->reader.lent = false;
    if (stream->reader.input != NULL && unread(stream) == 0)
        asyncp_reader_drop(stream);
}

struct block *asyncp_reader_take(struct async_stream *stream)
{
    end_loan(stream);
    struct block *input = stream->reader.input;
    stream->reader.input = NULL;
    return input;
}

/* ---- receiving ------------------------------------------------------------------------------ */

/*
 * Makes room for `wanted` unread bytes, or for any more (0). The number may come from a peer, so
 * the memory is at most twice the size of the received input. 0 or -ENOMEM.
 */
static int reserve_input(struct async_stream *stream, size_t wanted)
{
    struct block_pool *pool = input_pool(stream);
    struct block *block = stream->reader.input;
    if (block == NULL) {
        stream->reader.input = asyncp_block_take(pool);
        return stream->reader.input != NULL ? 0 : -ENOMEM;
    }
    size_t has = block_unread(block), capacity = 2 * has;
    bool suffices = block->start + wanted <= block->capacity,
         grows_when_full = wanted > BLOCK_BYTES;
    if (block_room(block) > 0 && (suffices || (grows_when_full && block->capacity >= BLOCK_BYTES)))
        return 0;
    if (wanted > has && wanted < capacity)
        capacity = wanted;
    block = asyncp_block_resize(pool, block, capacity > BLOCK_BYTES ? capacity : BLOCK_BYTES);
    if (block == NULL)
        return -ENOMEM;
    stream->reader.input = block;
    return 0;
}

/* One try. How many bytes came; 0: the end; -EAGAIN; or -errno. */
static int receive_input(struct async_stream *stream, size_t wanted)
{
    if (reserve_input(stream, wanted) < 0)
        return -ENOMEM;
    struct block *block = stream->reader.input;
    int result = asyncp_layer_receive(&stream->layer, block->bytes + block->end, block_room(block));
    if (result > 0)
        block->end += (uint32_t)result;
    else if (block_unread(block) == 0)
        asyncp_reader_drop(stream);
    return result;
}

/* Before the wait, input in a block with much unused room moves to a smaller one. */
static int wait_for_input(struct async_stream *stream, const char *call)
{
    struct reader *reader = &stream->reader;
    if (reader->input != NULL && !transport_is_readable(stream_transport(stream)))
        reader->input = asyncp_block_fit(input_pool(stream), reader->input);
    return asyncp_layer_wait(&stream->layer, call);
}

/*
 * Waits for more input, which is to hold `wanted` bytes, or any number (0). How many bytes came; 0:
 * the end; or -errno.
 */
static int await_input(struct async_stream *stream, size_t wanted, const char *call)
{
    int result = transport_pace(stream_transport(stream), SIDE_READ, PACE_KERNEL);
    while (result >= 0) {
        result = receive_input(stream, wanted);
        if (result != -EAGAIN)
            return result;
        result = wait_for_input(stream, call);
    }
    return result;
}

/* Begins a read. 0 or -errno. Switches. */
static int enter_read(struct async_stream *stream, const char *call)
{
    const struct async_loop *loop = loop_enter(call);
    stream_check(stream, call);
    if (unlikely(loop_running(loop)->cancel_pending))
        return asyncp_fail_cancelled(asyncp_current);
    if (unlikely(transport_is_read(stream_transport(stream))))
        return async_fail(-EBUSY, "%s: another task reads this stream", call);
    end_loan(stream);
    return transport_pace(stream_transport(stream), SIDE_READ, PACE_COPY);
}

static bool reads_at_once(const struct async_stream *stream)
{
    return unread(stream) > 0 || layer_has_ended(&stream->layer) ||
           layer_read_error(&stream->layer) != 0;
}

int asyncp_reader_try(struct async_stream *stream)
{
    struct async_transport *transport = stream_transport(stream);
    stream_check(stream, "async_select");
    if (transport_is_read(transport))
        return async_fail(-EBUSY, "async_select: another task reads this stream");
    end_loan(stream);
    if (reads_at_once(stream))
        return 0;
    int result = receive_input(stream, 0);
    if (result != -EAGAIN)
        return result == -ENOMEM ? -ENOMEM : 0; /* the read returns other errors */
    transport_flush_put_off(transport);
    if (transport_write_error(transport) != 0 && !transport_is_readable(transport))
        return 0;
    if (transport_is_readable(transport) && !transport_must_pause(transport))
        transport_put_off(transport); /* a layer's budget is used up: other tasks run first */
    return -EAGAIN;
}

/* ---- reading some --------------------------------------------------------------------------- */

static int read_directly(struct async_stream *stream, void *buffer, size_t size)
{
    int result = transport_pace(stream_transport(stream), SIDE_READ, PACE_KERNEL);
    while (result >= 0) {
        result = asyncp_layer_receive(&stream->layer, buffer, size);
        if (result != -EAGAIN)
            return result;
        result = wait_for_input(stream, "async_stream_read");
    }
    return result;
}

int async_stream_read(async_stream *stream, void *buffer, size_t size)
{
    int result = enter_read(stream, "async_stream_read");
    if (result < 0 || size == 0)
        return result;
    if (buffer == NULL)
        return async_fail(-EINVAL, "async_stream_read: buffer is NULL");
    if (size > INT_MAX)
        size = INT_MAX;
    if (unread(stream) == 0 && size >= MIN_DIRECT_READ)
        return read_directly(stream, buffer, size);
    result = unread(stream) > 0 ? 1 : await_input(stream, 0, "async_stream_read");
    return result > 0 ? (int)copy_input(stream, buffer, size) : result;
}

int async_stream_borrow(async_stream *stream, const char **data)
{
    int result = enter_read(stream, "async_stream_borrow");
    if (result < 0)
        return result;
    if (data == NULL)
        return async_fail(-EINVAL, "async_stream_borrow: data is NULL");
    result = unread(stream) > 0 ? 1 : await_input(stream, 0, "async_stream_borrow");
    if (result <= 0)
        return result;
    *data = unread_bytes(stream);
    stream->reader.lent = true;
    result = (int)unread(stream);
    consume_input(stream, (size_t)result);
    return result;
}

int async_stream_peek(async_stream *stream, const char **data, size_t min_size)
{
    int result = enter_read(stream, "async_stream_peek");
    if (result < 0)
        return result;
    if (data == NULL || min_size == 0 || min_size > INT_MAX)
        return async_fail(-EINVAL,
                          "async_stream_peek: data is NULL, or min_size is 0 or more than INT_MAX");
    while (unread(stream) < min_size) {
        result = await_input(stream, min_size, "async_stream_peek");
        if (result < 0)
            return result;
        if (result == 0)
            break;
    }
    if (unread(stream) == 0)
        return 0;
    *data = unread_bytes(stream);
    stream->reader.lent = true;
    return (int)unread(stream);
}

void async_stream_consume(async_stream *stream, size_t size)
{
    stream_check(stream, "async_stream_consume");
    ENSURE(size <= unread(stream), "async_stream_consume: %zu bytes, but only %zu are unread", size,
           unread(stream));
    if (size > 0)
        consume_input(stream, size);
}

bool async_stream_at_eof(const async_stream *stream)
{
    stream_check(stream, "async_stream_at_eof");
    return layer_has_ended(&stream->layer) && layer_read_error(&stream->layer) == 0 &&
           unread(stream) == 0;
}

/* ---- reading up to a separator or a count --------------------------------------------------- */

struct separators {
    const char *const *texts;
    size_t count;
    size_t max_length;
};

/* The length up to the end of the first separator in data[from..size); 0: none is found. */
static size_t find_separator(const struct separators *separators, const char *data, size_t from,
                             size_t size)
{
    size_t first = 0;
    for (size_t i = 0; i < separators->count; i++) {
        size_t length = strlen(separators->texts[i]);
        const char *found = from < size
                                ? memmem(data + from, size - from, separators->texts[i], length)
                                : NULL;
        size_t end = found != NULL ? (size_t)(found - data) + length : 0;
        if (end != 0 && (first == 0 || end < first))
            first = end;
    }
    return first;
}

/*
 * Waits until a separator has come within the first `max` bytes, and returns the length up to its
 * end. 0: the peer has ended before. -EMSGSIZE: none is among the first `enough` bytes. If the end
 * of the stream counts as a separator, the caller has to see `max` + 1 bytes.
 */
static int await_separator(struct async_stream *stream, const struct separators *separators,
                           size_t max, size_t enough, const char *call)
{
    size_t seen = 0; /* bytes at which no separator begins */
    for (;;) {
        size_t size = unread(stream);
        size_t end = size > 0 ? find_separator(separators, unread_bytes(stream), seen, size) : 0;
        if (end != 0 || size >= enough)
            return end != 0 && end <= max
                       ? (int)end
                       : async_fail(-EMSGSIZE, "no end within the first %zu bytes", max);
        seen = size >= separators->max_length ? size - separators->max_length + 1 : 0;
        int result = await_input(stream, 0, call);
        if (result <= 0)
            return result;
    }
}

static int await_line(struct async_stream *stream, size_t max, const char *call)
{
    static const char *const newline[] = {"\n"};
    static const struct separators separators = {newline, 1, 1};
    int length = await_separator(stream, &separators, max, max + 1, call);
    return length == 0 ? (int)unread(stream) : length; /* the last line may have no end */
}

int async_stream_readline(async_stream *stream, char *line, size_t size)
{
    int length = enter_read(stream, "async_stream_readline");
    if (length < 0)
        return length;
    if (line == NULL || size < 2)
        return async_fail(-EINVAL, "async_stream_readline: line is NULL, or size is less than 2");
    if (size > INT_MAX)
        size = INT_MAX;
    length = await_line(stream, size - 1, "async_stream_readline");
    if (length > 0)
        copy_input(stream, line, (size_t)length);
    line[length > 0 ? length : 0] = 0;
    return length;
}

int async_stream_borrow_line(async_stream *stream, const char **line)
{
    int length = enter_read(stream, "async_stream_borrow_line");
    if (length < 0)
        return length;
    if (line == NULL)
        return async_fail(-EINVAL, "async_stream_borrow_line: line is NULL");
    length = await_line(stream, MAX_BORROWED_LINE, "async_stream_borrow_line");
    if (length <= 0)
        return length;
    *line = unread_bytes(stream);
    stream->reader.lent = true;
    consume_input(stream, (size_t)length);
    return length;
}

static int measure_separators(struct separators *separators)
{
    for (size_t i = 0; i < separators->count; i++) {
        size_t length = separators->texts[i] != NULL ? strlen(separators->texts[i]) : 0;
        if (length == 0)
            return -EINVAL;
        if (length > separators->max_length)
            separators->max_length = length;
    }
    return separators->count > 0 ? 0 : -EINVAL;
}

int async_stream_readuntil_n(async_stream *stream, void *buffer, size_t size,
                             const char *const texts[], size_t count)
{
    struct separators separators = {.texts = texts, .count = texts != NULL ? count : 0};
    int length = enter_read(stream, "async_stream_readuntil");
    if (length < 0)
        return length;
    if (buffer == NULL || size == 0 || measure_separators(&separators) < 0)
        return async_fail(-EINVAL, "async_stream_readuntil: buffer is NULL, size is 0, "
                                   "or a separator is missing or empty");
    if (size > INT_MAX)
        size = INT_MAX;
    length = await_separator(stream, &separators, size, size, "async_stream_readuntil");
    if (length == 0)
        return async_fail(-ENODATA, "the peer ended after %zu bytes, before a separator",
                          unread(stream));
    return length > 0 ? (int)copy_input(stream, buffer, (size_t)length) : length;
}

int async_stream_readexactly(async_stream *stream, void *buffer, size_t size)
{
    int result = enter_read(stream, "async_stream_readexactly");
    if (result < 0 || size == 0)
        return result;
    if (buffer == NULL || size > INT_MAX)
        return async_fail(-EINVAL,
                          "async_stream_readexactly: buffer is NULL, or size is more than INT_MAX");
    while (unread(stream) < size) {
        result = await_input(stream, size, "async_stream_readexactly");
        if (result < 0)
            return result;
        if (result == 0)
            return async_fail(-ENODATA, "the peer ended after %zu of %zu bytes", unread(stream),
                              size);
    }
    return (int)copy_input(stream, buffer, size);
}

/* ---- reading all ---------------------------------------------------------------------------- */

struct growing_text {
    char *bytes; /* from malloc */
    size_t length;
    size_t size; /* of the memory */
};

/* Room for a byte and the zero after it. One byte beyond the limit is read, to notice an excess. */
static int grow_text(struct growing_text *text, size_t max_length)
{
    if (text->length + 1 < text->size)
        return 0;
    size_t size = text->size == 0 ? FIRST_TEXT_BYTES : text->size * 2;
    if (size > max_length + 2)
        size = max_length + 2;
    char *bytes = size > text->size ? realloc(text->bytes, size) : NULL;
    if (bytes == NULL)
        return -ENOMEM;
    text->bytes = bytes;
    text->size = size;
    return 0;
}

static int read_to_end(struct async_stream *stream, struct growing_text *text, size_t limit)
{
    int result = 0;
    while (text->length <= limit && (result = grow_text(text, limit)) == 0) {
        size_t room = text->size - text->length - 1;
        result = unread(stream) > 0 ? (int)copy_input(stream, text->bytes + text->length, room)
                                    : read_directly(stream, text->bytes + text->length, room);
        if (result <= 0)
            return result;
        text->length += (size_t)result;
    }
    return result < 0 ? result : async_fail(-EMSGSIZE, "there are more than %zu bytes", limit);
}

int async_stream_read_all(async_stream *stream, char **out, size_t limit)
{
    struct growing_text text = {0};
    int result = enter_read(stream, "async_stream_read_all");
    if (out == NULL)
        return async_fail(-EINVAL, "async_stream_read_all: the place for the text is NULL");
    *out = NULL;
    if (result == 0)
        result = read_to_end(stream, &text, limit < INT_MAX - 2 ? limit : INT_MAX - 2);
    if (result < 0) {
        free(text.bytes);
        return result;
    }
    text.bytes[text.length] = 0;
    *out = text.bytes;
    return (int)text.length;
}
