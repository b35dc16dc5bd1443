// SPDX-License-Identifier: BSD-2-Clause
/* Extended attributes on tmpfs: user, trusted and security names, flags, sizes, permissions. */
#include "abi.h"
#include <sys/xattr.h>

static char buf[70000], big[70000];

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list(const char *path)
{
	char *names[64];
	int n = 0;
	ssize_t len = listxattr(path, buf, sizeof(buf));

	if (len < 0) {
		say("list %s: %s\n", path, err_name(errno));
		return;
	}
	for (char *p = buf; p < buf + len; p += strlen(p) + 1)
		names[n++] = p;
	qsort(names, n, sizeof(names[0]), by_text);
	say("list %s (%zd):", path, len);
	for (int i = 0; i < n; i++)
		say(" %s", names[i]);
	say("\n");
}

static void values(void)
{
	HEAD("values");
	put_file("f", "", 0, 0644);
	list("f");
	R(getxattr("f", "user.a", buf, 10));
	R(setxattr("f", "user.a", "value", 5, 0));
	R(getxattr("f", "user.a", buf, 10));
	say_bytes("value", buf, 5);
	R(getxattr("f", "user.a", buf, 0));
	R(getxattr("f", "user.a", buf, 4));
	R(getxattr("f", "user.a", NULL, 0));
	R(getxattr("f", "user.a", NULL, 10));
	R(setxattr("f", "user.a", "v2", 2, XATTR_CREATE));
	R(setxattr("f", "user.a", "v2", 2, XATTR_REPLACE));
	R(setxattr("f", "user.b", "v2", 2, XATTR_REPLACE));
	R(setxattr("f", "user.b", "", 0, XATTR_CREATE));
	R(getxattr("f", "user.b", buf, 10));
	R(setxattr("f", "user.c", "x", 1, 7));
	R(setxattr("f", "user.c", "x", 1, XATTR_CREATE | XATTR_REPLACE));
	R(setxattr("f", "trusted.t", "t", 1, 0));
	R(setxattr("f", "security.s", "s", 1, 0));
	list("f");
	R(listxattr("f", buf, 3));
	R(listxattr("f", NULL, 0));
	R(removexattr("f", "user.a"));
	R(removexattr("f", "user.a"));
	list("f");
	R(setxattr("f", "user.", "x", 1, 0));
	R(setxattr("f", "user", "x", 1, 0));
	R(setxattr("f", "", "x", 1, 0));
	R(setxattr("f", "nonsense.x", "x", 1, 0));
	R(setxattr("f", "user.n", NULL, 5, 0));
	R(setxattr("none", "user.n", "x", 1, 0));
	R(getxattr("none", "user.n", buf, 1));
	R(listxattr("none", buf, 1));
	R(removexattr("none", "user.n"));
	R(removexattr("f", "nonsense.x"));
	R(getxattr("f", "nonsense.x", buf, 1));
}

static void sizes(void)
{
	char name[300];

	HEAD("sizes");
	memset(big, 'b', sizeof(big));
	R(setxattr("f", "user.big", big, 65536, 0));
	R(getxattr("f", "user.big", buf, 65536));
	R(setxattr("f", "user.big", big, 65537, 0));
	memset(name, 'n', sizeof(name));
	memcpy(name, "user.", 5);
	name[255] = 0;
	R(setxattr("f", name, "x", 1, 0));
	name[255] = 'n';
	name[256] = 0;
	R(setxattr("f", name, "x", 1, 0));
	R(getxattr("f", name, buf, 1));
}

static void kinds(void)
{
	HEAD("kinds of file");
	mkdir("d", 0755);
	symlink("f", "l");
	mknod("p", S_IFIFO | 0644, 0);
	R(setxattr("d", "user.d", "x", 1, 0));
	list("d");
	R(lsetxattr("l", "user.l", "x", 1, 0));
	R(lsetxattr("l", "trusted.l", "x", 1, 0));
	R(lgetxattr("l", "trusted.l", buf, 4));
	R(llistxattr("l", buf, 100));
	R(lgetxattr("l", "user.l", buf, 4));
	R(getxattr("l", "user.b", buf, 4));
	R(lremovexattr("l", "trusted.l"));
	R(setxattr("p", "user.p", "x", 1, 0));
	R(getxattr("p", "user.p", buf, 4));
	R(setxattr("p", "trusted.p", "x", 1, 0));
	int fd = NEED(open("f", O_RDONLY));
	R(fsetxattr(fd, "user.fd", "fd", 2, 0));
	R(fgetxattr(fd, "user.fd", buf, 10));
	IS(flistxattr(fd, buf, sizeof(buf)) > 0);
	R(fremovexattr(fd, "user.fd"));
	R(fsetxattr(99, "user.fd", "fd", 2, 0));
	int pfd = NEED(open("f", O_PATH));
	R(fgetxattr(pfd, "user.b", buf, 10));
	R(fsetxattr(pfd, "user.b", "x", 1, 0));
	link("f", "hard");
	R(getxattr("hard", "user.b", buf, 10));
	rename("hard", "hard2");
	R(getxattr("hard2", "user.b", buf, 10));
}

static void permissions(void)
{
	HEAD("permissions");
	put_file("ro", "", 0, 0444);
	put_file("rw", "", 0, 0666);
	put_file("no", "", 0, 0600);
	setxattr("ro", "user.x", "x", 1, 0);
	setxattr("ro", "trusted.x", "x", 1, 0);
	setxattr("ro", "security.x", "x", 1, 0);
	setxattr("no", "user.x", "x", 1, 0);
	mkdir("sticky", 0777);
	chmod("sticky", 01777);
	CHILD {
		become(1000);
		R(getxattr("ro", "user.x", buf, 10));
		R(setxattr("ro", "user.x", "y", 1, 0));
		R(removexattr("ro", "user.x"));
		R(setxattr("rw", "user.x", "y", 1, 0));
		R(getxattr("no", "user.x", buf, 10));
		R(setxattr("rw", "trusted.x", "y", 1, 0));
		R(getxattr("ro", "trusted.x", buf, 10));
		R(setxattr("rw", "security.x", "y", 1, 0));
		R(getxattr("ro", "security.x", buf, 10));
		R(setxattr("sticky", "user.x", "y", 1, 0));
		list("ro");
	}
	REAP("user");
}

int main(void)
{
	values();
	sizes();
	kinds();
	permissions();
	return 0;
}
