/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Namespaces: which objects of a kind a task sees. A task has one of each kind, together in a struct nsproxy that tasks share until one of them wants another
 * namespace; a proxy never changes. [man namespaces(7)]
 *
 * A kind that cannot be copied has its initial namespace only: unshare(2) answers EINVAL as a kernel without the kind does, and all else works.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/refcount.h>

enum ns_kind { NS_MNT, NS_UTS, NS_IPC, NS_NET, NS_PID, NS_USER, NS_CGROUP, NS_TIME, NS_KINDS };

struct ns;
struct file;
struct fs_context;
struct path;
struct task;

struct ns_type {
	const char *name;	/* in /proc/PID/ns */
	u32 flag;		/* CLONE_NEW* */
	/* A new one like @old for a task whose working directory and root are @fs. May sleep. NULL: there are no others. -ENOMEM -ENOSPC. */
	int (*copy)(struct ns *old, struct fs_context *fs, struct ns **out);
	/* The running task may have it by capabilities; what else is to be said against it, and what is to be done with @fs. NULL: nothing. */
	int (*enter)(struct ns *ns, struct fs_context *fs);
	/* The last reference is gone. May sleep. */
	void (*destroy)(struct ns *ns);
};

struct ns {
	struct refcount refs;
	u32 ino;		/* of its file in nsfs */
	const struct ns_type *type;
};

struct nsproxy {
	struct refcount refs;
	struct ns *slot[NS_KINDS]; /* references */
};

extern struct nsproxy nsproxy_init;
extern const struct ns_type *const ns_types[NS_KINDS]; /* of each kind */

/* A new namespace's number; one reference. -ENOMEM -ENOSPC. ns_fini gives the number back. */
int ns_init(struct ns *ns, const struct ns_type *type) MUST_CHECK;
void ns_fini(struct ns *ns);
void ns_get(struct ns *ns);
void ns_put(struct ns *ns); /* may sleep */

/* Of the running task; kernel threads have the initial ones. */
struct nsproxy *nsproxy_current(void);
/* Of another task, referenced; NULL: it is past having namespaces. */
struct ns *task_ns_get(struct task *t, enum ns_kind kind);
/*
 * @from's namespaces but for new ones of the kinds in @flags (CLONE_NEW*; other bits do not matter), for a task with @fs. A reference in *out. Without
 * CAP_SYS_ADMIN -EPERM; -EINVAL: a kind that cannot be copied; -ENOMEM.
 */
int nsproxy_copy(struct nsproxy *from, u64 flags, struct fs_context *fs, struct nsproxy **out) MUST_CHECK;
void nsproxy_put(struct nsproxy *p); /* may sleep */
/* The running task has @p (reference moves in; NULL: none any more, it exits) from now on. */
void nsproxy_switch(struct nsproxy *p);
/* setns(2): the running task enters @n namespaces. -EPERM -EINVAL -ENOMEM. */
int nsproxy_enter(struct ns *const *list, size_t n) MUST_CHECK;
#define NS_CLONE_FLAGS                                                                                                         \
	(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWUSER | CLONE_NEWCGROUP | CLONE_NEWTIME)

/* ---- nsfs ---- */
/* The file of @ns; references: path_put. Consumes the caller's reference to @ns, also on error. -ENOMEM. */
int nsfs_path(struct ns *ns, struct path *out) MUST_CHECK;
/* What the open file @f is the file of; NULL: of none. No reference is taken. */
struct ns *nsfs_file_ns(const struct file *f);
struct inode;
const struct ns *nsfs_inode_ns(const struct inode *inode);
/* The task's namespace files: /proc/PID/ns. The n-th name and its kind; NULL: that was all. */
const char *nsfs_link(size_t n, enum ns_kind *out);
