// SPDX-License-Identifier: BSD-2-Clause
/* Where handlers return to, and stacks that are too small for them. */
#include "abi.h"
#include <ucontext.h>

static unsigned long wanted, back_rip, back_rsp;
static volatile int codes, traps, rip_kept;

static void to_nowhere(int sig, siginfo_t *si, void *uc)
{
	greg_t *r = ((ucontext_t *)uc)->uc_mcontext.gregs;

	(void)sig;
	(void)si;
	back_rip = r[REG_RIP];
	back_rsp = r[REG_RSP];
	r[REG_RIP] = wanted;
}

static void from_nowhere(int sig, siginfo_t *si, void *uc)
{
	greg_t *r = ((ucontext_t *)uc)->uc_mcontext.gregs;

	(void)sig;
	codes = si->si_code;
	traps = r[REG_TRAPNO];
	rip_kept = (unsigned long)r[REG_RIP] == wanted;
	r[REG_RIP] = back_rip;
	r[REG_RSP] = back_rsp;
}

static void addresses(void)
{
	HEAD("addresses that are none");
	on_siginfo(SIGUSR1, to_nowhere, 0);
	on_siginfo(SIGSEGV, from_nowhere, 0);
	for (int bit = 47; bit < 64; bit++) {
		wanted = 1ul << bit;
		codes = traps = rip_kept = 0;
		raise(SIGUSR1);
		say("bit %d: code %d, trap %d, kept %d\n", bit, codes, traps, rip_kept);
	}
	wanted = 0x123456789abcdef0;
	raise(SIGUSR1);
	say("pattern: code %d, trap %d, kept %d\n", codes, traps, rip_kept);
	signal(SIGSEGV, SIG_DFL);
	CHILD
		raise(SIGUSR1);
	REAP("without a handler");
	CHILD {
		struct sigaction sa = {.sa_handler = (void (*)(int))(1ul << 62)};

		sigaction(SIGUSR1, &sa, NULL);
		raise(SIGUSR1);
	}
	REAP("the handler itself");
}

static void hit(int sig)
{
	say("%s\n", sig_name(sig));
	_exit(3);
}

static void small_stack(size_t size)
{
	stack_t ss = {.ss_sp = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), .ss_size = size};

	CHILD {
		R(sigaltstack(&ss, NULL));
		on_signal(SIGUSR1, hit, SA_ONSTACK);
		on_signal(SIGSEGV, hit, 0);
		raise(SIGUSR1);
	}
	REAP("small stack");
}

int main(void)
{
	addresses();
	HEAD("stacks");
	/* Less than a frame may need, as the auxiliary vector says, is too small, whatever is in use. */
	small_stack(2049);
	small_stack(65536);
	return 0;
}
