// SPDX-License-Identifier: BSD-2-Clause
/* Named pipes: opening rules, waiting for the other side, EOF and reopening, permissions. */
#include "abi.h"

static volatile sig_atomic_t hits;

static void on_sig(int sig)
{
	(void)sig;
	hits++;
}

int main(void)
{
	char buf[64];

	R(mkfifo("p", 0640));
	say_stat("p");
	R(mkfifo("p", 0640));
	R(open("p", O_WRONLY | O_NONBLOCK));
	int r = R(open("p", O_RDONLY | O_NONBLOCK));
	R(read(r, buf, 10));
	int w = R(open("p", O_WRONLY | O_NONBLOCK));
	R(read(r, buf, 10));
	R(write(w, "hello", 5));
	R(read(r, buf, 10));
	struct pollfd pf = {r, POLLIN, 0};
	R(poll(&pf, 1, 0));
	close(w);
	R(poll(&pf, 1, 0));
	X(pf.revents);
	R(read(r, buf, 10));
	w = R(open("p", O_WRONLY));
	R(poll(&pf, 1, 0));
	X(pf.revents);
	close(r);
	signal(SIGPIPE, SIG_IGN);
	R(write(w, "x", 1));
	close(w);
	int rw = R(open("p", O_RDWR));
	R(write(rw, "self", 4));
	R(read(rw, buf, 10));
	R(write(rw, "left", 4));
	close(rw);
	rw = R(open("p", O_RDWR | O_NONBLOCK));
	R(read(rw, buf, 10));
	close(rw);

	HEAD("blocking opens");
	CHILD {
		int f = NEED(open("p", O_WRONLY));
		write(f, "from child", 10);
	}
	r = NEED(open("p", O_RDONLY));
	for (ssize_t n; (n = read(r, buf, sizeof(buf))) != 0;)
		say("read %zd\n", n);
	close(r);
	REAP("writer");
	CHILD {
		int f = NEED(open("p", O_RDONLY));
		ssize_t n = read(f, buf, sizeof(buf));
		say("child read %zd\n", n);
	}
	await_state(child_pid, 'S');
	w = NEED(open("p", O_WRONLY));
	NEED(write(w, "abc", 3));
	REAP("reader");
	close(w);

	HEAD("an interrupted open");
	on_signal(SIGALRM, on_sig, 0);
	struct itimerval it = {.it_value = {0, 20000}};
	setitimer(ITIMER_REAL, &it, NULL);
	R(open("p", O_RDONLY));
	setitimer(ITIMER_REAL, &it, NULL);
	R(open("p", O_WRONLY));
	V(hits);
	on_signal(SIGALRM, on_sig, SA_RESTART);
	CHILD {
		sleep_ms(100);
		NEED(open("p", O_WRONLY));
	}
	setitimer(ITIMER_REAL, &it, NULL);
	OK(open("p", O_RDONLY));
	V(hits);
	REAP("opener");

	HEAD("unlinked while open, many readers");
	rw = NEED(open("p", O_RDWR));
	R(unlink("p"));
	R(write(rw, "y", 1));
	R(read(rw, buf, 1));
	close(rw);
	R(mkfifo("q", 0600));
	CHILD {
		become(1000);
		R(open("q", O_RDONLY | O_NONBLOCK));
		R(open("q", O_RDWR));
	}
	REAP("user");
	R(truncate("q", 10));
	R(open("q", O_RDONLY | O_NONBLOCK | O_DIRECTORY));
	r = NEED(open("q", O_RDONLY | O_NONBLOCK));
	R(lseek(r, 0, SEEK_SET));
	R(ftruncate(r, 0));
	R(mmap(NULL, 4096, PROT_READ, MAP_SHARED, r, 0) == MAP_FAILED ? -1 : 0);
	return 0;
}
