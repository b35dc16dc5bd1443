# SPDX-License-Identifier: BSD-2-Clause
"""Build the whole-system test programs, run them on this Linux and on a kernel in QEMU, compare.

Both sides run the same tree with the same process 1 (tests/init/init.c), which sends each job's
output in checked frames.  On the build machine it lives in fresh pid, mount, uts and ipc namespaces
and a tmpfs root; in QEMU it is the initramfs.  When the kernel dies or hangs in a job, that job is
reported with the console's last lines, and the machine is booted again with the jobs that remain.
"""
import argparse
import hashlib
import os
import pathlib
import re
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zlib

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent
CFLAGS = ["-std=gnu17", "-D_GNU_SOURCE", "-O2", "-g0", "-static", "-Wall", "-Wextra", "-Werror",
          "-Wno-nonnull", "-Wno-unused-result",
          "-Wno-maybe-uninitialized", "-Wno-stringop-overflow", "-Wno-stringop-overread",
          "-Wno-array-bounds", "-Wno-clobbered",
          "-fno-strict-aliasing", "-pthread", "-I" + str(HERE)]
BUSYBOX = pathlib.Path(os.environ.get("NOS_BUSYBOX", "/bin/busybox"))
ERROR_WORDS = re.compile(r"[Kk]ernel panic|[Ll]ockdep|KASAN|UBSAN|BUG:|hung task|[Ss]oft lockup|"
                         r"possible deadlock|PANIC|panic:|Oops")


class Job:
    def __init__(self, name, seconds, argv):
        self.name, self.seconds, self.argv = name, seconds, argv

    def line(self, scale):
        return " ".join([self.name, str(int(self.seconds * scale))] + self.argv)


class Result:
    """What one job did: how it ended, its output, and what the console said meanwhile."""

    def __init__(self, name):
        self.name, self.how, self.out, self.console = name, None, b"", []

    def ok(self):
        return self.how == "exit 0"


# ---- building ---------------------------------------------------------------------------------

def cc():
    return os.environ.get("CC", "gcc")


def run_tool(cmd):
    done = subprocess.run(cmd, capture_output=True, text=True)
    if done.returncode:
        sys.exit("%s\n%s%s" % (" ".join(cmd), done.stdout, done.stderr))


def stale(target, sources):
    return not target.exists() or any(s.stat().st_mtime > target.stat().st_mtime for s in sources)


def compile_all(commands):
    """Run compilations, at most two at a time."""
    running = []
    for cmd in commands:
        running.append((cmd, subprocess.Popen(cmd, stdout=subprocess.PIPE,
                                              stderr=subprocess.STDOUT, text=True)))
        while len(running) >= 2:
            finish(running.pop(0))
    for item in running:
        finish(item)


def finish(item):
    cmd, proc = item
    text = proc.communicate()[0]
    if proc.returncode:
        sys.exit("%s\n%s" % (" ".join(cmd), text))


def build_programs(out):
    """One static binary per program; the ABI programs together in one, told apart by argv[0]."""
    out.mkdir(parents=True, exist_ok=True)
    header = HERE / "abi" / "abi.h"
    shared = sorted((HERE / "abi").glob("*.h"))
    names, objects, commands = [], [], []
    for src in sorted((HERE / "abi").glob("*.c")):
        name = src.stem
        obj = out / (name + ".o")
        names.append(name)
        objects.append(str(obj))
        if stale(obj, [src, *shared]):
            commands.append([cc()] + CFLAGS + ["-Dmain=abi_main_" + name, "-c", str(src),
                                               "-o", str(obj)])
    singles = [HERE / "init" / "init.c"] + sorted((HERE / "storm").glob("*.c"))
    singles += sorted((HERE / "fuzz").glob("*.c")) + sorted((HERE / "fault").glob("*.c"))
    for src in singles:
        target = out / src.stem
        if stale(target, [src, header] + sorted(p for d in ("storm", "fault", "fuzz") for p in (HERE / d).glob("*.[hd]*"))):
            commands.append([cc()] + CFLAGS + [str(src), "-o", str(target), "-lm"])
    compile_all(commands)
    table = out / "table.c"
    text = "#include <stdio.h>\n#include <string.h>\n"
    text += "".join("int abi_main_%s(int, char **, char **);\n" % n for n in names)
    text += "static const struct { const char *name; int (*fn)(int, char **, char **); } all[] = {\n"
    text += "".join('\t{"%s", abi_main_%s},\n' % (n, n) for n in names)
    text += """};
int main(int argc, char **argv, char **envp)
{
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash ? slash + 1 : argv[0];
	for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!strcmp(all[i].name, name))
			return all[i].fn(argc, argv, envp);
	fprintf(stderr, "no test %s\\n", name);
	return 125;
}
"""
    if not table.exists() or table.read_text() != text:
        table.write_text(text)
    abi = out / "abi-all"
    if stale(abi, [table] + [pathlib.Path(o) for o in objects]):
        run_tool([cc()] + CFLAGS + [str(table)] + objects + ["-o", str(abi), "-lm"])
    return names


def make_root(root, build, jobs, names, scale=1):
    """The tree both sides run in."""
    if root.exists():
        shutil.rmtree(root)
    for d in ("bin", "abi", "etc", "dev", "proc", "sys", "tmp", "test"):
        (root / d).mkdir(parents=True)
    shutil.copy(build / "init", root / "init")
    shutil.copy(build / "abi-all", root / "abi" / "abi-all")
    for n in names:
        (root / "abi" / n).symlink_to("abi-all")
    for src in (p for d in ("storm", "fuzz", "fault") for p in sorted((HERE / d).glob("*.c"))):
        shutil.copy(build / src.stem, root / "test" / src.stem)
    if BUSYBOX.exists():
        shutil.copy(BUSYBOX, root / "bin" / "busybox")
        (root / "bin" / "sh").symlink_to("busybox")
    for script in sorted((HERE / "shell").glob("*.sh")):
        shutil.copy(script, root / "test" / script.name)
    (root / "etc" / "passwd").write_text("root:x:0:0:root:/:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n")
    (root / "etc" / "group").write_text("root:x:0:\nuser:x:1000:\n")
    write_jobs(root, jobs, scale)


def write_jobs(root, jobs, scale):
    (root / "etc" / "jobs").write_text("".join(j.line(scale) + "\n" for j in jobs))


def write_cpio(root, target, base=None):
    """A newc archive of @root, owned by root, with /dev/console in it, behind the archive @base."""
    entries = [(p, p.relative_to(root).as_posix()) for p in sorted(root.rglob("*"))]
    with open(target, "wb") as out:
        if base:
            with open(base, "rb") as first:
                shutil.copyfileobj(first, out, 1 << 20)
        for ino, (path, name) in enumerate(entries, 1):
            st = path.lstat()
            data = b""
            if path.is_symlink():
                data = os.readlink(path).encode()
            elif path.is_file():
                data = path.read_bytes()
            put_cpio(out, ino, name, st.st_mode, data)
        put_cpio(out, len(entries) + 1, "dev/console", 0o020600, b"", (5, 1))
        put_cpio(out, 0, "TRAILER!!!", 0, b"")


def put_cpio(out, ino, name, mode, data, rdev=(0, 0)):
    raw = name.encode() + b"\0"
    fields = (ino, mode, 0, 0, 1, 0, len(data), 0, 0, rdev[0], rdev[1], len(raw), 0)
    head = b"070701" + b"".join(b"%08X" % f for f in fields) + raw
    head += b"\0" * (-len(head) % 4)
    out.write(head + data + b"\0" * (-len(data) % 4))


# ---- frames -----------------------------------------------------------------------------------

class FrameParser:
    """Collect results from the console's lines; @heard is told of each as it comes."""

    def __init__(self, heard=None):
        self.heard = heard
        self.results, self.current, self.done = {}, None, False
        self.loose = []

    def feed(self, raw):
        line = raw.rstrip(b"\r\n")
        at = line.find(b"@@")
        if at < 0:
            text = line.decode("utf-8", "replace")
            self.loose.append(text)
            if self.current:
                self.current.console.append(text)
            return
        line = line[at:]
        if line.startswith(b"@@: ") or line.startswith(b"@@+ ") or line in (b"@@:", b"@@+"):
            if self.current:
                self.current.out += unescape(line[4:])
                if line[2:3] == b":":
                    self.current.out += b"\n"
        elif line.startswith(b"@@begin "):
            self.current = Result(line.split()[1].decode())
        elif line.startswith(b"@@end ") and self.current:
            self.end(line.decode("ascii", "replace").split())
        elif line.startswith(b"@@done"):
            self.done = True
        elif line.startswith(b"@@error"):
            self.loose.append(line.decode("utf-8", "replace"))

    def end(self, words):
        res = self.current
        res.how = " ".join(words[2:-2])
        if len(res.out) != int(words[-2]) or zlib.crc32(res.out) != int(words[-1], 16):
            res.how = "damaged on the way (%s)" % res.how
        self.results[res.name] = res
        self.current = None
        if self.heard:
            self.heard(res)


def unescape(raw):
    return re.sub(rb"\\([0-9a-f]{2})", lambda m: bytes([int(m.group(1), 16)]), raw)


# ---- running ----------------------------------------------------------------------------------

def run_host(root):
    """Run the jobs on this machine's Linux, in namespaces of their own."""
    if os.geteuid() != 0:
        sys.exit("the reference run on the build machine needs root")
    script = ('set -e; mount -t tmpfs -o mode=755 root "$1"; cp -a "$2"/. "$1"/; cd "$1"; mkdir old; '
              'pivot_root . old; exec /bin/busybox sh -c "umount -l /old; rmdir /old; '
              'exec /init host"')
    with tempfile.TemporaryDirectory() as where:
        cmd = ["unshare", "-m", "-p", "-f", "-u", "-i", "--kill-child", "sh", "-c", script, "sh",
               where, str(root)]
        parser = FrameParser()
        proc = subprocess.Popen(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        for line in proc.stdout:
            parser.feed(line)
        proc.wait()
    if not parser.done:
        sys.exit("the run on the build machine did not finish:\n" + "\n".join(parser.loose[-20:]))
    return parser.results


class Machine:
    """How to boot the kernel under test."""

    def __init__(self, args):
        folder = "x86_64-debug" if args.debug else "x86_64"
        self.kernel = args.kernel or TOP / "build" / folder / "nos"
        self.smp, self.mem = args.smp, args.mem
        self.append, self.qemu, self.machine = args.append, args.qemu, args.machine
        self.log = args.log
        self.base = None  # an archive to unpack first

    def command(self, initrd):
        append = "console=ttyS0 rdinit=/init panic=-1 quiet loglevel=4 " + self.append
        return [self.qemu, "-M", self.machine, "-cpu", "max", "-accel", "tcg", "-smp",
                str(self.smp), "-m", str(self.mem), "-nographic", "-monitor", "none", "-serial",
                "stdio", "-no-reboot", "-nodefaults", "-kernel", str(self.kernel), "-initrd",
                str(initrd), "-append", append]


def boot_once(machine, initrd, parser, silence, total):
    """Run one boot; returns why it ended: 'off', 'silent' or 'late'."""
    # The console is silent for as long as a job runs, so the silence limit exceeds the longest job.
    proc = subprocess.Popen(machine.command(initrd), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    sel = selectors.DefaultSelector()
    sel.register(proc.stdout, selectors.EVENT_READ)
    start, tail, why = time.monotonic(), b"", "off"
    log = open(machine.log, "ab") if machine.log else None
    while True:
        if not sel.select(silence):
            why = "silent"
            break
        data = os.read(proc.stdout.fileno(), 65536)
        if not data:
            break
        if log:
            log.write(data)
            log.flush()
        tail += data
        *lines, tail = tail.split(b"\n")
        for line in lines:
            parser.feed(line)
        if time.monotonic() - start > total:
            why = "late"
            break
    proc.kill()
    proc.wait()
    if log:
        log.close()
    return why


def run_guest(machine, root, jobs, work, scale=1, max_boots=8, heard=None):
    """Run the jobs in QEMU; boot again after a job that took the kernel with it."""
    parser = FrameParser(heard)
    left = list(jobs)
    lost = {}
    for _ in range(max_boots):
        write_jobs(root, left, scale)
        initrd = work / "initramfs.cpio"
        write_cpio(root, initrd, machine.base)
        parser.current, parser.done = None, False
        silence = max(j.seconds for j in left) * scale + 120
        why = boot_once(machine, initrd, parser, silence, 14400)
        left = [j for j in left if j.name not in parser.results]
        if parser.done or not left:
            break
        if not parser.current:
            lost["boot"] = why
            break
        dead = parser.current
        dead.how = "kernel died" if why == "off" else "kernel hung (%s)" % why
        parser.results[dead.name] = dead
        left = [j for j in left if j.name != dead.name]
        if not left:
            break
    for j in left:
        if j.name not in parser.results:
            res = Result(j.name)
            res.how = "not reached (%s)" % lost.get("boot", "too many boots")
            res.console = parser.loose[-20:]
            parser.results[j.name] = res
    return parser.results, parser.loose


# ---- reporting --------------------------------------------------------------------------------

def first_differences(a, b, limit=12):
    import difflib
    left = a.decode("utf-8", "replace").splitlines()
    right = b.decode("utf-8", "replace").splitlines()
    out = [d for d in difflib.unified_diff(left, right, "linux", "nos", lineterm="", n=1)]
    if len(out) > limit:
        out = out[:limit] + ["... %d more lines of difference" % (len(out) - limit)]
    return out


def known_failures():
    """Names of jobs that do not pass yet, with the reason: tests/known.txt, a list that only shrinks."""
    known = {}
    for line in (HERE / "known.txt").read_text().splitlines():
        name, _, reason = line.partition(" ")
        if name and not name.startswith("#"):
            known[name] = reason.strip()
    return known


def verdict(name, known, failed):
    """The word for a job that does not pass; what is known counts as skipped, visibly."""
    if name in known:
        return "SKIP", " (known: %s)" % known[name]
    failed.append(name)
    return "FAIL", ""


def passed(name, known, detail):
    print("PASS %s%s%s" % (name, detail, "; take it off tests/known.txt" if name in known else ""))


def compare(jobs, want, got, verbose_lines=12):
    """Print one line per job and the differences; returns the names that failed."""
    failed, known = [], known_failures()
    for j in jobs:
        w, g = want.get(j.name), got.get(j.name)
        if w and g and w.how == g.how and w.out == g.out and not re.search("damaged|timeout", g.how):
            passed(j.name, known, " (%d lines)" % g.out.count(b"\n"))
            continue
        word, why = verdict(j.name, known, failed)
        print("%s %s: linux %s, nos %s%s" % (word, j.name, w.how if w else "-", g.how if g else "-", why))
        if w and g and w.out != g.out:
            for d in first_differences(w.out, g.out, verbose_lines):
                print("    " + d)
        for text in (g.console[-15:] if g else []):
            print("    console: " + text)
    print("%d of %d agree" % (len(jobs) - len(failed), len(jobs)))
    return failed


def kernel_reports(loose):
    """What the kernel complained of while the jobs ran is a failure of its own."""
    reports = [i for i, t in enumerate(loose) if ERROR_WORDS.search(t)]
    shown = sorted({k for i in reports[:3] for k in range(i, min(i + 30, len(loose)))})
    if reports:
        print("FAIL kernel: %d reports" % len(reports))
    for k in shown:
        print("    REPORT " + loose[k])
    return ["kernel"] if reports else []


def judge(jobs, got, loose):
    """For jobs that check themselves: exit 0 and no report of the kernel."""
    failed, known = [], known_failures()
    for j in jobs:
        g = got.get(j.name)
        ok = bool(g) and g.ok()
        if ok:
            passed(j.name, known, ": " + g.how)
        else:
            word, why = verdict(j.name, known, failed)
            print("%s %s: %s%s" % (word, j.name, g.how if g else "-", why))
        for text in g.out.decode("utf-8", "replace").splitlines()[-40:] if g else []:
            print("    " + text)
        if not ok:
            for text in (g.console[-25:] if g else []):
                print("    console: " + text)
    print("%d of %d passed" % (len(jobs) - len(failed), len(jobs)))
    return failed + kernel_reports(loose)


def parse_args(what, default_smp=2, default_mem=1024):
    p = argparse.ArgumentParser(description=what)
    p.add_argument("--kernel", type=pathlib.Path, help="the kernel image to boot")
    p.add_argument("--debug", action="store_true", help="by default the debug image")
    p.add_argument("--list", action="store_true", help="print the names of the tests and stop")
    p.add_argument("--smp", type=int, default=default_smp)
    p.add_argument("--mem", type=int, default=default_mem, help="MiB")
    p.add_argument("--machine", default="q35")
    p.add_argument("--append", default="", help="more kernel command line")
    p.add_argument("--qemu", default="qemu-system-x86_64")
    p.add_argument("--build", type=pathlib.Path, default=TOP / "build" / "tests")
    p.add_argument("--log", type=pathlib.Path, help="append the raw console to this file")
    p.add_argument("--host-only", action="store_true", help="run only on this machine's Linux")
    p.add_argument("--repeat", type=int, default=1, help="with --host-only: runs to compare")
    p.add_argument("--scale", type=float, default=1, help="multiply every time limit")
    p.add_argument("--show", action="store_true", help="print the outputs of the reference run")
    p.add_argument("names", nargs="*", help="only these")
    return p


def prepare(args, jobs):
    names = build_programs(args.build)
    work = pathlib.Path(tempfile.mkdtemp(prefix="nos-test-"))
    make_root(work / "root", args.build, jobs, names, args.scale)
    return work


def list_jobs(jobs):
    for j in jobs:
        print(j.name)
    return 0


def run_compared(args, jobs):
    """Reference run on this Linux, run in QEMU, comparison; the exit status for main."""
    if args.list:
        return list_jobs(jobs)
    work = prepare(args, jobs)
    try:
        want = run_host(work / "root")
        if args.show:
            for j in jobs:
                print("==== %s: %s" % (j.name, want[j.name].how))
                sys.stdout.write(want[j.name].out.decode("utf-8", "replace"))
        if args.host_only:
            failed = [j.name for j in jobs if not want[j.name].ok()]
            for name in failed:
                print("FAIL %s: %s" % (name, want[name].how))
            for _ in range(args.repeat - 1):
                failed += compare(jobs, want, run_host(work / "root"))
            return 1 if failed else 0
        got, loose = run_guest(Machine(args), work / "root", jobs, work, args.scale)
        return 1 if compare(jobs, want, got) + kernel_reports(loose) else 0
    finally:
        shutil.rmtree(work, ignore_errors=True)


def run_judged(args, jobs):
    """Run self-checking jobs on one side; the exit status for main."""
    if args.list:
        return list_jobs(jobs)
    work = prepare(args, jobs)
    try:
        if args.host_only:
            got, loose = run_host(work / "root"), []
        else:
            got, loose = run_guest(Machine(args), work / "root", jobs, work, args.scale)
        return 1 if judge(jobs, got, loose) else 0
    finally:
        shutil.rmtree(work, ignore_errors=True)
