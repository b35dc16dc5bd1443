# SPDX-License-Identifier: BSD-2-Clause
# seconds: 1800
# GNU hello: autoconf's configure, make -j4, make check
tar xf /usr/src/hello_*.orig.tar.* && cd hello-*/ && ./configure --disable-nls >conf.log 2>&1; echo "configure $?"; grep -E '^#define' config.h | sort | md5sum; make -j4 >make.log 2>&1; echo "make $?"; ./hello; make check >check.log 2>&1; echo "check $?"; grep -E '^# (PASS|FAIL|TOTAL)' check.log; make install DESTDIR=/work/inst >/dev/null 2>&1; find /work/inst -type f | sort
