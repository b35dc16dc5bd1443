/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * execve(2).
 *
 * The new program is built in full beside the old one: arguments copied, file opened, credentials prepared, address space mapped. Any failure so far leaves the
 * old program as it was. Then the other threads are ended (the last step that can fail, when this one is killed), and the new state takes the place of the old.
 */
#include <lib/errno.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <linux/binfmts.h>
#include <linux/fcntl.h>

#include <linux/personality.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <mm/uaccess.h>
#include <mm/object.h>
#include <proc/cgroup.h>
#include <arch/context.h>
#include <arch/mmu.h>
#include <arch/trap.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <proc/coredump.h>
#include <vfs/namei.h>
#include "exec_impl.h"
#include "proc_impl.h"

int exec_map_file(struct exec *x, struct file *f, vaddr_t va, size_t len, u32 rwx, u64 offset)
{
	struct vm_map_args args = {
		.hint = va,
		.len = len,
		.flags = rwx | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | (rwx & VM_WRITE ? VM_ACCOUNT : 0),
		.pgoff = offset >> PAGE_SHIFT,
		.fixed = true,
		.limit_as = rlimit_cur(RLIMIT_AS),
		.limit_data = rlimit_cur(RLIMIT_DATA),
		.limit_memlock = ~0ull,
	};
	vaddr_t got;
	int err;

	if (!f->ops->mmap)
		return -ENOEXEC;
	err = f->ops->mmap(f, &args);
	return err ? err : vm_map(x->space, &args, &got);
}

/* Read the first bytes of x->file, zero padded. */
static int MUST_CHECK read_header(struct exec *x)
{
	ssize_t n;

	memset(x->header, 0, sizeof(x->header));
	n = file_read_at(x->file, x->header, EXEC_HEADER_SIZE, 0);
	return n < 0 ? (int)n : 0;
}

static int MUST_CHECK open_program(struct exec *x, int dirfd, struct path_name *name, int at_flags)
{
	struct file *f;
	int err = file_open_exec(dirfd, name, at_flags, &f);

	return err ? err : exec_set_file(x, f);
}

int exec_set_file(struct exec *x, struct file *f)
{
	if (x->file)
		file_put(x->file);
	x->file = f;
	return read_header(x);
}

/* Ends at the latest at the line's own end, which is no blank. */
static char *skip_blanks(char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

/*
 * "#! interpreter [one argument]": splits the header's first line in place. -ENOEXEC when there is no interpreter or its name may be cut.
 */
static int MUST_CHECK script_parse(struct exec *x, char **out_interp, char **out_arg)
{
	char *line = (char *)x->header + 2, *end, *p;

	end = memchr(line, '\n', EXEC_HEADER_SIZE - 2);
	if (!end) {
		/* cut line: usable only if the interpreter's name is surely whole */
		end = (char *)x->header + EXEC_HEADER_SIZE - 1;
		p = skip_blanks(line);
		size_t rest = (size_t)(end + 1 - p);

		if (!*p || (!memchr(p, ' ', rest) && !memchr(p, '\t', rest) && !memchr(p, 0, rest)))
			return -ENOEXEC;
	}
	*end = 0;
	while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = 0;
	p = skip_blanks(line);
	if (!*p)
		return -ENOEXEC;
	*out_interp = p;
	*out_arg = NULL;
	while (*p && *p != ' ' && *p != '\t')
		p++;
	if (*p) {
		*p++ = 0;
		p = skip_blanks(p);
		if (*p)
			*out_arg = p;
	}
	return 0;
}

/* Replace a script by its interpreter: argv becomes interpreter, its argument, script, rest. */
static int MUST_CHECK script_load(struct exec *x, const char *script)
{
	struct path_name *name;
	char *interp, *arg;
	int err = script_parse(x, &interp, &arg);

	if (err)
		return err;
	if (x->unreachable)
		return -ENOENT;
	if (++x->depth > EXEC_MAX_DEPTH)
		return -ELOOP;
	exec_args_drop_first(&x->args);
	err = exec_args_prepend(&x->args, script);
	if (!err && arg)
		err = exec_args_prepend(&x->args, arg);
	if (!err)
		err = exec_args_prepend(&x->args, interp);
	if (!err)
		err = path_name_kernel(interp, &name);
	if (err)
		return err;
	err = open_program(x, AT_FDCWD, name, 0);
	path_name_put(name);
	return err;
}

/* Follow binfmt_misc and "#!" lines until something is a program. */
static int MUST_CHECK resolve(struct exec *x)
{
	char *name = kstrdup(x->filename, ALLOC_SLEEP);
	int err = name ? 0 : -ENOMEM;

	while (!err) {
		err = binfmt_misc_load(x, name);
		if (err == 1) {
			err = 0;
			if (x->header[0] != '#' || x->header[1] != '!')
				break;
			err = script_load(x, name);
		}
		kfree(name);
		name = NULL;
		if (!err) {
			/* a script that is the interpreter of another is named by its path */
			name = kstrdup(x->args.prefix[x->args.nprefix - 1], ALLOC_SLEEP);
			if (!name)
				err = -ENOMEM;
		}
	}
	kfree(name);
	return err;
}

int exec_randomize = 2;

bool exec_randomizes(int level)
{
	return READ_ONCE(exec_randomize) >= level && !(task_current()->personality & ADDR_NO_RANDOMIZE);
}

static int MUST_CHECK build_space(struct exec *x)
{
	int err;

	x->space = vm_space_create();
	if (!x->space)
		return -ENOMEM;
	x->space->no_huge = thread_current()->space && thread_current()->space->no_huge;
	x->space->exec_gain = thread_current()->space ? space_exec_gain(thread_current()->space) : 0;
	vm_space_set_layout(x->space, rlimit_cur(RLIMIT_STACK), exec_randomizes(1));
	err = elf_load(x);
	if (!err)
		err = vdso_map(x->space);
	if (!err)
		err = exec_stack_build(x);
	return err;
}

/* Every other thread of the process ends; this one becomes the leader. -EAGAIN: somebody else was first, and this thread is being killed. */
int exec_de_thread(struct task *me)
{
	struct proc *p = me->proc;
	irqflags_t flags;
	struct sighand *s = sighand_lock(p, &flags);

	if (p->group_exit || p->exec_task) {
		sighand_unlock(s, flags);
		return -EAGAIN;
	}
	p->exec_task = me;
	proc_kill_other_threads(p, me);
	sighand_unlock(s, flags);
	for (;;) {
		thread_prepare_wait(THREAD_SLEEP_KILL);
		spin_lock(&proc_tree_lock);
		bool alone = p->nthreads == 1 || (p->nthreads == 2 && p->leader != me && p->leader->tree_exited);

		spin_unlock(&proc_tree_lock);
		if (alone)
			break;
		schedule();
	}
	thread_finish_wait();
	if (p->leader != me)
		exec_take_leader(me);
	s = sighand_lock(p, &flags);
	p->exec_task = NULL;
	sighand_unlock(s, flags);
	return 0;
}

/* The dead leader's number and places become ours. */
void exec_take_leader(struct task *me)
{
	struct proc *p = me->proc;
	struct task *old = p->leader;
	struct pid *mine = me->pids[PID_TID];

	spin_lock(&proc_tree_lock);
	task_detach_pid(me, PID_TID);
	me->pids[PID_TID] = old->pids[PID_TID];
	me->thread.id = (u32)task_tid(me);
	for (int type = 0; type < PID_TYPES; type++) {
		list_add_tail_rcu(&me->pid_links[type], &me->pids[type]->members[type]);
		task_detach_pid(old, (enum pid_type)type);
	}
	old->pids[PID_TID] = NULL;
	list_del_rcu(&old->thread_link);
	cgroup_release_locked(old);
	p->nthreads--;
	p->leader = me;
	atomic64_sub_relaxed(&old->cred->user->nprocs, 1);
	if (old->ptrace) {
		/* its tracer must not wait for it for ever */
		wait_wake_all(&old->tracer->proc->wait_child);
		ptrace_unlink(old);
	}
	spin_unlock(&proc_tree_lock);
	pid_put(mine);
	task_put(old);
}

/* Actions that another process shares stay with it; handlers go, since their code goes. */
static int MUST_CHECK private_sighand(struct task *me, struct sighand **out_old)
{
	struct proc *p = me->proc;
	struct sighand *fresh, *old = p->sighand;
	irqflags_t flags;

	*out_old = NULL;
	if (refcount_read(&old->refs) == 1)
		return 0;
	fresh = sighand_create(old, false);
	if (!fresh)
		return -ENOMEM;
	flags = spin_lock_irqsave(&old->lock);
	rcu_assign_pointer(p->sighand, fresh);
	spin_unlock_irqrestore(&old->lock, flags);
	*out_old = old;
	return 0;
}

void sighand_flush_handlers(struct proc *p)
{
	irqflags_t flags;
	struct sighand *s = sighand_lock(p, &flags);

	for (int i = 0; i < SIG_MAX; i++) {
		if (s->action[i].handler != (u64)SIG_IGN)
			s->action[i].handler = (u64)SIG_DFL;
		s->action[i].flags = 0;
		s->action[i].restorer = 0;
		s->action[i].mask = 0;
	}
	sighand_unlock(s, flags);
}

static void switch_space(struct task *me, struct vm_space *next)
{
	struct vm_space *old = me->thread.space;
	struct completion *done;

	spin_lock(&me->alloc_lock);
	thread_set_space(next);
	done = me->vfork_done;
	me->vfork_done = NULL;
	if (done)
		complete(done);
	spin_unlock(&me->alloc_lock);
	if (old)
		vm_space_put_user(old);
}

static void set_name(struct task *me, const char *filename)
{
	const char *base = strrchr(filename, '/');

	strscpy(me->thread.name, base ? base + 1 : filename, sizeof(me->thread.name));
}

void proc_set_exe(struct proc *p, struct file *f)
{
	struct file *old;

	file_get(f);
	spin_lock(&p->lock);
	old = p->exe;
	p->exe = f;
	spin_unlock(&p->lock);
	if (old)
		file_put(old);
}

/* The interpreter gets the program open: it is too late to fail. */
static void give_binary(struct exec *x)
{
	struct task *me = task_current();
	int fd = fd_add(x->binary, false);
	u64 value = (u64)fd;

	if (fd >= 0)
		x->binary = NULL;
	if (fd < 0 || copy_to_user(uptr_make(x->execfd_va), &value, sizeof(value)))
		signal_kill_proc(me->proc);
	me->thread.space->auxv[x->execfd_slot] = value;
}

/* No return: the old program is gone from here on. */
static void commit(struct exec *x)
{
	struct task *me = task_current();

	futex_exit_robust(me);
	futex_exit_pi(me, false);
	me->robust_list = me->clear_child_tid = me->set_child_tid = me->rseq = uptr_make(0);
	me->thread.switch_work = 0;
	me->user_dispatch = (struct user_dispatch){0};
	__atomic_and_fetch(&me->thread.user_work, ~(u32)UW_DISPATCH, __ATOMIC_RELAXED);
	proc_set_exe(me->proc, x->file);
	x->space->dumpable = x->gained || inode_permission(x->file->inode, MAY_READ) ? READ_ONCE(suid_dumpable) : DUMPABLE_USER;
	x->space->core_filter = me->thread.space ? me->thread.space->core_filter : CORE_FILTER_DEFAULT;
	switch_space(me, x->space);
	x->space = NULL;
	set_name(me, x->filename);
	if (x->secure || x->gained)
		me->pdeath_signal = 0;
	me->personality &= ~READ_IMPLIES_EXEC;
	if (x->secure)
		me->personality &= ~PER_CLEAR_ON_SETID;
	posix_timers_exec(me->proc);
	sighand_flush_handlers(me->proc);
	me->altstack = (stack_t){.ss_flags = SS_DISABLE};
	cred_commit(x->cred);
	x->cred = NULL;
	files_close_on_exec(me->files);
	if (x->binary)
		give_binary(x);
	arch_thread_reset_user();
	me->proc->exit_signal = SIGCHLD;
	me->did_exec = true;
	arch_exec_start(arch_trapframe(&me->thread), x->entry, x->sp);
}

/* From the look at who traces us to the new program; exec_lock held. */
static s64 exec_locked(struct exec *x)
{
	struct task *me = task_current();
	struct sighand *shared = NULL;
	struct files *own = NULL;
	s64 err = exec_cred_prepare(x);

	if (!err)
		err = build_space(x);
	/* a table of descriptors shared with another process is not for us to close */
	if (!err && files_is_shared(me->files))
		err = files_fork(me->files, &own);
	if (!err)
		err = exec_de_thread(me);
	if (!err) {
		err = private_sighand(me, &shared);
		if (err)
			signal_kill_proc(me->proc); /* the other threads are gone already */
		if (!err && own)
			swap(own, me->files);
		if (!err)
			commit(x);
	}
	if (shared)
		sighand_put(shared);
	if (own)
		files_put(own);
	return err;
}

static s64 exec_run(struct exec *x)
{
	struct task *me = task_current();
	s32 old_tid = task_tid(me);
	s64 err = resolve(x);

	if (err)
		return err;
	if (mutex_lock_interruptible(&me->proc->exec_lock))
		return -ERESTARTNOINTR;
	err = exec_locked(x);
	mutex_unlock(&me->proc->exec_lock);
	if (!err)
		ptrace_exec(old_tid);
	return err;
}

static void exec_free(struct exec *x)
{
	if (x->space)
		vm_space_put_user(x->space);
	if (x->file)
		file_put(x->file);
	if (x->binary)
		file_put(x->binary);
	if (x->cred)
		cred_put(x->cred);
	exec_args_free(&x->args);
	kfree(x);
}

/* Strings may take a quarter of the stack limit, at least 128 KiB, at most three quarters of 8 MiB. */
static size_t args_limit(void)
{
	u64 quarter = rlimit_cur(RLIMIT_STACK) / 4;

	return clamp(quarter, EXEC_ARGS_MIN, 6ull << 20);
}

static struct exec *exec_alloc(const char *filename)
{
	struct exec *x = kzalloc(sizeof(*x), ALLOC_SLEEP);

	if (x) {
		x->filename = filename;
		x->args.limit = args_limit();
	}
	return x;
}

s64 proc_exec(int dirfd, struct path_name *name, struct uptr argv, struct uptr envp, int at_flags)
{
	const char *filename = path_name_str(name);
	bool by_fd = dirfd != AT_FDCWD && *filename != '/';
	char *fdname = NULL;
	struct exec *x;
	s64 err;

	/* fexecve: what the program sees as its file's name must lead to it, and it does not if the descriptor is closed before */
	if (by_fd) {
		fdname = kmalloc(PATH_MAX + 24, ALLOC_SLEEP);
		if (!fdname)
			return -ENOMEM;
		snprintf(fdname, PATH_MAX + 24, "/dev/fd/%d%s%s", dirfd, *filename ? "/" : "", filename);
		filename = fdname;
	}
	x = exec_alloc(filename);
	if (!x) {
		kfree(fdname);
		return -ENOMEM;
	}
	x->unreachable = by_fd && files_cloexec(task_current()->files, dirfd);
	task_current()->in_exec = true;
	err = open_program(x, dirfd, name, at_flags);
	if (!err)
		err = exec_args_from_user(&x->args, argv, envp);
	if (!err)
		err = exec_run(x);
	task_current()->in_exec = false;
	exec_free(x);
	kfree(fdname);
	return err;
}

s64 proc_exec_kernel(const char *file, const char *const *argv, const char *const *envp)
{
	struct exec *x = exec_alloc(file);
	struct path_name *name;
	s64 err;

	if (!x)
		return -ENOMEM;
	err = path_name_kernel(file, &name);
	if (!err) {
		err = open_program(x, AT_FDCWD, name, 0);
		path_name_put(name);
	}
	if (!err)
		err = exec_args_from_kernel(&x->args, argv, envp);
	if (!err)
		err = exec_run(x);
	exec_free(x);
	return err;
}
