/* SPDX-License-Identifier: BSD-2-Clause */
#include "client.h"
#include <stdlib.h>
#include <linux/mount.h>

#define PAGE 4096u

static const struct fsys_ops *const ops = &ext4_ops;

struct waiter {
	struct fsys_io io;
	struct env_event ev;
	u32 done, left; /* atomic */
};

static void io_done(struct fsys_io *io)
{
	struct waiter *w = container_of(io, struct waiter, io);

	__atomic_store_n(&w->done, 1, __ATOMIC_RELEASE);
	env_event_signal(&w->ev);
	__atomic_store_n(&w->left, 1, __ATOMIC_RELEASE); /* the last touch */
}

static void event(void *client, s32 error, u64 ino, bool read_only)
{
}

static const struct fsys_client_ops client_ops = {.event = event};

struct fsys_cred client_cred(struct client *c)
{
	c->now++;
	return (struct fsys_cred){.uid = 1000,
		.gid = 1000,
		.may_use_reserve = true,
		.now = {.sec = (s64)(1700000000 + c->now), .nsec = 123456789}};
}

/* Names live with their iobuf: copying moves the segment along. */
#define NAME(var, text, len)          \
	struct fsys_name var;         \
	memset(&var, 0, sizeof(var)); \
	iobuf_init_kernel(&var.bytes, (void *)(text), len)

int client_mount(struct client *c, struct blk_port device, const char *options, bool ro)
{
	struct fsys_mount m = {.ms_flags = ro ? MS_RDONLY : 0,
		.device = device,
		.client_ops = &client_ops,
		.client = c};
	struct fsys_attr root;
	struct iobuf opt;
	int err;

	if (options) {
		iobuf_init_kernel(&opt, (void *)options, strlen(options));
		m.options = &opt;
	}
	c->now = 0;
	err = ext4_type.mount(&m, &c->self, &root);
	if (!err)
		c->root = root.node;
	return err;
}

int client_unmount(struct client *c)
{
	ops->forget(c->self, c->root, 1);
	return ops->unmount(c->self);
}

/* The directory of @path and where its last name begins. */
static int open_parent(struct client *c, const char *path, u64 *out, const char **last)
{
	struct fsys_attr a = {.node = c->root};

	for (;;) {
		const char *slash = strchr(path, '/');
		struct fsys_attr next;
		int err;

		if (!slash) {
			*out = a.node;
			*last = path;
			return 0;
		}
		NAME(n, path, (size_t)(slash - path));
		err = ops->lookup(c->self, a.node, &n, &next);
		if (a.node != c->root)
			ops->forget(c->self, a.node, 1);
		if (err)
			return err;
		a = next;
		path = slash + 1;
	}
}

static void close_parent(struct client *c, u64 dir)
{
	if (dir != c->root)
		ops->forget(c->self, dir, 1);
}

void client_close(struct client *c, u64 node)
{
	ops->forget(c->self, node, 1);
}

int client_open(struct client *c, const char *path, struct fsys_attr *out)
{
	const char *last;
	u64 dir;
	int err = open_parent(c, path, &dir, &last);

	if (err)
		return err;
	NAME(n, last, strlen(last));
	err = ops->lookup(c->self, dir, &n, out);
	close_parent(c, dir);
	return err;
}

int client_create(struct client *c, const char *path, u32 mode, struct fsys_attr *out)
{
	struct fsys_cred who = client_cred(c);
	const char *last;
	u64 dir;
	int err = open_parent(c, path, &dir, &last);

	if (err)
		return err;
	NAME(n, last, strlen(last));
	err = ops->create(c->self, dir, &n, mode, 0, &who, out);
	close_parent(c, dir);
	return err;
}

int client_mkdir(struct client *c, const char *path)
{
	struct fsys_attr a;
	int err = client_create(c, path, 0040755, &a);

	if (!err)
		client_close(c, a.node);
	return err;
}

int client_symlink(struct client *c, const char *path, const char *target)
{
	struct fsys_cred who = client_cred(c);
	struct fsys_attr a;
	struct iobuf t;
	const char *last;
	u64 dir;
	int err = open_parent(c, path, &dir, &last);

	if (err)
		return err;
	iobuf_init_kernel(&t, (void *)target, strlen(target));
	NAME(n, last, strlen(last));
	err = ops->symlink(c->self, dir, &n, &t, &who, &a);
	if (!err)
		client_close(c, a.node);
	close_parent(c, dir);
	return err;
}

int client_link(struct client *c, const char *from, const char *to)
{
	struct fsys_cred who = client_cred(c);
	struct fsys_attr a, b;
	const char *last;
	u64 dir;
	int err = client_open(c, from, &a);

	if (err)
		return err;
	err = open_parent(c, to, &dir, &last);
	if (!err) {
		NAME(n, last, strlen(last));
		err = ops->link(c->self, a.node, dir, &n, &who, &b);
		if (!err)
			client_close(c, b.node);
		close_parent(c, dir);
	}
	client_close(c, a.node);
	return err;
}

int client_unlink(struct client *c, const char *path)
{
	struct fsys_cred who = client_cred(c);
	struct fsys_attr a;
	const char *last;
	u64 dir;
	int err = client_open(c, path, &a);

	if (err)
		return err;
	err = open_parent(c, path, &dir, &last);
	if (!err) {
		NAME(n, last, strlen(last));
		err = ops->remove(c->self, dir, &n, a.node, &who);
		close_parent(c, dir);
	}
	client_close(c, a.node);
	return err;
}

int client_rename(struct client *c, const char *from, const char *to, u32 flags)
{
	struct fsys_cred who = client_cred(c);
	struct fsys_attr a, b = {0};
	const char *last_a, *last_b;
	u64 dir_a, dir_b;
	int err = client_open(c, from, &a);

	if (err)
		return err;
	if (client_open(c, to, &b))
		b.node = 0;
	err = open_parent(c, from, &dir_a, &last_a);
	if (!err) {
		err = open_parent(c, to, &dir_b, &last_b);
		if (!err) {
			NAME(n, last_a, strlen(last_a));
			NAME(m, last_b, strlen(last_b));
			err = ops->rename(
				c->self, dir_a, &n, a.node, dir_b, &m, b.node, flags, &who);
			close_parent(c, dir_b);
		}
		close_parent(c, dir_a);
	}
	if (b.node)
		client_close(c, b.node);
	client_close(c, a.node);
	return err;
}

/* One request of whole pages from @off. */
static int transfer(
	struct client *c, enum fsys_io_op op, u64 node, u64 off, u64 size, u8 *pages, u32 len)
{
	struct iobuf_seg segs[16];
	struct waiter w = {.io = {.op = (u8)op,
				  .node = node,
				  .off = off,
				  .size = size,
				  .done = io_done}};

	env_event_init(&w.ev);
	for (u32 i = 0; i < len / PAGE; i++)
		segs[i] =
			(struct iobuf_seg){.page = (struct page *)(pages + i * PAGE), .len = PAGE};
	iobuf_init_segs(&w.io.data, IOBUF_PAGES, segs, len / PAGE);
	ops->submit(c->self, &w.io);
	for (;;) {
		u32 seq = env_event_read(&w.ev);

		if (__atomic_load_n(&w.done, __ATOMIC_ACQUIRE))
			break;
		(void)!env_event_wait(&w.ev, seq, ENV_FOREVER);
	}
	while (!__atomic_load_n(&w.left, __ATOMIC_ACQUIRE))
		env_sleep_until(env_deadline(1000));
	return w.io.status;
}

int client_write(struct client *c, u64 node, u64 off, const void *data, u32 len)
{
	struct fsys_cred who = client_cred(c);
	struct fsys_attr a;
	u8 *pages = aligned_alloc(PAGE, 16 * PAGE);
	u32 done = 0;
	int err = ops->getattr(c->self, node, &a);

	while (!err && done < len) {
		u64 at = off + done, base = at & ~(u64)(PAGE - 1), size;
		u32 in = (u32)(at - base), n = min(16 * PAGE - in, len - done),
		    whole = align_up(in + n, PAGE);

		memset(pages, 0, whole);
		if (base < a.size)
			err = transfer(c, FSYS_FILL, node, base, 0, pages, whole);
		memcpy(pages + in, (const u8 *)data + done, n);
		size = max(a.size, at + n);
		if (!err)
			err = ops->reserve(c->self, node, base, whole, &who);
		if (!err)
			err = transfer(c, FSYS_WRITEBACK, node, base, size, pages, whole);
		a.size = size;
		done += n;
	}
	free(pages);
	return err;
}

int client_read(struct client *c, u64 node, u64 off, void *data, u32 len)
{
	u8 *pages = aligned_alloc(PAGE, 16 * PAGE);
	u32 done = 0;
	int err = 0;

	while (!err && done < len) {
		u64 at = off + done, base = at & ~(u64)(PAGE - 1);
		u32 in = (u32)(at - base), n = min(16 * PAGE - in, len - done);

		err = transfer(c, FSYS_FILL, node, base, 0, pages, align_up(in + n, PAGE));
		memcpy((u8 *)data + done, pages + in, n);
		done += n;
	}
	free(pages);
	return err;
}

int client_truncate(struct client *c, u64 node, u64 size)
{
	struct fsys_cred who = client_cred(c);
	struct fsys_attr a = {.size = size};

	return ops->setattr(c->self, node, FSYS_SIZE, &a, &who);
}

int client_setxattr(
	struct client *c, u64 node, const char *name, const void *value, u32 len, u32 flags)
{
	struct fsys_cred who = client_cred(c);
	struct iobuf v;

	NAME(n, name, strlen(name));
	iobuf_init_kernel(&v, (void *)value, len);
	return ops->setxattr(c->self, node, &n, value ? &v : NULL, flags, &who);
}

ssize_t client_getxattr(struct client *c, u64 node, const char *name, void *value, u32 len)
{
	struct iobuf v;

	NAME(n, name, strlen(name));
	iobuf_init_kernel(&v, value, len);
	return ops->getxattr(c->self, node, &n, &v);
}

int client_readdir(struct client *c, u64 dir, u32 chunk,
	void (*each)(void *arg, const char *name, u32 len, const struct fsys_dirent *d), void *arg)
{
	u8 *mem = malloc(chunk);
	u64 cookie = 0;
	int n = 0;

	for (;;) {
		struct iobuf to;
		ssize_t got;

		iobuf_init_kernel(&to, mem, chunk);
		got = ops->readdir(c->self, dir, cookie, &to);
		if (got <= 0) {
			free(mem);
			return got ? (int)got : n;
		}
		for (ssize_t at = 0; at < got;) {
			const struct fsys_dirent *d = (const struct fsys_dirent *)(mem + at);

			if (each)
				each(arg, (const char *)(d + 1), d->name_len, d);
			n++;
			cookie = d->next;
			at += d->len;
		}
	}
}
