/*
 * cmd/screen.h: a text that fills the terminal and is replaced again and again, as in top(1). The
 * terminal is as before after screen_close, and while the command is stopped by Ctrl-Z.
 */
#ifndef CMD_SCREEN_H
#define CMD_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

/* Takes the terminal. -ENOTTY: standard output is none. There is one screen. */
int screen_open(void);
void screen_close(void);

/* Shows a text, cut to the size of the terminal; it is borrowed until the next one. */
void screen_draw(const char *text);

/*
 * Waits until a time of CLOCK_MONOTONIC, and draws again if the size of the terminal changes.
 * false: the key q or a signal has ended it. Without a screen it only waits.
 */
bool screen_wait(int64_t until_ns);

#endif
