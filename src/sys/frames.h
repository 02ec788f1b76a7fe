/*
 * sys/frames.h: which calls lie on a stack, for the message of a program that is about to end.
 */
#ifndef SYS_FRAMES_H
#define SYS_FRAMES_H

/*
 * Reports the return addresses between sp and end: those that repeat if any do, else the nearest.
 * Not reentrant.
 */
void asyncp_frames_report(const char *sp, const char *end);

#endif
