// SPDX-License-Identifier: BSD-2-Clause
#include "runner.h"

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
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROW_SECONDS  60
#define ONCE_SECONDS 600 /* of a row that is dear */
#define CONFIG       "/bench.conf"

/* What the kernel says of its mitigations: a comparison wants the same on both sides. */
void print_mitigations(void)
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

void mount_at(const char *type, const char *at)
{
	mkdir(at, 0755);
	/* The kernel may have mounted it; a row that misses it says so itself. */
	if (mount(type, at, type, 0, NULL) && errno != EBUSY)
		printf("note mount %s: %s\n", at, strerror(errno));
}

/* Process 1: the words of CONFIG become the arguments. */
int read_config(char **argv)
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

int runner_parse(int argc, char **argv, struct options *out)
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

int run_rows(const struct options *options, const struct row *const *tables)
{
	regex_t wanted;

	if (regcomp(&wanted, options->rows, REG_EXTENDED | REG_NOSUB)) {
		printf("note --rows %s: not a regular expression\n", options->rows);
		return 2;
	}
	for (const struct row *const *table = tables; *table; table++) {
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
void settle(int seconds)
{
	struct timespec since_boot, rest = {0, 0};

	if (clock_gettime(CLOCK_MONOTONIC, &since_boot) || since_boot.tv_sec >= seconds)
		return;
	rest.tv_sec = seconds - since_boot.tv_sec;
	while (nanosleep(&rest, &rest) && errno == EINTR)
		;
}

void runner_prepare(const char *dir)
{
	struct sigaction sa = {.sa_handler = on_alarm};
	struct rlimit files = {4096, 4096};

	sigaction(SIGALRM, &sa, NULL);
	setrlimit(RLIMIT_NOFILE, &files);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	umask(022);
	mkdir("/tmp", 0777);
	mkdir(dir, 0755);
	if (chdir(dir))
		printf("note chdir %s: %s\n", dir, strerror(errno));
}
