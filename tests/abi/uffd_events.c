// SPDX-License-Identifier: BSD-2-Clause
/* What a userfaultfd tells beside faults: fork, remap, remove, unmap; and PAGEMAP_SCAN on guards that lift themselves. */
#include "abi.h"
#include <linux/userfaultfd.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sys/ioctl.h>

#define PG 4096ul

static char *base;
static int uffd, child_fd = -1;
static volatile bool stop;
static char src[PG] __attribute__((aligned(4096)));

static char events_log[2048];
static unsigned nevents;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The reader's lines are printed by the main thread, at a fixed place. */
static void __attribute__((format(printf, 1, 2))) note(const char *fmt, ...)
{
	size_t len;
	va_list ap;

	pthread_mutex_lock(&lock);
	len = strlen(events_log);
	va_start(ap, fmt);
	vsnprintf(events_log + len, sizeof(events_log) - len, fmt, ap);
	va_end(ap);
	nevents++;
	pthread_mutex_unlock(&lock);
}

static void expect(unsigned n)
{
	for (int i = 0; i < 1000 && __atomic_load_n(&nevents, __ATOMIC_ACQUIRE) < n; i++)
		sleep_ms(5);
	pthread_mutex_lock(&lock);
	say("%s", events_log);
	events_log[0] = 0;
	nevents = 0;
	pthread_mutex_unlock(&lock);
}

static long page_of(unsigned long long va)
{
	return (long)(va - (uintptr_t)base) / (long)PG;
}

static void *reader(void *arg)
{
	struct pollfd p = {.fd = uffd, .events = POLLIN};
	struct uffd_msg m;

	(void)arg;
	while (!stop) {
		if (poll(&p, 1, 20) < 1)
			continue;
		if (read(uffd, &m, sizeof(m)) != sizeof(m))
			continue;
		switch (m.event) {
		case UFFD_EVENT_PAGEFAULT: {
			struct uffdio_copy c = {m.arg.pagefault.address & ~(PG - 1), (uintptr_t)src, PG, 0, 0};
			note("  fault %ld flags %llx exact %llx thread %d\n", page_of(m.arg.pagefault.address),
				(unsigned long long)m.arg.pagefault.flags, (unsigned long long)m.arg.pagefault.address & (PG - 1),
				m.arg.pagefault.feat.ptid == (unsigned)getpid());
			while (ioctl(uffd, UFFDIO_COPY, &c) && errno == EAGAIN)
				c.copy = 0;
			break;
		}
		case UFFD_EVENT_FORK:
			child_fd = (int)m.arg.fork.ufd;
			note("  fork\n");
			break;
		case UFFD_EVENT_REMAP:
			note("  remap %ld len %lld\n", page_of(m.arg.remap.from), (unsigned long long)m.arg.remap.len / PG);
			break;
		default: note("  event %x: %ld %ld\n", m.event, page_of(m.arg.remove.start), page_of(m.arg.remove.end));
		}
	}
	return NULL;
}

static void events(void)
{
	struct uffdio_api api = {.api = UFFD_API,
		.features = UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP |
			UFFD_FEATURE_THREAD_ID | UFFD_FEATURE_EXACT_ADDRESS};
	struct uffdio_register r;
	pthread_t t;
	char *q;

	HEAD("events");
	uffd = NEED(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
	NEED(ioctl(uffd, UFFDIO_API, &api));
	base = mmap(NULL, 16 * PG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	r = (struct uffdio_register){.range = {(uintptr_t)base, 16 * PG}, .mode = UFFDIO_REGISTER_MODE_MISSING};
	NEED(ioctl(uffd, UFFDIO_REGISTER, &r));
	NEED(-pthread_create(&t, NULL, reader, NULL));
	V(base[5]);
	expect(1);
	R(madvise(base, 2 * PG, MADV_DONTNEED));
	expect(1);
	R(madvise(base, 2 * PG, MADV_FREE));
	expect(1);
	R(munmap(base + 14 * PG, 2 * PG));
	expect(1);
	R(munmap(base + 10 * PG, PG));
	expect(1);
	q = mmap(base + 9 * PG, PG, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	IS(q == base + 9 * PG);
	expect(1);
	V(base[0]);
	expect(1);
	q = mremap(base, 4 * PG, 4 * PG, MREMAP_MAYMOVE | MREMAP_FIXED,
		mmap(NULL, 4 * PG, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	expect(2);
	base = q;
	V(q[0]);
	V(q[PG + 1]);
	expect(1);
	CHILD {
		_exit(*(volatile char *)q + *(volatile char *)(q + 2 * PG));
	}
	expect(1);
	IS(child_fd >= 0);
	IS(fcntl(child_fd, F_GETFD) & FD_CLOEXEC);
	struct pollfd p = {.fd = child_fd, .events = POLLIN};
	struct uffd_msg m;
	R(poll(&p, 1, 3000));
	R(read(child_fd, &m, sizeof(m)));
	X(m.event);
	V(page_of(m.arg.pagefault.address));
	struct uffdio_copy c = {m.arg.pagefault.address & ~(PG - 1), (uintptr_t)src, PG, 0, 0};
	R(ioctl(child_fd, UFFDIO_COPY, &c));
	REAP("child");
	R(ioctl(child_fd, UFFDIO_COPY, &c));
	close(child_fd);
	stop = true;
	pthread_join(t, NULL);
	close(uffd);
	/* Nobody to be told: nothing waits. */
	R(munmap(q, 4 * PG));
}

static void scan(int fd, char *p, unsigned long n, struct pm_scan_arg a)
{
	struct page_region v[8];
	long ret;

	a.size = sizeof(a);
	a.start = (uintptr_t)p;
	a.end = a.start + n * PG;
	a.vec = (uintptr_t)v;
	if (!a.vec_len)
		a.vec_len = 8;
	ret = ioctl(fd, PAGEMAP_SCAN, &a);
	say("scan: %ld %s", ret, ret < 0 ? err_name(errno) : "");
	if (a.walk_end)
		say(" end %ld", (long)(a.walk_end - (uintptr_t)p) / (long)PG);
	for (long i = 0; i < ret; i++)
		say(" [%ld %ld %llx]", (long)(v[i].start - (uintptr_t)p) / (long)PG, (long)(v[i].end - (uintptr_t)p) / (long)PG,
			(unsigned long long)v[i].categories);
	say("\n");
}

static void scanning(void)
{
	struct uffdio_api api = {.api = UFFD_API, .features = UFFD_FEATURE_WP_ASYNC};
	struct uffdio_register r;
	struct uffdio_writeprotect w;
	int fd = NEED(open("/proc/self/pagemap", O_RDONLY));
	char *p = mmap(NULL, 16 * PG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const unsigned long some = PAGE_IS_WRITTEN | PAGE_IS_PRESENT | PAGE_IS_FILE | PAGE_IS_WPALLOWED | PAGE_IS_PFNZERO;

	HEAD("scan");
	madvise(p, 16 * PG, MADV_NOHUGEPAGE);
	p[0] = p[PG] = p[4 * PG] = 1;
	V(p[8 * PG]);
	scan(fd, p, 16, (struct pm_scan_arg){.category_mask = PAGE_IS_PRESENT, .return_mask = some});
	scan(fd, p, 16, (struct pm_scan_arg){.category_mask = PAGE_IS_PRESENT, .return_mask = some, .vec_len = 1});
	scan(fd, p, 16, (struct pm_scan_arg){.category_mask = PAGE_IS_PRESENT, .return_mask = some, .max_pages = 1});
	scan(fd, p, 16, (struct pm_scan_arg){.category_mask = PAGE_IS_PRESENT, .category_inverted = PAGE_IS_PRESENT, .return_mask = some});
	scan(fd, p, 16, (struct pm_scan_arg){.flags = PM_SCAN_CHECK_WPASYNC, .return_mask = some});
	scan(fd, p, 16, (struct pm_scan_arg){.flags = 4, .return_mask = some});
	scan(fd, p, 16, (struct pm_scan_arg){.return_mask = 1ull << 20});
	scan(fd, p + 1, 16, (struct pm_scan_arg){.return_mask = some});
	uffd = NEED(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
	NEED(ioctl(uffd, UFFDIO_API, &api));
	r = (struct uffdio_register){.range = {(uintptr_t)p, 16 * PG}, .mode = UFFDIO_REGISTER_MODE_WP};
	NEED(ioctl(uffd, UFFDIO_REGISTER, &r));
	w = (struct uffdio_writeprotect){{(uintptr_t)p, 16 * PG}, UFFDIO_WRITEPROTECT_MODE_WP};
	R(ioctl(uffd, UFFDIO_WRITEPROTECT, &w));
	struct pm_scan_arg written = {.flags = PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC, .category_mask = PAGE_IS_WRITTEN, .return_mask = some};
	scan(fd, p, 16, written);
	p[0] = 2;
	p[6 * PG] = p[7 * PG] = 2;
	scan(fd, p, 16, written);
	scan(fd, p, 16, written);
	V(p[0] + p[6 * PG]);
	close(uffd);
	R(ioctl(fd, PAGEMAP_SCAN + 1, NULL));
	R(ioctl(fd, PAGEMAP_SCAN, NULL));
}

int main(void)
{
	memset(src, 42, sizeof(src));
	events();
	scanning();
	return 0;
}
