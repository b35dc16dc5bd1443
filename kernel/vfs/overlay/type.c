/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The type "overlay" and its parameters. Directories are looked up when they are named, with the mounter's root and working directory.
 */
#include "overlay.h"
#include <init/initcall.h>
#include <lib/strbuf.h>
#include <linux/mount.h>

enum { P_LOWERDIR, P_LOWERDIR_ADD, P_UPPERDIR, P_WORKDIR, P_REDIRECT, P_INDEX, P_UUID, P_EXPORT, P_XINO, P_METACOPY, P_VOLATILE, P_USERXATTR, P_PERMISSIONS };

static const struct fs_word on_off[] = {{"on", 1}, {"off", 0}, {NULL, 0}};
static const struct fs_word redirect_words[] = {{"off", OVL_REDIRECT_OFF}, {"follow", OVL_REDIRECT_FOLLOW},
	{"nofollow", OVL_REDIRECT_NOFOLLOW}, {"on", OVL_REDIRECT_ON}, {NULL, 0}};
static const struct fs_word xino_words[] = {{"off", OVL_XINO_OFF}, {"auto", OVL_XINO_AUTO}, {"on", OVL_XINO_ON}, {NULL, 0}};
static const struct fs_word uuid_words[] = {{"off", OVL_UUID_OFF}, {"null", OVL_UUID_NULL}, {"auto", OVL_UUID_AUTO}, {"on", OVL_UUID_ON}, {NULL, 0}};

static const struct fs_param params[] = {
	{"lowerdir", PARAM_STRING, P_LOWERDIR, NULL},
	{"lowerdir+", PARAM_STRING, P_LOWERDIR_ADD, NULL},
	{"upperdir", PARAM_STRING, P_UPPERDIR, NULL},
	{"workdir", PARAM_STRING, P_WORKDIR, NULL},
	{"default_permissions", PARAM_FLAG, P_PERMISSIONS, NULL},
	{"redirect_dir", PARAM_WORD, P_REDIRECT, redirect_words},
	{"index", PARAM_WORD, P_INDEX, on_off},
	{"uuid", PARAM_WORD, P_UUID, uuid_words},
	{"nfs_export", PARAM_WORD, P_EXPORT, on_off},
	{"userxattr", PARAM_FLAG, P_USERXATTR, NULL},
	{"xino", PARAM_WORD, P_XINO, xino_words},
	{"metacopy", PARAM_WORD, P_METACOPY, on_off},
	{"volatile", PARAM_FLAG, P_VOLATILE, NULL},
	{NULL, 0, 0, NULL},
};

/* ---- directories ---- */

static void dir_put(struct ovl_dir_option *d)
{
	if (d->path.dentry)
		path_put(&d->path);
	d->path = (struct path){NULL, NULL};
}

static void dir_free(struct ovl_dir_option *d)
{
	dir_put(d);
	kfree(d->text);
	d->text = NULL;
}

void ovl_options_put_paths(struct ovl_options *o)
{
	dir_put(&o->upper);
	dir_put(&o->work);
	for (u32 i = 0; i < o->nlower; i++)
		dir_put(&o->lower[i]);
}

static void free_lower(struct ovl_options *o)
{
	for (u32 i = 0; i < o->nlower; i++)
		dir_free(&o->lower[i]);
	kfree(o->lower);
	kfree(o->lowerdir);
	o->lower = NULL;
	o->lowerdir = NULL;
	o->nlower = 0;
}

void ovl_options_free(struct ovl_options *o)
{
	dir_free(&o->upper);
	dir_free(&o->work);
	free_lower(o);
}

static void unescape(char *s)
{
	char *d = s;

	for (;; s++, d++) {
		if (*s == '\\')
			s++;
		*d = *s;
		if (!*s)
			break;
	}
}

/* @name as given; @escaped: with backslashes. */
static int dir_find(struct fs_config *c, const char *name, bool escaped, bool upper, struct ovl_dir_option *out)
{
	struct ovl_dir_option d = {.text = kstrdup(name, 0)};
	char *plain = kstrdup(name, 0);
	int err = d.text && plain ? 0 : -ENOMEM;

	if (!err) {
		if (escaped)
			unescape(plain);
		err = path_lookup_kernel(plain, LOOKUP_FOLLOW, &d.path);
	}
	if (!err && !S_ISDIR(path_inode(&d.path)->mode))
		err = fs_config_invalid(c, "%s is not a directory", name);
	else if (!err && upper && d.path.dentry->super->stack_depth)
		err = fs_config_invalid(c, "filesystem on %s not supported as upperdir", name);
	else if (!err && upper && ((d.path.mnt->flags & MNT_RDONLY) || (d.path.mnt->super->flags & MS_RDONLY)))
		err = fs_config_invalid(c, "filesystem on %s is read-only", name);
	kfree(plain);
	if (err) {
		dir_free(&d);
		return err;
	}
	dir_free(out);
	*out = d;
	return 0;
}

static int lower_add(struct fs_config *c, const char *name, bool escaped)
{
	struct ovl_options *o = c->private;
	struct ovl_dir_option *more;
	int err;

	if (o->nlower == OVL_MAX_LAYERS)
		return fs_config_invalid(c, "too many lower directories, limit is %d", OVL_MAX_LAYERS);
	if (!*name)
		return fs_config_invalid(c, "empty lowerdir");
	more = krealloc(o->lower, (o->nlower + 1) * sizeof(*more), 0);
	if (!more)
		return -ENOMEM;
	o->lower = more;
	more[o->nlower] = (struct ovl_dir_option){0};
	err = dir_find(c, name, escaped, false, &more[o->nlower]);
	if (!err)
		o->nlower++;
	return err;
}

/* "a:b\:c:d" */
static int set_lowerdir(struct fs_config *c, char *value)
{
	struct ovl_options *o = c->private;
	char *copy, *at, *end;
	int err = 0;

	free_lower(o);
	if (!*value)
		return 0;
	if (*value == ':')
		return fs_config_invalid(c, "cannot append lower layer");
	o->lowerdir = kstrdup(value, 0);
	copy = kstrdup(value, 0);
	if (!o->lowerdir || !copy) {
		kfree(copy);
		free_lower(o);
		return -ENOMEM;
	}
	for (at = copy; at && !err; at = end) {
		for (end = at; *end && *end != ':';)
			end += end[0] == '\\' && end[1] ? 2 : 1;
		if (*end)
			*end++ = '\0';
		else
			end = NULL;
		err = lower_add(c, at, true);
	}
	kfree(copy);
	if (err)
		free_lower(o);
	return err;
}

/* ---- parameters ---- */

static int set(struct fs_config *c, const struct fs_param *p, const struct fs_value *v)
{
	struct ovl_options *o = c->private;

	/* As ever, what mount(2) says when it remounts is not looked at. */
	if (c->reconfigure)
		return c->logs ? fs_config_invalid(c, "No changes allowed in reconfigure") : 0;
	switch (p->id) {
	case P_LOWERDIR: return set_lowerdir(c, v->string);
	case P_LOWERDIR_ADD:
		return o->lowerdir ? fs_config_invalid(c, "lowerdir+ cannot follow lowerdir") : lower_add(c, v->string, false);
	case P_UPPERDIR: return dir_find(c, v->string, true, true, &o->upper);
	case P_WORKDIR: return dir_find(c, v->string, true, true, &o->work);
	case P_REDIRECT:
		o->redirect = v->number == OVL_REDIRECT_OFF ? OVL_REDIRECT_FOLLOW : (u8)v->number;
		o->redirect_set = true;
		break;
	case P_INDEX:
	case P_EXPORT:
	case P_METACOPY:
		if (v->number)
			return fs_config_invalid(c, "%s=on is not supported", p->name);
		break;
	case P_UUID: o->uuid = (u8)v->number; break;
	case P_XINO: o->xino = (u8)v->number; break;
	case P_VOLATILE: o->is_volatile = true; break;
	case P_USERXATTR: o->userxattr = true; break;
	case P_PERMISSIONS: o->default_permissions = true; break;
	}
	return 0;
}

static int set_other(struct fs_config *c, const struct fs_arg *arg)
{
	if (c->reconfigure && !c->logs)
		return 0;
	return fs_config_invalid(c, "Unknown parameter '%s'", arg->key);
}

static int begin(struct fs_config *c)
{
	*(struct ovl_options *)c->private = (struct ovl_options){.redirect = OVL_REDIRECT_FOLLOW, .uuid = OVL_UUID_AUTO};
	return 0;
}

static void forget(struct fs_config *c)
{
	ovl_options_free(c->private);
}

static int reconfigure(struct fs_config *c)
{
	struct super *sb = c->super;

	if (!(c->sb_mask & MS_RDONLY))
		return 0;
	if (!(c->sb_flags & MS_RDONLY) && !ovl_super(sb)->layers[0].mnt)
		return -EROFS;
	if ((c->sb_flags & MS_RDONLY) && sb->ops->sync)
		(void)sb->ops->sync(sb, true);
	return 0;
}

/* ---- /proc/mounts ---- */

static void put_dir(struct strbuf *sb, const char *key, const char *value)
{
	strbuf_printf(sb, ",%s=", key);
	for (; *value; value++) {
		if (strchr(", \t\n\\", *value))
			strbuf_printf(sb, "\\%03o", (unsigned)(u8)*value);
		else
			strbuf_putc(sb, *value);
	}
}

static void put_word(struct strbuf *sb, const char *key, const struct fs_word *words, u32 value)
{
	for (; words->name; words++) {
		if (words->value == value)
			strbuf_printf(sb, ",%s=%s", key, words->name);
	}
}

size_t ovl_show_options(struct super *sb, char *buf, size_t size)
{
	const struct ovl_super *os = ovl_super(sb);
	const struct ovl_options *o = &os->o;
	struct strbuf out;

	strbuf_init(&out, buf, size);
	if (o->lowerdir)
		put_dir(&out, "lowerdir", o->lowerdir);
	for (u32 i = 0; !o->lowerdir && i < o->nlower; i++)
		put_dir(&out, "lowerdir+", o->lower[i].text);
	if (o->upper.text) {
		put_dir(&out, "upperdir", o->upper.text);
		put_dir(&out, "workdir", o->work.text);
	}
	if (o->default_permissions)
		strbuf_puts(&out, ",default_permissions");
	if (o->redirect != OVL_REDIRECT_FOLLOW)
		put_word(&out, "redirect_dir", redirect_words, o->redirect);
	if (o->uuid != OVL_UUID_AUTO)
		put_word(&out, "uuid", uuid_words, o->uuid);
	if (o->xino != OVL_XINO_OFF && os->xino_bits)
		put_word(&out, "xino", xino_words, o->xino);
	if (o->is_volatile)
		strbuf_puts(&out, ",volatile");
	if (o->userxattr)
		strbuf_puts(&out, ",userxattr");
	return min_t(size_t, out.len, size);
}

static struct fs_type overlay_type = {
	.name = "overlay",
	.flags = FS_NODEV | FS_USERNS | FS_ACLS | FS_ESCAPES,
	.params = params,
	.config_size = sizeof(struct ovl_options),
	.begin = begin,
	.forget = forget,
	.set = set,
	.set_other = set_other,
	.create = ovl_create_super,
	.reconfigure = reconfigure,
};

static int overlay_init(void)
{
	ovl_inodes_init();
	ovl_files_init();
	fs_register(&overlay_type);
	return 0;
}

INITCALL(overlay, "vfs", overlay_init);
