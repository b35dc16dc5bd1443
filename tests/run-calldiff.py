#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The same random calls on Debian's Linux and on NOS, in the same QEMU (tests/fuzz/calldiff.c): the first
call of a case whose result differs is printed, by call. The outputs stay in build/tests/calldiff-*.

Differences that are meant stand in tests/calldiff-known.txt: a regular expression for "CALL(ARGUMENTS)=LINUX
NOS", and the reason. Names are calls; without names all are drawn from.
"""
import collections
import pathlib
import re
import shutil
import sys
import tempfile

import harness
import reference

CHUNK = 500
KNOWN = harness.HERE / "calldiff-known.txt"


def cases(result):
    """{number: [line]} of a job's output."""
    found, lines = {}, None
    for line in result.out.decode("utf-8", "replace").splitlines():
        if line.startswith("case "):
            lines = found.setdefault(int(line[5:]), [])
        elif lines is not None:
            lines.append(line)
    return found


def known():
    rows = [line.split("  #", 1)[0] for line in KNOWN.read_text().splitlines() if line and line[0] != "#"]
    return [re.compile(row) for row in rows]


def first_difference(linux, nos):
    """'CALL(ARGUMENTS)=LINUX NOS' or None."""
    for a, b in zip(linux + ["end"], nos + ["end"]):
        if a != b:
            call, _, result = a.rpartition("=")
            return "%s=%s %s" % (call, result, b[len(call) + 1:] if b.startswith(call + "=") else "| " + b)
    return None


def compare(jobs, want, got):
    """Differences by call: {call: [(job, case, text)]}, and how many calls were compared."""
    found, expected, total = collections.defaultdict(list), known(), 0
    for job in jobs:
        linux, nos = cases(want[job.name]), cases(got[job.name])
        for number, lines in linux.items():
            total += len(lines)
            text = first_difference(lines, nos.get(number, []))
            if text and not any(e.match(text) for e in expected):
                found[text.split("(", 1)[0]].append((job.name, number, text))
    return found, total


def main():
    parser = harness.parse_args(__doc__, default_smp=1, default_mem=1024)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=4000, help="cases of each kind")
    parser.add_argument("--each", type=int, default=4, help="differences printed for each call")
    parser.add_argument("--fresh", action="store_true", help="ask Linux again")
    args = parser.parse_args()
    jobs = [harness.Job("%s-%d" % (who, first), 600, ["/test/calldiff", str(first), str(CHUNK)] + more + args.names)
            for who, more in (("user", []), ("root", ["root"]))
            for first in range(args.first, args.first + args.count, CHUNK)]
    if args.list:
        return harness.list_jobs(jobs)
    names = harness.build_programs(args.build)
    work = pathlib.Path(tempfile.mkdtemp(prefix="nos-calldiff-", dir=harness.TOP / "build"))
    try:
        harness.make_root(work / "root", args.build, jobs, names)
        program = (args.build / "calldiff").read_bytes()
        want = reference.results(args, jobs, work / "root", work, lambda job: (program, job.argv), base=None)
        if args.host_only:
            return 0
        got, loose = harness.run_guest(harness.Machine(args), work / "root", jobs, work, args.scale, max_boots=20)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    for job in jobs:
        for who, results in (("linux", want), ("nos", got)):
            (args.build / ("calldiff-%s-%s" % (who, job.name))).write_bytes(results[job.name].out)
    found, total = compare(jobs, want, got)
    for call in sorted(found):
        for job, number, text in found[call][:args.each]:
            print("  %s %d: %s" % (job, number, text))
    died = [job.name for job in jobs if not got[job.name].ok()]
    failed = sorted(found) + died + harness.kernel_reports(loose)
    print("%d calls compared, %d kinds differ: %s; not ended: %s" % (total, len(found), " ".join(sorted(found)), " ".join(died) or "none"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
