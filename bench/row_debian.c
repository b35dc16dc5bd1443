// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a user runs: programs of Debian's userland, dynamically linked, from its own tree. Only where --debian is
 * said; the tree is then the root.
 */
#include "bench.h"

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum program { TRUE, FORKS, PYTHON, FIND, TAR, MAKE };

static char *const commands[][4] = {
	[TRUE] = {(char *)"/usr/bin/true", NULL},
	[FORKS] = {(char *)"/usr/bin/bash", (char *)"-c", (char *)"for ((i = 0; i < 1000; i++)); do (:); done", NULL},
	[PYTHON] = {(char *)"/usr/bin/python3", (char *)"-c", (char *)"pass", NULL},
	[FIND] = {(char *)"/usr/bin/find", (char *)"/usr", NULL},
	/* Of an archive that is /dev/null itself tar writes nothing and reads nothing. */
	[TAR] = {(char *)"/usr/bin/bash", (char *)"-c", (char *)"tar -cf - -C / usr | cat >/dev/null", NULL},
	[MAKE] = {(char *)"/usr/bin/make", (char *)"-sBj4", NULL},
};

/* zlib's library, whose sources are in the tree: fifteen files, without its configure. */
static char *const unpack[] = {(char *)"/usr/bin/bash", (char *)"-ec",
	(char *)"tar xf /usr/src/zlib_*.orig.tar.* --strip-components=1; rm Makefile*; "
		"printf 'libz.a: $(patsubst %%.c,%%.o,$(wildcard *.c))\\n\\t$(AR) rcs $@ $^\\n"
		"CFLAGS = -O2 -DHAVE_UNISTD_H\\n' >Makefile",
	NULL};

static void run(char *const *argv)
{
	char *const env[] = {(char *)"PATH=/usr/bin:/bin", (char *)"LC_ALL=C", NULL};
	int status, pid = (int)must_libc(vfork());

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		close(null);
		execve(argv[0], argv, env);
		_exit(127);
	}
	must_be(waitpid(pid, &status, 0), pid);
	must_be(status, 0);
}

static void op_run(unsigned n, long which)
{
	while (n--)
		run(commands[which]);
}

static void unpack_project(long which)
{
	(void)which;
	run(unpack);
}

const struct row rows_debian[] = {
	{"debian.true", NULL, op_run, 2, TRUE, 0},
	{"debian.shell_1000_forks", NULL, op_run, 1, FORKS, ROW_ONCE},
	{"debian.python_start", NULL, op_run, 1, PYTHON, ROW_ONCE},
	{"debian.find_usr", NULL, op_run, 1, FIND, ROW_ONCE},
	{"debian.tar_usr", NULL, op_run, 1, TAR, ROW_ONCE},
	{"smp.make_j4", unpack_project, op_run, 1, MAKE, ROW_ONCE},
	{},
};
