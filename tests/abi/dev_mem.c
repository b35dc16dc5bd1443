// SPDX-License-Identifier: BSD-2-Clause
/* /dev/null, zero, full, random, urandom, tty, ptmx, kmsg: reads, writes, seeks, maps, ioctls. */
#include "abi.h"
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <linux/random.h>

static char buf[8192];

static bool all_zero(size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (buf[i])
			return false;
	return true;
}

static void node(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		say("%s: %s\n", path, err_name(errno));
	else
		say("%s: %s %u:%u\n", path, ftype_name(st.st_mode), major(st.st_rdev),
			minor(st.st_rdev));
}

static void map(int fd, int flags)
{
	char *m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (m == MAP_FAILED) {
		say("mmap: %s\n", err_name(errno));
		return;
	}
	m[5000] = 1;
	say("mmap: ok %d %d\n", m[0], m[5000]);
	munmap(m, 8192);
}

int main(void)
{
	static const char *const nodes[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random",
		"/dev/urandom", "/dev/tty", "/dev/ptmx", "/dev/kmsg", "/dev/console"};

	for (size_t i = 0; i < ARRAY_LEN(nodes); i++)
		node(nodes[i]);
	HEAD("null");
	int fd = NEED(open("/dev/null", O_RDWR));
	R(read(fd, buf, 100));
	R(write(fd, buf, 100));
	R(write(fd, (void *)-4096l, 100));
	R(lseek(fd, 1000, SEEK_SET));
	R(lseek(fd, 0, SEEK_CUR));
	R(pread(fd, buf, 10, 50));
	R(ftruncate(fd, 0));
	map(fd, MAP_PRIVATE);
	R(ioctl(fd, TCGETS, buf));
	R(fsync(fd));
	close(fd);
	HEAD("zero");
	fd = NEED(open("/dev/zero", O_RDWR));
	memset(buf, 1, sizeof(buf));
	R(read(fd, buf, sizeof(buf)));
	IS(all_zero(sizeof(buf)));
	R(read(fd, (void *)-4096l, 100));
	R(write(fd, buf, 100));
	R(lseek(fd, 1000, SEEK_SET));
	map(fd, MAP_PRIVATE);
	map(fd, MAP_SHARED);
	close(fd);
	HEAD("full");
	fd = NEED(open("/dev/full", O_RDWR));
	memset(buf, 1, sizeof(buf));
	R(read(fd, buf, 100));
	IS(all_zero(100));
	R(write(fd, buf, 1));
	R(write(fd, buf, 0));
	R(lseek(fd, 1000, SEEK_SET));
	close(fd);
	HEAD("random");
	for (int i = 3; i < 5; i++) {
		fd = NEED(open(nodes[i], O_RDWR));
		memset(buf, 0, sizeof(buf));
		R(read(fd, buf, 1000));
		IS(!all_zero(1000));
		R(read(fd, buf, 0));
		R(write(fd, buf, 100));
		R(lseek(fd, 0, SEEK_SET));
		int n = 0;
		R(ioctl(fd, RNDGETENTCNT, &n));
		IS(n >= 0 && n <= 4096);
		R(ioctl(fd, 0x1234, &n));
		struct pollfd p = {fd, POLLIN | POLLOUT, 0};
		R(poll(&p, 1, 0));
		R(read(fd, (void *)-4096l, 100));
		map(fd, MAP_PRIVATE);
		close(fd);
	}
	CHILD {
		become(1000);
		fd = NEED(open("/dev/random", O_RDWR));
		int n = 5;
		R(ioctl(fd, RNDADDTOENTCNT, &n));
		R(ioctl(fd, RNDCLEARPOOL, 0));
	}
	REAP("user");
	HEAD("tty without a terminal");
	R(open("/dev/tty", O_RDWR));
	HEAD("kmsg");
	fd = NEED(open("/dev/kmsg", O_RDWR | O_NONBLOCK));
	lseek(fd, 0, SEEK_END);
	R(write(fd, "<7>abi test message\n", 20));
	ssize_t n = read(fd, buf, sizeof(buf) - 1);
	bool found = false;
	for (; n > 0; n = read(fd, buf, sizeof(buf) - 1)) {
		buf[n] = 0;
		found |= strstr(buf, ";abi test message\n") && atoi(buf) % 8 == 7;
	}
	IS(found);
	R(read(fd, buf, sizeof(buf)));
	for (int i = 0; i < 6; i++)
		R(write(fd, "<7>one of six\n", 14));
	for (int i = 0; i < 2; i++)
		R(read(fd, buf, 3)); /* too short: that record is passed over */
	int seen = 0;
	while ((n = read(fd, buf, sizeof(buf) - 1)) > 0) {
		buf[n] = 0;
		seen += strstr(buf, ";one of six\n") != NULL;
	}
	IS(seen == 4);
	R(lseek(fd, 5, SEEK_SET));
	R(lseek(fd, 0, SEEK_CUR));
	R(lseek(fd, 0, SEEK_SET));
	R(read(fd, buf, 1));
	close(fd);
	HEAD("no such device");
	R(mknod("nodev", S_IFCHR | 0666, makedev(250, 77)) && 0);
	R(open("nodev", O_RDWR));
	return 0;
}
