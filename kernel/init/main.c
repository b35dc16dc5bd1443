/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order in which the kernel comes up. Until threads run it is a list, and each line may use what the lines before it made; then initcalls sort themselves.
 */
#include <lib/config.h>
#include <lib/string.h>
#include <arch/boot.h>
#include <arch/cpu.h>
#include <arch/smp.h>
#include <debug/kasan.h>
#include <debug/log.h>
#include <debug/log_impl.h>
#include <debug/panic.h>
#include <init/initcall.h>
#include <init/main.h>
#include <init/param.h>
#include <irq/irq.h>
#include <mm/page.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <sched/sched.h>
#include <sched/thread.h>
#include <sync/rcu.h>
#include <time/clock.h>
#include <time/timer.h>

static void apply_params(void)
{
	const char *v = param_get("panic");
	int level = param_get("quiet") ? 4 : param_get("debug") ? 8 : 7;

	if (v) {
		bool negative = *v == '-';
		u64 n = 0;

		for (v += negative; *v >= '0' && *v <= '9' && n < 1000000; v++)
			n = n * 10 + (u64)(*v - '0');
		panic_timeout = negative ? -(int)n : (int)n;
	}
	log_set_console_level((int)param_u64("loglevel", (u64)level));
}

static void start_secondaries(void)
{
	unsigned online = 1;

	for (unsigned cpu = 1; cpu < cpu_count(); cpu++) {
		struct thread *idle;
		int err = sched_make_idle(cpu, &idle);

		if (!err)
			err = arch_cpu_start(cpu, idle);
		if (err)
			klog(LOG_ERR, "cpu %u does not start: error %d", cpu, err);
		else
			online++;
	}
	if (online > 1)
		klog(LOG_INFO, "smp: %u processors", online);
}

/* First kernel thread: what may sleep, up to the first process, which does the rest. */
static void boot_thread(void *arg)
{
	start_secondaries();
	sched_start_services();
	if (user_start())
		panic("no memory for the first process");
	thread_exit();
}

void kernel_main(void)
{
	struct thread *boot;

	param_init(boot_info.cmdline);
	arch_init_early();
	apply_params();
	if (NOS_KASAN)
		kasan_init_globals();
	klog(LOG_NOTICE, "NOS %s, by %s: %s", NOS_VERSION, boot_info.door, boot_info.cmdline);
	page_init();
	arch_init_percpu();
	slab_init();
	vm_init();
	irq_init();
	arch_init_late();
	clock_init();
	rcu_init();
	sched_init();
	timer_init_cpu();
	irq_enable();
	log_init();
	if (thread_create(boot_thread, NULL, "boot", &boot))
		panic("no memory for the first thread");
	thread_start(boot);
	sched_idle_loop();
}

void secondary_main(unsigned cpu)
{
	arch_init_cpu_secondary(cpu);
	sched_init_secondary(cpu);
	timer_init_cpu();
	irq_enable();
	sched_idle_loop();
}
