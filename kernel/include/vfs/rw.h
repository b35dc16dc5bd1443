/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Moving bytes of open files, beyond <vfs/file.h>.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <vfs/file.h>

struct iobuf_seg;

/* RWF_* of a call merged with what the file's flags ask for. */
unsigned file_rwf(const struct file *f, unsigned rwf);

/* RWF_* of a call that this file does not know, or that contradict each other: -EOPNOTSUPP -EINVAL. */
int file_check_rwf(const struct file *f, unsigned rwf) MUST_CHECK;

/* Up to @len bytes from @in to @out. Positions advance by what arrived. Bytes, or -errno if none. */
ssize_t file_copy(struct file *in, s64 *in_pos, struct file *out, s64 *out_pos, size_t len);

/*
 * The bytes of @f from @pos on, at most @len, where they lie: references to pages of the page cache in segs[0..*nsegs), at most as many as *nsegs says
 * before. Who holds them sees what is written to the file meanwhile. Context: may sleep.
 * Returns: bytes; 0 at the end; -EOPNOTSUPP: no page cache, or a hole here; the file system's error. *nsegs is right in any case.
 */
ssize_t file_hold_pages(struct file *f, s64 pos, size_t len, struct iobuf_seg *segs, u32 *nsegs);

/* Position arithmetic of lseek: SEEK_SET, SEEK_CUR, SEEK_END; for files whose size is not their inode's. */
s64 lseek_size(struct file *f, s64 off, int whence, s64 max, s64 size);
/* RLIMIT_FSIZE and maxbytes: clips *len, sends SIGXFSZ: 0 or -EFBIG. */
int write_limit(struct file *f, s64 pos, size_t *len) MUST_CHECK;
/* What pagefile_read is but for the time of access: for files whose pages are not their inode's. */
struct vm_object;
ssize_t pagefile_read_object(struct file *f, struct vm_object *obj, struct iobuf *to, s64 *pos, unsigned rwf);
/* Of mappings of a file: backing is the struct file. */
extern const struct vm_backing_ops file_backing_ops;

/*
 * The position of a file for one read, write or getdents: locked when somebody else could use it at the same time.
 */
struct fd_pos {
	struct fd_ref ref;
	bool locked;
};
static inline void file_pos_lock(struct fd_pos *p)
{
	p->locked = (p->ref.file->mode & FMODE_POS_LOCK) && (p->ref.put || READ_ONCE(p->ref.file->refs) > 1);
	if (unlikely(p->locked))
		mutex_lock(&p->ref.file->pos_lock);
}
static inline void file_pos_unlock(struct fd_pos *p)
{
	if (unlikely(p->locked))
		mutex_unlock(&p->ref.file->pos_lock);
	fd_put(p->ref);
}
