#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""stress-ng of Debian 13 with --verify: every stressor of its classes scheduler, memory, pipe, signal, vm,
interrupt, os and filesystem (on tmpfs) that needs no disk, network or device, some seconds each, one after
the other, on Debian's Linux and on NOS in the same QEMU.

A stressor that passes on Linux must not fail on NOS; what it finds missing there is listed.  The kernel
must report nothing and the memory must come back.
"""
import re
import shutil
import sys
import tempfile

import harness
import reference
import debian  # in tools/nos, which reference adds to the path
import selftests

GRACE = 150
LEAK = 24 << 10  # KiB that may be gone at the end: names of files, what the debug kernel holds back
# Not run: what needs a disk, the network, a device or another kernel's own files; what stops the machine.
LEFT_OUT = set("""
apparmor binderfs bind-mount bpf cpu-online dccp dev dev-shm efivar far-branch hdd icmp-flood iomix-disk
ioport led loop lsm module netdev netlink-proc netlink-task nfs physmmap physpage plugin powercap quota raw rawdev
rawpkt rawsock rawudp reboot resched rdrand rfkill rtc sctp smi sock sockabuse sockdiag sockfd sockmany
softlockup swap sysfs tun uart udp udp-flood umount usersyscall video watchdog x86syscall
""".split())
# They refuse to run as root.
AS_USER = {"exec", "spawn"}
USER = "setpriv --reuid 65534 --regid 65534 --clear-groups".split()
# Seconds: what they make first is over only then on the debug kernel, and a time-out before that is a failure for them.
LONGER = {"iomix": 40, "sem": 5, "sendfile": 5}
RUN = r"""cd /work
chmod 1777 /work
name=$1 seconds=$2
shift 2
"$@" stress-ng --"$name" 4 --verify --timeout "${seconds}s" --vm-bytes 32M --temp-path /work >/tmp/log 2>&1
echo "status $?"
tail -c 6000 /tmp/log
rm -rf /work/* /tmp/log /tmp/* /dev/shm/*
echo 3 >/proc/sys/vm/drop_caches
awk '/^(MemFree|Buffers|Cached):/ { n += $2 } END { print "free " n }' /proc/meminfo
"""


PASSES = harness.Result("alone")
PASSES.how, PASSES.out = "exit 0", b"status 0\n"


def stressors():
    names = set()
    for line in (selftests.folder() / "stress-classes").read_text().splitlines():
        names |= set(line.split()[1:])
    return sorted(names - LEFT_OUT)


def job_of(name, seconds):
    seconds = max(seconds, LONGER.get(name, 0))
    return harness.Job(name, seconds + GRACE,
                       ["/bin/bash", "/stress/run", name, str(seconds), *(USER if name in AS_USER else [])])


def make_root(root, build):
    selftests.lay(root, "stress-ng")
    (root / "usr/bin").mkdir()
    (root / "stress-ng").rename(root / "usr/bin/stress-ng")
    for folder in ("etc", "stress"):
        (root / folder).mkdir()
    (root / "etc/privileged").touch()
    shutil.copy(build / "init", root / "init")
    (root / "stress/run").write_text(RUN)


def outcome(result):
    """'ok', 'skip' (it found something missing) or how it failed."""
    text = result.out.decode("utf-8", "replace")
    status = re.search(r"^status (\d+)$", text, re.M)
    if not status:
        return result.how
    counts = dict(re.findall(r"\b(skipped|passed|failed): (\d+)", text))
    if status[1] in "34" or (status[1] == "0" and counts.get("passed") == "0"):
        return "skip"
    return "ok" if status[1] == "0" and counts.get("failed", "0") == "0" else "status " + status[1]


def free_kib(result):
    found = re.search(rb"^free (\d+)$", result.out, re.M)
    return int(found[1]) if found else None


def report(job, result):
    for line in result.out.decode("utf-8", "replace").splitlines():
        if re.search(r"fail|error|warn|skip|not (?:implemented|supported)", line):
            print("    " + line)
    for line in result.console[-15:] if outcome(result) not in ("ok", "skip") else []:
        print("    console: " + line)


def compare(jobs, want, got):
    failed, known = [], harness.known_failures()
    for job in jobs:
        linux, nos = outcome(want[job.name]), outcome(got[job.name])
        if nos == "ok" or (linux != "ok" and not nos.startswith("kernel")):
            print("PASS %s: linux %s, nos %s" % (job.name, linux, nos))
        elif nos == "skip":
            print("SKIP %s: linux %s, on NOS something is missing" % (job.name, linux))
            report(job, got[job.name])
        else:
            word, why = harness.verdict("stress-" + job.name, known, failed)
            print("%s %s: linux %s, nos %s%s" % (word, job.name, linux, nos, why))
            report(job, got[job.name])
    return failed


def leaked(jobs, got):
    """Over one boot, the memory that was free after the first must be free after the last."""
    series = [(job.name, free_kib(got[job.name])) for job in jobs]
    series = [(name, free) for name, free in series if free]
    if len(series) < 2 or any(got[job.name].how.startswith("kernel") for job in jobs):
        return []
    lost = series[0][1] - series[-1][1]
    steps = sorted(((a[1] - b[1], b[0]) for a, b in zip(series, series[1:])), reverse=True)[:8]
    print("%s leak: %d KiB are gone at the end (%s)" % (
        "FAIL" if lost > LEAK else "PASS", lost, ", ".join("%s %d" % (name, n) for n, name in steps)))
    return ["leak"] if lost > LEAK else []


def main():
    parser = harness.parse_args(__doc__, default_smp=4, default_mem=3072)
    parser.add_argument("--seconds", type=int, default=3, help="how long each stressor works")
    parser.add_argument("--fresh", action="store_true", help="ask Linux again")
    parser.add_argument("--alone", action="store_true", help="do not ask Linux: it passes everything")
    args = parser.parse_args()
    jobs = [job_of(name, args.seconds) for name in stressors() if not args.names or name in args.names]
    if args.list:
        return harness.list_jobs(jobs)
    harness.build_programs(args.build)
    work = tempfile.mkdtemp(prefix="nos-stress-", dir=harness.TOP / "build")
    work = harness.pathlib.Path(work)
    try:
        make_root(work / "root", args.build)
        want = {job.name: PASSES for job in jobs} if args.alone else reference.results(
            args, jobs, work / "root", work, lambda job: (selftests.recipe(), RUN, job.argv), r"(?!damaged)")
        if args.host_only:
            for job in jobs:
                print(job.name, outcome(want[job.name]), free_kib(want[job.name]))
            return 0
        machine = harness.Machine(args)
        machine.base = debian.base()
        got, loose = harness.run_guest(machine, work / "root", jobs, work, args.scale, max_boots=40)
        failed = compare(jobs, want, got) + leaked(jobs, got) + harness.kernel_reports(loose)
        return 1 if failed else 0
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
