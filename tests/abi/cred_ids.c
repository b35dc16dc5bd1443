// SPDX-License-Identifier: BSD-2-Clause
/* User and group ids: every set call from root and from users, supplementary groups. */
#include "abi.h"
#include <sys/fsuid.h>

static void show(void)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	getresuid(&r, &e, &s);
	getresgid(&rg, &eg, &sg);
	say("  uid %d %d %d gid %d %d %d\n", r, e, s, rg, eg, sg);
}

/* One call from one starting point, in a child. */
#define TRY(r, e, s, call)                                                                         \
	do {                                                                                       \
		CHILD {                                                                            \
			NEED(setresgid(r, e, s));                                                  \
			NEED(setresuid(r, e, s));                                                  \
			R(call);                                                                   \
			show();                                                                    \
		}                                                                                  \
		waitpid(child_pid, NULL, 0);                                                       \
	} while (0)

static void set_calls(void)
{
	HEAD("from root");
	TRY(0, 0, 0, setuid(10));
	TRY(0, 0, 0, setreuid(10, 20));
	TRY(0, 0, 0, setreuid(-1, 20));
	TRY(0, 0, 0, setreuid(10, -1));
	TRY(0, 0, 0, setresuid(-1, 20, 30));
	TRY(0, 0, 0, seteuid(20));
	TRY(0, 0, 0, setgid(10));
	TRY(0, 0, 0, setregid(10, 20));
	TRY(0, 0, 0, setresgid(-1, 20, 30));
	TRY(0, 0, 0, syscall(SYS_setuid, -1));
	TRY(0, 0, 0, syscall(SYS_setgid, -1));
	HEAD("from 10, 20, 30");
	TRY(10, 20, 30, setuid(10));
	TRY(10, 20, 30, setuid(20));
	TRY(10, 20, 30, setuid(30));
	TRY(10, 20, 30, setuid(40));
	TRY(10, 20, 30, setreuid(20, 10));
	TRY(10, 20, 30, setreuid(30, -1));
	TRY(10, 20, 30, setreuid(-1, 30));
	TRY(10, 20, 30, setreuid(-1, 10));
	TRY(10, 20, 30, setreuid(10, 40));
	TRY(10, 20, 30, setresuid(30, 10, 20));
	TRY(10, 20, 30, setresuid(-1, -1, 40));
	TRY(10, 20, 30, setresuid(-1, -1, -1));
	TRY(10, 20, 30, seteuid(30));
	TRY(10, 20, 30, setgid(30));
	TRY(10, 20, 30, setgid(40));
	TRY(10, 20, 30, setregid(20, 10));
	TRY(10, 20, 30, setregid(30, -1));
	TRY(10, 20, 30, setresgid(30, 10, 20));
	TRY(10, 20, 30, setresgid(40, -1, -1));
	HEAD("real 10, effective 0");
	TRY(10, 0, 5, setuid(7));
	TRY(10, 0, 5, setreuid(-1, 10));
	TRY(0, 10, 10, setuid(0));
	TRY(0, 10, 10, seteuid(0));
	TRY(0, 10, 10, setuid(10));
	TRY(10, 10, 0, setresuid(-1, 0, -1));
	R(syscall(SYS_getresuid, (void *)8, NULL, NULL));
}

static void fs_ids(void)
{
	HEAD("file system ids");
	put_file("f600", "x", 1, 0600);
	CHILD {
		R(setfsuid(1000));
		R(setfsuid(-1));
		OK(open("f600", O_RDONLY));
		say_stat("f600");
		R(setfsuid(0));
		R(setfsgid(77));
		mkdir("d", 0755);
		say_stat("d");
	}
	REAP("root");
	CHILD {
		become(1000);
		R(setfsuid(0));
		R(setfsuid(-1));
		R(setfsgid(5));
		R(setfsgid(-1));
	}
	REAP("user");
}

static void groups(void)
{
	gid_t g[8], many[70];

	HEAD("groups");
	CHILD {
		for (int i = 0; i < 70; i++)
			many[i] = 1000 - i;
		R(setgroups(3, (gid_t[]){30, 10, 20}));
		R(getgroups(0, NULL));
		R(getgroups(8, g));
		say("%d %d %d\n", g[0], g[1], g[2]);
		R(getgroups(2, g));
		R(getgroups(-1, g));
		R(setgroups(70, many));
		R(getgroups(0, NULL));
		R(syscall(SYS_setgroups, 65537, many));
		R(syscall(SYS_setgroups, 3, (void *)8));
		R(syscall(SYS_getgroups, 70, (void *)8));
		R(setgroups(0, NULL));
		R(getgroups(8, g));
		put_file("grp", "x", 1, 0640);
		chown("grp", 0, 42);
		R(setgroups(1, (gid_t[]){42}));
		setresgid(1000, 1000, 1000);
		setresuid(1000, 1000, 1000);
		R(access("grp", R_OK));
		R(access("grp", W_OK));
		R(setgroups(0, NULL));
	}
	REAP("child");
}

int main(void)
{
	set_calls();
	fs_ids();
	groups();
	return 0;
}
