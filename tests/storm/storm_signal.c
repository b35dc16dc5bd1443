// SPDX-License-Identifier: BSD-2-Clause
/* Signals in all directions: queued signals counted exactly, storms of others, timers, stops. */
#include "storm.h"
#include <pthread.h>

enum { PEERS = 6, THREADS = 3 };

static volatile struct {
	pid_t pid[PEERS];
	long sent[PEERS], received[PEERS];
	int done;
} *sh;
static volatile long got;

static void on_rt(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)uc;
	if (si->si_value.sival_int != 1234567)
		die("wrong value %d", si->si_value.sival_int);
	__atomic_add_fetch(&got, 1, __ATOMIC_SEQ_CST);
}

static void on_plain(int sig)
{
	(void)sig;
}

static void *bystander(void *arg)
{
	while (!sh->done)
		usleep(500);
	return arg;
}

static void peer(int i, unsigned int seed)
{
	struct sigaction rt = {.sa_sigaction = on_rt, .sa_flags = SA_SIGINFO | SA_RESTART};
	struct sigaction plain = {.sa_handler = on_plain, .sa_flags = SA_RESTART};
	struct itimerval it = {{0, 3000}, {0, 3000}};
	pthread_t t[THREADS];
	sigset_t rtset;

	sigemptyset(&rtset);
	sigaddset(&rtset, SIGRTMIN);
	sigaction(SIGRTMIN, &rt, NULL);
	sigaction(SIGUSR1, &plain, NULL);
	sigaction(SIGALRM, &plain, NULL);
	for (int k = 0; k < THREADS; k++)
		CHECK(!pthread_create(&t[k], NULL, bystander, NULL));
	setitimer(ITIMER_REAL, &it, NULL);
	sh->pid[i] = getpid();
	for (int k = 0; k < PEERS; k++)
		while (!sh->pid[k])
			usleep(100);
	while (going()) {
		int to = rnd(&seed) % PEERS;
		switch (rnd(&seed) % 8) {
		case 0:
		case 1:
			if (!sigqueue(sh->pid[to], SIGRTMIN, (union sigval){.sival_int = 1234567}))
				__atomic_add_fetch(&sh->sent[to], 1, __ATOMIC_SEQ_CST);
			else
				CHECK(errno == EAGAIN);
			break;
		case 2:
		case 3:
			CHECK(!kill(sh->pid[to], SIGUSR1));
			break;
		case 4:
			CHECK(!kill(sh->pid[to], SIGCONT));
			break;
		case 5:
			CHECK(!pthread_kill(t[rnd(&seed) % THREADS], SIGUSR1));
			break;
		case 6:
			CHECK(!pthread_sigmask(SIG_BLOCK, &rtset, NULL));
			sched_yield();
			CHECK(!pthread_sigmask(SIG_UNBLOCK, &rtset, NULL));
			break;
		default:
			usleep(rnd(&seed) % 300);
		}
	}
	/* All sending has to end before the counts can be compared. */
	__atomic_add_fetch(&sh->done, 1, __ATOMIC_SEQ_CST);
	for (int k = 0; k < 20000 && sh->done < PEERS; k++)
		usleep(1000);
	for (int k = 0; k < 20000 && got < sh->sent[i]; k++)
		usleep(1000);
	it = (struct itimerval){{0, 0}, {0, 0}};
	setitimer(ITIMER_REAL, &it, NULL);
	for (int k = 0; k < THREADS; k++)
		pthread_join(t[k], NULL);
	if (got != sh->sent[i])
		die("peer %d: %ld queued signals sent, %ld received", i, sh->sent[i], got);
	/* Stay until everybody has counted, so that no pid is used again. */
	__atomic_add_fetch(&sh->done, 1, __ATOMIC_SEQ_CST);
	for (int k = 0; k < 20000 && sh->done < 2 * PEERS; k++)
		usleep(1000);
}

/* Stop and continue a process that counts; it must always come back. */
static void bouncer(int i, unsigned int seed)
{
	volatile long *count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	(void)i;
	pid_t p = fork();
	CHECK(p >= 0);
	if (p == 0)
		for (;;)
			++*count;
	while (going()) {
		int st;
		CHECK(!kill(p, SIGSTOP));
		CHECK(waitpid(p, &st, WUNTRACED) == p && WIFSTOPPED(st));
		long c = *count;
		usleep(rnd(&seed) % 500);
		CHECK(*count == c);
		CHECK(!kill(p, SIGCONT));
		CHECK(waitpid(p, &st, WCONTINUED) == p && WIFCONTINUED(st));
	}
	CHECK(!kill(p, SIGKILL));
	CHECK(waitpid(p, NULL, 0) == p);
}

static void either(int i, unsigned int seed)
{
	if (i < PEERS)
		peer(i, seed);
	else
		bouncer(i, seed);
}

static void round_(void)
{
	sh = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(sh != MAP_FAILED);
	run_workers(PEERS + 2, either, 7);
	munmap((void *)sh, 4096);
}

int main(int argc, char **argv)
{
	return storm_main(argc, argv, round_, 8192);
}
