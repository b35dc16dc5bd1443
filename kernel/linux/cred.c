/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Identities and capabilities. [man credentials(7)], [man capabilities(7)]
 */
#include <linux/syscall.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <lib/sort.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <mm/uaccess.h>
#include <proc/coredump.h>
#include <proc/cred.h>
#include <proc/task.h>
#include "syscalls.h"

#define NGROUPS_LIMIT 65536
#define FS_CAPS                                                                                    \
	(1ull << CAP_CHOWN | 1ull << CAP_MKNOD | 1ull << CAP_DAC_OVERRIDE | 1ull << CAP_DAC_READ_SEARCH | \
		1ull << CAP_FOWNER | 1ull << CAP_FSETID | 1ull << CAP_LINUX_IMMUTABLE |            \
		1ull << CAP_MAC_OVERRIDE)

SYSCALL0(getuid)
{
	return cred_current()->uid;
}

SYSCALL0(geteuid)
{
	return cred_current()->euid;
}

SYSCALL0(getgid)
{
	return cred_current()->gid;
}

SYSCALL0(getegid)
{
	return cred_current()->egid;
}

/* Capabilities follow a change of user ids unless securebits say otherwise. */
static void caps_follow(struct cred *c, const struct cred *old)
{
	bool had_root = !old->uid || !old->euid || !old->suid;
	bool has_root = !c->uid || !c->euid || !c->suid;

	if (c->securebits & (1u << SECURE_NO_SETUID_FIXUP))
		return;
	if (had_root && !has_root) {
		if (!(c->securebits & (1u << SECURE_KEEP_CAPS)))
			c->cap_permitted = c->cap_effective = 0;
		c->cap_ambient = 0;
	}
	if (!old->euid && c->euid)
		c->cap_effective = 0;
	if (old->euid && !c->euid)
		c->cap_effective = c->cap_permitted;
}

/* The filesystem ids give and take the capabilities that concern files. */
static void caps_follow_fsuid(struct cred *c, const struct cred *old)
{
	if (c->securebits & (1u << SECURE_NO_SETUID_FIXUP))
		return;
	if (!old->fsuid && c->fsuid)
		c->cap_effective &= ~FS_CAPS;
	if (old->fsuid && !c->fsuid)
		c->cap_effective |= FS_CAPS & c->cap_permitted;
}

/* Commit, or drop the set and return @err. A process that changed identity is not dumped for its new user to read. */
static s64 finish(struct cred *c, s64 err)
{
	const struct cred *old = cred_current();

	if (err) {
		cred_put(c);
		return err;
	}
	if (c->euid != old->euid || c->egid != old->egid || c->fsuid != old->fsuid || c->fsgid != old->fsgid ||
		(c->cap_permitted & ~old->cap_permitted)) {
		WRITE_ONCE(thread_current()->space->dumpable, READ_ONCE(suid_dumpable));
		task_current()->pdeath_signal = 0;
	}
	cred_commit(c);
	return 0;
}

static s64 finish_uid(struct cred *c, s64 err)
{
	if (!err) {
		c->fsuid = c->euid;
		caps_follow(c, cred_current());
	}
	return finish(c, err);
}

SYSCALL1(setuid, u32, uid)
{
	const struct cred *old = cred_current();
	struct cred *c;
	s64 err = 0;

	if (uid == ~0u)
		return -EINVAL;
	c = cred_copy(old);
	if (!c)
		return -ENOMEM;
	if (capable(CAP_SETUID)) {
		c->suid = uid;
		if (uid != old->uid)
			err = cred_set_user(c, uid);
	} else if (uid != old->uid && uid != old->suid) {
		err = -EPERM;
	}
	c->euid = uid;
	return finish_uid(c, err);
}

SYSCALL2(setreuid, u32, ruid, u32, euid)
{
	const struct cred *old = cred_current();
	struct cred *c = cred_copy(old);
	s64 err = 0;

	if (!c)
		return -ENOMEM;
	if (ruid != ~0u && ruid != old->uid && ruid != old->euid && !capable(CAP_SETUID))
		err = -EPERM;
	if (euid != ~0u && euid != old->uid && euid != old->euid && euid != old->suid && !capable(CAP_SETUID))
		err = -EPERM;
	if (!err && ruid != ~0u && ruid != old->uid)
		err = cred_set_user(c, ruid);
	if (euid != ~0u)
		c->euid = euid;
	if (ruid != ~0u || (euid != ~0u && euid != old->uid))
		c->suid = c->euid;
	return finish_uid(c, err);
}

static bool id_known(u32 id, u32 a, u32 b, u32 s)
{
	return id == ~0u || id == a || id == b || id == s;
}

SYSCALL3(setresuid, u32, ruid, u32, euid, u32, suid)
{
	const struct cred *old = cred_current();
	struct cred *c = cred_copy(old);
	s64 err = 0;

	if (!c)
		return -ENOMEM;
	if ((!id_known(ruid, old->uid, old->euid, old->suid) || !id_known(euid, old->uid, old->euid, old->suid) ||
		    !id_known(suid, old->uid, old->euid, old->suid)) &&
		!capable(CAP_SETUID))
		err = -EPERM;
	if (!err && ruid != ~0u && ruid != old->uid)
		err = cred_set_user(c, ruid);
	if (euid != ~0u)
		c->euid = euid;
	if (suid != ~0u)
		c->suid = suid;
	return finish_uid(c, err);
}

SYSCALL1(setgid, u32, gid)
{
	const struct cred *old = cred_current();
	struct cred *c;
	s64 err = 0;

	if (gid == ~0u)
		return -EINVAL;
	c = cred_copy(old);
	if (!c)
		return -ENOMEM;
	if (capable(CAP_SETGID))
		c->gid = c->sgid = gid;
	else if (gid != old->gid && gid != old->sgid)
		err = -EPERM;
	c->egid = c->fsgid = gid;
	return finish(c, err);
}

SYSCALL2(setregid, u32, rgid, u32, egid)
{
	const struct cred *old = cred_current();
	struct cred *c = cred_copy(old);
	s64 err = 0;

	if (!c)
		return -ENOMEM;
	if (rgid != ~0u && rgid != old->gid && rgid != old->egid && !capable(CAP_SETGID))
		err = -EPERM;
	if (egid != ~0u && egid != old->gid && egid != old->egid && egid != old->sgid && !capable(CAP_SETGID))
		err = -EPERM;
	if (rgid != ~0u)
		c->gid = rgid;
	if (egid != ~0u)
		c->egid = egid;
	if (rgid != ~0u || (egid != ~0u && egid != old->gid))
		c->sgid = c->egid;
	c->fsgid = c->egid;
	return finish(c, err);
}

SYSCALL3(setresgid, u32, rgid, u32, egid, u32, sgid)
{
	const struct cred *old = cred_current();
	struct cred *c = cred_copy(old);
	s64 err = 0;

	if (!c)
		return -ENOMEM;
	if ((!id_known(rgid, old->gid, old->egid, old->sgid) || !id_known(egid, old->gid, old->egid, old->sgid) ||
		    !id_known(sgid, old->gid, old->egid, old->sgid)) &&
		!capable(CAP_SETGID))
		err = -EPERM;
	if (rgid != ~0u)
		c->gid = rgid;
	if (egid != ~0u)
		c->egid = egid;
	if (sgid != ~0u)
		c->sgid = sgid;
	c->fsgid = c->egid;
	return finish(c, err);
}

static s64 put_three(struct uptr p[3], u32 a, u32 b, u32 c)
{
	return user_store32(p[0], a) || user_store32(p[1], b) || user_store32(p[2], c) ? -EFAULT : 0;
}

SYSCALL3(getresuid, struct uptr, r, struct uptr, e, struct uptr, s)
{
	const struct cred *c = cred_current();

	return put_three((struct uptr[]){r, e, s}, c->uid, c->euid, c->suid);
}

SYSCALL3(getresgid, struct uptr, r, struct uptr, e, struct uptr, s)
{
	const struct cred *c = cred_current();

	return put_three((struct uptr[]){r, e, s}, c->gid, c->egid, c->sgid);
}

/* These two report the old id and no errors. */
SYSCALL1(setfsuid, u32, uid)
{
	const struct cred *old = cred_current();
	u32 was = old->fsuid;
	struct cred *c;

	if (uid == ~0u || (uid != old->uid && uid != old->euid && uid != old->suid && uid != was && !capable(CAP_SETUID)))
		return was;
	c = cred_copy(old);
	if (c) {
		c->fsuid = uid;
		caps_follow_fsuid(c, old);
		finish(c, 0);
	}
	return was;
}

SYSCALL1(setfsgid, u32, gid)
{
	const struct cred *old = cred_current();
	u32 was = old->fsgid;
	struct cred *c;

	if (gid == ~0u || (gid != old->gid && gid != old->egid && gid != old->sgid && gid != was && !capable(CAP_SETGID)))
		return was;
	c = cred_copy(old);
	if (c) {
		c->fsgid = gid;
		finish(c, 0);
	}
	return was;
}

SYSCALL2(getgroups, int, n, struct uptr, list)
{
	const struct cred *c = cred_current();

	if (n < 0)
		return -EINVAL;
	if (!n)
		return c->ngroups;
	if ((u32)n < c->ngroups)
		return -EINVAL;
	if (c->ngroups && copy_to_user(list, c->groups, c->ngroups * sizeof(u32)))
		return -EFAULT;
	return c->ngroups;
}

static int group_cmp(const void *a, const void *b, void *arg)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return x < y ? -1 : x > y;
}

SYSCALL2(setgroups, int, n, struct uptr, list)
{
	struct cred *c;
	u32 *groups = NULL;

	if (!capable(CAP_SETGID))
		return -EPERM;
	if ((unsigned)n > NGROUPS_LIMIT)
		return -EINVAL;
	if (n) {
		groups = kmalloc((size_t)n * sizeof(u32), ALLOC_SLEEP);
		if (!groups)
			return -ENOMEM;
		if (copy_from_user(groups, list, (size_t)n * sizeof(u32))) {
			kfree(groups);
			return -EFAULT;
		}
		for (int i = 0; i < n; i++) {
			if (groups[i] == ~0u) {
				kfree(groups);
				return -EINVAL;
			}
		}
		sort(groups, (size_t)n, sizeof(u32), group_cmp, NULL);
	}
	c = cred_copy(cred_current());
	if (!c) {
		kfree(groups);
		return -ENOMEM;
	}
	kfree(c->groups);
	c->groups = groups;
	c->ngroups = (u32)n;
	return finish(c, 0);
}

/* Number of 32-bit words of each set in the header's version; the preferred version is written back when it is unknown. */
static int cap_version(struct uptr uhdr, unsigned *out_words, s32 *out_pid)
{
	struct __user_cap_header_struct h;

	if (copy_from_user(&h, uhdr, sizeof(h)))
		return -EFAULT;
	*out_pid = h.pid;
	switch (h.version) {
	case _LINUX_CAPABILITY_VERSION_1: *out_words = 1; return 0;
	case _LINUX_CAPABILITY_VERSION_2:
	case _LINUX_CAPABILITY_VERSION_3: *out_words = 2; return 0;
	}
	if (user_store32(uhdr, _LINUX_CAPABILITY_VERSION_3))
		return -EFAULT;
	return -EINVAL;
}

SYSCALL2(capget, struct uptr, uhdr, struct uptr, udata)
{
	struct __user_cap_data_struct d[2];
	const struct cred *c;
	unsigned words;
	s32 pid;
	int err = cap_version(uhdr, &words, &pid);

	/* asking for the version alone */
	if (uptr_is_null(udata) && (err == 0 || err == -EINVAL))
		return 0;
	if (err)
		return err;
	if (pid < 0)
		return -EINVAL;
	if (pid && pid != task_tid(task_current())) {
		struct task *t = task_find_get(pid, PID_TID);

		if (!t)
			return -ESRCH;
		c = task_cred_get(t);
		task_put(t);
	} else {
		c = cred_current();
		cred_get(c);
	}
	for (unsigned i = 0; i < 2; i++) {
		d[i].effective = (u32)(c->cap_effective >> 32 * i);
		d[i].permitted = (u32)(c->cap_permitted >> 32 * i);
		d[i].inheritable = (u32)(c->cap_inheritable >> 32 * i);
	}
	cred_put(c);
	return copy_to_user(udata, d, words * sizeof(d[0]));
}

SYSCALL2(capset, struct uptr, uhdr, struct uptr, udata)
{
	struct __user_cap_data_struct d[2] = {0};
	const struct cred *old = cred_current();
	u64 eff, perm, inh;
	struct cred *c;
	unsigned words;
	s32 pid;
	int err = cap_version(uhdr, &words, &pid);

	if (err)
		return err;
	if (pid && pid != task_tid(task_current()))
		return -EPERM;
	if (copy_from_user(d, udata, words * sizeof(d[0])))
		return -EFAULT;
	eff = (d[0].effective | (u64)d[1].effective << 32) & KCAP_ALL;
	perm = (d[0].permitted | (u64)d[1].permitted << 32) & KCAP_ALL;
	inh = (d[0].inheritable | (u64)d[1].inheritable << 32) & KCAP_ALL;
	if (inh & ~(old->cap_inheritable | old->cap_permitted) && !capable(CAP_SETPCAP))
		return -EPERM;
	if (inh & ~(old->cap_inheritable | old->cap_bset))
		return -EPERM;
	if ((perm & ~old->cap_permitted) || (eff & ~perm))
		return -EPERM;
	c = cred_copy(old);
	if (!c)
		return -ENOMEM;
	c->cap_effective = eff;
	c->cap_permitted = perm;
	c->cap_inheritable = inh;
	c->cap_ambient &= perm & inh;
	return finish(c, 0);
}
