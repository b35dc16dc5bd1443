/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file that epoll watches goes away. epoll(7) itself is not there yet (its calls are -ENOSYS), so no file is ever watched.
 */
#include <debug/panic.h>
#include <io/epoll.h>

void epoll_file_release(struct file *f)
{
	panic("a file is watched by epoll, which does not exist");
}
