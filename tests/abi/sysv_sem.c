// SPDX-License-Identifier: BSD-2-Clause
/* System V semaphores: sets, operations, undo, waiting, semctl. */
#include "abi.h"
#include <sys/ipc.h>
#include <sys/sem.h>

static struct sembuf op(int num, int n, int flags)
{
	return (struct sembuf){.sem_num = (unsigned short)num, .sem_op = (short)n, .sem_flg = (short)flags};
}

static void sets(void)
{
	HEAD("sets");
	int id, other, key = 0x4e4f5300 + (getpid() & 0xff);

	R(semget(key, 1, 0));
	R(semget(key, 0, IPC_CREAT | 0600));
	R(semget(key, -1, IPC_CREAT | 0600));
	R(semget(key, 32001, IPC_CREAT | 0600));
	NEED(id = semget(key, 3, IPC_CREAT | 0640));
	IS(semget(key, 0, 0) == id);
	IS(semget(key, 3, IPC_CREAT) == id);
	R(semget(key, 4, 0));
	R(semget(key, 3, IPC_CREAT | IPC_EXCL | 0600));
	NEED(other = semget(IPC_PRIVATE, 1, 0600));
	IS(other != id);
	struct semid_ds ds;
	R(semctl(id, 0, IPC_STAT, &ds));
	V(ds.sem_nsems);
	V(ds.sem_perm.mode);
	V((long)ds.sem_otime);
	IS(ds.sem_perm.uid == geteuid() && ds.sem_perm.cuid == geteuid() && ds.sem_perm.__key == key);
	IS(time(NULL) - ds.sem_ctime < 10);
	ds.sem_perm.mode = 0604;
	R(semctl(id, 0, IPC_SET, &ds));
	R(semctl(id, 0, IPC_STAT, &ds));
	V(ds.sem_perm.mode);
	R(semctl(id, 0, IPC_STAT, NULL));
	R(semctl(id, 0, 99, NULL));
	R(semctl(-1, 0, IPC_STAT, &ds));
	R(semctl(id, 0, IPC_RMID));
	R(semctl(id, 0, IPC_RMID));
	R(semget(key, 1, 0));
	R(semctl(other, 0, IPC_RMID));
}

static void values(void)
{
	HEAD("values");
	int id;
	unsigned short all[3] = {1, 2, 3}, got[3] = {0};

	NEED(id = semget(IPC_PRIVATE, 3, 0600));
	R(semctl(id, 0, GETVAL));
	R(semctl(id, 3, GETVAL));
	R(semctl(id, -1, GETVAL));
	R(semctl(id, 1, SETVAL, 5));
	R(semctl(id, 1, GETVAL));
	R(semctl(id, 1, SETVAL, 32767));
	R(semctl(id, 1, SETVAL, 32768));
	R(semctl(id, 1, SETVAL, -1));
	R(semctl(id, 3, SETVAL, 1));
	R(semctl(id, 0, SETALL, all));
	R(semctl(id, 0, GETALL, got));
	say("%d %d %d\n", got[0], got[1], got[2]);
	all[1] = 40000;
	R(semctl(id, 0, SETALL, all));
	R(semctl(id, 0, GETALL, NULL));
	IS(semctl(id, 0, GETPID) == getpid());
	R(semctl(id, 0, GETNCNT));
	R(semctl(id, 0, GETZCNT));
	R(semctl(id, 0, IPC_RMID));
}

static void operations(void)
{
	HEAD("operations");
	int id;
	struct sembuf ops[4];
	struct semid_ds ds;

	NEED(id = semget(IPC_PRIVATE, 2, 0600));
	ops[0] = op(0, 3, 0);
	R(semop(id, ops, 1));
	R(semctl(id, 0, GETVAL));
	ops[0] = op(0, -1, 0);
	ops[1] = op(1, -1, IPC_NOWAIT);
	R(semop(id, ops, 2));
	R(semctl(id, 0, GETVAL));
	ops[0] = op(0, 0, IPC_NOWAIT);
	R(semop(id, ops, 1));
	ops[0] = op(1, 0, 0);
	R(semop(id, ops, 1));
	ops[0] = op(0, -3, 0);
	ops[1] = op(0, 0, 0);
	ops[2] = op(1, 7, 0);
	R(semop(id, ops, 3));
	R(semctl(id, 1, GETVAL));
	ops[0] = op(1, 32767, 0);
	R(semop(id, ops, 1));
	ops[0] = op(2, 1, 0);
	R(semop(id, ops, 1));
	ops[0] = op(0, 1, 0);
	R(semop(id, ops, 0));
	R(semop(id, NULL, 1));
	R(semop(id, ops, 501));
	R(semop(-1, ops, 1));
	R(semctl(id, 0, IPC_STAT, &ds));
	IS(time(NULL) - ds.sem_otime < 10);
	struct timespec ts = {0, 20000000}, bad = {0, 1000000000};
	ops[0] = op(0, -5, 0);
	R(semtimedop(id, ops, 1, &ts));
	R(semtimedop(id, ops, 1, &bad));
	R(semctl(id, 0, IPC_RMID));
	R(semop(id, ops, 1));
}

static void on_alarm(int sig)
{
	(void)sig;
}

static void waiting(void)
{
	HEAD("waiting");
	int id, status;
	struct sembuf o;

	NEED(id = semget(IPC_PRIVATE, 2, 0600));
	CHILD {
		o = op(0, -2, 0);
		R(semop(id, &o, 1));
	}
	while (semctl(id, 0, GETNCNT) != 1)
		sleep_ms(2);
	R(semctl(id, 0, GETZCNT));
	o = op(0, 1, 0);
	R(semop(id, &o, 1));
	R(semctl(id, 0, GETNCNT));
	NEED(semop(id, &o, 1));
	REAP("decrement");
	R(semctl(id, 0, GETVAL));
	IS(semctl(id, 0, GETPID) == child_pid);
	R(semctl(id, 0, SETVAL, 1));
	CHILD {
		o = op(0, 0, 0);
		R(semop(id, &o, 1));
	}
	while (semctl(id, 0, GETZCNT) != 1)
		sleep_ms(2);
	NEED(semctl(id, 0, SETVAL, 0));
	REAP("zero");
	CHILD {
		o = op(0, -1, 0);
		R(semop(id, &o, 1));
	}
	while (semctl(id, 0, GETNCNT) != 1)
		sleep_ms(2);
	CHILD {
		struct sigaction sa = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
		sigaction(SIGALRM, &sa, NULL);
		struct itimerval it = {{0, 0}, {0, 30000}};
		setitimer(ITIMER_REAL, &it, NULL);
		o = op(0, -1, 0);
		R(semop(id, &o, 1));
	}
	REAP("interrupted");
	while (semctl(id, 0, GETNCNT) != 1)
		sleep_ms(2);
	NEED(semctl(id, 0, IPC_RMID));
	IS(wait(&status) > 0);
}

static void undo(void)
{
	HEAD("undo");
	int id;
	struct sembuf ops[2];

	NEED(id = semget(IPC_PRIVATE, 2, 0600));
	R(semctl(id, 0, SETVAL, 4));
	CHILD {
		ops[0] = op(0, -3, SEM_UNDO);
		ops[1] = op(1, 2, SEM_UNDO);
		R(semop(id, ops, 2));
		R(semctl(id, 0, GETVAL));
		R(semctl(id, 1, GETVAL));
	}
	REAP("undoes");
	R(semctl(id, 0, GETVAL));
	R(semctl(id, 1, GETVAL));
	CHILD {
		ops[0] = op(0, -1, SEM_UNDO);
		R(semop(id, ops, 1));
		R(semctl(id, 0, SETVAL, 9));
	}
	REAP("forgets");
	R(semctl(id, 0, GETVAL));
	CHILD {
		ops[0] = op(1, 5, SEM_UNDO);
		R(semop(id, ops, 1));
		ops[0] = op(1, -5, 0);
		R(semop(id, ops, 1));
	}
	REAP("cannot go below zero");
	R(semctl(id, 1, GETVAL));
	/* fork does not inherit it, exec keeps it */
	CHILD {
		ops[0] = op(1, 1, SEM_UNDO);
		R(semop(id, ops, 1));
		if (fork() == 0)
			_exit(0);
		wait(NULL);
		R(semctl(id, 1, GETVAL));
		char *argv[] = {"true", NULL};
			execv("/bin/busybox", argv);
	}
	REAP("exec");
	R(semctl(id, 1, GETVAL));
	R(semctl(id, 0, IPC_RMID));
}

static void rights(void)
{
	HEAD("rights");
	int id;
	struct sembuf o = op(0, 1, 0);
	struct semid_ds ds;

	NEED(id = semget(0x4e4f5411, 1, IPC_CREAT | 0604));
	CHILD {
		NEED(setresgid(1000, 1000, 1000));
		NEED(setgroups(0, NULL));
		NEED(setresuid(1000, 1000, 1000));
		R(semop(id, &o, 1));
		R(semctl(id, 0, GETVAL));
		R(semctl(id, 0, SETVAL, 1));
		R(semctl(id, 0, IPC_STAT, &ds));
		R(semctl(id, 0, IPC_SET, &ds));
		R(semctl(id, 0, IPC_RMID));
		R(semget(0x4e4f5411, 1, 0600));
		IS(semget(0x4e4f5411, 1, 0004) == id);
	}
	REAP("other user");
	R(semctl(id, 0, IPC_RMID));
}

int main(void)
{
	sets();
	values();
	operations();
	waiting();
	undo();
	rights();
	return 0;
}
