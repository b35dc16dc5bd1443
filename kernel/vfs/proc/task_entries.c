/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The names in /proc/PID and /proc/PID/task/TID.
 */
#include "proc_fs.h"

#define FILE_(name_, mode_, ...) {.file = {.name = name_, .mode = mode_, __VA_ARGS__}}
#define DIR_(name_, mode_, kind_, ...) {.file = {.name = name_, .mode = mode_, __VA_ARGS__}, .kind = kind_}
#define LINK_(name_, target_) {.file = {.name = name_, .mode = 0777}, .kind = PROC_LINK, .target = target_}

/* Where process and thread differ there are two entries. */
const struct task_entry task_entries[] = {
	DIR_("task", 0555, PROC_TASK_LIST, .flags = PSEUDO_PROC),
	DIR_("fd", 0500, PROC_FD_LIST),
	DIR_("map_files", 0500, PROC_MAP_LIST, .flags = PSEUDO_PROC),
	DIR_("fdinfo", 0555, PROC_FDINFO_LIST),
	DIR_("ns", 0511, PROC_NS_LIST),
	FILE_("environ", 0400, .flags = PSEUDO_SPACE, .next = proc_next_environ),
	FILE_("auxv", 0400, .flags = PSEUDO_SPACE, .show = proc_show_auxv),
	FILE_("status", 0444, .show = proc_show_status),
	FILE_("personality", 0400, .flags = PSEUDO_PTRACE | PSEUDO_ATTACH, .show = proc_show_personality),
	FILE_("limits", 0444, .show = proc_show_limits),
	FILE_("sched", 0444, .show = proc_show_sched),
	FILE_("comm", 0644, .show = proc_show_comm, .store = proc_store_comm),
	FILE_("syscall", 0400, .flags = PSEUDO_PTRACE | PSEUDO_ATTACH, .show = proc_show_syscall),
	FILE_("cmdline", 0444, .next = proc_next_cmdline),
	FILE_("stat", 0444, .flags = PSEUDO_PROC, .show = proc_show_stat),
	FILE_("stat", 0444, .flags = PSEUDO_THREAD, .show = proc_show_thread_stat),
	FILE_("statm", 0444, .show = proc_show_statm),
	FILE_("maps", 0444, .flags = PSEUDO_SPACE, .next = proc_next_maps, .ioctl = proc_ioctl_maps),
	FILE_("mem", 0600, .fops = &proc_mem_fops),
	LINK_("cwd", proc_cwd_path),
	LINK_("root", proc_root_path),
	LINK_("exe", proc_exe_path),
	FILE_("mounts", 0444, .next = proc_next_mounts, .poll = proc_poll_mounts),
	FILE_("mountinfo", 0444, .next = proc_next_mountinfo, .poll = proc_poll_mounts),
	FILE_("mountstats", 0400, .flags = PSEUDO_PROC, .next = proc_next_mountstats, .poll = proc_poll_mounts),
	FILE_("clear_refs", 0200, .flags = PSEUDO_PROC, .store = proc_store_clear_refs),
	FILE_("clear_refs", 0200, .flags = PSEUDO_THREAD, .store = proc_store_clear_refs),
	FILE_("smaps", 0444, .flags = PSEUDO_SPACE, .next = proc_next_smaps),
	FILE_("smaps_rollup", 0444, .flags = PSEUDO_SPACE, .show = proc_show_smaps_rollup),
	FILE_("numa_maps", 0444, .flags = PSEUDO_SPACE, .next = proc_next_numa_maps),
	FILE_("pagemap", 0400, .fops = &proc_pagemap_fops),
	FILE_("wchan", 0444, .show = proc_show_wchan),
	FILE_("schedstat", 0444, .show = proc_show_schedstat),
	FILE_("cgroup", 0444, .show = proc_show_cgroup),
	FILE_("oom_score", 0444, .show = proc_show_oom_score),
	FILE_("oom_adj", 0644, .show = proc_show_oom_adj, .store = proc_store_oom_adj),
	FILE_("oom_score_adj", 0644, .show = proc_show_oom_score_adj, .store = proc_store_oom_score_adj),
	FILE_("coredump_filter", 0644, .flags = PSEUDO_PROC, .show = proc_show_core_filter, .store = proc_store_core_filter),
	FILE_("loginuid", 0644, .show = proc_show_loginuid, .store = proc_store_loginuid),
	FILE_("sessionid", 0444, .show = proc_show_sessionid),
	FILE_("io", 0400, .flags = PSEUDO_PROC | PSEUDO_PTRACE, .show = proc_show_io),
	FILE_("io", 0400, .flags = PSEUDO_THREAD | PSEUDO_PTRACE, .show = proc_show_io),
	FILE_("uid_map", 0644, .show = proc_show_id_map, .store = proc_store_id_map),
	FILE_("gid_map", 0644, .show = proc_show_id_map, .store = proc_store_id_map),
	FILE_("projid_map", 0644, .show = proc_show_id_map, .store = proc_store_id_map),
	FILE_("setgroups", 0644, .show = proc_show_setgroups, .store = proc_store_setgroups),
	FILE_("timers", 0444, .flags = PSEUDO_PROC, .show = proc_show_timers),
	FILE_("timerslack_ns", 0666, .flags = PSEUDO_PROC, .show = proc_show_slack, .store = proc_store_slack),
	FILE_("children", 0444, .flags = PSEUDO_THREAD, .show = proc_show_children),
	/* The last: only debug kernels have it. */
	FILE_("fail-nth", 0644, .show = proc_show_fail_nth, .store = proc_store_fail_nth),
};
const size_t task_entries_nr = ARRAY_SIZE(task_entries) - !NOS_DEBUG;
