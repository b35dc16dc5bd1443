// SPDX-License-Identifier: BSD-2-Clause
/* socket(2), socketpair(2): arguments, flags, the file that a socket is. */
#include "sock.h"
#include <linux/magic.h>
#include <sys/statfs.h>

static void creation(void)
{
	int p[2] = {-7, -7};

	HEAD("socket");
	R(socket(-1, SOCK_STREAM, 0));
	R(socket(46, SOCK_STREAM, 0));
	R(socket(1000, SOCK_STREAM, 0));
	R(socket(AF_UNIX, 0, 0));
	R(socket(AF_UNIX, SOCK_RDM, 0));
	R(socket(AF_UNIX, SOCK_PACKET, 0));
	R(socket(AF_UNIX, 11, 0));
	R(socket(AF_UNIX, 15, 0));
	R(socket(AF_UNIX, SOCK_STREAM | 0x100, 0));
	R(socket(AF_UNIX, SOCK_STREAM, 2));
	R(socket(AF_UNIX, SOCK_STREAM, -1));
	R(socket(AF_UNSPEC, SOCK_STREAM, 0));
	OK(socket(AF_UNIX, SOCK_STREAM, PF_UNIX));
	int raw = NEED(socket(AF_UNIX, SOCK_RAW, 0));
	V(get_int(raw, SOL_SOCKET, SO_TYPE));
	close(raw);
	HEAD("socketpair");
	R(socketpair(AF_UNIX, SOCK_STREAM, 2, p));
	R(socketpair(AF_UNIX, 77, 0, p));
	R(socketpair(AF_UNIX, SOCK_STREAM | 0x100, 0, p));
	R(socketpair(AF_UNIX, SOCK_STREAM, 0, NULL));
	R(socketpair(AF_UNIX, SOCK_STREAM, 0, (int *)8));
	R(socketpair(-5, SOCK_STREAM, 0, p));
	V(p[0]);
	struct rlimit old, few;
	getrlimit(RLIMIT_NOFILE, &old);
	int next = dup(0);
	close(next);
	few = old;
	few.rlim_cur = next + 1;
	setrlimit(RLIMIT_NOFILE, &few);
	R(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	OK(socket(AF_UNIX, SOCK_STREAM, 0));
	R(socket(AF_UNIX, SOCK_STREAM, 0));
	setrlimit(RLIMIT_NOFILE, &old);
	close(next);
}

static void flags(void)
{
	int p[2];

	HEAD("flags");
	for (int i = 0; i < 4; i++) {
		int f = (i & 1 ? SOCK_NONBLOCK : 0) | (i & 2 ? SOCK_CLOEXEC : 0);
		int fd = NEED(socket(AF_UNIX, SOCK_DGRAM | f, 0));

		say("%d: FD %d FL %#x\n", i, fcntl(fd, F_GETFD), fcntl(fd, F_GETFL));
		close(fd);
		NEED(socketpair(AF_UNIX, SOCK_STREAM | f, 0, p));
		say("%d: FD %d %d FL %#x %#x\n", i, fcntl(p[0], F_GETFD), fcntl(p[1], F_GETFD), fcntl(p[0], F_GETFL), fcntl(p[1], F_GETFL));
		close(p[0]);
		close(p[1]);
	}
}

static void as_file(void)
{
	int fd = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
	char link[64], path[64], want[64];
	struct statfs fs;
	struct stat st;

	HEAD("the file");
	NEED(fstat(fd, &st));
	say("%s %04o nlink %ld uid %d size %lld\n", ftype_name(st.st_mode), st.st_mode & 07777, (long)st.st_nlink, st.st_uid,
		(long long)st.st_size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(path, link, sizeof(link) - 1);
	link[n < 0 ? 0 : n] = 0;
	snprintf(want, sizeof(want), "socket:[%lu]", (unsigned long)st.st_ino);
	IS(!strcmp(link, want));
	NEED(fstatfs(fd, &fs));
	IS(fs.f_type == SOCKFS_MAGIC);
	R(open(path, O_RDWR));
	R(lseek(fd, 0, SEEK_SET));
	R(pread(fd, path, 1, 0));
	R(pwrite(fd, path, 1, 0));
	R(ftruncate(fd, 0));
	R(fsync(fd));
	R(fchmod(fd, 0600));
	NEED(fstat(fd, &st));
	say("mode %04o\n", st.st_mode & 07777);
	IS(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
	say("%s\n", err_name(errno));
	R(fchdir(fd));
	R(ioctl(fd, 0x5401, path));
	R(read(fd, path, 0));
	R(read(fd, path, 1));
	R(write(fd, path, 1));
	close(fd);
}

static void not_sockets(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	socklen_t len = sizeof(a);
	struct msghdr m = {};
	int p[2], v = 0;

	HEAD("no sockets");
	NEED(pipe(p));
	for (int i = 0; i < 3; i++) {
		int fd = i == 0 ? p[0] : i == 1 ? 900 : NEED(open("/", O_PATH));

		R(bind(fd, (void *)&a, sizeof(a)));
		R(listen(fd, 1));
		R(accept(fd, NULL, NULL));
		R(accept4(fd, NULL, NULL, 1));
		R(connect(fd, (void *)&a, sizeof(a)));
		R(getsockname(fd, (void *)&a, &len));
		R(getpeername(fd, (void *)&a, &len));
		R(send(fd, "x", 1, 0));
		R(recv(fd, &v, 1, 0));
		R(sendmsg(fd, &m, 0));
		R(recvmsg(fd, &m, 0));
		R(shutdown(fd, SHUT_RD));
		R(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &v, sizeof(v)));
		R(getsockopt(fd, SOL_SOCKET, SO_PASSCRED, &v, &len));
	}
}

int main(void)
{
	creation();
	flags();
	as_file();
	not_sockets();
	return 0;
}
