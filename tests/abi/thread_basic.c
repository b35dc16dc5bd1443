// SPDX-License-Identifier: BSD-2-Clause
/* Threads: creation, ids, signals to one thread, exit_group, exec and fork from a thread. */
#include "abi.h"
#include <pthread.h>
#include <semaphore.h>

static pthread_barrier_t bar;
static volatile pid_t hit_tid;
static volatile int hits, tids[8];
static __thread int local = 5;
static sem_t sem;
static sem_t told; /* the main thread has printed its line */

static void on_sig(int sig)
{
	(void)sig;
	hit_tid = gettid();
	hits++;
}

static void *tell_tid(void *arg)
{
	int i = (int)(intptr_t)arg;

	tids[i] = gettid();
	local += i;
	pthread_barrier_wait(&bar);
	pthread_barrier_wait(&bar);
	return (void *)(intptr_t)local;
}

static int count_tasks(void)
{
	const char *s = strstr(get_file("/proc/self/status"), "Threads:");

	return s ? atoi(s + 8) : -1;
}

static void identity(void)
{
	pthread_t t[4];
	void *ret;
	int distinct = 1;

	HEAD("identity");
	pthread_barrier_init(&bar, NULL, 5);
	V(count_tasks());
	for (int i = 0; i < 4; i++)
		RE(pthread_create(&t[i], NULL, tell_tid, (void *)(intptr_t)i));
	pthread_barrier_wait(&bar);
	V(count_tasks());
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < i; j++)
			distinct &= tids[i] != tids[j] && tids[i] != getpid();
	V(distinct);
	V(syscall(SYS_tgkill, getpid(), tids[2], 0));
	V(syscall(SYS_tgkill, getpid() + 1, tids[2], 0));
	pthread_barrier_wait(&bar);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &ret);
		V((intptr_t)ret);
	}
	V(local);
	for (int i = 0; i < 2000 && count_tasks() != 1; i++)
		sleep_ms(1);
	V(count_tasks());
	R(syscall(SYS_tgkill, getpid(), tids[2], 0));
}

static void *waits(void *arg)
{
	sigset_t s = sig_set(SIGUSR2);

	(void)arg;
	pthread_sigmask(SIG_BLOCK, &s, NULL);
	tids[0] = gettid();
	sem_post(&sem);
	while (!hits)
		sleep_ms(1);
	sem_wait(&told);
	say("signal in the thread: %s\n", hit_tid == gettid() ? "yes" : "no");
	hits = 0;
	sem_post(&sem);
	while (!hits)
		sleep_ms(1);
	say("process signal in the thread: %s\n", hit_tid == gettid() ? "yes" : "no");
	return NULL;
}

static void directed(void)
{
	pthread_t t;
	sigset_t s = sig_set(SIGUSR1);

	HEAD("directed signals");
	sem_init(&sem, 0, 0);
	sem_init(&told, 0, 0);
	on_signal(SIGUSR1, on_sig, SA_RESTART);
	on_signal(SIGUSR2, on_sig, SA_RESTART);
	pthread_create(&t, NULL, waits, NULL);
	sem_wait(&sem);
	hits = 0;
	V(syscall(SYS_tgkill, getpid(), tids[0], SIGUSR1));
	sem_post(&told);
	sem_wait(&sem);
	/* Blocked here, so a signal to the process goes to the other thread. */
	pthread_sigmask(SIG_BLOCK, &s, NULL);
	kill(getpid(), SIGUSR1);
	pthread_join(t, NULL);
	hits = 0;
	pthread_sigmask(SIG_UNBLOCK, &s, NULL);
	V(hits);
	pthread_create(&t, NULL, waits, NULL);
	sem_wait(&sem);
	hits = 0;
	kill(getpid(), SIGUSR2);
	IS(hit_tid == getpid());
	sem_post(&told);
	sem_wait(&sem);
	pthread_kill(t, SIGUSR1);
	pthread_join(t, NULL);
}

static void *spin(void *arg)
{
	while (!arg)
		pause();
	return NULL;
}

static void *leave_group(void *arg)
{
	(void)arg;
	syscall(SYS_exit_group, 23);
	return NULL;
}

static void *leave_thread(void *arg)
{
	pid_t leader = getpid();

	(void)arg;
	await_state(leader, 'Z');
	say("the leader has gone, the process lives: %c\n", task_state(leader));
	_exit(31);
}

static void *exec_thread(void *arg)
{
	char *argv[] = {"thread_basic", arg, NULL};

	execv("/proc/self/exe", argv);
	return NULL;
}

static void *fork_thread(void *arg)
{
	(void)arg;
	CHILD {
		V(count_tasks());
		IS(gettid() == getpid());
		V(local);
	}
	REAP("forked from a thread");
	return NULL;
}

static void *faulting(void *arg)
{
	(void)arg;
	*(volatile int *)8 = 1;
	return NULL;
}

static void endings(void)
{
	pthread_t t;
	char arg[32];

	HEAD("endings");
	CHILD {
		for (int i = 0; i < 3; i++)
			pthread_create(&t, NULL, spin, NULL);
		pthread_create(&t, NULL, leave_group, NULL);
		pause();
	}
	REAP("exit_group in a thread");
	CHILD {
		pthread_create(&t, NULL, leave_thread, NULL);
		syscall(SYS_exit, 5);
	}
	REAP("leader leaves first");
	CHILD {
		syscall(SYS_exit, 6);
	}
	REAP("only thread leaves");
	CHILD {
		for (int i = 0; i < 3; i++)
			pthread_create(&t, NULL, spin, NULL);
		snprintf(arg, sizeof(arg), "%d", getpid());
		pthread_create(&t, NULL, exec_thread, arg);
		pause();
	}
	REAP("exec in a thread");
	CHILD {
		pthread_create(&t, NULL, fork_thread, NULL);
		pthread_join(t, NULL);
	}
	REAP("fork in a thread");
	CHILD {
		pthread_create(&t, NULL, faulting, NULL);
		pause();
	}
	REAP("fault in a thread");
	CHILD {
		for (int i = 0; i < 3; i++)
			pthread_create(&t, NULL, spin, NULL);
		raise(SIGTERM);
	}
	REAP("default action");
	CHILD {
		for (int i = 0; i < 2; i++)
			pthread_create(&t, NULL, spin, NULL);
		pause();
	}
	await_state(child_pid, 'S');
	kill(child_pid, SIGSTOP);
	int st;
	waitpid(child_pid, &st, WUNTRACED);
	say_status("all threads stop", st);
	kill(child_pid, SIGCONT);
	waitpid(child_pid, &st, WCONTINUED);
	say_status("all threads go on", st);
	kill(child_pid, SIGKILL);
	REAP("killed");
}

static int raw_thread(void *arg)
{
	(void)arg;
	return 0;
}

static void tid_stores(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	static int ctid, ptid;

	HEAD("set_tid_address and CLONE_CHILD_CLEARTID");
	ctid = 77;
	int tid = clone(raw_thread, stack + sizeof(stack), CLONE_VM | CLONE_FS | CLONE_FILES |
		CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID |
		CLONE_PARENT_SETTID, NULL, &ptid, NULL, &ctid);
	IS(tid > 0 && ptid == tid);
	for (int i = 0; i < 4000 && __atomic_load_n(&ctid, __ATOMIC_SEQ_CST); i++)
		sleep_ms(1);
	V(ctid);
	CHILD {
		IS(syscall(SYS_set_tid_address, &ctid) == getpid());
	}
	REAP("child");
	R(gettid() == getpid());
}

static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long counter, turn;

static void *count_up(void *arg)
{
	(void)arg;
	for (int i = 0; i < 20000; i++) {
		pthread_mutex_lock(&mu);
		counter++;
		pthread_mutex_unlock(&mu);
	}
	return NULL;
}

static void *ping(void *arg)
{
	long me = (long)(intptr_t)arg;

	for (int i = 0; i < 300; i++) {
		pthread_mutex_lock(&mu);
		while (turn % 3 != me)
			pthread_cond_wait(&cond, &mu);
		turn++;
		pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&mu);
	}
	return NULL;
}

static void locking(void)
{
	pthread_t t[4];

	HEAD("mutexes and conditions");
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, count_up, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	V(counter);
	for (long i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, ping, (void *)(intptr_t)i);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	V(turn);
	pthread_create(&t[0], NULL, spin, NULL);
	RE(pthread_cancel(t[0]));
	void *ret;
	RE(pthread_join(t[0], &ret));
	IS(ret == PTHREAD_CANCELED);
	struct timespec ts = {1, 0};
	RE(pthread_mutex_timedlock(&mu, &ts));
	RE(pthread_mutex_timedlock(&mu, &ts));
	pthread_mutex_unlock(&mu);
	for (int i = 0; i < 200; i++) {
		if (pthread_create(&t[0], NULL, count_up, NULL))
			say("create failed\n");
		if (i % 10)
			pthread_join(t[0], NULL);
		else
			pthread_detach(t[0]);
	}
	for (int i = 0; i < 4000 && count_tasks() > 1; i++)
		sleep_ms(1);
	V(count_tasks());
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		say("after exec: same pid %d, threads %d\n", atoi(argv[1]) == getpid(), count_tasks());
		return 12;
	}
	identity();
	directed();
	endings();
	tid_stores();
	locking();
	return 0;
}
