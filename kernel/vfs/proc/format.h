/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The texts of /proc/PID as functions of plain numbers: tested on the host. Formats: [man proc_pid_stat(5)], [man proc_pid_status(5)],
 * [man proc_pid_maps(5)].
 */
#include <lib/types.h>
#include <lib/strbuf.h>

struct stat_fields {
	s32 pid, ppid, pgrp, session;
	const char *comm;
	char state;
	s32 tty_nr, tpgid;
	u32 flags;
	u64 minflt, cminflt, majflt, cmajflt;
	u64 utime, stime; /* ticks, as all times here */
	s64 cutime, cstime;
	s64 priority, nice;
	u32 num_threads;
	u64 starttime, vsize, rss, rsslim;
	u64 startcode, endcode, startstack, kstkesp, kstkeip;
	u64 pending, blocked, sigignore, sigcatch; /* masks: the first 31 signals are shown */
	u64 wchan;
	s32 exit_signal, processor;
	u32 rt_priority, policy;
	u64 start_data, end_data, start_brk, arg_start, arg_end, env_start, env_end;
	s32 exit_code;
};
void proc_format_stat(struct strbuf *sb, const struct stat_fields *f);

struct status_mem { /* KiB */
	u64 peak, size, lck, hwm, rss, anon, file, shmem, data, stk, exe, lib, pte, hugetlb;
};

struct status_fields {
	const char *comm;
	u32 umask;
	bool has_umask, has_mem, core_dumping;
	char state;
	s32 tgid, pid, ppid, tracer, pgrp, session;
	u32 uid[4], gid[4]; /* real, effective, saved, file system */
	u32 fdsize;
	const u32 *groups;
	u32 ngroups;
	bool is_kthread;
	struct status_mem mem;
	u32 threads;
	u64 sigq, sigq_limit;
	u64 pending, shared_pending, blocked, ignored, caught;
	u64 cap_inh, cap_prm, cap_eff, cap_bnd, cap_amb;
	bool no_new_privs;
	u32 seccomp, seccomp_filters;
	const unsigned long *cpus; /* allowed */
	u32 ncpus;
	u64 voluntary, involuntary;
};
void proc_format_status(struct strbuf *sb, const struct status_fields *f);

struct maps_line {
	u64 start, end;
	bool read, write, exec, shared;
	u64 off;
	u32 major, minor;
	u64 ino;
	const char *name; /* NULL or "": none */
};
void proc_format_maps(struct strbuf *sb, const struct maps_line *l);

const char *proc_state_name(char state); /* "S (sleeping)" */
/* @s with newline and backslash as \n and \\ (and all of @also as \ooo). */
void proc_put_escaped(struct strbuf *sb, const char *s, const char *also);
/* "0-3,8" and "f,00000001" of the first @nbits. */
void proc_put_list(struct strbuf *sb, const unsigned long *bits, u32 nbits);
void proc_put_mask(struct strbuf *sb, const unsigned long *bits, u32 nbits);
