/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/PID/{uid_map,gid_map,projid_map,setgroups}: of the one user namespace there is. /proc/PID/{loginuid,sessionid}: who has logged in, however his IDs have
 * changed since. [man user_namespaces(7), proc_pid_loginuid(5)]
 */
#include "proc_fs.h"
#include <lib/parse.h>
#include <lib/string.h>
#include <proc/cred.h>

int proc_show_id_map(struct pseudo_text *t)
{
	strbuf_puts(&t->sb, "         0          0 4294967295\n");
	return 0;
}

/* All are mapped already, and a map is written once. */
int proc_store_id_map(struct pseudo_text *t, char *text, size_t len)
{
	return -EPERM;
}

int proc_show_setgroups(struct pseudo_text *t)
{
	strbuf_puts(&t->sb, "allow\n");
	return 0;
}

/* It may be denied before there is a map only. */
int proc_store_setgroups(struct pseudo_text *t, char *text, size_t len)
{
	const char *word = pseudo_trim(text);

	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	return strcmp(word, "allow") == 0 ? 0 : strcmp(word, "deny") == 0 ? -EPERM : -EINVAL;
}

int proc_show_loginuid(struct pseudo_text *t)
{
	strbuf_printf(&t->sb, "%u", ~READ_ONCE(t->task->login_uid));
	return 0;
}

int proc_store_loginuid(struct pseudo_text *t, char *text, size_t len)
{
	static u32 last_session;
	struct task *me = task_current();
	u32 uid;

	if (t->task != me)
		return -EPERM;
	if (strtou32(pseudo_trim(text), 10, &uid))
		return -EINVAL;
	if (me->login_uid && !capable(CAP_AUDIT_CONTROL))
		return -EPERM;
	WRITE_ONCE(me->login_uid, ~uid);
	WRITE_ONCE(me->login_session, ~(~uid ? __atomic_add_fetch(&last_session, 1, __ATOMIC_RELAXED) : ~0u));
	return 0;
}

int proc_show_sessionid(struct pseudo_text *t)
{
	strbuf_printf(&t->sb, "%u", ~READ_ONCE(t->task->login_session));
	return 0;
}
