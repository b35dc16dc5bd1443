// SPDX-License-Identifier: BSD-2-Clause
/* Overlays: options, what fits together and what does not, layers on layers, the new mount calls. */
#include "overlay.h"

static void try(const char *options)
{
	int r = overlay(options);

	say("%s: %s\n", options, r ? err_name(errno) : "ok");
	if (!r) {
		show_mounts("mounts");
		NEED(umount("m"));
	}
}

static void options(void)
{
	HEAD("options");
	try("");
	try("lowerdir=");
	try("lowerdir=none");
	try("lowerdir=file");
	try("lowerdir=l1");
	try("lowerdir=l1:none");
	try("lowerdir=l1:");
	try("lowerdir=:l1");
	try("lowerdir=l1,upperdir=u");
	try("lowerdir=l1,workdir=w");
	try("lowerdir=l1,upperdir=none,workdir=w");
	try("lowerdir=l1,upperdir=file,workdir=w");
	try("lowerdir=l1,upperdir=u,workdir=none");
	try("lowerdir=l1,upperdir=u,workdir=u");
	try("lowerdir=l1,upperdir=u,workdir=u/in");
	try("lowerdir=l1,upperdir=u/in,workdir=u");
	try("lowerdir=l1,upperdir=u,workdir=other");
	try("lowerdir=l1:l1");
	try("lowerdir=l1:l1/in");
	try("lowerdir=l1/in:l1");
	try("lowerdir=u/in,upperdir=u,workdir=w");
	try("lowerdir=l1,upperdir=l1/in,workdir=w");
	try("lowerdir=w,upperdir=u,workdir=w");
	try("nonsense");
	try("lowerdir=l1,nonsense=1");
	try("lowerdir=l1,redirect_dir=x");
	try("lowerdir=l1,upperdir=u,workdir=w,redirect_dir=on");
	try("lowerdir=l1,upperdir=u,workdir=w,redirect_dir=off");
	try("lowerdir=l1,upperdir=u,workdir=w,redirect_dir=follow");
	try("lowerdir=l1,upperdir=u,workdir=w,redirect_dir=nofollow");
	try("lowerdir=l1,upperdir=u,workdir=w,index=off,nfs_export=off,metacopy=off,xino=off");
	try("lowerdir=l1,upperdir=u,workdir=w,index=maybe");
	try("lowerdir=l1,upperdir=u,workdir=w,xino=on");
	try("lowerdir=l1:other,upperdir=u,workdir=w,xino=on");
	try("lowerdir=l1:other,upperdir=u,workdir=w,xino=auto");
	try("lowerdir=l1,upperdir=u,workdir=w,uuid=null");
	try("lowerdir=l1,upperdir=u,workdir=w,uuid=off");
	try("lowerdir=l1,upperdir=u2,workdir=w,uuid=on");
	try("lowerdir=l1,upperdir=u,workdir=w,userxattr");
	try("lowerdir=l1,upperdir=u,workdir=w,userxattr,redirect_dir=on");
	try("lowerdir=l1:l2,default_permissions");
	try("lowerdir=with\\:colon:l1");
	try("lowerdir=with\\,comma:l1");
	try("lowerdir=with space:with\\:colon");
	try("lowerdir=l1,lowerdir=l2:l1");
	try("lowerdir=l1:l2,volatile");
	OK(overlay("lowerdir=l1,upperdir=u,workdir=w2,volatile")); /* shown as "fsync=volatile" by later kernels */
	OK(umount("m"));
	try("lowerdir=l1,upperdir=u,workdir=w2");
	show_tree("w2", true);
	show_tree("w", true);
}

static void read_only_upper(void)
{
	HEAD("read-only upper");
	NEED(mount("ro", "other", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	try("lowerdir=l1,upperdir=other/u,workdir=other/w");
	try("lowerdir=other:l1");
	NEED(mount("ro", "other", NULL, MS_REMOUNT, NULL));
	OK(overlay("lowerdir=l1,upperdir=other/u,workdir=other/w"));
	R(mount(NULL, "other", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	R(open("m/f", O_WRONLY | O_CREAT, 0600));
	R(mount(NULL, "other", NULL, MS_REMOUNT, NULL));
	OK(open("m/f", O_WRONLY | O_CREAT, 0600));
	OK(umount2("m", MNT_DETACH));
}

static void stacked(void)
{
	HEAD("stacked");
	put("l1/f", "bottom");
	OK(overlay("lowerdir=l1:l2"));
	OK(mount("two", "m2", "overlay", 0, "lowerdir=m,upperdir=u2,workdir=w"));
	cat("m2/f");
	put("m2/f", "middle");
	cat("m/f");
	R(mount("three", "m3", "overlay", 0, "lowerdir=m2"));
	OK(umount("m"));
	cat("m2/f");
	OK(umount("m2"));
	show_tree("u2", true);
	OK(overlay(STD));
	NEED(mkdir("m/u", 0755));
	NEED(mkdir("m/w", 0755));
	R(mount("two", "m2", "overlay", 0, "lowerdir=l2,upperdir=m/u,workdir=m/w"));
	OK(umount("m"));
	show_tree("u", true);
}

static int string(int fd, const char *key, const char *value)
{
	return (int)syscall(SYS_fsconfig, fd, FSCONFIG_SET_STRING, key, value, 0);
}

static void new_calls(void)
{
	char log[256];
	int fd, m;
	ssize_t n;

	HEAD("fsopen");
	fd = (int)OK(syscall(SYS_fsopen, "overlay", 0));
	OK(string(fd, "lowerdir+", "l1"));
	OK(string(fd, "lowerdir+", "with:colon"));
	R(string(fd, "lowerdir+", "none"));
	R(string(fd, "lowerdir+", ""));
	R(string(fd, "upperdir", "none"));
	OK(string(fd, "upperdir", "u"));
	OK(string(fd, "workdir", "w"));
	OK(string(fd, "source", "made"));
	OK(syscall(SYS_fsconfig, fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	m = (int)OK(syscall(SYS_fsmount, fd, 0, 0));
	OK(syscall(SYS_move_mount, m, "", AT_FDCWD, "m", MOVE_MOUNT_F_EMPTY_PATH));
	show_mounts("mounts");
	while ((n = read(fd, log, sizeof(log))) > 0)
		;
	R(string(fd, "lowerdir+", "l2"));
	close(m);
	close(fd);
	OK(umount("m"));
}

int main(void)
{
	own_mounts();
	layers();
	put("file", "");
	NEED(mkdir("l1/in", 0755));
	NEED(mkdir("u/in", 0755));
	NEED(mkdir("with:colon", 0755));
	NEED(mkdir("with,comma", 0755));
	NEED(mkdir("with space", 0755));
	NEED(mkdir("w2", 0755));
	NEED(mkdir("u2", 0755));
	NEED(mkdir("m2", 0755));
	NEED(mkdir("m3", 0755));
	NEED(mkdir("other", 0755));
	NEED(mount("ro", "other", "tmpfs", 0, NULL));
	NEED(mkdir("other/u", 0755));
	NEED(mkdir("other/w", 0755));
	options();
	read_only_upper();
	stacked();
	new_calls();
	return 0;
}
