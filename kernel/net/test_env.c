/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See test_env.h.
 */
#include "test_env.h"
#include <lib/errno.h>
#include <lib/string.h>
#include <debug/log.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <net/socket.h>
#include <proc/pidfd.h>
#include <proc/signal.h>
#include <sched/thread.h>
#include <sched/work.h>
#include <security/random.h>
#include <sync/mutex.h>
#include <sync/rcu.h>
#include <sync/wait.h>
#include <time/clock.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vfs/namei.h>
#include <vfs/procfs.h>

/* Of the C library, whose headers have other ideas of signals. */
void *aligned_alloc(size_t align, size_t size);
void free(void *p);
int puts(const char *s);
void abort(void) NORETURN;

struct cred net_env_cred;
u64 net_env_now = 1000000, net_env_fail_alloc;
int net_env_signals, net_env_last_signal, net_env_sigio;
u32 net_env_rd_wakes;
s64 net_env_objects;
int (*net_env_sleep)(u64 deadline);
struct pseudo_node *procfs_root;
DEFINE_PER_CPU(u32, preempt_count);
DEFINE_PER_CPU(struct thread *, current_thread);

void net_env_reset(void)
{
	net_env_cred = (struct cred){.cap_effective = ~0ull};
	net_env_signals = net_env_sigio = net_env_last_signal = 0;
	net_env_sleep = NULL;
	net_env_fail_alloc = 0;
}

/* ---- memory ---- */

static bool alloc_fails(void)
{
	return net_env_fail_alloc && !--net_env_fail_alloc;
}

struct slab_cache {
	size_t size;
};

struct slab_cache *slab_cache_create(const char *name, size_t size, size_t align, unsigned flags)
{
	struct slab_cache *c = aligned_alloc(64, 64); /* for ever */

	c->size = size;
	return c;
}

void *kmalloc(size_t size, unsigned flags)
{
	void *p = alloc_fails() ? NULL : aligned_alloc(64, align_up(size + 1, 64ul));

	net_env_objects += p != NULL;
	return p;
}

void *kzalloc(size_t size, unsigned flags)
{
	void *p = kmalloc(size, flags);

	return p ? memset(p, 0, size) : NULL;
}

void kfree(const void *p)
{
	net_env_objects -= p != NULL;
	free((void *)(unsigned long)p);
}

void *slab_alloc(struct slab_cache *c, unsigned flags)
{
	void *p = kmalloc(c->size, flags);

	return p ? memset(p, 0x5a, c->size) : NULL;
}

void slab_free(struct slab_cache *c, void *p)
{
	kfree(p);
}

void rcu_call(struct rcu_head *head, void (*fn)(struct rcu_head *))
{
	fn(head);
}

void rcu_kfree(struct rcu_head *head, void *base)
{
	kfree(base);
}

void pagefault_disable(void)
{
}

void pagefault_enable(void)
{
}

/* ---- threads ---- */

void preempt_schedule(void)
{
}

void mutex_init_class(struct mutex *m, struct lock_class *klass)
{
}

void mutex_lock(struct mutex *m)
{
}

void mutex_unlock(struct mutex *m)
{
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

u64 clock_monotonic(void)
{
	return net_env_now;
}

void wait_queue_init(struct wait_queue *q)
{
	list_init(&q->entries);
}

void wait_wake(struct wait_queue *q, int nr_exclusive, u32 key)
{
	net_env_rd_wakes++;
}

void wait_wake_sync(struct wait_queue *q, int nr_exclusive, u32 key)
{
	net_env_rd_wakes++;
}

bool wait_queue_active(struct wait_queue *q)
{
	return false;
}

bool wait_fn_thread(struct wait_entry *e, u32 key)
{
	return true;
}

void wait_prepare(struct wait_queue *q, struct wait_entry *e, enum thread_state state)
{
}

void wait_finish(struct wait_queue *q, struct wait_entry *e)
{
}

int wait_sleep(enum thread_state state, u64 deadline)
{
	if (net_env_sleep)
		return net_env_sleep(deadline);
	if (deadline == ~0ull) {
		(void)puts("a sleep that nobody ends");
		abort();
	}
	net_env_now = max(net_env_now, deadline);
	return -ETIMEDOUT;
}

/* ---- tasks ---- */

const struct cred *cred_current(void)
{
	return &net_env_cred;
}

void cred_put(const struct cred *c)
{
}

bool capable(int cap)
{
	return net_env_cred.cap_effective >> cap & 1;
}

void siginfo_user(siginfo_t *info, int signo)
{
	info->si_signo = signo;
}

int signal_send_task(struct task *t, const siginfo_t *info)
{
	net_env_signals++;
	net_env_last_signal = info->si_signo;
	return 0;
}

void pid_put(struct pid *p)
{
}

s32 pid_nr(const struct pid *p)
{
	return 0;
}

int pidfd_create(struct pid *p, unsigned flags, struct file **out)
{
	return -EMFILE;
}

u64 random_u64(void)
{
	return 4; /* by dice */
}

/* ---- files ---- */

static struct file the_file;

int inode_create_anon(const char *name, u32 mode, struct inode **out)
{
	static struct inode inode;

	*out = &inode;
	return 0;
}

int anon_inode_getattr(struct inode *inode, struct kstat *st)
{
	return 0;
}

void inode_put(struct inode *i)
{
}

int file_create_inode(struct inode *inode, const char *name, const struct file_ops *ops, void *private, unsigned flags, struct file **out)
{
	struct file *f = kzalloc(sizeof(*f), 0);

	if (!f)
		return -ENFILE;
	f->ops = ops;
	f->private = private;
	f->flags = flags;
	*out = f;
	return 0;
}

void file_put_sync(struct file *f)
{
	f->ops->release(f);
	kfree(f);
}

void file_put(struct file *f)
{
	if (f != &the_file)
		file_put_sync(f);
}

bool file_tryget(struct file *f)
{
	return false;
}

void file_send_signal(struct file *f, int signo, int code, long band)
{
}

int file_set_owner(struct file *f, s32 who, enum pid_type type)
{
	return 0;
}

s32 file_get_owner(struct file *f, enum pid_type *out_type)
{
	return 0;
}

int fd_reserve(int from, bool cloexec)
{
	return -EMFILE;
}

void fd_install(int fd, struct file *f)
{
}

void fd_cancel(int fd)
{
}

void fasync_list_init(struct fasync_list *l)
{
	list_init(&l->entries);
}

int fasync_set(struct fasync_list *l, struct file *f, int fd, bool on)
{
	return 0;
}

void fasync_send_slow(struct fasync_list *l, int code)
{
	net_env_sigio++;
}

int pseudo_make_path(struct pseudo_node *dir, const char *path, struct pseudo_node **out)
{
	return 0;
}

int pseudo_add_file(struct pseudo_node *dir, const struct pseudo_file *file, void *arg, struct pseudo_node **out)
{
	return 0;
}

void sysctl_register(const struct sysctl *table, size_t n)
{
}
