// SPDX-License-Identifier: BSD-2-Clause
/* futex(2): wait, wake, requeue, wake_op, bitsets, timeouts and clocks, PI, robust lists. */
#include "abi.h"
#include <linux/futex.h>
#include <pthread.h>

static unsigned int *words;
static volatile int woken, let_go;

static long futex(unsigned int *w, int op, unsigned int val, const void *t, unsigned int *w2,
	unsigned int val3)
{
	return syscall(SYS_futex, w, op, val, t, w2, val3);
}

static void errors(void)
{
	struct timespec ts = {0, 1000000}, bad = {0, 1000000000}, neg = {-1, 0};

	HEAD("errors");
	R(futex(words, FUTEX_WAIT, 1, NULL, NULL, 0));
	R(futex(words, FUTEX_WAIT, 0, &ts, NULL, 0));
	R(futex(words, FUTEX_WAIT_PRIVATE, 0, &ts, NULL, 0));
	R(futex(words, FUTEX_WAIT, 0, &bad, NULL, 0));
	R(futex(words, FUTEX_WAIT, 0, &neg, NULL, 0));
	R(futex((unsigned int *)((char *)words + 1), FUTEX_WAIT, 0, &ts, NULL, 0));
	R(futex(NULL, FUTEX_WAIT, 0, &ts, NULL, 0));
	R(futex((void *)-4096l, FUTEX_WAIT, 0, &ts, NULL, 0));
	R(futex(NULL, FUTEX_WAKE, 1, NULL, NULL, 0));
	R(futex(words, FUTEX_WAKE, 1, NULL, NULL, 0));
	R(futex(words, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0));
	R(futex(words, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0));
	R(futex(words, 77, 0, NULL, NULL, 0));
	R(futex(words, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1, NULL, NULL, 0));
	R(futex(words, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 1, NULL, NULL, 0));
	R(futex(words, FUTEX_CMP_REQUEUE, 1, (void *)1, words + 1, 5));
	R(futex(words, FUTEX_CMP_REQUEUE, -1, (void *)1, words + 1, 0));
	R(futex(words, FUTEX_REQUEUE, 1, (void *)1, words + 1, 0));
	R(futex(words, FUTEX_FD, 1, NULL, NULL, 0));
	R(futex(words, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	struct timespec past = {1, 0};
	R(futex(words, FUTEX_WAIT_BITSET, 0, &past, NULL, 1));
	R(futex(words, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &past, NULL, 1));
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	now.tv_nsec += 5000000;
	if (now.tv_nsec >= 1000000000)
		now.tv_sec++, now.tv_nsec -= 1000000000;
	R(futex(words, FUTEX_WAIT_BITSET, 0, &now, NULL, ~0u));
}

static pid_t kids[16];

/* A process waiting on word @w with @bits; its exit status tells how the wait ended. */
static void waiter(int i, int w, unsigned int bits)
{
	CHILD {
		long r = futex(words + w, FUTEX_WAIT_BITSET, 0, NULL, NULL, bits);
		__atomic_add_fetch(&words[100], 1, __ATOMIC_SEQ_CST);
		_exit(r ? errno : 0);
	}
	kids[i] = child_pid;
	await_state(child_pid, 'S');
}

static int gone(int n)
{
	int done = 0, st;

	for (int i = 0; i < n; i++)
		if (kids[i] && waitpid(kids[i], &st, WNOHANG) > 0) {
			kids[i] = 0;
			done++;
			if (!WIFEXITED(st) || WEXITSTATUS(st))
				say_status("waiter", st);
		}
	return done;
}

/* Reap until @want of the first @n waiters have gone. */
static void expect_gone(const char *what, int n, int want)
{
	int done = 0;

	for (int i = 0; i < 4000 && done < want; i++) {
		done += gone(n);
		sleep_ms(1);
	}
	sleep_ms(20);
	done += gone(n);
	say("%s: %d gone\n", what, done);
}

static void waking(void)
{
	HEAD("wake and requeue between processes");
	for (int i = 0; i < 6; i++)
		waiter(i, 0, ~0u);
	R(futex(words, FUTEX_WAKE, 2, NULL, NULL, 0));
	expect_gone("wake 2", 6, 2);
	R(futex(words, FUTEX_CMP_REQUEUE, 1, (void *)2, words + 1, 0));
	expect_gone("requeue 1 and 2", 6, 1);
	R(futex(words + 1, FUTEX_WAKE, 1, NULL, NULL, 0));
	expect_gone("wake the second", 6, 1);
	R(futex(words, FUTEX_REQUEUE, 0, (void *)10, words + 1, 0));
	R(futex(words, FUTEX_WAKE, 10, NULL, NULL, 0));
	R(futex(words + 1, FUTEX_WAKE, 10, NULL, NULL, 0));
	expect_gone("wake all", 6, 2);
	R(futex(words + 1, FUTEX_WAKE, 10, NULL, NULL, 0));

	HEAD("bitsets");
	waiter(0, 0, 1);
	waiter(1, 0, 2);
	waiter(2, 0, 3);
	R(futex(words, FUTEX_WAKE_BITSET, 10, NULL, NULL, 4));
	R(futex(words, FUTEX_WAKE_BITSET, 10, NULL, NULL, 2));
	expect_gone("bit 2", 3, 2);
	R(futex(words, FUTEX_WAKE, 10, NULL, NULL, 0));
	expect_gone("rest", 3, 1);

	HEAD("wake_op");
	waiter(0, 0, ~0u);
	waiter(1, 1, ~0u);
	words[1] = 0;
	R(futex(words, FUTEX_WAKE_OP, 1, (void *)1, words + 1,
		FUTEX_OP(FUTEX_OP_SET, 5, FUTEX_OP_CMP_EQ, 0)));
	V(words[1]);
	expect_gone("both", 2, 2);
	waiter(0, 0, ~0u);
	words[1] = 0;
	waiter(1, 1, ~0u);
	words[1] = 9;
	R(futex(words, FUTEX_WAKE_OP, 1, (void *)1, words + 1,
		FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_LT, 5)));
	V(words[1]);
	expect_gone("only the first", 2, 1);
	R(futex(words, FUTEX_WAKE_OP, 0, NULL, words + 1,
		FUTEX_OP(FUTEX_OP_OR, 16, FUTEX_OP_CMP_GE, 0)));
	R(futex(words, FUTEX_WAKE_OP, 0, NULL, words + 1,
		FUTEX_OP(FUTEX_OP_ANDN, 4, FUTEX_OP_CMP_GE, 0)));
	R(futex(words, FUTEX_WAKE_OP, 0, NULL, words + 1,
		FUTEX_OP((FUTEX_OP_XOR | FUTEX_OP_OPARG_SHIFT), 5, FUTEX_OP_CMP_GE, 0)));
	V(words[1]);
	R(futex(words, FUTEX_WAKE_OP, 0, NULL, words + 1, FUTEX_OP(7, 5, 0, 0)));
	R(futex(words + 1, FUTEX_WAKE, 10, NULL, NULL, 0));
	expect_gone("second", 2, 1);
}

static void sharing(void)
{
	HEAD("private keys are per address space, shared keys per page");
	int fd = NEED(memfd_create("w", 0));
	ftruncate(fd, 4096);
	unsigned int *a = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	unsigned int *b = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHILD {
		_exit(futex(a, FUTEX_WAIT, 0, NULL, NULL, 0) ? 1 : 0);
	}
	await_state(child_pid, 'S');
	R(futex(b, FUTEX_WAKE, 1, NULL, NULL, 0));
	REAP("woken through another address");
	CHILD {
		_exit(futex(words, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0) ? 1 : 0);
	}
	await_state(child_pid, 'S');
	R(futex(words, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
	kill(child_pid, SIGKILL);
	REAP("not woken by a private wake");
}

static void *pi_holder(void *arg)
{
	unsigned int *w = arg;

	*w = gettid();
	woken = 1;
	while (!let_go || !(__atomic_load_n(w, __ATOMIC_SEQ_CST) & FUTEX_WAITERS))
		sleep_ms(1);
	say("holder unlocks: %ld\n", futex(w, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	return NULL;
}

static void pi(void)
{
	unsigned int *w = words + 8;
	struct timespec past = {1, 0};
	pthread_t t;

	HEAD("priority inheritance");
	R(futex(w, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	IS(*w == (unsigned int)gettid());
	R(futex(w, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	R(futex(w, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
	R(futex(w, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	V(*w);
	R(futex(w, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
	R(futex(w, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	*w = 999999;
	R(futex(w, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	*w = 0;
	pthread_create(&t, NULL, pi_holder, w);
	while (!woken)
		sleep_ms(1);
	R(futex(w, FUTEX_LOCK_PI, 0, &past, NULL, 0));
	let_go = 1;
	long r = futex(w, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
	pthread_join(t, NULL);
	V(r);
	IS((*w & FUTEX_TID_MASK) == (unsigned int)gettid());
	R(futex(w, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
}

static void robust(void)
{
	struct robust_list_head *head;
	size_t len;

	HEAD("robust lists");
	R(syscall(SYS_get_robust_list, 0, &head, &len));
	V(len);
	R(syscall(SYS_set_robust_list, head, 5));
	R(syscall(SYS_get_robust_list, 999999, &head, &len));
	struct node {
		struct robust_list list;
		unsigned int word;
	} *nodes = (void *)(words + 200);
	CHILD {
		static struct robust_list_head h;
		nodes[0].word = gettid();
		nodes[1].word = gettid() | FUTEX_WAITERS;
		nodes[2].word = 12345;
		nodes[3].word = gettid();
		h.list.next = &nodes[0].list;
		nodes[0].list.next = &nodes[1].list;
		nodes[1].list.next = &nodes[2].list;
		nodes[2].list.next = &h.list;
		h.futex_offset = offsetof(struct node, word);
		h.list_op_pending = &nodes[3].list;
		R(syscall(SYS_set_robust_list, &h, sizeof(h)));
	}
	REAP("owner died");
	X(nodes[0].word);
	X(nodes[1].word);
	X(nodes[2].word);
	X(nodes[3].word);
	pthread_mutexattr_t at;
	pthread_mutex_t *m = (void *)(words + 400);
	pthread_mutexattr_init(&at);
	pthread_mutexattr_setpshared(&at, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&at, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(m, &at);
	CHILD {
		pthread_mutex_lock(m);
		raise(SIGKILL);
	}
	REAP("killed holding a mutex");
	RE(pthread_mutex_lock(m));
	RE(pthread_mutex_consistent(m));
	RE(pthread_mutex_unlock(m));
	RE(pthread_mutex_lock(m));
	RE(pthread_mutex_trylock(m));
}

int main(void)
{
	words = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	errors();
	waking();
	sharing();
	pi();
	robust();
	return 0;
}
