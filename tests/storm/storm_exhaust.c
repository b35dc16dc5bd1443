// SPDX-License-Identifier: BSD-2-Clause
/*
 * Exhaustion: descriptors, processes, address space, tmpfs, then memory itself.  Errors first, a
 * victim last, and afterwards everything works again.  The last part eats all memory, so it belongs
 * into a machine of its own: it runs only with the argument "oom" behind the seconds.
 */
#include "storm.h"
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

static void expect(pid_t p, const char *what)
{
	int st;

	CHECK(p >= 0);
	CHECK(waitpid(p, &st, 0) == p);
	if (st)
		die("%s: status %#x", what, st);
}

static void descriptors(void)
{
	struct rlimit rl = {2000, 4096};
	int n = 0;

	CHECK(!setrlimit(RLIMIT_NOFILE, &rl));
	for (;; n++) {
		int p[2];
		if (n % 3 == 0 ? pipe(p) < 0 : open("/dev/null", O_RDONLY) < 0)
			break;
	}
	CHECK(errno == EMFILE);
	CHECK(n > 1000);
	_exit(0);
}

static void processes(void)
{
	struct rlimit rl = {150, 150};
	pid_t kids[400];
	int n = 0;

	CHECK(!setpgid(0, 0));
	CHECK(!setresgid(5000, 5000, 5000) && !setresuid(5000, 5000, 5000));
	CHECK(!setrlimit(RLIMIT_NPROC, &rl));
	for (; n < 400; n++) {
		kids[n] = fork();
		if (kids[n] < 0)
			break;
		if (kids[n] == 0) {
			for (;;)
				pause();
		}
	}
	CHECK(n < 200 && n > 100 && errno == EAGAIN);
	for (int i = 0; i < n; i++) {
		CHECK(!kill(kids[i], SIGKILL));
		CHECK(waitpid(kids[i], NULL, 0) == kids[i]);
	}
	pid_t p = fork();
	CHECK(p >= 0);
	if (p == 0)
		_exit(0);
	CHECK(waitpid(p, NULL, 0) == p);
	_exit(0);
}

static void addresses(void)
{
	struct rlimit rl = {64 << 20, 64 << 20};
	int n = 0;

	CHECK(!setrlimit(RLIMIT_AS, &rl));
	while (n < 1000 && mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
		MAP_FAILED)
		n++;
	CHECK(errno == ENOMEM && n > 20 && n < 64);
	_exit(0);
}

static void files(void)
{
	static char block[65536];
	char dir[64], path[96];

	snprintf(dir, sizeof(dir), "full%d", getpid());
	CHECK(!mkdir(dir, 0755));
	CHECK(!mount("tmpfs", dir, "tmpfs", 0, "size=2m,nr_inodes=100"));
	snprintf(path, sizeof(path), "%s/big", dir);
	int fd = open(path, O_RDWR | O_CREAT, 0644);
	CHECK(fd >= 0);
	long total = 0;
	ssize_t n;
	while ((n = write(fd, block, sizeof(block))) > 0)
		total += n;
	CHECK(errno == ENOSPC && total <= 2 << 20 && total > 1 << 20);
	CHECK(!ftruncate(fd, 0));
	CHECK(write(fd, block, sizeof(block)) == sizeof(block));
	close(fd);
	int i = 0;
	for (; i < 200; i++) {
		snprintf(path, sizeof(path), "%s/f%d", dir, i);
		fd = open(path, O_RDWR | O_CREAT, 0644);
		if (fd < 0)
			break;
		close(fd);
	}
	CHECK(errno == ENOSPC && i > 50 && i < 100);
	CHECK(!umount(dir));
	CHECK(!rmdir(dir));
	_exit(0);
}

static void round_(void)
{
	void (*const parts[])(void) = {descriptors, processes, addresses, files};
	static const char *const names[] = {"descriptors", "processes", "addresses", "files"};
	pid_t kids[4];

	for (int i = 0; i < 4; i++) {
		kids[i] = fork();
		CHECK(kids[i] >= 0);
		if (kids[i] == 0)
			parts[i]();
	}
	for (int i = 0; i < 4; i++)
		expect(kids[i], names[i]);
}

/* Touches memory without end; ends by the kernel's choice or by an error. */
static void eater(void)
{
	FILE *f = fopen("/proc/self/oom_score_adj", "w");

	if (f) {
		fprintf(f, "1000\n");
		fclose(f);
	}
	for (;;) {
		char *m = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (m == MAP_FAILED)
			_exit(errno == ENOMEM ? 0 : 1);
		for (int i = 0; i < 4 << 20; i += 4096)
			m[i] = 1;
	}
}

/* Several eaters at once; each must end by SIGKILL or ENOMEM, and this process must live. */
static void oom(void)
{
	pid_t kids[4];

	for (int i = 0; i < 4; i++) {
		kids[i] = fork();
		CHECK(kids[i] >= 0);
		if (kids[i] == 0)
			eater();
	}
	for (int i = 0; i < 4; i++) {
		int st;
		CHECK(waitpid(kids[i], &st, 0) == kids[i]);
		if (st && !(WIFSIGNALED(st) && WTERMSIG(st) == SIGKILL))
			die("eater: status %#x", st);
	}
	pid_t p = fork();
	CHECK(p >= 0);
	if (p == 0) {
		char *m = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CHECK(m != MAP_FAILED);
		memset(m, 1, 8 << 20);
		_exit(0);
	}
	expect(p, "after the famine");
}

int main(int argc, char **argv)
{
	return storm_main(argc, argv, argc > 2 && !strcmp(argv[2], "oom") ? oom : round_, 16384);
}
