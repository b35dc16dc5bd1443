/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
#include <lib/types.h>
#include <lib/compiler.h>

/* userfaultfd(2) for the running thread's space: a descriptor; -EINVAL -ENOMEM -ENFILE -EMFILE. The right has been asked for. */
int userfaultfd_open(int flags) MUST_CHECK;
/* May the caller have one by the system call? */
bool userfaultfd_may_open(int flags);
