/* test_layout.c: the table of members, and texts of a process. */
#include "base/text.h"
#include "inspect/own_view.h"
#include "run/runner.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

static int check(const struct layout *layout, size_t size)
{
    struct layout copy;
    return asyncp_layout_check(&copy, layout, size);
}

TEST(layout_that_is_damaged_is_refused)
{
    struct layout layout = *own_layout();
    CHECK_EQ(check(&layout, sizeof layout), 0);
    CHECK_EQ(check(&layout, sizeof layout - 1), -EPROTO);
    CHECK_EQ(check(&layout, 7), -EPROTO);
    for (unsigned name = 0; name < LAYOUT_LENGTH; name++) {
        struct layout damaged = layout;
        damaged.entries[name] = (struct layout_entry){UINT16_MAX, 3};
        CHECK_EQ(check(&damaged, sizeof damaged), -EPROTO);
        damaged.entries[name] = (struct layout_entry){0, 0};
        CHECK_EQ(check(&damaged, sizeof damaged), -EPROTO);
    }
}

TEST(layout_of_another_version_is_refused_and_a_longer_one_is_not)
{
    struct {
        struct layout layout;
        struct layout_entry more[10];
    } longer = {.layout = *own_layout()};
    longer.layout.length += 10;
    CHECK_EQ(check(&longer.layout, sizeof longer), 0);
    CHECK_EQ(check(&longer.layout, sizeof longer - 1), -EPROTO);
    longer.layout.length = LAYOUT_LENGTH - 1;
    CHECK_EQ(check(&longer.layout, sizeof longer), -ENOTSUP);
    longer.layout = *own_layout();
    longer.layout.major++;
    CHECK_EQ(check(&longer.layout, sizeof longer), -ENOTSUP);
    longer.layout = *own_layout();
    longer.layout.word ^= 12; /* 4 or 8 */
    CHECK_EQ(check(&longer.layout, sizeof longer), -ENOTSUP);
}

/* Adds a text that begins at an address. */
static uint32_t add(struct texts *texts, const void *text)
{
    uint32_t index;
    CHECK_EQ(asyncp_texts_add(texts, (uintptr_t)text, &index), 0);
    return index;
}

TEST(texts_are_read_once_and_cut)
{
    enum { PAGE = 4096, SIZE = 16 * PAGE };
    char *memory = mmap(NULL, 2 * SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    CHECK_EQ(munmap(memory + SIZE, SIZE), 0);
    memset(memory, 'x', SIZE);
    memcpy(memory + PAGE - 2, "page", 5);
    struct texts texts;
    asyncp_texts_open(&texts);
    uint32_t none = add(&texts, NULL), whole = add(&texts, memory + PAGE - 2);
    uint32_t longer = add(&texts, memory), end = add(&texts, memory + SIZE - 3);
    uint32_t gone = add(&texts, memory + SIZE);
    CHECK_EQ(add(&texts, memory), longer);
    for (uintptr_t i = 1; i < 1000; i++)
        add(&texts, (void *)i);
    CHECK_EQ(asyncp_texts_read(&texts, &asyncp_own_view), 0);
    CHECK_STR(asyncp_texts_get(&texts, none), "");
    CHECK_STR(asyncp_texts_get(&texts, whole), "page");
    CHECK_EQ(strlen(asyncp_texts_get(&texts, longer)), MAX_TEXT_BYTES - 1);
    CHECK_STR(asyncp_texts_get(&texts, end), "xxx");
    CHECK_STR(asyncp_texts_get(&texts, gone), "?");
    asyncp_texts_free(&texts);
    munmap(memory, SIZE);
}

/* At the limit, and at the end of what is mapped. */
TEST(inspect_cuts_a_text_behind_a_whole_character)
{
    enum { PAGE = 4096, SIZE = 4 * PAGE };
    char *memory = mmap(NULL, SIZE + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                        0);
    CHECK(memory != MAP_FAILED);
    CHECK_EQ(munmap(memory + SIZE, PAGE), 0);
    for (size_t i = 1; i < SIZE; i++)
        memory[i] = "ä"[(i - 1) % 2];
    struct texts texts;
    asyncp_texts_open(&texts);
    uint32_t longer = add(&texts, memory + 1), end = add(&texts, memory + SIZE - 5);
    CHECK_EQ(asyncp_texts_read(&texts, &asyncp_own_view), 0);
    CHECK_EQ(strlen(asyncp_texts_get(&texts, longer)), MAX_TEXT_BYTES - 2);
    CHECK_EQ(asyncp_text_whole(asyncp_texts_get(&texts, longer), MAX_TEXT_BYTES - 2),
             MAX_TEXT_BYTES - 2);
    CHECK_STR(asyncp_texts_get(&texts, end), "ää");
    asyncp_texts_free(&texts);
    munmap(memory, SIZE);
}
