// SPDX-License-Identifier: BSD-2-Clause
/*
 * Signals: installed, masked, caught, queued, sent between processes, raised by a fault.
 */
#include "bench.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <unistd.h>

static volatile unsigned caught;
static int self, peer, fd;
static sigset_t usr1, none;
static volatile char *guarded;

static void on_signal(int sig)
{
	(void)sig;
	caught++;
}

static void catch_usr1(long arg)
{
	struct sigaction sa = {.sa_handler = on_signal};

	(void)arg;
	self = getpid();
	sigemptyset(&none);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	must_libc(sigaction(SIGUSR1, &sa, NULL));
}

static void block_usr1(long arg)
{
	catch_usr1(arg);
	must_libc(sigprocmask(SIG_BLOCK, &usr1, NULL));
}

static void op_install(unsigned n, long arg)
{
	struct sigaction sa = {.sa_handler = on_signal};

	(void)arg;
	while (n--)
		must_libc(sigaction(SIGUSR1, &sa, NULL));
}

static void op_mask(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		must(sys4(SYS_rt_sigprocmask, SIG_BLOCK, (long)&usr1, 0, 8));
		must(sys4(SYS_rt_sigprocmask, SIG_UNBLOCK, (long)&usr1, 0, 8));
	}
}

static void op_catch(unsigned n, long arg)
{
	unsigned want = caught + n;

	(void)arg;
	while (n--)
		must(sys2(SYS_kill, self, SIGUSR1));
	must_be(caught, want);
}

static void op_catch_thread(unsigned n, long arg)
{
	unsigned want = caught + n;

	(void)arg;
	while (n--)
		must(sys3(SYS_tgkill, self, self, SIGUSR1));
	must_be(caught, want);
}

static void op_ignored(unsigned n, long arg)
{
	(void)arg;
	signal(SIGUSR1, SIG_IGN);
	while (n--)
		must(sys2(SYS_kill, self, SIGUSR1));
}

static void op_probe(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		must(sys2(SYS_kill, self, 0));
}

static void op_sigwait(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		must(sys2(SYS_kill, self, SIGUSR1));
		must_be(sys4(SYS_rt_sigtimedwait, (long)&usr1, 0, 0, 8), SIGUSR1);
	}
}

static void op_queue(unsigned n, long arg)
{
	siginfo_t info = {.si_code = SI_QUEUE, .si_signo = SIGUSR1};

	(void)arg;
	while (n--) {
		must(sys3(SYS_rt_sigqueueinfo, self, SIGUSR1, (long)&info));
		must_be(sys4(SYS_rt_sigtimedwait, (long)&usr1, 0, 0, 8), SIGUSR1);
	}
}

static void op_altstack(unsigned n, long arg)
{
	static char stack[64 * KIB];
	stack_t alt = {.ss_sp = stack, .ss_size = sizeof(stack)};

	(void)arg;
	while (n--)
		must(sys2(SYS_sigaltstack, (long)&alt, 0));
}

/* Ping-pong: both sides block the signal, answer it with one, and wait. */
static void answer(long to)
{
	for (;;) {
		must_be(sys4(SYS_rt_sigtimedwait, (long)&usr1, 0, 0, 8), SIGUSR1);
		must(sys2(SYS_kill, to, SIGUSR1));
	}
}

static void answer_handler(long to)
{
	for (;;) {
		unsigned before = caught;

		must_be(sys2(SYS_rt_sigsuspend, (long)&none, 8), -EINTR);
		must_be(caught, before + 1);
		must(sys2(SYS_kill, to, SIGUSR1));
	}
}

static void start_wait(long arg)
{
	block_usr1(arg);
	peer = spawn(answer, self);
}

static void start_handler(long arg)
{
	block_usr1(arg);
	peer = spawn(answer_handler, self);
}

static void op_pingpong_wait(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		must(sys2(SYS_kill, peer, SIGUSR1));
		must_be(sys4(SYS_rt_sigtimedwait, (long)&usr1, 0, 0, 8), SIGUSR1);
	}
}

static void op_pingpong_handler(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		must(sys2(SYS_kill, peer, SIGUSR1));
		must_be(sys2(SYS_rt_sigsuspend, (long)&none, 8), -EINTR);
	}
}

static void start_signalfd(long arg)
{
	block_usr1(arg);
	fd = (int)must_libc(signalfd(-1, &usr1, 0));
}

static void op_signalfd(unsigned n, long arg)
{
	struct signalfd_siginfo info;

	(void)arg;
	while (n--) {
		must(sys2(SYS_kill, self, SIGUSR1));
		must_be(sys3(SYS_read, fd, (long)&info, sizeof(info)), sizeof(info));
	}
}

static sigjmp_buf back;

/* [man longjmp(3)]: leaving a handler that a fault entered is allowed. */
static void on_fault(int sig)
{
	(void)sig;
	caught++;
	siglongjmp(back, 1);
}

static void guard_page(long arg)
{
	struct sigaction sa = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};

	(void)arg;
	guarded = map_anon(PAGE);
	*guarded = 1;
	must_libc(mprotect((void *)guarded, PAGE, PROT_READ));
	must_libc(sigaction(SIGSEGV, &sa, NULL));
}

static void op_fault(unsigned n, long arg)
{
	volatile unsigned left = n, want = caught + n;

	(void)arg;
	(void)sigsetjmp(back, 0);
	while (left) {
		left--;
		*guarded = 2;
		row_fail("a write to a read-only page", EPROTO);
	}
	must_be(caught, want);
}

const struct row rows_signal[] = {
	{"signal.install", catch_usr1, op_install, 500, 0, 0},
	{"signal.mask_twice", catch_usr1, op_mask, 500, 0, 0},
	{"signal.altstack", NULL, op_altstack, 500, 0, 0},
	{"signal.kill_0", catch_usr1, op_probe, 500, 0, 0},
	{"signal.ignored", catch_usr1, op_ignored, 500, 0, 0},
	{"signal.catch", catch_usr1, op_catch, 100, 0, 0},
	{"signal.catch_tgkill", catch_usr1, op_catch_thread, 100, 0, 0},
	{"signal.fault", guard_page, op_fault, 100, 0, 0},
	{"signal.sigwait_self", block_usr1, op_sigwait, 100, 0, 0},
	{"signal.queue_self", block_usr1, op_queue, 100, 0, 0},
	{"signal.signalfd", start_signalfd, op_signalfd, 100, 0, 0},
	{"signal.round_trip_wait", start_wait, op_pingpong_wait, 50, 0, 0},
	{"signal.round_trip_handler", start_handler, op_pingpong_handler, 50, 0, 0},
	{},
};
