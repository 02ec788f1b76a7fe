/* capture.h: what a test writes to standard error, kept for checks. */
#ifndef TEST_CAPTURE_H
#define TEST_CAPTURE_H

/* From here to capture_end standard error is kept. */
void capture_begin(void);

/*
 * A new file in memory. What several threads write at once is appended, where it would otherwise
 * overwrite each other.
 */
int capture_file(const char *name);

/* What was written, at most 32 KiB; valid until one of these two is called again. */
const char *capture_end(void);
const char *capture_look(void); /* the capture goes on */

#endif
