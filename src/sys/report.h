/*
 * sys/report.h: messages of the library on standard error. A line is formatted on the caller's
 * stack, which may be a task's and small, and is cut at 1 KiB. Usable in signal handlers in
 * practice: vsnprintf does not lock or allocate for the formats used.
 */
#ifndef SYS_REPORT_H
#define SYS_REPORT_H

/* Writes "asyncio: ", the message and a line break to standard error. */
void asyncp_report(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes the formatted text to a descriptor. */
void asyncp_print(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Sets a function that adds a line about the running task to the message of an abort. It gets the
 * message, and must not allocate.
 */
void asyncp_add_place(void (*function)(const char *message));

/*
 * Sets a function that is called once before asyncp_misuse aborts the process. If the function has
 * not returned after so many seconds, the process is aborted without it.
 */
void asyncp_before_abort(void (*function)(void), unsigned seconds);

#endif
