// SPDX-License-Identifier: BSD-2-Clause
/*
 * The price of entering the kernel, and of the calls that do little there.
 */
#include "bench.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <unistd.h>

#define FILE_PATH "call.file"

static int fd;
static char byte;

/* An operation that is one call of any non-negative result. */
#define CALL(name, call)                            \
	static void op_##name(unsigned n, long arg) \
	{                                           \
		(void)arg;                          \
		while (n--)                         \
			must(call);                 \
	}

static void open_null(long arg)
{
	(void)arg;
	fd = (int)must_libc(open("/dev/null", O_RDWR));
}

static void open_zero(long arg)
{
	(void)arg;
	fd = (int)must_libc(open("/dev/zero", O_RDWR));
}

static void open_file(long arg)
{
	(void)arg;
	make_file(FILE_PATH, PAGE);
	fd = (int)must_libc(open(FILE_PATH, O_RDWR));
}

static struct stat st;
static struct statx stx;
static struct utsname uts;
static struct rusage usage;
static struct sysinfo info;
static struct tms tms;
static struct rlimit limit;
static unsigned long mask[16];
static char buf[256];

CALL(getppid, sys0(SYS_getppid))
CALL(getpid, sys0(SYS_getpid))
CALL(gettid, sys0(SYS_gettid))
CALL(getuid, sys0(SYS_getuid))
CALL(getpgid, sys1(SYS_getpgid, 0))
CALL(umask, sys1(SYS_umask, 022))
CALL(lseek, sys3(SYS_lseek, fd, 0, SEEK_SET))
CALL(getfl, sys3(SYS_fcntl, fd, F_GETFL, 0))
CALL(fstat, sys2(SYS_fstat, fd, (long)&st))
CALL(stat, sys2(SYS_stat, (long)FILE_PATH, (long)&st))
CALL(lstat, sys2(SYS_lstat, (long)FILE_PATH, (long)&st))
CALL(statx, sys6(SYS_statx, AT_FDCWD, (long)FILE_PATH, 0, STATX_BASIC_STATS, (long)&stx, 0))
CALL(access, sys2(SYS_access, (long)FILE_PATH, R_OK))
CALL(uname, sys1(SYS_uname, (long)&uts))
CALL(getrusage, sys2(SYS_getrusage, RUSAGE_SELF, (long)&usage))
CALL(sysinfo, sys1(SYS_sysinfo, (long)&info))
CALL(times, sys1(SYS_times, (long)&tms))
CALL(getcwd, sys2(SYS_getcwd, (long)buf, sizeof(buf)))
CALL(prlimit, sys4(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&limit))
CALL(getpriority, sys2(SYS_getpriority, PRIO_PROCESS, 0))
CALL(getaffinity, sys3(SYS_sched_getaffinity, 0, sizeof(mask), (long)mask))

static void op_read(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		must_be(sys3(SYS_read, fd, (long)&byte, 1), 1);
}

static void op_write(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		must_be(sys3(SYS_write, fd, (long)&byte, 1), 1);
}

static void op_getrandom(unsigned n, long len)
{
	while (n--)
		must_be(sys3(SYS_getrandom, (long)buf, len, 0), len);
}

static void op_open_close(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		long got = must(sys3(SYS_open, (long)FILE_PATH, O_RDONLY, 0));

		must(sys1(SYS_close, got));
	}
}

static void op_dup_close(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		must(sys1(SYS_close, must(sys1(SYS_dup, fd))));
}

static void op_bad_fd(unsigned n, long arg)
{
	(void)arg;
	while (n--)
		must_be(sys3(SYS_read, -1, (long)&byte, 1), -EBADF);
}

const struct row rows_call[] = {
	{"call.getppid", NULL, op_getppid, 1000, 0, 0},
	{"call.getpid", NULL, op_getpid, 1000, 0, 0},
	{"call.gettid", NULL, op_gettid, 1000, 0, 0},
	{"call.getuid", NULL, op_getuid, 1000, 0, 0},
	{"call.getpgid", NULL, op_getpgid, 1000, 0, 0},
	{"call.umask", NULL, op_umask, 1000, 0, 0},
	{"call.read_bad_fd", NULL, op_bad_fd, 1000, 0, 0},
	{"call.read_zero_1", open_zero, op_read, 500, 0, 0},
	{"call.write_null_1", open_null, op_write, 500, 0, 0},
	{"call.fcntl_getfl", open_null, op_getfl, 1000, 0, 0},
	{"call.dup_close", open_null, op_dup_close, 500, 0, 0},
	{"call.lseek", open_file, op_lseek, 1000, 0, 0},
	{"call.fstat", open_file, op_fstat, 500, 0, 0},
	{"call.stat", open_file, op_stat, 200, 0, 0},
	{"call.lstat", open_file, op_lstat, 200, 0, 0},
	{"call.statx", open_file, op_statx, 200, 0, 0},
	{"call.access", open_file, op_access, 200, 0, 0},
	{"call.open_close", open_file, op_open_close, 100, 0, 0},
	{"call.uname", NULL, op_uname, 500, 0, 0},
	{"call.getrusage", NULL, op_getrusage, 500, 0, 0},
	{"call.sysinfo", NULL, op_sysinfo, 500, 0, 0},
	{"call.times", NULL, op_times, 500, 0, 0},
	{"call.getcwd", NULL, op_getcwd, 500, 0, 0},
	{"call.prlimit", NULL, op_prlimit, 500, 0, 0},
	{"call.getpriority", NULL, op_getpriority, 500, 0, 0},
	{"call.getaffinity", NULL, op_getaffinity, 500, 0, 0},
	{"call.getrandom_16", NULL, op_getrandom, 100, 16, 0},
	{"call.getrandom_256", NULL, op_getrandom, 50, 256, 0},
	{},
};
