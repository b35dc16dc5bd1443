/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Directories as rows of entries: each has its length to the next one, a free one has inode 0, the
 * last reaches to the block's end (or to the tail with the checksum, which looks like a free entry
 * of 12 bytes). An index, where there is one, is htree.c's; its blocks read as one free entry here.
 */
#include "impl.h"

u8 ext4_type_of_mode(u32 mode)
{
	switch (mode >> 12) {
	case 1: return EXT4_FT_FIFO;
	case 2: return EXT4_FT_CHR;
	case 4: return EXT4_FT_DIR;
	case 6: return EXT4_FT_BLK;
	case 8: return EXT4_FT_REG;
	case 10: return EXT4_FT_LNK;
	case 12: return EXT4_FT_SOCK;
	default: return EXT4_FT_UNKNOWN;
	}
}

u32 ext4_dir_leaf_bytes(const struct ext4 *fs)
{
	return fs->block_bytes - (fs->csum ? (u32)sizeof(struct ext4_dir_tail) : 0);
}

bool ext4_dirents_ok(const struct ext4 *fs, const u8 *data, u32 bytes)
{
	u32 off = 0;

	while (off < bytes) {
		const struct ext4_dirent *d = (const struct ext4_dirent *)(data + off);
		u32 len;

		if (bytes - off < 12)
			return false;
		len = le16_to_cpu(d->rec_len);
		if (len < 12 || len % 4 || len > bytes - off)
			return false;
		if (d->ino.raw && (ext4_dirent_need(d->name_len) > len || !d->name_len ||
					  le32_to_cpu(d->ino) > fs->ninodes))
			return false;
		off += len;
	}
	return true;
}

struct ext4_dirent *ext4_dirent_next(const struct ext4_node *dir, u8 *data, u32 bytes, u32 *next)
{
	struct ext4_dirent *d = (struct ext4_dirent *)(data + *next);
	u32 len;

	if (*next + 12 > bytes)
		return NULL;
	len = le16_to_cpu(d->rec_len);
	/* It was checked; this is for memory that goes bad afterwards. */
	if (len < 12 || len > bytes - *next)
		return NULL;
	*next += len;
	return d;
}

bool ext4_dir_is_index(const struct ext4_node *dir, const u8 *block, u32 lblk)
{
	const struct ext4_dirent *d = (const struct ext4_dirent *)block;

	if (!(dir->flags & EXT4_FL_INDEX))
		return false;
	return !lblk || (!d->ino.raw && le16_to_cpu(d->rec_len) == dir->fs->block_bytes);
}

static int check_leaf(struct ext4_node *dir, const u8 *block, u32 lblk)
{
	u32 bytes = ext4_dir_leaf_bytes(dir->fs);
	const struct ext4_dir_tail *t = (const struct ext4_dir_tail *)(block + bytes);

	if (dir->fs->csum) {
		if (t->zero.raw || le16_to_cpu(t->rec_len) != sizeof(*t) || t->zero_name_len ||
			t->file_type != EXT4_FT_CSUM)
			return ext4_error(
				dir->fs, dir->ino, "directory block %u has no checksum", lblk);
		if (le32_to_cpu(t->checksum) != ext4_dir_csum(dir, block))
			return ext4_error(
				dir->fs, dir->ino, "directory block %u: wrong checksum", lblk);
	}
	if (!ext4_dirents_ok(dir->fs, block, bytes))
		return ext4_error(dir->fs, dir->ino, "directory block %u is broken", lblk);
	return 0;
}

static int check_index(struct ext4_node *dir, const u8 *block, u32 lblk)
{
	struct ext4_dx_table t;
	int err = ext4_dx_table(dir, block, lblk, &t);
	u32 tail;

	if (err == -ENOTDIR && dir->fs->csum)
		return ext4_error(dir->fs, dir->ino, "index block %u is broken", lblk);
	if (!err && dir->fs->csum) {
		tail = t.off + t.limit * (u32)sizeof(struct ext4_dx_entry);
		if (load_le32(block + tail + 4) !=
			ext4_dx_csum(dir, block, t.off, t.count, t.limit))
			return ext4_error(
				dir->fs, dir->ino, "index block %u: wrong checksum", lblk);
	}
	if (!lblk && !ext4_dirents_ok(dir->fs, block, dir->fs->block_bytes))
		return ext4_error(dir->fs, dir->ino, "directory block 0 is broken");
	return 0;
}

int ext4_dir_block(struct ext4_node *dir, u32 lblk, struct ext4_buf **out)
{
	struct ext4_map m;
	struct ext4_buf *b;
	int err;

	if (lblk >= ext4_dir_blocks(dir))
		return ext4_error(dir->fs, dir->ino, "the index leads to block %u of %u", lblk,
			ext4_dir_blocks(dir));
	err = ext4_map(dir, lblk, &m);
	if (err)
		return err;
	if (!m.pblk || m.unwritten)
		return ext4_error(dir->fs, dir->ino, "directory block %u is a hole", lblk);
	err = ext4_bread(dir->fs, m.pblk, &b);
	if (err)
		return err;
	if (b->owner != dir->ino) {
		err = ext4_dir_is_index(dir, b->data, lblk) ? check_index(dir, b->data, lblk)
							    : check_leaf(dir, b->data, lblk);
		if (err) {
			ext4_brelse(b);
			return err;
		}
		b->owner = dir->ino;
	}
	*out = b;
	return 0;
}

void ext4_dir_csum_set(struct ext4_node *dir, u8 *block, u32 lblk)
{
	struct ext4_dir_tail *t = (struct ext4_dir_tail *)(block + ext4_dir_leaf_bytes(dir->fs));
	struct ext4_dx_table x;

	if (!dir->fs->csum)
		return;
	if (ext4_dir_is_index(dir, block, lblk)) {
		if (!ext4_dx_table(dir, block, lblk, &x))
			store_le32(block + x.off + x.limit * sizeof(struct ext4_dx_entry) + 4,
				ext4_dx_csum(dir, block, x.off, x.count, x.limit));
		return;
	}
	*t = (struct ext4_dir_tail){.rec_len = cpu_to_le16(sizeof(*t)), .file_type = EXT4_FT_CSUM};
	t->checksum = cpu_to_le32(ext4_dir_csum(dir, block));
}

void ext4_dirpos_put(struct ext4_dirpos *pos)
{
	ext4_brelse(pos->buf);
	pos->buf = NULL;
}

/* ---- finding ---- */

bool ext4_dir_search(struct ext4_node *dir, const u8 *data, u32 bytes, const char *name, u32 len,
	struct ext4_dirpos *out)
{
	u32 next = 0, at = 0, prev = 0;
	struct ext4_dirent *d;

	while ((d = ext4_dirent_next(dir, (u8 *)data, bytes, &next))) {
		if (d->ino.raw && d->name_len == len && !memcmp(d->name, name, len)) {
			out->off = at;
			out->prev = prev;
			out->ino = le32_to_cpu(d->ino);
			out->type = ext4_has_incompat(dir->fs, EXT4_I_FILETYPE) ? d->file_type : 0;
			return true;
		}
		prev = at;
		at = next;
	}
	return false;
}

/* Entries are in inode.block behind the parent's number, then in the value of system.data. */
static int find_inline(struct ext4_node *dir, const char *name, u32 len, struct ext4_dirpos *out)
{
	u32 n;
	u8 *rest;
	int err;

	memset(out, 0, sizeof(*out));
	if (!ext4_dirents_ok(dir->fs, dir->block + 4, sizeof(dir->block) - 4))
		return ext4_error(dir->fs, dir->ino, "inline directory is broken");
	if (ext4_dir_search(dir, dir->block + 4, sizeof(dir->block) - 4, name, len, out))
		return 0;
	err = ext4_inline_rest(dir, &rest, &n);
	if (err || !rest)
		return err ? err : -ENOENT;
	if (!ext4_dirents_ok(dir->fs, rest, n))
		err = ext4_error(dir->fs, dir->ino, "inline directory is broken");
	else if (!ext4_dir_search(dir, rest, n, name, len, out))
		err = -ENOENT;
	env_free(rest, EXT4_INLINE_MAX);
	return err;
}

static int find_linear(struct ext4_node *dir, const char *name, u32 len, struct ext4_dirpos *out)
{
	for (u32 lblk = 0; lblk < ext4_dir_blocks(dir); lblk++) {
		struct ext4_buf *b;
		int err = ext4_dir_block(dir, lblk, &b);

		if (err)
			return err;
		if (!(lblk && ext4_dir_is_index(dir, b->data, lblk)) &&
			ext4_dir_search(dir, b->data,
				ext4_dir_is_index(dir, b->data, lblk)
					? dir->fs->block_bytes
					: ext4_dir_leaf_bytes(dir->fs),
				name, len, out)) {
			out->buf = b;
			out->lblk = lblk;
			return 0;
		}
		ext4_brelse(b);
	}
	return -ENOENT;
}

static bool is_dots(const char *name, u32 len)
{
	return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
}

int ext4_dir_find(struct ext4_node *dir, const char *name, u32 len, struct ext4_dirpos *out)
{
	memset(out, 0, sizeof(*out));
	if (!ext4_is_dir(dir))
		return -ENOTDIR;
	if (ext4_is_inline(dir))
		return find_inline(dir, name, len, out);
	if (dir->flags & EXT4_FL_INDEX && ext4_has_compat(dir->fs, EXT4_C_DIR_INDEX) &&
		!is_dots(name, len)) {
		int err = ext4_dx_find(dir, name, len, out);

		if (err != -ENOTDIR)
			return err;
	}
	return find_linear(dir, name, len, out);
}

/* ---- changing ---- */

static void put_entry(
	struct ext4_node *dir, struct ext4_dirent *d, const char *name, u32 len, u32 ino, u8 type)
{
	d->ino = cpu_to_le32(ino);
	d->name_len = (u8)len;
	d->file_type = ext4_has_incompat(dir->fs, EXT4_I_FILETYPE) ? type : 0;
	memcpy(d->name, name, len);
}

int ext4_dir_insert_at(struct ext4_handle *h, struct ext4_node *dir, struct ext4_buf *b,
	const char *name, u32 len, u32 ino, u8 type)
{
	u32 next = 0, need = ext4_dirent_need(len);
	struct ext4_dirent *d;

	while ((d = ext4_dirent_next(dir, b->data, ext4_dir_leaf_bytes(dir->fs), &next))) {
		u32 total = le16_to_cpu(d->rec_len);
		u32 used = d->ino.raw ? ext4_dirent_need(d->name_len) : 0;
		struct ext4_dirent *fresh = d;

		if (total < used + need)
			continue;
		ext4_tx_access(h, b);
		if (used) {
			fresh = (struct ext4_dirent *)((u8 *)d + used);
			d->rec_len = cpu_to_le16((u16)used);
			fresh->rec_len = cpu_to_le16((u16)(total - used));
		}
		put_entry(dir, fresh, name, len, ino, type);
		ext4_dir_csum_set(dir, b->data, 1);
		return 0;
	}
	return -ENOSPC;
}

static int append(
	struct ext4_handle *h, struct ext4_node *dir, const char *name, u32 len, u32 ino, u8 type)
{
	struct ext4_buf *b;
	int err = ext4_node_bnew(h, dir, ext4_dir_blocks(dir), &b);

	if (err)
		return err;
	((struct ext4_dirent *)b->data)->rec_len = cpu_to_le16((u16)ext4_dir_leaf_bytes(dir->fs));
	ext4_dir_csum_set(dir, b->data, 1);
	b->owner = dir->ino;
	err = ext4_dir_insert_at(h, dir, b, name, len, ino, type);
	ext4_brelse(b);
	return err;
}

static int add_linear(
	struct ext4_handle *h, struct ext4_node *dir, const char *name, u32 len, u32 ino, u8 type)
{
	u32 blocks = ext4_dir_blocks(dir);

	for (u32 lblk = 0; lblk < blocks; lblk++) {
		struct ext4_buf *b;
		int err = ext4_dir_block(dir, lblk, &b);

		if (err)
			return err;
		err = ext4_dir_is_index(dir, b->data, lblk)
			      ? -ENOSPC
			      : ext4_dir_insert_at(h, dir, b, name, len, ino, type);
		ext4_brelse(b);
		if (err != -ENOSPC)
			return err;
	}
	if (blocks == 1 && ext4_has_compat(dir->fs, EXT4_C_DIR_INDEX)) {
		int err = ext4_dx_make(h, dir);

		return err ? err : ext4_dx_add(h, dir, name, len, ino, type);
	}
	return append(h, dir, name, len, ino, type);
}

int ext4_dir_add(
	struct ext4_handle *h, struct ext4_node *dir, const char *name, u32 len, u32 ino, u8 type)
{
	int err;

	if (dir->flags & EXT4_FL_INDEX && ext4_has_compat(dir->fs, EXT4_C_DIR_INDEX)) {
		err = ext4_dx_add(h, dir, name, len, ino, type);
		if (err != -ENOTDIR)
			return err;
		if (dir->fs->csum)
			return ext4_error(dir->fs, dir->ino, "its index cannot be used");
		dir->flags &=
			~(u32)EXT4_FL_INDEX; /* as the format has it: it is an ordinary one then */
	}
	return add_linear(h, dir, name, len, ino, type);
}

int ext4_dir_remove(struct ext4_handle *h, struct ext4_node *dir, struct ext4_dirpos *pos)
{
	struct ext4_dirent *d, *prev;

	ENV_ASSERT(pos->buf);
	ext4_tx_access(h, pos->buf);
	d = (struct ext4_dirent *)(pos->buf->data + pos->off);
	prev = (struct ext4_dirent *)(pos->buf->data + pos->prev);
	d->ino = cpu_to_le32(0);
	if (pos->prev != pos->off)
		prev->rec_len =
			cpu_to_le16((u16)(le16_to_cpu(prev->rec_len) + le16_to_cpu(d->rec_len)));
	ext4_dir_csum_set(dir, pos->buf->data, pos->lblk);
	return 0;
}

int ext4_dir_set(
	struct ext4_handle *h, struct ext4_node *dir, struct ext4_dirpos *pos, u32 ino, u8 type)
{
	struct ext4_dirent *d;

	ENV_ASSERT(pos->buf);
	ext4_tx_access(h, pos->buf);
	d = (struct ext4_dirent *)(pos->buf->data + pos->off);
	d->ino = cpu_to_le32(ino);
	if (ext4_has_incompat(dir->fs, EXT4_I_FILETYPE))
		d->file_type = type;
	ext4_dir_csum_set(dir, pos->buf->data, pos->lblk);
	return 0;
}

int ext4_dir_init(struct ext4_handle *h, struct ext4_node *dir, u32 parent)
{
	u32 bytes = ext4_dir_leaf_bytes(dir->fs);
	struct ext4_dirent *d;
	struct ext4_buf *b;
	int err = ext4_node_bnew(h, dir, 0, &b);

	if (err)
		return err;
	d = (struct ext4_dirent *)b->data;
	put_entry(dir, d, ".", 1, dir->ino, EXT4_FT_DIR);
	d->rec_len = cpu_to_le16(12);
	d = (struct ext4_dirent *)(b->data + 12);
	put_entry(dir, d, "..", 2, parent, EXT4_FT_DIR);
	d->rec_len = cpu_to_le16((u16)(bytes - 12));
	ext4_dir_csum_set(dir, b->data, 0);
	b->owner = dir->ino;
	ext4_brelse(b);
	return 0;
}

static bool only_dots(struct ext4_node *dir, u8 *data, u32 bytes)
{
	struct ext4_dirent *d;
	u32 next = 0;

	while ((d = ext4_dirent_next(dir, data, bytes, &next))) {
		if (d->ino.raw && !is_dots(d->name, d->name_len))
			return false;
	}
	return true;
}

static int is_inline_empty(struct ext4_node *dir, bool *out)
{
	u8 *rest;
	u32 n;
	int err = ext4_inline_rest(dir, &rest, &n);

	if (err)
		return err;
	*out = only_dots(dir, dir->block + 4, sizeof(dir->block) - 4) &&
	       (!rest || only_dots(dir, rest, n));
	if (rest)
		env_free(rest, EXT4_INLINE_MAX);
	return 0;
}

int ext4_dir_is_empty(struct ext4_node *dir, bool *out)
{
	*out = false;
	if (ext4_is_inline(dir))
		return is_inline_empty(dir, out);
	for (u32 lblk = 0; lblk < ext4_dir_blocks(dir); lblk++) {
		struct ext4_buf *b;
		bool index, empty;
		int err = ext4_dir_block(dir, lblk, &b);

		if (err)
			return err;
		index = ext4_dir_is_index(dir, b->data, lblk);
		empty = (index && lblk) ||
			only_dots(dir, b->data,
				index ? dir->fs->block_bytes : ext4_dir_leaf_bytes(dir->fs));
		ext4_brelse(b);
		if (!empty)
			return 0;
	}
	*out = true;
	return 0;
}
