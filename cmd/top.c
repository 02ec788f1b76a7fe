/*
 * cmd/top.c: `asyncio top`. An interval lies between two looks at the counters; in it samples are
 * taken, each at a random moment of its four milliseconds, so that no work of a regular period is
 * missed or met each time.
 */
#include "cmd/commands.h"
#include "cmd/help.h"
#include "cmd/top.h"
#include "cmd/screen.h"
#include "sys/clock.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const int64_t SAMPLE_PERIOD_NS = 4000000;
static const double MIN_SECONDS = 0.02, MAX_SECONDS = 3600;

struct top_request {
    const char *name; /* PID */
    int64_t interval_ns;
    bool once, is_json;
};

/* Two looks: the later one begins the next interval. */
struct top {
    struct subject subject;
    struct top_look looks[2];
    unsigned now; /* index */
    struct shares shares;
    uint64_t random;
    char *text; /* on the screen */
};

/* xorshift64. */
static int64_t random_below(struct top *top, int64_t end)
{
    top->random ^= top->random << 13;
    top->random ^= top->random >> 7;
    top->random ^= top->random << 17;
    return (int64_t)(top->random % (uint64_t)end);
}

/* Samples until the end of an interval and looks. 1; 0: it is to end; an error of the view. */
static int run_interval(struct top *top, int64_t interval_ns)
{
    const struct top_look *before = &top->looks[top->now];
    const int64_t periods = interval_ns / SAMPLE_PERIOD_NS;
    shares_clear(&top->shares);
    for (int64_t i = 0; i < periods; i++) {
        int64_t begin_ns = before->taken_ns + i * SAMPLE_PERIOD_NS;
        if (asyncp_sys_clock_now() > begin_ns + SAMPLE_PERIOD_NS)
            continue; /* this command was stopped, or had no processor */
        if (!screen_wait(begin_ns + random_below(top, SAMPLE_PERIOD_NS)))
            return 0;
        int result = shares_sample(&top->shares, &top->subject, before);
        if (result < 0)
            return result;
    }
    if (!screen_wait(before->taken_ns + interval_ns))
        return 0;
    top->now ^= 1;
    int result = top_look_take(&top->looks[top->now], &top->subject);
    return result < 0 ? result : subject_has_changed(&top->subject) ? -ESTALE : 1;
}

static struct top_view view_of(const struct top *top)
{
    return (struct top_view){.subject = &top->subject,
                             .before = &top->looks[top->now ^ 1],
                             .now = &top->looks[top->now],
                             .shares = &top->shares};
}

/* 0 or -ENOMEM. */
static int show_on_screen(struct top *top)
{
    char *text;
    size_t size;
    struct top_view view = view_of(top);
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        return -ENOMEM;
    int result = top_print(out, &view);
    if (fclose(out) != 0)
        result = -ENOMEM;
    if (result < 0) {
        free(text);
        return result;
    }
    screen_draw(text);
    free(top->text);
    top->text = text;
    return 0;
}

/* Until it is to end, or an error. */
static int run_on_screen(struct top *top, int64_t interval_ns)
{
    if (screen_open() < 0) {
        fputs("asyncio: standard output is no terminal; give --once for one table\n", stderr);
        return -ENOTTY;
    }
    int result = 1;
    screen_draw("asyncio: the first samples are taken\n");
    while (result > 0) {
        result = run_interval(top, interval_ns);
        if (result > 0 && (result = show_on_screen(top)) == 0)
            result = 1;
    }
    screen_close();
    free(top->text);
    return result;
}

static int run_once(struct top *top, const struct top_request *request)
{
    struct top_view view;
    int result = run_interval(top, request->interval_ns);
    view = view_of(top);
    if (result >= 0)
        result = request->is_json ? top_print_json(&view) : top_print(stdout, &view);
    return result;
}

/* The process may have replaced its program meanwhile. */
static void refuse_later(const struct subject *subject, int error)
{
    if (error == -EPROTO)
        subject_refuse(subject, -ESTALE);
    else if (error != -ENOTTY)
        subject_refuse(subject, error);
}

static int look_at_core(const struct subject *subject)
{
    subject_say(subject, "it is a core, in which nothing runs; use asyncio ps");
    return -EINVAL;
}

static int run(struct top *top, const struct top_request *request)
{
    int result = subject_open(&top->subject, request->name);
    if (result < 0)
        return result;
    if (top->subject.core != NULL)
        return look_at_core(&top->subject);
    result = top_look_take(&top->looks[0], &top->subject);
    if (result < 0)
        return subject_refuse(&top->subject, result);
    top->random = (uint64_t)top->looks[0].taken_ns | 1;
    result = request->once ? run_once(top, request) : run_on_screen(top, request->interval_ns);
    if (result < 0)
        refuse_later(&top->subject, result);
    shares_clear(&top->shares);
    return result;
}

/* 0: it is not a number of seconds in the range. */
static int64_t read_seconds(const char *text)
{
    char *end;
    double seconds = strtod(text, &end);
    bool is_valid = end != text && *end == 0 && seconds >= MIN_SECONDS && seconds <= MAX_SECONDS;
    return is_valid ? (int64_t)(seconds * 1e9) : 0;
}

/* Takes one word or two. Returns how many, or WRONG_USAGE negated. */
static int read_argument(int count, char **words, struct top_request *request)
{
    if (strcmp(words[0], "--once") == 0) {
        request->once = true;
    } else if (strcmp(words[0], "--json") == 0) {
        request->once = request->is_json = true;
    } else if (strcmp(words[0], "--seconds") == 0) {
        request->interval_ns = count > 1 ? read_seconds(words[1]) : 0;
        return request->interval_ns > 0
                   ? 2
                   : -help_refuse("top", "--seconds needs a number from %g to %g", MIN_SECONDS,
                                  MAX_SECONDS);
    } else if (help_take_subject("top", words[0], &request->name) != 0) {
        return -WRONG_USAGE;
    }
    return 1;
}

static int read_arguments(int count, char **arguments, struct top_request *request)
{
    for (int i = 0; i < count;) {
        int taken = read_argument(count - i, arguments + i, request);
        if (taken < 0)
            return -taken;
        i += taken;
    }
    return help_need_subject("top", request->name);
}

int top_run(int count, char **arguments)
{
    static struct top top;
    struct top_request request = {.interval_ns = 1000000000};
    int result = read_arguments(count, arguments, &request);
    if (result != 0)
        return result;
    result = run(&top, &request);
    subject_close(&top.subject);
    return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
