// SPDX-License-Identifier: BSD-2-Clause
/* memfd_create and file seals. */
#include "abi.h"

static long try_map(int fd, int prot, int flags)
{
	void *p = mmap(NULL, 4096, prot, flags, fd, 0);

	if (p == MAP_FAILED)
		return -1;
	munmap(p, 4096);
	return 0;
}

static int sealed(unsigned int seals)
{
	int fd = NEED(memfd_create("s", MFD_ALLOW_SEALING));

	NEED(ftruncate(fd, 8192));
	R(fcntl(fd, F_ADD_SEALS, seals));
	return fd;
}

int main(void)
{
	char buf[300], path[64];
	struct stat st;

	HEAD("creation");
	int fd = NEED(memfd_create("name", MFD_CLOEXEC));
	R(fcntl(fd, F_GETFD));
	R(fcntl(fd, F_GETFL) & O_ACCMODE);
	fstat(fd, &st);
	V(st.st_size);
	V(st.st_nlink);
	V(st.st_mode & 0666);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(path, buf, sizeof(buf));
	buf[n] = 0;
	S(buf);
	R(fcntl(fd, F_GET_SEALS));
	R(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	R(write(fd, "data", 4));
	int again = R(open(path, O_RDONLY));
	R(read(again, buf, 10));
	close(again);
	close(fd);
	memset(buf, 'n', sizeof(buf));
	buf[249] = 0;
	OK(memfd_create(buf, 0));
	buf[249] = 'n';
	buf[250] = 0;
	OK(memfd_create(buf, 0));
	OK(memfd_create("x", 0x8000));
	OK(memfd_create(NULL, 0));
	OK(memfd_create("", 0));
	HEAD("seals");
	fd = sealed(F_SEAL_SHRINK);
	R(ftruncate(fd, 4096));
	R(ftruncate(fd, 16384));
	R(fcntl(fd, F_GET_SEALS));
	R(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	R(ftruncate(fd, 32768));
	R(pwrite(fd, "x", 1, 16384));
	R(pwrite(fd, "x", 1, 16383));
	R(fcntl(fd, F_GET_SEALS));
	R(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
	R(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	R(fcntl(fd, F_ADD_SEALS, 0x1000));
	close(fd);
	fd = sealed(F_SEAL_WRITE);
	R(write(fd, "x", 1));
	R(try_map(fd, PROT_READ | PROT_WRITE, MAP_SHARED));
	R(try_map(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE));
	R(try_map(fd, PROT_READ, MAP_PRIVATE));
	R(fallocate(fd, 3, 0, 4096));
	close(fd);
	fd = NEED(memfd_create("m", MFD_ALLOW_SEALING));
	ftruncate(fd, 4096);
	char *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	R(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	R(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	m[0] = 'w';
	R(write(fd, "x", 1));
	R(try_map(fd, PROT_READ | PROT_WRITE, MAP_SHARED));
	char *r = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	IS(r != MAP_FAILED && r[0] == 'w');
	R(mprotect(r, 4096, PROT_READ | PROT_WRITE));
	close(fd);
	put_file("plain", "", 0, 0644);
	fd = NEED(open("plain", O_RDWR));
	R(fcntl(fd, F_GET_SEALS));
	R(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	R(fcntl(0, F_GET_SEALS));
	return 0;
}
