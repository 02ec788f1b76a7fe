/* cmd/json.h: what all output as JSON has in common: cmd/json.c. */
#ifndef CMD_JSON_H
#define CMD_JSON_H

#include "show/sheet.h"

enum { SCHEMA = 1 };

/* Prints a text of the process as a string, with the escapes of async_printable. */
void json_print_text(const char *bytes);

/* The member "at", behind a comma: the place of the row's trace; nothing if it is unknown. */
void json_print_place(const struct sheet *sheet, const struct row *row);

#endif
