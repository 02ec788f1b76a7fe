/*
 * test_printable.c: bytes from outside are shown as text without control codes for a terminal:
 * async_printable, error messages, names of Unix sockets.
 */
#include "run/streams.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

/* ---- what comes from outside ---------------------------------------------------------------- */

static const char *shown(const char *bytes)
{
    static char text[200];
    size_t length = async_printable(text, sizeof text, bytes, strlen(bytes));
    CHECK_EQ(length, strlen(text));
    return text;
}

TEST(printable_shows_control_bytes_as_numbers)
{
    CHECK_STR(shown(""), "");
    CHECK_STR(shown("a line of text, \\ too"), "a line of text, \\ too");
    CHECK_STR(shown("\x1b[2J\n\r\t\x7f"), "\\x1B[2J\\x0A\\x0D\\x09\\x7F");
    CHECK_STR(shown("\xc2\x9b"
                    "31m"),
              "\\xC2\\x9B31m"); /* a control character of one code point */
    CHECK_STR(shown("\xe2\x80\xae"
                    "fdp.exe"),
              "\\xE2\\x80\\xAEfdp.exe");                 /* right to left */
    CHECK_STR(shown("\xe2\x80\xa8"), "\\xE2\\x80\\xA8"); /* a line separator */
}

TEST(printable_keeps_utf8_and_nothing_that_is_not)
{
    CHECK_STR(shown("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"),
              "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80");
    CHECK_STR(shown("\xff\x80"), "\\xFF\\x80");
    CHECK_STR(shown("\xc0\xaf"), "\\xC0\\xAF");                   /* longer than need be */
    CHECK_STR(shown("\xe0\x80\xaf"), "\\xE0\\x80\\xAF");          /* the same */
    CHECK_STR(shown("\xed\xa0\x80"), "\\xED\\xA0\\x80");          /* half of a pair */
    CHECK_STR(shown("\xf4\x90\x80\x80"), "\\xF4\\x90\\x80\\x80"); /* beyond the last */
    CHECK_STR(shown("\xe2\x82"), "\\xE2\\x82");                   /* cut */
}

TEST(printable_cuts_no_character_and_no_number)
{
    char text[8];
    CHECK_EQ(async_printable(text, 5, "a\xe2\x82\xac!", 5), 5);
    CHECK_STR(text, "a\xe2\x82\xac");
    CHECK_EQ(async_printable(text, 4, "a\xe2\x82\xac!", 5), 5);
    CHECK_STR(text, "a");
    CHECK_EQ(async_printable(text, 5, "a\0b", 3), 6);
    CHECK_STR(text, "a");
    CHECK_EQ(async_printable(text, 1, "abc", 3), 3);
    CHECK_STR(text, "");
    CHECK_EQ(async_printable(NULL, 0, "\x1b", 1), 4);
}

LOOP_TEST(error_message_is_one_printable_line)
{
    char host[300] = {0};
    CHECK_STR(async_strerror(async_fail(-EIO, "no host '%s'", "\x1b]0;all is well\x07\nroot#")),
              "-EIO: no host '\\x1B]0;all is well\\x07\\x0Aroot#'");
    memset(host, 'x', sizeof host - 1);
    memcpy(host + 253, "\xe2\x82\xac", 3); /* its last byte is cut */
    async_fail(-EIO, "%s", host);
    CHECK_EQ(strlen(async_strerror(-EIO)), 6 + 253);
    memset(host, '\n', sizeof host - 1);
    async_fail(-EIO, "%s", host);
    CHECK_EQ(strlen(async_strerror(-EIO)), 6 + 252);
    async_task_cancel_because(async_current_task(), "a\nb");
    CHECK(strstr(async_strerror(-ECANCELED), "a\\x0Ab") != NULL);
    async_task_uncancel(async_current_task());
    return 0;
}

/* ---- names of sockets ----------------------------------------------------------------------- */

/* A client bound to that name, any bytes, which a server sees as its peer. */
static void check_peer(const char *name, size_t size, const char *expected)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX}, here = {.sun_family = AF_UNIX};
    socklen_t here_size = sizeof here;
    async_auto_stream *stream = NULL;
    char text[512];
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memcpy(address.sun_path, name, size);
    CHECK_EQ(bind(listener, (struct sockaddr *)&here, sizeof(sa_family_t)), 0);
    CHECK_EQ(getsockname(listener, (struct sockaddr *)&here, &here_size), 0);
    CHECK_EQ(bind(client, (struct sockaddr *)&address,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)),
             0);
    CHECK_EQ(listen(listener, 1), 0);
    CHECK_EQ(connect(client, (struct sockaddr *)&here, here_size), 0);
    CHECK_EQ(async_stream_new(&stream, accept4(listener, NULL, NULL, SOCK_CLOEXEC)), 0);
    CHECK_EQ(async_stream_peer(stream, text, sizeof text), (int)strlen(expected));
    CHECK_STR(text, expected);
    CHECK_EQ(async_stream_peer(stream, text, 1), (int)strlen(expected));
    CHECK_STR(text, "");
    CHECK_EQ(async_stream_peer(stream, NULL, 0), (int)strlen(expected));
    close(listener);
    close(client);
}

/* Such a name is the same for the whole machine: the suite may run twice at once. */
static void check_abstract_peer(const char *name, size_t size, const char *expected)
{
    char own[64], shown[128];
    memcpy(own, name, size);
    int digits = snprintf(own + size, sizeof own - size, "%d", getpid());
    snprintf(shown, sizeof shown, "%s%d", expected, getpid());
    check_peer(own, size + (size_t)digits, shown);
}

LOOP_TEST(unix_name_of_a_peer_is_printable)
{
    char path[] = "/tmp/asyncio-XXXXXX", name[64], shown[128];
    check_abstract_peer("\0plain-asyncio", 14, "@plain-asyncio");
    check_abstract_peer("\0\x1b[2J\0a\nasyncio", 15, "@\\x1B[2J\\x00a\\x0Aasyncio");
    CHECK(mkdtemp(path) != NULL);
    snprintf(name, sizeof name, "%s/\n\xff", path);
    snprintf(shown, sizeof shown, "%s/\\x0A\\xFF", path);
    check_peer(name, strlen(name) + 1, shown);
    CHECK_EQ(unlink(name), 0);
    CHECK_EQ(rmdir(path), 0);
    return 0;
}
