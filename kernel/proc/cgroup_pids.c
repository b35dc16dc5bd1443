/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pids controller: how many tasks a group and all below it may have. Zombies count, as they keep their number.
 *
 * Tasks are counted in every group, so switching the controller on is nothing; only then there can be a limit. A move is never refused, it may leave a group above
 * its limit. All counts: tree lock.
 */
#include "cgroup_impl.h"
#include <lib/errno.h>
#include <lib/parse.h>
#include <lib/string.h>

#define PIDS_MAX (4 * 1024 * 1024 + 1)

static void forked_too_often(struct cgroup *forking, struct cgroup *over)
{
	forking->pids_forkfail++;
	if (cgroup_options & CGROUP_PIDS_LOCALEVENTS) {
		cgroup_file_changed(forking, CGF_PIDS_EVENTS);
		return;
	}
	over->pids_hits++;
	cgroup_file_changed(over, CGF_PIDS_EVENTS_LOCAL);
	for (; over->parent; over = over->parent) {
		over->pids_hits_below++;
		cgroup_file_changed(over, CGF_PIDS_EVENTS);
	}
}

int cgroup_pids_charge(struct cgroup *cg)
{
	for (struct cgroup *at = cg; at->parent; at = at->parent) {
		if (unlikely(at->pids >= at->pids_max)) {
			forked_too_often(cg, at);
			return -EAGAIN;
		}
	}
	cgroup_pids_add(cg, 1);
	return 0;
}

void cgroup_pids_add(struct cgroup *cg, s64 n)
{
	for (; cg->parent; cg = cg->parent) {
		cg->pids += n;
		if (cg->pids > cg->pids_peak)
			cg->pids_peak = cg->pids;
	}
}

void cgroup_pids_reset(struct cgroup *cg)
{
	spin_lock(&proc_tree_lock);
	cg->pids_max = PIDS_UNLIMITED;
	cg->pids_peak = cg->pids;
	cg->pids_forkfail = cg->pids_hits = cg->pids_hits_below = 0;
	spin_unlock(&proc_tree_lock);
}

int cgroup_show_pids_max(struct pseudo_text *t)
{
	s64 max = READ_ONCE(cgroup_of(t)->pids_max);

	if (max == PIDS_UNLIMITED)
		strbuf_puts(&t->sb, "max\n");
	else
		strbuf_printf(&t->sb, "%lld\n", (long long)max);
	return 0;
}

int cgroup_store_pids_max(struct pseudo_text *t, char *text, size_t len)
{
	s64 max = PIDS_UNLIMITED;

	text = pseudo_trim(text);
	if (strcmp(text, "max") != 0) {
		int err = strtos64(text, 0, &max);

		if (err)
			return err;
		if (max < 0 || max >= PIDS_MAX)
			return -EINVAL;
	}
	spin_lock(&proc_tree_lock);
	cgroup_of(t)->pids_max = max;
	spin_unlock(&proc_tree_lock);
	return 0;
}

int cgroup_show_pids_current(struct pseudo_text *t)
{
	strbuf_printf(&t->sb, "%lld\n", (long long)READ_ONCE(cgroup_of(t)->pids));
	return 0;
}

int cgroup_show_pids_peak(struct pseudo_text *t)
{
	strbuf_printf(&t->sb, "%lld\n", (long long)READ_ONCE(cgroup_of(t)->pids_peak));
	return 0;
}

int cgroup_show_pids_events(struct pseudo_text *t)
{
	const struct cgroup *cg = cgroup_of(t);
	u64 n = cgroup_options & CGROUP_PIDS_LOCALEVENTS ? READ_ONCE(cg->pids_forkfail) : READ_ONCE(cg->pids_hits_below);

	strbuf_printf(&t->sb, "max %llu\n", (unsigned long long)n);
	return 0;
}

int cgroup_show_pids_events_local(struct pseudo_text *t)
{
	strbuf_printf(&t->sb, "max %llu\n", (unsigned long long)READ_ONCE(cgroup_of(t)->pids_hits));
	return 0;
}
