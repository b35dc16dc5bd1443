/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names: paths, which are inodes of type socket, and abstract ones, which are bytes.
 *
 * Both hash into one table. A path's socket is found by its inode, so the name follows renames and links, and is lost when the file is removed.
 */
#include "unix_impl.h"
#include <lib/hash.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <security/random.h>
#include <vfs/dentry.h>
#include <vfs/inode.h>
#include <vfs/namei.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

/* clang-format off */
LOCK_CLASS(unix_names, RANK_SOCKET + 1, "names of AF_UNIX sockets of one bucket");
/* clang-format on */

#define NAME_BITS 8
#define AUTO_MASK 0xfffffu

static struct bucket {
	struct spinlock lock;
	struct hlist_head socks;
} __aligned(64) names[1 << NAME_BITS] = {[0 ...(1 << NAME_BITS) - 1] = {.lock = SPINLOCK_INIT(unix_names)}};

static bool is_path(const struct unix_addr *a)
{
	return a->bytes[0];
}

static u32 hash_bytes(const char *bytes, u32 len, u8 type)
{
	return name_hash(dentry_salt + type, bytes, len) & ((1u << NAME_BITS) - 1);
}

static struct bucket *bucket_of_path(const struct inode *inode)
{
	return &names[hash_ptr(inode, NAME_BITS)];
}

static struct bucket *bucket_of(const struct unix_sock *u)
{
	const struct unix_addr *a = u->addr;

	return is_path(a) ? bucket_of_path(u->path.dentry->inode) : &names[hash_bytes(a->bytes, a->len - UNIX_PATH_OFF, a->type)];
}

int unix_check_addr(const struct socket_addr *a)
{
	return a->len <= UNIX_PATH_OFF || a->len > sizeof(struct sockaddr_un) || a->family != AF_UNIX ? -EINVAL : 0;
}

/* room for 8 bytes more: names are compared and hashed by words */
static struct unix_addr *addr_create(const char *bytes, u32 n, u8 type)
{
	struct unix_addr *a = kzalloc(sizeof(*a) + n + 8, 0);

	if (!a)
		return NULL;
	refcount_set(&a->refs, 1);
	a->len = n + UNIX_PATH_OFF;
	a->type = type;
	memcpy(a->bytes, bytes, n);
	return a;
}

void unix_addr_put(struct unix_addr *a)
{
	if (refcount_dec_and_test(&a->refs))
		kfree(a);
}

static struct unix_sock *find_abstract(struct bucket *b, const char *bytes, u32 n, u8 type)
{
	struct unix_sock *u;

	hlist_for_each_entry(u, &b->socks, name_link)
	{
		const struct unix_addr *a = u->addr;

		if (a->type == type && a->len == n + UNIX_PATH_OFF && memcmp(a->bytes, bytes, n) == 0)
			return u;
	}
	return NULL;
}

/* ---- finding ---- */

static int find_path(const char *name, u8 type, struct unix_sock **out)
{
	struct unix_sock *u, *found = NULL;
	struct inode *inode;
	struct bucket *b;
	struct path p;
	int err = path_lookup_kernel(name, LOOKUP_FOLLOW, &p);

	if (err)
		return err;
	inode = p.dentry->inode;
	err = path_permission(&p, MAY_WRITE);
	if (!err && !S_ISSOCK(inode->mode))
		err = -ECONNREFUSED;
	if (err)
		goto out;
	b = bucket_of_path(inode);
	spin_lock(&b->lock);
	hlist_for_each_entry(u, &b->socks, name_link)
	{
		if (is_path(u->addr) && u->path.dentry->inode == inode) {
			found = u;
			unix_get(u);
			break;
		}
	}
	spin_unlock(&b->lock);
	err = found ? 0 : -ECONNREFUSED;
	if (found && found->sock.type != type) {
		unix_put(found);
		err = -EPROTOTYPE;
	}
	if (!err) {
		inode_touch_atime(inode, p.mnt);
		*out = found;
	}
out:
	path_put(&p);
	return err;
}

int unix_find(const struct socket_addr *a, u8 type, struct unix_sock **out)
{
	const char *bytes = (const char *)a->bytes + UNIX_PATH_OFF;
	u32 n = a->len - UNIX_PATH_OFF;
	char path[UNIX_PATH_MAX + 8];
	struct unix_sock *u;
	struct bucket *b;

	memset(path, 0, sizeof(path));
	memcpy(path, bytes, n);
	if (path[0])
		return find_path(path, type, out);
	b = &names[hash_bytes(path, n, type)];
	spin_lock(&b->lock);
	u = find_abstract(b, bytes, n, type);
	if (u)
		unix_get(u);
	spin_unlock(&b->lock);
	if (!u)
		return -ECONNREFUSED;
	*out = u;
	return 0;
}

/* ---- giving ---- */

/* Lock of @u and the bucket's held. */
static void publish(struct unix_sock *u, struct unix_addr *a, struct bucket *b)
{
	STORE_RELEASE(u->addr, a);
	hlist_add_head(&u->name_link, &b->socks);
}

/* Give @a to @u unless it has a name (-EINVAL) or somebody has this one (-EADDRINUSE). */
static int bind_abstract(struct unix_sock *u, struct unix_addr *a)
{
	u32 n = a->len - UNIX_PATH_OFF;
	struct bucket *b = &names[hash_bytes(a->bytes, n, a->type)];
	int err = 0;

	spin_lock(&u->lock);
	spin_lock(&b->lock);
	if (u->addr)
		err = -EINVAL;
	else if (find_abstract(b, a->bytes, n, a->type))
		err = -EADDRINUSE;
	else
		publish(u, a, b);
	spin_unlock(&b->lock);
	spin_unlock(&u->lock);
	return err;
}

int unix_autobind(struct unix_sock *u)
{
	u32 first, i;

	if (LOAD_ACQUIRE(u->addr))
		return 0;
	random_bytes(&first, sizeof(first));
	for (i = 0; i <= AUTO_MASK; i++) {
		struct unix_addr *a;
		char name[8] = {0};
		int err;

		scnprintf(name + 1, sizeof(name) - 1, "%05x", (first + i) & AUTO_MASK);
		a = addr_create(name, 6, u->sock.type);
		if (!a)
			return -ENOMEM;
		err = bind_abstract(u, a);
		if (!err)
			return 0;
		unix_addr_put(a);
		if (err == -EINVAL) /* somebody else was quicker */
			return 0;
	}
	return -ENOSPC;
}

int unix_autobind_for_creds(struct unix_sock *u)
{
	if (likely(!socket_has(&u->sock, SOCKF_PASSCRED | SOCKF_PASSPIDFD)) || LOAD_ACQUIRE(u->addr))
		return 0;
	return unix_autobind(u);
}

static int bind_path(struct unix_sock *u, const char *path)
{
	u32 n = (u32)strlen(path) + 1;
	struct unix_addr *a = addr_create(path, n, u->sock.type);
	struct file *f = READ_ONCE(u->sock.file);
	u32 mode = S_IFSOCK | (f ? READ_ONCE(f->inode->mode) & 0777 : 0777);
	struct path_name *name = NULL;
	struct bucket *b;
	struct path p;
	int err;

	if (!a)
		return -ENOMEM;
	err = path_name_kernel(path, &name);
	if (!err)
		err = vfs_mknod_path(name, mode, &p);
	if (err) {
		if (err == -EEXIST)
			err = -EADDRINUSE;
		goto out;
	}
	b = bucket_of_path(p.dentry->inode);
	spin_lock(&u->lock);
	if (u->addr) {
		err = -EINVAL;
	} else {
		u->path = p;
		spin_lock(&b->lock);
		publish(u, a, b);
		spin_unlock(&b->lock);
	}
	spin_unlock(&u->lock);
	if (err) {
		(void)!vfs_unlinkat(AT_FDCWD, name);
		path_put(&p);
	}
out:
	if (name)
		path_name_put(name);
	if (err)
		unix_addr_put(a);
	return err;
}

int unix_bind(struct socket *s, const struct socket_addr *sa)
{
	struct unix_sock *u = unix_of(s);
	char path[UNIX_PATH_MAX + 8];
	struct unix_addr *a;
	u32 n;
	int err;

	if (sa->len == UNIX_PATH_OFF && sa->family == AF_UNIX)
		return unix_autobind(u);
	err = unix_check_addr(sa);
	if (err)
		return err;
	n = sa->len - UNIX_PATH_OFF;
	memset(path, 0, sizeof(path));
	memcpy(path, sa->bytes + UNIX_PATH_OFF, n);
	if (path[0])
		return bind_path(u, path);
	a = addr_create(path, n, s->type);
	if (!a)
		return -ENOMEM;
	err = bind_abstract(u, a);
	if (err)
		unix_addr_put(a);
	return err;
}

void unix_unname(struct unix_sock *u)
{
	struct bucket *b;

	if (hlist_unhashed(&u->name_link)) /* also a connection, which shares its listener's name */
		return;
	b = bucket_of(u);
	spin_lock(&b->lock);
	hlist_del_init(&u->name_link);
	spin_unlock(&b->lock);
}

/* ---- telling ---- */

void unix_addr_tell(const struct unix_sock *u, struct socket_addr *out)
{
	const struct unix_addr *a = LOAD_ACQUIRE(u->addr);

	out->family = AF_UNIX;
	out->len = UNIX_PATH_OFF;
	if (a) {
		out->len = a->len;
		memcpy(out->bytes + UNIX_PATH_OFF, a->bytes, a->len - UNIX_PATH_OFF);
	}
}

int unix_name(struct socket *s, bool peer, struct socket_addr *out)
{
	struct unix_sock *u = unix_of(s), *other;

	if (!peer) {
		unix_addr_tell(u, out);
		return 0;
	}
	other = unix_peer_get(u);
	if (!other)
		return -ENOTCONN;
	unix_addr_tell(other, out);
	unix_put(other);
	return 0;
}
