/*
 * net/input.c: what a stream reads. Where the program wants much, it is received straight into the
 * program's buffer; otherwise into a hot block, from which it is copied or lent. Nothing is taken
 * out until a read can give all that it was asked for, so that one which fails or is cancelled
 * loses nothing.
 */
#include "net/stream.h"
#include "sys/socket.h"
#include <limits.h>
#include <stdlib.h>

enum { DIRECT_BYTES = 4096 };      /* room for so much is worth a receipt of its own */
enum { LONGEST_LINE = 64 * 1024 }; /* that can be lent */
enum { FIRST_TEXT_BYTES = 4096 };

/* ---- what is unread ------------------------------------------------------------------------- */

static size_t unread(const struct async_stream *stream)
{
    return stream->input != NULL ? block_unread(stream->input) : 0;
}

static const char *unread_bytes(const struct async_stream *stream)
{
    return stream->input->bytes + stream->input->start;
}

void asyncp_input_drop(struct async_stream *stream)
{
    if (stream->input != NULL)
        asyncp_block_give(&stream->loop->blocks, stream->input);
    stream->input = NULL;
    stream->lent = false;
}

/* Marks the first bytes as read. */
static void consume(struct async_stream *stream, size_t size)
{
    stream->input->start += (uint32_t)size;
    if (block_unread(stream->input) == 0 && !stream->lent)
        asyncp_input_drop(stream);
}

static size_t copy_out(struct async_stream *stream, void *buffer, size_t size)
{
    if (size > unread(stream))
        size = unread(stream);
    memcpy(buffer, unread_bytes(stream), size);
    consume(stream, size);
    return size;
}

/* What was lent is the stream's again. */
static void end_loan(struct async_stream *stream)
{
    stream->lent = false;
    if (stream->input != NULL && block_unread(stream->input) == 0)
        asyncp_input_drop(stream);
}

/* ---- receiving ------------------------------------------------------------------------------ */

/*
 * After an error that a send has met the kernel reports an end to readers, whether or not the peer
 * has ended.
 */
static int note_end(struct async_stream *stream)
{
    if (stream->socket_error != 0)
        return stream->socket_error;
    stream->socket_ended = true;
    return 0;
}

int asyncp_input_receive(struct async_stream *stream, void *buffer, size_t size)
{
    if (!pollable_is_ready(&stream->pollable, SIDE_READ))
        return -EAGAIN;
    int result = asyncp_sys_stream_recv(stream->pollable.source.fd, buffer, &size);
    if (result == -EAGAIN)
        pollable_drained(&stream->pollable, SIDE_READ);
    else if (result < 0)
        return asyncp_stream_note_error(stream, result);
    else if (result == 0)
        return note_end(stream);
    else if ((size_t)result < size &&
             stream->write_error == 0) /* else the kernel is asked before that error is told */
        pollable_moved_less(&stream->pollable, SIDE_READ);
    return result;
}

/* The same through the layer, if there is one; and what a read says once, every later one does. */
static int receive(struct async_stream *stream, void *buffer, size_t size)
{
    if (stream->read_error != 0 || stream->at_end)
        return stream->read_error;
    int result = stream->layer == NULL ? asyncp_input_receive(stream, buffer, size)
                                       : asyncp_layer_receive(stream, buffer, size);
    if (result == 0)
        stream->at_end = true;
    else if (result < 0 && result != -EAGAIN && result != -ENOMEM) /* which pass */
        stream->read_error = result;
    return result;
}

/*
 * Makes room behind what is unread, which is to become `wanted` bytes, or more if nobody knows how
 * many. Who says that may be the peer, so memory is what has come, doubled at most, and never a
 * byte at a time. 0 or -ENOMEM.
 */
static int make_room(struct async_stream *stream, size_t wanted)
{
    struct block_pool *pool = &stream->loop->blocks;
    struct block *block = stream->input;
    if (block == NULL) {
        stream->input = asyncp_block_take(pool);
        return stream->input != NULL ? 0 : -ENOMEM;
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
    stream->input = block;
    return 0;
}

/* receive() into the input, which is to hold `wanted` bytes; 0: any number. */
static int receive_more(struct async_stream *stream, size_t wanted)
{
    if (make_room(stream, wanted) < 0)
        return -ENOMEM;
    struct block *block = stream->input;
    int result = receive(stream, block->bytes + block->end, block_room(block));
    if (result > 0)
        block->end += (uint32_t)result;
    else if (block_unread(block) == 0)
        asyncp_input_drop(stream);
    return result;
}

/*
 * A peer that makes the layer answer and does not read the answers must not fill the memory:
 * reading goes on when less of them is pending. Meanwhile the reader counts as one that was woken
 * and has not gone on.
 */
static int wait_for_answers(struct async_loop *loop, struct async_stream *stream, const char *call)
{
    int told = 0;
    if (pollable_is_taken(&stream->pollable, SIDE_READ))
        return async_fail(-EBUSY, "%s: another task reads this stream", call);
    stream->pollable.interrupted[SIDE_READ] = &told;
    int result = asyncp_stand_in_line(loop, &stream->drainers, call, stream, asyncp_refuse_wait);
    if (told != 0)
        return told; /* the stream may be gone */
    stream->pollable.interrupted[SIDE_READ] = NULL;
    return result;
}

/*
 * What was gathered may be what the peer waits for; a peer that will not hear of it may never
 * answer.
 */
int asyncp_input_wait(struct async_loop *loop, struct async_stream *stream, const char *call)
{
    if (stream->gathered)
        asyncp_output_flush(stream);
    if (stream->write_error != 0 && !pollable_is_ready(&stream->pollable, SIDE_READ))
        return stream->write_error;
    if (unlikely(layer_must_pause(stream)))
        return wait_for_answers(loop, stream, call);
    if (unlikely(stream->layer != NULL && pollable_is_ready(&stream->pollable, SIDE_READ)))
        return asyncp_pollable_rest(loop, &stream->pollable,
                                    SIDE_READ); /* the layer's budget is spent */
    if (stream->input != NULL)
        stream->input = asyncp_block_fit(&loop->blocks, stream->input);
    return asyncp_pollable_wait(loop, &stream->pollable, SIDE_READ, call);
}

int asyncp_stream_try(struct async_stream *stream)
{
    stream_check(stream, "async_select");
    if (pollable_is_taken(&stream->pollable, SIDE_READ))
        return async_fail(-EBUSY, "async_select: another task reads this stream");
    end_loan(stream);
    if (unread(stream) > 0 || stream->at_end || stream->read_error != 0)
        return 0;
    int result = receive_more(stream, 0);
    if (result != -EAGAIN)
        return result == -ENOMEM ? -ENOMEM : 0; /* an error is what the read returns */
    if (stream->gathered)
        asyncp_output_flush(stream);
    if (stream->write_error != 0 && !pollable_is_ready(&stream->pollable, SIDE_READ))
        return 0;
    if (pollable_is_ready(&stream->pollable, SIDE_READ) && !layer_must_pause(stream))
        stream_put_off(
            /* the layer's budget is spent: it is tried again when the others had their turn */
            stream);
    return -EAGAIN;
}

/*
 * More input, which is to hold `wanted` bytes, or any number (0): how much came, 0 at the end, or
 * -errno.
 */
static int await_more(struct async_loop *loop, struct async_stream *stream, size_t wanted,
                      const char *call)
{
    int result = pollable_pace(loop, &stream->pollable, SIDE_READ, PACE_KERNEL);
    while (result >= 0) {
        result = receive_more(stream, wanted);
        if (result != -EAGAIN)
            return result;
        result = asyncp_input_wait(loop, stream, call);
    }
    return result;
}

/* Dies unless this is a task and the stream is this loop's. 0, or -ECANCELED after a turn. */
static int enter(struct async_loop *loop, struct async_stream *stream, const char *call)
{
    stream_check(stream, call);
    if (unlikely(loop->current->refused))
        return asyncp_refused(loop);
    if (unlikely(pollable_is_taken(&stream->pollable, SIDE_READ)))
        return async_fail(-EBUSY, "%s: another task reads this stream", call);
    end_loan(stream);
    return pollable_pace(loop, &stream->pollable, SIDE_READ, PACE_COPY);
}

/* ---- reading some --------------------------------------------------------------------------- */

static int read_directly(struct async_loop *loop, struct async_stream *stream, void *buffer,
                         size_t size)
{
    int result = pollable_pace(loop, &stream->pollable, SIDE_READ, PACE_KERNEL);
    while (result >= 0) {
        result = receive(stream, buffer, size);
        if (result != -EAGAIN)
            return result;
        result = asyncp_input_wait(loop, stream, "async_stream_read");
    }
    return result;
}

int async_stream_read(async_stream *stream, void *buffer, size_t size)
{
    struct async_loop *loop = loop_enter("async_stream_read");
    int result = enter(loop, stream, "async_stream_read");
    if (result < 0 || size == 0)
        return result;
    if (buffer == NULL)
        return -EINVAL;
    if (size > INT_MAX)
        size = INT_MAX;
    if (unread(stream) == 0 && size >= DIRECT_BYTES)
        return read_directly(loop, stream, buffer, size);
    result = unread(stream) > 0 ? 1 : await_more(loop, stream, 0, "async_stream_read");
    return result > 0 ? (int)copy_out(stream, buffer, size) : result;
}

int async_stream_borrow(async_stream *stream, const char **data)
{
    struct async_loop *loop = loop_enter("async_stream_borrow");
    int result = enter(loop, stream, "async_stream_borrow");
    if (result < 0)
        return result;
    if (data == NULL)
        return -EINVAL;
    result = unread(stream) > 0 ? 1 : await_more(loop, stream, 0, "async_stream_borrow");
    if (result <= 0)
        return result;
    *data = unread_bytes(stream);
    stream->lent = true;
    result = (int)unread(stream);
    consume(stream, (size_t)result);
    return result;
}

int async_stream_peek(async_stream *stream, const char **data, size_t least)
{
    struct async_loop *loop = loop_enter("async_stream_peek");
    int result = enter(loop, stream, "async_stream_peek");
    if (result < 0)
        return result;
    if (data == NULL || least == 0 || least > INT_MAX)
        return -EINVAL;
    while (unread(stream) < least) {
        result = await_more(loop, stream, least, "async_stream_peek");
        if (result < 0)
            return result;
        if (result == 0)
            break;
    }
    if (unread(stream) == 0)
        return 0;
    *data = unread_bytes(stream);
    stream->lent = true;
    return (int)unread(stream);
}

void async_stream_consume(async_stream *stream, size_t size)
{
    stream_check(stream, "async_stream_consume");
    ENSURE(size <= unread(stream), "async_stream_consume: %zu bytes, but only %zu are there", size,
           unread(stream));
    if (size > 0)
        consume(stream, size);
}

bool async_stream_at_eof(const async_stream *stream)
{
    stream_check(stream, "async_stream_at_eof");
    return stream->at_end && stream->read_error == 0 && unread(stream) == 0;
}

/* ---- reading what has to be whole ----------------------------------------------------------- */

struct separators {
    const char *const *texts; /* strings */
    size_t count;             /* of them */
    size_t longest;           /* bytes of the longest */
};

/* The bytes up to the end of the first separator in data[from..size); 0: there is none. */
static size_t find(const struct separators *separators, const char *data, size_t from, size_t size)
{
    size_t least = 0;
    for (size_t i = 0; i < separators->count; i++) {
        size_t length = strlen(separators->texts[i]);
        const char *found = from < size
                                ? memmem(data + from, size - from, separators->texts[i], length)
                                : NULL;
        size_t end = found != NULL ? (size_t)(found - data) + length : 0;
        if (end != 0 && (least == 0 || end < least))
            least = end;
    }
    return least;
}

/*
 * Waits until a separator has come within the first `most` bytes: how many there are up to its end.
 * 0: the peer has ended before. -EMSGSIZE: it has not come within the first `enough`, which may be
 * more: then the end may still come.
 */
static int await_separator(struct async_loop *loop, struct async_stream *stream,
                           const struct separators *separators, size_t most, size_t enough,
                           const char *call)
{
    size_t seen = 0; /* bytes that begin no separator */
    for (;;) {
        size_t size = unread(stream);
        size_t end = size > 0 ? find(separators, unread_bytes(stream), seen, size) : 0;
        if (end != 0 || size >= enough)
            return end != 0 && end <= most
                       ? (int)end
                       : async_fail(-EMSGSIZE, "no end within the first %zu bytes", most);
        seen = size >= separators->longest ? size - separators->longest + 1 : 0;
        int result = await_more(loop, stream, 0, call);
        if (result <= 0)
            return result;
    }
}

static int await_line(struct async_loop *loop, struct async_stream *stream, size_t most,
                      const char *call)
{
    static const char *const newline[] = {"\n"};
    static const struct separators separators = {newline, 1, 1};
    int length = await_separator(loop, stream, &separators, most, most + 1, call);
    return length == 0 ? (int)unread(stream) : length; /* the last one, without its end */
}

int async_stream_readline(async_stream *stream, char *line, size_t size)
{
    struct async_loop *loop = loop_enter("async_stream_readline");
    int length = enter(loop, stream, "async_stream_readline");
    if (length < 0)
        return length;
    if (line == NULL || size < 2)
        return -EINVAL;
    if (size > INT_MAX)
        size = INT_MAX;
    length = await_line(loop, stream, size - 1, "async_stream_readline");
    if (length > 0)
        copy_out(stream, line, (size_t)length);
    line[length > 0 ? length : 0] = 0;
    return length;
}

int async_stream_borrow_line(async_stream *stream, const char **line)
{
    struct async_loop *loop = loop_enter("async_stream_borrow_line");
    int length = enter(loop, stream, "async_stream_borrow_line");
    if (length < 0)
        return length;
    if (line == NULL)
        return -EINVAL;
    length = await_line(loop, stream, LONGEST_LINE, "async_stream_borrow_line");
    if (length <= 0)
        return length;
    *line = unread_bytes(stream);
    stream->lent = true;
    consume(stream, (size_t)length);
    return length;
}

static int describe(struct separators *separators)
{
    for (size_t i = 0; i < separators->count; i++) {
        size_t length = separators->texts[i] != NULL ? strlen(separators->texts[i]) : 0;
        if (length == 0)
            return -EINVAL;
        if (length > separators->longest)
            separators->longest = length;
    }
    return separators->count > 0 ? 0 : -EINVAL;
}

int async_stream_readuntil_n(async_stream *stream, void *buffer, size_t size,
                             const char *const texts[], size_t count)
{
    struct async_loop *loop = loop_enter("async_stream_readuntil");
    struct separators separators = {.texts = texts, .count = texts != NULL ? count : 0};
    int length = enter(loop, stream, "async_stream_readuntil");
    if (length < 0)
        return length;
    if (buffer == NULL || size == 0 || describe(&separators) < 0)
        return -EINVAL;
    if (size > INT_MAX)
        size = INT_MAX;
    length = await_separator(loop, stream, &separators, size, size, "async_stream_readuntil");
    if (length == 0)
        return async_fail(-ENODATA, "the peer ended after %zu bytes, before a separator",
                          unread(stream));
    return length > 0 ? (int)copy_out(stream, buffer, (size_t)length) : length;
}

int async_stream_readexactly(async_stream *stream, void *buffer, size_t size)
{
    struct async_loop *loop = loop_enter("async_stream_readexactly");
    int result = enter(loop, stream, "async_stream_readexactly");
    if (result < 0 || size == 0)
        return result;
    if (buffer == NULL || size > INT_MAX)
        return -EINVAL;
    while (unread(stream) < size) {
        result = await_more(loop, stream, size, "async_stream_readexactly");
        if (result < 0)
            return result;
        if (result == 0)
            return async_fail(-ENODATA, "the peer ended after %zu of %zu bytes", unread(stream),
                              size);
    }
    return (int)copy_out(stream, buffer, size);
}

/* ---- reading all ---------------------------------------------------------------------------- */

struct text {
    char *bytes;   /* from malloc */
    size_t length; /* of what is there */
    size_t size;   /* of the memory */
};

/* Room for a byte and the zero after it. */
static int text_room(struct text *text, size_t most)
{
    if (text->length + 1 < text->size)
        return 0;
    size_t size = text->size == 0 ? FIRST_TEXT_BYTES : text->size * 2;
    if (size > most + 2) /* one byte too many shows that there are too many */
        size = most + 2;
    char *bytes = size > text->size ? realloc(text->bytes, size) : NULL;
    if (bytes == NULL)
        return -ENOMEM;
    text->bytes = bytes;
    text->size = size;
    return 0;
}

static int read_text(struct async_loop *loop, struct async_stream *stream, struct text *text,
                     size_t limit)
{
    int result = 0;
    while (text->length <= limit && (result = text_room(text, limit)) == 0) {
        size_t room = text->size - text->length - 1;
        result = unread(stream) > 0 ? (int)copy_out(stream, text->bytes + text->length, room)
                                    : read_directly(loop, stream, text->bytes + text->length, room);
        if (result <= 0)
            return result;
        text->length += (size_t)result;
    }
    return result < 0 ? result : async_fail(-EMSGSIZE, "there are more than %zu bytes", limit);
}

int async_stream_read_all(async_stream *stream, char **out, size_t limit)
{
    struct text text = {0};
    struct async_loop *loop = loop_enter("async_stream_read_all");
    int result = enter(loop, stream, "async_stream_read_all");
    if (out == NULL)
        return -EINVAL;
    *out = NULL;
    if (result == 0)
        result = read_text(loop, stream, &text, limit < INT_MAX - 2 ? limit : INT_MAX - 2);
    if (result < 0) {
        free(text.bytes);
        return result;
    }
    text.bytes[text.length] = 0;
    *out = text.bytes;
    return (int)text.length;
}
