// SPDX-License-Identifier: BSD-2-Clause
/* process_vm_readv, process_vm_writev: pieces of both sides, what is moved before a fault, errors, rights. */
#include "abi.h"
#include <sys/uio.h>

static char *area;

static void pieces(pid_t p)
{
	char a[8] = "", b[8] = "", text[] = "from here";
	struct iovec l[2] = {{a, 3}, {b, 4}}, r[2] = {{area, 5}, {area + 4094, 4}}, w = {text, 9};

	HEAD("pieces");
	R(process_vm_readv(p, l, 2, r, 2, 0));
	say("[%.3s] [%.4s]\n", a, b);
	r[1].iov_base = area + 8190;
	R(process_vm_readv(p, l, 2, r + 1, 1, 0));
	say("[%.3s]\n", a);
	r[0] = (struct iovec){area + 4092, 9};
	R(process_vm_writev(p, &w, 1, r, 1, 0));
	say("mine: [%.2s]\n", area + 4094);
	memset(text, 0, sizeof(text));
	R(process_vm_readv(p, &w, 1, r, 1, 0));
	say("its: [%.9s]\n", text);
}

static void errors(pid_t p)
{
	char a[8];
	struct iovec l = {a, 8}, r = {area, 8}, none = {a, 0}, bad = {(void *)8, 8}, kernel = {(void *)-4096l, 8};

	HEAD("errors");
	R(process_vm_readv(p, &l, 1, &r, 1, 1));
	R(process_vm_readv(p, &l, 1025, &r, 1, 0));
	R(process_vm_readv(p, &l, 1, &r, 1025, 0));
	R(process_vm_readv(p, &l, -1, &r, 1, 0));
	R(process_vm_readv(p, (void *)8, 1, &r, 1, 0));
	R(process_vm_readv(p, &l, 1, (void *)8, 1, 0));
	R(process_vm_readv(p, &l, 1, &bad, 1, 0));
	R(process_vm_readv(p, &l, 1, &kernel, 1, 0));
	R(process_vm_readv(p, &bad, 1, &r, 1, 0));
	R(process_vm_readv(p, &kernel, 1, &r, 1, 0));
	R(process_vm_readv(p, &none, 1, (void *)8, 1, 0));
	R(process_vm_readv(p, &l, 1, &none, 1, 0));
	R(process_vm_readv(p, NULL, 0, &r, 1, 0));
	R(process_vm_readv(p, &l, 1, NULL, 0, 0));
	R(process_vm_readv(999999, &l, 1, &r, 1, 0));
	R(process_vm_readv(999999, &none, 1, &r, 1, 0));
	R(process_vm_readv(0, &l, 1, &r, 1, 0));
	R(process_vm_readv(-1, &l, 1, &r, 1, 0));
	mprotect(area, 4096, PROT_READ);
	R(process_vm_readv(getpid(), &l, 1, &r, 1, 0));
	R(process_vm_writev(getpid(), &l, 1, &r, 1, 0));
	CHILD {
		NEED(setresuid(1000, 1000, 1000));
		R(process_vm_readv(p, &l, 1, &r, 1, 0));
	}
	REAP("another user");
}

int main(void)
{
	area = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(area + 8192, 4096);
	strcpy(area, "zero");
	memcpy(area + 4094, "page", 4);
	memcpy(area + 8190, "xy", 2);
	pid_t p = NEED(fork());
	if (!p) {
		for (;;)
			pause();
	}
	pieces(p);
	errors(p);
	kill(p, SIGKILL);
	waitpid(p, NULL, 0);
	return 0;
}
