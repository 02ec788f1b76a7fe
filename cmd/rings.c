/* cmd/rings.c: the rings of a running process or of a core, as sections of a file. */
#include "cmd/subject.h"
#include "cmd/trace.h"
#include "timeline/rings.h"
#include <errno.h>

/* A copy of libasyncio in the subject. How many of its loops are traced; -errno. */
static int read_copy(struct output *output, const struct subject *subject,
                     const struct library *library)
{
    const bool is_core = subject->core != NULL;
    const struct rings rings = {.view = &subject->view,
                                .layout = &library->layout,
                                .loops = library->loops,
                                .process = (uint32_t)subject->inner_id,
                                .end = is_core ? TIMELINE_CRASHED : TIMELINE_RUNNING,
                                .is_live = !is_core};
    return asyncp_rings_encode(output, &rings);
}

static const char *explain_no_ring(const struct subject *subject)
{
    return subject->core != NULL && core_is_cut(subject->core)
               ? "no loop is traced, or its record is behind the end of the core"
               : "no loop is traced; start the program with ASYNCIO_TRACE, for example "
                 "ASYNCIO_TRACE=flight:run.html";
}

/* The same of all copies. */
static int read_copies(struct output *output, const struct subject *subject)
{
    int result = 0, found = 0;
    asyncp_timeline_begin(output);
    for (size_t i = 0; i < subject->copy_count && result >= 0; i++) {
        result = read_copy(output, subject, &subject->copies[i]);
        found += result > 0 ? result : 0;
    }
    return result < 0 ? result : found;
}

/* Reads a second time if the process has executed a program meanwhile. */
static int read_rings(struct output *output, struct subject *subject, const char *name)
{
    int result = subject_open(subject, name);
    for (int i = 0; i < 2 && result == 0; i++) {
        int found = read_copies(output, subject);
        if (!subject_has_changed(subject))
            return found < 0 ? subject_refuse(subject, found) : found;
        asyncp_output_free(output);
        *output = (struct output){.bytes = NULL};
        subject_close(subject);
        result = i == 0 ? subject_open(subject, name) : subject_refuse(subject, -ESTALE);
    }
    return result;
}

int trace_read_subject(struct output *output, const char *name)
{
    static struct subject subject;
    int found = read_rings(output, &subject, name);
    if (found == 0)
        subject_say(&subject, explain_no_ring(&subject));
    subject_close(&subject);
    return found <= 0 ? -1 : 0;
}
