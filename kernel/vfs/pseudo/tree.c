/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trees of pseudo nodes.
 *
 * A node is in its tree until pseudo_remove; its memory stays while inodes refer to it. `active` counts callbacks under way; removal subtracts REMOVED, after
 * which no callback begins, and waits until the ones that run have ended. Names are few and long-lived: a directory is a list in the order of creation, and what
 * was looked up once is in the name cache.
 */
#include "pseudo_impl.h"
#include <debug/panic.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <sync/wait.h>

#define REMOVED 0x40000000

LOCK_CLASS(pseudo_tree, RANK_FS_INODE + 5, "names of /proc and /sys");

static struct mutex tree_lock = MUTEX_INIT(tree_lock, pseudo_tree);
static struct wait_queue removal_wait;
static u64 next_ino = 2; /* tree_lock */

void pseudo_node_get(struct pseudo_node *n)
{
	refcount_inc(&n->refs);
}

void pseudo_node_put(struct pseudo_node *n)
{
	while (n && refcount_dec_and_test(&n->refs)) {
		struct pseudo_node *parent = n->parent;

		if (n->target)
			pseudo_node_put(n->target);
		kfree(n);
		n = parent;
	}
}

bool pseudo_activate(struct pseudo_node *n)
{
	s32 old = READ_ONCE(n->active);

	do {
		if (old < 0)
			return false;
	} while (!__atomic_compare_exchange_n(&n->active, &old, old + 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	return true;
}

void pseudo_deactivate(struct pseudo_node *n)
{
	if (__atomic_sub_fetch(&n->active, 1, __ATOMIC_RELEASE) == -REMOVED)
		wait_wake_all(&removal_wait);
}

static struct pseudo_node *node_alloc(const char *name, size_t len, u32 mode)
{
	struct pseudo_node *n = kzalloc(sizeof(*n) + len + 1, 0);

	if (!n)
		return NULL;
	refcount_set(&n->refs, 1);
	list_init(&n->link);
	list_init(&n->children);
	n->mode = mode;
	memcpy(n->name, name, len);
	return n;
}

struct pseudo_node *pseudo_create_root(u32 dir_mode)
{
	struct pseudo_node *n = node_alloc("", 0, S_IFDIR | 0555);

	if (!n)
		panic("no memory for the root of a pseudo file system");
	if (!removal_wait.entries.next)
		wait_queue_init(&removal_wait);
	n->ino = 1;
	n->dir_mode = dir_mode;
	return n;
}

static struct pseudo_node *find_locked(struct pseudo_node *dir, const char *name, size_t len)
{
	struct pseudo_node *n;

	list_for_each_entry(n, &dir->children, link)
	{
		if (strncmp(n->name, name, len) == 0 && !n->name[len])
			return n;
	}
	return NULL;
}

struct pseudo_node *pseudo_find(struct pseudo_node *dir, const char *name, size_t len)
{
	struct pseudo_node *n;

	mutex_lock(&tree_lock);
	n = find_locked(dir, name, len);
	if (n)
		pseudo_node_get(n);
	mutex_unlock(&tree_lock);
	return n;
}

struct pseudo_node *pseudo_next_child(struct pseudo_node *dir, u64 from)
{
	struct pseudo_node *n, *found = NULL;

	mutex_lock(&tree_lock);
	list_for_each_entry(n, &dir->children, link)
	{
		if (n->ino >= from) {
			found = n;
			pseudo_node_get(n);
			break;
		}
	}
	mutex_unlock(&tree_lock);
	return found;
}

/* Enter a complete node; on failure it is freed. */
static int node_add(struct pseudo_node *dir, struct pseudo_node *n)
{
	int err = 0;

	mutex_lock(&tree_lock);
	if (dir->dead)
		err = -ENOENT;
	else if (find_locked(dir, n->name, strlen(n->name)))
		err = -EEXIST;
	if (!err) {
		n->parent = dir;
		pseudo_node_get(dir);
		n->ino = next_ino++;
		list_add_tail(&n->link, &dir->children);
	}
	mutex_unlock(&tree_lock);
	if (err)
		pseudo_node_put(n);
	return err;
}

static int add_dir(struct pseudo_node *dir, const char *name, size_t len, struct pseudo_node **out)
{
	struct pseudo_node *n = node_alloc(name, len, S_IFDIR | dir->dir_mode);
	int err;

	if (!n)
		return -ENOMEM;
	n->dir_mode = dir->dir_mode;
	err = node_add(dir, n);
	if (!err && out)
		*out = n;
	return err;
}

int pseudo_add_dir(struct pseudo_node *dir, const char *name, struct pseudo_node **out)
{
	return add_dir(dir, name, strlen(name), out);
}

int pseudo_add_named(struct pseudo_node *dir, const char *name, u32 mode, const struct pseudo_file *file, void *arg,
	struct pseudo_node **out)
{
	struct pseudo_node *n = node_alloc(name, strlen(name), mode & S_IFMT ? mode : S_IFREG | mode);
	int err;

	if (!n)
		return -ENOMEM;
	n->file = file;
	n->arg = arg;
	err = node_add(dir, n);
	if (!err && out)
		*out = n;
	return err;
}

int pseudo_add_file(struct pseudo_node *dir, const struct pseudo_file *file, void *arg, struct pseudo_node **out)
{
	return pseudo_add_named(dir, file->name, file->mode, file, arg, out);
}

int pseudo_add_files(struct pseudo_node *dir, const struct pseudo_file *files, size_t count, void *arg)
{
	for (size_t i = 0; i < count; i++) {
		int err = pseudo_add_file(dir, &files[i], arg, NULL);

		if (err)
			return err;
	}
	return 0;
}

int pseudo_add_link(struct pseudo_node *dir, const char *name, struct pseudo_node *target)
{
	struct pseudo_node *n = node_alloc(name, strlen(name), S_IFLNK | 0777);

	if (!n)
		return -ENOMEM;
	n->target = target;
	pseudo_node_get(target);
	return node_add(dir, n);
}

int pseudo_make_path(struct pseudo_node *dir, const char *path, struct pseudo_node **out_dir)
{
	while (*path) {
		size_t len = (size_t)(str_chr_or_end(path, '/') - path);
		struct pseudo_node *n = pseudo_find(dir, path, len);
		int err;

		if (n) {
			pseudo_node_put(n); /* the tree keeps it */
		} else {
			err = add_dir(dir, path, len, &n);
			if (err)
				return err;
		}
		if (!S_ISDIR(n->mode))
			return -ENOTDIR;
		dir = n;
		path += len + (path[len] == '/');
	}
	*out_dir = dir;
	return 0;
}

/* Out of the tree, with all below; onto @out. Tree lock. */
static void unlink_all(struct pseudo_node *n, struct list_head *out)
{
	n->dead = true;
	list_move_tail(&n->link, out);
	while (!list_empty(&n->children))
		unlink_all(list_first_entry(&n->children, struct pseudo_node, link), out);
}

void pseudo_remove(struct pseudo_node *node)
{
	struct list_head gone = LIST_HEAD_INIT(gone);

	mutex_lock(&tree_lock);
	unlink_all(node, &gone);
	mutex_unlock(&tree_lock);
	while (!list_empty(&gone)) {
		struct pseudo_node *n = list_last_entry(&gone, struct pseudo_node, link);

		list_del_init(&n->link);
		if (__atomic_sub_fetch(&n->active, REMOVED, __ATOMIC_ACQ_REL) != -REMOVED)
			wait_event(&removal_wait, __atomic_load_n(&n->active, __ATOMIC_ACQUIRE) == -REMOVED);
		pseudo_node_put(n);
	}
}

static unsigned depth_of(const struct pseudo_node *n)
{
	unsigned depth = 0;

	for (; n->parent; n = n->parent)
		depth++;
	return depth;
}

static void put_names(struct strbuf *sb, const struct pseudo_node *n, const struct pseudo_node *below)
{
	if (n == below)
		return;
	put_names(sb, n->parent, below);
	if (n->parent != below)
		strbuf_putc(sb, '/');
	strbuf_puts(sb, n->name);
}

ssize_t pseudo_link_text(struct pseudo_node *link, char *buf, size_t size)
{
	const struct pseudo_node *from = link->parent, *to = link->target;
	unsigned up = depth_of(from), down = depth_of(to);
	struct strbuf sb;

	strbuf_init(&sb, buf, size);
	for (; down > up; down--)
		to = to->parent;
	for (; from != to; from = from->parent) {
		strbuf_puts(&sb, "../");
		if (depth_of(to) == depth_of(from))
			to = to->parent;
	}
	put_names(&sb, link->target, from);
	return strbuf_overflowed(&sb) ? -ENAMETOOLONG : (ssize_t)sb.len;
}
