// SPDX-License-Identifier: BSD-2-Clause
/* sendmsg, recvmsg and their plural forms: headers, vectors, limits. */
#include "sock.h"

static void headers(void)
{
	int p[2];
	char buf[64];
	struct sockaddr_un a;
	struct iovec v[3] = {{"ab", 2}, {NULL, 0}, {"cde", 3}};
	struct msghdr m = {.msg_iov = v, .msg_iovlen = 3};

	HEAD("headers");
	make_pair(SOCK_DGRAM, p);
	R(sendmsg(p[0], &m, 0));
	R(sendmsg(p[0], (void *)8, 0));
	R(recvmsg(p[1], (void *)8, 0));
	m.msg_iovlen = 1025;
	R(sendmsg(p[0], &m, 0));
	R(recvmsg(p[1], &m, MSG_DONTWAIT));
	m.msg_iovlen = 1;
	m.msg_iov = (void *)8;
	R(sendmsg(p[0], &m, 0));
	m.msg_iov = v;
	v[0].iov_len = -1;
	R(sendmsg(p[0], &m, 0));
	v[0].iov_len = 2;
	v[0].iov_base = (void *)-4096;
	R(sendmsg(p[0], &m, 0));
	v[0].iov_base = "ab";
	m.msg_name = &a;
	m.msg_namelen = -1;
	R(sendmsg(p[0], &m, 0));
	m.msg_namelen = 0;
	R(sendmsg(p[0], &m, 0));
	m.msg_namelen = 1;
	a.sun_family = AF_UNIX;
	R(sendmsg(p[0], &m, 0));
	m.msg_name = NULL;
	m.msg_namelen = 100;
	R(sendmsg(p[0], &m, 0));
	R(sendmsg(p[0], &m, 0x80000000));
	R(recvmsg(p[1], &m, 0x80000000));
	HEAD("received");
	struct iovec w[2] = {{buf, 3}, {buf + 10, 10}};
	m = (struct msghdr){.msg_iov = w, .msg_iovlen = 2, .msg_flags = 0x7777, .msg_name = &a, .msg_namelen = sizeof(a)};
	memset(buf, '.', sizeof(buf));
	R(recvmsg(p[1], &m, 0));
	say_bytes("scattered", buf, 14);
	say("flags %#x namelen %u controllen %zu\n", m.msg_flags, m.msg_namelen, (size_t)m.msg_controllen);
	m.msg_namelen = -1;
	R(recvmsg(p[1], &m, 0));
	m.msg_namelen = 0;
	R(recvmsg(p[1], &m, 0));
	V(m.msg_namelen);
	m.msg_iovlen = 0;
	R(recvmsg(p[1], &m, 0));
	X(m.msg_flags);
	R(recvmsg(p[1], &m, MSG_DONTWAIT));
	R(sendmsg(p[0], &m, 0));
	struct msghdr ctl = {.msg_iov = v, .msg_iovlen = 1, .msg_control = (void *)8, .msg_controllen = 32};
	R(sendmsg(p[0], &ctl, 0));
	close(p[0]);
	close(p[1]);
}

static void several(int type)
{
	int p[2];
	char buf[6][8];
	struct iovec v[6];
	struct mmsghdr m[6];
	struct timespec ts = {0, 0};

	say("== type %d\n", type);
	make_pair(type, p);
	memset(m, 0, sizeof(m));
	for (int i = 0; i < 6; i++) {
		snprintf(buf[i], 8, "msg%d", i);
		v[i] = (struct iovec){buf[i], 4};
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	R(sendmmsg(p[0], m, 0, 0));
	R(sendmmsg(p[0], m, 6, 0));
	V(m[5].msg_len);
	for (int i = 0; i < 6; i++) {
		memset(buf[i], '.', 8);
		m[i].msg_len = 99;
		v[i].iov_len = 7;
	}
	R(recvmmsg(p[1], m, 0, MSG_DONTWAIT, NULL));
	R(recvmmsg(p[1], m, 2, 0, NULL));
	say_bytes("first", buf, 16);
	R(recvmmsg(p[1], m + 2, 4, MSG_DONTWAIT, NULL));
	say_bytes("rest", buf[2], 32);
	for (int i = 0; i < 6; i++)
		say("%u ", m[i].msg_len);
	say("\n");
	R(recvmmsg(p[1], m, 4, MSG_DONTWAIT, NULL));
	R(sendmmsg(p[0], m, 2, 0));
	R(recvmmsg(p[1], m, 4, MSG_WAITFORONE, NULL));
	R(sendmmsg(p[0], m, 2, 0));
	R(recvmmsg(p[1], m, 4, 0, &ts));
	say("left %ld %ld\n", (long)ts.tv_sec, (long)ts.tv_nsec);
	ts.tv_nsec = -1;
	R(recvmmsg(p[1], m, 4, MSG_DONTWAIT, &ts));
	R(recvmmsg(p[1], m, 4, MSG_DONTWAIT, (void *)8));
	while (recv(p[1], buf, 48, MSG_DONTWAIT) > 0)
		;
	m[2].msg_hdr.msg_iov = (void *)8;
	R(sendmmsg(p[0], m, 4, 0));
	R(sendmmsg(p[0], m + 2, 4, 0));
	R(sendmmsg(p[0], (void *)8, 4, 0));
	R(recvmmsg(p[1], m, 4, MSG_DONTWAIT, NULL));
	close(p[0]);
	R(sendmmsg(p[1], m, 2, MSG_NOSIGNAL));
	close(p[1]);
}

int main(void)
{
	headers();
	several(SOCK_DGRAM);
	several(SOCK_SEQPACKET);
	several(SOCK_STREAM);
	return 0;
}
