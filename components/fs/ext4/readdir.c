/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading directories with cookies that stay true. An entry of an indexed directory, and of one
 * that may become indexed, is named by its hash: it does not move when leaves are split. What has
 * no hash order (several blocks without an index) never moves at all: there it is its offset.
 *
 *	0 "."   1 ".."   2 + key   END          key: hash / 2 in the upper half, minor hash below
 *
 * All leaves that continue one hash are gathered and sorted together.
 */
#include "impl.h"
#include <lib/crc.h>

#define FIRST  2
#define END    ((u64)S64_MAX)
#define LEAVES 8

struct item {
	u64 key;
	const struct ext4_dirent *d;
};

struct gather {
	struct ext4_node *dir;
	struct item *items;
	u32 n, cap;
	struct ext4_buf *bufs[LEAVES];
	u32 nbufs;
	u8 *inline_copy;
};

struct writer {
	const struct ext4 *fs;
	u8 *to;
	u32 max, at;
};

static u8 dirent_type(const struct ext4 *fs, u8 type)
{
	static const u8 dt[] = {0, 8, 4, 2, 6, 1, 12, 10};

	return ext4_has_incompat(fs, EXT4_I_FILETYPE) && type < ARRAY_SIZE(dt) ? dt[type] : 0;
}

static bool emit(struct writer *w, u64 next, u64 ino, u8 type, const char *name, u32 len)
{
	struct fsys_dirent d = {.ino = ino, .next = next, .type = type, .name_len = (u8)len};
	u32 bytes = align_up((u32)sizeof(d) + len, 8u);

	if (bytes > w->max - w->at)
		return false;
	d.len = (u16)bytes;
	memset(w->to + w->at + bytes - 8, 0, 8);
	memcpy(w->to + w->at, &d, sizeof(d));
	memcpy(w->to + w->at + sizeof(d), name, len);
	w->at += bytes;
	return true;
}

/* Shell's sort with Ciura's gaps: a leaf has some hundreds of items at most, in no order. */
static void sort_items(struct item *items, u32 n)
{
	static const u16 gaps[] = {1750, 701, 301, 132, 57, 23, 10, 4, 1};

	for (u32 g = 0; g < ARRAY_SIZE(gaps); g++) {
		u32 gap = gaps[g];

		for (u32 i = gap; i < n; i++) {
			struct item moving = items[i];
			u32 to = i;

			for (; to >= gap && items[to - gap].key > moving.key; to -= gap)
				items[to] = items[to - gap];
			items[to] = moving;
		}
	}
}

static bool is_dots(const struct ext4_dirent *d)
{
	return d->name[0] == '.' && (d->name_len == 1 || (d->name_len == 2 && d->name[1] == '.'));
}

static int add_item(struct gather *g, u64 key, const struct ext4_dirent *d)
{
	if (g->n == g->cap) {
		u32 cap = g->cap ? g->cap * 2 : 256;
		struct item *more = env_alloc(cap * sizeof(*more), 0);

		if (!more)
			return -ENOMEM;
		if (g->items) {
			memcpy(more, g->items, g->n * sizeof(*more));
			env_free(g->items, g->cap * sizeof(*more));
		}
		g->items = more;
		g->cap = cap;
	}
	g->items[g->n++] = (struct item){key, d};
	return 0;
}

static int gather_bytes(struct gather *g, u8 *data, u32 bytes, u64 from)
{
	u32 next = 0;
	struct ext4_dirent *d;

	while ((d = ext4_dirent_next(g->dir, data, bytes, &next))) {
		struct ext4_hash h;
		u64 key;
		int err;

		if (!d->ino.raw || is_dots(d))
			continue;
		err = ext4_dir_hash(g->dir, d->name, d->name_len, &h);
		if (err)
			return err;
		if (!h.minor)
			h.minor = crc32c(d->name, d->name_len);
		key = (u64)(h.major >> 1) << 32 | h.minor;
		if (key >= from) {
			err = add_item(g, key, d);
			if (err)
				return err;
		}
	}
	return 0;
}

static int gather_leaf(struct gather *g, u32 lblk, u64 from)
{
	struct ext4_buf *b;
	int err;

	if (g->nbufs == LEAVES)
		return ext4_error(g->dir->fs, g->dir->ino, "too many names with one hash");
	err = ext4_dir_block(g->dir, lblk, &b);
	if (err)
		return err;
	g->bufs[g->nbufs++] = b;
	return gather_bytes(g, b->data, ext4_dir_leaf_bytes(g->dir->fs), from);
}

static int gather_inline(struct gather *g, u64 from)
{
	u32 head = sizeof(g->dir->block) - 4;
	ssize_t n;

	g->inline_copy = env_alloc(4096, 0);
	if (!g->inline_copy)
		return -ENOMEM;
	memcpy(g->inline_copy, g->dir->block + 4, head);
	n = ext4_xattr_get(
		g->dir, EXT4_XATTR_SYSTEM, "data", 4, g->inline_copy + head, 4096 - head);
	if (n < 0 && n != -ENODATA)
		return (int)n;
	n = max_t(ssize_t, n, 0);
	if (!ext4_dirents_ok(g->dir->fs, g->inline_copy, head) ||
		(n && !ext4_dirents_ok(g->dir->fs, g->inline_copy + head, (u32)n)))
		return ext4_error(g->dir->fs, g->dir->ino, "inline directory is broken");
	return gather_bytes(g, g->inline_copy, head + (u32)n, from);
}

/* One round: the items from @from on of one leaf (and what continues it); *out_next: 0 the end. */
static int gather_from(struct gather *g, u64 from, u64 *out_next)
{
	u32 lblk, hash = (u32)(from >> 32) << 1;
	u64 next = 0;
	int err;

	*out_next = 0;
	if (ext4_is_inline(g->dir))
		return gather_inline(g, from);
	if (!(g->dir->flags & EXT4_FL_INDEX))
		return gather_leaf(g, 0, from);
	for (;;) {
		err = ext4_dx_leaf(g->dir, hash, &lblk, &next);
		if (!err)
			err = gather_leaf(g, lblk, from);
		if (err || !next)
			return err;
		if (!(next & 1))
			break;
		hash = (u32)next;
	}
	*out_next = ((next >> 1) << 32);
	return *out_next > from ? 0
				: ext4_error(g->dir->fs, g->dir->ino, "the index is out of order");
}

static void gather_end(struct gather *g)
{
	while (g->nbufs)
		ext4_brelse(g->bufs[--g->nbufs]);
	if (g->items)
		env_free(g->items, g->cap * sizeof(*g->items));
	if (g->inline_copy)
		env_free(g->inline_copy, 4096);
}

/* 1: full; 0: on. */
static int emit_items(struct writer *w, struct gather *g, u64 next_key)
{
	sort_items(g->items, g->n);
	for (u32 i = 0; i < g->n; i++) {
		const struct ext4_dirent *d = g->items[i].d;
		u64 next = i + 1 < g->n ? FIRST + g->items[i + 1].key
			   : next_key   ? FIRST + next_key
					: END;

		if (!emit(w, next, le32_to_cpu(d->ino), dirent_type(w->fs, d->file_type), d->name,
			    d->name_len))
			return 1;
	}
	return 0;
}

static int read_hashed(struct ext4_node *dir, u64 cookie, struct writer *w)
{
	u64 from = cookie - FIRST, next = 0;
	u32 before;
	int err = 0;

	do {
		struct gather g = {.dir = dir};

		before = w->at;
		err = gather_from(&g, from, &next);
		if (!err)
			err = emit_items(w, &g, next);
		gather_end(&g);
		from = next;
		/* Another leaf that would hardly fit is not sorted for nothing. */
	} while (!err && next && w->max - w->at >= w->at - before);
	return err ? err : next != 0;
}

static int read_linear(struct ext4_node *dir, u64 cookie, struct writer *w)
{
	u64 from = cookie - FIRST;
	u32 bits = dir->fs->block_bits;

	for (u64 lblk = from >> bits; lblk < ext4_dir_blocks(dir); lblk++) {
		u32 next = 0, at = 0, bytes = ext4_dir_leaf_bytes(dir->fs);
		struct ext4_dirent *d;
		struct ext4_buf *b;
		int err = ext4_dir_block(dir, (u32)lblk, &b);

		if (err)
			return err;
		if (ext4_dir_is_index(dir, b->data, (u32)lblk) && lblk)
			bytes = 0;
		for (; (d = ext4_dirent_next(dir, b->data, bytes, &next)); at = next) {
			if (!d->ino.raw || is_dots(d) || (lblk << bits) + at < from)
				continue;
			if (!emit(w, FIRST + (lblk << bits) + next, le32_to_cpu(d->ino),
				    dirent_type(w->fs, d->file_type), d->name, d->name_len)) {
				ext4_brelse(b);
				return 1;
			}
		}
		ext4_brelse(b);
	}
	return 0;
}

static int parent_of(struct ext4_node *dir, u32 *out)
{
	struct ext4_dirpos pos;
	int err;

	if (ext4_is_inline(dir)) {
		*out = load_le32(dir->block);
		return 0;
	}
	err = ext4_dir_find(dir, "..", 2, &pos);
	if (err)
		return err == -ENOENT ? ext4_error(dir->fs, dir->ino, "there is no '..'") : err;
	*out = pos.ino;
	ext4_dirpos_put(&pos);
	return 0;
}

ssize_t ext4_dir_read(struct ext4_node *dir, u64 cookie, u8 *to, u32 max)
{
	struct writer w = {.fs = dir->fs, .to = to, .max = max};
	bool hashed =
		ext4_has_compat(dir->fs, EXT4_C_DIR_INDEX) &&
		(dir->flags & EXT4_FL_INDEX || ext4_is_inline(dir) || ext4_dir_blocks(dir) == 1);
	u32 parent;
	int err = 0;

	if (!ext4_is_dir(dir))
		return -ENOTDIR;
	if (cookie >= END)
		return 0;
	if (cookie == 0 && !emit(&w, 1, dir->ino, 4, ".", 1))
		return -EINVAL;
	if (cookie <= 1) {
		err = parent_of(dir, &parent);
		if (!err && !emit(&w, FIRST, parent, 4, "..", 2))
			err = 1;
		cookie = FIRST;
	}
	if (!err && hashed)
		err = read_hashed(dir, cookie, &w);
	if (!err || err == -ENOTDIR)
		err = hashed && !err ? 0 : read_linear(dir, cookie, &w);
	if (err < 0)
		return err;
	return err == 1 && !w.at ? -EINVAL : (ssize_t)w.at;
}
