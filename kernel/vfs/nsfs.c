/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nsfs: the files of namespaces [man namespaces(7), ioctl_ns(2)]. A file is made when somebody asks for it, has the number of its namespace, and holds it.
 */
#include "vfs_impl.h"
#include <lib/printf.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <vfs/fs_config.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <linux/sched.h>

static struct mount *nsfs_mount;

static void nsfs_evict(struct inode *inode)
{
	if (inode->private)
		ns_put(inode->private);
}

static const struct super_ops nsfs_super_ops = {.evict = nsfs_evict};

static const struct inode_ops nsfs_inode_ops = {0};

const struct ns *nsfs_inode_ns(const struct inode *inode)
{
	return inode->ops == &nsfs_inode_ops ? inode->private : NULL;
}

/* A new file for the caller's reference to @ns. */
static s64 open_ns(struct ns *ns)
{
	struct path p;
	struct file *f;
	int fd, err = nsfs_path(ns, &p);

	if (err)
		return err;
	err = file_open_path(&p, O_RDONLY, &f);
	path_put(&p);
	if (err)
		return err;
	fd = fd_add(f, true);
	if (fd < 0)
		file_put_sync(f);
	return fd;
}

/* Of who owns @ns; the initial namespaces are owned by the initial user namespace, above which there is nothing. */
static s64 open_owner(const struct ns *ns)
{
	struct ns *owner = nsproxy_init.slot[NS_USER];

	if (ns == owner)
		return -EPERM;
	ns_get(owner);
	return open_ns(owner);
}

static s64 open_parent(const struct ns *ns)
{
	return ns->type->flag & (CLONE_NEWUSER | CLONE_NEWPID) ? -EPERM : -EINVAL;
}

/* There is one pid namespace: numbers are what they are. */
static s64 translate_pid(const struct ns *ns, u64 nr, bool group)
{
	struct task *t;
	s64 ret;

	if (ns->type->flag != CLONE_NEWPID)
		return -EINVAL;
	t = task_find_get((s32)nr, PID_TID);
	if (!t)
		return -ESRCH;
	ret = group ? task_tgid(t) : task_tid(t);
	task_put(t);
	return ret;
}

static int put_info(const struct mount_ns *ns, struct uptr to, size_t size)
{
	struct mnt_ns_info info = {.size = MNT_NS_INFO_SIZE_VER0, .nr_mounts = READ_ONCE(ns->nmounts), .mnt_ns_id = ns->id};

	if (size > sizeof(info) && clear_user(uptr_add(to, sizeof(info)), size - sizeof(info)))
		return -EFAULT;
	return copy_to_user(to, &info, min_t(size_t, size, sizeof(info)));
}

static s64 mount_ns_ioctl(struct ns *n, unsigned cmd, struct uptr arg)
{
	struct mount_ns *ns = container_of(n, struct mount_ns, ns), *other;
	size_t size = _IOC_SIZE(cmd);
	s64 fd;

	if (n->type != &mount_ns_type)
		return -EINVAL;
	if (cmd == NS_GET_MNTNS_ID)
		return copy_to_user(arg, &ns->id, sizeof(ns->id));
	if (size < MNT_NS_INFO_SIZE_VER0)
		return -EINVAL;
	if (_IOC_NR(cmd) == _IOC_NR(NS_MNT_GET_INFO))
		return uptr_is_null(arg) ? -EINVAL : put_info(ns, arg, size);
	other = mount_ns_neighbour(ns, _IOC_NR(cmd) == _IOC_NR(NS_MNT_GET_PREV));
	if (!other)
		return -ENOENT;
	if (!uptr_is_null(arg) && put_info(other, arg, size)) {
		ns_put(&other->ns);
		return -EFAULT;
	}
	fd = open_ns(&other->ns);
	return fd;
}

static s64 nsfs_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	struct ns *ns = f->inode->private;

	switch (cmd) {
	case NS_GET_USERNS: return open_owner(ns);
	case NS_GET_PARENT: return open_parent(ns);
	case NS_GET_NSTYPE: return ns->type->flag;
	case NS_GET_OWNER_UID: {
		u32 root = 0;

		return ns->type->flag != CLONE_NEWUSER ? -EINVAL : copy_to_user(uptr_make(arg), &root, sizeof(root));
	}
	case NS_GET_MNTNS_ID: return mount_ns_ioctl(ns, cmd, uptr_make(arg));
	case NS_GET_PID_FROM_PIDNS:
	case NS_GET_PID_IN_PIDNS: return translate_pid(ns, arg, false);
	case NS_GET_TGID_FROM_PIDNS:
	case NS_GET_TGID_IN_PIDNS: return translate_pid(ns, arg, true);
	}
	if (_IOC_TYPE(cmd) == NSIO && _IOC_NR(cmd) >= _IOC_NR(NS_MNT_GET_INFO) && _IOC_NR(cmd) <= _IOC_NR(NS_MNT_GET_PREV))
		return mount_ns_ioctl(ns, cmd, uptr_make(arg));
	return -ENOTTY;
}

static const struct file_ops nsfs_fops = {.ioctl = nsfs_ioctl};

struct ns *nsfs_file_ns(const struct file *f)
{
	return f->ops == &nsfs_fops ? f->inode->private : NULL;
}

int nsfs_path(struct ns *ns, struct path *out)
{
	struct inode *inode = inode_alloc(nsfs_mount->super, NULL, S_IFREG | 0444);
	struct dentry *d;

	if (!inode) {
		ns_put(ns);
		return -ENOMEM;
	}
	inode->ino = ns->ino;
	inode->ops = &nsfs_inode_ops;
	inode->fops = &nsfs_fops;
	inode->private = ns;
	d = dentry_create_anon(nsfs_mount->super, ns->type->name, inode, DENTRY_ANON);
	if (!d)
		return -ENOMEM;
	mount_get(nsfs_mount);
	*out = (struct path){.mnt = nsfs_mount, .dentry = d};
	return 0;
}

const char *nsfs_link(size_t n, enum ns_kind *out)
{
	static const struct {
		const char *name;
		u8 kind;
	} links[] = {{"net", NS_NET}, {"uts", NS_UTS}, {"ipc", NS_IPC}, {"pid", NS_PID}, {"pid_for_children", NS_PID}, {"user", NS_USER},
		{"mnt", NS_MNT}, {"cgroup", NS_CGROUP}, {"time", NS_TIME}, {"time_for_children", NS_TIME}};

	if (n >= ARRAY_SIZE(links))
		return NULL;
	*out = (enum ns_kind)links[n].kind;
	return links[n].name;
}

static int nsfs_create(struct fs_config *c)
{
	return anon_super_create(c, &nsfs_super_ops, NSFS_MAGIC);
}

static struct fs_type nsfs_type = {.name = "nsfs", .flags = FS_NODEV | FS_INTERNAL, .create = nsfs_create};

int nsfs_init(void)
{
	int err = mount_internal(&nsfs_type, NULL, &nsfs_mount);

	/* A file of it may be bound somewhere, and so keep its namespace. */
	if (!err)
		nsfs_mount->super->flags &= ~SUPER_NOUSER;
	return err;
}
