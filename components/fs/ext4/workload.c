/* SPDX-License-Identifier: BSD-2-Clause */
#include "workload.h"
#include <stdio.h>
#include <stdlib.h>
#include <lib/test.h>

#define MAX    40000u
#define SECTOR 512u

u32 work_draw(struct work *w, u32 n)
{
	w->random = w->random * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)((w->random >> 33) % n);
}

static struct bytes *make(struct work *w, u32 len)
{
	struct bytes *b = calloc(1, sizeof(*b) + len);

	b->len = len;
	b->next = w->all;
	w->all = b;
	return b;
}

static struct bytes *draw_bytes(struct work *w, u32 len)
{
	struct bytes *b = make(w, len);
	u32 seed = work_draw(w, 1 << 30);

	for (u32 i = 0; i < len; i++)
		b->data[i] = (u8)(((i + seed) * 2654435761u) >> 11) | 1; /* no zero: holes show */
	return b;
}

struct promise *work_promise(struct work *w, enum holds holds, const char *path)
{
	u64 at = w->im->disk.nlog;
	struct promise *p;

	for (u32 i = 0; i < w->npromises; i++) {
		p = &w->promises[i];
		if (p->to == ~0ull && !strcmp(p->path, path) &&
			(p->holds == HOLDS_XATTR) == (holds == HOLDS_XATTR))
			p->to = at;
	}
	if (w->npromises == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 256;
		w->promises = realloc(w->promises, w->cap * sizeof(*p));
	}
	p = &w->promises[w->npromises++];
	*p = (struct promise){.holds = holds, .from = at, .to = ~0ull};
	snprintf(p->path, sizeof(p->path), "%s", path);
	return p;
}

/* From now on @path holds @before, @now or what @holds says; @least as there. */
static void begin(struct work *w, enum holds holds, const char *path, const struct bytes *before,
	const struct bytes *now, u32 least)
{
	struct promise *p = work_promise(w, holds, path);

	p->before = before;
	p->now = now;
	p->least = least;
}

/* The change is on the disk, or failed. */
static void end(struct work *w, const char *path, const struct bytes *now, int err)
{
	work_promise(w, err ? HOLDS_NOTHING : HOLDS_EXACT, path)->now = now;
}

int work_sync(struct work *w, const char *path, u32 flags)
{
	struct fsys_attr a;
	int err = client_open(&w->c, path, &a);

	if (!err) {
		err = ext4_ops.fsync(w->c.self, a.node, 0, ~0ull, flags);
		client_close(&w->c, a.node);
	}
	return err;
}

static int sync_parent(struct work *w, const char *path)
{
	if (strchr(path, '/'))
		return work_sync(w, "dir", 0);
	return ext4_ops.fsync(w->c.self, w->c.root, 0, ~0ull, 0);
}

static int put(struct work *w, const char *path, u32 off, const u8 *data, u32 len, bool anew)
{
	struct fsys_attr a;
	int err = client_open(&w->c, path, &a);

	if (err == -ENOENT)
		err = client_create(&w->c, path, 0100644, &a);
	if (err)
		return err;
	if (anew)
		err = client_truncate(&w->c, a.node, 0);
	if (!err)
		err = client_write(&w->c, a.node, off, data, len);
	client_close(&w->c, a.node);
	return err;
}

/* ---- steps ---- */

static int create_step(struct work *w, u32 i, const char *path)
{
	struct bytes *now = draw_bytes(w, 1 + work_draw(w, MAX));
	int err;

	begin(w, HOLDS_PREFIX, path, w->files[i], now, 0);
	err = put(w, path, 0, now->data, now->len, true);
	if (!err)
		err = work_sync(w, path, 0);
	/* An fsync of a new file keeps its name, too: more than POSIX asks, as on Linux. */
	end(w, path, now, err);
	w->files[i] = err ? NULL : now;
	return err;
}

static int append_step(struct work *w, u32 i, const char *path)
{
	struct bytes *was = w->files[i], *now, *more;
	int err;

	if (!was || was->len > MAX)
		return 0;
	more = draw_bytes(w, 1 + work_draw(w, 9000));
	now = make(w, was->len + more->len);
	memcpy(now->data, was->data, was->len);
	memcpy(now->data + was->len, more->data, more->len);
	begin(w, HOLDS_PREFIX, path, was, now, was->len);
	err = put(w, path, was->len, more->data, more->len, false);
	if (!err)
		err = work_sync(w, path, work_draw(w, 2) ? FSYS_DATASYNC : 0);
	end(w, path, now, err);
	w->files[i] = err ? NULL : now;
	return err;
}

static int overwrite_step(struct work *w, u32 i, const char *path)
{
	struct bytes *was = w->files[i], *now, *fresh;
	u32 off, len;
	int err;

	if (!was)
		return 0;
	off = work_draw(w, was->len);
	len = 1 + work_draw(w, was->len - off);
	fresh = draw_bytes(w, len);
	now = make(w, was->len);
	memcpy(now->data, was->data, was->len);
	memcpy(now->data + off, fresh->data, len);
	begin(w, HOLDS_BLEND, path, was, now, 0);
	err = put(w, path, off, fresh->data, len, false);
	if (!err)
		err = work_sync(w, path, work_draw(w, 2) ? FSYS_DATASYNC : 0);
	end(w, path, now, err);
	w->files[i] = err ? NULL : now;
	return err;
}

static int cut_step(struct work *w, u32 i, const char *path)
{
	struct bytes *was = w->files[i], *now;
	struct fsys_attr a;
	int err;

	if (!was)
		return 0;
	now = make(w, 1 + work_draw(w, was->len));
	memcpy(now->data, was->data, now->len);
	begin(w, HOLDS_CUT, path, was, now, 0);
	err = client_open(&w->c, path, &a);
	if (!err) {
		err = client_truncate(&w->c, a.node, now->len);
		if (!err)
			err = ext4_ops.fsync(w->c.self, a.node, 0, ~0ull, 0);
		client_close(&w->c, a.node);
	}
	end(w, path, now, err);
	w->files[i] = err ? NULL : now;
	return err;
}

/* dpkg: write aside, sync, keep the old under another name, rename over, sync the directory. */
static int replace_step(struct work *w, u32 i, const char *path)
{
	struct bytes *now = draw_bytes(w, 1 + work_draw(w, MAX));
	char tmp[32], old[32];
	int err;

	snprintf(tmp, sizeof(tmp), "%s-new", path);
	snprintf(old, sizeof(old), "%s-old", path);
	begin(w, HOLDS_PREFIX, tmp, NULL, now, 0);
	err = put(w, tmp, 0, now->data, now->len, true);
	if (!err)
		err = work_sync(w, tmp, 0);
	end(w, tmp, now, err);
	if (!err && w->files[i] && work_draw(w, 2)) {
		err = client_unlink(&w->c, old);
		if (!err || err == -ENOENT)
			err = client_link(&w->c, path, old);
	}
	if (err)
		return err;
	begin(w, HOLDS_EITHER, path, w->files[i], now, 0);
	begin(w, HOLDS_EITHER, tmp, now, NULL, 0);
	err = client_rename(&w->c, tmp, path, 0);
	if (!err)
		err = sync_parent(w, path);
	end(w, path, now, err);
	end(w, tmp, NULL, err);
	w->files[i] = err ? NULL : now;
	return err;
}

static int unlink_step(struct work *w, u32 i, const char *path)
{
	int err;

	if (!w->files[i])
		return 0;
	begin(w, HOLDS_EITHER, path, w->files[i], NULL, 0);
	err = client_unlink(&w->c, path);
	if (!err)
		err = sync_parent(w, path);
	end(w, path, NULL, err);
	w->files[i] = NULL;
	return err;
}

/* A second name, for what nobody changes by its first one any more: that goes. */
static int link_step(struct work *w, u32 i, const char *path)
{
	struct bytes *was = w->files[i];
	char other[24];
	int err;

	if (!was)
		return 0;
	snprintf(other, sizeof(other), "link%u", work_draw(w, 4));
	work_promise(w, HOLDS_NOTHING, other);
	err = client_unlink(&w->c, other);
	if (!err || err == -ENOENT)
		err = client_link(&w->c, path, other);
	if (!err)
		err = sync_parent(w, other);
	end(w, other, was, err);
	return err ? err : unlink_step(w, i, path);
}

static int xattr_step(struct work *w)
{
	struct bytes *now = draw_bytes(w, 1 + work_draw(w, 300));
	struct promise *p;
	struct fsys_attr a;
	int err;

	if (w->attr_lost)
		return 0;
	p = work_promise(w, HOLDS_XATTR, "attributes");
	p->before = w->attr;
	p->now = now;
	err = client_open(&w->c, "attributes", &a);
	if (err == -ENOENT)
		err = client_create(&w->c, "attributes", 0100600, &a);
	if (err)
		goto out;
	err = client_setxattr(&w->c, a.node, "user.x", now->data, now->len, 0);
	if (!err)
		err = ext4_ops.fsync(w->c.self, a.node, 0, ~0ull, 0);
	client_close(&w->c, a.node);
out:
	p = work_promise(w, HOLDS_XATTR, "attributes");
	p->before = p->now = w->attr = now;
	w->attr_lost = err;
	if (err)
		p->to = p->from; /* nothing is */
	return err;
}

/* Names, directories, holes: of these nothing is promised but a whole file system. */
static int names_step(struct work *w)
{
	struct fsys_cred who = client_cred(&w->c);
	struct bytes *now = draw_bytes(w, 1 + work_draw(w, MAX));
	struct fsys_attr a;
	int err = client_mkdir(&w->c, "dir/sub");

	if (!err)
		err = client_rename(&w->c, "dir/sub", "moved", 0);
	if (!err)
		err = client_symlink(&w->c, "dir/symlink", "a target that is longer than an inode's "
							   "sixty bytes, so it takes a block");
	if (!err)
		err = client_unlink(&w->c, "dir/symlink");
	if (!err)
		err = client_unlink(&w->c, "moved");
	if (!err)
		err = put(w, "scratch", 5000, now->data, now->len, false);
	if (!err && !client_open(&w->c, "scratch", &a)) {
		err = ext4_ops.fallocate(w->c.self, a.node, 3 /* punch a hole, keep the size */,
			work_draw(w, 9000), 1 + work_draw(w, 9000), &who);
		if (!err)
			err = client_truncate(&w->c, a.node, work_draw(w, MAX));
		if (!work_draw(w, 3) && !client_unlink(&w->c, "scratch") && !err)
			err = client_write(&w->c, a.node, 0, now->data, now->len); /* an orphan */
		client_close(&w->c, a.node);
	}
	return err;
}

static void one_step(struct work *w)
{
	u32 i = work_draw(w, WORK_FILES);
	char path[24];

	snprintf(path, sizeof(path), i & 1 ? "dir/f%u" : "f%u", i);
	switch (work_draw(w, 13)) {
	case 0:
	case 1: (void)!create_step(w, i, path); break;
	case 2: (void)!append_step(w, i, path); break;
	case 3: (void)!overwrite_step(w, i, path); break;
	case 4: (void)!cut_step(w, i, path); break;
	case 5:
	case 6: (void)!replace_step(w, i, path); break;
	case 7: (void)!unlink_step(w, i, path); break;
	case 8: (void)!link_step(w, i, path); break;
	case 9: (void)!xattr_step(w); break;
	case 10: (void)!names_step(w); break;
	case 11: (void)!rollback_step(w); break;
	default: (void)!wal_step(w); break;
	}
}

void work_run(void *arg)
{
	struct work *w = arg;

	w->random = w->seed;
	w->unmounted = -1;
	w->mounted = client_mount(&w->c, model_disk_port(&w->im->disk), w->options, false);
	w->allocs = host_allocs();
	if (w->mounted)
		return;
	if (!client_mkdir(&w->c, "dir") && !database_create(w)) {
		for (u32 k = 0; k < w->rounds; k++)
			one_step(w);
	}
	w->unmounted = client_unmount(&w->c);
	w->allocs = host_allocs();
}

void work_fini(struct work *w)
{
	while (w->all) {
		struct bytes *b = w->all;

		w->all = b->next;
		free(b);
	}
	free(w->promises);
	w->promises = NULL;
	w->npromises = w->cap = 0;
}

/* ---- what is there afterwards ---- */

static bool is(const struct bytes *a, const struct bytes *b)
{
	return a && b ? a->len == b->len && !memcmp(a->data, b->data, a->len) : !a && !b;
}

static bool is_blend(const struct promise *p, const struct bytes *got)
{
	if (!got || got->len != p->now->len)
		return false;
	for (u32 at = 0; at < got->len; at += SECTOR) {
		u32 n = min(SECTOR, got->len - at);

		if (memcmp(got->data + at, p->now->data + at, n) &&
			memcmp(got->data + at, p->before->data + at, n))
			return false;
	}
	return true;
}

static bool is_cut(const struct promise *p, const struct bytes *got)
{
	if (is(got, p->now))
		return true;
	if (!got || got->len != p->before->len)
		return false;
	for (u32 i = 0; i < got->len; i++) {
		bool zeroed = i >= p->now->len && i < align_up(p->now->len, 4096u);

		if (got->data[i] != p->before->data[i] && !(zeroed && !got->data[i]))
			return false;
	}
	return true;
}

static bool is_prefix(const struct promise *p, const struct bytes *got)
{
	if (is(got, p->before))
		return true;
	return got && got->len >= p->least && got->len <= p->now->len &&
	       !memcmp(got->data, p->now->data, got->len);
}

static bool kept(const struct promise *p, const struct bytes *got)
{
	switch (p->holds) {
	case HOLDS_EXACT: return is(got, p->now);
	case HOLDS_EITHER:
	case HOLDS_XATTR: return is(got, p->before) || is(got, p->now);
	case HOLDS_PREFIX: return is_prefix(p, got);
	case HOLDS_BLEND: return is_blend(p, got);
	case HOLDS_CUT: return is_cut(p, got);
	default: return true;
	}
}

static int read_all(struct client *c, const struct promise *p, struct bytes **out)
{
	struct fsys_attr a;
	ssize_t err = client_open(c, p->path, &a);
	struct bytes *b;

	*out = NULL;
	if (err)
		return err == -ENOENT ? 0 : (int)err;
	if (p->holds != HOLDS_XATTR && a.size > 1 << 20) {
		client_close(c, a.node);
		return -EFBIG;
	}
	b = calloc(1, sizeof(*b) + max_t(u64, a.size, 1024));
	if (p->holds == HOLDS_XATTR) {
		err = client_getxattr(c, a.node, "user.x", b->data, 1024);
		b->len = err > 0 ? (u32)err : 0;
	} else {
		b->len = (u32)a.size;
		err = client_read(c, a.node, 0, b->data, b->len);
	}
	client_close(c, a.node);
	if (err < 0) {
		free(b);
		return err == -ENODATA ? 0 : (int)err;
	}
	*out = b;
	return 0;
}

static void check(const struct work *w, struct client *c, const struct promise *p, u64 place)
{
	bool wal = p->holds == HOLDS_WAL;
	struct bytes *got = NULL;
	int err = 0;

	if (p->holds == HOLDS_NOTHING)
		return;
	if (wal || p->holds == HOLDS_ROLLBACK) {
		u32 state = wal ? wal_recover(w, c) : rollback_recover(w, c);

		if (state < p->least || state > p->most)
			FAIL("place %llu: %s is in state %d, not in [%u, %u]", place, p->path,
				(int)state, p->least, p->most);
		return;
	}
	err = read_all(c, p, &got);
	if (err || !kept(p, got))
		FAIL("place %llu: %s breaks promise %d of [%llu, %llu]: error %d, %d bytes (%d, %d)",
			place, p->path, p->holds, p->from, p->to, -err, got ? (int)got->len : -1,
			p->before ? (int)p->before->len : -1, p->now ? (int)p->now->len : -1);
	free(got);
}

void work_check(const struct work *w, struct client *c, u64 place)
{
	for (u32 i = 0; i < w->npromises; i++) {
		const struct promise *p = &w->promises[i];

		if (p->from <= place && place <= p->to)
			check(w, c, p, place);
	}
}
