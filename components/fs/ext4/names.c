/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names come, go and move; each change is one transaction. The VFS keeps others from changing the
 * same directories; lookups run beside, so a directory's lock is held for each of its entries, one
 * directory at a time: somebody may see a file under both names while it is renamed, never none.
 */
#include "impl.h"

#define RENAME_CREDITS (2 * EXT4_CR_NAME + EXT4_CR_ORPHAN)

static int no_entry(struct ext4_node *dir, const char *name, u32 len)
{
	struct ext4_dirpos pos;
	int err = ext4_dir_find(dir, name, len, &pos);

	if (!err)
		ext4_dirpos_put(&pos);
	return err == -ENOENT ? 0 : err ? err : -EEXIST;
}

/* A directory that is about to be changed. */
static int prepare_dir(struct ext4_handle *h, struct ext4_node *dir)
{
	if (!ext4_is_dir(dir))
		return -ENOTDIR;
	if (!dir->nlink)
		return -ENOENT;
	if (ext4_is_inline(dir))
		return ext4_inline_convert(h, dir);
	return dir->flags & EXT4_FL_EXTENTS ? 0 : -EOPNOTSUPP;
}

static int add_dir_link(struct ext4_node *dir)
{
	if (dir->nlink == 1) /* it had too many already */
		return 0;
	if (dir->nlink >= EXT4_LINK_MAX) {
		if (!ext4_has_ro(dir->fs, EXT4_R_DIR_NLINK))
			return -EMLINK;
		dir->nlink = 1;
		return 0;
	}
	dir->nlink++;
	return 0;
}

static void drop_dir_link(struct ext4_node *dir)
{
	if (dir->nlink > 2)
		dir->nlink--;
}

/* The name of @n in @dir. */
static int enter(struct ext4_handle *h, struct ext4_node *dir, const char *name, u32 len,
	struct ext4_node *n, const struct fsys_time *now)
{
	int err;

	env_mutex_lock(&dir->lock);
	err = ext4_dir_add(h, dir, name, len, n->ino, ext4_type_of_mode(n->mode));
	if (!err && ext4_is_dir(n))
		err = add_dir_link(dir);
	if (!err) {
		ext4_node_touch(dir, now, true);
		err = ext4_node_write(h, dir);
	}
	env_mutex_unlock(&dir->lock);
	return err;
}

static int put_target(struct ext4_handle *h, struct ext4_node *n, const char *target, u32 len)
{
	struct ext4_buf *b;
	int err;

	if (len < sizeof(n->block)) {
		memcpy(n->block, target, len);
		n->size = len;
		return 0;
	}
	ext4_extents_init(n);
	err = ext4_node_bnew(h, n, 0, &b);
	if (err)
		return err;
	memcpy(b->data, target, len);
	ext4_brelse(b);
	n->size = len;
	return 0;
}

struct making {
	u32 mode, rdev;
	const char *target;
	u32 target_len;
	const struct fsys_cred *who;
};

/* An inode with its contents, without a name. On failure nothing is left of it but an orphan. */
static int make(struct ext4_handle *h, struct ext4_node *dir, const struct making *m,
	struct ext4_node **out)
{
	u32 ino;
	int err = ext4_ialloc(h, dir, m->mode, &ino);

	if (err)
		return err;
	err = ext4_node_create(h, dir, ino, m->mode, m->rdev, m->who, out);
	if (err)
		return err;
	if (ext4_is_dir(*out))
		err = ext4_dir_init(h, *out, dir->ino);
	else if (m->target)
		err = put_target(h, *out, m->target, m->target_len);
	if (!err)
		err = ext4_node_write(h, *out);
	return err;
}

/* It did not get its name: deleted when its last count goes. */
static int unmake(struct ext4_handle *h, struct ext4_node *n, int err)
{
	int undo;

	n->nlink = 0;
	undo = ext4_orphan_add(h, n);
	if (!undo)
		undo = ext4_node_write(h, n);
	return undo ? undo : err;
}

static int create_once(struct ext4 *fs, struct ext4_node *dir, const char *name, u32 len,
	const struct making *m, struct fsys_attr *out)
{
	struct ext4_node *n = NULL;
	struct ext4_handle h;
	int err = ext4_tx_begin(fs, EXT4_CR_NAME + EXT4_CR_EXTENT + EXT4_CR_ORPHAN, &h);

	if (err)
		return err;
	env_mutex_lock(&dir->lock);
	err = prepare_dir(&h, dir);
	if (!err && name)
		err = no_entry(dir, name, len);
	if (!err && name && (m->mode & 0170000) == 0040000 && dir->nlink >= EXT4_LINK_MAX &&
		!ext4_has_ro(fs, EXT4_R_DIR_NLINK))
		err = -EMLINK;
	env_mutex_unlock(&dir->lock);
	if (err) {
		h.dirty &= err != -EEXIST && err != -EMLINK; /* a directory converted is no harm */
		return ext4_tx_end(&h, err);
	}
	err = make(&h, dir, m, &n);
	if (!err && name)
		err = enter(&h, dir, name, len, n, &m->who->now);
	else if (!err)
		err = unmake(&h, n, 0); /* tmpfile: an orphan from the start */
	if (!err)
		ext4_node_attr(n, out);
	else if (n)
		err = unmake(&h, n, err);
	err = ext4_tx_end(&h, err);
	if (err && n)
		ext4_node_put(n, 1);
	return err;
}

int ext4_create(struct ext4 *fs, struct ext4_node *dir, const char *name, u32 len, u32 mode,
	u32 rdev, const char *target, u32 target_len, const struct fsys_cred *who,
	struct fsys_attr *out)
{
	struct making m = {mode, rdev, target, target_len, who};
	unsigned tries = 0;
	int err;

	if (target && target_len >= fs->block_bytes)
		return -ENAMETOOLONG;
	do {
		err = create_once(fs, dir, name, len, &m, out);
	} while (ext4_space_retry(fs, err, &tries));
	return err;
}

int ext4_tmpfile(struct ext4 *fs, struct ext4_node *dir, u32 mode, const struct fsys_cred *who,
	struct fsys_attr *out)
{
	return ext4_create(fs, dir, NULL, 0, mode, 0, NULL, 0, who, out);
}

static int link_once(struct ext4 *fs, struct ext4_node *n, struct ext4_node *dir, const char *name,
	u32 len, const struct fsys_cred *who)
{
	struct ext4_handle h;
	int err = ext4_tx_begin(fs, EXT4_CR_NAME + EXT4_CR_ORPHAN, &h);

	if (err)
		return err;
	env_mutex_lock(&dir->lock);
	err = prepare_dir(&h, dir);
	if (!err)
		err = no_entry(dir, name, len);
	env_mutex_unlock(&dir->lock);
	if (err) {
		h.dirty &= err != -EEXIST;
		return ext4_tx_end(&h, err);
	}
	err = enter(&h, dir, name, len, n, &who->now);
	if (!err && !n->nlink)
		err = ext4_orphan_del(&h, n);
	if (!err) {
		env_mutex_lock(&n->lock);
		n->nlink++;
		ext4_node_touch(n, &who->now, false);
		err = ext4_node_write(&h, n);
		env_mutex_unlock(&n->lock);
	}
	return ext4_tx_end(&h, err);
}

int ext4_link(struct ext4 *fs, struct ext4_node *n, struct ext4_node *dir, const char *name,
	u32 len, const struct fsys_cred *who, struct fsys_attr *out)
{
	unsigned tries = 0;
	int err;

	if (ext4_is_dir(n))
		return -EPERM;
	if (n->nlink >= EXT4_LINK_MAX)
		return -EMLINK;
	do {
		err = link_once(fs, n, dir, name, len, who);
	} while (ext4_space_retry(fs, err, &tries));
	if (!err) {
		ext4_node_hold(n);
		ext4_node_attr(n, out);
	}
	return err;
}

/* One link less of @n, which is @victim's name gone; a directory has none left. */
static int unlink_node(struct ext4_handle *h, struct ext4_node *n, const struct fsys_time *now)
{
	int err;

	env_mutex_lock(&n->lock);
	n->nlink = ext4_is_dir(n) ? 0 : n->nlink - !!n->nlink;
	ext4_node_touch(n, now, false);
	err = ext4_node_write(h, n);
	env_mutex_unlock(&n->lock);
	return !err && !n->nlink ? ext4_orphan_add(h, n) : err;
}

/* Can it lose a name? */
static int may_lose(struct ext4_node *n)
{
	bool empty = true;
	int err = 0;

	if (n->ino < n->fs->first_ino)
		return -EPERM;
	env_mutex_lock(&n->lock);
	if (ext4_is_dir(n))
		err = ext4_dir_is_empty(n, &empty);
	if (!err && !empty)
		err = -ENOTEMPTY;
	/* An old file's blocks could not be freed. */
	if (!err && !(n->flags & (EXT4_FL_EXTENTS | EXT4_FL_INLINE_DATA)) && n->blocks &&
		!n->file_acl)
		err = -EOPNOTSUPP;
	env_mutex_unlock(&n->lock);
	return err;
}

int ext4_remove(struct ext4 *fs, struct ext4_node *dir, const char *name, u32 len,
	struct ext4_node *n, const struct fsys_cred *who)
{
	struct ext4_dirpos pos;
	struct ext4_handle h;
	int err = may_lose(n);

	if (!err)
		err = ext4_tx_begin(fs, EXT4_CR_NAME + EXT4_CR_ORPHAN, &h);
	if (err)
		return err;
	env_mutex_lock(&dir->lock);
	err = prepare_dir(&h, dir);
	if (!err)
		err = ext4_dir_find(dir, name, len, &pos);
	if (!err && pos.ino != n->ino) {
		ext4_dirpos_put(&pos);
		err = -ESTALE;
	}
	if (err) {
		env_mutex_unlock(&dir->lock);
		h.dirty &= err != -ENOENT && err != -ESTALE;
		return ext4_tx_end(&h, err);
	}
	err = ext4_dir_remove(&h, dir, &pos);
	ext4_dirpos_put(&pos);
	if (!err) {
		if (ext4_is_dir(n))
			drop_dir_link(dir);
		ext4_node_touch(dir, &who->now, true);
		err = ext4_node_write(&h, dir);
	}
	env_mutex_unlock(&dir->lock);
	if (!err)
		err = unlink_node(&h, n, &who->now);
	return ext4_tx_end(&h, err);
}

/* ---- rename ---- */

static int find_expected(
	struct ext4_node *dir, const char *name, u32 len, const struct ext4_node *n)
{
	struct ext4_dirpos pos;
	int err = ext4_dir_find(dir, name, len, &pos);

	if (err)
		return n ? err : err == -ENOENT ? 0 : err;
	ext4_dirpos_put(&pos);
	return !n ? -EEXIST : pos.ino == n->ino ? 0 : -ESTALE;
}

/* Both names are as the caller saw them, and the kinds fit. */
static int check_rename(struct ext4_handle *h, const struct ext4_rename *r)
{
	bool exchange = r->flags & FSYS_RENAME_EXCHANGE;
	int err;

	if (exchange && !r->victim)
		return -ENOENT;
	if (r->flags & FSYS_RENAME_NOREPLACE && r->victim)
		return -EEXIST;
	env_mutex_lock(&r->from_dir->lock);
	err = prepare_dir(h, r->from_dir);
	if (!err)
		err = find_expected(r->from_dir, r->from, r->from_len, r->node);
	env_mutex_unlock(&r->from_dir->lock);
	if (err)
		return err;
	env_mutex_lock(&r->to_dir->lock);
	err = prepare_dir(h, r->to_dir);
	if (!err)
		err = find_expected(r->to_dir, r->to, r->to_len, r->victim);
	env_mutex_unlock(&r->to_dir->lock);
	if (err || !r->victim || exchange)
		return err;
	if (ext4_is_dir(r->node) != ext4_is_dir(r->victim))
		return ext4_is_dir(r->node) ? -ENOTDIR : -EISDIR;
	return may_lose(r->victim);
}

/* @name in @dir, which is there, names @ino from now on (0: no more). */
static int change_entry(struct ext4_handle *h, struct ext4_node *dir, const char *name, u32 len,
	u32 ino, u8 type, const struct fsys_time *now)
{
	struct ext4_dirpos pos;
	int err;

	env_mutex_lock(&dir->lock);
	err = ext4_dir_find(dir, name, len, &pos);
	if (!err) {
		err = ino ? ext4_dir_set(h, dir, &pos, ino, type) : ext4_dir_remove(h, dir, &pos);
		ext4_dirpos_put(&pos);
	}
	if (!err && now) {
		ext4_node_touch(dir, now, true);
		err = ext4_node_write(h, dir);
	}
	env_mutex_unlock(&dir->lock);
	return err;
}

static int change_links(struct ext4_handle *h, struct ext4_node *dir, int delta)
{
	int err = 0;

	if (!delta)
		return 0;
	env_mutex_lock(&dir->lock);
	if (delta > 0)
		err = add_dir_link(dir);
	else
		drop_dir_link(dir);
	if (!err)
		err = ext4_node_write(h, dir);
	env_mutex_unlock(&dir->lock);
	return err;
}

/* @n has moved into @dir. */
static int moved(struct ext4_handle *h, struct ext4_node *n, struct ext4_node *dir, bool other_dir,
	const struct fsys_time *now)
{
	int err;

	env_mutex_lock(&n->lock);
	err = ext4_is_dir(n) && other_dir ? prepare_dir(h, n) : 0;
	if (!err) {
		ext4_node_touch(n, now, false);
		err = ext4_node_write(h, n);
	}
	env_mutex_unlock(&n->lock);
	if (!err && ext4_is_dir(n) && other_dir)
		err = change_entry(h, n, "..", 2, dir->ino, EXT4_FT_DIR, NULL);
	return err;
}

static int exchange(struct ext4_handle *h, const struct ext4_rename *r, const struct fsys_time *now)
{
	bool other = r->from_dir != r->to_dir;
	int delta = other ? (int)ext4_is_dir(r->victim) - (int)ext4_is_dir(r->node) : 0;
	int err = change_entry(h, r->to_dir, r->to, r->to_len, r->node->ino,
		ext4_type_of_mode(r->node->mode), now);

	if (!err)
		err = change_entry(h, r->from_dir, r->from, r->from_len, r->victim->ino,
			ext4_type_of_mode(r->victim->mode), now);
	if (!err)
		err = moved(h, r->node, r->to_dir, other, now);
	if (!err)
		err = moved(h, r->victim, r->from_dir, other, now);
	if (!err)
		err = change_links(h, r->from_dir, delta);
	return err ? err : change_links(h, r->to_dir, -delta);
}

/* The old name goes, or names a whiteout. */
static int leave_old(struct ext4_handle *h, const struct ext4_rename *r, struct ext4_node *whiteout,
	const struct fsys_time *now)
{
	return change_entry(h, r->from_dir, r->from, r->from_len, whiteout ? whiteout->ino : 0,
		EXT4_FT_CHR, now);
}

static int replace(struct ext4_handle *h, const struct ext4_rename *r, struct ext4_node *whiteout,
	const struct fsys_time *now)
{
	bool other = r->from_dir != r->to_dir, dir = ext4_is_dir(r->node);
	u8 type = ext4_type_of_mode(r->node->mode);
	int err;

	if (r->victim) {
		err = change_entry(h, r->to_dir, r->to, r->to_len, r->node->ino, type, now);
	} else {
		env_mutex_lock(&r->to_dir->lock);
		err = ext4_dir_add(h, r->to_dir, r->to, r->to_len, r->node->ino, type);
		if (!err) {
			ext4_node_touch(r->to_dir, now, true);
			err = ext4_node_write(h, r->to_dir);
		}
		env_mutex_unlock(&r->to_dir->lock);
	}
	/* From here on a lack of room cannot come. */
	if (!err)
		err = leave_old(h, r, whiteout, now);
	if (!err)
		err = moved(h, r->node, r->to_dir, other, now);
	if (!err && r->victim)
		err = unlink_node(h, r->victim, now);
	if (!err && dir && (other || r->victim))
		err = change_links(h, r->from_dir, -1);
	if (!err && dir && other && !r->victim)
		err = change_links(h, r->to_dir, 1);
	return err;
}

static int rename_once(struct ext4 *fs, const struct ext4_rename *r, const struct fsys_cred *who)
{
	struct making white = {.mode = 0020000, .who = who};
	struct ext4_node *whiteout = NULL;
	struct ext4_handle h;
	int err = ext4_tx_begin(fs, RENAME_CREDITS, &h);

	if (err)
		return err;
	err = check_rename(&h, r);
	if (err) {
		h.dirty = h.dirty && (err == -EIO || err == -ENOMEM || err == -EUCLEAN);
		return ext4_tx_end(&h, err);
	}
	if (r->flags & FSYS_RENAME_EXCHANGE)
		return ext4_tx_end(&h, exchange(&h, r, &who->now));
	if (r->flags & FSYS_RENAME_WHITEOUT)
		err = make(&h, r->from_dir, &white, &whiteout);
	if (!err)
		err = replace(&h, r, whiteout, &who->now);
	if (err && whiteout)
		err = unmake(&h, whiteout, err);
	err = ext4_tx_end(&h, err);
	if (whiteout)
		ext4_node_put(whiteout, 1);
	return err;
}

int ext4_rename(struct ext4 *fs, const struct ext4_rename *r, const struct fsys_cred *who)
{
	bool up = ext4_is_dir(r->node) && r->from_dir != r->to_dir &&
		  !(r->victim && ext4_is_dir(r->victim));
	unsigned tries = 0;
	int err;

	if (r->flags & ~7u || (r->flags & FSYS_RENAME_EXCHANGE && r->flags != FSYS_RENAME_EXCHANGE))
		return -EINVAL;
	if (r->node == r->victim)
		return 0;
	if (up && r->to_dir->nlink >= EXT4_LINK_MAX && !ext4_has_ro(fs, EXT4_R_DIR_NLINK))
		return -EMLINK;
	do {
		err = rename_once(fs, r, who);
	} while (ext4_space_retry(fs, err, &tries));
	return err;
}

static int read_target(struct ext4_node *n, char *text, u32 len)
{
	struct ext4_buf *b;
	int err;

	if (!len || len >= n->fs->block_bytes)
		return ext4_error(n->fs, n->ino, "a symbolic link of %llu bytes", n->size);
	if (ext4_is_inline(n))
		return ext4_inline_read(n, 0, text, len);
	if (len < sizeof(n->block) && !(n->flags & EXT4_FL_EXTENTS)) {
		memcpy(text, n->block, len);
		return 0;
	}
	err = ext4_node_bread(n, 0, &b);
	if (!err) {
		memcpy(text, b->data, len);
		ext4_brelse(b);
	}
	return err;
}

int ext4_readlink(struct ext4_node *n, struct iobuf *to)
{
	u32 bytes = n->fs->block_bytes, len;
	char *text;
	int err;

	if (!ext4_is_lnk(n))
		return -EINVAL;
	text = env_alloc(bytes, 0);
	if (!text)
		return -ENOMEM;
	env_mutex_lock(&n->lock);
	len = (u32)min_t(u64, n->size, bytes);
	err = read_target(n, text, len);
	env_mutex_unlock(&n->lock);
	if (!err)
		err = (int)iobuf_put(to, text, strnlen(text, len));
	env_free(text, bytes);
	return err;
}
