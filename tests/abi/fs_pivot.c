// SPDX-License-Identifier: BSD-2-Clause
/* pivot_root(2): who moves with the root, what is refused. */
#include "abi.h"
#include <sys/mount.h>

static int pivot(const char *to, const char *old)
{
	return syscall(SYS_pivot_root, to, old);
}

static void say_links(const char *who, pid_t pid)
{
	static const char *const names[] = {"root", "cwd"};
	char path[64], to[256];

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, names[i]);
		ssize_t n = readlink(path, to, sizeof(to) - 1);
		to[n > 0 ? n : 0] = 0;
		say("%s: %s -> %s\n", who, names[i], n < 0 ? err_name(errno) : strstr(to, "/p") ? strstr(to, "/p") : to);
	}
}

int main(void)
{
	int go[2], done[2];
	char c;

	pipe(go);
	pipe(done);
	mkdir("p", 0755);
	NEED(mount("none", "p", "tmpfs", 0, NULL));
	mkdir("p/new", 0755);
	mkdir("p/plain", 0755);
	NEED(mount("none", "p/new", "tmpfs", 0, NULL));
	mkdir("p/new/old", 0755);
	mkdir("p/new/sub", 0755);
	/* One who lives in the old root, one whose root is elsewhere. */
	CHILD {
		chroot("p");
		chdir("/");
		pause();
	}
	pid_t inside = child_pid;
	CHILD {
		chdir("p/new/sub");
		chroot("/");
		pause();
	}
	pid_t other = child_pid;
	await_state(inside, 'S');
	await_state(other, 'S');
	CHILD {
		NEED(chroot("p"));
		NEED(chdir("/"));
		R(pivot("new", "new/none"));
		R(pivot("plain", "plain"));
		R(pivot("new", "plain"));
		R(pivot("new", "/"));
		R(pivot("/", "new/old"));
		R(pivot(NULL, "new/old"));
		R(pivot("new", "new/old"));
		R(access("/old/plain", F_OK));
		R(access("/sub", F_OK));
		R(access("sub", F_OK));
		write(done[1], "x", 1);
		read(go[0], &c, 1);
		R(umount2("/old", MNT_DETACH));
		R(access("/old/plain", F_OK));
		CHILD {
			become(1000);
			R(pivot("/", "/old"));
		}
		REAP("user");
	}
	pid_t mover = child_pid;
	read(done[0], &c, 1);
	say_links("mover", mover);
	say_links("inside", inside);
	say_links("other", other);
	write(go[1], "x", 1);
	reap_pid("mover", mover);
	kill(inside, SIGKILL);
	kill(other, SIGKILL);
	reap_pid("inside", inside);
	reap_pid("other", other);
	umount2("p", MNT_DETACH);
	R(rmdir("p"));
	return 0;
}
