// SPDX-License-Identifier: BSD-2-Clause
/* Pseudo-terminals: termios modes, canonical editing, echo, signals, flow, window size, hangup. */
#include "tty.h"

static volatile sig_atomic_t hits;

static void on_sig(int sig)
{
	(void)sig;
	hits++;
}

static void set_flags(tcflag_t in_off, tcflag_t out_off, tcflag_t local_off)
{
	struct termios t;

	tcgetattr(s, &t);
	t.c_iflag = (ICRNL | IXON) & ~in_off;
	t.c_oflag = (OPOST | ONLCR) & ~out_off;
	t.c_lflag = (ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN) & ~local_off;
	NEED(tcsetattr(s, TCSANOW, &t));
}

static void defaults(void)
{
	struct termios t;
	struct winsize w = {0};
	int n;

	HEAD("opening");
	n = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	IS(n >= 0);
	int num;
	R(ioctl(n, TIOCGPTN, &num));
	char path[64];
	snprintf(path, sizeof(path), "/dev/pts/%d", num);
	R(open(path, O_RDWR | O_NOCTTY));
	int lock = 7;
	R(ioctl(n, TIOCGPTLCK, &lock));
	V(lock);
	close(n);
	R(access(path, F_OK));
	open_pair();
	IS(isatty(m));
	IS(isatty(s));
	R(tcgetattr(s, &t));
	X(t.c_iflag);
	X(t.c_oflag);
	X(t.c_cflag);
	X(t.c_lflag);
	V(t.c_line);
	say_bytes("control characters", t.c_cc, 17);
	R(ioctl(s, TIOCGWINSZ, &w));
	say("%d %d\n", w.ws_row, w.ws_col);
	w.ws_row = 24;
	w.ws_col = 80;
	R(ioctl(m, TIOCSWINSZ, &w));
	w.ws_row = 0;
	R(ioctl(s, TIOCGWINSZ, &w));
	say("%d %d\n", w.ws_row, w.ws_col);
	R(ioctl(s, TIOCGPTN, &num));
	R(ioctl(s, TIOCGPTPEER, O_RDWR));
	int peer = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	IS(peer > 0 && isatty(peer));
	close(peer);
	R(ioctl(m, 0x54ff, NULL));
	R(lseek(s, 0, SEEK_SET));
	R(tcgetattr(0, &t));
	R(ioctl(s, TCGETS, (void *)8));
	R(ioctl(s, FIONREAD, &num));
	V(num);
	R(ioctl(s, TIOCOUTQ, &num));
	V(num);
	R(ioctl(s, TIOCGPGRP, &num));
	R(ioctl(s, TIOCGSID, &num));
	R(tcflow(s, 9));
	R(tcflush(s, 9));
	R(tcdrain(s));
	R(tcsendbreak(s, 0));
}

static void canonical(void)
{
	HEAD("canonical input and echo");
	set_flags(0, 0, 0);
	put(m, "hello\r");
	drain("echo", m);
	drain("line", s);
	put(m, "abc\177\177d\r");
	drain("erase echo", m);
	drain("erased", s);
	put(m, "one two \027three\r");
	drain("word erase echo", m);
	drain("word erased", s);
	put(m, "kill me\025keep\r");
	drain("kill echo", m);
	drain("killed", s);
	put(m, "lit\026\003x\r");
	drain("literal echo", m);
	drain("literal", s);
	put(m, "re\022print\r");
	drain("reprint echo", m);
	drain("reprinted", s);
	put(m, "part\004");
	drain("end of file character", s);
	put(m, "\004");
	R(read(s, buf, 10));
	put(m, "l1\nl2\r");
	R(read(s, buf, 100));
	R(read(s, buf, 1));
	R(read(s, buf, 100));
	drain("echo", m);
	put(m, "tab\there\001\r");
	drain("control echo", m);
	drain("control", s);
	put(m, "unfinished");
	fcntl(s, F_SETFL, O_NONBLOCK);
	R(read(s, buf, 10));
	R(tcflush(s, TCIFLUSH));
	put(m, "\r");
	fcntl(s, F_SETFL, 0);
	drain("after a flush", s);
	drain("echo", m);
	set_flags(0, 0, ECHO);
	put(m, "silent\r");
	drain("no echo", m);
	drain("line", s);
	set_flags(ICRNL, 0, 0);
	put(m, "cr\rnl\n");
	drain("without ICRNL", s);
	drain("echo", m);
	HEAD("output");
	set_flags(0, 0, ECHO);
	put(s, "a\nb\tc\r");
	drain("ONLCR", m);
	set_flags(0, OPOST, ECHO);
	put(s, "a\nb\n");
	drain("raw output", m);
	struct termios t;
	tcgetattr(s, &t);
	t.c_oflag = OPOST | ONLCR | TAB3 | OLCUC;
	tcsetattr(s, TCSANOW, &t);
	put(s, "a\tb\n");
	drain("XTABS OLCUC", m);
	t.c_oflag = OPOST | OCRNL;
	tcsetattr(s, TCSANOW, &t);
	put(s, "a\rb");
	drain("OCRNL", m);
	t.c_iflag = ISTRIP | IGNCR | INLCR | IUCLC;
	t.c_lflag = ICANON | IEXTEN;
	tcsetattr(s, TCSANOW, &t);
	NEED(write(m, "UP\r\303x\n\004", 7));
	drain("input mapping", s);
}

static void raw_mode(void)
{
	struct termios t;

	HEAD("raw input");
	tcgetattr(s, &t);
	cfmakeraw(&t);
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	R(tcsetattr(s, TCSAFLUSH, &t));
	put(m, "a\r\n\003\004\177");
	drain("bytes", s);
	t.c_cc[VMIN] = 3;
	tcsetattr(s, TCSANOW, &t);
	put(m, "xy");
	struct pollfd p = {s, POLLIN, 0};
	R(poll(&p, 1, 50));
	put(m, "z1");
	R(poll(&p, 1, 1000));
	R(read(s, buf, 10));
	t.c_cc[VMIN] = 0;
	t.c_cc[VTIME] = 1;
	tcsetattr(s, TCSANOW, &t);
	R(read(s, buf, 10));
	put(m, "q");
	R(read(s, buf, 10));
	t.c_cc[VTIME] = 0;
	tcsetattr(s, TCSANOW, &t);
	R(read(s, buf, 10));
	t.c_cc[VMIN] = 5;
	t.c_cc[VTIME] = 1;
	tcsetattr(s, TCSANOW, &t);
	put(m, "ab");
	R(read(s, buf, 10));
	put(m, "data");
	R(tcflush(m, TCOFLUSH));
	R(tcflush(s, TCIFLUSH));
	int n = -1;
	R(ioctl(s, FIONREAD, &n));
	V(n);
	HEAD("packet mode");
	int on = 1;
	R(ioctl(m, TIOCPKT, &on));
	put(s, "out");
	drain("packet", m);
	R(tcflush(s, TCIFLUSH));
	drain("flush packet", m);
	on = 0;
	R(ioctl(m, TIOCPKT, &on));
	HEAD("flow control");
	set_flags(0, 0, ECHO);
	put(m, "\023");
	sleep_ms(20);
	fcntl(s, F_SETFL, O_NONBLOCK);
	ssize_t w = write(s, "held", 4);
	say("stopped write: %s\n", w < 0 ? err_name(errno) : "ok");
	put(m, "\021");
	fcntl(s, F_SETFL, 0);
	sleep_ms(20);
	put(s, "go");
	struct pollfd pm = {m, POLLIN, 0};
	R(poll(&pm, 1, 1000));
	drain("released", m);
	R(tcflow(s, TCOOFF));
	R(tcflow(s, TCOON));
}

static void hangup(void)
{
	HEAD("closing");
	open_pair();
	set_flags(0, 0, ECHO);
	put(s, "last words");
	close(s);
	drain("from a closed slave", m);
	R(read(m, buf, 10));
	struct pollfd p = {m, POLLIN | POLLOUT, 0};
	R(poll(&p, 1, 0));
	X(p.revents);
	close(m);
	open_pair();
	set_flags(0, 0, ECHO);
	put(m, "unread\r");
	close(m);
	p.fd = s;
	R(poll(&p, 1, 0));
	X(p.revents);
	R(read(s, buf, 10));
	R(write(s, "x", 1));
	struct termios t;
	R(tcgetattr(s, &t));
	close(s);
}

static void controlling(void)
{
	HEAD("controlling terminal");
	CHILD {
		open_pair();
		int n = 0, pair[2];
		NEED(pipe(pair));
		R(ioctl(s, TIOCSCTTY, 0));
		R(setsid() == getpid());
		R(ioctl(s, TIOCSCTTY, 0));
		R(ioctl(s, TIOCSCTTY, 0));
		R(ioctl(m, TIOCGSID, &n));
		IS(n == getpid());
		IS(tcgetpgrp(s) == getpgrp());
		int t = R(open("/dev/tty", O_RDWR));
		IS(isatty(t));
		set_flags(0, 0, 0);
		on_signal(SIGINT, on_sig, 0);
		on_signal(SIGQUIT, on_sig, 0);
		on_signal(SIGWINCH, on_sig, 0);
		put(m, "junk\003");
		while (hits < 1)
			sleep_ms(1);
		drain("echo of INTR", m);
		put(m, "\034");
		while (hits < 2)
			sleep_ms(1);
		struct winsize w = {10, 20, 0, 0};
		ioctl(m, TIOCSWINSZ, &w);
		while (hits < 3)
			sleep_ms(1);
		ioctl(m, TIOCSWINSZ, &w);
		sleep_ms(10);
		V(hits);
		int sig = SIGINT;
		R(ioctl(m, TIOCSIG, sig));
		while (hits < 4)
			sleep_ms(1);
		/* A background group: reading stops it, writing only with TOSTOP. */
		CHILD {
			setpgid(0, 0);
			write(pair[1], "x", 1);
			R(write(t, "bg\n", 3));
			ssize_t r = read(t, buf, 10);
			say("read after coming to the front: %zd\n", r);
			struct termios tt;
			tcgetattr(t, &tt);
			R(tcsetattr(t, TCSANOW, &tt));
		}
		read(pair[0], buf, 1);
		int st;
		NEED(waitpid(child_pid, &st, WUNTRACED));
		say_status("background reader", st);
		R(tcsetpgrp(t, child_pid));
		IS(tcgetpgrp(t) == child_pid);
		kill(child_pid, SIGCONT);
		put(m, "input\r");
		REAP("reader");
		signal(SIGTTOU, SIG_IGN);
		R(tcsetpgrp(t, getpgrp()));
		signal(SIGTTOU, SIG_DFL);
		drain("output", m);
		struct termios tt;
		tcgetattr(t, &tt);
		tt.c_lflag |= TOSTOP;
		tcsetattr(t, TCSANOW, &tt);
		CHILD {
			setpgid(0, 0);
			write(t, "held", 4);
		}
		NEED(waitpid(child_pid, &st, WUNTRACED));
		say_status("background writer", st);
		kill(child_pid, SIGKILL);
		REAP("writer");
		CHILD {
			setpgid(0, 0);
			signal(SIGTTIN, SIG_IGN);
			signal(SIGTTOU, SIG_IGN);
			R(read(t, buf, 1));
			R(write(t, "ok", 2));
		}
		REAP("ignoring background");
		CHILD {
			setpgid(0, 0);
			tcsetpgrp(t, getpgrp());
			signal(SIGTTOU, SIG_DFL);
		}
		NEED(waitpid(child_pid, &st, WUNTRACED));
		say_status("background tcsetpgrp", st);
		kill(child_pid, SIGKILL);
		REAP("setter");
		CHILD {
			for (;;)
				pause();
		}
		/* A group of its own in front: the session leader's is orphaned and would not stop. */
		signal(SIGTTOU, SIG_IGN);
		setpgid(child_pid, child_pid);
		NEED(tcsetpgrp(t, child_pid));
		await_state(child_pid, 'S');
		put(m, "\032");
		NEED(waitpid(child_pid, &st, WUNTRACED));
		say_status("SUSP", st);
		kill(child_pid, SIGKILL);
		REAP("suspended");
		R(tcsetpgrp(t, 999999));
		R(tcsetpgrp(t, -1));
		R(ioctl(t, TIOCNOTTY));
		R(open("/dev/tty", O_RDWR));
	}
	REAP("session");
	CHILD {
		open_pair();
		NEED(setsid() == getpid());
		ioctl(s, TIOCSCTTY, 0);
		CHILD {
			close(m);
			for (;;)
				pause();
		}
		pid_t fg = child_pid;
		on_signal(SIGHUP, on_sig, 0);
		hits = 0;
		close(m);
		while (!hits)
			sleep_ms(1);
		/* Only the session leader hears of it. */
		R(kill(fg, SIGKILL));
		reap_pid("foreground process", fg);
		R(open("/dev/tty", O_RDWR));
		R(write(s, "x", 1));
	}
	REAP("hung up");
}

/* A log-in hangs its terminal up and opens it again, while somebody else has it open. */
static void log_in(void)
{
	struct pollfd p;
	char path[64];
	int st;

	HEAD("hang-up by a log-in");
	open_pair();
	NEED(ttyname_r(s, path, sizeof(path)) ? -1 : 0);
	set_flags(0, 0, ECHO);
	CHILD {
		signal(SIGHUP, SIG_IGN);
		NEED(setsid());
		NEED(ioctl(s, TIOCSCTTY, 0));
		put(s, "lost?");
		drain("before", m);
		R(vhangup());
		R(write(s, "x", 1));
		R(read(s, buf, 1));
		R(open("/dev/tty", O_RDWR));
		p = (struct pollfd){m, POLLIN | POLLOUT, 0};
		R(poll(&p, 1, 0));
		X(p.revents);
		fcntl(m, F_SETFL, O_NONBLOCK);
		R(read(m, buf, 10));
		close(s);
		R(poll(&p, 1, 0));
		X(p.revents);
		s = NEED(open(path, O_RDWR));
		put(s, "again");
		drain("opened again", m);
		close(s);
		R(read(m, buf, 10));
		_exit(0);
	}
	NEED(waitpid(child_pid, &st, 0));
	say_status("log-in", st);
	R(write(s, "x", 1));
	R(fcntl(m, F_GETFL) & O_NONBLOCK);
	p = (struct pollfd){m, POLLIN | POLLOUT, 0};
	R(poll(&p, 1, 0));
	X(p.revents);
	R(read(m, buf, 10));
	close(s);
	R(poll(&p, 1, 0));
	X(p.revents);
	R(read(m, buf, 10));
	s = NEED(open(path, O_RDWR | O_NOCTTY));
	R(poll(&p, 1, 0));
	X(p.revents);
	put(s, "new");
	drain("new", m);
	close(m);
	R(open(path, O_RDWR | O_NOCTTY));
	close(s);
}

int main(void)
{
	defaults();
	canonical();
	raw_mode();
	hangup();
	controlling();
	log_in();
	return 0;
}
