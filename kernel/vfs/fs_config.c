/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Configurations of super blocks: <vfs/fs_config.h>. The order of checks and the words of the log are Linux'.
 */
#include "vfs_impl.h"
#include <lib/parse.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <vfs/fs_config.h>
#include <linux/mount.h>

#define RECONF_FLAGS (MS_RDONLY | MS_SYNCHRONOUS | MS_MANDLOCK | MS_LAZYTIME)

/* ---- the log ---- */

static void log_add(struct fs_config *c, char level, const char *prefix, const char *fmt, va_list args)
{
	char text[256];
	int n;

	if (!c->logs)
		return;
	n = scnprintf(text, sizeof(text), "%c %s%s", level, prefix ? prefix : "", prefix ? ": " : "");
	n += vscnprintf(text + n, sizeof(text) - (size_t)n - 1, fmt, args);
	scnprintf(text + n, sizeof(text) - (size_t)n, "\n");
	if (c->log_head - c->log_tail == FS_LOG_LINES)
		kfree(c->log[c->log_tail++ % FS_LOG_LINES]);
	c->log[c->log_head % FS_LOG_LINES] = kstrdup(text, 0);
	if (c->log[c->log_head % FS_LOG_LINES])
		c->log_head++;
}

int fs_config_invalid(struct fs_config *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_add(c, 'e', c->type->name, fmt, args);
	va_end(args);
	return -EINVAL;
}

/* About parameters in general: the type is not what complains. */
static int PRINTF_LIKE(2, 3) invalid(struct fs_config *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_add(c, 'e', NULL, fmt, args);
	va_end(args);
	return -EINVAL;
}

char *fs_config_log_take(struct fs_config *c)
{
	return c->log_head == c->log_tail ? NULL : c->log[c->log_tail++ % FS_LOG_LINES];
}

/* ---- life ---- */

static int begin(struct fs_config *c)
{
	const struct fs_type *t = c->type;
	int err;

	if (t->config_size) {
		c->private = kzalloc(t->config_size, 0);
		if (!c->private)
			return -ENOMEM;
	}
	err = t->begin ? t->begin(c) : 0;
	if (err) {
		kfree(c->private);
		c->private = NULL;
	}
	return err;
}

/* What was said is done with. */
static void forget(struct fs_config *c)
{
	if (c->private && c->type->forget)
		c->type->forget(c);
	kfree(c->private);
	kfree(c->source);
	c->private = NULL;
	c->source = NULL;
	c->sb_flags = c->sb_mask = 0;
	c->exclusive = false;
}

int fs_config_init(struct fs_config *c, const struct fs_type *t, struct super *sb)
{
	*c = (struct fs_config){.type = t, .phase = sb ? FS_RECONF : FS_PARAMS, .reconfigure = sb};
	if (sb) {
		c->super = sb;
		super_get(sb);
	}
	if (begin(c)) {
		if (sb)
			super_put(sb);
		return -ENOMEM;
	}
	return 0;
}

void fs_config_free(struct fs_config *c)
{
	char *line;

	while ((line = fs_config_log_take(c)))
		kfree(line);
	forget(c);
	if (c->super)
		super_put(c->super);
	c->super = NULL;
}

void fs_config_mounted(struct fs_config *c)
{
	forget(c);
	c->reconfigure = true;
	c->phase = FS_AWAIT_RECONF;
}

int fs_config_resume(struct fs_config *c)
{
	int err;

	if (c->phase != FS_AWAIT_RECONF)
		return 0;
	err = begin(c);
	c->phase = err ? FS_FAILED : FS_RECONF;
	return err;
}

/* ---- parameters ---- */

static bool set_sb_flag(struct fs_config *c, const char *key)
{
	static const struct {
		const char *name;
		u32 flag;
		bool on;
	} words[] = {{"dirsync", MS_DIRSYNC, true}, {"lazytime", MS_LAZYTIME, true}, {"mand", MS_MANDLOCK, true}, {"ro", MS_RDONLY, true},
		{"sync", MS_SYNCHRONOUS, true}, {"async", MS_SYNCHRONOUS, false}, {"nolazytime", MS_LAZYTIME, false},
		{"nomand", MS_MANDLOCK, false}, {"rw", MS_RDONLY, false}};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(words[i].name, key))
			continue;
		c->sb_flags = (c->sb_flags & ~words[i].flag) | (words[i].on ? words[i].flag : 0);
		c->sb_mask |= words[i].flag;
		return true;
	}
	return false;
}

/* The text of a value as its kind wants it. */
static bool convert(const struct fs_param *p, const char *s, struct fs_value *v)
{
	u32 n = 0;
	bool ok;

	switch ((enum fs_param_kind)p->kind) {
	case PARAM_FLAG: return false;
	case PARAM_STRING: return *s;
	case PARAM_SIZE: return parse_size(s, &v->number) == 0;
	case PARAM_U64: return strtou64(s, 0, &v->number) == 0;
	case PARAM_WORD:
		for (const struct fs_word *w = p->words; w->name; w++) {
			if (strcmp(w->name, s) == 0) {
				v->number = w->value;
				return true;
			}
		}
		return false;
	case PARAM_OCT: ok = strtou32(s, 8, &n) == 0; break;
	case PARAM_UID:
	case PARAM_GID: ok = strtou32(s, 0, &n) == 0 && n != ~0u; break;
	default: ok = strtou32(s, 0, &n) == 0;
	}
	v->number = n;
	return ok;
}

static int set_listed(struct fs_config *c, const struct fs_param *p, struct fs_arg *arg)
{
	struct fs_value v = {.string = arg->string};

	if (p->kind == PARAM_FLAG) {
		if (arg->kind != FS_ARG_FLAG)
			return fs_config_invalid(c, "Unexpected value for '%s'", arg->key);
		v.string = NULL;
	} else if (arg->kind != FS_ARG_STRING || !convert(p, arg->string, &v)) {
		return fs_config_invalid(c, "Bad value for '%s'", arg->key);
	}
	return c->type->set(c, p, &v);
}

static int set_source(struct fs_config *c, struct fs_arg *arg)
{
	if (arg->kind != FS_ARG_STRING)
		return invalid(c, "Non-string source");
	if (c->source)
		return invalid(c, "Multiple sources");
	c->source = kstrdup(arg->string, 0);
	return c->source ? 0 : -ENOMEM;
}

int fs_config_set(struct fs_config *c, struct fs_arg *arg)
{
	if (set_sb_flag(c, arg->key))
		return 0;
	for (const struct fs_param *p = c->type->params; p && p->name; p++) {
		if (strcmp(p->name, arg->key) == 0)
			return set_listed(c, p, arg);
	}
	if (strcmp(arg->key, "source") == 0)
		return set_source(c, arg);
	if (c->type->set_other)
		return c->type->set_other(c, arg);
	if (c->type->flags & FS_ANY_PARAM)
		return 0;
	return invalid(c, "%s: Unknown parameter '%s'", c->type->name, arg->key);
}

int fs_config_string(struct fs_config *c, const char *key, const char *value)
{
	struct fs_arg arg = {.kind = value ? FS_ARG_STRING : FS_ARG_FLAG, .key = key, .string = (char *)value};

	if (value)
		arg.size = strlen(value);
	return fs_config_set(c, &arg);
}

/* As strsep(s, ","), but for escaped commas. */
static char *next_escaped(char **s)
{
	char *word = *s, *p = word;

	while (*p && *p != ',')
		p += p[0] == '\\' && p[1] ? 2 : 1;
	*s = *p ? p + 1 : NULL;
	*p = '\0';
	return word;
}

int fs_config_options(struct fs_config *c, char *options)
{
	int err = 0;

	while (!err && options) {
		char *word = c->type->flags & FS_ESCAPES ? next_escaped(&options) : strsep(&options, ",");
		char *value = strchr(word, '=');

		if (!*word || value == word)
			continue;
		if (value)
			*value++ = '\0';
		err = fs_config_string(c, word, value);
	}
	return err;
}

/* ---- super blocks ---- */

int fs_config_share(struct fs_config *c, struct super *sb)
{
	int err = 0;

	if (c->exclusive) {
		(void)fs_config_invalid(c, "reusing existing filesystem not allowed");
		return -EBUSY;
	}
	/* Parameters given to what exists change it, as a remount would. */
	c->super = sb;
	if (c->type->reconfigure)
		err = c->type->reconfigure(c);
	if (err)
		c->super = NULL;
	else
		super_get(sb);
	return err;
}

int fs_config_create(struct fs_config *c)
{
	int err = c->type->create(c);

	c->phase = err ? FS_FAILED : FS_MADE;
	return err;
}

/* Nobody may write any more: set the flag first, then look who still does. mount_sem. */
static int super_make_readonly(struct super *sb)
{
	u32 old = sb->flags;
	struct mount *m;

	WRITE_ONCE(sb->flags, old | MS_RDONLY);
	rcu_synchronize();
	list_for_each_entry(m, &sb->mounts, super_link)
	{
		if (pcounter_sum(&m->writers) > 0) {
			WRITE_ONCE(sb->flags, old);
			return -EBUSY;
		}
	}
	return 0;
}

int fs_config_reconfigure(struct fs_config *c)
{
	struct super *sb = c->super;
	bool was_ro, ro;
	int err = 0;

	if (c->sb_mask & ~(u32)RECONF_FLAGS)
		err = -EINVAL;
	mutex_lock(&mount_sem);
	was_ro = sb->flags & MS_RDONLY;
	ro = c->sb_mask & MS_RDONLY ? c->sb_flags & MS_RDONLY : was_ro;
	if (!err && ro && !was_ro)
		err = super_make_readonly(sb);
	if (!err && c->type->reconfigure) {
		err = c->type->reconfigure(c);
		if (err && ro && !was_ro)
			WRITE_ONCE(sb->flags, sb->flags & ~(u32)MS_RDONLY);
	}
	if (!err)
		WRITE_ONCE(sb->flags, (sb->flags & ~c->sb_mask) | (c->sb_flags & c->sb_mask));
	mutex_unlock(&mount_sem);
	if (err) {
		c->phase = FS_FAILED;
	} else {
		forget(c);
		c->phase = FS_AWAIT_RECONF;
	}
	return err;
}
