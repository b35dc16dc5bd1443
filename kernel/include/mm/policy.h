/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Memory policies: from which node the pages of a thread, or of an area, are to come. [man set_mempolicy(2), mbind(2)]
 *
 * A policy does not change once somebody else knows it. Areas and threads hold references; it is freed after an RCU grace period.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/refcount.h>
#include <sync/rcu.h>

struct vm_space;
struct page;

struct vm_policy {
	struct refcount refs;
	u16 mode, flags;	/* MPOL_*, MPOL_F_* */
	u64 nodes;		/* that are to be used */
	u64 user_nodes;		/* as they were given */
	s32 home;		/* node to begin with; -1 */
	u32 turn;		/* atomic: interleaving */
	struct rcu_head rcu;
};

/* NULL in *out: the default. -EINVAL -ENOMEM. */
int vm_policy_create(u16 mode, u16 flags, u64 nodes, struct vm_policy **out) MUST_CHECK;
static inline void vm_policy_get(struct vm_policy *p)
{
	if (p)
		refcount_inc(&p->refs);
}
void vm_policy_put(struct vm_policy *p);
/* A page of user memory from where the running thread's policy, or @p before it, says. ALLOC_NOWAIT | ALLOC_USER; NULL. In an RCU read section if @p is another's. */
struct page *vm_policy_alloc(struct vm_policy *p);

/* Nodes that have memory, as bits; how many there are from 0 on. */
u64 vm_nodes(void);
unsigned vm_nodes_nr(void);

/* The areas in [start, end) get @p. -EFAULT: a hole (then nothing changes); -ENOMEM. */
int vm_policy_set(struct vm_space *s, vaddr_t start, vaddr_t end, struct vm_policy *p) MUST_CHECK;
/* The area's at @va, with a reference; NULL: none of its own. -EFAULT: no area. */
int vm_policy_at(struct vm_space *s, vaddr_t va, struct vm_policy **out) MUST_CHECK;
/* set_mempolicy_home_node(2): -ENOENT -EOPNOTSUPP -ENOMEM. */
int vm_policy_set_home(struct vm_space *s, vaddr_t start, vaddr_t end, s32 node) MUST_CHECK;
/* The node of the page at @va; -ENOENT: none is there; -EFAULT: no area, or nobody's page. */
int vm_page_node(struct vm_space *s, vaddr_t va);
/* Bring it to @node: @node, -EACCES (others have it, too), -EBUSY, -ENOMEM, or as above. */
int vm_page_move(struct vm_space *s, vaddr_t va, unsigned node) MUST_CHECK;
/* Bring all private pages in [start, end) to @nodes; those that stay elsewhere are counted. */
u64 vm_pages_move(struct vm_space *s, vaddr_t start, vaddr_t end, u64 from, u64 nodes);
