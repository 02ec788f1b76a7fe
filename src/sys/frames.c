/*
 * sys/frames.c: finds return addresses on a stack without unwinding it, which may need memory, or a
 * lock that the code above holds. It counts the words that follow a call instruction: in a
 * recursion without end the same few lie there a hundred times. Names whoever they belong to.
 */
#include "sys/frames.h"
#include "sys/tools.h"
#include "sys/symbol.h"
#include "sys/sys.h"
#include <string.h>

enum { SCAN_WORDS = 1 << 16, SEEN_MOST = 128, SHOWN_MOST = 6, REPEATS_LEAST = 3 };
enum { NAME_SIZE = 128 };

struct seen {
    const void *address; /* a word that may be a return address */
    unsigned count;      /* how often it lies on the stack */
};

enum { LONGEST_CALL = 6 };

/* Whether these bytes end in a call instruction. Where nobody has said how one looks, they do. */
static bool ends_in_call(const unsigned char code[LONGEST_CALL])
{
#if defined(__x86_64__) || defined(__i386__)
    return code[1] == 0xe8 || (code[4] == 0xff && (code[5] & 0x38) == 0x10) || code[3] == 0xff ||
           code[0] == 0xff;
#elif defined(__aarch64__)
    uint32_t word;
    memcpy(&word, code + 2, sizeof word);
    return word >> 26 == 0x25 ||
           (word & 0xfefff000) == 0xd63f0000; /* bl; blr, also with a signature */
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

/*
 * Whether address is where a call returns to. What lies before it must be code too, or it may not
 * be there at all.
 */
static bool follows_call(const void *address)
{
    const void *before = (const void *)((uintptr_t)address -
                                        LONGEST_CALL); /* any word may be asked about */
    return asyncp_symbol_known(address) && asyncp_symbol_known(before) && ends_in_call(before);
}

/* The entry for that address: its own, else an unused one, else NULL. */
static struct seen *entry_for(struct seen seen[SEEN_MOST], const void *address)
{
    for (int i = 0; i < SEEN_MOST; i++)
        if (seen[i].count == 0 || seen[i].address == address)
            return &seen[i];
    return NULL;
}

/* aarch64 can sign return addresses, in the bits that no address of a program needs. */
static const void *without_signature(const void *word)
{
#if defined(__aarch64__)
    return (const void *)((uintptr_t)word & (((uintptr_t)1 << 48) - 1));
#else
    return word;
#endif
}

/*
 * Counts the words on the stack that look like return addresses, nearest first. Whatever lies there
 * is read.
 */
__attribute__((no_sanitize_address)) static void scan(const char *sp, const char *end,
                                                      struct seen seen[SEEN_MOST])
{
    const void *const *word = (const void *const *)(const void *)sp;
    for (int i = 0; i < SCAN_WORDS && (const char *)(word + 1) <= end; i++, word++) {
        const void *address = without_signature(*word);
        struct seen *entry = entry_for(seen, address);
        if (entry == NULL || (entry->count == 0 && !follows_call(address)))
            continue;
        entry->address = address;
        entry->count++;
    }
}

static bool any_repeats(const struct seen seen[SEEN_MOST])
{
    for (int i = 0; i < SEEN_MOST; i++)
        if (seen[i].count >= REPEATS_LEAST)
            return true;
    return false;
}

static void say(const struct seen seen[SEEN_MOST])
{
    char name[NAME_SIZE];
    bool repeats = any_repeats(seen);
    int shown = 0;
    for (int i = 0; i < SEEN_MOST && shown < SHOWN_MOST && seen[i].count != 0; i++) {
        if (repeats && seen[i].count < REPEATS_LEAST)
            continue;
        asyncp_symbol(seen[i].address, name, sizeof name);
        if (repeats)
            asyncp_report("    in %s, %u times on the stack", name, seen[i].count);
        else
            asyncp_report("    called from %s", name);
        shown++;
    }
}

void asyncp_frames_report(const char *sp, const char *end)
{
    static struct seen seen[SEEN_MOST]; /* off the stack, which is the small one for signals */
    if (sp < end)
        tools_written(sp, (size_t)(end - sp));
    scan(sp, end, seen);
    say(seen);
}
