/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Semaphore sets, between sem.c (operations) and sem_undo.c.
 */
#include <lib/list.h>
#include <sync/wait.h>
#include <linux/sem.h>
#include "sysv.h"

#define SEM_VALUE_MAX 32767

struct semaphore {
	u16 value;
	struct pid *pid; /* of the last operation */
};

struct sem_set {
	struct sysv_object obj; /* its lock guards all */
	u32 nsems;
	s64 otime, ctime;
	struct list_head waiters; /* sem_waiter.link, in order of arrival */
	struct list_head undos;	  /* sem_undo.set_link */
	struct semaphore sems[];
};

/* What a process' end gives back to one set. */
struct sem_undo {
	struct list_head set_link;  /* set's lock */
	struct list_head list_link; /* set's lock and the list's */
	struct sem_undos *owner;
	struct sem_set *set; /* referenced */
	s16 adjust[];	     /* set's lock */
};

/* Of all tasks that share SEM_UNDO. */
struct sem_undos {
	struct refcount refs;
	struct spinlock lock;
	struct list_head list; /* sem_undo.list_link */
};

extern struct sysv_table sem_table;

static inline struct sem_set *sem_set_of(struct sysv_object *o)
{
	return container_of(o, struct sem_set, obj);
}

/* The caller's undo record of @set, made if need be. May sleep. -ENOMEM; -EIDRM. */
int sem_undo_get(struct sem_set *set, struct sem_undo **out) MUST_CHECK;
/* Drop all records of a set that is removed; set's lock. */
void sem_undo_forget(struct sem_set *set);
/* A semaphore was set by hand: nothing is to be undone for it; @num -1: for none of the set. Set's lock. */
void sem_undo_clear(struct sem_set *set, int num);
/* Values have changed: let those go on who can. Set's lock. */
void sem_wake(struct sem_set *set);
