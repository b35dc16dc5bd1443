/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Promised memory, as Linux accounts it [linux Documentation/mm/overcommit-accounting]: pages of private writable areas and of shared memory.
 * Counted per CPU; only policy 2 ever adds the CPUs up.
 */
#include <arch/smp.h>
#include <mm/page.h>
#include <mm/space.h>
#include <sched/thread.h>
#include <lib/errno.h>

int vm_overcommit_policy;
unsigned vm_overcommit_ratio = 50;
u64 vm_overcommit_kbytes;
u64 vm_admin_reserve_kbytes = 8192, vm_user_reserve_kbytes = 131072;
u64 vm_set_aside;
static DEFINE_PER_CPU(s64, committed);

s64 vm_committed(void)
{
	s64 sum = 0;

	for (unsigned cpu = 0; cpu < cpu_count(); cpu++)
		sum += READ_ONCE(*per_cpu_ptr(&committed, cpu));
	return sum;
}

static u64 total_pages(void)
{
	struct page_stats st;

	page_stats(&st);
	return st.total - min(st.total, READ_ONCE(vm_set_aside));
}

u64 vm_commit_limit(void)
{
	u64 kbytes = READ_ONCE(vm_overcommit_kbytes);

	return kbytes ? kbytes / (PAGE_SIZE / 1024) : total_pages() * vm_overcommit_ratio / 100;
}

/* Policy 2: what the running thread may bring the total to. A 32nd of its own is kept from a single process that would take everything. */
static s64 limit_here(void)
{
	const struct vm_space *s = thread_current() ? thread_current()->space : NULL;
	s64 limit = (s64)vm_commit_limit();

	if (!vm_commit_is_privileged())
		limit -= (s64)(READ_ONCE(vm_admin_reserve_kbytes) / (PAGE_SIZE / 1024));
	if (s)
		limit -= (s64)min_t(u64, READ_ONCE(s->total_pages) / 32, READ_ONCE(vm_user_reserve_kbytes) / (PAGE_SIZE / 1024));
	return limit;
}

void vm_commit_init(void)
{
	struct page_stats st;

	page_stats(&st);
	vm_admin_reserve_kbytes = min(st.free * (PAGE_SIZE / 1024) / 32, vm_admin_reserve_kbytes);
	vm_user_reserve_kbytes = min(st.free * (PAGE_SIZE / 1024) / 32, vm_user_reserve_kbytes);
}

int vm_commit(u64 npages)
{
	int policy = READ_ONCE(vm_overcommit_policy);

	this_cpu_add(committed, (s64)npages);
	if (policy == 1)
		return 0;
	/* Policy 0 refuses only what could never be had; small requests need no look at the total. */
	if (policy == 0 && (npages < 4096 || npages <= total_pages()))
		return 0;
	if (policy == 2 && vm_committed() <= limit_here())
		return 0;
	this_cpu_add(committed, -(s64)npages);
	return -ENOMEM;
}

void vm_uncommit(u64 npages)
{
	this_cpu_add(committed, -(s64)npages);
}
