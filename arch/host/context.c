/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads of host tests as coroutines. A CPU is a host thread; its first context is the host thread's
 * own. A coroutine may go on on another host thread than the one it stopped on: nothing here keeps a
 * thread-local address across a switch. The sanitizers are told of every switch.
 */
#include <errno.h>
#include <stdlib.h>
#include <ucontext.h>
#include <arch/context.h>
#include <sched/thread.h>
#include <sched/sched.h>

#if defined(__SANITIZE_THREAD__)
#define HOST_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HOST_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define HOST_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HOST_ASAN 1
#endif
#endif

#ifdef HOST_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#ifdef HOST_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

struct host_context {
	ucontext_t uc;
	struct thread *from;  /* who switched to this one last */
	void *fiber;	      /* tsan */
	void *fake_stack;     /* asan */
	const void *bottom;   /* stack, for asan; learnt at the first switch away for a CPU's own */
	size_t size;
};

static struct host_context *context_of(struct thread *t)
{
	if (!t->arch.context)
		t->arch.context = calloc(1, sizeof(struct host_context));
	if (!t->arch.context)
		abort();
	return t->arch.context;
}

static void switch_done(struct host_context *self)
{
#ifdef HOST_ASAN
	const void *bottom;
	size_t size;
	struct host_context *from = context_of(self->from);

	__sanitizer_finish_switch_fiber(self->fake_stack, &bottom, &size);
	if (!from->bottom) {
		from->bottom = bottom;
		from->size = size;
	}
#endif
}

/* makecontext passes ints only. */
static void coroutine(unsigned lo, unsigned hi)
{
	struct thread *t = (struct thread *)((unsigned long)lo | (unsigned long)hi << 32);
	struct host_context *c = t->arch.context;

	switch_done(c);
	sched_tail(c->from);
	t->arch.entry(t->arch.arg);
	abort(); /* a kernel thread ends in thread_exit() */
}

void arch_thread_init_kernel(struct thread *t, void (*entry)(void *), void *arg)
{
	struct host_context *c = context_of(t);
	unsigned long p = (unsigned long)t;

	t->arch.entry = entry;
	t->arch.arg = arg;
	if (getcontext(&c->uc))
		abort();
	c->bottom = c->uc.uc_stack.ss_sp = t->stack;
	c->size = c->uc.uc_stack.ss_size = HOST_STACK_SIZE;
	c->uc.uc_link = NULL;
	makecontext(&c->uc, (void (*)(void))coroutine, 2, (unsigned)p, (unsigned)(p >> 32));
#ifdef HOST_TSAN
	c->fiber = __tsan_create_fiber(0);
#endif
}

struct thread *arch_switch(struct thread *prev, struct thread *next)
{
	struct host_context *from = context_of(prev), *to = context_of(next);

	to->from = prev;
#ifdef HOST_ASAN
	__sanitizer_start_switch_fiber(&from->fake_stack, to->bottom, to->size);
#endif
#ifdef HOST_TSAN
	if (!from->fiber)
		from->fiber = __tsan_get_current_fiber();
	__tsan_switch_to_fiber(to->fiber, 0);
#endif
	if (swapcontext(&from->uc, &to->uc))
		abort();
	switch_done(from);
	return from->from;
}

int arch_thread_fork(struct thread *child)
{
	return 0;
}

void arch_thread_fini(struct thread *t)
{
#ifdef HOST_TSAN
	struct host_context *c = t->arch.context;

	if (c && c->fiber && t->stack)
		__tsan_destroy_fiber(c->fiber);
#endif
	free(t->arch.context);
	t->arch.context = NULL;
}

int arch_set_tls(struct thread *t, u64 base)
{
	t->arch.tls = base;
	return 0;
}
