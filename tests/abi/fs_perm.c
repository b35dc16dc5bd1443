// SPDX-License-Identifier: BSD-2-Clause
/* chmod, chown, umask, access, setgid directories, sticky, what clears set-id bits, capabilities. */
#include "abi.h"

static void set_modes(void)
{
	HEAD("chmod");
	put_file("f", "x", 1, 0644);
	static const mode_t modes[] = {0, 0777, 01777, 02755, 04711, 07777, 0177777, 0644};
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		say("chmod %o: %d\n", modes[i], chmod("f", modes[i]));
		say_stat("f");
	}
	R(chmod("none", 0644));
	R(chmod("f/x", 0644));
	R(fchmod(99, 0644));
	int fd = NEED(open("f", O_RDONLY));
	R(fchmod(fd, 0600));
	close(fd);
	put_file("mine", "x", 1, 0644);
	chown("mine", 1000, 1000);
	put_file("grp", "x", 1, 0644);
	chown("grp", 1000, 50);
	CHILD {
		become(1000);
		R(chmod("f", 0666));
		R(chmod("mine", 06755));
		say_stat("mine");
		R(chmod("grp", 02755));
		say_stat("grp");
		R(chmod("grp", 04755));
		say_stat("grp");
	}
	REAP("user");
}

static void set_owner(void)
{
	HEAD("chown");
	put_file("g", "x", 1, 0644);
	R(chown("g", 10, 20));
	say_stat("g");
	R(chown("g", -1, 30));
	R(chown("g", 11, -1));
	R(chown("g", -1, -1));
	say_stat("g");
	chmod("g", 06777);
	R(chown("g", 12, 31));
	say_stat("g");
	chmod("g", 02644);
	R(chown("g", 12, 31));
	say_stat("g");
	chmod("g", 06777);
	R(chown("g", -1, -1));
	say_stat("g");
	mkdir("gd", 0755);
	chmod("gd", 06777);
	R(chown("gd", 12, 31));
	say_stat("gd");
	R(chown("none", 0, 0));
	R(fchown(99, 0, 0));
	put_file("u", "x", 1, 06755);
	chown("u", 1000, 1000);
	chmod("u", 06755);
	CHILD {
		gid_t more[2] = {2000, 2001};
		NEED(setgroups(2, more));
		NEED(setresgid(1000, 1000, 1000));
		NEED(setresuid(1000, 1000, 1000));
		R(chown("g", 1000, 1000));
		R(chown("u", 1000, 2000));
		say_stat("u");
		R(chown("u", 1000, 3000));
		R(chown("u", 1001, -1));
		R(chown("u", 1000, -1));
		R(chown("u", -1, 2001));
		R(chmod("u", 02755));
		say_stat("u");
		R(chown("u", -1, -1));
		say_stat("u");
		R(chmod("u", 06755));
		int fd = open("u", O_WRONLY);
		R(write(fd, "y", 1));
		say_stat("u");
	}
	REAP("user");
}

static void clearing_setid(void)
{
	HEAD("writing clears set-id");
	put_file("s", "xyz", 3, 0644);
	chown("s", 1000, 1000);
	for (int i = 0; i < 4; i++) {
		chmod("s", i < 2 ? 06777 : 06767);
		CHILD {
			become(2000);
			int fd = NEED(open("s", O_RDWR));
			if (i == 0)
				R(write(fd, "a", 1));
			else if (i == 1)
				R(ftruncate(fd, 1));
			else if (i == 2)
				R(write(fd, "", 0));
			else
				R(write(fd, "abc", 3));
		}
		REAP("writer");
		say_stat("s");
	}
	chmod("s", 06777);
	int fd = NEED(open("s", O_RDWR));
	R(write(fd, "root", 4));
	say_stat("s");
	close(fd);
}

static void inherited_group(void)
{
	HEAD("setgid directories");
	mkdir("sg", 0777);
	chown("sg", 0, 500);
	chmod("sg", 02777);
	put_file("sg/f", "", 0, 0644);
	say_stat("sg/f");
	mkdir("sg/d", 0755);
	say_stat("sg/d");
	mkdir("sg/d/e", 0755);
	say_stat("sg/d/e");
	symlink("x", "sg/l");
	say_stat("sg/l");
	mknod("sg/p", S_IFIFO | 0666, 0);
	say_stat("sg/p");
	CHILD {
		become(1000);
		umask(0);
		int fd = NEED(open("sg/user", O_CREAT | O_RDWR, 02777));
		say_stat("sg/user");
		close(fd);
		R(mkdir("sg/ud", 0777));
		say_stat("sg/ud");
	}
	REAP("user");
}

static void sticky(void)
{
	HEAD("sticky");
	mkdir("st", 0777);
	chmod("st", 01777);
	put_file("st/root", "", 0, 0666);
	mkdir("st/rootdir", 0777);
	put_file("st/a", "", 0, 0666);
	chown("st/a", 1000, 1000);
	CHILD {
		become(1000);
		R(unlink("st/root"));
		R(rmdir("st/rootdir"));
		R(unlink("st/a"));
	}
	REAP("user");
	mkdir("st2", 0777);
	chown("st2", 1000, 1000);
	chmod("st2", 01777);
	put_file("st2/root", "", 0, 0666);
	CHILD {
		become(1000);
		R(unlink("st2/root"));
	}
	REAP("owner of the directory");
}

static void masks(void)
{
	HEAD("umask");
	R(umask(0));
	R(umask(0777));
	R(umask(07777));
	R(umask(022));
	CHILD {
		umask(027);
		mkdir("um", 0777);
		say_stat("um");
		mknod("umn", S_IFREG | 0666, 0);
		say_stat("umn");
		symlink("x", "uml");
		say_stat("uml");
	}
	REAP("child");
	R(umask(022));
}

static void checking(void)
{
	HEAD("access");
	static const mode_t modes[] = {0000, 0400, 0200, 0100, 0040, 0004, 0001, 0777, 0070, 0007};
	put_file("ac", "", 0, 0);
	mkdir("acd", 0);
	for (int who = 0; who < 4; who++) {
		for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
			chmod("ac", modes[i]);
			chmod("acd", modes[i]);
			chown("ac", who == 1 ? 1000 : 0, who == 2 ? 1000 : 0);
			chown("acd", who == 1 ? 1000 : 0, who == 2 ? 1000 : 0);
			CHILD {
				if (who)
					become(1000);
				say("%s %04o: file %d%d%d dir %d%d%d\n",
					who == 0 ? "root" : who == 1 ? "owner" : who == 2 ? "group" : "other",
					modes[i], !access("ac", R_OK), !access("ac", W_OK),
					!access("ac", X_OK), !access("acd", R_OK), !access("acd", W_OK),
					!access("acd", X_OK));
			}
			waitpid(child_pid, NULL, 0);
		}
	}
	R(access("ac", 8));
	R(access("ac", -1));
	R(access(NULL, 0));
}

int main(void)
{
	set_modes();
	set_owner();
	clearing_setid();
	inherited_group();
	sticky();
	masks();
	checking();
	return 0;
}
