# SPDX-License-Identifier: BSD-2-Clause
"""Initramfs images: newc cpio archives, written directly, without root and without time stamps."""
import gzip
import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

from common import CACHE, Failure, run, say


def header(name, mode, size, inode=0, links=1, owner=(0, 0), mtime=0, device=(0, 0)):
    """What stands before an entry's data: fields, name, padding."""
    raw = name.encode() + b'\0'
    fields = (inode, mode, *owner, links, mtime, size, 0, 0, *device, len(raw), 0)
    head = b'070701' + b''.join(b'%08x' % f for f in fields) + raw
    return head + b'\0' * (-len(head) % 4)


class Archive:
    """A newc cpio archive in memory. Parents of what is added are added before it."""

    def __init__(self):
        self.parts, self.seen, self.inode = [], {''}, 0

    def _entry(self, name, mode, data=b'', device=(0, 0)):
        self.inode += 1
        head = header(name, mode, len(data), inode=self.inode, device=device)
        self.parts += [head, data, b'\0' * (-len(data) % 4)]

    def _new(self, name):
        name = name.strip('/')
        if name in self.seen:
            return None
        self.directory(os.path.dirname(name))
        self.seen.add(name)
        return name

    def directory(self, name, mode=0o755):
        name = self._new(name)
        if name:
            self._entry(name, stat.S_IFDIR | mode)

    def file(self, name, data, mode=0o644):
        name = self._new(name)
        if name:
            self._entry(name, stat.S_IFREG | mode, data.encode() if isinstance(data, str) else data)

    def symlink(self, name, target):
        name = self._new(name)
        if name:
            self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def node(self, name, mode, major, minor):
        name = self._new(name)
        if name:
            self._entry(name, mode, device=(major, minor))

    def copy(self, name, source):
        """Add the file, link or tree at @source as @name, with its permissions."""
        source = Path(source)
        if source.is_symlink():
            self.symlink(name, os.readlink(source))
        elif source.is_dir():
            self.directory(name, stat.S_IMODE(source.stat().st_mode))
            for child in sorted(source.iterdir()):
                self.copy(f'{name.rstrip("/")}/{child.name}', child)
        else:
            self.file(name, source.read_bytes(), stat.S_IMODE(source.stat().st_mode))

    def bytes(self, compress=False):
        trailer = Archive()
        trailer.parts = []
        trailer._entry('TRAILER!!!', 0)
        data = b''.join(self.parts + trailer.parts)
        data += b'\0' * (-len(data) % 512)
        return gzip.compress(data, 6, mtime=0) if compress else data

    def write(self, path, compress=False):
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f'{path.name}.{os.getpid()}')
        temporary.write_bytes(self.bytes(compress))
        temporary.replace(path)
        return path


def debian_package(package, wanted, target):
    """Put the first of the files @wanted of Debian's @package at @target, without installing it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    say(f'fetching {package} for {target}')
    with tempfile.TemporaryDirectory(prefix='nos-deb-') as folder:
        # apt drops its rights to a user who must be able to write here.
        os.chmod(folder, 0o755)
        command = ['apt-get', '-qq', '-o', 'APT::Sandbox::User=root', 'download', package]
        if subprocess.run(command, cwd=folder, check=False, stderr=subprocess.DEVNULL).returncode:
            run(['apt-get', '-qq', 'update'])
            run(command, cwd=folder)
        debs = list(Path(folder).glob('*.deb'))
        if len(debs) != 1:
            raise Failure(f'apt-get download {package} left {len(debs)} files')
        run(['dpkg-deb', '-x', debs[0], Path(folder) / 'root'])
        for name in wanted:
            source = Path(folder) / 'root' / name
            if source.exists():
                temporary = target.with_name(f'{target.name}.{os.getpid()}')
                shutil.copy2(source, temporary)
                temporary.replace(target)
                return target
    raise Failure(f'the package {package} has none of {", ".join(wanted)}')


def busybox():
    """The static busybox of Debian's package, in the cache."""
    path = CACHE / 'busybox'
    if not path.exists():
        debian_package('busybox-static', ('usr/bin/busybox', 'bin/busybox'), path)
    return path


INITTAB = '''\
::sysinit:/etc/rc
ttyS0::respawn:-/bin/sh
::ctrlaltdel:/sbin/reboot
::shutdown:/bin/umount -a -r
'''

MOUNTS = '''\
export PATH=/sbin:/usr/sbin:/bin:/usr/bin HOME=/root TERM=${TERM:-vt100}
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev 2>/dev/null
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts 2>/dev/null
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t tmpfs -o mode=1777 tmpfs /tmp
'''

RC = f'''\
#!/bin/sh
{MOUNTS}hostname -F /etc/hostname
'''

ONCE = f'''\
#!/bin/sh
{MOUNTS}hostname -F /etc/hostname
cd /root
setsid -c sh /etc/command </dev/console >/dev/console 2>&1
status=$?
echo
echo "@WORD@ $status"
poweroff -f
'''


def bare(files=()):
    """Only what @files names, and /dev/console. @files: (name in the archive, source or content)."""
    archive = Archive()
    for folder in ('dev', 'proc', 'sys'):
        archive.directory(folder)
    archive.directory('tmp', 0o1777)
    archive.node('dev/console', stat.S_IFCHR | 0o600, 5, 1)
    for name, source in files:
        if isinstance(source, Path):
            archive.copy(name, source)
        else:
            archive.file(name, source, 0o755)
    return archive


def userland(command=None, word='NOS-END', files=()):
    """A busybox root: a login-less shell on the console, or one shell command and its verdict.

    @files: as for bare(); they win over what is put in here.
    """
    box = busybox()
    archive = bare(files)
    for folder in ('bin', 'sbin', 'usr/bin', 'usr/sbin', 'etc', 'mnt', 'var'):
        archive.directory(folder)
    archive.directory('root', 0o700)
    archive.copy('bin/busybox', box)
    applets = subprocess.run([box, '--list-full'], check=True, capture_output=True, text=True)
    for applet in applets.stdout.split():
        archive.symlink(applet, '/bin/busybox')
    archive.file('etc/hostname', 'nos\n')
    archive.file('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n')
    archive.file('etc/group', 'root:x:0:\ntty:x:5:\nnogroup:x:65534:\n')
    archive.file('etc/profile', "export PS1='\\h:\\w\\$ '\n")
    if command is None:
        archive.file('etc/inittab', INITTAB)
        archive.file('etc/rc', RC, 0o755)
        archive.symlink('init', '/bin/busybox')
    else:
        archive.file('etc/command', command + '\n')
        archive.file('init', ONCE.replace('@WORD@', word), 0o755)
    return archive
