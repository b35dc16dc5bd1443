// SPDX-License-Identifier: BSD-2-Clause
/* Who may connect to, send to and bind a path. */
#include "sock.h"

static void as(uid_t uid, const char *what)
{
	CHILD {
		int s = socket(AF_UNIX, SOCK_STREAM, 0), d = socket(AF_UNIX, SOCK_DGRAM, 0);

		if (uid)
			become(uid);
		say("%s\n", what);
		R(un_connect(s, "dir/stream"));
		R(un_sendto(d, "x", "dir/dgram"));
		R(un_connect(d, "dir/dgram"));
		close(s);
		s = socket(AF_UNIX, SOCK_STREAM, 0);
		R(un_bind(s, "dir/new"));
		R(un_bind(s, "new"));
		unlink("dir/new");
		unlink("new");
	}
	REAP("child");
}

int main(void)
{
	int s, d = NEED(socket(AF_UNIX, SOCK_DGRAM, 0));

	chmod(".", 0755);
	NEED(mkdir("dir", 0755));
	s = un_listener(SOCK_STREAM, "dir/stream", 100);
	NEED(un_bind(d, "dir/dgram"));
	say_stat("dir/stream");
	as(0, "root");
	as(1000, "user, sockets 0755");
	chmod("dir/stream", 0777);
	chmod("dir/dgram", 0722);
	as(1000, "user, sockets 0777 and 0722");
	chmod("dir/stream", 0775);
	chmod("dir/dgram", 0770);
	NEED(chown("dir/stream", 0, 1000));
	as(1000, "user, group's socket");
	NEED(chown("dir/dgram", 1000, 0));
	chmod("dir/dgram", 0577);
	as(1000, "user, owner without writing");
	chmod("dir/stream", 0);
	as(0, "root, mode 0");
	chmod("dir", 0700);
	chmod("dir/stream", 0777);
	as(1000, "user, no search");
	chmod("dir", 0777);
	chmod(".", 0777);
	as(1000, "user, open directories");
	close(s);
	return 0;
}
