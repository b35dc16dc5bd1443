// SPDX-License-Identifier: BSD-2-Clause
/*
 * Capabilities of files: the attribute's formats, what execve(2) makes of them, and what takes them away.
 */
#include "abi.h"
#include <elf.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/auxv.h>
#include <sys/mount.h>
#include <sys/xattr.h>

#define NAME "security.capability"

static char self[] = "cred_files"; /* by which the program that holds all tests knows this one */

static void copy_self(const char *to)
{
	char buf[65536];
	int in = NEED(open("/proc/self/exe", O_RDONLY)), out = NEED(open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755));

	for (ssize_t n; (n = NEED(read(in, buf, sizeof(buf)))) > 0;)
		NEED(write(out, buf, n));
	close(in);
	close(out);
	chmod(to, 0755);
}

static void set(const char *path, unsigned revision, uint64_t permitted, uint64_t inheritable, bool effective, unsigned root)
{
	unsigned d[6] = {revision | effective, (unsigned)permitted, (unsigned)inheritable, permitted >> 32, inheritable >> 32, root};

	NEED(setxattr(path, NAME, d, revision == VFS_CAP_REVISION_3 ? 24 : 20, 0));
}

static void show(const char *path)
{
	unsigned d[8] = {0};
	ssize_t n = getxattr(path, NAME, d, sizeof(d));

	if (n < 0)
		say("%s: %s\n", path, err_name(errno));
	else
		say("%s: %zd bytes %x %x %x %x %x %x\n", path, n, d[0], d[1], d[2], d[3], d[4], d[5]);
}

static void formats(void)
{
	unsigned d[8] = {VFS_CAP_REVISION_2, 1, 0, 0, 0, 0};

	HEAD("formats");
	put_file("f", "data", 4, 0755);
	show("f");
	R(setxattr("f", NAME, d, 20, 0));
	show("f");
	R(setxattr("f", NAME, d, 24, 0));
	R(setxattr("f", NAME, d, 12, 0));
	R(setxattr("f", NAME, d, 2, 0));
	d[0] = VFS_CAP_REVISION_1;
	R(setxattr("f", NAME, d, 12, 0));
	d[0] = 0x05000000;
	R(setxattr("f", NAME, d, 20, 0));
	d[0] = VFS_CAP_REVISION_3 | 1;
	R(setxattr("f", NAME, d, 24, 0));
	show("f");
	R(getxattr("f", NAME, NULL, 0));
	R(getxattr("f", NAME, d, 8));
	R(removexattr("f", NAME));
	R(removexattr("f", NAME));
	HEAD("who may set");
	chmod("f", 0777);
	d[0] = VFS_CAP_REVISION_2;
	CHILD
	{
		become(1000);
		R(setxattr("f", NAME, d, 20, 0));
		R(removexattr("f", NAME));
	}
	wait(NULL);
	NEED(chown("f", 1000, 1000));
	CHILD
	{
		become(1000);
		R(setxattr("f", NAME, d, 20, 0));
		R(removexattr("f", NAME));
	}
	wait(NULL);
}

static void gone(const char *what)
{
	say("%s: %s\n", what, getxattr("g", NAME, NULL, 0) < 0 ? err_name(errno) : "still there");
	set("g", VFS_CAP_REVISION_2, 1, 0, true, 0);
}

static void taken_away(void)
{
	int fd;

	HEAD("what takes them away");
	put_file("g", "data", 4, 0755);
	set("g", VFS_CAP_REVISION_2, 1, 0, true, 0);
	fd = NEED(open("g", O_RDWR));
	gone("open for writing");
	NEED(write(fd, "x", 1));
	gone("write");
	NEED(ftruncate(fd, 2));
	gone("ftruncate");
	NEED(truncate("g", 3));
	gone("truncate");
	close(NEED(open("g", O_WRONLY | O_TRUNC)));
	gone("O_TRUNC");
	NEED(chown("g", 0, 0));
	gone("chown");
	NEED(chown("g", -1, -1));
	gone("chown to the same");
	NEED(chmod("g", 0711));
	gone("chmod");
	NEED(fallocate(fd, 0, 0, 10));
	gone("fallocate");
	NEED(rename("g", "g2"));
	NEED(rename("g2", "g"));
	gone("rename");
	close(fd);
	HEAD("set-ID bits");
	put_file("s", "data", 4, 0755);
	chmod(".", 0777);
	chown("s", 1000, 1000);
	CHILD
	{
		become(1000);
		chmod("s", 06777);
		say_stat("s");
		fd = NEED(open("s", O_WRONLY));
		NEED(write(fd, "x", 1));
		say_stat("s");
		chmod("s", 06777);
		NEED(ftruncate(fd, 2));
		say_stat("s");
		chmod("s", 06767);
		NEED(write(fd, "x", 1));
		say_stat("s");
		chmod("s", 06777);
		NEED(fallocate(fd, 0, 0, 10));
		say_stat("s");
	}
	wait(NULL);
	chmod("s", 06777);
	fd = NEED(open("s", O_WRONLY));
	NEED(write(fd, "x", 1));
	say_stat("s");
	close(fd);
}

/* What the program sees after execve. */
static int report(void)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2];
	char *amb = strstr(get_file("/proc/self/status"), "CapAmb:\t");

	NEED(syscall(SYS_capget, &h, d));
	say("  uid %d %d permitted %x%08x effective %x%08x inheritable %x%08x ambient %.16s secure %ld dumpable %d keep %d\n", getuid(),
		geteuid(), d[1].permitted, d[0].permitted, d[1].effective, d[0].effective, d[1].inheritable, d[0].inheritable,
		amb ? amb + 8 : "?", getauxval(AT_SECURE), prctl(PR_GET_DUMPABLE), prctl(PR_GET_KEEPCAPS));
	return 0;
}

static void set_caps(uint64_t permitted, uint64_t effective, uint64_t inheritable)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2] = {{(unsigned)effective, (unsigned)permitted, (unsigned)inheritable},
		{effective >> 32, permitted >> 32, inheritable >> 32}};

	NEED(syscall(SYS_capset, &h, d));
}

#define BIT(cap) (1ull << (cap))

static void run(const char *path)
{
	execl(path, self, "report", NULL);
	say("  exec: %s\n", err_name(errno));
	_exit(0);
}

static void as_user(const char *what)
{
	say("%s\n", what);
	CHILD
	{
		become(1000);
		run("p");
	}
	wait(NULL);
}

static void plain(void)
{
	HEAD("an ordinary user");
	copy_self("p");
	as_user("none");
	set("p", VFS_CAP_REVISION_2, BIT(CAP_NET_RAW), 0, false, 0);
	as_user("permitted");
	set("p", VFS_CAP_REVISION_2, BIT(CAP_NET_RAW) | BIT(CAP_CHECKPOINT_RESTORE), 0, true, 0);
	as_user("effective");
	set("p", VFS_CAP_REVISION_2, 0, BIT(CAP_NET_RAW), true, 0);
	as_user("inheritable alone");
	set("p", VFS_CAP_REVISION_2, 0, 0, false, 0);
	as_user("empty");
	set("p", VFS_CAP_REVISION_3, BIT(CAP_NET_RAW), 0, true, 0);
	as_user("root of this name space");
	set("p", VFS_CAP_REVISION_3, BIT(CAP_NET_RAW), 0, true, 1000);
	as_user("root of another");
	set("p", VFS_CAP_REVISION_2, BIT(CAP_NET_RAW) | BIT(CAP_CHOWN), 0, true, 0);
	say("bounding set\n");
	CHILD
	{
		prctl(PR_CAPBSET_DROP, CAP_CHOWN);
		become(1000);
		run("p");
	}
	wait(NULL);
	set("p", VFS_CAP_REVISION_2, BIT(CAP_NET_RAW) | BIT(CAP_CHOWN), 0, false, 0);
	CHILD
	{
		prctl(PR_CAPBSET_DROP, CAP_CHOWN);
		become(1000);
		run("p");
	}
	wait(NULL);
	say("no_new_privs\n");
	CHILD
	{
		become(1000);
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		run("p");
	}
	wait(NULL);
}

static void inherited(void)
{
	HEAD("inheritable and ambient");
	set("p", VFS_CAP_REVISION_2, 0, BIT(CAP_KILL) | BIT(CAP_CHOWN), true, 0);
	CHILD
	{
		prctl(PR_SET_KEEPCAPS, 1);
		become(1000);
		set_caps(BIT(CAP_KILL) | BIT(CAP_FOWNER), 0, BIT(CAP_KILL) | BIT(CAP_FOWNER));
		run("p");
	}
	wait(NULL);
	for (int with = 0; with < 2; with++) {
		if (!with)
			removexattr("p", NAME);
		else
			set("p", VFS_CAP_REVISION_2, BIT(CAP_CHOWN), 0, false, 0);
		CHILD
		{
			prctl(PR_SET_KEEPCAPS, 1);
			become(1000);
			set_caps(BIT(CAP_KILL) | BIT(CAP_FOWNER), 0, BIT(CAP_KILL) | BIT(CAP_FOWNER));
			R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
			run("p");
		}
		wait(NULL);
	}
	removexattr("p", NAME);
}

static void root(void)
{
	HEAD("root");
	CHILD
	{
		run("p");
	}
	wait(NULL);
	set("p", VFS_CAP_REVISION_2, BIT(CAP_CHOWN), 0, false, 0);
	say("with capabilities of the file\n");
	CHILD
	{
		run("p");
	}
	wait(NULL);
	say("SECBIT_NOROOT\n");
	CHILD
	{
		NEED(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT));
		run("p");
	}
	wait(NULL);
	removexattr("p", NAME);
	CHILD
	{
		NEED(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT));
		run("p");
	}
	wait(NULL);
	HEAD("set-user-ID root");
	chmod("p", 04755);
	as_user("plain");
	set("p", VFS_CAP_REVISION_2, BIT(CAP_CHOWN), 0, true, 0);
	as_user("with capabilities of its own");
	chmod("p", 0755);
	HEAD("only the real user is root");
	removexattr("p", NAME);
	CHILD
	{
		NEED(setresuid(0, 1000, 1000));
		run("p");
	}
	wait(NULL);
	HEAD("a mount without set-user-ID");
	mkdir("m", 0755);
	NEED(mount("none", "m", "tmpfs", MS_NOSUID, "mode=755"));
	copy_self("m/p");
	set("m/p", VFS_CAP_REVISION_2, BIT(CAP_NET_RAW), 0, true, 0);
	CHILD
	{
		become(1000);
		run("m/p");
	}
	wait(NULL);
	umount("m");
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "report") == 0)
		return report();
	formats();
	taken_away();
	plain();
	inherited();
	root();
	return 0;
}
