/*
 * cmd/trace.c: reads a file with timelines and writes another form of it. A file that was cut off,
 * perhaps by a full disk, is shown as far as its sections are whole.
 */
#include "cmd/trace.h"
#include "cmd/commands.h"
#include "cmd/help.h"
#include "cmd/subject.h"
#include "timeline/page.h"
#include <asyncio/base.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum form { FORM_TEXT, FORM_PAGE, FORM_SVG, FORM_PERFETTO, FORM_FILE };

__attribute__((format(printf, 1, 2))) static int trace_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("asyncio trace: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return -1;
}

static bool has_ending(const char *name, const char *ending)
{
    size_t length = strlen(name), end = strlen(ending);
    return length > end && strcmp(name + length - end, ending) == 0;
}

/* 0, or -1 if the ending has no form. */
static int find_form(const char *to, enum form *form)
{
    *form = to == NULL                   ? FORM_TEXT
            : has_ending(to, ".html")    ? FORM_PAGE
            : has_ending(to, ".svg")     ? FORM_SVG
            : has_ending(to, ".pftrace") ? FORM_PERFETTO
            : has_ending(to, ".trace")   ? FORM_FILE
                                         : FORM_TEXT;
    if (to != NULL && *form == FORM_TEXT)
        return trace_fail("%s: the name must end in .html, .svg, .pftrace or .trace", to);
    return 0;
}

/* Whether the file is an ELF file, such as a core. */
static bool is_elf(const struct output *input)
{
    return input->count > 4 && memcmp(input->bytes, "\177ELF", 4) == 0;
}

static const char *find_compression(const struct output *input)
{
    return explain_compressed(input->bytes, input->count);
}

/* Of an ELF file or a compressed one, which may be larger than the memory, the begin is read. */
static int read_file(struct output *input, const char *path)
{
    char bytes[65536];
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return trace_fail("%s cannot be opened: %s", path, strerror(errno));
    size_t count;
    while (!is_elf(input) && find_compression(input) == NULL &&
           (count = fread(bytes, 1, sizeof bytes, file)) > 0)
        asyncp_output_put(input, bytes, count);
    int error = ferror(file) ? errno : input->failed ? ENOMEM : 0;
    fclose(file);
    return error != 0 ? trace_fail("%s cannot be read: %s", path, strerror(error)) : 0;
}

static int write_file(const struct output *output, const char *path)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return trace_fail("%s cannot be written: %s", path, strerror(errno));
    bool failed = fwrite(output->bytes, 1, output->count, file) != output->count;
    failed |= fclose(file) != 0;
    return failed ? trace_fail("%s cannot be written: %s", path, strerror(errno)) : 0;
}

static void print_verdict(struct output *output, const struct timeline *timeline,
                          const struct verdict *verdict)
{
    asyncp_output_print(output, "loop %u, %s%s, %zu tasks, %zu events", timeline->loop,
                        asyncp_duration_text(timeline->length_ns).text,
                        timeline->is_virtual ? " of a virtual clock" : "", timeline->task_count - 1,
                        timeline->event_count);
    if (timeline->lost > 0)
        asyncp_output_print(output, ", about %llu earlier events were overwritten",
                            (unsigned long long)timeline->lost);
    asyncp_output_print(output, "\n");
    for (size_t i = 0; i < (verdict->count > 0 ? verdict->count : 1); i++) {
        char shown[MAX_SENTENCE_BYTES];
        async_printable(shown, sizeof shown, verdict->sentences[i], strlen(verdict->sentences[i]));
        asyncp_output_print(output, "  %s\n", shown);
    }
}

/* Adds the timeline of this number to the output. `section` are its bytes. 0; -ENOMEM; -EPROTO. */
static int put_timeline(struct output *output, enum form form, const struct timeline *timeline,
                        const char *section, size_t size, size_t number)
{
    struct verdict verdict;
    if (form == FORM_PAGE)
        return asyncp_page_add(output, section, size);
    if (form == FORM_PERFETTO)
        return trace_put_perfetto(output, timeline, (uint32_t)number);
    int result = asyncp_verdict_make(&verdict, timeline);
    if (result == 0 && form == FORM_TEXT)
        print_verdict(output, timeline, &verdict);
    if (result == 0 && form == FORM_SVG)
        result = trace_draw_svg(output, timeline, &verdict);
    if (form == FORM_FILE)
        asyncp_output_put(output, section, size);
    return result;
}

/* An SVG has one picture: of the first loop. */
static int put_timelines(struct output *output, enum form form, const struct output *input,
                         const char *from, size_t offset)
{
    struct timeline timeline;
    size_t begin = offset, count = 0;
    int result, decoded;
    if (form == FORM_PAGE)
        asyncp_page_begin(output);
    if (form == FORM_FILE)
        asyncp_timeline_begin(output);
    while ((decoded = asyncp_timeline_decode(&timeline, input->bytes, input->count, &offset)) > 0) {
        result = put_timeline(output, form, &timeline, input->bytes + begin, offset - begin,
                              ++count);
        asyncp_timeline_free(&timeline);
        begin = offset;
        if (result < 0)
            return result;
        if (form == FORM_SVG)
            break;
    }
    if (decoded < 0 && (decoded != -EPROTO || count == 0))
        return decoded;
    if (decoded < 0)
        fprintf(stderr,
                "asyncio trace: the end of %s is damaged or was cut off, behind %zu timeline%s\n",
                from, count, count == 1 ? "" : "s");
    if (count == 0)
        return -EPROTO;
    return output->failed ? -ENOMEM : 0;
}

static int convert(struct output *output, const struct output *input, const char *from,
                   enum form form)
{
    size_t offset;
    const char *compression = find_compression(input);
    if (compression != NULL)
        return trace_fail("%s: %s", from, compression);
    if (!asyncp_timeline_is_file(input->bytes, input->count, &offset))
        return trace_fail(
            "%s is not a .trace file of this version; a page (.html) is opened in a browser", from);
    int result = put_timelines(output, form, input, from, offset);
    if (result == -EPROTO)
        return trace_fail("%s is damaged or was cut off", from);
    return result < 0 ? trace_fail("%s: %s", from, strerror(-result)) : 0;
}

static int show(const char *from, const char *to)
{
    struct output input = {.bytes = NULL}, output = {.bytes = NULL};
    enum form form;
    if (find_form(to, &form) < 0)
        return -1;
    bool is_process = *from != 0 && from[strspn(from, "0123456789")] == 0;
    int result = is_process ? trace_read_subject(&input, from) : read_file(&input, from);
    if (result == 0 && is_elf(&input)) {
        asyncp_output_free(&input);
        result = trace_read_subject(&input, from);
    }
    if (result == 0)
        result = convert(&output, &input, from, form);
    if (result == 0 && to == NULL)
        fwrite(output.bytes, 1, output.count, stdout);
    else if (result == 0)
        result = write_file(&output, to);
    asyncp_output_free(&input);
    asyncp_output_free(&output);
    return result;
}

/* FILE [-o OUT] */
static int read_arguments(int count, char **arguments, const char **from, const char **to)
{
    int result = 0;
    for (int i = 0; i < count && result == 0; i++) {
        bool is_output = strcmp(arguments[i], "-o") == 0;
        if (is_output && (i + 1 == count || *to != NULL))
            result = help_refuse("trace", "-o needs the name of one file behind it");
        else if (is_output)
            *to = arguments[++i];
        else
            result = help_take_subject("trace", arguments[i], from);
    }
    return result == 0 ? help_need_subject("trace", *from) : result;
}

int trace_run(int count, char **arguments)
{
    const char *from = NULL, *to = NULL;
    int result = read_arguments(count, arguments, &from, &to);
    if (result != 0)
        return result;
    return show(from, to) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
