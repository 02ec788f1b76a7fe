/*
 * inspect/texts.h: texts of the view, by address: few addresses are named by many tasks, so each
 * is read once, all together. What is read may be anything.
 */
#ifndef INSPECT_TEXTS_H
#define INSPECT_TEXTS_H

#include "inspect/table.h"
#include "inspect/view.h"

enum { MAX_TEXT_BYTES = 256 }; /* with its zero byte; a longer one is cut */

struct texts {
    struct table entries;
};

void asyncp_texts_open(struct texts *texts);

/* Notes an address. *index is for asyncp_texts_get. 0 or -ENOMEM. */
int asyncp_texts_add(struct texts *texts, uint64_t address, uint32_t *index);

/* Reads the texts that were added. 0 or an error of the view. */
int asyncp_texts_read(struct texts *texts, const struct view *view);

/* The text; "" for address 0, "?" if it could not be read. */
const char *asyncp_texts_get(const struct texts *texts, uint32_t index);

void asyncp_texts_free(struct texts *texts);

#endif
