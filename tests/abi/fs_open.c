// SPDX-License-Identifier: BSD-2-Clause
/* open(2), openat(2), creat(2): every flag, what it permits afterwards, and its errors. */
#include "abi.h"
#include <sys/ioctl.h>

static void creation_flags(void)
{
	HEAD("creation");
	put_file("f", "hello", 5, 0644);
	R(open("f", O_RDONLY));
	R(open("none", O_RDONLY));
	R(open("f", O_CREAT | O_EXCL | O_RDWR, 0600));
	R(open("new", O_CREAT | O_EXCL | O_RDWR, 0640));
	say_stat("new");
	R(open("ro", O_CREAT | O_RDWR, 0400));
	say_stat("ro");
	R(creat("made", 0777));
	say_stat("made");
	R(open("suid", O_CREAT | O_WRONLY, 06755));
	say_stat("suid");
	R(open("weird", O_CREAT | O_WRONLY, 0177777));
	say_stat("weird");
	umask(077);
	R(open("masked", O_CREAT | O_WRONLY, 0777));
	say_stat("masked");
	umask(022);
	R(open("f", O_RDONLY | O_TRUNC));
	say_stat("f");
	for (int fd = 3; fd < 20; fd++)
		close(fd);
}

static void directories(void)
{
	HEAD("directories");
	mkdir("d", 0755);
	R(open("d", O_RDONLY));
	R(open("d", O_WRONLY));
	R(open("d", O_RDWR));
	R(open("d", O_RDONLY | O_CREAT, 0644));
	R(open("d", O_RDONLY | O_TRUNC));
	R(open("d", O_RDONLY | O_DIRECTORY));
	R(open("f", O_RDONLY | O_DIRECTORY));
	R(open("f/", O_RDONLY));
	R(open("d/", O_RDONLY));
	R(open("f/x", O_RDONLY));
	R(open("none/", O_CREAT | O_RDWR, 0644));
	R(open("none/x", O_CREAT | O_RDWR, 0644));
	R(open("", O_RDONLY));
	R(open("", O_CREAT | O_RDWR, 0644));
	char c;
	R(read(3, &c, 1));
	R(write(3, &c, 1));
	R(pread(3, &c, 1, 0));
	R(lseek(3, 0, SEEK_SET));
	R(ftruncate(3, 0));
	for (int fd = 3; fd < 20; fd++)
		close(fd);
}

static void links(void)
{
	HEAD("links");
	symlink("f", "l");
	symlink("missing", "dangling");
	symlink("loop2", "loop1");
	symlink("loop1", "loop2");
	symlink("d", "ld");
	R(open("l", O_RDONLY));
	R(open("l", O_RDONLY | O_NOFOLLOW));
	R(open("l", O_PATH | O_NOFOLLOW));
	R(open("l", O_PATH | O_NOFOLLOW | O_DIRECTORY));
	R(open("dangling", O_RDONLY));
	R(open("dangling", O_CREAT | O_EXCL | O_RDWR, 0644));
	R(open("dangling", O_CREAT | O_NOFOLLOW | O_RDWR, 0644));
	R(open("dangling", O_CREAT | O_RDWR, 0644));
	say_stat("missing");
	R(open("loop1", O_RDONLY));
	R(open("loop1", O_CREAT | O_RDWR, 0644));
	R(open("loop1", O_PATH | O_NOFOLLOW));
	R(open("ld", O_RDONLY | O_DIRECTORY));
	R(open("ld", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
	R(open("ld/", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
	char name[32], prev[32] = "f";
	for (int i = 0; i < 42; i++) {
		snprintf(name, sizeof(name), "chain%d", i);
		symlink(prev, name);
		strcpy(prev, name);
	}
	R(access("chain38", F_OK));
	R(access("chain39", F_OK));
	R(access("chain40", F_OK));
	for (int fd = 3; fd < 20; fd++)
		close(fd);
}

static void path_fds(void)
{
	char c;
	struct stat st;
	int fd;

	HEAD("O_PATH");
	put_file("p", "path", 4, 0644);
	fd = NEED(open("p", O_PATH));
	R(read(fd, &c, 1));
	R(write(fd, &c, 1));
	R(fchmod(fd, 0600));
	R(fchown(fd, 0, 0));
	R(ftruncate(fd, 0));
	R(lseek(fd, 0, SEEK_SET));
	R(fstat(fd, &st));
	R(ioctl(fd, FIONREAD, &c));
	R(fcntl(fd, F_GETFL) == (O_PATH | O_LARGEFILE) || fcntl(fd, F_GETFL) == O_PATH);
	R(fcntl(fd, F_SETFL, O_NONBLOCK));
	R(fcntl(fd, F_SETFD, FD_CLOEXEC));
	R(fcntl(fd, F_GETFD));
	R(dup(fd));
	R(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0);
	R(fsync(fd));
	R(openat(fd, "x", O_RDONLY));
	char proc[64];
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	R(open(proc, O_RDWR));
	R(fchmodat(AT_FDCWD, proc, 0640, 0));
	say_stat("p");
	R(linkat(AT_FDCWD, proc, AT_FDCWD, "p2", AT_SYMLINK_FOLLOW));
	say_stat("p2");
	R(linkat(fd, "", AT_FDCWD, "p3", AT_EMPTY_PATH));
	say_stat("p3");
	fd = NEED(open("d", O_PATH | O_DIRECTORY));
	R(openat(fd, "inside", O_CREAT | O_RDWR, 0644));
	R(fchdir(fd));
	R(chdir(".."));
	R(syscall(SYS_getdents64, fd, &c, 1));
	for (fd = 3; fd < 30; fd++)
		close(fd);
}

static void tmpfiles(void)
{
	char proc[64];
	struct stat st;

	HEAD("O_TMPFILE");
	R(open(".", O_TMPFILE | O_RDONLY, 0600));
	R(open("f", O_TMPFILE | O_RDWR, 0600));
	R(open("none", O_TMPFILE | O_RDWR, 0600));
	int fd = R(open(".", O_TMPFILE | O_RDWR, 0640));
	R(write(fd, "tmp", 3));
	fstat(fd, &st);
	V(st.st_nlink);
	V(st.st_size);
	V(st.st_mode & 07777);
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	R(linkat(AT_FDCWD, proc, AT_FDCWD, "linked", AT_SYMLINK_FOLLOW));
	say_stat("linked");
	fd = R(open(".", O_TMPFILE | O_RDWR | O_EXCL, 0640));
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	R(linkat(AT_FDCWD, proc, AT_FDCWD, "linked2", AT_SYMLINK_FOLLOW));
	R(syscall(SYS_open, ".", __O_TMPFILE | O_RDWR, 0600));
	for (fd = 3; fd < 30; fd++)
		close(fd);
}

static void status_flags(void)
{
	static const struct {
		const char *name;
		int flags;
	} all[] = {
		{"rdonly", O_RDONLY},
		{"wronly", O_WRONLY},
		{"rdwr", O_RDWR},
		{"accmode 3", 3},
		{"append", O_WRONLY | O_APPEND},
		{"nonblock", O_RDONLY | O_NONBLOCK},
		{"sync", O_RDWR | O_SYNC},
		{"dsync", O_RDWR | O_DSYNC},
		{"noatime", O_RDONLY | O_NOATIME},
		{"cloexec", O_RDONLY | O_CLOEXEC},
		{"async", O_RDONLY | O_ASYNC},
		{"noctty", O_RDONLY | O_NOCTTY},
		{"trunc creat excl dropped", O_RDWR | O_TRUNC | O_CREAT},
		{"unknown high bits", O_RDWR | 0x10000000},
	};

	HEAD("status flags");
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		int fd = open("f", all[i].flags, 0644);
		if (fd < 0) {
			say("%s: %s\n", all[i].name, err_name(errno));
			continue;
		}
		char c = 'x';
		say("%s: fl %o fd %d", all[i].name, fcntl(fd, F_GETFL) & ~O_LARGEFILE & ~0100000,
			fcntl(fd, F_GETFD));
		say(" read %s", read(fd, &c, 1) < 0 ? err_name(errno) : "ok");
		say(" write %s\n", write(fd, &c, 1) < 0 ? err_name(errno) : "ok");
		close(fd);
	}
	int fd = open("f", O_RDWR | O_APPEND | O_TRUNC);
	R(write(fd, "one", 3));
	R(lseek(fd, 0, SEEK_SET));
	R(write(fd, "two", 3));
	R(lseek(fd, 0, SEEK_CUR));
	R(pwrite(fd, "three", 5, 0));
	R(lseek(fd, 0, SEEK_CUR));
	say("content %s\n", get_file("f"));
	close(fd);
}

static void permissions(void)
{
	HEAD("permissions");
	put_file("root600", "x", 1, 0600);
	put_file("root644", "x", 1, 0644);
	put_file("mode000", "x", 1, 0);
	mkdir("closed", 0700);
	put_file("closed/f", "x", 1, 0666);
	mkdir("noexec", 0666);
	put_file("exec", "x", 1, 0711);
	R(open("mode000", O_RDWR));
	close(3);
	chmod(".", 0755);
	CHILD {
		become(1000);
		R(open("root600", O_RDONLY));
		R(open("root644", O_RDONLY));
		R(open("root644", O_RDWR));
		R(open("root644", O_RDONLY | O_TRUNC));
		R(open("mode000", O_RDONLY));
		R(open("mode000", O_PATH));
		R(open("closed/f", O_RDONLY));
		R(open("closed", O_RDONLY));
		R(open("noexec", O_RDONLY));
		R(open("noexec/f", O_RDONLY));
		R(open("newfile", O_CREAT | O_RDWR, 0644));
		R(open("root644", O_CREAT | O_RDONLY, 0644));
		R(open("root644", O_RDONLY | O_NOATIME));
		R(open(".", O_TMPFILE | O_RDWR, 0600));
		R(open("exec", O_RDONLY));
		R(open("root644", O_CREAT | O_EXCL | O_RDWR, 0644));
	}
	REAP("user");
}

static void limits(void)
{
	char *name = malloc(5000);

	HEAD("limits");
	memset(name, 'a', 5000);
	name[255] = 0;
	R(open(name, O_CREAT | O_RDWR, 0644));
	name[255] = 'a';
	name[256] = 0;
	R(open(name, O_CREAT | O_RDWR, 0644));
	for (int i = 0; i < 4095; i += 2)
		memcpy(name + i, "./", 2);
	name[4094] = 'f';
	name[4095] = 0;
	R(open(name, O_RDONLY));
	name[4095] = '/';
	name[4096] = 0;
	R(open(name, O_RDONLY));
	R(open(NULL, O_RDONLY));
	R(open((char *)1, O_RDONLY));
	R(openat(99, "f", O_RDONLY));
	R(openat(99, "/", O_RDONLY));
	R(openat(AT_FDCWD, "f", O_RDONLY));
	R(openat(0, "f", O_RDONLY));
	struct rlimit rl = {10, 4096}, old;
	getrlimit(RLIMIT_NOFILE, &old);
	setrlimit(RLIMIT_NOFILE, &rl);
	for (int i = 0; i < 12; i++)
		if (open("f", O_RDONLY) < 0) {
			say("open %d: %s\n", i, err_name(errno));
			break;
		}
	R(dup(0));
	R(dup2(0, 10));
	R(fcntl(0, F_DUPFD, 10));
	setrlimit(RLIMIT_NOFILE, &old);
	for (int fd = 3; fd < 30; fd++)
		close(fd);
	free(name);
}

int main(void)
{
	creation_flags();
	directories();
	links();
	path_fds();
	tmpfiles();
	status_flags();
	permissions();
	limits();
	return 0;
}
