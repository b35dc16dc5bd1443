// SPDX-License-Identifier: BSD-2-Clause
/* A pseudo-terminal's pair, and what comes out of it. */
#pragma once
#include "abi.h"
#include <sys/ioctl.h>
#include <termios.h>

static int m, s;
static char buf[8192];

static void open_pair(void)
{
	int n = -1, zero = 0;
	char path[64];

	m = NEED(open("/dev/ptmx", O_RDWR | O_NOCTTY));
	NEED(ioctl(m, TIOCSPTLCK, &zero));
	NEED(ioctl(m, TIOCGPTN, &n));
	snprintf(path, sizeof(path), "/dev/pts/%d", n);
	s = NEED(open(path, O_RDWR | O_NOCTTY));
}

/* What is there to read on @fd now, without waiting longer than it takes to arrive. */
static void drain(const char *what, int fd)
{
	struct pollfd p = {fd, POLLIN, 0};
	size_t got = 0;

	for (int wait = 300; poll(&p, 1, wait) > 0 && got < sizeof(buf); wait = 50) {
		ssize_t n = read(fd, buf + got, sizeof(buf) - got);
		if (n <= 0) {
			say("%s: %s after %zu\n", what, n ? err_name(errno) : "end", got);
			return;
		}
		got += n;
	}
	say_bytes(what, buf, got);
}

static void put(int fd, const char *text)
{
	NEED(write(fd, text, strlen(text)));
}
