// SPDX-License-Identifier: BSD-2-Clause
/* Path walking: getcwd, chdir, fchdir, chroot, openat2's RESOLVE flags, search permission. */
#include "abi.h"
#include <linux/openat2.h>

static char buf[PATH_MAX * 2];

static const char *cwd(void)
{
	long n = syscall(SYS_getcwd, buf, sizeof(buf));

	return n < 0 ? err_name(errno) : buf;
}

static void working_directory(void)
{
	HEAD("chdir getcwd");
	S(cwd());
	mkdir("a", 0755);
	mkdir("a/b", 0755);
	put_file("f", "", 0, 0644);
	symlink("a/b", "ab");
	R(chdir("ab"));
	S(cwd());
	R(chdir(".."));
	S(cwd());
	R(chdir("none"));
	R(chdir("../f"));
	R(chdir(""));
	R(syscall(SYS_getcwd, buf, 5));
	R(syscall(SYS_getcwd, buf, 0));
	R(syscall(SYS_getcwd, NULL, 100));
	R(syscall(SYS_getcwd, buf, strlen("/work/a") + 1));
	R(syscall(SYS_getcwd, buf, strlen("/work/a")));
	int fd = NEED(open("/work", O_RDONLY));
	R(fchdir(fd));
	S(cwd());
	int ffd = NEED(open("/work/f", O_RDONLY));
	R(fchdir(ffd));
	R(fchdir(99));
	R(rename("a", "renamed"));
	R(chdir("renamed/b"));
	R(rename("/work/renamed", "/work/again"));
	S(cwd());
	R(chdir("/"));
	S(cwd());
	R(chdir(".."));
	S(cwd());
	R(chdir("/work"));
	close(fd);
	close(ffd);
}

static void roots(void)
{
	HEAD("chroot");
	mkdir("jail", 0755);
	mkdir("jail/in", 0755);
	put_file("outside", "", 0, 0644);
	symlink("/in", "jail/abs");
	symlink("../../../in", "jail/up");
	CHILD {
		R(chroot("none"));
		R(chroot("outside"));
		R(chroot("jail"));
		R(access("outside", F_OK));
		R(access("/in", F_OK));
		S(cwd());
		R(access("/abs", F_OK));
		R(access("/up", F_OK));
		R(chdir("/"));
		S(cwd());
		R(chdir("../../.."));
		S(cwd());
		R(access("/outside", F_OK));
	}
	REAP("jail");
	CHILD {
		become(1000);
		R(chroot("jail"));
	}
	REAP("user");
}

static long open2(int dfd, const char *path, unsigned long long flags, unsigned long long mode,
	unsigned long long resolve)
{
	struct open_how how = {flags, mode, resolve};
	long fd = syscall(SYS_openat2, dfd, path, &how, sizeof(how));

	if (fd >= 0)
		close(fd);
	return fd >= 0 ? 0 : fd;
}

static void resolving(void)
{
	HEAD("openat2");
	mkdir("r", 0755);
	mkdir("r/s", 0755);
	put_file("r/f", "", 0, 0644);
	put_file("top", "", 0, 0644);
	symlink("f", "r/l");
	symlink("/r/f", "r/labs");
	symlink("../top", "r/esc");
	symlink("/proc/self/exe", "r/magic");
	int d = NEED(open("r", O_PATH | O_DIRECTORY));
	R(open2(d, "f", O_RDONLY, 0, 0));
	R(open2(d, "l", O_RDONLY, 0, RESOLVE_NO_SYMLINKS));
	R(open2(d, "s", O_RDONLY, 0, RESOLVE_NO_SYMLINKS));
	R(open2(d, "../top", O_RDONLY, 0, 0));
	R(open2(d, "../top", O_RDONLY, 0, RESOLVE_BENEATH));
	R(open2(d, "s/../f", O_RDONLY, 0, RESOLVE_BENEATH));
	R(open2(d, "esc", O_RDONLY, 0, RESOLVE_BENEATH));
	R(open2(d, "labs", O_RDONLY, 0, RESOLVE_BENEATH));
	R(open2(d, "/f", O_RDONLY, 0, RESOLVE_BENEATH));
	R(open2(d, "/f", O_RDONLY, 0, RESOLVE_IN_ROOT));
	R(open2(d, "esc", O_RDONLY, 0, RESOLVE_IN_ROOT));
	R(open2(d, "../../f", O_RDONLY, 0, RESOLVE_IN_ROOT));
	R(open2(AT_FDCWD, "/proc/self/exe", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS));
	R(open2(AT_FDCWD, "/proc/self/exe", O_RDONLY, 0, 0));
	R(open2(AT_FDCWD, "/proc/version", O_RDONLY, 0, RESOLVE_NO_XDEV));
	R(open2(d, "f", O_RDONLY, 0, RESOLVE_NO_XDEV));
	R(open2(d, "f", O_RDONLY, 0, RESOLVE_BENEATH | RESOLVE_IN_ROOT));
	R(open2(d, "f", O_RDONLY, 0, 0x1000));
	R(open2(d, "f", O_RDONLY, 0644, 0));
	R(open2(d, "new", O_CREAT | O_RDWR, 0644, 0));
	R(open2(d, "new2", O_CREAT | O_RDWR, 0200000, 0));
	R(open2(d, "f", 0x4000000000000000ull, 0, 0));
	R(open2(d, "f", O_PATH | O_RDWR, 0, 0));
	R(open2(d, "f", O_RDONLY | O_PATH, 0, 0));
	struct {
		struct open_how how;
		char more[64];
	} big;
	memset(&big, 0, sizeof(big));
	R(syscall(SYS_openat2, d, "none", &big, sizeof(big)));
	big.more[3] = 1;
	R(syscall(SYS_openat2, d, "none", &big, sizeof(big)));
	R(syscall(SYS_openat2, d, "f", &big, 8));
	R(syscall(SYS_openat2, d, "f", &big, 0));
	R(syscall(SYS_openat2, d, "f", NULL, sizeof(struct open_how)));
	close(d);
}

static void searching(void)
{
	HEAD("search permission");
	mkdir("x", 0711);
	mkdir("x/y", 0700);
	mkdir("x/y/z", 0777);
	mkdir("ronly", 0744);
	put_file("ronly/f", "", 0, 0644);
	put_file("x/f", "", 0, 0644);
	CHILD {
		become(1000);
		struct stat st;
		R(stat("x/f", &st));
		R(stat("x/none", &st));
		R(open("x", O_RDONLY));
		R(stat("x/y/z", &st));
		R(stat("x/y", &st));
		R(chdir("x"));
		R(chdir("y"));
		R(chdir(".."));
		R(stat("ronly/f", &st));
		R(stat("ronly/none", &st));
		R(open("ronly", O_RDONLY));
		R(chdir("ronly"));
		R(stat("x/f/g", &st));
		R(stat("x/y/../f", &st));
	}
	REAP("user");
}

static void long_paths(void)
{
	HEAD("long paths");
	char name[256];
	memset(name, 'n', 255);
	name[255] = 0;
	for (int i = 0; i < 20; i++) {
		NEED(mkdir(name, 0755));
		NEED(chdir(name));
	}
	R(syscall(SYS_getcwd, buf, PATH_MAX));
	R(syscall(SYS_getcwd, buf, sizeof(buf)));
	R(open("f", O_CREAT | O_RDWR, 0644));
	for (int i = 0; i < 20; i++)
		NEED(chdir(".."));
	S(cwd());
}

int main(void)
{
	working_directory();
	roots();
	resolving();
	searching();
	long_paths();
	return 0;
}
