// SPDX-License-Identifier: BSD-2-Clause
/* getdents64(2): every entry exactly once, types, small buffers, positions, changes while reading. */
#include "abi.h"
#include <dirent.h>

struct entry {
	uint64_t ino;
	int64_t off;
	unsigned short reclen;
	unsigned char type;
	char name[];
};

static char buf[32768];

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Read a whole directory with a buffer of @size; print sorted names and types. */
static int list(const char *path, size_t size, bool print)
{
	char *lines[1200];
	int n = 0, fd = NEED(open(path, O_RDONLY | O_DIRECTORY));

	for (;;) {
		long got = syscall(SYS_getdents64, fd, buf, size);
		if (got < 0) {
			say("getdents64(%zu): %s\n", size, err_name(errno));
			break;
		}
		if (!got)
			break;
		for (long at = 0; at < got;) {
			struct entry *e = (struct entry *)(buf + at);
			if (e->reclen % 8 || e->reclen < offsetof(struct entry, name) + strlen(e->name) + 1)
				say("bad record length %d for %s\n", e->reclen, e->name);
			if (n < 1200 && asprintf(&lines[n], "%s type %d", e->name, e->type) > 0)
				n++;
			at += e->reclen;
		}
	}
	close(fd);
	qsort(lines, n, sizeof(lines[0]), by_text);
	for (int i = 0; i < n; i++) {
		if (i && !strcmp(lines[i], lines[i - 1]))
			say("twice: %s\n", lines[i]);
		if (print)
			say("  %s\n", lines[i]);
	}
	for (int i = 0; i < n; i++)
		free(lines[i]);
	say("%s with %zu: %d entries\n", path, size, n);
	return n;
}

static void kinds(void)
{
	HEAD("types");
	mkdir("k", 0755);
	mkdir("k/dir", 0755);
	put_file("k/reg", "", 0, 0644);
	symlink("x", "k/lnk");
	mknod("k/fifo", S_IFIFO | 0644, 0);
	mknod("k/chr", S_IFCHR | 0644, 0x103);
	mknod("k/sock", S_IFSOCK | 0644, 0);
	put_file("k/a name with spaces\n", "", 0, 0644);
	put_file("k/\xff\xfe", "", 0, 0644);
	list("k", sizeof(buf), true);
	list("k", 64, false);
	list("k", 32, false);
	list("k", 24, false);
	list("k", 0, false);
	int fd = NEED(open("k", O_RDONLY));
	struct stat st;
	R(syscall(SYS_getdents64, fd, NULL, 4096));
	fstat(fd, &st);
	struct entry *e = (struct entry *)buf;
	R(lseek(fd, 0, SEEK_SET));
	NEED(syscall(SYS_getdents64, fd, buf, sizeof(buf)));
	S(e->name);
	IS(e->ino == st.st_ino);
	e = (struct entry *)(buf + e->reclen);
	S(e->name);
	stat("k/..", &st);
	IS(e->ino == st.st_ino);
	close(fd);
	fd = NEED(open("k/reg", O_RDONLY));
	R(syscall(SYS_getdents64, fd, buf, 100));
	R(syscall(SYS_getdents64, 99, buf, 100));
	close(fd);
	mkdir("empty", 0755);
	list("empty", sizeof(buf), true);
}

static void many(void)
{
	char name[64];

	HEAD("many entries");
	mkdir("m", 0755);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "m/file%d%s", i, i % 7 ? "" : "_with_a_longer_name");
		put_file(name, "", 0, 0644);
	}
	list("m", sizeof(buf), false);
	list("m", 512, false);
	/* Positions: reading on from a saved offset gives the rest. */
	int fd = NEED(open("m", O_RDONLY));
	long got = NEED(syscall(SYS_getdents64, fd, buf, 4096));
	int first = 0;
	int64_t off = 0;
	for (long at = 0; at < got; first++) {
		off = ((struct entry *)(buf + at))->off;
		at += ((struct entry *)(buf + at))->reclen;
	}
	int rest = 0;
	for (int round = 0; round < 2; round++) {
		rest = 0;
		NEED(lseek(fd, off, SEEK_SET));
		while ((got = syscall(SYS_getdents64, fd, buf, sizeof(buf))) > 0)
			for (long at = 0; at < got; rest++)
				at += ((struct entry *)(buf + at))->reclen;
		say("first and rest: %d\n", first + rest);
	}
	R(lseek(fd, -1, SEEK_SET));
	close(fd);
}

static void removing(void)
{
	char path[300];

	HEAD("removing while reading");
	int fd = NEED(open("m", O_RDONLY)), removed = 0;
	for (long got; (got = syscall(SYS_getdents64, fd, buf, 2048)) > 0;)
		for (long at = 0; at < got;) {
			struct entry *e = (struct entry *)(buf + at);
			if (e->name[0] != '.') {
				snprintf(path, sizeof(path), "m/%s", e->name);
				if (!unlink(path))
					removed++;
				else
					say("unlink: %s\n", err_name(errno));
			}
			at += e->reclen;
		}
	V(removed);
	close(fd);
	list("m", sizeof(buf), true);
	R(rmdir("m"));
}

static void through_libc(void)
{
	HEAD("readdir");
	DIR *d = opendir("k");
	int n = 0;
	while (readdir(d))
		n++;
	V(n);
	rewinddir(d);
	put_file("k/later", "", 0, 0644);
	rewinddir(d);
	for (n = 0; readdir(d); n++)
		;
	V(n);
	closedir(d);
}

int main(void)
{
	kinds();
	many();
	removing();
	through_libc();
	return 0;
}
