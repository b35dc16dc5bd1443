/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * POSIX ACLs. See <vfs/acl.h>.
 *
 *	user_obj, user..., group_obj, group..., [mask], other       in this order; mask if there is a user or group
 */
#include "vfs_impl.h"
#include <lib/endian.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <vfs/acl.h>
#include <vfs/fs_config.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <linux/xattr.h>

#define ACL_BITS (ACL_READ | ACL_WRITE | ACL_EXECUTE)

static struct acl *acl_alloc(u32 n)
{
	struct acl *a = kzalloc(sizeof(*a) + n * sizeof(a->entry[0]), 0);

	if (a)
		a->n = n;
	return a;
}

static struct acl *acl_copy(const struct acl *a)
{
	struct acl *c = acl_alloc(a->n);

	if (c)
		memcpy(c->entry, a->entry, a->n * sizeof(a->entry[0]));
	return c;
}

void acl_free(struct acl *a)
{
	kfree(a);
}

static void free_rcu(struct rcu_head *head)
{
	kfree(container_of(head, struct acl, rcu));
}

void inode_set_acl(struct inode *inode, enum acl_type type, struct acl *a)
{
	struct acl **slot = type == ACL_ACCESS ? &inode->acl : &inode->default_acl, *old = *slot;

	rcu_assign_pointer(*slot, a);
	if (type == ACL_ACCESS)
		WRITE_ONCE(inode->mode, a ? inode->mode | INODE_MODE_ACL : inode->mode & ~INODE_MODE_ACL);
	if (old)
		rcu_call(&old->rcu, free_rcu);
}

/* ---- bytes ---- */

bool acl_is_xattr(const char *name, enum acl_type *out)
{
	*out = strcmp(name, XATTR_NAME_POSIX_ACL_DEFAULT) == 0 ? ACL_DEFAULT : ACL_ACCESS;
	return *out == ACL_DEFAULT || strcmp(name, XATTR_NAME_POSIX_ACL_ACCESS) == 0;
}

static bool has_id(u16 tag)
{
	return tag == ACL_USER || tag == ACL_GROUP;
}

int acl_decode(const void *val, size_t size, struct acl **out)
{
	const struct posix_acl_xattr_header *h = val;
	const struct posix_acl_xattr_entry *e = (const void *)(h + 1);
	struct acl *a;
	size_t n;

	*out = NULL;
	if (!val)
		return 0;
	if (size < sizeof(*h))
		return -EINVAL;
	if (h->a_version != POSIX_ACL_XATTR_VERSION)
		return -EOPNOTSUPP;
	n = (size - sizeof(*h)) / sizeof(*e);
	if ((size - sizeof(*h)) % sizeof(*e))
		return -EINVAL;
	if (!n)
		return 0;
	a = acl_alloc((u32)n);
	if (!a)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		a->entry[i] = (struct acl_entry){e[i].e_tag, e[i].e_perm, has_id(e[i].e_tag) ? e[i].e_id : ~0u};
		if (has_id(e[i].e_tag) ? e[i].e_id == ~0u
				       : e[i].e_tag != ACL_USER_OBJ && e[i].e_tag != ACL_GROUP_OBJ && e[i].e_tag != ACL_MASK
						 && e[i].e_tag != ACL_OTHER) {
			acl_free(a);
			return -EINVAL;
		}
	}
	*out = a;
	return 0;
}

ssize_t acl_encode(const struct acl *a, void *buf, size_t size)
{
	struct posix_acl_xattr_header *h = buf;
	struct posix_acl_xattr_entry *e = (void *)(h + 1);
	size_t len = sizeof(*h) + a->n * sizeof(*e);

	if (!size)
		return (ssize_t)len;
	if (len > size)
		return -ERANGE;
	h->a_version = POSIX_ACL_XATTR_VERSION;
	for (u32 i = 0; i < a->n; i++)
		e[i] = (struct posix_acl_xattr_entry){a->entry[i].tag, a->entry[i].perm, a->entry[i].id};
	return (ssize_t)len;
}
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the bytes of an ACL are in the order of the machine");

/* Order and completeness. */
static bool is_valid(const struct acl *a)
{
	u16 state = ACL_USER_OBJ;
	bool needs_mask = false;

	for (u32 i = 0; i < a->n; i++) {
		u16 tag = a->entry[i].tag;

		if (a->entry[i].perm & ~ACL_BITS)
			return false;
		switch (tag) {
		case ACL_USER_OBJ:
		case ACL_GROUP_OBJ:
			if (state != (tag == ACL_USER_OBJ ? ACL_USER_OBJ : ACL_USER))
				return false;
			state = tag == ACL_USER_OBJ ? ACL_USER : ACL_GROUP;
			break;
		case ACL_USER:
		case ACL_GROUP:
			if (state != tag)
				return false;
			needs_mask = true;
			break;
		case ACL_MASK:
			if (state != ACL_GROUP)
				return false;
			state = ACL_OTHER;
			break;
		case ACL_OTHER:
			if (state != ACL_OTHER && !(state == ACL_GROUP && !needs_mask))
				return false;
			state = 0;
			break;
		default: return false;
		}
	}
	return state == 0;
}

/* ---- lists and modes ---- */

/* The entries that the three classes of the mode stand for: the mask, if there is one, for the group. */
struct classes {
	struct acl_entry *user, *group, *mask, *other;
};

static struct classes classes_of(struct acl *a)
{
	struct classes c = {0};

	for (u32 i = 0; i < a->n; i++) {
		struct acl_entry *e = &a->entry[i];

		switch (e->tag) {
		case ACL_USER_OBJ: c.user = e; break;
		case ACL_GROUP_OBJ: c.group = e; break;
		case ACL_MASK: c.mask = e; break;
		case ACL_OTHER: c.other = e; break;
		}
	}
	if (c.mask)
		c.group = c.mask;
	return c;
}

static u32 mode_of(struct acl *a)
{
	struct classes c = classes_of(a);

	return (u32)c.user->perm << 6 | (u32)c.group->perm << 3 | c.other->perm;
}

/* Does the mode say it all? */
static bool is_mode(const struct acl *a)
{
	return a->n == 3;
}

int acl_for_chmod(const struct inode *inode, u32 mode, struct acl **out)
{
	struct classes c;

	*out = NULL;
	if (!inode->acl)
		return 0;
	*out = acl_copy(inode->acl);
	if (!*out)
		return -ENOMEM;
	c = classes_of(*out);
	c.user->perm = mode >> 6 & 7;
	c.group->perm = mode >> 3 & 7;
	c.other->perm = mode & 7;
	return 0;
}

int acl_snapshot(const struct inode *inode, enum acl_type type, struct acl **out)
{
	struct acl *const *slot = type == ACL_ACCESS ? &inode->acl : &inode->default_acl;
	struct acl *from, *copy = NULL;
	u32 n = 0;

	for (;;) {
		rcu_read_lock();
		from = rcu_dereference(*slot);
		if (!from || from->n == n)
			break;
		n = from->n;
		rcu_read_unlock();
		acl_free(copy);
		copy = acl_alloc(n);
		if (!copy)
			return -ENOMEM;
	}
	if (from)
		memcpy(copy->entry, from->entry, n * sizeof(from->entry[0]));
	rcu_read_unlock();
	if (!from)
		acl_free(copy);
	*out = from ? copy : NULL;
	return 0;
}

int acl_inherit(struct inode *inode, const struct inode *dir)
{
	struct acl *own, *for_dir = NULL;
	u32 mode = inode->mode;
	struct classes c;
	int err = acl_snapshot(dir, ACL_DEFAULT, &own);

	if (err || !own)
		return err;
	if (S_ISDIR(mode)) {
		for_dir = acl_copy(own);
		if (!for_dir) {
			acl_free(own);
			return -ENOMEM;
		}
	}
	c = classes_of(own);
	c.user->perm &= mode >> 6;
	c.group->perm &= mode >> 3;
	c.other->perm &= mode;
	inode->mode = (mode & ~0777u) | mode_of(own);
	if (is_mode(own)) {
		acl_free(own);
		own = NULL;
	}
	if (own)
		inode_set_acl(inode, ACL_ACCESS, own);
	if (for_dir)
		inode_set_acl(inode, ACL_DEFAULT, for_dir);
	return 0;
}

/* ---- rights ---- */

/* The entry that decides; *out_masked: together with the mask. NULL: a group matches and none of its entries gives it all. */
static const struct acl_entry *deciding(const struct acl *a, const struct inode *inode, u32 want, bool *out_masked)
{
	const struct cred *cred = cred_current();
	bool in_group = false;

	*out_masked = true;
	for (u32 i = 0; i < a->n; i++) {
		const struct acl_entry *e = &a->entry[i];

		switch (e->tag) {
		case ACL_USER:
			if (e->id == cred->fsuid)
				return e;
			break;
		case ACL_GROUP_OBJ:
		case ACL_GROUP:
			if (!cred_in_group(cred, e->tag == ACL_GROUP ? e->id : READ_ONCE(inode->gid)))
				break;
			in_group = true;
			if ((e->perm & want) == want)
				return e;
			break;
		case ACL_OTHER: *out_masked = false; return in_group ? NULL : e;
		}
	}
	return NULL;
}

int acl_permission(struct inode *inode, int mask)
{
	u32 want = (u32)mask & ACL_BITS, have = 0;
	const struct acl_entry *e;
	struct acl *a;
	bool masked;

	rcu_read_lock();
	a = rcu_dereference(inode->acl);
	if (!a) {
		rcu_read_unlock();
		return -EAGAIN;
	}
	e = deciding(a, inode, want, &masked);
	if (e) {
		const struct acl_entry *m = classes_of(a).mask;

		have = e->perm & (masked && m ? m->perm : ACL_BITS);
	}
	rcu_read_unlock();
	return (have & want) == want ? 0 : -EACCES;
}
static_assert(ACL_READ == MAY_READ && ACL_WRITE == MAY_WRITE && ACL_EXECUTE == MAY_EXEC, "acl_permission");

/* ---- the extended attributes ---- */

static bool supported(const struct inode *inode)
{
	return (inode->super->type->flags & FS_ACLS) && !S_ISLNK(inode->mode);
}

ssize_t acl_get_xattr(struct inode *inode, enum acl_type type, void *buf, size_t size)
{
	ssize_t len = -ENODATA;

	if (!supported(inode))
		return -EOPNOTSUPP;
	read_lock(&inode->lock);
	if (type == ACL_ACCESS ? inode->acl : inode->default_acl)
		len = acl_encode(type == ACL_ACCESS ? inode->acl : inode->default_acl, buf, size);
	read_unlock(&inode->lock);
	return len;
}

static int set_checked(struct inode *inode, enum acl_type type, struct acl **a)
{
	u32 mode = inode->mode;
	int err = 0;

	if (!supported(inode))
		return -EOPNOTSUPP;
	if (type == ACL_DEFAULT && !S_ISDIR(mode))
		return *a ? -EACCES : 0;
	if (!inode_owner_or_capable(inode))
		return -EPERM;
	if (*a && !is_valid(*a))
		return -EINVAL;
	if (type == ACL_ACCESS) {
		if (*a)
			mode = (mode & ~0777u) | mode_of(*a);
		if (*a && is_mode(*a)) {
			acl_free(*a);
			*a = NULL;
		}
		if (!cred_in_group(cred_current(), inode->gid) && !capable(CAP_FSETID))
			mode &= ~(u32)S_ISGID;
	}
	if (inode->ops->set_acl)
		err = inode->ops->set_acl(inode, type, *a, mode & 0177777u);
	if (err)
		return err;
	WRITE_ONCE(inode->mode, mode);
	inode_touch(inode, IATTR_CTIME);
	inode_set_acl(inode, type, *a);
	*a = NULL;
	return 0;
}

int acl_set_xattr(struct inode *inode, enum acl_type type, const void *val, size_t size)
{
	struct acl *a;
	int err = acl_decode(val, size, &a);

	if (err)
		return err;
	err = set_checked(inode, type, &a);
	acl_free(a);
	return err;
}

size_t acl_list_names(const struct inode *inode, char *buf, size_t size)
{
	static const char access[] = XATTR_NAME_POSIX_ACL_ACCESS, dflt[] = XATTR_NAME_POSIX_ACL_DEFAULT;
	size_t len = 0;

	if (READ_ONCE(inode->acl)) {
		if (size >= sizeof(access))
			memcpy(buf, access, sizeof(access));
		len += sizeof(access);
	}
	if (READ_ONCE(inode->default_acl)) {
		if (size >= len + sizeof(dflt))
			memcpy(buf + len, dflt, sizeof(dflt));
		len += sizeof(dflt);
	}
	return len;
}
