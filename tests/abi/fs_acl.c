// SPDX-License-Identifier: BSD-2-Clause
/*
 * POSIX ACLs as extended attributes: formats, rights, inheritance, chmod; the other name spaces' rights.
 */
#include "abi.h"
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <sys/xattr.h>

#define ACCESS "system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"
#define MAX 16

struct list {
	struct posix_acl_xattr_header h;
	struct posix_acl_xattr_entry e[MAX];
};

static size_t n;

/* "u:7 u5:4 g:5 g6:0 m:7 o:4" */
static struct list *parse(const char *text)
{
	static struct list l;
	char kind;
	unsigned id, perm;

	memset(&l, 0, sizeof(l));
	l.h.a_version = POSIX_ACL_XATTR_VERSION;
	for (n = 0; *text; n++) {
		kind = *text++;
		id = *text == ':' ? ACL_UNDEFINED_ID : strtoul(text, (char **)&text, 10);
		perm = strtoul(text + 1, (char **)&text, 8);
		text += *text == ' ';
		l.e[n].e_tag = kind == 'u' ? (id == (unsigned)-1 ? ACL_USER_OBJ : ACL_USER)
			       : kind == 'g' ? (id == (unsigned)-1 ? ACL_GROUP_OBJ : ACL_GROUP)
			       : kind == 'm' ? ACL_MASK
			       : kind == 'o' ? ACL_OTHER
					     : 99;
		l.e[n].e_perm = perm;
		l.e[n].e_id = id;
	}
	return &l;
}

static size_t size(void)
{
	return sizeof(struct posix_acl_xattr_header) + n * sizeof(struct posix_acl_xattr_entry);
}

static void set(const char *path, const char *name, const char *text)
{
	struct list *l = parse(text);
	int r = setxattr(path, name, l, size(), 0);

	say("%s %s := %s: %s\n", path, name + 17, text, r ? err_name(errno) : "ok");
}

static void show(const char *path, const char *name)
{
	struct list l;
	ssize_t len = getxattr(path, name, &l, sizeof(l));

	say("%s %s:", path, name + 17);
	if (len < 0)
		say(" %s", err_name(errno));
	for (ssize_t i = 0; i * 8 + 4 < len; i++) {
		int tag = l.e[i].e_tag;

		say(" %s", tag == ACL_USER_OBJ || tag == ACL_USER ? "u" : tag == ACL_GROUP_OBJ || tag == ACL_GROUP ? "g"
			: tag == ACL_MASK ? "m" : "o");
		if (tag == ACL_USER || tag == ACL_GROUP)
			say("%u", l.e[i].e_id);
		say(":%o", l.e[i].e_perm);
	}
	say("\n");
}

static void show_all(const char *path)
{
	say_stat(path);
	show(path, ACCESS);
	show(path, DEFAULT);
}

static void formats(void)
{
	struct list l;

	HEAD("formats");
	put_file("f", "data", 4, 0640);
	mkdir("d", 0755);
	show_all("f");
	set("f", ACCESS, "u:6 g:4 o:0");
	show_all("f");
	set("f", ACCESS, "u:6 u5:6 g:4 m:6 o:0");
	show_all("f");
	set("f", ACCESS, "u:6 u5:6 g:4 o:0");
	set("f", ACCESS, "u:6 g:4 m:4");
	set("f", ACCESS, "g:6 u:4 o:0");
	set("f", ACCESS, "u:6 g5:4 g:4 m:7 o:0");
	set("f", ACCESS, "u:6 u5:6 u5:4 g:4 m:6 o:0");
	set("f", ACCESS, "u:6 u5:17 g:4 m:6 o:0");
	set("f", ACCESS, "u:6 x:6 g:4 o:0");
	set("f", DEFAULT, "u:7 g:5 o:5");
	R(setxattr("f", ACCESS, "\2\0\0\0abc", 7, 0));
	R(setxattr("f", ACCESS, "\1\0\0\0", 4, 0));
	R(setxattr("f", ACCESS, "\2\0\0\0", 4, 0));
	show_all("f");
	R(setxattr("f", ACCESS, "ab", 2, 0));
	set("f", ACCESS, "u:6 u5:6 g:4 m:6 o:0");
	R(getxattr("f", ACCESS, NULL, 0));
	R(getxattr("f", ACCESS, &l, 8));
	R(getxattr("f", ACCESS, &l, sizeof(l)));
	R(removexattr("f", ACCESS));
	R(removexattr("f", ACCESS));
	R(removexattr("f", DEFAULT));
	R(removexattr("d", DEFAULT));
	show_all("f");
	symlink("f", "s");
	R(lsetxattr("s", ACCESS, parse("u:6 g:4 o:0"), size(), 0));
	R(lgetxattr("s", ACCESS, &l, sizeof(l)));
	R(setxattr("f", "system.posix_acl_other", "x", 1, 0));
}

static void listing(void)
{
	char buf[256];
	ssize_t len;

	HEAD("listing");
	set("d", DEFAULT, "u:7 u5:7 g:5 m:7 o:5");
	set("d", ACCESS, "u:7 u5:7 g:5 m:7 o:5");
	setxattr("d", "user.zz", "1", 1, 0);
	setxattr("d", "user.a", "1", 1, 0);
	setxattr("d", "trusted.t", "1", 1, 0);
	len = listxattr("d", buf, sizeof(buf));
	for (ssize_t at = 0; at < len; at += strlen(buf + at) + 1)
		S(buf + at);
	R(listxattr("d", NULL, 0));
	R(listxattr("d", buf, 20));
	removexattr("d", ACCESS);
	removexattr("d", DEFAULT);
}

static void try_as(unsigned uid, unsigned gid, const char *path)
{
	CHILD
	{
		setgroups(0, NULL);
		setresgid(gid, gid, gid);
		setresuid(uid, uid, uid);
		say("  user %u group %u:", uid, gid);
		for (int want = 4; want; want >>= 1)
			say(" %d %s", want, access(path, want) ? err_name(errno) : "ok");
		say("\n");
	}
	wait(NULL);
}

static void rights(void)
{
	HEAD("rights");
	chmod(".", 0755);
	put_file("r", "data", 4, 0600);
	chown("r", 10, 20);
	set("r", ACCESS, "u:6 u11:7 u12:4 g:4 g21:5 g22:0 m:5 o:1");
	show_all("r");
	try_as(10, 99, "r");
	try_as(11, 99, "r");
	try_as(12, 21, "r");
	try_as(13, 20, "r");
	try_as(13, 21, "r");
	try_as(13, 22, "r");
	try_as(13, 23, "r");
	HEAD("an empty mask");
	set("r", ACCESS, "u:6 u11:7 g:4 m:0 o:4");
	try_as(11, 99, "r");
	try_as(13, 20, "r");
	HEAD("directories");
	mkdir("rd", 0700);
	chown("rd", 10, 20);
	put_file("rd/x", "", 0, 0666);
	set("rd", ACCESS, "u:7 u11:1 g:0 m:7 o:0");
	try_as(11, 99, "rd/x");
	try_as(12, 99, "rd/x");
	set("rd", ACCESS, "u:7 u11:0 g:7 m:7 o:1");
	try_as(11, 99, "rd/x");
	try_as(12, 99, "rd/x");
	HEAD("who may set");
	CHILD
	{
		become(10);
		set("r", ACCESS, "u:6 u11:4 g:4 m:4 o:0");
		show("r", ACCESS);
	}
	wait(NULL);
	CHILD
	{
		become(11);
		set("r", ACCESS, "u:6 u11:7 g:4 m:7 o:0");
		show("r", ACCESS);
	}
	wait(NULL);
}

static void inheriting(void)
{
	struct stat st;
	int fd;

	HEAD("chmod");
	put_file("c", "", 0, 0644);
	set("c", ACCESS, "u:6 u5:7 g:5 m:7 o:4");
	chmod("c", 0751);
	show_all("c");
	chmod("c", 02700);
	show_all("c");
	set("c", ACCESS, "u:7 g:5 o:5");
	show_all("c");
	HEAD("inheritance");
	umask(077);
	mkdir("i", 0777);
	set("i", DEFAULT, "u:7 u5:7 g:5 g6:7 m:7 o:5");
	close(open("i/file", O_WRONLY | O_CREAT, 0666));
	close(open("i/file2", O_WRONLY | O_CREAT, 0600));
	mkdir("i/dir", 0777);
	mkdir("i/dir2", 0750);
	mknod("i/fifo", S_IFIFO | 0666, 0);
	symlink("x", "i/link");
	fd = open("i", O_TMPFILE | O_RDWR, 0666);
	NEED(fstat(fd, &st));
	say("O_TMPFILE %o\n", st.st_mode & 07777);
	show_all("i/file");
	show_all("i/file2");
	show_all("i/dir");
	show_all("i/dir2");
	show_all("i/fifo");
	say_stat("i/link");
	HEAD("a short default");
	mkdir("j", 0777);
	set("j", DEFAULT, "u:7 g:7 o:5");
	close(open("j/file", O_WRONLY | O_CREAT, 0666));
	mkdir("j/dir", 0777);
	show_all("j/file");
	show_all("j/dir");
	removexattr("j", DEFAULT);
	close(open("j/plain", O_WRONLY | O_CREAT, 0666));
	show_all("j/plain");
	umask(022);
}

static void spaces(void)
{
	char c[8];

	HEAD("name spaces");
	put_file("n", "", 0, 0666);
	mkdir("sticky", 01777);
	mknod("nf", S_IFIFO | 0666, 0);
	chmod("nf", 0666);
	setxattr("n", "trusted.t", "1", 1, 0);
	setxattr("n", "security.s", "1", 1, 0);
	R(setxattr("nf", "user.u", "1", 1, 0));
	R(getxattr("nf", "user.u", c, 8));
	CHILD
	{
		become(1000);
		R(setxattr("n", "user.u", "1", 1, 0));
		R(getxattr("n", "user.u", c, 8));
		R(setxattr("n", "trusted.u", "1", 1, 0));
		R(getxattr("n", "trusted.t", c, 8));
		R(removexattr("n", "trusted.t"));
		R(setxattr("n", "security.u", "1", 1, 0));
		R(getxattr("n", "security.s", c, 8));
		R(removexattr("n", "security.s"));
		R(listxattr("n", NULL, 0));
		R(setxattr("sticky", "user.u", "1", 1, 0));
		R(setxattr("n", "nospace.u", "1", 1, 0));
		R(setxattr("n", "user.", "1", 1, 0));
		R(setxattr("n", "user", "1", 1, 0));
		R(setxattr("n", "", "1", 1, 0));
	}
	wait(NULL);
}

int main(void)
{
	formats();
	listing();
	rights();
	inheriting();
	spaces();
	return 0;
}
