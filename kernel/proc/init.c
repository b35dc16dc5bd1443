/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Process 1: born in the kernel, it runs the initcalls, so that they have a process around them, and then becomes the first program.
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/fcntl.h>
#include <debug/log.h>
#include <debug/panic.h>
#include <init/initcall.h>
#include <init/main.h>
#include <init/param.h>
#include <arch/boot.h>
#include <arch/context.h>
#include <arch/trap.h>
#include <mm/page.h>
#include <proc/cgroup.h>
#include <time/clock.h>
#include <vfs/file.h>
#include <vfs/mount.h>
#include <vfs/namei.h>
#include <proc/ns.h>
#include "proc_impl.h"

#define INIT_STRINGS 64

static void default_limits(struct proc *p)
{
	struct page_stats st;
	u64 threads;

	for (int i = 0; i < RLIM_NLIMITS; i++)
		p->rlimits[i].cur = p->rlimits[i].max = ~0ull;
	page_stats(&st);
	/* as many as fit in an eighth of memory with a stack each; half of them for one user */
	threads = max(st.total * PAGE_SIZE / (8 * KSTACK_SIZE), 20ull);
	p->rlimits[RLIMIT_STACK].cur = 8ull << 20;
	p->rlimits[RLIMIT_CORE].cur = 0;
	p->rlimits[RLIMIT_NPROC].cur = p->rlimits[RLIMIT_NPROC].max = threads / 2;
	p->rlimits[RLIMIT_NOFILE].cur = 1024;
	p->rlimits[RLIMIT_NOFILE].max = 4096;
	p->rlimits[RLIMIT_MEMLOCK].cur = p->rlimits[RLIMIT_MEMLOCK].max = 8ull << 20;
	p->rlimits[RLIMIT_SIGPENDING] = p->rlimits[RLIMIT_NPROC];
	p->rlimits[RLIMIT_MSGQUEUE].cur = p->rlimits[RLIMIT_MSGQUEUE].max = 819200;
	p->rlimits[RLIMIT_NICE].cur = p->rlimits[RLIMIT_NICE].max = 0;
	p->rlimits[RLIMIT_RTPRIO].cur = p->rlimits[RLIMIT_RTPRIO].max = 0;
}

static int MUST_CHECK init_proc(struct task *t)
{
	struct proc *p = proc_alloc();

	if (!p)
		return -ENOMEM;
	t->proc = p;
	p->sighand = sighand_create(NULL, false);
	if (!p->sighand)
		return -ENOMEM;
	default_limits(p);
	p->live = 1;
	p->in_memory = 1;
	p->nthreads = 1;
	p->leader = t;
	p->exit_signal = SIGCHLD;
	p->start_boottime = clock_boottime();
	return 0;
}

int init_task_create(const char *name, struct task **out)
{
	struct task *t = task_alloc();
	struct cred *cred;
	int err;

	if (!t)
		return -ENOMEM;
	err = thread_init(&t->thread, name, task_release);
	if (err)
		goto no_thread;
	err = cred_create_root(&cred);
	if (err)
		goto no_cred;
	t->cred = cred;
	t->altstack.ss_flags = SS_DISABLE;
	t->timer_slack_ns = t->default_slack_ns = 50000;
	err = init_proc(t);
	if (!err)
		err = pid_create(&pid_ns_init, NULL, 0, &t->pids[PID_TID]);
	if (err)
		goto no_proc;
	t->thread.id = (u32)task_tid(t);
	pid_get(t->pids[PID_TID]);
	t->proc->pid = t->pids[PID_TID];
	memset(arch_trapframe(&t->thread), 0, sizeof(struct trapframe));
	refcount_inc(&nsproxy_init.refs);
	t->ns = &nsproxy_init;
	*out = t;
	return 0;
no_proc:
	if (t->proc)
		proc_put(t->proc);
	cred_put(cred);
no_cred:
	thread_fini(&t->thread);
no_thread:
	task_free(t);
	return err;
}

void init_task_link(struct task *t, struct proc *parent)
{
	struct proc *p = t->proc;

	spin_lock(&proc_tree_lock);
	task_get(t);
	if (parent) {
		p->parent = parent;
		p->forker = parent->leader;
		list_add_tail(&p->sibling, &parent->children);
	}
	list_add_tail_rcu(&t->pid_links[PID_TID], &p->pid->members[PID_TID]);
	task_attach_pid(t, PID_TGID, p->pid);
	task_attach_pid(t, PID_PGID, &pid_zero);
	task_attach_pid(t, PID_SID, &pid_zero);
	list_add_tail_rcu(&t->thread_link, &p->threads);
	cgroup_boot_locked(t);
	atomic64_add_relaxed(&t->cred->user->nprocs, 1);
	spin_unlock(&proc_tree_lock);
}

int proc_make_init(void (*fn)(void *), void *arg)
{
	struct task *t;
	int err;

	pid_zero_init();
	err = init_task_create("init", &t);
	if (err)
		return err;
	t->proc->flags = PROC_INIT;
	init_task_link(t, NULL);
	init_task = t;
	arch_thread_init_user(&t->thread, fn, arg);
	thread_start(&t->thread);
	return 0;
}

/* Descriptors 0, 1 and 2 on the console. */
static int open_console(void)
{
	struct path_name *name;
	struct file *f;
	int err = path_name_kernel("/dev/console", &name);

	if (!err) {
		err = file_open(AT_FDCWD, name, O_RDWR, 0, LOOKUP_FOLLOW, &f);
		path_name_put(name);
	}
	if (err) {
		klog(LOG_WARN, "init: cannot open /dev/console (%d)", err);
		return err;
	}
	for (int fd = 0; fd < 3; fd++) {
		file_get(f);
		if (fd_add(f, false) != fd)
			file_put(f);
	}
	file_put(f);
	return 0;
}

/* The one of the new root's /dev: who looks at the name of its terminal finds it. */
static void reopen_console(void)
{
	struct files *old = task_current()->files, *fresh = files_create();

	if (!fresh)
		return;
	task_current()->files = fresh;
	if (open_console()) {
		task_current()->files = old;
		old = fresh;
	}
	files_put(old);
}

static const char *argv[INIT_STRINGS + 2] = {"init"};
static const char *envp[INIT_STRINGS + 3] = {"HOME=/", "TERM=linux"};

/* Run @file as process 1; returns only when that is not possible. */
static s64 try_init(const char *file)
{
	argv[0] = file;
	return proc_exec_kernel(file, argv, envp);
}

static const char *const fallbacks[] = {"/sbin/init", "/etc/init", "/bin/init", "/bin/sh"};

static void user_init(void *arg)
{
	const char *file;
	s64 err;

	initcalls_run();
	task_current()->files = files_create(); /* the file layer came up just now */
	if (!task_current()->files)
		panic("no memory for the first process");
	arch_free_init();
	(void)open_console();
	param_init_args(argv + 1, INIT_STRINGS);
	param_init_env(envp + 2, INIT_STRINGS);

	file = param_get("rdinit");
	if (!file)
		file = "/init";
	err = try_init(file);
	if (!err)
		return;
	if (err != -ENOENT || param_get("rdinit"))
		klog(LOG_ERR, "init: cannot run %s from the initramfs (%lld)", file, (long long)err);
	if (param_get("root")) {
		int root_err = vfs_mount_root();

		if (root_err)
			panic("cannot mount the root file system %s (%d)", param_get("root"), root_err);
		reopen_console();
	}
	file = param_get("init");
	if (file) {
		err = try_init(file);
		if (!err)
			return;
		panic("the requested init %s cannot be run (%lld)", file, (long long)err);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(fallbacks); i++) {
		if (!try_init(fallbacks[i]))
			return;
	}
	panic("no init found: give one in the initramfs, or init= on the command line");
}

int user_start(void)
{
	return proc_make_init(user_init, NULL);
}
