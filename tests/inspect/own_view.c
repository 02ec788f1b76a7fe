/* own_view.c: this process as a view of src/inspect. */
#include "inspect/own_view.h"
#include "loop/loops.h"
#include "run/runner.h"
#include "top/layout.h"
#include <stdlib.h>
#include <string.h>

const struct layout *own_layout(void)
{
    static struct layout layout;
    enum { NOTE_HEAD = 3 * sizeof(uint32_t) + sizeof LAYOUT_OWNER };
    const char *note = (const char *)(const void *)&asyncp_layout;
    CHECK_EQ(asyncp_layout_check(&layout, note + NOTE_HEAD, sizeof layout), 0);
    return &layout;
}

void take_own_snapshot(struct snapshot *snapshot)
{
    struct code_range *ranges;
    struct unwinder unwinder;
    size_t count;
    CHECK_EQ(asyncp_own_code(&ranges, &count), 0);
    CHECK_EQ(asyncp_unwinder_open(&unwinder, &asyncp_own_view, ranges, count), 0);
    CHECK_EQ(asyncp_snapshot_take(snapshot, &asyncp_own_view, own_layout(),
                                  (uintptr_t)&asyncp_loops, &unwinder),
             0);
    asyncp_unwinder_close(&unwinder);
    free(ranges);
    CHECK_EQ(snapshot->loop_count, 1);
    CHECK_EQ(snapshot->unreadable, 0);
}

const char *text_of_row(const struct snapshot *snapshot, uint32_t text)
{
    return asyncp_texts_get(&snapshot->texts, text);
}

const struct row *row_named(const struct snapshot *snapshot, const char *name)
{
    for (size_t i = 0; i < snapshot->row_count; i++)
        if (strcmp(text_of_row(snapshot, snapshot->rows[i].name), name) == 0)
            return &snapshot->rows[i];
    test_fail(__FILE__, __LINE__, "no row is named %s", name);
}
