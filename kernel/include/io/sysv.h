/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * System V semaphores, messages and shared memory, as kernel/linux/sysv.c calls them: arguments copied in, results 0, a number, or -errno. May sleep.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <arch/usercopy.h>
#include <linux/msg.h>
#include <linux/sem.h>
#include <linux/shm.h>

struct strbuf;
struct task;

/* Limits, in /proc/sys/kernel. */
extern u64 sysv_shmmax, sysv_shmall;
extern u32 sysv_shmmni, sysv_msgmax, sysv_msgmnb, sysv_msgmni;
extern u32 sysv_sem_limits[4]; /* SEMMSL SEMMNS SEMOPM SEMMNI */

s64 sysv_shmget(s32 key, u64 size, int flags);
s64 sysv_shmat(s32 id, vaddr_t va, int flags);
s64 sysv_shmdt(vaddr_t va);
s64 sysv_shm_stat(s32 id, int cmd, struct shmid64_ds *out); /* IPC_STAT SHM_STAT SHM_STAT_ANY */
s64 sysv_shm_set(s32 id, const struct shmid64_ds *in);
s64 sysv_shm_remove(s32 id);
s64 sysv_shm_lock(s32 id, bool on);
s64 sysv_shm_limits(struct shminfo64 *out);
s64 sysv_shm_info(struct shm_info *out);

s64 sysv_semget(s32 key, int nsems, int flags);
/* @deadline: CLOCK_MONOTONIC ns, ~0 never. */
s64 sysv_semop(s32 id, const struct sembuf *ops, u32 nops, u64 deadline);
s64 sysv_sem_stat(s32 id, int cmd, struct semid64_ds *out);
s64 sysv_sem_set(s32 id, const struct semid64_ds *in);
s64 sysv_sem_remove(s32 id);
s64 sysv_sem_info(int cmd, struct seminfo *out);
s64 sysv_sem_get_one(s32 id, int num, int cmd); /* GETVAL GETPID GETNCNT GETZCNT */
s64 sysv_sem_set_one(s32 id, int num, int value);
s64 sysv_sem_count(s32 id); /* semaphores in the set; for the size of GETALL and SETALL */
s64 sysv_sem_get_all(s32 id, u16 *out, u32 n);
s64 sysv_sem_set_all(s32 id, const u16 *in, u32 n);

s64 sysv_msgget(s32 key, int flags);
s64 sysv_msgsnd(s32 id, long type, struct uptr text, size_t len, int flags);
/* @out_type is written before the text; bytes of text. */
s64 sysv_msgrcv(s32 id, struct uptr buf, size_t len, long type, int flags);
s64 sysv_msg_stat(s32 id, int cmd, struct msqid64_ds *out);
s64 sysv_msg_set(s32 id, const struct msqid64_ds *in);
s64 sysv_msg_remove(s32 id);
s64 sysv_msg_info(int cmd, struct msginfo *out);

/* SEM_UNDO of a task: shared by CLONE_SYSVSEM (clone; -ENOMEM), undone when the last sharer exits or unshares. */
int sysv_clone(struct task *child, struct task *parent, bool share) MUST_CHECK;
void sysv_exit(struct task *t);

/* A line of /proc/sysvipc/... for the first object at or after *index; false: none. */
bool sysv_shm_show(u32 *index, struct strbuf *sb);
bool sysv_sem_show(u32 *index, struct strbuf *sb);
bool sysv_msg_show(u32 *index, struct strbuf *sb);
