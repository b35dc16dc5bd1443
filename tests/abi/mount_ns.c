// SPDX-License-Identifier: BSD-2-Clause
/* Namespaces of mounts and names: unshare(2), clone(2), setns(2), /proc/PID/ns, ioctl_ns(2). */
#include "mnt.h"
#include <linux/nsfs.h>
#include <linux/sched.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

static ino_t ns_ino(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_ino;
}

static int newfd(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC);
}

static void files(void)
{
	struct statfs sf;
	struct stat st, lst;
	char text[64], want[64];
	int fd;

	HEAD("files");
	NEED(stat("/proc/self/ns/mnt", &st));
	NEED(lstat("/proc/self/ns/mnt", &lst));
	say("mode %o, link %o, size %lld nlink %ld\n", st.st_mode, lst.st_mode, (long long)st.st_size, (long)st.st_nlink);
	text[readlink("/proc/self/ns/mnt", text, 63)] = 0;
	snprintf(want, sizeof(want), "mnt:[%llu]", (unsigned long long)st.st_ino);
	IS(!strcmp(text, want));
	IS(ns_ino("/proc/self/ns/mnt") == ns_ino("/proc/thread-self/ns/mnt"));
	IS(ns_ino("/proc/self/ns/uts") != ns_ino("/proc/self/ns/mnt"));
	R(readlink("/proc/self/ns/none", text, 63));
	fd = newfd("/proc/self/ns/mnt");
	NEED(fstatfs(fd, &sf));
	X(sf.f_type);
	R(ioctl(fd, NS_GET_NSTYPE));
	R(ioctl(fd, NS_GET_PARENT));
	R(ioctl(fd, NS_GET_OWNER_UID, &(uid_t){0}));
	unsigned long long id = 0, id2 = 0;
	R(ioctl(fd, NS_GET_MNTNS_ID, &id));
	IS(id > 0);
	struct mnt_ns_info info = {0};
	R(ioctl(fd, NS_MNT_GET_INFO, &info));
	V(info.size);
	IS(info.mnt_ns_id == id && info.nr_mounts > 0);
	R(ioctl(fd, NS_MNT_GET_INFO, NULL));
	R(ioctl(fd, 0xb7ff));
	R(read(fd, text, 1));
	R(write(fd, text, 1));
	int user = ioctl(fd, NS_GET_USERNS);
	R(user >= 0);
	R(ioctl(user, NS_GET_NSTYPE) == CLONE_NEWUSER);
	R(ioctl(user, NS_GET_MNTNS_ID, &id2));
	close(user);
	close(fd);
	fd = newfd("/proc/self/ns/uts");
	R(ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWUTS);
	R(ioctl(fd, NS_GET_MNTNS_ID, &id));
	R(ioctl(fd, NS_MNT_GET_INFO, &info));
	close(fd);
	R(open("/proc/self/ns/mnt", O_RDONLY | O_NOFOLLOW));
	R(unlink("/proc/self/ns/mnt"));
	R(open("/proc/self/ns/new", O_CREAT | O_RDWR, 0600));
	CHILD {
		become(1000);
		R(readlink("/proc/1/ns/mnt", text, 63));
		R(newfd("/proc/1/ns/mnt"));
		R(open("/proc/1/ns", O_RDONLY | O_DIRECTORY));
	}
	REAP("user");
}

static void unsharing(void)
{
	HEAD("unshare");
	R(unshare(0));
	R(unshare(0x1));
	R(unshare(CLONE_FS | CLONE_FILES | CLONE_SYSVSEM));
	R(unshare(CLONE_VM));
	R(unshare(CLONE_SIGHAND | CLONE_THREAD));
	R(unshare(CLONE_PARENT));
	CHILD {
		ino_t m = ns_ino("/proc/self/ns/mnt"), u = ns_ino("/proc/self/ns/uts");

		R(unshare(CLONE_NEWNS | CLONE_NEWUTS));
		IS(ns_ino("/proc/self/ns/mnt") != m);
		IS(ns_ino("/proc/self/ns/uts") != u);
		IS(ns_ino("/proc/self/ns/mnt") != 0);
		R(sethostname("inside", 6));
		NEED(mkdir("only", 0755));
		NEED(mount("m", "only", "tmpfs", 0, NULL));
		R(mkdir("only/here", 0755));
	}
	REAP("child");
	R(access("only/here", F_OK));
	R(rmdir("only"));
	char name[65];
	gethostname(name, sizeof(name));
	R(strcmp(name, "inside") != 0);
	R(syscall(SYS_clone, CLONE_NEWNS | CLONE_FS | SIGCHLD, 0, 0, 0, 0));
	R(syscall(SYS_clone, CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_NEWPID, 0, 0, 0, 0));
	R(syscall(SYS_clone, CLONE_NEWIPC | CLONE_SYSVSEM | SIGCHLD, 0, 0, 0, 0));
	CHILD {
		become(1000);
		R(syscall(SYS_clone, CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0));
		R(syscall(SYS_clone, CLONE_NEWUTS | SIGCHLD, 0, 0, 0, 0));
	}
	REAP("user");
	ino_t m = ns_ino("/proc/self/ns/mnt");
	struct clone_args a = {.flags = CLONE_NEWNS, .exit_signal = SIGCHLD};
	pid_t pid = syscall(SYS_clone3, &a, sizeof(a));
	if (!pid) {
		IS(ns_ino("/proc/self/ns/mnt") != m);
		_exit(0);
	}
	reap_pid("clone3", pid);
}

static int worker_go[2], worker_done[2];

/* One with namespaces of his own, who waits. */
static pid_t start_worker(void)
{
	char c;

	pipe(worker_go);
	pipe(worker_done);
	CHILD {
		NEED(unshare(CLONE_NEWNS | CLONE_NEWUTS));
		NEED(sethostname("worker", 6));
		NEED(mount("w", "there", "tmpfs", 0, NULL));
		put_file("there/worker", "w", 1, 0644);
		write(worker_done[1], "", 1);
		read(worker_go[0], &c, 1);
	}
	read(worker_done[0], &c, 1);
	return child_pid;
}

static void say_where(void)
{
	char name[65] = "", cwd[PATH_MAX];

	gethostname(name, sizeof(name));
	say("host %s, worker's file %s, cwd %s\n", strcmp(name, "worker") ? "other" : name,
		access("there/worker", F_OK) ? err_name(errno) : "is there", getcwd(cwd, sizeof(cwd)) ? !strcmp(cwd, "/") ? "/" : "other" : err_name(errno));
}

static void entering(void)
{
	char path[64];
	pid_t w;
	int mnt, uts, pidfd;

	HEAD("setns");
	dirs("there");
	w = start_worker();
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", w);
	mnt = newfd(path);
	snprintf(path, sizeof(path), "/proc/%d/ns/uts", w);
	uts = newfd(path);
	pidfd = syscall(SYS_pidfd_open, w, 0);
	R(setns(-1, 0));
	R(setns(0, 0));
	R(setns(mnt, CLONE_NEWUTS));
	R(setns(pidfd, 0));
	R(setns(pidfd, 1));
	R(setns(open(".", O_PATH), CLONE_NEWNS));
	int self = newfd("/proc/self/ns/user");
	R(setns(self, 0));
	R(setns(self, CLONE_NEWUSER));
	CHILD {
		R(setns(uts, 0));
		say_where();
		R(setns(mnt, CLONE_NEWNS));
		say_where();
		chdir(top);
		say_where();
		R(setns(mnt, CLONE_NEWNS));
	}
	REAP("by files");
	CHILD {
		R(setns(pidfd, CLONE_NEWNS | CLONE_NEWUTS));
		say_where();
		chdir(top);
		say_where();
	}
	REAP("by pidfd");
	CHILD {
		pid_t t = syscall(SYS_clone, CLONE_FS | SIGCHLD, 0, 0, 0, 0);

		if (!t) {
			pause();
			_exit(0);
		}
		R(setns(mnt, CLONE_NEWNS));
		R(setns(uts, 0));
		kill(t, SIGKILL);
		waitpid(t, NULL, 0);
		R(setns(mnt, CLONE_NEWNS));
	}
	REAP("shared fs");
	CHILD {
		become(1000);
		R(setns(mnt, CLONE_NEWNS));
		R(setns(uts, CLONE_NEWUTS));
		R(setns(pidfd, CLONE_NEWNS));
	}
	REAP("user");
	HEAD("a file keeps a namespace");
	put_file("held", "", 0, 0644);
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", w);
	R(mount(path, "held", NULL, MS_BIND, NULL));
	R(mount("/proc/self/ns/mnt", "held", NULL, MS_BIND, NULL));
	snprintf(path, sizeof(path), "/proc/%d/ns/uts", w);
	R(mount(path, "held", NULL, MS_BIND, NULL));
	write(worker_go[1], "", 1);
	reap_pid("worker", w);
	R(setns(pidfd, CLONE_NEWNS));
	CHILD {
		int fd = newfd("held");

		R(ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWUTS);
		R(setns(fd, 0));
		say_where();
		R(unshare(CLONE_NEWNS));
		R(ioctl(newfd("held"), NS_GET_NSTYPE) == CLONE_NEWUTS);
	}
	REAP("by the bound uts");
	R(umount2("held", 0));
	CHILD {
		R(setns(newfd("held"), 0));
		chdir(top);
		say_where();
	}
	REAP("by the bound mnt");
	R(umount2("held", 0));
	R(umount2("held", 0));
	CHILD {
		R(setns(mnt, 0));
		chdir(top);
		say_where();
	}
	REAP("by a descriptor");
	close(mnt);
	close(uts);
	close(pidfd);
}

static void polled(void)
{
	struct pollfd p = {.events = POLLPRI};
	char buf[512];

	HEAD("poll");
	dirs("here");
	p.fd = newfd("/proc/self/mountinfo");
	R(poll(&p, 1, 0));
	X(p.revents);
	NEED(mount("m", "here", "tmpfs", 0, NULL));
	R(poll(&p, 1, 0));
	X(p.revents);
	R(poll(&p, 1, 0));
	while (read(p.fd, buf, sizeof(buf)) > 0)
		;
	CHILD {
		sleep_ms(50);
		umount2("here", 0);
		pause();
	}
	pid_t c = child_pid;
	R(poll(&p, 1, 10000));
	X(p.revents);
	kill(c, SIGKILL);
	waitpid(c, NULL, 0);
	CHILD {
		unshare(CLONE_NEWNS);
		mount("m", "here", "tmpfs", 0, NULL);
	}
	REAP("elsewhere");
	R(poll(&p, 1, 0));
	close(p.fd);
}

int main(void)
{
	cpu_set_t one;

	/* Newer Linux gives each CPU numbers of its own for namespaces, and which of two is older decides what may be bound. */
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	NEED(sched_setaffinity(0, sizeof(one), &one));
	own_mounts();
	files();
	unsharing();
	entering();
	polled();
	return 0;
}
