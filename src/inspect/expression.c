/* inspect/expression.c: a machine with a stack of words and without jumps, so it ends. */
#include "inspect/expression.h"
#include "inspect/bytes.h"
#include <errno.h>

enum { DEPTH = 16 };

struct machine {
    uint64_t stack[DEPTH];
    int depth;
    struct bytes code;
    const struct registers *registers;
    const struct words_source *source;
};

static void push(struct machine *machine, uint64_t value)
{
    if (machine->depth < DEPTH)
        machine->stack[machine->depth++] = value;
    else
        machine->code.failed = true;
}

static uint64_t pop(struct machine *machine)
{
    if (machine->depth > 0)
        return machine->stack[--machine->depth];
    machine->code.failed = true;
    return 0;
}

static void push_register(struct machine *machine, uint64_t number, int64_t offset)
{
    const struct registers *registers = machine->registers;
    if (number < CFI_REGISTERS && (registers->known >> number & 1) != 0)
        push(machine, registers->values[number] + (uint64_t)offset);
    else
        machine->code.failed = true;
}

/* Operations with two operands. Returns whether it is one. */
static bool run_binary(struct machine *machine, uint8_t operation)
{
    if (!(operation >= 0x1a && operation <= 0x2e) || operation == 0x1f || operation == 0x20 ||
        operation == 0x23 || operation == 0x28)
        return false;
    uint64_t b = pop(machine), a = pop(machine);
    int64_t signed_a = (int64_t)a, signed_b = (int64_t)b;
    switch (operation) {
    case 0x1a:
        return push(machine, a & b), true;
    case 0x1c:
        return push(machine, a - b), true;
    case 0x1e:
        return push(machine, a * b), true;
    case 0x21:
        return push(machine, a | b), true;
    case 0x22:
        return push(machine, a + b), true;
    case 0x24:
        return push(machine, b < 64 ? a << b : 0), true;
    case 0x25:
        return push(machine, b < 64 ? a >> b : 0), true;
    case 0x27:
        return push(machine, a ^ b), true;
    case 0x29:
        return push(machine, a == b), true;
    case 0x2a:
        return push(machine, signed_a >= signed_b), true;
    case 0x2b:
        return push(machine, signed_a > signed_b), true;
    case 0x2c:
        return push(machine, signed_a <= signed_b), true;
    case 0x2d:
        return push(machine, signed_a < signed_b), true;
    case 0x2e:
        return push(machine, a != b), true;
    default:
        return false;
    }
}

/* Constants and registers. Returns whether it is one. */
static bool run_constant(struct machine *machine, uint8_t operation)
{
    struct bytes *code = &machine->code;
    if (operation >= 0x30 && operation <= 0x4f)
        push(machine, operation - 0x30u); /* lit0 to lit31 */
    else if (operation >= 0x70 && operation <= 0x8f)
        push_register(machine, operation - 0x70u, asyncp_bytes_sleb(code)); /* breg0 … */
    else if (operation >= 0x08 && operation <= 0x0f && operation % 2 == 0)
        push(machine, asyncp_bytes_unsigned(code, (size_t)1 << ((operation - 8) / 2)));
    else if (operation >= 0x08 && operation <= 0x0f)
        push(machine, (uint64_t)asyncp_bytes_signed(code, (size_t)1 << ((operation - 9) / 2)));
    else if (operation == 0x10)
        push(machine, asyncp_bytes_uleb(code));
    else if (operation == 0x11)
        push(machine, (uint64_t)asyncp_bytes_sleb(code));
    else
        return false;
    return true;
}

static int run_operation(struct machine *machine, uint8_t operation)
{
    uint64_t word = 0;
    int result = 0;
    if (run_constant(machine, operation) || run_binary(machine, operation))
        return 0;
    switch (operation) {
    case 0x06: /* deref */
        result = machine->source->read(machine->source, pop(machine), &word);
        push(machine, word);
        return result;
    case 0x12: /* dup */
        word = pop(machine);
        push(machine, word);
        push(machine, word);
        return 0;
    case 0x13: /* drop */
        pop(machine);
        return 0;
    case 0x23: /* plus_uconst */
        push(machine, pop(machine) + asyncp_bytes_uleb(&machine->code));
        return 0;
    case 0x96: /* nop */
        return 0;
    default:
        return -EPROTO;
    }
}

int asyncp_expression(const struct cfi_rule *rule, const struct registers *registers,
                      const struct words_source *source, const uint64_t *first, uint64_t *value)
{
    struct machine machine = {
        .code = {rule->expression, rule->expression + rule->expression_bytes, 0, false},
        .registers = registers,
        .source = source};
    int result = 0;
    if (first != NULL)
        push(&machine, *first);
    while (machine.code.at < machine.code.end && !machine.code.failed && result == 0)
        result = run_operation(&machine, (uint8_t)asyncp_bytes_unsigned(&machine.code, 1));
    *value = pop(&machine);
    return result < 0 ? result : machine.code.failed ? -EPROTO : 0;
}
