/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/sys: settings of modules, typed.
 */
#include "proc_fs.h"
#include <debug/log.h>
#include <lib/parse.h>
#include <lib/string.h>
#include <proc/cred.h>
#include <sync/spinlock.h>

LOCK_CLASS(sysctl_text, RANK_LEAF, "strings of /proc/sys");

static struct spinlock text_lock = SPINLOCK_INIT(sysctl_text);

void sysctl_string(const char *var, char *buf, size_t size)
{
	spin_lock(&text_lock);
	strscpy(buf, var, size);
	spin_unlock(&text_lock);
}

static int show(struct pseudo_text *t)
{
	const struct sysctl *s = t->arg;
	char text[256];

	switch ((enum sysctl_type)s->type) {
	case SYSCTL_INT:
		if (s->min < 0 || s->max <= S32_MAX)
			strbuf_printf(&t->sb, "%d\n", READ_ONCE(*(s32 *)s->var));
		else
			strbuf_printf(&t->sb, "%u\n", READ_ONCE(*(u32 *)s->var));
		return 0;
	case SYSCTL_U64: strbuf_printf(&t->sb, "%llu\n", READ_ONCE(*(u64 *)s->var)); return 0;
	case SYSCTL_STRING:
		sysctl_string(s->var, text, sizeof(text));
		strbuf_printf(&t->sb, "%s\n", text);
		return 0;
	case SYSCTL_CALL: return s->get(s, &t->sb);
	}
	return -EINVAL;
}

static int set_number(const struct sysctl *s, const char *text)
{
	bool limited = s->min || s->max;
	u64 u;
	s64 v;

	if (s->type == SYSCTL_U64) {
		if (strtou64(text, 0, &u) || (limited && (u < (u64)s->min || u > (u64)s->max)))
			return -EINVAL;
		WRITE_ONCE(*(u64 *)s->var, u);
		return 0;
	}
	if (strtos64(text, 0, &v) || v < (limited ? s->min : S32_MIN) || v > (limited ? s->max : S32_MAX))
		return -EINVAL;
	WRITE_ONCE(*(u32 *)s->var, (u32)v);
	return 0;
}

static int store(struct pseudo_text *t, char *text, size_t len)
{
	const struct sysctl *s = t->arg;

	if (s->cap && !capable(s->cap - 1))
		return -EPERM;
	text = pseudo_trim(text);
	switch ((enum sysctl_type)s->type) {
	case SYSCTL_INT:
	case SYSCTL_U64: return set_number(s, text);
	case SYSCTL_STRING:
		if (strlen(text) >= (size_t)s->max)
			return -EINVAL;
		spin_lock(&text_lock);
		strscpy(s->var, text, (size_t)s->max);
		spin_unlock(&text_lock);
		return 0;
	case SYSCTL_CALL: return s->set ? s->set(s, text) : -EINVAL;
	}
	return -EINVAL;
}

static const struct pseudo_file sysctl_file = {.show = show, .store = store};

static int register_one(struct pseudo_node *root, const struct sysctl *s)
{
	const char *slash = strrchr(s->path, '/');
	struct pseudo_node *dir = root;
	char path[64];
	int err = 0;

	if (slash) {
		strscpy(path, s->path, min_t(size_t, sizeof(path), (size_t)(slash - s->path) + 1));
		err = pseudo_make_path(root, path, &dir);
	}
	return err ? err : pseudo_add_named(dir, slash ? slash + 1 : s->path, s->mode, &sysctl_file, (void *)s, NULL);
}

void sysctl_register(const struct sysctl *table, size_t n)
{
	struct pseudo_node *root;
	int err = pseudo_make_path(procfs_root, "sys", &root);

	for (size_t i = 0; i < n && !err; i++) {
		err = register_one(root, &table[i]);
		if (err)
			klog(LOG_ERR, "sysctl %s: error %d", table[i].path, err);
	}
}
