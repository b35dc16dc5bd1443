// SPDX-License-Identifier: BSD-2-Clause
/* System V message queues. */
#include "abi.h"
#include <sys/ipc.h>
#include <sys/msg.h>

#ifndef MSG_COPY
#define MSG_COPY 040000
#endif

struct text {
	long type;
	char text[8200];
};

static struct text out, in;

static int send_text(int id, long type, const char *s, int flags)
{
	out.type = type;
	strcpy(out.text, s);
	return msgsnd(id, &out, strlen(s) + 1, flags);
}

static void show(long n)
{
	if (n > 0)
		say("type %ld, %ld bytes: %.40s\n", in.type, n, in.text);
}

#define GET(id, len, type, flags) show(R(msgrcv(id, &in, len, type, flags)))

static void order(void)
{
	HEAD("order");
	int id;

	NEED(id = msgget(IPC_PRIVATE, 0600));
	R(send_text(id, 3, "three", 0));
	R(send_text(id, 1, "one", 0));
	R(send_text(id, 2, "two", 0));
	R(send_text(id, 1, "one more", 0));
	R(send_text(id, 0, "none", 0));
	R(send_text(id, -1, "none", 0));
	GET(id, 100, 2, MSG_COPY | IPC_NOWAIT);
	GET(id, 100, 9, MSG_COPY | IPC_NOWAIT);
	GET(id, 100, 2, MSG_COPY);
	GET(id, 100, 1, IPC_NOWAIT);
	GET(id, 100, -2, IPC_NOWAIT);
	GET(id, 100, -2, IPC_NOWAIT);
	GET(id, 100, -2, IPC_NOWAIT);
	GET(id, 100, 3, IPC_NOWAIT | MSG_EXCEPT);
	GET(id, 3, 0, IPC_NOWAIT);
	GET(id, 3, 0, IPC_NOWAIT | MSG_NOERROR);
	GET(id, 3, 0, IPC_NOWAIT);
	R(msgrcv(id, &in, (size_t)-1, 0, IPC_NOWAIT));
	R(msgrcv(-1, &in, 1, 0, IPC_NOWAIT));
	R(send_text(id, 1, "x", 0));
	R(msgrcv(id, NULL, 100, 0, IPC_NOWAIT));
	R(msgsnd(id, NULL, 1, 0));
	out.type = 1;
	R(msgsnd(id, &out, 8193, 0));
	R(msgsnd(id, &out, 8192, 0));
	R(msgsnd(id, &out, 0, 0));
	R(msgctl(id, IPC_RMID, NULL));
	R(msgctl(id, IPC_RMID, NULL));
}

static void limits(void)
{
	HEAD("limits");
	struct msqid_ds ds;
	int id, n = 0;

	NEED(id = msgget(IPC_PRIVATE, 0600));
	out.type = 1;
	while (msgsnd(id, &out, 4096, IPC_NOWAIT) == 0)
		n++;
	V(n);
	V(errno == EAGAIN);
	R(msgctl(id, IPC_STAT, &ds));
	V(ds.__msg_cbytes);
	V(ds.msg_qnum);
	V(ds.msg_qbytes);
	V(ds.msg_perm.mode);
	IS(ds.msg_lspid == getpid() && ds.msg_lrpid == 0);
	IS(time(NULL) - ds.msg_stime < 10 && ds.msg_rtime == 0);
	ds.msg_qbytes = 20000;
	R(msgctl(id, IPC_SET, &ds));
	R(msgsnd(id, &out, 3000, IPC_NOWAIT));
	R(msgctl(id, IPC_STAT, NULL));
	R(msgctl(id, 77, &ds));
	R(msgctl(-1, IPC_STAT, &ds));
	R(msgctl(id, IPC_RMID, NULL));
	R(msgget(0x4e4f5421, 0));
	NEED(id = msgget(0x4e4f5421, IPC_CREAT | 0600));
	R(msgget(0x4e4f5421, IPC_CREAT | IPC_EXCL));
	IS(msgget(0x4e4f5421, 0) == id);
	CHILD {
		NEED(setresuid(1000, 1000, 1000));
		IS(msgget(0x4e4f5421, 0) == id);
		R(msgget(0x4e4f5421, 0400));
		R(send_text(id, 1, "x", 0));
		R(msgrcv(id, &in, 1, 0, IPC_NOWAIT));
		R(msgctl(id, IPC_STAT, &ds));
		R(msgctl(id, IPC_RMID, NULL));
	}
	REAP("other user");
	R(msgctl(id, IPC_RMID, NULL));
}

static void on_alarm(int sig)
{
	(void)sig;
}

static void waiting(void)
{
	HEAD("waiting");
	struct msqid_ds ds;
	int id, n;

	NEED(id = msgget(IPC_PRIVATE, 0600));
	CHILD {
		GET(id, 100, 5, 0);
		GET(id, 2, 6, 0);
		GET(id, 100, 0, 0);
	}
	sleep_ms(20);
	NEED(send_text(id, 4, "not for it", 0));
	NEED(send_text(id, 5, "for it", 0));
	sleep_ms(20);
	NEED(send_text(id, 6, "too long", 0));
	REAP("receiver");
	do {
		n = (int)msgrcv(id, &in, 100, 0, IPC_NOWAIT);
		show(n);
	} while (n > 0);
	out.type = 1;
	while (msgsnd(id, &out, 4096, IPC_NOWAIT) == 0)
		;
	CHILD {
		R(msgsnd(id, &out, 4096, 0));
	}
	sleep_ms(20);
	NEED(msgrcv(id, &in, 8192, 0, 0));
	REAP("sender");
	CHILD {
		struct sigaction sa = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
		sigaction(SIGALRM, &sa, NULL);
		struct itimerval it = {{0, 0}, {0, 30000}};
		setitimer(ITIMER_REAL, &it, NULL);
		R(msgsnd(id, &out, 4096, 0));
		setitimer(ITIMER_REAL, &it, NULL);
		R(msgrcv(id, &in, 1, 99, 0));
	}
	REAP("interrupted");
	CHILD {
		R(msgrcv(id, &in, 1, 99, 0));
	}
	sleep_ms(30);
	NEED(msgctl(id, IPC_STAT, &ds));
	NEED(msgctl(id, IPC_RMID, NULL));
	REAP("removed");
}

int main(void)
{
	order();
	limits();
	waiting();
	return 0;
}
