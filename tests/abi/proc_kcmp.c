// SPDX-License-Identifier: BSD-2-Clause
/* kcmp(2): what clone shares, descriptors, what an epoll instance watches, errors and their order. */
#include "abi.h"
#include <linux/kcmp.h>
#include <sys/epoll.h>

static long cmp(pid_t a, pid_t b, int type, unsigned long x, unsigned long y)
{
	return syscall(SYS_kcmp, a, b, type, x, y);
}

/* 0 the same, 1 ordered (both ways must agree), or the error. */
static void same(const char *what, pid_t a, pid_t b, int type, unsigned long x, unsigned long y)
{
	errno = 0;
	long one = cmp(a, b, type, x, y);
	if (one < 0) {
		say("%s: %s\n", what, err_name(errno));
		return;
	}
	long two = cmp(b, a, type, y, x);
	say("%s: %s\n", what, !one && !two ? "same" : one + two == 3 ? "differ" : "no order");
}

static int idle(void *arg)
{
	(void)arg;
	for (int stay = 1; stay;)
		pause();
	return 0;
}

static void all(const char *what, pid_t pid)
{
	static const char *const names[] = {"file", "vm", "files", "fs", "sighand", "io", "sysvsem"};
	char line[64];

	for (int type = 1; type < KCMP_EPOLL_TFD; type++) {
		snprintf(line, sizeof(line), "%s %s", what, names[type]);
		same(line, getpid(), pid, type, 0, 0);
	}
}

static pid_t start(int flags)
{
	static char stack[65536] __attribute__((aligned(16)));

	return NEED(clone(idle, stack + sizeof(stack), flags | SIGCHLD, NULL));
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void shared(void)
{
	HEAD("what clone shares");
	all("self", getpid());
	pid_t p = start(0);
	all("fork", p);
	end(p);
	p = start(CLONE_VM | CLONE_FILES | CLONE_FS | CLONE_SIGHAND | CLONE_SYSVSEM);
	all("all", p);
	end(p);
	p = start(CLONE_FILES);
	all("files", p);
	same("descriptor 1", getpid(), p, KCMP_FILE, 1, 1);
	end(p);
}

static void files(void)
{
	HEAD("descriptors");
	int a = NEED(open("/dev/null", O_RDONLY)), b = NEED(open("/dev/null", O_RDONLY)), c = NEED(dup(a));
	pid_t me = getpid();

	same("one", me, me, KCMP_FILE, a, a);
	same("dup", me, me, KCMP_FILE, a, c);
	same("opened twice", me, me, KCMP_FILE, a, b);
	same("closed", me, me, KCMP_FILE, a, 77);
	same("huge", me, me, KCMP_FILE, 1ul << 33, a);
	same("negative", me, me, KCMP_FILE, a, -1);
	close(a);
	close(b);
	close(c);
}

static void epolls(void)
{
	HEAD("epoll");
	int ep = NEED(epoll_create1(0)), p[2], other[2];
	struct epoll_event ev = {.events = EPOLLIN};
	struct kcmp_epoll_slot slot = {.efd = ep};
	pid_t me = getpid();

	NEED(pipe(p));
	NEED(pipe(other));
	NEED(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &ev));
	slot.tfd = p[0];
	R(cmp(me, me, KCMP_EPOLL_TFD, p[0], (unsigned long)&slot));
	IS(cmp(me, me, KCMP_EPOLL_TFD, p[1], (unsigned long)&slot) > 0);
	int kept = NEED(dup(p[0]));
	NEED(dup2(other[0], p[0]));
	NEED(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &ev));
	int found = 0;
	for (slot.toff = 0; slot.toff < 2; slot.toff++)
		found |= cmp(me, me, KCMP_EPOLL_TFD, kept, (unsigned long)&slot) == 0 ? 1 : 0;
	V(found);
	R(cmp(me, me, KCMP_EPOLL_TFD, kept, (unsigned long)&slot)); /* the third */
	slot.toff = 0;
	slot.tfd = 99;
	R(cmp(me, me, KCMP_EPOLL_TFD, kept, (unsigned long)&slot));
	slot.efd = kept;
	R(cmp(me, me, KCMP_EPOLL_TFD, kept, (unsigned long)&slot));
	slot.efd = 99;
	R(cmp(me, me, KCMP_EPOLL_TFD, kept, (unsigned long)&slot));
	R(cmp(me, me, KCMP_EPOLL_TFD, 99, (unsigned long)&slot));
	R(cmp(me, me, KCMP_EPOLL_TFD, 99, 8));
}

static void errors(void)
{
	HEAD("errors");
	pid_t me = getpid(), p = start(0);

	R(cmp(me, me, KCMP_TYPES, 0, 0));
	R(cmp(me, me, -1, 0, 0));
	R(cmp(me, 0, KCMP_VM, 0, 0));
	R(cmp(me, -1, KCMP_VM, 0, 0));
	R(cmp(me, 999999, KCMP_TYPES, 0, 0));
	CHILD {
		become(1000);
		R(cmp(getpid(), getpid(), KCMP_VM, 0, 0));
		R(cmp(getpid(), p, KCMP_VM, 0, 0));
		R(cmp(p, getpid(), KCMP_TYPES, 0, 0));
		R(cmp(p, 999999, KCMP_VM, 0, 0));
	}
	REAP("a stranger");
	end(p);
}

int main(void)
{
	CHILD shared(); /* a child has no list of SEM_UNDO that somebody left to us */
	REAP("sharer");
	files();
	epolls();
	errors();
	return 0;
}
