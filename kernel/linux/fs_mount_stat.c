/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * statmount, listmount. [man statmount(2), listmount(2)]
 */
#include <linux/syscall.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <vfs/file.h>
#include <vfs/mount.h>
#include <linux/limits.h>
#include <linux/mount.h>

#define FIRST_ID  (1ull << 31) /* ids are above */
#define LIST_MAX  1000000
#define LIST_STEP 256

static int request_get(struct uptr ureq, struct mnt_id_req *out)
{
	u32 size;
	int err = user_load32(&size, ureq);

	if (err)
		return err;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < MNT_ID_REQ_SIZE_VER0)
		return -EINVAL;
	err = copy_struct_from_user(out, sizeof(*out), ureq, size);
	return err ? err : out->mnt_id <= FIRST_ID ? -EINVAL : 0;
}

/* The namespace that is asked for, referenced. */
static int request_ns(const struct mnt_id_req *req, struct mount_ns **out)
{
	struct fd_ref r;
	struct ns *ns;
	int err = 0;

	if (req->mnt_ns_fd && req->mnt_ns_id)
		return -EINVAL;
	if (!req->mnt_ns_fd) {
		*out = mount_ns_find_get(req->mnt_ns_id);
		return *out ? 0 : -ENOENT;
	}
	r = fd_get((int)req->mnt_ns_fd);
	if (!r.file)
		return -EBADF;
	ns = nsfs_file_ns(r.file);
	if (!ns || ns->type != &mount_ns_type)
		err = -EINVAL;
	else
		ns_get(ns);
	fd_put(r);
	*out = container_of(ns, struct mount_ns, ns);
	return err;
}

SYSCALL4(statmount, struct uptr, ureq, struct uptr, ubuf, size_t, size, unsigned, flags)
{
	const size_t room = 3 * PATH_MAX;
	struct statmount *st;
	struct mnt_id_req req;
	struct mount_ns *ns;
	size_t fixed, len;
	char *strings;
	int err;

	if (flags)
		return -EINVAL;
	err = request_get(ureq, &req);
	if (!err)
		err = request_ns(&req, &ns);
	if (err)
		return err;
	st = kmalloc(sizeof(*st) + room, 0);
	strings = (char *)(st + 1);
	fixed = min(size, sizeof(*st));
	err = -ENOMEM;
	if (st)
		err = vfs_statmount(ns, req.mnt_id, req.param, st, strings, min_t(size_t, room, size > fixed ? size - fixed : 0), &len);
	ns_put(&ns->ns);
	if (!err) {
		st->size = (u32)(fixed + len);
		if (copy_to_user(uptr_add(ubuf, sizeof(*st)), strings, len) || copy_to_user(ubuf, st, fixed))
			err = -EFAULT;
	}
	kfree(st);
	return err;
}

SYSCALL4(listmount, struct uptr, ureq, struct uptr, uids, size_t, n, unsigned, flags)
{
	struct mnt_id_req req;
	struct mount_ns *ns;
	size_t total = 0;
	ssize_t got;
	u64 *ids;
	int err;

	if (flags & ~(unsigned)LISTMOUNT_REVERSE)
		return -EINVAL;
	if (n > LIST_MAX)
		return -EOVERFLOW;
	if (uids.va > USER_VA_END - n * sizeof(*ids))
		return -EFAULT;
	err = request_get(ureq, &req);
	if (!err)
		err = request_ns(&req, &ns);
	if (err)
		return err;
	ids = kmalloc(LIST_STEP * sizeof(*ids), 0);
	got = ids ? 0 : -ENOMEM;
	do {
		if (!ids)
			break;
		got = vfs_listmount(ns, req.mnt_id, req.param, flags & LISTMOUNT_REVERSE, ids, min_t(size_t, n - total, LIST_STEP));
		if (got <= 0)
			break;
		if (copy_to_user(uptr_add(uids, total * sizeof(*ids)), ids, (size_t)got * sizeof(*ids)))
			got = -EFAULT;
		else
			req.param = ids[got - 1];
		total += got > 0 ? (size_t)got : 0;
	} while (got == LIST_STEP && total < n);
	ns_put(&ns->ns);
	kfree(ids);
	return got < 0 ? got : (s64)total;
}
