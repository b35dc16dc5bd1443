// SPDX-License-Identifier: BSD-2-Clause
/* userfaultfd: missing pages, guards, minor faults, poison, moves; errors in their order. */
#include "abi.h"
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <setjmp.h>
#include <sys/ioctl.h>

#define PG 4096ul

static sigjmp_buf out;
static siginfo_t caught;
static int uffd;
static char src[8 * PG] __attribute__((aligned(4096)));

static void on_fault(int sig, siginfo_t *info, void *ctx)
{
	(void)ctx;
	caught = *info;
	siglongjmp(out, sig);
}

static int open_uffd(unsigned long features)
{
	struct uffdio_api api = {.api = UFFD_API, .features = features};
	int fd = NEED(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));

	NEED(ioctl(fd, UFFDIO_API, &api));
	return fd;
}

static char *anon(unsigned n)
{
	return mmap(NULL, n * PG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int reg(int fd, void *p, unsigned long n, unsigned long mode)
{
	struct uffdio_register r = {.range = {(uintptr_t)p, n * PG}, .mode = mode};
	int ret = ioctl(fd, UFFDIO_REGISTER, &r);

	say("register %lx: %s", mode, ret ? err_name(errno) : "ok");
	if (!ret)
		say(" ioctls %llx", (unsigned long long)r.ioctls);
	say("\n");
	return ret;
}

static void said(const char *what, int ret, long long done)
{
	say("%s: %s, %lld\n", what, ret ? err_name(errno) : "0", done);
}

static void copy(void *dst, unsigned long n, unsigned long mode)
{
	struct uffdio_copy c = {(uintptr_t)dst, (uintptr_t)src, n * PG, mode, 77};
	int ret = ioctl(uffd, UFFDIO_COPY, &c);

	said("copy", ret, c.copy);
}

static void zero(void *dst, unsigned long n)
{
	struct uffdio_zeropage z = {{(uintptr_t)dst, n * PG}, 0, 77};
	int ret = ioctl(uffd, UFFDIO_ZEROPAGE, &z);

	said("zeropage", ret, z.zeropage);
}

static void cont(void *dst, unsigned long n)
{
	struct uffdio_continue c = {{(uintptr_t)dst, n * PG}, 0, 77};
	int ret = ioctl(uffd, UFFDIO_CONTINUE, &c);

	said("continue", ret, c.mapped);
}

static void poison(void *dst, unsigned long n)
{
	struct uffdio_poison c = {{(uintptr_t)dst, n * PG}, 0, 77};
	int ret = ioctl(uffd, UFFDIO_POISON, &c);

	said("poison", ret, c.updated);
}

static void move(void *dst, void *from, unsigned long n, unsigned long mode)
{
	struct uffdio_move m = {(uintptr_t)dst, (uintptr_t)from, n * PG, mode, 77};
	int ret = ioctl(uffd, UFFDIO_MOVE, &m);

	said("move", ret, m.move);
}

static void protect(void *p, unsigned long n, unsigned long mode)
{
	struct uffdio_writeprotect w = {{(uintptr_t)p, n * PG}, mode};

	R(ioctl(uffd, UFFDIO_WRITEPROTECT, &w));
}

/* A thread that answers: prints what it is told, fills or unprotects. */
struct monitor {
	pthread_t thread;
	int stop[2];
	char *base;
	unsigned faults;
	bool quiet;
};

static void answer(struct monitor *m, const struct uffd_msg *msg)
{
	unsigned long at = msg->arg.pagefault.address & ~(PG - 1);
	unsigned long long flags = msg->arg.pagefault.flags;

	m->faults++;
	if (!m->quiet)
		say("  fault at page %ld flags %llx\n", (long)(at - (uintptr_t)m->base) / (long)PG, flags);
	if (flags & UFFD_PAGEFAULT_FLAG_WP) {
		struct uffdio_writeprotect w = {{at, PG}, 0};
		NEED(ioctl(uffd, UFFDIO_WRITEPROTECT, &w));
	} else if (flags & UFFD_PAGEFAULT_FLAG_MINOR) {
		struct uffdio_continue c = {{at, PG}, 0, 0};
		NEED(ioctl(uffd, UFFDIO_CONTINUE, &c));
	} else {
		struct uffdio_copy c = {at, (uintptr_t)src, PG, 0, 0};
		NEED(ioctl(uffd, UFFDIO_COPY, &c));
	}
}

static void *monitor_main(void *arg)
{
	struct monitor *m = arg;

	for (;;) {
		struct pollfd p[2] = {{.fd = uffd, .events = POLLIN}, {.fd = m->stop[0], .events = POLLIN}};
		struct uffd_msg msg;

		poll(p, 2, -1);
		while (read(uffd, &msg, sizeof(msg)) == sizeof(msg)) {
			if (msg.event == UFFD_EVENT_PAGEFAULT)
				answer(m, &msg);
			else
				say("  event %x\n", msg.event);
		}
		if (p[1].revents)
			return NULL;
	}
}

static void watch(struct monitor *m, char *base)
{
	*m = (struct monitor){.base = base};
	NEED(pipe(m->stop));
	NEED(-pthread_create(&m->thread, NULL, monitor_main, m));
}

static void unwatch(struct monitor *m)
{
	NEED(write(m->stop[1], "", 1));
	pthread_join(m->thread, NULL);
	close(m->stop[0]);
	close(m->stop[1]);
}

static void opening(void)
{
	struct uffdio_api api = {.api = 0xab};
	struct uffdio_range r = {1ul << 20, PG};
	struct uffd_msg msg;
	int fd;

	HEAD("opening");
	R(syscall(SYS_userfaultfd, 0x100));
	fd = NEED(syscall(SYS_userfaultfd, O_NONBLOCK));
	R(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
	R(read(fd, &msg, sizeof(msg)));
	R(ioctl(fd, UFFDIO_WAKE, &r));
	R(ioctl(fd, UFFDIO_API, NULL));
	R(ioctl(fd, UFFDIO_API, &api));
	api = (struct uffdio_api){.api = UFFD_API, .features = 1ull << 60};
	R(ioctl(fd, UFFDIO_API, &api));
	V(api.ioctls);
	api = (struct uffdio_api){.api = UFFD_API};
	R(ioctl(fd, UFFDIO_API, &api));
	X(api.features & 0x1ffff);
	X(api.ioctls);
	R(ioctl(fd, UFFDIO_API, &api));
	R(read(fd, &msg, sizeof(msg)));
	R(read(fd, &msg, sizeof(msg) - 1));
	R(ioctl(fd, 12345, &r));
	R(ioctl(fd, UFFDIO_WAKE, &r));
	struct pollfd p = {.fd = fd, .events = POLLIN};
	R(poll(&p, 1, 0));
	close(fd);
	CHILD {
		become(1000);
		R(syscall(SYS_userfaultfd, 0));
		R(syscall(SYS_userfaultfd, 0x100));
		int user = NEED(syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY));
		api = (struct uffdio_api){.api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK};
		R(ioctl(user, UFFDIO_API, &api));
		p.fd = user;
		R(poll(&p, 1, 0));
		X(p.revents);
	}
	REAP("child");
}

static void registering(void)
{
	char *p = anon(8), *ro = mmap(NULL, PG, PROT_READ, MAP_SHARED, NEED(open("/proc/self/exe", O_RDONLY)), 0);
	int other = open_uffd(0);

	HEAD("registering");
	uffd = open_uffd(0);
	reg(uffd, p, 8, 0);
	reg(uffd, p, 8, 1 << 9);
	reg(uffd, p + 1, 8, UFFDIO_REGISTER_MODE_MISSING);
	reg(uffd, p, 0, UFFDIO_REGISTER_MODE_MISSING);
	reg(uffd, NULL, 1, UFFDIO_REGISTER_MODE_MISSING);
	reg(uffd, ro, 1, UFFDIO_REGISTER_MODE_MISSING);
	reg(uffd, p, 8, UFFDIO_REGISTER_MODE_MINOR);
	munmap(p + 3 * PG, PG);
	reg(uffd, p + 3 * PG, 1, UFFDIO_REGISTER_MODE_MISSING);
	reg(uffd, p, 8, UFFDIO_REGISTER_MODE_MISSING);
	reg(uffd, p, 2, UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP);
	reg(other, p, 8, UFFDIO_REGISTER_MODE_MISSING);
	copy(p + PG / 2, 1, 0);
	copy(p, 1, 1 << 5);
	copy(p, 4, 0);
	copy(p + 5 * PG, 1, UFFDIO_COPY_MODE_WP);
	copy(src, 1, 0);
	copy(p, 1, 0);
	copy(p, 1, 0);
	zero(p + PG, 1);
	zero(p + PG, 1);
	zero(p, 2);
	cont(p + 2 * PG, 1);
	struct uffdio_copy bad = {(uintptr_t)p + 2 * PG, 8, PG, 0, 0};
	int ret = ioctl(uffd, UFFDIO_COPY, &bad);
	said("copy of nothing", ret, bad.copy);
	V(p[0]);
	V(p[PG]);
	struct uffdio_range r = {(uintptr_t)p, 8 * PG};
	R(ioctl(uffd, UFFDIO_UNREGISTER, &r));
	copy(p + 6 * PG, 1, 0);
	reg(other, p, 8, UFFDIO_REGISTER_MODE_MISSING);
	close(other);
	close(uffd);
	V(p[7 * PG]);
	munmap(p, 8 * PG);
}

static void missing(bool shared)
{
	char *p = mmap(NULL, 8 * PG, PROT_READ | PROT_WRITE, (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0);
	struct monitor m;
	int fds[2];

	HEAD(shared ? "missing, shared" : "missing, anonymous");
	uffd = open_uffd(0);
	reg(uffd, p, 8, UFFDIO_REGISTER_MODE_MISSING);
	watch(&m, p);
	V(p[0]);
	p[3 * PG + 7] = 1;
	V(p[3 * PG]);
	NEED(pipe(fds));
	NEED(write(fds[1], "hello", 5));
	R(read(fds[0], p + 4 * PG + 1, 5));
	V(p[4 * PG]);
	V(p[4 * PG + 1]);
	R(write(fds[1], p + 5 * PG, 3));
	zero(p + 6 * PG, 1);
	V(p[6 * PG]);
	R(madvise(p, PG, MADV_DONTNEED));
	V(p[0]);
	R(madvise(p, PG, MADV_POPULATE_WRITE));
	R(mlock(p + 7 * PG, PG));
	unwatch(&m);
	V(m.faults);
	close(uffd);
	munmap(p, 8 * PG);
}

static void guards(unsigned long features, bool shared)
{
	char *p = mmap(NULL, 8 * PG, PROT_READ | PROT_WRITE, (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0);
	struct monitor m;

	say("-- guards, features %lx, %s\n", features, shared ? "shared" : "anonymous");
	uffd = open_uffd(features);
	p[0] = p[PG] = 5;
	V(p[2 * PG]);
	reg(uffd, p, 8, UFFDIO_REGISTER_MODE_WP);
	protect(p, 8, UFFDIO_WRITEPROTECT_MODE_WP | UFFDIO_WRITEPROTECT_MODE_DONTWAKE);
	protect(p, 8, 8);
	protect(p, 9, UFFDIO_WRITEPROTECT_MODE_WP);
	protect(src, 1, UFFDIO_WRITEPROTECT_MODE_WP);
	protect(p, 8, UFFDIO_WRITEPROTECT_MODE_WP);
	watch(&m, p);
	V(p[0]);
	p[0] = 6;
	p[0] = 7;
	p[2 * PG] = 8;
	V(p[3 * PG]);
	p[3 * PG] = 9;
	p[4 * PG] = 10;
	R(mprotect(p + PG, PG, PROT_READ));
	R(mprotect(p + PG, PG, PROT_READ | PROT_WRITE));
	p[PG] = 11;
	protect(p, 1, 0);
	p[0] = 12;
	R(madvise(p + 5 * PG, PG, MADV_DONTNEED));
	p[5 * PG] = 1;
	unwatch(&m);
	V(m.faults);
	V(p[0] + p[PG] + p[2 * PG] + p[3 * PG] + p[4 * PG]);
	close(uffd);
	p[6 * PG] = 1;
	munmap(p, 8 * PG);
}

static void minor(void)
{
	int fd = NEED(memfd_create("m", 0));
	char *a, *b;
	struct monitor m;

	HEAD("minor");
	NEED(ftruncate(fd, 4 * PG));
	a = mmap(NULL, 4 * PG, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	b = mmap(NULL, 4 * PG, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	uffd = open_uffd(0);
	reg(uffd, b, 4, UFFDIO_REGISTER_MODE_MINOR);
	a[0] = 3;
	watch(&m, b);
	V(b[0]);
	V(b[PG]);
	a[2 * PG] = 4;
	b[2 * PG + 1] = 5;
	V(a[2 * PG + 1]);
	unwatch(&m);
	cont(b + 3 * PG, 1);
	a[3 * PG] = 1;
	cont(b + 3 * PG, 1);
	cont(b + 3 * PG, 1);
	copy(b + 3 * PG, 1, 0);
	close(uffd);
	munmap(a, 4 * PG);
	munmap(b, 4 * PG);
	close(fd);
}

static int touch(volatile char *p, bool write)
{
	int sig = sigsetjmp(out, 1);

	if (sig)
		return -sig;
	if (write)
		*p = 1;
	return *p;
}

static void signals(void)
{
	struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
	char *p = anon(4);

	HEAD("signals and poison");
	sigaction(SIGBUS, &sa, NULL);
	uffd = open_uffd(UFFD_FEATURE_SIGBUS);
	reg(uffd, p, 4, UFFDIO_REGISTER_MODE_MISSING);
	V(touch(p + 5, false));
	V(caught.si_code);
	V((char *)caught.si_addr - p);
	V(touch(p + 5, true));
	copy(p, 1, 0);
	V(touch(p + 5, false));
	R(read(open("/dev/zero", O_RDONLY), p + PG, 10));
	poison(p + 2 * PG, 1);
	poison(p + 2 * PG, 1);
	poison(p, 1);
	/* The code is that of a hardware error only where the kernel handles those. */
	V(touch(p + 2 * PG + 9, false));
	V((char *)caught.si_addr - p);
	CHILD {
		signal(SIGBUS, SIG_DFL);
		V(*(volatile char *)(p + 2 * PG));
	}
	REAP("child");
	R(madvise(p + 2 * PG, PG, MADV_DONTNEED));
	V(touch(p + 2 * PG, false));
	V(caught.si_code);
	close(uffd);
	V(touch(p + 2 * PG, false));
	munmap(p, 4 * PG);
}

static void moving(void)
{
	char *a = anon(8), *b = anon(8);

	HEAD("moving");
	uffd = open_uffd(0);
	reg(uffd, b, 8, UFFDIO_REGISTER_MODE_MISSING);
	madvise(a, 8 * PG, MADV_NOHUGEPAGE);
	a[0] = 1;
	a[PG] = 2;
	a[3 * PG] = 4;
	move(b, a, 1, 1 << 7);
	move(b, a + 1, 1, 0);
	move(b, a, 4, 0);
	V(b[0]);
	V(b[PG]);
	V(a[0]);
	V(a[PG]);
	move(b + 2 * PG, a + 2 * PG, 2, 0);
	move(b + 2 * PG, a + 2 * PG, 2, UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES);
	V(b[3 * PG]);
	move(b + 3 * PG, a, 1, 0);
	move(a, b, 1, 0);
	a[4 * PG] = 1;
	CHILD {
		pause();
	}
	move(b + 4 * PG, a + 4 * PG, 1, 0);
	kill(child_pid, SIGKILL);
	REAP("child");
	move(b + 5 * PG, a + 7 * PG, 2, 0);
	close(uffd);
	munmap(a, 8 * PG);
	munmap(b, 8 * PG);
}

int main(void)
{
	memset(src, 42, sizeof(src));
	opening();
	registering();
	missing(false);
	missing(true);
	guards(0, false);
	guards(UFFD_FEATURE_WP_UNPOPULATED, false);
	guards(UFFD_FEATURE_WP_HUGETLBFS_SHMEM, true);
	guards(UFFD_FEATURE_WP_ASYNC, false);
	guards(UFFD_FEATURE_WP_ASYNC, true);
	minor();
	signals();
	moving();
	return 0;
}
