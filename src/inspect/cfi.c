/*
 * inspect/cfi.c: interprets the entries of .eh_frame. A CIE has what functions have in common; an
 * FDE is of one function. Instructions of both build a row of rules, up to the wanted address.
 */
#include "inspect/cfi.h"
#include "inspect/bytes.h"
#include <errno.h>
#include <string.h>

enum { MAX_REMEMBERED = 8, HEAD_BYTES = 4, MAX_AUGMENTATION = 8 };

/* What an FDE needs of its CIE. */
struct common {
    struct bytes instructions;
    uint64_t code_factor;
    int64_t data_factor;
    uint8_t encoding; /* of pointers to code */
    bool has_augmentation;
};

/* A run of instructions. */
struct program {
    struct bytes code;
    const struct common *common;
    struct cfi_rules *rules;
    const struct cfi_rules *initial; /* those of the CIE; NULL while they are made */
    uint64_t location, wanted;
    struct cfi_rules remembered[MAX_REMEMBERED];
    int depth;
};

/* ---- entries -------------------------------------------------------------------------------- */

int64_t asyncp_cfi_entry_size(const void *bytes)
{
    uint32_t size;
    memcpy(&size, bytes, sizeof size);
    if (size == UINT32_MAX)
        return -EPROTO;
    return size == 0 ? 0 : (int64_t)size + HEAD_BYTES;
}

static struct bytes open_entry(const struct cfi_bytes *entry)
{
    struct bytes bytes = {entry->bytes, entry->bytes + entry->size, entry->address, false};
    asyncp_bytes_skip(&bytes, HEAD_BYTES);
    return bytes;
}

int asyncp_cfi_find_cie(const struct cfi_bytes *fde, uint64_t *address)
{
    struct bytes bytes = open_entry(fde);
    uint64_t here = bytes.address, distance = asyncp_bytes_unsigned(&bytes, 4);
    *address = here - distance;
    return bytes.failed || distance == 0 ? -EPROTO : 0;
}

/* The letters of the augmentation say what follows it. */
static void read_augmentation(struct bytes *bytes, const char *letters, struct common *common,
                              struct cfi_rules *rules)
{
    for (; *letters != 0 && !bytes->failed; letters++) {
        if (*letters == 'R')
            common->encoding = (uint8_t)asyncp_bytes_unsigned(bytes, 1);
        else if (*letters == 'P')
            asyncp_bytes_pointer(bytes, (uint8_t)asyncp_bytes_unsigned(bytes, 1));
        else if (*letters == 'L')
            asyncp_bytes_unsigned(bytes, 1);
        else if (*letters == 'S')
            rules->is_signal_frame = true;
        else if (*letters != 'B') /* return addresses are signed with the key B */
            bytes->failed = true;
    }
}

/* A text of letters with its zero byte. */
static void read_letters(struct bytes *bytes, char letters[MAX_AUGMENTATION])
{
    for (int i = 0; i < MAX_AUGMENTATION; i++)
        if ((letters[i] = (char)asyncp_bytes_unsigned(bytes, 1)) == 0)
            return;
    bytes->failed = true;
}

static int read_cie(const struct cfi_bytes *cie, struct common *common, struct cfi_rules *rules)
{
    char letters[MAX_AUGMENTATION] = "";
    struct bytes bytes = open_entry(cie);
    uint64_t id = asyncp_bytes_unsigned(&bytes, 4), version = asyncp_bytes_unsigned(&bytes, 1);
    read_letters(&bytes, letters);
    common->code_factor = asyncp_bytes_uleb(&bytes);
    common->data_factor = asyncp_bytes_sleb(&bytes);
    rules->return_column = (uint16_t)(version == 1 ? asyncp_bytes_unsigned(&bytes, 1)
                                                   : asyncp_bytes_uleb(&bytes));
    common->has_augmentation = letters[0] == 'z';
    if (bytes.failed || id != 0 || (version != 1 && version != 3) ||
        (letters[0] != 'z' && letters[0] != 0) || rules->return_column >= CFI_REGISTERS)
        return -EPROTO;
    if (common->has_augmentation) {
        uint64_t size = asyncp_bytes_uleb(&bytes);
        struct bytes data = bytes;
        read_augmentation(&data, letters + 1, common, rules);
        asyncp_bytes_skip(&bytes, size);
        bytes.failed |= data.failed;
    }
    common->instructions = bytes;
    return bytes.failed ? -EPROTO : 0;
}

/* ---- instructions --------------------------------------------------------------------------- */

static struct cfi_rule *rule_of(struct program *program, uint64_t number)
{
    static struct cfi_rule others; /* of registers that are not followed; never read */
    return number < CFI_REGISTERS ? &program->rules->registers[number] : &others;
}

/* Wraps around where a damaged table would overflow. */
static int64_t scaled(const struct program *program, uint64_t number)
{
    return (int64_t)(number * (uint64_t)program->common->data_factor);
}

static void set_rule(struct program *program, uint64_t number, enum cfi_kind kind, int64_t offset)
{
    *rule_of(program, number) = (struct cfi_rule){.kind = kind, .offset = offset};
}

static void restore_rule(struct program *program, uint64_t number)
{
    if (program->initial == NULL)
        program->code.failed = true;
    else if (number < CFI_REGISTERS)
        program->rules->registers[number] = program->initial->registers[number];
}

static struct cfi_rule read_expression(struct program *program, enum cfi_kind kind)
{
    uint64_t size = asyncp_bytes_uleb(&program->code);
    const uint8_t *expression = asyncp_bytes_skip(&program->code, size);
    return (struct cfi_rule){
        .kind = kind, .expression = expression, .expression_bytes = (size_t)size};
}

static void set_frame(struct program *program, uint64_t number, int64_t offset)
{
    program->code.failed |= number >= CFI_REGISTERS;
    program->rules->frame = (struct cfi_rule){
        .kind = CFI_REGISTER, .other = (uint16_t)number, .offset = offset};
}

static void remember(struct program *program)
{
    if (program->depth < MAX_REMEMBERED)
        program->remembered[program->depth++] = *program->rules;
    else
        program->code.failed = true;
}

static void recall(struct program *program)
{
    if (program->depth > 0)
        *program->rules = program->remembered[--program->depth];
    else
        program->code.failed = true;
}

static void advance(struct program *program, uint64_t steps)
{
    program->location += steps * program->common->code_factor;
}

/* Instructions about a register. Returns whether it is one. */
static bool run_register_instruction(struct program *program, uint8_t instruction)
{
    enum { OFFSET = 5, RESTORE, UNDEFINED, SAME, REGISTER, EXPRESSION = 0x10, OFFSET_SF = 0x11 };
    enum { VAL_OFFSET = 0x14, VAL_OFFSET_SF, VAL_EXPRESSION, NEGATIVE_OFFSET = 0x2f };
    struct bytes *code = &program->code;
    switch (instruction) {
    case OFFSET:
    case OFFSET_SF:
    case RESTORE:
    case UNDEFINED:
    case SAME:
    case REGISTER:
    case EXPRESSION:
    case VAL_OFFSET:
    case VAL_OFFSET_SF:
    case VAL_EXPRESSION:
    case NEGATIVE_OFFSET:
        break;
    default:
        return false;
    }
    uint64_t number = asyncp_bytes_uleb(code);
    if (instruction == OFFSET)
        set_rule(program, number, CFI_AT_OFFSET, scaled(program, asyncp_bytes_uleb(code)));
    else if (instruction == OFFSET_SF)
        set_rule(program, number, CFI_AT_OFFSET,
                 scaled(program, (uint64_t)asyncp_bytes_sleb(code)));
    else if (instruction == NEGATIVE_OFFSET)
        set_rule(program, number, CFI_AT_OFFSET, scaled(program, 0 - asyncp_bytes_uleb(code)));
    else if (instruction == VAL_OFFSET)
        set_rule(program, number, CFI_VALUE_OFFSET, scaled(program, asyncp_bytes_uleb(code)));
    else if (instruction == VAL_OFFSET_SF)
        set_rule(program, number, CFI_VALUE_OFFSET,
                 scaled(program, (uint64_t)asyncp_bytes_sleb(code)));
    else if (instruction == RESTORE)
        restore_rule(program, number);
    else if (instruction == UNDEFINED)
        set_rule(program, number, CFI_UNDEFINED, 0);
    else if (instruction == SAME)
        set_rule(program, number, CFI_SAME, 0);
    else if (instruction == REGISTER) {
        set_rule(program, number, CFI_REGISTER, 0);
        rule_of(program, number)->other = (uint16_t)asyncp_bytes_uleb(code);
    } else
        *rule_of(program, number) = read_expression(
            program, instruction == EXPRESSION ? CFI_AT_EXPRESSION : CFI_VALUE_EXPRESSION);
    return true;
}

/* Instructions about the frame's address and about the location. */
static void run_other_instruction(struct program *program, uint8_t instruction)
{
    struct bytes *code = &program->code;
    struct cfi_rule *frame = &program->rules->frame;
    uint64_t number;
    switch (instruction) {
    case 0x00: /* nop */
    case 0x2d: /* of aarch64: whether return addresses are signed; see asyncp_unwind */
        break;
    case 0x01: /* set_loc */
        program->location = asyncp_bytes_pointer(code, program->common->encoding);
        break;
    case 0x02: /* advance_loc1, 2, 4 */
    case 0x03:
    case 0x04:
        advance(program, asyncp_bytes_unsigned(code, (size_t)1 << (instruction - 2)));
        break;
    case 0x0a:
        remember(program);
        break;
    case 0x0b:
        recall(program);
        break;
    case 0x0c: /* def_cfa */
        number = asyncp_bytes_uleb(code);
        set_frame(program, number, (int64_t)asyncp_bytes_uleb(code));
        break;
    case 0x0d: /* def_cfa_register */
        set_frame(program, asyncp_bytes_uleb(code), frame->offset);
        break;
    case 0x0e: /* def_cfa_offset */
        frame->offset = (int64_t)asyncp_bytes_uleb(code);
        break;
    case 0x0f: /* def_cfa_expression */
        *frame = read_expression(program, CFI_VALUE_EXPRESSION);
        break;
    case 0x12: /* def_cfa_sf */
        number = asyncp_bytes_uleb(code);
        set_frame(program, number, scaled(program, (uint64_t)asyncp_bytes_sleb(code)));
        break;
    case 0x13: /* def_cfa_offset_sf */
        frame->offset = scaled(program, (uint64_t)asyncp_bytes_sleb(code));
        break;
    case 0x2e: /* GNU_args_size */
        asyncp_bytes_uleb(code);
        break;
    default:
        code->failed = true;
    }
}

static void run_instruction(struct program *program)
{
    enum { HIGH = 0xc0, LOW = 0x3f, ADVANCE = 0x40, OFFSET = 0x80, RESTORE = 0xc0 };
    uint8_t instruction = (uint8_t)asyncp_bytes_unsigned(&program->code, 1);
    uint64_t low = instruction & LOW;
    if ((instruction & HIGH) == ADVANCE)
        advance(program, low);
    else if ((instruction & HIGH) == OFFSET)
        set_rule(program, low, CFI_AT_OFFSET, scaled(program, asyncp_bytes_uleb(&program->code)));
    else if ((instruction & HIGH) == RESTORE)
        restore_rule(program, low);
    else if (!run_register_instruction(program, instruction))
        run_other_instruction(program, instruction);
}

/* Up to the row of the wanted address. */
static int run(struct program *program)
{
    while (program->code.at < program->code.end && !program->code.failed) {
        struct cfi_rules before = *program->rules;
        run_instruction(program);
        if (program->location > program->wanted) {
            *program->rules = before;
            break;
        }
    }
    return program->code.failed ? -EPROTO : 0;
}

/* The instructions of a function. */
struct code_extent {
    uint64_t begin, size;
};

/* ---- the rules ------------------------------------------------------------------------------ */

/* Before the first instruction each register is as it was, as compilers expect. */
static void reset(struct cfi_rules *rules)
{
    *rules = (struct cfi_rules){.frame = {.kind = CFI_UNDEFINED}};
    for (int i = 0; i < CFI_REGISTERS; i++)
        rules->registers[i].kind = CFI_SAME;
}

static int find_row(const struct common *common, struct bytes code, uint64_t begin, uint64_t pc,
                    struct cfi_rules *rules)
{
    struct program program = {.code = common->instructions, .common = common, .rules = rules};
    int result = run(&program);
    if (result < 0)
        return result;
    struct cfi_rules initial = *rules;
    program.code = code;
    program.initial = &initial;
    program.location = begin;
    program.wanted = pc;
    program.depth = 0;
    return run(&program);
}

/* *bytes: the call frame instructions, which follow. */
static int open_fde(const struct cfi_bytes *fde, const struct common *common, struct bytes *bytes,
                    struct code_extent *extent)
{
    *bytes = open_entry(fde);
    asyncp_bytes_skip(bytes, HEAD_BYTES); /* the distance to the CIE */
    extent->begin = asyncp_bytes_pointer(bytes, common->encoding);
    extent->size = asyncp_bytes_pointer(bytes, common->encoding & 0x0f);
    if (common->has_augmentation)
        asyncp_bytes_skip(bytes, asyncp_bytes_uleb(bytes));
    return bytes->failed ? -EPROTO : 0;
}

bool asyncp_cfi_covers(const struct cfi_bytes *cie, const struct cfi_bytes *fde, uint64_t pc)
{
    struct common common = {.encoding = 0};
    struct cfi_rules rules;
    struct bytes bytes;
    struct code_extent extent;
    return read_cie(cie, &common, &rules) == 0 && open_fde(fde, &common, &bytes, &extent) == 0 &&
           pc - extent.begin < extent.size;
}

int asyncp_cfi_rules(const struct cfi_bytes *cie, const struct cfi_bytes *fde, uint64_t pc,
                     struct cfi_rules *rules)
{
    struct common common = {.encoding = 0};
    struct bytes bytes;
    struct code_extent extent;
    reset(rules);
    int result = read_cie(cie, &common, rules);
    if (result == 0)
        result = open_fde(fde, &common, &bytes, &extent);
    if (result == 0)
        result = pc - extent.begin < extent.size ? find_row(&common, bytes, extent.begin, pc, rules)
                                                 : -ENOENT;
    for (unsigned i = 0; i < CFI_REGISTERS; i++)
        if (rules->registers[i].kind != CFI_SAME)
            rules->changed |= UINT64_C(1) << i;
    return result;
}
