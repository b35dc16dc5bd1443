/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory policies and pages on nodes. [man set_mempolicy(2), get_mempolicy(2), mbind(2), move_pages(2), migrate_pages(2)]
 */
#include <linux/syscall.h>
#include <linux/mempolicy.h>
#include <mm/policy.h>
#include <mm/space.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <proc/pid.h>
#include <proc/task.h>
#include "syscalls.h"

#define MAX_NODES 64 /* bits of a mask */

/* A mask of nodes. Words beyond what there can be have to be empty. */
static int MUST_CHECK nodes_from_user(u64 *out, struct uptr mask, u64 maxnode)
{
	u64 words, last;

	*out = 0;
	maxnode--;
	if (!maxnode || uptr_is_null(mask))
		return 0;
	if (maxnode > PAGE_SIZE * 8)
		return -EINVAL;
	words = DIV_ROUND_UP(maxnode, 64);
	last = maxnode % 64 ? (1ull << maxnode % 64) - 1 : ~0ull;
	for (u64 i = words; i-- > 0;) {
		u64 word;

		if (user_load64(&word, uptr_add(mask, i * 8)))
			return -EFAULT;
		if (i == words - 1)
			word &= last;
		if (i && word)
			return -EINVAL;
		*out = word;
	}
	return 0;
}

static int MUST_CHECK nodes_to_user(struct uptr mask, u64 maxnode, u64 nodes)
{
	u64 bytes = align_up(maxnode - 1, 64) / 8;

	if (bytes > sizeof(nodes)) {
		if (bytes > PAGE_SIZE)
			return -EINVAL;
		if (clear_user(uptr_add(mask, sizeof(nodes)), bytes - sizeof(nodes)))
			return -EFAULT;
		bytes = sizeof(nodes);
	}
	return copy_to_user(mask, &nodes, bytes);
}

/* A mode with its flags, and its nodes: the policy they make; NULL: the default. */
static int MUST_CHECK policy_from_user(int mode, struct uptr mask, u64 maxnode, struct vm_policy **out)
{
	u16 flags = (u16)mode & MPOL_MODE_FLAGS;
	u64 nodes;
	int err;

	mode &= ~MPOL_MODE_FLAGS;
	if (mode < 0 || mode >= MPOL_MAX)
		return -EINVAL;
	if ((flags & MPOL_F_STATIC_NODES) && (flags & MPOL_F_RELATIVE_NODES))
		return -EINVAL;
	if ((flags & MPOL_F_NUMA_BALANCING) && mode != MPOL_BIND && mode != MPOL_PREFERRED_MANY)
		return -EINVAL;
	err = nodes_from_user(&nodes, mask, maxnode);
	return err ? err : vm_policy_create((u16)mode, flags, nodes, out);
}

SYSCALL3(set_mempolicy, int, mode, struct uptr, mask, u64, maxnode)
{
	struct thread *me = thread_current();
	struct vm_policy *p, *old = me->mempolicy;
	int err = policy_from_user(mode, mask, maxnode, &p);

	if (err)
		return err;
	STORE_RELEASE(me->mempolicy, p);
	vm_policy_put(old);
	return 0;
}

SYSCALL6(mbind, u64, start, u64, len, int, mode, struct uptr, mask, u64, maxnode, unsigned, flags)
{
	struct vm_space *s = thread_current()->space;
	u64 end = start + align_up(len, PAGE_SIZE), nodes;
	struct vm_policy *p;
	int err;

	/* Decoded first, but the range is complained of before what the nodes make. */
	if ((mode & ~MPOL_MODE_FLAGS) < 0 || (mode & ~MPOL_MODE_FLAGS) >= MPOL_MAX)
		return -EINVAL;
	err = nodes_from_user(&nodes, mask, maxnode);
	if (err)
		return err;
	if (flags & ~(unsigned)MPOL_MF_VALID)
		return -EINVAL;
	if ((flags & MPOL_MF_MOVE_ALL) && !capable(CAP_SYS_NICE))
		return -EPERM;
	if ((start & (PAGE_SIZE - 1)) || end < start)
		return -EINVAL;
	if (end == start)
		return 0;
	err = policy_from_user(mode, mask, maxnode, &p);
	if (err)
		return err;
	nodes = p && p->nodes ? p->nodes : vm_nodes();
	err = vm_policy_set(s, start, end, p);
	if (!err && (flags & (MPOL_MF_MOVE | MPOL_MF_MOVE_ALL)) && vm_pages_move(s, start, end, ~0ull, nodes) && (flags & MPOL_MF_STRICT))
		err = -EIO;
	vm_policy_put(p);
	return err;
}

SYSCALL4(set_mempolicy_home_node, u64, start, u64, len, u64, node, u64, flags)
{
	u64 end = start + align_up(len, PAGE_SIZE);

	if ((start & (PAGE_SIZE - 1)) || flags || node >= MAX_NODES || !(vm_nodes() >> node & 1) || end < start)
		return -EINVAL;
	return end == start ? 0 : vm_policy_set_home(thread_current()->space, start, end, (s32)node);
}

/* The mode that is told of a policy, or where the next page or this page comes from. */
static int MUST_CHECK policy_value(const struct vm_policy *p, u64 addr, unsigned flags, int *out)
{
	int node;
	u8 byte;

	if (!(flags & MPOL_F_NODE)) {
		*out = p ? p->mode | p->flags : MPOL_DEFAULT;
		return 0;
	}
	if (flags & MPOL_F_ADDR) {
		if (copy_from_user(&byte, (struct uptr){addr}, 1))
			return -EFAULT;
		node = vm_page_node(thread_current()->space, addr);
		/* The page of zeroes is everybody's, and lies where boot was. */
		*out = node < 0 ? 0 : node;
		return 0;
	}
	if (!p || p->mode != MPOL_INTERLEAVE)
		return -EINVAL;
	*out = __builtin_ctzll(p->nodes);
	return 0;
}

SYSCALL5(get_mempolicy, struct uptr, upolicy, struct uptr, mask, u64, maxnode, u64, addr, unsigned, flags)
{
	struct vm_policy *p = NULL;
	u64 nodes = 0;
	int value = 0, err = 0;

	if (!uptr_is_null(mask) && maxnode < vm_nodes_nr())
		return -EINVAL;
	if (flags & ~(unsigned)(MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED))
		return -EINVAL;
	if (flags & MPOL_F_MEMS_ALLOWED) {
		if (flags & (MPOL_F_NODE | MPOL_F_ADDR))
			return -EINVAL;
		nodes = vm_nodes();
	} else if (flags & MPOL_F_ADDR) {
		err = vm_policy_at(thread_current()->space, addr, &p);
	} else if (addr) {
		return -EINVAL;
	} else {
		p = thread_current()->mempolicy;
		vm_policy_get(p);
	}
	if (!err && !(flags & MPOL_F_MEMS_ALLOWED)) {
		err = policy_value(p, addr, flags, &value);
		if (p)
			nodes = p->flags & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES) ? p->user_nodes : p->nodes;
	}
	vm_policy_put(p);
	if (!err && !uptr_is_null(upolicy))
		err = user_store32(upolicy, (u32)value);
	if (!err && !uptr_is_null(mask))
		err = nodes_to_user(mask, maxnode, nodes);
	return err;
}

/* ---- pages ---- */

/* The space of a process whose pages the caller may move; 0 is itself. */
static int MUST_CHECK space_of(s32 nr, struct vm_space **out)
{
	struct pid *pid = nr ? pid_find_get(nr) : NULL;
	struct task *t = NULL;
	int err;

	if (!nr) {
		vm_space_get(thread_current()->space);
		*out = thread_current()->space;
		return 0;
	}
	if (pid) {
		t = pid_task_get(pid, PID_TID);
		pid_put(pid);
	}
	if (!t)
		return -ESRCH;
	err = ptrace_may_access(t, PTRACE_READ | PTRACE_REALCREDS);
	if (!err) {
		*out = task_space_get(t);
		err = *out ? 0 : -EINVAL;
	}
	task_put(t);
	return err;
}

/* What became of one page. */
static int page_status(struct vm_space *s, u64 va, const int *node)
{
	va = align_down(va, PAGE_SIZE);
	if (va >= USER_VA_END)
		return -EFAULT;
	return node ? vm_page_move(s, va, (unsigned)*node) : vm_page_node(s, va);
}

static s64 move_all(struct vm_space *s, u64 n, struct uptr pages, struct uptr nodes, struct uptr status)
{
	for (u64 i = 0; i < n; i++) {
		bool moves = !uptr_is_null(nodes);
		int node = 0, st;
		u64 va;

		if (moves && user_load32((u32 *)&node, uptr_add(nodes, i * 4)))
			return -EFAULT;
		if (user_load64(&va, uptr_add(pages, i * 8)))
			return -EFAULT;
		if (moves && (node < 0 || node >= MAX_NODES || !(vm_nodes() >> node & 1)))
			return -ENODEV;
		st = page_status(s, va, moves ? &node : NULL);
		if (user_store32(uptr_add(status, i * 4), (u32)st))
			return -EFAULT;
		if (thread_kill_pending())
			return -ERESTARTNOHAND;
	}
	return 0;
}

SYSCALL6(move_pages, s32, pid, u64, n, struct uptr, pages, struct uptr, nodes, struct uptr, status, int, flags)
{
	struct vm_space *s;
	s64 ret;

	if (flags & ~(MPOL_MF_MOVE | MPOL_MF_MOVE_ALL))
		return -EINVAL;
	if ((flags & MPOL_MF_MOVE_ALL) && !capable(CAP_SYS_NICE))
		return -EPERM;
	ret = space_of(pid, &s);
	if (ret)
		return ret;
	ret = move_all(s, n, pages, nodes, status);
	vm_space_put(s);
	return ret;
}

SYSCALL4(migrate_pages, s32, pid, u64, maxnode, struct uptr, uold, struct uptr, unew)
{
	struct vm_space *s;
	u64 from, to;
	s64 ret = nodes_from_user(&from, uold, maxnode);

	if (!ret)
		ret = nodes_from_user(&to, unew, maxnode);
	if (!ret)
		ret = space_of(pid, &s);
	if (ret)
		return ret;
	if ((to & ~vm_nodes()) && !capable(CAP_SYS_NICE))
		ret = -EPERM;
	else if (!(to & vm_nodes()))
		ret = -EINVAL;
	else
		ret = (s64)vm_pages_move(s, 0, USER_VA_END, from, to & vm_nodes());
	vm_space_put(s);
	return ret;
}
