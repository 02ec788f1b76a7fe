"""Runs inside gdb: steps through a program and compares every backtrace with what was really called.

What was called is known without unwinding: each call that is executed puts a return address on a list, each return
takes one away, and which stack's list that is, the stack pointer alone tells. Code outside the program (libc, the
linker's stubs) is run through at full speed: no switch happens there. tests/stepping.py judges what is printed.
"""

import re
from collections import Counter

import gdb

SLOT_SIZE = 1 << 16
ENOUGH = 5  # wrong backtraces, after which the rest is not looked at
MOST_FRAMES = 64
SWITCHES = ("async__switch", "async__switch_start")
REAL_FRAMES = (gdb.NORMAL_FRAME, gdb.SIGTRAMP_FRAME)  # neither inlined nor made up for a tail call
FINE_ENDS = (gdb.FRAME_UNWIND_NO_REASON, gdb.FRAME_UNWIND_OUTERMOST)
SETTINGS = ("pagination off", "confirm off", "suppress-cli-notifications on", "disassembly-flavor att",
            "print demangle off")  # "__" in a name would be Ada's


def told(command):
    return gdb.execute(command, to_string=True)


def text_section():
    """Where the program's own code lies."""
    line = re.search(r"(0x[0-9a-f]+) - (0x[0-9a-f]+) is \.text$", told("info files"), re.MULTILINE)
    return range(int(line[1], 16), int(line[2], 16))


def address_of(function):
    return int(gdb.parse_and_eval(f"(long)&{function}"))


def symbol_at(pc):
    words = told(f"info symbol {pc:#x}").split()
    return words[0] if words[0] != "No" else "?"


def mapping_of(address):
    """Where the mapping begins and ends that holds an address, and what the kernel calls it."""
    for line in told("info proc mappings").splitlines():
        words = line.split()
        if words and words[0].startswith("0x") and int(words[0], 16) <= address < int(words[1], 16):
            return int(words[0], 16), int(words[1], 16), words[-1]
    raise gdb.GdbError(f"the stack pointer {address:#x} points nowhere")


def stack_around(sp):
    """The main thread's stack is a mapping of its own, a task's is a slot in one."""
    start, end, name = mapping_of(sp)
    if name == "[stack]":
        return range(start, end)
    start += (sp - start) // SLOT_SIZE * SLOT_SIZE
    return range(start, start + SLOT_SIZE)


def instructions_of(function):
    """The addresses of a function's instructions, without what fills it up to the next one."""
    lines = re.findall(r"^.*(0x[0-9a-f]+) <\+\d+>:\t(.*)$", told(f"disassemble {function}"), re.MULTILINE)
    return [int(pc, 16) for pc, words in lines if "nop" not in words and words != "xchg   %ax,%ax"]


class Follower:
    """Steps, keeps the books, and compares."""

    def __init__(self):
        self.text = text_section()
        self.kinds = {}           # of each instruction that was met: "call", "ret" or "", and the address behind it
        self.returns = {}         # by stack: the addresses to which the calls on it return, the innermost last
        self.stepped = Counter()  # how often each instruction was
        self.wrong = 0

    def returns_at(self, sp):
        """The list of the stack that this address is on."""
        stack = next((stack for stack in self.returns if sp in stack), None) or stack_around(sp)
        return self.returns.setdefault(stack, [])

    def kind_at(self, pc):
        if pc not in self.kinds:
            decoded = gdb.selected_inferior().architecture().disassemble(pc)[0]
            kind = re.match(r"(?:(?:bnd|repz|notrack) )?(call|ret|)", decoded["asm"])[1]
            self.kinds[pc] = kind, pc + decoded["length"]
        return self.kinds[pc]

    def step(self):
        """One instruction; what it calls outside the program is run to its end."""
        frame = gdb.newest_frame()
        returns = self.returns_at(int(frame.read_register("rsp")))
        kind, behind = self.kind_at(frame.pc())
        told("stepi")
        if kind == "call":
            returns.append(behind)
        elif kind == "ret":
            returns.pop()
        if gdb.newest_frame().pc() not in self.text:
            told(f"tbreak *{returns.pop():#x}")
            told("continue")

    def compare(self):
        """The backtrace here with the books."""
        frame = gdb.newest_frame()
        expected = [frame.pc(), *reversed(self.returns_at(int(frame.read_register("rsp"))))]
        self.stepped[frame.pc()] += 1
        seen, names = [], []
        while frame is not None and len(seen) < MOST_FRAMES:
            if frame.type() in REAL_FRAMES:
                seen.append(frame.pc())
                names.append(frame.name())
            end = frame.unwind_stop_reason()
            frame = frame.older()
        if seen != expected or None in names or end not in FINE_ENDS:
            self.complain(seen, expected, end)

    def complain(self, seen, expected, end):
        self.wrong += 1
        print("wrong at " + told("x/i $pc").strip())
        print("    unwound: " + " < ".join(f"{symbol_at(pc)} {pc:#x}" for pc in seen))
        print("    called:  " + " < ".join(f"{symbol_at(pc)} {pc:#x}" for pc in expected))
        print("    it stopped because: " + gdb.frame_stop_reason_string(end))

    def follow(self, last):
        """To that address, or until enough was wrong."""
        while gdb.newest_frame().pc() != last and self.wrong < ENOUGH:
            self.compare()
            self.step()

    def report(self):
        switches = [pc for name in SWITCHES for pc in instructions_of(name)]
        for pc in switches:
            if self.stepped[pc] == 0 and self.wrong < ENOUGH:
                print("never stepped: " + told(f"x/i {pc:#x}").strip())
        print(f"{self.stepped.total()} instructions stepped, {sum(self.stepped[pc] for pc in switches)} of them in "
              f"switches between {len(self.returns)} stacks; {self.wrong} wrong")


def main():
    for setting in SETTINGS:
        told(f"set {setting}")
    told("break *main")
    told("run")
    told("delete")
    follower = Follower()
    follower.follow(last=address_of("async__loop_finish"))
    follower.report()


main()
