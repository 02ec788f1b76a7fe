/*
 * sys/probe.h: static probes (USDT) for bpftrace, perf, SystemTap and gdb. A probe is an
 * instruction that does nothing, and a note of the file that tells where it is and where its
 * arguments are: the format of SystemTap's <sys/sdt.h>, which need not be installed.
 *
 * Probes are in the slow way of a trace only. A tool that uses one of them increments a word, which
 * the notes name; a loop looks at it when it polls. So no probe is executed before.
 */
#ifndef SYS_PROBE_H
#define SYS_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#if __SIZEOF_POINTER__ == 8
#define PROBE_WORD ".8byte "
#define PROBE_SIZE "8@"
#else
#define PROBE_WORD ".4byte "
#define PROBE_SIZE "4@"
#endif

/*
 * The section .stapsdt.base tells by how much a tool has moved the file (prelink). Only notes name
 * it, so a reference from code keeps it when the linker removes unused sections.
 */
#define PROBE_BASE                                                                                 \
    ".ifndef _.stapsdt.base\n"                                                                     \
    ".pushsection .stapsdt.base, \"aG\", %%progbits, .stapsdt.base, comdat\n"                      \
    ".weak _.stapsdt.base\n"                                                                       \
    ".hidden _.stapsdt.base\n"                                                                     \
    "_.stapsdt.base: .space 1\n"                                                                   \
    ".size _.stapsdt.base, 1\n"                                                                    \
    ".popsection\n"                                                                                \
    ".endif\n"                                                                                     \
    ".reloc ., BFD_RELOC_NONE, _.stapsdt.base\n"

/* asyncio:NAME with four arguments of the size of a pointer. */
#define PROBE(name, first, second, third, fourth)                                                  \
    __asm__ volatile(PROBE_BASE "990: nop\n"                                                       \
                                ".pushsection .note.stapsdt, \"?\", %%note\n"                      \
                                ".balign 4\n"                                                      \
                                ".4byte 992f - 991f, 994f - 993f, 3\n"                             \
                                "991: .asciz \"stapsdt\"\n"                                        \
                                "992: .balign 4\n"                                                 \
                                "993: " PROBE_WORD "990b\n" PROBE_WORD                             \
                                "_.stapsdt.base\n" PROBE_WORD "asyncp_probe_users\n"               \
                                ".asciz \"asyncio\"\n"                                             \
                                ".asciz \"" #name "\"\n"                                           \
                                ".asciz \"" PROBE_SIZE "%0 " PROBE_SIZE "%1 " PROBE_SIZE           \
                                "%2 " PROBE_SIZE "%3\"\n"                                          \
                                "994: .balign 4\n"                                                 \
                                ".popsection\n" ::"r"((uintptr_t)(first)),                         \
                     "r"((uintptr_t)(second)), "r"((uintptr_t)(third)), "r"((uintptr_t)(fourth)))

/* How many tools use probes of this process: written by the kernel, or by a debugger. */
extern volatile uint16_t asyncp_probe_users __attribute__((visibility("hidden")));

static inline bool probes_are_used(void)
{
    return asyncp_probe_users != 0;
}

#endif
