# SPDX-License-Identifier: BSD-2-Clause
"""Debian 13's userland as an initramfs: made once by mmdebstrap, kept in the cache under a name that
changes with the recipe. What one run adds (its /init, say) is a small archive appended to it: kernels
unpack one after the other, and the later wins.
"""
import contextlib
import fcntl
import hashlib
import os
import shutil
import stat
import subprocess
import tarfile
import tempfile
from pathlib import Path

import debian_linux
import initramfs
from common import CACHE, Failure, need, say

SUITE = 'trixie'
FOLDER = CACHE / 'debian'
PACKAGES = '''
acl apt bash bc binutils bsdextrautils bzip2 file gcc gdb git kmod less libcap2-bin libncurses6 libc6-dev libpython3.13-testsuite login
lsof make man-db ncurses-term openssl passwd patch perl procps psmisc python3 sqlite3 strace
sysvinit-core tmux util-linux-extra vim xz-utils
'''.split()
# A system that systemd runs; small, since all of it is memory.
SYSTEMD_PACKAGES = '''
bash dbus iproute2 kmod less libpam-systemd login passwd procps strace systemd systemd-sysv udev util-linux
'''.split()
SOURCES = ['zlib', 'hello', 'gzip', 'bash', 'perl']    # to be compiled and tested in the guest, which has no network
LOCAL_DEBS = ['hello', 'sl']   # to be installed there
# What the tests of disks need.
DISK_PACKAGES = 'bash e2fsprogs fdisk parted util-linux'.split()
# Servers and clients; a database does without its compiler of queries, which is larger than all the rest.
NET_PACKAGES = '''
apt bash busybox ca-certificates curl dhcpcd-base ethtool git iperf3 iproute2 iputils-ping isc-dhcp-client
net-tools netcat-openbsd nginx-light openssh-client openssh-server openssl postgresql procps python3 redis-server
redis-tools strace tcpdump
'''.split()
NET_EXCLUDE = ['/usr/lib/llvm*', '/usr/lib/*/libLLVM*', '/usr/lib/*/libclang*']
EXCLUDE = ['/usr/share/doc/*', '/usr/share/locale/*', '/usr/share/info/*', '/usr/bin/*lto-dump*']
MEMORY = '3G'
SYSTEMD_MEMORY = 2048

APT = 'APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -qq -o APT::Sandbox::User=root'
HOOK = f'''
set -e
mkdir -p "$1/usr/src/debs"
cd "$1/usr/src"
{APT} source --download-only --tar-only {' '.join(SOURCES)}
cd debs
{APT} download {' '.join(LOCAL_DEBS)}
'''
USERS = r'''
set -e
echo nos >"$1/etc/hostname"
printf '127.0.0.1 localhost nos\n' >"$1/etc/hosts"
chroot "$1" passwd -qd root
chroot "$1" useradd -m -s /bin/bash user
chroot "$1" passwd -qd user
'''
SETTLE = USERS + r'''sed -i 's/^[1-6]:/#&/' "$1/etc/inittab"
echo 'S0:2345:respawn:/sbin/agetty --noclear ttyS0 115200 vt100' >>"$1/etc/inittab"
rm -rf "$1/var/cache/man" "$1/var/cache/debconf"/*-old
mkdir -p "$1/var/cache/man"
'''

# The name of a machine is given once, before its first boot.
SYSTEMD_SETTLE = USERS + r'''printf '%032x\n' 1 >"$1/etc/machine-id"
rm -rf "$1/var/cache/debconf"/*-old
'''

# Process 1 of `./nos run`: what an initramfs lacks, then the init= of the command line if there is one
# (--append init=/sbin/init: sysvinit), or else a session on the console and the end.
START = r'''#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=@TERM@
export LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev 2>/dev/null
mkdir -p /dev/pts /dev/shm
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -m 1777 /run/lock
ln -sfn /proc/self/fd /dev/fd
ln -sfn /proc/self/fd/0 /dev/stdin
ln -sfn /proc/self/fd/1 /dev/stdout
ln -sfn /proc/self/fd/2 /dev/stderr
hostname -F /etc/hostname
ln -sfn /proc/net/pnp /etc/resolv.conf
for word in $(cat /proc/cmdline); do
	case $word in init=*) exec "${word#init=}" ;; esac
done
cd /root
'''
SHELL = r'''
setsid -cw bash -l </dev/console >/dev/console 2>&1
'''
ONCE = r'''
setsid -cw bash /etc/nos-command </dev/console >/dev/console 2>&1
status=$?
echo
echo "@WORD@ $status"
'''
# A userland that cannot power off waits for who reads the word.
END = 'command -v poweroff >/dev/null || exec sleep infinity\nexec poweroff -d -f\n'


# sshd lets nobody in who has no password, but by a key.
NET_SETTLE = USERS + r'''rm -rf "$1/var/cache/debconf"/*-old "$1/etc/resolv.conf"
: >"$1/etc/resolv.conf"
'''


class Userland:
    """What mmdebstrap is to make; its name begins those of its archives in the cache."""
    def __init__(self, name, packages, hooks, exclude=()):
        self.name, self.packages, self.hooks = name, packages, hooks
        self.exclude = [*EXCLUDE, *exclude]

    def recipe(self):
        words = (SUITE, self.packages, self.exclude, *self.hooks)
        return hashlib.sha256(repr(words).encode()).hexdigest()[:16]


SYSVINIT = Userland('', PACKAGES, (HOOK, SETTLE))
NET = Userland('net-', NET_PACKAGES, (NET_SETTLE,), NET_EXCLUDE)
DISK = Userland('disk-', DISK_PACKAGES, ())
SYSTEMD = Userland('systemd-', SYSTEMD_PACKAGES, (SYSTEMD_SETTLE,))


def recipe():
    return SYSVINIT.recipe()


def sources():
    """What a guest's apt is told: the mirror of this machine."""
    return f'deb {debian_linux.mirror()[0]} {SUITE} main\n'


def bootstrap(userland, target):
    """Have mmdebstrap write the tree into the tar archive @target; it shows its own progress."""
    need('python', 'chroot')
    uri, keyring = debian_linux.mirror()
    options = [f'--dpkgopt=path-exclude={path}' for path in userland.exclude]
    if keyring:
        options.append(f'--keyring={keyring}')
    command = ['mmdebstrap', '--variant=minbase', f'--include={",".join(userland.packages)}', *options,
               '--aptopt=APT::Install-Recommends "false"',
               *(f'--customize-hook={hook}' for hook in userland.hooks), '--format=tar', SUITE, str(target),
               f'deb {uri} {SUITE} main', f'deb-src {uri} {SUITE} main']
    if subprocess.run(command, check=False).returncode:
        raise Failure('mmdebstrap could not make a Debian 13 tree; --busybox does without')


KINDS = {tarfile.REGTYPE: stat.S_IFREG, tarfile.DIRTYPE: stat.S_IFDIR, tarfile.SYMTYPE: stat.S_IFLNK}


def entries(tar):
    """(member, inode, links) of what belongs into the archive; names of one file have one inode."""
    members = [m for m in tar if m.type == tarfile.LNKTYPE or m.type in KINDS]
    inodes, links = {}, {}
    for number, member in enumerate(members, 1):
        first = inodes.get(member.linkname) if member.type == tarfile.LNKTYPE else None
        inodes[member.name] = first or number
        links[inodes[member.name]] = links.get(inodes[member.name], 0) + 1
    for member in members:
        yield member, inodes[member.name], links[inodes[member.name]]


def convert(source, target):
    """The tar archive @source as a newc cpio archive, without its device nodes."""
    with tarfile.open(source) as tar, open(target, 'wb') as out:
        for member, inode, links in entries(tar):
            name = member.name.removeprefix('./') or '.'
            mode = KINDS.get(member.type, stat.S_IFREG) | member.mode
            size = member.size if member.type == tarfile.REGTYPE else 0
            data = member.linkname.encode() if member.type == tarfile.SYMTYPE else b''
            out.write(initramfs.header(name, mode, len(data) or size, inode=inode, links=links,
                                       owner=(member.uid, member.gid), mtime=int(member.mtime)))
            out.write(data)
            if size:
                shutil.copyfileobj(tar.extractfile(member), out, 1 << 20)
            out.write(b'\0' * (-(len(data) or size) % 4))
        out.write(initramfs.header('dev/console', stat.S_IFCHR | 0o600, 0, device=(5, 1)))
        out.write(initramfs.header('TRAILER!!!', 0, 0))
        out.write(b'\0' * (-out.tell() % 512))


@contextlib.contextmanager
def alone(folder):
    """One maker at a time in a folder of the cache: runs beside each other wait for the first."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / 'lock', 'w', encoding='ascii') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def base(userland=SYSVINIT):
    """The archive of the plain userland, from the cache or made now."""
    path = FOLDER / f'{userland.name}{userland.recipe()}.cpio'
    with alone(FOLDER):
        if not path.exists():
            say("making Debian 13's userland with mmdebstrap (some minutes, once)")
            with tempfile.TemporaryDirectory(prefix='nos-', dir=FOLDER) as folder:
                tar = Path(folder) / 'root.tar'
                new = Path(folder) / 'root.cpio'
                bootstrap(userland, tar)
                say('packing it')
                convert(tar, new)
                # One other is kept: two worktrees may disagree about the recipe.
                others = FOLDER.glob(f'{userland.name}{"[0-9a-f]" * 16}.cpio')
                for old in sorted(others, key=lambda other: other.stat().st_mtime)[:-1]:
                    old.unlink()
                new.replace(path)
    return path


def image(target, extra):
    """Write at @target an initramfs of the userland and then the archive @extra."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f'{target.name}.{os.getpid()}')
    shutil.copyfile(base(), temporary)
    with open(temporary, 'ab') as out:
        out.write(extra.bytes())
    temporary.replace(target)
    return target


def session(command=None, word='NOS-END'):
    """What is added for one session: a login shell on the console, or @command and its verdict."""
    extra = initramfs.Archive()
    start = START.replace('@TERM@', os.environ.get('TERM', 'vt100') if command is None else 'dumb')
    if command is None:
        extra.file('init', start + SHELL + END, 0o755)
    else:
        extra.file('etc/nos-command', command + '\n')
        extra.file('init', start + ONCE.replace('@WORD@', word) + END, 0o755)
    return extra
