// SPDX-License-Identifier: BSD-2-Clause
/* Flags of mounts and super blocks: mount(2)'s remounts, mount_setattr(2), statmount(2), listmount(2), statx(2). */
#include "mnt.h"
#include <linux/stat.h>
#include <sys/vfs.h>

static int remount(const char *path, unsigned long flags, const char *data)
{
	return mount(NULL, path, NULL, MS_REMOUNT | flags, data);
}

static void remounts(void)
{
	struct statfs sf;
	int fd;

	HEAD("remount");
	dirs("a b a/d");
	NEED(mount("m", "a", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_NOSYMFOLLOW, NULL));
	dirs("a/d");
	NEED(mount("a", "b", NULL, MS_BIND | MS_RDONLY, NULL));
	show_mounts("bound: flags of the call do not count");
	R(remount("b", MS_BIND | MS_RDONLY, NULL));
	show_mounts("bind remount: flags not given are gone, access times stay");
	R(mkdir("b/x", 0755));
	R(mkdir("a/x", 0755));
	NEED(statfs("b", &sf));
	X(sf.f_flags & ~0x20);
	NEED(statfs("a", &sf));
	X(sf.f_flags & ~0x20);
	R(remount("b", MS_BIND | MS_STRICTATIME, NULL));
	R(remount("a", MS_BIND | MS_RELATIME, NULL));
	show_mounts("access times");
	R(remount("a/d", MS_BIND, NULL));
	R(remount("none", MS_BIND, NULL));
	R(remount("a", MS_RDONLY, "size=1m"));
	show_mounts("super block too");
	R(mkdir("b/y", 0755));
	R(remount("a", 0, "size=nonsense"));
	R(remount("a", MS_SYNCHRONOUS | MS_MANDLOCK | MS_LAZYTIME | MS_DIRSYNC, "nr_inodes=100"));
	show_mounts("flags of super blocks");
	fd = open("a/file", O_CREAT | O_WRONLY, 0644);
	R(remount("a", MS_RDONLY, NULL));
	R(remount("a", MS_BIND | MS_RDONLY, NULL));
	R(remount("b", MS_BIND | MS_RDONLY, NULL));
	close(fd);
	R(remount("b", MS_BIND, NULL));
	symlink("file", "a/link");
	R(remount("a", MS_BIND | MS_NOSYMFOLLOW, NULL));
	R(open("a/link", O_RDONLY));
	R(access("b/link", F_OK));
	R(remount("a", MS_BIND | MS_NODEV, NULL));
	mknod("a/null", S_IFCHR | 0666, 0x103);
	R(open("a/null", O_RDONLY));
	R(open("b/null", O_RDONLY) >= 0);
	R(remount("a", 1ul << 31, NULL));
	R(umount2("b", 0));
}

static int setattr(const char *path, unsigned flags, unsigned long long set, unsigned long long clr, unsigned long long prop)
{
	struct mount_attr a = {.attr_set = set, .attr_clr = clr, .propagation = prop};

	return mount_setattr_(AT_FDCWD, path, flags, &a, sizeof(a));
}

static void attributes(void)
{
	struct mount_attr a = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned)-9};
	char big[64] = {0};
	int fd;

	HEAD("mount_setattr");
	dirs("s");
	NEED(mount("s", "s", "tmpfs", 0, NULL));
	dirs("s/in s/dir");
	NEED(mount("in", "s/in", "tmpfs", 0, NULL));
	R(setattr("s", 0x4000000, 0, 0, 0));
	R(mount_setattr_(AT_FDCWD, "s", 0, &a, 31));
	R(mount_setattr_(AT_FDCWD, "s", 0, &a, 4097));
	R(mount_setattr_(AT_FDCWD, "s", 0, NULL, 32));
	R(mount_setattr_(AT_FDCWD, "none", 0, (void *)big, 64));
	big[40] = 1;
	R(mount_setattr_(AT_FDCWD, "s", 0, (void *)big, 64));
	R(setattr("none", 0, MOUNT_ATTR_RDONLY, 0, 0));
	R(setattr("s/dir", 0, MOUNT_ATTR_RDONLY, 0, 0));
	R(setattr("s", 0, 1ull << 40, 0, 0));
	R(setattr("s", 0, 0, 0, MS_SHARED | MS_PRIVATE));
	R(setattr("s", 0, 0, 0, MS_NODEV));
	R(setattr("s", 0, MOUNT_ATTR_NOATIME, 0, 0));
	R(setattr("s", 0, MOUNT_ATTR_NOATIME, MOUNT_ATTR_NOATIME, 0));
	R(setattr("s", 0, MOUNT_ATTR__ATIME, MOUNT_ATTR__ATIME, 0));
	R(mount_setattr_(AT_FDCWD, "s", 0, &a, sizeof(a)));
	a.userns_fd = 999;
	R(mount_setattr_(AT_FDCWD, "s", 0, &a, sizeof(a)));
	a.userns_fd = open("/proc/self/ns/mnt", O_RDONLY);
	R(mount_setattr_(AT_FDCWD, "s", 0, &a, sizeof(a)));
	a.userns_fd = open("/proc/self/ns/user", O_RDONLY);
	R(mount_setattr_(AT_FDCWD, "s", 0, &a, sizeof(a)));
	R(setattr("s", 0, 0, MOUNT_ATTR_IDMAP, 0));
	show_mounts("nothing has changed");
	R(setattr("s", 0, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME, 0));
	R(setattr("s", AT_RECURSIVE, MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOSYMFOLLOW, 0, MS_SHARED));
	show_mounts("one, then all");
	R(setattr("s", AT_RECURSIVE, MOUNT_ATTR_STRICTATIME | MOUNT_ATTR_NODEV, MOUNT_ATTR__ATIME | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, MS_UNBINDABLE));
	show_mounts("set and cleared");
	fd = open("s/in/file", O_CREAT | O_WRONLY, 0644);
	R(setattr("s", AT_RECURSIVE, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, 0, MS_SHARED));
	show_mounts("all or nothing");
	close(fd);
	R(setattr("s", AT_RECURSIVE, MOUNT_ATTR_RDONLY, 0, 0));
	R(mkdir("s/in/x", 0755));
	fd = open_tree_(AT_FDCWD, "s", OPEN_TREE_CLOEXEC);
	R(mount_setattr_(fd, "", AT_EMPTY_PATH, &(struct mount_attr){.attr_clr = MOUNT_ATTR_RDONLY}, sizeof(a)));
	R(mkdir("s/x", 0755));
	CHILD {
		become(1000);
		R(setattr("s", 0, MOUNT_ATTR_RDONLY, 0, 0));
		R(setattr("s", 0, 0, 0, 0));
		R(setattr("s", 0x4000000, 0, 0, 0));
	}
	REAP("user");
	R(umount2("s", MNT_DETACH));
}

static unsigned long long unique_id(const char *path)
{
	struct statx sx;

	if (syscall(SYS_statx, AT_FDCWD, path, 0, STATX_MNT_ID_UNIQUE, &sx) || !(sx.stx_mask & STATX_MNT_ID_UNIQUE))
		return 0;
	return sx.stx_mnt_id;
}

static int statmount_(unsigned long long id, unsigned long long mask, void *buf, size_t size, unsigned flags)
{
	struct mnt_id_req req = {.size = MNT_ID_REQ_SIZE_VER0, .mnt_id = id, .param = mask};

	memset(buf, 0x55, size);
	return syscall(457, &req, buf, size, flags);
}

static long listmount_(unsigned long long id, unsigned long long last, unsigned long long *ids, size_t n, unsigned flags)
{
	struct mnt_id_req req = {.size = MNT_ID_REQ_SIZE_VER0, .mnt_id = id, .param = last};

	return syscall(458, &req, ids, n, flags);
}

static void by_id(void)
{
	static union {
		struct statmount s;
		char raw[8192];
	} u;
	struct mnt_id_req bad = {.size = 8};
	unsigned long long ids[8], root, in, under;
	struct statx sx;

	HEAD("statmount, listmount");
	dirs("i");
	NEED(mount("src", "i", "tmpfs", MS_NODEV | MS_NOATIME, "size=1m,mode=700"));
	dirs("i/x i/y i/x/z");
	NEED(mount("x", "i/x", "tmpfs", 0, NULL));
	dirs("i/x/z");
	NEED(mount("z", "i/x/z", "tmpfs", MS_RDONLY, NULL));
	NEED(mount("i/x", "i/y", NULL, MS_BIND, NULL));
	NEED(mount(NULL, "i/x", NULL, MS_SHARED, NULL));
	root = unique_id("i");
	in = unique_id("i/x");
	under = unique_id("i/x/z");
	IS(root && in > root && under > in);
	syscall(SYS_statx, AT_FDCWD, "i", 0, STATX_BASIC_STATS, &sx);
	IS(sx.stx_mask & STATX_MNT_ID && !(sx.stx_mask & STATX_MNT_ID_UNIQUE));
	X(sx.stx_attributes & STATX_ATTR_MOUNT_ROOT);
	syscall(SYS_statx, AT_FDCWD, "i/x/..", 0, STATX_BASIC_STATS, &sx);
	X(sx.stx_attributes & STATX_ATTR_MOUNT_ROOT);
	mkdir("i/plain", 0755);
	syscall(SYS_statx, AT_FDCWD, "i/plain", 0, STATX_BASIC_STATS, &sx);
	X(sx.stx_attributes & STATX_ATTR_MOUNT_ROOT);
	R(statmount_(root, STATMOUNT_SB_BASIC | STATMOUNT_MNT_BASIC | STATMOUNT_MNT_ROOT | STATMOUNT_MNT_POINT | STATMOUNT_FS_TYPE, u.raw, sizeof(u), 0));
	IS(u.s.size > sizeof(u.s));
	X(u.s.mask);
	X(u.s.sb_magic);
	X(u.s.sb_flags);
	IS(u.s.mnt_id == root && u.s.mnt_parent_id == unique_id("."));
	X(u.s.mnt_attr);
	X(u.s.mnt_propagation);
	V(u.s.mnt_peer_group);
	V(u.s.mnt_master);
	S(u.s.str + u.s.fs_type);
	S(u.s.str + u.s.mnt_root);
	IS(!strcmp(u.s.str + u.s.mnt_point + strlen(top), "/i"));
	R(statmount_(in, STATMOUNT_MNT_BASIC | STATMOUNT_PROPAGATE_FROM, u.raw, sizeof(u), 0));
	X(u.s.mask);
	X(u.s.mnt_propagation);
	IS(u.s.mnt_peer_group > 0);
	R(statmount_(under, STATMOUNT_SB_BASIC | STATMOUNT_MNT_BASIC, u.raw, sizeof(u), 0));
	X(u.s.mnt_attr);
	X(u.s.sb_flags);
	R(statmount_(root, STATMOUNT_MNT_POINT, u.raw, sizeof(u.s), 0));
	R(statmount_(root, STATMOUNT_MNT_BASIC, u.raw, 64, 0));
	V(u.s.size);
	R(statmount_(root, 0, u.raw, sizeof(u), 1));
	R(statmount_(1, 0, u.raw, sizeof(u), 0));
	R(statmount_(1ull << 50, 0, u.raw, sizeof(u), 0));
	R(syscall(457, &bad, u.raw, sizeof(u), 0));
	R(syscall(457, NULL, u.raw, sizeof(u), 0));
	bad = (struct mnt_id_req){.size = MNT_ID_REQ_SIZE_VER0, .mnt_id = root};
	R(syscall(457, &bad, NULL, 4096, 0));
	R(listmount_(root, 0, ids, 8, 0));
	IS(ids[0] == in && ids[1] == under && ids[2] == unique_id("i/y"));
	R(listmount_(root, in, ids, 8, 0));
	IS(ids[0] == under);
	R(listmount_(root, 0, ids, 8, LISTMOUNT_REVERSE));
	IS(ids[2] == in);
	R(listmount_(root, under, ids, 8, LISTMOUNT_REVERSE));
	IS(ids[0] == in);
	R(listmount_(root, 0, ids, 1, 0));
	R(listmount_(root, 0, ids, 0, 0));
	R(listmount_(in, 0, ids, 8, 0));
	R(listmount_(LSMT_ROOT, 0, ids, 2, 0));
	R(listmount_(root, 0, ids, 8, 2));
	R(listmount_(1ull << 50, 0, ids, 8, 0));
	R(listmount_(root, 0, ids, 2000000, 0));
	R(listmount_(root, 0, NULL, 8, 0));
	CHILD {
		NEED(chroot("i/y"));
		become(1000);
		R(statmount_(root, STATMOUNT_MNT_BASIC, u.raw, sizeof(u), 0));
		R(listmount_(root, 0, ids, 8, 0));
		R(listmount_(LSMT_ROOT, 0, ids, 8, 0));
	}
	REAP("user in a chroot");
}

int main(void)
{
	own_mounts();
	remounts();
	attributes();
	by_id();
	return 0;
}
