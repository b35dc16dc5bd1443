# SPDX-License-Identifier: BSD-2-Clause
# seconds: 900
# a program of Debian's from source: configure, make -j4, its own tests
tar xf /usr/src/zlib_*.orig.tar.* && cd zlib-*/ && ./configure >conf.log 2>&1; echo "configure $?"; make -j4 >make.log 2>&1; echo "make $?"; make test 2>&1 | grep -E 'OK|fail' | sort; ls -1 *.so* *.a | sort
