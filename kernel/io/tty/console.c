/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device numbers that stand for another terminal: /dev/tty, the running process' controlling one, and /dev/console, the last console= of the
 * command line that exists; if it says nothing, the virtual terminal that is seen, and if there is no display, the first registered terminal.
 */
#include "tty_impl.h"
#include <debug/log.h>
#include <init/initcall.h>
#include <init/param.h>
#include <io/vt.h>
#include <lib/parse.h>
#include <lib/string.h>
#include <vfs/procfs.h>
#include <vfs/sysfs.h>

/* The terminal that a console= word names, referenced; NULL: there is none. */
static struct tty *find_get(const char *word, size_t len)
{
	struct tty *tty = tty_find_name_get(word, len);
	const char *end;
	u64 nr;

	if (tty || len < 4 || strncmp(word, "tty", 3) || strtou64_prefix(word + 3, 10, &end, &nr) || end != word + len)
		return tty;
	return vt_get((unsigned)min_t(u64, nr, U32_MAX), &tty) ? NULL : tty;
}

static struct tty *console_tty_get(void)
{
	struct tty *tty = NULL, *next;
	const char *word;

	for (unsigned i = 0; (word = param_nth("console", i)); i++) {
		const char *end = word;

		while (*end && *end != ',')
			end++;
		next = find_get(word, (size_t)(end - word));
		if (!next)
			continue;
		if (tty)
			tty_put(tty);
		tty = next;
	}
	if (!tty && !param_nth("console", 0) && !vt_get(0, &tty))
		return tty;
	return tty ? tty : tty_find_name_get(NULL, 0);
}

static int console_open(struct inode *inode, struct file *f)
{
	struct tty *tty = console_tty_get();

	return tty ? tty_open_file(tty, f, true, true) : -ENODEV;
}

static int current_open(struct inode *inode, struct file *f)
{
	struct tty *tty = tty_current_get();

	return tty ? tty_open_file(tty, f, true, false) : -ENXIO;
}

static int line_open(struct inode *inode, struct file *f)
{
	struct tty *tty = tty_find_get(inode->rdev);

	return tty ? tty_open_file(tty, f, f->flags & O_NOCTTY, false) : -ENXIO;
}

static const struct file_ops console_ops = {.open = console_open};
static const struct file_ops current_ops = {.open = current_open};
static const struct file_ops line_ops = {.open = line_open};

static struct chrdev console_dev = {.major = TTYAUX_MAJOR, .minor = 1, .nminors = 1, .ops = &console_ops, .name = "/dev/console"};
static struct chrdev current_dev = {.major = TTYAUX_MAJOR, .minor = 0, .nminors = 1, .ops = &current_ops, .name = "/dev/tty"};
static struct chrdev serial_dev = {.major = TTY_MAJOR, .minor = 64, .nminors = 192, .ops = &line_ops, .name = "ttyS"};

/* The terminals that console= names and that exist, the one behind /dev/console last; without any, that one. */
static int show_active(struct pseudo_text *t)
{
	const char *word, *gap = "";
	struct tty *tty;

	for (unsigned i = 0; (word = param_nth("console", i)); i++) {
		size_t len = strcspn(word, ",");

		tty = find_get(word, len);
		if (!tty)
			continue;
		strbuf_puts(&t->sb, gap);
		strbuf_write(&t->sb, word, len);
		gap = " ";
		tty_put(tty);
	}
	tty = *gap ? NULL : console_tty_get();
	if (tty) {
		strbuf_puts(&t->sb, vfs_major(tty->rdev) == TTY_MAJOR && vfs_minor(tty->rdev) < 64 ? "tty0" : tty->name);
		tty_put(tty);
	}
	strbuf_putc(&t->sb, '\n');
	return 0;
}

/* /proc/consoles: those of the log, the one behind /dev/console first. */
static void put_console(struct strbuf *sb, struct tty *tty, bool preferred)
{
	bool vt = vfs_major(tty->rdev) == TTY_MAJOR && vfs_minor(tty->rdev) < 64;

	strbuf_printf(sb, "%-20s -W%c (E%c  p %c) %4u:%u\n", vt ? "tty0" : tty->name, vt ? 'U' : '-', preferred ? 'C' : ' ', vt ? ' ' : 'a',
		vfs_major(tty->rdev), vt ? 1 : vfs_minor(tty->rdev));
}

static int show_consoles(struct pseudo_text *t)
{
	struct tty *first = console_tty_get(), *tty;
	const char *word;

	if (!first)
		return 0;
	put_console(&t->sb, first, true);
	for (unsigned i = 0; (word = param_nth("console", i)); i++) {
		tty = find_get(word, strcspn(word, ","));
		if (tty && tty != first)
			put_console(&t->sb, tty, false);
		if (tty)
			tty_put(tty);
	}
	tty_put(first);
	return 0;
}

static const struct pseudo_file console_files[] = {{.name = "active", .mode = 0444, .show = show_active}};

static int tty_init_devices(void)
{
	int err = chrdev_register(&console_dev);

	if (!err)
		err = chrdev_register(&current_dev);
	if (!err)
		err = chrdev_register(&serial_dev);
	if (!err)
		err = device_node_add(&(struct device_node){.class = "tty", .name = "tty", .mode = 0666, .rdev = vfs_mkdev(TTYAUX_MAJOR, 0)});
	if (!err)
		err = device_node_add(&(struct device_node){.class = "tty", .name = "console", .mode = 0600, .rdev = vfs_mkdev(TTYAUX_MAJOR, 1),
			.files = console_files, .nfiles = ARRAY_SIZE(console_files)});
	return err;
}

INITCALL(tty, "vfs", tty_init_devices);

static int add_consoles(void)
{
	static const struct pseudo_file file = {.name = "consoles", .mode = 0444, .show = show_consoles};

	return pseudo_add_file(procfs_root, &file, NULL, NULL);
}

INITCALL(consoles, "tty procfs", add_consoles);
