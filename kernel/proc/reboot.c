/* SPDX-License-Identifier: BSD-2-Clause */
#include <proc/reboot.h>
#include <arch/boot.h>
#include <debug/log.h>
#include <proc/signal.h>
#include <proc/task.h>

static bool restart_at_once = true;

void reboot_keys_set(bool on)
{
	WRITE_ONCE(restart_at_once, on);
}

void reboot_by_keys(void)
{
	struct task *init;
	siginfo_t info;

	if (READ_ONCE(restart_at_once)) {
		klog(LOG_EMERG, "restarting");
		arch_reboot();
	}
	init = task_find_get(1, PID_TGID);
	if (!init)
		return;
	siginfo_kernel(&info, SIGINT);
	(void)signal_send_proc(init->proc, &info);
	task_put(init);
}
