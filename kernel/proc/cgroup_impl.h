/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Control groups: what the files of cgroup*.c share. [man cgroups(7)], Linux' Documentation/admin-guide/cgroup-v2.rst
 *
 *	cgroup_fs.c       the file system: directories and files, over <vfs/memfs.h>
 *	cgroup_files.c    what the core's files say and take
 *	cgroup_attach.c   cgroup.procs, cgroup.threads: who is in it, and moving there
 *	cgroup_control.c  controllers, threaded groups
 *	cgroup_pids.c     the pids controller
 *	cgroup_cpu.c      cpu.stat
 *	cgroup_freeze.c   freezing and killing
 *	cgroup.c          the tree, and what a fork and an exit do
 *
 * Who guards what. proc_tree_lock, which fork, exit and reaping hold anyway, guards who is in which group and every count that follows from it; so a fork costs a
 * list insertion and two additions for the root's tasks, and for others one more addition a level. cgroup_mutex guards the shape and the settings: both are
 * held to change what both read (children, dead, domain, control, freeze).
 *
 * A task that has exited stays in the list until it is reaped (it counts for pids, not for `populated`). A group with anybody in it, and each of its
 * files and children, hold references; rmdir needs neither children nor live tasks, so what is left of a removed group are zombies and open files.
 *
 * The hooks for controllers that charge (memory, cpu, io) belong here when there is one: a pointer to the nearest group that has the controller, beside
 * `parent`, set with `control`; the task's group is one load from the task. Until then they are not in cgroup.controllers.
 */
#include <lib/atomic.h>
#include <lib/list.h>
#include <lib/refcount.h>
#include <proc/cgroup.h>
#include <sched/work.h>
#include <sync/mutex.h>
#include <sync/wait.h>
#include <vfs/pseudo.h>
#include "proc_impl.h"

struct dentry;
struct inode_ops;

enum { CONTROLLER_PIDS = 1u << 0 };
#define CONTROLLERS_ALL	     CONTROLLER_PIDS
#define CONTROLLERS_THREADED CONTROLLER_PIDS /* may be used inside a threaded subtree */

enum cgroup_file_id {
	CGF_DIR, /* the directory itself */
	CGF_TYPE, CGF_PROCS, CGF_THREADS, CGF_CONTROLLERS, CGF_SUBTREE_CONTROL, CGF_EVENTS, CGF_MAX_DESCENDANTS, CGF_MAX_DEPTH, CGF_STAT, CGF_CPU_STAT, CGF_FREEZE, CGF_KILL,
	CGF_PIDS_MAX, CGF_PIDS_CURRENT, CGF_PIDS_PEAK, CGF_PIDS_EVENTS, CGF_PIDS_EVENTS_LOCAL,
	CGF_COUNT
};

/* A directory or file; inode->private. */
struct cgroup_file {
	struct cgroup *cg;
	struct dentry *dentry;	/* while it is there: cgroup_mutex */
	u32 events;		/* atomic: how often it has changed by itself */
};

struct cgroup_cpu {
	u64 user_ns, system_ns;
};

struct cgroup {
	struct refcount refs;
	u32 level;			/* constant; 0: the root */
	struct cgroup *parent;		/* constant, holds a reference */
	struct list_head children, sibling; /* mutex and tree lock */
	bool dead;			/* mutex and tree lock */
	struct cgroup *domain;		/* whose resources its tasks use: itself, or the root of the threaded subtree. mutex and tree lock; no reference: an ancestor */
	u32 control;			/* CONTROLLER_*: what its children have; mutex */
	u32 nthreaded_children;		/* mutex */
	s32 max_descendants, max_depth;	/* mutex */
	s32 ndescendants, ndying;	/* below it: that are there; that are removed but not forgotten. mutex; ndying is atomic */
	/* --- tree lock --- */
	struct list_head tasks;
	u32 ntasks, nlive;		/* in tasks; of them, those that have not exited */
	u32 npopulated[2];		/* children with live tasks in or below them; [1]: of these, threaded ones */
	u32 nchildren, nfrozen_children;
	u32 nfrozen;			/* live tasks that stand still */
	u32 freezing;			/* how many of it and its ancestors ask for it */
	bool freeze;			/* it asks */
	bool frozen;			/* all in and below it stand still */
	s64 pids, pids_peak;		/* tasks in and below it */
	s64 pids_max;			/* PIDS_UNLIMITED */
	struct cgroup_cpu past;		/* of tasks that have left, and of removed groups below */
	u64 pids_forkfail, pids_hits, pids_hits_below; /* forks that failed here; for its own limit; for a limit in or below it */
	/* --- */
	struct wait_queue wait;		/* pollers of its files */
	u32 told;			/* atomic: bits of files whose change is still to be told */
	struct work tell_work, free_work;
	struct cgroup_file files[CGF_COUNT];
	char name[];
};

extern struct cgroup *const cgroup_root;
extern struct mutex cgroup_mutex;
extern u32 cgroup_options; /* enum cgroup_option */
enum cgroup_option { CGROUP_NSDELEGATE = 1, CGROUP_FAVORDYNMODS = 2, CGROUP_MEMORY_LOCALEVENTS = 4, CGROUP_MEMORY_RECURSIVEPROT = 8,
	CGROUP_MEMORY_HUGETLB = 16, CGROUP_PIDS_LOCALEVENTS = 32 };

#define PIDS_UNLIMITED S64_MAX

/* ---- cgroup.c ---- */
static inline void cgroup_get(struct cgroup *cg)
{
	refcount_inc(&cg->refs);
}
static inline bool cgroup_is_threaded(const struct cgroup *cg)
{
	return cg->domain != cg;
}
static inline bool cgroup_is_populated(const struct cgroup *cg)
{
	return cg->nlive || cg->npopulated[0] || cg->npopulated[1];
}
/* The controllers that @cg has. */
static inline u32 cgroup_controllers(const struct cgroup *cg)
{
	return cg->parent ? cg->parent->control : CONTROLLERS_ALL;
}
/* A group below @parent, in no list. NULL: -ENOMEM. */
struct cgroup *cgroup_alloc(struct cgroup *parent, const char *name, size_t len);
/* Enter it; or take it out, which leaves the caller's reference. Mutex held; takes the tree lock. -EBUSY: it has children or live tasks. */
void cgroup_enter(struct cgroup *cg);
int cgroup_leave(struct cgroup *cg) MUST_CHECK;
/* File @id has changed by itself: pollers and watchers are told soon. Any context. */
void cgroup_file_changed(struct cgroup *cg, enum cgroup_file_id id);
/* The next group after @at in the subtree of @top, parents first; @at NULL: the first. Mutex or tree lock. */
struct cgroup *cgroup_next(struct cgroup *at, struct cgroup *top);
bool cgroup_is_below(const struct cgroup *cg, const struct cgroup *top);
/* Put @t, which may have exited, into @to; tree lock. */
void cgroup_move_locked(struct task *t, struct cgroup *to);

/* ---- cgroup_pids.c ---- */
/* One task more below @cg: -EAGAIN if a limit says no (and that is counted). */
int cgroup_pids_charge(struct cgroup *cg) MUST_CHECK;
/* ... @n more or fewer, whatever the limits say. */
void cgroup_pids_add(struct cgroup *cg, s64 n);
/* The controller was switched on or off for @cg. */
void cgroup_pids_reset(struct cgroup *cg);

/* ---- cgroup_cpu.c; tree lock ---- */
/* @t, which is not new, has come to a group; it leaves @cg; @cg has gone. */
void cgroup_cpu_enter(struct task *t);
void cgroup_cpu_leave(const struct task *t, struct cgroup *cg);
void cgroup_cpu_remove(const struct cgroup *cg);

/* ---- cgroup_freeze.c; tree lock ---- */
/* A count that matters for `frozen` has changed. */
void cgroup_update_frozen(struct cgroup *cg);
/* @t has come to a group: make it stop or go on, as that says. */
void cgroup_freeze_task(struct task *t, bool freeze);
void cgroup_leave_frozen_locked(struct task *t);

/* ---- cgroup_fs.c ---- */
extern const struct inode_ops cgroup_dir_ops;
/* Files of controllers come and go with what @cg has. Takes its directory's lock, then the mutex. -ENOMEM: some are missing. */
int cgroup_sync_files(struct cgroup *cg) MUST_CHECK;

/* ---- the files' texts ---- */
int cgroup_show_type(struct pseudo_text *t);
int cgroup_store_type(struct pseudo_text *t, char *text, size_t len);
int cgroup_show_procs(struct pseudo_text *t);
int cgroup_store_procs(struct pseudo_text *t, char *text, size_t len);
int cgroup_show_threads(struct pseudo_text *t);
int cgroup_store_threads(struct pseudo_text *t, char *text, size_t len);
int cgroup_show_controllers(struct pseudo_text *t);
int cgroup_show_subtree_control(struct pseudo_text *t);
int cgroup_store_subtree_control(struct pseudo_text *t, char *text, size_t len);
int cgroup_show_events(struct pseudo_text *t);
int cgroup_show_max_descendants(struct pseudo_text *t);
int cgroup_store_max_descendants(struct pseudo_text *t, char *text, size_t len);
int cgroup_show_max_depth(struct pseudo_text *t);
int cgroup_store_max_depth(struct pseudo_text *t, char *text, size_t len);
int cgroup_show_stat(struct pseudo_text *t);
int cgroup_show_cpu_stat(struct pseudo_text *t);
int cgroup_show_freeze(struct pseudo_text *t);
int cgroup_store_freeze(struct pseudo_text *t, char *text, size_t len);
int cgroup_store_kill(struct pseudo_text *t, char *text, size_t len);
int cgroup_show_pids_max(struct pseudo_text *t);
int cgroup_store_pids_max(struct pseudo_text *t, char *text, size_t len);
int cgroup_show_pids_current(struct pseudo_text *t);
int cgroup_show_pids_peak(struct pseudo_text *t);
int cgroup_show_pids_events(struct pseudo_text *t);
int cgroup_show_pids_events_local(struct pseudo_text *t);
/* What the text is of; its files. */
static inline struct cgroup *cgroup_of(const struct pseudo_text *t)
{
	return t->arg;
}
/* Take the mutex if @cg is still there: -ENODEV. */
int cgroup_lock_live(struct cgroup *cg) MUST_CHECK;
/* Is a domain that may have tasks: nothing above it is threaded. Mutex. */
bool cgroup_is_valid_domain(const struct cgroup *cg);
bool cgroup_can_be_thread_root(const struct cgroup *cg);
bool cgroup_is_thread_root(const struct cgroup *cg);
