/*
 * base/list.h: circular doubly linked lists. A link is a member of the linked struct. A head of
 * zeros is an empty list, so locks and events can be {0}; the first insertion makes it circular.
 * The fields of a link outside of any list are not read.
 *
 *      head ⇄ first ⇄ … ⇄ last ⇄ head
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "sys/assert.h"
#include <stdbool.h>
#include <stddef.h>

struct link {
    struct link *next;     /* of a head: the first */
    struct link *previous; /* of a head: the last */
};

struct list {
    struct link head;
};

static inline bool list_empty(const struct list *list)
{
    return list->head.next == NULL || list->head.next == &list->head;
}

static inline void list_append(struct list *list, struct link *link)
{
    struct link *head = &list->head;
    if (head->next == NULL)
        head->next = head->previous = head;
    link->next = head;
    link->previous = head->previous;
    head->previous->next = link;
    head->previous = link;
}

/* Whether both neighbours point to the link. false: memory was overwritten. */
static inline bool list_is_linked(const struct link *link)
{
    return link->next->previous == link && link->previous->next == link;
}

static inline void list_remove(struct link *link)
{
    ASSERT(list_is_linked(link));
    link->next->previous = link->previous;
    link->previous->next = link->next;
}

/* NULL if the list is empty. */
static inline struct link *list_first(const struct list *list)
{
    return list_empty(list) ? NULL : list->head.next;
}

/* NULL after the last link. */
static inline struct link *list_after(const struct list *list, const struct link *link)
{
    return link->next == &list->head ? NULL : link->next;
}

/* The body must not remove the current link. */
#define LIST_EACH(link, list)                                                                      \
    for (struct link *link = list_first(list); link != NULL; link = list_after((list), link))

#endif
