/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * userfaultfd. [man userfaultfd(2)]
 */
#include <linux/syscall.h>
#include <io/userfaultfd.h>

SYSCALL1(userfaultfd, int, flags)
{
	return userfaultfd_may_open(flags) ? userfaultfd_open(flags) : -EPERM;
}
