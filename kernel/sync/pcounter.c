/* SPDX-License-Identifier: BSD-2-Clause */
#include <sync/pcounter.h>
#include <lib/errno.h>
#include <arch/smp.h>
#include <mm/percpu.h>

int pcounter_init(struct pcounter *c)
{
	c->percpu = percpu_alloc(sizeof(s64), sizeof(s64));
	return c->percpu ? 0 : -ENOMEM;
}

void pcounter_fini(struct pcounter *c)
{
	percpu_free(c->percpu);
	c->percpu = NULL;
}

s64 pcounter_sum(const struct pcounter *c)
{
	s64 sum = 0;

	for (unsigned cpu = 0; cpu < cpu_count(); cpu++)
		sum += READ_ONCE(*per_cpu_ptr(c->percpu, cpu));
	return sum;
}
