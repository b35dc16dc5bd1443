/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The initramfs: cpio archives, plain or gzip'ed, one after the other with zeroes between, unpacked into the root file system at boot. Its memory is given
 * back afterwards. A broken archive is reported and what came before it stays, as on Linux.
 *
 * Entries are made through the same operations as system calls, so names may be anything that a program could give them. Hard links: the first name of an
 * inode with several is remembered until the archive ends; the others are linked to it, and whichever has data writes it. What is made in a directory
 * changes its time, so the times of directories are set when all is unpacked.
 */
#include "vfs_impl.h"
#include <arch/boot.h>
#include <debug/log.h>
#include <init/initcall.h>
#include <init/param.h>
#include <lib/cpio.h>
#include <lib/hlist.h>
#include <lib/inflate.h>
#include <lib/string.h>
#include <lib/hash.h>
#include <mm/kmap.h>
#include <mm/page.h>
#include <mm/slab.h>
#include <time/clock.h>
#include <linux/fs.h>

#define LINK_BITS   6
#define OUT_SIZE    (256u << 10)
#define MAX_REPORTS 10

struct link_name {
	struct hlist_node node;
	u32 ino, major, minor, type;
	char name[];
};

struct dir_time {
	struct hlist_node node;
	u32 mtime;
	char name[];
};

struct unpack {
	struct cpio cpio;
	struct inflate_work work;
	struct inflate_io io;
	struct hlist_head links[1u << LINK_BITS];
	struct hlist_head dirs; /* the latest first */
	struct file *file;	/* of the entry under way */
	s64 pos;
	char target[PATH_MAX];
	u32 target_len;
	bool skip;
	u32 nentries, nerrors;
};

static void report(struct unpack *u, const char *what, const char *name, int err)
{
	if (u->nerrors++ < MAX_REPORTS)
		klog(LOG_ERR, "initramfs: %s %s: error %d", what, name, err);
}

static struct hlist_head *link_bucket(struct unpack *u, const struct cpio_entry *e)
{
	return &u->links[hash_u32(e->ino ^ e->dev_minor << 20 ^ e->dev_major << 28, LINK_BITS)];
}

/* The first name of this entry's inode, or NULL (then this one is remembered). */
static const char *link_find(struct unpack *u, const struct cpio_entry *e, const char *name)
{
	struct link_name *l;
	size_t len;

	if (e->nlink < 2 || S_ISDIR(e->mode))
		return NULL;
	hlist_for_each_entry(l, link_bucket(u, e), node)
	{
		if (l->ino == e->ino && l->major == e->dev_major && l->minor == e->dev_minor && l->type == (e->mode & S_IFMT))
			return l->name;
	}
	len = strlen(name) + 1;
	l = kmalloc(sizeof(*l) + len, 0);
	if (!l) {
		report(u, "link", name, -ENOMEM);
		return NULL;
	}
	l->ino = e->ino;
	l->major = e->dev_major;
	l->minor = e->dev_minor;
	l->type = e->mode & S_IFMT;
	memcpy(l->name, name, len);
	hlist_add_head(&l->node, link_bucket(u, e));
	return NULL;
}

static void links_free(struct unpack *u)
{
	for (u32 i = 0; i < 1u << LINK_BITS; i++) {
		struct hlist_node *tmp;
		struct link_name *l;

		hlist_for_each_entry_safe(l, tmp, &u->links[i], node)
			kfree(l);
		hlist_init(&u->links[i]);
	}
}

static void set_attributes(struct inode *inode, const struct cpio_entry *e)
{
	write_lock(&inode->lock);
	WRITE_ONCE(inode->uid, e->uid);
	WRITE_ONCE(inode->gid, e->gid);
	if (!S_ISLNK(e->mode))
		WRITE_ONCE(inode->mode, (inode->mode & S_IFMT) | (e->mode & 07777));
	inode->mtime = (struct ktime){.sec = e->mtime};
	write_unlock(&inode->lock);
}

static void dir_remember(struct unpack *u, const char *name, u32 mtime)
{
	size_t len = strlen(name) + 1;
	struct dir_time *d = kmalloc(sizeof(*d) + len, 0);

	if (!d)
		return; /* it has the time of its unpacking */
	d->mtime = mtime;
	memcpy(d->name, name, len);
	hlist_add_head(&d->node, &u->dirs);
}

static void dir_set_time(const struct dir_time *d)
{
	struct path_name *n;
	struct path p;

	if (path_name_kernel(d->name, &n))
		return;
	if (path_lookup(AT_FDCWD, n, 0, &p) == 0) {
		struct inode *inode = path_inode(&p);

		write_lock(&inode->lock);
		if (S_ISDIR(inode->mode))
			inode->mtime = (struct ktime){.sec = d->mtime};
		write_unlock(&inode->lock);
		path_put(&p);
	}
	path_name_put(n);
}

/* In the order of the archive: a directory that came twice has the later time. */
static void dirs_set_times(struct unpack *u)
{
	struct hlist_head in_order = {0};
	struct hlist_node *tmp;
	struct dir_time *d;

	hlist_for_each_entry_safe(d, tmp, &u->dirs, node)
	{
		hlist_del(&d->node);
		hlist_add_head(&d->node, &in_order);
	}
	hlist_for_each_entry_safe(d, tmp, &in_order, node)
	{
		dir_set_time(d);
		kfree(d);
	}
}

static int apply_attributes(const struct path_name *n, const struct cpio_entry *e)
{
	struct path p;
	int err = path_lookup(AT_FDCWD, n, 0, &p);

	if (err)
		return err;
	set_attributes(path_inode(&p), e);
	path_put(&p);
	return 0;
}

/* Something else of another kind stands there: it makes room. */
static void clear_place(const struct path_name *n, u32 mode)
{
	struct path p;
	u32 old;
	int err;

	if (path_lookup(AT_FDCWD, n, 0, &p))
		return;
	old = path_inode(&p)->mode;
	path_put(&p);
	if ((old & S_IFMT) == (mode & S_IFMT) && (S_ISDIR(old) || S_ISREG(old)))
		return;
	err = S_ISDIR(old) ? vfs_rmdirat(AT_FDCWD, n) : vfs_unlinkat(AT_FDCWD, n);
	if (err)
		klog(LOG_WARN, "initramfs: %s stands in the way: error %d", path_name_str(n), err);
}

static int make_link(const char *first, const struct path_name *n)
{
	struct path_name *old;
	int err = path_name_kernel(first, &old);

	if (err)
		return err;
	err = vfs_linkat(AT_FDCWD, old, AT_FDCWD, n, 0);
	path_name_put(old);
	return err;
}

static int begin_file(struct unpack *u, const struct cpio_entry *e, const struct path_name *n, const char *first)
{
	unsigned flags = O_WRONLY | O_LARGEFILE;
	int err;

	if (first) {
		err = make_link(first, n);
		if (err || !e->size)
			return err;
	} else {
		flags |= O_CREAT | O_TRUNC;
	}
	err = file_open(AT_FDCWD, n, flags, 0600, 0, &u->file);
	u->pos = 0;
	return err;
}

static int begin(struct unpack *u, const struct cpio_entry *e, const struct path_name *n)
{
	const char *first;
	int err = 0;

	clear_place(n, e->mode);
	first = link_find(u, e, path_name_str(n));
	switch (e->mode & S_IFMT) {
	case S_IFREG: return begin_file(u, e, n, first);
	case S_IFLNK: u->target_len = 0; return e->size < PATH_MAX ? 0 : -ENAMETOOLONG;
	case S_IFDIR:
		dir_remember(u, path_name_str(n), e->mtime);
		err = vfs_mkdirat(AT_FDCWD, n, 0700);
		if (err == -EEXIST)
			err = 0;
		break;
	default:
		err = first ? make_link(first, n)
			    : vfs_mknodat(AT_FDCWD, n, (e->mode & S_IFMT) | 0600, vfs_mkdev(e->rdev_major, e->rdev_minor));
	}
	return err ? err : apply_attributes(n, e);
}

static int data(struct unpack *u, const void *p, size_t len)
{
	if (S_ISLNK(u->cpio.entry.mode)) {
		memcpy(u->target + u->target_len, p, len);
		u->target_len += (u32)len;
		return 0;
	}
	while (u->file && len) {
		ssize_t n = file_write_at(u->file, p, len, u->pos);

		if (n <= 0)
			return n ? (int)n : -EIO;
		p = (const char *)p + n;
		len -= (size_t)n;
		u->pos += n;
	}
	return 0;
}

static int make_symlink(struct unpack *u, const struct path_name *n)
{
	struct path_name *target;
	int err;

	u->target[u->target_len] = '\0';
	if (!u->target_len)
		return -ENOENT;
	err = path_name_kernel(u->target, &target);
	if (err)
		return err;
	err = vfs_symlinkat(target, AT_FDCWD, n);
	path_name_put(target);
	return err ? err : apply_attributes(n, &u->cpio.entry);
}

static void end_file(struct unpack *u)
{
	if (!u->file)
		return;
	set_attributes(u->file->inode, &u->cpio.entry);
	file_put_sync(u->file);
	u->file = NULL;
}

static void on_event(struct unpack *u, const struct cpio_event *ev)
{
	const char *name = u->cpio.name;
	struct path_name *n;
	int err = 0;

	if (ev->type == CPIO_TRAILER) {
		links_free(u);
		return;
	}
	if (ev->type == CPIO_DATA) {
		if (!u->skip)
			err = data(u, ev->data, ev->len);
		if (err) {
			report(u, "cannot write", name, err);
			u->skip = true;
		}
		return;
	}
	if (ev->type == CPIO_ENTRY)
		u->skip = false;
	if (ev->type == CPIO_ENTRY_END && !S_ISLNK(u->cpio.entry.mode)) {
		end_file(u);
		return;
	}
	if (u->skip)
		return;
	err = path_name_kernel(name, &n);
	if (!err) {
		if (ev->type == CPIO_ENTRY)
			err = begin(u, &u->cpio.entry, n);
		else
			err = make_symlink(u, n);
		path_name_put(n);
	}
	if (ev->type == CPIO_ENTRY)
		u->nentries++;
	if (err) {
		report(u, "cannot make", name, err);
		u->skip = true;
	}
}

/* One piece of an archive. 0; 1: something foreign follows (cpio_rest); -errno. */
static int feed(struct unpack *u, const void *p, size_t len)
{
	struct cpio_event ev;
	int err;

	cpio_feed(&u->cpio, p, len);
	while ((err = cpio_next(&u->cpio, &ev)) == 0) {
		if (ev.type == CPIO_NEED_INPUT)
			return 0;
		if (ev.type == CPIO_FOREIGN)
			return 1;
		on_event(u, &ev);
	}
	return err;
}

static int flush(struct inflate_io *io, const u8 *p, size_t len)
{
	int err = feed(container_of(io, struct unpack, io), p, len);

	return err > 0 ? -EBADMSG : err; /* compressed within compressed is not unpacked */
}

static int unpack_gzip(struct unpack *u, const u8 **at, const u8 *end, u8 *out)
{
	int err;

	u->io = (struct inflate_io){.in = *at, .in_end = end, .out = out, .out_cap = OUT_SIZE, .flush = flush};
	err = gzip_inflate(&u->work, &u->io);
	if (!err)
		err = cpio_finish(&u->cpio);
	*at = u->io.in;
	return err;
}

static int unpack_plain(struct unpack *u, const u8 **at, const u8 *end)
{
	size_t rest = 0;
	int err = feed(u, *at, (size_t)(end - *at));

	if (err == 1) {
		*at = cpio_rest(&u->cpio, &rest);
		return 0;
	}
	*at = end;
	return err ? err : cpio_finish(&u->cpio);
}

static int unpack_all(struct unpack *u, const u8 *at, const u8 *end, u8 *out)
{
	int err = 0;

	while (!err && at < end) {
		const u8 *start = at;

		if (!*at) {
			at++;
			continue;
		}
		cpio_init(&u->cpio);
		if (gzip_has_magic(at, (size_t)(end - at)))
			err = unpack_gzip(u, &at, end, out);
		else if (end - at >= 6 && memcmp(at, "07070", 5) == 0)
			err = unpack_plain(u, &at, end);
		else
			err = -EBADMSG;
		end_file(u);
		links_free(u);
		if (!err && at == start)
			err = -EBADMSG;
	}
	return err;
}

static int initramfs_init(void)
{
	u64 t0 = clock_monotonic();
	const u8 *p = paddr_va(boot_info.initrd);
	struct unpack *u;
	u8 *out;
	int err;

	if (!boot_info.initrd_len || param_get("noinitrd"))
		return 0;
	u = kzalloc(sizeof(*u), 0);
	out = kmalloc(OUT_SIZE, 0);
	if (u && out) {
		err = unpack_all(u, p, p + boot_info.initrd_len, out);
		dirs_set_times(u);
		if (err)
			klog(LOG_EMERG, "initramfs: unpacking failed: error %d after %u entries", err, u->nentries);
		klog(LOG_INFO, "initramfs: %u entries from %llu KiB in %llu us, %u errors", u->nentries, boot_info.initrd_len >> 10,
			(clock_monotonic() - t0) / 1000, u->nerrors);
	} else {
		klog(LOG_EMERG, "initramfs: no memory to unpack it");
		err = -ENOMEM;
	}
	kfree(out);
	kfree(u);
	/* A firmware may have laid its tables over the archive's last bytes: those frames are not ours. */
	for (unsigned i = 0; i < boot_info.nranges; i++)
		if (boot_info.ranges[i].kind == MEM_INITRD)
			page_give(boot_info.ranges[i].base, boot_info.ranges[i].len);
	return err;
}

INITCALL(initramfs, "vfs", initramfs_init);
