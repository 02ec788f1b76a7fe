/*
 * stack/switch_x86_64.S: the switch for x86-64, System V ABI. It ends in `ret`: suspended code is a
 * few frames deep, and after a `jmp` the return predictor would mispredict each of their returns.
 *
 * Layout of a suspended context, from the stack pointer up:
 *
 *      0   mxcsr, x87 control word      8  r15     16  r14     24  r13
 *     32   r12                         40  rbx     48  rbp     56  return address
 *
 * Both stacks have this layout when the stack pointer changes, so the same CFI is valid before and
 * after it. Floating-point control belongs to the context. The words are loaded only if control
 * bits differ: a load takes 44 ns, and the sticky exception flags are not worth that.
 *
 * A context that has not started has bit 0 of its stack pointer set, and its entry and argument at
 * 8 and 24. It is entered by a jump. When it ends, the next context is resumed by the same `ret` as
 * any other. So to the return predictor a context that runs from start to end while another one is
 * suspended looks like a call, and no return is mispredicted. The end of the call chain is marked
 * for gdb and C++ unwinders by CFI, for valgrind by a return address of 0 (at 16), and for frame
 * pointer unwinders by a frame pointer of 0.
 */
        .text

#if defined(__CET__) && (__CET__ & 1)
#define LANDING_PAD endbr64
#else
#define LANDING_PAD
#endif

/* eax and cx hold the current control words. Loads those at the stack pointer if they differ. */
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

/* The CFI while the stack pointer belongs to a suspended context. */
        .macro  suspended_context
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
        .cfi_undefined %rip             /* a context that has not started has no caller */
        .cfi_def_cfa_offset 24
        jmp     .Lbegin
        .cfi_endproc
        .size   asyncp_switch, . - asyncp_switch

/*
 * The first frame of every context. The entry returns the stack pointer to continue with. Unwinders
 * stop here; stack/personality.c is called for C++ exceptions not caught by any frame.
 */
        .hidden asyncp_stack_personality
        .type   asyncp_switch_start, @function
        .p2align 4
asyncp_switch_start:
        .cfi_startproc
        /* 0x1b: relative to the program counter, 4 bytes */
        .cfi_personality 0x1b, asyncp_stack_personality
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
        suspended_context
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
        stmxcsr (%rax)                  /* a new context inherits floating-point control */
        fnstcw  4(%rax)
        movq    %rsi, 8(%rax)
        movq    $0, 16(%rax)
        movq    %rdx, 24(%rax)
        orq     $1, %rax
        ret
        .cfi_endproc
        .size   asyncp_switch_prepare, . - asyncp_switch_prepare

/*
 * The linker marks the output with the properties common to all objects. This object supports
 * indirect branch tracking, but not shadow stacks: the return address of a resumed context is not
 * on the current shadow stack.
 */
#if defined(__CET__) && (__CET__ & 1)
        .section .note.gnu.property, "a", @note
        .p2align 3
        /* sizes of name and descriptor; NT_GNU_PROPERTY_TYPE_0 */
        .long   4, 16, 5
        .asciz  "GNU"
        .long   0xc0000002, 4, 1, 0     /* GNU_PROPERTY_X86_FEATURE_1_AND: IBT alone */
#endif

/* const void *const asyncp_switch_resume: where a suspended context goes on, for unwinders */
        .data
        .globl  asyncp_switch_resume
        .hidden asyncp_switch_resume
        .type   asyncp_switch_resume, @object
        .p2align 3
asyncp_switch_resume:
        .quad   .Lresume
        .size   asyncp_switch_resume, . - asyncp_switch_resume

        .section .note.GNU-stack, "", @progbits
