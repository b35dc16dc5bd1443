# SPDX-License-Identifier: BSD-2-Clause
"""Boots of the benchmark (bench/) in QEMU, and what they printed.

A Boot is data: kernel, mode, processors, rows. Under icount a boot repeats, so several run at once;
by the wall clock they run alone. What Linux printed under icount is kept in the cache, by
everything that it depends on.
"""
import hashlib
import json
import re
import shutil
import statistics
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import build
import debian
import initramfs
import qemu
from common import BUILD, CACHE, need, run, say

# icount counts each step of a `rep movsb`, which would flatter a kernel that does without.
CPU = 'max,-erms,-fsrm'
ICOUNT = 'shift=0,sleep=off'
MEMORY = '512M'
APPEND = 'console=ttyS0 quiet panic=-1'
# Debian's default clears every page that is allocated.
APPEND_LINUX = 'init_on_alloc=0'
MODES = {'off': 'mitigations=off', 'pti': 'pti=on'}
ALL_ROWS = '.'
END = re.compile(rb'^end\r?$', re.M)
SETTLE_ICOUNT, SETTLE_WALL = 10, 3
TIMEOUT, TIMEOUT_DEBIAN = 420, 1800


class Programs:
    """The three programs of the initramfs, stripped, and the hash of them."""

    def __init__(self):
        need('build', 'qemu')
        built = build.build('x86_64', ('nos-bench', 'nos-bench-hello'), quiet=True)
        self.folder = BUILD / 'bench'
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in ('nos-bench', 'nos-bench-hello'):
            # Debug information and the build id name this folder; the hash must not.
            run(['strip', '-R', '.note.gnu.build-id', '-o', self.folder / name, built / name])
        shutil.copy2(initramfs.busybox(), self.folder / 'busybox')
        digest = hashlib.sha256()
        for name in ('nos-bench', 'nos-bench-hello', 'busybox'):
            digest.update((self.folder / name).read_bytes())
        self.hash = digest.hexdigest()[:16]
        self.lock = threading.Lock()

    def archive(self, words):
        """An initramfs whose init runs with @words, made by the first boot that wants it."""
        whole = '--debian' in words
        tag = hashlib.sha256('\n'.join(words).encode()).hexdigest()[:8]
        path = self.folder / (f'debian-{debian.recipe()}-' * whole + f'{self.hash}-{tag}.cpio')
        with self.lock:
            if path.exists():
                return path
            return self._pack_debian(path, words) if whole else self._pack(path, words)

    def _pack_debian(self, path, words):
        archive = initramfs.Archive()
        archive.file('bench.conf', '\n'.join(words) + '\n')
        archive.file('init', (self.folder / 'nos-bench').read_bytes(), 0o755)
        for old in self.folder.glob('debian-*.cpio'):
            old.unlink()  # half a gigabyte each
        return debian.image(path, archive)

    def _pack(self, path, words):
        archive = initramfs.Archive()
        for name in ('dev', 'proc', 'sys', 'tmp'):
            archive.directory(name)
        archive.node('dev/console', 0o20600, 5, 1)
        archive.file('bench.conf', '\n'.join(words) + '\n')
        archive.file('init', (self.folder / 'nos-bench').read_bytes(), 0o755)
        # To measure the boot alone, nothing but init is unpacked.
        if '--boot' not in words:
            archive.file('bin/hello', (self.folder / 'nos-bench-hello').read_bytes(), 0o755)
            archive.file('bin/busybox', (self.folder / 'busybox').read_bytes(), 0o755)
            archive.symlink('bin/sh', 'busybox')
        return archive.write(path)


class Boot:
    """One boot to make: @system is 'nos' or a debian_linux.Kernel's series."""

    def __init__(self, system, image, mode, rows, smp=1, icount=True, boot_only=False, words='',
                 userland=False):
        self.system, self.image, self.mode, self.rows = system, image, mode, rows
        self.smp, self.icount, self.boot_only, self.more = smp, icount, boot_only, words
        self.userland = userland  # Debian's tree, and the rows that run it
        if userland and rows == ALL_ROWS:
            self.rows = '^debian'

    def words(self, rows=None):
        if self.boot_only:
            return ['--boot']
        settle = SETTLE_ICOUNT if self.icount else SETTLE_WALL
        return ['--settle', str(settle), '--rows', rows or self.rows] + ['--debian'] * self.userland

    def append(self):
        mine = self.more if self.system == 'nos' else APPEND_LINUX
        return ' '.join(filter(None, (APPEND, MODES[self.mode], mine)))

    def machine(self, programs):
        return qemu.Machine(self.image, programs.archive(self.words()), self.append(), smp=self.smp,
                            memory=debian.MEMORY if self.userland else MEMORY, cpu=CPU,
                            icount=ICOUNT if self.icount else None)

    def name(self):
        return (f'{"NOS" if self.system == "nos" else f"Linux {self.system}"}, {MODES[self.mode]}'
                f'{", icount" if self.icount else f", {self.smp} CPU"}'
                f'{", Debian" if self.userland else ""}')


def parse(log):
    """The lines that bench/main.c describes, as a dictionary."""
    found = {'rows': {}, 'least': {}, 'why': {}, 'boot': None, 'mem': None, 'notes': [],
             'mitigations': {}, 'ended': False}
    begun = None
    for line in log.splitlines():
        word = line.split()
        if line.startswith('begin ') and len(word) == 2:
            begun = word[1]
        elif line.startswith('row ') and len(word) >= 3:
            begun = None
            if len(word) >= 5 and re.fullmatch(r'\d+\.\d', word[2]):
                found['rows'][word[1]] = float(word[2])
                found['least'][word[1]] = float(word[4])
            else:
                found['why'][word[1]] = ' '.join(word[2:])
        elif re.fullmatch(r'boot \d+', line):
            found['boot'] = int(word[1])
        elif re.fullmatch(r'mem \d+ \d+', line):
            found['mem'] = [int(word[1]), int(word[2])]
        elif line.startswith('mitigation ') and len(word) >= 3:
            found['mitigations'][word[1]] = ' '.join(word[2:])
        elif line.startswith('note '):
            found['notes'].append(line[5:])
        elif line == 'end':
            found['ended'] = True
    if begun:
        found['why'][begun] = 'took the kernel with it'
    return found


def only_rows(found, rows):
    """@found without the rows that do not match."""
    wanted = re.compile(rows)
    for table in ('rows', 'least', 'why'):
        found[table] = {name: value for name, value in found[table].items() if wanted.search(name)}
    return found


def run_boot(boot, programs):
    result = qemu.boot(boot.machine(programs), stop_on=END,
                       timeout=TIMEOUT_DEBIAN if boot.userland else TIMEOUT)
    found = parse(result.log)
    found['why_ended'] = result.why()
    if not found['ended']:
        log = programs.folder / f'failed-{boot.system}-{boot.mode}.log'
        log.write_text(result.log, encoding='utf-8')
        say(f'{boot.name()}: {result.why()}; last row: '
            f'{next(reversed(found["why"]), "none")}; see {log}')
    return found


def qemu_version():
    text = subprocess.run(['qemu-system-x86_64', '--version'], check=True, capture_output=True,
                          text=True).stdout
    return text.splitlines()[0]


class Store:
    """Results of Linux under icount, by kernel, programs, QEMU and command line."""

    def __init__(self, programs):
        self.programs, self.qemu = programs, qemu_version()
        self.folder = CACHE / 'bench'
        self.folder.mkdir(parents=True, exist_ok=True)

    def _path(self, boot, words, number):
        key = '\n'.join([boot.image.name, self.programs.hash, self.qemu, CPU, ICOUNT, MEMORY,
                         boot.append(), *words, str(number)]
                        + [debian.recipe()] * boot.userland)
        return self.folder / f'{hashlib.sha256(key.encode()).hexdigest()[:24]}.json'

    def get(self, boot, number):
        """What is kept of this very boot, or else of one that ran every row."""
        for words in (boot.words(), boot.words(ALL_ROWS)):
            path = self._path(boot, words, number)
            if path.exists():
                return only_rows(json.loads(path.read_text()), boot.rows)
        return None

    def put(self, boot, number, found):
        if found['ended']:
            self._path(boot, boot.words(), number).write_text(json.dumps(found))


def run_icount(boots, times, programs, store, workers):
    """Each boot @times times, several at once; returns one list of results per boot."""
    def one(job):
        boot, number = job
        kept = store.get(boot, number) if boot.system != 'nos' else None
        if kept:
            return kept
        say(f'{boot.name()}{", boot alone" if boot.boot_only else ""}: {number + 1} of {times}')
        found = run_boot(boot, programs)
        if boot.system != 'nos':
            store.put(boot, number, found)
        return found

    jobs = [(boot, number) for boot in boots for number in range(times)]
    with ThreadPoolExecutor(workers) as pool:
        results = list(pool.map(one, jobs))
    return [results[i * times:(i + 1) * times] for i in range(len(boots))]


def merge(results, which='rows', choose=statistics.median):
    """Over the boots, the median of each row's median; a row that one boot lacks says why."""
    merged = {'rows': {}, 'why': {}, 'notes': results[0]['notes'],
              'mitigations': results[0]['mitigations'],
              'ended': all(r['ended'] for r in results)}
    for name in dict.fromkeys(name for r in results for name in (*r['rows'], *r['why'])):
        values = [r[which][name] for r in results if name in r[which]]
        why = next((r['why'][name] for r in results if name in r['why']), None)
        if why:
            merged['why'][name] = why
        elif values:
            merged['rows'][name] = choose(values)
    boots = [r['boot'] for r in results if r['boot'] is not None]
    merged['boot'] = statistics.median(boots) if boots else None
    mems = [r['mem'] for r in results if r['mem']]
    merged['mem'] = sorted(mems)[len(mems) // 2] if mems else None
    return merged
