/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See vec.h.
 */
#include "vec.h"
#include <lib/errno.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <linux/uio.h>

void vec_free(struct vec *v)
{
	if (v->segs != v->fast)
		kfree(v->segs);
}

int vec_import(struct vec *v, struct uptr iov, u64 count)
{
	bool bad_range = false;
	size_t total = 0;
	int err = 0;

	if (count > UIO_MAXIOV)
		return -EINVAL;
	v->segs = count <= IOV_FAST ? v->fast : kmalloc(count * sizeof(*v->segs), 0);
	if (!v->segs)
		return -ENOMEM;
	for (u64 i = 0; i < count && !err; i++) {
		struct iovec e;
		u64 base;

		err = copy_from_user(&e, uptr_add(iov, i * sizeof(e)), sizeof(e));
		if (err)
			break;
		base = (u64)(unsigned long)e.iov_base;
		if ((ssize_t)e.iov_len < 0)
			err = -EINVAL;
		bad_range |= e.iov_len > USER_VA_END || base > USER_VA_END - e.iov_len;
		if (e.iov_len > 0x7ffff000 - total)
			e.iov_len = 0x7ffff000 - total;
		total += e.iov_len;
		v->segs[i] = (struct iobuf_seg){.base = base, .len = e.iov_len};
	}
	if (!err && bad_range)
		err = -EFAULT;
	if (err) {
		vec_free(v);
		return err;
	}
	iobuf_init_segs(&v->buf, IOBUF_USER, v->segs, (u32)count);
	return 0;
}
