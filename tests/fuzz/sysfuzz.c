// SPDX-License-Identifier: BSD-2-Clause
/*
 * System call fuzzer: sysfuzz SECONDS SEED WORKERS [user].
 *
 * Worker processes, some with several threads, make calls whose arguments are drawn by type (a
 * descriptor, a path, a buffer, a length, flags, a signal, …): mostly valid, sometimes hostile.
 * In a debug kernel some calls are made with an allocation that fails.
 * Nothing is checked but that the kernel survives and that it still forks, execs and answers: the
 * parent replaces every worker that dies or hangs, and ends with a sanity check.  Left out are only
 * calls that would end the machine or all processes, and the fuzzer's own termination.
 * Three rounds in four run as root, with "user" none: as root it removes device nodes and the like,
 * so without "user" it belongs into a virtual machine.
 * One seed gives one sequence per worker, printed with the worker's number when it starts.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { AREA = 1 << 20, ROUND_MS = 2000, HANG_S = 60 };

/* Argument types, one letter each:
 *  f descriptor  d directory descriptor or AT_FDCWD  p path  b buffer (in or out)  l length
 *  o offset  F flags (any bits)  O open flags  m mode  i small integer  n any number
 *  s signal  P pid  T tid of this process  a address to map  L map length  r prot  M map flags
 *  t timespec  v timeval  V iovec  c iovec count  u futex word  x clock id  S sigset  z 8
 *  E epoll event  W id (user, group)  C cpu mask  R resource  Z null
 */
static const struct call {
	short nr;
	const char *args;
} calls[] = {
	{SYS_read, "fbl"}, {SYS_write, "fbl"}, {SYS_open, "pOm"}, {SYS_close, "f"}, {SYS_stat, "pb"},
	{SYS_fstat, "fb"}, {SYS_lstat, "pb"}, {SYS_poll, "bii"}, {SYS_lseek, "foi"},
	{SYS_mmap, "aLrMfo"}, {SYS_mprotect, "aLr"}, {SYS_munmap, "aL"}, {SYS_brk, "n"},
	{SYS_rt_sigprocmask, "iSSz"}, {SYS_ioctl, "fnb"}, {SYS_pread64, "fblo"},
	{SYS_pwrite64, "fblo"}, {SYS_readv, "fVc"}, {SYS_writev, "fVc"}, {SYS_access, "pi"},
	{SYS_pipe, "b"}, {SYS_select, "ibbbv"}, {SYS_sched_yield, ""}, {SYS_mremap, "aLLia"},
	{SYS_msync, "aLi"}, {SYS_mincore, "aLb"}, {SYS_madvise, "aLi"}, {SYS_dup, "f"},
	{SYS_dup2, "ff"}, {SYS_nanosleep, "tb"}, {SYS_getitimer, "ib"}, {SYS_setitimer, "ivb"},
	{SYS_getpid, ""}, {SYS_sendfile, "ffbl"}, {SYS_wait4, "Pbib"}, {SYS_uname, "b"},
	{SYS_fcntl, "fin"}, {SYS_flock, "fi"}, {SYS_fsync, "f"}, {SYS_fdatasync, "f"},
	{SYS_truncate, "po"}, {SYS_ftruncate, "fo"}, {SYS_getdents, "fbl"}, {SYS_getcwd, "bl"},
	{SYS_chdir, "p"}, {SYS_fchdir, "f"}, {SYS_rename, "pp"}, {SYS_mkdir, "pm"}, {SYS_rmdir, "p"},
	{SYS_creat, "pm"}, {SYS_link, "pp"}, {SYS_unlink, "p"}, {SYS_symlink, "pp"},
	{SYS_readlink, "pbl"}, {SYS_chmod, "pm"}, {SYS_fchmod, "fm"}, {SYS_chown, "pWW"},
	{SYS_fchown, "fWW"}, {SYS_lchown, "pWW"}, {SYS_umask, "m"}, {SYS_gettimeofday, "bb"},
	{SYS_getrlimit, "Rb"}, {SYS_getrusage, "ib"}, {SYS_sysinfo, "b"}, {SYS_times, "b"},
	{SYS_syslog, "ibl"}, {SYS_getuid, ""}, {SYS_getpgid, "P"}, {SYS_getgroups, "ib"},
	{SYS_setgroups, "ib"}, {SYS_getsid, "P"}, {SYS_capget, "bb"}, {SYS_rt_sigpending, "Sz"},
	{SYS_rt_sigtimedwait, "SbtZ"}, {SYS_rt_sigqueueinfo, "Psb"}, {SYS_sigaltstack, "bb"},
	{SYS_utime, "pb"}, {SYS_mknod, "pmn"}, {SYS_personality, "n"}, {SYS_ustat, "nb"},
	{SYS_statfs, "pb"}, {SYS_fstatfs, "fb"}, {SYS_getpriority, "iP"}, {SYS_setpriority, "iPi"},
	{SYS_sched_setparam, "Pb"}, {SYS_sched_getparam, "Pb"}, {SYS_sched_getscheduler, "P"},
	{SYS_sched_get_priority_max, "i"}, {SYS_sched_rr_get_interval, "Pb"}, {SYS_mlock, "aL"},
	{SYS_munlock, "aL"}, {SYS_mlockall, "i"}, {SYS_munlockall, ""}, {SYS_prctl, "inbnn"},
	{SYS_arch_prctl, "nb"}, {SYS_adjtimex, "Z"}, {SYS_sync, ""}, {SYS_gettid, ""},
	{SYS_readahead, "fol"}, {SYS_setxattr, "ppbli"}, {SYS_fsetxattr, "fpbli"},
	{SYS_getxattr, "ppbl"}, {SYS_fgetxattr, "fpbl"}, {SYS_listxattr, "pbl"},
	{SYS_flistxattr, "fbl"}, {SYS_removexattr, "pp"}, {SYS_time, "b"}, {SYS_futex, "uintuF"},
	{SYS_sched_setaffinity, "PlC"}, {SYS_sched_getaffinity, "PlC"}, {SYS_getdents64, "fbl"},
	{SYS_set_tid_address, "u"}, {SYS_fadvise64, "foli"}, {SYS_timer_create, "xbb"},
	{SYS_timer_settime, "iitb"}, {SYS_timer_gettime, "ib"}, {SYS_timer_getoverrun, "i"},
	{SYS_timer_delete, "i"}, {SYS_clock_gettime, "xb"}, {SYS_clock_getres, "xb"},
	{SYS_clock_nanosleep, "xitb"}, {SYS_epoll_wait, "fbii"}, {SYS_epoll_ctl, "fifE"},
	{SYS_tgkill, "PTi"}, {SYS_utimes, "pb"}, {SYS_waitid, "iPbib"}, {SYS_ioprio_get, "iP"},
	{SYS_ioprio_set, "iPi"}, {SYS_inotify_init, ""}, {SYS_inotify_add_watch, "fpF"},
	{SYS_inotify_rm_watch, "fi"}, {SYS_openat, "dpOm"}, {SYS_mkdirat, "dpm"},
	{SYS_mknodat, "dpmn"}, {SYS_fchownat, "dpWWF"}, {SYS_newfstatat, "dpbF"},
	{SYS_unlinkat, "dpF"}, {SYS_renameat, "dpdp"}, {SYS_linkat, "dpdpF"}, {SYS_symlinkat, "pdp"},
	{SYS_readlinkat, "dpbl"}, {SYS_fchmodat, "dpm"}, {SYS_faccessat, "dpi"},
	{SYS_pselect6, "ibbbtb"}, {SYS_ppoll, "bitSz"}, {SYS_set_robust_list, "bl"},
	{SYS_get_robust_list, "Pbb"}, {SYS_splice, "fbfblF"}, {SYS_tee, "fflF"},
	{SYS_sync_file_range, "folF"}, {SYS_vmsplice, "fVcF"}, {SYS_utimensat, "dptF"},
	{SYS_epoll_pwait, "fbiiSz"}, {SYS_signalfd, "fSz"}, {SYS_timerfd_create, "xF"},
	{SYS_eventfd, "n"}, {SYS_fallocate, "fiol"}, {SYS_timerfd_settime, "fitb"},
	{SYS_timerfd_gettime, "fb"}, {SYS_signalfd4, "fSzF"}, {SYS_eventfd2, "nF"},
	{SYS_epoll_create1, "F"}, {SYS_dup3, "ffF"}, {SYS_pipe2, "bF"}, {SYS_inotify_init1, "F"},
	{SYS_preadv, "fVcoo"}, {SYS_pwritev, "fVcoo"}, {SYS_prlimit64, "PRbb"}, {SYS_syncfs, "f"},
	{SYS_getcpu, "bbZ"}, {SYS_process_vm_readv, "PVcVci"}, {SYS_process_vm_writev, "PVcVci"},
	{SYS_kcmp, "PPiff"}, {SYS_sched_setattr, "Pbi"}, {SYS_sched_getattr, "Pbii"},
	{SYS_renameat2, "dpdpF"}, {SYS_getrandom, "blF"}, {SYS_memfd_create, "pF"},
	{SYS_membarrier, "iii"}, {SYS_mlock2, "aLi"}, {SYS_copy_file_range, "fbfblF"},
	{SYS_preadv2, "fVcooF"}, {SYS_pwritev2, "fVcooF"}, {SYS_pkey_mprotect, "aLri"},
	{SYS_pkey_alloc, "ii"}, {SYS_pkey_free, "i"}, {SYS_statx, "dpFFb"}, {SYS_rseq, "blin"},
	{SYS_pidfd_send_signal, "fibF"}, {SYS_pidfd_open, "PF"}, {SYS_close_range, "iiF"},
	{SYS_openat2, "dpbl"}, {SYS_pidfd_getfd, "ffF"}, {SYS_faccessat2, "dpiF"},
	{SYS_epoll_pwait2, "fbitSz"}, {SYS_socket, "iii"}, {SYS_socketpair, "iiib"},
	{SYS_sendmsg, "fbF"}, {SYS_recvmsg, "fbF"}, {SYS_shmget, "nli"}, {SYS_semget, "nii"},
	{SYS_msgget, "ni"}, {SYS_io_setup, "ib"}, {SYS_io_uring_setup, "ib"},
	{SYS_userfaultfd, "F"}, {SYS_seccomp, "iZZ"}, {SYS_bpf, "ibl"}, {SYS_keyctl, "innnn"},
	{SYS_name_to_handle_at, "dpbbF"}, {SYS_mount, "pppFb"}, {SYS_umount2, "pF"},
	{SYS_setns, "fi"}, {SYS_unshare, "Z"}, {SYS_rt_sigreturn, NULL}, {SYS_modify_ldt, "ibl"},
	{SYS_set_mempolicy, "ibn"}, {SYS_mbind, "aLibnF"}, {SYS_get_mempolicy, "bbnaF"},
	{SYS_ptrace, "iPnb"}, {SYS_quotactl, "npib"}, {SYS_acct, "Z"}, {SYS_getsockopt, "fiibb"},
	{451 /* cachestat */, "fbbF"}, {452 /* fchmodat2 */, "dpmF"}, {SYS_futex_waitv, "biFtx"},
};

#define NCALLS (sizeof(calls) / sizeof(calls[0]))

struct state {
	unsigned long long seed;
	char *area; /* AREA bytes of scratch between guards */
};

static volatile struct shared {
	unsigned long done[64];
	short last[64];
} *shared;
static int worker;
static bool only_user;

static unsigned int rnd(struct state *s)
{
	s->seed = s->seed * 6364136223846793005ull + 1442695040888963407ull;
	return s->seed >> 33;
}

static unsigned long any_number(struct state *s)
{
	static const unsigned long interesting[] = {0, 1, 2, 7, 8, 4095, 4096, 65536, 1ul << 31, 1ul << 32,
		1ul << 47, ~0ul, 1ul << 63, ~0ul >> 1, 0xfffff000, 0x7fffffff, 0xffffffff80000000ul};
	unsigned int r = rnd(s) % 4;

	if (r == 0)
		return interesting[rnd(s) % (sizeof(interesting) / 8)];
	if (r == 1)
		return rnd(s) % 64;
	if (r == 2)
		return 1ul << rnd(s) % 64;
	return (unsigned long)rnd(s) << 32 | rnd(s);
}

static unsigned long pointer(struct state *s, size_t size)
{
	switch (rnd(s) % 40) {
	case 0: return 0;
	case 1: return any_number(s);
	case 2: return (unsigned long)s->area + AREA - rnd(s) % 16; /* runs into the guard */
	case 3: return 0xffff888000000000ul + rnd(s);
	case 4: return (unsigned long)s->area + rnd(s) % 4096; /* unaligned */
	default: {
		/* Fresh content now and then, else what earlier calls left there. */
		char *p = s->area + rnd(s) % (AREA - size - 64) / 8 * 8;
		if (rnd(s) % 2)
			for (size_t i = 0; i < size; i += 8) {
				unsigned long v = rnd(s) % 3 ? 0 : any_number(s);
				memcpy(p + i, &v, 8);
			}
		return (unsigned long)p;
	}
	}
}

static unsigned long path(struct state *s)
{
	static const char *const names[] = {"a", "b", "c", "d", "d/e", "d/../a", "d/e/f", ".", "..", "/",
		"", "l1", "l2", "fifo", "a/", "/proc/self/maps", "/proc/self/status", "/proc/self/fd/3",
		"/dev/null", "/dev/zero", "/dev/ptmx", "/proc", "/proc/1/stat", "/dev/tty", "user.x",
		"/proc/self/fd", "/proc/meminfo", "/sys", "/dev/full", "/proc/self/stat", "tmpfs"};
	unsigned int r = rnd(s) % 40;

	if (r == 0)
		return pointer(s, 64);
	if (r == 1) { /* no end within the mapping */
		memset(s->area + AREA - 5000, '/' + rnd(s) % 2, 5000);
		return (unsigned long)s->area + AREA - 5000;
	}
	char *p = s->area + rnd(s) % 1000 * 64;
	strcpy(p, names[rnd(s) % (sizeof(names) / sizeof(names[0]))]);
	return (unsigned long)p;
}

static unsigned long iovec(struct state *s)
{
	struct iovec *v = (struct iovec *)(s->area + 4096 + rnd(s) % 64 * 256);

	for (int i = 0; i < 8; i++) {
		v[i].iov_base = (void *)pointer(s, 64);
		v[i].iov_len = rnd(s) % 8 ? rnd(s) % 5000 : any_number(s);
	}
	return rnd(s) % 20 ? (unsigned long)v : pointer(s, 128);
}

static unsigned long timespec(struct state *s)
{
	struct timespec *t = (struct timespec *)(s->area + 65536 + rnd(s) % 64 * 64);

	for (int i = 0; i < 2; i++) {
		t[i].tv_sec = rnd(s) % 30 ? 0 : (long)any_number(s);
		t[i].tv_nsec = rnd(s) % 30 ? rnd(s) % 2000000 : (long)any_number(s);
	}
	return rnd(s) % 20 ? (unsigned long)t : pointer(s, 16);
}

static unsigned long an_address(struct state *s)
{
	if (rnd(s) % 16 == 0)
		return any_number(s);
	/* Only the second half, so that the scratch strings survive. */
	return (unsigned long)s->area + AREA / 2 + rnd(s) % (AREA / 2 - 65536) / 4096 * 4096;
}

static unsigned long argument(struct state *s, char type)
{
	switch (type) {
	case 'f': return rnd(s) % 20 ? 3 + rnd(s) % 40 : any_number(s);
	case 'd': return rnd(s) % 3 ? (unsigned long)AT_FDCWD : rnd(s) % 50;
	case 'p': return path(s);
	case 'b': case 'E': case 'C': return pointer(s, 128);
	case 'l': return rnd(s) % 8 ? rnd(s) % 9000 : any_number(s);
	case 'o': return rnd(s) % 4 ? rnd(s) % 100000 : any_number(s);
	case 'F': return rnd(s) % 3 ? 0 : rnd(s) % 2 ? 1ul << rnd(s) % 32 : any_number(s);
	case 'O': return (rnd(s) % 3) | (rnd(s) % 2 ? O_CREAT : 0) | (rnd(s) % 2 ? O_NONBLOCK : 0) |
		(rnd(s) % 4 ? 0 : 1ul << rnd(s) % 24);
	case 'm': return rnd(s) % 4 ? 0777 : any_number(s);
	case 'i': return rnd(s) % 8 ? rnd(s) % 40 : any_number(s);
	case 's': return rnd(s) % 4 ? SIGUSR1 : SIGRTMIN + rnd(s) % 4;
	case 'P': return rnd(s) % 3 ? (unsigned long)getpid() : rnd(s) % 2 ? 0 : 999999 + rnd(s) % 3;
	case 'T': return syscall(SYS_gettid);
	case 'a': return an_address(s);
	case 'L': return rnd(s) % 12 ? (1 + rnd(s) % 16) * 4096 : any_number(s);
	case 'r': return rnd(s) % 8 ? rnd(s) % 8 : any_number(s);
	case 'M': return (rnd(s) % 2 ? MAP_PRIVATE : MAP_SHARED) | (rnd(s) % 2 ? MAP_ANONYMOUS : 0) |
		(rnd(s) % 4 ? MAP_FIXED : 0) | (rnd(s) % 6 ? 0 : 1ul << rnd(s) % 24);
	case 't': case 'v': return timespec(s);
	case 'V': return iovec(s);
	case 'c': return rnd(s) % 8 ? rnd(s) % 8 : any_number(s);
	case 'u': return (unsigned long)s->area + 128 * 1024 + rnd(s) % 16 * 4;
	case 'x': return rnd(s) % 8 ? rnd(s) % 12 : any_number(s);
	case 'S': return pointer(s, 8);
	case 'z': return 8;
	case 'W': return rnd(s) % 2 ? 1000 : any_number(s);
	case 'R': return rnd(s) % 18;
	case 'Z': return 0;
	default: return any_number(s);
	}
}

/* What would stop the fuzzer or the machine rather than test it. */
static bool forbidden(const struct call *c, const unsigned long *a)
{
	if (!c->args)
		return true;
	switch (c->nr) {
	case SYS_tgkill:
		return (int)a[2] != SIGUSR1 && (int)a[2] != 0;
	case SYS_pidfd_send_signal:
		return (int)a[1] != SIGUSR1;
	case SYS_syslog: /* clearing and console switching */
		return (int)a[0] != 3 && (int)a[0] != 10 && (int)a[0] != 9;
	case SYS_fcntl: /* signals of choice to groups of choice */
		return (int)a[1] == F_SETSIG || (int)a[1] == F_SETOWN || (int)a[1] == F_SETOWN_EX;
	case SYS_ioctl: /* pushing characters, signals to terminals */
		return (a[1] & 0xff00) == 0x5400 && (a[1] & 0xff) != 0x01 && (a[1] & 0xff) != 0x13;
	case SYS_prctl:
		return (int)a[0] == PR_SET_PDEATHSIG || (int)a[0] == PR_SET_SECCOMP;
	case SYS_setitimer:
	case SYS_timer_create:
		return false;
	case SYS_ptrace: /* TRACEME would stop the worker at each signal */
		return (int)a[0] == 0;
	case SYS_mount:
		return !getenv("SYSFUZZ_MOUNT");
	case SYS_umount2:
		return !getenv("SYSFUZZ_MOUNT");
	default:
		return false;
	}
}

static void nothing(int sig)
{
	(void)sig;
}

/* Signals come through again, whatever the calls have done, and end waits instead of restarting them. */
static void open_ears(void)
{
	static const int sigs[] = {SIGUSR1, SIGALRM, SIGVTALRM, SIGPROF};
	struct sigaction sa = {.sa_handler = nothing};
	sigset_t none;

	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		sigaction(sigs[i], &sa, NULL);
	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
}

static void escape(int sig)
{
	_exit(sig == SIGALRM ? 70 : 71);
}

/* A round as root may have removed these. */
static void make_nodes(void)
{
	static const struct {
		const char *path;
		unsigned int major, minor;
	} nodes[] = {{"/dev/null", 1, 3}, {"/dev/zero", 1, 5}, {"/dev/full", 1, 7}, {"/dev/tty", 5, 0},
		{"/dev/ptmx", 5, 2}};

	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
		if (access(nodes[i].path, F_OK))
			mknod(nodes[i].path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor));
}

static void make_files(void)
{
	mkdir("d", 0777);
	mkdir("d/e", 0777);
	mkfifo("fifo", 0666);
	symlink("a", "l1");
	symlink("l2", "l2");
	for (int i = 0; i < 3; i++) {
		char name[2] = {'a' + i, 0};
		int fd = open(name, O_RDWR | O_CREAT, 0666);
		if (fd >= 0 && ftruncate(fd, 20000))
			close(fd);
	}
}

static void make_descriptors(void)
{
	int p[2];

	for (int i = 0; i < 4; i++)
		if (pipe2(p, i % 2 ? O_NONBLOCK : 0))
			return;
	eventfd(1, EFD_NONBLOCK);
	timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	epoll_create1(0);
	open(".", O_RDONLY);
	open("/dev/zero", O_RDWR);
	open("/dev/null", O_RDWR);
	open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
	if (ftruncate(memfd_create("fuzz", MFD_ALLOW_SEALING), 65536))
		return;
	open("/proc/self/maps", O_RDONLY);
	open("/proc/self/mem", O_RDONLY);
}

/* Debug kernels: one of the next allocations fails (/proc/PID/fail-nth). */
static void fail_soon(struct state *s)
{
	char text[8];
	int fd = open("/proc/thread-self/fail-nth", O_WRONLY);

	if (fd < 0)
		return;
	(void)!write(fd, text, snprintf(text, sizeof(text), "%u", 1 + rnd(s) % 16));
	close(fd);
}

static void *fuzz_thread(void *arg)
{
	struct state *s = arg;
	struct timespec t0, t;

	clock_gettime(CLOCK_MONOTONIC, &t0);
	for (unsigned int n = 0;; n++) {
		const struct call *c = &calls[rnd(s) % NCALLS];
		unsigned long a[6] = {0};
		for (int i = 0; c->args && c->args[i]; i++)
			a[i] = argument(s, c->args[i]);
		if (rnd(s) % 50 == 0)
			a[rnd(s) % 6] = any_number(s);
		if (forbidden(c, a))
			continue;
		if (rnd(s) % 16 == 0)
			fail_soon(s);
		shared->last[worker] = c->nr;
		syscall(c->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
		shared->done[worker]++;
		if (n % 8 == 0)
			open_ears();
		if (n % 64 == 0) {
			clock_gettime(CLOCK_MONOTONIC, &t);
			if ((t.tv_sec - t0.tv_sec) * 1000 + (t.tv_nsec - t0.tv_nsec) / 1000000 > ROUND_MS)
				return NULL;
		}
		if (rnd(s) % 500 == 0) {
			pid_t p = fork();
			if (p == 0)
				_exit(0);
			if (p > 0)
				waitpid(p, NULL, __WALL);
		}
	}
}

/* One round: a fresh process, fuzzed for a while, then gone with all it holds. */
static void run_round(unsigned long long seed)
{
	static const int deadly[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
	struct rlimit files = {200, 200}, as = {512ul << 20, 512ul << 20}, fsize = {4 << 20, 4 << 20};
	struct state s[4];
	pthread_t t[4];
	int threads = seed % 3 ? 1 : 4;
	char dir[32];

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	for (int i = SIGRTMIN; i < SIGRTMIN + 4; i++)
		signal(i, nothing);
	open_ears();
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		signal(deadly[i], escape);
	setrlimit(RLIMIT_NOFILE, &files);
	setrlimit(RLIMIT_AS, &as);
	setrlimit(RLIMIT_FSIZE, &fsize);
	snprintf(dir, sizeof(dir), "w%d", worker);
	mkdir(dir, 0777);
	if (chdir(dir))
		_exit(72);
	if (!only_user)
		make_nodes();
	make_files();
	make_descriptors();
	/* The report's descriptor is not for the fuzzer. */
	int null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	if (only_user || seed % 4 == 0)
		if (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000))
			_exit(73);
	for (int i = 0; i < threads; i++) {
		s[i].seed = seed * 31 + i;
		/* Untouchable on both sides, so that what runs over the end meets a fault. */
		char *m = mmap(NULL, 3 * AREA, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (m == MAP_FAILED)
			_exit(74);
		s[i].area = m + AREA;
		mprotect(s[i].area, AREA, PROT_READ | PROT_WRITE);
	}
	for (int i = 1; i < threads; i++)
		pthread_create(&t[i], NULL, fuzz_thread, &s[i]);
	fuzz_thread(&s[0]);
	_exit(0);
}

/* Not the time of day: the calls set that. */
static time_t seconds_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* Start rounds for worker @worker until @end; kill one that hangs in a wait nobody ends. */
static void run_worker(unsigned long long seed, time_t end)
{
	int rounds = 0;

	while (seconds_now() < end) {
		pid_t p = fork();
		if (p < 0)
			continue;
		if (p == 0)
			run_round(seed + rounds);
		rounds++;
		time_t limit = seconds_now() + ROUND_MS / 1000 + 2;
		for (;;) {
			int st;
			if (waitpid(p, &st, WNOHANG | __WALL) == p)
				break;
			if (seconds_now() >= limit)
				kill(p, SIGKILL);
			if (seconds_now() >= limit + HANG_S) {
				printf("worker %d: seed %llu does not die, last call %d\n", worker,
					seed + rounds - 1, shared->last[worker]);
				_exit(1);
			}
			kill(p, SIGUSR1);
			usleep(5000);
		}
		kill(-p, SIGKILL);
		while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
			;
	}
	_exit(0);
}

static pid_t start_worker(int index, unsigned long long seed, time_t end)
{
	pid_t p = fork();

	if (p == 0) {
		worker = index;
		run_worker(seed, end);
	}
	return p;
}

/* After all that the system still does what a user wants. */
static int sanity(void)
{
	int p[2], st;
	char buf[6] = "";

	if (pipe(p))
		return 1;
	pid_t child = fork();
	if (child == 0) {
		dup2(p[1], 1);
		execl("/bin/busybox", "busybox", "echo", "alive", NULL);
		_exit(1);
	}
	if (child < 0 || waitpid(child, &st, 0) != child || st)
		return 2;
	if (read(p[0], buf, 5) != 5 || strcmp(buf, "alive"))
		return 3;
	int fd = open("/work/after", O_RDWR | O_CREAT, 0644);
	return fd < 0 || write(fd, "x", 1) != 1 ? 4 : 0;
}

int main(int argc, char **argv)
{
	int seconds = argc > 1 ? atoi(argv[1]) : 10, workers = argc > 3 ? atoi(argv[3]) : 4;
	unsigned long long seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	unsigned long total = 0;
	int bad = 0, died = 0, st;
	pid_t kids[64];

	only_user = argc > 4 && !strcmp(argv[4], "user");
	workers = workers > 64 ? 64 : workers;
	setvbuf(stdout, NULL, _IOLBF, 0);
	umask(0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (chmod(".", 0777))
		return 1;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	time_t end = seconds_now() + seconds;
	printf("seed %llu, %d workers, %zu calls, %d s\n", seed, workers, NCALLS, seconds);
	for (int i = 0; i < workers; i++)
		kids[i] = start_worker(i, seed * 1000003 + i * 10007, end);
	for (int left = workers; left > 0;) {
		pid_t p = waitpid(-1, &st, __WALL);
		int i = 0;

		if (p < 0)
			break;
		while (i < workers && kids[i] != p)
			i++;
		if (i == workers)
			continue; /* an orphan */
		if (WIFSIGNALED(st) && seconds_now() < end) {
			died++; /* a call of somebody's killed it: go on with other seeds */
			kids[i] = start_worker(i, seed * 1000003 + i * 10007 + died * 8000009ull, end);
			continue;
		}
		left--;
		bad += WIFEXITED(st) && WEXITSTATUS(st) == 1;
	}
	for (int i = 0; i < workers; i++)
		total += shared->done[i] < 1ul << 40 ? shared->done[i] : 0;
	int sane = sanity();
	printf("%lu calls made, %d workers hung, %d killed by a call, sanity %s\n", total, bad, died, sane ? "FAILED" : "ok");
	return bad || sane || total < 1000;
}
