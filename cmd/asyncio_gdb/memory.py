"""The memory of the debugged program, and the copies of libasyncio in it.

A copy is found by its two ELF notes, as src/inspect/layout.h describes, so the program may be stripped or static. All
that is read may be damaged: what cannot be read is None, and what cannot be used raises Refusal.
"""

from __future__ import annotations

import codecs
import re
import struct
from typing import NamedTuple

import gdb

from . import layout

PAGE = 4096
MAX_NOTES_BYTES = 8192
MAX_TEXT_BYTES = 255
MAX_STRUCT_BYTES = 16384
MAX_RECORDS = 256
MAX_SEGMENTS = 128
PT_LOAD, PT_NOTE = 1, 4
OWNER = layout.OWNER.encode() + b"\0"
ORDERS = {"little": "<", "big": ">"}
DAMAGED = "the libasyncio of the program is damaged in memory"


class Refusal(Exception):
    """A sentence for the user."""


def read(address: int, size: int) -> bytes | None:
    try:
        return bytes(gdb.selected_inferior().read_memory(address, size))
    except (gdb.error, OverflowError, ValueError):
        return None


def printable(text: bytes, is_whole=True) -> str:
    """On one line, without control characters. A text that was cut ends with a whole character."""
    decoded = codecs.getincrementaldecoder("utf-8")("backslashreplace").decode(text, is_whole)
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in decoded)


class Texts:
    """The texts of the program by their addresses. Constants are shared by many tasks."""

    def __init__(self):
        self.known = {0: ""}

    def get(self, address: int) -> str:
        if address not in self.known:
            text = read(address, MAX_TEXT_BYTES) or read(address, min(MAX_TEXT_BYTES, -address % PAGE)) or b""
            self.known[address] = printable(text.partition(b"\0")[0], b"\0" in text)
        return self.known[address]


# ---- copies of the library --------------------------------------------------------------------------------------


class Library(NamedTuple):
    """A copy of libasyncio. Entries are named as in inspect/layout.h."""
    order: str               # of bytes: "little" or "big"
    word: int                # bytes of a pointer
    offsets: dict[str, int]  # of members; of a number its value
    sizes: dict[str, int]    # of structs and of members
    loops: int               # the address of struct loops
    resume: int              # where a suspended context goes on; 0: libc has its registers

    def get(self, content: bytes, name: str) -> int:
        offset = self.offsets[name]
        return int.from_bytes(content[offset:offset + self.sizes[name]], self.order)

    def get_signed(self, content: bytes, name: str) -> int:
        offset = self.offsets[name]
        return int.from_bytes(content[offset:offset + self.sizes[name]], self.order, signed=True)

    def read(self, address: int, name: str) -> bytes | None:
        """A whole struct."""
        return read(address, self.sizes[name])



def is_sound(name: str, whole: str | None, offset: int, size: int, sizes: dict[str, int]) -> bool:
    """Whether an entry lies in its struct, as asyncp_layout_check judges."""
    if whole is None:
        return 0 < offset <= MAX_STRUCT_BYTES
    if whole == name:
        return 0 < size <= MAX_STRUCT_BYTES
    return size in (1, 2, 4, 8) and offset + size <= sizes[whole]


def read_layout(order: str, note: bytes) -> tuple[int, dict[str, int], dict[str, int]]:
    """The bytes of a pointer, the offsets and the sizes."""
    numbers = [int.from_bytes(note[at:at + 2], order) for at in range(0, len(note) - 1, 2)]
    major, _, length, word = numbers[:4] if len(numbers) >= 4 else (0, 0, 0, 0)
    if major != layout.MAJOR or length < len(layout.ENTRIES) or word not in (4, 8):
        raise Refusal("the libasyncio of the program is of another version; load the commands of that version")
    if length > (len(numbers) - 4) // 2:
        raise Refusal(DAMAGED)
    names = [name for name, _ in layout.ENTRIES]
    offsets, sizes = dict(zip(names, numbers[4::2])), dict(zip(names, numbers[5::2]))
    if not all(is_sound(name, whole, offsets[name], sizes[name], sizes) for name, whole in layout.ENTRIES) or \
            offsets["chunk_records"] > MAX_RECORDS or offsets["task_borrowed_bit"] > 31:
        raise Refusal(DAMAGED)
    return word, offsets, sizes


def notes(content: bytes, order: str):
    """The owner, the type, the place and the content of each note."""
    at, header = 0, struct.Struct(ORDERS[order] + "III")
    while at + header.size <= len(content):
        owner, size, kind = header.unpack_from(content, at)
        begin = at + header.size + (owner + 3) // 4 * 4
        yield content[at + header.size:][:owner], kind, begin, content[begin:begin + size]
        at = begin + (size + 3) // 4 * 4


def copy_of_notes(address: int, size: int, order: str) -> Library | None:
    """The copy with these notes; None if they are not those of libasyncio, or if it is mapped only as a file."""
    content = read(address, min(size, MAX_NOTES_BYTES)) or b""
    found = {kind: (begin, note) for owner, kind, begin, note in notes(content, order) if owner == OWNER}
    if not {layout.NOTE_LOOPS, layout.NOTE_LAYOUT} <= found.keys():
        return None
    begin, distance = found[layout.NOTE_LOOPS]
    loops = address + begin + int.from_bytes(distance, order, signed=True)
    library = Library(order, *read_layout(order, found[layout.NOTE_LAYOUT][1]), loops, 0)
    listed = library.read(loops, "loops")
    if listed is None or library.get(listed, "loops_magic") != layout.MAGIC:
        return None
    resume = read(library.get(listed, "loops_resume"), library.word)
    return library._replace(resume=int.from_bytes(resume or b"", order))


# ---- loaded files -----------------------------------------------------------------------------------------------

# By the size of a pointer: the places of what is needed in the file header and in a program header.
HEADER = {4: "28xI10xHH", 8: "32xQ14xHH"}
SEGMENT = {4: "III8xI8x", 8: "I4xQQ16xQ8x"}  # the type, the offset, the address, the size in memory


def notes_of_image(start: int):
    """The addresses and sizes of the notes of a loaded file, and its byte order. Program headers are mapped with it."""
    header = read(start, 64)
    if header is None or header[:4] != b"\x7fELF" or header[4] not in (1, 2) or header[5] not in (1, 2):
        return
    word, order = header[4] * 4, ("little", "big")[header[5] - 1]
    table, size, count = struct.unpack_from(ORDERS[order] + HEADER[word], header)
    form = struct.Struct(ORDERS[order] + SEGMENT[word])
    content = read(start + table, size * min(count, MAX_SEGMENTS))
    if content is None or size != form.size:
        return
    segments = list(form.iter_unpack(content))
    bias = next((start - address for kind, offset, address, _ in segments if kind == PT_LOAD and offset == 0), None)
    if bias is not None:
        yield from ((bias + address, size, order) for kind, _, address, size in segments if kind == PT_NOTE)


def told(command: str) -> str:
    """The answer of gdb; an empty text if it has none."""
    try:
        return gdb.execute(command, to_string=True)
    except gdb.error:
        return ""


def all_notes():
    """Of mapped files, and of the sections that gdb knows: a target may not tell its mappings."""
    for start in re.findall(r"^ *(0x\w+) +0x\w+ +0x\w+ +0x0 .*/", told("info proc mappings"), re.MULTILINE):
        yield from notes_of_image(int(start, 16))
    order = "big" if "big endian" in told("show endian") else "little"
    for start, end in re.findall(r"(0x\w+) - (0x\w+) is \.note\.asyncio", told("info files")):
        yield int(start, 16), int(end, 16) - int(start, 16), order


def libraries() -> list[Library]:
    """The copies of libasyncio, each once, however often its notes are found."""
    refusal, found = None, {}
    for notes_found in all_notes():
        try:
            library = copy_of_notes(*notes_found)
        except Refusal as reason:
            library, refusal = None, reason
        if library:
            found.setdefault(library.loops, library)
    if refusal and not found:
        raise refusal
    return list(found.values())
