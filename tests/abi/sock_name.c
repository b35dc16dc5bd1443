// SPDX-License-Identifier: BSD-2-Clause
/* Names of AF_UNIX sockets: paths, abstract and automatic ones. */
#include "sock.h"

static void lengths(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
	char big[300] = {0};
	socklen_t len;

	HEAD("bad addresses");
	R(bind(fd, (void *)&a, 0));
	R(bind(fd, (void *)&a, 1));
	R(bind(fd, (void *)&a, -1));
	R(bind(fd, (void *)&a, sizeof(a) + 1));
	R(bind(fd, (void *)&a, 129));
	R(bind(fd, (void *)8, 20));
	R(bind(fd, NULL, 20));
	a.sun_family = AF_INET;
	strcpy(a.sun_path, "x");
	R(bind(fd, (void *)&a, sizeof(a)));
	R(bind(fd, (void *)&a, 2));
	R(connect(fd, (void *)&a, sizeof(a)));
	a.sun_family = AF_UNIX;
	R(connect(fd, (void *)&a, 2));
	R(connect(fd, (void *)&a, 1));
	R(connect(fd, (void *)&a, 129));
	say_names(fd);
	HEAD("getsockname");
	len = 0;
	R(getsockname(fd, (void *)big, &len));
	V(len);
	len = 1;
	R(getsockname(fd, (void *)big, &len));
	V(len);
	len = -1;
	R(getsockname(fd, (void *)big, &len));
	len = 20;
	R(getsockname(fd, NULL, &len));
	R(getsockname(fd, (void *)big, NULL));
	NEED(un_bind(fd, "lengths"));
	len = 5;
	memset(big, '#', sizeof(big));
	R(getsockname(fd, (void *)big, &len));
	V(len);
	say_bytes("cut", big, 8);
	close(fd);
	HEAD("a path of full length");
	fd = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
	a.sun_family = AF_UNIX;
	memset(a.sun_path, 'p', sizeof(a.sun_path));
	R(bind(fd, (void *)&a, sizeof(a)));
	len = sizeof(big);
	R(getsockname(fd, (void *)big, &len));
	V(len);
	V(big[110]);
	close(fd);
	fd = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
	memset(a.sun_path, 0, sizeof(a.sun_path));
	R(bind(fd, (void *)&a, sizeof(a)));
	say_names(fd);
	close(fd);
	fd = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
	strcpy(a.sun_path, "short");
	R(bind(fd, (void *)&a, sizeof(a)));
	say_names(fd);
	close(fd);
	fd = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
	R(bind(fd, (void *)&a, PATH_OFF + 3));
	say_names(fd);
	close(fd);
}

static void paths(void)
{
	int a = NEED(socket(AF_UNIX, SOCK_DGRAM, 0)), b = NEED(socket(AF_UNIX, SOCK_DGRAM, 0)), c;

	HEAD("paths");
	R(un_bind(a, "nodir/x"));
	R(un_bind(a, "/"));
	R(un_bind(a, "."));
	R(un_bind(a, "slash/"));
	R(un_bind(a, "name"));
	say_stat("name");
	say_names(a);
	R(un_bind(a, "name"));
	R(un_bind(a, "other"));
	say_stat("other");
	R(un_bind(a, "@nos-abi-name"));
	R(un_bind(b, "name"));
	R(open("name", O_RDONLY));
	R(open("name", O_WRONLY | O_NONBLOCK));
	R(close(open("name", O_PATH)));
	R(un_sendto(b, "1", "name"));
	R(rename("name", "moved"));
	R(un_sendto(b, "2", "name"));
	R(un_sendto(b, "3", "moved"));
	R(link("moved", "second"));
	R(un_sendto(b, "4", "second"));
	R(symlink("moved", "soft"));
	R(un_sendto(b, "5", "soft"));
	R(un_bind(b, "soft"));
	say_names(a);
	R(unlink("moved"));
	R(un_sendto(b, "6", "moved"));
	R(un_sendto(b, "7", "second"));
	R(unlink("second"));
	R(un_sendto(b, "8", "second"));
	for (int i = 0; i < 5; i++)
		say_read("got", a, 10, MSG_DONTWAIT);
	close(a);
	HEAD("a name whose socket is gone");
	a = NEED(socket(AF_UNIX, SOCK_DGRAM, 0));
	R(un_bind(a, "stale"));
	close(a);
	say_stat("stale");
	R(un_sendto(b, "1", "stale"));
	R(un_connect(b, "stale"));
	c = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
	R(un_bind(c, "stale"));
	HEAD("what is no socket");
	put_file("plain", "x", 1, 0644);
	mkfifo("fifo", 0666);
	R(un_sendto(b, "1", "plain"));
	R(un_sendto(b, "1", "fifo"));
	R(un_sendto(b, "1", "/"));
	R(un_sendto(b, "1", "plain/x"));
	R(un_sendto(b, "1", "missing"));
	HEAD("another type");
	R(un_bind(c, "stream"));
	R(un_connect(b, "stream"));
	R(un_sendto(b, "1", "stream"));
	R(mknod("made", S_IFSOCK | 0666, 0));
	say_stat("made");
	R(un_connect(b, "made"));
	HEAD("umask and fchmod");
	umask(077);
	a = NEED(socket(AF_UNIX, SOCK_DGRAM, 0));
	R(un_bind(a, "masked"));
	say_stat("masked");
	umask(0);
	close(a);
	a = NEED(socket(AF_UNIX, SOCK_DGRAM, 0));
	R(fchmod(a, 0640));
	R(un_bind(a, "chmodded"));
	say_stat("chmodded");
	umask(022);
}

static void abstract(void)
{
	int a = NEED(socket(AF_UNIX, SOCK_DGRAM, 0)), b = NEED(socket(AF_UNIX, SOCK_DGRAM, 0)), c;

	HEAD("abstract");
	R(un_bind(a, "@nos-abi-abstract"));
	say_names(a);
	R(un_bind(b, "@nos-abi-abstract"));
	R(un_bind(a, "@nos-abi-another"));
	R(un_sendto(b, "hello", "@nos-abi-abstract"));
	R(un_sendto(b, "hello", "@nos-abi-abstrac"));
	R(un_sendto(b, "hello", "@nos-abi-abstract2"));
	say_read("got", a, 10, MSG_DONTWAIT);
	c = NEED(socket(AF_UNIX, SOCK_STREAM, 0));
	R(un_bind(c, "@nos-abi-abstract"));
	R(listen(c, 1));
	R(un_connect(b, "@nos-abi-abstract"));
	say_names(b);
	close(a);
	R(un_sendto(b, "hello", "@nos-abi-abstract"));
	a = NEED(socket(AF_UNIX, SOCK_DGRAM, 0));
	R(un_bind(a, "@nos-abi-abstract"));
	R(un_bind(b, "@"));
	say_names(b);
	HEAD("automatic");
	c = NEED(socket(AF_UNIX, SOCK_SEQPACKET, 0));
	struct sockaddr_un x = {.sun_family = AF_UNIX};
	R(bind(c, (void *)&x, 2));
	say_names(c);
	R(bind(c, (void *)&x, 2));
	R(un_bind(c, "auto"));
	say_stat("auto");
	R(listen(c, 1));
}

int main(void)
{
	lengths();
	paths();
	abstract();
	return 0;
}
