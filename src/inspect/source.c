/*
 * inspect/source.c: a line table is a program for a small machine, whose registers are an address,
 * a file and a line. Each row that the program appends holds for the addresses up to the next row
 * of its sequence.
 */
#include "inspect/source.h"
#include "inspect/bytes.h"
#include <stdio.h>
#include <string.h>

enum { MIN_VERSION = 2, MAX_VERSION = 5, MAX_OPCODES = 256, MAX_FORMATS = 16 };
enum { CONTENT_PATH = 1, CONTENT_FOLDER = 2 };
enum { FORM_BLOCK = 0x09, FORM_DATA1 = 0x0b, FORM_DATA2 = 0x05, FORM_DATA4 = 0x06 };
enum { FORM_DATA8 = 0x07, FORM_DATA16 = 0x1e, FORM_STRING = 0x08, FORM_UDATA = 0x0f };
enum { FORM_STRP = 0x0e, FORM_LINE_STRP = 0x1f };

/* The table of one compiled file. */
struct line_program {
    const struct line_tables *tables;
    struct bytes files; /* version 5: from the formats of folders on; before: from the folders on */
    struct bytes opcodes; /* the program */
    unsigned version, offset_bytes, address_bytes;
    unsigned min_length, opcode_base, line_range;
    int line_base;
    bool begins_in_statement;
    const uint8_t *lengths; /* of arguments, by standard opcode - 1 */
};

struct line_registers {
    uint64_t address, file, line;
    bool is_statement; /* else instructions that the compiler has moved there */
    bool has_ended;    /* the row is the first one behind a sequence */
    bool is_left_out;  /* the linker has left the function out */
};

/* ---- texts ---------------------------------------------------------------------------------- */

/* A text in the bytes, which end it at the latest; "" after an error. */
static const char *read_string(struct bytes *bytes)
{
    const uint8_t *end = bytes->failed ? NULL
                                       : memchr(bytes->at, 0, (size_t)(bytes->end - bytes->at));
    if (end == NULL) {
        bytes->failed = true;
        return "";
    }
    return (const char *)asyncp_bytes_skip(bytes, (uint64_t)(end - bytes->at) + 1);
}

static const char *string_at(const struct table_bytes *table, uint64_t offset)
{
    if (table->bytes == NULL || offset >= table->size ||
        memchr(table->bytes + offset, 0, table->size - (size_t)offset) == NULL)
        return "";
    return (const char *)table->bytes + offset;
}

/* A value of a form: its number, or its text. */
struct form_value {
    const char *text;
    uint64_t number;
};

static struct form_value read_form(struct bytes *bytes, const struct line_program *program,
                                   uint64_t form)
{
    struct form_value value = {"", 0};
    switch (form) {
    case FORM_STRING:
        value.text = read_string(bytes);
        break;
    case FORM_LINE_STRP:
        value.text = string_at(&program->tables->line_strings,
                               asyncp_bytes_unsigned(bytes, program->offset_bytes));
        break;
    case FORM_STRP:
        value.text = string_at(&program->tables->strings,
                               asyncp_bytes_unsigned(bytes, program->offset_bytes));
        break;
    case FORM_UDATA:
        value.number = asyncp_bytes_uleb(bytes);
        break;
    case FORM_DATA1:
        value.number = asyncp_bytes_unsigned(bytes, 1);
        break;
    case FORM_DATA2:
        value.number = asyncp_bytes_unsigned(bytes, 2);
        break;
    case FORM_DATA4:
        value.number = asyncp_bytes_unsigned(bytes, 4);
        break;
    case FORM_DATA8:
        value.number = asyncp_bytes_unsigned(bytes, 8);
        break;
    case FORM_DATA16:
        asyncp_bytes_skip(bytes, 16);
        break;
    case FORM_BLOCK:
        asyncp_bytes_skip(bytes, asyncp_bytes_uleb(bytes));
        break;
    default:
        bytes->failed = true;
    }
    return value;
}

/* ---- the files of a table ------------------------------------------------------------------- */

struct entry_formats {
    uint64_t content[MAX_FORMATS], form[MAX_FORMATS];
    uint64_t count;
};

static void read_formats(struct bytes *bytes, struct entry_formats *formats)
{
    formats->count = asyncp_bytes_unsigned(bytes, 1);
    bytes->failed |= formats->count > MAX_FORMATS;
    for (uint64_t i = 0; i < formats->count && !bytes->failed; i++) {
        formats->content[i] = asyncp_bytes_uleb(bytes);
        formats->form[i] = asyncp_bytes_uleb(bytes);
    }
}

/* The path of entry `wanted` of a list of version 5, which is skipped. */
static const char *read_entries(struct bytes *bytes, const struct line_program *program,
                                uint64_t wanted, uint64_t *folder)
{
    struct entry_formats formats;
    const char *path = "";
    read_formats(bytes, &formats);
    uint64_t count = asyncp_bytes_uleb(bytes);
    for (uint64_t i = 0; i < count && !bytes->failed && formats.count > 0; i++)
        for (uint64_t j = 0; j < formats.count; j++) {
            struct form_value value = read_form(bytes, program, formats.form[j]);
            if (i == wanted && formats.content[j] == CONTENT_PATH)
                path = value.text;
            else if (i == wanted && formats.content[j] == CONTENT_FOLDER)
                *folder = value.number;
        }
    return path;
}

static const char *find_file_5(const struct line_program *program, uint64_t file,
                               const char **folder)
{
    struct bytes bytes = program->files;
    uint64_t index = 0, unused;
    read_entries(&bytes, program, UINT64_MAX, &unused);
    const char *path = read_entries(&bytes, program, file, &index);
    bytes = program->files;
    *folder = index > 0 ? read_entries(&bytes, program, index, &unused) : "";
    return path;
}

/* Before version 5 folders and files are counted from 1, and an empty text ends each list. */
static const char *find_file_2(const struct line_program *program, uint64_t file,
                               const char **folder)
{
    struct bytes bytes = program->files;
    const char *path = "";
    uint64_t index = 0, number = 0;
    while (*read_string(&bytes) != 0)
        continue;
    for (const char *name; number < file && *(name = read_string(&bytes)) != 0; number++) {
        path = name;
        index = asyncp_bytes_uleb(&bytes);
        asyncp_bytes_uleb(&bytes);
        asyncp_bytes_uleb(&bytes);
    }
    bytes = program->files;
    *folder = "";
    for (uint64_t i = 0; i < index && !bytes.failed; i++)
        *folder = read_string(&bytes);
    return number == file ? path : "";
}

/* The folder in which the compiler ran. */
static const char *find_first_folder(const struct line_program *program)
{
    struct bytes bytes = program->files;
    uint64_t unused;
    return program->version >= 5 ? read_entries(&bytes, program, 0, &unused) : "";
}

static void name_line(const struct line_program *program, const struct line_registers *row,
                      struct source_line *line)
{
    const char *folder = "";
    const char *path = program->version >= 5 ? find_file_5(program, row->file, &folder)
                                             : find_file_2(program, row->file, &folder);
    bool is_whole = *path == '/' || *folder == 0;
    snprintf(line->file, sizeof line->file, "%s%s%s", is_whole ? "" : folder, is_whole ? "" : "/",
             path);
    line->line = (unsigned)row->line;
    line->address = row->address;
    snprintf(line->folder, sizeof line->folder, "%s", find_first_folder(program));
}

/* ---- the head of a table -------------------------------------------------------------------- */

static uint64_t read_length(struct bytes *bytes, unsigned *offset_bytes)
{
    uint64_t length = asyncp_bytes_unsigned(bytes, 4);
    *offset_bytes = length == UINT32_MAX ? 8 : 4;
    return length == UINT32_MAX ? asyncp_bytes_unsigned(bytes, 8) : length;
}

/* The table at the begin of `bytes`, which is skipped. Whether it can be read. */
static bool open_program(struct line_program *program, const struct line_tables *tables,
                         struct bytes *bytes)
{
    uint64_t length = read_length(bytes, &program->offset_bytes);
    const uint8_t *start = asyncp_bytes_skip(bytes, length);
    if (start == NULL)
        return false;
    struct bytes head = {.at = start, .end = start + length};
    program->tables = tables;
    program->version = (unsigned)asyncp_bytes_unsigned(&head, 2);
    program->address_bytes = sizeof(void *);
    if (program->version >= 5) {
        program->address_bytes = (unsigned)asyncp_bytes_unsigned(&head, 1);
        asyncp_bytes_skip(&head, 1);
    }
    uint64_t head_length = asyncp_bytes_unsigned(&head, program->offset_bytes);
    program->opcodes = head;
    asyncp_bytes_skip(&program->opcodes, head_length);
    program->min_length = (unsigned)asyncp_bytes_unsigned(&head, 1);
    asyncp_bytes_skip(&head, program->version >= 4 ? 1 : 0); /* of long words */
    program->begins_in_statement = asyncp_bytes_unsigned(&head, 1) != 0;
    program->line_base = (int)asyncp_bytes_signed(&head, 1);
    program->line_range = (unsigned)asyncp_bytes_unsigned(&head, 1);
    program->opcode_base = (unsigned)asyncp_bytes_unsigned(&head, 1);
    program->lengths = asyncp_bytes_skip(&head, program->opcode_base > 0 ? program->opcode_base - 1
                                                                         : UINT64_MAX);
    program->files = head;
    return !head.failed && !program->opcodes.failed && program->version >= MIN_VERSION &&
           program->version <= MAX_VERSION && program->line_range > 0;
}

/* ---- the program ---------------------------------------------------------------------------- */

enum { COPY = 1, ADVANCE_ADDRESS, ADVANCE_LINE, SET_FILE };
enum { NEGATE_STATEMENT = 6, CONSTANT_ADDRESS = 8, FIXED_ADDRESS };
enum { END_SEQUENCE = 1, SET_ADDRESS };

/* For a function that was left out, linkers write an address at which none can be. */
static void set_address(struct line_registers *now, uint64_t address, size_t size)
{
    const uint64_t most = size == 4 ? UINT32_MAX : UINT64_MAX;
    now->address = address;
    now->is_left_out = address == 0 || address >= most - 1;
}

/* Whether it appends a row. */
static bool run_extended(const struct line_program *program, struct bytes *code,
                         struct line_registers *now)
{
    uint64_t length = asyncp_bytes_uleb(code);
    const uint8_t *start = asyncp_bytes_skip(code, length);
    if (start == NULL || length == 0)
        return false;
    struct bytes body = {.at = start, .end = start + length};
    uint64_t opcode = asyncp_bytes_unsigned(&body, 1);
    size_t size = (size_t)length - 1;
    if (opcode == SET_ADDRESS && size == program->address_bytes && (size == 4 || size == 8))
        set_address(now, asyncp_bytes_unsigned(&body, size), size);
    now->has_ended = opcode == END_SEQUENCE;
    return now->has_ended;
}

static void skip_arguments(const struct line_program *program, struct bytes *code, unsigned opcode)
{
    for (unsigned i = 0; i < program->lengths[opcode - 1]; i++)
        asyncp_bytes_uleb(code);
}

static uint64_t advance_of(const struct line_program *program, unsigned special)
{
    return special / program->line_range * program->min_length;
}

/* Runs an instruction. Whether it appends a row. */
static bool run_line_opcode(const struct line_program *program, struct bytes *code,
                            struct line_registers *now)
{
    const unsigned opcode = (unsigned)asyncp_bytes_unsigned(code, 1);
    if (opcode >= program->opcode_base) {
        unsigned special = opcode - program->opcode_base;
        now->address += advance_of(program, special);
        now->line += (uint64_t)(int64_t)(program->line_base + (int)(special % program->line_range));
        return true;
    }
    switch (opcode) {
    case 0:
        return run_extended(program, code, now);
    case COPY:
        return true;
    case ADVANCE_ADDRESS:
        now->address += asyncp_bytes_uleb(code) * program->min_length;
        return false;
    case ADVANCE_LINE:
        now->line += (uint64_t)asyncp_bytes_sleb(code);
        return false;
    case SET_FILE:
        now->file = asyncp_bytes_uleb(code);
        return false;
    case NEGATE_STATEMENT:
        now->is_statement = !now->is_statement;
        return false;
    case CONSTANT_ADDRESS:
        now->address += advance_of(program, 255 - program->opcode_base);
        return false;
    case FIXED_ADDRESS:
        now->address += asyncp_bytes_unsigned(code, 2);
        return false;
    default:
        skip_arguments(program, code, opcode);
        return false;
    }
}

/* Rows of the current sequence; line 0: none. */
struct rows {
    struct line_registers last;
    struct line_registers first;     /* of the function */
    struct line_registers statement; /* the last one that is not of the line of `first` */
    struct line_registers other;     /* the last one before it that is of another file */
};

static void note_row(struct rows *rows, const struct line_registers *now, uint64_t begin)
{
    if (now->has_ended) {
        *rows = (struct rows){.last = {.line = 0}};
        return;
    }
    const struct line_registers *first = &rows->first;
    if (now->address >= begin && (first->line == 0 || rows->last.address < begin))
        *rows = (struct rows){.first = *now};
    else if (now->address >= begin && now->is_statement && now->line != 0 &&
             (now->line != first->line || now->file != first->file)) {
        if (rows->statement.file != now->file)
            rows->other = rows->statement;
        rows->statement = *now;
    }
    rows->last = *now;
}

/* Runs the program until it has appended a row. false: it is over. */
static bool run_until_row(const struct line_program *program, struct bytes *code,
                          struct line_registers *now)
{
    while (code->at < code->end && !code->failed)
        if (run_line_opcode(program, code, now))
            return true;
    return false;
}

/* The next statement of the sequence that is of another file; line 0: none. */
static struct line_registers find_next(const struct line_program *program, struct bytes code,
                                       struct line_registers now, uint64_t file)
{
    while (!now.has_ended && (now.file == file || !now.is_statement || now.line == 0))
        if (!run_until_row(program, &code, &now))
            now.has_ended = true;
    return now.has_ended ? (struct line_registers){.line = 0} : now;
}

static void name_around(const struct line_program *program, const struct rows *rows,
                        struct source_around *around)
{
    const uint64_t file = rows->last.file;
    const struct line_registers none = {.line = 0};
    name_line(program, rows->statement.file != file ? &rows->statement : &rows->other,
              &around->before);
    name_line(program, rows->first.file != file ? &rows->first : &none, &around->first);
}

/* Runs the program until a row and the next one of its sequence enclose the address. */
static bool find_in_program(const struct line_program *program, uint64_t address, uint64_t begin,
                            struct source_line *line, struct source_around *around)
{
    const struct line_registers start = {
        .file = 1, .line = 1, .is_statement = program->begins_in_statement};
    struct line_registers now = start;
    struct rows rows = {.last = {.line = 0}};
    struct bytes code = program->opcodes;
    while (run_until_row(program, &code, &now)) {
        if (rows.last.line != 0 && !rows.last.is_left_out && rows.last.address <= address &&
            address < now.address) {
            name_line(program, &rows.last, line);
            name_around(program, &rows, around);
            now = find_next(program, code, now, rows.last.file);
            name_line(program, &now, &around->next);
            return true;
        }
        note_row(&rows, &now, begin);
        if (now.has_ended)
            now = start;
    }
    return false;
}

bool asyncp_source_find(const struct line_tables *tables, uint64_t address, uint64_t begin,
                        struct source_line *line, struct source_around *around)
{
    if (tables->lines.bytes == NULL)
        return false;
    struct bytes bytes = {.at = tables->lines.bytes,
                          .end = tables->lines.bytes + tables->lines.size};
    while (bytes.at < bytes.end && !bytes.failed) {
        struct line_program program;
        if (open_program(&program, tables, &bytes) &&
            find_in_program(&program, address, begin, line, around))
            return true;
    }
    return false;
}
