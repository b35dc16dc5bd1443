// SPDX-License-Identifier: BSD-2-Clause
/* Capabilities: capget, capset, bounding, ambient, securebits, what setuid does to them; prctl. */
#include "abi.h"
#include <linux/capability.h>
#include <linux/securebits.h>

struct caps {
	struct __user_cap_header_struct h;
	struct __user_cap_data_struct d[2];
};

static long get(struct caps *c, pid_t pid)
{
	c->h.version = _LINUX_CAPABILITY_VERSION_3;
	c->h.pid = pid;
	return syscall(SYS_capget, &c->h, c->d);
}

static long set(struct caps *c)
{
	c->h.version = _LINUX_CAPABILITY_VERSION_3;
	c->h.pid = 0;
	return syscall(SYS_capset, &c->h, c->d);
}

static void show(const char *what)
{
	struct caps c;

	get(&c, 0);
	say("%s: eff %08x%08x perm %08x%08x inh %08x%08x\n", what, c.d[1].effective, c.d[0].effective,
		c.d[1].permitted, c.d[0].permitted, c.d[1].inheritable, c.d[0].inheritable);
}

static void errors(void)
{
	struct caps c;

	HEAD("capget capset");
	show("start");
	c.h.version = 0x12345678;
	c.h.pid = 0;
	R(syscall(SYS_capget, &c.h, c.d));
	X(c.h.version);
	c.h.version = 0;
	R(syscall(SYS_capget, &c.h, NULL));
	R(get(&c, -1));
	R(get(&c, 999999));
	R(get(&c, 1));
	R(syscall(SYS_capget, NULL, c.d));
	R(syscall(SYS_capget, &c.h, (void *)8));
	get(&c, 0);
	c.h.pid = 1;
	R(syscall(SYS_capset, &c.h, c.d));
	CHILD {
		get(&c, 0);
		c.d[0].effective |= 1u << CAP_SYS_RESOURCE;
		R(set(&c));
		get(&c, 0);
		c.d[0].effective = 0;
		R(set(&c));
		show("effective dropped");
		R(chown("/work", 0, 0));
		R(setuid(5));
		R(sethostname("x", 1));
		get(&c, 0);
		c.d[0].effective = c.d[0].permitted;
		R(set(&c));
		get(&c, 0);
		c.d[0].inheritable = 1u << CAP_CHOWN;
		R(set(&c));
		c.d[0].permitted = c.d[0].effective = 1u << CAP_CHOWN;
		c.d[1].permitted = c.d[1].effective = 0;
		R(set(&c));
		show("only CHOWN");
		c.d[0].permitted = 3;
		R(set(&c));
		c.d[0].permitted = 1;
		c.d[0].inheritable = 3;
		R(set(&c));
	}
	REAP("child");
}

static void by_setuid(void)
{
	HEAD("setuid and capabilities");
	CHILD {
		setresuid(-1, 1000, -1);
		show("effective uid 1000");
		setresuid(-1, 0, -1);
		show("back to 0");
		setresuid(1000, 1000, 1000);
		show("all 1000");
	}
	REAP("child");
	CHILD {
		R(prctl(PR_GET_KEEPCAPS));
		R(prctl(PR_SET_KEEPCAPS, 1));
		R(prctl(PR_SET_KEEPCAPS, 2));
		setresuid(1000, 1000, 1000);
		show("kept");
		struct caps c;
		get(&c, 0);
		c.d[0].effective = c.d[0].permitted;
		R(set(&c));
		put_file("f", "", 0, 0644);
	}
	REAP("keepcaps");
	CHILD {
		R(prctl(PR_GET_SECUREBITS));
		R(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP));
		setresuid(1000, 1000, 1000);
		show("no fixup");
		R(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_NO_SETUID_FIXUP));
		R(prctl(PR_SET_SECUREBITS, 0));
		R(prctl(PR_SET_SECUREBITS, 1 << 20));
	}
	REAP("securebits");
}

static void bounding(void)
{
	HEAD("bounding and ambient");
	CHILD {
		R(prctl(PR_CAPBSET_READ, CAP_CHOWN));
		R(prctl(PR_CAPBSET_READ, CAP_SYS_RESOURCE));
		R(prctl(PR_CAPBSET_READ, 63));
		R(prctl(PR_CAPBSET_DROP, CAP_CHOWN));
		R(prctl(PR_CAPBSET_READ, CAP_CHOWN));
		R(prctl(PR_CAPBSET_DROP, 63));
		R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0));
		R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
		struct caps c;
		get(&c, 0);
		c.d[0].inheritable = 1u << CAP_KILL | 1u << CAP_CHOWN;
		R(set(&c));
		c.d[0].inheritable = 1u << CAP_KILL;
		R(set(&c));
		R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
		R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0));
		R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 63, 0, 0));
		R(prctl(PR_CAP_AMBIENT, 9, 0, 0, 0));
		R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_KILL, 0, 0));
		R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
		R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0));
		become(1000);
		R(prctl(PR_CAPBSET_DROP, CAP_KILL));
	}
	REAP("child");
	char *argv[] = {"cred_caps", "show", NULL};
	CHILD {
		prctl(PR_CAPBSET_DROP, CAP_CHOWN);
		execv("/proc/self/exe", argv);
	}
	REAP("exec as root, bounded");
	CHILD {
		become(1000);
		execv("/proc/self/exe", argv);
	}
	REAP("exec as user");
	CHILD {
		struct caps c;
		prctl(PR_SET_KEEPCAPS, 1);
		setresuid(1000, 1000, 1000);
		get(&c, 0);
		c.d[0].inheritable = 1u << CAP_KILL;
		set(&c);
		NEED(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
		execv("/proc/self/exe", argv);
	}
	REAP("exec with ambient");
}

static void prctls(void)
{
	char name[20];
	int v = 0;

	HEAD("prctl");
	R(prctl(PR_SET_NAME, "a name longer than fifteen"));
	R(prctl(PR_GET_NAME, name));
	S(name);
	R(prctl(PR_SET_NAME, (char *)8));
	R(prctl(PR_GET_NAME, (char *)8));
	R(prctl(PR_GET_DUMPABLE));
	R(prctl(PR_SET_DUMPABLE, 2));
	R(prctl(PR_SET_DUMPABLE, 0));
	R(prctl(PR_SET_DUMPABLE, 1));
	R(prctl(PR_GET_PDEATHSIG, &v));
	R(prctl(PR_SET_PDEATHSIG, SIGTERM));
	prctl(PR_GET_PDEATHSIG, &v);
	V(v);
	R(prctl(PR_SET_PDEATHSIG, 0));
	R(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	R(prctl(PR_SET_NO_NEW_PRIVS, 2, 0, 0, 0));
	R(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
	CHILD {
		R(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
		R(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
		R(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	}
	REAP("child");
	OK(prctl(PR_GET_TIMERSLACK));
	R(prctl(PR_SET_TIMERSLACK, 12345));
	R(prctl(PR_GET_TIMERSLACK));
	R(prctl(PR_SET_TIMERSLACK, 0));
	R(prctl(PR_GET_TIMERSLACK));
	R(prctl(PR_GET_TIMING));
	R(prctl(PR_SET_TIMING, 1));
	R(prctl(PR_GET_TSC, &v));
	V(v);
	R(prctl(PR_GET_SECCOMP));
	R(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	R(prctl(99999));
	R(prctl(-1));
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		show(argv[1]);
		return 0;
	}
	errors();
	by_setuid();
	bounding();
	prctls();
	return 0;
}
