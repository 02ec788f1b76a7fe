/*
 * test_miniredis_protocol.c: the parser of the miniature Redis reads each byte once, however a
 * request is split.
 */
#include "../../examples/miniredis/protocol.c"
#include "run/runner.h"

/* Puts `*COUNT` and so many words of a byte into text; returns how long that is. */
static size_t put_request(char *text, int count)
{
    size_t size = (size_t)sprintf(text, "*%d\r\n", count);
    for (int i = 0; i < count; i++)
        size += (size_t)sprintf(text + size, "$1\r\n%c\r\n", 'a' + i % 26);
    return size;
}

/* Parsed bytes are overwritten, and the rest moves to a new block with each byte. */
TEST(miniredis_parses_each_byte_of_a_request_once)
{
    enum { WORDS = 300, PLACES = 5 };
    char whole[WORDS * 8 + 16], moving[sizeof whole + PLACES];
    struct request request = {.least = 1};
    size_t size = put_request(whole, WORDS);
    for (size_t there = 1; there <= size; there++) {
        char *text = moving + there % PLACES;
        memset(text, '?', there);
        text[0] = '*'; /* which kind it is */
        memcpy(text + request.used, whole + request.used, there - request.used);
        if (there < request.least)
            continue;
        int used = parse(text, there, &request);
        CHECK_EQ(used, there < size ? 0 : (int)size);
    }
    CHECK_EQ(request.count, WORDS);
    CHECK_EQ(request.words[WORDS - 1].size, 1);
    CHECK_EQ(request.words[WORDS - 1].text[0], 'a' + (WORDS - 1) % 26);
    free(request.words);
}

/* Cut in two at each place, then as a line: the result is the same. */
TEST(miniredis_parses_a_request_in_two_parts_as_in_one)
{
    static const char *const texts[] = {"*2\r\n$3\r\nGET\r\n$5\r\nhello\r\n", "GET hello\r\n",
                                        "*0\r\n", "*1\r\n$0\r\n\r\n"};
    static const int counts[] = {2, 2, 0, 1};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (size_t cut = 1; cut < strlen(texts[i]); cut++) {
            struct request request = {.least = 1};
            CHECK_EQ(parse(texts[i], cut, &request), 0);
            CHECK(request.least > cut && request.least <= strlen(texts[i]));
            CHECK_EQ(parse(texts[i], strlen(texts[i]), &request), (int)strlen(texts[i]));
            CHECK_EQ(request.count, counts[i]);
            if (counts[i] == 2)
                CHECK(memcmp(request.words[1].text, "hello", 5) == 0 && request.words[1].size == 5);
            free(request.words);
        }
}
