#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Linux's own kselftests, built from Debian's linux-source (tools/nos/selftests.py): each program runs on
Debian's Linux and on NOS, in the same QEMU with Debian 13's userland, and its cases are compared.  What
passes on Linux must pass on NOS.

Names are collections (futex) or programs (futex/futex_wait).  What Linux did is kept in the cache, so a
run that was broken off goes on; a program that takes the kernel with it costs one more boot.
A case of a program without TAP is the program itself.  In tests/known.txt: PROGRAM, or PROGRAM:CASE with
underscores for spaces.  What cannot pass because something is not there is in tests/kselftest-missing.txt,
by the name of what is missing; --table keeps docs/kselftest.md.
"""
import fnmatch
import hashlib
import pathlib
import re
import shutil
import sys
import tempfile

import harness
import reference
import debian  # in tools/nos, which reference adds to the path
import selftests

SECONDS = 90
# What takes longer (seconds at --scale 1), by pattern.
LONGER = {
    "futex/futex_requeue_pi*": 120, "mm/*": 240, "mm/cow": 600, "mm/pagemap_ioctl": 600,
    "mm/uffd-unit-tests": 600, "mm/khugepaged*": 600, "mm/mremap_test": 600,
    "rseq/*": 240, "timers/inconsistency-check": 400, "timers/nanosleep": 120, "timers/nsleep-lat": 120,
    "timers/posix_timers": 120, "timers/threadtest": 120, "memfd/memfd_test": 120,
}
# Not run, and why.
LEFT_OUT = {
    "breakpoints/step_after_suspend_test": "puts the machine to sleep",
    "futex/run.sh": "its programs run one by one",
    "mm/run_vmtests.sh": "its programs run one by one",
    "rseq/run_param_test.sh": "hours under an emulator; its program runs with fewer rounds",
    "rseq/param_test_benchmark": "a benchmark",
    "rseq/param_test_mm_cid_benchmark": "a benchmark",
    "timers/raw_skew": "compares clocks that nobody disciplines here",
    "timers/nsleep-lat": "asserts how late a sleep ends",
    "timers/set-timer-lat": "asserts how late a timer is",
    "timers/mqueue-lat": "asserts how late a time-out is",
    "memfd/run_fuse_test.sh": "needs FUSE, a module of Linux",
    "mqueue/mq_perf_tests": "a benchmark",
    "x86/syscall_numbering_64": "takes longer than its limit under an emulator, on Linux too",
}
# What mm's own script runs, for which it makes the pages; COMMAND with its arguments, after a setting.
HUGE = "echo 128 >/proc/sys/vm/nr_hugepages;"
MM = [
    "hugepage-mmap", "hugepage-shm", "map_hugetlb", "hugepage-mremap", "hugepage-vmemmap", "hugetlb-madvise",
    "hugetlb_dio", "hugetlb_fault_after_madv", "hugetlb_madv_vs_map", "map_fixed_noreplace", "uffd-unit-tests",
    "uffd-stress anon 20 16", "uffd-stress hugetlb 64 32", "uffd-stress hugetlb-private 64 32",
    "uffd-stress shmem 20 16", "uffd-stress shmem-private 20 16", "map_populate", "mlock-random-test",
    "mlock2-tests", "mrelease_test", "mremap_test", "thuge-gen", "virtual_address_range",
    "va_high_addr_switch", "mremap_dontunmap", "madv_populate", "memfd_secret", "ksm_tests -M -p 10",
    "ksm_tests -U", "ksm_tests -Z -p 10 -z 0", "ksm_tests -Z -p 10 -z 1", "ksm_functional_tests",
    "protection_keys_64", "pkey_sighandler_tests_64", "soft-dirty", "pagemap_ioctl", "cow", "khugepaged",
    "khugepaged -s 2", "split_huge_page_test", "transhuge-stress -d 5", "migration", "mkdirty", "mdwe_test",
    "mseal_test", "seal_elf", "droppable", "compaction_test", "gup_longterm",
]
RSEQ = ["param_test%s -T %s -r 20 -t 8%s" % (kind, test, more)
        for kind in ("", "_compare_twice", "_mm_cid", "_mm_cid_compare_twice")
        for test in ("s", "l", "b", "b -M", "m", "m -M", "i", "r")
        for more in ("", " -7 -1 -m 2 -y")]
REQUEUE_PI = ["futex_requeue_pi" + more for more in (
    "", " -b", " -b -l", " -b -o", " -l", " -o", " -b -l -t 5000", " -l -t 500000", " -b -t 500000",
    " -b -o -t 500000", " -b -l -t 2000000000", " -l -t 2000000000")]
RUN = r"""cd /kselftest/"$1" || exit 126
timeout --foreground -k 5 "$2" bash "$3" >/tmp/log 2>&1
echo "status $?"
if [ $(stat -c %s /tmp/log) -lt 30000 ]; then
	cat /tmp/log
else
	grep -aE '^[# ]*(not )?ok |^Bail' /tmp/log
	tail -n 60 /tmp/log
fi
"""
CASE = re.compile(r"^(?:# +)?(not )?ok \d+ ?-? ?(.*?)(?: *# *(SKIP|XFAIL|TODO).*)?$")


class Program:
    """One command of a collection; its file for the shell is /kselftest-run/NAME."""

    def __init__(self, collection, folder, command, before=""):
        self.name = collection + "/" + re.sub(r"[ /]+", "_", command)
        self.collection, self.folder, self.line = collection, folder, before + "exec ./" + command
        self.program = command.split()[0]

    def what(self):
        """What its outcome depends on: the program's bytes, and how it is run."""
        path = selftests.folder() / "kselftest" / self.folder / self.program
        return self.line, RUN, hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""

    def seconds(self):
        return max([SECONDS] + [s for pattern, s in LONGER.items() if fnmatch.fnmatch(self.name, pattern)])

    def job(self, scale):
        # The program's own limit comes first, so that its output is not lost.
        seconds = int(self.seconds() * scale)
        return harness.Job(self.name, self.seconds() + 30 / scale,
                           ["/bin/bash", "/kselftest-run/run", self.folder, str(seconds),
                            "/kselftest-run/" + self.name])


def programs():
    """All programs, in the order of their collections."""
    found = []
    place = selftests.folder() / "kselftest"
    listed = [line.split(":", 1) for line in (place / "kselftest-list.txt").read_text().splitlines()]
    for collection in selftests.COLLECTIONS:
        commands = [name for where, name in listed if where == collection]
        if collection == "mm":
            found += [Program("mm", "mm", command, HUGE) for command in MM]
            continue
        if collection == "rseq":
            commands = [c for c in commands if not c.startswith("param_test")] + RSEQ
        if collection == "futex":
            here = place / "futex/functional"
            commands = sorted(p.name for p in here.iterdir() if p.suffix != ".sh") + REQUEUE_PI[1:]
            found += [Program("futex", "futex/functional", command) for command in commands]
            continue
        found += [Program(collection, collection, command) for command in commands]
    return [p for p in found if p.name not in LEFT_OUT]


def chosen(names):
    return [p for p in programs()
            if not names or any(p.name == name or p.name.startswith(name + "/") for name in names)]


def make_root(root, build, some):
    selftests.lay(root, *sorted({"kselftest/" + p.folder for p in some}))
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc/privileged").touch()
    shutil.copy(build / "init", root / "init")
    for program in some:
        path = root / "kselftest-run" / program.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(program.line + "\n")
    (root / "kselftest-run/run").write_text(RUN)


def cases(result):
    """{case: 'ok', 'skip' or 'fail'} of one program; the program itself is the case ''."""
    text = result.out.decode("utf-8", "replace")
    status = re.search(r"^status (\d+)$", text, re.M)
    how = status[1] if status else result.how
    found = {"": {"0": "ok", "4": "skip"}.get(how, "fail")}
    for line in text.splitlines():
        case = CASE.match(line.rstrip())
        if not case:
            continue
        # Numbers of processes and addresses are nobody's business.
        name = re.sub(r"0x[0-9a-f]+|\b\d{3,}\b", "N", case[2].strip()).replace(" ", "_") or "case"
        unique, nr = name, 1
        while unique in found:
            nr += 1
            unique = "%s#%d" % (name, nr)
        found[unique] = "fail" if case[1] and not case[3] else "skip" if case[3] else "ok"
    return found, how


def missing():
    """[(pattern of PROGRAM or PROGRAM:CASE, what is missing)]."""
    lines = (harness.HERE / "kselftest-missing.txt").read_text().splitlines()
    return [tuple(line.split(None, 1)) for line in lines if line and not line.startswith("#")]


def why_missing(name, listed):
    return next((why for pattern, why in listed if fnmatch.fnmatchcase(name, pattern)), None)


class Outcome:
    """What one program does on both: cases that pass on Linux, and those of them that do not on NOS."""

    def __init__(self, program, want, got, listed, known):
        self.program, self.got = program, got
        linux, self.linux_how = cases(want)
        nos, self.nos_how = cases(got)
        bad = sorted(name for name, how in linux.items() if how == "ok" and nos.get(name, "") != "ok" and name)
        if not bad and linux[""] == "ok" and nos[""] != "ok":
            bad = [""]
        self.total = max(len(linux) - 1, 1)
        self.passing = sum(how == "ok" for name, how in linux.items() if name or len(linux) == 1)
        self.bad = [program.name + (":" + name if name else "") for name in bad]
        self.reasons = {name: known.get(program.name) or known.get(name) or why_missing(name, listed) for name in self.bad}

    def new(self):
        return [name for name in self.bad if not self.reasons[name]]

    def report(self, verbose):
        if not self.bad:
            word = "PASS" if self.passing else "SKIP"
            print("%s %s: %d of %d cases pass on Linux (%s), all of them on NOS" % (
                word, self.program.name, self.passing, self.total, self.linux_how))
            return
        print("%s %s: %d of %d cases that pass on Linux (%s) do not on NOS (%s)" % (
            "FAIL" if self.new() else "SKIP", self.program.name, len(self.bad), self.passing, self.linux_how,
            self.nos_how))
        for name in self.bad[:40]:
            print("    %s%s" % (name, " (%s)" % self.reasons[name] if self.reasons[name] else ""))
        if self.new() or verbose:
            print("\n".join("    | " + t for t in self.got.out.decode("utf-8", "replace").splitlines()[-25:]))
            print("\n".join("    console: " + t for t in self.got.console[-15:]))

    def row(self):
        whys = sorted({why or "fails" for why in self.reasons.values()})
        return "| %s | %d | %d | %s |" % (
            self.program.name, self.passing, self.passing - min(len(self.bad), self.passing), "; ".join(whys))


TABLE = """# Linux's kselftests

Cases of the programs of Debian's linux-source (6.12) that pass on Debian's Linux in the same QEMU, and how many of them pass
here. Written by `tests/run-kselftest.py --table docs/kselftest.md`, which replaces the rows of the programs that it runs.

| program | Linux | NOS | what is missing |
|---|---:|---:|---|
"""


def write_table(path, outcomes):
    rows = {}
    if path.exists():
        for line in path.read_text().splitlines():
            found = re.match(r"\| ([^ |]+) \| \d", line)
            if found:
                rows[found[1]] = line
    rows.update((o.program.name, o.row()) for o in outcomes)
    path.write_text(TABLE + "".join(rows[name] + "\n" for name in sorted(rows)))


def compare(outcomes, verbose):
    """What is ok on Linux must be ok on NOS; what is known, or listed as missing, counts as skipped."""
    for outcome in outcomes:
        outcome.report(verbose)
    failed = [name for o in outcomes for name in o.new()]
    print("%d cases pass on Linux; %d of them do not on NOS, of which %d are not explained" % (
        sum(o.passing for o in outcomes), sum(len(o.bad) for o in outcomes), len(failed)))
    return failed


def main():
    parser = harness.parse_args(__doc__, default_smp=4, default_mem=3072)
    parser.add_argument("--out", type=pathlib.Path, help="leave the outputs here, NAME.linux and NAME.nos")
    parser.add_argument("--fresh", action="store_true", help="ask Linux again")
    parser.add_argument("--table", type=pathlib.Path, help="the table of results to bring up to date")
    args = parser.parse_args()
    some = chosen(args.names)
    jobs = [p.job(args.scale) for p in some]
    if args.list:
        return harness.list_jobs(jobs)
    whats = {p.name: p.what() for p in some}
    harness.build_programs(args.build)
    work = pathlib.Path(tempfile.mkdtemp(prefix="nos-kselftest-", dir=harness.TOP / "build"))
    try:
        make_root(work / "root", args.build, some)
        want = reference.results(args, jobs, work / "root", work,
                                 lambda job: whats[job.name], r"(?!damaged)")
        got, loose = {}, []
        if not args.host_only:
            machine = harness.Machine(args)
            machine.base = debian.base()
            got, loose = harness.run_guest(machine, work / "root", jobs, work, args.scale, max_boots=40)
        if args.out:
            args.out.mkdir(parents=True, exist_ok=True)
        for job in jobs if args.out else []:
            for kind, results in (("linux", want), ("nos", got)):
                if job.name in results:
                    path = args.out / (job.name.replace("/", "_") + "." + kind)
                    path.write_bytes(results[job.name].out)
        if args.host_only:
            for job in jobs:
                print(job.name, cases(want[job.name]))
            return 0
        listed, known = missing(), harness.known_failures()
        outcomes = [Outcome(p, want[p.name], got[p.name], listed, known) for p in some]
        if args.table:
            write_table(args.table, outcomes)
        return 1 if compare(outcomes, args.show) + harness.kernel_reports(loose) else 0
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
