/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tracefs, which is mounted on /sys/kernel/tracing: the trace rings (debug/trace.h) with the names and formats of Linux' [linux Documentation/trace/ftrace.rst],
 * as far as there is something behind them: tracing_on, available_events, set_event, events/.../enable, trace, buffer_size_kb. One super block for every mount.
 */
#include <debug/trace.h>
#include <debug/trace_ring.h>
#include <lib/errno.h>
#include <lib/parse.h>
#include <lib/string.h>
#include <arch/smp.h>
#include <linux/fcntl.h>
#include <linux/magic.h>
#include <sync/rwlock.h>
#include <vfs/file.h>
#include "sysfs_impl.h"

static int store_bool(const char *text, bool *out)
{
	u64 v;

	if (strtou64(text, 0, &v) || v > 1)
		return -EINVAL;
	*out = v;
	return 0;
}

static int show_on(struct pseudo_text *t)
{
	strbuf_printf(&t->sb, "%d\n", trace_get_on());
	return 0;
}

static int store_on(struct pseudo_text *t, char *text, size_t len)
{
	bool on;
	int err = store_bool(pseudo_trim(text), &on);

	if (!err)
		trace_set_on(on);
	return err;
}

static void put_events(struct pseudo_text *t, u32 events)
{
	for (unsigned i = 0; i < TRACE_EVENTS; i++)
		if (events >> i & 1)
			strbuf_printf(&t->sb, "%s\n", trace_event_name((enum trace_event)i));
}

static int show_available(struct pseudo_text *t)
{
	put_events(t, ~0u);
	return 0;
}

static int show_set(struct pseudo_text *t)
{
	put_events(t, trace_selected());
	return 0;
}

/* Words apart; what is written replaces the choice, or adds to it when the file is open for appending. */
static int store_set(struct pseudo_text *t, char *text, size_t len)
{
	u32 events = t->file->flags & O_APPEND || strchr(text, '!') ? trace_selected() : 0;
	char *rest = text, *word;

	while ((word = strsep(&rest, " \t\n,"))) {
		int err = *word ? trace_parse_event(word, &events) : 0;

		if (err)
			return err;
	}
	return trace_select(events);
}

/* enable: of all, of a system ("sched:*"), of one event. The node's argument is the word. */
static int show_enable(struct pseudo_text *t)
{
	u32 mask = 0, on;
	int err = trace_parse_event(t->arg, &mask);

	on = trace_selected() & mask;
	strbuf_printf(&t->sb, "%s\n", !on ? "0" : on == mask ? "1" : "X");
	return err;
}

static int store_enable(struct pseudo_text *t, char *text, size_t len)
{
	u32 mask = 0;
	bool on;
	int err = store_bool(pseudo_trim(text), &on);

	if (!err)
		err = trace_parse_event(t->arg, &mask);
	return err ? err : trace_select(on ? trace_selected() | mask : trace_selected() & ~mask);
}

/* The cursor of the stream is that of trace_next(); 0 is the head. */
static int next_line(struct pseudo_text *t)
{
	struct trace_record r;
	char line[200];
	bool is_first = !t->cursor;

	if (is_first)
		strbuf_printf(&t->sb, "# tracer: nop\n#\n#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION\n"
				      "#              | |         |   |||||     |         |\n");
	if (!trace_next(&t->cursor, &r)) {
		t->cursor = ~0ull;
		return is_first;
	}
	trace_format(&r, line, sizeof(line));
	strbuf_printf(&t->sb, "%s\n", line);
	return 1;
}

static int store_trace(struct pseudo_text *t, char *text, size_t len)
{
	trace_clear();
	return 0;
}

static int show_size(struct pseudo_text *t)
{
	strbuf_printf(&t->sb, "%zu\n", sizeof(struct trace_ring) / 1024);
	return 0;
}

static const struct pseudo_file files[] = {
	{.name = "tracing_on", .mode = 0640, .show = show_on, .store = store_on},
	{.name = "available_events", .mode = 0440, .show = show_available},
	{.name = "set_event", .mode = 0640, .show = show_set, .store = store_set},
	{.name = "trace", .mode = 0640, .next = next_line, .store = store_trace},
	{.name = "buffer_size_kb", .mode = 0440, .show = show_size},
};
static const struct pseudo_file enable_file = {.name = "enable", .mode = 0640, .show = show_enable, .store = store_enable};

static int add_event(struct pseudo_node *events, enum trace_event event)
{
	static const char *const systems[][2] = {
		{"raw_syscalls", "raw_syscalls:*"}, {"sched", "sched:*"}, {"exceptions", "exceptions:*"}, {"irq", "irq:*"}};
	const char *name = trace_event_name(event);
	struct pseudo_node *system, *node;
	char path[32];
	int err;

	strscpy(path, name, min((size_t)(strchr(name, ':') - name) + 1, sizeof(path)));
	err = pseudo_make_path(events, path, &system);
	for (unsigned i = 0; i < ARRAY_SIZE(systems) && !err; i++) {
		if (strcmp(systems[i][0], path))
			continue;
		err = pseudo_add_file(system, &enable_file, (void *)systems[i][1], NULL);
		if (err == -EEXIST) /* the second event of the system */
			err = 0;
	}
	if (!err)
		err = pseudo_add_dir(system, strchr(name, ':') + 1, &node);
	return err ? err : pseudo_add_file(node, &enable_file, (void *)name, NULL);
}

/* ---- the file system ---- */

enum { T_UID, T_GID, T_MODE };

static const struct fs_param params[] = {
	{"uid", PARAM_UID, T_UID, NULL},
	{"gid", PARAM_GID, T_GID, NULL},
	{"mode", PARAM_OCT, T_MODE, NULL},
	{NULL, 0, 0, NULL},
};

/* Of the root directory: without a right to it nobody gets further. */
struct trace_options {
	u32 given, value[T_MODE + 1];
};

static struct trace_options shown; /* lock of the root inode */
static struct pseudo_node *trace_root;
static struct mount *trace_mount;

static int trace_set(struct fs_config *c, const struct fs_param *p, const struct fs_value *v)
{
	struct trace_options *o = c->private;

	o->given |= 1u << p->id;
	o->value[p->id] = p->id == T_MODE ? (u32)v->number & 07777 : (u32)v->number;
	return 0;
}

static int trace_reconfigure(struct fs_config *c)
{
	const struct trace_options *o = c->private;
	struct inode *root = c->super->root->inode;

	write_lock(&root->lock);
	for (unsigned i = 0; i <= T_MODE; i++) {
		if (o->given >> i & 1)
			WRITE_ONCE(shown.value[i], o->value[i]);
	}
	WRITE_ONCE(shown.given, shown.given | o->given);
	if (o->given & 1u << T_UID)
		WRITE_ONCE(root->uid, o->value[T_UID]);
	if (o->given & 1u << T_GID)
		WRITE_ONCE(root->gid, o->value[T_GID]);
	if (o->given & 1u << T_MODE)
		WRITE_ONCE(root->mode, S_IFDIR | o->value[T_MODE]);
	write_unlock(&root->lock);
	return 0;
}

static size_t trace_show_options(struct super *sb, char *buf, size_t size)
{
	static const char *const formats[] = {[T_UID] = ",uid=%u", [T_GID] = ",gid=%u", [T_MODE] = ",mode=%o"};
	struct strbuf out;

	strbuf_init(&out, buf, size);
	for (unsigned i = 0; i <= T_MODE; i++) {
		if (READ_ONCE(shown.given) >> i & 1)
			strbuf_printf(&out, formats[i], READ_ONCE(shown.value[i]));
	}
	return out.len;
}

static const struct super_ops trace_super_ops = {
	.alloc_inode = pseudo_alloc_inode,
	.free_inode = pseudo_free_inode,
	.evict = pseudo_evict,
	.show_options = trace_show_options,
};

static int trace_create(struct fs_config *c)
{
	int err;

	if (trace_mount)
		return fs_config_share(c, trace_mount->super);
	err = pseudo_super_create(c, &trace_super_ops, TRACEFS_MAGIC, trace_root, &pseudo_dir_inode_ops, &pseudo_dir_fops);
	if (!err)
		c->super->root->inode->mode = S_IFDIR | 0700;
	return err;
}

static struct fs_type trace_type = {.name = "tracefs", .flags = FS_NODEV, .params = params, .config_size = sizeof(struct trace_options),
	.set = trace_set, .create = trace_create, .reconfigure = trace_reconfigure};

static int fill_root(void)
{
	struct pseudo_node *events;
	int err = pseudo_add_files(trace_root, files, ARRAY_SIZE(files), NULL);

	if (!err)
		err = pseudo_add_dir(trace_root, "events", &events);
	if (!err)
		err = pseudo_add_file(events, &enable_file, (void *)"*:*", NULL);
	for (unsigned i = 0; i < TRACE_EVENTS && !err; i++)
		err = add_event(events, (enum trace_event)i);
	return err;
}

int sysfs_trace_init(void)
{
	int err = pseudo_add_dir(sysfs_kernel, "tracing", NULL);

	trace_root = pseudo_create_root(0750);
	if (!err)
		err = fill_root();
	if (err)
		return err;
	fs_register(&trace_type);
	return mount_internal(&trace_type, NULL, &trace_mount);
}
