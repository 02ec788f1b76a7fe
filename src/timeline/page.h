/* timeline/page.h: a file of HTML that shows timelines, and needs nothing else. */
#ifndef TIMELINE_PAGE_H
#define TIMELINE_PAGE_H

#include "timeline/output.h"

/* The begin of a page: styles and scripts. */
void asyncp_page_begin(struct output *output);

/*
 * Appends sections, `size` bytes together, each with its verdict. A page may end after each. 0;
 * -ENOMEM; -EPROTO.
 */
int asyncp_page_add(struct output *output, const char *sections, size_t size);

#endif
