# SPDX-License-Identifier: BSD-2-Clause
"""The benchmark of disks (bench/disk): its program, the disk it works on, its boots.

The disk is an ext4 image in this machine's memory, as mke2fs made it: what a boot writes goes to a file
that ends with it. Linux is given the modules of its own package.
"""
import hashlib
import os
import subprocess
import threading
from pathlib import Path

import bench_guest as guest
import build
import initramfs
import linux_modules
import qemu
from common import BUILD, need, run

os.environ['PATH'] += ':/usr/sbin:/sbin'  # e2fsprogs
PROGRAM = 'nos-bench-disk'
# Nothing is left for a kernel to make ready in the background, and every image is the same.
MKE2FS = ('mke2fs', '-q', '-F', '-t', 'ext4', '-U', 'b0b5e55e-0000-4000-8000-00000000d15c', '-E',
          'hash_seed=b0b5e55e-0000-4000-8000-00000000d15c,lazy_itable_init=0,lazy_journal_init=0')
SIZE = '1G'


class Programs:
    """The program of the initramfs, stripped, and the hash of it and of what it works on."""

    def __init__(self):
        need('build', 'qemu', 'disk')
        built = build.build('x86_64', (PROGRAM,), quiet=True)
        self.folder = BUILD / 'bench'
        self.folder.mkdir(parents=True, exist_ok=True)
        run(['strip', '-R', '.note.gnu.build-id', '-o', self.folder / PROGRAM, built / PROGRAM])
        digest = hashlib.sha256((self.folder / PROGRAM).read_bytes())
        digest.update(' '.join((*MKE2FS, SIZE)).encode())
        self.hash = digest.hexdigest()[:16]
        self.lock = threading.Lock()

    def archive(self, words, modules):
        archive = initramfs.Archive()
        for name in ('dev', 'proc', 'sys', 'tmp', 'mnt', 'modules'):
            archive.directory(name)
        archive.node('dev/console', 0o20600, 5, 1)
        archive.file('bench.conf', '\n'.join(words) + '\n')
        archive.copy('init', self.folder / PROGRAM)
        for module in modules:
            archive.copy(f'modules/{module.name}', module)
        tag = hashlib.sha256('\n'.join(map(str, (*words, *modules))).encode()).hexdigest()[:8]
        with self.lock:
            return archive.write(self.folder / f'disk-{self.hash}-{tag}.cpio')

    def disk(self):
        """The image that each boot begins with, in memory where this machine has a place for that."""
        memory = Path('/dev/shm')
        folder = memory if memory.is_dir() else self.folder
        image = folder / f'nos-bench-{os.getuid()}-{self.hash}.ext4'
        with self.lock:
            if not image.exists():
                new = image.with_suffix(f'.{os.getpid()}')
                subprocess.run([*MKE2FS, new, SIZE], check=True, stdout=subprocess.DEVNULL)
                new.replace(image)
        if folder is memory:
            os.environ['TMPDIR'] = str(memory)  # where QEMU keeps what a boot writes
        return image


class Boot(guest.Boot):
    """@kernel: a debian_linux.Kernel, or None for NOS."""

    def __init__(self, kernel, image, mode, rows, words=''):
        super().__init__(kernel.series if kernel else 'nos', image, mode, rows, words=words)
        self.modules = linux_modules.modules(kernel) if kernel else []

    def machine(self, programs):
        disk = ['-drive', f'file={programs.disk()},format=raw,if=none,id=disk0,cache=unsafe,snapshot=on',
                '-device', 'virtio-blk-pci,drive=disk0']
        return qemu.Machine(self.image, programs.archive(self.words(), self.modules), self.append(),
                            memory=guest.MEMORY, cpu=guest.CPU, icount=guest.ICOUNT, extra=disk)

    def name(self):
        return super().name() + ', disk'
