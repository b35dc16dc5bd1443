/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What host tests of sockets put in place of threads, files, credentials and memory: one thread, malloc, and a hook that runs when it would sleep. "User" memory
 * is the test's own; arch/host faults addresses of the first page.
 */
#include <lib/types.h>
#include <proc/cred.h>

extern struct cred net_env_cred;  /* the running task's: all capabilities at first */
extern u64 net_env_now;		  /* the monotonic clock; sleeping with a deadline moves it there if the hook is NULL */
extern int net_env_signals;	  /* sent so far */
extern int net_env_last_signal;
extern int net_env_sigio;	  /* fasync_send that somebody wanted */
extern u32 net_env_rd_wakes;	  /* calls of wait_wake and wait_wake_sync */
extern s64 net_env_objects;	  /* kmalloc and slabs: live */
extern u64 net_env_fail_alloc;	  /* the N-th allocation from now on fails; 0: none */
/* Would sleep: 0: look again; -ETIMEDOUT, -ERESTARTSYS. NULL: nobody will come. */
extern int (*net_env_sleep)(u64 deadline);
void net_env_reset(void);
