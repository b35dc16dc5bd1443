// SPDX-License-Identifier: BSD-2-Clause
/* Scheduling: policies, parameters, attributes, affinity, nice and priorities, permissions. */
#include "abi.h"
#include <linux/sched/types.h>

struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t umin, umax;
};

static void policies(void)
{
	static const struct {
		const char *name;
		int id;
	} all[] = {{"OTHER", SCHED_OTHER}, {"FIFO", SCHED_FIFO}, {"RR", SCHED_RR}, {"BATCH", SCHED_BATCH},
		{"4", 4}, {"IDLE", SCHED_IDLE}, {"DEADLINE", 6}, {"99", 99}};
	struct sched_param sp;
	struct timespec ts;

	HEAD("policies");
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		int lo = sched_get_priority_min(all[i].id), hi = sched_get_priority_max(all[i].id);
		say("%s: priorities %d..%d", all[i].name, lo, hi);
		for (int p = -1; p <= 100; p += p == 1 ? 98 : 1) {
			sp.sched_priority = p;
			int r = sched_setscheduler(0, all[i].id, &sp);
			say(" %d:%s", p, r < 0 ? err_name(errno) : "ok");
			if (!r && sched_getscheduler(0) != all[i].id)
				say("(!)");
		}
		say("\n");
		sp.sched_priority = 0;
		sched_setscheduler(0, SCHED_OTHER, &sp);
	}
	R(sched_getscheduler(0));
	R(sched_getscheduler(-1));
	R(sched_getscheduler(999999));
	R(sched_setscheduler(-1, SCHED_OTHER, &sp));
	R(sched_setscheduler(999999, SCHED_OTHER, &sp));
	R(sched_setscheduler(0, SCHED_OTHER, NULL));
	sp.sched_priority = 7;
	R(sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &sp));
	R(sched_getscheduler(0) == (SCHED_RR | SCHED_RESET_ON_FORK));
	R(sched_getparam(0, &sp));
	V(sp.sched_priority);
	R(sched_rr_get_interval(0, &ts));
	IS(ts.tv_sec == 0 && ts.tv_nsec > 0);
	CHILD {
		R(sched_getscheduler(0));
		sched_getparam(0, &sp);
		V(sp.sched_priority);
	}
	REAP("reset on fork");
	sp.sched_priority = 9;
	R(sched_setscheduler(0, SCHED_FIFO, &sp));
	R(sched_rr_get_interval(0, &ts));
	V(ts.tv_nsec);
	CHILD {
		R(sched_getscheduler(0));
		V(getpriority(PRIO_PROCESS, 0));
	}
	REAP("inherited");
	sp.sched_priority = 20;
	R(sched_setparam(0, &sp));
	sp.sched_priority = 0;
	R(sched_setparam(0, &sp));
	R(sched_setscheduler(0, SCHED_OTHER, &sp));
	R(sched_setparam(0, &sp));
	R(sched_setparam(0, NULL));
	R(sched_getparam(0, NULL));
	R(sched_getparam(0, (void *)8));
	R(sched_rr_get_interval(0, (void *)8));
	R(sched_rr_get_interval(-1, &ts));
	R(sched_yield());
	CHILD {
		become(1000);
		sp.sched_priority = 1;
		R(sched_setscheduler(0, SCHED_FIFO, &sp));
		sp.sched_priority = 0;
		R(sched_setscheduler(0, SCHED_BATCH, &sp));
		R(sched_setscheduler(0, SCHED_IDLE, &sp));
		R(sched_setscheduler(0, SCHED_OTHER, &sp));
		R(sched_setscheduler(1, SCHED_OTHER, &sp));
		R(sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &sp));
		R(sched_setscheduler(0, SCHED_OTHER, &sp));
	}
	REAP("user");
}

static void attributes(void)
{
	struct attr a;
	char big[200];

	HEAD("sched_setattr sched_getattr");
	memset(&a, 0, sizeof(a));
	R(syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0));
	say("size %u policy %u nice %d priority %u\n", a.size, a.policy, a.nice, a.priority);
	memset(&a, 0, sizeof(a));
	a.size = 48;
	a.nice = 5;
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	V(getpriority(PRIO_PROCESS, 0));
	a.policy = SCHED_FIFO;
	a.priority = 3;
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	R(syscall(SYS_sched_getattr, 0, &a, 48, 0));
	say("size %u policy %u nice %d priority %u\n", a.size, a.policy, a.nice, a.priority);
	a.policy = SCHED_OTHER;
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	a.priority = 0;
	a.nice = 0;
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	a.flags = 0x80000;
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	a.flags = 0;
	R(syscall(SYS_sched_setattr, 0, &a, 1));
	R(syscall(SYS_sched_setattr, 0, NULL, 0));
	R(syscall(SYS_sched_setattr, 999999, &a, 0));
	a.size = 20;
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	a.size = 0;
	R(syscall(SYS_sched_setattr, 0, &a, 0));
	memset(big, 0, sizeof(big));
	((struct attr *)big)->size = 100;
	big[90] = 1;
	R(syscall(SYS_sched_setattr, 0, big, 0));
	V(((struct attr *)big)->size >= 48);
	R(syscall(SYS_sched_getattr, 0, &a, 20, 0));
	R(syscall(SYS_sched_getattr, 0, &a, 48, 1));
	R(syscall(SYS_sched_getattr, 0, NULL, 48, 0));
	R(syscall(SYS_sched_getattr, -1, &a, 48, 0));
}

static void affinity(void)
{
	unsigned long mask[16] = {0}, old[16] = {0};
	unsigned int cpu = 99, node = 99;

	HEAD("affinity");
	long n = syscall(SYS_sched_getaffinity, 0, sizeof(old), old);
	IS(n > 0 && n % 8 == 0);
	IS(old[0] & 1);
	R(syscall(SYS_sched_getaffinity, 0, 7, old));
	R(syscall(SYS_sched_getaffinity, 0, 0, old));
	R(syscall(SYS_sched_getaffinity, -1, sizeof(mask), mask));
	R(syscall(SYS_sched_getaffinity, 999999, sizeof(mask), mask));
	R(syscall(SYS_sched_getaffinity, 0, sizeof(mask), (void *)8));
	mask[0] = 0;
	R(syscall(SYS_sched_setaffinity, 0, sizeof(mask), mask));
	mask[15] = 1ul << 63;
	R(syscall(SYS_sched_setaffinity, 0, sizeof(mask), mask));
	mask[0] = 1;
	R(syscall(SYS_sched_setaffinity, 0, sizeof(mask), mask));
	memset(mask, 0, sizeof(mask));
	syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask);
	X(mask[0]);
	X(mask[15]);
	R(syscall(SYS_getcpu, &cpu, &node, NULL));
	V(cpu);
	V(sched_getcpu());
	R(syscall(SYS_getcpu, NULL, NULL, NULL));
	R(syscall(SYS_getcpu, (void *)8, NULL, NULL));
	CHILD {
		memset(mask, 0, sizeof(mask));
		syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask);
		X(mask[0]);
	}
	REAP("inherited");
	R(syscall(SYS_sched_setaffinity, 0, 1, mask));
	R(syscall(SYS_sched_setaffinity, 0, 0, mask));
	R(syscall(SYS_sched_setaffinity, 0, sizeof(mask), (void *)8));
	R(syscall(SYS_sched_setaffinity, -1, sizeof(mask), mask));
	CHILD {
		become(1000);
		R(syscall(SYS_sched_setaffinity, 0, sizeof(mask), mask));
		R(syscall(SYS_sched_setaffinity, 1, sizeof(mask), mask));
	}
	REAP("user");
	R(syscall(SYS_sched_setaffinity, 0, sizeof(old), old));
}

static void niceness(void)
{
	HEAD("nice and priorities");
	errno = 0;
	R(getpriority(PRIO_PROCESS, 0));
	V(syscall(SYS_getpriority, PRIO_PROCESS, 0));
	R(nice(5));
	R(nice(100));
	V(syscall(SYS_getpriority, PRIO_PROCESS, 0));
	R(nice(-100));
	R(setpriority(PRIO_PROCESS, 0, 3));
	R(getpriority(PRIO_PROCESS, getpid()));
	R(setpriority(PRIO_PGRP, 0, 4));
	R(getpriority(PRIO_PGRP, getpgrp()));
	R(getpriority(PRIO_PGRP, 0));
	OK(getpriority(PRIO_USER, 0));
	R(setpriority(9, 0, 4));
	R(getpriority(9, 0));
	R(setpriority(PRIO_PROCESS, 999999, 4));
	R(getpriority(PRIO_PROCESS, 999999));
	R(setpriority(PRIO_USER, 4444, 4));
	R(setpriority(PRIO_PROCESS, 0, -1000));
	R(getpriority(PRIO_PROCESS, 0));
	R(setpriority(PRIO_PROCESS, 0, 0));
	CHILD {
		become(1000);
		R(nice(3));
		R(nice(-1));
		R(setpriority(PRIO_PROCESS, 0, 1));
		R(setpriority(PRIO_PROCESS, 0, 10));
		R(setpriority(PRIO_PROCESS, 1, 10));
		R(setpriority(PRIO_USER, 1000, 12));
		R(getpriority(PRIO_USER, 0));
	}
	REAP("user");
	CHILD {
		struct rlimit rl = {30, 30};
		setrlimit(RLIMIT_NICE, &rl);
		become(1000);
		R(setpriority(PRIO_PROCESS, 0, -5));
	}
	REAP("no RLIMIT_NICE to raise");
}

enum { RT = 1 << 13, BE = 2 << 13, IDLE = 3 << 13 };
#define ioprio_set(which, who, v) syscall(SYS_ioprio_set, which, who, v)
#define ioprio_get(which, who) syscall(SYS_ioprio_get, which, who)

static void io_priorities(void)
{
	HEAD("I/O priorities");
	R(ioprio_get(1, 0));
	R(ioprio_set(1, 0, BE | 6));
	R(ioprio_get(1, 0));
	R(ioprio_get(2, 0));
	CHILD {
		R(ioprio_get(1, 0));
		R(ioprio_set(2, 0, IDLE));
		become(1000);
		R(ioprio_get(1, 1));
		R(ioprio_set(1, 1, IDLE));
		R(ioprio_set(1, 0, RT | 1));
		R(ioprio_set(3, 1000, BE | 1));
		R(ioprio_get(3, 1000));
	}
	REAP("user");
	R(ioprio_get(1, 0));
	R(ioprio_set(1, 0, RT | 7));
	R(ioprio_get(1, 0));
	R(ioprio_set(1, 0, 7 << 13));
	R(ioprio_set(1, 0, 4 << 13));
	R(ioprio_set(1, 0, 1));
	R(ioprio_set(0, 0, BE));
	R(ioprio_set(4, 0, BE));
	R(ioprio_get(9, 0));
	R(ioprio_get(1, 1 << 21));
	R(ioprio_set(1, 0, 0));
	R(ioprio_get(1, 0));
}

int main(void)
{
	io_priorities();
	policies();
	attributes();
	affinity();
	niceness();
	return 0;
}
