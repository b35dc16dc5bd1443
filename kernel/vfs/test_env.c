/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See test_env.h.
 */
#include "test_env.h"
#include "../mm/test_env.h"
#include "vfs_impl.h"
#include <debug/panic.h>
#include <io/epoll.h>
#include <io/poll.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <sched/work.h>
#include <security/random.h>
#include <sync/pcounter.h>
#include <sync/rwlock.h>
#include <time/clock.h>
#include <vfs/shmem.h>

LOCK_CLASS(env_task, RANK_TASK_TREE, "the test's task");

struct cred env_cred;
struct task env_task;
u64 env_nofile = 1024, env_fsize = ~0ull;
int env_signals;
static s64 now_ns = 1700000000ll * 1000000000;
static struct task_work *pending_work;

void vfs_env_init(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	env_init(64 << 20, 1);
	slab_init();
	vm_init();
	env_cred.cap_effective = env_cred.cap_permitted = KCAP_ALL;
	env_task.cred = &env_cred;
	spin_init(&env_task.alloc_lock, env_task);
	*this_cpu_ptr(&current_thread) = &env_task.thread;
	ASSERT(vfs_init() == 0);
	env_task.files = files_create();
	ASSERT(env_task.files);
}

struct task *task_current_or_null(void)
{
	return &env_task;
}

const struct cred *cred_current(void)
{
	return &env_cred;
}

void cred_get(const struct cred *c)
{
}

void cred_put(const struct cred *c)
{
}

bool cred_in_group(const struct cred *c, u32 gid)
{
	return c->fsgid == gid;
}

bool capable(int cap)
{
	return env_cred.cap_effective >> cap & 1;
}

u64 rlimit_cur(int resource)
{
	return resource == RLIMIT_NOFILE ? env_nofile : resource == RLIMIT_FSIZE ? env_fsize : ~0ull;
}

s64 clock_realtime_coarse(void)
{
	return now_ns += 1000;
}

u64 clock_monotonic(void)
{
	return (u64)(now_ns += 1000);
}

void random_bytes(void *buf, size_t len)
{
	memset(buf, 0x5a, len);
}

bool task_work_add(struct task *t, struct task_work *w)
{
	w->next = pending_work;
	pending_work = w;
	return true;
}

void env_task_work_run(void)
{
	while (pending_work) {
		struct task_work *w = pending_work;

		pending_work = w->next;
		w->fn(w);
	}
}

void siginfo_kernel(siginfo_t *info, int signo)
{
	memset(info, 0, sizeof(*info));
	info->si_signo = signo;
}

int signal_send_task(struct task *t, const siginfo_t *info)
{
	env_signals++;
	return 0;
}

int signal_send_proc(struct proc *p, const siginfo_t *info)
{
	env_signals++;
	return 0;
}

int signal_send_pgrp(struct pid *p, const siginfo_t *info)
{
	env_signals++;
	return 0;
}

bool thread_signal_pending(void)
{
	return false;
}

struct pid *pid_find_get(s32 nr)
{
	return NULL;
}

void pid_get(struct pid *p)
{
}

void pid_put(struct pid *p)
{
}

s32 pid_nr(const struct pid *p)
{
	return 0;
}

struct task *task_find_get(s32 nr, enum pid_type type)
{
	return NULL;
}

s32 task_tid(const struct task *t)
{
	return 1;
}

s32 task_tgid(const struct task *t)
{
	return 1;
}

struct task *pid_task_get(struct pid *p, enum pid_type type)
{
	return NULL;
}

const struct cred *task_cred_get(struct task *t)
{
	return NULL;
}

void thread_put(struct thread *t)
{
}

/* No device is started. */
int thread_create(void (*fn)(void *), void *arg, const char *name, struct thread **out)
{
	return -ENOMEM;
}

void thread_start(struct thread *t)
{
}

void thread_exit(void)
{
	ASSERT(false);
	__builtin_unreachable();
}

void work_init(struct work *w, void (*fn)(struct work *))
{
	*w = (struct work)WORK_INIT(fn);
}

bool work_queue(struct work *w)
{
	w->fn(w);
	return true;
}

void work_flush(struct work *w)
{
}

void wait_add(struct wait_queue *q, struct wait_entry *e)
{
	list_add_tail(&e->link, &q->entries);
	e->queued = true;
}

void wait_remove(struct wait_queue *q, struct wait_entry *e)
{
	if (e->queued)
		list_del(&e->link);
	e->queued = false;
}

u32 file_poll(struct file *f, struct poll_table *pt)
{
	return 0;
}

void epoll_file_release(struct file *f)
{
}

/* One thread: a lock that is taken twice is a bug, and so is one that is not taken. */
void rwlock_init_class(struct rwlock *l, struct lock_class *klass)
{
	l->state = 0;
	l->klass = klass;
}

void read_lock(struct rwlock *l)
{
	ASSERT(l->state >= 0);
	l->state++;
}

void read_unlock(struct rwlock *l)
{
	ASSERT(l->state > 0);
	l->state--;
}

void write_lock(struct rwlock *l)
{
	ASSERT(l->state == 0);
	lockdep_acquire(l->klass, l, false, false, true);
	l->state = -1;
}

void write_lock_nested(struct rwlock *l)
{
	ASSERT(l->state == 0);
	lockdep_acquire(l->klass, l, false, true, true);
	l->state = -1;
}

bool write_trylock(struct rwlock *l)
{
	if (l->state)
		return false;
	write_lock(l);
	return true;
}

void write_unlock(struct rwlock *l)
{
	ASSERT(l->state == -1);
	lockdep_release(l->klass, l);
	l->state = 0;
}
