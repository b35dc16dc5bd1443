/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hugetlbfs [linux Documentation/admin-guide/mm/hugetlbpage.rst]: a tmpfs whose regular files are huge pages. They are mapped, read, truncated and allocated in
 * advance, but not written to. A mount may have limits of its own: so many pages at most, so many reserved for it.
 */
#include "tmpfs.h"
#include <lib/parse.h>
#include <lib/strbuf.h>
#include <lib/string.h>
#include <vm/hugetlb.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <vfs/hugetlbfs.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/memfd.h>

struct hugetlbfs_super {
	struct tmpfs_super tmpfs; /* first: what tmpfs finds in super->private */
	struct hugetlb_limits limits;
	struct super_ops ops;
};

int hugetlb_shm_group;
static struct mount *hugetlb_mount;

static struct hugetlbfs_super *super_of(const struct super *sb)
{
	return sb->private;
}

static struct hugetlb_file *pages_of(const struct inode *inode)
{
	return inode->data.owner;
}

/* ---- files ---- */

static int set_size(struct inode *inode, u64 size)
{
	u32 seals = tmpfs_inode(inode)->seals;
	u64 old = inode->data.size;

	if (size & (HUGETLB_SIZE - 1))
		return -EINVAL;
	if ((size < old && (seals & F_SEAL_SHRINK)) || (size > old && (seals & F_SEAL_GROW)))
		return -EPERM;
	hugetlb_truncate(pages_of(inode), size);
	return 0;
}

static int file_setattr(struct inode *inode, const struct iattr *attr)
{
	if (attr->valid & IATTR_SIZE) {
		int err = set_size(inode, attr->size);

		if (err)
			return err;
	}
	inode_setattr_copy(inode, attr);
	return 0;
}

static const struct inode_ops file_ops = {.getattr = tmpfs_getattr, .setattr = file_setattr};

/* The part of the hole that is not whole pages is cleared. */
static void clear_part(struct inode *inode, u64 start, u64 end)
{
	if (start < end)
		vm_object_clear(&inode->data, start, end);
}

static int punch(struct inode *inode, u64 start, u64 end)
{
	u64 first = align_up(start, HUGETLB_SIZE), last = align_down(end, HUGETLB_SIZE);

	if (tmpfs_inode(inode)->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EPERM;
	clear_part(inode, start, min(first, end));
	hugetlb_punch(pages_of(inode), first, last);
	if (last >= first)
		clear_part(inode, last, end);
	return 0;
}

static int reserve(struct inode *inode, u64 start, u64 end, bool keep_size)
{
	bool grows = end > inode->data.size;
	int err;

	if (end > inode->super->maxbytes || (grows && end > rlimit_cur(RLIMIT_FSIZE)))
		return -EFBIG;
	if (grows && (tmpfs_inode(inode)->seals & F_SEAL_GROW))
		return -EPERM;
	err = hugetlb_fill(pages_of(inode), start, end);
	if (!err && grows && !keep_size)
		WRITE_ONCE(inode->data.size, align_up(end, HUGETLB_SIZE));
	return err;
}

static int file_fallocate(struct file *f, int mode, s64 off, s64 len)
{
	struct inode *inode = f->inode;
	u64 start = (u64)off, end = start + (u64)len;
	int err;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	write_lock(&inode->lock);
	err = mode & FALLOC_FL_PUNCH_HOLE ? punch(inode, start, end) : reserve(inode, start, end, mode & FALLOC_FL_KEEP_SIZE);
	if (!err)
		inode_touch(inode, IATTR_MTIME | IATTR_CTIME);
	write_unlock(&inode->lock);
	return err;
}

/* A mapping that may write makes the file as long as it reaches. */
static int file_mmap(struct file *f, struct vm_map_args *args)
{
	struct inode *inode = f->inode;
	u32 seals = READ_ONCE(tmpfs_inode(inode)->seals);
	u64 end = (args->pgoff << PAGE_SHIFT) + align_up(args->len, HUGETLB_SIZE);

	if ((args->pgoff << PAGE_SHIFT) & (HUGETLB_SIZE - 1))
		return -EINVAL;
	if ((args->flags & VM_SHARED) && (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))) {
		if (args->flags & VM_WRITE)
			return -EPERM;
		args->flags &= ~(u32)VM_MAYWRITE;
	}
	args->flags |= VM_HUGETLB;
	if ((args->flags & VM_WRITE) && end > READ_ONCE(inode->data.size)) {
		write_lock(&inode->lock);
		if (end > inode->data.size && !(inode->nlink && (seals & F_SEAL_GROW)))
			WRITE_ONCE(inode->data.size, end);
		write_unlock(&inode->lock);
	}
	return pagefile_mmap(f, args);
}

static int file_fsync(struct file *f, s64 start, s64 end, bool datasync)
{
	return 0;
}

static s64 file_lseek(struct file *f, s64 off, int whence)
{
	return lseek_size(f, off, whence, (s64)f->inode->super->maxbytes, (s64)READ_ONCE(f->inode->data.size));
}

static const struct file_ops file_fops = {
	.read = pagefile_read,
	.lseek = file_lseek,
	.mmap = file_mmap,
	.fsync = file_fsync,
	.fallocate = file_fallocate,
	.fcntl = tmpfs_fcntl,
};

bool file_is_hugetlb(const struct file *f)
{
	return f->ops == &file_fops;
}

static int hugefile_init(struct inode *inode)
{
	if (!hugetlb_file_create(&inode->data, &super_of(inode->super)->limits))
		return -ENOMEM;
	inode->ops = &file_ops;
	inode->fops = &file_fops;
	return 0;
}

static void hugefile_fini(struct inode *inode)
{
	hugetlb_file_destroy(pages_of(inode));
}

void hugetlb_empty(struct file *f)
{
	hugetlb_truncate(pages_of(f->inode), 0);
}

/* As on Linux, a directory has no size, and there are no symbolic links: their text would have to be written. */
static int dir_getattr(struct inode *inode, struct kstat *st)
{
	st->size = 0;
	return 0;
}

static int no_symlink(struct inode *dir, struct dentry *d, const char *text)
{
	return -EINVAL;
}

static struct inode_ops dir_ops; /* tmpfs', but for these */
static const struct tmpfs_files hugetlb_files = {hugefile_init, hugefile_fini, &dir_ops};

/* ---- the file system ---- */

enum { P_UID, P_GID, P_MODE, P_SIZE, P_MIN_SIZE, P_INODES, P_PAGESIZE };

static const struct fs_param params[] = {
	{"uid", PARAM_UID, P_UID, NULL},
	{"gid", PARAM_GID, P_GID, NULL},
	{"mode", PARAM_OCT, P_MODE, NULL},
	{"size", PARAM_STRING, P_SIZE, NULL},
	{"min_size", PARAM_STRING, P_MIN_SIZE, NULL},
	{"nr_inodes", PARAM_STRING, P_INODES, NULL},
	{"pagesize", PARAM_STRING, P_PAGESIZE, NULL},
	{NULL, 0, 0, NULL},
};

struct hugetlbfs_options {
	u64 max, min, inodes; /* pages; ~0: not given */
	u32 mode, uid, gid;
};

static int begin(struct fs_config *c)
{
	*(struct hugetlbfs_options *)c->private = (struct hugetlbfs_options){.max = ~0ull, .min = ~0ull, .mode = 0755,
		.uid = cred_current()->fsuid, .gid = cred_current()->fsgid};
	return 0;
}

/* Bytes, or a part of the pool: "50%". */
static int parse_pages(struct fs_config *c, const struct fs_param *p, const char *text, u64 *out)
{
	struct hugetlb_stats pool;
	const char *end;
	u64 n;

	if (text[0] < '0' || text[0] > '9')
		goto bad;
	if (strtou64_prefix(text, 0, &end, &n) == 0 && strcmp(end, "%") == 0) {
		hugetlb_stats(&pool);
		*out = n > 100000 ? ~0ull - 1 : pool.total * n / 100;
		return 0;
	}
	if (parse_size(text, &n))
		goto bad;
	*out = n >> HUGETLB_SHIFT;
	return 0;
bad:
	return fs_config_invalid(c, "Bad value '%s' for mount option '%s'\n", text, p->name);
}

static int set(struct fs_config *c, const struct fs_param *p, const struct fs_value *v)
{
	struct hugetlbfs_options *o = c->private;
	u64 n;

	switch (p->id) {
	case P_UID: o->uid = (u32)v->number; return 0;
	case P_GID: o->gid = (u32)v->number; return 0;
	case P_MODE: o->mode = (u32)v->number & 01777; return 0;
	case P_SIZE: return parse_pages(c, p, v->string, &o->max);
	case P_MIN_SIZE: return parse_pages(c, p, v->string, &o->min);
	case P_INODES:
		if (parse_size(v->string, &o->inodes))
			return fs_config_invalid(c, "Bad value '%s' for mount option '%s'\n", v->string, p->name);
		return 0;
	default:
		if (parse_size(v->string, &n) || n != HUGETLB_SIZE)
			return fs_config_invalid(c, "Unsupported page size %s\n", v->string);
		return 0;
	}
}

static int statfs(struct super *sb, struct kstatfs *out)
{
	struct hugetlbfs_super *hs = super_of(sb);

	if (hs->limits.max != ~0ull) {
		out->blocks = hs->limits.max;
		spin_lock(&hs->limits.lock);
		out->bfree = out->bavail = hs->limits.max - hs->limits.used;
		spin_unlock(&hs->limits.lock);
	}
	if (hs->tmpfs.max_inodes) {
		out->files = hs->tmpfs.max_inodes;
		out->ffree = hs->tmpfs.max_inodes - min(hs->tmpfs.max_inodes, (u64)READ_ONCE(hs->tmpfs.used_inodes));
	}
	return 0;
}

static size_t show_options(struct super *sb, char *buf, size_t size)
{
	struct hugetlbfs_super *hs = super_of(sb);
	struct strbuf out;

	strbuf_init(&out, buf, size);
	if (hs->tmpfs.uid)
		strbuf_printf(&out, ",uid=%u", hs->tmpfs.uid);
	if (hs->tmpfs.gid)
		strbuf_printf(&out, ",gid=%u", hs->tmpfs.gid);
	if (hs->tmpfs.mode != 0755)
		strbuf_printf(&out, ",mode=%o", hs->tmpfs.mode);
	if (hs->tmpfs.max_inodes)
		strbuf_printf(&out, ",nr_inodes=%llu", hs->tmpfs.max_inodes);
	strbuf_printf(&out, ",pagesize=%lluM", HUGETLB_SIZE >> 20);
	if (hs->limits.max != ~0ull)
		strbuf_printf(&out, ",size=%llu", hs->limits.max << HUGETLB_SHIFT);
	if (hs->limits.min)
		strbuf_printf(&out, ",min_size=%llu", hs->limits.min << HUGETLB_SHIFT);
	return out.len;
}

static void kill(struct super *sb)
{
	hugetlb_limits_fini(&super_of(sb)->limits);
	kfree(sb->private);
}

static int make_super(struct fs_config *c, struct hugetlbfs_super *hs)
{
	const struct hugetlbfs_options *o = c->private;
	struct inode *root;
	struct super *sb;
	int err;

	hs->tmpfs.max_inodes = o->inodes;
	hs->tmpfs.mode = o->mode;
	hs->tmpfs.uid = o->uid;
	hs->tmpfs.gid = o->gid;
	hs->tmpfs.files = &hugetlb_files;
	tmpfs_handles_init(&hs->tmpfs);
	hs->ops = tmpfs_super_ops;
	hs->ops.statfs = statfs;
	hs->ops.show_options = show_options;
	hs->ops.kill = kill;
	hs->ops.handle_note = NULL;
	hs->ops.handle_open = NULL;
	err = super_create(c->type, &hs->ops, c->sb_flags & ~(unsigned)MS_RDONLY, &sb);
	if (err) {
		hugetlb_limits_fini(&hs->limits);
		kfree(hs);
		return err;
	}
	sb->private = hs;
	sb->magic = HUGETLBFS_MAGIC;
	sb->blksize = (u32)HUGETLB_SIZE;
	err = tmpfs_inode_create(sb, NULL, S_IFDIR | o->mode, 0, &root);
	if (!err) {
		root->uid = o->uid;
		root->gid = o->gid;
		sb->root = dentry_create_root(sb, root);
		err = sb->root ? 0 : -ENOMEM;
	}
	if (err) {
		super_put(sb);
		return err;
	}
	sb->flags = c->sb_flags;
	c->super = sb;
	return 0;
}

static int create(struct fs_config *c)
{
	const struct hugetlbfs_options *o = c->private;
	struct hugetlbfs_super *hs;

	if (o->min != ~0ull && o->max != ~0ull && o->min > o->max)
		return fs_config_invalid(c, "Minimum size can not be greater than maximum size\n");
	hs = kzalloc(sizeof(*hs), ALLOC_SLEEP);
	if (!hs)
		return -ENOMEM;
	if (hugetlb_limits_init(&hs->limits, o->max, o->min == ~0ull ? 0 : o->min)) {
		kfree(hs);
		return -ENOMEM;
	}
	return make_super(c, hs);
}

static struct fs_type hugetlbfs_type = {.name = "hugetlbfs", .flags = FS_NODEV | FS_PINS_NAMES, .params = params,
	.config_size = sizeof(struct hugetlbfs_options), .begin = begin, .set = set, .create = create};

int hugetlbfs_init(void);
int hugetlbfs_init(void)
{
	dir_ops = tmpfs_dir_ops;
	dir_ops.getattr = dir_getattr;
	dir_ops.symlink = no_symlink;
	fs_register(&hugetlbfs_type);
	return mount_internal(&hugetlbfs_type, NULL, &hugetlb_mount);
}

int hugetlb_create(const char *name, u64 size, u32 mode, u32 seals, bool reserved, struct file **out)
{
	u64 bytes = align_up(size, HUGETLB_SIZE);
	struct file *f;
	int err;

	if (bytes < size)
		return -ENOMEM;
	err = memory_file_create(hugetlb_mount, name, bytes, mode, seals, &f);
	if (!err && reserved) {
		err = hugetlb_file_reserve(pages_of(f->inode), bytes);
		if (err)
			file_put(f);
	}
	if (!err)
		*out = f;
	return err;
}
