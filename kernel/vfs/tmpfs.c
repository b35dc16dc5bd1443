/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tmpfs: files in memory. Also the root file system, devtmpfs, and what memfd and shared anonymous memory are made of.
 *
 * Data are pages of inode->data, born zero. A directory is the set of its pinned dentries: the name cache finds a name, and a miss in the cache means that
 * the name does not exist; a tree by creation number gives readdir an order that stays while names come and go. Nothing survives unmounting.
 */
#include "tmpfs.h"
#include <lib/parse.h>
#include <lib/strbuf.h>
#include <lib/string.h>
#include <mm/page.h>
#include <mm/slab.h>
#include <linux/magic.h>
#include <linux/mount.h>

static struct slab_cache *tmpfs_cache;

static struct inode *tmpfs_alloc_inode(struct super *sb)
{
	struct tmpfs_inode *ti = slab_alloc(tmpfs_cache, 0);

	if (!ti)
		return NULL;
	memset(ti, 0, sizeof(*ti));
	return &ti->inode;
}

static void tmpfs_free_inode(struct inode *inode)
{
	kfree(inode->link);
	slab_free(tmpfs_cache, tmpfs_inode(inode));
}

static void tmpfs_evict(struct inode *inode)
{
	struct tmpfs_super *ts = tmpfs_super(inode->super);

	if (S_ISREG(inode->mode))
		vm_object_fini(&inode->data);
	tmpfs_xattrs_free(tmpfs_inode(inode));
	__atomic_fetch_sub(&ts->used_inodes, 1, __ATOMIC_RELAXED);
}

const struct inode_ops tmpfs_special_ops = {MEMFS_ATTRIBUTE_OPS};

int tmpfs_inode_create(struct super *sb, struct inode *dir, u32 mode, u32 rdev, struct inode **out)
{
	struct tmpfs_super *ts = tmpfs_super(sb);
	struct tmpfs_inode *ti;
	struct inode *inode;

	if ((u64)__atomic_add_fetch(&ts->used_inodes, 1, __ATOMIC_RELAXED) > ts->max_inodes && ts->max_inodes) {
		__atomic_fetch_sub(&ts->used_inodes, 1, __ATOMIC_RELAXED);
		return -ENOSPC;
	}
	inode = inode_alloc(sb, dir, mode);
	if (!inode) {
		__atomic_fetch_sub(&ts->used_inodes, 1, __ATOMIC_RELAXED);
		return -ENOSPC;
	}
	ti = tmpfs_inode(inode);
	ti->seals = 1; /* F_SEAL_SEAL */
	switch (mode & S_IFMT) {
	case S_IFREG:
		vm_object_init(&inode->data, &tmpfs_object_ops, inode);
		inode->ops = &tmpfs_file_ops;
		inode->fops = &tmpfs_file_fops;
		break;
	case S_IFDIR:
		inode->ops = &tmpfs_dir_ops;
		inode->fops = &tmpfs_dir_fops;
		inode->nlink = 2;
		inode->data.size = 2 * TMPFS_ENTRY_SIZE;
		ti->next_off = TMPFS_FIRST_OFF;
		break;
	case S_IFLNK: inode->ops = &tmpfs_special_ops; break;
	default:
		inode->ops = &tmpfs_special_ops;
		inode_init_special(inode, rdev);
	}
	*out = inode;
	return 0;
}

static int tmpfs_statfs(struct super *sb, struct kstatfs *out)
{
	struct tmpfs_super *ts = tmpfs_super(sb);
	u64 used = (u64)max_t(s64, READ_ONCE(ts->used_blocks), 0);

	if (ts->max_blocks) {
		out->blocks = ts->max_blocks;
		out->bfree = out->bavail = used < ts->max_blocks ? ts->max_blocks - used : 0;
	}
	if (ts->max_inodes) {
		u64 inodes = (u64)READ_ONCE(ts->used_inodes);

		out->files = ts->max_inodes;
		out->ffree = inodes < ts->max_inodes ? ts->max_inodes - inodes : 0;
	}
	return 0;
}

/* ---- options ---- */

struct tmpfs_options {
	u64 blocks, inodes;
	u32 mode, uid, gid;
	bool has_blocks, has_inodes, has_mode, has_uid, has_gid;
};

static int parse_blocks(const char *v, bool in_pages, u64 *out)
{
	size_t len = strlen(v);
	struct page_stats st;
	u64 n;

	if (len && v[len - 1] == '%' && !in_pages) {
		char digits[8];

		if (strscpy(digits, v, min_t(size_t, len, sizeof(digits))) < 0 && len > sizeof(digits))
			return -EINVAL;
		digits[min_t(size_t, len - 1, 7)] = '\0';
		if (strtou64(digits, 10, &n) || n > 1000)
			return -EINVAL;
		page_stats(&st);
		*out = st.total * n / 100;
		return 0;
	}
	if (parse_size(v, &n))
		return -EINVAL;
	*out = in_pages ? n : DIV_ROUND_UP(n, PAGE_SIZE);
	return 0;
}

static int parse_option(struct tmpfs_options *o, const char *key, const char *v)
{
	if (strcmp(key, "size") == 0) {
		o->has_blocks = true;
		return v ? parse_blocks(v, false, &o->blocks) : -EINVAL;
	}
	if (strcmp(key, "nr_blocks") == 0) {
		o->has_blocks = true;
		return v ? parse_blocks(v, true, &o->blocks) : -EINVAL;
	}
	if (strcmp(key, "nr_inodes") == 0) {
		o->has_inodes = true;
		return v && parse_size(v, &o->inodes) == 0 ? 0 : -EINVAL;
	}
	if (strcmp(key, "mode") == 0) {
		o->has_mode = true;
		if (!v || strtou32(v, 8, &o->mode))
			return -EINVAL;
		o->mode &= 07777;
		return 0;
	}
	if (strcmp(key, "uid") == 0) {
		o->has_uid = true;
		return v && strtou32(v, 0, &o->uid) == 0 && o->uid != ~0u ? 0 : -EINVAL;
	}
	if (strcmp(key, "gid") == 0) {
		o->has_gid = true;
		return v && strtou32(v, 0, &o->gid) == 0 && o->gid != ~0u ? 0 : -EINVAL;
	}
	/* Accepted as on Linux, where they change nothing that is seen here. */
	if (strcmp(key, "inode32") == 0 || strcmp(key, "inode64") == 0 || (strcmp(key, "huge") == 0 && v && strcmp(v, "never") == 0))
		return 0;
	return -EINVAL;
}

static int parse_options(const char *options, struct tmpfs_options *o)
{
	char *copy, *rest, *word;
	int err = 0;

	memset(o, 0, sizeof(*o));
	if (!options || !*options)
		return 0;
	copy = rest = kstrdup(options, 0);
	if (!copy)
		return -ENOMEM;
	while (!err && (word = strsep(&rest, ","))) {
		char *v = strchr(word, '=');

		if (!*word)
			continue;
		if (v)
			*v++ = '\0';
		err = parse_option(o, word, v);
	}
	kfree(copy);
	return err;
}

static void apply_limits(struct tmpfs_super *ts, const struct tmpfs_options *o)
{
	if (o->has_blocks)
		ts->max_blocks = o->blocks;
	if (o->has_inodes)
		ts->max_inodes = o->inodes;
}

static int tmpfs_remount(struct super *sb, unsigned sb_flags, const char *options)
{
	struct tmpfs_super *ts = tmpfs_super(sb);
	struct tmpfs_options o;
	int err = parse_options(options, &o);

	if (err)
		return err;
	/* A limit below what is used, or on what had none, is refused. */
	if (o.has_blocks && o.blocks && ((u64)max_t(s64, ts->used_blocks, 0) > o.blocks || !ts->max_blocks))
		return -EINVAL;
	if (o.has_inodes && o.inodes && ((u64)ts->used_inodes > o.inodes || !ts->max_inodes))
		return -EINVAL;
	if ((o.has_blocks && !o.blocks && ts->max_blocks) || (o.has_inodes && !o.inodes && ts->max_inodes))
		return -EINVAL;
	apply_limits(ts, &o);
	return 0;
}

static size_t tmpfs_show_options(struct super *sb, char *buf, size_t size)
{
	struct tmpfs_super *ts = tmpfs_super(sb);
	struct page_stats st;
	struct strbuf out;

	strbuf_init(&out, buf, size);
	page_stats(&st);
	if (ts->max_blocks != st.total / 2)
		strbuf_printf(&out, ",size=%lluk", ts->max_blocks * (PAGE_SIZE / 1024));
	if (ts->max_inodes != st.total / 2)
		strbuf_printf(&out, ",nr_inodes=%llu", ts->max_inodes);
	if (ts->mode != 01777)
		strbuf_printf(&out, ",mode=%03o", ts->mode);
	if (ts->uid)
		strbuf_printf(&out, ",uid=%u", ts->uid);
	if (ts->gid)
		strbuf_printf(&out, ",gid=%u", ts->gid);
	strbuf_puts(&out, ",inode64");
	return out.len;
}

static void tmpfs_kill(struct super *sb)
{
	kfree(sb->private);
}

const struct super_ops tmpfs_super_ops = {
	.alloc_inode = tmpfs_alloc_inode,
	.free_inode = tmpfs_free_inode,
	.evict = tmpfs_evict,
	.statfs = tmpfs_statfs,
	.remount = tmpfs_remount,
	.show_options = tmpfs_show_options,
	.kill = tmpfs_kill,
};

int tmpfs_mount(struct fs_type *t, unsigned sb_flags, const char *source, const char *options, struct super **out)
{
	struct tmpfs_super *ts;
	struct tmpfs_options o;
	struct page_stats st;
	struct inode *root;
	struct super *sb;
	int err = parse_options(options, &o);

	if (err)
		return err;
	ts = kzalloc(sizeof(*ts), 0);
	if (!ts)
		return -ENOMEM;
	err = super_create(t, &tmpfs_super_ops, sb_flags & ~(unsigned)MS_RDONLY, &sb);
	if (err) {
		kfree(ts);
		return err;
	}
	sb->private = ts;
	sb->magic = TMPFS_MAGIC;
	page_stats(&st);
	ts->max_blocks = ts->max_inodes = st.total / 2;
	apply_limits(ts, &o);
	ts->mode = o.has_mode ? o.mode : 01777;
	ts->uid = o.has_uid ? o.uid : cred_current()->fsuid;
	ts->gid = o.has_gid ? o.gid : cred_current()->fsgid;
	err = tmpfs_inode_create(sb, NULL, S_IFDIR | ts->mode, 0, &root);
	if (!err) {
		root->uid = ts->uid;
		root->gid = ts->gid;
		sb->root = dentry_create_root(sb, root);
		if (!sb->root)
			err = -ENOMEM;
	}
	if (err) {
		super_put(sb);
		return err;
	}
	sb->flags = sb_flags;
	*out = sb;
	return 0;
}

struct fs_type tmpfs_type = {.name = "tmpfs", .flags = FS_NODEV | FS_USERNS | FS_HANDLES | FS_PINS_NAMES | FS_ACLS, .mount = tmpfs_mount};

void tmpfs_init(void);
void tmpfs_init(void)
{
	tmpfs_cache = slab_cache_create("tmpfs_inode", sizeof(struct tmpfs_inode), 64, SLAB_PANIC);
	fs_register(&tmpfs_type);
}
