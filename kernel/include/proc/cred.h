/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Credentials: an immutable, refcounted set of identities and capabilities; changing them means a new set. The running task's is read without a lock.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/refcount.h>
#include <lib/hlist.h>
#include <sync/rcu.h>
#include <linux/capability.h>

#define KCAP_ALL ((1ull << (CAP_LAST_CAP + 1)) - 1)

struct cred {
	struct refcount refs;
	u32 uid, euid, suid, fsuid;
	u32 gid, egid, sgid, fsgid;
	u64 cap_inheritable, cap_permitted, cap_effective, cap_bset, cap_ambient;
	u32 securebits;
	u32 ngroups;
	u32 *groups;	/* sorted */
	struct user *user;	/* counts per real uid: processes, pending signals, ... */
	struct rcu_head rcu;
};

struct user {
	u32 uid;
	struct refcount refs;
	struct atomic64 nprocs, nsigpending, nlocked_pages, nmq_bytes, ninotify, nwatches, nfan_groups, nfan_marks;
	struct atomic64 nin_flight; /* files in messages of sockets */
	struct hlist_node hash;
};

const struct cred *cred_current(void); /* of a kernel thread: root's */
struct cred *cred_copy(const struct cred *old);	/* to be changed and committed; NULL: -ENOMEM */
void cred_get(const struct cred *c);
void cred_put(const struct cred *c);
/* Make @c (reference given) the running task's. */
void cred_commit(struct cred *c);
/*
 * The running task acts as @c, whose reference the caller keeps, until cred_revert of what this returned. Others who look at the task see it, too: keep it short.
 * A kernel thread acts as root, whatever @c is: NULL.
 */
const struct cred *cred_override(const struct cred *c);
void cred_revert(const struct cred *saved);
bool cred_in_group(const struct cred *c, u32 gid);	/* fsgid or supplementary */
/* Has the running task this capability? */
bool capable(int cap);
bool cred_capable(const struct cred *c, int cap);
/* The credentials of the first process. -ENOMEM. */
int cred_create_root(struct cred **out) MUST_CHECK;
/* Real uid of a set not yet committed, with the user it counts for. -ENOMEM. */
int cred_set_user(struct cred *c, u32 uid) MUST_CHECK;
void user_hold(struct user *u);
int user_get(u32 uid, struct user **out) MUST_CHECK;
void user_put(struct user *u);
