/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a program's file gives and takes: set-id bits and the capability rules of exec [man capabilities(7)].
 *
 *     P'(ambient)     = (file is privileged) ? 0 : P(ambient)
 *     P'(permitted)   = (P(inheritable) & F(inheritable)) | (F(permitted) & bset) | P'(ambient)
 *     P'(effective)   = F(effective) ? P'(permitted) : P'(ambient)
 */
#include <lib/errno.h>
#include <linux/securebits.h>
#include <linux/stat.h>
#include <vfs/inode.h>
#include <vfs/namei.h>
#include "exec_impl.h"
#include "proc_impl.h"

static bool secure_bit(const struct cred *c, int bit)
{
	return c->securebits & (1u << bit);
}

static void apply_set_id(struct exec *x)
{
	struct inode *inode = x->file->inode;
	struct cred *c = x->cred;
	u32 mode = READ_ONCE(inode->mode);

	if (c->no_new_privs || path_is_nosuid(&x->file->path))
		return;
	if (mode & S_ISUID)
		c->euid = READ_ONCE(inode->uid);
	/* set-gid without group execute marks mandatory locking, not privilege */
	if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		c->egid = READ_ONCE(inode->gid);
}

static void apply_capabilities(struct cred *c, const struct cred *old)
{
	u64 f_permitted = 0, f_inheritable = 0;
	bool f_effective = false;
	bool privileged = c->euid != old->uid || c->egid != old->gid;

	if (!secure_bit(c, SECURE_NOROOT)) {
		if (c->euid == 0 || c->uid == 0)
			f_permitted = f_inheritable = KCAP_ALL;
		if (c->euid == 0)
			f_effective = true;
	}
	if (privileged)
		c->cap_ambient = 0;
	c->cap_permitted = (old->cap_inheritable & f_inheritable) | (f_permitted & c->cap_bset) | c->cap_ambient;
	c->cap_effective = f_effective ? c->cap_permitted : c->cap_ambient;
}

/* Under a tracer that could not trace the new program no rights are gained [man execve(2)]. */
static void apply_tracer(struct cred *c, const struct cred *old)
{
	u32 traced = READ_ONCE(task_current()->ptrace);
	bool gains = c->euid != old->uid || c->egid != old->gid || (c->cap_permitted & ~old->cap_permitted);

	if (!traced || (traced & PT_CAPABLE) || !gains)
		return;
	if (!capable(CAP_SETUID)) {
		c->euid = c->uid;
		c->egid = c->gid;
	}
	c->cap_permitted &= old->cap_permitted;
	c->cap_effective &= c->cap_permitted;
}

int exec_cred_prepare(struct exec *x)
{
	const struct cred *old = cred_current();
	struct cred *c = cred_copy(old);

	if (!c)
		return -ENOMEM;
	x->cred = c;
	apply_set_id(x);
	apply_capabilities(c, old);
	apply_tracer(c, old);
	c->suid = c->fsuid = c->euid;
	c->sgid = c->fsgid = c->egid;
	c->securebits &= ~(1u << SECURE_KEEP_CAPS);
	x->secure = c->euid != old->uid || c->egid != old->gid ||
		    (old->uid != 0 && c->cap_permitted & ~c->cap_ambient);
	return 0;
}
