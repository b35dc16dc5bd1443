// SPDX-License-Identifier: BSD-2-Clause
/* A pipeline of processes moves a checksummed stream through pipes with odd sizes. */
#include "abi.h"
#include <sys/sendfile.h>

enum { STAGES = 5, TOTAL = 3 << 20 };

static unsigned int next(unsigned int *s)
{
	*s = *s * 1664525u + 1013904223u;
	return *s >> 8;
}

/* Copy from @in to @out with reads and writes of changing odd sizes. */
static void stage(int in, int out, unsigned int seed)
{
	char *buf = malloc(1 << 17);

	for (;;) {
		ssize_t n = read(in, buf, 1 + next(&seed) % 100000);
		if (n < 0)
			_exit(1);
		if (!n)
			_exit(0);
		for (ssize_t done = 0; done < n;) {
			ssize_t want = 1 + next(&seed) % 30000;
			ssize_t w = write(out, buf + done, want < n - done ? want : n - done);
			if (w < 0)
				_exit(2);
			done += w;
		}
	}
}

int main(void)
{
	int fds[STAGES + 1][2];
	pid_t kids[STAGES + 1];
	unsigned int seed = 42, sum_in = 0, sum_out = 0;

	for (int i = 0; i <= STAGES; i++)
		NEED(pipe(fds[i]));
	for (int i = 0; i < STAGES; i++) {
		CHILD {
			for (int j = 0; j <= STAGES; j++) {
				if (j != i)
					close(fds[j][0]);
				if (j != i + 1)
					close(fds[j][1]);
			}
			stage(fds[i][0], fds[i + 1][1], i + 1);
		}
		kids[i] = child_pid;
	}
	CHILD {
		char buf[5000];
		for (int i = 0; i <= STAGES; i++) {
			close(fds[i][0]);
			if (i)
				close(fds[i][1]);
		}
		for (long sent = 0; sent < TOTAL;) {
			size_t n = 1 + next(&seed) % sizeof(buf);
			for (size_t i = 0; i < n; i++)
				sum_in = sum_in * 31 + (unsigned char)(buf[i] = next(&seed));
			for (size_t done = 0; done < n;)
				done += NEED(write(fds[0][1], buf + done, n - done));
			sent += n;
		}
		say("sent sum %u\n", sum_in);
	}
	kids[STAGES] = child_pid;
	for (int i = 0; i <= STAGES; i++) {
		close(fds[i][1]);
		if (i != STAGES)
			close(fds[i][0]);
	}
	unsigned char buf[7777];
	long got = 0;
	for (ssize_t n; (n = read(fds[STAGES][0], buf, sizeof(buf))) > 0; got += n)
		for (ssize_t i = 0; i < n; i++)
			sum_out = sum_out * 31 + buf[i];
	for (int i = 0; i <= STAGES; i++)
		reap_pid("process", kids[i]);
	say("received %ld sum %u\n", got, sum_out);
	return 0;
}
