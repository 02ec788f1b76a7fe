/*
 * sys/frames.h: the functions whose frames lie on a stack, for the message about an overflow.
 */
#ifndef SYS_FRAMES_H
#define SYS_FRAMES_H

/*
 * Reports the return addresses between sp and end: the repeated ones, or the innermost if none
 * repeats. Not reentrant.
 */
void asyncp_frames_report(const char *sp, const char *end);

#endif
