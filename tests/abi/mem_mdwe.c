// SPDX-License-Identifier: BSD-2-Clause
/* PR_SET_MDWE: memory is either written or executed; and other calls of prctl(2) that keep something. */
#include "abi.h"
#include <linux/prctl.h>
#include <sys/personality.h>

#define MDWE(bits) prctl(PR_SET_MDWE, bits, 0L, 0L, 0L)
#define GET()	   prctl(PR_GET_MDWE, 0L, 0L, 0L, 0L)

static void arguments(void)
{
	HEAD("arguments");
	R(prctl(PR_SET_MDWE, PR_MDWE_NO_INHERIT, 0L, 0L, 0L));
	R(prctl(PR_SET_MDWE, 4L, 0L, 0L, 0L));
	R(prctl(PR_SET_MDWE, 0L, 1L, 0L, 0L));
	R(prctl(PR_SET_MDWE, 0L, 0L, 1L, 0L));
	R(prctl(PR_SET_MDWE, 0L, 0L, 0L, 1L));
	R(prctl(PR_GET_MDWE, 1L, 0L, 0L, 0L));
	R(prctl(PR_GET_MDWE, 0L, 0L, 0L, 1L));
	R(MDWE(0));
	R(GET());
}

static void maps(void)
{
	char *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *x = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	IS(mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
	IS(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
	R(mprotect(p, 4096, PROT_READ | PROT_EXEC));
	R(mprotect(p, 4096, PROT_READ | PROT_WRITE));
	R(mprotect(x, 4096, PROT_READ | PROT_EXEC));
	R(mprotect(x, 4096, PROT_READ | PROT_WRITE | PROT_EXEC));
	R(mprotect(x, 4096, PROT_READ));
	R(mprotect(x, 4096, PROT_READ | PROT_EXEC));
	IS(mmap(p, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p);
}

static void kept(long bits)
{
	CHILD {
		R(MDWE(bits));
		R(GET());
		R(MDWE(0));
		R(MDWE(bits));
		R(MDWE(bits ^ PR_MDWE_NO_INHERIT));
		maps();
		if (!fork()) {
			R(GET());
			IS(mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
			_exit(0);
		}
		wait(NULL);
	}
	REAP("bits");
}

static void others(void)
{
	HEAD("others");
	R(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
	R(prctl(PR_MCE_KILL_GET, 1, 0, 0, 0));
	R(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0));
	R(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
	CHILD
		R(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
	REAP("child");
	R(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, 3, 0, 0));
	R(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_LATE, 0, 1));
	R(prctl(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 1, 0, 0));
	R(prctl(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 0, 0, 0));
	R(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
	R(prctl(PR_MCE_KILL, 2, 0, 0, 0));
	R(prctl(PR_TASK_PERF_EVENTS_DISABLE));
	R(prctl(PR_TASK_PERF_EVENTS_ENABLE));
	R(prctl(PR_GET_SPECULATION_CTRL, 99, 0, 0, 0));
	R(prctl(PR_SET_SPECULATION_CTRL, 99, 0, 0, 0));
	R(prctl(0x7fffffff, 0, 0, 0, 0));
}

static char rights_at(void *p)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512], right = '?';
	unsigned long a, b;
	char rwx[5];

	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx %4s", &a, &b, rwx) == 3 && a <= (unsigned long)p && (unsigned long)p < b)
			right = rwx[2];
	}
	fclose(f);
	return right;
}

static void read_is_exec(void)
{
	HEAD("what may be read may be executed");
	CHILD {
		char *p, *q;

		personality(READ_IMPLIES_EXEC);
		p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		q = mmap(NULL, 4096, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		say("%c %c", rights_at(p), rights_at(q));
		mprotect(q, 4096, PROT_READ | PROT_WRITE);
		mprotect(p, 4096, PROT_WRITE);
		say(" %c %c\n", rights_at(p), rights_at(q));
		personality(0);
		mprotect(q, 4096, PROT_READ);
		say("%c\n", rights_at(q));
	}
	REAP("personality");
}

int main(void)
{
	arguments();
	HEAD("without");
	maps();
	HEAD("refused");
	kept(PR_MDWE_REFUSE_EXEC_GAIN);
	HEAD("refused, not inherited");
	kept(PR_MDWE_REFUSE_EXEC_GAIN | PR_MDWE_NO_INHERIT);
	others();
	read_is_exec();
	return 0;
}
