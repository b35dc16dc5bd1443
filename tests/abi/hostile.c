// SPDX-License-Identifier: BSD-2-Clause
/*
 * Hostile pointers for every call that takes one: NULL, a kernel address, a non-canonical one, the
 * last page, an unmapped page, read-only memory for results; wrapping lengths and bad descriptors.
 */
#include "abi.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

/*
 * Arguments: numbers as digits, 'P' the hostile pointer, 'G' a good zeroed buffer, 'N' a good path,
 * 'r' a readable file, 'w' a writable file, 'p' an empty pipe's read end made non-blocking,
 * 'q' its write end, 'd' a directory, 'e' epoll, 't' timerfd, 'v' eventfd, '-' minus one, 'c' AT_FDCWD,
 * 'L' 4096, 's' SIGUSR1.
 */
static const struct {
	const char *name;
	short nr;
	const char *args;
} calls[] = {
	{"read", SYS_read, "rPL"}, {"write", SYS_write, "wPL"}, {"read pipe", SYS_read, "pPL"},
	{"write pipe", SYS_write, "qPL"}, {"pread64", SYS_pread64, "rPL0"},
	{"pwrite64", SYS_pwrite64, "wPL0"}, {"readv", SYS_readv, "rP1"}, {"writev", SYS_writev, "wP1"},
	{"preadv2", SYS_preadv2, "rP1000"}, {"open", SYS_open, "P00"}, {"openat", SYS_openat, "cP00"},
	{"creat", SYS_creat, "P0"}, {"stat", SYS_stat, "NP"}, {"stat path", SYS_stat, "PG"},
	{"lstat", SYS_lstat, "NP"}, {"fstat", SYS_fstat, "rP"}, {"newfstatat", SYS_newfstatat, "cNP0"},
	{"statx", SYS_statx, "cN00P"}, {"statfs", SYS_statfs, "NP"}, {"fstatfs", SYS_fstatfs, "rP"},
	{"poll", SYS_poll, "P10"}, {"ppoll", SYS_ppoll, "P1G00"}, {"select", SYS_select, "5PPPG"},
	{"access", SYS_access, "P0"}, {"pipe2", SYS_pipe2, "P0"}, {"getcwd", SYS_getcwd, "PL"},
	{"chdir", SYS_chdir, "P"}, {"rename", SYS_rename, "PN"}, {"rename to", SYS_rename, "NP"},
	{"mkdir", SYS_mkdir, "P0"}, {"rmdir", SYS_rmdir, "P"}, {"link", SYS_link, "PN"},
	{"unlink", SYS_unlink, "P"}, {"symlink", SYS_symlink, "PN"}, {"readlink", SYS_readlink, "PGL"},
	{"chmod", SYS_chmod, "P0"}, {"chown", SYS_chown, "P00"}, {"truncate", SYS_truncate, "P0"},
	{"mknod", SYS_mknod, "P00"}, {"getdents64", SYS_getdents64, "dPL"},
	{"utimensat", SYS_utimensat, "cNP0"}, {"getxattr", SYS_getxattr, "NPG1"},
	{"setxattr", SYS_setxattr, "NPG10"}, {"listxattr", SYS_listxattr, "PGL"},
	{"execve", SYS_execve, "PGG"}, {"execve argv", SYS_execve, "NPG"}, {"wait4", SYS_wait4, "-P00"},
	{"uname", SYS_uname, "P"}, {"sysinfo", SYS_sysinfo, "P"}, {"times", SYS_times, "P"},
	{"getrusage", SYS_getrusage, "0P"}, {"getrlimit", SYS_getrlimit, "1P"},
	{"setrlimit", SYS_setrlimit, "1P"}, {"prlimit64", SYS_prlimit64, "01P0"},
	{"gettimeofday", SYS_gettimeofday, "P0"}, {"clock_gettime", SYS_clock_gettime, "1P"},
	{"clock_getres", SYS_clock_getres, "1P"}, {"clock_settime", SYS_clock_settime, "0P"},
	{"nanosleep", SYS_nanosleep, "PG"}, {"clock_nanosleep", SYS_clock_nanosleep, "10PG"},
	{"getitimer", SYS_getitimer, "0P"}, {"setitimer", SYS_setitimer, "0P0"},
	{"timer_create", SYS_timer_create, "1P0"}, {"timer_create id", SYS_timer_create, "10P"},
	{"adjtimex", SYS_adjtimex, "P"}, {"rt_sigaction", SYS_rt_sigaction, "sP08"},
	{"rt_sigaction old", SYS_rt_sigaction, "s0P8"}, {"rt_sigprocmask", SYS_rt_sigprocmask, "0P08"},
	{"rt_sigprocmask old", SYS_rt_sigprocmask, "00P8"}, {"rt_sigpending", SYS_rt_sigpending, "P8"},
	{"rt_sigtimedwait", SYS_rt_sigtimedwait, "P0G8"},
	{"rt_sigqueueinfo", SYS_rt_sigqueueinfo, "0sP"},
	{"sigaltstack old", SYS_sigaltstack, "0P"}, {"getgroups", SYS_getgroups, "9P"},
	{"setgroups", SYS_setgroups, "2P"}, {"getresuid", SYS_getresuid, "PPP"},
	{"getresgid", SYS_getresgid, "PPP"}, {"capget", SYS_capget, "PG"}, {"capset", SYS_capset, "PG"},
	{"prctl name", SYS_prctl, "fP"}, {"prctl get name", SYS_prctl, "gP"},
	{"sched_setparam", SYS_sched_setparam, "0P"}, {"sched_getparam", SYS_sched_getparam, "0P"},
	{"sched_getaffinity", SYS_sched_getaffinity, "0LP"}, {"getcpu", SYS_getcpu, "PP0"},
	{"sched_setaffinity", SYS_sched_setaffinity, "0LP"},
	{"sched_setattr", SYS_sched_setattr, "0P0"}, {"sched_getattr", SYS_sched_getattr, "0PL0"},
	{"sched_rr_get_interval", SYS_sched_rr_get_interval, "0P"}, {"futex wait", SYS_futex, "P00G00"},
	{"futex wake", SYS_futex, "P11000"},
	{"set_robust_list", SYS_set_robust_list, "P8"}, {"get_robust_list", SYS_get_robust_list, "0PP"},
	{"epoll_ctl", SYS_epoll_ctl, "e1pP"}, {"epoll_wait", SYS_epoll_wait, "eP10"},
	{"eventfd read", SYS_read, "vP8"}, {"eventfd write", SYS_write, "vP8"},
	{"timerfd_settime", SYS_timerfd_settime, "t0P0"}, {"timerfd_gettime", SYS_timerfd_gettime, "tP"},
	{"signalfd4", SYS_signalfd4, "-P80"}, {"inotify_add_watch", SYS_inotify_add_watch, "rP1"},
	{"splice", SYS_splice, "rPq010"}, {"sendfile", SYS_sendfile, "wrP1"},
	{"copy_file_range", SYS_copy_file_range, "rPw010"}, {"vmsplice", SYS_vmsplice, "qP10"},
	{"mincore", SYS_mincore, "ALP"}, {"memfd_create", SYS_memfd_create, "P0"},
	{"getrandom", SYS_getrandom, "PL0"}, {"fcntl lock", SYS_fcntl, "w6P"},
	{"fcntl getlk", SYS_fcntl, "w5P"}, {"ioctl FIONREAD", SYS_ioctl, "pxP"},
	{"ioctl FIONBIO", SYS_ioctl, "pyP"}, {"clone3", SYS_clone3, "PX"},
	{"waitid", SYS_waitid, "00P40"}, {"arch_prctl get", SYS_arch_prctl, "zP"},
	{"sethostname", SYS_sethostname, "P4"}, {"mount", SYS_mount, "PNP00"},
	{"umount2", SYS_umount2, "P0"}, {"chroot", SYS_chroot, "P"},
	{"process_vm_readv", SYS_process_vm_readv, "0P1G10"}, {"rseq", SYS_rseq, "PX00"},
	{"getsid bad", SYS_getsid, "-"}, {"openat2", SYS_openat2, "cNPX"},
	{"pidfd_send_signal", SYS_pidfd_send_signal, "rsP0"}, {"time", SYS_time, "P"},
};

static char *good;
static int fds[128];

static unsigned long value(char c, unsigned long hostile)
{
	switch (c) {
	case 'P': return hostile;
	case 'G': return (unsigned long)memset(good, 0, 2048);
	case 'N': return (unsigned long)"existing";
	case 'A': return (unsigned long)good;
	case 'L': return 4096;
	case 'X': return 24;
	case '-': return -1ul;
	case 'c': return AT_FDCWD;
	case 's': return SIGUSR1;
	case 'f': return PR_SET_NAME;
	case 'g': return PR_GET_NAME;
	case 'x': return 0x541b;
	case 'y': return 0x5421;
	case 'z': return 0x1003;
	default: return c >= '0' && c <= '9' ? (unsigned long)(c - '0') : (unsigned long)fds[(int)c];
	}
}

static void table(const char *title, unsigned long hostile)
{
	HEAD(title);
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		unsigned long a[6] = {0};
		for (int k = 0; calls[i].args[k]; k++)
			a[k] = value(calls[i].args[k], hostile);
		CHILD {
			alarm(3);
			errno = 0;
			long r = syscall(calls[i].nr, a[0], a[1], a[2], a[3], a[4], a[5]);
			if (r == -1)
				say("%s: %s\n", calls[i].name, err_name(errno));
			else
				say("%s: %s\n", calls[i].name, r ? "positive" : "0");
		}
		int st;
		waitpid(child_pid, &st, 0);
		if (st)
			say_status(calls[i].name, st);
	}
}

static void lengths(void)
{
	static const unsigned long lens[] = {0, 1ul << 63, ~0ul, ~0ul - 4095};

	HEAD("lengths");
	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		unsigned long n = lens[i];
		X(n);
		R(syscall(SYS_munmap, good, n) && n != 0 ? -1 : 0);
		good = mmap(good, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		R(syscall(SYS_madvise, good, n, MADV_WILLNEED));
		R(syscall(SYS_mincore, good, n, good));
		R(syscall(SYS_sched_getaffinity, 0, n & 7, good));
		R(syscall(SYS_setxattr, "existing", "user.x", good, n, 0));
		R(syscall(SYS_getcwd, good, n) == -1 ? -1 : 0);
		R(syscall(SYS_readlink, "link", good, n));
	}
}

static void bad_numbers(void)
{
	HEAD("no such call");
	R(syscall(345));
	R(syscall(400));
	R(syscall(511));
	R(syscall(1000));
	R(syscall(-1));
	R(syscall(1ul << 31));
	R(syscall(SYS_getpid | 1ul << 30) == -1 ? -1 : 0);
	R(syscall((1ul << 32) + 1000));
}

int main(void)
{
	int p[2];

	put_file("existing", "0123456789", 10, 0644);
	symlink("target", "link");
	good = mmap(NULL, 65536 + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(good + 65536, 4096);
	char *ro = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	NEED(pipe2(p, O_NONBLOCK));
	fds['p'] = p[0];
	fds['q'] = p[1];
	fds['r'] = NEED(open("existing", O_RDONLY));
	fds['w'] = NEED(open("existing", O_RDWR));
	fds['d'] = NEED(open(".", O_RDONLY));
	fds['e'] = NEED(epoll_create1(0));
	fds['t'] = NEED(timerfd_create(CLOCK_MONOTONIC, 0));
	fds['v'] = NEED(eventfd(1, EFD_NONBLOCK));
	table("NULL", 0);
	table("first page", 8);
	table("kernel", 0xffffffff80000000ul);
	table("non-canonical", 0x8000000000000000ul);
	table("last page", -4096ul);
	table("unmapped", (unsigned long)good + 65536);
	table("running into unmapped", (unsigned long)good + 65535);
	table("read-only", (unsigned long)ro);
	lengths();
	bad_numbers();
	return 0;
}
