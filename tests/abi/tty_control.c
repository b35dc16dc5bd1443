// SPDX-License-Identifier: BSD-2-Clause
/* Terminals: flow control, packets, locked settings, hang-ups and who hears of them, ioctls that a pty does not have. */
#include "tty.h"
#include <linux/serial.h>
#include <linux/tty.h>

static int out[2];

static void close_pair(void)
{
	close(s);
	close(m);
}

static void set(tcflag_t iflag, tcflag_t oflag, tcflag_t lflag)
{
	struct termios t;

	tcgetattr(s, &t);
	t.c_iflag = iflag;
	t.c_oflag = oflag;
	t.c_lflag = lflag;
	NEED(tcsetattr(s, TCSANOW, &t));
}

static void flow(void)
{
	struct pollfd p;
	int n;

	HEAD("flow control");
	open_pair();
	set(ICRNL | IXON, OPOST | ONLCR, ISIG | ICANON | IEXTEN);
	put(s, "before ");
	R(tcflow(s, TCOOFF));
	drain("written before the stop", m);
	fcntl(s, F_SETFL, O_NONBLOCK);
	R(write(s, "held", 4));
	p = (struct pollfd){s, POLLOUT, 0};
	R(poll(&p, 1, 0));
	R(ioctl(s, TIOCOUTQ, &n));
	V(n);
	R(tcflow(s, TCOON));
	R(poll(&p, 1, 0));
	R(write(s, "free", 4));
	fcntl(s, F_SETFL, 0);
	drain("after the start", m);
	/* TCOOFF and ^Q: the key does not start what the call has stopped. */
	R(tcflow(s, TCOOFF));
	put(m, "\021");
	sleep_ms(20);
	fcntl(s, F_SETFL, O_NONBLOCK);
	R(write(s, "x", 1));
	R(tcflow(s, TCOON));
	R(write(s, "y", 1));
	drain("y", m);
	put(m, "\023");
	sleep_ms(20);
	R(write(s, "z", 1));
	R(tcflow(s, TCOON));
	R(write(s, "z", 1));
	put(m, "\021");
	sleep_ms(20);
	R(write(s, "z", 1));
	fcntl(s, F_SETFL, 0);
	drain("z", m);
	R(tcflow(s, TCIOFF));
	drain("STOP character", m);
	R(tcflow(s, TCION));
	drain("START character", m);
	R(tcflow(s, TCOOFF));
	R(tcflow(s, TCIOFF));
	drain("STOP character while stopped", m);
	R(tcflow(s, TCOON));
	/* Waiting for output does not wait for a master that does not read. */
	put(s, "unread");
	R(tcdrain(s));
	struct termios t;
	tcgetattr(s, &t);
	R(tcsetattr(s, TCSADRAIN, &t));
	R(ioctl(s, TIOCOUTQ, &n));
	V(n);
	R(tcflush(m, TCIFLUSH));
	/* A blocked writer goes on when output is started. */
	drain("unread", m);
	R(tcflow(s, TCOOFF));
	CHILD {
		_exit(write(s, "late", 4));
	}
	await_state(child_pid, 'S');
	R(tcflow(s, TCOON));
	REAP("writer");
	drain("late", m);
	/* IXANY */
	set(ICRNL | IXON | IXANY, OPOST, ISIG | ICANON);
	put(m, "\023");
	sleep_ms(20);
	put(m, "k");
	sleep_ms(20);
	R(write(s, "any", 3));
	drain("IXANY", m);
	/* Without IXON nothing stays stopped by a key. */
	set(ICRNL | IXON, OPOST, ISIG | ICANON);
	put(m, "\023");
	sleep_ms(20);
	set(ICRNL, OPOST, ISIG | ICANON);
	R(write(s, "off", 3));
	drain("IXON off", m);
	close_pair();
}

static void packet(const char *what)
{
	struct pollfd p = {m, POLLIN | POLLPRI, 0};

	if (poll(&p, 1, 200) <= 0) {
		say("%s: nothing\n", what);
		return;
	}
	ssize_t n = read(m, buf, sizeof(buf));
	say("%s: revents %#x, %zd bytes, status %#x\n", what, p.revents, n, n > 0 ? buf[0] : -1);
}

static void packets(void)
{
	int on = 1, v = 0;

	HEAD("packet mode");
	open_pair();
	set(ICRNL | IXON, OPOST | ONLCR, ISIG | ICANON);
	R(ioctl(m, TIOCPKT, &on));
	R(ioctl(m, TIOCGPKT, &v));
	V(v);
	put(s, "hello\n");
	packet("data");
	R(tcflow(s, TCOOFF));
	packet("TCOOFF");
	R(tcflow(s, TCOON));
	packet("TCOON");
	put(m, "\023");
	packet("^S");
	put(m, "\021");
	packet("^Q");
	R(tcflush(s, TCIFLUSH));
	packet("flush input");
	R(tcflush(s, TCOFLUSH));
	packet("flush output");
	R(tcflush(s, TCIOFLUSH));
	packet("flush both");
	set(ICRNL, OPOST | ONLCR, ISIG | ICANON);
	packet("IXON off");
	set(ICRNL | IXON, OPOST | ONLCR, ISIG | ICANON);
	packet("IXON on");
	set(ICRNL | IXON, OPOST | ONLCR, ISIG | ICANON | ECHO);
	packet("ECHO");
	set(ICRNL | IXON, OPOST | ONLCR, ISIG | ICANON | EXTPROC);
	packet("EXTPROC");
	set(ICRNL | IXON, OPOST | ONLCR, ISIG | ICANON | EXTPROC | ECHO);
	packet("ECHO under EXTPROC");
	put(m, "raw\003\r");
	drain("read under EXTPROC", s);
	set(ICRNL | IXON, OPOST | ONLCR, ISIG | ICANON);
	packet("EXTPROC off");
	on = 0;
	R(ioctl(m, TIOCPKT, &on));
	R(ioctl(s, TIOCPKT, &on));
	close_pair();
}

static void locked(void)
{
	struct termios t, l = {0};

	HEAD("locked settings");
	open_pair();
	R(ioctl(s, TIOCGLCKTRMIOS, &l));
	X(l.c_lflag);
	l.c_lflag = ECHO | ICANON;
	l.c_oflag = ONLCR;
	l.c_cc[VINTR] = 1;
	R(ioctl(s, TIOCSLCKTRMIOS, &l));
	tcgetattr(s, &t);
	t.c_lflag = 0;
	t.c_oflag = 0;
	t.c_cc[VINTR] = 'i';
	t.c_cc[VQUIT] = 'q';
	R(tcsetattr(s, TCSANOW, &t));
	tcgetattr(s, &t);
	X(t.c_lflag);
	X(t.c_oflag);
	V(t.c_cc[VINTR]);
	V(t.c_cc[VQUIT]);
	memset(&l, 0, sizeof(l));
	R(ioctl(m, TIOCGLCKTRMIOS, &l));
	X(l.c_oflag);
	CHILD {
		become(1000);
		R(ioctl(s, TIOCSLCKTRMIOS, &l));
		R(ioctl(s, TIOCGLCKTRMIOS, &l));
	}
	REAP("nobody");
	close_pair();
}

static void absent(void)
{
	struct serial_struct ss;
	struct serial_icounter_struct ic;
	int v = 0;

	HEAD("what a pty does not have");
	open_pair();
	R(ioctl(s, TIOCMGET, &v));
	R(ioctl(s, TIOCMSET, &v));
	R(ioctl(s, TIOCMBIS, &v));
	R(ioctl(s, TIOCMIWAIT, TIOCM_CTS));
	R(ioctl(s, TIOCGICOUNT, &ic));
	R(ioctl(s, TIOCGSERIAL, &ss));
	memset(&ss, 0, sizeof(ss));
	R(ioctl(s, TIOCSSERIAL, &ss));
	R(ioctl(s, TIOCGPTPEER, O_RDWR));
	R(ioctl(s, TIOCGPTN, &v));
	R(ioctl(s, TIOCSPTLCK, &v));
	R(ioctl(s, TIOCSIG, SIGINT));
	R(ioctl(m, TIOCSIG, SIGKILL));
	CHILD {
		R(ioctl(m, TIOCSCTTY, 0));
	}
	REAP("no leader");
	v = N_TTY;
	R(ioctl(s, TIOCSETD, &v));
	v = 77;
	R(ioctl(s, TIOCSETD, &v));
	R(ioctl(s, TIOCSBRK, 0));
	R(ioctl(s, TIOCCBRK, 0));
	R(ioctl(s, TIOCEXCL));
	R(ioctl(s, TIOCGEXCL, &v));
	V(v);
	R(ioctl(s, TIOCNXCL));
	int lock = 1;
	R(ioctl(m, TIOCSPTLCK, &lock));
	R(ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY));
	lock = 0;
	ioctl(m, TIOCSPTLCK, &lock);
	/* The peer is found whatever stands at its name. */
	int peer = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	IS(peer >= 0);
	V(fcntl(peer, F_GETFD));
	struct stat a, b;
	fstat(peer, &a);
	fstat(s, &b);
	IS(a.st_rdev == b.st_rdev && a.st_ino == b.st_ino && a.st_dev == b.st_dev);
	char link[64], name[64];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", peer);
	ssize_t n = readlink(link, name, sizeof(name) - 1);
	name[n > 0 ? n : 0] = 0;
	IS(!strncmp(name, "/dev/pts/", 9));
	close(peer);
	close_pair();
}

static void sti(void)
{
	HEAD("TIOCSTI");
	open_pair();
	set(ICRNL, OPOST, ICANON);
	R(ioctl(s, TIOCSTI, "a"));
	R(ioctl(s, TIOCSTI, "\n"));
	drain("stuffed", s);
	R(ioctl(s, TIOCSTI, (void *)8));
	CHILD {
		become(1000);
		R(ioctl(s, TIOCSTI, "b"));
	}
	REAP("nobody");
	close_pair();
}

/* ---- hang-ups ---- */

static void note(int sig)
{
	const char *name = sig == SIGHUP ? "HUP " : "CONT ";

	write(out[1], name, strlen(name));
}

/* What the listeners heard, HUPs first: whether CONT's handler runs on top of HUP's is a matter of time. */
static void told(const char *who)
{
	struct pollfd p = {out[0], POLLIN, 0};
	size_t got = 0;

	for (int wait = 500; poll(&p, 1, wait) > 0; wait = 100)
		got += read(out[0], buf + got, sizeof(buf) - got);
	buf[got] = 0;
	say("%s: [", who);
	for (char *p = buf; (p = strstr(p, "HUP ")); p++)
		say("HUP ");
	for (char *p = buf; (p = strstr(p, "CONT ")); p++)
		say("CONT ");
	say("]\n");
}

static void listen_all(void)
{
	on_signal(SIGHUP, note, 0);
	on_signal(SIGCONT, note, 0);
}

/* A session whose leader has the pair as its terminal and, in front, a group of one that listens. */
static pid_t begin_session(bool leader_listens, pid_t *front)
{
	int ready[2];

	NEED(pipe(ready));
	pid_t leader = NEED(fork());
	if (leader == 0) {
		NEED(setsid());
		NEED(ioctl(s, TIOCSCTTY, 0));
		signal(SIGTTOU, SIG_IGN);
		signal(SIGHUP, SIG_IGN);
		if (leader_listens)
			listen_all();
		pid_t f = NEED(fork());
		if (f == 0) {
			setpgid(0, 0);
			listen_all();
			NEED(tcsetpgrp(s, getpid()));
			f = getpid();
			write(ready[1], &f, sizeof(f));
			close(m);
			for (;;)
				pause();
		}
		close(m);
		for (;;)
			pause();
	}
	NEED(read(ready[0], front, sizeof(*front)));
	close(ready[0]);
	close(ready[1]);
	await_state(*front, 'S');
	return leader;
}

static void end_session(pid_t leader, pid_t front)
{
	kill(leader, SIGKILL);
	reap_pid("leader", leader);
	told("at the leader's end");
	kill(front, SIGKILL);
	waitpid(front, NULL, 0);
}

static void hangups(void)
{
	pid_t leader, front;
	struct pollfd p;

	NEED(pipe(out));
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	HEAD("the master is closed");
	open_pair();
	leader = begin_session(true, &front);
	close(m);
	told("at the hang-up");
	end_session(leader, front);
	close(s);

	HEAD("the leader dies");
	open_pair();
	leader = begin_session(false, &front);
	end_session(leader, front);
	put(s, "still open");
	drain("master", m);
	close_pair();

	HEAD("TIOCVHANGUP");
	open_pair();
	leader = begin_session(true, &front);
	R(ioctl(s, TIOCVHANGUP));
	told("at the hang-up");
	p = (struct pollfd){s, POLLIN | POLLOUT, 0};
	R(poll(&p, 1, 0));
	X(p.revents);
	R(read(s, buf, 10));
	R(write(s, "x", 1));
	R(ioctl(s, TIOCGPGRP, &front));
	R(ioctl(s, TIOCSPGRP, &front));
	struct termios t;
	R(tcgetattr(s, &t));
	end_session(leader, front);
	close_pair();

	HEAD("vhangup");
	R(vhangup());
	CHILD {
		become(1000);
		R(vhangup());
	}
	REAP("nobody");
	open_pair();
	CHILD {
		NEED(setsid());
		NEED(ioctl(s, TIOCSCTTY, 0));
		signal(SIGHUP, SIG_IGN);
		R(vhangup());
		R(write(s, "x", 1));
		R(open("/dev/tty", O_RDWR));
	}
	REAP("leader");
	close_pair();

	HEAD("TIOCNOTTY of a leader");
	open_pair();
	CHILD {
		NEED(setsid());
		NEED(ioctl(s, TIOCSCTTY, 0));
		listen_all();
		R(ioctl(s, TIOCNOTTY));
		told("leader in front");
		R(write(s, "y", 1));
		R(ioctl(s, TIOCSCTTY, 0));
		signal(SIGHUP, SIG_IGN);
	}
	REAP("leader");
	close_pair();
}

int main(void)
{
	flow();
	packets();
	locked();
	absent();
	sti();
	hangups();
	return 0;
}
