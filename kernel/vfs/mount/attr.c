/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changing what is mounted: flags of mounts, propagation types, and, through a configuration, super blocks.
 */
#include "mount_impl.h"
#include <linux/mount.h>

u32 mount_flags_of_ms(u64 ms)
{
	u32 f = (ms & MS_RDONLY ? MNT_RDONLY : 0) | (ms & MS_NOSUID ? MNT_NOSUID : 0) | (ms & MS_NODEV ? MNT_NODEV : 0)
		| (ms & MS_NOEXEC ? MNT_NOEXEC : 0) | (ms & MS_NOATIME ? MNT_NOATIME : 0)
		| (ms & MS_NODIRATIME ? MNT_NODIRATIME : 0) | (ms & MS_NOSYMFOLLOW ? MNT_NOSYMFOLLOW : 0);

	if (!(ms & MS_NOATIME))
		f |= MNT_RELATIME;
	if (ms & MS_STRICTATIME)
		f &= ~(u32)(MNT_RELATIME | MNT_NOATIME);
	return f;
}

/* Flags that came with a mount from a namespace of other users may become stricter only. */
static bool may_change_flags(const struct mount *m, u32 want)
{
	u32 old = m->flags, strict = MNT_RDONLY | MNT_NODEV | MNT_NOSUID | MNT_NOEXEC;

	if (!(old & MNT_LOCK_FLAGS))
		return true;
	return !(old & strict & ~want) && (old & MNT_ATIME_MASK) == (want & MNT_ATIME_MASK);
}

static void set_flags(struct mount *m, u32 want)
{
	WRITE_ONCE(m->flags, (m->flags & ~(u32)MNT_USER_MASK) | want);
	ns_changed(m->ns);
}

/* Nobody may write any more: set the flag first, then look who still does. */
static int make_readonly(struct mount *m)
{
	WRITE_ONCE(m->flags, m->flags | MNT_RDONLY);
	rcu_synchronize();
	if (pcounter_sum(&m->writers) > 0) {
		WRITE_ONCE(m->flags, m->flags & ~(u32)MNT_RDONLY);
		return -EBUSY;
	}
	return 0;
}

/* Without a word about access times the present policy stays. */
static u32 wanted_flags(const struct mount *m, u64 ms)
{
	u32 want = mount_flags_of_ms(ms);

	if (!(ms & (MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME)))
		want = (want & ~(u32)MNT_ATIME_MASK) | (m->flags & MNT_ATIME_MASK);
	return want;
}

int mount_remount_bind(const struct path *where, u64 ms)
{
	struct mount *m = where->mnt;
	u32 want = wanted_flags(m, ms);
	int err = 0;

	mutex_lock(&mount_sem);
	if (!mount_is_ours(m) || !path_is_mount(where))
		err = -EINVAL;
	else if (!may_change_flags(m, want))
		err = -EPERM;
	else if ((want & MNT_RDONLY) && !(m->flags & MNT_RDONLY))
		err = make_readonly(m);
	if (!err)
		set_flags(m, want);
	mutex_unlock(&mount_sem);
	return err;
}

int mount_remount(const struct path *where, u64 ms, char *options)
{
	const u32 sb_flags = MS_RDONLY | MS_SYNCHRONOUS | MS_MANDLOCK | MS_LAZYTIME;
	struct mount *m = where->mnt;
	u32 want = wanted_flags(m, ms);
	struct fs_config c;
	int err;

	mutex_lock(&mount_sem);
	err = !mount_is_ours(m) || !path_is_mount(where) ? -EINVAL : may_change_flags(m, want) ? 0 : -EPERM;
	mutex_unlock(&mount_sem);
	if (err)
		return err;
	err = fs_config_init(&c, m->super->type, m->super);
	if (err)
		return err;
	c.sb_flags = (u32)ms & sb_flags;
	c.sb_mask = sb_flags;
	err = fs_config_options(&c, options);
	if (!err)
		err = fs_config_reconfigure(&c);
	if (!err) {
		mutex_lock(&mount_sem);
		if (m->ns)
			set_flags(m, want);
		mutex_unlock(&mount_sem);
	}
	fs_config_free(&c);
	return err;
}

/* ---- mount_setattr(2) ---- */

/* May all that is to be changed be changed? Mounts that become read-only are, from here on. Where it stopped, in *out. */
static int prepare(struct mount *root, bool recursive, u32 set, u32 clear, struct mount **out)
{
	struct mount *m;
	int err = 0;

	for (m = root; m; m = recursive ? mount_next(m, root) : NULL) {
		u32 want = ((m->flags & MNT_USER_MASK) & ~clear) | set;

		m->copy = NULL;
		if (!may_change_flags(m, want))
			err = -EPERM;
		else if ((want & MNT_RDONLY) && !(m->flags & MNT_RDONLY)) {
			err = make_readonly(m);
			if (!err)
				m->copy = m; /* to be taken back if another one fails */
		}
		if (err)
			break;
	}
	*out = m;
	return err;
}

static void take_back(struct mount *root, bool recursive, const struct mount *end)
{
	for (struct mount *m = root; m && m != end; m = recursive ? mount_next(m, root) : NULL) {
		if (m->copy == m)
			WRITE_ONCE(m->flags, m->flags & ~(u32)MNT_RDONLY);
	}
}

int vfs_mount_setattr(const struct path *p, bool recursive, u32 set, u32 clear, u64 propagation)
{
	struct mount *root = p->mnt, *end;
	int err = -EINVAL;

	mutex_lock(&mount_sem);
	if (!path_is_mount(p) || !root->ns || (root->flags & MNT_INTERNAL))
		goto out;
	if ((mount_has_parent(root) || !mount_is_anonymous(root)) && !mount_is_ours(root))
		goto out;
	err = propagation == MS_SHARED ? group_number_tree(root, recursive) : 0;
	if (err)
		goto out;
	err = prepare(root, recursive, set, clear, &end);
	if (err) {
		take_back(root, recursive, end);
		if (propagation == MS_SHARED)
			group_forget_numbers(root);
		goto out;
	}
	for (struct mount *m = root; m; m = recursive ? mount_next(m, root) : NULL) {
		set_flags(m, ((m->flags & MNT_USER_MASK) & ~clear) | set);
		if (propagation)
			group_change(m, propagation);
	}
out:
	mutex_unlock(&mount_sem);
	return err;
}
