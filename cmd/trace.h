/* cmd/trace.h: `asyncio trace`: timelines as text, pages, SVG and Perfetto files. */
#ifndef CMD_TRACE_H
#define CMD_TRACE_H

#include "timeline/decode.h"
#include "timeline/output.h"
#include "timeline/verdict.h"

/*
 * Reads the rings of the loops of a process or a core as sections of a file. 0; after an error -1,
 * which was printed.
 */
int trace_read_subject(struct output *output, const char *name);

/* A picture for documents, of at most 40 tasks. 0 or -ENOMEM. */
int trace_draw_svg(struct output *output, const struct timeline *timeline,
                   const struct verdict *verdict);

/*
 * Packets of Perfetto's trace.proto: a track for each task. `number`: from 1, another one for each
 * timeline of the file. 0 or -ENOMEM.
 */
int trace_put_perfetto(struct output *output, const struct timeline *timeline, uint32_t number);

#endif
