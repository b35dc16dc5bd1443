/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/PID/mounts, mountinfo, mountstats [man proc(5)].
 */
#include "vfs_impl.h"
#include <lib/strbuf.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <linux/mount.h>

/* White space and backslash in names become \ooo. */
static void put_escaped(struct strbuf *sb, const char *s, const char *also)
{
	for (; *s; s++) {
		if (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\\' || strchr(also, *s))
			strbuf_printf(sb, "\\%03o", (unsigned)(u8)*s);
		else
			strbuf_putc(sb, *s);
	}
}

static void put_mount_flags(struct strbuf *sb, const struct mount *m)
{
	static const struct {
		u32 flag;
		const char *text;
	} names[] = {{MNT_NOSUID, ",nosuid"}, {MNT_NODEV, ",nodev"}, {MNT_NOEXEC, ",noexec"}, {MNT_NOATIME, ",noatime"},
		{MNT_NODIRATIME, ",nodiratime"}, {MNT_RELATIME, ",relatime"}, {MNT_NOSYMFOLLOW, ",nosymfollow"}};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (m->flags & names[i].flag)
			strbuf_puts(sb, names[i].text);
	}
}

static void put_super_flags(struct strbuf *sb, const struct super *s)
{
	if (s->flags & MS_SYNCHRONOUS)
		strbuf_puts(sb, ",sync");
	if (s->flags & MS_DIRSYNC)
		strbuf_puts(sb, ",dirsync");
	if (s->flags & MS_MANDLOCK)
		strbuf_puts(sb, ",mand");
	if (s->flags & MS_LAZYTIME)
		strbuf_puts(sb, ",lazytime");
}

static void put_options(struct strbuf *sb, const struct super *s, char *scratch)
{
	if (s->ops->show_options) {
		size_t len = s->ops->show_options((struct super *)s, scratch, PATH_MAX);

		strbuf_write(sb, scratch, len);
	}
}

static void show_one(struct strbuf *sb, enum mount_show what, const struct mount *m, const struct path *root, char *scratch)
{
	struct path p = {.mnt = (struct mount *)m, .dentry = m->root};
	bool ro = (m->flags & MNT_RDONLY) || (m->super->flags & MS_RDONLY);

	if (what == MOUNT_SHOW_INFO) {
		struct path top = {.mnt = (struct mount *)m, .dentry = m->super->root};

		strbuf_printf(sb, "%d %d %u:%u ", m->id, m->parent->id, vfs_major(m->super->dev), vfs_minor(m->super->dev));
		/* The root of the mount within its file system: names up to the super block's root. */
		if (m->root == m->super->root) {
			strbuf_putc(sb, '/');
		} else {
			struct mount whole = *m;

			whole.root = m->super->root;
			top = (struct path){.mnt = &whole, .dentry = whole.root};
			p = (struct path){.mnt = &whole, .dentry = m->root};
			if (path_string(&p, &top, scratch, PATH_MAX) >= 0)
				put_escaped(sb, scratch, "");
			p = (struct path){.mnt = (struct mount *)m, .dentry = m->root};
		}
		strbuf_putc(sb, ' ');
	} else if (what == MOUNT_SHOW_STATS) {
		strbuf_puts(sb, "device ");
		put_escaped(sb, m->source, "#");
		strbuf_puts(sb, " mounted on ");
	} else {
		put_escaped(sb, m->source, "#");
		strbuf_putc(sb, ' ');
	}
	if (path_string(&p, root, scratch, PATH_MAX) >= 0)
		put_escaped(sb, scratch, what == MOUNT_SHOW_INFO ? "" : "#");
	switch (what) {
	case MOUNT_SHOW_STATS: strbuf_printf(sb, " with fstype %s\n", m->super->type->name); return;
	case MOUNT_SHOW_MOUNTS: strbuf_printf(sb, " %s %s", m->super->type->name, ro ? "ro" : "rw"); break;
	case MOUNT_SHOW_INFO: strbuf_puts(sb, m->flags & MNT_RDONLY ? " ro" : " rw"); break;
	}
	if (what == MOUNT_SHOW_INFO) {
		put_mount_flags(sb, m);
		strbuf_printf(sb, " - %s ", m->super->type->name);
		put_escaped(sb, m->source, "#");
		strbuf_puts(sb, m->super->flags & MS_RDONLY ? " ro" : " rw");
		put_super_flags(sb, m->super);
		put_options(sb, m->super, scratch);
		strbuf_putc(sb, '\n');
	} else {
		put_super_flags(sb, m->super);
		put_mount_flags(sb, m);
		put_options(sb, m->super, scratch);
		strbuf_puts(sb, " 0 0\n");
	}
}

ssize_t vfs_show_mounts(enum mount_show what, const struct path *root, u64 *line, char *buf, size_t size)
{
	char *scratch = kmalloc(PATH_MAX, 0);
	struct strbuf sb;
	struct mount *m;
	u64 at = 0;

	if (!scratch)
		return -ENOMEM;
	strbuf_init(&sb, buf, size);
	mutex_lock(&mount_sem);
	list_for_each_entry(m, &mount_ns_init.mounts, ns_link)
	{
		size_t before = sb.len;

		if (at++ < *line)
			continue;
		/* What a chroot hides is not shown. */
		if (mount_is_below(m, m->root, root))
			show_one(&sb, what, m, root, scratch);
		if (strbuf_overflowed(&sb)) {
			sb.len = before;
			break;
		}
		(*line)++;
	}
	mutex_unlock(&mount_sem);
	kfree(scratch);
	return (ssize_t)sb.len;
}
