// SPDX-License-Identifier: BSD-2-Clause
#pragma once

/*
 * What the programs of this folder do around their rows: their words, and the row in a process of
 * its own.
 *
 * Each row runs in a forked child that leads a process group, in an empty directory. After the row,
 * or after ROW_SECONDS (ONCE_SECONDS), the group is killed, every orphan reaped and the directory
 * removed, so that no row sees another's remains.
 */

#include "bench.h"

#define MAX_WORDS    16
#define DEFAULT_ROWS "."

struct options {
	const char *rows;
	int settle;
	int list;
	int boot;
	int debian;
};

/* What the kernel says of its mitigations: a comparison wants the same on both sides. */
void print_mitigations(void);

/* Mount the file system @type, which needs no device, @at a folder that is made. */
void mount_at(const char *type, const char *at);

/* Process 1: the words of its configuration become argv[1] and so on, at most MAX_WORDS with a
 * NULL. Returns argc. */
int read_config(char **argv);

/* Returns: 0, or -EINVAL at a word that is not known. */
int runner_parse(int argc, char **argv, struct options *out);

/* What rows expect: to inherit orphans, descriptors enough, @dir made and the working directory. */
void runner_prepare(const char *dir);

/* Sleep until @seconds after boot: the kernel's own start-up work is then done. */
void settle(int seconds);

/* Run, or list, the rows of @tables that @options want. Returns: 0, or 2 for a bad expression. */
int run_rows(const struct options *options, const struct row *const *tables);
