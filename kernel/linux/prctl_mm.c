/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prctl(PR_SET_MM): where the parts of the program are said to be, for who restores a process from a checkpoint. Nothing but /proc, core files and brk(2) looks
 * at these numbers. [man PR_SET_MM(2const)]
 */
#include <linux/prctl.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mm/space.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <proc/task.h>
#include <vfs/file.h>
#include <vfs/namei.h>
#include "syscalls.h"

#define NAUXV ARRAY_SIZE(((struct vm_space *)0)->auxv)
#define FIELD(name_) (u8)(offsetof(struct prctl_mm_map, name_) / sizeof(u64) + 1)

/* Where an option's number is in a struct prctl_mm_map: the number of its word, from 1. */
static const u8 field_of[] = {
	[PR_SET_MM_START_CODE] = FIELD(start_code),
	[PR_SET_MM_END_CODE] = FIELD(end_code),
	[PR_SET_MM_START_DATA] = FIELD(start_data),
	[PR_SET_MM_END_DATA] = FIELD(end_data),
	[PR_SET_MM_START_STACK] = FIELD(start_stack),
	[PR_SET_MM_START_BRK] = FIELD(start_brk),
	[PR_SET_MM_BRK] = FIELD(brk),
	[PR_SET_MM_ARG_START] = FIELD(arg_start),
	[PR_SET_MM_ARG_END] = FIELD(arg_end),
	[PR_SET_MM_ENV_START] = FIELD(env_start),
	[PR_SET_MM_ENV_END] = FIELD(env_end),
};
#define NFIELDS FIELD(env_end)

static void get_map(const struct vm_space *s, struct prctl_mm_map *m)
{
	*m = (struct prctl_mm_map){
		.start_code = s->code_start, .end_code = s->code_end,
		.start_data = s->data_start, .end_data = s->data_end,
		.start_brk = s->brk_start, .brk = s->brk,
		.start_stack = s->stack_top,
		.arg_start = s->arg_start, .arg_end = s->arg_end,
		.env_start = s->env_start, .env_end = s->env_end,
	};
}

static void put_map(struct vm_space *s, const struct prctl_mm_map *m)
{
	s->code_start = m->start_code;
	s->code_end = m->end_code;
	s->data_start = m->start_data;
	s->data_end = m->end_data;
	s->brk_start = m->start_brk;
	s->brk = m->brk;
	s->stack_top = m->start_stack;
	s->arg_start = m->arg_start;
	s->arg_end = m->arg_end;
	s->env_start = m->env_start;
	s->env_end = m->env_end;
}

static bool is_user_address(u64 va)
{
	return va >= vm_mmap_min_addr && va < USER_VA_END;
}

static int check_map(const struct prctl_mm_map *m)
{
	u64 limit = rlimit_cur(RLIMIT_DATA);

	for (unsigned i = 0; i < NFIELDS; i++) {
		u64 va;

		memcpy(&va, (const char *)m + i * sizeof(va), sizeof(va));
		if (!is_user_address(va))
			return -EINVAL;
	}
	if (m->start_code >= m->end_code || m->start_data > m->end_data || m->start_brk > m->brk || m->arg_start > m->arg_end || m->env_start > m->env_end)
		return -EINVAL;
	return limit != ~0ull && m->brk - m->start_brk + m->end_data - m->start_data > limit ? -EINVAL : 0;
}

struct exe_search {
	const struct file *exe;
	bool found;
};

static bool area_is_of_exe(struct vm_area *a, void *arg)
{
	struct exe_search *search = arg;

	search->found = a->backing_ops == &file_backing_ops && path_equal(&((struct file *)a->backing)->path, &search->exe->path);
	return !search->found;
}

/* Does the program still have its file mapped? */
static bool is_exe_mapped(struct task *me)
{
	struct exe_search search = {0};
	struct file *exe;

	spin_lock(&me->proc->lock);
	exe = me->proc->exe;
	if (exe)
		file_get(exe);
	spin_unlock(&me->proc->lock);
	if (!exe)
		return false;
	search.exe = exe;
	vm_for_each_area(me->thread.space, 0, area_is_of_exe, &search);
	file_put(exe);
	return search.found;
}

static int set_exe(struct task *me, u32 fd)
{
	struct fd_ref ref = fd_get((int)fd);
	struct file *exe;
	int err;

	if (!ref.file)
		return -EBADF;
	err = file_open_exec_path(&ref.file->path, &exe);
	fd_put(ref);
	if (err && err != -ETXTBSY)
		return err;
	if (is_exe_mapped(me)) {
		if (!err)
			file_put(exe);
		return -EBUSY;
	}
	if (err)
		return -EACCES;
	proc_set_exe(me->proc, exe);
	file_put(exe);
	return 0;
}

/* At most @len bytes that end with AT_NULL, whatever the user says. */
static int read_auxv(u64 *auxv, struct uptr from, u64 len)
{
	if (len > NAUXV * sizeof(u64))
		return -EINVAL;
	memset(auxv, 0, NAUXV * sizeof(u64));
	if (copy_from_user(auxv, from, len))
		return -EFAULT;
	auxv[NAUXV - 2] = auxv[NAUXV - 1] = 0;
	return 0;
}

static int set_auxv(struct vm_space *s, struct uptr from, u64 len)
{
	u64 auxv[NAUXV];
	int err = read_auxv(auxv, from, len);

	if (err)
		return err;
	mutex_lock(&s->map_lock);
	memcpy(s->auxv, auxv, len);
	mutex_unlock(&s->map_lock);
	return 0;
}

static int set_all(struct task *me, struct uptr from, u64 size)
{
	struct vm_space *s = me->thread.space;
	struct prctl_mm_map m;
	u64 auxv[NAUXV];
	int err;

	if (size != sizeof(m))
		return -EINVAL;
	if (copy_from_user(&m, from, sizeof(m)))
		return -EFAULT;
	err = check_map(&m);
	if (!err && m.auxv_size)
		err = m.auxv ? read_auxv(auxv, uptr_make((u64)m.auxv), m.auxv_size) : -EINVAL;
	if (!err && m.exe_fd != ~0u)
		err = capable(CAP_SYS_ADMIN) || capable(CAP_CHECKPOINT_RESTORE) ? set_exe(me, m.exe_fd) : -EPERM;
	if (err)
		return err;
	mutex_lock(&s->map_lock);
	put_map(s, &m);
	if (m.auxv_size)
		memcpy(s->auxv, auxv, sizeof(auxv));
	mutex_unlock(&s->map_lock);
	return 0;
}

static bool note_area(struct vm_area *a, void *found)
{
	*(bool *)found = true;
	return false;
}

static int set_one(struct vm_space *s, u64 opt, u64 va)
{
	struct prctl_mm_map m;
	bool below = false;
	int err;

	if (!is_user_address(va) || opt >= ARRAY_SIZE(field_of) || !field_of[opt])
		return -EINVAL;
	/* Only these are looked for in memory; that an area ends behind the address is enough. */
	if (opt == PR_SET_MM_START_STACK || opt >= PR_SET_MM_ARG_START)
		vm_for_each_area(s, va, note_area, &below);
	else
		below = true;
	mutex_lock(&s->map_lock);
	get_map(s, &m);
	memcpy((char *)&m + (field_of[opt] - 1) * sizeof(va), &va, sizeof(va));
	err = check_map(&m);
	if (!err && !below)
		err = -EFAULT;
	if (!err)
		put_map(s, &m);
	mutex_unlock(&s->map_lock);
	return err;
}

s64 prctl_set_mm(u64 opt, u64 addr, u64 arg4, u64 arg5)
{
	struct task *me = task_current();

	opt = (u32)opt;
	if (arg5 || (arg4 && opt != PR_SET_MM_AUXV && opt != PR_SET_MM_MAP && opt != PR_SET_MM_MAP_SIZE))
		return -EINVAL;
	if (opt == PR_SET_MM_MAP_SIZE)
		return user_store32(uptr_make(addr), sizeof(struct prctl_mm_map));
	if (opt == PR_SET_MM_MAP)
		return set_all(me, uptr_make(addr), arg4);
	if (!capable(CAP_SYS_RESOURCE))
		return -EPERM;
	if (opt == PR_SET_MM_EXE_FILE)
		return set_exe(me, (u32)addr);
	if (opt == PR_SET_MM_AUXV)
		return set_auxv(me->thread.space, uptr_make(addr), arg4);
	return set_one(me->thread.space, opt, addr);
}
