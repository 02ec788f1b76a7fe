/*
 * stack/switch_aarch64.S: the switch for aarch64, AAPCS64. It ends in `ret`, as on x86-64: the
 * return predictor then predicts the returns of suspended code.
 *
 * Layout of a suspended context, from the stack pointer up:
 *
 *      0   x29, x30 (a frame record)   16  x19, x20   32  x21, x22   48  x23, x24
 *     64   x25, x26                    80  x27, x28   96  d8, d9    112  d10, d11
 *    128   d12, d13                   144  d14, d15  160  fpcr      168  padding
 *
 * Both stacks have this layout when the stack pointer changes, so the same CFI is valid before and
 * after it. fpcr belongs to the context, and is written only if it differs, because a write
 * serialises the pipeline. The sticky flags in fpsr are not saved. Callee-saved are the low halves
 * of eight vector registers; SVE and SME registers are caller-saved.
 *
 * A context that has not started has bit 0 of its stack pointer set, and fpcr, its entry and its
 * argument at 0, 8 and 16. It is entered by a jump. When it ends, the next context is resumed by
 * the same `ret` as any other.
 *
 * With -mbranch-protection the return address is signed while it lies on the stack. The stack
 * pointer is part of the signature, and is the same when the context is resumed. `bti c` allows
 * calls through a linker's veneer.
 */
        .text

#if defined(__ARM_FEATURE_PAC_DEFAULT)
        .macro  sign_return_address
        hint    #25                     /* paciasp, which is a landing pad too */
        .cfi_negate_ra_state
        .endm
        .macro  check_return_address
        hint    #29                     /* autiasp */
        .cfi_negate_ra_state
        .endm
#else
        .macro  sign_return_address
        hint    #34                     /* bti c: a nop on processors without it */
        .endm
        .macro  check_return_address
        .endm
#endif

/* void asyncp_switch(void **save, void *load) */
        .globl  asyncp_switch
        .hidden asyncp_switch
        .type   asyncp_switch, %function
        .p2align 4
asyncp_switch:
        .cfi_startproc
        sign_return_address
        stp     x29, x30, [sp, #-176]!
        .cfi_def_cfa_offset 176
        .cfi_rel_offset x29, 0
        .cfi_rel_offset x30, 8
        stp     x19, x20, [sp, #16]
        .cfi_rel_offset x19, 16
        .cfi_rel_offset x20, 24
        stp     x21, x22, [sp, #32]
        .cfi_rel_offset x21, 32
        .cfi_rel_offset x22, 40
        stp     x23, x24, [sp, #48]
        .cfi_rel_offset x23, 48
        .cfi_rel_offset x24, 56
        stp     x25, x26, [sp, #64]
        .cfi_rel_offset x25, 64
        .cfi_rel_offset x26, 72
        stp     x27, x28, [sp, #80]
        .cfi_rel_offset x27, 80
        .cfi_rel_offset x28, 88
        stp     d8, d9, [sp, #96]
        .cfi_rel_offset d8, 96
        .cfi_rel_offset d9, 104
        stp     d10, d11, [sp, #112]
        .cfi_rel_offset d10, 112
        .cfi_rel_offset d11, 120
        stp     d12, d13, [sp, #128]
        .cfi_rel_offset d12, 128
        .cfi_rel_offset d13, 136
        stp     d14, d15, [sp, #144]
        .cfi_rel_offset d14, 144
        .cfi_rel_offset d15, 152
        mrs     x9, fpcr
        str     x9, [sp, #160]
        mov     x10, sp
        str     x10, [x0]
        tbnz    x1, #0, 1f
        mov     sp, x1
.Lresume:                               /* x9: the current fpcr */
        ldr     x10, [sp, #160]
        cmp     x9, x10
        b.eq    2f
        msr     fpcr, x10
2:      ldp     d14, d15, [sp, #144]
        ldp     d12, d13, [sp, #128]
        ldp     d10, d11, [sp, #112]
        ldp     d8, d9, [sp, #96]
        ldp     x27, x28, [sp, #80]
        ldp     x25, x26, [sp, #64]
        ldp     x23, x24, [sp, #48]
        ldp     x21, x22, [sp, #32]
        ldp     x19, x20, [sp, #16]
        .cfi_remember_state
        ldp     x29, x30, [sp], #176
        .cfi_def_cfa_offset 0
        .cfi_restore x19
        .cfi_restore x20
        .cfi_restore x21
        .cfi_restore x22
        .cfi_restore x23
        .cfi_restore x24
        .cfi_restore x25
        .cfi_restore x26
        .cfi_restore x27
        .cfi_restore x28
        .cfi_restore x29
        .cfi_restore x30
        .cfi_restore d8
        .cfi_restore d9
        .cfi_restore d10
        .cfi_restore d11
        .cfi_restore d12
        .cfi_restore d13
        .cfi_restore d14
        .cfi_restore d15
        check_return_address
        ret
        .cfi_restore_state
1:      sub     x1, x1, #1
        mov     sp, x1
        .cfi_undefined x30              /* a context that has not started has no caller */
        b       .Lbegin
        .cfi_endproc
        .size   asyncp_switch, . - asyncp_switch

/*
 * The first frame of every context. The entry returns the stack pointer to continue with. Unwinders
 * stop here; frame record unwinders do because its frame record is zeros. stack/personality.c is
 * called for C++ exceptions not caught by any frame.
 */
        .hidden asyncp_stack_personality
        .type   asyncp_switch_start, %function
        .p2align 4
asyncp_switch_start:
        .cfi_startproc
        .cfi_personality 0x1b, asyncp_stack_personality
        .cfi_undefined x30
.Lbegin:                                /* x9: the current fpcr */
        ldr     x10, [sp]
        cmp     x9, x10
        b.eq    3f
        msr     fpcr, x10
3:      ldp     x8, x0, [sp, #8]
        add     sp, sp, #32
        mov     x29, #0
        blr     x8
        mov     x1, x0
        mrs     x9, fpcr
        tbnz    x1, #0, 4f
        mov     sp, x1
        b       .Lresume
4:      sub     x1, x1, #1
        mov     sp, x1
        b       .Lbegin
        .cfi_endproc
        .size   asyncp_switch_start, . - asyncp_switch_start

/* void *asyncp_switch_prepare(void *top, void *(*entry)(void *), void *argument) */
        .globl  asyncp_switch_prepare
        .hidden asyncp_switch_prepare
        .type   asyncp_switch_prepare, %function
        .p2align 4
asyncp_switch_prepare:
        .cfi_startproc
        hint    #34                     /* bti c */
        and     x0, x0, #-16
        sub     x0, x0, #32
        mrs     x9, fpcr                /* a new context inherits fpcr */
        stp     x9, x1, [x0]
        str     x2, [x0, #16]
        orr     x0, x0, #1
        ret
        .cfi_endproc
        .size   asyncp_switch_prepare, . - asyncp_switch_prepare

/*
 * The linker marks the output with the properties common to all objects. This object has landing
 * pads, and signed return addresses if it is compiled so.
 */
        .section .note.gnu.property, "a", %note
        .p2align 3
        /* sizes of name and descriptor; NT_GNU_PROPERTY_TYPE_0 */
        .word   4, 16, 5
        .asciz  "GNU"
        .word   0xc0000000, 4           /* GNU_PROPERTY_AARCH64_FEATURE_1_AND */
#if defined(__ARM_FEATURE_PAC_DEFAULT)
        .word   3, 0                    /* BTI, PAC */
#else
        .word   1, 0                    /* BTI */
#endif

/* const void *const asyncp_switch_resume: where a suspended context goes on, for unwinders */
        .data
        .globl  asyncp_switch_resume
        .hidden asyncp_switch_resume
        .type   asyncp_switch_resume, %object
        .p2align 3
asyncp_switch_resume:
        .quad   .Lresume
        .size   asyncp_switch_resume, . - asyncp_switch_resume

        .section .note.GNU-stack, "", %progbits
