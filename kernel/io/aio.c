/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Contexts of native AIO.
 *
 * The ring: a header and slots for results, in pages that the program maps shared. The kernel writes results and tail, and keeps its own tail; the program may
 * take results itself and move head (libaio does), so what head says is only believed within the ring.
 *
 *	id nr head tail | magic compat incompat header_length | io_event[0] ... io_event[nr - 1]
 *
 * A slot is kept for each request from submission on, so that a result always has a place. The contexts of a space end with its last user (struct vm_tenant).
 */
#include <io/aio.h>
#include <io/eventfd.h>
#include <init/initcall.h>
#include <lib/atomic.h>
#include <lib/errno.h>
#include <lib/refcount.h>
#include <lib/string.h>
#include <mm/object.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <mm/uaccess.h>
#include <proc/task.h>
#include <arch/smp.h>
#include <sync/mutex.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vfs/procfs.h>
#include <vfs/shmem.h>

#define RING_MAGIC 0xa10a10a1u
#define RING_BYTES (256u << 20) /* of results: no larger ring */

struct aio_ring {
	u32 id, nr, head, tail;
	u32 magic, compat_features, incompat_features, header_length;
};

struct aio_context {
	struct refcount refs;
	struct vm_space *space;	/* not a reference: it outlives its contexts */
	struct list_head link;	/* table */
	u64 id;
	u32 max_requests;	/* as asked for */
	u32 nr;			/* slots */
	u64 len;		/* bytes of the mapping */
	struct file *file;
	struct page **pages;
	struct mutex reader;	/* one takes results at a time */
	struct spinlock lock;
	bool dead;		/* lock; so are the next */
	u32 inflight, tail;
	struct list_head active;
	struct wait_queue wait;	/* for results, and for the last request */
};

/* A space's contexts. */
struct aio_table {
	struct vm_tenant tenant;
	struct spinlock lock;
	struct list_head contexts;
};

LOCK_CLASS(aio_reader, RANK_MAP - 1, "results of an AIO context being taken");
LOCK_CLASS(aio_table, RANK_LEAF, "AIO contexts of a space");
/* clang-format off */
LOCK_CLASS(aio_context, RANK_WAITQ - 1, "requests of an AIO context");
/* clang-format on */

static struct atomic64 aio_nr;
static u64 aio_max_nr = 0x10000;

static struct aio_ring *ring_of(const struct aio_context *ctx)
{
	return page_va(ctx->pages[0]);
}

static struct io_event *slot(const struct aio_context *ctx, u32 i)
{
	u64 at = sizeof(struct aio_ring) + (u64)i * sizeof(struct io_event);

	static_assert(sizeof(struct aio_ring) % sizeof(struct io_event) == 0, "no result crosses the end of a page");
	return (struct io_event *)((char *)page_va(ctx->pages[at >> PAGE_SHIFT]) + (at & (PAGE_SIZE - 1)));
}

/* Where the next reader begins. */
static u32 head_of(const struct aio_context *ctx)
{
	return __atomic_load_n(&ring_of(ctx)->head, __ATOMIC_ACQUIRE) % ctx->nr;
}

static u32 unread(const struct aio_context *ctx)
{
	return (__atomic_load_n(&ctx->tail, __ATOMIC_ACQUIRE) + ctx->nr - head_of(ctx)) % ctx->nr;
}

/* ---- life ---- */

static void free_pages(struct aio_context *ctx)
{
	for (u64 i = 0; ctx->pages && i < ctx->len >> PAGE_SHIFT; i++) {
		if (ctx->pages[i])
			page_put(ctx->pages[i]);
	}
	kfree(ctx->pages);
	if (ctx->file)
		file_put(ctx->file);
	kfree(ctx);
}

void aio_put(struct aio_context *ctx)
{
	if (refcount_dec_and_test(&ctx->refs))
		free_pages(ctx);
}

/* The ring's pages, and its place in the running thread's space. */
static int make_ring(struct aio_context *ctx)
{
	struct vm_map_args args = {.len = ctx->len, .flags = VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_SHARED, .limit_as = rlimit_cur(RLIMIT_AS),
		.limit_data = ~0ull, .limit_memlock = ~0ull};
	int err = shmem_create("[aio]", ctx->len, &ctx->file);

	if (err)
		return err;
	for (u64 i = 0; i < ctx->len >> PAGE_SHIFT; i++) {
		err = vm_object_get(&ctx->file->inode->data, i, true, &ctx->pages[i]);
		if (err)
			return err;
	}
	*ring_of(ctx) = (struct aio_ring){.nr = ctx->nr, .magic = RING_MAGIC, .compat_features = 1, .header_length = sizeof(struct aio_ring)};
	err = ctx->file->ops->mmap(ctx->file, &args);
	return err ? err : vm_map(ctx->space, &args, &ctx->id);
}

static void leave_space(struct vm_tenant *t);

/* The running thread's; made with its first context. */
static struct aio_table *table_make(struct vm_space *s)
{
	struct vm_tenant *none = NULL, *t = LOAD_ACQUIRE(s->aio);
	struct aio_table *fresh;

	if (t)
		return container_of(t, struct aio_table, tenant);
	fresh = kzalloc(sizeof(*fresh), 0);
	if (!fresh)
		return NULL;
	fresh->tenant.leave = leave_space;
	spin_init(&fresh->lock, aio_table);
	list_init(&fresh->contexts);
	if (__atomic_compare_exchange_n(&s->aio, &none, &fresh->tenant, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return fresh;
	kfree(fresh);
	return container_of(none, struct aio_table, tenant);
}

static struct aio_table *table_of(struct vm_space *s)
{
	struct vm_tenant *t = LOAD_ACQUIRE(s->aio);

	return t ? container_of(t, struct aio_table, tenant) : NULL;
}

static int count_requests(u32 n)
{
	if ((u64)atomic64_fetch_add_relaxed(&aio_nr, n) + n <= READ_ONCE(aio_max_nr))
		return 0;
	atomic64_sub_relaxed(&aio_nr, n);
	return -EAGAIN;
}

static int init_context(struct aio_context *ctx, u32 nr_events)
{
	u64 slots = max((u64)nr_events, cpu_count() * 4ull) * 2;

	/* Two more: one slot stays empty. */
	ctx->len = align_up(sizeof(struct aio_ring) + (slots + 2) * sizeof(struct io_event), PAGE_SIZE);
	ctx->nr = (u32)((ctx->len - sizeof(struct aio_ring)) / sizeof(struct io_event));
	ctx->max_requests = nr_events;
	ctx->space = thread_current()->space;
	refcount_set(&ctx->refs, 2); /* the table's and the caller's */
	mutex_init(&ctx->reader, aio_reader);
	spin_init(&ctx->lock, aio_context);
	list_init(&ctx->active);
	wait_queue_init(&ctx->wait);
	ctx->pages = kcalloc(ctx->len >> PAGE_SHIFT, sizeof(*ctx->pages), 0);
	return ctx->pages ? make_ring(ctx) : -ENOMEM;
}

int aio_create(u32 nr_events, u64 *out_id)
{
	struct aio_context *ctx;
	struct aio_table *t;
	int err;

	u32 slots = max(nr_events, cpu_count() * 4) * 2; /* may come round to 0, as on Linux */

	if (slots > RING_BYTES / sizeof(struct io_event))
		return -EINVAL;
	if (!slots || nr_events > READ_ONCE(aio_max_nr))
		return -EAGAIN;
	t = table_make(thread_current()->space);
	ctx = t ? kzalloc(sizeof(*ctx), 0) : NULL;
	if (!ctx)
		return -ENOMEM;
	err = init_context(ctx, nr_events);
	if (!err) {
		err = count_requests(nr_events);
		if (err)
			(void)!vm_unmap(ctx->space, ctx->id, ctx->len);
	}
	if (err) {
		free_pages(ctx);
		return err;
	}
	spin_lock(&t->lock);
	list_add_tail(&ctx->link, &t->contexts);
	spin_unlock(&t->lock);
	*out_id = ctx->id;
	aio_put(ctx);
	return 0;
}

struct aio_context *aio_get(u64 id)
{
	struct aio_table *t = table_of(thread_current()->space);
	struct aio_context *ctx, *found = NULL;

	if (!t)
		return NULL;
	spin_lock(&t->lock);
	list_for_each_entry(ctx, &t->contexts, link) {
		if (ctx->id == id) {
			refcount_inc(&ctx->refs);
			found = ctx;
			break;
		}
	}
	spin_unlock(&t->lock);
	return found;
}

/* It is off its table. No request comes any more; all end. */
static void shut_down(struct aio_context *ctx)
{
	struct aio_request *r;

	spin_lock(&ctx->lock);
	ctx->dead = true;
	list_for_each_entry(r, &ctx->active, link)
		io_request_cancel(&r->io);
	spin_unlock(&ctx->lock);
	wait_wake_all(&ctx->wait);
	wait_event(&ctx->wait, !READ_ONCE(ctx->inflight));
	atomic64_sub_relaxed(&aio_nr, ctx->max_requests);
}

int aio_destroy(struct aio_context *ctx)
{
	struct aio_table *t = table_of(ctx->space);
	bool mine;

	spin_lock(&t->lock);
	mine = !list_empty(&ctx->link);
	list_del_init(&ctx->link);
	spin_unlock(&t->lock);
	if (!mine)
		return -EINVAL;
	shut_down(ctx);
	(void)!vm_unmap(ctx->space, ctx->id, ctx->len);
	aio_put(ctx);
	return 0;
}

static void leave_space(struct vm_tenant *tenant)
{
	struct aio_table *t = container_of(tenant, struct aio_table, tenant);

	while (!list_empty(&t->contexts)) {
		struct aio_context *ctx = list_first_entry(&t->contexts, struct aio_context, link);

		list_del_init(&ctx->link);
		shut_down(ctx);
		aio_put(ctx);
	}
	kfree(t);
}

/* ---- requests ---- */

u32 aio_room(const struct aio_context *ctx)
{
	return ctx->nr;
}

static void request_free(struct io_request *io)
{
	kfree(container_of(io, struct aio_request, io));
}

static void request_done(struct io_request *io, s64 result)
{
	struct aio_request *r = container_of(io, struct aio_request, io);
	struct aio_context *ctx = r->ctx;
	struct file *eventfd = r->eventfd;

	r->event.res = result;
	spin_lock(&ctx->lock);
	list_del_init(&r->link);
	*slot(ctx, ctx->tail) = r->event;
	__atomic_store_n(&ctx->tail, (ctx->tail + 1) % ctx->nr, __ATOMIC_RELEASE);
	__atomic_store_n(&ring_of(ctx)->tail, ctx->tail, __ATOMIC_RELEASE);
	WRITE_ONCE(ctx->inflight, ctx->inflight - 1);
	spin_unlock(&ctx->lock);
	if (eventfd) {
		eventfd_signal(eventfd, 1);
		file_put(eventfd);
	}
	wait_wake_all(&ctx->wait);
	aio_put(ctx);
}

struct aio_request *aio_request_get(struct aio_context *ctx)
{
	struct aio_request *r = kzalloc(sizeof(*r), 0);
	bool ok;

	if (!r)
		return NULL;
	spin_lock(&ctx->lock);
	ok = !ctx->dead && ctx->inflight + unread(ctx) < ctx->nr - 1;
	if (ok)
		WRITE_ONCE(ctx->inflight, ctx->inflight + 1);
	spin_unlock(&ctx->lock);
	if (!ok) {
		kfree(r);
		return NULL;
	}
	refcount_inc(&ctx->refs);
	r->ctx = ctx;
	r->io.done = request_done;
	r->io.free = request_free;
	list_init(&r->link);
	return r;
}

void aio_request_drop(struct aio_request *r)
{
	struct aio_context *ctx = r->ctx;

	spin_lock(&ctx->lock);
	list_del_init(&r->link);
	WRITE_ONCE(ctx->inflight, ctx->inflight - 1);
	spin_unlock(&ctx->lock);
	wait_wake_all(&ctx->wait);
	if (r->eventfd)
		file_put(r->eventfd);
	kfree(r);
	aio_put(ctx);
}

void aio_request_activate(struct aio_request *r)
{
	struct aio_context *ctx = r->ctx;

	spin_lock(&ctx->lock);
	list_add_tail(&r->link, &ctx->active);
	if (ctx->dead)
		r->io.cancelled = 1; /* shut_down has not seen it */
	spin_unlock(&ctx->lock);
}

int aio_cancel(struct aio_context *ctx, u64 obj)
{
	struct aio_request *r;
	int err = -EINVAL;

	spin_lock(&ctx->lock);
	list_for_each_entry(r, &ctx->active, link) {
		if (r->event.obj != obj)
			continue;
		list_del_init(&r->link);
		io_request_cancel(&r->io);
		err = -EINPROGRESS;
		break;
	}
	spin_unlock(&ctx->lock);
	return err;
}

/* ---- results ---- */

/* What is there now, at most @max. */
static s64 take(struct aio_context *ctx, s64 max, struct uptr events)
{
	s64 done = 0;

	mutex_lock(&ctx->reader);
	while (done < max) {
		u32 head = head_of(ctx), tail = __atomic_load_n(&ctx->tail, __ATOMIC_ACQUIRE);
		struct io_event *first = slot(ctx, head);
		u64 run = (head <= tail ? tail : ctx->nr) - head;

		run = min_t(u64, run, (PAGE_SIZE - ((u64)(unsigned long)first & (PAGE_SIZE - 1))) / sizeof(*first));
		run = min_t(u64, run, (u64)(max - done));
		if (!run)
			break;
		if (copy_to_user(uptr_add(events, (u64)done * sizeof(*first)), first, run * sizeof(*first))) {
			done = done ? done : -EFAULT;
			break;
		}
		__atomic_store_n(&ring_of(ctx)->head, (u32)((head + run) % ctx->nr), __ATOMIC_RELEASE);
		done += (s64)run;
	}
	mutex_unlock(&ctx->reader);
	return done;
}

s64 aio_read_events(struct aio_context *ctx, s64 min, s64 max, struct uptr events, u64 deadline)
{
	s64 done = 0;

	for (;;) {
		s64 n = take(ctx, max - done, uptr_add(events, (u64)done * sizeof(struct io_event)));

		if (n < 0)
			return done ? done : n;
		done += n;
		if (!done && READ_ONCE(ctx->dead))
			return -EINVAL;
		if (done >= min || !deadline || READ_ONCE(ctx->dead))
			return done;
		if (wait_event_state(&ctx->wait, unread(ctx) || READ_ONCE(ctx->dead), THREAD_SLEEP_INTR, deadline, false))
			deadline = 0; /* a signal or the time: what is there, once more */
	}
}

/* ---- /proc/sys/fs ---- */

static int get_aio_nr(const struct sysctl *s, struct strbuf *sb)
{
	strbuf_printf(sb, "%lld\n", atomic64_load_relaxed(&aio_nr));
	return 0;
}

static const struct sysctl settings[] = {
	{"fs/aio-nr", 0444, SYSCTL_CALL, .get = get_aio_nr},
	{"fs/aio-max-nr", 0644, SYSCTL_U64, .var = &aio_max_nr},
};

static int aio_init(void)
{
	sysctl_register(settings, ARRAY_SIZE(settings));
	return 0;
}

INITCALL(aio, "procfs", aio_init);
