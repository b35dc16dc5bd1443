#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Debian 13's programs must do on NOS what they do on Debian's Linux, in the same QEMU.

tests/debian/*.sh run under Debian's bash; their outputs are compared.  --python instead runs Python's
own regression tests, case by case: nothing may fail that passes on Linux.  What Linux printed is kept in
the cache, under a name that changes with the userland, the script and the machine.
"""
import pathlib
import re
import shutil
import sys
import tempfile

import harness
import reference
import debian  # in tools/nos, which reference adds to the path
import qemu

SCRIPTS = harness.HERE / "debian"
SECONDS = 300
PYTHON = {
    "test_os": 600, "test_posix": 300, "test_signal": 600, "test_threading": 900, "test_subprocess": 1800,
    "test_select": 200, "test_epoll": 200, "test_mmap": 300, "test_time": 300, "test_io": 1800,
    "test_fcntl": 200, "test_pty": 200, "test_tty": 100, "test_tempfile": 300, "test_shutil": 400,
    "test_pathlib": 600, "test_mailbox": 600, "test_glob": 200, "test_resource": 200, "test_socket": 1200,
    "test_selectors": 300, "test_asyncio": 3600, "test_ssl": 1200, "test_httplib": 300,
    "test_urllib2_localnet": 300, "test_ftplib": 300,
    "test_concurrent_futures": 3600, "test_multiprocessing_fork": 3600,
    "test_multiprocessing_forkserver": 3600, "test_multiprocessing_spawn": 3600,
    "test_multiprocessing_main_handling": 900,
}
# One line for each case: its name and how it ended. What is left out asserts how long a sleep took.
PYTHON_RUN = """cd /tmp
python3 - <<'END'
import fcntl, socket, struct
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP
END
python3 -m test -W -u all,-network,-largefile,-gui,-audio,-cpu,-walltime -i '*TFD_TIMER_ABSTIME*' --junit-xml=/tmp/r.xml "$@" >/tmp/log 2>&1
echo "status $?"
python3 - <<'END'
import xml.etree.ElementTree as tree
for case in sorted(tree.parse('/tmp/r.xml').iter('testcase'), key=lambda c: c.get('name')):
    kinds = [c.tag for c in case if c.tag in ('failure', 'error', 'skipped')]
    print(case.get('name').replace(' ', '_'), kinds[0] if kinds else 'ok')
END
echo "==== log"
tail -n 150 /tmp/log
"""


def seconds_of(script):
    found = re.search(r"^# seconds: (\d+)$", script.read_text(), re.M)
    return int(found[1]) if found else SECONDS


def all_jobs(python):
    if python:
        return [harness.Job(name, seconds, ["/bin/bash", "/test/python-run", name])
                for name, seconds in PYTHON.items()]
    return [harness.Job(path.stem, seconds_of(path), ["/bin/bash", "/test/" + path.name])
            for path in sorted(SCRIPTS.glob("*.sh"))]


def make_root(root, build):
    """What is laid over the userland."""
    for folder in ("test", "etc"):
        (root / folder).mkdir(parents=True)
    shutil.copy(build / "init", root / "init")
    for script in SCRIPTS.glob("*.sh"):
        shutil.copy(script, root / "test" / script.name)
    (root / "test" / "python-run").write_text(PYTHON_RUN)


def what_of(job):
    script = SCRIPTS / (job.name + ".sh")
    return job.argv, script.read_text() if script.exists() else PYTHON_RUN


def cases(result):
    """{case: how it ended} of one of Python's tests, and its log."""
    head, _, log = result.out.decode("utf-8", "replace").partition("==== log\n")
    found = dict(line.rsplit(" ", 1) for line in head.splitlines()[1:] if " " in line)
    return found, log


def compare_python(jobs, want, got):
    """A case that is ok on Linux must be ok on NOS; those of known.txt count as skipped."""
    failed, known = [], harness.known_failures()
    for job in jobs:
        linux, nos = cases(want[job.name])[0], cases(got[job.name])[0]
        bad = sorted(name for name, how in linux.items() if how == "ok" and nos.get(name) != "ok")
        if got[job.name].how != want[job.name].how and not bad:
            bad.append(job.name)
        for name in bad:
            word, why = harness.verdict(name, known, failed)
            print("%s %s: linux ok, nos %s%s" % (word, name, nos.get(name, got[job.name].how), why))
        if not bad:
            print("PASS %s: %d cases" % (job.name, len(linux)))
        elif set(bad) & set(failed):
            print(cases(got[job.name])[1])
            for text in got[job.name].console[-15:]:
                print("    console: " + text)
    print("%d cases failed" % len(failed))
    return failed


def settle(results):
    """Bash names the process that a signal ended: its number is nobody's business."""
    for result in results.values():
        result.out = re.sub(rb"(: line \d+:) +\d+ (?=[A-Z])", rb"\1 PID ", result.out)
    return results


def boot(args, name, initrd, memory, words, steps):
    """Boot @initrd and talk to its console; it must end by itself."""
    console = qemu.Console(qemu.Machine(
        harness.Machine(args).kernel, initrd, "console=ttyS0 quiet panic=-1 " + words,
        smp=args.smp, memory=memory))
    try:
        for pattern, reply in steps:
            if not console.expect(pattern, 120 * args.scale):
                print("FAIL %s: %s did not come" % (name, pattern))
                print(console.text()[-3000:])
                return False
            console.send(reply)
        off = console.ended(60 * args.scale)
        print("%s %s: boot, log-in, power-off" % ("PASS" if off else "FAIL", name))
        return off
    finally:
        console.close()


def sysvinit(args, work):
    """Debian's sysvinit as process 1: a log-in on the console, and its own way to power off."""
    initrd = debian.image(work / "sysvinit.cpio", debian.session())
    try:
        return boot(args, "sysvinit", initrd, args.mem, "init=/sbin/init", [
            (r"login: $", "root\n"), (r"nos:~# ", "echo level-$(runlevel) on-$(tty) is-$(cat /proc/1/comm)\n"),
            (r"level-N 2 on-/dev/ttyS0 is-init$", "poweroff\n"), (r"Switching to runlevel: 0", "")])
    finally:
        initrd.unlink()


def systemd(args, _work):
    """Debian's systemd as process 1, straight from the initramfs: its state, its journal, a unit of the moment.

    What is typed comes back; the quotes make it differ from what is printed.
    """
    return boot(args, "systemd", debian.base(debian.SYSTEMD), debian.SYSTEMD_MEMORY, "rdinit=/sbin/init", [
        (r"login: $", "root\n"),
        (r"nos:~# ", "echo st''ate-$(systemctl is-system-running --wait)\n"),
        (r"state-running$", "echo fa''iled-$(systemctl list-units --failed --plain --no-legend | cut -d' ' -f1)\n"),
        (r"failed-$", "journalctl -b -q -n 3 >/dev/null && echo jour''nal-$?\n"),
        (r"journal-0$", "systemd-run -q --wait --pipe echo from a un''it\n"),
        (r"from a unit$", "systemctl poweroff\n")])


def main():
    parser = harness.parse_args(__doc__, default_smp=4, default_mem=3072)
    parser.add_argument("--python", action="store_true", help="Python's regression tests")
    parser.add_argument("--out", type=pathlib.Path, help="leave the outputs here, NAME.linux and NAME.nos")
    parser.add_argument("--fresh", action="store_true", help="ask Linux again")
    args = parser.parse_args()
    jobs = [job for job in all_jobs(args.python) if not args.names or job.name in args.names]
    if args.list:
        return harness.list_jobs(jobs)
    boots = [] if args.python or args.host_only else [
        fn for fn in (sysvinit, systemd) if fn.__name__ in (args.names or ["sysvinit", "systemd"])]
    harness.build_programs(args.build)
    work = pathlib.Path(tempfile.mkdtemp(prefix="nos-debian-", dir=harness.TOP / "build"))
    try:
        make_root(work / "root", args.build)
        booted = all([fn(args, work) for fn in boots])
        if not jobs:
            return 0 if booted else 1
        want = settle(reference.results(args, jobs, work / "root", work, what_of))
        if args.show:
            for job in jobs:
                print("==== %s: %s" % (job.name, want[job.name].how))
                sys.stdout.write(want[job.name].out.decode("utf-8", "replace"))
        if args.host_only:
            return 0
        machine = harness.Machine(args)
        machine.base = debian.base()
        got = settle(harness.run_guest(machine, work / "root", jobs, work, args.scale)[0])
        for job in jobs if args.out else []:
            (args.out / (job.name + ".linux")).write_bytes(want[job.name].out)
            (args.out / (job.name + ".nos")).write_bytes(got[job.name].out)
        failed = (compare_python if args.python else harness.compare)(jobs, want, got)
        return 1 if failed or not booted else 0
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
