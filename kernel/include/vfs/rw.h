/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Moving bytes of open files, beyond <vfs/file.h>.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <vfs/file.h>

/* RWF_* of a call merged with what the file's flags ask for. */
unsigned file_rwf(const struct file *f, unsigned rwf);

#define COPY_BOUNCE 65536
/* Up to @len bytes from @in to @out; @bounce: COPY_BOUNCE bytes of the caller's. Positions advance by what arrived. Bytes, or -errno if none. */
ssize_t file_copy(struct file *in, s64 *in_pos, struct file *out, s64 *out_pos, size_t len, void *bounce);

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
