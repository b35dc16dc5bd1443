// SPDX-License-Identifier: BSD-2-Clause
/* fsopen(2), fsconfig(2), fsmount(2), fspick(2), open_tree(2), move_mount(2). */
#include "mnt.h"

static void drain(int fd)
{
	char buf[256];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf) - 1)) > 0) {
		buf[n] = 0;
		say("log: %s%s", buf, buf[n - 1] == '\n' ? "" : "|\n");
	}
	say("log: %s\n", err_name(errno));
}

static void opening(void)
{
	HEAD("fsopen");
	R(fsopen_("nofs", 0));
	R(fsopen_("tmpfs", 2));
	R(fsopen_(NULL, 0));
	int fd = fsopen_("tmpfs", FSOPEN_CLOEXEC);
	R(fcntl(fd, F_GETFD));
	R(fcntl(fd, F_GETFL) & O_ACCMODE);
	char link[64], to[64];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	to[readlink(link, to, 63)] = 0;
	S(to);
	drain(fd);
	R(write(fd, "x", 1));
	close(fd);
	CHILD {
		become(1000);
		R(fsopen_("tmpfs", 0));
		R(fspick_(AT_FDCWD, ".", 0));
		R(open_tree_(AT_FDCWD, ".", OPEN_TREE_CLONE));
		R(open_tree_(AT_FDCWD, "/", 0) >= 0);
		R(move_mount_(AT_FDCWD, ".", AT_FDCWD, ".", 0));
		R(fsmount_(-1, 0, 0));
	}
	REAP("user");
}

static void arguments(void)
{
	int fd = fsopen_("tmpfs", 0);

	HEAD("fsconfig: arguments");
	R(fsconfig_(-1, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	R(fsconfig_(99, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	R(fsconfig_(0, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	R(fsconfig_(fd, 77, NULL, NULL, 0));
	R(fsconfig_(99, 77, NULL, NULL, 0));
	R(fsconfig_(fd, FSCONFIG_SET_FLAG, NULL, NULL, 0));
	R(fsconfig_(fd, FSCONFIG_SET_FLAG, "ro", "x", 0));
	R(fsconfig_(fd, FSCONFIG_SET_FLAG, "ro", NULL, 1));
	R(fsconfig_(fd, FSCONFIG_SET_STRING, "size", NULL, 0));
	R(fsconfig_(fd, FSCONFIG_SET_STRING, "size", "1m", 1));
	R(fsconfig_(fd, FSCONFIG_SET_BINARY, "size", "1m", 0));
	R(fsconfig_(fd, FSCONFIG_SET_BINARY, "size", "1m", (1 << 20) + 1));
	R(fsconfig_(fd, FSCONFIG_SET_PATH, "size", "1m", -5));
	R(fsconfig_(fd, FSCONFIG_SET_FD, "size", "x", 0));
	R(fsconfig_(fd, FSCONFIG_SET_FD, "size", NULL, -1));
	R(fsconfig_(fd, FSCONFIG_SET_FD, "size", NULL, 999));
	R(fsconfig_(fd, FSCONFIG_CMD_CREATE, "x", NULL, 0));
	R(fsconfig_(fd, FSCONFIG_SET_FLAG, (char *)1, NULL, 0));
	R(fsconfig_(fd, FSCONFIG_SET_STRING, "size", (char *)1, 0));
	drain(fd);
	HEAD("fsconfig: values");
	R(fsconfig_(fd, FSCONFIG_SET_FLAG, "nonsense", NULL, 0));
	R(fsconfig_(fd, FSCONFIG_SET_STRING, "nonsense", "1", 0));
	R(fsconfig_(fd, FSCONFIG_SET_FLAG, "size", NULL, 0));
	R(fsconfig_(fd, FSCONFIG_SET_STRING, "size", "", 0));
	R(fsconfig_(fd, FSCONFIG_SET_STRING, "mode", "9", 0));
	R(fsconfig_(fd, FSCONFIG_SET_STRING, "inode64", "1", 0));
	R(fsconfig_(fd, FSCONFIG_SET_BINARY, "mode", "7", 1));
	R(fsconfig_(fd, FSCONFIG_SET_PATH, "mode", "/", AT_FDCWD));
	R(fsconfig_(fd, FSCONFIG_SET_FD, "mode", NULL, 0));
	drain(fd);
	R(fsconfig_(fd, FSCONFIG_SET_STRING, "source", "here", 0));
	R(fsconfig_(fd, FSCONFIG_SET_STRING, "source", "there", 0));
	R(fsconfig_(fd, FSCONFIG_SET_FLAG, "source", NULL, 0));
	R(fsconfig_(fd, FSCONFIG_SET_STRING, "", "x", 0));
	drain(fd);
	for (int i = 0; i < 10; i++) {
		char key[8];

		snprintf(key, sizeof(key), "bad%d", i);
		fsconfig_(fd, FSCONFIG_SET_FLAG, key, NULL, 0);
	}
	drain(fd);
	close(fd);
}

static void phases(void)
{
	int fd = fsopen_("tmpfs", 0), m;

	HEAD("phases");
	dirs("a b");
	R(fsmount_(fd, 0, 0));
	R(fsmount_(0, 0, 0));
	R(fsmount_(99, 0, 0));
	R(fsmount_(fd, 2, 0));
	R(fsmount_(fd, 0, MOUNT_ATTR_IDMAP));
	R(fsmount_(fd, 0, MOUNT_ATTR__ATIME));
	R(fsconfig_(fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0));
	R(fsconfig_(fd, FSCONFIG_SET_STRING, "source", "here", 0));
	R(fsconfig_(fd, FSCONFIG_SET_STRING, "size", "64k", 0));
	R(fsconfig_(fd, FSCONFIG_SET_STRING, "mode", "711", 0));
	R(fsconfig_(fd, FSCONFIG_SET_FLAG, "sync", NULL, 0));
	R(fsconfig_(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	R(fsconfig_(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	R(fsconfig_(fd, FSCONFIG_SET_FLAG, "ro", NULL, 0));
	m = fsmount_(fd, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOATIME);
	R(m >= 0);
	R(fcntl(m, F_GETFL) & O_PATH);
	R(fsmount_(fd, 0, 0));
	R(openat(m, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644) >= 0);
	R(move_mount_(m, "", AT_FDCWD, "a", 0));
	R(move_mount_(m, "", AT_FDCWD, "none", MOVE_MOUNT_F_EMPTY_PATH));
	R(move_mount_(m, "", AT_FDCWD, "a", MOVE_MOUNT_F_EMPTY_PATH));
	R(move_mount_(m, "", AT_FDCWD, "b", MOVE_MOUNT_F_EMPTY_PATH));
	show_mounts("moved twice");
	close(m);
	R(access("b/file", F_OK));
	say_stat("b");
	HEAD("reconfigure by the same descriptor");
	R(fsconfig_(fd, FSCONFIG_SET_STRING, "size", "4k", 0));
	R(fsconfig_(fd, FSCONFIG_SET_FLAG, "dirsync", NULL, 0));
	R(fsconfig_(fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0));
	R(fsconfig_(fd, FSCONFIG_SET_FLAG, "ro", NULL, 0));
	close(fd);
	fd = fspick_(AT_FDCWD, "b", FSPICK_CLOEXEC);
	R(fsconfig_(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	R(fsconfig_(fd, FSCONFIG_SET_STRING, "size", "1m", 0));
	R(fsconfig_(fd, FSCONFIG_SET_FLAG, "nosuch", NULL, 0));
	R(fsconfig_(fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0));
	show_mounts("larger");
	int w = open("b/file", O_WRONLY);
	R(fsconfig_(fd, FSCONFIG_SET_FLAG, "ro", NULL, 0));
	R(fsconfig_(fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0));
	R(fsconfig_(fd, FSCONFIG_SET_FLAG, "ro", NULL, 0));
	close(w);
	close(fd);
	fd = fspick_(AT_FDCWD, "b", 0);
	R(fsconfig_(fd, FSCONFIG_SET_FLAG, "ro", NULL, 0));
	R(fsconfig_(fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0));
	R(fsconfig_(fd, FSCONFIG_SET_FLAG, "rw", NULL, 0));
	show_mounts("read-only");
	R(open("b/file", O_WRONLY));
	R(fsconfig_(fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0));
	close(fd);
	R(fspick_(AT_FDCWD, "a", 0));
	R(fspick_(AT_FDCWD, "a", 16));
	R(umount2("b", 0));
}

static void exclusive(void)
{
	HEAD("exclusive");
	for (int i = 0; i < 2; i++) {
		int fd = fsopen_(i ? "sysfs" : "tmpfs", 0);

		R(fsconfig_(fd, FSCONFIG_CMD_CREATE_EXCL, NULL, NULL, 0));
		R(fsconfig_(fd, FSCONFIG_CMD_CREATE_EXCL, NULL, NULL, 0));
		R(fsmount_(fd, 0, 0) >= 0);
		close(fd);
	}
}

static void trees(void)
{
	int t, m;

	HEAD("open_tree");
	dirs("t t/x u v");
	NEED(mount("m", "t", "tmpfs", 0, NULL));
	dirs("t/x");
	NEED(mount("n", "t/x", "tmpfs", 0, NULL));
	put_file("t/x/f", "x", 1, 0644);
	R(open_tree_(AT_FDCWD, "t", AT_RECURSIVE));
	R(open_tree_(AT_FDCWD, "t", 2));
	R(open_tree_(AT_FDCWD, "none", OPEN_TREE_CLONE));
	t = open_tree_(AT_FDCWD, "t", OPEN_TREE_CLOEXEC);
	R(move_mount_(t, "", AT_FDCWD, "u", MOVE_MOUNT_F_EMPTY_PATH));
	show_mounts("moved by an O_PATH descriptor");
	close(t);
	t = open_tree_(AT_FDCWD, "u", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	R(faccessat(t, "x/f", F_OK, 0));
	close(t);
	t = open_tree_(AT_FDCWD, "u", OPEN_TREE_CLONE | AT_RECURSIVE | OPEN_TREE_CLOEXEC);
	R(faccessat(t, "x/f", F_OK, 0));
	R(faccessat(t, "..", F_OK, 0));
	R(mount("x", ".", NULL, MS_SHARED, NULL));
	R(move_mount_(t, "x", AT_FDCWD, "v", 0));
	R(move_mount_(t, "", AT_FDCWD, "v", MOVE_MOUNT_F_EMPTY_PATH));
	show_mounts("a tree attached to a shared mount");
	R(mount("x", ".", NULL, MS_PRIVATE, NULL));
	close(t);
	R(access("v/x/f", F_OK));
	t = open_tree_(AT_FDCWD, "v/x/f", OPEN_TREE_CLONE);
	R(move_mount_(t, "", AT_FDCWD, "t", MOVE_MOUNT_F_EMPTY_PATH));
	put_file("over", "", 0, 0644);
	R(move_mount_(t, "", AT_FDCWD, "over", MOVE_MOUNT_F_EMPTY_PATH));
	S(get_file("over"));
	close(t);
	m = open_tree_(AT_FDCWD, "v", OPEN_TREE_CLONE | AT_RECURSIVE);
	R(move_mount_(AT_FDCWD, "u", m, "x", 0));
	R(mount("x", "v/x", NULL, MS_UNBINDABLE, NULL));
	R(open_tree_(AT_FDCWD, "v/x", OPEN_TREE_CLONE));
	close(m);
	CHILD {
		chdir("v");
		R(move_mount_(AT_FDCWD, ".", AT_FDCWD, "x", 0));
		R(move_mount_(AT_FDCWD, ".", AT_FDCWD, "x", 0x1000));
	}
	REAP("child");
	R(umount2("over", 0));
	R(umount2("v", MNT_DETACH));
	R(umount2("u", MNT_DETACH));
}

static void beneath(void)
{
	int fd, m;

	HEAD("beneath");
	dirs("w w2");
	NEED(mount("top", "w", "tmpfs", 0, NULL));
	fd = fsopen_("tmpfs", 0);
	fsconfig_(fd, FSCONFIG_SET_STRING, "source", "under", 0);
	fsconfig_(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	m = fsmount_(fd, 0, 0);
	R(move_mount_(m, "", AT_FDCWD, "w2", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_BENEATH));
	R(move_mount_(m, "", AT_FDCWD, "w", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_BENEATH | MOVE_MOUNT_SET_GROUP));
	R(move_mount_(m, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_BENEATH));
	R(move_mount_(m, "", AT_FDCWD, "w", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_BENEATH));
	show_mounts("two on w");
	R(umount2("w", 0));
	show_mounts("the lower is seen");
	NEED(mount("more", "w2", "tmpfs", 0, NULL));
	R(move_mount_(AT_FDCWD, "w2", AT_FDCWD, "w", MOVE_MOUNT_BENEATH));
	show_mounts("an attached one goes below");
	R(umount2("w", 0));
	R(umount2("w", 0));
	close(m);
	close(fd);
}

static void groups(void)
{
	HEAD("set group");
	dirs("g h i");
	NEED(mount("m", "g", "tmpfs", 0, NULL));
	dirs("g/x g/y");
	NEED(mount("g", "h", NULL, MS_BIND, NULL));
	NEED(mount("g/x", "i", NULL, MS_BIND, NULL));
	R(move_mount_(AT_FDCWD, "g", AT_FDCWD, "h", MOVE_MOUNT_SET_GROUP));
	R(mount("x", "g", NULL, MS_SHARED, NULL));
	R(move_mount_(AT_FDCWD, "g", AT_FDCWD, "h", MOVE_MOUNT_SET_GROUP));
	R(move_mount_(AT_FDCWD, "g", AT_FDCWD, "h", MOVE_MOUNT_SET_GROUP));
	R(move_mount_(AT_FDCWD, "i", AT_FDCWD, "g", MOVE_MOUNT_SET_GROUP));
	R(move_mount_(AT_FDCWD, "g/y", AT_FDCWD, "i", MOVE_MOUNT_SET_GROUP));
	R(move_mount_(AT_FDCWD, "g", AT_FDCWD, "i", MOVE_MOUNT_SET_GROUP));
	R(move_mount_(AT_FDCWD, "/proc", AT_FDCWD, "i", MOVE_MOUNT_SET_GROUP));
	show_mounts("one group");
	R(umount2("i", 0));
	R(umount2("h", 0));
	R(umount2("g", 0));
}

int main(void)
{
	own_mounts();
	opening();
	arguments();
	phases();
	exclusive();
	trees();
	beneath();
	groups();
	return 0;
}
