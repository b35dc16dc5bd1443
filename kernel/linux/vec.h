/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The user's array of pieces of memory: readv, sendmsg and their like.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <env/iobuf.h>

#define IOV_FAST 8

struct vec {
	struct iobuf buf;
	struct iobuf_seg fast[IOV_FAST], *segs;
};

/*
 * Copy and check the array. Each piece lies in the user half; the sum is cut to what one call moves. -EINVAL: more than UIO_MAXIOV or a negative length;
 * -EFAULT -ENOMEM. Afterwards vec_free. @v does not move meanwhile.
 */
int vec_import(struct vec *v, struct uptr iov, u64 count) MUST_CHECK;
void vec_free(struct vec *v);
