// SPDX-License-Identifier: BSD-2-Clause
/*
 * The benchmark of disks: like ../main.c, but its rows work on the ext4 of /dev/vda. A program of
 * its own, so that a new row here leaves the other program's figures of Linux valid.
 *
 *   bench-disk [--rows REGEX] [--settle SECONDS]
 *
 * Process 1 of an initramfs, whose folder /modules has what this kernel does not have built in.
 */
#include "../runner.h"
#include "disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

#define DISK    "/dev/vda"
#define AT      "/mnt"
#define MODULES "/modules"

char hello_path[PATH_MAX] = "/bin/hello";

static const struct row *const tables[] = {rows_disk_name, rows_disk_data, NULL};

static void insert(const char *name)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), MODULES "/%s", name);
	fd = open(path, O_RDONLY);
	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		printf("note %s: %s\n", path, strerror(errno));
	close(fd);
}

/* In the order of their names. A kernel that has all it needs built in is given none. */
static void insert_modules(void)
{
	struct dirent **names;
	int n = scandir(MODULES, &names, NULL, alphasort);

	for (int i = 0; i < n; i++)
		if (names[i]->d_name[0] != '.')
			insert(names[i]->d_name);
}

static int mount_disk(void)
{
	mkdir(AT, 0755);
	for (int tries = 0; tries < 100; tries++) {
		if (mount(DISK, AT, "ext4", 0, NULL) == 0)
			return 0;
		usleep(100000);
	}
	printf("note mount " DISK ": %s\n", strerror(errno));
	return -1;
}

int main(int argc, char **argv)
{
	struct options options = {.rows = DEFAULT_ROWS};
	char *words[MAX_WORDS + 1] = {argv[0]};

	setvbuf(stdout, NULL, _IOLBF, 0);
	argc = read_config(words);
	if (runner_parse(argc, words, &options))
		return 2;
	mount_at("proc", "/proc");
	mount_at("sysfs", "/sys");
	mount_at("devtmpfs", "/dev");
	mount_at("tmpfs", "/tmp");
	print_mitigations();
	insert_modules();
	if (mount_disk() == 0) {
		runner_prepare(AT "/nos-bench");
		settle(options.settle);
		run_rows(&options, tables);
		if (chdir("/") || umount(AT))
			printf("note umount: %s\n", strerror(errno));
	}
	printf("end\n");
	reboot(RB_POWER_OFF);
	return 1;
}
