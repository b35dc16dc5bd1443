/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs that the kernel starts: for core dumps.
 */
#include <lib/errno.h>
#include <arch/context.h>
#include <arch/trap.h>
#include <proc/ns.h>
#include <vfs/file.h>
#include <vfs/namei.h>
#include "proc_impl.h"

struct helper {
	struct completion begun;
	char *const *argv;
	struct file *in;
	s64 err;
};

/* The new process' first steps. */
static void helper_start(void *arg)
{
	static const char *const no_env[] = {NULL};
	struct helper *h = arg;
	s64 err = fd_add(h->in, false);

	if (err < 0)
		file_put(h->in);
	else
		err = proc_exec_kernel(h->argv[0], (const char *const *)h->argv, no_env);
	h->err = err;
	complete(&h->begun);
	if (err)
		task_exit(127 << 8);
}

static int MUST_CHECK helper_create(struct helper *h, struct task **out)
{
	struct task *t;
	int err = init_task_create("helper", &t);

	if (err)
		return err;
	t->proc->flags = PROC_AUTOREAP;
	/* its own end is not handed to another helper */
	t->proc->rlimits[RLIMIT_CORE].cur = 1;
	t->files = files_create();
	t->fs = fs_context_fork(NULL);
	err = t->files && t->fs ? arch_thread_fork(&t->thread) : -ENOMEM;
	if (!err) {
		arch_thread_init_user(&t->thread, helper_start, h);
		*out = t;
		return 0;
	}
	if (t->files)
		files_put(t->files);
	if (t->fs)
		fs_context_put(t->fs);
	nsproxy_put(t->ns);
	pid_free_numbers(t->pids[PID_TID]);
	pid_put(t->pids[PID_TID]);
	proc_put(t->proc);
	cred_put(t->cred);
	thread_fini(&t->thread);
	task_free(t);
	return err;
}

int proc_run_helper(char *const *argv, struct file *in, struct pid **out_pid)
{
	struct helper h = {.argv = argv, .in = in};
	struct pid *pid;
	struct task *t;
	int err = helper_create(&h, &t);

	if (err)
		return err;
	file_get(in);
	completion_init(&h.begun);
	pid = t->pids[PID_TID];
	pid_get(pid);
	init_task_link(t, init_task->proc);
	thread_start(&t->thread);
	completion_wait(&h.begun);
	if (h.err)
		pid_put(pid);
	else
		*out_pid = pid;
	return (int)h.err;
}
