/*
 * ext/redis/src/command.c: the text of commands, from a format or from words.
 *
 *     *3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\n
 */
#include "redis.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* "$18446744073709551615\r\n", or "*…", with its zero byte. */
enum { HEADER_BYTES = 24 };

void redisp_command_open(struct command *command)
{
    command->bytes = command->room;
    command->size = 0;
    command->capacity = sizeof command->room;
}

void redisp_command_close(struct command *command)
{
    if (command->bytes != command->room)
        free(command->bytes);
}

/* ---- bytes ---------------------------------------------------------------------------------- */

static int reserve(struct command *command, size_t size)
{
    if (size <= command->capacity - command->size)
        return 0;
    if (size > SIZE_MAX / 4 - command->size)
        return -ENOMEM;
    bool is_room = command->bytes == command->room;
    size_t capacity = 2 * (command->size + size);
    char *bytes = redisp_realloc(is_room ? NULL : command->bytes, capacity);
    if (bytes == NULL)
        return -ENOMEM;
    if (is_room)
        memcpy(bytes, command->room, command->size);
    command->bytes = bytes;
    command->capacity = capacity;
    return 0;
}

static int append(struct command *command, const void *bytes, size_t size)
{
    ASYNC_TRY(reserve(command, size));
    if (size > 0)
        memcpy(command->bytes + command->size, bytes, size);
    command->size += size;
    return 0;
}

/* Decimal digits, and \r\n. */
static size_t write_header(char *header, char type, size_t number)
{
    char digits[HEADER_BYTES], *digit = digits + sizeof digits;
    do
        *--digit = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    size_t length = (size_t)(digits + sizeof digits - digit);
    header[0] = type;
    memcpy(header + 1, digit, length);
    memcpy(header + 1 + length, "\r\n", 2);
    return length + 3;
}

static int append_header(struct command *command, char type, size_t number)
{
    char header[HEADER_BYTES];
    return append(command, header, write_header(header, type, number));
}

static int append_argument(struct command *command, const void *bytes, size_t size)
{
    ASYNC_TRY(append_header(command, '$', size));
    ASYNC_TRY(append(command, bytes, size));
    return append(command, "\r\n", 2);
}

/* The bytes from `start` on become an argument. */
static int make_argument(struct command *command, size_t start)
{
    char header[HEADER_BYTES];
    size_t size = command->size - start, length = write_header(header, '$', size);
    ASYNC_TRY(reserve(command, length + 2));
    memmove(command->bytes + start + length, command->bytes + start, size);
    memcpy(command->bytes + start, header, length);
    command->size += length;
    return append(command, "\r\n", 2);
}

/* ---- formats -------------------------------------------------------------------------------- */

/* The arguments of a call; a struct can be passed on whatever va_list is. */
struct values {
    va_list list;
};

/* A part of a word: bytes, from the format or from an argument. */
struct part {
    const char *bytes;
    size_t size;
    char number[24];
};

static int fail_format(const char *format, const char *why)
{
    return async_fail(-EINVAL, "the format \"%s\": %s", format, why);
}

static void print_number(struct part *part, long long number)
{
    part->size = (size_t)snprintf(part->number, sizeof part->number, "%lld", number);
}

static const char *skip_spaces(const char *text)
{
    while (*text == ' ')
        text++;
    return text;
}

/* Not strcspn: the words of a format are a few bytes each. */
static const char *skip_word(const char *text)
{
    while (*text != 0 && *text != ' ')
        text++;
    return text;
}

/* *at is behind the percent sign. */
static int read_conversion(const char *format, const char **at, struct values *values,
                           struct part *part)
{
    const char *conversion = *at;
    *part = (struct part){.bytes = part->number};
    if (conversion[0] == '%') {
        *part = (struct part){.bytes = conversion, .size = 1};
    } else if (conversion[0] == 's') {
        part->bytes = va_arg(values->list, const char *);
        part->size = part->bytes != NULL ? strlen(part->bytes) : 0;
    } else if (conversion[0] == 'b') {
        part->bytes = va_arg(values->list, const char *);
        part->size = va_arg(values->list, size_t);
    } else if (conversion[0] == 'd') {
        print_number(part, va_arg(values->list, int));
    } else if (strncmp(conversion, "lld", 3) == 0) {
        print_number(part, va_arg(values->list, long long));
        *at += 2;
    } else if (strncmp(conversion, "zu", 2) == 0) {
        part->size = (size_t)snprintf(part->number, sizeof part->number, "%zu",
                                      va_arg(values->list, size_t));
        *at += 1;
    } else {
        return fail_format(format, "after % comes s, b, d, lld, zu or %");
    }
    *at += 1;
    if (part->bytes == NULL && (conversion[0] == 's' || part->size > 0))
        return fail_format(format, "an argument is NULL");
    return 0;
}

static int read_part(const char *format, const char **at, struct values *values, struct part *part)
{
    if (**at == '%') {
        *at += 1;
        return read_conversion(format, at, values, part);
    }
    const char *end = *at;
    while (*end != 0 && *end != ' ' && *end != '%')
        end++;
    *part = (struct part){.bytes = *at, .size = (size_t)(end - *at)};
    *at = end;
    return 0;
}

/* One argument, from one or more parts. *at is at its first byte. */
static int append_word(struct command *command, const char *format, const char **at,
                       struct values *values)
{
    struct part part;
    ASYNC_TRY(read_part(format, at, values, &part));
    const char *bytes = part.bytes; /* of a number: in the part */
    if (**at == 0 || **at == ' ')
        return append_argument(command, bytes, part.size);
    size_t start = command->size;
    ASYNC_TRY(append(command, bytes, part.size));
    while (**at != 0 && **at != ' ') {
        ASYNC_TRY(read_part(format, at, values, &part));
        ASYNC_TRY(append(command, part.bytes, part.size));
    }
    return make_argument(command, start);
}

static size_t count_words(const char *format)
{
    size_t count = 0;
    while (*(format = skip_spaces(format)) != 0) {
        count++;
        format = skip_word(format);
    }
    return count;
}

static int append_words(struct command *command, const char *format, struct values *values)
{
    const char *at = format;
    while (*(at = skip_spaces(at)) != 0)
        ASYNC_TRY(append_word(command, format, &at, values));
    return 0;
}

/* The words in front, which end with NULL, and those of the format. */
static int add_behind(struct command *command, const char *const *front, const char *format,
                      va_list arguments)
{
    struct values values;
    size_t words = count_words(format), in_front = 0;
    while (front[in_front] != NULL)
        in_front++;
    if (words + in_front == 0)
        return fail_format(format, "it has no word");
    ASYNC_TRY(append_header(command, '*', words + in_front));
    for (size_t i = 0; i < in_front; i++)
        ASYNC_TRY(append_argument(command, front[i], strlen(front[i])));
    va_copy(values.list, arguments);
    int result = append_words(command, format, &values);
    va_end(values.list);
    return result;
}

/* After an error nothing was added. */
static int add_all(struct command *command, const char *const *front, const char *format,
                   va_list arguments)
{
    size_t before = command->size;
    if (format == NULL)
        return async_fail(-EINVAL, "the format of a Redis command is NULL");
    int result = add_behind(command, front, format, arguments);
    if (result < 0)
        command->size = before;
    return result;
}

int redisp_command_vadd(struct command *command, const char *format, va_list arguments)
{
    static const char *const none[] = {NULL};
    return add_all(command, none, format, arguments);
}

int redisp_command_vadd_behind(struct command *command, const char *first, const char *second,
                               const char *format, va_list arguments)
{
    const char *const front[] = {first, second, NULL};
    return add_all(command, front, format, arguments);
}

int redisp_command_append(struct command *command, const struct command *other)
{
    return append(command, other->bytes, other->size);
}

int redisp_command_add(struct command *command, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int result = redisp_command_vadd(command, format, arguments);
    va_end(arguments);
    return result;
}

static int append_iovecs(struct command *command, const struct iovec *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (words[i].iov_base == NULL && words[i].iov_len > 0)
            return async_fail(-EINVAL, "word %zu of a Redis command: %zu bytes at NULL", i,
                              words[i].iov_len);
        ASYNC_TRY(append_argument(command, words[i].iov_base, words[i].iov_len));
    }
    return 0;
}

int redisp_command_add_words(struct command *command, const struct iovec *words, size_t count)
{
    size_t before = command->size;
    if (words == NULL || count == 0)
        return async_fail(-EINVAL, "a Redis command has no word");
    int result = append_header(command, '*', count);
    if (result == 0)
        result = append_iovecs(command, words, count);
    if (result < 0)
        command->size = before;
    return result;
}

int redisp_command_add_words_behind(struct command *command, const char *first, const char *second,
                                    const struct iovec *words, size_t count)
{
    ASYNC_TRY(append_header(command, '*', count + 2));
    ASYNC_TRY(append_argument(command, first, strlen(first)));
    ASYNC_TRY(append_argument(command, second, strlen(second)));
    return append_iovecs(command, words, count);
}

/* ---- looking at a command ------------------------------------------------------------------- */

/* The next argument of a command, or NULL, of size 0. *at is NULL for the first one. */
static const char *next_argument(const struct command *command, const char **at, size_t *size)
{
    const char *end = command->bytes + command->size;
    const char *header = *at != NULL ? *at : strchr(command->bytes, '\n') + 1;
    *size = 0;
    if (header >= end || *header != '$')
        return NULL;
    char *text;
    *size = strtoul(header + 1, &text, 10);
    *at = text + 2 + *size + 2;
    return text + 2;
}

void redisp_command_name(const struct command *command, char *name, size_t size)
{
    size_t length = 0;
    const char *at = NULL, *argument = next_argument(command, &at, &length);
    async_printable(name, size, argument, length);
}

/* `word` is in upper case. Its first letter tells most commands from it. */
static bool is_word(const char *argument, size_t size, const char *word)
{
    return size > 0 && (argument[0] & ~0x20) == word[0] && strlen(word) == size &&
           strncasecmp(argument, word, size) == 0;
}

static bool is_one_of(const char *argument, size_t size, const char *const *words)
{
    for (; *words != NULL; words++)
        if (is_word(argument, size, *words))
            return true;
    return false;
}

static const char *const blocking_commands[] = {"BLPOP",  "BRPOP",    "BRPOPLPUSH", "BLMOVE",
                                                "BLMPOP", "BZPOPMIN", "BZPOPMAX",   "BZMPOP",
                                                "WAIT",   "WAITAOF",  NULL};
static const char *const changing_commands[] = {
    "AUTH",       "DISCARD",      "EXEC",        "HELLO",   "MONITOR", "MULTI",      "PSYNC",
    "PSUBSCRIBE", "PUNSUBSCRIBE", "QUIT",        "RESET",   "SELECT",  "SSUBSCRIBE", "SYNC",
    "SUBSCRIBE",  "SUNSUBSCRIBE", "UNSUBSCRIBE", "UNWATCH", "WATCH",   NULL};

/* XREAD and XREADGROUP block if an argument before STREAMS says so. Two names follow GROUP. */
static bool has_block(const struct command *command, const char *at)
{
    size_t size;
    const char *argument;
    while ((argument = next_argument(command, &at, &size)) != NULL &&
           !is_word(argument, size, "STREAMS")) {
        if (is_word(argument, size, "BLOCK"))
            return true;
        if (is_word(argument, size, "GROUP"))
            for (int i = 0; i < 2; i++)
                next_argument(command, &at, &size);
    }
    return false;
}

/* CLIENT REPLY; other subcommands do no harm. */
static bool stops_replies(const struct command *command)
{
    size_t size, size_of_next;
    const char *at = NULL, *name = next_argument(command, &at, &size);
    const char *next = next_argument(command, &at, &size_of_next);
    return is_word(name, size, "CLIENT") && next != NULL && is_word(next, size_of_next, "REPLY");
}

int redisp_check_pooled(const struct command *command)
{
    size_t size;
    const char *at = NULL, *name = next_argument(command, &at, &size);
    char text[32];
    if (!is_one_of(name, size, changing_commands) && !stops_replies(command))
        return 0;
    redisp_command_name(command, text, sizeof text);
    return async_fail(-EINVAL,
                      "%s would change a connection that other tasks use, too: use "
                      "async_redis_options, async_redis_transaction or async_redis_subscribe",
                      text);
}

bool redisp_command_blocks(const struct command *command)
{
    size_t size;
    const char *at = NULL, *name = next_argument(command, &at, &size);
    bool may_block = is_word(name, size, "XREAD") || is_word(name, size, "XREADGROUP");
    return is_one_of(name, size, blocking_commands) || (may_block && has_block(command, at));
}

int redisp_check_shared(const struct command *command)
{
    char text[32];
    if (!redisp_command_blocks(command))
        return redisp_check_pooled(command);
    redisp_command_name(command, text, sizeof text);
    return async_fail(-EINVAL, "%s would hold up all tasks; use async_redis_blocking_command",
                      text);
}
