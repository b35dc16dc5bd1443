/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Shared by the files of /proc.
 */
#include "../pseudo/pseudo_impl.h"
#include <proc/pid.h>
#include <proc/task.h>
#include <vfs/procfs.h>

#define NS_PER_TICK (1000000000ull / 100) /* USER_HZ */

/* pseudo_inode.kind */
enum proc_kind { PROC_TREE, PROC_TASK_DIR, PROC_THREAD_DIR, PROC_TASK_LIST, PROC_FD_LIST, PROC_FDINFO_LIST, PROC_FILE, PROC_LINK, PROC_FD,
	PROC_NS_LIST, PROC_NS, PROC_MAP_LIST, PROC_MAP,
	/* of kernel threads: the directory in /proc and in task/, task/, other directories, which are empty, files and links */
	PROC_KT_DIR, PROC_KT_THREAD, PROC_KT_TASK, PROC_KT_EMPTY, PROC_KT_FILE, PROC_KT_LINK };

/* A name in /proc/PID. */
struct task_entry {
	struct pseudo_file file;
	u8 kind;		/* enum proc_kind; 0: a file */
	/* PROC_LINK: where it leads, with references. 0; -ENOENT. */
	int (*target)(struct task *t, struct path *out);
};

/* Of others' processes: all is seen; their directories are shut; are not there; neither, unless they may be traced. */
enum hidepid { HIDEPID_OFF, HIDEPID_NO_ACCESS, HIDEPID_INVISIBLE, HIDEPID_PTRACEABLE = 4 };

/* super->private */
struct proc_super {
	u32 gid;		/* whose members see all */
	u8 hidepid;		/* enum hidepid */
	bool pid_only;		/* subset=pid */
};

extern const struct task_entry task_entries[];
extern const size_t task_entries_nr;

/* ---- root.c ---- */
/* May the running task see @t (NULL: a kernel thread) here, where a super block that hides at @level would hide it? */
bool proc_may_see(const struct super *sb, struct task *t, enum hidepid level);
/* ---- task_dir.c ---- */
/* Inode numbers: of /proc/PID (entry 0) and what is in it, so that readdir knows them too. */
u64 proc_ino(s32 pid, unsigned entry, bool thread);
struct task *proc_inode_task(const struct inode *inode); /* referenced; NULL: gone */
/* An inode of a task for @d. 0; -ENOMEM; -ENOENT. */
int proc_attach(struct inode *dir, struct dentry *d, struct pid *pid, u8 kind, u32 mode, const struct pseudo_file *file, s32 fd,
	u64 ino) MUST_CHECK;
int proc_attach_pid(struct inode *dir, struct dentry *d, s32 nr, bool thread, struct pid *tgid) MUST_CHECK;
/* Digits without leading zeroes; -1: not a number. */
s32 proc_parse_nr(const char *name, size_t len);
int proc_revalidate(struct dentry *d);
int proc_task_setattr(struct inode *inode, const struct iattr *attr);
int proc_task_getattr(struct inode *inode, struct kstat *st);
int proc_task_permission(struct inode *inode, int mask);
extern const struct inode_ops proc_task_dir_ops;
extern const struct file_ops proc_task_dir_fops;
/* ---- kthread.c ---- */
/* /proc/N of a kernel thread at @d; nothing if @pid is none's. -ENOMEM. */
int proc_attach_kthread(struct inode *dir, struct dentry *d, struct pid *pid, bool in_task) MUST_CHECK;
/* ---- task_list.c ---- */
extern const struct inode_ops proc_task_list_ops;
extern const struct file_ops proc_task_list_fops;
/* ---- task_fd.c ---- */
extern const struct inode_ops proc_fd_list_ops, proc_fdinfo_list_ops, proc_fd_ops;
extern const struct file_ops proc_fd_list_fops, proc_fdinfo_list_fops;
extern const struct pseudo_file proc_fdinfo_file;
/* Of a list of what a process has open: its threads may always look at their own. */
int proc_list_permission(struct inode *inode, int mask);
/* ---- task_ns.c ---- */
extern const struct inode_ops proc_ns_list_ops, proc_ns_ops;
extern const struct file_ops proc_ns_list_fops;
/* ---- task_ids.c ---- */
int proc_show_id_map(struct pseudo_text *t);
int proc_store_id_map(struct pseudo_text *t, char *text, size_t len);
int proc_show_setgroups(struct pseudo_text *t);
int proc_store_setgroups(struct pseudo_text *t, char *text, size_t len);
int proc_show_loginuid(struct pseudo_text *t);
int proc_store_loginuid(struct pseudo_text *t, char *text, size_t len);
int proc_show_sessionid(struct pseudo_text *t);
/* ---- task_map_files.c ---- */
extern const struct inode_ops proc_map_list_ops, proc_map_ops;
extern const struct file_ops proc_map_list_fops;
/* ---- task_link.c ---- */
extern const struct inode_ops proc_link_ops;
int proc_exe_path(struct task *t, struct path *out);
int proc_cwd_path(struct task *t, struct path *out);
int proc_root_path(struct task *t, struct path *out);
/* Text of a path as the reader sees it, its length or an error; the path is put. */
int proc_path_text_put(struct path *p, char *buf, size_t size);
/* Of a magic link: the text of what it leads to. */
int proc_link_readlink(struct inode *inode, struct dentry *d, char *buf, size_t size);
/* ---- contents ---- */
int proc_show_stat(struct pseudo_text *t);
int proc_show_thread_stat(struct pseudo_text *t);
int proc_show_statm(struct pseudo_text *t);
int proc_show_status(struct pseudo_text *t);
int proc_next_maps(struct pseudo_text *t);
s64 proc_ioctl_maps(struct pseudo_text *t, unsigned cmd, u64 arg);
int proc_next_numa_maps(struct pseudo_text *t);
int proc_next_smaps(struct pseudo_text *t);
int proc_show_smaps_rollup(struct pseudo_text *t);
int proc_next_cmdline(struct pseudo_text *t);
int proc_next_environ(struct pseudo_text *t);
int proc_show_auxv(struct pseudo_text *t);
extern const struct file_ops proc_mem_fops;
s64 proc_mem_lseek(struct file *f, s64 off, int whence);
/* ---- task_pagemap.c ---- */
extern const struct file_ops proc_pagemap_fops;
int proc_store_clear_refs(struct pseudo_text *t, char *text, size_t len);
int proc_show_comm(struct pseudo_text *t);
int proc_store_comm(struct pseudo_text *t, char *text, size_t len);
int proc_show_limits(struct pseudo_text *t);
int proc_show_io(struct pseudo_text *t);
int proc_show_oom_score(struct pseudo_text *t);
int proc_show_oom_adj(struct pseudo_text *t);
int proc_store_oom_adj(struct pseudo_text *t, char *text, size_t len);
int proc_show_oom_score_adj(struct pseudo_text *t);
int proc_store_oom_score_adj(struct pseudo_text *t, char *text, size_t len);
int proc_show_wchan(struct pseudo_text *t);
int proc_show_syscall(struct pseudo_text *t);
int proc_show_personality(struct pseudo_text *t);
int proc_show_cgroup(struct pseudo_text *t);
int proc_show_schedstat(struct pseudo_text *t);
int proc_show_sched(struct pseudo_text *t);
int proc_show_timers(struct pseudo_text *t);
int proc_show_fail_nth(struct pseudo_text *t);
int proc_store_fail_nth(struct pseudo_text *t, char *text, size_t len);
int proc_show_core_filter(struct pseudo_text *t);
int proc_store_core_filter(struct pseudo_text *t, char *text, size_t len);
int proc_show_slack(struct pseudo_text *t);
int proc_store_slack(struct pseudo_text *t, char *text, size_t len);
/* Nothing can be made here, so a name that is not there ends the look-up itself, also that of mkdir or link. */
static inline int proc_found(int err, const struct dentry *d)
{
	return err ? err : d->inode ? 0 : -ENOENT;
}
int proc_show_children(struct pseudo_text *t);
int proc_next_mounts(struct pseudo_text *t);
int proc_next_mountinfo(struct pseudo_text *t);
int proc_next_mountstats(struct pseudo_text *t);
u32 proc_poll_mounts(struct pseudo_text *t, struct poll_table *pt);
/* Permission text that opens sessions for memory of @t: 0 with *out_space (NULL: it has none); -EACCES. */
int proc_space_open(struct task *t, bool attach, struct vm_space **out_space) MUST_CHECK;
/* ---- global.c, machine.c, memory.c, sysctl.c ---- */
void proc_global_init(void);
void proc_stat_init(void);
void proc_machine_init(void);
void proc_memory_init(void);
void proc_sysctl_init(void);
