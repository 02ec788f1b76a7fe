/*
 * parse.c: reads a program of the conformance test, line by line. compare.py writes programs; a
 * mistake in one ends the player with a message.
 */
#include "player.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const kinds[] = {"fifo", "lifo", "priority", NULL};

static _Noreturn void give_up(const char *what, const char *word, int line)
{
    fprintf(stderr, "line %d: %s: %s\n", line, what, word);
    exit(2);
}

static const struct word *find_word(const char *name, int line)
{
    static const struct word *const tables[] = {words, group_words, sync_words, future_words};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const struct word *word = tables[i]; word->name != NULL; word++)
            if (strcmp(word->name, name) == 0)
                return word;
    give_up("there is no such operation", name, line);
}

static int number_of(const char *token, int line)
{
    char *end;
    long number = strtol(token, &end, 10);
    if (*end == 0)
        return (int)number;
    for (int kind = 0; kinds[kind] != NULL; kind++)
        if (strcmp(kinds[kind], token) == 0)
            return kind;
    give_up("this is no number", token, line);
}

/* One line, without its newline; lines that say nothing are passed over. */
static void parse_line(char *text, int line)
{
    char *rest, *token = strtok_r(text, " ", &rest);
    if (token == NULL)
        return;
    if (play.operation_count == MAX_OPERATIONS)
        give_up("the program is too long", token, line);
    struct operation *operation = &play.operations[play.operation_count++];
    *operation = (struct operation){.word = find_word(token, line), .line = line};
    while ((token = strtok_r(NULL, " ", &rest)) != NULL) {
        if (operation->count == MAX_ARGUMENTS)
            give_up("too many arguments", token, line);
        operation->arguments[operation->count++] = number_of(token, line);
    }
}

static bool is(size_t index, const char *name)
{
    return strcmp(play.operations[index].word->name, name) == 0;
}

/* Finds where the block ends that begins at index; blocks inside it are matched on the way. */
static size_t match_block(size_t index)
{
    struct operation *begin = &play.operations[index];
    begin->middle = 0;
    for (size_t i = index + 1; i < play.operation_count; i++) {
        if (is(i, "finally"))
            begin->middle = i;
        else if (is(i, "end")) {
            begin->middle = begin->middle != 0 ? begin->middle : i;
            return begin->end = i;
        } else if (play.operations[i].word->block)
            i = match_block(i);
    }
    give_up("a block has no end", begin->word->name, begin->line);
}

static void match_all(void)
{
    int coroutine = -1;
    for (size_t i = 0; i < play.operation_count; i++)
        play.operations[i].end = i;
    for (size_t i = 0; i < play.operation_count; i++) {
        struct operation *operation = &play.operations[i];
        if (is(i, "coroutine")) {
            coroutine = operation->arguments[0];
            if (coroutine < 0 || coroutine >= MAX_COROUTINES)
                give_up("no number of a coroutine", operation->word->name, operation->line);
            play.begins[coroutine] = i + 1;
        } else if (operation->word->block) {
            i = match_block(i);
        }
        if (coroutine >= 0)
            play.ends[coroutine] = i + 1;
    }
}

char *parse(char *text)
{
    memset(&play, 0, sizeof play);
    for (int line = 1; *text != 0; line++) {
        char *end = text + strcspn(text, "\n");
        bool last = *end == 0;
        *end = 0;
        char *next = last ? end : end + 1;
        if (strcmp(text, "program") == 0) {
            text = next;
            break;
        }
        parse_line(text, line);
        text = next;
    }
    match_all();
    return text;
}
