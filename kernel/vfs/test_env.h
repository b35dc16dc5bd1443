/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What the host tests of vfs put in place of tasks, credentials, clocks and signals; memory, locks and RCU come from mm/test_env.h. The test is one task
 * with a descriptor table, root's capabilities unless it drops them, and a tmpfs as root.
 */
#include <lib/types.h>
#include <proc/cred.h>
#include <proc/task.h>

void vfs_env_init(void);
extern struct cred env_cred; /* the running task's: tests change it in place */
extern struct task env_task;
extern u64 env_nofile;	     /* RLIMIT_NOFILE */
extern u64 env_fsize;	     /* RLIMIT_FSIZE */
extern int env_signals;	     /* signals that were sent */
/* Run deferred releases, as the return to user mode does. */
void env_task_work_run(void);
