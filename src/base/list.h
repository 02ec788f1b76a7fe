/*
 * base/list.h: circular lists whose links are members of what they link. A head of zeros is an
 * empty list, so that locks and events can be {0}; the first insertion makes it circular. A link
 * that is in no list is not touched by anyone. Knows nothing of what it links.
 *
 *      head ⇄ first ⇄ … ⇄ last ⇄ head
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "sys/assert.h"
#include <stdbool.h>
#include <stddef.h>

struct link {
    struct link *next;     /* towards the last; of a head, the first */
    struct link *previous; /* towards the first; of a head, the last */
};

struct list {
    struct link head; /* zeros, or circular through here */
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

/*
 * Whether both neighbours know the link: not if the memory of one, or of the head, was written
 * over.
 */
static inline bool list_is_linked(const struct link *link)
{
    return link->next->previous == link && link->previous->next == link;
}

/* Takes the link out of the list it is in, which need not be named. */
static inline void list_remove(struct link *link)
{
    ASSERT(list_is_linked(link));
    link->next->previous = link->previous;
    link->previous->next = link->next;
}

/* The first link, or NULL. */
static inline struct link *list_first(const struct list *list)
{
    return list_empty(list) ? NULL : list->head.next;
}

/* The link after this one, or NULL. */
static inline struct link *list_after(const struct list *list, const struct link *link)
{
    return link->next == &list->head ? NULL : link->next;
}

#define LIST_EACH(link, list)                                                                      \
    for (struct link *link = list_first(list); link != NULL; link = list_after((list), link))

#endif
