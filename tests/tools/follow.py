"""Runs inside gdb: steps through a program and compares every backtrace with the actual calls.

What was called is known without unwinding: each call that is executed puts a return address on a list, each return
takes one away, and which stack's list that is, the stack pointer alone tells. Code outside the program (libc, the
linker's stubs) is run through at full speed: no switch happens there. tests/scripts/stepping.py judges what is printed.
"""

import re
from collections import Counter
from typing import NamedTuple

import gdb

SLOT_SIZE = 1 << 16
ENOUGH = 5  # wrong backtraces, after which it stops
MOST_FRAMES = 64
SWITCHES = ("asyncp_switch", "asyncp_switch_start")
PRESERVED = ("rbx", "rbp", "r12", "r13", "r14", "r15")
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


class Call(NamedTuple):
    """A call that was made."""
    returns_to: int
    registers: list[int]  # what the caller had in those that are preserved


def preserved(frame):
    """What is in these registers when the frame runs again."""
    return [int(frame.read_register(name)) for name in PRESERVED]


def unwind(newest):
    """The physical frames, and why unwinding stopped."""
    frames, frame = [], newest
    while frame is not None and len(frames) < MOST_FRAMES:
        if frame.type() in REAL_FRAMES:
            frames.append(frame)
        end, frame = frame.unwind_stop_reason(), frame.older()
    return frames, end


def complain(frames, calls, end):
    """Shows both, with the registers where the addresses agree."""
    print("wrong at " + told("x/i $pc").strip())
    print("    unwound: " + " < ".join(f"{symbol_at(frame.pc())} {frame.pc():#x}" for frame in frames))
    print("    called:  " + " < ".join(f"{symbol_at(call.returns_to)} {call.returns_to:#x}" for call in calls))
    print("    it stopped because: " + gdb.frame_stop_reason_string(end))
    for frame, call in zip(frames[1:], calls):
        for name, seen, expected in zip(PRESERVED, preserved(frame), call.registers):
            if frame.pc() == call.returns_to and seen != expected:
                print(f"    {name} of {symbol_at(frame.pc())}: {seen:#x}, and it had {expected:#x}")


class Follower:
    """Steps, records the calls, and compares."""

    def __init__(self):
        self.text = text_section()
        self.kinds = {}           # of each instruction that was met: "call", "ret" or "", and the address behind it
        self.switches = {pc for name in SWITCHES for pc in instructions_of(name)}
        self.calls = {}           # by stack: those that have not returned, the innermost last
        self.stepped = Counter()  # how often each instruction was
        self.wrong = 0

    def calls_at(self, sp):
        """The list of the stack that this address is on."""
        stack = next((stack for stack in self.calls if sp in stack), None) or stack_around(sp)
        return self.calls.setdefault(stack, [])

    def kind_at(self, pc):
        if pc not in self.kinds:
            decoded = gdb.selected_inferior().architecture().disassemble(pc)[0]
            kind = re.match(r"(?:(?:addr32|bnd|repz|notrack) )?(call|ret|)", decoded["asm"])[1]
            self.kinds[pc] = kind, pc + decoded["length"]
        return self.kinds[pc]

    def step(self):
        """One instruction; what it calls outside the program is run to its end."""
        frame = gdb.newest_frame()
        calls = self.calls_at(int(frame.read_register("rsp")))
        kind, behind = self.kind_at(frame.pc())
        if kind == "call":
            calls.append(Call(behind, preserved(frame)))
        elif kind == "ret":
            calls.pop()
        told("stepi")
        if gdb.newest_frame().pc() not in self.text:
            told(f"tbreak *{calls.pop().returns_to:#x}")
            told("continue")

    def compare(self):
        """Compares the backtrace here with the recorded calls."""
        newest = gdb.newest_frame()
        calls = self.calls_at(int(newest.read_register("rsp")))[::-1]
        frames, end = unwind(newest)
        self.stepped[newest.pc()] += 1
        right = [frame.pc() for frame in frames] == [newest.pc(), *(call.returns_to for call in calls)]
        right = right and end in FINE_ENDS and all(frame.name() for frame in frames)
        if right and newest.pc() in self.switches:
            right = all(preserved(frame) == call.registers for frame, call in zip(frames[1:], calls))
        if not right:
            self.wrong += 1
            complain(frames, calls, end)

    def follow(self, last):
        """To that address, or until enough was wrong."""
        while gdb.newest_frame().pc() != last and self.wrong < ENOUGH:
            self.compare()
            self.step()

    def report(self):
        for pc in sorted(self.switches):
            if self.stepped[pc] == 0 and self.wrong < ENOUGH:
                print("never stepped: " + told(f"x/i {pc:#x}").strip())
        in_switches = sum(self.stepped[pc] for pc in self.switches)
        print(f"{self.stepped.total()} instructions stepped, {in_switches} of them in switches between "
              f"{len(self.calls)} stacks; {self.wrong} wrong")


def main():
    for setting in SETTINGS:
        told(f"set {setting}")
    told("break *main")
    told("run")
    told("delete")
    follower = Follower()
    follower.follow(last=address_of("asyncp_loop_finish"))
    follower.report()


main()
