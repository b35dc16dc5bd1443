/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices in /sys, and the news of them.
 */
#include "sysfs_impl.h"
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/slab.h>

#define UEVENT_ROOM 2048

static void (*listener)(const char *text, size_t len);
static u64 uevent_seq; /* atomic */

void sysfs_set_uevent_listener(void (*fn)(const char *text, size_t len))
{
	STORE_RELEASE(listener, fn);
}

u64 sysfs_uevent_seq_next(void)
{
	return __atomic_add_fetch(&uevent_seq, 1, __ATOMIC_RELAXED);
}

static void put_path(struct strbuf *sb, const struct pseudo_node *n)
{
	if (!n->parent)
		return;
	put_path(sb, n->parent);
	strbuf_printf(sb, "/%s", n->name);
}

static const char *devname(const struct sysfs_device *d)
{
	return d->devname ?: d->name;
}

static void put_env(struct strbuf *sb, const struct sysfs_device *d, char end)
{
	if (d->rdev)
		strbuf_printf(sb, "MAJOR=%u%cMINOR=%u%cDEVNAME=%s%c", vfs_major(d->rdev), end, vfs_minor(d->rdev), end, devname(d), end);
	if (d->rdev && d->mode && d->mode != 0600)
		strbuf_printf(sb, "DEVMODE=%#o%c", d->mode, end);
	if (d->devtype)
		strbuf_printf(sb, "DEVTYPE=%s%c", d->devtype, end);
	if (d->more)
		d->more(d, sb, end);
}

static bool is_whole_disk(const struct sysfs_device *d)
{
	return d->is_block && strcmp(d->devtype, "disk") == 0;
}

void sysfs_uevent(struct sysfs_device *d, const char *action)
{
	sysfs_uevent_word(d, action, NULL);
}

void sysfs_uevent_word(struct sysfs_device *d, const char *action, const char *word)
{
	void (*fn)(const char *text, size_t len) = LOAD_ACQUIRE(listener);
	struct strbuf sb;
	char *buf;

	if (!fn)
		return;
	buf = kmalloc(UEVENT_ROOM, 0);
	if (!buf)
		return;
	strbuf_init(&sb, buf, UEVENT_ROOM);
	strbuf_printf(&sb, "%s@", action);
	put_path(&sb, d->node);
	strbuf_printf(&sb, "%cACTION=%s%cDEVPATH=", 0, action, 0);
	put_path(&sb, d->node);
	strbuf_printf(&sb, "%cSUBSYSTEM=%s%c", 0, d->class, 0);
	if (word)
		strbuf_printf(&sb, "%s%c", word, 0);
	put_env(&sb, d, '\0');
	strbuf_printf(&sb, "SEQNUM=%llu%c", sysfs_uevent_seq_next(), 0);
	if (!strbuf_overflowed(&sb))
		fn(buf, sb.len);
	kfree(buf);
}

static int show_uevent(struct pseudo_text *t)
{
	put_env(&t->sb, t->arg, '\n');
	return 0;
}

/* "add" and the like make the event again: how udev asks for what was before it. */
static int store_uevent(struct pseudo_text *t, char *text, size_t len)
{
	static const char *const actions[] = {"add", "remove", "change", "move", "online", "offline", "bind", "unbind"};

	text = pseudo_trim(text);
	text[strcspn(text, " ")] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		if (strcmp(text, actions[i]) == 0) {
			sysfs_uevent(t->arg, actions[i]);
			return 0;
		}
	}
	return -EINVAL;
}

static int show_dev(struct pseudo_text *t)
{
	const struct sysfs_device *d = t->arg;

	strbuf_printf(&t->sb, "%u:%u\n", vfs_major(d->rdev), vfs_minor(d->rdev));
	return 0;
}

static const struct pseudo_file uevent_file = {.name = "uevent", .mode = 0644, .show = show_uevent, .store = store_uevent};
static const struct pseudo_file dev_file = {.name = "dev", .mode = 0444, .show = show_dev};

static void dev_name(const struct sysfs_device *d, char name[24])
{
	scnprintf(name, 24, "%u:%u", vfs_major(d->rdev), vfs_minor(d->rdev));
}

static int fill_device(struct sysfs_device *d, struct pseudo_node *class)
{
	struct pseudo_node *node = d->node;
	char name[24];
	int err = pseudo_add_file(node, &uevent_file, d, NULL);

	if (!err && d->rdev)
		err = pseudo_add_file(node, &dev_file, d, NULL);
	if (!err)
		err = pseudo_add_files(node, d->files, d->nfiles, d->arg);
	if (!err)
		err = pseudo_add_link(node, "subsystem", class);
	if (!err)
		err = pseudo_add_link(class, d->name, node);
	if (!err && is_whole_disk(d))
		err = pseudo_add_link(sysfs_block, d->name, node);
	if (!err && d->rdev) {
		dev_name(d, name);
		err = pseudo_add_link(d->is_block ? sysfs_dev_block : sysfs_dev_char, name, node);
	}
	return err;
}

/* Remove a link to @target, if that is what stands there. */
static void drop_link(struct pseudo_node *dir, const char *name, const struct pseudo_node *target)
{
	struct pseudo_node *n = pseudo_find(dir, name, strlen(name));

	if (n && n->target == target)
		pseudo_remove(n);
	pseudo_node_put(n);
}

void sysfs_drop_device(struct sysfs_device *d)
{
	struct pseudo_node *class = pseudo_find(sysfs_class, d->class, strlen(d->class));
	char name[24];

	if (class) {
		drop_link(class, d->name, d->node);
		pseudo_node_put(class);
	}
	if (is_whole_disk(d))
		drop_link(sysfs_block, d->name, d->node);
	if (d->rdev) {
		dev_name(d, name);
		drop_link(d->is_block ? sysfs_dev_block : sysfs_dev_char, name, d->node);
	}
	pseudo_remove(d->node);
	d->node = NULL;
}

int sysfs_add_device(struct sysfs_device *d)
{
	struct pseudo_node *class, *parent = d->parent;
	int err = pseudo_make_path(sysfs_class, d->class, &class);

	if (!err && !parent)
		err = pseudo_make_path(sysfs_virtual, d->class, &parent);
	if (!err)
		err = pseudo_add_dir(parent, d->name, &d->node);
	if (err)
		return err;
	err = fill_device(d, class);
	if (err)
		sysfs_drop_device(d);
	else if (!d->quiet)
		sysfs_uevent(d, "add");
	return err;
}

void sysfs_remove_device(struct sysfs_device *d)
{
	sysfs_uevent(d, "remove");
	sysfs_drop_device(d);
}
