/* cmd/ending.h: says how the process of a core has ended, and in which task. */
#ifndef CMD_ENDING_H
#define CMD_ENDING_H

#include "cmd/subject.h"
#include "show/sheet.h"

/* A line such as "ended by SIGSEGV (address 0x8) in task #2 'dig'"; nothing if it is unknown. */
void ending_print(const struct sheet *sheet, const struct subject *subject);

/* The member "ended_by" of an object, behind a comma; nothing if it is unknown. */
void ending_print_json(const struct sheet *sheet, const struct subject *subject);

#endif
