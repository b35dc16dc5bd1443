// SPDX-License-Identifier: BSD-2-Clause
/* umount2(2): flags, busy mounts, names below mounts in other namespaces. */
#include "mnt.h"

static int umount_raw(const char *path, int flags)
{
	return syscall(SYS_umount2, path, flags);
}

static void flags(void)
{
	HEAD("flags");
	dirs("a a/b plain");
	NEED(mount("m", "a", "tmpfs", 0, NULL));
	symlink("a", "link");
	R(umount_raw("a", 16));
	R(umount_raw("plain", 0));
	R(umount_raw("none", 0));
	R(umount_raw(NULL, 0));
	R(umount_raw("link", UMOUNT_NOFOLLOW));
	R(umount_raw("a", MNT_EXPIRE | MNT_DETACH));
	R(umount_raw("a", MNT_EXPIRE | MNT_FORCE));
	R(umount_raw("a", MNT_EXPIRE));
	R(access("a/none", F_OK));
	R(umount_raw("a", MNT_EXPIRE));
	R(umount_raw("a", MNT_EXPIRE));
	R(umount_raw("a", MNT_EXPIRE));
	NEED(mount("m", "a", "tmpfs", 0, NULL));
	int fd = open("a", O_RDONLY);
	R(umount_raw("a", MNT_EXPIRE));
	R(umount_raw("a", 0));
	R(umount_raw("a", MNT_FORCE));
	CHILD {
		become(1000);
		R(umount_raw("a", 0));
		R(umount_raw("none", 0));
		R(umount_raw("a", 16));
		R(mount("m", "a", "tmpfs", 0, NULL));
		R(mount("m", "none", "tmpfs", 0, NULL));
		R(unshare(CLONE_NEWNS));
		R(unshare(CLONE_NEWUTS));
	}
	REAP("user");
	R(umount_raw("link", MNT_DETACH));
	R(faccessat(fd, ".", F_OK, 0));
	R(openat(fd, "made", O_CREAT | O_WRONLY, 0600) >= 0);
	close(fd);
	R(umount_raw("a", 0));
}

static void stacked(void)
{
	HEAD("stacked");
	NEED(mount("one", "a", "tmpfs", 0, NULL));
	R(mount("two", "a", "tmpfs", 0, NULL));
	dirs("a/b");
	R(mount("three", "a/b", "tmpfs", 0, NULL));
	show_mounts("three");
	R(umount_raw("a", 0));
	R(umount_raw("a", MNT_DETACH));
	show_mounts("one");
	R(mount("a", "a", NULL, MS_BIND, NULL));
	show_mounts("on itself");
	R(umount_raw("a", 0));
	R(umount_raw("a", 0));
	R(umount_raw("a", 0));
}

static void files(void)
{
	HEAD("files");
	put_file("f", "below", 5, 0644);
	put_file("g", "above", 5, 0644);
	R(mount("g", "f", NULL, MS_BIND, NULL));
	S(get_file("f"));
	R(mount("plain", "f", NULL, MS_BIND, NULL));
	R(mount("f", "plain", NULL, MS_BIND, NULL));
	R(mount("m", "f", "tmpfs", 0, NULL));
	R(unlink("f"));
	R(rename("f", "h"));
	R(rename("g", "f"));
	R(unlink("g"));
	S(get_file("f"));
	show_mounts("its name is gone");
	R(umount_raw("f", 0));
	R(unlink("f"));
}

static void elsewhere(void)
{
	int go[2], done[2];
	char c, pid[16];

	HEAD("names under another namespace's mounts");
	dirs("gone over from into");
	put_file("file", "", 0, 0644);
	pipe(go);
	pipe(done);
	CHILD {
		NEED(unshare(CLONE_NEWNS));
		NEED(mount("m", "gone", "tmpfs", 0, NULL));
		NEED(mount("m", "into", "tmpfs", 0, NULL));
		NEED(mount("m", "over", "tmpfs", 0, NULL));
		NEED(mount("/dev/null", "file", NULL, MS_BIND, NULL));
		R(rmdir("gone"));
		write(done[1], "", 1);
		read(go[0], &c, 1);
		R(access("gone", F_OK));
		R(access("moved", F_OK));
	}
	snprintf(pid, sizeof(pid), "%d", child_pid);
	read(done[0], &c, 1);
	R(rmdir("gone"));
	R(unlink("file"));
	R(rename("from", "into"));
	R(rename("over", "moved"));
	show_mounts_of("what is left there", pid);
	write(go[1], "", 1);
	REAP("child");
}

static void root(void)
{
	HEAD("root");
	CHILD {
		NEED(unshare(CLONE_NEWNS));
		R(umount_raw("/", MNT_EXPIRE));
		R(mount("none", "/", NULL, MS_MOVE, NULL));
	}
	REAP("child");
}

int main(void)
{
	own_mounts();
	flags();
	stacked();
	files();
	elsewhere();
	root();
	return 0;
}
