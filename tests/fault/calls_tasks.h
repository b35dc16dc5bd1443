// SPDX-License-Identifier: BSD-2-Clause
/*
 * The calls on memory, processes and mounts that fault_calls.c makes fail. See calls_files.h.
 */
#pragma once
#include "calls_files.h"

static long unmap(long r, size_t len)
{
	if (r < 0 && r > -4096)
		return r;
	CHECK(!munmap((void *)r, len));
	return 0;
}

static long c_mmap(void)
{
	return unmap(TRY(mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)), 4 * PAGE);
}

static long c_mmap_shared(void)
{
	return unmap(TRY(mmap(NULL, 4 * PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0)), 4 * PAGE);
}

static long c_mmap_populate(void)
{
	return unmap(TRY(mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0)),
		16 * PAGE);
}

static long c_mmap_file(void)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	long r = unmap(TRY(mmap(NULL, 4 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0)), 4 * PAGE);

	close(fd);
	return r;
}

static char *nine_pages(void)
{
	char *p = mmap(NULL, 9 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

static long c_munmap(void)
{
	char *p = nine_pages();
	long r = TRY(munmap(p + 3 * PAGE, PAGE));

	CHECK(!munmap(p, 9 * PAGE));
	return r;
}

static long c_mprotect(void)
{
	char *p = nine_pages();
	long r = TRY(mprotect(p + 3 * PAGE, PAGE, PROT_READ));

	CHECK(!munmap(p, 9 * PAGE));
	return r;
}

static long c_mremap(void)
{
	char *p = nine_pages();
	long r;

	memset(p, 1, 9 * PAGE);
	r = TRY(mremap(p, 9 * PAGE, 50 * PAGE, MREMAP_MAYMOVE));
	return unmap(r > -4096 && r < 0 ? (long)p : r, r > -4096 && r < 0 ? 9 * PAGE : 50 * PAGE) ?: r > -4096 && r < 0 ? r : 0;
}

static long c_mlock(void)
{
	char *p = nine_pages();
	long r = TRY(mlock(p + PAGE, 5 * PAGE));

	CHECK(!munmap(p, 9 * PAGE));
	return r;
}

/* A page fault finds another frame, or waits: the program never notices. */
static long c_touch(void)
{
	char *p = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	arm();
	for (long at = 0; at < 4 << 20; at += 1 << 20)
		*(volatile char *)(p + at) = 1;
	disarm();
	CHECK(!munmap(p, 4 << 20));
	return 0;
}

static long c_touch_file(void)
{
	int fd = open(DIR_ "/file", O_RDWR);
	char *p;

	CHECK(!ftruncate(fd, 8 * PAGE));
	p = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	arm();
	for (int i = 0; i < 8; i++)
		*(volatile char *)(p + i * PAGE) = 1;
	disarm();
	CHECK(!munmap(p, 8 * PAGE));
	CHECK(!ftruncate(fd, 0));
	close(fd);
	return 0;
}

static long c_fork(void)
{
	long pid = TRY(fork());

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		CHECK(waitpid((pid_t)pid, NULL, 0) == pid);
	return pid < 0 ? pid : 0;
}

static void *thread(void *arg)
{
	return arg;
}

static long c_thread(void)
{
	pthread_t t;
	long r;

	arm();
	r = pthread_create(&t, NULL, thread, NULL);
	disarm();
	if (!r)
		CHECK(!pthread_join(t, NULL));
	return -r;
}

/*
 * Behind the point of no return there is nobody left to get the error: the program is killed. Or the failure meets the start of the new one in its own
 * library, which gives up with 127.
 */
static long c_exec(void)
{
	int p[2], status;
	char word[2] = "";
	pid_t pid;

	CHECK(!pipe2(p, O_CLOEXEC));
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		char path[] = "/proc/self/exe";
		char *argv[] = {path, (char *)"--exit", NULL}, *envp[] = {NULL};

		close(nth_fd);
		nth_fd = open("/proc/self/fail-nth", O_RDWR);
		arm();
		execve(path, argv, envp);
		disarm();
		if (!hit || errno != ENOMEM)
			_exit(9);
		(void)!write(p[1], "h", 1);
		_exit(0);
	}
	close(p[1]);
	(void)!read(p[0], word, 1);
	close(p[0]);
	CHECK(waitpid(pid, &status, 0) == pid);
	/* No more allocations than N: the program began with its first one to fail still to come, and is asked. */
	hit = *word == 'h' || WIFSIGNALED(status) || WEXITSTATUS(status) == 1 || WEXITSTATUS(status) == 127;
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGSEGV ? -ENOMEM : -EINTR;
	if (WEXITSTATUS(status) > 1 && WEXITSTATUS(status) != 127)
		return -EPROTO;
	return *word == 'h' || WEXITSTATUS(status) == 127 ? -ENOMEM : 0;
}

/* The program that c_exec starts: 1 if the failure has been, 0 if it was still to come. */
static int exec_exit(void)
{
	char text[16] = "";
	int fd = open("/proc/self/fail-nth", O_RDWR);

	if (fd < 0)
		return 1; /* our own look-up has met it: it was still to come, but the sweep may go on */
	return read(fd, text, sizeof(text) - 1) > 0 && atoi(text) > 0 ? 0 : 1;
}

static long c_timer(void)
{
	struct sigevent e = {.sigev_notify = SIGEV_NONE};
	int id;
	long r = TRY(syscall(SYS_timer_create, CLOCK_MONOTONIC, &e, &id));

	if (!r)
		CHECK(!syscall(SYS_timer_delete, id));
	return r;
}

static long c_sigqueue(void)
{
	sigset_t set;
	siginfo_t info;
	struct timespec none = {0, 0};
	long r;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 3);
	CHECK(!sigprocmask(SIG_BLOCK, &set, NULL));
	r = TRY(sigqueue(getpid(), SIGRTMIN + 3, (union sigval){.sival_int = 1}));
	while (sigtimedwait(&set, &info, &none) > 0)
		;
	CHECK(!sigprocmask(SIG_UNBLOCK, &set, NULL));
	return r;
}

static long c_setgroups(void)
{
	gid_t groups[100];
	long r;

	for (int i = 0; i < 100; i++)
		groups[i] = (gid_t)i;
	r = TRY(setgroups(100, groups));
	CHECK(!setgroups(0, NULL));
	return r;
}

static long c_setresuid(void)
{
	long r = TRY(syscall(SYS_setresuid, 0, 77, 0));

	CHECK(!syscall(SYS_setresuid, 0, 0, 0));
	return r;
}

static long c_mount(void)
{
	long r = TRY(mount("none", DIR_ "/dir", "tmpfs", MS_NODEV, "size=1m"));

	if (!r)
		CHECK(!umount(DIR_ "/dir"));
	return r;
}

static long c_bind(void)
{
	long r = TRY(mount("/proc", DIR_ "/dir", NULL, MS_BIND | MS_REC, NULL));

	if (!r)
		CHECK(!umount2(DIR_ "/dir", MNT_DETACH));
	return r;
}

static long read_all(const char *path)
{
	char buf[PAGE];
	long fd, r;

	arm();
	fd = open(path, O_RDONLY);
	r = fd < 0 ? -errno : read((int)fd, buf, sizeof(buf));
	if (fd >= 0 && r < 0)
		r = -errno;
	disarm();
	if (fd >= 0)
		close((int)fd);
	return r < 0 ? r : r ? 0 : -ENODATA;
}

static long c_read_maps(void) { return read_all("/proc/self/maps"); }
static long c_read_stat(void) { return read_all("/proc/self/stat"); }
static long c_read_mounts(void) { return read_all("/proc/self/mountinfo"); }
static long c_read_meminfo(void) { return read_all("/proc/meminfo"); }
static long c_read_sys(void) { return read_all("/sys/devices/system/cpu/online"); }
