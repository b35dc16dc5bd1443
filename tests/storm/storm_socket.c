// SPDX-License-Identifier: BSD-2-Clause
/*
 * AF_UNIX from many processes: streams with sums, datagrams from many senders, connections that come and go, descriptors in messages,
 * cycles of sockets that only messages know, closing under the feet of the others.
 */
#include "storm.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static socklen_t name_of(struct sockaddr_un *a, const char *what, int n)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	return offsetof(struct sockaddr_un, sun_path) + 1 + snprintf(a->sun_path + 1, 40, "storm-%s-%d", what, n);
}

static ssize_t send_fds(int sock, const int *fds, int n)
{
	union {
		struct cmsghdr h;
		char b[CMSG_SPACE(8 * sizeof(int))];
	} c = {};
	struct iovec iov = {"f", 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = CMSG_SPACE(n * sizeof(int))};

	c.h = (struct cmsghdr){.cmsg_len = CMSG_LEN(n * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(&c.h), fds, n * sizeof(int));
	return sendmsg(sock, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* How many descriptors came; -1 nothing. */
static int receive_fds(int sock, int *fds, int flags)
{
	union {
		struct cmsghdr h;
		char b[CMSG_SPACE(8 * sizeof(int))];
	} c;
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c)};
	ssize_t n = recvmsg(sock, &m, flags);

	if (n <= 0)
		return -1;
	CHECK(!(m.msg_flags & MSG_CTRUNC));
	if (!CMSG_FIRSTHDR(&m))
		return 0;
	int k = (c.h.cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(&c.h), k * sizeof(int));
	return k;
}

static void put(unsigned char *p, size_t n, unsigned int *seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = rnd(seed);
}

/* A stream between two processes, in pieces of any size: every byte is known. */
static void stream(unsigned int seed)
{
	static unsigned char buf[70000], want[70000];
	size_t total = 50000 + rnd(&seed) % 400000, done = 0;
	unsigned int bytes = seed;
	int p[2], st;

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	pid_t kid = fork();
	CHECK(kid >= 0);
	if (kid == 0) {
		close(p[0]);
		while (done < total) {
			size_t n = 1 + rnd(&seed) % (rnd(&seed) % 3 ? 300 : 60000);
			if (n > total - done)
				n = total - done;
			put(buf, n, &bytes);
			for (size_t at = 0; at < n;) {
				ssize_t w = write(p[1], buf + at, n - at);
				CHECK(w > 0);
				at += w;
			}
			done += n;
		}
		_exit(0);
	}
	close(p[1]);
	for (;;) {
		int flags = rnd(&seed) % 8 == 0 ? MSG_WAITALL : 0;
		size_t want_n = 1 + rnd(&seed) % (rnd(&seed) % 2 ? 500 : sizeof(buf) - 1);
		if (rnd(&seed) % 8 == 0)
			CHECK(recv(p[0], buf, want_n, MSG_PEEK) >= 0);
		ssize_t n = recv(p[0], buf, want_n, flags);
		CHECK(n >= 0);
		if (!n)
			break;
		put(want, n, &bytes);
		CHECK(!memcmp(buf, want, n));
		done += n;
	}
	CHECK(done == total);
	CHECK(waitpid(kid, &st, 0) == kid && st == 0);
	close(p[0]);
}

/* Many senders, one receiver; each message names its sender and its place. */
static void datagrams(int me, unsigned int seed)
{
	struct {
		int sender, number;
		unsigned char fill[400];
	} m;
	struct sockaddr_un a;
	socklen_t len = name_of(&a, "dgram", me);
	int s = socket(AF_UNIX, SOCK_DGRAM, 0), next[3] = {0}, st;
	pid_t kids[3];

	CHECK(s >= 0 && !bind(s, (void *)&a, len));
	for (int k = 0; k < 3; k++) {
		kids[k] = fork();
		CHECK(kids[k] >= 0);
		if (kids[k] == 0) {
			int c = socket(AF_UNIX, SOCK_DGRAM, 0);
			CHECK(c >= 0);
			if (k)
				CHECK(!connect(c, (void *)&a, len));
			for (int i = 0; i < 200; i++) {
				size_t n = 8 + rnd(&seed) % sizeof(m.fill);
				m.sender = k;
				m.number = i;
				memset(m.fill, k * 31 + i, sizeof(m.fill));
				struct pollfd f = {.fd = c, .events = POLLOUT};
				if (k == 2)
					CHECK(poll(&f, 1, -1) == 1);
				CHECK((k ? send(c, &m, n, 0) : sendto(c, &m, n, 0, (void *)&a, len)) == (ssize_t)n);
			}
			_exit(0);
		}
	}
	for (int i = 0; i < 600; i++) {
		ssize_t n = recv(s, &m, sizeof(m), 0);
		CHECK(n >= 8 && m.sender >= 0 && m.sender < 3 && m.number == next[m.sender]++);
		for (ssize_t b = 0; b < n - 8; b++)
			CHECK(m.fill[b] == (unsigned char)(m.sender * 31 + m.number));
	}
	for (int k = 0; k < 3; k++)
		CHECK(waitpid(kids[k], &st, 0) == kids[k] && st == 0);
	close(s);
}

/* Clients that connect, say something or not, and go; a listener that goes at last with some waiting. */
static void connections(int me, unsigned int seed)
{
	struct sockaddr_un a;
	socklen_t len = name_of(&a, "listen", me);
	int type = rnd(&seed) % 2 ? SOCK_STREAM : SOCK_SEQPACKET, l = socket(AF_UNIX, type, 0), st;
	pid_t kids[3];

	CHECK(l >= 0 && !bind(l, (void *)&a, len) && !listen(l, 2));
	for (int k = 0; k < 3; k++) {
		kids[k] = fork();
		CHECK(kids[k] >= 0);
		if (kids[k] == 0) {
			close(l);
			for (int i = 0; i < 60; i++) {
				int c = socket(AF_UNIX, type, 0);
				char b = 0;
				CHECK(c >= 0);
				if (connect(c, (void *)&a, len)) {
					CHECK(errno == ECONNREFUSED);
					_exit(0);
				}
				if (rnd(&seed) % 4 && send(c, "hello", 5, MSG_NOSIGNAL) == 5 && rnd(&seed) % 2)
					CHECK(recv(c, &b, 1, 0) <= 0 || b == 'r');
				close(c);
			}
			_exit(0);
		}
	}
	for (int i = 0; i < 100; i++) {
		char b[5];
		int s = accept(l, NULL, NULL);
		CHECK(s >= 0);
		if (recv(s, b, 5, 0) > 0)
			send(s, "r", 1, MSG_NOSIGNAL);
		close(s);
	}
	close(l);
	for (int k = 0; k < 3; k++)
		CHECK(waitpid(kids[k], &st, 0) == kids[k] && st == 0);
}

static bool shared_run; /* on somebody's Linux, where 6.18 keeps some of the garbage for good: no wandering */

/* Sockets wander through sockets; in the end all are closed, whatever holds what. */
static void wandering(unsigned int seed)
{
	int fds[40], n = 0, got[8], q[2], st;
	char b;

	CHECK(!pipe(q));
	for (int i = 0; i < 6; i++, n += 2)
		CHECK(!socketpair(AF_UNIX, i % 3 == 0 ? SOCK_STREAM : i % 3 == 1 ? SOCK_DGRAM : SOCK_SEQPACKET, 0, fds + n));
	pid_t kid = fork();
	CHECK(kid >= 0);
	for (int i = 0; i < 150; i++) {
		int a = fds[rnd(&seed) % n], what[3] = {fds[rnd(&seed) % n], fds[rnd(&seed) % n], q[1]};

		if (rnd(&seed) % 2) {
			send_fds(a, what, 1 + rnd(&seed) % 3);
		} else {
			int k = receive_fds(a, got, MSG_DONTWAIT | (rnd(&seed) % 4 ? 0 : MSG_PEEK));
			for (int j = 0; j < k; j++)
				close(got[j]);
		}
		if (rnd(&seed) % 16 == 0) { /* another in its place: what the old one holds may be unreachable now */
			int at = rnd(&seed) % n & ~1;
			close(fds[at]);
			close(fds[at + 1]);
			CHECK(!socketpair(AF_UNIX, rnd(&seed) % 2 ? SOCK_STREAM : SOCK_DGRAM, 0, fds + at));
		}
	}
	if (kid == 0)
		_exit(0);
	CHECK(waitpid(kid, &st, 0) == kid && st == 0);
	for (int i = 0; i < n; i++)
		close(fds[i]);
	close(q[1]);
	/* All that is left is garbage: the pipe ends once it was collected. */
	for (int i = 0; i < 2000; i++) {
		struct pollfd f = {.fd = q[0], .events = POLLIN};
		int p[2];

		if (poll(&f, 1, 10) == 1)
			break;
		CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, p));
		close(p[0]);
		close(p[1]);
	}
	fcntl(q[0], F_SETFL, O_NONBLOCK);
	CHECK(read(q[0], &b, 1) == 0);
	close(q[0]);
}

/* Threads use one pair in all ways while one of them shuts it down. */
static int shared[2];
static void *user_of(void *arg)
{
	unsigned int seed = (unsigned int)(unsigned long)arg;
	char buf[3000];

	for (int i = 0; i < 150; i++) {
		int s = shared[rnd(&seed) % 2];
		struct pollfd f = {.fd = s, .events = POLLIN | POLLOUT};

		switch (rnd(&seed) % 6) {
		case 0: recv(s, buf, sizeof(buf), MSG_DONTWAIT); break;
		case 1: send(s, buf, 1 + rnd(&seed) % sizeof(buf), MSG_DONTWAIT | MSG_NOSIGNAL); break;
		case 2: recv(s, buf, sizeof(buf), MSG_DONTWAIT | MSG_PEEK); break;
		case 3: send(s, buf, 1, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_OOB); break;
		case 4: recv(s, buf, 1, MSG_DONTWAIT | MSG_OOB); break;
		default: poll(&f, 1, 1);
		}
	}
	if (seed % 2)
		shutdown(shared[0], (int)(seed / 2 % 3));
	return NULL;
}

static void sharing(unsigned int seed)
{
	pthread_t t[4];

	CHECK(!socketpair(AF_UNIX, rnd(&seed) % 3 ? SOCK_STREAM : SOCK_SEQPACKET, 0, shared));
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		CHECK(!pthread_create(&t[i], NULL, user_of, (void *)(unsigned long)(seed + i * 17)));
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		pthread_join(t[i], NULL);
	close(shared[0]);
	close(shared[1]);
}

static void worker(int i, unsigned int seed)
{
	while (going()) {
		switch (rnd(&seed) % 5) {
		case 0: stream(seed); break;
		case 1: datagrams(i, seed); break;
		case 2: connections(i, seed); break;
		case 3:
			if (!shared_run)
				wandering(seed);
			break;
		default: sharing(seed);
		}
	}
}

static void round_(void)
{
	run_workers(cpus() * 2, worker, (unsigned int)(now() * 1000));
}

int main(int argc, char **argv)
{
	shared_run = shared_machine(argc, argv);
	return storm_main(argc, argv, round_, 8192);
}
