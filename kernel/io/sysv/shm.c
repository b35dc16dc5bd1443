/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System V shared memory: a segment is a nameless file of memory [man shmget(2), shmat(2), shmctl(2)].
 *
 * Each area that maps a segment counts as an attachment and holds a reference; the table holds another until IPC_RMID. A segment that is removed while
 * attached loses its key and stays until the last area goes.
 */
#include <io/sysv.h>
#include <linux/fcntl.h>
#include <lib/atomic.h>
#include <lib/printf.h>
#include <lib/strbuf.h>
#include <vm/hugetlb.h>
#include <mm/object.h>
#include <mm/page.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <proc/cred.h>
#include <proc/pid.h>
#include <proc/task.h>
#include <vfs/file.h>
#include <vfs/hugetlbfs.h>
#include <vfs/inode.h>
#include <vfs/mount.h>
#include <vfs/shmem.h>
#include "sysv.h"

/* In a segment's mode, as user space sees it [man shmctl(2)]. */
#define SHM_DEST   01000 /* goes with its last attachment */
#define SHM_LOCKED 02000

struct shm_segment {
	struct sysv_object obj;
	struct file *file;
	u64 size;
	u64 nattch; /* obj.lock, like all below */
	s64 atime, dtime, ctime;
	struct pid *creator, *last;
};

u64 sysv_shmmax = ~0ull - (1ull << 24), sysv_shmall = ~0ull - (1ull << 24);
u32 sysv_shmmni = 4096;
static struct atomic64 shm_pages; /* of all segments */

static void segment_free(struct sysv_object *o);
static int segment_make(struct sysv_table *t, s32 key, int flags, u64 size, struct sysv_object **out);
static int segment_fits(struct sysv_object *o, u64 size);

static u32 segment_limit(void)
{
	return READ_ONCE(sysv_shmmni);
}

static const struct sysv_kind shm_kind = {
	.free = segment_free, .make = segment_make, .fits = segment_fits, .limit = segment_limit};

LOCK_CLASS(shm_table, RANK_SYSV_TABLE, "creation and removal of shared memory segments");

static struct sysv_table shm_table = SYSV_TABLE(shm_table, shm_kind);

static struct shm_segment *segment_of(struct sysv_object *o)
{
	return container_of(o, struct shm_segment, obj);
}

static u64 pages_of(u64 size)
{
	return (size + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

/* ---- making and finding ---- */

static void segment_free(struct sysv_object *o)
{
	struct shm_segment *s = segment_of(o);

	file_put(s->file);
	pid_put(s->creator);
	pid_put(s->last);
	atomic64_sub_relaxed(&shm_pages, (s64)pages_of(s->size));
	kfree(s);
}

static int MUST_CHECK create_huge(const char *name, u64 size, int flags, struct file **out)
{
	if (!capable(CAP_IPC_LOCK) && !cred_in_group(cred_current(), (u32)READ_ONCE(hugetlb_shm_group)))
		return -EPERM;
	return hugetlb_create(name, size, 0777, F_SEAL_SEAL, !(flags & SHM_NORESERVE), out);
}

static int segment_make(struct sysv_table *t, s32 key, int flags, u64 size, struct sysv_object **out)
{
	struct shm_segment *s;
	char name[16];
	int err;

	if (size < 1 || size > READ_ONCE(sysv_shmmax))
		return -EINVAL;
	if ((flags & SHM_HUGETLB) && !hugetlb_has_size((unsigned)flags >> SHM_HUGE_SHIFT & SHM_HUGE_MASK))
		return -EINVAL;
	if (size + PAGE_SIZE - 1 < size ||
		(u64)atomic64_load_relaxed(&shm_pages) + pages_of(size) > READ_ONCE(sysv_shmall))
		return -ENOSPC;
	s = kzalloc(sizeof(*s), ALLOC_SLEEP);
	if (!s)
		return -ENOMEM;
	scnprintf(name, sizeof(name), "SYSV%08x", (u32)key);
	err = flags & SHM_HUGETLB ? create_huge(name, size, flags, &s->file) : shmem_create(name, size, &s->file);
	if (err) {
		kfree(s);
		return err;
	}
	atomic64_add_relaxed(&shm_pages, (s64)pages_of(size));
	sysv_object_init(&s->obj, t, key, flags);
	s->size = size;
	s->ctime = sysv_now();
	sysv_set_pid(&s->creator);
	*out = &s->obj;
	return 0;
}

static int segment_fits(struct sysv_object *o, u64 size)
{
	return segment_of(o)->size < size ? -EINVAL : 0;
}

s64 sysv_shmget(s32 key, u64 size, int flags)
{
	return sysv_get(&shm_table, key, flags, size);
}

/* ---- areas ---- */

static void backing_get(void *backing)
{
	struct shm_segment *s = backing;

	refcount_inc(&s->obj.refs);
}

static void backing_put(void *backing)
{
	struct shm_segment *s = backing;

	sysv_put(&s->obj);
}

static size_t backing_name(void *backing, char *buf, size_t size)
{
	struct shm_segment *s = backing;
	ssize_t len = file_path(s->file, buf, size);

	return len < 0 ? 0 : (size_t)len;
}

static void backing_ident(void *backing, u32 *out_dev, u64 *out_ino)
{
	struct shm_segment *s = backing;

	*out_dev = s->file->inode->super->dev;
	*out_ino = (u64)s->obj.id;
}

static void area_opened(void *backing)
{
	struct shm_segment *s = backing;

	spin_lock(&s->obj.lock);
	s->nattch++;
	s->atime = sysv_now();
	sysv_set_pid(&s->last);
	spin_unlock(&s->obj.lock);
}

/* Nobody can find it any more: pages of the pool are free at once, not when the last reader of the table has gone. */
static void segment_gone(struct shm_segment *s)
{
	if (file_is_hugetlb(s->file))
		hugetlb_empty(s->file);
	sysv_put(&s->obj); /* the table's */
}

/* One attachment less; the last one of a removed segment takes it along. */
static void detach_one(struct shm_segment *s, bool by_user)
{
	bool last;

	spin_lock(&s->obj.lock);
	s->nattch--;
	if (by_user) {
		s->dtime = sysv_now();
		sysv_set_pid(&s->last);
	}
	last = !s->nattch && (s->obj.mode & SHM_DEST) && !s->obj.removed;
	spin_unlock(&s->obj.lock);
	if (!last)
		return;
	mutex_lock(&shm_table.lock);
	spin_lock(&s->obj.lock);
	last = !s->nattch && !s->obj.removed;
	if (last)
		sysv_remove(&s->obj);
	spin_unlock(&s->obj.lock);
	mutex_unlock(&shm_table.lock);
	if (last)
		segment_gone(s);
}

static void area_closed(void *backing)
{
	detach_one(backing, true);
}

static const struct vm_backing_ops shm_backing_ops = {
	.get = backing_get,
	.put = backing_put,
	.name = backing_name,
	.ident = backing_ident,
	.opened = area_opened,
	.closed = area_closed,
};

static int MUST_CHECK attach_args(struct vm_map_args *a, vaddr_t va, int flags)
{
	if (va & (PAGE_SIZE - 1)) {
		if (!(flags & SHM_RND))
			return -EINVAL;
		va &= ~(vaddr_t)(PAGE_SIZE - 1);
		if (!va && (flags & SHM_REMAP))
			return -EINVAL;
	} else if (!va && (flags & SHM_REMAP)) {
		return -EINVAL;
	}
	*a = (struct vm_map_args){
		.hint = va,
		.fixed = va != 0,
		.noreplace = !(flags & SHM_REMAP),
		.flags = VM_SHARED | VM_READ | VM_MAYREAD | (flags & SHM_RDONLY ? 0 : VM_WRITE | VM_MAYWRITE) |
			(flags & SHM_EXEC ? VM_EXEC : 0) | VM_MAYEXEC,
		.backing_ops = &shm_backing_ops,
		.limit_as = rlimit_cur(RLIMIT_AS),
		.limit_data = rlimit_cur(RLIMIT_DATA),
		.limit_memlock = capable(CAP_IPC_LOCK) ? ~0ull : rlimit_cur(RLIMIT_MEMLOCK),
	};
	return 0;
}

s64 sysv_shmat(s32 id, vaddr_t va, int flags)
{
	u32 want = SYSV_READ | (flags & SHM_RDONLY ? 0 : SYSV_WRITE) | (flags & SHM_EXEC ? SYSV_EXEC : 0);
	struct sysv_object *o;
	struct vm_map_args a;
	struct shm_segment *s;
	int err;

	if (id < 0)
		return -EINVAL;
	err = attach_args(&a, va, flags);
	if (err)
		return err;
	err = sysv_take(&shm_table, id, want, &o);
	if (err)
		return err;
	s = segment_of(o);
	s->nattch++; /* it stays while we map it */
	sysv_unlock(o);
	a.object = &s->file->inode->data;
	a.backing = s;
	a.len = s->size;
	if (file_is_hugetlb(s->file)) {
		a.flags |= VM_HUGETLB;
		a.len = align_up(s->size, HUGETLB_SIZE);
	}
	err = vm_map(thread_current()->space, &a, &va);
	if (err == -EEXIST)
		err = -EINVAL; /* what shmat(2) says of a place that is taken */
	detach_one(s, false);
	sysv_put(o);
	return err ? err : (s64)va;
}

struct detach {
	vaddr_t va;
	struct shm_segment *segment;
	vaddr_t start, end; /* found: one area */
};

static bool detach_look(struct vm_area *area, void *arg)
{
	struct detach *d = arg;
	struct shm_segment *s = area->backing;

	if (area->backing_ops != &shm_backing_ops || area->start - d->va != area->pgoff << PAGE_SHIFT)
		return true;
	if (d->segment && d->segment != s)
		return true;
	d->segment = s;
	d->start = area->start;
	d->end = area->end;
	return false;
}

s64 sysv_shmdt(vaddr_t va)
{
	struct vm_space *space = thread_current()->space;
	struct detach d = {.va = va};
	int err = -EINVAL;

	if (va & (PAGE_SIZE - 1))
		return -EINVAL;
	/* What is left of the attachment: mprotect and munmap may have cut it in pieces. */
	do {
		d.end = 0;
		vm_for_each_area(space, d.segment ? d.start : va, detach_look, &d);
		if (d.end)
			err = vm_unmap(space, d.start, d.end - d.start);
	} while (d.end && !err);
	return err;
}

/* ---- shmctl ---- */

static void stat_locked(struct shm_segment *s, struct shmid64_ds *out)
{
	*out = (struct shmid64_ds){.shm_segsz = s->size,
		.shm_atime = s->atime,
		.shm_dtime = s->dtime,
		.shm_ctime = s->ctime,
		.shm_cpid = pid_nr(s->creator),
		.shm_lpid = pid_nr(s->last),
		.shm_nattch = s->nattch};
	sysv_perm(&s->obj, &out->shm_perm);
}

s64 sysv_shm_stat(s32 id, int cmd, struct shmid64_ds *out)
{
	struct sysv_object *o;
	s64 ret;

	ret = cmd == IPC_STAT ? sysv_find(&shm_table, id, &o) : sysv_find_index(&shm_table, id, &o);
	if (ret)
		return ret;
	ret = sysv_lock(o);
	if (!ret) {
		if (cmd != SHM_STAT_ANY)
			ret = sysv_may(o, SYSV_READ);
		if (!ret) {
			stat_locked(segment_of(o), out);
			ret = cmd == IPC_STAT ? 0 : o->id;
		}
		sysv_unlock(o);
	}
	sysv_put(o);
	return ret;
}

s64 sysv_shm_set(s32 id, const struct shmid64_ds *in)
{
	struct sysv_object *o;
	int err = sysv_change_begin(&shm_table, id, &o);

	if (err)
		return err;
	err = sysv_set(o, &in->shm_perm);
	if (!err)
		segment_of(o)->ctime = sysv_now();
	sysv_change_end(o);
	return err;
}

s64 sysv_shm_remove(s32 id)
{
	struct sysv_object *o;
	int err = sysv_change_begin(&shm_table, id, &o);
	bool gone;

	if (err)
		return err;
	gone = !segment_of(o)->nattch;
	if (gone) {
		sysv_remove(o);
	} else {
		sysv_forget_key(o);
		o->mode |= SHM_DEST;
	}
	sysv_change_end(o);
	if (gone)
		segment_gone(segment_of(o));
	return 0;
}

/* Nothing is ever paged out: the mark is what remains of it, and the right to make it. */
s64 sysv_shm_lock(s32 id, bool on)
{
	u32 euid = cred_current()->euid;
	struct sysv_object *o;
	int err = sysv_find(&shm_table, id, &o);

	if (err)
		return err;
	err = sysv_lock(o);
	if (!err) {
		if (!capable(CAP_IPC_LOCK) && ((euid != o->uid && euid != o->cuid) || (on && !rlimit_cur(RLIMIT_MEMLOCK))))
			err = -EPERM;
		else if (on)
			o->mode |= SHM_LOCKED;
		else
			o->mode &= (u16)~SHM_LOCKED;
		sysv_unlock(o);
	}
	sysv_put(o);
	return err;
}

s64 sysv_shm_limits(struct shminfo64 *out)
{
	*out = (struct shminfo64){.shmmax = sysv_shmmax, .shmmin = 1, .shmmni = sysv_shmmni, .shmseg = sysv_shmmni, .shmall = sysv_shmall};
	return sysv_highest(&shm_table);
}

s64 sysv_shm_info(struct shm_info *out)
{
	struct sysv_object *o;

	*out = (struct shm_info){.used_ids = (int)READ_ONCE(shm_table.used),
		.shm_tot = (unsigned long)atomic64_load_relaxed(&shm_pages)};
	for (u32 i = 0; (o = sysv_next(&shm_table, &i)); i++) {
		out->shm_rss += READ_ONCE(segment_of(o)->file->inode->data.npages);
		sysv_put(o);
	}
	return sysv_highest(&shm_table);
}

bool sysv_shm_show(u32 *index, struct strbuf *sb)
{
	struct sysv_object *o = sysv_next(&shm_table, index);
	struct shm_segment *s;
	struct shmid64_ds d;

	if (!o)
		return false;
	s = segment_of(o);
	spin_lock(&o->lock);
	stat_locked(s, &d);
	spin_unlock(&o->lock);
	strbuf_printf(sb, "%10d %10d  %4o %21lu %5u %5u  %5lu %5u %5u %5u %5u %10ld %10ld %10ld %21llu %21u\n", o->key, o->id,
		d.shm_perm.mode, d.shm_segsz, d.shm_cpid, d.shm_lpid, d.shm_nattch, d.shm_perm.uid, d.shm_perm.gid, d.shm_perm.cuid,
		d.shm_perm.cgid, d.shm_atime, d.shm_dtime, d.shm_ctime, READ_ONCE(s->file->inode->data.npages) << PAGE_SHIFT, 0u);
	sysv_put(o);
	return true;
}
