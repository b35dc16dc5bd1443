/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of memory without a name: memfd_create(2), shared anonymous mappings, System V segments. They live in an internal tmpfs without limits.
 */
#include "tmpfs.h"
#include <lib/printf.h>
#include <lib/string.h>
#include <vfs/hugetlbfs.h>
#include <vfs/shmem.h>
#include <linux/memfd.h>

static struct mount *shm_mount;
unsigned memfd_noexec;

int shmem_init(void);
int shmem_init(void)
{
	return mount_internal(&tmpfs_type, "size=0,nr_inodes=0", &shm_mount);
}

int memory_file_create(struct mount *m, const char *name, u64 size, u32 mode, u32 seals, struct file **out)
{
	struct super *sb = m->super;
	struct inode *inode;
	struct dentry *d;
	struct path p;
	struct file *f;
	int err;

	if (size > sb->maxbytes)
		return -EINVAL;
	err = tmpfs_inode_create(sb, m->root->inode, S_IFREG | mode, 0, &inode);
	if (err)
		return err;
	inode_set_nlink(inode, 0);
	inode->data.size = size;
	tmpfs_inode(inode)->seals = seals;
	d = dentry_create_anon(sb, name, inode, 0);
	if (!d)
		return -ENOMEM;
	mount_get(m);
	p = (struct path){.mnt = m, .dentry = d};
	err = file_open_path(&p, O_RDWR | O_LARGEFILE, &f);
	path_put(&p);
	if (!err)
		*out = f;
	return err;
}

int shmem_create(const char *name, u64 size, struct file **out)
{
	return memory_file_create(shm_mount, name, size, 0777, F_SEAL_SEAL, out);
}

/* A size goes with MFD_HUGETLB only. */
static unsigned known_flags(unsigned flags)
{
	return MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB | MFD_NOEXEC_SEAL | MFD_EXEC |
		(flags & MFD_HUGETLB ? (unsigned)MFD_HUGE_MASK << MFD_HUGE_SHIFT : 0);
}

int memfd_check_flags(unsigned *flags)
{
	unsigned policy = READ_ONCE(memfd_noexec);

	if ((*flags & ~known_flags(*flags)) || ((*flags & MFD_EXEC) && (*flags & MFD_NOEXEC_SEAL)))
		return -EINVAL;
	if (!(*flags & (MFD_EXEC | MFD_NOEXEC_SEAL)))
		*flags |= policy ? MFD_NOEXEC_SEAL : MFD_EXEC;
	return policy > 1 && !(*flags & MFD_NOEXEC_SEAL) ? -EACCES : 0;
}

int memfd_create_file(const char *name, unsigned flags, struct file **out)
{
	char text[NAME_MAX + 1];
	u32 seals = flags & MFD_ALLOW_SEALING ? 0 : F_SEAL_SEAL;
	u32 mode = 0777;

	if (flags & MFD_NOEXEC_SEAL) {
		mode = 0666;
		seals = F_SEAL_EXEC;
	}
	if (strlen(name) > NAME_MAX - 6)
		return -EINVAL;
	scnprintf(text, sizeof(text), "memfd:%s", name);
	if (!(flags & MFD_HUGETLB))
		return memory_file_create(shm_mount, text, 0, mode, seals, out);
	if (!hugetlb_has_size(flags >> MFD_HUGE_SHIFT & MFD_HUGE_MASK))
		return -ENODEV;
	return hugetlb_create(text, 0, mode, seals, false, out);
}
