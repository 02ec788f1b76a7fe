/*
 * ext/redis/src/url.c: where to connect to and how to log in, from a URL and options:
 * redis://user:password@host:port/database, rediss://…, unix:///path?db=1.
 */
#include "redis.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_PORT = 6379, MAX_PORT = 65535, MAX_DATABASE = 1 << 30, LEAST_REPLY = 4096 };
static const size_t DEFAULT_REPLY = (size_t)1 << 30;
static const double DEFAULT_TIMEOUT = 10, DEFAULT_SILENCE = 30;

/* A part of a URL: text[0..size). */
struct span {
    const char *text;
    size_t size;
};

/* The message has no password. */
static int fail_url(const char *why)
{
    return async_fail(-EINVAL, "the URL of a Redis server: %s", why);
}

/* ---- pieces --------------------------------------------------------------------------------- */

/* Cuts off all before the first of the bytes; false: none of them occurs, and nothing is cut. */
static bool cut_at(struct span *rest, const char *bytes, struct span *before)
{
    for (size_t i = 0; i < rest->size; i++) {
        if (strchr(bytes, rest->text[i]) == NULL)
            continue;
        *before = (struct span){rest->text, i};
        *rest = (struct span){rest->text + i + 1, rest->size - i - 1};
        return true;
    }
    return false;
}

static int hexadecimal(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit |= 0x20;
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* A copy without %NN. */
static int decode(struct span span, char **out)
{
    char *copy = redisp_realloc(NULL, span.size + 1), *end = copy;
    if (copy == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < span.size; i++) {
        int value = (unsigned char)span.text[i];
        if (span.text[i] == '%') {
            int high = i + 2 < span.size ? hexadecimal(span.text[i + 1]) : -1;
            int low = i + 2 < span.size ? hexadecimal(span.text[i + 2]) : -1;
            value = high >= 0 && low >= 0 ? high << 4 | low : 0;
            i += 2;
        }
        if (value == 0) {
            free(copy);
            return fail_url("after % come two hexadecimal digits, and not 00");
        }
        *end++ = (char)value;
    }
    *end = 0;
    free(*out);
    *out = copy;
    return 0;
}

static int read_setting(struct span span, int most, const char *why, int *number)
{
    int64_t value;
    if (!redisp_read_integer(span.text, span.size, &value) || value < 0 || value > most)
        return fail_url(why);
    *number = (int)value;
    return 0;
}

static int read_database(struct settings *settings, struct span span)
{
    return read_setting(span, MAX_DATABASE, "the database is no number", &settings->database);
}

static int read_login(struct settings *settings, struct span span)
{
    struct span user;
    if (!cut_at(&span, ":", &user))
        return decode(span, &settings->user);
    if (user.size > 0)
        ASYNC_TRY(decode(user, &settings->user));
    return decode(span, &settings->password);
}

/* host, host:port, [::1]:port */
static int read_host(struct settings *settings, struct span span)
{
    struct span host = span;
    if (span.size > 0 && span.text[0] == '[') {
        span = (struct span){span.text + 1, span.size - 1};
        if (!cut_at(&span, "]", &host))
            return fail_url("a ] is missing");
        if (span.size > 0 && span.text[0] != ':')
            return fail_url("after ] comes a colon");
        span = span.size > 0 ? (struct span){span.text + 1, span.size - 1} : span;
    } else if (!cut_at(&span, ":", &host)) {
        span.size = 0;
    }
    if (host.size > 0)
        ASYNC_TRY(decode(host, &settings->host));
    return span.size > 0 ? read_setting(span, MAX_PORT, "the port is not a number from 1 to 65535",
                                        &settings->port)
                         : 0;
}

/* ---- whole URLs ----------------------------------------------------------------------------- */

static int read_network_url(struct settings *settings, struct span rest)
{
    struct span authority, login;
    if (!cut_at(&rest, "/", &authority)) {
        authority = rest;
        rest.size = 0;
    }
    if (cut_at(&authority, "@", &login))
        ASYNC_TRY(read_login(settings, login));
    ASYNC_TRY(read_host(settings, authority));
    return rest.size > 0 ? read_database(settings, rest) : 0;
}

static int read_unix_url(struct settings *settings, struct span rest)
{
    struct span path, query = rest, login;
    bool is_path = rest.size > 0 && (rest.text[0] == '/' || rest.text[0] == '@');
    if (!is_path && cut_at(&query, "@", &login)) {
        ASYNC_TRY(read_login(settings, login));
        rest = query;
    }
    if (!cut_at(&rest, "?", &path)) {
        path = rest;
        rest.size = 0;
    }
    if (path.size == 0)
        return fail_url("the path is missing");
    if (rest.size > 0 && (rest.size < 4 || memcmp(rest.text, "db=", 3) != 0))
        return fail_url("after ? comes db= and a number");
    ASYNC_TRY(decode(path, &settings->path));
    return rest.size > 0 ? read_database(settings, (struct span){rest.text + 3, rest.size - 3}) : 0;
}

static int read_url(struct settings *settings, const char *url)
{
    static const struct {
        const char *scheme;
        int (*read)(struct settings *settings, struct span rest);
        bool needs_tls;
    } kinds[] = {{"redis://", read_network_url, false},
                 {"rediss://", read_network_url, true},
                 {"unix://", read_unix_url, false}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t length = strlen(kinds[i].scheme);
        if (strncmp(url, kinds[i].scheme, length) != 0)
            continue;
        settings->needs_tls = kinds[i].needs_tls;
        return kinds[i].read(settings, (struct span){url + length, strlen(url + length)});
    }
    return fail_url("it begins with redis://, rediss:// or unix://");
}

/* ---- options -------------------------------------------------------------------------------- */

static int set_text(char **text, const char *option)
{
    if (option == NULL)
        return 0;
    free(*text);
    *text = redisp_copy(option);
    return *text != NULL ? 0 : -ENOMEM;
}

static int check_options(const async_redis_options *options)
{
    if (options->database < 0 ||
        (options->protocol != 0 && options->protocol != 2 && options->protocol != 3))
        return async_fail(-EINVAL,
                          "options.database is negative, or options.protocol is not 2 or 3");
    if (!(options->connect_timeout >= 0) || !(options->longest_pause >= 0) ||
        !(options->silence_limit >= 0))
        return async_fail(
            -EINVAL, "options.connect_timeout, .longest_pause and .silence_limit are 0 or more");
    if (options->max_reply != 0 && options->max_reply < LEAST_REPLY)
        return async_fail(-EINVAL, "options.max_reply is below %d bytes", LEAST_REPLY);
    return 0;
}

static int read_options(struct settings *settings, const async_redis_options *options)
{
    ASYNC_TRY(check_options(options));
    ASYNC_TRY(set_text(&settings->user, options->user));
    ASYNC_TRY(set_text(&settings->password, options->password));
    ASYNC_TRY(set_text(&settings->name, options->name));
    if (options->database != 0)
        settings->database = options->database;
    settings->protocol = options->protocol;
    settings->tls = options->tls;
    settings->max_reply = options->max_reply != 0 ? options->max_reply : DEFAULT_REPLY;
    settings->connect_timeout = options->connect_timeout > 0 ? options->connect_timeout
                                                             : DEFAULT_TIMEOUT;
    settings->silence_limit = options->silence_limit > 0 ? options->silence_limit : DEFAULT_SILENCE;
    return 0;
}

static int check_settings(const struct settings *settings)
{
    if (settings->needs_tls && settings->tls == NULL)
        return async_fail(-EINVAL, "rediss:// needs options.tls (asyncio/tls.h)");
    if (settings->user != NULL && settings->password == NULL)
        return async_fail(-EINVAL, "a user of Redis needs a password");
    return 0;
}

int redisp_settings_open(struct settings *settings, const char *url,
                         const async_redis_options *options)
{
    static const async_redis_options none;
    *settings = (struct settings){.port = DEFAULT_PORT};
    ASYNC_TRY(read_url(settings, url != NULL ? url : "redis://"));
    if (settings->path == NULL && settings->host == NULL)
        ASYNC_TRY(set_text(&settings->host, "localhost"));
    ASYNC_TRY(read_options(settings, options != NULL ? options : &none));
    return check_settings(settings);
}

void redisp_settings_close(struct settings *settings)
{
    free(settings->host);
    free(settings->path);
    free(settings->user);
    if (settings->password != NULL)
        explicit_bzero(settings->password, strlen(settings->password));
    free(settings->password);
    free(settings->name);
}
