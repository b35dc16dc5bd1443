#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""ext4 on a virtio disk: what mke2fs wrote is read, what NOS writes passes e2fsck and is read by debugfs."""
import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'tools'))
os.environ['PATH'] += ':/usr/sbin:/sbin'  # e2fsprogs

import gpt  # noqa: E402 pylint: disable=wrong-import-position
import nostest  # noqa: E402 pylint: disable=wrong-import-position
import debian  # noqa: E402 pylint: disable=wrong-import-position
import disk as debian_disk  # noqa: E402 pylint: disable=wrong-import-position
from nostest import initramfs, qemu  # noqa: E402 pylint: disable=wrong-import-position

suite = nostest.Suite(__doc__)
MOUNT = 'set -e\nmkdir -p /m\nmount -t ext4 /dev/vda /m\n'


def disk(path, number=0):
    return ['-drive', f'if=none,id=d{number},format=raw,cache=unsafe,file={path}',
            '-device', f'virtio-blk-pci,drive=d{number}']


def bytes_of(seed, size):
    """The same bytes each time, unlike each other."""
    block = hashlib.sha256(str(seed).encode()).digest()
    return (block * (size // len(block) + 1))[:size]


def make_tree(root):
    """Files of many sizes, a deep path, a full directory, links; {path: md5} of the files."""
    sums = {}
    for number, size in enumerate((0, 1, 59, 60, 61, 4095, 4096, 4097, 100000, 3000000)):
        sums[f'size-{size}'] = bytes_of(number, size)
    sums['/'.join(f'deep-{n}' for n in range(20)) + '/file'] = b'down there\n'
    for number in range(1000):
        sums[f'many/a-file-with-quite-a-long-name-{number:05}'] = b'%d\n' % number
    for name, data in sums.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    (root / 'short').symlink_to('size-1')
    (root / 'long').symlink_to('deep-0/' * 20 + '../' * 10 + 'x' * 100)
    os.link(root / 'size-4097', root / 'hard')
    box = initramfs.busybox()
    (root / 'bin').mkdir()
    shutil.copy(box, root / 'bin/busybox')
    os.chmod(root / 'bin/busybox', 0o755)
    sums['bin/busybox'] = Path(box).read_bytes()
    return {name: hashlib.md5(data).hexdigest() for name, data in sums.items()}


def make_image(path, size, root=None, options=()):
    words = ['mke2fs', '-q', '-F', '-t', 'ext4', *options, *(['-d', str(root)] if root else []), str(path), size]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return path


def fsck(t, path):
    found = subprocess.run(['e2fsck', '-fn', str(path)], check=False, capture_output=True, text=True)
    t.expect(found.returncode == 0, f'e2fsck says {found.returncode}:\n{found.stdout}{found.stderr}')


def dump(path, name):
    """The bytes of a file of the image, read by debugfs."""
    found = subprocess.run(['debugfs', '-R', f'cat {name}', str(path)], check=True, capture_output=True)
    return found.stdout


@suite.test
def read(t):
    """Every byte of a tree that mke2fs wrote; a program runs from it."""
    root = Path(t.folder) / 'tree'
    root.mkdir()
    sums = make_tree(root)
    image = make_image(Path(t.folder) / 'disk', '64M', root)
    listed = ''.join(f'{md5}  /m/{name}\n' for name, md5 in sorted(sums.items()))
    result = t.boot(files=[('sums', listed)], extra=disk(image), timeout=120, command=MOUNT + '''
md5sum -c /sums | grep -v ': OK$' && exit 1
[ "$(readlink /m/short)" = size-1 ]
[ "$(readlink /m/long | wc -c)" = 271 ]
[ "$(stat -c %h /m/hard)" = 2 ]
[ "$(ls /m/many | wc -l)" = 1000 ]
[ "$(find /m | wc -l)" = "$(find /m | sort -u | wc -l)" ]
/m/bin/busybox echo a program ran
grep ' /m ext4 rw,relatime' /proc/mounts
df /m | tail -1
umount /m
''')
    t.expect('a program ran' in result.log, 'the program')
    fsck(t, image)


WRITE = MOUNT + '''
cd /m
md5() { md5sum | cut -c 1-32; }
mkdir -p a/b/c
yes 'line of text' | head -c 1000000 >a/text
cp a/text a/b/copy
dd if=/dev/zero of=sparse bs=4096 count=1 seek=10000 2>/dev/null
for n in 0 1 2 3 4 5 6 7 8 9; do echo $n >>a/append; done
i=0; while [ $i -lt 300 ]; do echo $i >many-$i; i=$((i + 1)); done
i=0; while [ $i -lt 300 ]; do rm many-$i; i=$((i + 3)); done
ln a/text hard
ln -s a/text soft
mv a/b/c moved
mkdir gone; rmdir gone
mv a/append renamed
chown 12:34 renamed; chmod 4751 renamed; touch -d '2030-01-02 03:04:05' renamed
truncate -s 12345 a/b/copy
fallocate -l 300000 reserved
mknod fifo p; mknod null c 1 3
# A file that is unlinked lives as long as somebody has it open.
exec 3>unlinked; rm unlinked; echo still here >&3; exec 3>&-
sync
echo 3 >/proc/sys/vm/drop_caches
[ "$(md5 <a/text)" = "$(yes 'line of text' | head -c 1000000 | md5)" ]
[ "$(md5 <hard)" = "$(md5 <soft)" ]
[ "$(stat -c %s sparse)" = 40964096 ]
[ "$(stat -c %b sparse)" -lt 100 ]
[ "$(stat -c %a:%u:%g:%Y renamed)" = 4751:12:34:1893553445 ]
[ "$(stat -c %t:%T null)" = 1:3 ]
cd /
mount -o remount,ro /m
if touch /m/no 2>/dev/null; then exit 1; fi
mount -o remount,rw /m
touch /m/yes
umount /m
mount -t ext4 -o ro /dev/vda /m
[ "$(cat /m/renamed | tr -d '\\n')" = 0123456789 ]
[ "$(ls /m | grep -c many-)" = 200 ]
umount /m
'''


@suite.test
def write(t):
    """What is written is there after unmounting, for NOS, e2fsck and debugfs."""
    image = make_image(Path(t.folder) / 'disk', '64M')
    t.boot(extra=disk(image), timeout=180, command=WRITE)
    fsck(t, image)
    t.expect(dump(image, '/a/b/copy') == (b'line of text\n' * 1000)[:12345], 'debugfs reads something else')
    t.expect(dump(image, '/renamed') == b''.join(b'%d\n' % n for n in range(10)), 'debugfs: /renamed')


@suite.test
def at_once(t):
    """Several programs write at the same time; all of it is read back from the disk."""
    image = make_image(Path(t.folder) / 'disk', '256M')
    t.boot(extra=disk(image), timeout=240, smp=4, command=MOUNT + '''
cd /m
work() {
	mkdir $1
	for n in 1 2 3 4 5 6 7 8; do
		yes "$1 $n" | head -c 1500000 >$1/$n
		cp $1/$n $1/copy; mv $1/copy $1/$n.copy
		rm -f $1/$((n - 2)).copy
	done
	tar cf - $1 | (mkdir -p $1/again; cd $1/again; tar xf - 2>/dev/null)
}
for who in one two three four; do work $who & done
wait
cd /; umount /m; mount -t ext4 /dev/vda /m; cd /m
for who in one two three four; do
	for n in 1 2 3 4 5 6 7 8; do
		yes "$who $n" | head -c 1500000 | cmp - $who/$n
		cmp $who/$n $who/again/$who/$n
	done
done
rm -r one/again two
cd /; umount /m
''')
    fsck(t, image)


@suite.test
def full(t):
    """A full disk is ENOSPC, and room that is given back is room."""
    image = make_image(Path(t.folder) / 'disk', '16M')
    t.boot(extra=disk(image), timeout=120, command=MOUNT + '''
cd /m
if dd if=/dev/zero of=big bs=65536 2>/dev/null; then exit 1; fi
if echo more >small; then exit 1; fi
rm big
sync
dd if=/dev/zero of=again bs=65536 count=100 2>/dev/null
cd /; umount /m
''')
    fsck(t, image)


KEEP_WRITING = MOUNT + '''
cd /m
i=0
while :; do
	i=$((i + 1))
	mkdir -p d$((i % 7))
	yes $i | head -c $((i * 137 % 60000)) >d$((i % 7))/f$((i % 31))
	mv d$((i % 7))/f$((i % 31)) d$((i % 5))/g$((i % 29)) 2>/dev/null || :
	rm -f d$((i % 3))/g$((i % 11))
	echo $i >last.new && sync last.new && mv last.new last && sync .
	echo "kept $i"
done
'''


@suite.test
def killed(t):
    """The machine is killed at random moments while it writes: what was synced is there, the rest is whole."""
    image = make_image(Path(t.folder) / 'disk', '32M')
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    for _ in range(t.arguments.times):
        archive = initramfs.userland(KEEP_WRITING).write(Path(t.folder) / 'writes.cpio')
        console = qemu.Console(qemu.Machine(t.kernel(), archive, 'console=ttyS0 quiet panic=-1', smp=t.arguments.smp,
                                            extra=disk(image)))
        for _ in range(chance.randrange(1, 60)):
            found = console.expect(r'^kept (\d+)$', 60 * t.arguments.scale)
            t.expect(found, 'it does not write:\n' + console.text())
        time.sleep(chance.random())
        console.close()
        kept = int(re.findall(rb'^kept (\d+)$', console.log, re.M)[-1])
        result = t.boot(extra=disk(image), timeout=60, command=MOUNT + 'echo "last $(cat /m/last)"; ls -lR /m >/dev/null; umount /m')
        last = re.search(r'^last (\d+)$', result.log, re.M)
        t.expect(last and int(last[1]) >= kept, f'seed {seed}: {kept} was synced')
        fsck(t, image)


@suite.test
def broken(t):
    """Bytes that make no sense are errors, never a panic or a loop."""
    tree = Path(t.folder) / 'tree'
    tree.mkdir()
    make_tree(tree)
    for number, options in enumerate(([], ['-O', '^metadata_csum,uninit_bg'])):
        image = make_image(Path(t.folder) / 'disk', '64M', tree, options)
        with open(image, 'r+b') as data:
            for place in range(300):
                spot = int.from_bytes(hashlib.sha256(b'%d %d' % (number, place)).digest()[:4], 'little')
                data.seek(8192 + spot % (10 << 20))
                data.write(bytes_of(place, 1 + spot % 50))
        t.boot(extra=disk(image), timeout=120, command='''
mkdir /m
mount -t ext4 /dev/vda /m || exit 0
find /m >/dev/null 2>&1
cat /m/size-* /m/many/* >/dev/null 2>&1
find /m | head -200 | while read -r f; do rm -f "$f" 2>/dev/null; echo x >>"$f.x"; done 2>/dev/null
mkdir /m/new 2>/dev/null
umount /m || umount /m
true
''')


@suite.test
def large(t):
    """Many names in a directory, a file with its last byte far away, long names."""
    image = make_image(Path(t.folder) / 'disk', '128M', options=['-N', '30000', '-b', '4096'])
    t.boot(extra=disk(image), timeout=240, command=MOUNT + '''
mkdir /m/d
cd /m/d
seq 1 20000 | xargs touch
[ "$(ls | wc -l)" = 20000 ]
[ "$(ls | sort -u | wc -l)" = 20000 ]
cd /
umount /m; mount -t ext4 /dev/vda /m
[ "$(ls /m/d | wc -l)" = 20000 ]
[ -e /m/d/1 ] && [ -e /m/d/20000 ] && [ ! -e /m/d/20001 ]
ls /m/d | (cd /m/d; xargs rm)
rmdir /m/d
truncate -s 8796093022208 /m/far
echo end | dd of=/m/far bs=1 seek=8796093022204 conv=notrunc 2>/dev/null
[ "$(stat -c %s /m/far)" = 8796093022208 ]
[ "$(tail -c 4 /m/far)" = end ]
long=$(printf %0255d 7)
touch /m/$long
if touch /m/0$long 2>/dev/null; then exit 1; fi
umount /m
''')
    fsck(t, image)


def root_image(t, size='64M'):
    """A busybox system on a disk."""
    root = Path(t.folder) / 'root'
    for name in ('bin', 'dev', 'proc', 'sys', 'tmp', 'etc'):
        (root / name).mkdir(parents=True)
    shutil.copy(initramfs.busybox(), root / 'bin/busybox')
    os.chmod(root / 'bin/busybox', 0o755)
    (root / 'bin/sh').symlink_to('busybox')
    (root / 'init.sh').write_text('''#!/bin/sh
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
grep ' / ' /proc/mounts
grep -q vda /proc/partitions && echo "found the disk"
echo "was here" >>/etc/visits
echo "visits: $(wc -l </etc/visits)"
echo "NOS-END 0"
poweroff -f
''')
    os.chmod(root / 'init.sh', 0o755)
    return make_image(Path(t.folder) / 'disk', size, root, ['-L', 'nosroot', '-U', '01234567-89ab-cdef-0123-456789abcdef'])


@suite.test
def root(t):
    """root= without an initramfs, by path, label and UUID; what was written is there the next time."""
    image = root_image(t)
    for number, spec in enumerate(('/dev/vda', 'LABEL=nosroot', 'UUID=01234567-89ab-cdef-0123-456789abcdef'), 1):
        words = f'console=ttyS0 panic=-1 root={spec} rootwait rw init=/init.sh'
        machine = qemu.Machine(t.kernel(), None, words, smp=t.arguments.smp, extra=disk(image))
        result = t.last = qemu.boot(machine, 60 * t.arguments.scale)
        t.expect(result.ok(), f'root={spec}: {result.why()}')
        t.expect_no_report(result)
        t.expect(f'visits: {number}' in result.log, f'root={spec}: the file of the boot before')
        fsck(t, image)


@suite.test
def root_partition(t):
    """root= by the partition's identity and name, one by its distance from another; / is clean after the power is off."""
    whole = Path(t.folder) / 'whole'
    gpt.make_image(whole, [(2048, 2048, 'boot'), (8192, 98304, 'nos root')])
    inner = root_image(t, '48M')
    with open(whole, 'r+b') as disk_file:
        disk_file.seek(8192 * 512)
        disk_file.write(inner.read_bytes())
    first, second = ('-'.join((pair * 16)[a:b] for a, b in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))) for pair in ('01', '02'))
    specs = ('/dev/vda2', f'PARTUUID={second}', f'PARTUUID={first}/PARTNROFF=1', '"PARTLABEL=nos root"', '254:2')
    for number, spec in enumerate(specs, 1):
        quoted = f'"root={spec[1:]}' if spec[0] == '"' else f'root={spec}'
        words = f'console=ttyS0 panic=-1 {quoted} rootwait rw init=/init.sh'
        machine = qemu.Machine(t.kernel(), None, words, smp=t.arguments.smp, extra=disk(whole))
        result = t.last = qemu.boot(machine, 60 * t.arguments.scale)
        t.expect(result.ok(), f'{quoted}: {result.why()}')
        t.expect_no_report(result)
        t.expect(f'visits: {number}' in result.log, f'{quoted}: the file of the boot before')
        with open(whole, 'rb') as disk_file:
            disk_file.seek(8192 * 512)
            inner.write_bytes(disk_file.read(48 << 20))
        fsck(t, inner)


def dialogue(t, machine, steps):
    """Boot @machine, answer each pattern on the console, see it go off by itself and without a report."""
    console = qemu.Console(machine)
    try:
        for pattern, reply in steps:
            t.expect(console.expect(pattern, 120 * t.arguments.scale), f'{pattern} did not come:\n{console.text()[-3000:]}')
            console.send(reply)
        t.expect(console.ended(60 * t.arguments.scale), 'it does not go off:\n' + console.text()[-3000:])
    finally:
        console.close()
    t.expect(not nostest.REPORTS.search(console.text()), 'the kernel reports:\n' + console.text())


def debian_machine(t, image):
    words = f'console=ttyS0 quiet panic=-1 root={debian_disk.root_of(image)} rw ip=dhcp'
    return qemu.Machine(t.kernel(), None, words, memory='1G', smp=t.arguments.smp,
                        extra=qemu.disks('q35', [image]) + qemu.network('q35'))


def debian_image(t):
    """A copy of the disk of `./nos run`, where it can be made."""
    if not (debian.FOLDER / f'{debian.recipe()}.cpio').exists():
        t.skip('no Debian userland in the cache (./nos run makes it)')
    nostest.need('disk')
    image = Path(t.folder) / 'disk'
    subprocess.run(['cp', '--sparse=always', debian_disk.base(), image], check=True)
    return image


@suite.test
def debian_root(t):
    """The disk of `./nos run`: a shell, programs, a package installed, a network; all of it is there the next time."""
    image = debian_image(t)
    prompt = r'root@nos:~# '
    dialogue(t, debian_machine(t, image), (
        (prompt, 'stty -echo; dpkg -i /usr/src/debs/hello*.deb; hello; df /\n'), (r'Hello, world', ''),
        (r'/dev/(root|vda) ', 'cp -a /usr/share/perl /root/p && diff -r /usr/share/perl /root/p && echo ALIKE\n'),
        (r'^ALIKE', 'cat /etc/resolv.conf\n'), (r'^nameserver 10', 'poweroff\n')))
    fsck(t, image)
    dialogue(t, debian_machine(t, image), (
        (prompt, 'stty -echo; hello; dpkg -s hello; diff -r /usr/share/perl /root/p && echo ALIKE\n'), (r'Hello, world', ''),
        (r'^Status: install ok installed', ''), (r'^ALIKE', 'poweroff\n')))
    fsck(t, image)


@suite.test
def debian_foreign(t):
    """An image as others make them: qcow2, GPT, the root after a partition for the firmware."""
    image = debian_image(t)
    whole, final = Path(t.folder) / 'whole', Path(t.folder) / 'disk.qcow2'
    gpt = 'label: gpt\nstart=2048, size=20480, type=U\nstart=22528, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709\n'
    with open(whole, 'wb') as out:
        out.truncate(image.stat().st_size + (12 << 20))
    subprocess.run(['sfdisk', '-q', whole], input=gpt, check=True, text=True)
    subprocess.run(['dd', f'if={image}', f'of={whole}', 'bs=1M', 'seek=11', 'conv=sparse,notrunc', 'status=none'], check=True)
    subprocess.run(['qemu-img', 'convert', '-O', 'qcow2', whole, final], check=True)
    t.expect(debian_disk.root_of(final) == '/dev/vda2', 'its root is ' + debian_disk.root_of(final))
    dialogue(t, debian_machine(t, final), ((r'root@nos:~# ', 'stty -echo; lsblk -no NAME,MOUNTPOINTS\n'), (r'vda2 +/$', 'poweroff\n')))


if __name__ == '__main__':
    suite.main()
