// SPDX-License-Identifier: BSD-2-Clause
/* The parts of /proc that static programs and busybox read: names, formats, permissions, errors. */
#include "abi.h"
#include <dirent.h>

static char buf[65536];

static ssize_t slurp(const char *path)
{
	int fd = open(path, O_RDONLY);
	size_t len = 0;

	if (fd < 0)
		return -1;
	for (ssize_t n; len < sizeof(buf) - 1 && (n = read(fd, buf + len, sizeof(buf) - 1 - len)) > 0;)
		len += n;
	close(fd);
	buf[len] = 0;
	return len;
}

/* The value of "Key:" in the last file read, with runs of blanks as one. */
static const char *field(const char *key)
{
	static char out[128];
	size_t n = strlen(key), k = 0;

	for (char *l = buf; l; l = strchr(l, '\n') ? strchr(l, '\n') + 1 : NULL) {
		if (strncmp(l, key, n) || l[n] != ':')
			continue;
		for (char *p = l + n + 1; *p && *p != '\n' && k < sizeof(out) - 1; p++)
			if (*p != '\t' && *p != ' ')
				out[k++] = *p;
			else if (k && out[k - 1] != ' ')
				out[k++] = ' ';
		out[k] = 0;
		return out;
	}
	return "absent";
}

static int words(const char *line)
{
	int n = 0, in = 0;

	for (; *line && *line != '\n'; line++) {
		n += *line != ' ' && !in;
		in = *line != ' ';
	}
	return n;
}

static void self_files(void)
{
	HEAD("status");
	prctl(PR_SET_NAME, "na(me) x");
	slurp("/proc/self/status");
	static const char *const fixed[] = {"Name", "Umask", "Uid", "Gid", "Groups", "Threads", "SigPnd",
		"ShdPnd", "SigBlk", "SigIgn", "SigCgt", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb",
		"NoNewPrivs", "Seccomp", "TracerPid"};
	sigset_t s = sig_set(SIGUSR2);
	sigprocmask(SIG_BLOCK, &s, NULL);
	signal(SIGHUP, SIG_IGN);
	on_signal(SIGUSR1, (void (*)(int))_exit, 0);
	raise(SIGUSR2);
	slurp("/proc/self/status");
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		say("%s: %s\n", fixed[i], field(fixed[i]));
	IS(!strncmp(field("State"), "R (running)", 11));
	IS(atoi(field("Pid")) == getpid());
	IS(atoi(field("Tgid")) == getpid());
	IS(atoi(field("PPid")) == getppid());
	IS(atoi(field("VmSize")) > 0 && strstr(field("VmSize"), " kB"));
	IS(atoi(field("VmRSS")) > 0);
	IS(atoi(field("VmStk")) > 0);
	HEAD("stat");
	slurp("/proc/self/stat");
	char *p = strrchr(buf, ')');
	IS(atoi(buf) == getpid());
	V(words(p + 2));
	p[1] = 0;
	S(strchr(buf, '('));
	slurp("/proc/self/statm");
	V(words(buf));
	HEAD("cmdline environ comm");
	ssize_t n = slurp("/proc/self/cmdline");
	say_bytes("cmdline", buf, n);
	n = slurp("/proc/self/environ");
	say_bytes("environ", buf, n);
	slurp("/proc/self/comm");
	S(buf);
	int comm = NEED(open("/proc/self/comm", O_WRONLY));
	R(write(comm, "written", 7));
	close(comm);
	slurp("/proc/self/comm");
	S(buf);
	HEAD("links");
	static const char *const links[] = {"/proc/self/exe", "/proc/self/cwd", "/proc/self/root",
		"/proc/self/fd/0"};
	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		n = readlink(links[i], buf, sizeof(buf));
		buf[n > 0 ? n : 0] = 0;
		say("%s -> %s\n", links[i], buf);
	}
	int fd = NEED(open("gone", O_RDWR | O_CREAT, 0644)), pp[2];
	unlink("gone");
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, buf, sizeof(buf));
	buf[n] = 0;
	S(buf);
	pipe(pp);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", pp[0]);
	n = readlink(path, buf, sizeof(buf));
	buf[n] = 0;
	IS(!strncmp(buf, "pipe:[", 6));
	R(readlink("/proc/self/fd/99", buf, 10));
	R(readlink("/proc/self/fd/x", buf, 10));
	n = readlink("/proc/self", buf, sizeof(buf));
	buf[n] = 0;
	IS(atoi(buf) == getpid());
	n = readlink("/proc/thread-self", buf, sizeof(buf));
	buf[n] = 0;
	IS(strstr(buf, "/task/") != NULL);
	DIR *d = opendir("/proc/self/fd");
	int count = 0;
	for (struct dirent *e; (e = readdir(d));)
		count += e->d_name[0] != '.';
	V(count);
	closedir(d);
	slurp("/proc/self/fdinfo/0");
	say("pos %s flags %s\n", field("pos"), field("flags"));
	d = opendir("/proc/self/task");
	for (count = 0; readdir(d); count++)
		;
	V(count);
	closedir(d);
	slurp("/proc/self/limits");
	IS(strstr(buf, "Max open files            1024                 4096                 files"));
	slurp("/proc/self/mounts");
	IS(strstr(buf, "proc /proc proc ") != NULL);
	slurp("/proc/self/oom_score_adj");
	S(buf);
	slurp("/proc/self/maps");
	IS(strstr(buf, "[stack]") != NULL);
}

static void global_files(void)
{
	HEAD("global");
	slurp("/proc/meminfo");
	static const char *const mem[] = {"MemTotal", "MemFree", "MemAvailable", "Buffers", "Cached",
		"SwapTotal", "SwapFree", "Shmem", "Slab", "SwapCached", "Active", "Inactive", "Active(anon)",
		"Inactive(anon)", "Active(file)", "Inactive(file)", "Dirty", "Writeback",
		"AnonPages", "KReclaimable", "SReclaimable", "SUnreclaim", "KernelStack", "PageTables",
		"CommitLimit", "Committed_AS", "VmallocTotal", "VmallocUsed", "Percpu"};
	for (size_t i = 0; i < ARRAY_LEN(mem); i++)
		say("%s: %s\n", mem[i], strstr(field(mem[i]), "kB") ? "kB" : field(mem[i]));
	IS(atoi(field("Shmem")) > 0 && atoi(field("Shmem")) <= atoi(field("Cached")));
	IS(slurp("/proc/buddyinfo") > 0 && !strncmp(buf, "Node 0, zone ", 13));
	V(words(buf));
	IS(slurp("/proc/zoneinfo") > 0 && strstr(buf, "\n        managed  "));
	slurp("/proc/stat");
	IS(!strncmp(buf, "cpu  ", 5));
	V(words(buf));
	IS(strstr(buf, "\ncpu0 ") && strstr(buf, "\nctxt ") && strstr(buf, "\nbtime ") &&
		strstr(buf, "\nprocesses "));
	slurp("/proc/uptime");
	V(words(buf));
	slurp("/proc/loadavg");
	V(words(buf));
	slurp("/proc/version");
	IS(!strncmp(buf, "Linux version ", 14));
	slurp("/proc/filesystems");
	IS(strstr(buf, "nodev\ttmpfs\n") && strstr(buf, "nodev\tproc\n"));
	slurp("/proc/cpuinfo");
	IS(strstr(buf, "processor\t: 0\n") && strstr(buf, "flags\t\t: "));
	slurp("/proc/cmdline");
	IS(buf[0] && buf[strlen(buf) - 1] == '\n');
	slurp("/proc/devices");
	IS(strstr(buf, "Character devices:\n") && strstr(buf, "  1 mem\n"));
	IS(slurp("/proc/sys/kernel/hostname") > 0);
	S(buf);
	slurp("/proc/sys/kernel/ostype");
	S(buf);
	IS(slurp("/proc/sys/kernel/pid_max") > 0 && atoi(buf) >= 32768);
	slurp("/proc/sys/kernel/random/uuid");
	V(strlen(buf));
	IS(slurp("/proc/sys/kernel/osrelease") > 0);
	slurp("/proc/sys/fs/file-nr");
	V(words(buf));
	IS(strstr(buf, "\t0\t") && atoi(buf) > 0);
	slurp("/proc/sys/kernel/randomize_va_space");
	S(buf);
	slurp("/proc/sys/kernel/overflowuid");
	S(buf);
	slurp("/proc/sys/fs/pipe-max-size");
	S(buf);
	IS(slurp("/proc/sys/vm/min_free_kbytes") > 0 && atoi(buf) > 0);
	slurp("/proc/sys/vm/overcommit_memory");
	IS(buf[0] >= '0' && buf[0] <= '2');
}

static void errors(void)
{
	struct stat st;

	HEAD("errors and permissions");
	R(open("/proc/none", O_RDONLY));
	R(open("/proc/999999/stat", O_RDONLY));
	R(mkdir("/proc/x", 0755));
	R(open("/proc/x", O_CREAT | O_RDWR, 0644));
	R(unlink("/proc/self/stat"));
	R(rmdir("/proc/self"));
	R(chdir("/proc/self"));
	R(access("stat", R_OK));
	R(chdir("/work"));
	R(stat("/proc/self/stat", &st));
	V(st.st_size);
	V(st.st_mode & 0777);
	R(stat("/proc/self", &st));
	V(st.st_mode & 0777);
	R(lstat("/proc/self/exe", &st));
	V(st.st_mode & 0777);
	int fd = NEED(open("/proc/self/status", O_RDONLY));
	char a[10], b[10];
	R(read(fd, a, 5));
	R(read(fd, b, 5));
	R(pread(fd, a + 5, 5, 5));
	IS(!memcmp(a + 5, b, 5));
	R(lseek(fd, 0, SEEK_SET));
	R(read(fd, b, 5));
	IS(!memcmp(a, b, 5));
	R(write(fd, "x", 1));
	CHILD {
		pause();
	}
	pid_t root_kid = child_pid;
	CHILD {
		char path[64];
		become(1000);
		snprintf(path, sizeof(path), "/proc/%d/stat", root_kid);
		OK(open(path, O_RDONLY));
		snprintf(path, sizeof(path), "/proc/%d/environ", root_kid);
		R(open(path, O_RDONLY) < 0 ? -1 : 0);
		snprintf(path, sizeof(path), "/proc/%d/exe", root_kid);
		R(readlink(path, buf, 10));
		snprintf(path, sizeof(path), "/proc/%d/fd", root_kid);
		R(open(path, O_RDONLY));
		snprintf(path, sizeof(path), "/proc/%d/cmdline", root_kid);
		OK(open(path, O_RDONLY));
	}
	REAP("user");
	kill(root_kid, SIGKILL);
	reap_pid("child", root_kid);
	/* A file of a process that has gone since it was opened. */
	CHILD {
		pause();
	}
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/stat", child_pid);
	fd = NEED(open(path, O_RDONLY));
	snprintf(path, sizeof(path), "/proc/%d", child_pid);
	int dir = NEED(open(path, O_RDONLY));
	kill(child_pid, SIGKILL);
	await_state(child_pid, 'Z');
	snprintf(path, sizeof(path), "/proc/%d/cmdline", child_pid);
	V(slurp(path));
	REAP("zombie");
	R(read(fd, buf, 10));
	R(openat(dir, "stat", O_RDONLY));
	R(openat(dir, "none", O_RDONLY));
	R(openat(dir, "fd", O_RDONLY));
	R(openat(dir, "task/1/stat", O_RDONLY));
	R(openat(dir, ".", O_RDONLY));
	R(fstatat(dir, "stat", &st, 0));
	R(fstatat(dir, "exe", &st, AT_SYMLINK_NOFOLLOW));
	R(readlinkat(dir, "exe", buf, 10));
	R(faccessat(dir, "stat", R_OK, 0));
	R(fstat(dir, &st));
	R(fstat(fd, &st));
	R(fchdir(dir));
	R(syscall(SYS_getdents64, dir, buf, 4096));
	R(mkdirat(dir, "x", 0755));
	R(stat(path, &st));
	IS(slurp("/proc/sys/fs/inotify/max_user_watches") > 0 && atoi(buf) >= 8192);
}

/* What a sleeper waits in: the call's number and its first arguments. */
static void sleeper(void)
{
	int p[2];
	char path[64];

	HEAD("syscall");
	NEED(pipe(p));
	CHILD {
		char c;
		close(p[1]);
		read(p[0], &c, 0x1);
	}
	await_state(child_pid, 'S');
	snprintf(path, sizeof(path), "/proc/%d/syscall", child_pid);
	FILE *f = fopen(path, "r");
	long nr = -1, fd = -1;
	if (f && fscanf(f, "%ld 0x%lx", &nr, &fd) == 2)
		fclose(f);
	IS(nr == SYS_read && fd == p[0]);
	close(p[1]);
	REAP("sleeper");
}

static long put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	long r = fd < 0 ? -1 : write(fd, text, strlen(text));
	int e = errno;

	if (fd >= 0)
		close(fd);
	errno = e;
	return r;
}

/* Maps of IDs of the initial user namespace, and who has logged in. */
static void ids(void)
{
	static const char *const maps[] = {"/proc/self/uid_map", "/proc/self/gid_map", "/proc/self/projid_map", "/proc/self/setgroups"};

	HEAD("ids");
	for (size_t i = 0; i < ARRAY_LEN(maps); i++)
		say("%s", get_file(maps[i]));
	R(put("/proc/self/uid_map", "0 0 1"));
	R(put("/proc/self/setgroups", "allow"));
	R(put("/proc/self/setgroups", "deny"));
	R(put("/proc/self/setgroups", "perhaps"));
	CHILD {
		R(put("/proc/self/loginuid", "1234"));
		say("%s\n", get_file("/proc/self/loginuid"));
		IS(atoi(get_file("/proc/self/sessionid")) > 0);
		R(put("/proc/self/loginuid", "x"));
		R(put("/proc/1/loginuid", "5"));
		CHILD
			say("%s\n", get_file("/proc/self/loginuid"));
		REAP("inherited");
		R(put("/proc/self/loginuid", "4294967295"));
		say("%s %s\n", get_file("/proc/self/loginuid"), get_file("/proc/self/sessionid"));
	}
	REAP("login");
}

/* The call that reads is the call that is shown. */
static void own_call(void)
{
	char want[64], got[256] = "";
	int fd = open("/proc/self/syscall", O_RDONLY);

	snprintf(want, sizeof(want), "%d %#x %#lx %#x ", SYS_read, fd, (unsigned long)got, 255);
	syscall(SYS_read, fd, got, 255);
	IS(memcmp(got, want, strlen(want)) == 0);
	close(fd);
}

int main(void)
{
	sleeper();
	ids();
	own_call();
	self_files();
	global_files();
	errors();
	return 0;
}
