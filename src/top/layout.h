/* top/layout.h: the note that describes the library to other processes. */
#ifndef TOP_LAYOUT_H
#define TOP_LAYOUT_H

struct layout;
struct layout_note;
extern const struct layout_note asyncp_layout __attribute__((visibility("hidden")));

/* The table in it. */
const struct layout *asyncp_own_layout(void);

#endif
