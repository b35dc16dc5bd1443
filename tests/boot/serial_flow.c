/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flow control of a serial port. Whoever is at the other end of /dev/ttyS1 answers a G with BYTES bytes. Prints what is wrong; exits with how many things
 * were.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/serial.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#ifndef TIOCM_LOOP /* in <asm/termios.h>, which <termios.h> does not get on with */
#define TIOCM_LOOP 0x8000
#endif

#define BYTES 20000
#define FULL  (4096 - 160) /* of an input queue: the other side has been asked to wait */

static int fd, bad;
static unsigned char buf[BYTES];

static int check(int ok, const char *what)
{
	if (!ok) {
		printf("serial_flow: %s (%s)\n", what, strerror(errno));
		bad++;
	}
	return ok;
}

static void set(tcflag_t iflag, tcflag_t cflag)
{
	struct termios t;

	check(tcgetattr(fd, &t) == 0, "tcgetattr");
	cfmakeraw(&t);
	t.c_iflag = (t.c_iflag & ~(tcflag_t)IXOFF) | iflag;
	t.c_cflag &= ~(tcflag_t)CRTSCTS;
	t.c_cflag |= CREAD | CLOCAL | cflag;
	cfsetspeed(&t, B115200);
	check(tcsetattr(fd, TCSAFLUSH, &t) == 0, "tcsetattr");
}

static int lines(void)
{
	int v = 0;

	check(ioctl(fd, TIOCMGET, &v) == 0, "TIOCMGET");
	return v;
}

static void change(unsigned long how, int v)
{
	check(ioctl(fd, how, &v) == 0, "TIOCMBIS or TIOCMBIC");
}

static int readable(void)
{
	struct pollfd p = {fd, POLLIN, 0};

	return poll(&p, 1, 20000) == 1;
}

static unsigned char byte(int i)
{
	return (unsigned char)('a' + i % 23);
}

static void await_full(const char *what)
{
	int n = 0;

	for (int i = 0; i < 2000 && n < FULL; i++) {
		ioctl(fd, FIONREAD, &n);
		usleep(10000);
	}
	check(n >= FULL, what);
}

/* All that is said comes, in order. */
static void read_all(const char *what)
{
	int got = 0, wrong = 0;

	while (got < BYTES && readable()) {
		ssize_t n = read(fd, buf, sizeof(buf));

		for (ssize_t i = 0; i < n; i++)
			wrong += buf[i] != byte(got + (int)i);
		got += (int)n;
	}
	if (!check(got == BYTES && !wrong, what))
		printf("serial_flow: %d bytes came, %d wrong\n", got, wrong);
}

static void by_characters(void)
{
	set(IXOFF, 0);
	check(write(fd, "G", 1) == 1, "write");
	await_full("IXOFF: the queue does not fill");
	read_all("IXOFF: bytes are lost");
}

static void by_lines(void)
{
	int n = 0;

	set(0, CRTSCTS);
	check(lines() & TIOCM_RTS, "RTS is off");
	check(write(fd, "G", 1) == 1, "write");
	await_full("CRTSCTS: the queue does not fill");
	for (int i = 0; i < 2000 && (lines() & TIOCM_RTS); i++)
		usleep(10000);
	check(!(lines() & TIOCM_RTS), "RTS is on with a full queue");
	read_all("CRTSCTS: bytes are lost");
	check(lines() & TIOCM_RTS, "RTS does not come back");
	/* In loopback CTS is our own RTS. */
	change(TIOCMBIS, TIOCM_LOOP);
	change(TIOCMBIC, TIOCM_RTS);
	check(write(fd, "hello", 5) == 5, "write without CTS");
	check(ioctl(fd, TIOCOUTQ, &n) == 0 && n == 5, "sent without CTS");
	change(TIOCMBIS, TIOCM_RTS);
	check(readable() && read(fd, buf, 5) == 5 && !memcmp(buf, "hello", 5), "nothing was sent with CTS");
	change(TIOCMBIC, TIOCM_LOOP);
}

static void counts_and_settings(void)
{
	struct serial_icounter_struct counts = {0};
	struct serial_struct ss;

	check(ioctl(fd, TIOCGICOUNT, &counts) == 0, "TIOCGICOUNT");
	check(counts.rx >= 2 * BYTES && !counts.overrun, "counts");
	check(ioctl(fd, TIOCGSERIAL, &ss) == 0 && ss.port == 0x2f8 && ss.line == 1 && ss.baud_base == 115200, "TIOCGSERIAL");
	ss.closing_wait = 100;
	check(ioctl(fd, TIOCSSERIAL, &ss) == 0, "TIOCSSERIAL");
	ss.port = 0x300;
	check(ioctl(fd, TIOCSSERIAL, &ss) < 0 && errno == EINVAL, "TIOCSSERIAL of another port");
}

int main(void)
{
	fd = open("/dev/ttyS1", O_RDWR | O_NOCTTY);
	if (!check(fd >= 0, "open"))
		return 1;
	by_characters();
	by_lines();
	counts_and_settings();
	return bad;
}
