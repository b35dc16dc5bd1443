/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a program's file gives and takes: set-id bits and the capability rules of exec [man capabilities(7)].
 *
 *     P'(ambient)     = (file is privileged) ? 0 : P(ambient)          privileged: set-id, or with capabilities of its own
 *     P'(permitted)   = (P(inheritable) & F(inheritable)) | (F(permitted) & bset) | P'(ambient)
 *     P'(effective)   = F(effective) ? P'(permitted) : P'(ambient)
 */
#include <lib/errno.h>
#include <linux/securebits.h>
#include <linux/stat.h>
#include <security/file_caps.h>
#include <vfs/inode.h>
#include <vfs/namei.h>
#include "exec_impl.h"
#include "proc_impl.h"

static bool secure_bit(const struct cred *c, int bit)
{
	return c->securebits & (1u << bit);
}

/* Whose bits and capabilities count. */
static struct file *privileged_file(const struct exec *x)
{
	return unlikely(x->binary_cred) ? x->binary : x->file;
}

static void apply_set_id(struct exec *x)
{
	struct file *f = privileged_file(x);
	struct inode *inode = f->inode;
	struct cred *c = x->cred;
	u32 mode = READ_ONCE(inode->mode);

	if (c->no_new_privs || path_is_nosuid(&f->path))
		return;
	if (mode & S_ISUID)
		c->euid = READ_ONCE(inode->uid);
	/* set-gid without group execute marks mandatory locking, not privilege */
	if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		c->egid = READ_ONCE(inode->gid);
}

/* The file's own capabilities, into P'(permitted). -EPERM: it wants more than it can have; -EINVAL: they are damaged. */
static int MUST_CHECK apply_file_caps(struct exec *x, bool *effective, bool *has_caps)
{
	struct cred *c = x->cred;
	struct file_caps f;
	int err;

	c->cap_permitted = 0;
	if (path_is_nosuid(&privileged_file(x)->path))
		return 0;
	err = file_caps_read(privileged_file(x)->inode, &f);
	if (err)
		return err == -ENODATA ? 0 : err;
	*effective = f.effective;
	*has_caps = true;
	c->cap_permitted = (c->cap_bset & f.permitted) | (c->cap_inheritable & f.inheritable);
	/* A program that knows nothing of capabilities must have all or not run. */
	if (f.effective && (f.permitted & ~c->cap_permitted)) {
		c->cap_permitted = 0;
		return -EPERM;
	}
	return 0;
}

/* Root has the capabilities of files that have all, unless the set-user-ID file of root has some of its own. */
static void apply_root(struct cred *c, const struct cred *old, bool has_caps, bool *effective)
{
	if (secure_bit(c, SECURE_NOROOT) || (has_caps && c->uid != 0 && c->euid == 0))
		return;
	if (c->euid == 0 || c->uid == 0)
		c->cap_permitted = old->cap_bset | old->cap_inheritable;
	if (c->euid == 0)
		*effective = true;
}

/* Would somebody else have a part in what the program gains? Those who share the working directory and root with this process from outside of it. */
static bool fs_is_shared(void)
{
	struct task *me = task_current(), *t;
	u32 mine = 0;

	spin_lock(&proc_tree_lock);
	list_for_each_entry(t, &me->proc->threads, thread_link)
		mine += READ_ONCE(t->fs) == me->fs;
	spin_unlock(&proc_tree_lock);
	return me->fs && READ_ONCE(me->fs->refs) > mine;
}

/* Under a tracer that could not trace the new program no rights are gained [man execve(2)]; exec_lock keeps new ones out. */
static bool is_traced_by_less(void)
{
	u32 traced = READ_ONCE(task_current()->ptrace);

	return traced && !(traced & PT_CAPABLE);
}

int exec_cred_prepare(struct exec *x)
{
	const struct cred *old = cred_current();
	struct cred *c = cred_copy(old);
	bool effective = false, has_caps = false, set_id;
	int err;

	if (!c)
		return -ENOMEM;
	x->cred = c;
	apply_set_id(x);
	err = apply_file_caps(x, &effective, &has_caps);
	if (err)
		return err;
	apply_root(c, old, has_caps, &effective);
	set_id = c->euid != old->uid || c->egid != old->gid;
	if ((set_id || (c->cap_permitted & ~old->cap_permitted)) && (c->no_new_privs || is_traced_by_less() || fs_is_shared())) {
		if (!capable(CAP_SETUID) || c->no_new_privs) {
			c->euid = c->uid;
			c->egid = c->gid;
		}
		c->cap_permitted &= old->cap_permitted;
	}
	c->suid = c->fsuid = c->euid;
	c->sgid = c->fsgid = c->egid;
	if (has_caps || set_id)
		c->cap_ambient = 0;
	c->cap_permitted |= c->cap_ambient;
	c->cap_effective = effective ? c->cap_permitted : c->cap_ambient;
	c->securebits &= ~(1u << SECURE_KEEP_CAPS);
	x->gained = c->euid != old->euid || c->egid != old->egid || c->fsuid != old->fsuid || c->fsgid != old->fsgid || c->euid != c->uid
		|| c->egid != c->gid || (c->cap_permitted & ~old->cap_permitted);
	x->secure = set_id || (c->uid != 0 && (effective || (c->cap_permitted & ~c->cap_ambient)));
	return 0;
}
