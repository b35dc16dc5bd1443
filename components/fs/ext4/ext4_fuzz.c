/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hostile image: mounted, walked, read, changed. The input is the image without its zeroes (see
 * mkseed): its size, then pieces of {u32 offset, u16 length, bytes}.
 */
#include "client.h"
#include "model_disk.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/falloc.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t len);

#define MAX_BYTES (3u << 20)

static bool unpack(struct model_disk *d, const u8 *data, size_t len)
{
	size_t at = 4;
	u32 size;

	if (len < 10)
		return false;
	size = min(load_le32(data), MAX_BYTES) & ~4095u;
	if (size < 16384)
		return false;
	model_disk_init(d, size);
	d->immediate = true;
	while (len - at >= 6) {
		u32 off = load_le32(data + at), n = load_le16(data + at + 4);

		at += 6;
		n = (u32)min_t(size_t, n, len - at);
		if (off < size)
			memcpy(d->mem + off, data + at, min(n, size - off));
		at += n;
	}
	return true;
}

/* Bytes change in place: where one more or less is, all that follows is no image any more. */
size_t LLVMFuzzerCustomMutator(u8 *data, size_t len, size_t max, unsigned seed);
size_t LLVMFuzzerCustomMutator(u8 *data, size_t len, size_t max, unsigned seed)
{
	static const u32 values[] = {
		0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, ~0u};
	u64 r = seed * 0x9e3779b97f4a7c15ull + 1;

	for (u32 n = 1 + (r >> 60) % 4; n && len > 16; n--) {
		size_t at;

		r = r * 6364136223846793005ull + 1442695040888963407ull;
		at = 4 + (size_t)((r >> 20) % (len - 12));
		switch (r >> 61) {
		case 0: data[at] ^= (u8)(1u << (r >> 8 & 7)); break;
		case 1: data[at] = (u8)(r >> 8); break;
		case 2:
			store_le16(data + (at & ~(size_t)1),
				(u16)values[(r >> 8) % ARRAY_SIZE(values)]);
			break;
		case 3:
			store_le32(data + (at & ~(size_t)1), values[(r >> 8) % ARRAY_SIZE(values)]);
			break;
		case 4: data[at]++; break;
		case 5: data[at]--; break;
		default: memcpy(data + at, data + 4 + (size_t)((r >> 33) % (len - 12)), 4); break;
		}
	}
	return len;
}

struct walk {
	struct client *c;
	u32 budget, depth;
	u64 dir;
	bool change;
};

static void visit_dir(struct walk *w, u64 dir);

static void visit(void *arg, const char *name, u32 len, const struct fsys_dirent *d)
{
	struct walk *w = arg;
	struct fsys_name n = {0};
	struct fsys_cred who = client_cred(w->c);
	struct fsys_attr a;
	struct iobuf to;
	u8 buf[8192];
	u64 off;
	u32 k;

	if (!w->budget || (len <= 2 && name[0] == '.') || !len)
		return;
	w->budget--;
	iobuf_init_kernel(&n.bytes, (void *)name, len);
	if (ext4_ops.lookup(w->c->self, w->dir, &n, &a))
		return;
	iobuf_init_kernel(&to, buf, sizeof(buf));
	(void)!ext4_ops.readlink(w->c->self, a.node, &to);
	iobuf_init_kernel(&to, buf, sizeof(buf));
	(void)!ext4_ops.listxattr(w->c->self, a.node, &to);
	(void)!client_getxattr(w->c, a.node, "user.a", buf, sizeof(buf));
	(void)!client_getxattr(w->c, a.node, "system.posix_acl_access", buf, sizeof(buf));
	iobuf_init_kernel(&to, buf, sizeof(buf));
	(void)!ext4_ops.map(w->c->self, a.node, 0, &to, &k);
	(void)!ext4_ops.seek(w->c->self, a.node, 0, 3, &off);
	if ((a.mode & 0170000) == 0100000) {
		(void)!client_read(w->c, a.node, 0, buf, sizeof(buf));
		if (w->change) {
			(void)!client_write(w->c, a.node, 5000, buf, 5000);
			(void)!client_setxattr(w->c, a.node, "user.b", buf, 300, 0);
			(void)!ext4_ops.fallocate(w->c->self, a.node,
				FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1000, 9000, &who);
			(void)!client_truncate(w->c, a.node, 100);
		}
	}
	if ((a.mode & 0170000) == 0040000 && w->depth < 6) {
		u64 dir = w->dir;

		visit_dir(w, a.node);
		w->dir = dir;
	}
	if (w->change)
		(void)!ext4_ops.remove(w->c->self, w->dir, &n, a.node, &who);
	client_close(w->c, a.node);
}

static void visit_dir(struct walk *w, u64 dir)
{
	struct fsys_attr a;

	w->dir = dir;
	w->depth++;
	(void)!client_readdir(w->c, dir, 1024, visit, w);
	if (w->change) {
		struct fsys_name n = {0};
		struct fsys_cred who = client_cred(w->c);

		iobuf_init_kernel(&n.bytes, (void *)"a new file", 10);
		if (!ext4_ops.create(w->c->self, dir, &n, 0100644, 0, &who, &a)) {
			(void)!client_write(w->c, a.node, 0, "some", 4);
			client_close(w->c, a.node);
		}
	}
	w->depth--;
}

static void use(struct model_disk *d, bool change)
{
	struct client c;
	struct walk w = {.c = &c, .budget = 64, .change = change};

	if (client_mount(&c, model_disk_port(d), change ? "errors=continue" : NULL, !change))
		return;
	visit_dir(&w, c.root);
	(void)!client_unmount(&c);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	struct model_disk d;

	host_log_level(0);
	if (!unpack(&d, data, len))
		return 0;
	use(&d, false);
	use(&d, true);
	model_disk_fini(&d);
	if (host_live_bytes()) {
		fprintf(stderr, "%llu bytes are left\n", host_live_bytes());
		abort();
	}
	return 0;
}
