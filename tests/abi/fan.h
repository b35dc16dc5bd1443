// SPDX-License-Identifier: BSD-2-Clause
/*
 * Showing what a fanotify group has to read: masks as words, descriptors as names, handles as letters in
 * the order in which they were first seen.
 */
#pragma once
#include "abi.h"
#include <sys/fanotify.h>

#ifndef FAN_RENAME
#define FAN_RENAME 0x10000000
#endif
#ifndef FAN_REPORT_PIDFD
#define FAN_REPORT_PIDFD 0x80
#endif
#ifndef FAN_REPORT_TARGET_FID
#define FAN_REPORT_TARGET_FID 0x1000
#endif
#ifndef FAN_MARK_EVICTABLE
#define FAN_MARK_EVICTABLE 0x200
#endif
#ifndef FAN_MARK_IGNORE
#define FAN_MARK_IGNORE 0x400
#endif

HELPER char fan_letter(const void *handle, size_t len)
{
	static unsigned char seen[26][64];
	static size_t lens[26];
	size_t i;

	for (i = 0; i < 26 && lens[i]; i++)
		if (lens[i] == len && memcmp(seen[i], handle, len) == 0)
			return 'A' + i;
	if (i == 26 || len > 64)
		return '?';
	lens[i] = len;
	memcpy(seen[i], handle, len);
	return 'A' + i;
}

HELPER void fan_mask(unsigned long long mask)
{
	static const struct {
		unsigned long long bit;
		const char *name;
	} bits[] = {{FAN_ACCESS, "ACCESS"}, {FAN_MODIFY, "MODIFY"}, {FAN_ATTRIB, "ATTRIB"}, {FAN_CLOSE_WRITE, "CLOSE_WRITE"},
		{FAN_CLOSE_NOWRITE, "CLOSE_NOWRITE"}, {FAN_OPEN, "OPEN"}, {FAN_MOVED_FROM, "MOVED_FROM"}, {FAN_MOVED_TO, "MOVED_TO"},
		{FAN_CREATE, "CREATE"}, {FAN_DELETE, "DELETE"}, {FAN_DELETE_SELF, "DELETE_SELF"}, {FAN_MOVE_SELF, "MOVE_SELF"},
		{FAN_OPEN_EXEC, "OPEN_EXEC"}, {FAN_Q_OVERFLOW, "Q_OVERFLOW"}, {FAN_OPEN_PERM, "OPEN_PERM"},
		{FAN_ACCESS_PERM, "ACCESS_PERM"}, {FAN_OPEN_EXEC_PERM, "OPEN_EXEC_PERM"}, {FAN_RENAME, "RENAME"},
		{FAN_EVENT_ON_CHILD, "ON_CHILD"}, {FAN_ONDIR, "ONDIR"}};

	for (size_t i = 0; i < ARRAY_LEN(bits); i++) {
		if (mask & bits[i].bit)
			say(" %s", bits[i].name);
		mask &= ~bits[i].bit;
	}
	if (mask)
		say(" and %llx", mask);
}

HELPER void fan_records(const struct fanotify_event_metadata *m)
{
	static const char *const types[] = {[1] = "fid", [2] = "dfid_name", [3] = "dfid", [4] = "pidfd", [10] = "old", [12] = "new"};

	for (size_t at = m->metadata_len; at < m->event_len;) {
		const struct fanotify_event_info_header *h = (const void *)((const char *)m + at);
		const char *type = h->info_type < ARRAY_LEN(types) && types[h->info_type] ? types[h->info_type] : "?";

		if (h->info_type == 4) {
			int fd = *(const int *)(h + 1);

			say(" [%s %s]", type, fd >= 0 ? "open" : fd == -1 ? "none" : "error");
			if (fd >= 0)
				close(fd);
		} else {
			const unsigned *handle = (const void *)((const char *)h + 12);
			const char *name = (const char *)(handle + 2) + handle[0];
			bool named = h->info_type == 2 || h->info_type >= 10;

			say(" [%s %c%s%s len %u]", type, fan_letter(handle, 8 + handle[0]), named ? " " : "", named ? name : "", h->len);
		}
		at += h->len;
		if (!h->len)
			break;
	}
}

/* Shows @n bytes of events and closes their descriptors. */
HELPER void fan_show_bytes(const char *buf, ssize_t n)
{
	const struct fanotify_event_metadata *m = (const void *)buf;
	char link[64], path[256];

	for (; FAN_EVENT_OK(m, n); m = FAN_EVENT_NEXT(m, n)) {
		say("  v%d len %u%s:", m->vers, m->event_len, m->pid == getpid() ? "" : m->pid ? " other" : " pid 0");
		fan_mask(m->mask);
		if (m->fd >= 0) {
			snprintf(link, sizeof(link), "/proc/self/fd/%d", m->fd);
			ssize_t len = readlink(link, path, sizeof(path) - 1);

			path[len > 0 ? len : 0] = 0;
			say(" (%s)", strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
			close(m->fd);
		}
		fan_records(m);
		say("\n");
	}
}

HELPER void fan_show(int fd, const char *what)
{
	static char buf[65536] __attribute__((aligned(8)));
	ssize_t n = read(fd, buf, sizeof(buf));

	say("%s: %s\n", what, n < 0 ? err_name(errno) : "");
	fan_show_bytes(buf, n);
}
