// SPDX-License-Identifier: BSD-2-Clause
/* fork, vfork, exec, exit and wait from many processes at once, with deep and wide families. */
#include "storm.h"

static const char *self;

static void expect(pid_t p, int code)
{
	int st;

	CHECK(p > 0);
	while (waitpid(p, &st, 0) < 0)
		CHECK(errno == EINTR);
	if (!WIFEXITED(st) || WEXITSTATUS(st) != code)
		die("child: status %#x, wanted exit %d", st, code);
}

static void worker(int i, unsigned int seed)
{
	(void)i;
	while (going()) {
		int code = rnd(&seed) % 200;
		char arg[16];
		pid_t p;

		switch (rnd(&seed) % 5) {
		case 0:
			p = fork();
			if (p == 0)
				_exit(code);
			expect(p, code);
			break;
		case 1:
			snprintf(arg, sizeof(arg), "%d", code);
			p = fork();
			if (p == 0) {
				execl(self, self, "exit", arg, NULL);
				_exit(250);
			}
			expect(p, code);
			break;
		case 2:
			snprintf(arg, sizeof(arg), "%d", code);
			p = vfork();
			if (p == 0) {
				execl(self, self, "exit", arg, NULL);
				_exit(250);
			}
			expect(p, code);
			break;
		case 3: /* a chain of four generations */
			p = fork();
			if (p == 0) {
				for (int depth = 0; depth < 3; depth++) {
					pid_t q = fork();
					if (q < 0)
						_exit(251);
					if (q > 0) {
						expect(q, code);
						_exit(code);
					}
				}
				_exit(code);
			}
			expect(p, code);
			break;
		default: { /* a fan of eight, killed or leaving on their own */
			pid_t fan[8];
			for (int k = 0; k < 8; k++) {
				fan[k] = fork();
				CHECK(fan[k] >= 0);
				if (fan[k] == 0) {
					if (k % 2)
						_exit(k);
					for (;;)
						pause();
				}
			}
			for (int k = 0; k < 8; k++) {
				int st;
				if (k % 2 == 0)
					CHECK(!kill(fan[k], SIGKILL));
				CHECK(waitpid(fan[k], &st, 0) == fan[k]);
				CHECK(k % 2 ? WIFEXITED(st) && WEXITSTATUS(st) == k :
					WIFSIGNALED(st) && WTERMSIG(st) == SIGKILL);
			}
		}
		}
	}
}

static void round_(void)
{
	run_workers(cpus() * 2, worker, 1);
}

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "exit"))
		return atoi(argv[2]);
	self = "/proc/self/exe";
	return storm_main(argc, argv, round_, 8192);
}
