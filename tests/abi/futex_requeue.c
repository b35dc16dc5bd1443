// SPDX-License-Identifier: BSD-2-Clause
/* FUTEX_WAIT_REQUEUE_PI and FUTEX_CMP_REQUEUE_PI; the calls futex_wake, futex_wait, futex_requeue. */
#include "abi.h"
#include <linux/futex.h>
#include <pthread.h>

#ifndef SYS_futex_wake
#define SYS_futex_wake 454
#define SYS_futex_wait 455
#define SYS_futex_requeue 456
#endif
#define U32     2
#define PRIVATE 128

static unsigned int *words; /* 0: condition, 64: lock */
static unsigned int *cond, *lock;

static long futex(unsigned int *w, int op, unsigned int val, const void *t, unsigned int *w2,
	unsigned int val3)
{
	return syscall(SYS_futex, w, op, val, t, w2, val3);
}

/* How the lock looks without anybody's number. */
static void say_lock(void)
{
	unsigned int v = __atomic_load_n(lock, __ATOMIC_SEQ_CST);

	say("lock: %s%s%s\n", v & FUTEX_TID_MASK ? "owned" : "free", v & FUTEX_WAITERS ? " waiters" : "",
		v & FUTEX_OWNER_DIED ? " died" : "");
}

/* Waits on the condition, then says how it came back and gives the lock up when told to. */
static pid_t waiter(int i, int prio, long timeout_ms)
{
	CHILD {
		struct sched_param sp = {prio};
		struct timespec ts;
		if (prio && sched_setscheduler(0, SCHED_FIFO, &sp))
			_exit(50);
		clock_gettime(CLOCK_MONOTONIC, &ts);
		ts.tv_nsec += timeout_ms * 1000000;
		ts.tv_sec += ts.tv_nsec / 1000000000;
		ts.tv_nsec %= 1000000000;
		long r = futex(cond, FUTEX_WAIT_REQUEUE_PI, 7, timeout_ms ? &ts : NULL, lock, 0);
		if (r)
			_exit(errno);
		if ((*lock & FUTEX_TID_MASK) != (unsigned int)gettid())
			_exit(51);
		words[200 + words[199]++] = i;
		while (!__atomic_load_n(&words[198], __ATOMIC_SEQ_CST))
			sleep_ms(1);
		_exit(futex(lock, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) ? 52 : 0);
	}
	if (!timeout_ms) /* who has one may be gone before anybody looks */
		await_state(child_pid, 'S');
	return child_pid;
}

static void reap(const char *what, pid_t pid)
{
	int st;

	waitpid(pid, &st, 0);
	if (WIFEXITED(st) && WEXITSTATUS(st) && WEXITSTATUS(st) < 50)
		say("%s: %s\n", what, err_name(WEXITSTATUS(st)));
	else
		say_status(what, st);
}

static void reset(void)
{
	memset(words, 0, 4096);
	*cond = 7;
}

static void errors(void)
{
	HEAD("errors");
	reset();
	R(futex(cond, FUTEX_WAIT_REQUEUE_PI, 8, NULL, lock, 0));
	R(futex(cond, FUTEX_WAIT_REQUEUE_PI, 7, NULL, cond, 0));
	R(futex(cond, FUTEX_WAIT_REQUEUE_PI, 7, NULL, (void *)3, 0));
	R(futex(cond, FUTEX_WAIT_REQUEUE_PI, 7, NULL, NULL, 0));
	R(futex(cond, FUTEX_WAIT_REQUEUE_PI, 7, (void *)8, lock, 0));
	R(futex(cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)0, lock, 8));
	R(futex(cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)0, lock, 7));
	R(futex(cond, FUTEX_CMP_REQUEUE_PI, 2, (void *)0, lock, 7));
	R(futex(cond, FUTEX_CMP_REQUEUE_PI, 0, (void *)0, lock, 7));
	R(futex(cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)-1, lock, 7));
	R(futex(cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)0, cond, 7));
	R(futex(cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)0, (void *)8, 7));
	R(futex(cond, FUTEX_CMP_REQUEUE_PI | FUTEX_CLOCK_REALTIME, 1, (void *)0, lock, 7));
	struct timespec past = {1, 0};
	R(futex(cond, FUTEX_WAIT_REQUEUE_PI, 7, &past, lock, 0));
	R(futex(cond, FUTEX_WAIT_REQUEUE_PI | FUTEX_CLOCK_REALTIME, 7, &past, lock, 0));
}

static void free_lock(void)
{
	HEAD("a free lock goes to the first");
	reset();
	pid_t a = waiter(1, 0, 0), b = waiter(2, 0, 0), c = waiter(3, 0, 0);
	R(futex(cond, FUTEX_WAKE, 1, NULL, NULL, 0));
	R(futex(cond, FUTEX_CMP_REQUEUE, 1, (void *)1, lock, 7));
	R(futex(cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)0, words + 128, 7));
	R(futex(cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)0, lock, 7));
	while (!__atomic_load_n(&words[199], __ATOMIC_SEQ_CST))
		sleep_ms(1);
	V(words[200]);
	R(futex(cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)9, lock, 7));
	say_lock();
	R(futex(cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)9, lock, 7));
	words[198] = 1;
	reap("first", a);
	reap("second", b);
	reap("third", c);
	V(words[199]);
	say_lock();
}

static void owned_lock(void)
{
	HEAD("an owned lock is waited for");
	reset();
	R(futex(lock, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	reap("timed out before", waiter(4, 0, 60));
	pid_t a = waiter(1, 5, 0), b = waiter(2, 9, 0), c = 0;
	R(futex(cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)0x7fffffff, lock, 7));
	say_lock();
	/* Moved and timed out then, or timed out before it could be moved: the same to the caller. */
	c = waiter(3, 0, 300);
	sleep_ms(30);
	futex(cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)0x7fffffff, lock, 7);
	reap("timed out after", c);
	words[198] = 1;
	R(futex(lock, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	reap("first", a);
	reap("second", b);
	say("order %u %u\n", words[200], words[201]);
	say_lock();
}

static void on_usr1(int sig)
{
	(void)sig;
}

static void signals(void)
{
	HEAD("signals");
	reset();
	on_signal(SIGUSR1, on_usr1, SA_RESTART);
	R(futex(lock, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	pid_t a = waiter(1, 0, 0);
	kill(a, SIGUSR1);
	sleep_ms(20);
	await_state(a, 'S');
	R(futex(cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)1, lock, 7));
	kill(a, SIGUSR1);
	reap("signal while waiting for the lock", a);
	pid_t b = waiter(2, 0, 0);
	R(futex(cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)1, lock, 7));
	kill(b, SIGKILL);
	reap("killed", b);
	R(futex(lock, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	say_lock();
}

static pthread_mutex_t mutex;
static pthread_cond_t cv;
static int turns, ready;

static void *member(void *arg)
{
	pthread_mutex_lock(&mutex);
	ready++;
	while (!turns)
		pthread_cond_wait(&cv, &mutex);
	turns++;
	pthread_mutex_unlock(&mutex);
	return arg;
}

static void conditions(void)
{
	pthread_mutexattr_t ma;
	pthread_t t[6];

	HEAD("a condition variable with a mutex that inherits");
	pthread_mutexattr_init(&ma);
	pthread_mutexattr_setprotocol(&ma, PTHREAD_PRIO_INHERIT);
	RE(pthread_mutex_init(&mutex, &ma));
	RE(pthread_cond_init(&cv, NULL));
	for (int i = 0; i < 6; i++)
		pthread_create(&t[i], NULL, member, NULL);
	for (int n = 0; n < 6;) {
		sleep_ms(1);
		pthread_mutex_lock(&mutex);
		n = ready;
		pthread_mutex_unlock(&mutex);
	}
	pthread_mutex_lock(&mutex);
	turns = 1;
	pthread_cond_broadcast(&cv);
	pthread_mutex_unlock(&mutex);
	for (int i = 0; i < 6; i++)
		pthread_join(t[i], NULL);
	V(turns);
}

static volatile int storm_done;

static void *storm_waiter(void *arg)
{
	while (!storm_done) {
		struct timespec ts;
		clock_gettime(CLOCK_MONOTONIC, &ts);
		ts.tv_nsec += 3000000;
		ts.tv_sec += ts.tv_nsec / 1000000000;
		ts.tv_nsec %= 1000000000;
		long r = futex(cond, FUTEX_WAIT_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 7, &ts, lock, 0);
		if (r == 0 && (*lock & FUTEX_TID_MASK) != (unsigned int)gettid())
			return arg;
		if (r == 0 && futex(lock, FUTEX_UNLOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0))
			return arg;
		if (r && errno != ETIMEDOUT && errno != EAGAIN)
			return arg;
	}
	return NULL;
}

static void storm(void)
{
	pthread_t t[4];
	void *bad;

	HEAD("many at once");
	reset();
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, storm_waiter, words);
	for (int i = 0; i < 300; i++) {
		if (i & 1)
			futex(lock, FUTEX_LOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0);
		if (futex(cond, FUTEX_CMP_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 1, (void *)9, lock, 7) < 0)
			say("requeue: %s\n", err_name(errno));
		if (i & 1)
			futex(lock, FUTEX_UNLOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0);
	}
	storm_done = 1;
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &bad);
		IS(bad == NULL);
	}
	say_lock();
}

static void new_calls(void)
{
	struct timespec past = {1, 0};
	struct futex_waitv {
		uint64_t val, uaddr;
		uint32_t flags, reserved;
	} w[2] = {{7, (uintptr_t)cond, U32, 0}, {0, (uintptr_t)lock, U32, 0}};

	HEAD("futex_wait, futex_wake, futex_requeue");
	reset();
	if (syscall(SYS_futex_wake, cond, 1, 1, U32) < 0 && errno == ENOSYS) {
		say("none\n");
		return;
	}
	R(syscall(SYS_futex_wait, cond, 8, 1, U32, NULL, 0));
	R(syscall(SYS_futex_wait, cond, 7, 0, U32, NULL, 0));
	R(syscall(SYS_futex_wait, cond, 7, 1, 1, NULL, 0));
	R(syscall(SYS_futex_wait, cond, 7, 1, 0x40 | U32, NULL, 0));
	R(syscall(SYS_futex_wait, cond, 7ul << 32 | 7, 1, U32, NULL, 0));
	R(syscall(SYS_futex_wait, cond, 7, 1ul << 32, U32, NULL, 0));
	R(syscall(SYS_futex_wait, cond, 7, 1, U32, &past, 99));
	R(syscall(SYS_futex_wait, cond, 7, 1, U32, &past, CLOCK_MONOTONIC));
	R(syscall(SYS_futex_wait, cond, 7, 1, U32 | PRIVATE, &past, CLOCK_REALTIME));
	R(syscall(SYS_futex_wait, (char *)cond + 1, 7, 1, U32, &past, CLOCK_REALTIME));
	R(syscall(SYS_futex_wake, cond, 1, 0, U32));
	R(syscall(SYS_futex_wake, cond, 0, 1, U32));
	R(syscall(SYS_futex_wake, cond, 1ul << 32, 1, U32));
	R(syscall(SYS_futex_wake, cond, 1, 1, 3));
	R(syscall(SYS_futex_wake, (char *)cond + 2, 1, 1, U32));
	R(syscall(SYS_futex_requeue, w, 1, 0, 1));
	R(syscall(SYS_futex_requeue, NULL, 0, 0, 1));
	R(syscall(SYS_futex_requeue, (void *)8, 0, 0, 1));
	R(syscall(SYS_futex_requeue, w, 0, -1, 1));
	w[1].reserved = 1;
	R(syscall(SYS_futex_requeue, w, 0, 0, 1));
	w[1].reserved = 0;
	CHILD {
		R(syscall(SYS_futex_wait, cond, 7, 4, U32, NULL, 0));
	}
	await_state(child_pid, 'S');
	R(syscall(SYS_futex_wake, cond, 3, 1, U32));
	R(syscall(SYS_futex_wake, cond, 4, 0, U32));
	R(syscall(SYS_futex_wake, cond, 4, 1, U32 | PRIVATE));
	w[0].val = 8;
	R(syscall(SYS_futex_requeue, w, 0, 0, 1));
	w[0].val = 7;
	R(syscall(SYS_futex_requeue, w, 0, 0, 1));
	R(syscall(SYS_futex_wake, cond, 4, 1, U32));
	long n = syscall(SYS_futex_wake, lock, 4, 1, U32);
	REAP("moved");
	V(n);
}

int main(void)
{
	words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cond = words;
	lock = words + 64;
	errors();
	free_lock();
	owned_lock();
	signals();
	conditions();
	storm();
	new_calls();
	return 0;
}
