/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See cache_test.h.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <lib/errno.h>
#include <sched/thread.h>
#include <sched/work.h>
#include <time/clock.h>
#include <vfs/namei.h>
#include "cache_test.h"

struct bdi test_bdi;
bool disk_by_hand;
static pthread_mutex_t disk_lock = PTHREAD_MUTEX_INITIALIZER;
static struct vm_io *queue[256];
static unsigned nqueue;
static struct thread cpus[MAX_CPUS];
static u64 now = 1000000000000ull;

u64 clock_monotonic(void)
{
	return __atomic_add_fetch(&now, 1000, __ATOMIC_RELAXED);
}

int thread_create(void (*fn)(void *), void *arg, const char *name, struct thread **out)
{
	*out = &cpus[0]; /* the tests call what it would */
	return 0;
}

void thread_start(struct thread *t)
{
}

void thread_put(struct thread *t)
{
}

void thread_exit(void)
{
	abort();
}

void work_init(struct work *w, void (*fn)(struct work *))
{
	*w = (struct work)WORK_INIT(fn);
}

bool work_queue(struct work *w)
{
	w->fn(w);
	return true;
}

void work_flush(struct work *w)
{
}

void inode_touch(struct inode *inode, unsigned which)
{
}

bool inode_tryget(struct inode *inode)
{
	u32 refs = READ_ONCE(inode->refs);

	while (refs && !__atomic_compare_exchange_n(&inode->refs, &refs, refs + 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		;
	return refs;
}

static struct disk_file *of_inode(struct inode *inode)
{
	return container_of(inode, struct disk_file, inode);
}

void inode_put(struct inode *inode)
{
	struct disk_file *d = of_inode(inode);

	if (__atomic_fetch_sub(&inode->refs, 1, __ATOMIC_ACQ_REL) != 1 || cache_keep(&d->cache))
		return;
	cache_fini(&d->cache);
	__atomic_fetch_add(&d->evicted, 1, __ATOMIC_RELEASE);
}

void disk_file_put(struct disk_file *d)
{
	inode_put(&d->inode);
}

static struct disk_file *of(struct file_cache *c)
{
	return container_of(c, struct disk_file, cache);
}

/* Carry out a request, and say that it is done. */
static void carry_out(struct vm_io *io)
{
	struct disk_file *d = of(io->cache);
	u64 at = io->index << PAGE_SHIFT;
	bool write = io->flags & VM_IO_WRITE;
	struct iobuf data = io->data;
	int fail = write ? READ_ONCE(d->fail_write) : READ_ONCE(d->fail_read);

	if (fail && READ_ONCE(d->fail_count)) {
		__atomic_fetch_sub(&d->fail_count, 1, __ATOMIC_RELAXED);
		io->status = fail;
		io->done(io);
		return;
	}
	pthread_mutex_lock(&disk_lock);
	if (write) {
		u64 end = min(at + data.left, io->size);

		for (u32 i = 0; i < io->data.nsegs; i++) {
			if (d->reserved[io->index + i])
				d->nreserved--;
			d->reserved[io->index + i] = 0;
		}
		if (end > at)
			iobuf_get(&data, d->bytes + at, end - at);
		d->size = max(d->size, end);
	} else {
		iobuf_put(&data, d->bytes + at, data.left);
	}
	pthread_mutex_unlock(&disk_lock);
	io->done(io);
}

bool disk_finish(void)
{
	struct vm_io *io = NULL;

	pthread_mutex_lock(&disk_lock);
	if (nqueue) {
		unsigned i = (unsigned)(clock_monotonic() / 1000 * 2654435761u >> 7) % nqueue;

		io = queue[i];
		queue[i] = queue[--nqueue];
	}
	pthread_mutex_unlock(&disk_lock);
	if (io)
		carry_out(io);
	return io;
}

static void submit(struct file_cache *c, struct vm_io *io)
{
	struct disk_file *d = of(c);
	bool write = io->flags & VM_IO_WRITE;

	__atomic_fetch_add(write ? &d->writes : &d->reads, 1, __ATOMIC_RELAXED);
	if (!write)
		__atomic_fetch_add(&d->pages_read, io->npages, __ATOMIC_RELAXED);
	if (!disk_by_hand) {
		carry_out(io);
		return;
	}
	pthread_mutex_lock(&disk_lock);
	ASSERT(nqueue < ARRAY_SIZE(queue));
	queue[nqueue++] = io;
	pthread_mutex_unlock(&disk_lock);
}

static int disk_dirty(struct file_cache *c, u64 index, u64 n)
{
	struct disk_file *d = of(c);
	int err = 0;

	pthread_mutex_lock(&disk_lock);
	if (d->nreserved + n > d->room)
		err = -ENOSPC;
	for (u64 i = index; i < index + n && !err; i++) {
		if (d->reserved[i])
			test_fail(__FILE__, __LINE__, "page %llu reserved twice", i);
		d->reserved[i] = 1;
		d->nreserved++;
	}
	pthread_mutex_unlock(&disk_lock);
	return err;
}

static void disk_undirty(struct file_cache *c, u64 index, u64 n)
{
	struct disk_file *d = of(c);

	pthread_mutex_lock(&disk_lock);
	for (u64 i = index; i < index + n; i++) {
		d->nreserved -= d->reserved[i];
		d->reserved[i] = 0;
	}
	pthread_mutex_unlock(&disk_lock);
}

static int disk_store(struct file_cache *c, bool wait)
{
	__atomic_fetch_add(&of(c)->stores, 1, __ATOMIC_RELAXED);
	return 0;
}

static const struct cache_ops disk_ops = {
	.read = submit,
	.write = submit,
	.dirty = disk_dirty,
	.undirty = disk_undirty,
	.store = disk_store,
};

void disk_start(u64 memory, unsigned ncpus)
{
	env_init(memory, ncpus);
	env_kill_pending = false;
	slab_init();
	vm_init();
	for (unsigned cpu = 0; cpu < ncpus; cpu++)
		*per_cpu_ptr(&current_thread, cpu) = &cpus[cpu];
	memset(&test_bdi, 0, sizeof(test_bdi));
	disk_by_hand = false;
	nqueue = 0;
	REQUIRE(!bdi_start(&test_bdi, "disk"));
}

void disk_stop(void)
{
	while (disk_finish())
		;
	test_bdi.ended = true;
	CHECK_EQ(bdi_stop(&test_bdi), 0);
	CHECK_EQ(test_bdi.ndirty, 0);
	CHECK_EQ(test_bdi.nwriting, 0);
	env_rcu_flush();
	CHECK_EQ(reclaim_file_pages(), 0);
}

struct disk_file *disk_file_create(void)
{
	struct disk_file *d = calloc(1, sizeof(*d));

	ASSERT(d);
	d->inode.refs = d->inode.nlink = 1;
	d->room = FILE_PAGES;
	cache_init(&d->cache, &d->inode, &disk_ops, &test_bdi);
	return d;
}

ssize_t disk_read(struct disk_file *d, struct file *f, void *buf, u64 at, size_t len)
{
	struct vm_object *obj = &d->inode.data;
	size_t done = 0;

	while (done < len && at + done < obj->size) {
		u64 index = (at + done) / PAGE_SIZE;
		u32 off = (at + done) % PAGE_SIZE;
		size_t n = min_t(u64, min_t(u64, PAGE_SIZE - off, len - done), obj->size - at - done);
		struct page *page = vm_object_peek(obj, index);

		if (!page) {
			int err;

			cache_read_miss(f, &d->cache, index, DIV_ROUND_UP(off + len - done, PAGE_SIZE));
			err = vm_object_get(obj, index, false, &page);
			if (err)
				return done ? (ssize_t)done : err;
		}
		if (READ_ONCE(page->flags) & PAGE_F_AHEAD)
			cache_read_mark(f, &d->cache, page, 1);
		if (f->ahead.prev != index || !index)
			page_note_use(page);
		f->ahead.prev = index;
		memcpy((u8 *)buf + done, (u8 *)page_va(page) + off, n);
		page_put(page);
		done += n;
	}
	return (ssize_t)done;
}

ssize_t disk_write(struct disk_file *d, const void *buf, u64 at, size_t len)
{
	struct iobuf b;

	iobuf_init_kernel(&b, (void *)buf, len);
	return cache_write(&d->cache, &b, at, len);
}

void disk_truncate(struct disk_file *d, u64 size)
{
	cache_truncate(&d->cache, size);
	pthread_mutex_lock(&disk_lock);
	if (size < FILE_BYTES)
		memset(d->bytes + size, 0, FILE_BYTES - size);
	d->size = size;
	pthread_mutex_unlock(&disk_lock);
}

void disk_punch(struct disk_file *d, u64 from, u64 to)
{
	cache_punch(&d->cache, from, to);
	pthread_mutex_lock(&disk_lock);
	memset(d->bytes + from, 0, to - from);
	pthread_mutex_unlock(&disk_lock);
}
