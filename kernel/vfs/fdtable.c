/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptor tables.
 *
 * struct files is one table, shared by CLONE_FILES; struct fdtable is its present arrays: pointers and three bitmaps (open, close-on-exec, and "full": bit n
 * set when word n of open is all ones, so that the lowest free descriptor is found by looking at one word per 4,096).
 *
 * Readers take no lock: under RCU they load the arrays, load the pointer, take a reference unless it is 0, and look again whether arrays and pointer are
 * still the same (the memory of files and arrays stays for a grace period). Writers hold files->lock, or are the only user: a table with one
 * reference is changed by its own thread only, for sharing begins with that thread (clone) or is for reading (procfs).
 *
 * A descriptor's states: free (bit clear, pointer NULL) → reserved (bit set, NULL) → in use (bit set, pointer).
 */
#include "fdtable_impl.h"
#include <lib/string.h>
#include <lib/overflow.h>
#include <mm/slab.h>
#include <mm/kmap.h>

LOCK_CLASS(files, RANK_FDTABLE, "one descriptor table");

u32 vfs_nr_open = 1u << 20;

static struct slab_cache *files_cache;

void fdtable_init(void);
void fdtable_init(void)
{
	if (files_cache) /* process 1 needs its table before the initcalls */
		return;
	files_cache = slab_cache_create("files", sizeof(struct files), 64, SLAB_PANIC);
}

static void small_init(struct files *t)
{
	t->small.max = FDS_INLINE;
	t->small.file = t->file1;
	t->small.open = &t->open1;
	t->small.cloexec = &t->cloexec1;
	t->small.full = &t->full1;
	t->fdt = &t->small;
}

static struct files *files_alloc(void)
{
	struct files *t = slab_alloc(files_cache, 0);

	if (!t)
		return NULL;
	memset(t, 0, sizeof(*t));
	t->refs = 1;
	spin_init(&t->lock, files);
	small_init(t);
	return t;
}

struct files *files_create(void)
{
	fdtable_init();
	return files_alloc();
}

static size_t table_bytes(u32 max)
{
	size_t words = max / 64;

	return sizeof(struct fdtable) + max * sizeof(struct file *) + (2 * words + DIV_ROUND_UP(words, 64)) * 8;
}

/* max: a multiple of 64 */
static struct fdtable *table_alloc(u32 max)
{
	size_t words = max / 64, size = table_bytes(max);
	struct fdtable *f = size <= (1u << 20) ? kzalloc(size, 0) : vmap_alloc(size);

	if (!f)
		return NULL;
	f->max = max;
	f->file = (struct file **)(f + 1);
	f->open = (unsigned long *)(f->file + max);
	f->cloexec = f->open + words;
	f->full = f->cloexec + words;
	return f;
}

static void table_free(struct fdtable *f)
{
	if (table_bytes(f->max) <= (1u << 20))
		kfree(f);
	else
		vmap_free(f);
}

static void table_copy(struct fdtable *to, const struct fdtable *from)
{
	u32 words = min(from->max, to->max) / 64;

	memcpy(to->file, from->file, words * 64 * sizeof(struct file *));
	memcpy(to->open, from->open, words * 8);
	memcpy(to->cloexec, from->cloexec, words * 8);
	for (u32 i = 0; i < words; i++)
		bitmap_assign(to->full, i, to->open[i] == ~0ul);
}

static void table_free_rcu(struct rcu_head *head)
{
	kfree(container_of(head, struct fdtable, rcu));
}

static void table_retire(struct files *t, struct fdtable *old)
{
	if (old == &t->small)
		return;
	if (table_bytes(old->max) <= (1u << 20)) {
		rcu_call(&old->rcu, table_free_rcu);
	} else { /* vmap_free may sleep; such tables are rare */
		rcu_synchronize();
		vmap_free(old);
	}
}

int fdtable_grow(struct files *t, u32 fd, bool *locked)
{
	struct fdtable *old, *fresh;
	u32 max;

	if (fd >= vfs_nr_open)
		return -EMFILE;
	max = (u32)roundup_pow2(max_t(u32, fd + 1, 256));
	unlock_table(t, *locked);
	fresh = table_alloc(max);
	*locked = lock_table(t);
	if (!fresh)
		return -ENOMEM;
	old = t->fdt;
	if (old->max >= max) {
		table_free(fresh);
		return 1;
	}
	table_copy(fresh, old);
	rcu_assign_pointer(t->fdt, fresh);
	unlock_table(t, *locked);
	table_retire(t, old);
	*locked = lock_table(t);
	return 1;
}

static u32 find_free(const struct fdtable *f, u32 from)
{
	u32 words = f->max / 64, w = from / 64;
	unsigned long bits;

	if (from >= f->max)
		return f->max;
	bits = ~f->open[w] & (~0ul << (from % 64));
	if (likely(bits))
		return w * 64 + ctz64(bits);
	w = (u32)bitmap_find_next_clear(f->full, words, w + 1);
	if (w >= words)
		return f->max;
	return w * 64 + ctz64(~f->open[w]);
}

static int reserve(struct files *t, int min_fd, u64 limit, bool cloexec)
{
	bool locked = lock_table(t);
	int err;
	u32 fd;

	for (;;) {
		struct fdtable *f = t->fdt;

		fd = max_t(u32, (u32)min_fd, t->first_free);
		if (fd < f->max)
			fd = find_free(f, fd);
		err = -EMFILE;
		if (fd >= limit)
			break;
		if (likely(fd < f->max)) {
			if ((u32)min_fd <= t->first_free)
				t->first_free = fd + 1;
			set_open(f, fd, cloexec);
			err = (int)fd;
			break;
		}
		err = fdtable_grow(t, fd, &locked);
		if (err < 0)
			break;
	}
	unlock_table(t, locked);
	return err;
}

int fd_reserve(int min_fd, bool cloexec)
{
	return reserve(task_current()->files, min_fd, min_t(u64, rlimit_cur(RLIMIT_NOFILE), S32_MAX), cloexec);
}

void fd_install(int fd, struct file *file)
{
	struct files *t = task_current()->files;
	bool locked = lock_table(t);

	DASSERT(!t->fdt->file[fd]);
	rcu_assign_pointer(t->fdt->file[fd], file);
	unlock_table(t, locked);
}

void fd_cancel(int fd)
{
	struct files *t = task_current()->files;
	bool locked = lock_table(t);

	set_free(t, t->fdt, (u32)fd);
	unlock_table(t, locked);
}

int fd_add(struct file *file, bool cloexec)
{
	int fd = fd_reserve(0, cloexec);

	if (fd >= 0)
		fd_install(fd, file);
	return fd;
}

/* Under RCU; with a reference. */
static struct file *lookup_rcu(struct files *t, u32 fd)
{
	for (;;) {
		struct fdtable *f = rcu_dereference(t->fdt);
		struct file *file;

		file = slot_read(f, fd);
		if (!file)
			return NULL;
		if (file_tryget(file)) {
			if (likely(READ_ONCE(f->file[fd]) == file && READ_ONCE(t->fdt) == f))
				return file;
			file_put(file); /* deferred: does not sleep */
		}
	}
}

/* Other threads have the table too. */
static NOINLINE struct fd_ref get_shared(struct files *t, u32 fd)
{
	struct file *file = files_lookup(t, (int)fd);

	return (struct fd_ref){.file = file, .put = file != NULL};
}

static inline struct fd_ref get_any(int fd)
{
	struct files *t = task_current()->files;

	if (unlikely(LOAD_ACQUIRE(t->refs) != 1))
		return get_shared(t, (u32)fd);
	return (struct fd_ref){.file = slot_read(t->fdt, (u32)fd), .put = false};
}

struct fd_ref fd_get_path(int fd)
{
	return get_any(fd);
}

static NOINLINE struct fd_ref refuse(struct fd_ref r)
{
	fd_put(r);
	return (struct fd_ref){.file = NULL, .put = false};
}

struct fd_ref fd_get(int fd)
{
	struct fd_ref r = get_any(fd);

	return likely(r.file) && unlikely(r.file->mode & FMODE_PATH) ? refuse(r) : r;
}

struct file *files_lookup(struct files *t, int fd)
{
	struct file *file;

	rcu_read_lock();
	file = lookup_rcu(t, (u32)fd);
	rcu_read_unlock();
	return file;
}

int files_next(struct files *t, int fd)
{
	int found = -1;
	struct fdtable *f;

	rcu_read_lock();
	f = rcu_dereference(t->fdt);
	for (u32 i = (u32)max(fd, 0); i < f->max; i++) {
		i = (u32)bitmap_find_next_set(f->open, f->max, i);
		if (i >= f->max)
			break;
		if (rcu_dereference(f->file[i])) {
			found = (int)i;
			break;
		}
	}
	rcu_read_unlock();
	return found;
}

bool files_cloexec(struct files *t, int fd)
{
	struct fdtable *f;
	bool on;

	rcu_read_lock();
	f = rcu_dereference(t->fdt);
	on = (u32)fd < f->max && bitmap_test(f->cloexec, (u32)fd);
	rcu_read_unlock();
	return on;
}

void files_get(struct files *t)
{
	__atomic_fetch_add(&t->refs, 1, __ATOMIC_RELAXED);
}

bool files_is_shared(struct files *t)
{
	return READ_ONCE(t->refs) > 1;
}

static void files_free_rcu(struct rcu_head *head)
{
	slab_free(files_cache, container_of(head, struct files, rcu));
}

void files_put(struct files *t)
{
	struct fdtable *f;

	if (__atomic_fetch_sub(&t->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	f = t->fdt;
	for (u32 w = 0; w < f->max / 64; w++) {
		for (unsigned long bits = f->open[w]; bits; bits &= bits - 1) {
			struct file *file = f->file[w * 64 + ctz64(bits)];

			if (!file)
				continue;
			(void)fdtable_tell_close(file, t);
			file_put_sync(file);
		}
	}
	table_retire(t, f);
	rcu_call(&t->rcu, files_free_rcu);
}

static u32 used_words(const struct fdtable *f)
{
	u32 w = f->max / 64;

	while (w > 1 && !READ_ONCE(f->open[w - 1]))
		w--;
	return w;
}

int files_fork(struct files *from, struct files **out)
{
	struct files *t = files_alloc();
	struct fdtable *f, *spare = NULL;
	u32 words;

	if (!t)
		return -ENOMEM;
	for (;;) {
		spin_lock(&from->lock);
		f = from->fdt;
		words = used_words(f);
		if (words == 1 || (spare && spare->max / 64 >= words))
			break;
		spin_unlock(&from->lock);
		if (spare)
			table_free(spare);
		/* The limit may have come down since the descriptors were made. */
		bool too_many = words * 64 > align_up(READ_ONCE(vfs_nr_open), 64u);

		spare = too_many ? NULL : table_alloc((u32)roundup_pow2(words * 64));
		if (!spare) {
			slab_free(files_cache, t);
			return too_many ? -EMFILE : -ENOMEM;
		}
	}
	if (words > 1) {
		t->fdt = spare;
		spare = NULL;
	}
	table_copy(t->fdt, f);
	t->first_free = from->first_free;
	for (u32 w = 0; w < words; w++) {
		for (unsigned long bits = f->open[w]; bits; bits &= bits - 1) {
			u32 fd = w * 64 + ctz64(bits);

			if (f->file[fd])
				file_get(f->file[fd]);
			else /* reserved by another thread of the parent */
				set_free(t, t->fdt, fd);
		}
	}
	spin_unlock(&from->lock);
	if (spare)
		table_free(spare);
	*out = t;
	return 0;
}

u32 fd_table_max(void)
{
	u32 max;

	rcu_read_lock();
	max = rcu_dereference(task_current()->files->fdt)->max;
	rcu_read_unlock();
	return max;
}
