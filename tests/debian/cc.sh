# SPDX-License-Identifier: BSD-2-Clause
# gcc, binutils, make
cat >hello.c <<'C'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
static __thread int mine;
static void *run(void *p) { mine = (int)(long)p; return (void *)(long)(mine * 2); }
static void late(void) { puts("atexit"); }
int main(int argc, char **argv) { pthread_t t[4]; long sum = 0; void *r; atexit(late); for (long i = 0; i < 4; i++) pthread_create(t + i, 0, run, (void *)i);
for (int i = 0; i < 4; i++) { pthread_join(t[i], &r); sum += (long)r; } printf("hello %d %s %ld\n", argc, argv[0], sum); return 42; }
C
gcc -O2 -Wall -g hello.c -o hello && ./hello a b; echo $?; gcc -static hello.c -o static && ./static; echo $?; gcc -flto -pie -O3 hello.c -o lto && ./lto; gcc -S -O1 hello.c -o - | grep -c call; gcc -c hello.c && nm hello.o | awk '{print $NF}' | sort; objdump -d hello | grep -c '<main>'; readelf -hl hello | grep -E 'Type|INTERP|Requesting'; ldd hello | awk '{print $1}'; strip hello; ./hello; size hello.o | wc -l; addr2line -e static 0 | cut -c1-2; ar rc l.a hello.o; ar t l.a; ld -r -o r.o hello.o; echo 'int f(void) { return 5; }' >f.c; gcc -shared -fPIC f.c -o libf.so; echo 'int f(void); int main(void) { return f(); }' >m.c; gcc m.c -L. -lf -o m; LD_LIBRARY_PATH=. ./m; echo $?; ./m 2>&1 | sed 's/.*: //'; echo "lib $?"; gcc -fsanitize=address,undefined hello.c -o asan 2>&1 | head -2; ASAN_OPTIONS=detect_leaks=0 ./asan 2>&1 | head -3; gcc nosuch.c 2>&1 | tail -1 | sed 's/.*: //'; gdb -batch -ex 'info line main' lto 2>&1 | cut -c1-9; c++filt _Z3fooi; as --version | wc -l | awk '{print $1 > 1}'; LD_DEBUG=files ./m 2>&1 | grep -c calling
cat >Makefile <<'M'
all: $(patsubst %,o%,$(shell seq 40))
o%: ; @sleep 0.0$* ; echo $* >$@
M
make -j4 -s; ls o* | wc -l; make -j4 -s --output-sync; echo 'all: ; exit 3' | make -sf - 2>&1 | tail -1 | sed "s/\[.*:/[F:/"; :; echo "make $?"
