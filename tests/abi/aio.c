// SPDX-License-Identifier: BSD-2-Clause
/* Native AIO: contexts, all commands, results in their ring, errors in their order. */
#include "abi.h"
#include <linux/aio_abi.h>
#include <sys/eventfd.h>

static aio_context_t ctx;

static long setup(unsigned n, aio_context_t *c)
{
	return syscall(SYS_io_setup, n, c);
}

static long submit(long n, struct iocb **list)
{
	return syscall(SYS_io_submit, ctx, n, list);
}

static long get(long min, long max, struct io_event *ev, struct timespec *ts)
{
	return syscall(SYS_io_getevents, ctx, min, max, ev, ts);
}

/* Submit one, print what became of it. */
static void one(const char *what, struct iocb cb)
{
	struct iocb *list = &cb;
	struct timespec ts = {5, 0};
	struct io_event ev;
	long r = submit(1, &list);

	say("%s: submit %ld %s", what, r, r < 0 ? err_name(errno) : "");
	if (r == 1 && get(1, 1, &ev, &ts) == 1)
		say(" data %llx mine %d res %lld res2 %lld", (unsigned long long)ev.data, ev.obj == (uintptr_t)&cb, (long long)ev.res, (long long)ev.res2);
	say("\n");
}

static struct iocb rw(int op, int fd, void *buf, size_t len, long long off)
{
	return (struct iocb){.aio_data = 0x11, .aio_lio_opcode = op, .aio_fildes = fd, .aio_buf = (uintptr_t)buf, .aio_nbytes = len, .aio_offset = off};
}

static void contexts(void)
{
	aio_context_t c = 0, other = 0;

	HEAD("contexts");
	R(syscall(SYS_io_setup, 10, NULL));
	R(setup(0, &c));
	c = 1;
	R(setup(10, &c));
	c = 0;
	R(setup(0x7fffffff, &c));
	R(setup(0x10001, &c));
	R(setup(10, &c));
	R(setup(10, &other));
	IS(c != other);
	struct {
		unsigned id, nr, head, tail, magic, compat, incompat, len;
	} *ring = (void *)c;
	X(ring->magic);
	V(ring->compat);
	V(ring->incompat);
	V(ring->len);
	V(ring->head);
	V(ring->tail);
	IS(ring->nr >= 10);
	R(syscall(SYS_io_destroy, other));
	R(syscall(SYS_io_destroy, other));
	R(syscall(SYS_io_destroy, 0));
	CHILD {
		R(syscall(SYS_io_destroy, c));
		R(syscall(SYS_io_getevents, c, 0, 1, NULL, NULL));
	}
	REAP("child");
	S(get_file("/proc/sys/fs/aio-max-nr"));
	ctx = c;
}

static void files(void)
{
	int fd = NEED(open("f", O_RDWR | O_CREAT | O_TRUNC, 0600)), ro = NEED(open("f", O_RDONLY)), dir = NEED(open(".", O_RDONLY)), efd = NEED(eventfd(0, EFD_NONBLOCK));
	char buf[64] = "hello world";
	struct iovec v[2] = {{buf, 3}, {buf + 10, 4}};
	struct iocb cb;
	uint64_t count = 0;

	HEAD("files");
	one("write", rw(IOCB_CMD_PWRITE, fd, buf, 11, 0));
	memset(buf, 0, sizeof(buf));
	one("read", rw(IOCB_CMD_PREAD, fd, buf, sizeof(buf), 6));
	S(buf);
	one("writev", rw(IOCB_CMD_PWRITEV, fd, v, 2, 11));
	one("readv", rw(IOCB_CMD_PREADV, fd, v, 2, 1));
	S(buf);
	S(buf + 10);
	one("fsync", rw(IOCB_CMD_FSYNC, fd, NULL, 0, 0));
	one("fdsync", rw(IOCB_CMD_FDSYNC, fd, NULL, 0, 0));
	one("fsync with a length", rw(IOCB_CMD_FSYNC, fd, NULL, 1, 0));
	one("noop", rw(IOCB_CMD_NOOP, fd, NULL, 0, 0));
	one("unknown", rw(99, fd, NULL, 0, 0));
	one("bad descriptor", rw(IOCB_CMD_PREAD, 999, buf, 1, 0));
	one("read of a writer", rw(IOCB_CMD_PWRITE, ro, buf, 1, 0));
	one("directory", rw(IOCB_CMD_PREAD, dir, buf, 1, 0));
	one("negative offset", rw(IOCB_CMD_PREAD, fd, buf, 1, -1));
	one("negative length", rw(IOCB_CMD_PREAD, fd, buf, (size_t)-1, 0));
	one("bad buffer", rw(IOCB_CMD_PREAD, fd, (void *)8, 4, 0));
	one("kernel buffer", rw(IOCB_CMD_PREAD, fd, (void *)~0xffful, 4, 0));
	one("too many pieces", rw(IOCB_CMD_PREADV, fd, v, 1025, 0));
	one("nothing", rw(IOCB_CMD_PREAD, fd, buf, 0, 0));
	cb = rw(IOCB_CMD_PREAD, fd, buf, 1, 0);
	cb.aio_reserved2 = 1;
	one("reserved", cb);
	cb = rw(IOCB_CMD_PREAD, fd, buf, 1, 0);
	cb.aio_rw_flags = 0x40000000;
	one("flags", cb);
	cb = rw(IOCB_CMD_PREAD, fd, buf, 2, 0);
	cb.aio_flags = IOCB_FLAG_RESFD;
	cb.aio_resfd = efd;
	one("eventfd", cb);
	R(read(efd, &count, sizeof(count)));
	V(count);
	cb.aio_resfd = fd;
	one("no eventfd", cb);
	cb.aio_resfd = 999;
	one("no descriptor", cb);
	cb.aio_flags = IOCB_FLAG_IOPRIO;
	cb.aio_reqprio = 2 << 13 | 3;
	one("priority", cb);
	cb.aio_reqprio = 7 << 13;
	one("bad priority", cb);
}

static void polling(void)
{
	int fds[2];
	struct iocb cb, two, *list[] = {&cb, &two};
	struct timespec none = {0, 0}, some = {5, 0};
	struct io_event ev[4];

	HEAD("poll");
	NEED(pipe(fds));
	cb = rw(IOCB_CMD_POLL, fds[0], (void *)POLLIN, 0, 0);
	two = rw(IOCB_CMD_POLL, fds[1], (void *)POLLOUT, 0, 0);
	two.aio_data = 0x22;
	R(submit(1, list));
	R(get(0, 4, ev, &none));
	NEED(write(fds[1], "x", 1));
	R(get(1, 4, ev, &some));
	X(ev[0].res & (POLLIN | POLLHUP));
	R(submit(2, list));
	R(get(2, 4, ev, &some));
	X((ev[0].res | ev[1].res) & (POLLIN | POLLOUT));
	NEED(read(fds[0], &(char){0}, 1));
	R(submit(1, list));
	R(syscall(SYS_io_cancel, ctx, &cb, ev));
	R(get(1, 4, ev, &some));
	V(ev[0].res);
	R(syscall(SYS_io_cancel, ctx, &cb, ev));
	cb.aio_key = 5;
	R(syscall(SYS_io_cancel, ctx, &cb, ev));
	R(syscall(SYS_io_cancel, ctx, NULL, ev));
	R(syscall(SYS_io_cancel, 0, &two, ev));
	R(submit(1, list));
	close(fds[1]);
	R(get(1, 4, ev, &some));
	X(ev[0].res & (POLLIN | POLLHUP));
	cb.aio_offset = 1;
	R(submit(1, list));
	cb.aio_offset = 0;
	cb.aio_buf = 0x10000;
	R(submit(1, list));
}

static void limits(void)
{
	struct iocb cb, bad, *list[] = {&cb, &bad, NULL}, **many;
	int fd = NEED(open("f", O_RDWR)), sigs = 0;
	struct timespec none = {0, 0}, some = {0, 20000000};
	struct io_event ev[8];
	unsigned nr = ((unsigned *)ctx)[1];
	char c;
	long r;

	HEAD("limits");
	cb = rw(IOCB_CMD_PREAD, fd, &c, 1, 0);
	bad = rw(77, fd, &c, 1, 0);
	R(submit(-1, list));
	R(submit(0, list));
	R(submit(2, list));
	R(submit(1, list + 1));
	R(submit(1, list + 2));
	R(submit(1, NULL));
	R(syscall(SYS_io_submit, 8, 1, list));
	R(get(0, 8, ev, &none));
	R(get(2, 1, ev, &none));
	R(get(-1, 1, ev, &none));
	R(get(0, -1, ev, &none));
	R(get(1, 8, ev, &some));
	R(get(0, 8, ev, (void *)8));
	R(get(0, 8, NULL, &none));
	many = calloc(nr, sizeof(*many));
	for (unsigned i = 0; i < nr; i++)
		many[i] = &cb;
	r = submit(nr, many);
	IS(r > 8 && r < nr);
	R(submit(1, many));
	R(get(0, 8, NULL, &none));
	R(get(4, 4, ev, NULL));
	R(submit(8, many));
	/* What the program itself takes makes room, too. */
	((unsigned *)ctx)[2] = ((unsigned *)ctx)[3];
	R(get(0, 8, ev, &none));
	R(submit(1, many));
	R(get(0, 8, ev, &none));
	struct {
		const void *mask;
		size_t size;
	} sig = {&(uint64_t){0}, 4};
	R(syscall(SYS_io_pgetevents, ctx, 0, 1, ev, &none, &sig));
	sig.size = 8;
	R(syscall(SYS_io_pgetevents, ctx, 0, 1, ev, &none, &sig));
	R(syscall(SYS_io_pgetevents, ctx, 0, 1, ev, &none, NULL));
	R(syscall(SYS_io_pgetevents, ctx, 0, 1, ev, &none, 8));
	R(syscall(SYS_io_destroy, ctx));
	R(submit(1, many));
	(void)sigs;
	S(get_file("/proc/sys/fs/aio-nr"));
}

static void on_alarm(int sig)
{
	(void)sig;
}

static void waiting(void)
{
	struct sigaction sa = {.sa_handler = on_alarm};
	struct itimerval it = {.it_value = {0, 30000}};
	struct io_event ev;
	int fds[2];
	struct iocb cb, *list = &cb;

	HEAD("waiting");
	ctx = 0;
	NEED(setup(4, &ctx));
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
	R(get(1, 1, &ev, NULL));
	NEED(pipe(fds));
	cb = rw(IOCB_CMD_POLL, fds[0], (void *)POLLIN, 0, 0);
	R(submit(1, &list));
	CHILD {
		sleep_ms(30);
		NEED(write(fds[1], "x", 1));
	}
	R(get(1, 1, &ev, NULL));
	X(ev.res & POLLIN);
	REAP("child");
	/* Left behind with a request that waits. */
	NEED(read(fds[0], &(char){0}, 1));
	R(submit(1, &list));
	CHILD {
		aio_context_t c = 0;
		NEED(syscall(SYS_io_setup, 4, &c));
		NEED(syscall(SYS_io_submit, c, 1, &list));
	}
	REAP("child");
	R(syscall(SYS_io_destroy, ctx));
}

int main(void)
{
	contexts();
	files();
	polling();
	limits();
	waiting();
	return 0;
}
