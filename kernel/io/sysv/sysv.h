/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What System V's semaphores, message queues and shared memory have in common [man sysvipc(7)]: objects in a table, found by number or by key, with
 * an owner and permissions.
 *
 * Locks: the table's mutex orders creation and removal; an object's spinlock guards what is in it. Finding an object takes neither: the slots are
 * read under RCU. Whoever has found one holds a reference, and learns under its lock that it was removed meanwhile.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/errno.h>
#include <lib/hlist.h>
#include <lib/refcount.h>
#include <sync/mutex.h>
#include <sync/rcu.h>
#include <sync/spinlock.h>
#include <linux/ipc.h>

struct pid;
struct sysv_object;
struct sysv_slots;
struct sysv_table;

/* What sysv_may is asked for. */
#define SYSV_READ  0444
#define SYSV_WRITE 0222
#define SYSV_EXEC  0111
#define SYSV_MODE  0777

#define SYSV_INDEX_BITS 15
#define SYSV_MAX	(1u << SYSV_INDEX_BITS) /* objects of a kind; the number above them counts how often a slot was used */
#define SYSV_BUCKETS	512

struct sysv_kind {
	void (*free)(struct sysv_object *o); /* the last reference is gone; any context */
	/* Make the object that IPC_CREAT asks for, with one reference. May sleep. */
	int (*make)(struct sysv_table *t, s32 key, int flags, u64 size, struct sysv_object **out);
	int (*fits)(struct sysv_object *o, u64 size); /* is the found one what the caller wants */
	u32 (*limit)(void);			       /* how many there may be */
};

struct sysv_table {
	const struct sysv_kind *kind;
	struct mutex lock;
	struct sysv_slots *slots; /* RCU */
	u32 used;		  /* lock, like all below */
	s32 last;		  /* index given last */
	u16 seq;
	struct hlist_head keys[SYSV_BUCKETS];
};

struct sysv_object {
	struct refcount refs;
	struct spinlock lock;
	bool removed; /* lock */
	s32 id;	      /* constant */
	s32 key;      /* table's lock and lock */
	u32 uid, gid, cuid, cgid;
	u16 mode, seq;
	struct sysv_table *table;
	struct hlist_node key_link;
	struct rcu_head rcu;
};

/* A table; its lock class has the same name. */
#define SYSV_TABLE(name_, kind_) {.kind = &(kind_), .lock = MUTEX_INIT((name_).lock, name_), .last = -1}

/* semget, msgget, shmget: the number, or -errno. */
s64 sysv_get(struct sysv_table *t, s32 key, int flags, u64 size);
/* The fields of a new object; its creator owns it. */
void sysv_object_init(struct sysv_object *o, struct sysv_table *t, s32 key, int flags);
/* By number, with a reference. -EINVAL, -EIDRM. */
int sysv_find(struct sysv_table *t, s32 id, struct sysv_object **out) MUST_CHECK;
/* By place in the table, for the STAT commands and /proc. -EINVAL. */
int sysv_find_index(struct sysv_table *t, s32 index, struct sysv_object **out) MUST_CHECK;
/* The first one at or after *@index, which becomes its place; NULL. */
struct sysv_object *sysv_next(struct sysv_table *t, u32 *index);
/* The highest index in use, 0 for none: what the INFO commands return. */
s32 sysv_highest(struct sysv_table *t);
void sysv_put(struct sysv_object *o);
/* Lock it if it still is in its table: -EIDRM. */
int sysv_lock(struct sysv_object *o) MUST_CHECK;
void sysv_unlock(struct sysv_object *o);
/* sysv_find, sysv_may and sysv_lock in one; undone by sysv_release. */
int sysv_take(struct sysv_table *t, s32 id, u32 want, struct sysv_object **out) MUST_CHECK;
void sysv_release(struct sysv_object *o);
/* May the caller read (0444), write (0222)? -EACCES. */
int sysv_may(const struct sysv_object *o, u32 want) MUST_CHECK;
/* Does the caller own it, for IPC_SET and IPC_RMID? -EPERM. */
int sysv_owns(const struct sysv_object *o) MUST_CHECK;
/*
 * For IPC_SET and IPC_RMID: the object locked, the table too, the caller its owner. sysv_change_end lets go of all.
 * -EINVAL -EIDRM -EPERM.
 */
int sysv_change_begin(struct sysv_table *t, s32 id, struct sysv_object **out) MUST_CHECK;
void sysv_change_end(struct sysv_object *o);
/* IPC_SET: owner and mode. Locked. -EINVAL: no such identity. */
int sysv_set(struct sysv_object *o, const struct ipc64_perm *p) MUST_CHECK;
/* The key stops leading to it; for a segment that is marked to go. Table and object locked. */
void sysv_forget_key(struct sysv_object *o);
/* Out of the table; the table's reference goes to the caller. Table and object locked. */
void sysv_remove(struct sysv_object *o);
void sysv_perm(const struct sysv_object *o, struct ipc64_perm *out);
s64 sysv_now(void); /* seconds */
/* *@at becomes the caller's process, with a reference. */
void sysv_set_pid(struct pid **at);
