/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * binfmt_misc: interpreters for files that are known by their first bytes or by the end of their name. [Documentation/admin-guide/binfmt-misc]
 *
 *	register   ":name:M:offset:magic:mask:interpreter:flags" or ":name:E::extension::interpreter:flags"; any character may stand for the colon
 *	status     of all; 1, 0, -1 written to it or to an entry switch on, off, remove
 *
 * There is one instance, which all mounts show. Entries are in a list, newest first; execve finds them under a spinlock and keeps a reference meanwhile.
 */
#include <env/iobuf.h>
#include <init/initcall.h>
#include <lib/ctype.h>
#include <lib/errno.h>
#include <lib/parse.h>
#include <lib/strbuf.h>
#include <lib/string.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/stat.h>
#include <mm/slab.h>
#include <proc/cred.h>
#include <vfs/dentry.h>
#include <vfs/fs_config.h>
#include <vfs/memfs.h>
#include <vfs/mount.h>
#include <vfs/namei.h>
#include "exec_impl.h"
#include "proc_impl.h"

LOCK_CLASS(binfmt_misc, RANK_LEAF, "formats of binfmt_misc");

#define REGISTER_MAX 1920
#define REGISTER_MIN 11
#define BINFMT_MAGIC 0x42494e4d

enum { FMT_KEEP_ARGV0 = 1, FMT_OPEN_BINARY = 2, FMT_CREDENTIALS = 4, FMT_OPENED = 8 };

struct format {
	struct refcount refs;	/* the inode's, and those who look */
	struct list_head link;	/* lock */
	struct dentry *dentry;	/* its name; pinned while on the list */
	bool enabled, by_magic;
	u8 flags;
	u32 offset, size;
	char *name, *magic, *mask, *interpreter; /* in text; mask NULL: all bits */
	struct file *file;	/* FMT_OPENED */
	char text[REGISTER_MAX + 8];
};

static struct spinlock lock = SPINLOCK_INIT(binfmt_misc);
static LIST_HEAD(formats);
static bool enabled = true;
static struct mount *misc_mount;

static void format_put(struct format *f)
{
	if (!refcount_dec_and_test(&f->refs))
		return;
	if (f->file)
		file_put(f->file);
	kfree(f);
}

/* ---- registering ---- */

/* The field up to the separator, which is cut off; *p goes on after it. NULL: there is no separator. */
static char *field(char **p, char sep)
{
	char *start = *p, *end = strchr(start, sep);

	if (!end)
		return NULL;
	*end = '\0';
	*p = end + 1;
	return start;
}

/* A field with \xHH in it, which becomes bytes; a separator may hide that way. -1: none, or it is damaged. */
static int byte_field(char **p, char sep, char **out)
{
	char *s = *p, *to = s;
	u64 byte;

	*out = s;
	while (*s && *s != sep) {
		char hex[3];

		if (s[0] != '\\' || s[1] != 'x') {
			*to++ = *s++;
			continue;
		}
		if (!is_xdigit(s[2]) || !is_xdigit(s[3]))
			return -1;
		memcpy(hex, s + 2, 2);
		hex[2] = '\0';
		if (strtou64(hex, 16, &byte))
			return -1;
		*to++ = (char)byte;
		s += 4;
	}
	if (!*s)
		return -1;
	*p = s + 1;
	return (int)(to - *out);
}

static int parse_magic(struct format *f, char **p, char sep)
{
	char *offset = field(p, sep);
	int n, m;

	if (!offset || (*offset && strtou32(offset, 10, &f->offset)) || f->offset > S32_MAX)
		return -EINVAL;
	n = byte_field(p, sep, &f->magic);
	m = n > 0 ? byte_field(p, sep, &f->mask) : -1;
	if (m < 0 || (m && m != n) || n > EXEC_HEADER_SIZE || (u32)(EXEC_HEADER_SIZE - n) < f->offset)
		return -EINVAL;
	if (!m)
		f->mask = NULL;
	f->size = (u32)n;
	return 0;
}

static int parse_extension(struct format *f, char **p, char sep)
{
	if (!field(p, sep))
		return -EINVAL;
	f->magic = field(p, sep);
	if (!f->magic || !*f->magic || strchr(f->magic, '/') || !field(p, sep))
		return -EINVAL;
	return 0;
}

static char *parse_flags(struct format *f, char *p)
{
	for (;; p++) {
		switch (*p) {
		case 'P': f->flags |= FMT_KEEP_ARGV0; break;
		case 'O': f->flags |= FMT_OPEN_BINARY; break;
		case 'C': f->flags |= FMT_CREDENTIALS | FMT_OPEN_BINARY; break;
		case 'F': f->flags |= FMT_OPENED; break;
		default: return p;
		}
	}
}

static int parse(struct format *f, size_t len)
{
	char sep = f->text[0], *p = f->text + 1;
	int err;

	f->name = field(&p, sep);
	if (!f->name || !*f->name || !strcmp(f->name, ".") || !strcmp(f->name, "..") || strchr(f->name, '/'))
		return -EINVAL;
	if ((*p != 'E' && *p != 'M') || p[1] != sep)
		return -EINVAL;
	f->by_magic = *p == 'M';
	p += 2;
	err = f->by_magic ? parse_magic(f, &p, sep) : parse_extension(f, &p, sep);
	if (err)
		return err;
	f->interpreter = field(&p, sep);
	if (!f->interpreter || !*f->interpreter)
		return -EINVAL;
	p = parse_flags(f, p);
	if (*p == '\n')
		p++;
	return p == f->text + len ? 0 : -EINVAL;
}

static int open_interpreter(struct format *f)
{
	struct path_name *name;
	int err = path_name_kernel(f->interpreter, &name);

	if (err)
		return err;
	err = file_open_exec(AT_FDCWD, name, 0, &f->file);
	path_name_put(name);
	return err;
}

/* A file of the root: name, mode, operations. */
static int add_file(const char *name, u32 mode, const struct file_ops *fops, struct format *f)
{
	struct dentry *root = misc_mount->root, *d;
	u32 len = (u32)strlen(name), hash;
	char padded[NAME_MAX + 9] = {0};
	int err;

	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(padded, name, len);
	hash = dentry_hash_name(root, padded, len);
	write_lock(&root->inode->lock);
	d = dentry_find(root, padded, len, hash);
	if (!d)
		d = dentry_alloc(root, padded, len, hash);
	err = !d ? -ENOMEM : d->inode ? -EEXIST : memfs_add(root->inode, d, mode, fops, f, 0);
	if (!err && f) {
		f->dentry = d;
		spin_lock(&lock);
		list_add(&f->link, &formats);
		spin_unlock(&lock);
	}
	write_unlock(&root->inode->lock);
	if (d)
		dentry_put(d);
	return err;
}

static const struct file_ops entry_fops;

static ssize_t register_write(struct file *file, struct iobuf *from, s64 *pos, unsigned rwf)
{
	size_t len = from->left;
	struct format *f;
	int err;

	if (len < REGISTER_MIN || len > REGISTER_MAX)
		return -EINVAL;
	f = kzalloc(sizeof(*f), 0);
	if (!f)
		return -ENOMEM;
	refcount_set(&f->refs, 1);
	list_init(&f->link);
	f->enabled = true;
	err = iobuf_get(from, f->text, len) == len ? parse(f, len) : -EFAULT;
	if (!err && (f->flags & FMT_OPENED))
		err = open_interpreter(f);
	if (!err)
		err = add_file(f->name, 0644, &entry_fops, f);
	if (!err)
		return (ssize_t)len;
	format_put(f);
	return err;
}

/* ---- looking and switching ---- */

static ssize_t text_read(const struct strbuf *sb, struct iobuf *to, s64 *pos)
{
	size_t n;

	if (*pos < 0 || (u64)*pos >= sb->len)
		return 0;
	n = min_t(size_t, sb->len - (size_t)*pos, to->left);
	n = iobuf_put(to, sb->buf + *pos, n);
	*pos += (s64)n;
	return n ? (ssize_t)n : -EFAULT;
}

/* What was written: 0, 1, -1 for removal; -2: nothing. */
static int command(struct iobuf *from, size_t *len)
{
	char s[4] = {0};
	size_t n = from->left;

	*len = n;
	if (!n)
		return -2;
	if (n > 3)
		return -EINVAL;
	if (iobuf_get(from, s, n) != n)
		return -EFAULT;
	if (s[n - 1] == '\n')
		s[--n] = '\0';
	if (!n)
		return -2;
	return !strcmp(s, "0") ? 0 : !strcmp(s, "1") ? 1 : !strcmp(s, "-1") ? -1 : -EINVAL;
}

static void format_remove(struct format *f)
{
	struct inode *root = misc_mount->root->inode;
	struct dentry *d = NULL;

	write_lock(&root->lock);
	spin_lock(&lock);
	if (!list_empty(&f->link)) {
		list_del_init(&f->link);
		d = f->dentry;
		dentry_get(d);
	}
	spin_unlock(&lock);
	if (d) {
		(void)memfs_unlink(root, d);
		dentry_delete(d);
	}
	write_unlock(&root->lock);
	if (d)
		dentry_put(d);
}

static ssize_t entry_write(struct file *file, struct iobuf *from, s64 *pos, unsigned rwf)
{
	struct format *f = file->inode->private;
	size_t len;
	int what = command(from, &len);

	if (what == -1)
		format_remove(f);
	else if (what >= 0)
		WRITE_ONCE(f->enabled, what);
	else if (what != -2)
		return what;
	return (ssize_t)len;
}

static void put_hex(struct strbuf *sb, const char *label, const char *bytes, u32 n)
{
	strbuf_puts(sb, label);
	for (u32 i = 0; i < n; i++)
		strbuf_printf(sb, "%02x", (u8)bytes[i]);
	strbuf_putc(sb, '\n');
}

static ssize_t entry_read(struct file *file, struct iobuf *to, s64 *pos, unsigned rwf)
{
	const struct format *f = file->inode->private;
	const size_t room = 2 * REGISTER_MAX;
	char *buf = kmalloc(room, 0);
	struct strbuf sb;
	ssize_t n;

	if (!buf)
		return -ENOMEM;
	strbuf_init(&sb, buf, room);
	strbuf_printf(&sb, "%s\ninterpreter %s\nflags: ", READ_ONCE(f->enabled) ? "enabled" : "disabled", f->interpreter);
	strbuf_printf(&sb, "%s%s%s%s\n", f->flags & FMT_KEEP_ARGV0 ? "P" : "", f->flags & FMT_OPEN_BINARY ? "O" : "",
		f->flags & FMT_CREDENTIALS ? "C" : "", f->flags & FMT_OPENED ? "F" : "");
	if (f->by_magic) {
		strbuf_printf(&sb, "offset %u\n", f->offset);
		put_hex(&sb, "magic ", f->magic, f->size);
		if (f->mask)
			put_hex(&sb, "mask ", f->mask, f->size);
	} else {
		strbuf_printf(&sb, "extension .%s\n", f->magic);
	}
	n = text_read(&sb, to, pos);
	kfree(buf);
	return n;
}

static const struct file_ops entry_fops = {.read = entry_read, .write = entry_write};

static ssize_t status_read(struct file *file, struct iobuf *to, s64 *pos, unsigned rwf)
{
	char text[16];
	struct strbuf sb;

	strbuf_init(&sb, text, sizeof(text));
	strbuf_puts(&sb, READ_ONCE(enabled) ? "enabled\n" : "disabled\n");
	return text_read(&sb, to, pos);
}

static ssize_t status_write(struct file *file, struct iobuf *from, s64 *pos, unsigned rwf)
{
	struct format *f;
	size_t len;
	int what = command(from, &len);

	if (what >= 0)
		WRITE_ONCE(enabled, what);
	else if (what < -2)
		return what;
	while (what == -1) {
		spin_lock(&lock);
		f = list_empty(&formats) ? NULL : list_first_entry(&formats, struct format, link);
		if (f)
			refcount_inc(&f->refs);
		spin_unlock(&lock);
		if (!f)
			break;
		format_remove(f);
		format_put(f);
	}
	return (ssize_t)len;
}

static const struct file_ops register_fops = {.write = register_write};
static const struct file_ops status_fops = {.read = status_read, .write = status_write};

/* ---- execve ---- */

static bool matches(const struct format *f, const struct exec *x, const char *name)
{
	const char *dot = strrchr(name, '.');

	if (!READ_ONCE(f->enabled))
		return false;
	if (!f->by_magic)
		return dot && !strcmp(dot + 1, f->magic);
	for (u32 i = 0; i < f->size; i++) {
		if ((x->header[f->offset + i] ^ (u8)f->magic[i]) & (f->mask ? (u8)f->mask[i] : 0xff))
			return false;
	}
	return true;
}

static struct format *find_get(const struct exec *x, const char *name)
{
	struct format *f, *found = NULL;

	if (likely(list_empty(&formats)) || !READ_ONCE(enabled))
		return NULL;
	spin_lock(&lock);
	list_for_each_entry(f, &formats, link)
	{
		if (!matches(f, x, name))
			continue;
		refcount_inc(&f->refs);
		found = f;
		break;
	}
	spin_unlock(&lock);
	return found;
}

/* The interpreter's file; one that was opened at registering is opened once more, so that each program keeps its own. */
static int open_for(const struct format *f, struct file **out)
{
	struct path_name *name;
	int err;

	if (f->file)
		return file_open_exec_path(&f->file->path, out);
	err = path_name_kernel(f->interpreter, &name);
	if (err)
		return err;
	err = file_open_exec(AT_FDCWD, name, 0, out);
	path_name_put(name);
	return err;
}

static int load(struct exec *x, const struct format *f, const char *name)
{
	struct file *interp;
	int err = 0;

	if (++x->depth > EXEC_MAX_DEPTH)
		return -ELOOP;
	if (f->flags & FMT_KEEP_ARGV0)
		x->keep_argv0 = true;
	else
		exec_args_drop_first(&x->args);
	err = exec_args_prepend(&x->args, name);
	if (!err)
		err = exec_args_prepend(&x->args, f->interpreter);
	if (!err)
		err = open_for(f, &interp);
	if (err)
		return err;
	if ((f->flags & FMT_OPEN_BINARY) && !x->binary) {
		file_get(x->file);
		x->binary = x->file;
		x->binary_cred = f->flags & FMT_CREDENTIALS;
	}
	return exec_set_file(x, interp);
}

int binfmt_misc_load(struct exec *x, const char *name)
{
	struct format *f = find_get(x, name);
	int err;

	if (likely(!f))
		return 1;
	err = load(x, f, name);
	format_put(f);
	return err;
}

/* ---- the file system ---- */

static void misc_evict(struct inode *inode)
{
	if (inode->fops == &entry_fops)
		format_put(inode->private);
}

static const struct inode_ops root_ops = {.lookup = memfs_lookup};

static int misc_create(struct fs_config *c)
{
	int err;

	if (misc_mount)
		return fs_config_share(c, misc_mount->super);
	err = memfs_create(c->type, &root_ops, misc_evict, &c->super);
	if (!err) {
		c->super->magic = BINFMT_MAGIC;
		c->super->root->inode->mode = S_IFDIR | 0755;
	}
	return err;
}

static struct fs_type misc_type = {.name = "binfmt_misc", .flags = FS_NODEV, .create = misc_create};

static int binfmt_misc_init(void)
{
	int err = mount_internal(&misc_type, NULL, &misc_mount);

	if (!err)
		err = add_file("status", 0644, &status_fops, NULL);
	if (!err)
		err = add_file("register", 0200, &register_fops, NULL);
	if (!err)
		fs_register(&misc_type);
	return err;
}

INITCALL(binfmt_misc, "vfs", binfmt_misc_init);
