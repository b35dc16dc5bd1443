/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory calls: decoding and the checks that need a file or a right; the work is in kernel/mm.
 */
#include <linux/syscall.h>
#include <linux/personality.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/mempolicy.h>
#include <linux/stat.h>
#include <vm/hugetlb.h>
#include <mm/object.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <proc/pid.h>
#include <proc/pidfd.h>
#include <proc/task.h>
#include <vfs/cache.h>
#include <vfs/file.h>
#include <vfs/hugetlbfs.h>
#include <vfs/inode.h>
#include <vfs/namei.h>
#include <vfs/shmem.h>
#include "syscalls.h"

#define MAP_KNOWN_SHARED_VALIDATE                                                                  \
	(MAP_SHARED | MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_DENYWRITE | MAP_EXECUTABLE |   \
		MAP_GROWSDOWN | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | \
		MAP_HUGETLB | MAP_FIXED_NOREPLACE | MAP_32BIT | MAP_UNINITIALIZED |                        \
		((21u | 30u) << MAP_HUGE_SHIFT)) /* sizes of 2 MiB and 1 GiB, with or without MAP_HUGETLB */

/* A file's positions are positive s64. */
#define MAX_FILE_PAGES ((1ull << 63) >> PAGE_SHIFT)

static struct vm_space *space_current(void)
{
	return thread_current()->space;
}

static u64 memlock_limit(void)
{
	return capable(CAP_IPC_LOCK) ? ~0ull : rlimit_cur(RLIMIT_MEMLOCK);
}

static u32 prot_flags(u64 prot)
{
	return (prot & PROT_READ ? VM_READ : 0) | (prot & PROT_WRITE ? VM_WRITE : 0) | (prot & PROT_EXEC ? VM_EXEC : 0);
}

/* personality(2): what may be read may be executed. */
static bool read_is_exec(u64 prot)
{
	return (prot & PROT_READ) && unlikely(task_current()->personality & READ_IMPLIES_EXEC);
}

/* What the file's mode and the kind of mapping allow. -EACCES, -EPERM, -ENODEV. */
static int MUST_CHECK check_file(struct file *f, u32 *flags)
{
	bool noexec = path_is_noexec(&f->path);

	if (!(f->mode & FMODE_READ))
		return -EACCES;
	if (noexec && (*flags & VM_EXEC))
		return -EPERM;
	if (noexec)
		*flags &= ~VM_MAYEXEC;
	if (*flags & VM_SHARED) {
		if ((*flags & VM_WRITE) && !(f->mode & FMODE_WRITE))
			return -EACCES;
		if (!(f->mode & FMODE_WRITE))
			*flags &= ~VM_MAYWRITE;
	}
	return f->ops->mmap ? 0 : -ENODEV;
}

static bool off_is_too_far(const struct file *f, u64 off, u64 len)
{
	return inode_is(f->inode, S_IFREG) && (off >> PAGE_SHIFT) + (align_up(len, PAGE_SIZE) >> PAGE_SHIFT) > MAX_FILE_PAGES;
}

static int MUST_CHECK map_file(struct vm_map_args *args, struct file *f, vaddr_t *out)
{
	int err;

	err = check_file(f, &args->flags);
	if (!err)
		err = f->ops->mmap(f, args);
	return err ? err : vm_map(space_current(), args, out);
}

static int MUST_CHECK map_anonymous(struct vm_map_args *args, vaddr_t *out)
{
	struct file *f;
	int err;

	if (!(args->flags & VM_SHARED))
		return vm_map(space_current(), args, out);
	err = shmem_create("dev/zero", align_up(args->len, PAGE_SIZE), &f);
	if (err)
		return err;
	args->pgoff = 0;
	err = map_file(args, f, out);
	file_put(f);
	return err;
}

/* Anonymous memory of huge pages, shared or not, is a file of its own. */
static int MUST_CHECK map_huge(struct vm_map_args *args, vaddr_t *out)
{
	struct file *f;
	int err = hugetlb_create("anon_hugepage", args->len, 0777, F_SEAL_SEAL, false, &f);

	if (err)
		return err;
	args->pgoff = 0;
	err = map_file(args, f, out);
	file_put(f);
	return err;
}

/* MAP_* and PROT_* to vm flags; -EINVAL, -EOPNOTSUPP. */
static int MUST_CHECK map_flags(u64 prot, u64 flags, u32 *out)
{
	u32 vm = prot_flags(prot) | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;

	switch (flags & MAP_TYPE) {
	case MAP_PRIVATE: break;
	case MAP_SHARED: vm |= VM_SHARED; break;
	case MAP_SHARED_VALIDATE:
		if (flags & ~(u64)MAP_KNOWN_SHARED_VALIDATE & ~(u64)MAP_TYPE)
			return -EOPNOTSUPP;
		vm |= VM_SHARED;
		break;
	default: return -EINVAL;
	}
	if (flags & MAP_GROWSDOWN)
		vm |= VM_GROWSDOWN;
	if (flags & MAP_NORESERVE)
		vm |= VM_NORESERVE;
	if (flags & MAP_LOCKED)
		vm |= VM_LOCKED;
	if ((vm & VM_SHARED) && (vm & VM_GROWSDOWN))
		return -EINVAL;
	*out = vm;
	return 0;
}

/* The checks in Linux' order: of the place, then of what stands there. @f may be NULL. */
static int MUST_CHECK map_args(struct vm_map_args *a, struct file *f, u64 addr, u64 len, u64 prot, u64 flags, u64 off)
{
	int err;

	if (!len)
		return -EINVAL;
	if (align_up(len, PAGE_SIZE) < len || align_up(len, PAGE_SIZE) > USER_VA_END)
		return -ENOMEM;
	if ((flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) && addr > USER_VA_END - align_up(len, PAGE_SIZE))
		return -ENOMEM;
	if ((flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) && (addr & (PAGE_SIZE - 1)))
		return -EINVAL;
	if ((flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) && addr < vm_mmap_min_addr)
		return -EPERM;
	if (f && off_is_too_far(f, off, len))
		return -EOVERFLOW;
	*a = (struct vm_map_args){
		.hint = addr,
		.len = len,
		.pgoff = off >> PAGE_SHIFT,
		.fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE),
		.noreplace = flags & MAP_FIXED_NOREPLACE,
		.low32 = flags & MAP_32BIT,
		.limit_as = rlimit_cur(RLIMIT_AS),
		.limit_data = rlimit_cur(RLIMIT_DATA),
		.limit_memlock = memlock_limit(),
	};
	err = map_flags(prot, flags, &a->flags);
	if (err)
		return err;
	if ((flags & MAP_LOCKED) && !a->limit_memlock)
		return -EPERM;
	a->populate = (flags & MAP_LOCKED) || (flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE;
	if ((a->flags & (VM_WRITE | VM_SHARED)) == VM_WRITE && !(a->flags & VM_NORESERVE))
		a->flags |= VM_ACCOUNT;
	return 0;
}

SYSCALL6(mmap, u64, addr, u64, len, u64, prot, u64, flags, int, fd, u64, off)
{
	struct vm_map_args args;
	struct fd_ref r = {0};
	bool is_huge;
	vaddr_t va;
	int err;

	if (off & (PAGE_SIZE - 1))
		return -EINVAL;
	if (flags & MAP_ANONYMOUS) {
		if ((flags & MAP_TYPE) == MAP_SHARED_VALIDATE)
			return -EINVAL; /* there is no file whose flags could be validated */
		if ((flags & MAP_HUGETLB) && !hugetlb_has_size(flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK))
			return -EINVAL;
		is_huge = flags & MAP_HUGETLB;
	} else {
		r = fd_get(fd);
		if (!r.file)
			return -EBADF;
		is_huge = file_is_hugetlb(r.file);
	}
	if (read_is_exec(prot) && !(r.file && path_is_noexec(&r.file->path)))
		prot |= PROT_EXEC;
	err = !is_huge && (flags & MAP_HUGETLB) ? -EINVAL : map_args(&args, r.file, addr, is_huge ? align_up(len, HUGETLB_SIZE) : len, prot, flags, off);
	if (!err)
		err = r.file ? map_file(&args, r.file, &va) : is_huge ? map_huge(&args, &va) : map_anonymous(&args, &va);
	fd_put(r);
	return err ? err : (s64)va;
}

/* [man remap_file_pages(2)]: a new mapping over the old one; the protection stays what it is. */
SYSCALL5(remap_file_pages, u64, start, u64, size, u64, prot, u64, pgoff, u64, flags)
{
	struct vm_map_args args = {.limit_as = rlimit_cur(RLIMIT_AS), .limit_data = ~0ull, .limit_memlock = memlock_limit(),
		.populate = !(flags & MAP_NONBLOCK)};

	start = align_down(start, PAGE_SIZE);
	size = align_down(size, PAGE_SIZE);
	if (prot || start + size <= start || pgoff + (size >> PAGE_SHIFT) < pgoff || start + size > USER_VA_END)
		return -EINVAL;
	return vm_remap_pages(space_current(), start, size, pgoff, &args);
}

/* The processors that this kernel runs on have no shadow stacks, or their use is not supported: what Linux says without them. */
SYSCALL3(map_shadow_stack, u64, addr, u64, size, unsigned, flags)
{
	return -EOPNOTSUPP;
}

SYSCALL2(munmap, u64, addr, u64, len)
{
	return vm_unmap(space_current(), addr, len);
}

static s64 protect(u64 addr, u64 len, u64 prot, int key)
{
	u64 grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);

	if (grows == (PROT_GROWSDOWN | PROT_GROWSUP))
		return -EINVAL;
	if (addr & (PAGE_SIZE - 1))
		return -EINVAL;
	if (!len)
		return 0;
	if (align_up(len, PAGE_SIZE) + addr <= addr)
		return -ENOMEM;
	if ((prot & ~grows & ~(u64)(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM)) || (grows & PROT_GROWSUP))
		return -EINVAL; /* no area grows upwards */
	if (key != -1 && !vm_key_is_allocated(space_current(), key))
		return -EINVAL;
	return vm_protect_key(space_current(), addr, len, prot_flags(prot) | (read_is_exec(prot) ? VM_MAYEXEC : 0), grows, key);
}

SYSCALL3(mprotect, u64, addr, u64, len, u64, prot)
{
	return protect(addr, len, prot, -1);
}

SYSCALL4(pkey_mprotect, u64, addr, u64, len, u64, prot, int, key)
{
	return protect(addr, len, prot, key);
}

SYSCALL2(pkey_alloc, u64, flags, u64, rights)
{
	unsigned key;
	int err;

	if (flags || (rights & ~(u64)(PKEY_DISABLE_ACCESS | PKEY_DISABLE_WRITE)))
		return -EINVAL;
	err = vm_key_alloc(space_current(), &key);
	if (err)
		return err;
	mmu_key_restrict(key, (unsigned)rights);
	return (s64)key;
}

SYSCALL1(pkey_free, int, key)
{
	return vm_key_free(space_current(), key);
}

SYSCALL5(mremap, u64, old, u64, old_len, u64, new_len, u64, flags, u64, new_addr)
{
	vaddr_t va;
	int err = vm_remap(space_current(), old, old_len, new_len, (int)flags, new_addr, rlimit_cur(RLIMIT_AS),
		memlock_limit(), &va);

	return err ? err : (s64)va;
}

SYSCALL1(brk, u64, brk)
{
	return (s64)vm_brk(space_current(), brk, rlimit_cur(RLIMIT_DATA), rlimit_cur(RLIMIT_AS));
}

SYSCALL3(madvise, u64, addr, u64, len, int, advice)
{
	return vm_madvise(space_current(), addr, len, advice);
}

SYSCALL3(mseal, u64, addr, u64, len, u64, flags)
{
	return flags ? -EINVAL : vm_seal(space_current(), addr, len);
}

SYSCALL4(cachestat, int, fd, struct uptr, urange, struct uptr, ustat, unsigned, flags)
{
	struct fd_ref r = fd_get(fd);
	struct cachestat_range range;
	struct cachestat st = {0};
	s64 ret = 0;

	if (!r.file)
		return -EBADF;
	if (copy_from_user(&range, urange, sizeof(range)))
		ret = -EFAULT;
	else if (!(r.file->mode & FMODE_WRITE) && !inode_owner_or_capable(r.file->inode) && inode_permission(r.file->inode, MAY_WRITE))
		ret = -EPERM; /* what others read is told to who could find out anyway */
	else if (flags)
		ret = -EINVAL;
	if (!ret && r.file->inode->data.ops && (inode_is(r.file->inode, S_IFREG) || inode_is(r.file->inode, S_IFBLK))) {
		u64 last = range.len ? (range.off + range.len - 1) >> PAGE_SHIFT : ~0ull;

		cache_stat(&r.file->inode->data, range.off >> PAGE_SHIFT, last, &st);
	}
	if (!ret && copy_to_user(ustat, &st, sizeof(st)))
		ret = -EFAULT;
	fd_put(r);
	return ret;
}

SYSCALL3(msync, u64, addr, u64, len, int, flags)
{
	if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC))
		return -EINVAL;
	if (addr & (PAGE_SIZE - 1))
		return -EINVAL;
	if ((flags & MS_ASYNC) && (flags & MS_SYNC))
		return -EINVAL;
	return vm_sync(space_current(), addr, len, flags);
}

SYSCALL3(mincore, u64, addr, u64, len, struct uptr, uvec)
{
	u64 npages = align_up(len, PAGE_SIZE) >> PAGE_SHIFT;
	u8 vec[256];

	if (addr & (PAGE_SIZE - 1))
		return -EINVAL;
	if (addr + len < addr || addr + len > USER_VA_END)
		return -ENOMEM;
	while (npages) {
		u64 n = min(npages, (u64)sizeof(vec));
		int err = vm_mincore(space_current(), addr, n, vec);

		if (err)
			return err;
		if (copy_to_user(uvec, vec, n))
			return -EFAULT;
		addr += n << PAGE_SHIFT;
		uvec = uptr_add(uvec, n);
		npages -= n;
	}
	return 0;
}

static s64 lock_range(u64 addr, u64 len, u32 flags)
{
	u64 limit = memlock_limit();

	if (!limit)
		return -EPERM;
	return vm_lock(space_current(), addr, len, flags, limit);
}

SYSCALL2(mlock, u64, addr, u64, len)
{
	return lock_range(addr, len, VM_LOCKED);
}

SYSCALL3(mlock2, u64, addr, u64, len, int, flags)
{
	if (flags & ~MLOCK_ONFAULT)
		return -EINVAL;
	return lock_range(addr, len, VM_LOCKED | (flags ? VM_LOCKONFAULT : 0));
}

SYSCALL2(munlock, u64, addr, u64, len)
{
	return vm_lock(space_current(), addr, len, 0, ~0ull);
}

SYSCALL1(mlockall, int, flags)
{
	u64 limit = memlock_limit();

	if (!flags || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) || flags == MCL_ONFAULT)
		return -EINVAL;
	if (!limit)
		return -EPERM;
	return vm_lock_all(space_current(), flags, limit);
}

SYSCALL0(munlockall)
{
	return vm_lock_all(space_current(), 0, ~0ull);
}
