/*
 * timeline/page.c: writes pages. The verdict is text, so it can be read where scripts are off, and
 * in the file itself. The data follow as base64.
 */
#include "timeline/page.h"
#include "timeline/verdict.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Made by tools/embed.py of page.html, page.css and page*.js. */
extern const char asyncp_page_text[];
extern const size_t asyncp_page_bytes;

void asyncp_page_begin(struct output *output)
{
    asyncp_output_put(output, asyncp_page_text, asyncp_page_bytes);
}

static void put_verdict(struct output *output, const struct timeline *timeline,
                        const struct verdict *verdict)
{
    asyncp_output_print(output, "\n<section class=\"loop\" id=\"loop-%" PRIu32 "\">\n",
                        timeline->loop);
    asyncp_output_print(output, "<ul class=\"verdict%s\">\n", verdict->count == 0 ? " calm" : "");
    for (size_t i = 0; i < (verdict->count > 0 ? verdict->count : 1); i++) {
        asyncp_output_print(output, "<li>");
        asyncp_output_markup(output, verdict->sentences[i]);
        asyncp_output_print(output, "</li>\n");
    }
    asyncp_output_print(output, "</ul>\n");
    if (timeline->lost > 0)
        asyncp_output_print(output,
                            "<p class=\"lost\">About %" PRIu64
                            " earlier events were overwritten; this is "
                            "the last part of the run.</p>\n",
                            timeline->lost);
}

static int put_loop(struct output *output, const struct timeline *timeline, const char *section,
                    size_t size)
{
    struct verdict verdict;
    int result = asyncp_verdict_make(&verdict, timeline);
    if (result < 0)
        return result;
    put_verdict(output, timeline, &verdict);
    asyncp_output_print(output, "<script type=\"text/plain\" class=\"timeline\">");
    asyncp_output_base64(output, section, size);
    asyncp_output_print(output, "</script>\n</section>\n");
    return 0;
}

int asyncp_page_add(struct output *output, const char *sections, size_t size)
{
    struct timeline timeline;
    size_t offset = 0;
    int result = size > 0 ? 1 : -EPROTO;
    while (offset < size && result > 0) {
        const size_t begin = offset;
        result = asyncp_timeline_decode(&timeline, sections, size, &offset);
        int added = result > 0 ? put_loop(output, &timeline, sections + begin, offset - begin) : 0;
        asyncp_timeline_free(&timeline);
        result = added < 0 ? added : result;
    }
    return result < 0 ? result : output->failed ? -ENOMEM : 0;
}
