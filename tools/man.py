#!/usr/bin/env python3
"""Makes the man pages from the comments in the public headers and the programs in docs/man.

    tools/man.py FOLDER          writes FOLDER/man3 and FOLDER/man7, and nothing else is left in these
    tools/man.py --check FOLDER  names the pages there that are not what the sources say

A program of docs/man is the example of one page. Its first comment has the page's title and the names it is about,
in the order of the page; its last has what it prints:

    /*
     * async_sleep.c: let the others run for a while
     *
     * Pages: async_sleep async_time
     */
    …
    /* Prints:
     * one second later
     */

Everything else of a page is the comment in the header, sorted into the sections that readers of man pages expect:
sentences that begin with -E… are its ERRORS, those that begin as RESULT says its RETURN VALUE. The page is called
after the program; the other names get a file that points to it. asyncio(7) is docs/man/asyncio.7.
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
CODE_WIDTH = 80  # of a program, so that a page of 87 columns shows it whole
DATE = "2026-11-22"  # of the version; no page goes without one
PROGRAM = re.compile(r"/\*\n \* (?P<name>\w+)\.c: (?P<title>.*?)\n \*\n \* Pages: (?P<names>.*?)\n \*/\n"
                     r"(?P<code>.*?)\n*/\* Prints:\n(?P<output>.*?) \*/\n", re.S)
RESULT = re.compile(r"(Returns|Gives|If none|True|False|true|false)\b|NULL(:| also| when| if)|"
                    r"0(:|,|;|\.$| when| if| once| for| or -)")
VERBS = ("Returns", "Gives")  # a comment that begins so says what the function does
SWITCHES = {
    "Switches.": ("switches: other tasks may run before it returns.\nCancellation acts on it as asyncio(7) says.",
                  "switch: other tasks may run before they return.\nCancellation acts on them as asyncio(7) says."),
    "Never switches.": ("never switches.", "never switch."),
    "Never switches itself.": ("does not switch itself;\nwhat it is given may.",
                               "do not switch themselves;\nwhat they are given may.")}
MEANINGS = {"-ECANCELED": "This task was cancelled"}
PARAMETER = r"(?<=[ *&(])(?!void\b)(\w+)(?=(?:\[\])?[,)])"
CODE = re.compile(r"(-E[A-Z0-9]+)…?(?:,| and)? ?")
# How a comment begins that says how its name is written: up to a colon, or a whole declaration.
FORM = r"((?:[^:;]*?\b)?{0}\b[^:;]{{0,60}}?): |({0}(?:\([^()]*\)| \*?\w+ = [^;:]*);) "
# A sentence whose end is about errors.
ASIDE = re.compile(r"(.*?\w.*?); (-E[A-Z0-9]+(?:(?:,|…| and| -E[A-Z0-9]+)*:.*|(?:, -E[A-Z0-9]+)*\.))$")


class Mistake(Exception):
    """A program or a header that no page can be made of; the text says why."""


class Entry(NamedTuple):
    """A public name as its header has it."""
    header: str
    name: str
    signature: str
    form: str  # how one writes it, where the comment begins with that
    text: str  # the comment, without that
    before: str  # the name before it in the header; what "The same" in its text is the same as
    switches: str  # what is said of it: one of the keys of SWITCHES, or nothing

    def is_type(self):
        return self.signature.startswith("typedef")


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
    """Text that begins a sentence; a name stays as it is, and so does a call."""
    return text if re.match(r"\w+[_(]", text) else text[:1].upper() + text[1:]


def entry_of(header, name, signature, comment, before=""):
    form, text = "", comment
    begin = re.match(FORM.format(name), comment)
    if begin and ". " not in (begin[1] or ""):
        form, text = " ".join((begin[1] or begin[2]).split()), capital(comment[begin.end():])
    said = next((said for said in SWITCHES if said in " ".join(text.split())), "")
    return Entry(header, name, signature, form, text, before, said)


def read_headers():
    """Everything public, by its name, in the order of the headers."""
    entries = {}
    for header in reference.HEADERS:
        before = ""
        for found in reference.entries(reference.source_of(header)):
            entries.setdefault(found[0], entry_of(header, *found, before))
            before = before if found[1].startswith("typedef") else found[0]
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
    return Page(path.stem, parts["title"], [entries[name] for name in names], parts["code"].strip("\n"), output)


def read_pages(entries, folder=PROGRAMS):
    return [page_of(path, entries) for path in sorted(folder.glob("*.c"))]


def gaps(all_pages, names):
    """What is wrong unless each of the names is on one page, whose program fits and uses it (types may be implied)."""
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
    """What a page says that only the header makes sense of, or nothing."""
    for page in all_pages:
        for entry, before in zip(page.entries, ["", *page.names()]):
            if re.match(r"The same\b(?! as)", entry.text) and entry.before != before:
                yield f"docs/man/{page.name}.c: \"The same\" of {entry.name} is that of {entry.before}, which is not before it"
        text = synopsis(page) + [paragraph for entry in page.entries for paragraph in sort_out(entry.text).paragraphs]
        found = re.findall(r"\bASYNCP_\w+|\basyncp_\w+", " ".join(text))
        yield from (f"the page of docs/man/{page.name}.c shows {name}" for name in dict.fromkeys(found))
        for entry in page.entries:
            if any(declaration(entry).count(one) != declaration(entry).count(other) for one, other in ("()", "{}")):
                yield f"the page of docs/man/{page.name}.c cuts {entry.name} off"
            if re.search(r"\b(above|below)\b[;.]", entry.text):
                yield f"the page of docs/man/{page.name}.c has nothing above or below that {entry.name} could mean"


def uncommented(code):
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", code, flags=re.S)


def sentences(text):
    """A period or an ellipsis before a blank ends one."""
    return re.split(r"(?:(?<=[.…])|(?<=\.\))) (?=\S)", " ".join(text.split())) if text.strip() else []


class Told(NamedTuple):
    """A comment, by the section its sentences belong to."""
    paragraphs: list[str]
    results: list[str]
    errors: list[str]


def sort_out(text):
    """The sentences about switching are left out: Entry has them."""
    told = Told([], [], [])
    for paragraph in re.split(r"\n *\n", text):
        if paragraph.startswith("    "):
            told.paragraphs.append(paragraph)
            continue
        kept = []
        for sentence in sentences(paragraph):
            if sentence in SWITCHES:
                continue
            aside = ASIDE.match(sentence)
            if aside and not sentence.startswith("-E") and not re.match(r"0[;,] -E", sentence):
                sentence = aside[1] + "."
                told.errors.append(aside[2])
            if sentence.startswith("-E"):
                told.errors.append(sentence)
            elif RESULT.match(sentence) and (kept or told.paragraphs or not sentence.startswith(VERBS)):
                result, _, error = re.match(r"(0)([;,]) (?=-E)(.*)", sentence).groups() if \
                    re.match(r"0[;,] -E", sentence) else (sentence, "", "")
                told.results.append("0 on success." if result.rstrip(".") == "0" else result.rstrip(".") + ".")
                told.errors.extend([error] if error else [])
            else:
                kept.append(sentence)
        if kept:
            told.paragraphs.append(" ".join(kept))
    return told


def errors_in(sentence):
    """(code, meaning) of each error that it names; no meaning where it gives none."""
    parts = re.split(r"; (?=-E)|(?<!…), (?=-E[A-Z0-9]+ (?!and\b))", sentence)
    if len(parts) > 1:
        return [found for part in parts for found in errors_in(part)]
    rest, codes = sentence.rstrip(".…"), []
    while match := CODE.match(rest):
        codes.append(match[1])
        rest = rest[match.end():]
        if rest.startswith(":"):
            break
    rest = re.sub(r"^the like", "", rest)
    if rest.startswith(":"):
        return [(code, rest[1:].strip()) for code in codes]
    return [(code, "") for code in codes[:-1]] + [(codes[-1], rest.strip())]


# ---- roff -----------------------------------------------------------------------------------------------------


def escape(text):
    """Any text, so that roff shows it as it is."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    text = text.replace("^", "\\(ha").replace("~", "\\(ti").replace("\"", "\\(dq")
    text = re.sub(r"[^\x00-\x7f]", lambda found: f"\\[u{ord(found[0]):04X}]", text)
    return re.sub(r"^\.", r"\\&.", text, flags=re.M)


def whole(name):
    """A name, bold, that is not to be broken at the end of a line."""
    return f"\\%\\fB{escape(name)}\\fR"


def words(text, own, known):
    """Sentences: names bold, and with their section where they have a page of their own; what is indented is code."""
    if text.startswith("    "):
        return literal(textwrap.dedent(text))

    def bold(piece, behind):
        if piece.startswith("`"):
            return whole(piece.strip("`"))
        name = piece.removesuffix("()")
        has_page = name in known and name not in own and not re.match(r"\(|\.\w", behind)
        return whole(name) + ("(3)" if has_page else piece[len(name):])

    pieces = re.split(r"(`[^`]*`|\basync_\w+(?:\(\))?|\bASYNC_[A-Z_]+\b|-E[A-Z0-9]{2,}|\bNULL\b)", text)
    plain = [escape(piece).replace("\\(aq", "\\[cq]") for piece in pieces[::2]]
    marked = [bold(piece, behind) for piece, behind in zip(pieces[1::2], pieces[2::2])]
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
    """A prototype in lines that fit, broken where a parameter of it begins."""
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
    """A struct without what is the library's, in lines that fit: a long comment comes above its field."""
    struct = re.sub(r"\n[^;\n]*\basyncp_\w+[^;\n]*;[^\n]*", "", struct)
    if "{\n}" in struct:
        return struct.replace("{\n}", "{ /* the library's */ }")
    lines = []
    for line in struct.splitlines():
        parts = re.match(r"(\s+)(.*;)\s*/\* (.*) \*/$", line)
        if parts and len(line) > WIDTH:
            lines += [f"{parts[1]}/* {parts[3]} */", parts[1] + parts[2]]
        else:
            lines.append(re.sub(r"; +/\*", "; /*", line))
    return "\n".join(lines)


# ---- the sections ---------------------------------------------------------------------------------------------


def declaration(entry):
    """A prototype; or how a macro is written."""
    if entry.is_type() and "{" in entry.signature:
        return declaration_of(entry.signature)
    if entry.signature.startswith(entry.name):
        return entry.form or entry.signature
    return fold(entry.signature.rstrip(";") + ";")


def synopsis(page):
    calls = [declaration(entry) for entry in page.entries if not entry.is_type()]
    types = [declaration(entry) for entry in page.entries if entry.is_type()]
    headers = {entry.header for entry in page.entries} & reference.EXTENSIONS.keys()
    includes = ["#include <asyncio.h>", *(f"#include <asyncio/{header}.h>" for header in sorted(headers))]
    blocks = [includes, calls, *([text] for text in types)]
    shown = "\n.PP\n".join("\n".join(map(prototype, block)) for block in blocks if block)
    return [".SH SYNOPSIS", ".nf", shown, ".fi"]


def tag(entry):
    """What stands in front of a paragraph about it: how it is written, or its name."""
    if entry.form:
        return prototype(entry.form)
    return f"\\fB{entry.name}\\fR" + ("()" if "(" in entry.signature and not entry.is_type() else "")


def tagged(page, known, texts_of):
    """The texts of each entry; each with its name in front where the page has several."""
    own, lines = page.names(), []
    for entry in page.entries:
        first, *more = texts_of(entry) or [None]
        if first is None:
            continue
        if len(own) == 1:
            lines += [words(first, own, known)]
            lines += [line for text in more for line in (".PP", words(text, own, known))]
        else:
            lines += [".TP", tag(entry), words(first, own, known)]
            lines += [line for text in more for line in (".IP", words(text, own, known))]
    return lines


def returns(page, known):
    def result(entry):
        return [" ".join(sort_out(entry.text).results)] if sort_out(entry.text).results else []
    lines = tagged(page, known, result)
    return [".SH RETURN VALUE", *lines] if lines else []


def meanings_of(page, plain_meanings):
    """The errors of a page, in the order of their first mention: code -> meaning -> whose it is."""
    meanings = {}
    for entry in page.entries:
        for code, meaning in itertools.chain(*map(errors_in, sort_out(entry.text).errors)):
            meaning = meaning or MEANINGS.get(code) or plain_meanings.get(code, "")
            if meaning.split(" ")[0] not in re.findall(r"\w+", entry.signature):  # a parameter keeps its name
                meaning = capital(meaning)
            meanings.setdefault(code, {}).setdefault(meaning, []).append(entry.name)
    return meanings


def errors(page, known, plain_meanings):
    """By code; where there are several functions, each meaning says whose it is."""
    lines = []
    for code, meanings in meanings_of(page, plain_meanings).items():
        lines += [".TP", f"\\fB{escape(code)}\\fR"]
        for number, (meaning, names) in enumerate(meanings.items()):
            whose = "(" + ", ".join(map(whole, dict.fromkeys(names))) + ") " if len(page.names()) > 1 else ""
            lines += [".br"] if number > 0 else []
            lines += [whose + words(meaning.rstrip(".") + ".", page.names(), known)]
    return [".SH ERRORS", *lines] if lines else []


def switching(page):
    lines = []
    for said, (one, several) in SWITCHES.items():
        names = [whole(entry.name) for entry in page.entries if entry.switches == said]
        if names:
            those = ",\n".join(names[:-1]) + ("\nand\n" if names[1:] else "") + names[-1]
            lines += [".PP", those, escape(several if names[1:] else one)]
    return [".SH SWITCHING", *lines[1:]] if lines else []


def example(page):
    return [".SH EXAMPLES", literal(page.code), ".PP", "It prints:", ".PP", ".RS 4", literal(page.output), ".RE"]


def see_also(page, all_pages):
    """The pages about the same header, and those of the names that the text speaks of."""
    headers = {entry.header for entry in page.entries}
    text = " ".join(entry.text for entry in page.entries)
    names = {other.name for other in all_pages if headers & {entry.header for entry in other.entries}}
    names |= {other.name for other in all_pages for name in other.names() if re.search(rf"\b{name}\b", text)}
    shown = [f"{whole(name)}(3)" for name in sorted(names - {page.name})]
    return [".SH SEE ALSO", ",\n".join([*shown, "\\fBasyncio\\fR(7)"])]


def heading(name, section):
    return [".\\\" Made by tools/man.py from the comments of the headers and from docs/man. Change it there.",
            f'.TH {name} {section} {DATE} "libasyncio {version()}" "Library Functions Manual"', ".ad l"]


def version():
    source = (ROOT / "include" / "asyncio.h").read_text()
    return ".".join(re.findall(r"#define ASYNC_VERSION_\w+ (\d+)", source))


def library(page):
    header = next(iter(entry.header for entry in page.entries if entry.header in reference.EXTENSIONS), "")
    name = "asyncio" + (f"-{header}" if header else "")
    shown = escape(name)
    return f"asyncio for C (\\fIlib{shown}\\fR, \\fBpkg\\-config \\-\\-cflags \\-\\-libs {shown}\\fR)"


def roff_of(page, all_pages, known, plain_meanings):
    names = ",\n".join(f"\\%{name}" for name in page.names())
    description = tagged(page, known, lambda entry: sort_out(entry.text).paragraphs)
    lines = [*heading(page.name, 3), ".SH NAME", f"{names} \\- {escape(page.title)}",
             ".SH LIBRARY", library(page),
             *synopsis(page), ".SH DESCRIPTION", *description, *returns(page, known),
             *errors(page, known, plain_meanings), *switching(page), *example(page), *see_also(page, all_pages)]
    return "\n".join(lines) + "\n"


def overview(all_pages):
    """docs/man/asyncio.7, with what its lines `.\\" @…` ask for in their place."""
    def fill(found):
        what = found[1].split()
        if what[0] == "heading":
            return "\n".join(heading("asyncio", 7))
        if what[0] == "code":
            return literal(include_code.HEAD_COMMENT.sub("", (ROOT / what[1]).read_text(), count=1))
        return "\n".join(listed(header, all_pages) for header in reference.HEADERS)

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
    """What a code means by itself, from where the library has it."""
    return {f"-{symbol}": meaning for symbol, meaning in reference.error_meanings()}


def files():
    """Every file to be, by its path in the folder."""
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
            print(*(f"{name} is not what the sources say: run ninja" for name in names), sep="\n", end="")
            return 1 if names else 0
    except Mistake as mistake:
        print(mistake)
        return 1
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
