/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Tasks and processes: the personality's view of threads.
 *
 * struct task is one thread with its private attributes, and embeds the scheduler's struct thread. struct proc is what all threads of a process share (a "thread
 * group"). What clone(2) can share separately hangs off the task by reference: space, files, fs;
 * signal actions hang off the process (CLONE_THREAD demands CLONE_SIGHAND).
 *
 * Locks: proc_tree_lock (spinlock, interrupts off not needed, RANK_TASK_TREE) guards parents, children, thread lists, group and session membership, exit state.
 * sighand->lock (spinlock, irqsave, RANK_SIGHAND) guards actions, pending signals, stop state. task->alloc_lock guards the pointers files, fs, thread.space,
 * cred when somebody else looks at them.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/list.h>
#include <lib/refcount.h>
#include <sched/thread.h>
#include <sync/spinlock.h>
#include <sync/mutex.h>
#include <sync/wait.h>
#include <time/timer.h>
#include <proc/pid.h>
#include <proc/signal.h>
#include <linux/resource.h>

struct vm_space;
struct futex_waiter;
struct files;
struct fs_context;
struct cred;
struct proc;
struct tty;
struct file;
struct cgroup;

struct task {
	struct thread thread;		/* first */
	struct proc *proc;
	struct pid *pids[PID_TYPES];	/* own tid; the others as the leader's */
	struct list_head pid_links[PID_TYPES]; /* tree lock; PID_PGID/SID/TGID linked for leaders only */
	struct list_head thread_link;	/* proc->threads; tree lock, RCU */
	/* --- shared by clone flags; alloc_lock for others, own thread reads freely --- */
	struct spinlock alloc_lock;
	struct files *files;
	struct fs_context *fs;
	const struct cred *cred;	/* RCU */
	struct nsproxy *ns;
	/* --- control group: tree lock; the pointer is NULL once the task is reaped --- */
	struct cgroup *cgroup;
	struct list_head cgroup_link;
	u64 cgroup_user_ns, cgroup_system_ns; /* what it had used when it came there */
	bool frozen;			/* counts as frozen in it */
	bool quiet;			/* own thread: will not reach user mode by itself; see kernel/proc/cgroup_freeze.c */
	/* --- signals: sighand->lock --- */
	struct sigqueue_set pending;
	u64 forced;			/* faults that even init dies of */
	u64 blocked;			/* own thread writes under lock */
	u64 saved_mask;			/* sigsuspend and friends; valid if restore_mask */
	bool restore_mask;
	u64 waited_mask;		/* unblocked only to be taken by sigtimedwait: counts as blocked otherwise */
	stack_t altstack;		/* own thread */
	u32 jobctl;			/* enum jobctl */
	/* --- own thread --- */
	s32 exit_code;			/* wait status format */
	struct uptr clear_child_tid, set_child_tid;
	struct uptr robust_list;
	size_t robust_len;
	struct uptr rseq;
	u32 rseq_len, rseq_sig;
	u32 pdeath_signal;
	bool in_exec, exiting, tree_exited, is_kthread, vfork_child, did_exec;
	u32 core_state;			/* atomic; see proc/coredump.c */
	struct completion *vfork_done;	/* alloc_lock */
	/* PI futexes: those that others wait for us to give up, the one we wait for, and whether it is too late to wait for us; pi_lock */
	struct list_head pi_owned;
	struct futex_waiter *pi_wait;
	bool pi_closed;
	/* ptrace: see <proc/ptrace.h> */
	u32 ptrace;		/* enum ptrace_flags and options; written under the tree's and the sighand lock */
	u32 trace_calls;	/* enum trace_calls; own thread, and a tracer while it is frozen */
	struct task *tracer;	/* tree lock */
	struct list_head tracee_link;	/* tracer->proc->tracees; tree lock */
	s32 trap_code;		/* sighand lock: what wait(2) tells of a stop, 0 when told; at its end the signal to go on with */
	u64 trap_message;	/* of the stop; own thread, and a tracer while it is frozen */
	siginfo_t *trap_info;	/* likewise; NULL: a group stop without one */
	/* <security/seccomp.h>: own thread, or another of the process under the tree lock */
	struct seccomp *seccomp;	/* RCU; the newest filter, a reference */
	u8 seccomp_mode;		/* SECCOMP_MODE_* */
	bool no_new_privs;		/* never taken back */
	u32 login_uid, login_session;	/* ~ of what loginuid and sessionid show: 0 is nobody yet; inherited */
	u8 mce_kill;			/* PR_MCE_KILL_DEFAULT less what PR_MCE_KILL said; inherited, as the next */
	bool io_flusher;
	struct user_dispatch {		/* <proc/user_dispatch.h>: own thread, and a tracer while it is frozen */
		u64 offset, len;
		struct uptr selector;
	} user_dispatch;
	void *aio;
	struct sem_undos *sem_undos;	/* own thread; shared by CLONE_SYSVSEM */
	u64 timer_slack_ns, default_slack_ns;
	u64 min_flt, maj_flt, start_boottime;
	struct restart_block {
		s64 (*fn)(struct restart_block *);
		u64 args[5];
	} restart;
	struct task_work *work;		/* run before user mode; atomic push */
	s32 oom_score_adj;
	u64 ioac[7];			/* rchar wchar syscr syscw read_bytes write_bytes cancelled */
	u16 ioprio;	/* ioprio_set(2); 0: none was set */
	u32 personality;
};

struct task_work {
	struct task_work *next;
	void (*fn)(struct task_work *);
};

/* ALIVE -> ZOMBIE when the last thread has exited -> REAPED by whoever wins the CAS under the tree lock. */
enum proc_state { PROC_ALIVE, PROC_ZOMBIE, PROC_REAPED };

enum proc_flags { PROC_EXITING = 1, PROC_SUBREAPER = 2, PROC_STOPPED = 4, PROC_CONTINUED = 8, PROC_AUTOREAP = 16, PROC_INIT = 32, PROC_COREDUMP = 64, PROC_TELL_CONTINUED = 128 };

struct proc {
	struct refcount refs;
	struct sighand *sighand;	/* RCU; replaced by exec only */
	struct list_head threads;	/* tree lock, RCU */
	u32 nthreads;			/* tree lock */
	u32 live;			/* atomic: threads that have not begun to exit */
	struct task *leader;		/* tree lock */
	struct pid *pid;		/* the thread group's number: the leader's */
	struct proc *parent;		/* tree lock; NULL for init */
	struct task *forker;		/* thread of parent that made it (PR_SET_PDEATHSIG, __WNOTHREAD); tree lock, compared only */
	enum proc_state state;		/* tree lock */
	struct list_head children, sibling; /* tree lock */
	struct list_head tracees;	/* of all our threads; tree lock */
	struct mutex exec_lock;		/* an execve(2) from its credentials on, against tracers that begin */
	u32 flags;			/* enum proc_flags; sighand lock */
	s32 exit_signal;		/* to the parent when the process ends; 0 none */
	s32 group_exit_code;
	bool group_exit;
	struct task *exec_task;		/* de_thread in progress */
	struct wait_queue wait_child;
	/* job control; sighand lock */
	s32 stop_code;
	u32 stop_count;			/* threads still to stop */
	struct sigqueue_set pending;	/* shared pending signals */
	struct tty *tty;		/* controlling terminal: tree lock */
	struct pid *tty_old_pgrp;	/* a leader's: the foreground group of the terminal that hung up, to hang up at his end; tree lock */
	struct file *exe;
	struct rlimit64_pair {
		u64 cur, max;
	} rlimits[RLIM_NLIMITS];	/* proc lock */
	struct spinlock lock;
	/* accounting of dead threads and waited-for children; sighand lock */
	struct proc_usage {
		u64 utime_ns, stime_ns, min_flt, maj_flt, nvcsw, nivcsw, maxrss_kb, inblock, oublock;
	} dead, children_usage;
	struct posix_timers *timers;	/* timer_create, itimers */
	struct spinlock cpu_lock;
	struct list_head cpu_watches;	/* cpu_lock; see <proc/cpu_clock.h> */
	u32 in_memory;			/* atomic: threads that have not given their address space up */
	u32 core_wait;			/* atomic: threads that a core dump waits for */
	u64 start_boottime;
	char *cmdline_override;
	struct rcu_head rcu;
};

static inline struct task *task_current(void)
{
	return (struct task *)thread_current();
}

static inline struct task *thread_task(struct thread *t)
{
	return (struct task *)t;
}

/* The running task; NULL on a kernel thread, which is no task. */
struct task *task_current_or_null(void);

extern struct spinlock proc_tree_lock;
extern struct task *init_task;	/* pid 1 */

/* By number, with a reference (thread_put(&t->thread)); NULL. PID_TID: any thread; PID_TGID: leaders only. */
struct task *task_find_get(s32 nr, enum pid_type type);
struct task *pid_task_rcu(struct pid *pid, enum pid_type type);
struct task *pid_task_get(struct pid *pid, enum pid_type type);
static inline void task_get(struct task *t)
{
	thread_get(&t->thread);
}
static inline void task_put(struct task *t)
{
	thread_put(&t->thread);
}
/* References to what a task may lose at any moment; NULL when it is gone. */
struct vm_space *task_space_get(struct task *t);
struct files *task_files_get(struct task *t);
struct fs_context *task_fs_get(struct task *t);
const struct cred *task_cred_get(struct task *t);

u64 rlimit_cur(int resource);	/* of the running process; RLIM_INFINITY is ~0 */
s32 task_tid(const struct task *t);	/* as the running task sees them */
s32 task_tgid(const struct task *t);

/* clone */
struct clone_params {
	u64 flags;		/* CLONE_* without the signal */
	s32 exit_signal;
	struct uptr stack, parent_tid, child_tid, tls, pidfd;
	size_t stack_size;
	const s32 *set_tid;
	size_t set_tid_size;
	int cgroup;		/* CLONE_INTO_CGROUP: descriptor of its directory */
};
s64 proc_clone(const struct clone_params *p);	/* child's tid or -errno */
/* A kernel thread that becomes user process 1. */
int proc_make_init(void (*fn)(void *), void *arg) MUST_CHECK;

void task_exit(s32 code) NORETURN;		/* this thread only; wait-status format */
void proc_exit_group(s32 code) NORETURN;

extern int exec_randomize; /* kernel.randomize_va_space */
struct exec_params;
struct path_name;
/* What /proc/PID/exe shows; @f is denied to writers as file_open_exec leaves it, and gets a reference. */
void proc_set_exe(struct proc *p, struct file *f);

/* execve(2). On success the trapframe starts the new program. argv/envp: user pointers, or kernel arrays for init. */
s64 proc_exec(int dirfd, struct path_name *name, struct uptr argv, struct uptr envp, int at_flags);
s64 proc_exec_kernel(const char *file, const char *const *argv, const char *const *envp);

struct wait_params {
	int which;	/* P_ALL P_PID P_PGID P_PIDFD */
	struct pid *pid;
	int options;
	bool nonblock;	/* a non-blocking pidfd: nothing found is -EAGAIN */
};
struct wait_result {
	s32 pid, uid, status, code;
	s32 raw_status; /* as wait4 reports it */
	struct proc_usage usage;
};
s64 proc_wait(const struct wait_params *p, struct wait_result *out);

/*
 * Start the program argv[0] as a child of process 1 that nobody waits for, as root, without environment, in a session of nobody, with @in as standard input.
 * *out_pid: its number, a reference.
 *
 * Context: may sleep.  Returns: 0 when it runs; -ENOMEM -EAGAIN; the error of execve(2).
 */
int proc_run_helper(char *const *argv, struct file *in, struct pid **out_pid) MUST_CHECK;

/* Sessions and groups */
s64 proc_setsid(void);
s64 proc_setpgid(s32 pid, s32 pgid);
bool pgrp_is_orphaned(struct pid *pgrp);

/* Run @w->fn in @t's context before it next returns to user mode. False if it is exiting already. */
bool task_work_add(struct task *t, struct task_work *w);
/* May the running task look into @t (ptrace access mode)? 0 or -EPERM/-ESRCH. */
enum { PTRACE_READ = 1, PTRACE_ATTACH_MODE = 2, PTRACE_FSCREDS = 4, PTRACE_REALCREDS = 8 };
int ptrace_may_access(struct task *t, unsigned mode) MUST_CHECK;
void task_usage_get(struct task *t, struct proc_usage *out);
/* Threads of all processes. */
u64 proc_count_threads(void);
/* RLIMIT_CPU of @p changed: its timer follows. */
void cpu_limit_changed(struct proc *p);
/* _nolock: any context; a thread that exits at this moment may count twice or not yet. */
void proc_usage_get_nolock(struct proc *p, struct proc_usage *out);
void proc_usage_get(struct proc *p, struct proc_usage *out);	/* live threads folded with the dead */
