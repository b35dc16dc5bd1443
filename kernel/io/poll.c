/* SPDX-License-Identifier: BSD-2-Clause */
#include <io/poll.h>
#include <io/epoll.h>
#include <vfs/file.h>
#include <linux/eventpoll.h>
u32 file_poll(struct file *f, struct poll_table *pt)
{
	return f->ops->poll ? f->ops->poll(f, pt) : EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM;
}
void epoll_file_release(struct file *f) { }
