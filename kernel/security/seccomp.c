/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * seccomp: strict mode, and filters. [man seccomp(2)]
 *
 * Filters are a tree that grows at its leaves: a thread points to its newest, which points to the one before. Each is constant, and holds a reference to the one before. A
 * thread changes its own pointer under the tree lock; with TSYNC also those of the other threads of its process, whose filters must be ancestors
 * of its own.
 *
 *	thread ─► newest ─► ... ─► first          all are run; the action that forbids most wins, of equal ones the newest
 *
 * A filter may have a listener (seccomp_notify.c), one of all that a thread has.
 */
#include <security/seccomp.h>
#include <arch/trap.h>
#include <debug/log.h>
#include <debug/panic.h>
#include <init/initcall.h>
#include <lib/bpf_classic.h>
#include <lib/errno.h>
#include <lib/refcount.h>
#include <lib/string.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>
#include <asm/unistd.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <proc/ptrace.h>
#include <proc/signal.h>
#include <proc/task.h>
#include <security/bpf_prog.h>
#include <security/seccomp_notify.h>
#include <vfs/file.h>
#include <vfs/procfs.h>

#define MAX_INSNS_PER_THREAD 32768u
#define FILTER_PENALTY	     4u /* instructions that a filter counts for besides its own */

struct seccomp {
	struct refcount refs;
	u32 count;		/* of this and those before it */
	u32 insns;		/* ... with penalties */
	bool log;
	struct bpf_prog *prog;
	struct seccomp_listener *listener; /* holds a reference; NULL */
	struct seccomp *prev;	/* holds a reference */
};

void seccomp_put(struct seccomp *s)
{
	while (s && refcount_dec_and_test(&s->refs)) {
		struct seccomp *prev = s->prev;

		bpf_prog_put(s->prog);
		if (s->listener)
			seccomp_listener_leave(s->listener);
		kfree(s);
		s = prev;
	}
}

void seccomp_fork_locked(struct task *t, struct task *me)
{
	t->no_new_privs = me->no_new_privs;
	if (likely(!me->seccomp_mode))
		return;
	t->seccomp_mode = me->seccomp_mode;
	t->seccomp = me->seccomp;
	if (t->seccomp)
		refcount_inc(&t->seccomp->refs);
	__atomic_fetch_or(&t->thread.user_work, UW_SECCOMP, __ATOMIC_RELAXED);
}

u32 seccomp_count(struct task *t)
{
	u32 n;

	spin_lock(&proc_tree_lock);
	n = t->seccomp ? t->seccomp->count : 0;
	spin_unlock(&proc_tree_lock);
	return n;
}

/* ---- setting ---- */

static bool may_assign(const struct task *t, u8 mode)
{
	return !t->seccomp_mode || t->seccomp_mode == mode;
}

/* Tree lock. */
static void assign(struct task *t, u8 mode)
{
	WRITE_ONCE(t->seccomp_mode, mode);
	__atomic_fetch_or(&t->thread.user_work, UW_SECCOMP, __ATOMIC_RELEASE);
}

static s64 set_strict(void)
{
	struct task *me = task_current();

	if (!may_assign(me, SECCOMP_MODE_STRICT))
		return -EINVAL;
	spin_lock(&proc_tree_lock);
	assign(me, SECCOMP_MODE_STRICT);
	spin_unlock(&proc_tree_lock);
	return 0;
}

static int MUST_CHECK make_filter(struct uptr args, u32 flags, struct seccomp **out)
{
	struct seccomp *s;
	struct bpf_prog *p;
	int err;

	if (!task_current()->no_new_privs && !capable(CAP_SYS_ADMIN)) {
		struct sock_fprog u;

		if (copy_from_user(&u, args, sizeof(u)))
			return -EFAULT;
		return !u.len || u.len > BPF_MAXINSNS ? -EINVAL : -EACCES;
	}
	err = bpf_prog_from_user(args, &p);
	if (err)
		return err;
	err = bpf_check_seccomp(p->insns, p->len, sizeof(struct seccomp_data));
	s = err ? NULL : kzalloc(sizeof(*s), 0);
	if (!s) {
		bpf_prog_put(p);
		return err ? err : -ENOMEM;
	}
	refcount_set(&s->refs, 1);
	s->prog = p;
	s->log = flags & SECCOMP_FILTER_FLAG_LOG;
	*out = s;
	return 0;
}

static bool is_ancestor(const struct seccomp *old, const struct seccomp *of)
{
	for (; of; of = of->prev) {
		if (of == old)
			return true;
	}
	return !old;
}

/* A thread that cannot take over our filters; NULL: all can. Tree lock. */
static struct task *find_other(struct task *me)
{
	struct task *t;

	list_for_each_entry(t, &me->proc->threads, thread_link)
	{
		if (t == me || t->tree_exited || !t->seccomp_mode)
			continue;
		if (t->seccomp_mode != SECCOMP_MODE_FILTER || !is_ancestor(t->seccomp, me->seccomp))
			return t;
	}
	return NULL;
}

/* All threads get what @me has. Tree lock. */
static void sync_threads(struct task *me)
{
	struct task *t;

	list_for_each_entry(t, &me->proc->threads, thread_link)
	{
		bool last = false;

		if (t == me || t->tree_exited)
			continue;
		/* ours has theirs among its ancestors: these references are never the last */
		if (t->seccomp)
			last = refcount_dec_and_test(&t->seccomp->refs);
		ASSERT(!last);
		refcount_inc(&me->seccomp->refs);
		rcu_assign_pointer(t->seccomp, me->seccomp);
		if (me->no_new_privs)
			WRITE_ONCE(t->no_new_privs, true);
		assign(t, SECCOMP_MODE_FILTER);
	}
}

static bool has_listener(const struct seccomp *s)
{
	while (s && !s->listener)
		s = s->prev;
	return s;
}

/* Tree lock. */
static s64 MUST_CHECK attach(struct task *me, struct seccomp *s, u32 flags)
{
	struct seccomp *prev = me->seccomp;
	struct task *other;

	if (!may_assign(me, SECCOMP_MODE_FILTER))
		return -EINVAL;
	if (s->listener && has_listener(prev))
		return -EBUSY;
	s->insns = s->prog->len + FILTER_PENALTY + (prev ? prev->insns : 0);
	if (s->insns - FILTER_PENALTY > MAX_INSNS_PER_THREAD)
		return -ENOMEM;
	if (flags & SECCOMP_FILTER_FLAG_TSYNC) {
		other = find_other(me);
		if (other)
			return flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH ? -ESRCH : task_tid(other);
	}
	s->count = prev ? prev->count + 1 : 1;
	s->prev = prev; /* our reference moves in */
	rcu_assign_pointer(me->seccomp, s);
	assign(me, SECCOMP_MODE_FILTER);
	if (flags & SECCOMP_FILTER_FLAG_TSYNC)
		sync_threads(me);
	return 0;
}

/* A listener for @s, in a descriptor of its own from the moment of the attachment on. */
static s64 attach_listening(struct seccomp *s, u32 flags)
{
	int fd = fd_reserve(0, true);
	struct file *f;
	s64 ret;

	if (fd < 0)
		return fd;
	ret = seccomp_listener_create(flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &s->listener, &f);
	if (ret) {
		fd_cancel(fd);
		return ret;
	}
	spin_lock(&proc_tree_lock);
	ret = attach(task_current(), s, flags);
	spin_unlock(&proc_tree_lock);
	if (!ret) {
		fd_install(fd, f);
		return fd;
	}
	fd_cancel(fd);
	file_put_sync(f);
	return ret;
}

static s64 set_filter(u32 flags, struct uptr args)
{
	const u32 known = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW | SECCOMP_FILTER_FLAG_TSYNC_ESRCH |
		SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	const u32 two_results = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_NEW_LISTENER;
	struct seccomp *s;
	s64 ret;

	if (flags & ~known)
		return -EINVAL;
	if ((flags & two_results) == two_results && !(flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH))
		return -EINVAL;
	if ((flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) && !(flags & SECCOMP_FILTER_FLAG_NEW_LISTENER))
		return -EINVAL;
	ret = make_filter(args, flags, &s);
	if (ret)
		return ret;
	if (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) {
		ret = attach_listening(s, flags);
		if (ret >= 0)
			return ret;
	} else {
		spin_lock(&proc_tree_lock);
		ret = attach(task_current(), s, flags);
		spin_unlock(&proc_tree_lock);
	}
	if (ret)
		seccomp_put(s);
	return ret;
}

s64 seccomp_set(unsigned op, u32 flags, struct uptr args)
{
	if (op == SECCOMP_SET_MODE_FILTER)
		return set_filter(flags, args);
	return flags || !uptr_is_null(args) ? -EINVAL : set_strict();
}

/* ---- asking ---- */

static void fill_data(struct trapframe *tf, struct seccomp_data *d)
{
	d->nr = (int)tf_syscall_nr(tf);
	d->arch = AUDIT_ARCH_X86_64;
	d->instruction_pointer = tf_pc(tf);
	for (unsigned i = 0; i < 6; i++)
		d->args[i] = tf_syscall_arg(tf, i);
}

/* Own thread: what it points to stays while it is in a call of its own, except by TSYNC, which keeps it as an ancestor. */
static u32 run_filters(const struct seccomp_data *d, const struct seccomp **out_match)
{
	struct bpf_input in = {.bytes = (const u8 *)d, .len = sizeof(*d), .native = true};
	u32 verdict = SECCOMP_RET_ALLOW;

	for (const struct seccomp *s = rcu_dereference(task_current()->seccomp); s; s = s->prev) {
		u32 v = bpf_run(s->prog->insns, &in);

		if ((s32)(v & SECCOMP_RET_ACTION_FULL) < (s32)(verdict & SECCOMP_RET_ACTION_FULL)) {
			verdict = v;
			*out_match = s;
		}
	}
	return verdict;
}

static void fill_sigsys(struct trapframe *tf, u32 data, siginfo_t *info)
{
	siginfo_kernel(info, SIGSYS);
	info->si_code = SYS_SECCOMP;
	info->si_errno = (int)data;
	info->si_call_addr = (void *)tf_pc(tf);
	info->si_syscall = (int)tf_syscall_nr(tf);
	info->si_arch = AUDIT_ARCH_X86_64;
}

static void log_verdict(const struct seccomp_data *d, u32 action)
{
	klog_ratelimited(LOG_INFO, "seccomp: %s[%d]: system call %d, action %#x", thread_current()->name, task_tid(task_current()), d->nr, action);
}

static void kill_process(struct trapframe *tf, u32 data)
{
	siginfo_t info;

	fill_sigsys(tf, data, &info);
	signal_reset_action(SIGSYS);
	signal_force_info(&info);
}

/* SECCOMP_RET_TRACE: the tracer may change the call, which is then filtered once more. */
static bool ask_tracer(struct trapframe *tf, u32 data)
{
	if (!ptrace_event_is_on(task_current(), PTRACE_EVENT_SECCOMP)) {
		tf_set_ret(tf, -ENOSYS);
		return false;
	}
	ptrace_event(PTRACE_EVENT_SECCOMP, data);
	return !thread_kill_pending() && (s32)tf_syscall_nr(tf) >= 0;
}

/* SECCOMP_RET_USER_NOTIF. What @match says stays while this call lasts. */
static bool ask_listener(struct trapframe *tf, const struct seccomp *match, const struct seccomp_data *d)
{
	s64 ret = -ENOSYS;
	bool make = match && match->listener && seccomp_listener_ask(match->listener, d, &ret);

	if (!make)
		tf_set_ret(tf, ret);
	return make;
}

static bool act(struct trapframe *tf, const struct seccomp_data *d, u32 verdict, const struct seccomp *match, bool again);

static bool filter(struct trapframe *tf, bool again)
{
	const struct seccomp *match = NULL;
	struct seccomp_data d;
	u32 verdict;

	fill_data(tf, &d);
	verdict = run_filters(&d, &match);
	return likely(verdict == SECCOMP_RET_ALLOW) || act(tf, &d, verdict, match, again);
}

static bool act(struct trapframe *tf, const struct seccomp_data *d, u32 verdict, const struct seccomp *match, bool again)
{
	u32 action = verdict & SECCOMP_RET_ACTION_FULL, data = verdict & SECCOMP_RET_DATA;
	siginfo_t info;

	if (action == SECCOMP_RET_ALLOW)
		return true;
	if (action == SECCOMP_RET_LOG || action == SECCOMP_RET_KILL_THREAD || action == SECCOMP_RET_KILL_PROCESS || (match && match->log))
		log_verdict(d, action);
	switch (action) {
	case SECCOMP_RET_LOG: return true;
	case SECCOMP_RET_ERRNO: tf_set_ret(tf, -(s64)min_t(u32, data, ERRNO_MAX)); return false;
	case SECCOMP_RET_TRAP:
		tf_set_ret(tf, d->nr);
		fill_sigsys(tf, data, &info);
		signal_force_info(&info);
		return false;
	case SECCOMP_RET_TRACE:
		if (again)
			return true;
		return ask_tracer(tf, data) && filter(tf, true);
	case SECCOMP_RET_USER_NOTIF: return ask_listener(tf, match, d);
	case SECCOMP_RET_KILL_THREAD:
		if (READ_ONCE(task_current()->proc->nthreads) > 1)
			task_exit(SIGSYS);
		FALLTHROUGH;
	default: kill_process(tf, data); return false;
	}
}

bool seccomp_enter(struct trapframe *tf)
{
	static const u64 strict[] = {__NR_read, __NR_write, __NR_exit, __NR_rt_sigreturn};

	if (likely(task_current()->seccomp_mode == SECCOMP_MODE_FILTER))
		return filter(tf, false);
	for (size_t i = 0; i < ARRAY_SIZE(strict); i++) {
		if (tf_syscall_nr(tf) == strict[i])
			return true;
	}
	task_exit(SIGKILL);
}

/* ---- a tracer ---- */

/* The @nth filter of @t, from the first one on, referenced. */
static int MUST_CHECK filter_get(struct task *t, u64 nth, struct seccomp **out)
{
	struct seccomp *s;
	int err = -EINVAL;

	if (!capable(CAP_SYS_ADMIN) || task_current()->seccomp_mode)
		return -EACCES;
	spin_lock(&proc_tree_lock);
	s = t->seccomp_mode == SECCOMP_MODE_FILTER ? t->seccomp : NULL;
	if (s) {
		err = nth < s->count ? 0 : -ENOENT;
		while (!err && s->count != nth + 1)
			s = s->prev;
		if (!err)
			refcount_inc(&s->refs);
	}
	spin_unlock(&proc_tree_lock);
	if (!err)
		*out = s;
	return err;
}

s64 seccomp_show_filter(struct task *t, u64 nth, struct uptr to)
{
	struct seccomp *s;
	s64 ret = filter_get(t, nth, &s);

	if (ret)
		return ret;
	ret = s->prog->len;
	if (!uptr_is_null(to) && copy_to_user(to, s->prog->insns, s->prog->len * sizeof(s->prog->insns[0])))
		ret = -EFAULT;
	seccomp_put(s);
	return ret;
}

s64 seccomp_show_metadata(struct task *t, u64 size, struct uptr to)
{
	struct seccomp_metadata m = {0};
	struct seccomp *s;
	s64 ret;

	if (!capable(CAP_SYS_ADMIN) || task_current()->seccomp_mode)
		return -EACCES;
	size = min(size, (u64)sizeof(m));
	if (size < sizeof(m.filter_off))
		return -EINVAL;
	if (copy_from_user(&m.filter_off, to, sizeof(m.filter_off)))
		return -EFAULT;
	ret = filter_get(t, m.filter_off, &s);
	if (ret)
		return ret;
	m.flags = s->log ? SECCOMP_FILTER_FLAG_LOG : 0;
	seccomp_put(s);
	return copy_to_user(to, &m, size) ? -EFAULT : (s64)size;
}

static int show_actions(const struct sysctl *s, struct strbuf *sb)
{
	strbuf_puts(sb, "kill_process kill_thread trap errno user_notif trace log allow\n");
	return 0;
}

static const struct sysctl sysctls[] = {{.path = "kernel/seccomp/actions_avail", .mode = 0444, .type = SYSCTL_CALL, .get = show_actions}};

static int seccomp_init(void)
{
	sysctl_register(sysctls, ARRAY_SIZE(sysctls));
	return 0;
}
INITCALL(seccomp, "procfs", seccomp_init);
