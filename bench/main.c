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
 */
#include "runner.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>
#include <x86intrin.h>

#define WORK_DIR "/tmp/nos-bench"

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

int main(int argc, char **argv)
{
	uint64_t tsc = __rdtsc();
	struct options options = {.rows = DEFAULT_ROWS};
	char *words[MAX_WORDS + 1] = {argv[0]};
	const struct row *const *chosen;
	int is_init = getpid() == 1, ret;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (is_init) {
		printf("boot %llu\n", (unsigned long long)tsc);
		mount_at("proc", "/proc");
		print_memory();
		argc = read_config(words);
		argv = words;
	}
	if (runner_parse(argc, argv, &options)) {
		printf("usage: bench [--list] [--rows REGEX] [--settle SECONDS] [--boot] [--debian]\n");
		return 2;
	}
	chosen = options.debian ? debian_tables : tables;
	if (is_init && !options.boot) {
		mount_at("sysfs", "/sys");
		print_mitigations();
		mount_at("devtmpfs", "/dev");
		mount_at("devpts", "/dev/pts");
		mount_at("tmpfs", "/tmp");
	}
	if (options.list)
		return run_rows(&options, chosen);
	if (!is_init)
		find_hello();
	ret = 0;
	if (!options.boot) {
		runner_prepare(WORK_DIR);
		settle(options.settle);
		ret = run_rows(&options, chosen);
	}
	printf("end\n");
	if (is_init)
		reboot(RB_POWER_OFF);
	return ret;
}
