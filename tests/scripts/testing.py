#!/usr/bin/env python3
"""Runs the programs of libasyncio-test and compares their TAP.

    testing.py rules       what the kit promises, and async_test_run in a process
    testing.py mistakes    each test of examples/testing/broken.c fails, and says why
    testing.py seeds [N]   each example and each rule passes with N seeds (5)
    testing.py race [N]    a race is found with 1,000 seeds, and its line replays it N times of N (20)
    testing.py priorities [N]  the same for a race that a shuffle does not find, with --depth 2
    testing.py limits      the reports about tests that do not end say why
    testing.py reports     leaks and output are reported where that is hard
    testing.py replay      the line of a failed sweep repeats its run
    testing.py arguments   names, --list, -v, wrong arguments
    testing.py skip        in async_test_run it ends the process with status 77
    testing.py order       tests run in the order of the source, also after link-time optimization
    testing.py document    docs/tutorial/testing.md shows what the programs print
    testing.py check | cmocka | criterion
                           the same calls inside this framework, if it is installed

The programs are taken from the folder BUILD_DIR.
"""

import os
import re
import resource
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from built import BUILD, COMPILER, ROOT, SKIPPED, WRAPPER, finds_calls, finds_waits, option, sanitizers

RULES = ["testing-rules", "testing-pipes", "testing-calls"]
BANK, BROKEN = "examples/testing/bank_test", "examples/testing/broken_test"

# The same for tests/testing/programs/limits.c. Lines are known only of programs with debug information.
LIMITS = {
    "cycle_beside_a_task_that_goes_on": [r"cycle: #\d+ waits for #\d+ waits for #\d+",
                                         r"take_two: waits .* held by #\d+ take_two, at take_two \S*limits"],
    "virtual_time_goes_on": [r"#3 (beat_for_ever)?: \w+"],
    "loop_is_blocked": [r"has held loop 1 for", r"it is blocked in the kernel, in (read|write)",
                        r"ASYNC_TEST_BODY_loop_is_blocked \S*limits"],
    "lock_of_the_loader_is_held": [r"the report took too long; only a list", r"#1 +lock_of_the_loader_is_held +runs"],
}

if sanitizers():  # the calls of its read(2) cannot be followed
    LIMITS["loop_is_blocked"].pop()
if sanitizers() == "thread":  # it puts handlers of signals off
    LIMITS["lock_of_the_loader_is_held"] = [r"time limit; its process was stopped, or did not answer"]
if "musl" in COMPILER[0]:  # its loader holds no lock there
    LIMITS["lock_of_the_loader_is_held"] = [r"has held loop 1 for", r"it computes"]

# The same for tests/testing/programs/reports.c.
REPORTS = {
    "leak_is_seen_at_the_limit_of_descriptors": [r"leak: descriptor \d+ is open \(/dev/null\)",
                                                 r"leak: descriptor 63 is open \(/dev/null\)"],
    "leak_is_seen_under_a_limit_that_was_lowered": [r"leak: descriptor \d+ is open \(/dev/null\)"],
    "standard_error_that_was_closed_is_said": [r"descriptor 2 was closed, and the test had not opened it"],
    "check_is_shown_after_standard_error_was_closed": [r"reports\.c:\d+: check failed: 1 == 2: 1 != 2"],
    "output_must_not_lack_a_part": [r'the output lacks "two"', r"^one$"],
    "output_that_is_cut_says_so": [r"^the first \d{6} bytes of the output are not shown$", r"^the last line$"],
    "output_of_a_sweep_that_is_cut_says_so": [r"print_much, cancelled at stop 1: failed",
                                              r"^    the first \d{6} bytes of the output are not shown$", r"^    the last line$"],
    "output_is_shown_behind_a_zero_byte": [r"before\?behind"],
    "output_above_64_mib_is_a_failure": [r"failed: its output is longer than 64 MiB"],
    "output_without_an_end_is_stopped": [r"failed: its output is longer than 64 MiB"],
    "sweep_without_descriptors_is_a_failed_check": [r"reports\.c:\d+: do_nothing: the sweep cannot run: -EMFILE: "],
    "sweep_with_wrong_options_is_a_failed_check": [r"do_nothing: the sweep cannot run: -EINVAL: .*: depth needs a seed"],
    "sweep_that_cannot_receive_a_descriptor_says_so": [r"open_null: the sweep cannot run: -EMFILE: .*seccomp"],
    "sweep_in_a_run_of_a_sweep_is_refused": [r"sweep_inside, when allocation \d+ and all later ones fail: failed",
                                             r"do_nothing: a run of a sweep cannot have a sweep of its own"],
    "sweep_on_a_thread_of_a_run_is_refused": [r"do_nothing: a run of a sweep cannot have a sweep of its own"],
}

if WRAPPER:  # qemu fails in a child of fork() that makes a thread
    REPORTS["sweep_on_a_thread_of_a_run_is_refused"] = []

# For each test of broken.c, patterns in its comments. %: the file and line are not looked at.
MISTAKES = {
    "failed_check": [r"broken\.c:\d+: check failed: sum == 4: 5 != 4 \(in task #\d+ check_sum\)",
                     r"#\d+ sleep_long: waits 1\.00 s in async_sleep"],
    "failed_text": [r'check failed: .*: "failed_text" != "another name"'],
    "forgotten_task": [r"leak: 1 task has not ended", r"#\d+ +sleep_long +waits in async_sleep"],
    "forgotten_descriptor": [r"leak: descriptor \d+ is open \(/dev/null\)"],
    "forgotten_queue": [r"leak: \d+ bytes of the loop's memory, in 1 block"],
    "two_locks": [r"deadlock: all tasks wait, and nothing can wake them",
                  r"#3 take_two: waits .* in async_lock_acquire, .*held by #4 take_two, at take_two \S",
                  r"#4 take_two: waits .* in async_lock_acquire, .*held by #3 take_two, at take_two \S",
                  r"cycle: #3 waits for #4 waits for #3", r"hint: .*acquire the locks in the same order"],
    "clock_that_stands": [r"deadlock: the clock stands"],
    "must_switch": [r"check failed: async_event_wait\(&event\) must switch, and did not"],
    "must_not_switch": [r"check failed: async_sleep\(0\) must not switch, and did"],
    "wrong_result": [r"the test returned -5, not 0 \(-EIO: the disk is gone\)"],
    "crash": [r"crash failed: signal 6"],
    "endless": [r"endless failed: time limit", r"#1 endless: runs", r"'endless' \(.*\) has held loop 1 for",
                r"it computes|gives it no processor"],
    "deaf": [r"deaf failed: time limit; its process was stopped, or did not answer"],
    "no_answer": [r"no_answer failed: time limit", r"read_answer: waits .* in async_recv, descriptor \d+, at read_answer \S"],
    "no_deadlock": [r"the test was to end in a deadlock, and returned 0"],
    "lost_race": None,  # they pass in the usual order
    "burst_tank": None,
    "cancelled": [r"forget_memory, cancelled at stop 1: failed", r"leak: \d+ bytes of the loop's memory"],
    "no_memory": [r"ignore_null, when allocation \d+ and all later ones fail: signal 6",
                  r"async_queue_put: the queue is NULL"],
    "failed_call": [r"connect_to_self, when system call \d+ fails \(accept4?: EMFILE\): failed",
                    r"leak: descriptor \d+ is open \(socket:",
                    r"run it alone: ASYNC_TEST_SWEEP=call:\d+:EMFILE .*broken_test'? failed_call"],
    "endless_after_a_call": [r"time limit"] if sanitizers() == "thread" else
                            [r"insist, when system call \d+ fails \(open(at)?: EMFILE\): time limit", r"#1 insist: runs"],
    "no_failed_call": [r"fail_always, when no system call fails: failed", r"it returned -5 \(.*right would be 0 or more"],
    "forgotten_handle": [r"lost error: task #\d+ 'fail_at_once' \(created at \S*broken\.c:\d+\) failed .*-EPIPE: Broken pipe"],
    "lost_error": [r"lost error: task #\d+ 'fail_at_once' \(created at \S*broken\.c:\d+\) failed .*-EPIPE: Broken pipe"],
    "forgotten_stream": [r"leak: a stream \(descriptor \d+\) was not closed before its loop"],
    "ends_the_process": [r"ends_the_process failed: it ended its process, with status 0"],
}


class Failure(Exception):
    pass


def expect(condition, sentence: str) -> None:
    if not condition:
        raise Failure(sentence)


def run(program: str, *arguments: str, **environment: str) -> tuple[int, str]:
    """The exit status, and the output with that for errors."""
    base = {name: value for name, value in os.environ.items() if not name.startswith("ASYNC")}
    if sanitizers() == "thread":  # a task counts as a thread, and then a child of fork may start none
        base["TSAN_OPTIONS"] = "die_after_fork=0:" + base.get("TSAN_OPTIONS", "")
    done = subprocess.run([*WRAPPER, str(BUILD / program), *arguments], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env={**base, **environment}, cwd=ROOT)
    return done.returncode, done.stdout


def parse_tap(output: str) -> dict[str, tuple[bool, str]]:
    """For each test, whether it has passed, and its comments, or that it was skipped."""
    lines = output.splitlines()
    expect(len(lines) > 1 and lines[0] == "TAP version 13", f"this is not TAP:\n{output}")
    results, name = {}, ""
    for line in lines[2:]:
        match = re.fullmatch(r"(not )?ok (\d+) - (\w+)( # SKIP .*)?", line)
        if match:
            name = match[3]
            expect(int(match[2]) == len(results) + 1, f"the numbers are not in order: {line}")
            results[name] = (match[1] is None, match[4] or "")
        else:
            expect(line.startswith("# ") or line == "#", f"neither a result nor a comment: {line}")
            results[name] = (results[name][0], results[name][1] + line[2:] + "\n")
    expect(lines[1] == f"1..{len(results)}", f"the plan is {lines[1]}, and there are {len(results)} results")
    return results


def check_rules() -> None:
    for program in RULES:
        status, output = run(program)
        expect(status == 0 and all(passed for passed, _ in parse_tap(output).values()), output)
    status, output = run("testing-in_process")
    expect(status == 0 and output.splitlines()[-1] == "ok" or "\nok\n" in output, output)


def known_part(pattern: str) -> str:
    """What reports can say in this build."""
    if pattern.startswith("ASYNC_TEST_BODY_"):  # a line of a function that is being called
        return pattern if finds_calls() else ""
    if WRAPPER:
        pattern = pattern.partition(", in (read")[0]
    return pattern if finds_waits() else pattern.partition(", at ")[0]


def check_patterns(program: str, mistakes: dict[str, list[str] | None]) -> dict[str, tuple[bool, str]]:
    status, output = run(program)
    results = parse_tap(output)
    expect(status == 1, f"the status is {status}")
    expect(list(results) == list(mistakes), f"other tests: {list(results)}")
    for name, patterns in mistakes.items():
        passed, comments = results[name]
        if "# SKIP" in comments:
            continue
        expect(passed == (patterns is None), f"{name}: it {'passed' if passed else 'failed'}\n{comments}")
        for pattern in patterns or []:
            expect(re.search(known_part(pattern), comments, re.MULTILINE), f"{name}: no {pattern} in\n{comments}")
    return results


def check_mistakes() -> None:
    check_patterns(BROKEN, MISTAKES)


def check_limits() -> None:
    results = check_patterns("testing-limits", LIMITS)
    for name in ["cycle_beside_a_task_that_goes_on", "virtual_time_goes_on"]:
        expect("held loop" not in results[name][1], f"{name}: its loop goes on\n{results[name][1]}")


def check_reports() -> None:
    check_patterns("testing-reports", REPORTS)


def check_seeds(count: str = "5") -> None:
    for program in [BANK, *RULES]:
        status, output = run(program, ASYNC_TEST_SEEDS=count)
        expect(status == 0, output)


def replay_order(name: str, options: list[str], pattern: str, message: str, times: int) -> None:
    """The race of this test is found, and the line that is printed repeats it so many times of so many."""
    status, output = run(BROKEN, *options, name)
    match = re.search(rf"^# run this order again: ASYNCIO_SHUFFLE=({pattern}) (.*)$", output, re.MULTILINE)
    expect(status == 1 and match, f"the race is not found:\n{output}")
    expect(shlex.split(match[2])[-1] == name, f"the line does not name the test: {match[0]}")
    for number in range(times):
        status, output = run(BROKEN, name, ASYNCIO_SHUFFLE=match[1])
        expect(status == 1 and message in output, f"run {number + 1} with the seed:\n{output}")
    expect(run(BROKEN, name)[0] == 0, "it fails in the usual order, too")


def check_race(times: str = "20") -> None:
    replay_order("lost_race", ["--seeds", "1000"], "0x[0-9a-f]+", "sold == 2: 1 != 2", int(times))


def check_priorities(times: str = "20") -> None:
    replay_order("burst_tank", ["--seeds", "100", "--depth", "2"], r"0x[0-9a-f]+:2:\d+", "level > 0", int(times))
    status, output = run(BROKEN, "--seeds", "500", "burst_tank")
    expect(status == 0, f"a shuffle finds it, too:\n{output}")


def check_refused(message: str, **environment: str) -> None:
    status, output = run(BANK, "--list", **environment)
    expect(status == 2 and message in output and len(output.splitlines()) == 1, f"{environment}: {status}, {output}")


def check_closed_input() -> None:
    command = f"exec {shlex.join([*WRAPPER, str(BUILD / BROKEN)])} failed_text <&-"
    done = subprocess.run(["sh", "-c", command], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT)
    expect("check failed" in done.stdout, f"without standard input the output of a test is lost:\n{done.stdout}")


def check_help() -> None:
    done = subprocess.run([*WRAPPER, str(BUILD / BANK), "--help"], text=True, capture_output=True,
                          env={**os.environ, "ASYNC_TEST_SEEDS": "many"})
    expect(done.returncode == 0 and done.stdout.startswith("usage: ") and done.stderr == "", f"--help: {done}")


def check_arguments() -> None:
    status, output = run(BANK, "--list")
    names = output.split()
    expect(status == 0 and "a_transfer_takes_a_second" in names, output)
    expect(list(parse_tap(run(BANK, names[0], names[2])[1])) == [names[0], names[2]], "two names are not two tests")
    expect(list(parse_tap(run(BANK, "server")[1])) == [name for name in names if "server" in name],
           "a part of names does not stand for all of them")
    expect("one two three" in run(RULES[0], "-v", "output_must")[1], "-v does not print the output")
    expect("one two three" not in run(RULES[0], "output_must")[1], "the output of a test that passes is printed")
    expect("ok 1 - skip_tells_why # SKIP no reason here" in run(RULES[0], "skip_tells_why")[1], "no reason")
    for wrong in [["no_such_name"], [names[0], "no_such_name"], ["no_such_name", "--list"]]:
        status, output = run(BANK, *wrong)
        expect(status == 2 and "no test has 'no_such_name' in its name; --list prints" in output, output)
    expect("similar: a_transfer_takes_a_second, transfers_in" in run(BANK, "transfr")[1], "no similar names")
    status, output = run(BANK, "--unknown")
    expect(status == 2 and "there is no option --unknown" in output and "usage:" in output, output)
    expect(list(parse_tap(run(BANK, names[0], "-v")[1])) == [names[0]], "an option after a name is taken for a name")
    for count in ["0", "x", "-1"]:
        for variable in ["ASYNC_TEST_SEEDS", "ASYNC_TEST_DEPTH", "ASYNC_TEST_TIME_LIMIT"]:
            check_refused(f"{variable}={count}: it must be a", **{variable: count})
        expect(run(BANK, "--seeds", count)[0] == 2, f"--seeds {count} is accepted")
        expect(run(BANK, "--seeds", "1", "--depth", count)[0] == 2, f"--depth {count} is accepted")
    expect(run(BANK, "--seeds", "1", "--depth", "9")[0] == 2, "--depth 9 is accepted")
    expect(run(BANK, "--depth", "2")[0] == 2, "--depth is accepted without --seeds")
    depth_of = run(BANK, ASYNC_TEST_SEEDS="2", ASYNC_TEST_DEPTH="2")
    expect(depth_of[0] == 0, depth_of[1])
    expect(run(BROKEN, "crash")[0] == 1, "a failed test does not change the status")
    check_refused("ASYNC_TEST_TIME_LIMIT=inf: it must be", ASYNC_TEST_TIME_LIMIT="inf")
    expect("not ended within 2 s" in run(BROKEN, "endless", ASYNC_TEST_TIME_LIMIT="2")[1], "the longer limit does not count")
    check_refused("ASYNC_TEST_SWEEP=cal:1: it must be cancel:NUMBER", ASYNC_TEST_SWEEP="cal:1")
    check_help()
    check_closed_input()
    for value in ["cal:1", "call:0", "call:x", "call:1:EFOO", "allocation:1++", "cancel:1+"]:
        status, output = run(BROKEN, "no_memory", "cancelled", "failed_call", ASYNC_TEST_SWEEP=value)
        expect(status == 2 and "it must be cancel:NUMBER" in output, f"ASYNC_TEST_SWEEP={value} is accepted")


def check_skip() -> None:
    status, output = run("testing-in_process", "skip")
    expect(status == 77, f"the status is {status}")
    expect(output.splitlines()[-1] == "no reason here", f"the reason is missing:\n{output}")


def check_replay() -> None:
    """The line of a failed sweep begins it with the run that has failed; a later run does not fail."""
    for name in ["cancelled", "no_memory", "failed_call"]:
        first = run(BROKEN, name)[1]
        match = re.search(r"^# run it alone: ASYNC_TEST_SWEEP=((\w+):(\d+)(\S*)) (.*)$", first, re.MULTILINE)
        if match is None and "# SKIP" in first:
            continue
        expect(match and shlex.split(match[5])[-1] == name, f"no line of the sweep:\n{first}")
        again = run(BROKEN, name, ASYNC_TEST_SWEEP=match[1])[1]
        expect(without_addresses(first) == without_addresses(again), f"{match[1]} fails in another way:\n{again}")
        expect(run(BROKEN, name, ASYNC_TEST_SWEEP=f"{match[2]}:1000")[0] == 0, f"{name} does not begin with run 1000")


def without_addresses(line: str) -> str:
    """Without what differs from machine to machine, and from one version of the kit to the next."""
    line = re.sub(r"'[^']*/(\w+_test)'", r"\1", line)  # quoted because of a space in it
    differing = [r"0x[0-9a-f]+", r"(?<=leak: )\d+", r"ext/test/src/run\.c:\d+", r"\S*/(?=\w+_test\b)", r"(?<=descriptor )\d+",
                 r"(?<=socket:)\[\d+\]", r"(?<=system call )\d+", r"(?<==call:)\d+", r"(?<=, thread )\d+", r"[\d.]+ m?s\b",
                 r", at \w+ \S+$", r"(?<=ASYNC_TEST_BODY_endless ).*", r"\.\./"]
    return re.sub("|".join(differing), "", line.strip())


def check_document() -> None:
    """In a block of the tutorial that begins with a command, each line is one that the command prints, in this order."""
    text = (ROOT / "docs/tutorial/testing.md").read_text()
    blocks = re.findall(r"^```\n\$ \./(bank|broken)_test([^\n]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    expect(len(blocks) >= 6, f"only {len(blocks)} blocks begin with a command")
    for program, arguments, shown in blocks:
        output = run(f"examples/testing/{program}_test", *arguments.split())[1]
        if "# SKIP" in output or (sanitizers() == "thread" and "endless" in arguments):  # it lets no handler in
            continue
        printed = iter([without_addresses(line) for line in output.splitlines()])
        for line in shown.splitlines():
            if not finds_calls() and " ASYNC_TEST_BODY_" in line:
                continue
            expect(without_addresses(line) in printed, f"the tutorial shows, out of order or never printed:\n{line}")


def build(folder: str, *arguments: str | Path) -> Path:
    """A program on the static libraries."""
    program = Path(folder) / "program"
    sources = [argument for argument in arguments if str(argument).endswith(".c")]
    subprocess.run([*COMPILER, f"-I{ROOT / 'include'}", f"-I{ROOT / 'ext/test/include'}", *sources,
                    BUILD / "ext/test/libasyncio-test.a", BUILD / "libasyncio.a",
                    *(argument for argument in arguments if argument not in sources), "-pthread", "-o", program,
                    *(["-flto"] if option("b_lto") else [])], check=True)
    return program


ORDER = "#include <asyncio/test.h>\n" + "".join(f"ASYNC_TEST(test_{i}) {{ return 0; }}\n" for i in range(9)) + "ASYNC_TEST_MAIN\n"


def is_plain() -> bool:
    """Whether programs can be linked with the usual libraries of this machine."""
    return not (WRAPPER or sanitizers() or option("static_programs") or "musl" in COMPILER[0])


def check_order() -> None:
    if not is_plain() or "gcc" not in COMPILER[0] and "cc" != COMPILER[0]:
        print("only gcc's link-time optimization is tried")
        sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory() as folder:
        (source := Path(folder) / "order.c").write_text(ORDER)
        listed = subprocess.run([build(folder, source, "-O2", "-flto"), "--list"], text=True, capture_output=True)
    expect(listed.stdout.split() == [f"test_{i}" for i in range(9)], f"not in the order of the source:\n{listed.stdout}")


def why_no_framework(name: str) -> str:
    if not is_plain():
        return "the framework is installed for plain programs of this machine"
    if subprocess.run(["pkg-config", "--exists", name]).returncode != 0:
        return f"{name} is not installed (apt-get install {'check' if name == 'check' else f'lib{name}-dev'})"
    return ""


def check_framework(name: str) -> None:
    why = why_no_framework(name)
    if why:
        print(why)
        sys.exit(SKIPPED)
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", name], text=True, capture_output=True, check=True)
    with tempfile.TemporaryDirectory() as folder:
        program = build(folder, ROOT / f"examples/testing/with_{name}.c", ROOT / "examples/testing/bank.c",
                        *flags.stdout.split())
        done = subprocess.run([program], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        expect(done.returncode == 0, done.stdout)


def main(what: str, *arguments: str) -> None:
    checks = {"rules": check_rules, "mistakes": check_mistakes, "seeds": check_seeds, "race": check_race,
              "priorities": check_priorities, "limits": check_limits, "reports": check_reports, "replay": check_replay,
              "arguments": check_arguments, "skip": check_skip, "document": check_document, "order": check_order}
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)  # the suite limits files; here that would hide the kit's rules
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    try:
        if what in checks:
            checks[what](*arguments)
        else:
            check_framework(what)
    except Failure as failure:
        print(failure)
        sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
