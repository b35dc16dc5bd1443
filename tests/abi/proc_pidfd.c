// SPDX-License-Identifier: BSD-2-Clause
/* pidfds: opening, polling, signalling, duplicating descriptors, errors. */
#include "abi.h"
#include <sys/pidfd.h>

int main(void)
{
	int p[2];

	R(pidfd_open(getpid(), 0));
	R(fcntl(3, F_GETFD));
	R(pidfd_open(getpid(), 1));
	R(pidfd_open(0, 0));
	R(pidfd_open(-1, 0));
	R(pidfd_open(999999, 0));
	NEED(pipe(p));
	CHILD {
		char c;
		int secret = NEED(open("/proc/self/comm", O_RDONLY));
		dup2(secret, 50);
		close(p[1]);
		read(p[0], &c, 1);
		_exit(17);
	}
	close(p[0]);
	int fd = NEED(pidfd_open(child_pid, 0));
	await_state(child_pid, 'S');
	struct pollfd pf = {fd, POLLIN, 0};
	R(poll(&pf, 1, 0));
	int got = R(pidfd_getfd(fd, 50, 0));
	char buf[32] = "";
	ssize_t n = read(got, buf, sizeof(buf));
	IS(n > 0);
	R(fcntl(got, F_GETFD));
	R(pidfd_getfd(fd, 51, 0));
	R(pidfd_getfd(fd, 50, 1));
	R(pidfd_getfd(0, 50, 0));
	R(pidfd_send_signal(fd, 0, NULL, 0));
	R(pidfd_send_signal(fd, 65, NULL, 0));
	CHILD {
		become(1000);
		R(pidfd_send_signal(fd, SIGTERM, NULL, 0));
		R(pidfd_getfd(fd, 50, 0));
	}
	REAP("user");
	CHILD {
		siginfo_t si;
		R(waitid(P_PIDFD, fd, &si, WEXITED));
	}
	REAP("not its child");
	R(read(fd, buf, 1));
	R(write(fd, buf, 1));
	close(p[1]);
	R(poll(&pf, 1, 20000));
	X(pf.revents);
	R(pidfd_send_signal(fd, SIGTERM, NULL, 0));
	siginfo_t si;
	R(waitid(P_PIDFD, fd, &si, WEXITED));
	V(si.si_status);
	R(pidfd_send_signal(fd, SIGTERM, NULL, 0));
	R(pidfd_getfd(fd, 0, 0));
	R(poll(&pf, 1, 0));
	static const char *const dirs[] = {"/proc/self", "/proc/thread-self", "/proc", "/proc/self/stat", "/"};
	for (int i = 0; i < 5; i++) {
		int dir = open(dirs[i], O_RDONLY);
		R(pidfd_send_signal(dir, 0, NULL, 0));
		R(pidfd_getfd(dir, 0, 0));
		close(dir);
	}
	IS(strstr(get_file("/proc/self/fdinfo/3"), "Pid:\t") != NULL);
	return 0;
}
