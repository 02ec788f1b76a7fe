/*
 * processor.h: for tests of the switch, the parts that C cannot express: filling and reading the
 * registers that a call preserves, and floating-point control. For an unsupported processor
 * PROCESSOR_IS_KNOWN is 0.
 */
#ifndef TEST_PROCESSOR_H
#define TEST_PROCESSOR_H

#include <stdint.h>

/*
 * Whether results of arithmetic that are not exact are rounded to the nearest number, or to the
 * next higher one.
 */
enum rounding { NEAREST, UPWARD };

/* The body of switch_with_registers. Global, or link-time optimization would lose it. */
#define PROCESSOR__FUNCTION(...)                                                                   \
    __asm__("        .text; .globl switch_with_registers; .hidden switch_with_registers\n"         \
            "switch_with_registers:\n" __VA_ARGS__)

#if defined(__x86_64__)
#define PROCESSOR_IS_KNOWN 1

enum { PRESERVED = 6 };

PROCESSOR__FUNCTION(
    "        pushq %rbp; pushq %rbx; pushq %r12; pushq %r13; pushq %r14; pushq %r15; pushq %rcx\n"
    "        movq 0(%rdx), %rbp;  movq 8(%rdx), %rbx;  movq 16(%rdx), %r12\n"
    "        movq 24(%rdx), %r13; movq 32(%rdx), %r14; movq 40(%rdx), %r15\n"
    "        call asyncp_switch\n"
    "        popq %rcx\n"
    "        movq %rbp, 0(%rcx);  movq %rbx, 8(%rcx);  movq %r12, 16(%rcx)\n"
    "        movq %r13, 24(%rcx); movq %r14, 32(%rcx); movq %r15, 40(%rcx)\n"
    "        popq %r15; popq %r14; popq %r13; popq %r12; popq %rbx; popq %rbp\n"
    "        ret\n");

/* In SSE and in the x87 unit, which number the modes alike. */
static inline void processor_round(enum rounding mode)
{
    uint32_t mxcsr, number = mode == UPWARD ? 2 : 0;
    uint16_t control;
    __asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(mxcsr), "=m"(control));
    mxcsr = (mxcsr & ~0x6000u) | number << 13;
    control = (uint16_t)((control & ~0x0c00u) | number << 10);
    __asm__ volatile("ldmxcsr %0; fldcw %1" : : "m"(mxcsr), "m"(control));
}

#elif defined(__aarch64__)
#define PROCESSOR_IS_KNOWN 1

enum { PRESERVED = 19 };

/* x29 and x30 are the frame's own, so x29 comes apart from the others. */
PROCESSOR__FUNCTION(
    "        .macro preserved move, base, at\n"
    "        \\move x19, x20, [\\base, \\at];      \\move x21, x22, [\\base, \\at + 16]\n"
    "        \\move x23, x24, [\\base, \\at + 32]; \\move x25, x26, [\\base, \\at + 48]\n"
    "        \\move x27, x28, [\\base, \\at + 64]; \\move d8, d9, [\\base, \\at + 80]\n"
    "        \\move d10, d11, [\\base, \\at + 96]; \\move d12, d13, [\\base, \\at + 112]\n"
    "        \\move d14, d15, [\\base, \\at + 128]\n"
    "        .endm\n"
    "        stp x29, x30, [sp, -176]!; str x3, [sp, 16]\n"
    "        preserved stp, sp, 32\n"
    "        preserved ldp, x2, 0; ldr x29, [x2, 144]\n"
    "        bl asyncp_switch\n"
    "        ldr x3, [sp, 16]\n"
    "        preserved stp, x3, 0; str x29, [x3, 144]\n"
    "        preserved ldp, sp, 32\n"
    "        ldp x29, x30, [sp], 176\n"
    "        ret\n");

static inline void processor_round(enum rounding mode)
{
    uint64_t fpcr;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    fpcr = (fpcr & ~(3ull << 22)) | (mode == UPWARD ? 1ull << 22 : 0);
    __asm__ volatile("msr fpcr, %0" : : "r"(fpcr));
}

#elif defined(__riscv) && defined(__riscv_float_abi_double)
#define PROCESSOR_IS_KNOWN 1

enum { PRESERVED = 24 };

PROCESSOR__FUNCTION("        .macro preserved move, base, at\n"
                    "        .set place, \\at\n"
                    "        .irp register, s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11\n"
                    "        \\move \\register, place(\\base); .set place, place + 8\n"
                    "        .endr\n"
                    "        .irp register, s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11\n"
                    "        f\\move f\\register, place(\\base); .set place, place + 8\n"
                    "        .endr\n"
                    "        .endm\n"
                    "        addi sp, sp, -208; sd ra, 192(sp); sd a3, 200(sp)\n"
                    "        preserved sd, sp, 0\n"
                    "        preserved ld, a2, 0\n"
                    "        call asyncp_switch\n"
                    "        ld a3, 200(sp)\n"
                    "        preserved sd, a3, 0\n"
                    "        preserved ld, sp, 0\n"
                    "        ld ra, 192(sp); addi sp, sp, 208\n"
                    "        ret\n");

static inline void processor_round(enum rounding mode)
{
    __asm__ volatile("fsrm %0" : : "r"((uint64_t)(mode == UPWARD ? 3 : 0)));
}

#else
#define PROCESSOR_IS_KNOWN 0
#endif

#if PROCESSOR_IS_KNOWN
/*
 * Loads all registers that a call preserves from in[], switches, and stores their values afterwards
 * in out[].
 */
void switch_with_registers(void **save, void *load, const uint64_t in[PRESERVED],
                           uint64_t out[PRESERVED]);
#endif

#endif
