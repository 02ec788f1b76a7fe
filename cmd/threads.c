/*
 * cmd/threads.c: a core has a note NT_PRSTATUS for each thread. The kernel writes that of the
 * thread that has received the signal as the first of all notes; gdb writes NT_PRPSINFO first.
 */
#include "cmd/threads.h"
#include "cmd/notes.h"
#include "sys/thread_state.h"
#include <elf.h>
#include <signal.h>
#include <string.h>
#include <sys/procfs.h>

/* ---- registers ------------------------------------------------------------------------------ */

enum { NO_WORD = 255 };

/* Where registers are in the words of pr_reg; the order is that of DWARF's numbers. */
static const struct {
    uint16_t machine;
    uint8_t pc, sp;
    uint8_t order[CFI_REGISTERS]; /* NO_WORD, or behind `count`: not followed */
    uint8_t count;
} words =
#if defined(__x86_64__)
    {EM_X86_64, 16, 19, {10, 12, 11, 5, 13, 14, 4, 19, 9, 8, 7, 6, 3, 2, 1, 0}, 16};
#elif defined(__aarch64__)
    {EM_AARCH64,
     32,
     31,
     {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
      16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31},
     32};
#elif defined(__riscv)
    {EM_RISCV,
     0,
     2,
     {NO_WORD, 1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
      16,      17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31},
     32};
#elif defined(__i386__)
    {EM_386, 12, 15, {0}, 0};
#elif defined(__arm__)
    {EM_ARM, 15, 13, {0}, 0};
#elif defined(__s390x__)
    {EM_S390, 1, 17, {0}, 0};
#else
    {EM_NONE, 0, 0, {0}, 0};
#endif

static void set_word(struct registers *registers, unsigned number, unsigned long word)
{
    registers->values[number] = word;
    registers->known |= UINT64_C(1) << number;
}

static void take_registers(struct registers *registers, const struct elf_prstatus *status)
{
    unsigned long read[sizeof status->pr_reg / sizeof(unsigned long)];
    memcpy(read, &status->pr_reg, sizeof read);
    *registers = (struct registers){.pc = read[words.pc]};
    for (unsigned i = 0; i < words.count; i++)
        if (words.order[i] != NO_WORD)
            set_word(registers, i, read[words.order[i]]);
    set_word(registers, CFI_STACK_POINTER, read[words.sp]);
}

/* ---- of a core ------------------------------------------------------------------------------ */

static bool read_status(const struct elf_note *note, struct elf_prstatus *status)
{
    if (note->type != NT_PRSTATUS || note->size < sizeof *status)
        return false;
    memcpy(status, note->content, sizeof *status);
    return true;
}

struct thread_search {
    uint32_t thread;
    struct registers *registers;
    bool was_found;
};

static int find_thread_note(void *argument, const struct elf_note *note)
{
    struct thread_search *search = argument;
    struct elf_prstatus status;
    if (search->was_found || !read_status(note, &status) ||
        (uint32_t)status.pr_pid != search->thread)
        return 0;
    take_registers(search->registers, &status);
    search->was_found = true;
    return 0;
}

static bool read_core_thread(const struct subject *subject, uint32_t thread,
                             struct registers *registers)
{
    struct thread_search search = {.thread = thread, .registers = registers};
    if (words.machine == EM_NONE || core_machine(subject->core) != words.machine)
        return false;
    core_each_note(subject->core, find_thread_note, &search);
    return search.was_found;
}

/* ---- of a process --------------------------------------------------------------------------- */

/* Without the right to ask, there are no registers. */
static bool read_live_thread(const struct subject *subject, uint32_t thread,
                             struct registers *registers)
{
    struct thread_call call;
    pid_t number = live_find_thread(subject, thread);
    if (number <= 0 || !asyncp_sys_thread_call(subject->id, number, &call))
        return false;
    *registers = (struct registers){.pc = call.pc};
    set_word(registers, CFI_STACK_POINTER, (unsigned long)call.sp);
    return true;
}

static bool read_thread(const struct thread_source *source, uint32_t thread,
                        struct registers *registers)
{
    const struct subject_threads *threads = (const void *)((const char *)source -
                                                           offsetof(struct subject_threads,
                                                                    source));
    const struct subject *subject = threads->subject;
    return subject->core != NULL ? read_core_thread(subject, thread, registers)
                                 : read_live_thread(subject, thread, registers);
}

void threads_open(struct subject_threads *threads, const struct subject *subject)
{
    *threads = (struct subject_threads){{read_thread}, subject};
}

/* ---- signals -------------------------------------------------------------------------------- */

/* What has been read of the notes. */
struct signal_search {
    struct core_signal *signal;
    bool has_status, has_process, has_details;
};

static bool is_fault(int number)
{
    return number == SIGSEGV || number == SIGBUS || number == SIGFPE || number == SIGILL;
}

static void take_details(struct core_signal *signal, const struct elf_note *note)
{
    siginfo_t details;
    memcpy(&details, note->content, sizeof details);
    if (details.si_signo != signal->number)
        return;
    signal->code = details.si_code;
    signal->has_address = is_fault(signal->number) && details.si_code > 0 &&
                          details.si_code != SI_KERNEL;
    signal->has_sender = details.si_code == SI_USER || details.si_code == SI_QUEUE;
    if (signal->has_address)
        signal->address = (uintptr_t)details.si_addr;
    if (signal->has_sender)
        signal->sender = details.si_pid;
}

static int take_signal_note(void *argument, const struct elf_note *note)
{
    struct signal_search *search = argument;
    struct elf_prstatus status;
    if (note->type == NT_PRPSINFO)
        search->has_process = true;
    if (!search->has_status && read_status(note, &status)) {
        search->has_status = true;
        search->signal->number = status.pr_cursig;
        search->signal->thread = (uint32_t)status.pr_pid;
        search->signal->has_ended = !search->has_process;
    }
    if (note->type == NT_SIGINFO && search->has_status && !search->has_details &&
        note->size == sizeof(siginfo_t)) {
        search->has_details = true;
        take_details(search->signal, note);
    }
    return 0;
}

/* Signals that end a process with a core. */
static const struct {
    int number;
    const char *name;
} fatal[] = {{SIGQUIT, "SIGQUIT"}, {SIGILL, "SIGILL"}, {SIGTRAP, "SIGTRAP"}, {SIGABRT, "SIGABRT"},
             {SIGBUS, "SIGBUS"},   {SIGFPE, "SIGFPE"}, {SIGSEGV, "SIGSEGV"}, {SIGXCPU, "SIGXCPU"},
             {SIGXFSZ, "SIGXFSZ"}, {SIGSYS, "SIGSYS"}};

/* NULL: the core was not written for it. A debugger stops a process by SIGTRAP. */
static const char *fatal_name(const struct core_signal *signal)
{
    if (signal->number == SIGTRAP && !signal->has_ended)
        return NULL;
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        if (fatal[i].number == signal->number)
            return fatal[i].name;
    return NULL;
}

void threads_find_signal(const struct subject *subject, struct core_signal *signal)
{
    struct signal_search search = {.signal = signal};
    *signal = (struct core_signal){.number = 0};
    if (subject->core == NULL || core_machine(subject->core) != words.machine)
        return;
    core_each_note(subject->core, take_signal_note, &search);
    signal->name = fatal_name(signal);
    if (signal->name == NULL)
        signal->number = 0;
}
