/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linux' error numbers, and the codes that never leave the kernel: signal delivery turns each
 * restart code into a restarted call or EINTR [man signal(7)]. The numbers are those that a ptrace
 * tracer sees on Linux.
 */
#pragma once

#include <asm/errno.h>

#define ERESTARTSYS           512 /* EINTR after a handler without SA_RESTART */
#define ERESTARTNOINTR        513 /* always restart */
#define ERESTARTNOHAND        514 /* EINTR after any handler */
#define ENOIOCTLCMD           515 /* ioctl unknown to this layer; the last answers ENOTTY */
#define ERESTART_RESTARTBLOCK 516 /* by the saved function; EINTR after a handler */

#define ERRNO_MAX 4095 /* a system call's return in [-ERRNO_MAX, -1] is an error */
