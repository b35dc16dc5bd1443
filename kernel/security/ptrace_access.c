/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may look into whom. [man ptrace(2), "Ptrace access mode checking"]
 */
#include <lib/errno.h>
#include <mm/space.h>
#include <proc/cred.h>
#include <proc/task.h>

static bool ids_match(const struct cred *me, const struct cred *c, unsigned mode)
{
	u32 uid = mode & PTRACE_FSCREDS ? me->fsuid : me->uid;
	u32 gid = mode & PTRACE_FSCREDS ? me->fsgid : me->gid;

	return uid == c->euid && uid == c->suid && uid == c->uid && gid == c->egid && gid == c->sgid && gid == c->gid;
}

int ptrace_may_access(struct task *t, unsigned mode)
{
	const struct cred *me = cred_current(), *c;
	bool match, caps_ok, dumpable = true;
	struct vm_space *s;

	if (t->proc == task_current()->proc)
		return 0;
	c = task_cred_get(t);
	match = ids_match(me, c, mode);
	caps_ok = !(c->cap_permitted & ~(mode & PTRACE_FSCREDS ? me->cap_effective : me->cap_permitted));
	cred_put(c);
	s = task_space_get(t);
	if (s) {
		dumpable = READ_ONCE(s->dumpable) == 1;
		vm_space_put(s);
	}
	if (match && dumpable && caps_ok)
		return 0;
	return capable(CAP_SYS_PTRACE) ? 0 : -EPERM;
}
