/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the core's files say and take; those of a topic of its own are with it.
 */
#include "cgroup_impl.h"
#include <lib/errno.h>
#include <lib/parse.h>
#include <lib/strbuf.h>
#include <lib/string.h>

int cgroup_lock_live(struct cgroup *cg)
{
	mutex_lock(&cgroup_mutex);
	if (!cg->dead)
		return 0;
	mutex_unlock(&cgroup_mutex);
	return -ENODEV;
}

int cgroup_show_events(struct pseudo_text *t)
{
	struct cgroup *cg = cgroup_of(t);

	spin_lock(&proc_tree_lock);
	strbuf_printf(&t->sb, "populated %d\nfrozen %d\n", cgroup_is_populated(cg), cg->frozen);
	spin_unlock(&proc_tree_lock);
	return 0;
}

int cgroup_show_stat(struct pseudo_text *t)
{
	const struct cgroup *cg = cgroup_of(t);

	strbuf_printf(&t->sb, "nr_descendants %d\nnr_dying_descendants %d\n", READ_ONCE(cg->ndescendants), READ_ONCE(cg->ndying));
	return 0;
}

static void put_limit(struct strbuf *sb, s32 v)
{
	if (v == S32_MAX)
		strbuf_puts(sb, "max\n");
	else
		strbuf_printf(sb, "%d\n", v);
}

static int store_limit(struct cgroup *cg, char *text, s32 *limit)
{
	s32 v = S32_MAX;
	int err = 0;

	text = pseudo_trim(text);
	if (strcmp(text, "max") != 0)
		err = strtos32(text, 0, &v);
	if (!err && v < 0)
		err = -ERANGE;
	if (!err)
		err = cgroup_lock_live(cg);
	if (err)
		return err;
	*limit = v;
	mutex_unlock(&cgroup_mutex);
	return 0;
}

int cgroup_show_max_descendants(struct pseudo_text *t)
{
	put_limit(&t->sb, READ_ONCE(cgroup_of(t)->max_descendants));
	return 0;
}

int cgroup_store_max_descendants(struct pseudo_text *t, char *text, size_t len)
{
	return store_limit(cgroup_of(t), text, &cgroup_of(t)->max_descendants);
}

int cgroup_show_max_depth(struct pseudo_text *t)
{
	put_limit(&t->sb, READ_ONCE(cgroup_of(t)->max_depth));
	return 0;
}

int cgroup_store_max_depth(struct pseudo_text *t, char *text, size_t len)
{
	return store_limit(cgroup_of(t), text, &cgroup_of(t)->max_depth);
}
