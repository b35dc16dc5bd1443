# SPDX-License-Identifier: BSD-2-Clause
"""Debian 13 on a disk: an ext4 image made once from the userland and kept in the cache, the user's own
copy of it, and which part of a foreign image is its root.
"""
import json
import os
import subprocess
import tempfile

import debian
from common import BUILD, Failure, need, say

OWN = BUILD / 'run' / 'debian.img'
SIZE = '16G'   # sparse: what is not used takes no room
MEMORY = '1G'
os.environ['PATH'] += ':/usr/sbin:/sbin'

# Run in the unpacked tree. A login on the console needs no password, the kernel's ip=dhcp names the name server.
SETTLE = r'''
set -e
cpio -idm --quiet --no-absolute-filenames
sed -i 's/agetty --noclear ttyS0/agetty --autologin root --noclear ttyS0/' etc/inittab
ln -sfn /proc/net/pnp etc/resolv.conf
ln -sfn ../proc/self/mounts etc/mtab
printf '/dev/root / ext4 errors=remount-ro 0 0\n' >etc/fstab
'''

# The types of partitions that hold a root: the discoverable one of x86-64, then any Linux file system.
ROOT_TYPES = ('4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709', '0FC63DAF-8483-4772-8E79-3D69D8477DE4', '83')


def make(archive, target):
    """Write at @target the ext4 image of @archive. fakeroot keeps owners and nodes for who is not root."""
    need('disk')
    as_root = [] if os.geteuid() == 0 else ['fakeroot']
    with tempfile.TemporaryDirectory(prefix='nos-tree-', dir=target.parent) as folder, open(archive, 'rb') as source:
        script = SETTLE + f'mke2fs -q -F -t ext4 -L nos-root -d . "$1" {SIZE}'
        done = subprocess.run([*as_root, 'sh', '-c', script, 'sh', target], cwd=folder, stdin=source, check=False)
    if done.returncode:
        raise Failure('could not make the disk; --initramfs does without')


def base():
    """The image as it was made, from the cache or made now."""
    path = debian.FOLDER / f'{debian.recipe()}.ext4'
    archive = debian.base()
    with debian.alone(debian.FOLDER):
        if not path.exists():
            say("making the disk of Debian 13 (a minute, once)")
            new = path.with_suffix('.new')
            new.unlink(missing_ok=True)
            make(archive, new)
            for old in debian.FOLDER.glob('*.ext4'):
                old.unlink()
            new.replace(path)
    return path


def own():
    """The user's disk, which keeps what is written to it: a copy of the base until he has one."""
    if not OWN.exists():
        OWN.parent.mkdir(parents=True, exist_ok=True)
        new = OWN.with_suffix('.new')
        subprocess.run(['cp', '--sparse=always', '--reflink=auto', base(), new], check=True)
        new.replace(OWN)
    return OWN


def partitions(image):
    """(number, type) of the partitions of @image, of any format QEMU knows; [] without a table."""
    need('disk')
    with tempfile.NamedTemporaryFile(prefix='nos-', suffix='-table') as table:
        head = ['qemu-img', 'dd', '-O', 'raw', 'bs=1M', 'count=1', f'if={image}', f'of={table.name}']
        about = subprocess.run(['qemu-img', 'info', '--output=json', image], check=False, capture_output=True)
        if about.returncode or subprocess.run(head, check=False, stdout=subprocess.DEVNULL).returncode:
            raise Failure(f'{image} is not a disk image')
        os.truncate(table.name, json.loads(about.stdout)['virtual-size'])
        found = subprocess.run(['sfdisk', '--json', table.name], check=False, capture_output=True)
        if found.returncode:
            return []
        listed = json.loads(found.stdout)['partitiontable'].get('partitions', [])
        return [(int(part['node'].removeprefix(table.name)), part['type'].upper()) for part in listed]


def root_of(image):
    """Where the root is on @image as the first disk: its root partition, or all of it."""
    found = partitions(image)
    for kind in ROOT_TYPES:
        for number, of_type in found:
            if of_type == kind:
                return f'/dev/vda{number}'
    return '/dev/vda'
