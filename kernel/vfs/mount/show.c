/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/PID/mounts, mountinfo, mountstats [man proc(5)].
 */
#include "mount_impl.h"
#include <lib/strbuf.h>
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

ssize_t mount_root_text(const struct mount *m, char *buf, size_t size)
{
	struct mount whole = {.parent = &whole, .root = m->super->root, .super = m->super};
	struct path top = {.mnt = &whole, .dentry = whole.root}, p = {.mnt = &whole, .dentry = m->root};

	static const char gone[] = " (deleted)", shown[] = "//deleted";
	ssize_t len;

	if (m->root->flags & DENTRY_ANON) /* a file of a namespace */
		whole.flags = MNT_INTERNAL;
	len = path_string(&p, &top, buf, size);
	if (len >= (ssize_t)sizeof(gone) && !whole.flags && m->root != m->super->root && !dentry_is_hashed(m->root)) {
		memcpy(buf + len - sizeof(gone) + 1, shown, sizeof(shown));
		len -= (ssize_t)(sizeof(gone) - sizeof(shown));
	}
	return len;
}

static void put_propagation(struct strbuf *sb, const struct mount *m, const struct path *root)
{
	u32 from;

	if (mount_is_shared(m))
		strbuf_printf(sb, " shared:%u", m->group);
	if (m->master) {
		strbuf_printf(sb, " master:%u", m->master->group);
		from = group_dominating(m, root);
		if (from && from != m->master->group)
			strbuf_printf(sb, " propagate_from:%u", from);
	}
	if (m->flags & MNT_UNBINDABLE)
		strbuf_puts(sb, " unbindable");
}

static void put_path(struct strbuf *sb, const struct mount *m, const struct path *root, char *scratch, const char *also)
{
	struct path p = {.mnt = (struct mount *)m, .dentry = m->root};

	if (path_string(&p, root, scratch, PATH_MAX) >= 0)
		put_escaped(sb, scratch, also);
}

static void show_info(struct strbuf *sb, const struct mount *m, const struct path *root, char *scratch)
{
	strbuf_printf(sb, "%d %d %u:%u ", m->id, m->parent->id, vfs_major(m->super->dev), vfs_minor(m->super->dev));
	if (mount_root_text(m, scratch, PATH_MAX) >= 0)
		put_escaped(sb, scratch, "");
	strbuf_putc(sb, ' ');
	put_path(sb, m, root, scratch, "");
	strbuf_puts(sb, m->flags & MNT_RDONLY ? " ro" : " rw");
	put_mount_flags(sb, m);
	put_propagation(sb, m, root);
	strbuf_printf(sb, " - %s ", m->super->type->name);
	put_escaped(sb, m->source, "#");
	strbuf_puts(sb, m->super->flags & MS_RDONLY ? " ro" : " rw");
	put_super_flags(sb, m->super);
	put_options(sb, m->super, scratch);
	strbuf_putc(sb, '\n');
}

static void show_mount(struct strbuf *sb, const struct mount *m, const struct path *root, char *scratch)
{
	bool ro = (m->flags & MNT_RDONLY) || (m->super->flags & MS_RDONLY);

	put_escaped(sb, m->source, "#");
	strbuf_putc(sb, ' ');
	put_path(sb, m, root, scratch, "#");
	strbuf_printf(sb, " %s %s", m->super->type->name, ro ? "ro" : "rw");
	put_super_flags(sb, m->super);
	put_mount_flags(sb, m);
	put_options(sb, m->super, scratch);
	strbuf_puts(sb, " 0 0\n");
}

static void show_stats(struct strbuf *sb, const struct mount *m, const struct path *root, char *scratch)
{
	strbuf_puts(sb, "device ");
	put_escaped(sb, m->source, "#");
	strbuf_puts(sb, " mounted on ");
	put_path(sb, m, root, scratch, "#");
	strbuf_printf(sb, " with fstype %s\n", m->super->type->name);
}

ssize_t vfs_show_mounts(enum mount_show what, struct mount_ns *ns, const struct path *root, u64 *cursor, char *buf, size_t size)
{
	static void (*const show[])(struct strbuf *, const struct mount *, const struct path *, char *) = {
		[MOUNT_SHOW_MOUNTS] = show_mount, [MOUNT_SHOW_INFO] = show_info, [MOUNT_SHOW_STATS] = show_stats};
	char *scratch = kmalloc(PATH_MAX, 0);
	struct strbuf sb;
	struct mount *m;

	if (!scratch)
		return -ENOMEM;
	strbuf_init(&sb, buf, size);
	mutex_lock(&mount_sem);
	for (m = mount_from_id(ns, *cursor); m; m = rb_entry_safe(rb_next(&m->ns_node), struct mount, ns_node)) {
		size_t before = sb.len;

		/* What a chroot hides is not shown. */
		if (mount_is_below(m, m->root, root))
			show[what](&sb, m, root, scratch);
		if (strbuf_overflowed(&sb)) {
			sb.len = before;
			break;
		}
		*cursor = m->unique_id + 1;
	}
	mutex_unlock(&mount_sem);
	kfree(scratch);
	return (ssize_t)sb.len;
}
