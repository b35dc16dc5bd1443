/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The short files of /proc/PID.
 */
#include "format.h"
#include "proc_fs.h"
#include <io/poll.h>
#include <lib/parse.h>
#include <lib/string.h>
#include <mm/page.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <proc/cgroup.h>
#include <proc/cred.h>
#include <proc/posix_timer.h>
#include <sched/sched.h>
#include <arch/context.h>
#include <arch/trap.h>
#include <linux/eventpoll.h>
#include <linux/oom.h>

int proc_show_comm(struct pseudo_text *t)
{
	char comm[sizeof(t->task->thread.name)];

	strscpy(comm, t->task->thread.name, sizeof(comm));
	strbuf_printf(&t->sb, "%s\n", comm);
	return 0;
}

int proc_store_comm(struct pseudo_text *t, char *text, size_t len)
{
	if (t->task->proc != task_current()->proc)
		return -EINVAL;
	strscpy(t->task->thread.name, text, sizeof(t->task->thread.name));
	return 0;
}

static void put_limit(struct strbuf *sb, u64 v)
{
	if (v == ~0ull)
		strbuf_printf(sb, "%-20s ", "unlimited");
	else
		strbuf_printf(sb, "%-20llu ", v);
}

int proc_show_limits(struct pseudo_text *t)
{
	static const struct {
		const char *name, *unit;
	} names[RLIM_NLIMITS] = {
		[RLIMIT_CPU] = {"Max cpu time", "seconds"},
		[RLIMIT_FSIZE] = {"Max file size", "bytes"},
		[RLIMIT_DATA] = {"Max data size", "bytes"},
		[RLIMIT_STACK] = {"Max stack size", "bytes"},
		[RLIMIT_CORE] = {"Max core file size", "bytes"},
		[RLIMIT_RSS] = {"Max resident set", "bytes"},
		[RLIMIT_NPROC] = {"Max processes", "processes"},
		[RLIMIT_NOFILE] = {"Max open files", "files"},
		[RLIMIT_MEMLOCK] = {"Max locked memory", "bytes"},
		[RLIMIT_AS] = {"Max address space", "bytes"},
		[RLIMIT_LOCKS] = {"Max file locks", "locks"},
		[RLIMIT_SIGPENDING] = {"Max pending signals", "signals"},
		[RLIMIT_MSGQUEUE] = {"Max msgqueue size", "bytes"},
		[RLIMIT_NICE] = {"Max nice priority", NULL},
		[RLIMIT_RTPRIO] = {"Max realtime priority", NULL},
		[RLIMIT_RTTIME] = {"Max realtime timeout", "us"},
	};
	struct rlimit64_pair limits[RLIM_NLIMITS];

	spin_lock(&t->task->proc->lock);
	memcpy(limits, t->task->proc->rlimits, sizeof(limits));
	spin_unlock(&t->task->proc->lock);
	strbuf_printf(&t->sb, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		strbuf_printf(&t->sb, "%-25s ", names[i].name);
		put_limit(&t->sb, limits[i].cur);
		put_limit(&t->sb, limits[i].max);
		if (names[i].unit)
			strbuf_printf(&t->sb, "%-10s", names[i].unit);
		strbuf_putc(&t->sb, '\n');
	}
	return 0;
}

int proc_show_io(struct pseudo_text *t)
{
	static const char *const names[] = {"rchar", "wchar", "syscr", "syscw", "read_bytes", "write_bytes", "cancelled_write_bytes"};
	struct task *one;
	u64 sum[7] = {0};

	rcu_read_lock();
	if (pseudo_inode(t->file->inode)->file->flags & PSEUDO_PROC) {
		list_for_each_entry_rcu(one, &t->task->proc->threads, thread_link)
		{
			for (int i = 0; i < 7; i++)
				sum[i] += READ_ONCE(one->ioac[i]);
		}
	} else {
		memcpy(sum, t->task->ioac, sizeof(sum));
	}
	rcu_read_unlock();
	for (int i = 0; i < 7; i++)
		strbuf_printf(&t->sb, "%s: %llu\n", names[i], sum[i]);
	return 0;
}

/* ---- out of memory ---- */

int proc_show_oom_score(struct pseudo_text *t)
{
	struct vm_space *s = task_space_get(t->task);
	struct page_stats ps;
	struct vm_rss rss;
	s64 points = 0, peak;

	page_stats(&ps);
	if (s && t->task->oom_score_adj != OOM_SCORE_ADJ_MIN) {
		vm_space_rss(s, &rss, &peak);
		points = (rss.anon + rss.file + rss.shmem) * 1000 / (s64)max(ps.total, 1ull) + t->task->oom_score_adj;
		points = max(points + 1000, 0ll) * 2 / 3; /* 0 .. 1333, as Linux shows it */
	}
	if (s)
		vm_space_put(s);
	strbuf_printf(&t->sb, "%lld\n", points);
	return 0;
}

int proc_show_oom_score_adj(struct pseudo_text *t)
{
	strbuf_printf(&t->sb, "%d\n", READ_ONCE(t->task->oom_score_adj));
	return 0;
}

int proc_show_oom_adj(struct pseudo_text *t)
{
	s32 adj = READ_ONCE(t->task->oom_score_adj);

	strbuf_printf(&t->sb, "%d\n", adj == OOM_SCORE_ADJ_MAX ? OOM_ADJUST_MAX : adj * -OOM_DISABLE / OOM_SCORE_ADJ_MAX);
	return 0;
}

/* It is a property of the process: all its threads carry it. */
static int set_oom_score_adj(struct task *t, s32 adj)
{
	struct task *one;

	if (adj < READ_ONCE(t->oom_score_adj) && !capable(CAP_SYS_RESOURCE))
		return -EACCES;
	rcu_read_lock();
	list_for_each_entry_rcu(one, &t->proc->threads, thread_link)
		WRITE_ONCE(one->oom_score_adj, adj);
	rcu_read_unlock();
	return 0;
}

int proc_store_oom_score_adj(struct pseudo_text *t, char *text, size_t len)
{
	s32 adj;

	if (strtos32(pseudo_trim(text), 0, &adj) || adj < OOM_SCORE_ADJ_MIN || adj > OOM_SCORE_ADJ_MAX)
		return -EINVAL;
	return set_oom_score_adj(t->task, adj);
}

int proc_store_oom_adj(struct pseudo_text *t, char *text, size_t len)
{
	s32 adj;

	if (strtos32(pseudo_trim(text), 0, &adj) || ((adj < OOM_ADJUST_MIN || adj > OOM_ADJUST_MAX) && adj != OOM_DISABLE))
		return -EINVAL;
	return set_oom_score_adj(t->task, adj == OOM_ADJUST_MAX ? OOM_SCORE_ADJ_MAX : adj * OOM_SCORE_ADJ_MAX / -OOM_DISABLE);
}

/* ---- what it does ---- */

int proc_show_wchan(struct pseudo_text *t)
{
	const char *what = READ_ONCE(t->task->thread.wait_what);
	bool running = READ_ONCE(t->task->thread.state) == THREAD_RUNNING;

	strbuf_puts(&t->sb, what && !running && ptrace_may_access(t->task, PTRACE_READ | PTRACE_FSCREDS) == 0 ? what : "0");
	return 0;
}

int proc_show_syscall(struct pseudo_text *t)
{
	struct thread *th = &t->task->thread;
	struct trapframe *tf;
	u32 state = READ_ONCE(th->state);

	if (state == THREAD_RUNNING || state == THREAD_WOKEN || t->task->tree_exited || t->task->is_kthread) {
		strbuf_puts(&t->sb, "running\n");
		return 0;
	}
	tf = arch_trapframe(th);
	if ((s64)tf_syscall_nr(tf) < 0) {
		strbuf_printf(&t->sb, "-1 0x%llx 0x%llx\n", (u64)tf_sp(tf), (u64)tf_pc(tf));
		return 0;
	}
	strbuf_printf(&t->sb, "%llu", tf_syscall_nr(tf));
	for (unsigned i = 0; i < 6; i++)
		strbuf_printf(&t->sb, " 0x%llx", (u64)tf_syscall_arg(tf, i));
	strbuf_printf(&t->sb, " 0x%llx 0x%llx\n", (u64)tf_sp(tf), (u64)tf_pc(tf));
	return 0;
}

int proc_show_personality(struct pseudo_text *t)
{
	strbuf_printf(&t->sb, "%08x\n", t->task->personality);
	return 0;
}

int proc_show_cgroup(struct pseudo_text *t)
{
	strbuf_puts(&t->sb, "0::");
	cgroup_put_path(&t->sb, t->task);
	strbuf_putc(&t->sb, '\n');
	return 0;
}

/* Time on a CPU and number of times chosen; the time of waiting in queues is not counted. */
int proc_show_schedstat(struct pseudo_text *t)
{
	struct thread *th = &t->task->thread;

	strbuf_printf(&t->sb, "%llu 0 %llu\n", sched_runtime_ns(th), READ_ONCE(th->nr_voluntary) + READ_ONCE(th->nr_involuntary));
	return 0;
}

/* Linux' names, of what is counted here. */
int proc_show_sched(struct pseudo_text *t)
{
	struct task *task = t->task;
	struct thread *th = &task->thread;
	u64 voluntary = READ_ONCE(th->nr_voluntary), involuntary = READ_ONCE(th->nr_involuntary), run = sched_runtime_ns(th);
	char comm[sizeof(th->name)];
	struct sched_params sp;

	strscpy(comm, th->name, sizeof(comm));
	sched_get_params(th, &sp);
	strbuf_printf(&t->sb, "%s (%d, #threads: %u)\n%s\n", comm, pid_nr(t->pid), READ_ONCE(task->proc->nthreads),
		"-------------------------------------------------------------------");
	strbuf_printf(&t->sb, "%-45s:%21llu.%06llu\n", "se.sum_exec_runtime", run / 1000000, run % 1000000);
	strbuf_printf(&t->sb, "%-45s:%21llu\n%-45s:%21llu\n%-45s:%21llu\n", "nr_switches", voluntary + involuntary, "nr_voluntary_switches",
		voluntary, "nr_involuntary_switches", involuntary);
	strbuf_printf(&t->sb, "%-45s:%21u\n%-45s:%21d\n%-45s:%21d\n", "se.load.weight", READ_ONCE(th->se.weight), "policy", sp.policy, "prio",
		sp.rt_prio ? 99 - (int)sp.rt_prio : 120 + sp.nice);
	return 0;
}

int proc_show_timers(struct pseudo_text *t)
{
	return posix_timers_show(t->task->proc, pid_nr(t->pid), &t->sb);
}

static int may_see_slack(struct task *t)
{
	return t == task_current() || capable(CAP_SYS_NICE) ? 0 : -EPERM;
}

int proc_show_slack(struct pseudo_text *t)
{
	int err = may_see_slack(t->task);

	if (!err)
		strbuf_printf(&t->sb, "%llu\n", READ_ONCE(t->task->timer_slack_ns));
	return err;
}

int proc_store_slack(struct pseudo_text *t, char *text, size_t len)
{
	int err = may_see_slack(t->task);
	u64 ns;

	if (err)
		return err;
	err = strtou64(pseudo_trim(text), 10, &ns);
	if (!err)
		WRITE_ONCE(t->task->timer_slack_ns, ns ?: t->task->default_slack_ns);
	return err;
}

/* What is left to count; 0: it has failed, or nothing was asked for. Shown without an allocation once the file has been read. */
int proc_show_fail_nth(struct pseudo_text *t)
{
	strbuf_printf(&t->sb, "%u\n", READ_ONCE(t->task->thread.fail_nth));
	return 0;
}

int proc_store_fail_nth(struct pseudo_text *t, char *text, size_t len)
{
	u64 n;
	int err = strtou64(pseudo_trim(text), 0, &n);

	if (err)
		return err;
	if (n > ~0u)
		return -ERANGE;
	WRITE_ONCE(t->task->thread.fail_nth, (u32)n);
	return 0;
}

/* Children made by this thread. */
int proc_show_children(struct pseudo_text *t)
{
	struct proc *child;

	spin_lock(&proc_tree_lock);
	list_for_each_entry(child, &t->task->proc->children, sibling)
	{
		if (child->forker == t->task)
			strbuf_printf(&t->sb, "%d ", pid_nr(child->pid));
	}
	spin_unlock(&proc_tree_lock);
	return 0;
}

/* ---- mounts ---- */

#define MOUNT_ROOM (4 * PATH_MAX) /* three paths and what is between */

/* The namespace and root of a task: what is shown. */
static int mounts_of(struct task *t, struct ns **out_ns, struct path *out_root)
{
	struct ns *ns = task_ns_get(t, NS_MNT);
	int err = ns ? proc_root_path(t, out_root) : -EINVAL;

	if (err) {
		if (ns)
			ns_put(ns);
		return err == -ENOENT ? -EINVAL : err;
	}
	*out_ns = ns;
	return 0;
}

static int next_mounts(struct pseudo_text *t, enum mount_show what)
{
	struct path root;
	ssize_t len = -ENOMEM;
	struct ns *ns;
	char *buf;
	int err = mounts_of(t->task, &ns, &root);

	if (err)
		return err;
	buf = kmalloc(MOUNT_ROOM, 0);
	if (buf)
		len = vfs_show_mounts(what, container_of(ns, struct mount_ns, ns), &root, &t->cursor, buf, MOUNT_ROOM);
	if (len > 0)
		strbuf_write(&t->sb, buf, (size_t)len);
	kfree(buf);
	path_put(&root);
	ns_put(ns);
	return len < 0 ? (int)len : len != 0;
}

int proc_next_mounts(struct pseudo_text *t)
{
	return next_mounts(t, MOUNT_SHOW_MOUNTS);
}

int proc_next_mountinfo(struct pseudo_text *t)
{
	return next_mounts(t, MOUNT_SHOW_INFO);
}

int proc_next_mountstats(struct pseudo_text *t)
{
	return next_mounts(t, MOUNT_SHOW_STATS);
}

/* EPOLLERR|EPOLLPRI once after each change since the file was opened, which asks too. ahead.words of the file: the namespace and its count seen last. */
u32 proc_poll_mounts(struct pseudo_text *t, struct poll_table *pt)
{
	s64 *seen = t->file->ahead.words;
	struct ns *ns = task_ns_get(t->task, NS_MNT);
	const struct mount_ns *mounts;
	bool changed;

	poll_wait(pt, t->file, &mounts_wait);
	if (!ns)
		return EPOLLERR | EPOLLHUP;
	mounts = container_of(ns, struct mount_ns, ns);
	changed = seen[0] != (s64)mounts->id || seen[1] != (s64)READ_ONCE(mounts->changes);
	seen[0] = (s64)mounts->id;
	seen[1] = (s64)READ_ONCE(mounts->changes);
	ns_put(ns);
	return EPOLLIN | EPOLLRDNORM | (changed ? EPOLLERR | EPOLLPRI : 0);
}
