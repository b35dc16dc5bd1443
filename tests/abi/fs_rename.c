// SPDX-License-Identifier: BSD-2-Clause
/* rename(2), renameat2(2): every pair of kinds, RENAME_NOREPLACE, _EXCHANGE, _WHITEOUT, errors. */
#include "abi.h"

static const char *const kinds[] = {"none", "file", "dir", "full", "link", "same"};

static void make(const char *kind, const char *name)
{
	char inside[64];

	if (!strcmp(kind, "file"))
		put_file(name, name, strlen(name), 0644);
	if (!strcmp(kind, "dir") || !strcmp(kind, "full"))
		mkdir(name, 0755);
	if (!strcmp(kind, "full")) {
		snprintf(inside, sizeof(inside), "%s/x", name);
		put_file(inside, "x", 1, 0644);
	}
	if (!strcmp(kind, "link"))
		symlink("target", name);
	if (!strcmp(kind, "same"))
		link("a", name);
}

static void clean(const char *name)
{
	char inside[64];

	snprintf(inside, sizeof(inside), "%s/x", name);
	unlink(inside);
	rmdir(name);
	unlink(name);
}

static void matrix(unsigned int flags, const char *title)
{
	HEAD(title);
	for (size_t i = 0; i + 1 < ARRAY_LEN(kinds); i++)
		for (size_t j = 0; j < ARRAY_LEN(kinds); j++) {
			if (!strcmp(kinds[j], "same") && strcmp(kinds[i], "file"))
				continue;
			make(kinds[i], "a");
			make(kinds[j], "b");
			long r = syscall(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "b", flags);
			say("%s -> %s: %s\n", kinds[i], kinds[j], r ? err_name(errno) : "0");
			say_stat("a");
			say_stat("b");
			clean("a");
			clean("b");
		}
}

static void subtrees(void)
{
	HEAD("trees");
	mkdir("p", 0755);
	mkdir("p/q", 0755);
	mkdir("p/q/r", 0755);
	mkdir("o", 0755);
	R(rename("p", "p/q/r/p"));
	R(rename("p", "p/q"));
	R(rename("p/q", "p"));
	R(rename("p/q/r", "p"));
	R(rename("p/q", "o/moved"));
	say_stat("o/moved/r");
	R(rename("o/moved/r", "o/moved/../r"));
	say_stat("o/r");
	struct stat st;
	stat("o", &st);
	V(st.st_nlink);
	stat("p", &st);
	V(st.st_nlink);
	R(rename("o/.", "x"));
	R(rename("o/..", "x"));
	R(rename(".", "x"));
	R(rename("x", "."));
	R(rename("p", "o/."));
	R(rename("/", "x"));
	R(rename("", "x"));
	R(rename("p", ""));
	R(rename("p", "/proc/p"));
	R(rename("none", "/proc/p"));
	R(rename("p/", "p2/"));
	R(rename("p2", "p3/"));
	put_file("f", "f", 1, 0644);
	R(rename("f/", "g"));
	R(rename("f", "g/"));
	symlink("f", "sl");
	R(rename("sl/", "g"));
	R(rename("f/x", "g"));
	R(syscall(SYS_renameat2, AT_FDCWD, "f", AT_FDCWD, "g", RENAME_NOREPLACE | RENAME_EXCHANGE));
	R(syscall(SYS_renameat2, AT_FDCWD, "f", AT_FDCWD, "g", RENAME_WHITEOUT | RENAME_EXCHANGE));
	R(syscall(SYS_renameat2, AT_FDCWD, "f", AT_FDCWD, "g", 64));
	R(syscall(SYS_renameat2, 88, "f", AT_FDCWD, "g", 0));
	R(syscall(SYS_renameat2, AT_FDCWD, "f", 88, "g", 0));
	R(syscall(SYS_renameat2, AT_FDCWD, "p3", AT_FDCWD, "p3/x", RENAME_EXCHANGE));
	mkdir("p3/x", 0755);
	R(syscall(SYS_renameat2, AT_FDCWD, "p3", AT_FDCWD, "p3/x", RENAME_EXCHANGE));
	R(syscall(SYS_renameat2, AT_FDCWD, "p3/x", AT_FDCWD, "p3", RENAME_EXCHANGE));
	R(syscall(SYS_renameat2, AT_FDCWD, "f", AT_FDCWD, "wh", RENAME_WHITEOUT));
	say_stat("f");
	say_stat("wh");
}

static void open_target(void)
{
	char buf[8];

	HEAD("an open target lives on");
	put_file("old", "old", 3, 0644);
	put_file("new", "new", 3, 0644);
	int fd = NEED(open("old", O_RDONLY));
	R(rename("new", "old"));
	struct stat st;
	fstat(fd, &st);
	V(st.st_nlink);
	R(read(fd, buf, 8));
	say_bytes("old", buf, 3);
	say("now %s\n", get_file("old"));
	close(fd);
	mkdir("cwd", 0755);
	mkdir("replacement", 0755);
	R(chdir("cwd"));
	R(rename("../replacement", "../cwd"));
	R(access(".", F_OK));
	R(open("x", O_CREAT | O_RDWR, 0644));
	R(mkdir("x", 0755));
	char path[4096];
	R(syscall(SYS_getcwd, path, sizeof(path)));
	R(chdir(".."));
}

static void permissions(void)
{
	HEAD("permissions");
	mkdir("open", 0777);
	chmod("open", 0777);
	mkdir("sticky", 0777);
	chmod("sticky", 01777);
	mkdir("shut", 0755);
	put_file("open/f", "", 0, 0600);
	put_file("sticky/f", "", 0, 0666);
	put_file("shut/f", "", 0, 0666);
	mkdir("open/rootdir", 0755);
	put_file("sticky/mine", "", 0, 0666);
	chown("sticky/mine", 1000, 1000);
	CHILD {
		become(1000);
		R(rename("open/f", "open/g"));
		R(rename("sticky/f", "sticky/g"));
		R(rename("sticky/mine", "sticky/mine2"));
		R(rename("sticky/mine2", "sticky/f"));
		R(rename("shut/f", "open/h"));
		R(rename("open/g", "shut/g"));
		R(rename("open/rootdir", "sticky/rootdir"));
		R(rename("open/rootdir", "open/rootdir2"));
		R(unlink("sticky/f"));
		R(rmdir("open/rootdir2"));
	}
	REAP("user");
}

int main(void)
{
	matrix(0, "plain");
	matrix(RENAME_NOREPLACE, "RENAME_NOREPLACE");
	matrix(RENAME_EXCHANGE, "RENAME_EXCHANGE");
	subtrees();
	open_target();
	permissions();
	return 0;
}
