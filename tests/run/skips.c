/*
 * skips.c: groups skipped cases by reason. Reasons are few and cases are hundreds, so a list of
 * lists, searched from the start, is fast enough. It knows nothing of how cases run.
 */
#include "run/skips.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 6 };

/* A text in a list without doubles, in the order in which they came. */
struct entry {
    struct entry *next;  /* a text that came later */
    struct entry *cases; /* of a reason: the skipped cases */
    int count;           /* how often it came */
    char text[];         /* a reason, or a case's name */
};

static struct entry *reasons;

/* The entry with that text; appends a new one if the list has none. */
static struct entry *find(struct entry **list, const char *text)
{
    for (; *list != NULL; list = &(*list)->next)
        if (strcmp((*list)->text, text) == 0)
            return *list;
    *list = calloc(1, sizeof **list + strlen(text) + 1);
    if (*list == NULL) {
        perror("the list of what was skipped");
        exit(2);
    }
    strcpy((*list)->text, text);
    return *list;
}

void skips_add(const char *label, const char *reason)
{
    struct entry *entry = find(&reasons, *reason == '\0' ? "no reason given" : reason);
    entry->count++;
    find(&entry->cases, label)->count++;
}

int skips_count(void)
{
    int count = 0;
    for (const struct entry *reason = reasons; reason != NULL; reason = reason->next)
        count += reason->count;
    return count;
}

static void free_list(struct entry *entry)
{
    for (struct entry *next; entry != NULL; entry = next) {
        next = entry->next;
        free(entry);
    }
}

static void print_cases(const struct entry *entry, bool all)
{
    int more = 0;
    for (int i = 0; entry != NULL; entry = entry->next, i++) {
        if (all || i < SHOWN)
            printf("    %s\n", entry->text);
        else
            more++;
    }
    if (more > 0)
        printf("    and %d more (-v lists them)\n", more);
}

void skips_print(bool all)
{
    for (const struct entry *reason = reasons; reason != NULL; reason = reason->next) {
        printf("skipped: %s (%d)\n", reason->text, reason->count);
        print_cases(reason->cases, all);
        free_list(reason->cases);
    }
    free_list(reasons);
    reasons = NULL;
}
