/*
 * cmd/svg.c: a timeline as a picture for documents: the verdict, a row for each task, and a legend.
 * Spans that would be narrower than a pixel are drawn as one, so the file stays small.
 */
#include "base/text.h"
#include "cmd/trace.h"
#include "timeline/replay.h"
#include <asyncio/base.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_ROWS = 40,
    LABELS = 150,
    PLOT = 730,
    WIDTH = LABELS + PLOT + 20,
    ROW = 21,
    LINE = 17,
    MAX_LINE_BYTES = 118,
    MARKS = 8
};

/* The meaning of a rectangle; also the order of drawing. */
enum paint {
    PAINT_SLEEPS,
    PAINT_KERNEL,
    PAINT_SHARED,
    PAINT_JOINS,
    PAINT_READY,
    PAINT_RUNS,
    PAINT_HOLD,
    PAINTS
};

static const struct {
    const char *name, *words;
} paints[PAINTS] = {{"t", "sleeps"},
                    {"k", "waits for the kernel"},
                    {"s", "waits for a queue, a lock \342\200\246"},
                    {"j", "waits for tasks"},
                    {"y", "ready"},
                    {"r", "runs"},
                    {"h", "holds the loop"}};

static const char style[] =
    "text{font:12px system-ui,sans-serif;fill:#1c2024}.f{fill:#646b73;font-size:11px}"
    ".v{font-size:13px}.p{fill:#fff}.l{fill:#e4e7ea}.t{fill:#dfe4ea}.k{fill:#bcd3dc}"
    ".s{fill:#cdbfe3}.j{fill:#c5dcc4}.y{fill:#f0a202}.r{fill:#2f6fde}.h{fill:#d6241f}"
    "@media(prefers-color-scheme:dark){text{fill:#e6e9ec}.f{fill:#98a1ab}.p{fill:#16191d}"
    ".l{fill:#2c333a}.t{fill:#39424c}.k{fill:#2f4d59}.s{fill:#4b3d69}.j{fill:#36513a}"
    ".y{fill:#ffb938}.r{fill:#5b94ff}.h{fill:#ff5a52}}";

struct svg {
    struct output *output;
    const struct timeline *timeline;
    int32_t *row_of;                /* of each task; -1: none */
    int rows, top;                  /* of the first row, in pixels */
    bool on_top;                    /* draws turns and ready tasks, which lie over waits */
    double drawn[MAX_ROWS][PAINTS]; /* up to where each row has this paint */
    bool has[PAINTS];
};

static enum paint paint_of_wait(const char *call)
{
    static const struct {
        const char *part;
        enum paint paint;
    } parts[] = {
        {"async_sleep", PAINT_SLEEPS}, {"async_await", PAINT_JOINS}, {"gather", PAINT_JOINS},
        {"group", PAINT_JOINS},        {"completion", PAINT_JOINS},  {"shield", PAINT_JOINS},
        {"task_wait", PAINT_JOINS},    {"race", PAINT_JOINS},        {"select", PAINT_JOINS},
        {"lock", PAINT_SHARED},        {"semaphore", PAINT_SHARED},  {"queue", PAINT_SHARED},
        {"event", PAINT_SHARED},       {"condition", PAINT_SHARED},  {"barrier", PAINT_SHARED},
        {"future", PAINT_SHARED},      {"signal", PAINT_SHARED}};
    if (strcmp(call, "async_wait") == 0 || strcmp(call, "async_wait_for") == 0)
        return PAINT_JOINS;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (strstr(call, parts[i].part) != NULL)
            return parts[i].paint;
    return PAINT_KERNEL;
}

static enum paint paint_of(const struct timeline *timeline, const struct span *span)
{
    if (span->state == SPAN_RUNS)
        return span->to_ns - span->from_ns >= (uint64_t)VERDICT_HOLD_US * 1000 ? PAINT_HOLD
                                                                               : PAINT_RUNS;
    if (span->state == SPAN_READY)
        return PAINT_READY;
    return span->wait != SPAN_UNKNOWN ? paint_of_wait(timeline->waits[span->wait].call)
                                      : PAINT_KERNEL;
}

static double x_of(const struct svg *svg, uint64_t at_ns)
{
    uint64_t length_ns = svg->timeline->length_ns > 0 ? svg->timeline->length_ns : 1;
    return LABELS + PLOT * ((double)at_ns / (double)length_ns);
}

static void put_text(struct svg *svg, const char *class, double x, double y, const char *text)
{
    asyncp_output_print(svg->output, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", class, x, y);
    asyncp_output_markup(svg->output, text);
    asyncp_output_print(svg->output, "</text>\n");
}

/* The call of a wait, if it has room. */
static void label_wait(struct svg *svg, const struct span *span, double x, double width, double y)
{
    enum { PREFIX = sizeof "async_" - 1 };
    const double character = 6.2;
    if (span->wait == SPAN_UNKNOWN)
        return;
    const char *call = svg->timeline->waits[span->wait].call;
    if (strncmp(call, "async_", PREFIX) == 0 &&
        width > 12 + character * (double)strlen(call + PREFIX))
        put_text(svg, "f", x + 4, y + 14, call + PREFIX);
}

static void draw_span(void *context, const struct span *span)
{
    struct svg *svg = context;
    int row = svg->row_of[span->task];
    enum paint paint = paint_of(svg->timeline, span);
    bool is_bar = paint >= PAINT_READY;
    if (row < 0 || is_bar != svg->on_top || span->state == SPAN_SLEEPS)
        return;
    double x = x_of(svg, span->from_ns), end = x_of(svg, span->to_ns);
    double y = svg->top + ROW * row + (is_bar ? 2 : 6), height = is_bar ? ROW - 4 : ROW - 12;
    if (paint >= PAINT_RUNS && end < x + 1.4)
        end = x + 1.4;
    if (end - svg->drawn[row][paint] < 0.4) /* it would not be seen */
        return;
    asyncp_output_print(svg->output, "<path class=\"%s\" d=\"M%.1f %.0fH%.1fv%.0fH%.1fz\"/>\n",
                        paints[paint].name, x, y, end, height, x);
    svg->drawn[row][paint] = end;
    svg->has[paint] |= end - x >= 0.4;
    if (!is_bar)
        label_wait(svg, span, x, end - x, svg->top + ROW * row);
}

/* ---- around the rows ------------------------------------------------------------------------- */

/* Whether the timeline tells something about the task. */
static bool has_row(const struct timeline_task *task)
{
    return task->has_events || task->is_live;
}

/* Tasks in the order of their ids, which is that of the events mostly. */
static int choose_rows(struct svg *svg)
{
    const struct timeline *timeline = svg->timeline;
    svg->row_of = calloc(timeline->task_count, sizeof *svg->row_of);
    if (svg->row_of == NULL)
        return -ENOMEM;
    svg->row_of[0] = -1;
    for (size_t i = 1; i < timeline->task_count; i++) {
        bool is_shown = has_row(&timeline->tasks[i]);
        svg->row_of[i] = is_shown && svg->rows < MAX_ROWS ? svg->rows++ : -1;
    }
    return 0;
}

/* Breaks a sentence into lines. Returns their number. */
static int put_sentence(struct svg *svg, const char *sentence, int y)
{
    int lines = 0;
    while (*sentence != 0) {
        char line[MAX_LINE_BYTES + 1];
        size_t length = strlen(sentence);
        if (length > MAX_LINE_BYTES) {
            length = MAX_LINE_BYTES;
            while (length > 1 && sentence[length] != ' ')
                length--;
        }
        memcpy(line, sentence, length);
        line[length] = 0;
        put_text(svg, "v", 12, y + LINE * lines, line);
        sentence += length;
        sentence += strspn(sentence, " ");
        lines++;
    }
    return lines;
}

static int put_verdict_lines(struct svg *svg, const struct verdict *verdict)
{
    int y = 22;
    for (size_t i = 0; i < (verdict->count > 0 ? verdict->count : 1); i++)
        y += LINE * put_sentence(svg, verdict->sentences[i], y);
    return y;
}

static void draw_axis(struct svg *svg)
{
    const uint64_t length_ns = svg->timeline->length_ns;
    uint64_t step_ns = 1;
    while (length_ns / step_ns > MARKS) {
        static const uint64_t factors[] = {2, 5, 10};
        uint64_t base_ns = step_ns;
        for (unsigned i = 0; i < 3 && length_ns / step_ns > MARKS; i++)
            step_ns = base_ns * factors[i];
    }
    for (uint64_t i = 0, at_ns = 0; i <= MARKS && at_ns <= length_ns; at_ns = ++i * step_ns) {
        double x = x_of(svg, at_ns);
        asyncp_output_print(svg->output, "<path class=\"l\" d=\"M%.1f %dv%dh1V%dz\"/>\n", x,
                            svg->top - 4, ROW * svg->rows + 4, svg->top - 4);
        put_text(svg, "f", x + 3, svg->top - 7,
                 at_ns == 0 ? "0" : asyncp_duration_text(at_ns).text);
    }
}

static void put_labels(struct svg *svg)
{
    for (size_t i = 1; i < svg->timeline->task_count; i++) {
        const struct timeline_task *task = &svg->timeline->tasks[i];
        const char *name = *task->name != 0 ? task->name : "?";
        char label[64];
        if (svg->row_of[i] < 0)
            continue;
        snprintf(label, sizeof label, "#%u %.*s", task->id, asyncp_text_fit(name, 18), name);
        put_text(svg, "n", 12, svg->top + ROW * svg->row_of[i] + 15, label);
    }
}

/* The colours in the picture. */
static void put_legend(struct svg *svg, int y)
{
    double x = 12;
    for (int i = PAINTS - 1; i >= 0; i--) {
        if (!svg->has[i])
            continue;
        asyncp_output_print(svg->output,
                            "<rect class=\"%s\" x=\"%.1f\" y=\"%d\" width=\"13\" height=\"11\"/>\n",
                            paints[i].name, x, y - 10);
        put_text(svg, "f", x + 18, y, paints[i].words);
        x += 40 + 6.1 * (double)strlen(paints[i].words);
    }
    size_t left_out = 0;
    for (size_t i = 1; i < svg->timeline->task_count; i++)
        left_out += svg->row_of[i] < 0 && has_row(&svg->timeline->tasks[i]);
    char text[64];
    snprintf(text, sizeof text, "%zu more tasks", left_out);
    if (left_out > 0)
        put_text(svg, "f", x, y, text);
}

static int draw(struct svg *svg, const struct verdict *verdict)
{
    svg->top = put_verdict_lines(svg, verdict) + 20;
    draw_axis(svg);
    int result = asyncp_replay(svg->timeline, draw_span, svg);
    svg->on_top = true;
    if (result == 0)
        result = asyncp_replay(svg->timeline, draw_span, svg);
    put_labels(svg);
    put_legend(svg, svg->top + ROW * svg->rows + 24);
    return result;
}

int trace_draw_svg(struct output *output, const struct timeline *timeline,
                   const struct verdict *verdict)
{
    struct output body = {.bytes = NULL};
    struct svg svg = {.output = &body, .timeline = timeline};
    int result = choose_rows(&svg);
    if (result == 0)
        result = draw(&svg, verdict);
    int height = svg.top + ROW * svg.rows + 36;
    asyncp_output_print(output,
                        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
                        "viewBox=\"0 0 %d %d\">\n<style>",
                        WIDTH, height, WIDTH, height);
    asyncp_output_print(output, "%s</style>\n<rect class=\"p\" width=\"%d\" height=\"%d\"/>\n",
                        style, WIDTH, height);
    asyncp_output_put(output, body.bytes, body.count);
    asyncp_output_print(output, "</svg>\n");
    output->failed |= body.failed;
    asyncp_output_free(&body);
    free(svg.row_of);
    return result;
}
