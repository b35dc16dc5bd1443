/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tmpfs: files in memory. Also the root file system, devtmpfs, and what memfd and shared anonymous memory are made of.
 *
 * Data are pages of inode->data, born zero. A directory is the set of its pinned dentries: the name cache finds a name, and a miss in the cache means that
 * the name does not exist; a tree by creation number gives readdir an order that stays while names come and go. Nothing survives unmounting.
 */
#include "tmpfs.h"
#include <lib/parse.h>
#include <lib/printf.h>
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

	if (S_ISREG(inode->mode) && !ts->files)
		vm_object_fini(&inode->data);
	else if (S_ISREG(inode->mode) && inode->data.ops)
		ts->files->fini(inode);
	tmpfs_xattrs_free(tmpfs_inode(inode));
	tmpfs_handle_forget(tmpfs_inode(inode));
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
		if (ts->files) {
			int err = ts->files->init(inode);

			if (err) {
				inode_put(inode);
				return err;
			}
			break;
		}
		vm_object_init(&inode->data, &tmpfs_object_ops, inode);
		inode->ops = &tmpfs_file_ops;
		inode->fops = &tmpfs_file_fops;
		break;
	case S_IFDIR:
		inode->ops = ts->files ? ts->files->dir_ops : &tmpfs_dir_ops;
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

/* ---- parameters ---- */

enum { P_SIZE, P_BLOCKS, P_INODES, P_MODE, P_UID, P_GID, P_HUGE, P_INODE32, P_INODE64, P_NOSWAP };

static const struct fs_word huge_words[] = {{"never", 0}, {"always", 1}, {"within_size", 2}, {"advise", 3}, {NULL, 0}};

const struct fs_param tmpfs_params[] = {
	{"size", PARAM_STRING, P_SIZE, NULL},
	{"nr_blocks", PARAM_SIZE, P_BLOCKS, NULL},
	{"nr_inodes", PARAM_SIZE, P_INODES, NULL},
	{"mode", PARAM_OCT, P_MODE, NULL},
	{"uid", PARAM_UID, P_UID, NULL},
	{"gid", PARAM_GID, P_GID, NULL},
	{"huge", PARAM_WORD, P_HUGE, huge_words},
	{"inode32", PARAM_FLAG, P_INODE32, NULL},
	{"inode64", PARAM_FLAG, P_INODE64, NULL},
	{"noswap", PARAM_FLAG, P_NOSWAP, NULL},
	{NULL, 0, 0, NULL},
};

/* Bytes, or a part of the memory: "50%". */
static int parse_blocks(const char *v, u64 *out)
{
	struct page_stats st;
	const char *end;
	u64 n;

	if (strtou64_prefix(v, 10, &end, &n) == 0 && strcmp(end, "%") == 0) {
		page_stats(&st);
		if (n > 1000)
			return -EINVAL;
		*out = st.total * n / 100;
		return 0;
	}
	if (parse_size(v, &n))
		return -EINVAL;
	*out = DIV_ROUND_UP(n, PAGE_SIZE);
	return 0;
}

int tmpfs_set(struct fs_config *c, const struct fs_param *p, const struct fs_value *v)
{
	struct tmpfs_options *o = c->private;

	switch (p->id) {
	case P_SIZE:
		if (parse_blocks(v->string, &o->blocks))
			return fs_config_invalid(c, "Bad value for '%s'", p->name);
		break;
	case P_BLOCKS:
		if (v->number > (u64)S64_MAX >> PAGE_SHIFT)
			return fs_config_invalid(c, "Bad value for '%s'", p->name);
		o->blocks = v->number;
		break;
	case P_INODES: o->inodes = v->number; break;
	case P_MODE: o->mode = (u32)v->number & 07777; break;
	case P_UID: o->uid = (u32)v->number; break;
	case P_GID: o->gid = (u32)v->number; break;
	case P_HUGE: o->huge = (u8)v->number; break;
	case P_INODE32: o->inode32 = true; break;
	case P_INODE64: o->inode32 = false; break;
	case P_NOSWAP: break;
	}
	o->given |= 1u << (p->id == P_BLOCKS ? P_SIZE : p->id == P_INODE32 ? P_INODE64 : p->id);
	return 0;
}

static bool given(const struct tmpfs_options *o, unsigned what)
{
	return o->given & 1u << what;
}

static void apply(struct tmpfs_super *ts, const struct tmpfs_options *o)
{
	if (given(o, P_SIZE))
		ts->max_blocks = o->blocks;
	if (given(o, P_INODES))
		ts->max_inodes = o->inodes;
	if (given(o, P_HUGE))
		ts->huge = o->huge;
	if (given(o, P_INODE64))
		ts->inode32 = o->inode32;
	if (given(o, P_NOSWAP))
		ts->noswap = true;
}

/* A limit can be moved, but not below what is used; and what has none keeps none. */
int tmpfs_reconfigure(struct fs_config *c)
{
	struct tmpfs_super *ts = tmpfs_super(c->super);
	const struct tmpfs_options *o = c->private;

	if (given(o, P_SIZE) && o->blocks) {
		if (!ts->max_blocks)
			return fs_config_invalid(c, "Cannot retroactively limit size");
		if ((u64)max_t(s64, ts->used_blocks, 0) > o->blocks)
			return fs_config_invalid(c, "Too small a size for current use");
	}
	if (given(o, P_INODES) && o->inodes) {
		if (!ts->max_inodes)
			return fs_config_invalid(c, "Cannot retroactively limit inodes");
		if ((u64)ts->used_inodes > o->inodes)
			return fs_config_invalid(c, "Too few inodes for current use");
	}
	if (given(o, P_NOSWAP) && !ts->noswap)
		return fs_config_invalid(c, "Cannot disable swap on remount");
	if (!given(o, P_NOSWAP) && ts->noswap)
		return fs_config_invalid(c, "Cannot enable swap on remount if it was disabled on first mount");
	apply(ts, o);
	return 0;
}

static size_t tmpfs_show_options(struct super *sb, char *buf, size_t size)
{
	static const char *const huge[] = {"", ",huge=always", ",huge=within_size", ",huge=advise"};
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
	strbuf_puts(&out, ts->inode32 ? ",inode32" : ",inode64");
	strbuf_puts(&out, huge[ts->huge]);
	if (ts->noswap)
		strbuf_puts(&out, ",noswap");
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
	.show_options = tmpfs_show_options,
	.kill = tmpfs_kill,
	.handle_note = tmpfs_handle_note,
	.handle_open = tmpfs_handle_open,
};

int tmpfs_begin(struct fs_config *c)
{
	struct tmpfs_options *o = c->private;
	struct page_stats st;

	page_stats(&st);
	*o = (struct tmpfs_options){.blocks = st.total / 2, .inodes = st.total / 2, .mode = 01777, .uid = cred_current()->fsuid,
		.gid = cred_current()->fsgid};
	return 0;
}

int tmpfs_create_super(struct fs_config *c)
{
	const struct tmpfs_options *o = c->private;
	struct tmpfs_super *ts;
	struct inode *root;
	struct super *sb;
	int err;

	ts = kzalloc(sizeof(*ts), 0);
	if (!ts)
		return -ENOMEM;
	err = super_create(c->type, &tmpfs_super_ops, c->sb_flags & ~(unsigned)MS_RDONLY, &sb);
	if (err) {
		kfree(ts);
		return err;
	}
	sb->private = ts;
	tmpfs_handles_init(ts);
	sb->magic = TMPFS_MAGIC;
	ts->max_blocks = o->blocks;
	ts->max_inodes = o->inodes;
	apply(ts, o);
	ts->mode = o->mode;
	ts->uid = o->uid;
	ts->gid = o->gid;
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
	sb->flags = c->sb_flags;
	c->super = sb;
	return 0;
}

struct fs_type tmpfs_type = {.name = "tmpfs", .flags = FS_NODEV | FS_USERNS | FS_PINS_NAMES | FS_ACLS, TMPFS_CONFIG, .create = tmpfs_create_super};

/* ---- ramfs: without limits, and deaf to parameters but one ---- */

static const struct fs_param ramfs_params[] = {{"mode", PARAM_OCT, P_MODE, NULL}, {NULL, 0, 0, NULL}};

static int ramfs_begin(struct fs_config *c)
{
	*(struct tmpfs_options *)c->private = (struct tmpfs_options){.mode = 0755};
	return 0;
}

static size_t ramfs_show_options(struct super *sb, char *buf, size_t size)
{
	u32 mode = tmpfs_super(sb)->mode;

	return mode == 0755 ? 0 : (size_t)scnprintf(buf, size, ",mode=%o", mode);
}

static struct super_ops ramfs_super_ops;

static int ramfs_create(struct fs_config *c)
{
	int err = tmpfs_create_super(c);

	if (!err) {
		c->super->ops = &ramfs_super_ops;
		c->super->magic = RAMFS_MAGIC;
	}
	return err;
}

static struct fs_type ramfs_type = {.name = "ramfs", .flags = FS_NODEV | FS_USERNS | FS_PINS_NAMES | FS_ANY_PARAM, .params = ramfs_params,
	.config_size = sizeof(struct tmpfs_options), .begin = ramfs_begin, .set = tmpfs_set, .create = ramfs_create};

void tmpfs_init(void);
void tmpfs_init(void)
{
	tmpfs_cache = slab_cache_create("tmpfs_inode", sizeof(struct tmpfs_inode), 64, SLAB_PANIC);
	ramfs_super_ops = tmpfs_super_ops;
	ramfs_super_ops.show_options = ramfs_show_options;
	ramfs_super_ops.handle_note = NULL;
	ramfs_super_ops.handle_open = NULL;
	fs_register(&tmpfs_type);
	fs_register(&ramfs_type);
}
