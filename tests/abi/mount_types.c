// SPDX-License-Identifier: BSD-2-Clause
/* What the types of file systems take as parameters, and what of it is seen. */
#include "mnt.h"
#include <dirent.h>
#include <sys/sysmacros.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

static int mnt(const char *type, const char *data)
{
	return mount("src", "m", type, 0, data);
}

static void take(const char *type, const char *data)
{
	say("%s %s", type, data ? data : "-");
	errno = 0;
	say(" = %d %s\n", mnt(type, data), errno ? err_name(errno) : "");
	if (!errno) {
		show_mounts("now");
		umount2("m", 0);
	}
}

static void tmpfs(void)
{
	struct statfs sf;

	HEAD("tmpfs");
	take("tmpfs", "size=64k,nr_inodes=10,mode=700,uid=5,gid=6");
	take("tmpfs", "nr_blocks=3,mode=1777");
	take("tmpfs", "size=64k,size=128k");
	take("tmpfs", "size=64kk");
	take("tmpfs", "size=");
	take("tmpfs", "size");
	take("tmpfs", "nr_inodes=-1");
	take("tmpfs", "mode=8");
	take("tmpfs", "uid=-1");
	take("tmpfs", "what=1");
	take("tmpfs", ",,mode=711,,");
	take("tmpfs", "ro,sync,noswap");
	take("tmpfs", "rw,lazytime,mand,dirsync");
	NEED(mnt("tmpfs", "size=64k,nr_inodes=4"));
	NEED(statfs("m", &sf));
	V(sf.f_blocks * sf.f_bsize);
	V(sf.f_files);
	V(sf.f_ffree);
	R(mount(NULL, "m", NULL, MS_REMOUNT, "size=4k"));
	put_file("m/f", "x", 1, 0644);
	int fd = open("m/f", O_WRONLY);
	R(pwrite(fd, top, 4096, 4096));
	R(pwrite(fd, top, 4096, 0));
	close(fd);
	R(mount(NULL, "m", NULL, MS_REMOUNT, "size=64k,mode=700"));
	say_stat("m");
	R(mount(NULL, "m", NULL, MS_REMOUNT, "nr_inodes=1"));
	R(mkdir("m/1", 0755));
	R(mkdir("m/2", 0755));
	R(mkdir("m/3", 0755));
	R(mount(NULL, "m", NULL, MS_REMOUNT, "noswap"));
	umount2("m", 0);
	NEED(mnt("tmpfs", "size=0"));
	R(mount(NULL, "m", NULL, MS_REMOUNT, "size=64k"));
	umount2("m", 0);
	HEAD("ramfs");
	take("ramfs", "mode=700,size=5");
	take("ramfs", NULL);
	NEED(mnt("ramfs", NULL));
	NEED(statfs("m", &sf));
	X(sf.f_type);
	V(sf.f_blocks);
	umount2("m", 0);
	HEAD("others");
	take("pipefs", NULL);
	take("nofs", NULL);
	take("sysfs", "what");
	R(mount("src", "m", NULL, 0, NULL));
	R(mount(NULL, "m", "tmpfs", 0, NULL));
	show_mounts("without a source");
	umount2("m", 0);
	R(mount("src", "m/none", "tmpfs", 0, NULL));
	put_file("f", "", 0, 0644);
	R(mount("src", "f", "tmpfs", 0, NULL));
	R(mount("src", "m", (char *)1, 0, NULL));
	R(mount((char *)1, "m", "tmpfs", 0, NULL));
	R(mount("src", "m", "tmpfs", 0, (char *)1));
	R(mount("src", (char *)1, "tmpfs", 0, NULL));
}

static int count_numbers(const char *dir)
{
	int n = 0;
	DIR *d = opendir(dir);

	for (struct dirent *e; d && (e = readdir(d));)
		n += e->d_name[0] >= '1' && e->d_name[0] <= '9';
	if (d)
		closedir(d);
	return n;
}

static void say_proc(const char *who, pid_t other, bool open_too)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "m/%d", other);
	say("%s: many %s; stat %s", who, count_numbers("m") > 1 ? "yes" : "no", stat(path, &st) ? err_name(errno) : "ok");
	strcat(path, "/stat");
	int fd = open_too ? open(path, O_RDONLY) : -1;
	if (!open_too) /* depends on what is cached */
		errno = 0;
	say("; file %s\n", fd < 0 ? err_name(errno) : "ok");
	close(fd);
}

static void proc(void)
{
	static const char *const levels[] = {"0", "1", "2", "4", "noaccess", "off"};

	HEAD("proc");
	take("proc", "hidepid=3");
	take("proc", "hidepid=some");
	take("proc", "hidepid=invisible,gid=5");
	take("proc", "subset=pid");
	take("proc", "subset=all");
	take("proc", "what=1");
	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		char data[64];

		snprintf(data, sizeof(data), "hidepid=%s,gid=77", levels[i]);
		NEED(mnt("proc", data));
		say("hidepid=%s\n", levels[i]);
		pid_t me = getpid();
		say_proc("root", me, true);
		CHILD {
			become(1000);
			say_proc("user", me, *levels[i] != '4');
			say_proc("user itself", getpid(), true);
		}
		waitpid(child_pid, NULL, 0);
		CHILD {
			become(77);
			say_proc("group", me, *levels[i] != '4');
		}
		waitpid(child_pid, NULL, 0);
		umount2("m", 0);
	}
	NEED(mnt("proc", "subset=pid"));
	R(access("m/self/stat", F_OK));
	R(access("m/thread-self", F_OK));
	R(access("m/meminfo", F_OK));
	R(access("m/sys", F_OK));
	R(mount(NULL, "m", NULL, MS_REMOUNT, "hidepid=2"));
	show_mounts("remounted");
	struct stat a, b;
	stat("m", &a);
	stat("/proc", &b);
	IS(a.st_dev != b.st_dev);
	umount2("m", 0);
}

static void devpts(void)
{
	int a, b, s, n;

	HEAD("devpts");
	take("devpts", "mode=620,gid=5,uid=7,ptmxmode=666");
	take("devpts", "newinstance,max=3");
	take("devpts", "max=x");
	take("devpts", "what");
	NEED(mnt("devpts", "ptmxmode=666,mode=600,max=2"));
	say_stat("m/ptmx");
	R(a = open("m/ptmx", O_RDWR | O_NOCTTY));
	R(ioctl(a, TIOCGPTN, &n));
	V(n);
	say_stat("m/0");
	R(b = open("m/ptmx", O_RDWR | O_NOCTTY));
	R(open("m/ptmx", O_RDWR | O_NOCTTY));
	R(open("m/0", O_RDWR | O_NOCTTY));
	R(ioctl(a, TIOCSPTLCK, &(int){0}));
	R(s = open("m/0", O_RDWR | O_NOCTTY));
	R(write(s, "hello\n", 6));
	char buf[32];
	R(read(a, buf, sizeof(buf)));
	R(ioctl(a, TIOCGPTPEER, O_RDWR | O_NOCTTY) >= 0);
	mknod("slave", S_IFCHR | 0666, makedev(136, 0));
	R(open("slave", O_RDWR | O_NOCTTY));
	mknod("ptmx", S_IFCHR | 0666, makedev(5, 2));
	R(open("ptmx", O_RDWR | O_NOCTTY));
	mkdir("pts", 0755);
	R(open("ptmx", O_RDWR | O_NOCTTY));
	NEED(mount("m", "pts", NULL, MS_BIND, NULL));
	close(b);
	R(b = open("ptmx", O_RDWR | O_NOCTTY));
	R(ioctl(b, TIOCGPTN, &n));
	V(n);
	R(umount2("pts", 0));
	R(umount2("m", 0));
	R(mount(NULL, "m", NULL, MS_REMOUNT, "mode=622"));
	show_mounts("remounted");
	close(b);
	close(a);
	R(access("m/0", F_OK));
	R(write(s, "x", 1));
	close(s);
	R(umount2("m", MNT_DETACH));
}

int main(void)
{
	own_mounts();
	dirs("m");
	tmpfs();
	proc();
	devpts();
	return 0;
}
