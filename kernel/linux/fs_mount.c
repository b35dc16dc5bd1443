/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mount, umount2, pivot_root. [man mount(2), umount(2), pivot_root(2)]
 */
#include <linux/syscall.h>
#include <arch/mmu.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <vfs/inode.h>
#include <vfs/mount.h>
#include <vfs/namei.h>
#include <linux/fcntl.h>
#include "fs_mount.h"

#define UMOUNT_KNOWN 15 /* MNT_FORCE MNT_DETACH MNT_EXPIRE UMOUNT_NOFOLLOW */

int user_string_get(struct uptr p, size_t size, char **out)
{
	char *s = kmalloc(size, 0);
	ssize_t len;

	if (!s)
		return -ENOMEM;
	len = arch_strncpy_from_user(s, p, size);
	if (len < 0) {
		kfree(s);
		return len == -ENAMETOOLONG ? -EINVAL : (int)len;
	}
	*out = s;
	return 0;
}

/* A string of less than a page; NULL stays NULL. */
static int string_get(struct uptr p, char **out)
{
	*out = NULL;
	return uptr_is_null(p) ? 0 : user_string_get(p, PAGE_SIZE, out);
}

/* A page of options: as much as can be read of it, for the string may stand before the end of what is mapped. */
static int options_get(struct uptr p, char **out)
{
	size_t got;
	char *s;

	*out = NULL;
	if (uptr_is_null(p))
		return 0;
	s = kzalloc(PAGE_SIZE, 0);
	if (!s)
		return -ENOMEM;
	got = PAGE_SIZE - arch_copy_from_user(s, p, PAGE_SIZE);
	if (!got) {
		kfree(s);
		return -EFAULT;
	}
	s[PAGE_SIZE - 1] = '\0';
	*out = s;
	return 0;
}

SYSCALL5(mount, struct uptr, usource, struct uptr, utarget, struct uptr, utype, u64, flags, struct uptr, udata)
{
	char *type = NULL, *source = NULL, *options = NULL;
	struct path_name *name;
	struct path where;
	int err = string_get(utype, &type);

	if (!err)
		err = string_get(usource, &source);
	if (!err)
		err = options_get(udata, &options);
	if (!err)
		err = path_name_get(utarget, false, &name);
	if (!err) {
		err = path_lookup(AT_FDCWD, name, LOOKUP_FOLLOW, &where);
		path_name_put(name);
	}
	if (!err) {
		err = vfs_mount(source, &where, type, flags, options);
		path_put(&where);
	}
	kfree(options);
	kfree(source);
	kfree(type);
	return err;
}

SYSCALL2(umount2, struct uptr, upath, int, flags)
{
	struct path_name *name;
	struct path p;
	int err;

	if (flags & ~UMOUNT_KNOWN)
		return -EINVAL;
	err = path_name_get(upath, false, &name);
	if (err)
		return err;
	err = path_lookup(AT_FDCWD, name, flags & 8 ? 0 : LOOKUP_FOLLOW, &p);
	path_name_put(name);
	return err ? err : vfs_umount(&p, flags);
}

SYSCALL2(pivot_root, struct uptr, unew, struct uptr, uold)
{
	struct path_name *name;
	struct path fresh, old;
	int err;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	err = path_name_get(unew, false, &name);
	if (err)
		return err;
	err = path_lookup(AT_FDCWD, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &fresh);
	path_name_put(name);
	if (err)
		return err;
	err = path_name_get(uold, false, &name);
	if (!err) {
		err = path_lookup(AT_FDCWD, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &old);
		path_name_put(name);
	}
	if (!err) {
		err = vfs_pivot_root(&fresh, &old);
		path_put(&old);
	}
	path_put(&fresh);
	return err;
}
