/*
 * hostile.c: a program for tests/scripts/inspect.py. It changes its notes in memory, so they are
 * wrong.
 *
 *     hostile note SEED       some bytes of the table of members are changed
 *     hostile memory          the list of loops is in memory that a thread fills with random words
 *                             and pointers into itself, all the time
 *     hostile joins           each of 40 tasks seems to await the others, in a million handles
 *     hostile chunks          the chunks of tasks overlap: each of 65536 begins 16 bytes behind the
 *                             one before
 *     hostile rings           a thousand loops have the same ring (with ASYNCIO_TRACE)
 *     hostile file PATH       a file of code, with many sections, becomes shorter and longer, all
 *                             the time
 *
 * It prints a line, and ends with its standard input.
 */
#include "inspect/layout.h"
#include <asyncio.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { WORDS = 1 << 16, PAGE = 4096, JOINS = 40, HANDLES = 1 << 20, SECTIONS = 1000 };

static uint64_t region[WORDS];
static uint64_t random_state = 1;
static char *notes; /* of libasyncio: two, in either order */
static size_t notes_bytes;

static uint64_t draw(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return random_state >> 20;
}

/* The notes are in a segment of their own, or in one with others. */
static int find_notes(struct dl_phdr_info *file, size_t size, void *argument)
{
    (void)size, (void)argument;
    for (int i = 0; i < file->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &file->dlpi_phdr[i];
        char *start = (char *)(file->dlpi_addr + segment->p_vaddr);
        char *owner = segment->p_type != PT_NOTE
                          ? NULL
                          : memmem(start, segment->p_memsz, LAYOUT_OWNER, sizeof LAYOUT_OWNER);
        if (owner != NULL) {
            notes = owner - sizeof(ElfW(Nhdr));
            notes_bytes = segment->p_memsz - (size_t)(notes - start);
            return 1;
        }
    }
    return 0;
}

/* The descriptor of the note of a type. */
static char *find_note(uint32_t type)
{
    for (size_t at = 0; at + sizeof(ElfW(Nhdr)) < notes_bytes;) {
        const ElfW(Nhdr) *note = (const void *)(notes + at);
        char *content = notes + at + sizeof *note + sizeof LAYOUT_OWNER;
        if (note->n_type == type)
            return content;
        at += sizeof *note + sizeof LAYOUT_OWNER + note->n_descsz;
    }
    abort();
}

/* Two members seem to have changed places: mostly the table is still sound. */
static void exchange(struct layout_entry *entries)
{
    uint64_t one = draw() % LAYOUT_LENGTH, other = draw() % LAYOUT_LENGTH;
    uint16_t offset = entries[one].offset;
    entries[one].offset = entries[other].offset;
    entries[other].offset = offset;
}

static void change_table(uint64_t seed)
{
    char *table = find_note(NOTE_LAYOUT);
    random_state = seed;
    for (uint64_t left = 1 + draw() % 4; left > 0; left--) {
        if (seed % 4 == 0)
            table[draw() % sizeof(struct layout)] = (char)draw();
        else
            exchange(((struct layout *)(void *)table)->entries);
    }
}

static void *scribble(void *argument)
{
    for (;;) {
        uint64_t word = draw(), kind = draw() % 4;
        region[1 + draw() % (WORDS - 1)] = kind == 0   ? word
                                           : kind == 1 ? word % 1000
                                           : kind == 2 ? (uintptr_t)&region[word % WORDS]
                                                       : (uintptr_t)&region[word % 256];
    }
    return argument;
}

static void point_to_region(void)
{
    static pthread_t thread;
    char *place = find_note(NOTE_LOOPS);
    int32_t distance = (int32_t)((char *)region - place);
    memcpy(place, &distance, sizeof distance);
    region[0] = LAYOUT_MAGIC;
    for (size_t i = 1; i < WORDS; i++)
        region[i] = (uintptr_t)&region[draw() % WORDS];
    if (pthread_create(&thread, NULL, scribble, NULL) != 0)
        abort();
}

static int sleeps(void)
{
    return async_sleep(1000);
}
async_fn(sleeps);

static int joins(void)
{
    return async_gather(async_create_task(sleeps), async_create_task(sleeps));
}
async_fn(joins);

/* The struct that a member of another one points to. */
static char *follow(void *from, struct layout_entry member)
{
    char *to;
    memcpy(&to, (char *)from + member.offset, sizeof to);
    return to;
}

static void lengthen_joins(void)
{
    static async_task *handles[HANDLES];
    const struct layout_entry *entries = ((struct layout *)(void *)find_note(NOTE_LAYOUT))->entries;
    const size_t count = HANDLES;
    async_task **listed = handles;
    for (int i = 0; i < HANDLES; i++)
        handles[i] = i < JOINS ? async_create_task(joins) : handles[i % JOINS];
    async_ignore(async_sleep(0.01));
    for (int i = 0; i < JOINS; i++) {
        char *wait = follow(follow(handles[i], entries[LAYOUT_task_coroutine]),
                            entries[LAYOUT_coroutine_wait]);
        memcpy(wait + entries[LAYOUT_join_tasks].offset, &listed, sizeof listed);
        memcpy(wait + entries[LAYOUT_join_count].offset, &count, entries[LAYOUT_join_count].size);
    }
}

/* ---- chunks that overlap -------------------------------------------------------------------- */

/* A record has 16 bytes; all its members are the first word, the address of the loop. */
static void shrink_tasks(struct layout_entry *entries)
{
    static const enum layout_name members[] = {
        LAYOUT_task_coroutine,  LAYOUT_task_loop,    LAYOUT_task_id,       LAYOUT_task_name,
        LAYOUT_task_where,      LAYOUT_task_waiters, LAYOUT_task_reserved, LAYOUT_task_result,
        LAYOUT_task_references, LAYOUT_task_ended};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        entries[members[i]].offset = 0;
    entries[LAYOUT_task].size = 16;
    entries[LAYOUT_chunk].size = 8;
    entries[LAYOUT_chunk_next].offset = 0;
    entries[LAYOUT_chunk_records].offset = 256;
}

static void overlap_chunks(void)
{
    enum { CHUNKS = 1 << 16 };
    static uint64_t words[2 * CHUNKS + 2 * 256]; /* the next chunk, and the record behind it */
    struct layout_entry *entries = ((struct layout *)(void *)find_note(NOTE_LAYOUT))->entries;
    const uint64_t loop = (uintptr_t)async_get_loop(), chunks = (uintptr_t)words;
    const uint64_t created = UINT64_C(1) << 40;
    for (size_t i = 0; i < sizeof words / sizeof *words; i += 2) {
        words[i] = i < 2 * CHUNKS ? (uintptr_t)&words[i + 2] : 0;
        words[i + 1] = loop;
    }
    shrink_tasks(entries);
    memcpy((char *)(uintptr_t)loop + entries[LAYOUT_loop_chunks].offset, &chunks, sizeof chunks);
    memcpy((char *)(uintptr_t)loop + entries[LAYOUT_loop_created].offset, &created, sizeof created);
}

/* ---- loops with one ring -------------------------------------------------------------------- */

/* Copies of the loop, behind it in the list. */
static int copy_loop(void)
{
    enum { COPIES = 1000 };
    const struct layout_entry *entries = ((struct layout *)(void *)find_note(NOTE_LAYOUT))->entries;
    const size_t size = entries[LAYOUT_loop].size;
    char *last = (char *)async_get_loop(), *copies = calloc(COPIES, size);
    for (size_t i = 0; i < COPIES && copies != NULL; i++) {
        char *copy = copies + i * size;
        memcpy(copy, (const char *)async_get_loop(), size);
        memset(copy + entries[LAYOUT_loop_next].offset, 0, sizeof copy);
        memcpy(last + entries[LAYOUT_loop_next].offset, &copy, sizeof copy);
        last = copy;
    }
    return copies != NULL ? 0 : -ENOMEM;
}

/* ---- a file that changes -------------------------------------------------------------------- */

static const off_t whole_size = PAGE + SECTIONS * (off_t)sizeof(ElfW(Shdr));

/* The first page, which is mapped, stays. */
static void *shorten_and_lengthen(void *argument)
{
    for (const int file = *(int *)argument;;)
        if (ftruncate(file, PAGE) != 0 || ftruncate(file, whole_size) != 0)
            abort();
    return argument;
}

/* Its sections have no names, so a search by name reads all of them. */
static void map_changing_file(const char *path)
{
    static pthread_t thread;
    static int file;
    struct {
        ElfW(Ehdr) header;
        ElfW(Phdr) segment;
    } begin = {.header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3,
                                      sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32,
                                      __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB
                                                                                : ELFDATA2MSB,
                                      EV_CURRENT},
                          .e_type = ET_DYN,
                          .e_version = EV_CURRENT,
                          .e_ehsize = sizeof(ElfW(Ehdr)),
                          .e_phoff = sizeof(ElfW(Ehdr)),
                          .e_phentsize = sizeof(ElfW(Phdr)),
                          .e_phnum = 1,
                          .e_shoff = PAGE,
                          .e_shentsize = sizeof(ElfW(Shdr)),
                          .e_shnum = SECTIONS},
               .segment = {.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_memsz = PAGE}};
    file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, whole_size) != 0 ||
        pwrite(file, &begin, sizeof begin, 0) != (ssize_t)sizeof begin ||
        mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, file, 0) == MAP_FAILED ||
        pthread_create(&thread, NULL, shorten_and_lengthen, &file) != 0)
        abort();
}

/* ---- the program ---------------------------------------------------------------------------- */

static async_event *never; /* on the heap: an address that no loaded file has */

static int waits(void)
{
    return async_event_wait(never);
}
async_fn(waits);

static bool has_long_joins, has_chunks, has_copies;

static int amain(void)
{
    char byte;
    if (has_long_joins)
        lengthen_joins();
    never = calloc(1, sizeof *never);
    if (never == NULL)
        return -ENOMEM;
    async_task_detach(async_create_task(waits));
    for (int i = 0; i < 100; i++)
        async_task_detach(async_create_task(sleeps));
    ASYNC_TRY(async_sleep(0.01));
    if (has_chunks)
        overlap_chunks();
    if (has_copies)
        ASYNC_TRY(copy_loop());
    puts("ready");
    fflush(stdout);
    _exit(read(STDIN_FILENO, &byte, 1) == 0 ? 0 : 1);
}
async_fn(amain);

int main(int count, char **arguments)
{
    if (count < 2 || dl_iterate_phdr(find_notes, NULL) != 1)
        return 2;
    char *page = (char *)((uintptr_t)notes & ~(uintptr_t)(PAGE - 1));
    if (mprotect(page, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
        return 2;
    if (strcmp(arguments[1], "note") == 0)
        change_table(count > 2 ? strtoull(arguments[2], NULL, 0) : 1);
    else if (strcmp(arguments[1], "joins") == 0)
        has_long_joins = true;
    else if (strcmp(arguments[1], "chunks") == 0)
        has_chunks = true;
    else if (strcmp(arguments[1], "rings") == 0)
        has_copies = true;
    else if (strcmp(arguments[1], "file") == 0 && count > 2)
        map_changing_file(arguments[2]);
    else
        point_to_region();
    return async_main(amain);
}
