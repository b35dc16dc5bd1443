/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What the VFS tells epoll.
 */
struct file;

/* The last reference to a watched file (FMODE_EPOLLED) is gone: forget its watches. Thread context, may sleep. */
void epoll_file_release(struct file *f);
