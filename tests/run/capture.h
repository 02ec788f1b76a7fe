/* capture.h: what a test writes to standard error, kept for checks. */
#ifndef TEST_CAPTURE_H
#define TEST_CAPTURE_H

/* From here to capture_end standard error is kept. */
void capture_begin(void);

/* What was written, at most 32 KiB; valid until the next call. */
const char *capture_end(void);

#endif
