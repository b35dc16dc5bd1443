// SPDX-License-Identifier: BSD-2-Clause
/* For tests of mounts: a namespace of one's own, and what /proc/self/mountinfo says below the working directory. */
#pragma once
#include "abi.h"
#include <linux/mount.h>
#include <sys/mount.h>

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

static char top[PATH_MAX];

/* A private copy of all mounts with a tmpfs of its own to play in, which is the working directory. */
HELPER void own_mounts(void)
{
	NEED(unshare(CLONE_NEWNS));
	NEED(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	NEED(mount("play", ".", "tmpfs", 0, "mode=755"));
	NEED(getcwd(top, sizeof(top)) ? 0 : -1);
	NEED(chdir(top));
}

/* Group numbers in the order in which they are met. */
HELPER int group_name(long id)
{
	static long seen[64];
	int i = 0;

	while (i < 64 && seen[i] && seen[i] != id)
		i++;
	if (i < 64)
		seen[i] = id;
	return i + 1;
}

static int by_place(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	size_t n = strcspn(x, " "), m = strcspn(y, " ");
	int c = strncmp(x, y, n < m ? n : m);

	return c ? c : n != m ? (int)n - (int)m : x < y ? -1 : 1;
}

/* Mounts of process @pid ("self") below the working directory, sorted by place: place, root, flags, groups, type, options. */
HELPER void show_mounts_of(const char *title, const char *pid)
{
	static char buf[65536];
	char path[64], *save = NULL, *lines[200];
	size_t len = 0, n_lines = 0;

	say("%s:\n", title);
	snprintf(path, sizeof(path), "/proc/%s/mountinfo", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	for (ssize_t n; fd >= 0 && (n = read(fd, buf + len, sizeof(buf) - 1 - len)) > 0; len += n)
		;
	close(fd);
	buf[len] = 0;
	for (char *line = strtok_r(buf, "\n", &save); line && n_lines < 200; line = strtok_r(NULL, "\n", &save)) {
		char root[512], place[512], flags[256];
		int used = 0;

		if (sscanf(line, "%*d %*d %*s %511s %511s %255s %n", root, place, flags, &used) < 3)
			continue;
		if (strncmp(place, top, strlen(top)) || !place[strlen(top)])
			continue;
		char *out = malloc(strlen(line) + 64);
		int o = sprintf(out, ".%s %s %s", place + strlen(top), root, flags);
		sprintf(out + o, " %s", line + used);
		lines[n_lines++] = out;
	}
	for (size_t i = 1; i < n_lines; i++) { /* stable */
		char *x = lines[i];
		size_t k = i;

		for (; k && by_place(&lines[k - 1], &x) > 0 && strncmp(lines[k - 1], x, strcspn(x, " ") + 1); k--)
			lines[k] = lines[k - 1];
		lines[k] = x;
	}
	for (size_t i = 0; i < n_lines; i++) {
		char out[4096];
		int o = 0;

		out[0] = 0;
		for (char *s2, *w = strtok_r(lines[i], " ", &s2); w; w = strtok_r(NULL, " ", &s2)) {
			char *colon = strchr(w, ':');

			if (colon && strchr("smp", *w) && colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1))
				o += snprintf(out + o, sizeof(out) - o, " %.*s:%d", (int)(colon - w), w, group_name(atol(colon + 1)));
			else
				o += snprintf(out + o, sizeof(out) - o, " %s", w);
			/* a matter of configuration */
			char *i64 = strstr(out, ",inode64");
			if (i64) {
				memmove(i64, i64 + 8, strlen(i64 + 8) + 1);
				o -= 8;
			}
		}
		say(" %s\n", out);
		free(lines[i]);
	}
}

HELPER void show_mounts(const char *title)
{
	show_mounts_of(title, "self");
}

HELPER void dirs(const char *names)
{
	char copy[512], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", names);
	for (char *d = strtok_r(copy, " ", &save); d; d = strtok_r(NULL, " ", &save))
		mkdir(d, 0755);
}

HELPER int fsopen_(const char *type, unsigned flags)
{
	return syscall(SYS_fsopen, type, flags);
}

HELPER int fsconfig_(int fd, unsigned cmd, const char *key, const void *value, int aux)
{
	return syscall(SYS_fsconfig, fd, cmd, key, value, aux);
}

HELPER int fsmount_(int fd, unsigned flags, unsigned attr)
{
	return syscall(SYS_fsmount, fd, flags, attr);
}

HELPER int fspick_(int dirfd, const char *path, unsigned flags)
{
	return syscall(SYS_fspick, dirfd, path, flags);
}

HELPER int open_tree_(int dirfd, const char *path, unsigned flags)
{
	return syscall(SYS_open_tree, dirfd, path, flags);
}

HELPER int move_mount_(int ffd, const char *from, int tfd, const char *to, unsigned flags)
{
	return syscall(SYS_move_mount, ffd, from, tfd, to, flags);
}

HELPER int mount_setattr_(int dirfd, const char *path, unsigned flags, struct mount_attr *a, size_t size)
{
	return syscall(SYS_mount_setattr, dirfd, path, flags, a, size);
}
