/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System V IPC: decoding. [man semop(2), semctl(2), msgop(2), msgctl(2), shmat(2), shmctl(2)]
 */
#include <io/sysv.h>
#include <linux/syscall.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <time/clock.h>
#include "syscalls.h"

#define SEMOPS_FAST 8

/* ---- semaphores ---- */

SYSCALL3(semget, s32, key, int, nsems, int, flags)
{
	return sysv_semget(key, nsems, flags);
}

/* @timeout may be null. */
static s64 semop_user(s32 id, struct uptr uops, u32 nops, struct uptr timeout)
{
	struct sembuf fast[SEMOPS_FAST], *ops = fast;
	u64 ns = 0, deadline = ~0ull;
	s64 ret;
	int bad_time = timeout.va ? timespec_from_user(&ns, timeout) : 0;

	if (bad_time == -EFAULT)
		return bad_time;
	if (nops > READ_ONCE(sysv_sem_limits[2]))
		return -E2BIG;
	if (nops > SEMOPS_FAST)
		ops = kmalloc(nops * sizeof(*ops), ALLOC_SLEEP);
	if (!ops)
		return -ENOMEM;
	ret = copy_from_user(ops, uops, nops * sizeof(*ops));
	if (!ret && (nops < 1 || id < 0 || bad_time))
		ret = -EINVAL;
	if (!ret && timeout.va)
		deadline = deadline_after(ns);
	if (!ret)
		ret = sysv_semop(id, ops, nops, deadline);
	if (ops != fast)
		kfree(ops);
	return ret;
}

SYSCALL3(semop, s32, id, struct uptr, ops, u32, nops)
{
	return semop_user(id, ops, nops, (struct uptr){0});
}

SYSCALL4(semtimedop, s32, id, struct uptr, ops, u32, nops, struct uptr, timeout)
{
	return semop_user(id, ops, nops, timeout);
}

static s64 semctl_array(s32 id, int cmd, struct uptr array)
{
	s64 n = sysv_sem_count(id), ret;
	size_t bytes;
	u16 *values;

	if (n < 0)
		return n;
	bytes = (size_t)n * sizeof(*values);
	values = kzalloc(bytes, ALLOC_SLEEP);
	if (!values)
		return -ENOMEM;
	if (cmd == GETALL) {
		ret = sysv_sem_get_all(id, values, (u32)n);
		if (!ret)
			ret = copy_to_user(array, values, bytes);
	} else {
		ret = copy_from_user(values, array, bytes);
		if (!ret)
			ret = sysv_sem_set_all(id, values, (u32)n);
	}
	kfree(values);
	return ret;
}

SYSCALL4(semctl, s32, id, int, num, int, cmd, u64, arg)
{
	struct uptr p = {arg};
	struct semid64_ds ds;
	struct seminfo info;
	s64 ret;

	if (id < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
	case SEM_INFO:
		ret = sysv_sem_info(cmd, &info);
		return copy_to_user(p, &info, sizeof(info)) ? -EFAULT : ret;
	case IPC_STAT:
	case SEM_STAT:
	case SEM_STAT_ANY:
		ret = sysv_sem_stat(id, cmd, &ds);
		return ret >= 0 && copy_to_user(p, &ds, sizeof(ds)) ? -EFAULT : ret;
	case IPC_SET: return copy_from_user(&ds, p, sizeof(ds)) ? -EFAULT : sysv_sem_set(id, &ds);
	case IPC_RMID: return sysv_sem_remove(id);
	case GETVAL:
	case GETPID:
	case GETNCNT:
	case GETZCNT: return sysv_sem_get_one(id, num, cmd);
	case SETVAL: return sysv_sem_set_one(id, num, (int)arg);
	case GETALL:
	case SETALL: return semctl_array(id, cmd, p);
	}
	return -EINVAL;
}

/* ---- messages ---- */

SYSCALL2(msgget, s32, key, int, flags)
{
	return sysv_msgget(key, flags);
}

SYSCALL4(msgsnd, s32, id, struct uptr, buf, size_t, len, int, flags)
{
	long type;

	if (copy_from_user(&type, buf, sizeof(type)))
		return -EFAULT;
	return sysv_msgsnd(id, type, uptr_add(buf, sizeof(type)), len, flags);
}

SYSCALL5(msgrcv, s32, id, struct uptr, buf, size_t, len, long, type, int, flags)
{
	return sysv_msgrcv(id, buf, len, type, flags);
}

SYSCALL3(msgctl, s32, id, int, cmd, struct uptr, p)
{
	struct msqid64_ds ds;
	struct msginfo info;
	s64 ret;

	if (id < 0 || cmd < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
	case MSG_INFO:
		ret = sysv_msg_info(cmd, &info);
		return copy_to_user(p, &info, sizeof(info)) ? -EFAULT : ret;
	case IPC_STAT:
	case MSG_STAT:
	case MSG_STAT_ANY:
		ret = sysv_msg_stat(id, cmd, &ds);
		return ret >= 0 && copy_to_user(p, &ds, sizeof(ds)) ? -EFAULT : ret;
	case IPC_SET: return copy_from_user(&ds, p, sizeof(ds)) ? -EFAULT : sysv_msg_set(id, &ds);
	case IPC_RMID: return sysv_msg_remove(id);
	}
	return -EINVAL;
}

/* ---- shared memory ---- */

SYSCALL3(shmget, s32, key, size_t, size, int, flags)
{
	return sysv_shmget(key, size, flags);
}

SYSCALL3(shmat, s32, id, vaddr_t, va, int, flags)
{
	return sysv_shmat(id, va, flags);
}

SYSCALL1(shmdt, vaddr_t, va)
{
	return sysv_shmdt(va);
}

SYSCALL3(shmctl, s32, id, int, cmd, struct uptr, p)
{
	struct shminfo64 limits;
	struct shm_info info;
	struct shmid64_ds ds;
	s64 ret;

	if (id < 0 || cmd < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
		ret = sysv_shm_limits(&limits);
		return copy_to_user(p, &limits, sizeof(limits)) ? -EFAULT : ret;
	case SHM_INFO:
		ret = sysv_shm_info(&info);
		return copy_to_user(p, &info, sizeof(info)) ? -EFAULT : ret;
	case IPC_STAT:
	case SHM_STAT:
	case SHM_STAT_ANY:
		ret = sysv_shm_stat(id, cmd, &ds);
		return ret >= 0 && copy_to_user(p, &ds, sizeof(ds)) ? -EFAULT : ret;
	case IPC_SET: return copy_from_user(&ds, p, sizeof(ds)) ? -EFAULT : sysv_shm_set(id, &ds);
	case IPC_RMID: return sysv_shm_remove(id);
	case SHM_LOCK:
	case SHM_UNLOCK: return sysv_shm_lock(id, cmd == SHM_LOCK);
	}
	return -EINVAL;
}
