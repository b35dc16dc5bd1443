// SPDX-License-Identifier: BSD-2-Clause
/*
 * Pseudo-terminals: made and closed, their settings, a line through them.
 */
#include "bench.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define LINE 64

static int master, slave;
static char line[LINE];

static int open_slave(int from)
{
	char *name;

	must_libc(unlockpt(from));
	name = ptsname(from);
	if (!name)
		row_fail("ptsname", errno);
	return (int)must_libc(open(name, O_RDWR | O_NOCTTY));
}

static void op_open_close(unsigned n, long arg)
{
	(void)arg;
	while (n--) {
		int m = (int)must_libc(posix_openpt(O_RDWR | O_NOCTTY));

		close(open_slave(m));
		close(m);
	}
}

static void open_pair(long arg)
{
	(void)arg;
	master = (int)must_libc(posix_openpt(O_RDWR | O_NOCTTY));
	slave = open_slave(master);
	memset(line, 'l', LINE);
	line[LINE - 1] = '\n';
}

static void open_raw(long arg)
{
	struct termios termios;

	open_pair(arg);
	must_libc(tcgetattr(slave, &termios));
	cfmakeraw(&termios);
	must_libc(tcsetattr(slave, TCSANOW, &termios));
}

static void open_no_echo(long arg)
{
	struct termios termios;

	open_pair(arg);
	must_libc(tcgetattr(slave, &termios));
	termios.c_lflag &= ~(tcflag_t)ECHO;
	must_libc(tcsetattr(slave, TCSANOW, &termios));
}

/* What is typed at the master arrives at the slave; a read waits where delivery is deferred. */
static void op_type(unsigned n, long arg)
{
	char got[LINE];

	(void)arg;
	while (n--) {
		write_full(master, line, LINE);
		read_full(slave, got, LINE);
	}
}

/* What the slave prints arrives at the master. */
static void op_print(unsigned n, long arg)
{
	char got[LINE];

	(void)arg;
	while (n--) {
		write_full(slave, line, LINE);
		read_full(master, got, LINE);
	}
}

static void op_getattr(unsigned n, long arg)
{
	struct termios termios;

	(void)arg;
	while (n--)
		must_libc(tcgetattr(slave, &termios));
}

static void op_winsize(unsigned n, long arg)
{
	struct winsize size;

	(void)arg;
	while (n--)
		must(sys3(SYS_ioctl, slave, TIOCGWINSZ, (long)&size));
}

const struct row rows_tty[] = {
	{"tty.open_close", NULL, op_open_close, 10, 0, 0},
	{"tty.getattr", open_pair, op_getattr, 200, 0, 0},
	{"tty.winsize", open_pair, op_winsize, 200, 0, 0},
	{"tty.type_line_raw", open_raw, op_type, 50, 0, 0},
	{"tty.type_line_cooked", open_no_echo, op_type, 50, 0, 0},
	{"tty.print_line_raw", open_raw, op_print, 50, 0, 0},
	{},
};
