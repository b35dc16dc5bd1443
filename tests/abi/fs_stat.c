// SPDX-License-Identifier: BSD-2-Clause
/* stat, fstat, statx, statfs, utimensat: what the fields say and when the times move. */
#include "abi.h"
#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

static void basic(void)
{
	struct stat st;

	HEAD("stat");
	put_file("f", "0123456789", 10, 0640);
	R(stat("f", &st));
	V(st.st_size);
	V(st.st_blocks);
	V(st.st_blksize);
	V(st.st_nlink);
	V(st.st_rdev);
	R(stat("none", &st));
	R(stat("f/x", &st));
	R(stat("", &st));
	R(stat("f", (struct stat *)8));
	R(fstat(99, &st));
	R(fstat(1, (struct stat *)8));
	symlink("f", "l");
	lstat("l", &st);
	V(st.st_size);
	S(ftype_name(st.st_mode));
	V(st.st_mode & 07777);
	int p[2];
	pipe(p);
	fstat(p[0], &st);
	S(ftype_name(st.st_mode));
	V(st.st_mode & 07777);
	V(st.st_size);
	stat("/dev/null", &st);
	S(ftype_name(st.st_mode));
	V(major(st.st_rdev));
	V(minor(st.st_rdev));
	struct stat st2;
	stat("f", &st);
	link("f", "g");
	stat("g", &st2);
	IS(st.st_ino == st2.st_ino && st.st_dev == st2.st_dev);
	stat("/proc", &st2);
	IS(st.st_dev != st2.st_dev);
	mkdir("sized", 0755);
	stat("sized", &st);
	V(st.st_size);
	put_file("sized/entry", "", 0, 0644);
	stat("sized", &st);
	V(st.st_size);
	truncate("f", 8193);
	stat("f", &st);
	V(st.st_size);
	V(st.st_blocks);
}

static void extended(void)
{
	struct statx sx;
	int fd = NEED(open("f", O_RDONLY));

	HEAD("statx");
	memset(&sx, 0x55, sizeof(sx));
	R(statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS, &sx));
	X(sx.stx_mask & STATX_BASIC_STATS);
	V(sx.stx_size);
	V(sx.stx_nlink);
	X(sx.stx_mode);
	V(sx.stx_blksize);
	V(sx.stx_uid);
	V(sx.stx_rdev_major);
	IS(sx.stx_mtime.tv_nsec < 1000000000u);
	R(statx(AT_FDCWD, "l", AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_MODE, &sx));
	S(ftype_name(sx.stx_mode));
	R(statx(fd, "", AT_EMPTY_PATH, STATX_ALL, &sx));
	IS(sx.stx_mask & STATX_BTIME);
	R(statx(fd, "", 0, STATX_ALL, &sx));
	R(statx(AT_FDCWD, "f", AT_STATX_FORCE_SYNC, STATX_SIZE, &sx));
	R(statx(AT_FDCWD, "f", AT_STATX_DONT_SYNC, STATX_SIZE, &sx));
	R(statx(AT_FDCWD, "f", AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC, STATX_SIZE, &sx));
	R(statx(AT_FDCWD, "f", 0, 0x80000000u, &sx));
	R(statx(AT_FDCWD, "f", 0x10000, STATX_SIZE, &sx));
	R(statx(AT_FDCWD, "f", 0, STATX_SIZE, (void *)8));
	R(statx(AT_FDCWD, "none", 0, STATX_SIZE, &sx));
	R(statx(77, "f", 0, STATX_SIZE, &sx));
	R(statx(AT_FDCWD, "", AT_EMPTY_PATH, STATX_TYPE, &sx));
	S(ftype_name(sx.stx_mode));
	R(statx(AT_FDCWD, "/work", 0, STATX_ALL, &sx));
	IS(sx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT);
	IS(sx.stx_attributes & STATX_ATTR_MOUNT_ROOT);
	R(statx(AT_FDCWD, "f", 0, STATX_MNT_ID, &sx));
	IS(sx.stx_mask & STATX_MNT_ID);
	IS(sx.stx_attributes & STATX_ATTR_MOUNT_ROOT);
	close(fd);
}

static void file_systems(void)
{
	struct statfs sf;

	HEAD("statfs");
	R(statfs(".", &sf));
	IS(sf.f_type == TMPFS_MAGIC);
	V(sf.f_bsize);
	V(sf.f_namelen);
	V(sf.f_frsize);
	IS(sf.f_bfree <= sf.f_blocks && sf.f_bavail <= sf.f_bfree);
	IS(sf.f_ffree <= sf.f_files);
	X(sf.f_flags & ~0x1000);
	R(statfs("/proc", &sf));
	IS(sf.f_type == PROC_SUPER_MAGIC);
	R(statfs("none", &sf));
	R(statfs("f/x", &sf));
	R(statfs("f", (void *)8));
	int fd = NEED(open("f", O_RDONLY));
	R(fstatfs(fd, &sf));
	IS(sf.f_type == TMPFS_MAGIC);
	R(fstatfs(99, &sf));
	int p[2];
	pipe(p);
	R(fstatfs(p[0], &sf));
	IS(sf.f_type == PIPEFS_MAGIC);
	statfs(".", &sf);
	unsigned long before = sf.f_bfree;
	put_file("big", "", 0, 0644);
	int bfd = NEED(open("big", O_RDWR));
	NEED(fallocate(bfd, 0, 0, 1 << 20));
	statfs(".", &sf);
	V(before - sf.f_bfree);
	unlink("big");
	close(bfd);
	statfs(".", &sf);
	V(before - sf.f_bfree);
	close(fd);
}

static struct stat seen;

/* Which of the three times of @path moved since the last look. */
static void moved(const char *what, const char *path)
{
	struct stat st;

	lstat(path, &st);
	say("%s:%s%s%s\n", what, memcmp(&st.st_atim, &seen.st_atim, 16) ? " atime" : "",
		memcmp(&st.st_mtim, &seen.st_mtim, 16) ? " mtime" : "",
		memcmp(&st.st_ctim, &seen.st_ctim, 16) ? " ctime" : "");
	seen = st;
	sleep_ms(30);
}

static void times_move(void)
{
	char c;

	HEAD("what moves the times");
	put_file("t", "abc", 3, 0644);
	lstat("t", &seen);
	sleep_ms(30);
	int fd = NEED(open("t", O_RDWR));
	moved("open", "t");
	write(fd, "x", 1);
	moved("write", "t");
	write(fd, "x", 0);
	moved("write 0", "t");
	pread(fd, &c, 1, 0);
	moved("read after write", "t");
	pread(fd, &c, 1, 0);
	moved("read again", "t");
	ftruncate(fd, 2);
	moved("ftruncate", "t");
	ftruncate(fd, 2);
	moved("ftruncate to the same", "t");
	truncate("t", 2);
	moved("truncate to the same", "t");
	chmod("t", 0600);
	moved("chmod", "t");
	chmod("t", 0600);
	moved("chmod to the same", "t");
	chown("t", 0, 0);
	moved("chown", "t");
	chown("t", -1, -1);
	moved("chown -1 -1", "t");
	link("t", "t2");
	moved("link", "t");
	rename("t2", "t3");
	moved("rename of another name", "t");
	unlink("t3");
	moved("unlink of another name", "t");
	mkdir("td", 0755);
	lstat("td", &seen);
	sleep_ms(30);
	put_file("td/f", "", 0, 0644);
	moved("create in a directory", "td");
	put_file("td/f", "abc", 3, 0644);
	moved("write a file in it", "td");
	rename("td/f", "td/g");
	moved("rename in it", "td");
	unlink("td/g");
	moved("unlink in it", "td");
	mkdir("td/x", 0755);
	moved("mkdir in it", "td");
	rmdir("td/x");
	moved("rmdir in it", "td");
	close(fd);
}

static void say_times(const char *path)
{
	struct stat st;

	lstat(path, &st);
	say("%s: atime %lld.%09ld mtime %lld.%09ld\n", path, (long long)st.st_atime, st.st_atim.tv_nsec,
		(long long)st.st_mtime, st.st_mtim.tv_nsec);
}

static void setting_times(void)
{
	struct timespec ts[2] = {{100, 1}, {200, 999999999}};

	HEAD("utimensat");
	R(utimensat(AT_FDCWD, "t", ts, 0));
	say_times("t");
	ts[0].tv_nsec = UTIME_OMIT;
	ts[1].tv_sec = -5;
	R(utimensat(AT_FDCWD, "t", ts, 0));
	say_times("t");
	ts[1].tv_nsec = UTIME_OMIT;
	R(utimensat(AT_FDCWD, "none", ts, 0));
	R(utimensat(AT_FDCWD, "t", ts, 0));
	ts[1].tv_nsec = 1000000000;
	R(utimensat(AT_FDCWD, "t", ts, 0));
	ts[1].tv_nsec = -1;
	R(utimensat(AT_FDCWD, "t", ts, 0));
	ts[0] = ts[1] = (struct timespec){300, 5};
	R(utimensat(AT_FDCWD, "l", ts, AT_SYMLINK_NOFOLLOW));
	say_times("l");
	R(utimensat(AT_FDCWD, "t", ts, 0x8000));
	int fd = NEED(open("t", O_RDONLY));
	R(syscall(SYS_utimensat, fd, NULL, ts, 0));
	say_times("t");
	R(syscall(SYS_utimensat, fd, "", ts, AT_EMPTY_PATH));
	R(syscall(SYS_utimensat, fd, "", ts, 0));
	R(syscall(SYS_utimensat, AT_FDCWD, NULL, ts, 0));
	R(syscall(SYS_utimensat, AT_FDCWD, "t", (void *)8, 0));
	struct timeval tv[2] = {{7, 8}, {9, 10}};
	R(syscall(SYS_utimes, "t", tv));
	say_times("t");
	tv[0].tv_usec = 1000000;
	R(syscall(SYS_utimes, "t", tv));
	struct {
		long a, m;
	} ut = {11, 12};
	R(syscall(SYS_utime, "t", &ut));
	say_times("t");
	R(syscall(SYS_utime, "t", NULL));
	struct stat st;
	stat("t", &st);
	IS(st.st_mtime > 1000000);
	chmod("t", 0666);
	put_file("own", "", 0, 0444);
	chown("own", 1000, 1000);
	CHILD {
		become(1000);
		R(utimensat(AT_FDCWD, "t", NULL, 0));
		R(utimensat(AT_FDCWD, "t", ts, 0));
		ts[0].tv_nsec = UTIME_NOW;
		ts[1].tv_nsec = UTIME_OMIT;
		R(utimensat(AT_FDCWD, "t", ts, 0));
		ts[1].tv_nsec = UTIME_NOW;
		R(utimensat(AT_FDCWD, "t", ts, 0));
		R(utimensat(AT_FDCWD, "own", NULL, 0));
		R(utimensat(AT_FDCWD, "own", ts, 0));
		R(utimensat(AT_FDCWD, "f", NULL, 0));
	}
	REAP("user");
}

int main(void)
{
	basic();
	extended();
	file_systems();
	times_move();
	setting_times();
	return 0;
}
