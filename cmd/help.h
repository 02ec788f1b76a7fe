/* cmd/help.h: descriptions of the commands, and answers to wrong calls of them. */
#ifndef CMD_HELP_H
#define CMD_HELP_H

#include <stdbool.h>
#include <stdio.h>

/* All commands. */
void help_print(FILE *to);

/* One command. false: no command has this name. */
bool help_print_command(FILE *to, const char *name);

/* Whether a word asks for help: --help or -h. */
bool help_is_asked(const char *word);

/*
 * Prints a message about a wrong call of a command, and how it is called. command NULL: the call is
 * wrong before the command. Returns WRONG_USAGE.
 */
__attribute__((format(printf, 2, 3))) int help_refuse(const char *command, const char *format, ...);

/*
 * Takes a word that is no option of the command: it names the only process or file. 0, or as
 * help_refuse.
 */
int help_take_subject(const char *command, const char *word, const char **subject);

/* After the last word: 0, or as help_refuse if no word named a process or file. */
int help_need_subject(const char *command, const char *subject);

#endif
