// SPDX-License-Identifier: BSD-2-Clause
/* binfmt_misc: registering formats, and execve by them. */
#include "mnt.h"
#include <sys/auxv.h>

static int reg(const char *s)
{
	int fd = open("b/register", O_WRONLY), r = write(fd, s, strlen(s)), e = errno;

	close(fd);
	errno = e;
	return r;
}

static int put(const char *file, const char *s)
{
	int fd = open(file, O_WRONLY), r = write(fd, s, strlen(s)), e = errno;

	close(fd);
	errno = e;
	return r;
}

static void run(const char *file)
{
	CHILD {
		execl(file, "name", "one", "two", NULL);
		say("%s: %s\n", file, err_name(errno));
	}
	int st;
	waitpid(child_pid, &st, 0);
	say_status(file, st);
}

int main(void)
{
	own_mounts();
	dirs("b");
	/* A kernel without it cannot be compared with. */
	if (mount("none", "b", "binfmt_misc", 0, NULL)) {
		say("absent\n");
		return 0;
	}
	put_file("echo", "#!/bin/sh\necho \"$0\" \"$@\"\n", 25, 0755);
	put_file("magic", "\x01\x02\x7fNOS and more", 15, 0755);
	put_file("file.nos", "text", 4, 0755);
	put_file("plain", "text", 4, 0755);
	S(get_file("b/status"));
	say_stat("b/register");
	say_stat("b/status");
	R(reg("short"));
	R(reg(":nos:X::nos::/bin/sh:"));
	R(reg("::E::nos::/bin/sh:"));
	R(reg(":a/b:E::nos::/bin/sh:"));
	R(reg(":nos:E::::/bin/sh:"));
	R(reg(":nos:E::n/s::/bin/sh:"));
	R(reg(":nos:E::nos:::"));
	R(reg(":nos:E::nos::/bin/sh:Z"));
	R(reg(":nos:E::nos::/bin/sh"));
	R(reg(":nos:M:-1:\\x01::/bin/sh:"));
	R(reg(":nos:M:256:\\x01::/bin/sh:"));
	R(reg(":nos:M:0:\\x0::/bin/sh:"));
	R(reg(":nos:M:0:ab:a:/bin/sh:"));
	R(reg(":nos:E::nos::/none:F"));
	run("file.nos");
	R(reg(":nosext:E::nos::/bin/echo:\n"));
	R(reg(":nosext:E::nos::/bin/echo:"));
	R(reg("+nosmag+M+0+\\x01\\x02\\x00NOS+\\xff\\xff\\x00\\xff\\xff\\xff+/bin/echo+P"));
	S(get_file("b/nosext"));
	S(get_file("b/nosmag"));
	run("file.nos");
	run("magic");
	run("plain");
	R(put("b/nosext", "2"));
	R(put("b/nosext", "0\n"));
	S(get_file("b/nosext"));
	run("file.nos");
	R(put("b/nosext", "1"));
	R(put("b/status", "0"));
	S(get_file("b/status"));
	run("file.nos");
	R(put("b/status", "1"));
	R(unlink("b/nosext"));
	R(mkdir("b/x", 0755));
	R(open("b/x", O_CREAT | O_RDWR, 0600));
	R(put("b/nosext", "-1"));
	R(access("b/nosext", F_OK));
	run("file.nos");
	R(reg(":nosloop:E::nos::file.nos:"));
	run("./file.nos");
	R(put("b/status", "-1"));
	R(access("b/nosmag", F_OK));
	R(umount2("b", 0));
	return 0;
}
