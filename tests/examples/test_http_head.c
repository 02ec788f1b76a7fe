/*
 * test_http_head.c: the parser of HTTP heads that programs copy: heads that it accepts, heads that
 * it refuses, and random bytes.
 */
#include "../../examples/http_head.c"
#include "run/runner.h"

#include <stdio.h>
#include <stdlib.h>

/* In a block of exactly that size, so that a sanitizer finds reads beyond it. */
static int parse_bytes(struct http_head *head, const char *bytes, size_t size, char **block)
{
    *block = malloc(size > 0 ? size : 1);
    CHECK(*block != NULL);
    memcpy(*block, bytes, size);
    return http_head_parse(head, *block, size);
}

static int status_of(const char *text)
{
    struct http_head head;
    char *block;
    int status = parse_bytes(&head, text, strlen(text), &block);
    free(block);
    return status;
}

TEST(http_head_finds_method_target_and_fields)
{
    static const char text[] =
        "\r\n\nGET /a%20b?c HTTP/1.0\r\nHost: x.test\nEmpty:\r\nX-Blank: \t a b\t \r\nhost:y\r\n"
        "\r\nGET /next HTTP/1.1\r\n";
    struct http_head head;
    char *block;
    size_t count;
    CHECK_EQ(parse_bytes(&head, text, strlen(text), &block), 0);
    CHECK_STR(head.method, "GET");
    CHECK_STR(head.target, "/a%20b?c");
    CHECK_EQ(head.minor, 0);
    CHECK_EQ(head.field_count, 4);
    CHECK_STR(http_head_value(&head, "HOST", &count), "x.test");
    CHECK_EQ(count, 2);
    CHECK_STR(http_head_value(&head, "empty", &count), "");
    CHECK_STR(http_head_value(&head, "x-blank", NULL), "a b");
    CHECK_STR(http_head_value(&head, "none", &count), NULL);
    CHECK_EQ(count, 0);
    free(block);
}

TEST(http_head_refuses_ambiguous_heads)
{
    static const char *const malformed[] = {"",
                                            "\r\n",
                                            "GET / HTTP/1.1\r\n",
                                            "GET /\r\n\r\n",
                                            "GET  / HTTP/1.1\r\n\r\n",
                                            "GET / HTTP/1.1 \r\n\r\n",
                                            "G(T / HTTP/1.1\r\n\r\n",
                                            " GET / HTTP/1.1\r\n\r\n",
                                            "GET / HTTP/1.1\r\nA : b\r\n\r\n",
                                            "GET / HTTP/1.1\r\n: b\r\n\r\n",
                                            "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
                                            "GET / HTTP/1.1\r\nA\r\n\r\n",
                                            "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n",
                                            "GET / HTTP/1.1\r\nA: \x01\r\n\r\n",
                                            "GET / HTTP/1.1\r\nA: \x7f\r\n\r\n",
                                            "GET / HTTP/1.x\r\n\r\n",
                                            "GET / HTTP/11\r\n\r\n",
                                            "GET /\t HTTP/1.1\r\n\r\n",
                                            "GET / http/1.1\r\n\r\n"};
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
        CHECK_EQ(status_of(malformed[i]), 400);
    CHECK_EQ(status_of("GET / HTTP/1.1\r\n\r\n"), 0);
    CHECK_EQ(status_of("GET / HTTP/1.9\n\n"), 0);
    CHECK_EQ(status_of("GET / HTTP/2.0\r\n\r\n"), 505);
}

TEST(http_head_has_a_limit_of_fields)
{
    char text[HTTP_MAX_FIELDS * 8 + 64];
    for (int more = 0; more < 2; more++) {
        size_t size = (size_t)sprintf(text, "GET / HTTP/1.1\r\n");
        for (int i = 0; i < HTTP_MAX_FIELDS + more; i++)
            size += (size_t)sprintf(text + size, "a: b\r\n");
        sprintf(text + size, "\r\n");
        CHECK_EQ(status_of(text), more ? 431 : 0);
    }
}

/*
 * A head with bytes that were changed, left out or added: every text that is found is inside the
 * block.
 */
TEST(http_head_takes_random_bytes)
{
    static const char good[] =
        "GET /index.html HTTP/1.1\r\nHost: x\r\nRange: bytes=1-2\r\nA:b\r\n\r\n";
    static const char likely[] = "\r\n\t :/HTP1.0\x00\x7f\xff";
    char text[sizeof good];
    int taken = 0;
    srandom(1);
    for (int round = 0; round < 100000; round++) {
        struct http_head head;
        char *block;
        memcpy(text, good, sizeof good);
        for (long changes = random() % 4; changes > 0; changes--)
            text[(size_t)random() % sizeof text] = likely[(size_t)random() % sizeof likely];
        size_t size = random() % 4 == 0 ? (size_t)random() % sizeof text : sizeof text;
        int status = parse_bytes(&head, text, size, &block);
        CHECK(status == 0 || status == 400 || status == 505);
        taken += status == 0;
        for (size_t i = 0; status == 0 && i < head.field_count; i++)
            CHECK(head.fields[i].name > block &&
                  head.fields[i].value + strlen(head.fields[i].value) < block + size);
        free(block);
    }
    CHECK(taken > 1000);
}
