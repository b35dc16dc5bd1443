// SPDX-License-Identifier: BSD-2-Clause
/* brk, stack growth and its limit, guard gap, MAP_GROWSDOWN, the classes of /proc/self/maps. */
#include "abi.h"
#include <setjmp.h>

static sigjmp_buf out;
static char alt[32768];

static void on_fault(int sig)
{
	siglongjmp(out, sig);
}

static int touch(volatile char *p)
{
	int sig = sigsetjmp(out, 1);

	if (sig)
		return -sig;
	*p = 1;
	return 0;
}

static void breaks(void)
{
	HEAD("brk");
	char *b = (char *)syscall(SYS_brk, 0);
	IS(b != NULL);
	IS((char *)syscall(SYS_brk, b + 10000) == b + 10000);
	V(touch(b + 9999));
	V(b[5000]);
	IS((char *)syscall(SYS_brk, b + 5000) == b + 5000);
	b[4000] = 7;
	IS((char *)syscall(SYS_brk, b + 20000) == b + 20000);
	V(b[4000]);
	V(b[15000]);
	IS((char *)syscall(SYS_brk, b) == b);
	IS((char *)syscall(SYS_brk, 1) == b);
	IS((char *)syscall(SYS_brk, 1ul << 46) == b);
	CHILD {
		struct rlimit rl = {1 << 20, 1 << 20};
		setrlimit(RLIMIT_DATA, &rl);
		IS((char *)syscall(SYS_brk, b + (8 << 20)) == b);
		say("%s\n", strstr(get_file("/proc/self/maps"), "[heap]") ? "heap" : "no heap");
	}
	REAP("limited");
	/* Something mapped in the way stops the break. */
	char *page = (char *)(((uintptr_t)b + 0x100000) & ~4095ul);
	void *m = mmap(page, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	IS(m == page);
	IS((char *)syscall(SYS_brk, page + 4096) == b);
	IS((char *)syscall(SYS_brk, page - 8192) == page - 8192);
	IS((char *)syscall(SYS_brk, b) == b);
}

static void grow(void)
{
	struct rlimit rl = {4 << 20, 4 << 20};
	stack_t ss = {.ss_sp = alt, .ss_size = sizeof(alt)};

	HEAD("stack growth");
	sigaltstack(&ss, NULL);
	on_signal(SIGSEGV, on_fault, SA_ONSTACK | SA_NODEFER);
	CHILD {
		setrlimit(RLIMIT_STACK, &rl);
		char *here = __builtin_frame_address(0);
		say("1 MiB below: %d\n", touch(here - (1 << 20)));
		say("between: %d\n", touch(here - (1 << 19)));
		say("3 MiB below: %d\n", touch(here - (3 << 20)));
		say("5 MiB below: %d\n", touch(here - (5 << 20)));
		say("stack is %s\n", strstr(get_file("/proc/self/maps"), "[stack]") ? "named" : "not named");
	}
	REAP("grower");
	CHILD {
		/* A map a little below stops growth at the guard gap. */
		char *here = (char *)((uintptr_t)__builtin_frame_address(0) & ~4095ul);
		void *m = mmap(here - (3 << 20), 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
			-1, 0);
		IS(m == here - (3 << 20));
		say("just above the map: %d\n", touch(here - (3 << 20) + 4096));
		say("900 KiB above it: %d\n", touch(here - (3 << 20) + 900 * 1024));
		say("1 MiB and a bit above it: %d\n", touch(here - (3 << 20) + (1 << 20) + 8192));
	}
	REAP("guarded");
	CHILD {
		char *m = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		munmap(m, 8 << 20);
		char *g = mmap(m + (6 << 20), 8192, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
		IS(g == m + (6 << 20));
		say("a page below: %d\n", touch(g - 4096));
		say("2 MiB below: %d\n", touch(g - (2 << 20)));
		say("in between: %d\n", touch(g - (1 << 20)));
		R(mprotect(g, 4096, PROT_READ | PROT_GROWSDOWN));
		say("lower part now: %d\n", touch(g - 4096));
	}
	REAP("MAP_GROWSDOWN");
}

static void classes(void)
{
	static char copy[8192];

	HEAD("named maps");
	strcpy(copy, get_file("/proc/self/maps"));
	IS(strstr(copy, "[stack]"));
	IS(strstr(copy, "[vdso]"));
	IS(strstr(copy, "[vvar]"));
	IS(strstr(copy, "r-xp"));
	IS(!strstr(copy, "rwxp"));
	IS(strstr(copy, "/abi/abi-all"));
	int exec_stack = 0;
	for (char *l = strtok(copy, "\n"); l; l = strtok(NULL, "\n"))
		if (strstr(l, "[stack]") && strstr(l, "x"))
			exec_stack = strstr(l, "rw-p") == NULL;
	V(exec_stack);
	R(prctl(PR_SET_NAME, "maps"));
	int fd = NEED(open("/proc/self/mem", O_RDWR));
	static int word = 1234;
	int got = 0;
	R(pread(fd, &got, 4, (off_t)(uintptr_t)&word));
	V(got);
	got = 77;
	R(pwrite(fd, &got, 4, (off_t)(uintptr_t)&word));
	V(word);
	R(pread(fd, &got, 4, 0));
}

int main(void)
{
	breaks();
	grow();
	classes();
	return 0;
}
