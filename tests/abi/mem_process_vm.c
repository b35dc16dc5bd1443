// SPDX-License-Identifier: BSD-2-Clause
/* process_vm_readv and process_vm_writev: spans of both sides, holes, rights. */
#include "abi.h"
#include <sys/uio.h>

int main(void)
{
	char *m = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *ro = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char buf[64] = {0};
	struct iovec here[2] = {{buf, 3}, {buf + 10, 20}}, there[2] = {{m, 6}, {m + 4090, 10}};
	struct iovec negative = {buf, (size_t)-1}, nothing = {buf, 0};

	munmap(m + 2 * 4096, 4096);
	CHILD {
		strcpy(m, "abcdefgh");
		memcpy(m + 4090, "0123456789", 10);
		for (;;)
			pause();
	}
	await_state(child_pid, 'S');
	R(process_vm_readv(child_pid, here, 2, there, 2, 0));
	say("\"%.3s\" \"%.13s\"\n", buf, buf + 10);
	memcpy(buf, "XYZ", 3);
	R(process_vm_writev(child_pid, here, 1, there, 1, 0));
	R(process_vm_readv(child_pid, here, 2, there, 1, 0));
	say("\"%.3s\" \"%.3s\"\n", buf, buf + 10);
	V(m[0]);
	there[0] = (struct iovec){m + 2 * 4096 - 4, 8};
	R(process_vm_readv(child_pid, here + 1, 1, there, 1, 0));
	there[0] = (struct iovec){m + 2 * 4096, 8};
	R(process_vm_readv(child_pid, here + 1, 1, there, 1, 0));
	there[0] = (struct iovec){ro, 8};
	R(process_vm_readv(child_pid, here + 1, 1, there, 1, 0));
	R(process_vm_writev(child_pid, here + 1, 1, there, 1, 0));
	R(process_vm_readv(child_pid, here, 1, there, 1, 1));
	R(process_vm_readv(child_pid, here, 1025, there, 1, 0));
	R(process_vm_readv(child_pid, &negative, 1, there, 1, 0));
	R(process_vm_readv(child_pid, here, 1, &negative, 1, 0));
	R(process_vm_readv(child_pid, &nothing, 1, there, 1, 0));
	R(process_vm_readv(child_pid, here, 1, &nothing, 1, 0));
	R(process_vm_readv(child_pid, here, 0, there, 0, 0));
	R(process_vm_readv(999999, here, 1, there, 1, 0));
	R(process_vm_readv(child_pid, (void *)8, 1, there, 1, 0));
	R(process_vm_readv(child_pid, here, 1, (void *)8, 1, 0));
	pid_t root = child_pid;
	CHILD {
		setresgid(1000, 1000, 1000);
		setresuid(1000, 1000, 1000);
		R(process_vm_readv(root, here, 1, there, 1, 0));
		R(process_vm_readv(getpid(), here, 1, there, 1, 0));
	}
	REAP("user");
	kill(root, SIGKILL);
	waitpid(root, NULL, 0);
	R(process_vm_readv(root, here, 1, there, 1, 0));
	return 0;
}
