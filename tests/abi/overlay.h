// SPDX-License-Identifier: BSD-2-Clause
/* For tests of overlays: layers on a tmpfs of one's own, and trees shown in one line a name. */
#pragma once
#include "mnt.h"
#include <dirent.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

/* l1 (top) and l2 lower, u upper, w work, m where it is mounted. */
HELPER void layers(void)
{
	static const char *const dirs[] = {"l1", "l2", "u", "w", "m"};

	for (unsigned i = 0; i < ARRAY_LEN(dirs); i++)
		NEED(mkdir(dirs[i], 0755));
}

HELPER void put(const char *path, const char *text)
{
	int fd = (int)NEED(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));

	NEED(write(fd, text, strlen(text)));
	close(fd);
}

HELPER int overlay(const char *options)
{
	return mount("ov", "m", "overlay", 0, options);
}

HELPER void cat(const char *path)
{
	char buf[256];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);

	if (n < 0) {
		say("%s: %s\n", path, err_name(errno));
	} else {
		buf[n] = 0;
		say("%s: \"%s\"\n", path, buf);
	}
	if (fd >= 0)
		close(fd);
}

static int by_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The overlay's marks that do not hold numbers of a machine, by value; others by name. */
HELPER void show_xattrs(const char *path)
{
	char list[4096], val[256], *names[64];
	ssize_t len = llistxattr(path, list, sizeof(list));
	int n = 0;

	for (char *p = list; len > 0 && p < list + len; p += strlen(p) + 1)
		names[n++] = p;
	qsort(names, n, sizeof(names[0]), by_names);
	for (int i = 0; i < n; i++) {
		ssize_t v = lgetxattr(path, names[i], val, sizeof(val));

		if (strstr(names[i], "overlay.origin") || strstr(names[i], "overlay.uuid"))
			say(" %s", names[i]);
		else
			say(" %s=%.*s", names[i], (int)(v < 0 ? 0 : v), val);
	}
}

HELPER void show_tree(const char *path, bool marks)
{
	char *names[256], sub[PATH_MAX];
	struct dirent *e;
	struct stat st;
	int n = 0;

	if (lstat(path, &st)) {
		say("%s: %s\n", path, err_name(errno));
		return;
	}
	say("%s %o %u:%u", path, st.st_mode, st.st_uid, st.st_gid);
	if (S_ISREG(st.st_mode))
		say(" size %lld nlink %d", (long long)st.st_size, (int)st.st_nlink);
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		say(" dev %u:%u", major(st.st_rdev), minor(st.st_rdev));
	if (S_ISLNK(st.st_mode)) {
		ssize_t len = readlink(path, sub, sizeof(sub) - 1);

		sub[len < 0 ? 0 : len] = 0;
		say(" -> %s", sub);
	}
	if (marks)
		show_xattrs(path);
	say("\n");
	if (!S_ISDIR(st.st_mode))
		return;
	DIR *d = opendir(path);
	if (!d) {
		say("%s: %s\n", path, err_name(errno));
		return;
	}
	while ((e = readdir(d)) && n < 256) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name);
		if (!lstat(sub, &st) && e->d_type != DT_UNKNOWN && e->d_type != (st.st_mode >> 12))
			say("%s: type %d is not %o\n", sub, e->d_type, st.st_mode);
		names[n++] = strdup(e->d_name);
	}
	closedir(d);
	qsort(names, n, sizeof(names[0]), by_names);
	for (int i = 0; i < n; i++) {
		snprintf(sub, sizeof(sub), "%s/%s", path, names[i]);
		show_tree(sub, marks);
		free(names[i]);
	}
}

#define STD "lowerdir=l1:l2,upperdir=u,workdir=w"
