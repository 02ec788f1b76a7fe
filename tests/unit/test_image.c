/* test_image.c: which files are opened in order to look into them, and their sections. */
#include "run/runner.h"
#include "sys/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether a file was opened since the last call. The open of a device would call its driver. */
static bool was_opened(int watch)
{
    char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    return read(watch, events, sizeof events) > 0;
}

static void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    CHECK_EQ(fwrite(bytes, 1, size, file), size);
    CHECK_EQ(fclose(file), 0);
}

TEST(image_opens_regular_files_only)
{
    struct elf_image image;
    char folder[] = "/tmp/asyncio-image-XXXXXX";
    CHECK(mkdtemp(folder) != NULL);
    CHECK(asyncp_image_open(&image, PROGRAM_FILE)); /* qemu knows it by a relative path */
    CHECK_EQ(chdir(folder), 0);
    write_file("copy", image.bytes, image.size);
    asyncp_image_close(&image);
    CHECK_EQ(mkfifo("fifo", 0600), 0);
    CHECK_EQ(symlink("fifo", "link"), 0);
    int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    CHECK(inotify_add_watch(watch, "fifo", IN_OPEN) >= 0);
    CHECK(!asyncp_image_open(&image, "fifo"));
    CHECK(!asyncp_image_open(&image, "link"));
    CHECK(!was_opened(watch));
    CHECK(inotify_add_watch(watch, "copy", IN_OPEN) >= 0);
    CHECK(asyncp_image_open(&image, "copy"));
    CHECK(was_opened(watch));
    asyncp_image_close(&image);
    close(watch);
    CHECK_EQ(unlink("copy"), 0);
    CHECK_EQ(unlink("link") + unlink("fifo") + rmdir(folder), 0);
}

TEST(image_reads_from_a_file_the_section_that_its_mapping_has)
{
    struct elf_image image;
    ElfW(Shdr) read;
    CHECK(asyncp_image_open(&image, PROGRAM_FILE));
    const ElfW(Shdr) *mapped = asyncp_image_section(&image, ".text");
    CHECK(mapped != NULL);
    CHECK(asyncp_image_read_section(PROGRAM_FILE, ".text", &read));
    CHECK_EQ(memcmp(&read, mapped, sizeof read), 0);
    CHECK(!asyncp_image_read_section(PROGRAM_FILE, ".tex", &read));
    CHECK(!asyncp_image_read_section("/dev/null", ".text", &read));
    asyncp_image_close(&image);
}
