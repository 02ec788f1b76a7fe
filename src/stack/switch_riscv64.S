/*
 * stack/switch_riscv64.S: the switch for riscv64, calling convention lp64d. It ends in `ret`, as on
 * x86-64: the return predictor then predicts the returns of suspended code. Jumps use ra and t0
 * only for calls and returns: predictors recognise calls by these registers.
 *
 * Layout of a suspended context, from the stack pointer up:
 *
 *      0   rounding mode   8  ra    16  s0    24  s1     32  s2     40  s3    48  s4    56  s5
 *     64   s6             72  s7    80  s8    88  s9     96  s10   104  s11  112  fs0  120  fs1
 *    128   fs2           136  fs3  144  fs4  152  fs5   160  fs6   168  fs7  176  fs8  184  fs9
 *    192   fs10          200  fs11
 *
 * Both stacks have this layout when the stack pointer changes, so the same CFI is valid before and
 * after it. The rounding mode in fcsr belongs to the context, and is written only if it differs;
 * the sticky flags are not saved. Vector registers are caller-saved.
 *
 * A context that has not started has bit 0 of its stack pointer set, and the rounding mode, its
 * entry and its argument at 0, 8 and 16. It is entered by a jump. When it ends, the next context is
 * resumed by the same `ret` as any other.
 */
#if !defined(__riscv_float_abi_double)
#error "This switch is for lp64d; any other calling convention has -Dswitch=ucontext."
#endif

        .text

        .macro  save register, at
        sd      \register, \at(sp)
        .cfi_rel_offset \register, \at
        .endm

        .macro  save_float register, at
        fsd     \register, \at(sp)
        .cfi_rel_offset \register, \at
        .endm

/* t0 holds the current rounding mode. Sets the one at the stack pointer if it differs. */
        .macro  rounding_mode
        ld      t1, 0(sp)
        beq     t0, t1, 8f
        fsrm    t1
8:
        .endm

/* void asyncp_switch(void **save, void *load) */
        .globl  asyncp_switch
        .hidden asyncp_switch
        .type   asyncp_switch, @function
        .p2align 4
asyncp_switch:
        .cfi_startproc
        addi    sp, sp, -208
        .cfi_def_cfa_offset 208
        save    ra, 8
        save    s0, 16
        save    s1, 24
        save    s2, 32
        save    s3, 40
        save    s4, 48
        save    s5, 56
        save    s6, 64
        save    s7, 72
        save    s8, 80
        save    s9, 88
        save    s10, 96
        save    s11, 104
        save_float fs0, 112
        save_float fs1, 120
        save_float fs2, 128
        save_float fs3, 136
        save_float fs4, 144
        save_float fs5, 152
        save_float fs6, 160
        save_float fs7, 168
        save_float fs8, 176
        save_float fs9, 184
        save_float fs10, 192
        save_float fs11, 200
        frrm    t0
        sd      t0, 0(sp)
        sd      sp, 0(a0)
        andi    t1, a1, 1
        bnez    t1, 1f
        mv      sp, a1
.Lresume:
        rounding_mode
        ld      ra, 8(sp)
        ld      s0, 16(sp)
        ld      s1, 24(sp)
        ld      s2, 32(sp)
        ld      s3, 40(sp)
        ld      s4, 48(sp)
        ld      s5, 56(sp)
        ld      s6, 64(sp)
        ld      s7, 72(sp)
        ld      s8, 80(sp)
        ld      s9, 88(sp)
        ld      s10, 96(sp)
        ld      s11, 104(sp)
        fld     fs0, 112(sp)
        fld     fs1, 120(sp)
        fld     fs2, 128(sp)
        fld     fs3, 136(sp)
        fld     fs4, 144(sp)
        fld     fs5, 152(sp)
        fld     fs6, 160(sp)
        fld     fs7, 168(sp)
        fld     fs8, 176(sp)
        fld     fs9, 184(sp)
        fld     fs10, 192(sp)
        fld     fs11, 200(sp)
        .cfi_remember_state
        addi    sp, sp, 208
        .cfi_def_cfa_offset 0
        .irp    register, ra, s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11
        .cfi_restore \register
        .endr
        .irp    register, fs0, fs1, fs2, fs3, fs4, fs5, fs6, fs7, fs8, fs9, fs10, fs11
        .cfi_restore \register
        .endr
        ret
        .cfi_restore_state
1:      addi    sp, a1, -1
        .cfi_undefined ra               /* a context that has not started has no caller */
        j       .Lbegin
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
        .cfi_personality 0x1b, asyncp_stack_personality
        .cfi_undefined ra
.Lbegin:
        rounding_mode
        ld      t1, 8(sp)
        ld      a0, 16(sp)
        addi    sp, sp, 32
        li      s0, 0                   /* end of the frame pointer chain */
        jalr    t1
        mv      a1, a0
        frrm    t0
        andi    t1, a1, 1
        bnez    t1, 1f
        mv      sp, a1
        j       .Lresume
1:      addi    sp, a1, -1
        j       .Lbegin
        .cfi_endproc
        .size   asyncp_switch_start, . - asyncp_switch_start

/* void *asyncp_switch_prepare(void *top, void *(*entry)(void *), void *argument) */
        .globl  asyncp_switch_prepare
        .hidden asyncp_switch_prepare
        .type   asyncp_switch_prepare, @function
        .p2align 4
asyncp_switch_prepare:
        .cfi_startproc
        andi    a0, a0, -16
        addi    a0, a0, -32
        frrm    t0                      /* a new context inherits the rounding mode */
        sd      t0, 0(a0)
        sd      a1, 8(a0)
        sd      a2, 16(a0)
        ori     a0, a0, 1
        ret
        .cfi_endproc
        .size   asyncp_switch_prepare, . - asyncp_switch_prepare

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
