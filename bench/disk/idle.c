// SPDX-License-Identifier: BSD-2-Clause
#include "disk.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#define ROUND_NS 2 /* an increment in memory and a jump, under icount */

static volatile uint64_t *rounds;
static uint64_t rounds_before;

static void fill_idle_time(long arg)
{
	struct sched_param param = {0};

	(void)arg;
	must_libc(sched_setscheduler(0, SCHED_IDLE, &param));
	__asm__ volatile("1: incq (%0)\n\tjmp 1b" : : "r"(rounds) : "memory");
}

void idle_start(void)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		row_fail("mmap", errno);
	rounds = page;
	spawn(fill_idle_time, 0);
}

void idle_begin(void)
{
	rounds_before = *rounds;
}

void idle_end(void)
{
	unmeasured_add((*rounds - rounds_before) * ROUND_NS);
}

void aside_begin(void)
{
	idle_end();
	unmeasured_begin();
}

void aside_end(void)
{
	unmeasured_end();
	idle_begin();
}

void disk_cool(void)
{
	int fd;

	aside_begin();
	sync();
	fd = (int)must_libc(open("/proc/sys/vm/drop_caches", O_WRONLY));
	write_full(fd, "3", 1);
	close(fd);
	aside_end();
}
