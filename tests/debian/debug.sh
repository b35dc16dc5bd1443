# SPDX-License-Identifier: BSD-2-Clause
# gdb, strace, core files
# seconds: 600
ulimit -c unlimited
cat >prog.c <<'C'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int total;
static pthread_barrier_t bar;
static void add(int n)
{
	total += n;
}
static int depth(int n)
{
	if (n == 0) {
		add(1);
		return 0;
	}
	return 1 + depth(n - 1);
}
static void *worker(void *arg)
{
	int r = depth((int)(long)arg);
	pthread_barrier_wait(&bar);
	if (getenv("CRASH") && r == 3)
		*(volatile int *)0 = r;
	pthread_barrier_wait(&bar);
	return NULL;
}
int main(int argc, char **argv)
{
	pthread_t t[3];
	pthread_barrier_init(&bar, NULL, 4);
	for (long i = 0; i < 3; i++)
		pthread_create(t + i, NULL, worker, (void *)(i + 1));
	pthread_barrier_wait(&bar);
	pthread_barrier_wait(&bar);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < 3; i++)
		add(10 * i);
	printf("total %d %s\n", total, argc > 1 ? argv[1] : "-");
	return total;
}
C
gcc -g -O0 prog.c -o prog || exit 1
export DEBUGINFOD_URLS=
G="gdb -nx -batch -iex 'set debuginfod enabled off'"
# Numbers of threads and processes, addresses, and the order in which threads get there, are nobody's business.
tidy()
{
	sed -E 's/0x[0-9a-f]+/ADDR/g; s/\(LWP [0-9]+\)/(LWP N)/g; s/process [0-9]+/process N/g; s/Thread ADDR/Thread/; s/\[New LWP [0-9]+\]//; s/PID [0-9]+/PID N/; s/[0-9]{12,}/N/g' |
		grep -vE '^warning:|^$|Using host libthread_db|debuginfod|\[(New )?Thread|\[Thread debugging|Downloading|Missing separate'
}

echo "== breakpoint, arguments, stepping, finish"
eval $G -ex "'break main'" -ex "'run one'" -ex next -ex next -ex step -ex "'info locals'" -ex "'print argv[1]'" -ex "'print argc'" \
	-ex "'set var argc = 1'" -ex "'info breakpoints'" -ex kill ./prog 2>&1 | tidy | grep -vE '^\[Switching'

echo "== a breakpoint in a thread, its stack"
eval $G -ex "'break add if n == 1'" -ex "'run'" -ex "'bt -full 0'" -ex "'up'" -ex "'print n'" -ex "'delete'" -ex "'info threads'" -ex continue ./prog 2>&1 | tidy |
	grep -E '^#[0-9]|total|^\$|exited' | sed -E 's/n=[123]\)/n=N)/; s/arg=ADDR\) at/arg) at/' | grep -vE '^#[2-9]'

echo "== a hardware watchpoint"
eval $G -ex "'break 39'" -ex run -ex "'watch total'" -ex continue -ex continue -ex "'info watchpoints'" -ex "'delete'" -ex continue ./prog 2>&1 | tidy |
	grep -vE '^\[Switching|^\[Inferior'

echo "== a read watchpoint, a hardware breakpoint, reverse of nothing"
eval $G -ex "'hbreak add'" -ex run -ex "'rwatch total'" -ex "'delete 1'" -ex continue -ex "'delete'" -ex continue ./prog 2>&1 | tidy |
	grep -cE 'Hardware|Value = |total'

echo "== fork and exec are followed"
cat >fork.c <<'C'
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	int st;
	pid_t p = fork();
	if (!p) {
		execl(argv[1], argv[1], "child", NULL);
		_exit(1);
	}
	waitpid(p, &st, 0);
	printf("child %d\n", WEXITSTATUS(st));
	return 0;
}
C
gcc -g fork.c -o fork
eval $G -ex "'set follow-fork-mode child'" -ex "'break add if n == 20'" -ex "'run ./prog'" -ex "'print total'" -ex continue ./fork 2>&1 | tidy |
	grep -E '^\$1|total|exited'
eval $G -ex "'catch fork'" -ex "'catch exec'" -ex "'run ./prog'" -ex "'info program'" -ex "'delete'" -ex continue ./fork 2>&1 | tidy | grep -E 'Catchpoint|child|exited'

echo "== attach"
cat >loop.c <<'C'
#include <unistd.h>
volatile int go = 1;
int main(void)
{
	while (go)
		usleep(10000);
	return 17;
}
C
gcc -g -O0 loop.c -o loop
./loop &
sleep 1
eval $G -p $! -ex "'break 6'" -ex continue -ex "'set var go = 0'" -ex detach 2>&1 | tidy | grep -E 'Breakpoint|Detaching' | sed 's/,.*//'
wait $!
echo "loop ended with $?"

echo "== a core file"
rm -f core
CRASH=1 ./prog
echo "status $?"
ls core
eval $G -ex "'info threads'" -ex bt -ex "'frame 0'" -ex "'print r'" -ex "'print total'" -ex "'thread apply all -q bt 1'" ./prog core 2>&1 | tidy |
	grep -E '^Core was|^Program term|^#[0-2]  .*(worker|depth|main)|^\$|Segm' | sed -E 's/arg=ADDR/arg/' | sort | uniq -c
eval $G -ex "'info threads'" ./prog core 2>&1 | grep -c 'LWP.*)'
eval $G -ex "'info auxv'" ./prog core 2>&1 | grep -cE 'AT_(PHDR|ENTRY|EXECFN|SYSINFO_EHDR|RANDOM)'
eval $G -ex "'info proc mappings'" ./prog core 2>&1 | grep -cE '/prog$|libc.so'
eval $G -ex "'info all-registers ymm0'" -ex "'print \$mxcsr'" ./prog core 2>&1 | grep -E '^\$' | head -2
eval $G -ex "'generate-core-file made'" -ex kill -ex quit --args sleep 1 2>&1 | tail -1
readelf -hl core 2>/dev/null | grep -oE 'CORE \(Core file\)|NOTE ' | sort
readelf -n core 2>/dev/null | grep -oE 'NT_(PRSTATUS|PRPSINFO|SIGINFO|AUXV|FILE|FPREGSET)' | sort | uniq -c
file core | grep -o 'core file.*SVR4'

echo "== where cores go"
echo '/tmp/core.%e.%s.%u.%g.%%.%d.%f' >/proc/sys/kernel/core_pattern && { CRASH=1 ./prog; ls /tmp/core.*; }
rm -f /tmp/core.*
echo 'sub/core.%E' >/proc/sys/kernel/core_pattern
mkdir -p sub
CRASH=1 ./prog
ls sub | sed 's/.*!/!/'
cat >/tmp/take-core <<'C'
#!/bin/bash
cat >/tmp/taken
echo "$(id -u) $(pwd) $# $1 $2 $3" >/tmp/taken.how
C
chmod +x /tmp/take-core
echo '|/tmp/take-core %s %e two%%words' >/proc/sys/kernel/core_pattern
echo 1 >/proc/sys/kernel/core_pipe_limit
(ulimit -c 0; CRASH=1 ./prog; echo "status $?")
cat /tmp/taken.how
eval $G -ex "'print total'" ./prog /tmp/taken 2>&1 | grep -E '^\$'
echo '|/nonexistent' >/proc/sys/kernel/core_pattern
CRASH=1 ./prog
echo "status $?"
echo core >/proc/sys/kernel/core_pattern
echo 0 >/proc/sys/kernel/core_pipe_limit
cat /proc/sys/kernel/core_pattern /proc/sys/kernel/core_uses_pid /proc/sys/fs/suid_dumpable

echo "== strace"
strace -f -o log bash -c 'echo one two | tr a-z A-Z | cat >out; (exit 3); true'
echo "status $?"
cat out
grep -cE ' execve\(".*/(bash|tr|cat)",' log
grep -cE '\+\+\+ exited with (0|3) \+\+\+' log
grep -oE 'wait4\(-1, \[\{WIFEXITED\(s\) && WEXITSTATUS\(s\) == 3\}\]' log
grep -cE '(unfinished|resumed)' log | sed 's/[1-9][0-9]*/some/'
grep -oE 'write\(1, "(one two|ONE TWO)\\n", 8' log | sort
strace -f -c -o counts true && grep -c execve counts
strace -e trace=openat,read -e inject=read:error=EIO:when=1 cat /etc/hostname 2>&1 | grep -oE 'read.*INJECTED\)|Input/output error' | sed 's/read([^)]*/read(/' | head -3
strace -e trace=kill,rt_sigaction -e signal=all sh -c 'trap "echo trapped" USR1; kill -USR1 $$' 2>&1 | grep -oE -- '--- SIGUSR1 \{si_signo=SIGUSR1, si_code=SI_USER|trapped'
strace --seccomp-bpf -f true 2>&1 | tail -1
cat >Makefile <<'M'
all: a b c
a b c: ; @echo $@ | tr abc xyz >$@
M
strace -f -qq -o log make -s -j3
echo "make $?"
cat a b c
grep -cE ' execve\(.*"tr", "abc", "xyz"' log
grep -cE 'PID|--- SIGCHLD \{si_signo=SIGCHLD, si_code=CLD_EXITED' log | sed 's/[1-9][0-9]*/some/'
strace -f -tt -T -y -s 200 -o log ./prog x && tail -1 log
strace -f -o log ./prog x
echo "status $?"
grep -cE 'clone3?\(.*CLONE_THREAD' log
./loop &
sleep 1
timeout 2 strace -p $! -e trace=clock_nanosleep -o log 2>&1 | sed 's/[0-9][0-9]*/N/'
grep -cE 'clock_nanosleep' log | sed 's/[1-9][0-9]*/some/'
kill -0 $! && kill $!
wait $!
echo "loop ended with $?"
echo "== ltrace of system calls by gdb"
eval $G -ex "'catch syscall write'" -ex run -ex "'info breakpoints'" -ex "'delete'" -ex continue ./prog 2>&1 | tidy | grep -E 'Catchpoint|total'
