/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Promised memory, as Linux accounts it [linux Documentation/mm/overcommit-accounting]: pages of private writable areas and of shared memory.
 * Counted per CPU; only policy 2 ever adds the CPUs up.
 */
#include <arch/smp.h>
#include <mm/page.h>
#include <mm/space.h>
#include <lib/errno.h>

int vm_overcommit_policy;
unsigned vm_overcommit_ratio = 50;
u64 vm_overcommit_kbytes;
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
	return st.total;
}

u64 vm_commit_limit(void)
{
	u64 kbytes = READ_ONCE(vm_overcommit_kbytes);

	return kbytes ? kbytes / (PAGE_SIZE / 1024) : total_pages() * vm_overcommit_ratio / 100;
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
	if (policy == 2 && vm_committed() <= (s64)vm_commit_limit())
		return 0;
	this_cpu_add(committed, -(s64)npages);
	return -ENOMEM;
}

void vm_uncommit(u64 npages)
{
	this_cpu_add(committed, -(s64)npages);
}
