/* SPDX-License-Identifier: BSD-2-Clause */
#include <mm/uaccess.h>
#include <lib/string.h>
#include <sched/thread.h>

int copy_struct_from_user(void *dst, size_t ksize, struct uptr src, size_t usize)
{
	size_t n = min(ksize, usize);
	u8 extra[64];

	for (size_t at = ksize; at < usize;) {
		size_t len = min(usize - at, sizeof(extra));

		if (copy_from_user(extra, uptr_add(src, at), len))
			return -EFAULT;
		if (!mem_is_zero(extra, len))
			return -E2BIG;
		at += len;
	}
	if (copy_from_user(dst, src, n))
		return -EFAULT;
	memset((u8 *)dst + n, 0, ksize - n);
	return 0;
}

void pagefault_disable(void)
{
	thread_current()->pagefault_off++;
	barrier();
}

void pagefault_enable(void)
{
	barrier();
	thread_current()->pagefault_off--;
}
