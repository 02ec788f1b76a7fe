/* cmd/rings.c: the rings of a running process or of a core, as sections of a file. */
#include "cmd/subject.h"
#include "cmd/trace.h"
#include "timeline/rings.h"

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

int trace_read_subject(struct output *output, const char *name)
{
    static struct subject subject;
    int result = subject_open(&subject, name), found = 0;
    if (result < 0) {
        subject_close(&subject);
        return -1;
    }
    asyncp_timeline_begin(output);
    for (size_t i = 0; i < subject.copy_count && result >= 0; i++) {
        result = read_copy(output, &subject, &subject.copies[i]);
        found += result > 0 ? result : 0;
    }
    if (result < 0)
        subject_refuse(&subject, result);
    else if (found == 0)
        subject_say(&subject, explain_no_ring(&subject));
    subject_close(&subject);
    return result < 0 || found == 0 ? -1 : 0;
}
