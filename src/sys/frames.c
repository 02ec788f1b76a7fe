/*
 * sys/frames.c: finds return addresses on a stack without an unwinder, which might allocate or take
 * a lock held by the interrupted code. It counts the words pointing behind a call instruction: in
 * an infinite recursion the same few occur hundreds of times.
 */
#include "sys/frames.h"
#include "sys/report.h"
#include "sys/symbol.h"
#include "sys/tools.h"
#include <string.h>

enum { MAX_SCANNED_WORDS = 1 << 16, MAX_CANDIDATES = 128, MAX_REPORTED = 6, MIN_REPEATS = 3 };
enum { NAME_SIZE = 512 };

/* A word on the stack, perhaps a return address. */
struct candidate {
    const void *address;
    unsigned count; /* how often it occurs */
};

bool asyncp_ends_in_call(const unsigned char code[MAX_CALL_BYTES])
{
#if defined(__x86_64__) || defined(__i386__)
    return code[1] == 0xe8 || (code[4] == 0xff && (code[5] & 0x38) == 0x10) || code[3] == 0xff ||
           code[0] == 0xff;
#elif defined(__aarch64__)
    uint32_t word;
    memcpy(&word, code + 2, sizeof word);
    return word >> 26 == 0x25 || (word & 0xfefff000) == 0xd63f0000; /* bl; blr, blraa */
#elif defined(__riscv)
    uint32_t word;
    uint16_t half;
    memcpy(&word, code + 2, sizeof word);
    memcpy(&half, code + 4, sizeof half);
    return (word & 0xfff) == 0x0ef || (word & 0x7fff) == 0x00e7 || /* jal ra; jalr ra; c.jalr */
           ((half & 0xf07f) == 0x9002 && (half & 0xf80) != 0);
#else
    (void)code;
    return true;
#endif
}

/* The bytes before the address must be readable code, too. */
static bool is_return_address(const void *address)
{
    const void *call = (const void *)((uintptr_t)address - MAX_CALL_BYTES);
    return asyncp_symbol_known(address) && asyncp_symbol_known(call) && asyncp_ends_in_call(call);
}

/* The entry for the address, else an unused one, else NULL. */
static struct candidate *find_candidate(struct candidate candidates[MAX_CANDIDATES],
                                        const void *address)
{
    for (int i = 0; i < MAX_CANDIDATES; i++)
        if (candidates[i].count == 0 || candidates[i].address == address)
            return &candidates[i];
    return NULL;
}

/* Counts return addresses from sp upwards. Reads all words, poisoned ones too. */
__attribute__((no_sanitize_address)) static void count_return_addresses(
    const char *sp, const char *end, struct candidate candidates[MAX_CANDIDATES])
{
    const void *const *word = (const void *const *)(const void *)sp;
    for (int i = 0; i < MAX_SCANNED_WORDS && (const char *)(word + 1) <= end; i++, word++) {
        const void *address = (const void *)return_address((uintptr_t)*word);
        struct candidate *entry = find_candidate(candidates, address);
        if (entry == NULL || (entry->count == 0 && !is_return_address(address)))
            continue;
        entry->address = address;
        entry->count++;
    }
}

static bool any_repeats(const struct candidate candidates[MAX_CANDIDATES])
{
    for (int i = 0; i < MAX_CANDIDATES; i++)
        if (candidates[i].count >= MIN_REPEATS)
            return true;
    return false;
}

/* Whether code is in the program's own file. */
static bool is_in_program(const void *address)
{
    struct loaded_file file;
    return asyncp_image_find(&file, (uintptr_t)address) && strcmp(file.path, PROGRAM_FILE) == 0;
}

/*
 * What repeats is certain. Other words may be left from calls that have returned: in an array that
 * is not yet written they are all that is found. Lines with places in libc or in the library are
 * not left out: both call functions of programs, as qsort does. If many come first, some of the
 * program follow.
 */
static void report_candidates(const struct candidate candidates[MAX_CANDIDATES],
                              frame_name *name_frame)
{
    char name[NAME_SIZE] = "?";
    bool repeats = any_repeats(candidates);
    int reported = 0;
    for (int i = 0; i < MAX_CANDIDATES && reported < 2 * MAX_REPORTED && candidates[i].count != 0;
         i++) {
        if (repeats && candidates[i].count < MIN_REPEATS)
            continue;
        if (reported >= MAX_REPORTED && (repeats || !is_in_program(candidates[i].address)))
            continue;
        name_frame((uintptr_t)candidates[i].address - 1, name, sizeof name); /* of the call */
        if (repeats)
            asyncp_report("    in %s, %u times on the stack", name, candidates[i].count);
        else
            asyncp_report("    called from %s ?", name);
        reported++;
    }
}

void asyncp_frames_report(const char *sp, const char *end, frame_name *name)
{
    /* not on the signal stack, which is small */
    static struct candidate candidates[MAX_CANDIDATES];
    if (sp < end)
        tools_mark_defined(sp, (size_t)(end - sp));
    count_return_addresses(sp, end, candidates);
    report_candidates(candidates, name);
}
