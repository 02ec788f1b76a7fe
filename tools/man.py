#!/usr/bin/env python3
"""Makes the man pages from the comments in the public headers and the programs in docs/man.

    tools/man.py FOLDER          writes FOLDER/man3 and FOLDER/man7, and removes other files there
    tools/man.py --check FOLDER  names the pages there that differ from what the sources say

A program of docs/man is the example of one page. Its first comment has the page's title and the names that the page
describes, in their order on the page; its last comment has what it prints:

    /*
     * async_sleep.c: let other tasks run for a while
     *
     * Pages: async_sleep async_time
     */
    …
    /* Prints:
     * one second later
     */

The rest of a page comes from the comments in the header, whose form tools/reference.py describes. The page has the
program's name; each other name gets a file that refers to it. asyncio(7) is docs/man/asyncio.7.
"""
import itertools
import pathlib
import re
import shutil
import sys
import textwrap
from typing import NamedTuple

import include_code
import reference

ROOT = reference.ROOT
PROGRAMS = ROOT / "docs" / "man"
WIDTH = 72  # columns of a synopsis: man indents it by 7
CODE_WIDTH = 80  # columns of a program, which a page of 87 columns shows whole
DATE = "2026-11-22"  # the date of the version
PROGRAM = re.compile(r"/\*\n \* (?P<name>\w+)\.c: (?P<title>.*?)\n \*\n \* Pages: (?P<names>.*?)\n \*/\n"
                     r"(?P<code>.*?)\n*/\* Prints:\n(?P<output>.*?) \*/\n", re.S)
SWITCHES = {
    "Switches.": ("switches: other tasks may run before it returns.\nIt can be cancelled: see asyncio(7).",
                  "switch: other tasks may run before they return.\nThey can be cancelled: see asyncio(7)."),
    "Never switches.": ("never switches.", "never switch."),
    "Never switches itself.": ("does not switch, but the call inside it may.",
                               "do not switch, but the call inside them may.")}
CANCELLED = "The calling task was cancelled"
PARAMETER = r"(?<=[ *&(])(?!void\b)(\w+)(?=(?:\[\])?[,)])"
ERROR = re.compile(r"(?P<codes>-E[A-Z0-9]+(?:(?:, | and | or )-E[A-Z0-9]+)*)(?P<others> or another error.*?(?= if |$))?"
                   r"(?:,? (?P<also>also )?if (?P<condition>.*)| (?P<text>.*))?$")


class Mistake(Exception):
    """A program or a header that no page can be made of; the text says why."""


class Entry(NamedTuple):
    """A public name as its header has it."""
    header: str
    name: str
    signature: str
    text: str  # the comment
    comment: reference.Comment

    def is_type(self):
        return self.signature.startswith("typedef")

    def is_macro(self):
        return self.signature == self.name


class Page(NamedTuple):
    """A page, of one program."""
    name: str
    title: str
    entries: list[Entry]
    code: str
    output: str

    def names(self):
        return [entry.name for entry in self.entries]


# ---- what the sources say -------------------------------------------------------------------------------------


def capital(text):
    """Text that begins a sentence; a name or a call is not changed."""
    return text if re.match(r"\w+[_(]", text) else text[:1].upper() + text[1:]


def entry_of(header, name, signature, text):
    return Entry(header, name, signature, text, reference.parse(text, signature == name))


def read_headers():
    """Everything public, by its name, in the order of the headers."""
    entries = {}
    for header in reference.HEADERS:
        for found in reference.entries(reference.source_of(header)):
            entries.setdefault(found[0], entry_of(header, *found))
    return entries


def page_of(path, entries):
    parts = PROGRAM.fullmatch(path.read_text())
    if not parts or parts["name"] != path.stem:
        raise Mistake(f"docs/man/{path.name} does not begin and end as tools/man.py says")
    names = parts["names"].replace(" * ", " ").split()
    unknown = [name for name in [path.stem, *names] if name not in entries]
    if unknown:
        raise Mistake(f"docs/man/{path.name} is about {', '.join(unknown)}, which no header explains")
    output = re.sub(r"^ \* ?", "", parts["output"], flags=re.M)
    title = " ".join(parts["title"].replace("\n * ", " ").split())
    return Page(path.stem, title, [entries[name] for name in names], parts["code"].strip("\n"), output)


def read_pages(entries, folder=PROGRAMS):
    return [page_of(path, entries) for path in sorted(folder.glob("*.c"))]


def gaps(all_pages, names):
    """Complaints unless each name is on one page, whose program fits and uses it. Types need not be used."""
    shown = [name for page in all_pages for name in page.names()]
    yield from (f"{name} has no page: there is no program about it in docs/man" for name in names if name not in shown)
    yield from (f"{name} is on {shown.count(name)} pages" for name in sorted(set(shown)) if shown.count(name) > 1)
    for page in all_pages:
        yield from (f"docs/man/{page.name}.c has a line of more than {CODE_WIDTH} columns: {line.strip()}"
                    for line in page.code.splitlines() if len(line) > CODE_WIDTH)
        code = uncommented(page.code)
        yield from (f"docs/man/{page.name}.c does not use {entry.name}" for entry in page.entries
                    if not entry.is_type() and not re.search(rf"\b{entry.name}\b", code))


def nonsense(all_pages):
    """Complaints about what makes sense only in the header, and about comments without their form."""
    for page in all_pages:
        where = f"the page of docs/man/{page.name}.c"
        text = synopsis(page) + [paragraph for entry in page.entries for paragraph in entry.comment.description]
        found = re.findall(r"\bASYNCP_\w+|\basyncp_\w+", " ".join(text))
        yield from (f"{where} shows {name}" for name in dict.fromkeys(found))
        for entry in page.entries:
            yield from (f"{where} {mistake}" for mistake in mistakes_of(entry))


def mistakes_of(entry):
    if any(declaration(entry).count(one) != declaration(entry).count(other) for one, other in ("()", "{}")):
        yield f"cuts {entry.name} off"
    if re.search(r"\b(above|below)\b[;.]|\bThe same\b(?! holds)", entry.text):
        yield f"does not have what the comment of {entry.name} refers to"
    if entry.is_macro() and not entry.comment.form:
        yield f"does not say how {entry.name} is written"
    for line in entry.comment.results:
        yield from (f"has an error of {entry.name} in a form that tools/man.py does not know: {error}"
                    for error in divided(line)[1] if not ERROR.match(error.rstrip(".")))


def uncommented(code):
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", code, flags=re.S)


def sentences(text):
    """A period or an ellipsis before a blank ends one."""
    return re.split(r"(?:(?<=[.…])|(?<=\.\))) (?=\S)", " ".join(text.split())) if text.strip() else []


def divided(line):
    """What a line of Comment.results says of the result, and its errors."""
    first, *more = re.split(r"; (?=-E)", line)
    if first.startswith("-E"):
        return "", [first, *more]
    return "Returns 0 on success." if first.rstrip(".") == "Returns 0" else first.rstrip(".") + ".", more


def results_of(entry):
    return [result for result, _ in map(divided, entry.comment.results) if result]


def errors_of(entry):
    """(code, meaning) of each error; no meaning where the comment gives none."""
    found = [pair for line in entry.comment.results for error in divided(line)[1] for pair in errors_in(error)]
    can_fail = re.match(r"(ASYNC_API )?int\b", entry.signature) or entry.comment.form.startswith("int")
    if entry.comment.switches == "Switches." and can_fail and "-ECANCELED" not in dict(found):
        found.append(("-ECANCELED", CANCELLED))
    return found


def errors_in(error):
    """(code, meaning) of each code of one error, such as "-EBADF if fd is not open"."""
    parts = ERROR.match(error.rstrip("."))
    if not parts:
        return []
    meaning = parts["condition"] or parts["text"] or ""
    codes = re.findall(r"-E[A-Z0-9]+", parts["codes"])
    if parts["also"]:
        return [(code, f"{CANCELLED}, or {meaning}" if code == "-ECANCELED" else f"also if {meaning}")
                for code in codes]
    if parts["others"]:
        return [(", ".join([*codes, "…"]), meaning)]
    return [(code, meaning) for code in codes]


# ---- roff -----------------------------------------------------------------------------------------------------


def escape(text):
    """Any text, so that roff shows it unchanged."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    text = text.replace("^", "\\(ha").replace("~", "\\(ti").replace("\"", "\\(dq")
    text = re.sub(r"[^\x00-\x7f]", lambda found: f"\\[u{ord(found[0]):04X}]", text)
    return re.sub(r"^\.", r"\\&.", text, flags=re.M)


def whole(name):
    """A name in bold that is not broken at the end of a line."""
    return f"\\%\\fB{escape(name)}\\fR"


def words(text, own, known):
    """Sentences: names in bold, and with their section where they have another page; indented text is code."""
    if text.startswith("    "):
        return literal(textwrap.dedent(text))

    def bold(is_argument, piece, behind):
        if piece.startswith("`"):
            return whole(piece.strip("`"))
        name = piece.removesuffix("()")
        in_code = is_argument or re.match(r"\(|\.\w", behind)
        has_page = name in known and name not in own and not in_code
        return whole(name) + ("(3)" if has_page else piece[len(name):])

    pieces = re.split(r"(`[^`]*`|\basync_\w+(?:\(\))?|\bASYNC_[A-Z_]+\b|-E[A-Z0-9]{2,}|\bNULL\b)", text)
    plain = [escape(piece).replace("\\(aq", "\\[cq]") for piece in pieces[::2]]
    are_arguments = [False, *(between == "(" for between in pieces[2::2])]
    marked = [bold(*three) for three in zip(are_arguments, pieces[1::2], pieces[2::2])]
    joined = "".join(itertools.chain.from_iterable(itertools.zip_longest(plain, marked, fillvalue="")))
    return "\n".join(re.sub(r"^([.'])", r"\\&\1", line) for line in sentences(unbroken(joined)))


def unbroken(text):
    """With \\% at the beginning of words only: anywhere else a line may be broken there, with a hyphen."""
    return re.sub(r"\S+\\%\S*", lambda word: "\\%" + word[0].replace("\\%", ""), text)


def literal(text):
    return ".EX\n" + "\n".join(escape(line) for line in text.splitlines()) + "\n.EE"


def prototype(text):
    """Bold, with the names of the parameters in italics."""
    inside = not text.startswith(("typedef", "#"))
    marked = re.sub(PARAMETER, "\1\\1\2", text) if inside else text
    return "\n".join("\\fB" + escape(line).replace("\1", "\\fI").replace("\2", "\\fB") + "\\fR"
                     for line in marked.splitlines())


def fold(signature):
    """A prototype in lines that fit, broken before a parameter."""
    if len(signature) <= WIDTH or "(" not in signature:
        return signature
    depth, parts = 0, [""]
    for letter in signature:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        parts[-1] += letter
        if letter == "," and depth == 1:
            parts.append("")
    column = signature.index("(") + 1
    indent = " " * (column if column + max(map(len, parts[1:]), default=0) <= WIDTH else 8)
    lines = [parts[0]]
    for part in parts[1:]:
        if len(lines[-1] + part) <= WIDTH:
            lines[-1] += part
        else:
            lines.append(indent + part.strip())
    return "\n".join(lines)


def declaration_of(struct):
    """A struct in lines that fit: a long comment is put above its field and wrapped, a long field is folded."""
    struct = re.sub(r"/\*\n.*?\*/", lambda found: "/* " + " ".join(re.sub(r"[/*]", " ", found[0]).split()) + " */",
                    struct, flags=re.S)
    lines = []
    for line in struct.splitlines():
        indent, field, comment = re.match(r"(\s*)(.*?)\s*(/\* .* \*/)?$", line).groups()
        if len(line) <= WIDTH or not indent:
            lines.append(re.sub(r"(\S) +/\*", r"\1 /*", line))
            continue
        lines += wrapped(comment, indent) if comment else []
        lines += [indent + part for part in fold_field(field)] if field else []
    return "\n".join(lines)


def wrapped(comment, indent):
    """A comment of one line in as many as it needs."""
    if len(indent + comment) <= WIDTH:
        return [indent + comment]
    inside = textwrap.wrap(comment[3:-3], WIDTH - len(indent) - 3, break_on_hyphens=False)
    return [indent + "/*", *(f"{indent} * {line}" for line in inside), indent + " */"]


def fold_field(field):
    """A pointer to a function with many parameters in lines that fit."""
    if len(field) <= WIDTH - 4:
        return [field]
    return textwrap.wrap(field, WIDTH - 4, subsequent_indent="        ")


# ---- the sections ---------------------------------------------------------------------------------------------


def declaration(entry):
    """A declaration; for a macro, how it is written."""
    if entry.is_type() and "{" in entry.signature:
        return declaration_of(entry.signature)
    if entry.is_macro():
        form = entry.comment.form or entry.signature
        return fold(form if form.endswith(";") or "ASYNC_" in form else form + ";")
    return fold(entry.signature)


def synopsis(page):
    calls = [declaration(entry) for entry in page.entries if not entry.is_type()]
    types = [declaration(entry) for entry in page.entries if entry.is_type()]
    headers = {entry.header for entry in page.entries} & {*reference.EXTENSIONS, *reference.APART}
    includes = ["#include <asyncio.h>", *(f"#include <asyncio/{header}.h>" for header in sorted(headers))]
    blocks = [includes, calls, *([text] for text in types)]
    shown = "\n.PP\n".join("\n".join(map(prototype, block)) for block in blocks if block)
    return [".SH SYNOPSIS", ".nf", shown, ".fi"]


def tag(entry):
    """The name of an entry in front of a paragraph about it."""
    is_call = "(" in (entry.comment.form if entry.is_macro() else entry.signature) and not entry.is_type()
    return whole(entry.name) + ("()" if is_call else "")


def tagged(page, known, texts_of):
    """The texts of each entry, after its name if the page has several; equal texts get one paragraph."""
    own, lines, groups = page.names(), [], {}
    for entry in page.entries:
        if texts_of(entry):
            groups.setdefault(tuple(texts_of(entry)), []).append(entry)
    for (first, *more), entries in groups.items():
        lines += [".TP", ", ".join(map(tag, entries))] if own[1:] else []
        lines += [words(first, own, known)]
        lines += [line for text in more for line in (".IP" if own[1:] else ".PP", words(text, own, known))]
    return lines


def part(title, lines):
    return [f".SH {title}", *lines] if lines else []


def returns(page, known):
    return part("RETURN VALUE", tagged(page, known, lambda entry: [" ".join(results_of(entry))] * bool(results_of(entry))))


def ownership(page, known):
    return part("OWNERSHIP", tagged(page, known, lambda entry: [" ".join(entry.comment.ownership)]
                                    * bool(entry.comment.ownership)))


def meanings_of(page, plain_meanings):
    """The errors of a page, in the order of their first mention: code -> meaning -> the entries that have it."""
    meanings = {}
    for entry in page.entries:
        for code, meaning in errors_of(entry):
            meaning = meaning or plain_meanings.get(code, "")
            if meaning.split(" ")[0] not in re.findall(r"\w+", entry.signature + entry.comment.form):
                meaning = capital(meaning)  # a parameter keeps its name
            meanings.setdefault(code, {}).setdefault(meaning, []).append(entry)
    return meanings


def errors(page, known, plain_meanings):
    """By code; where there are several functions, each meaning names its own."""
    lines = []
    for code, meanings in meanings_of(page, plain_meanings).items():
        lines += [".TP", f"\\fB{escape(code)}\\fR"]
        for number, (meaning, entries) in enumerate(meanings.items()):
            whose = "(" + ", ".join(dict.fromkeys(map(tag, entries))) + ") " if page.names()[1:] else ""
            lines += [".br"] if number > 0 else []
            lines += [whose + words(meaning.rstrip(".") + ".", page.names(), known)]
    return part("ERRORS", lines)


def switching(page):
    lines = []
    for said, (one, several) in SWITCHES.items():
        names = [tag(entry) for entry in page.entries if entry.comment.switches == said]
        if names:
            those = ",\n".join(names[:-1]) + ("\nand\n" if names[1:] else "") + names[-1]
            lines += [".PP", those, escape(several if names[1:] else one)]
    return part("SWITCHING", lines[1:])


def example(page):
    return [".SH EXAMPLES", literal(page.code), ".PP", "It prints:", ".PP", ".RS 4", literal(page.output), ".RE"]


def see_also(page, all_pages):
    """The pages about the same header, and those of the names that the text mentions."""
    headers = {entry.header for entry in page.entries}
    text = " ".join(entry.text for entry in page.entries)
    names = {other.name for other in all_pages if headers & {entry.header for entry in other.entries}}
    names |= {other.name for other in all_pages for name in other.names() if re.search(rf"\b{name}\b", text)}
    shown = [f"{whole(name)}(3)" for name in sorted(names - {page.name})]
    return [".SH SEE ALSO", ",\n".join([*shown, "\\%\\fBasyncio\\fR(7)"])]


def heading(name, section):
    return [".\\\" Made by tools/man.py from the comments of the headers and from docs/man. Change it there.",
            f'.TH {name} {section} {DATE} "libasyncio {version()}" "Library Functions Manual"', ".ad l"]


def version():
    return ".".join(re.findall(r"#define ASYNC_VERSION_\w+ (\d+)", reference.source_of("base")))


def library(page):
    header = next((entry.header for entry in page.entries if entry.header in reference.EXTENSIONS), "")
    shown = escape(reference.package_of(header))
    return f"asyncio for C (\\fIlib{shown}\\fR, \\fBpkg\\-config \\-\\-cflags \\-\\-libs {shown}\\fR)"


def roff_of(page, all_pages, known, plain_meanings):
    names = ",\n".join(f"\\%{name}" for name in page.names())
    description = tagged(page, known, lambda entry: entry.comment.description)
    lines = [*heading(page.name, 3), ".SH NAME", f"{names} \\- {escape(page.title)}",
             ".SH LIBRARY", library(page),
             *synopsis(page), *part("DESCRIPTION", description), *returns(page, known),
             *errors(page, known, plain_meanings), *ownership(page, known), *switching(page),
             *example(page), *see_also(page, all_pages)]
    return "\n".join(lines) + "\n"


def overview(all_pages):
    """docs/man/asyncio.7, in which each line `.\\" @…` is replaced by what it names."""
    def fill(found):
        what = found[1].split()
        if what[0] == "heading":
            return "\n".join(heading("asyncio", 7))
        if what[0] == "code":
            return literal(include_code.HEAD_COMMENT.sub("", (ROOT / what[1]).read_text(), count=1))
        return "\n".join(filter(None, (listed(header, all_pages) for header in reference.HEADERS)))

    source = (PROGRAMS / "asyncio.7").read_text()
    return re.sub(r'^\.\\" @(.*)$', fill, source, flags=re.M)


def listed(header, all_pages):
    """The pages about a header, with their titles."""
    about = [page for page in all_pages if page.entries[0].header == header]
    _, text = reference.about(reference.source_of(header))
    title = re.split(r"[.:](?:\s|$)", " ".join(text.split()))[0]
    rows = [f".TP\n\\fB{page.name}\\fR(3)\n{escape(capital(page.title))}." for page in about]
    return "\n".join([f".SS {escape(title)}", *rows]) if about else ""


# ---- the folder -----------------------------------------------------------------------------------------------


def plain_meanings():
    """The texts of errors in the library."""
    return {f"-{symbol}": meaning for symbol, meaning in reference.error_meanings()}


def files():
    """The text of every file, by its path in the folder."""
    entries = read_headers()
    all_pages = read_pages(entries)
    made = {}
    for page in all_pages:
        made[f"man3/{page.name}.3"] = roff_of(page, all_pages, entries, plain_meanings())
        for name in page.names():
            made.setdefault(f"man3/{name}.3", f".so man3/{page.name}.3\n")
    return {**made, "man7/asyncio.7": overview(all_pages)}


def write(folder):
    for section in ("man3", "man7"):
        shutil.rmtree(folder / section, ignore_errors=True)
        (folder / section).mkdir(parents=True)
    for name, text in files().items():
        (folder / name).write_text(text)


def stale(folder):
    wanted = files()
    there = {str(path.relative_to(folder)): path.read_text() for path in folder.glob("man*/*")}
    return [name for name in sorted({*wanted, *there}) if wanted.get(name) != there.get(name)]


def main(arguments):
    try:
        if len(arguments) == 1 and not arguments[0].startswith("-"):
            write(pathlib.Path(arguments[0]))
            return 0
        if len(arguments) == 2 and arguments[0] == "--check":
            names = stale(pathlib.Path(arguments[1]))
            print(*(f"{name} differs from the sources: run ninja" for name in names), sep="\n", end="")
            return 1 if names else 0
    except Mistake as mistake:
        print(mistake)
        return 1
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
