# SPDX-License-Identifier: BSD-2-Clause
# What Debian's tools see and do on a disk of 64 MiB with GPT (tests/run-block.py made it). Outputs are compared with tools.expect.
exec 2>&1
quiet() { "$@" >/dev/null 2>&1; echo "status $?"; }
lsblk -n -l -o NAME,MAJ:MIN,RM,SIZE,RO,TYPE,LOG-SEC,PHY-SEC,ROTA,RA /dev/vda
fdisk -l /dev/vda | sed '/^$/d'
sfdisk -d /dev/vda | sed '/^$/d'
blkid -c /dev/null /dev/vda1 /dev/vda2
blkid -p /dev/vda
blockdev --report /dev/vda /dev/vda1
for o in sz ro ss pbsz iomin ioopt alignoff maxsect bsz ra discardzeroes; do echo "$o $(blockdev --get$o /dev/vda)"; done

echo "== file systems"
mke2fs -q -t ext4 -L data -U 11111111-2222-3333-4444-555555555555 /dev/vda2; echo "status $?"
blkid -c /dev/null -o export /dev/vda2
e2fsck -fn /dev/vda2 | grep ^Pass; echo "status $?"
mkdir /tmp/t; cp /bin/bash /tmp/t; mke2fs -q -F -t ext4 -d /tmp/t /dev/vda1; echo "status $?"
debugfs -R 'dump /bash /tmp/bash2' /dev/vda1; cmp /bin/bash /tmp/bash2; echo "status $?"
e2fsck -fn /dev/vda1 >/dev/null; echo "status $?"

echo "== direct, errors"
dd if=/dev/urandom of=/tmp/r bs=1M count=8 status=none
dd if=/tmp/r of=/dev/vda2 bs=128k oflag=direct seek=8 status=none
dd if=/dev/vda2 bs=64k skip=16 count=128 status=none | cmp - /tmp/r; echo "status $?"
dd if=/dev/vda2 bs=1M iflag=direct skip=1 count=8 status=none | cmp - /tmp/r; echo "status $?"
dd if=/dev/vda iflag=direct bs=1000 count=1 of=/dev/null status=none
dd if=/dev/zero of=/dev/vda bs=512 seek=131071 count=2 status=none
dd if=/dev/vda bs=512 skip=131072 count=1 status=none | wc -c
blockdev --setro /dev/vda1; dd if=/dev/zero of=/dev/vda1 count=1 status=none; blockdev --setrw /dev/vda1
blkdiscard -f -o 1M -l 1M /dev/vda1; echo "status $?"
blkdiscard -f -o 1 -l 1M /dev/vda1; echo "status $?"
dd if=/tmp/r of=/dev/vda1 bs=1M count=2 conv=fsync status=none
blkdiscard -f -z -o 512 -l 1024 /dev/vda1; echo "status $?"
dd if=/dev/vda1 bs=512 count=1 status=none | cmp -n 512 - /tmp/r; dd if=/dev/vda1 bs=512 skip=1 count=2 status=none | tr -d '\0' | wc -c
dd if=/dev/vda1 bs=512 skip=3 count=10 status=none | cmp -n 5120 - /tmp/r 0 1536; echo "status $?"
blkdiscard -f -s -o 1M -l 1M /dev/vda1; echo "status $?"
fallocate -z -o 0 -l 4096 /dev/vda1; fallocate -p -o 4096 -l 4096 /dev/vda1; fallocate -l 4096 /dev/vda1
( exec 3<>/dev/vda1; flock 3; mke2fs -q -F /dev/vda1; echo "status $?" )

echo "== partitions"
printf 'label: dos\n2048,10240\n,20480,E\n14336,4096\n,4096\n' | sfdisk -q --no-tell-kernel /dev/vda | grep -v signature
blockdev --rereadpt /dev/vda; echo "status $?"
lsblk -n -l -o NAME,MAJ:MIN,SIZE /dev/vda; cat /proc/partitions
( exec 3</dev/vda3; blockdev --rereadpt /dev/vda )
partx -d --nr 3 /dev/vda; lsblk -n -l -o NAME,SIZE /dev/vda; partx -a /dev/vda
cat /sys/class/block/vda5/partition /sys/class/block/vda5/start /sys/class/block/vda5/size
wipefs -a -q /dev/vda; echo "status $?"; blockdev --rereadpt /dev/vda; lsblk -n -l -o NAME /dev/vda
parted -s /dev/vda mklabel gpt mkpart a ext4 1MiB 10MiB 2>/dev/null; lsblk -n -l -o NAME,SIZE /dev/vda

echo "== loop"
truncate -s 32M /tmp/img; printf 'label: gpt\nsize=8M\nsize=4M\n' | sfdisk -q /tmp/img
L=$(losetup -f --show -P /tmp/img); lsblk -n -l -o NAME,MAJ:MIN,SIZE,TYPE $L
losetup -l -n --raw -O NAME,SIZELIMIT,OFFSET,AUTOCLEAR,RO,BACK-FILE,DIO,LOG-SEC
dd if=/tmp/r of=${L}p1 bs=1M status=none; dd if=/tmp/img bs=1M skip=1 count=8 status=none | cmp - /tmp/r; echo "status $?"
mke2fs -q ${L}p2; e2fsck -fn ${L}p2 >/dev/null 2>&1; echo "status $?"
truncate -s 40M /tmp/img; losetup -c $L; blockdev --getsize64 $L
losetup /dev/loop1 $L; losetup -l -n --raw -O BACK-FILE /dev/loop1; losetup -d /dev/loop1
losetup -d $L; losetup -a; blockdev --getsize64 $L
L=$(losetup -f --show -o 1M --sizelimit 8M -r /tmp/img); losetup -l -n --raw -O NAME,SIZELIMIT,OFFSET,RO $L; cmp $L /tmp/r; echo "status $?"
dd if=/dev/zero of=$L count=1 status=none
losetup $L /tmp/img; losetup -d $L
losetup -f --show -b 4096 /tmp/img; blockdev --getss /dev/loop0; losetup -D

echo "== the host looks at this"
dd if=/tmp/r of=/dev/vda bs=1M seek=40 status=none; md5sum /tmp/r | cut -c1-32; sync
