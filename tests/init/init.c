// SPDX-License-Identifier: BSD-2-Clause
/*
 * Process 1 of the whole-system tests, on Linux and on NOS alike.
 *
 * It mounts what a userland expects, runs the jobs of /etc/jobs one after the other, each in the same
 * well-defined environment and in an empty tmpfs, and sends what each of them printed to the console
 * in frames that survive a terminal's translations and a kernel message in between.  Then it powers
 * the machine off; with the argument "host" (a pid and mount namespace of the build machine, chrooted
 * into the same tree) it only exits.
 *
 * /etc/jobs has one job a line:   NAME SECONDS PROGRAM ARGUMENT...
 * With /etc/privileged, jobs keep every capability and the limits of process 1.
 * A frame:   @@begin NAME
 *            @@: a line of output, bytes outside printable ASCII and backslash as \xx
 *            @@+ the same, for output that does not end in a newline, or a long line's part
 *            @@end NAME (exit N | signal N | timeout) LENGTH CRC32
 * and @@done after the last job.
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_ARGS = 32, LINE_PART = 400 };

struct job {
	char *name;
	unsigned int seconds;
	char *argv[MAX_ARGS + 1];
};

static void put(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void put(const char *fmt, ...)
{
	char buf[2048];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	for (int done = 0; done < n;) {
		ssize_t w = write(1, buf + done, n - done);
		if (w < 0 && errno != EINTR)
			return;
		if (w > 0)
			done += w;
	}
}

static uint32_t crc32_add(uint32_t crc, unsigned char byte)
{
	crc ^= byte;
	for (int i = 0; i < 8; i++)
		crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	return crc;
}

/* Send one piece of a line, escaped so that no terminal changes it. */
static void send_part(const unsigned char *p, size_t len, bool whole)
{
	char out[LINE_PART * 3 + 8];
	size_t n = 0;

	memcpy(out, whole ? "@@: " : "@@+ ", 4);
	n = 4;
	for (size_t i = 0; i < len; i++) {
		if (p[i] > 32 && p[i] < 127 && p[i] != '\\')
			out[n++] = p[i];
		else if (p[i] == ' ' && i + 1 < len)
			out[n++] = ' ';
		else
			n += snprintf(out + n, 4, "\\%02x", p[i]);
	}
	out[n] = 0;
	put("%s\n", out);
}

static void send_file(const char *path, long *out_len, uint32_t *out_crc)
{
	unsigned char line[LINE_PART];
	size_t n = 0;
	uint32_t crc = ~0u;
	long len = 0;
	FILE *f = fopen(path, "r");

	for (int c; f && (c = getc(f)) != EOF;) {
		crc = crc32_add(crc, c);
		len++;
		if (c == '\n') {
			send_part(line, n, true);
			n = 0;
			continue;
		}
		line[n++] = c;
		if (n == sizeof(line)) {
			send_part(line, n, false);
			n = 0;
		}
	}
	if (n)
		send_part(line, n, false);
	if (f)
		fclose(f);
	*out_len = len;
	*out_crc = ~crc;
}

/* The build machine may lack CAP_SYS_RESOURCE, so no test has it anywhere. */
static void drop_sys_resource(void)
{
	struct __user_cap_header_struct hdr = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE);
	if (syscall(SYS_capget, &hdr, data) < 0)
		return;
	data[0].effective &= ~(1u << CAP_SYS_RESOURCE);
	data[0].permitted &= ~(1u << CAP_SYS_RESOURCE);
	data[0].inheritable = data[1].inheritable = 0;
	syscall(SYS_capset, &hdr, data);
}

static void set_limit(int which, rlim_t soft, rlim_t hard)
{
	struct rlimit r = {soft, hard};

	setrlimit(which, &r);
}

static void set_limits(void)
{
	set_limit(RLIMIT_CORE, 0, 0);
	set_limit(RLIMIT_NOFILE, 1024, 4096);
	set_limit(RLIMIT_NPROC, 2000, 2000);
	set_limit(RLIMIT_MEMLOCK, 8 << 20, 8 << 20);
	set_limit(RLIMIT_SIGPENDING, 2000, 2000);
	set_limit(RLIMIT_RTPRIO, 0, 0);
	set_limit(RLIMIT_NICE, 0, 0);
	set_limit(RLIMIT_MSGQUEUE, 819200, 819200);
}

/* Everything a program inherits is set to a known value. */
static void become_job(const struct job *job, const char *out_path)
{
	sigset_t none;
	gid_t root[1] = {0};
	int in = open("/dev/null", O_RDONLY);
	int out = open(out_path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);

	setsid();
	for (int s = 1; s < 65; s++)
		signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(in, 0);
	dup2(out, 1);
	dup2(out, 2);
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	umask(022);
	setgroups(1, root);
	if (access("/etc/privileged", F_OK) < 0) {
		set_limits();
		drop_sys_resource();
	}
	if (chdir("/work") < 0)
		_exit(126);
	char *env[] = {"PATH=/bin:/sbin:/usr/bin:/usr/sbin", "HOME=/", "LC_ALL=C", "TERM=dumb", NULL};
	execve(job->argv[0], job->argv, env);
	_exit(127);
}

/* Kill what a job left behind: everything but us. */
static void sweep_processes(void)
{
	kill(-1, SIGKILL);
	for (;;) {
		pid_t p = waitpid(-1, NULL, 0);
		if (p < 0 && errno != EINTR)
			return;
	}
}

static void alarm_rang(int sig)
{
	(void)sig;
}

static void run_job(const struct job *job)
{
	struct sigaction sa = {.sa_handler = alarm_rang};
	const char *out_path = "/out";
	int status = 0;
	bool late = false;
	long len;
	uint32_t crc;

	put("@@begin %s\n", job->name);
	mount("tmpfs", "/work", "tmpfs", 0, "mode=0755");
	pid_t pid = fork();
	if (pid == 0)
		become_job(job, out_path);
	sigaction(SIGALRM, &sa, NULL);
	alarm(job->seconds);
	for (;;) {
		pid_t p = waitpid(-1, &status, 0);
		if (p == pid || (p < 0 && errno != EINTR))
			break;
		if (p < 0 && !late) {
			late = true;
			kill(pid, SIGKILL);
		}
	}
	alarm(0);
	sweep_processes();
	umount2("/work", MNT_DETACH);
	send_file(out_path, &len, &crc);
	unlink(out_path);
	char how[32];
	if (late)
		snprintf(how, sizeof(how), "timeout");
	else if (WIFSIGNALED(status))
		snprintf(how, sizeof(how), "signal %d", WTERMSIG(status));
	else
		snprintf(how, sizeof(how), "exit %d", WEXITSTATUS(status));
	put("@@end %s %s %ld %08x\n", job->name, how, len, crc);
}

static bool parse_job(char *line, struct job *job)
{
	char *save = NULL;
	int n = 0;

	job->name = strtok_r(line, " \n", &save);
	char *secs = strtok_r(NULL, " \n", &save);
	if (!job->name || job->name[0] == '#' || !secs)
		return false;
	job->seconds = atoi(secs);
	for (char *a; n < MAX_ARGS && (a = strtok_r(NULL, " \n", &save));)
		job->argv[n++] = a;
	job->argv[n] = NULL;
	return n > 0;
}

static void mount_all(bool host)
{
	static const char *const dirs[] = {
		"/proc", "/sys", "/dev", "/dev/pts", "/dev/shm", "/tmp", "/work", "/root",
	};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		mkdir(dirs[i], 0755);
		if (i == 2)
			mount("dev", "/dev", "devtmpfs", 0, NULL);
	}
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sys", "/sys", "sysfs", 0, NULL);
	mount("pts", "/dev/pts", "devpts", 0, "mode=620,ptmxmode=666");
	mount("shm", "/dev/shm", "tmpfs", 0, "mode=1777");
	mount("tmp", "/tmp", "tmpfs", 0, "mode=1777");
	symlink("/proc/self/fd", "/dev/fd");
	symlink("/proc/self/fd/0", "/dev/stdin");
	symlink("/proc/self/fd/1", "/dev/stdout");
	symlink("/proc/self/fd/2", "/dev/stderr");
	if (!host) {
		int fd = open("/dev/console", O_RDWR);
		for (int i = 0; fd >= 0 && i < 3; i++)
			dup2(fd, i);
		if (fd > 2)
			close(fd);
	}
}

int main(int argc, char **argv)
{
	bool host = argc > 1 && !strcmp(argv[1], "host");
	char line[4096];

	mount_all(host);
	sethostname("nostest", 7);
	put("\n@@start\n");
	FILE *f = fopen("/etc/jobs", "re");
	if (!f)
		put("@@error no /etc/jobs: errno %d\n", errno);
	while (f && fgets(line, sizeof(line), f)) {
		struct job job;
		if (parse_job(line, &job))
			run_job(&job);
	}
	put("@@done\n");
	if (host)
		return 0;
	sync();
	reboot(RB_POWER_OFF);
	put("@@error power-off failed: errno %d\n", errno);
	for (;;)
		pause();
}
