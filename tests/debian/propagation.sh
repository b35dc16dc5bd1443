# SPDX-License-Identifier: BSD-2-Clause
# mounts that are seen elsewhere
mount --make-shared /work; findmnt -no PROPAGATION /work; mount --make-private /work; findmnt -no PROPAGATION /work
mkdir a b; mount -t tmpfs one a; mount --make-shared a; mount --bind a b; mkdir a/m; mount -t tmpfs two a/m; findmnt -rno TARGET -t tmpfs | grep /work/b; mount --make-slave b; umount a/m; findmnt -rno TARGET,PROPAGATION b
