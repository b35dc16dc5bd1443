// SPDX-License-Identifier: BSD-2-Clause
/*
 * The benchmark program: /init of an initramfs, or an ordinary program of any kernel that runs
 * Linux programs.
 *
 *   bench [--list] [--rows REGEX] [--settle SECONDS] [--boot] [--debian]
 *
 * As process 1 it reads the same words from /bench.conf, one per line, mounts what its rows need,
 * and powers off at the end. What it prints, one line each, is for tools/bench:
 *
 *   boot TSC                     the processor's counter as main() begins; under icount, ns from
 *                                QEMU's start
 *   mem TOTAL_KIB AVAILABLE_KIB  /proc/meminfo at that moment
 *   mitigation NAME TEXT         what the kernel says of one of them under /sys
 *   begin NAME                   a row starts; if nothing follows, it took the kernel with it
 *   row NAME NS min NS max NS n N   its figure, ns per operation: median, least and most of its
 *                                batches of N operations
 *   row NAME absent|failed WHY   it has none
 *   note TEXT                    something to know
 *   end                          all rows have run
 *
 * With --debian its rows are the programs of Debian's tree (row_debian.c), and only those.
 *
 * Each row runs in a forked child that leads a process group, in an empty directory. After the row,
 * or after ROW_SECONDS (ONCE_SECONDS), the group is killed, every orphan reaped and the directory removed, so that
 * no row sees another's remains.
 */
#include "bench.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#define ROW_SECONDS  60
#define ONCE_SECONDS 600 /* of a row that is dear */
#define WORK_DIR     "/tmp/nos-bench"
#define CONFIG       "/bench.conf"
#define MAX_WORDS    16
#define DEFAULT_ROWS "."

char hello_path[PATH_MAX] = "/bin/hello";

static const struct row *const tables[] = {
	rows_control,
	rows_call,
	rows_time,
	rows_timer,
	rows_signal,
	rows_pipe,
	rows_futex,
	rows_event,
	rows_map,
	rows_fault,
	rows_proc,
	rows_sched,
	rows_tmpfs,
	rows_dir,
	rows_unix,
	rows_net,
	rows_inotify,
	rows_mqueue,
	rows_tty,
	rows_smp,
	NULL,
};

static const struct row *const debian_tables[] = {rows_debian, NULL};

struct options {
	const char *rows;
	int settle;
	int list;
	int boot;
	int debian;
};

static void print_memory(void)
{
	unsigned long total = 0, available = 0;
	char line[128];
	FILE *file = fopen("/proc/meminfo", "r");

	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		sscanf(line, "MemTotal: %lu", &total);
		sscanf(line, "MemAvailable: %lu", &available);
	}
	fclose(file);
	printf("mem %lu %lu\n", total, available);
}

/* What the kernel says of its mitigations: a comparison wants the same on both sides. */
static void print_mitigations(void)
{
	static const char *const names[] = {"meltdown", "spectre_v1", "spectre_v2"};
	char path[96], text[256];

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		FILE *file;

		snprintf(
			path, sizeof(path), "/sys/devices/system/cpu/vulnerabilities/%s", names[i]);
		file = fopen(path, "r");
		if (file && fgets(text, sizeof(text), file))
			printf("mitigation %s %s", names[i], text);
		if (file)
			fclose(file);
	}
}

static void mount_at(const char *type, const char *at)
{
	mkdir(at, 0755);
	/* The kernel may have mounted it; a row that misses it says so itself. */
	if (mount(type, at, type, 0, NULL) && errno != EBUSY)
		printf("note mount %s: %s\n", at, strerror(errno));
}

/* Process 1: the words of CONFIG become the arguments. */
static int read_config(char **argv)
{
	static char text[1024];
	int fd = open(CONFIG, O_RDONLY), argc = 1;
	ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[len > 0 ? len : 0] = '\0';
	for (char *word = strtok(text, "\n"); word && argc < MAX_WORDS; word = strtok(NULL, "\n"))
		argv[argc++] = word;
	argv[argc] = NULL;
	return argc;
}

static int parse(int argc, char **argv, struct options *out)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--rows") && i + 1 < argc)
			out->rows = argv[++i];
		else if (!strcmp(argv[i], "--settle") && i + 1 < argc)
			out->settle = atoi(argv[++i]);
		else if (!strcmp(argv[i], "--list"))
			out->list = 1;
		else if (!strcmp(argv[i], "--boot"))
			out->boot = 1;
		else if (!strcmp(argv[i], "--debian"))
			out->debian = 1;
		else
			return -EINVAL;
	}
	return 0;
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* All orphans come to us: as process 1, or as a subreaper. */
static void reap_group(pid_t leader)
{
	kill(-leader, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	return remove(path);
}

static void in_row_child(const struct row *row)
{
	setpgid(0, 0);
	if (mkdir(row->name, 0755) || chdir(row->name))
		printf("note %s: %s\n", row->name, strerror(errno));
	row_measure(row);
	_exit(0);
}

static void run_row(const struct row *row)
{
	int status = 0, reaped;
	unsigned seconds = row->flags & ROW_ONCE ? ONCE_SECONDS : ROW_SECONDS;
	pid_t child;

	printf("begin %s\n", row->name);
	child = fork();
	if (child == 0)
		in_row_child(row);
	if (child < 0) {
		printf("row %s failed fork: %s\n", row->name, strerror(errno));
		return;
	}
	setpgid(child, child);
	alarm(seconds);
	reaped = waitpid(child, &status, 0) == child;
	alarm(0);
	if (!reaped)
		printf("row %s failed no end after %u s\n", row->name, seconds);
	else if (WIFSIGNALED(status))
		printf("row %s failed killed by signal %d\n", row->name, WTERMSIG(status));
	reap_group(child);
	nftw(row->name, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int run_rows(const struct options *options)
{
	regex_t wanted;

	if (regcomp(&wanted, options->rows, REG_EXTENDED | REG_NOSUB)) {
		printf("note --rows %s: not a regular expression\n", options->rows);
		return 2;
	}
	for (const struct row *const *table = options->debian ? debian_tables : tables; *table; table++) {
		for (const struct row *row = *table; row->name; row++) {
			if (regexec(&wanted, row->name, 0, NULL, 0))
				continue;
			if (options->list)
				printf("%s\n", row->name);
			else
				run_row(row);
		}
	}
	return 0;
}

/* Until @seconds after boot: the kernel's own start-up work is then done. */
static void settle(int seconds)
{
	struct timespec since_boot, rest = {0, 0};

	if (clock_gettime(CLOCK_MONOTONIC, &since_boot) || since_boot.tv_sec >= seconds)
		return;
	rest.tv_sec = seconds - since_boot.tv_sec;
	while (nanosleep(&rest, &rest) && errno == EINTR)
		;
}

/* Beside this program where it is not process 1. */
static void find_hello(void)
{
	char self[PATH_MAX - 8];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (len < 0)
		return;
	self[len] = '\0';
	slash = strrchr(self, '/');
	if (slash)
		snprintf(hello_path, sizeof(hello_path), "%.*s/hello", (int)(slash - self), self);
}

static void prepare(void)
{
	struct sigaction sa = {.sa_handler = on_alarm};
	struct rlimit files = {4096, 4096};

	sigaction(SIGALRM, &sa, NULL);
	setrlimit(RLIMIT_NOFILE, &files);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	umask(022);
	mkdir("/tmp", 0777);
	mkdir(WORK_DIR, 0755);
	if (chdir(WORK_DIR))
		printf("note chdir " WORK_DIR ": %s\n", strerror(errno));
}

int main(int argc, char **argv)
{
	uint64_t tsc = __rdtsc();
	struct options options = {.rows = DEFAULT_ROWS};
	char *words[MAX_WORDS + 1] = {argv[0]};
	int is_init = getpid() == 1, ret;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (is_init) {
		printf("boot %llu\n", (unsigned long long)tsc);
		mount_at("proc", "/proc");
		print_memory();
		argc = read_config(words);
		argv = words;
	}
	if (parse(argc, argv, &options)) {
		printf("usage: bench [--list] [--rows REGEX] [--settle SECONDS] [--boot] [--debian]\n");
		return 2;
	}
	if (is_init && !options.boot) {
		mount_at("sysfs", "/sys");
		print_mitigations();
		mount_at("devtmpfs", "/dev");
		mount_at("devpts", "/dev/pts");
		mount_at("tmpfs", "/tmp");
	}
	if (options.list)
		return run_rows(&options);
	if (!is_init)
		find_hello();
	ret = 0;
	if (!options.boot) {
		prepare();
		settle(options.settle);
		ret = run_rows(&options);
	}
	printf("end\n");
	if (is_init)
		reboot(RB_POWER_OFF);
	return ret;
}
