/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The name of a core file, or the command of a program that takes it, from kernel.core_pattern [man core(5)].
 *
 * What comes from the process has its slashes replaced, and cannot be ".", ".." or nothing: a dump stays in the directory that the pattern names.
 */
#include <lib/errno.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <linux/limits.h>
#include <arch/cpu.h>
#include <mm/slab.h>
#include <proc/uts.h>
#include <time/clock.h>
#include <vfs/procfs.h>
#include "core_impl.h"

char core_pattern[CORE_PATTERN_SIZE] = "core";
int core_uses_pid;

static int put(struct core_name *n, const char *s)
{
	size_t len = strlen(s);

	if (len >= sizeof(n->buf) - n->used)
		return -ENAMETOOLONG;
	memcpy(n->buf + n->used, s, len + 1);
	n->used += len;
	return 0;
}

static int put_number(struct core_name *n, s64 v)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", v);
	return put(n, text);
}

static int put_escaped(struct core_name *n, const char *s)
{
	size_t from = n->used;
	int err = put(n, *s ? s : "!");

	if (err)
		return err;
	if (!strcmp(n->buf + from, ".") || !strcmp(n->buf + from, ".."))
		n->buf[from] = '!';
	for (char *p = n->buf + from; *p; p++) {
		if (*p == '/')
			*p = '!';
	}
	return 0;
}

static int put_exe(struct core_name *n, bool whole)
{
	struct proc *p = task_current()->proc;
	char *path = kmalloc(PATH_MAX, 0);
	const char *base;
	int err = -ENOMEM;

	if (!path)
		return err;
	if (!p->exe || file_path(p->exe, path, PATH_MAX) < 0)
		strscpy(path, task_current()->thread.name, PATH_MAX);
	base = strrchr(path, '/');
	err = put_escaped(n, whole || !base ? path : base + 1);
	kfree(path);
	return err;
}

static int put_hostname(struct core_name *n)
{
	struct new_utsname u;

	uts_read(&u);
	return put_escaped(n, u.nodename);
}

static int put_specifier(struct core_name *n, const struct core *c, char what)
{
	struct task *me = task_current();
	char comm[sizeof(me->thread.name)];

	switch (what) {
	case '%': return put(n, "%");
	case 'p':
	case 'P': return put_number(n, task_tgid(me));
	case 'i':
	case 'I': return put_number(n, task_tid(me));
	case 'u': return put_number(n, me->cred->uid);
	case 'g': return put_number(n, me->cred->gid);
	case 'd': return put_number(n, c->dumpable);
	case 's': return put_number(n, c->info->si_signo);
	case 't': return put_number(n, (s64)(clock_realtime() / 1000000000));
	case 'h': return put_hostname(n);
	case 'e': strscpy(comm, me->thread.name, sizeof(comm)); return put_escaped(n, comm);
	case 'f': return put_exe(n, false);
	case 'E': return put_exe(n, true);
	case 'c': return put_number(n, (s64)rlimit_cur(RLIMIT_CORE));
	case 'C': return put_number(n, cpu_id());
	default: return 0;
	}
}

/* One stretch of the pattern, until @end. */
static int expand(struct core_name *n, const struct core *c, const char *from, const char *end, bool *out_has_pid)
{
	char one[2] = "";
	int err = 0;

	for (; from < end && !err; from++) {
		if (*from != '%') {
			one[0] = *from;
			err = put(n, one);
		} else if (++from < end) {
			*out_has_pid |= *from == 'p';
			err = put_specifier(n, c, *from);
		}
	}
	return err;
}

static int expand_args(struct core_name *n, const struct core *c, const char *p)
{
	bool has_pid;
	int err = 0;

	while (!err) {
		const char *end;

		while (*p == ' ' || *p == '\t')
			p++;
		for (end = p; *end && *end != ' ' && *end != '\t'; end++)
			;
		if (p == end)
			break;
		if (n->argc == CORE_ARGS_MAX)
			return -ENAMETOOLONG;
		n->argv[n->argc++] = n->buf + n->used;
		err = put(n, "");
		if (!err)
			err = expand(n, c, p, end, &has_pid);
		if (!err && ++n->used >= sizeof(n->buf))
			err = -ENAMETOOLONG;
		p = end;
	}
	return err ? err : n->argc ? 0 : -EINVAL;
}

int core_name_make(struct core_name *n, const struct core *c)
{
	char pattern[CORE_PATTERN_SIZE];
	bool has_pid = false;
	int err;

	sysctl_string(core_pattern, pattern, sizeof(pattern));
	n->used = n->argc = 0;
	n->is_pipe = pattern[0] == '|';
	if (n->is_pipe)
		return expand_args(n, c, pattern + 1);
	err = put(n, "");
	if (!err)
		err = expand(n, c, pattern, pattern + strlen(pattern), &has_pid);
	if (!err && !has_pid && READ_ONCE(core_uses_pid)) {
		err = put(n, ".");
		if (!err)
			err = put_number(n, task_tgid(task_current()));
	}
	return err;
}
