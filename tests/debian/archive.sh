# SPDX-License-Identifier: BSD-2-Clause
# tar, gzip, bzip2, xz, and sums that prove it
mkdir t; cp -a /etc/skel /etc/security /etc/init.d t/ 2>/dev/null; ln -s x t/link; ln t/skel/.bashrc t/hard; mkfifo t/fifo; mknod t/node b 7 0; truncate -s 5M t/sparse
chown -h user:user t/link; find t -exec touch -h -d @1000000000.5 {} +
for z in '' z j J; do tar c${z}pf "a$z.tar" --sparse --format=posix t; tar t${z}f "a$z.tar" | wc -l; mkdir "x$z"; tar x${z}pf "a$z.tar" -C "x$z"; (cd "x$z"; find . -mindepth 1 -printf '%p %y %m %U:%G %T@ %n %l\n' | sort | md5sum); done
(cd t; find . -type f -printf '%p %y %m %U:%G %s %n\n' | sort; find . -type d -printf '%p %s\n' | sort)
tar -C /usr -cf - lib/python3.13 2>/dev/null | tar tf - | wc -l
tar --listed-incremental=snap -cf i1.tar t; sleep 0.01; echo new >t/new; tar --listed-incremental=snap -cf i2.tar t; tar tf i2.tar | grep -v /$ 
gzip -9 <a.tar >g; gzip -t g && zcat g | cmp - a.tar && echo gzip; xz -T4 -k a.tar; xz -dc a.tar.xz | cmp - a.tar && echo xz; bzip2 -k a.tar; bzcat a.tar.bz2 | cmp - a.tar && echo bzip2
gzip -k a.tar; gzip -l a.tar.gz | wc -l; zgrep -c skel a.tar.gz; gunzip -f a.tar.gz; ls a.tar; tar df a.tar; echo "diff $?"; tar cf - t | (mkdir y; cd y; tar xf - --owner=root; find . | wc -l)
tar cf deb.tar --exclude='*.d' --transform 's,^t,u,' t; tar tf deb.tar | head -1; tar rf deb.tar /etc/passwd 2>/dev/null; tar --delete -f deb.tar u/new; tar tf deb.tar | tail -1; tar uf deb.tar t; echo $?
