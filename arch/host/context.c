/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads of host tests as coroutines. A CPU is a host thread; its first context is the host thread's own.
 */
#include <errno.h>
#include <stdlib.h>
#include <ucontext.h>
#include <arch/context.h>
#include <sched/thread.h>
#include <sched/sched.h>

/* Set by the switching side just before, read by the resumed side on the same host thread. */
static __thread struct thread *switched_from;

static ucontext_t *context_of(struct thread *t)
{
	if (!t->arch.context)
		t->arch.context = calloc(1, sizeof(ucontext_t));
	if (!t->arch.context)
		abort();
	return t->arch.context;
}

/* makecontext passes ints only. */
static void coroutine(unsigned lo, unsigned hi)
{
	struct thread *t = (struct thread *)((unsigned long)lo | (unsigned long)hi << 32);

	sched_tail(switched_from);
	t->arch.entry(t->arch.arg);
	abort(); /* a kernel thread ends in thread_exit() */
}

void arch_thread_init_kernel(struct thread *t, void (*entry)(void *), void *arg)
{
	ucontext_t *uc = context_of(t);
	unsigned long p = (unsigned long)t;

	t->arch.entry = entry;
	t->arch.arg = arg;
	if (getcontext(uc))
		abort();
	uc->uc_stack.ss_sp = t->stack;
	uc->uc_stack.ss_size = KSTACK_SIZE;
	uc->uc_link = NULL;
	makecontext(uc, (void (*)(void))coroutine, 2, (unsigned)p, (unsigned)(p >> 32));
}

struct thread *arch_switch(struct thread *prev, struct thread *next)
{
	switched_from = prev;
	if (swapcontext(context_of(prev), context_of(next)))
		abort();
	return switched_from;
}

int arch_thread_fork(struct thread *child)
{
	return 0;
}

void arch_thread_fini(struct thread *t)
{
	free(t->arch.context);
	t->arch.context = NULL;
}

int arch_set_tls(struct thread *t, u64 base)
{
	t->arch.tls = base;
	return 0;
}
