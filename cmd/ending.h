/* cmd/ending.h: says how the process of a core has ended, in which task, and where. */
#ifndef CMD_ENDING_H
#define CMD_ENDING_H

#include "cmd/threads.h"
#include "show/sheet.h"

struct ending {
    struct core_signal signal; /* its number 0: it is unknown, or the process runs */
    struct row calls;          /* with the trace of its thread; of use where no task ran */
};

/* 0 or -ENOMEM. */
int ending_find(struct ending *ending, struct snapshot *snapshot, struct unwinder *unwinder,
                const struct subject_threads *threads);

/* A line such as "ended by SIGSEGV (address 0x8) in task #2 'dig'"; nothing if it is unknown. */
void ending_print(const struct sheet *sheet, const struct subject *subject,
                  const struct ending *ending);

/* The member "ended_by" of an object, behind a comma; nothing if it is unknown. */
void ending_print_json(const struct sheet *sheet, const struct subject *subject,
                       const struct ending *ending);

#endif
