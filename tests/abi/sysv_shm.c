// SPDX-License-Identifier: BSD-2-Clause
/* System V shared memory. */
#include "abi.h"
#include <sys/ipc.h>
#include <sys/shm.h>

#define KEY 0x4e4f5431
#define PAGE 4096

static int attached(int id)
{
	struct shmid_ds ds;

	return shmctl(id, IPC_STAT, &ds) ? -1 : (int)ds.shm_nattch;
}

static void segments(void)
{
	HEAD("segments");
	struct shmid_ds ds;
	int id;

	R(shmget(KEY, PAGE, 0));
	R(shmget(KEY, 0, IPC_CREAT | 0600));
	R(shmget(KEY, (size_t)-1, IPC_CREAT | 0600));
	NEED(id = shmget(KEY, 5000, IPC_CREAT | 0640));
	IS(shmget(KEY, 0, 0) == id);
	IS(shmget(KEY, 5000, IPC_CREAT) == id);
	R(shmget(KEY, 5001, 0));
	R(shmget(KEY, 5000, IPC_CREAT | IPC_EXCL));
	R(shmctl(id, IPC_STAT, &ds));
	V(ds.shm_segsz);
	V(ds.shm_nattch);
	V(ds.shm_perm.mode);
	V((long)ds.shm_atime);
	V((long)ds.shm_dtime);
	V(ds.shm_lpid);
	IS(ds.shm_cpid == getpid() && time(NULL) - ds.shm_ctime < 10);
	ds.shm_perm.mode = 0606;
	R(shmctl(id, IPC_SET, &ds));
	R(shmctl(id, IPC_STAT, &ds));
	V(ds.shm_perm.mode);
	R(shmctl(id, SHM_LOCK, NULL));
	R(shmctl(id, IPC_STAT, &ds));
	V(ds.shm_perm.mode);
	R(shmctl(id, SHM_UNLOCK, NULL));
	R(shmctl(id, 88, NULL));
	R(shmctl(-1, IPC_STAT, &ds));
	R(shmctl(id, IPC_STAT, NULL));
	R(shmctl(id, IPC_RMID, NULL));
	R(shmctl(id, IPC_RMID, NULL));
	R(shmget(KEY, 0, 0));
}

static void attaching(void)
{
	HEAD("attaching");
	struct shmid_ds ds;
	char *a, *b, *ro;
	int id;

	NEED(id = shmget(KEY, 3 * PAGE, IPC_CREAT | 0600));
	a = shmat(id, NULL, 0);
	b = shmat(id, NULL, 0);
	ro = shmat(id, NULL, SHM_RDONLY);
	IS(a != (void *)-1 && b != (void *)-1 && ro != (void *)-1 && a != b);
	strcpy(a, "written here");
	say("%s, %s\n", b, ro);
	IS(a[2 * PAGE] == 0);
	V(attached(id));
	CHILD {
		ro[0] = 1;
	}
	REAP("writes to read-only");
	R(mprotect(ro, PAGE, PROT_READ | PROT_WRITE));
	R(shmdt(b));
	R(shmdt(b));
	R(shmdt(a + 1));
	R(shmdt(a + PAGE));
	V(attached(id));
	IS(shmat(id, a, 0) == (void *)-1 && errno == EINVAL);
	IS(shmat(id, a + 1, 0) == (void *)-1 && errno == EINVAL);
	IS(shmat(id, a, SHM_REMAP) == a);
	IS(shmat(id, NULL, SHM_REMAP) == (void *)-1 && errno == EINVAL);
	IS(shmat(id, b + 5, SHM_RND) == b);
	V(attached(id));
	IS(shmat(-1, NULL, 0) == (void *)-1 && errno == EINVAL);
	CHILD {
		V(attached(id));
		say("%s\n", a);
		strcpy(a, "by the child");
		R(shmdt(b));
		V(attached(id));
	}
	REAP("child");
	say("%s\n", ro);
	V(attached(id));
	R(shmctl(id, IPC_STAT, &ds));
	IS(ds.shm_lpid == child_pid && time(NULL) - ds.shm_dtime < 10);
	CHILD {
		char *argv[] = {"true", NULL};
		execv("/bin/busybox", argv);
	}
	REAP("exec detaches");
	V(attached(id));
	R(munmap(a + PAGE, PAGE));
	V(attached(id));
	R(shmdt(a));
	V(attached(id));
	R(shmctl(id, IPC_RMID, NULL));
	R(shmget(KEY, 0, 0));
	R(shmctl(id, IPC_STAT, &ds));
	V(ds.shm_perm.mode);
	V(ds.shm_perm.__key);
	say("%s\n", ro);
	a = shmat(id, NULL, 0);
	IS(a != (void *)-1);
	R(shmdt(a));
	R(shmdt(ro));
	V(attached(id));
	R(shmdt(b));
	R(shmctl(id, IPC_STAT, &ds));
	IS(shmat(id, NULL, 0) == (void *)-1 && (errno == EINVAL || errno == EIDRM));
}

static void rights(void)
{
	HEAD("rights");
	struct shmid_ds ds;
	int id;

	NEED(id = shmget(KEY, PAGE, IPC_CREAT | 0604));
	CHILD {
		NEED(setresgid(1000, 1000, 1000));
		NEED(setgroups(0, NULL));
		NEED(setresuid(1000, 1000, 1000));
		IS(shmat(id, NULL, 0) == (void *)-1 && errno == EACCES);
		IS(shmat(id, NULL, SHM_RDONLY) != (void *)-1);
		R(shmctl(id, IPC_STAT, &ds));
		R(shmctl(id, IPC_SET, &ds));
		R(shmctl(id, IPC_RMID, NULL));
		R(shmctl(id, SHM_LOCK, NULL));
		R(shmget(KEY, 0, 0600));
	}
	REAP("other user");
	R(shmctl(id, IPC_RMID, NULL));
}

int main(void)
{
	segments();
	attaching();
	rights();
	return 0;
}
