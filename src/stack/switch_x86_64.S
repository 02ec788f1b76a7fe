/*
 * stack/switch_x86_64.S: the switch for x86-64, System V. It ends in `ret`, because waiting code is
 * a few frames deep and a `jmp` would leave the return predictor out of step for every one of them.
 *
 * What is laid down, from the stack pointer up:
 *
 *      0   mxcsr, x87 control word      8  r15     16  r14     24  r13
 *     32   r12                         40  rbx     48  rbp     56  return address
 *
 * Both stacks have this layout at the moment of the change, so one line of CFI is right before and
 * after it. Floating-point control is the flow's own. Sticky exception flags are not worth the 44
 * ns of a load: only when control bits differ are the words loaded.
 *
 * A flow that has not begun has bit 0 of its stack pointer set, what to call and its argument at 8
 * and 24, and is entered by a jump; one that ends goes on in the next by the same `ret` as any
 * other. So a flow that runs from beginning to end while another waits looks to the return
 * predictor like a call, and no return misses. Who called it is said three times to be nobody: to
 * gdb and C++ by CFI, to valgrind by a return address of 0 (at 16), to those who follow frame
 * pointers by one of 0.
 */
        .text

#if defined(__CET__) && (__CET__ & 1)
#define LANDING_PAD endbr64
#else
#define LANDING_PAD
#endif

/* eax and cx hold the control words in force: loads those at the stack pointer if they differ. */
        .macro  control_words
        xorl    (%rsp), %eax
        testl   $0xffc0, %eax           /* control bits; the low six are the sticky flags */
        jnz     7f
        cmpw    4(%rsp), %cx
        je      8f
7:      ldmxcsr (%rsp)
        fldcw   4(%rsp)
8:
        .endm

/* What an unwinder must know while the stack pointer is that of a flow that waits. */
        .macro  waiting_flow
        .cfi_def_cfa_offset 64
        .cfi_offset %rip, -8
        .cfi_offset %rbp, -16
        .cfi_offset %rbx, -24
        .cfi_offset %r12, -32
        .cfi_offset %r13, -40
        .cfi_offset %r14, -48
        .cfi_offset %r15, -56
        .endm

/* void asyncp_switch(void **save, void *load) */
        .globl  asyncp_switch
        .hidden asyncp_switch
        .type   asyncp_switch, @function
        .p2align 4
asyncp_switch:
        .cfi_startproc
        LANDING_PAD
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbp, 0
        pushq   %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbx, 0
        pushq   %r12
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r12, 0
        pushq   %r13
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r13, 0
        pushq   %r14
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r14, 0
        pushq   %r15
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r15, 0
        subq    $8, %rsp
        .cfi_adjust_cfa_offset 8
        stmxcsr (%rsp)
        fnstcw  4(%rsp)
        movl    (%rsp), %eax
        movzwl  4(%rsp), %ecx
        movq    %rsp, (%rdi)
        testb   $1, %sil
        jnz     1f
        movq    %rsi, %rsp
.Lresume:
        control_words
        addq    $8, %rsp
        .cfi_remember_state
        .cfi_adjust_cfa_offset -8
        popq    %r15
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r15
        popq    %r14
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r14
        popq    %r13
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r13
        popq    %r12
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r12
        popq    %rbx
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbx
        popq    %rbp
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbp
        ret
        .cfi_restore_state
1:      leaq    -1(%rsi), %rsp
        .cfi_undefined %rip             /* a flow that has not begun has no caller */
        .cfi_def_cfa_offset 24
        jmp     .Lbegin
        .cfi_endproc
        .size   asyncp_switch, . - asyncp_switch

/*
 * The first frame of every flow, and the last: what the entry returns is where to go on. There is
 * no caller, and unwinders stop here; a C++ exception that comes so far is told of by
 * sched/exception.c.
 */
        .hidden asyncp_uncaught
        .type   asyncp_switch_start, @function
        .p2align 4
asyncp_switch_start:
        .cfi_startproc
        .cfi_personality 0x1b, asyncp_uncaught  /* 0x1b: relative to the program counter, 4 bytes */
        .cfi_undefined %rip
        .cfi_def_cfa_offset 24
.Lbegin:
        xorl    %ebp, %ebp
        control_words
        movq    8(%rsp), %rax
        movq    24(%rsp), %rdi
        addq    $16, %rsp
        .cfi_adjust_cfa_offset -16
        callq   *%rax
        movq    %rax, %rsi
        stmxcsr -8(%rsp)
        fnstcw  -4(%rsp)
        movl    -8(%rsp), %eax
        movzwl  -4(%rsp), %ecx
        testb   $1, %sil
        jnz     1f
        movq    %rsi, %rsp
        .cfi_remember_state
        waiting_flow
        jmp     .Lresume
        .cfi_restore_state
1:      leaq    -1(%rsi), %rsp
        .cfi_adjust_cfa_offset 16
        jmp     .Lbegin
        .cfi_endproc
        .size   asyncp_switch_start, . - asyncp_switch_start

/* void *asyncp_switch_prepare(void *top, void *(*entry)(void *), void *argument) */
        .globl  asyncp_switch_prepare
        .hidden asyncp_switch_prepare
        .type   asyncp_switch_prepare, @function
        .p2align 4
asyncp_switch_prepare:
        .cfi_startproc
        LANDING_PAD
        andq    $-16, %rdi
        leaq    -32(%rdi), %rax
        stmxcsr (%rax)                  /* a new flow has the floating-point control of its maker */
        fnstcw  4(%rax)
        movq    %rsi, 8(%rax)
        movq    $0, 16(%rax)
        movq    %rdx, 24(%rax)
        orq     $1, %rax
        ret
        .cfi_endproc
        .size   asyncp_switch_prepare, . - asyncp_switch_prepare

/*
 * The linker says of the whole what all its parts say. This one is fit for indirect branch
 * tracking, and not for shadow stacks: where a flow returns to was never pushed on the one that is
 * in force.
 */
#if defined(__CET__) && (__CET__ & 1)
        .section .note.gnu.property, "a", @note
        .p2align 3
        /* sizes of the name and of what follows it; NT_GNU_PROPERTY_TYPE_0 */
        .long   4, 16, 5
        .asciz  "GNU"
        .long   0xc0000002, 4, 1, 0     /* GNU_PROPERTY_X86_FEATURE_1_AND: IBT alone */
#endif

        .section .note.GNU-stack, "", @progbits
