// SPDX-License-Identifier: BSD-2-Clause
/*
 * Leases, F_NOTIFY, write hints and the small commands of fcntl(2).
 */
#include "abi.h"

#ifndef F_CREATED_QUERY
#define F_CREATED_QUERY 1028
#endif

static volatile int got, got_fd, got_code;

static void on_io(int sig, siginfo_t *si, void *ctx __attribute__((unused)))
{
	got = sig;
	got_fd = si->si_fd;
	got_code = si->si_code;
}

static const char *lease_name(int type)
{
	return type == F_RDLCK ? "READ" : type == F_WRLCK ? "WRITE" : type == F_UNLCK ? "UNLCK" : "?";
}

#define L(f) say("lease of " #f ": %s\n", lease_name(fcntl(f, F_GETLEASE)))

static void taking(void)
{
	int a = NEED(open("f", O_RDWR | O_CREAT, 0644)), b, p[2];

	HEAD("taking");
	L(a);
	R(fcntl(a, F_SETLEASE, F_UNLCK));
	R(fcntl(a, F_SETLEASE, 7));
	R(fcntl(a, F_SETLEASE, F_RDLCK));
	R(fcntl(a, F_SETLEASE, F_WRLCK));
	L(a);
	R(fcntl(a, F_SETLEASE, F_WRLCK));
	R(fcntl(a, F_SETLEASE, F_UNLCK));
	b = NEED(open("f", O_RDONLY));
	R(fcntl(a, F_SETLEASE, F_WRLCK));
	R(fcntl(b, F_SETLEASE, F_RDLCK));
	close(a);
	R(fcntl(b, F_SETLEASE, F_RDLCK));
	a = NEED(open("f", O_RDONLY));
	R(fcntl(a, F_SETLEASE, F_RDLCK));
	R(fcntl(a, F_SETLEASE, F_WRLCK));
	L(a);
	L(b);
	close(a);
	R(fcntl(b, F_SETLEASE, F_WRLCK));
	L(b);
	int c = dup(b);
	R(fcntl(c, F_SETLEASE, F_UNLCK));
	L(b);
	NEED(pipe(p));
	R(fcntl(p[0], F_SETLEASE, F_RDLCK));
	int d = NEED(open(".", O_RDONLY));
	R(fcntl(d, F_SETLEASE, F_RDLCK));
	chmod("f", 0666);
	CHILD
	{
		become(1000);
		R(fcntl(b, F_SETLEASE, F_RDLCK));
	}
	wait(NULL);
	close(b);
	close(c);
	close(d);
}

static void breaking(void)
{
	int a = NEED(open("f", O_RDWR)), b;

	HEAD("breaking");
	on_siginfo(SIGIO, on_io, 0);
	on_siginfo(SIGRTMIN, on_io, 0);
	NEED(fcntl(a, F_SETLEASE, F_WRLCK));
	R(open("f", O_RDONLY | O_NONBLOCK));
	say("%s\n", got == SIGIO ? "SIGIO" : "nothing");
	L(a);
	got = 0;
	R(open("f", O_RDONLY | O_NONBLOCK));
	say("%s\n", got == SIGIO ? "SIGIO" : "nothing");
	R(open("f", O_WRONLY | O_NONBLOCK));
	say("%s\n", got == SIGIO ? "SIGIO" : "nothing");
	L(a);
	R(fcntl(a, F_SETLEASE, F_RDLCK));
	R(fcntl(a, F_SETLEASE, F_UNLCK));
	NEED(b = open("f", O_WRONLY | O_NONBLOCK));
	close(b);
	HEAD("a signal of one's choice");
	NEED(fcntl(a, F_SETSIG, SIGRTMIN));
	NEED(fcntl(a, F_SETLEASE, F_WRLCK));
	got = 0;
	CHILD
	{
		int f = open("f", O_RDONLY);

		say("child: open %s\n", f < 0 ? err_name(errno) : "ok");
	}
	while (!got)
		sleep_ms(5);
	IS(got == SIGRTMIN);
	IS(got_fd == a);
	IS(got_code == POLL_MSG);
	L(a);
	say("downgraded\n");
	NEED(fcntl(a, F_SETLEASE, F_UNLCK));
	REAP("child");
	HEAD("close gives it up");
	NEED(fcntl(a, F_SETSIG, SIGRTMIN));
	NEED(fcntl(a, F_SETLEASE, F_WRLCK));
	got = 0;
	CHILD
	{
		close(a);
		say("child: truncate %s\n", truncate("f", 3) < 0 ? err_name(errno) : "ok");
	}
	while (!got)
		sleep_ms(5);
	close(a);
	REAP("child");
	HEAD("readers are not in the way of readers");
	a = NEED(open("f", O_RDONLY));
	NEED(fcntl(a, F_SETLEASE, F_RDLCK));
	NEED(b = open("f", O_RDONLY | O_NONBLOCK));
	close(b);
	L(a);
	R(open("f", O_WRONLY | O_NONBLOCK));
	L(a);
	NEED(fcntl(a, F_SETLEASE, F_UNLCK));
	HEAD("a signal ends the waiting");
	NEED(fcntl(a, F_SETLEASE, F_RDLCK));
	CHILD
	{
		on_siginfo(SIGUSR1, on_io, 0);
		close(a);
		say("child: open %s\n", open("f", O_WRONLY) < 0 ? err_name(errno) : "ok");
	}
	await_state(child_pid, 'S');
	kill(child_pid, SIGUSR1);
	REAP("child");
	close(a);
}

static void show_locks(void)
{
	int a = NEED(open("f", O_RDONLY));
	char *line, *save, type[32], state[32], mode[32];

	HEAD("/proc/locks");
	NEED(fcntl(a, F_SETLEASE, F_RDLCK));
	for (line = strtok_r((char *)get_file("/proc/locks"), "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (sscanf(line, "%*s %31s %31s %31s", type, state, mode) == 3 && strcmp(type, "LEASE") == 0)
			say("%s %s %s %s\n", type, state, mode, strstr(line, "0 EOF") ? "0 EOF" : "?");
	close(a);
}

static void told(const char *what)
{
	sleep_ms(1);
	say("%s: %s\n", what, got ? got == SIGRTMIN && got_code == POLL_MSG ? "told" : "told wrongly" : "nothing");
	got = 0;
}

static void dnotify(void)
{
	int d, f;

	HEAD("F_NOTIFY");
	mkdir("d", 0755);
	put_file("d/x", "data", 4, 0644);
	d = NEED(open("d", O_RDONLY));
	f = NEED(open("d/x", O_RDWR));
	R(fcntl(f, F_NOTIFY, DN_ACCESS));
	NEED(fcntl(d, F_SETSIG, SIGRTMIN));
	got = 0;
	R(fcntl(d, F_NOTIFY, DN_CREATE));
	put_file("d/1", "", 0, 0644);
	told("create");
	IS(got_fd == d);
	put_file("d/2", "", 0, 0644);
	told("once only");
	R(fcntl(d, F_NOTIFY, DN_CREATE | DN_DELETE | DN_MULTISHOT));
	put_file("d/3", "", 0, 0644);
	told("create");
	unlink("d/3");
	told("delete");
	rename("d/2", "d/4");
	told("rename is both");
	rename("d/4", "out");
	told("moved out");
	R(fcntl(d, F_NOTIFY, 0));
	unlink("d/1");
	told("given up");
	R(fcntl(d, F_NOTIFY, DN_RENAME | DN_MULTISHOT));
	rename("out", "d/in");
	told("from elsewhere");
	rename("d/in", "d/in2");
	told("within");
	R(fcntl(d, F_NOTIFY, 0));
	R(fcntl(d, F_NOTIFY, DN_MODIFY | DN_MULTISHOT));
	NEED(write(f, "x", 1));
	told("modify");
	R(fcntl(d, F_NOTIFY, DN_ATTRIB | DN_MULTISHOT));
	chmod("d/x", 0600);
	told("attrib");
	chmod("d", 0700);
	told("of the directory");
	R(fcntl(d, F_NOTIFY, 0));
	R(fcntl(d, F_NOTIFY, DN_ACCESS | DN_MULTISHOT));
	char c[4];
	NEED(pread(f, c, 1, 0));
	told("access");
	int dd = dup(d);
	close(dd);
	NEED(pread(f, c, 1, 0));
	told("a copy was closed");
	R(fcntl(d, F_NOTIFY, DN_ACCESS | DN_MULTISHOT));
	close(d);
	NEED(pread(f, c, 1, 0));
	told("closed");
	close(f);
}

static void hints(void)
{
	int f = NEED(open("h", O_RDWR | O_CREAT, 0644)), g;
	uint64_t hint = 9;

	HEAD("write hints");
	R(fcntl(f, F_GET_RW_HINT, &hint));
	V(hint);
	for (hint = 0; hint < 7; hint++)
		R(fcntl(f, F_SET_RW_HINT, &hint));
	R(fcntl(f, F_GET_RW_HINT, &hint));
	V(hint);
	g = NEED(open("h", O_RDONLY));
	R(fcntl(g, F_GET_RW_HINT, &hint));
	V(hint);
	R(fcntl(f, F_SET_RW_HINT, (void *)1));
	R(fcntl(f, F_GET_FILE_RW_HINT, &hint));
	HEAD("F_CREATED_QUERY");
	R(fcntl(f, F_CREATED_QUERY, 0));
	R(fcntl(g, F_CREATED_QUERY, 0));
	close(g);
	g = NEED(open("h", O_RDWR | O_CREAT, 0644));
	R(fcntl(g, F_CREATED_QUERY, 0));
	close(g);
	g = NEED(open(".", O_RDWR | O_TMPFILE, 0644));
	R(fcntl(g, F_CREATED_QUERY, 0));
	close(g);
	g = NEED(open("h", O_PATH));
	R(fcntl(g, F_CREATED_QUERY, 0));
	R(fcntl(g, F_GETLEASE));
	close(g);
	close(f);
}

int main(void)
{
	taking();
	breaking();
	show_locks();
	dnotify();
	hints();
	return 0;
}
