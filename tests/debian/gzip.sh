# SPDX-License-Identifier: BSD-2-Clause
# seconds: 2400
# GNU gzip from source: gnulib's configure, make -j4, its own tests
tar xf /usr/src/gzip_*.orig.tar.* && cd gzip-*/ && ./configure >conf.log 2>&1; echo "configure $?"; grep -E '^#define' lib/config.h | sort | md5sum; make -j4 >make.log 2>&1; echo "make $?"; seq 100000 | ./gzip -9 | ./gzip -dc | cksum; make -j4 check >check.log 2>&1; echo "check $?"; grep -E '^# (PASS|FAIL|SKIP|TOTAL)' check.log; grep -E '^(FAIL|ERROR)' check.log; make install DESTDIR=/work/inst >/dev/null 2>&1; find /work/inst -type f | sort
