/* show/words.h: how the members of a snapshot are shown to people. Its texts are escaped. */
#ifndef SHOW_WORDS_H
#define SHOW_WORDS_H

#include "inspect/known.h"
#include "show/places.h"

enum { MAX_SHOWN_BYTES = 512 };

const char *asyncp_show_state(enum row_state state);

/* A text of the view, on one line and without control characters. */
void asyncp_show_text(char *shown, size_t size, const struct snapshot *snapshot, uint32_t text);

/* The name of a task; "" if it changes, for the record may be another one's by now. */
void asyncp_show_name(char *shown, size_t size, const struct snapshot *snapshot,
                      const struct row *row);

/* Seconds; below a second milliseconds. */
void asyncp_show_duration(char *shown, size_t size, int64_t ns);

/*
 * "async_lock_acquire, held by #3 'writer'; requests to cancel: 1". Of a task that does not wait
 * only the requests, or "".
 */
void asyncp_show_wait(char *shown, size_t size, const struct snapshot *snapshot,
                      struct places *places, const struct row *row, bool with_object);

/* ", known to #7 parse and 3 more": tasks that know the object the task waits for; "" if none. */
void asyncp_show_known(char *shown, size_t size, const struct snapshot *snapshot,
                       const struct known *known, const struct row *row);

#endif
