/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Controllers, and threaded groups: what may be switched on where. The mutex guards all of it.
 *
 * A threaded group shares the domain of the nearest ancestor that is none: threads of one process may be in different groups of that subtree. Only controllers that
 * can divide threads work there.
 */
#include "cgroup_impl.h"
#include <lib/errno.h>
#include <lib/strbuf.h>
#include <lib/string.h>
#include <mm/slab.h>

static const struct {
	const char *name;
	u32 bit;
} controllers[] = {{"pids", CONTROLLER_PIDS}};

static void put_controllers(struct strbuf *sb, u32 mask)
{
	const char *gap = "";

	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++) {
		if (mask & controllers[i].bit) {
			strbuf_printf(sb, "%s%s", gap, controllers[i].name);
			gap = " ";
		}
	}
	strbuf_putc(sb, '\n');
}

int cgroup_show_controllers(struct pseudo_text *t)
{
	mutex_lock(&cgroup_mutex);
	put_controllers(&t->sb, cgroup_controllers(cgroup_of(t)));
	mutex_unlock(&cgroup_mutex);
	return 0;
}

int cgroup_show_subtree_control(struct pseudo_text *t)
{
	mutex_lock(&cgroup_mutex);
	put_controllers(&t->sb, cgroup_of(t)->control);
	mutex_unlock(&cgroup_mutex);
	return 0;
}

/* ---- threaded groups ---- */

bool cgroup_can_be_thread_root(const struct cgroup *cg)
{
	if (!cg->parent)
		return true;
	return !cgroup_is_threaded(cg) && !READ_ONCE(cg->npopulated[0]) && !(cg->control & ~(u32)CONTROLLERS_THREADED);
}

bool cgroup_is_thread_root(const struct cgroup *cg)
{
	if (cgroup_is_threaded(cg))
		return false;
	return cg->nthreaded_children || (READ_ONCE(cg->nlive) && (cg->control & CONTROLLERS_THREADED));
}

bool cgroup_is_valid_domain(const struct cgroup *cg)
{
	if (cgroup_is_threaded(cg))
		return false;
	while ((cg = cg->parent)) {
		if ((cg->parent && cgroup_is_thread_root(cg)) || cgroup_is_threaded(cg))
			return false;
	}
	return true;
}

int cgroup_show_type(struct pseudo_text *t)
{
	const struct cgroup *cg = cgroup_of(t);

	mutex_lock(&cgroup_mutex);
	if (cgroup_is_threaded(cg))
		strbuf_puts(&t->sb, "threaded\n");
	else if (!cgroup_is_valid_domain(cg))
		strbuf_puts(&t->sb, "domain invalid\n");
	else if (cgroup_is_thread_root(cg))
		strbuf_puts(&t->sb, "domain threaded\n");
	else
		strbuf_puts(&t->sb, "domain\n");
	mutex_unlock(&cgroup_mutex);
	return 0;
}

static int MUST_CHECK make_threaded(struct cgroup *cg)
{
	struct cgroup *domain = cg->parent->domain, *at = NULL;
	int err = -EOPNOTSUPP;

	if (cgroup_is_threaded(cg))
		return 0;
	spin_lock(&proc_tree_lock);
	if (cgroup_is_populated(cg) || (cg->control & ~(u32)CONTROLLERS_THREADED) || !cgroup_is_valid_domain(domain)
		|| !cgroup_can_be_thread_root(domain))
		goto out;
	while ((at = cgroup_next(at, cg))) {
		if (at == cg || cgroup_is_threaded(at))
			at->domain = domain;
	}
	cg->parent->nthreaded_children++;
	err = 0;
out:
	spin_unlock(&proc_tree_lock);
	return err;
}

int cgroup_store_type(struct pseudo_text *t, char *text, size_t len)
{
	struct cgroup *cg = cgroup_of(t);
	int err;

	if (strcmp(pseudo_trim(text), "threaded") != 0)
		return -EINVAL;
	err = cgroup_lock_live(cg);
	if (err)
		return err;
	err = make_threaded(cg);
	mutex_unlock(&cgroup_mutex);
	return err;
}

/* ---- cgroup.subtree_control ---- */

static int MUST_CHECK parse_control(char *text, u32 *out_on, u32 *out_off)
{
	char *rest = text, *word;

	*out_on = *out_off = 0;
	while ((word = strsep(&rest, " "))) {
		u32 bit = 0;

		if (!*word)
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(controllers); i++) {
			if (strcmp(word + 1, controllers[i].name) == 0)
				bit = controllers[i].bit;
		}
		if (!bit || (*word != '+' && *word != '-'))
			return -EINVAL;
		*(*word == '+' ? out_on : out_off) |= bit;
		*(*word == '+' ? out_off : out_on) &= ~bit;
	}
	return 0;
}

static int MUST_CHECK may_enable(const struct cgroup *cg, u32 on)
{
	bool threaded_only = !(on & ~(u32)CONTROLLERS_THREADED);

	if (!on)
		return 0;
	if (!cgroup_is_valid_domain(cg->domain))
		return -EOPNOTSUPP;
	if (!cg->parent)
		return 0;
	if (!threaded_only && (cgroup_is_thread_root(cg) || cgroup_is_threaded(cg)))
		return -EOPNOTSUPP;
	if (threaded_only && (cgroup_can_be_thread_root(cg) || cgroup_is_threaded(cg)))
		return 0;
	return READ_ONCE(cg->nlive) ? -EBUSY : 0; /* its tasks would compete with its children */
}

/* What is to change: -ENOENT: it does not have that controller; -EBUSY: a child still gives it on. Mutex. */
static int MUST_CHECK check_control(const struct cgroup *cg, u32 *on, u32 *off)
{
	const struct cgroup *child;

	*on &= ~cg->control;
	*off &= cg->control;
	if (*on & ~cgroup_controllers(cg))
		return -ENOENT;
	list_for_each_entry(child, &cg->children, sibling)
	{
		if (child->control & *off)
			return -EBUSY;
	}
	return may_enable(cg, *on);
}

static void set_control(struct cgroup *cg, u32 control)
{
	struct cgroup *child;

	if ((cg->control ^ control) & CONTROLLER_PIDS) {
		list_for_each_entry(child, &cg->children, sibling)
			cgroup_pids_reset(child);
	}
	cg->control = control;
}

/*
 * Bring the children's files up to date. Their directories' locks come before the mutex, so it is given up in between: a child that comes or goes meanwhile has what is
 * right by itself.
 */
static int MUST_CHECK sync_children(struct cgroup *cg)
{
	struct cgroup **list = NULL, *child;
	u32 n = 0;
	int err = 0;

	mutex_lock(&cgroup_mutex);
	if (cg->nchildren) {
		list = kmalloc(cg->nchildren * sizeof(struct cgroup *), 0);
		err = list ? 0 : -ENOMEM;
	}
	if (list) {
		list_for_each_entry(child, &cg->children, sibling)
		{
			cgroup_get(child);
			list[n++] = child;
		}
	}
	mutex_unlock(&cgroup_mutex);
	for (u32 i = 0; i < n; i++) {
		int one = cgroup_sync_files(list[i]);

		err = err ? err : one;
		cgroup_put(list[i]);
	}
	kfree(list);
	return err;
}

int cgroup_store_subtree_control(struct pseudo_text *t, char *text, size_t len)
{
	struct cgroup *cg = cgroup_of(t);
	u32 on, off, old;
	int err = parse_control(pseudo_trim(text), &on, &off), ignored;

	if (err)
		return err;
	err = cgroup_lock_live(cg);
	if (err)
		return err;
	err = check_control(cg, &on, &off);
	old = cg->control;
	if (!err)
		set_control(cg, (old | on) & ~off);
	mutex_unlock(&cgroup_mutex);
	if (err || !(on | off))
		return err;
	err = sync_children(cg);
	if (err) {
		mutex_lock(&cgroup_mutex);
		set_control(cg, old);
		mutex_unlock(&cgroup_mutex);
		ignored = sync_children(cg); /* names only go: what cannot be made is not there */
		(void)ignored;
	}
	return err;
}
