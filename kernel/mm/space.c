/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of an address space.
 *
 * Users (threads that run in it, and who looks at it from outside for a moment) keep it full; all users together hold one reference; references keep
 * the structure and the root table. The last user removes everything: no fault can happen any more, since who faults is a user.
 */
#include <lib/string.h>
#include <mm/kmap.h>
#include "pt.h"
#include "space_impl.h"

LOCK_CLASS(map, RANK_MAP, "areas of an address space");
LOCK_CLASS(pt_root, RANK_PT, "root table of an address space");

unsigned vm_max_map_count = 65530;
static struct slab_cache *space_cache;

struct vm_space *vm_space_create(void)
{
	struct vm_space *s = slab_alloc(space_cache, ALLOC_ZERO);

	if (!s)
		return NULL;
	if (mmu_space_init(&s->mmu)) {
		slab_free(space_cache, s);
		return NULL;
	}
	s->users = 1;
	s->refs = 1;
	s->keys = 1;
	mutex_init(&s->map_lock, map);
	list_init(&s->lazy_link);
	spin_init(&s->root.lock, pt_root);
	s->mmap_top = align_down(USER_VA_END / 2, PAGE_SIZE);
	return s;
}

void vm_space_get_user(struct vm_space *s)
{
	u32 old = __atomic_fetch_add(&s->users, 1, __ATOMIC_RELAXED);

	DASSERT(old != 0);
}

bool vm_space_tryget_user(struct vm_space *s)
{
	u32 users = READ_ONCE(s->users);

	do {
		if (!users)
			return false;
	} while (!__atomic_compare_exchange_n(&s->users, &users, users + 1, true, __ATOMIC_ACQUIRE,
		__ATOMIC_RELAXED));
	return true;
}

void vm_space_get(struct vm_space *s)
{
	__atomic_fetch_add(&s->refs, 1, __ATOMIC_RELAXED);
}

void vm_space_put(struct vm_space *s)
{
	if (__atomic_fetch_sub(&s->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	mmu_space_fini(&s->mmu);
	slab_free(space_cache, s);
}

/* Nobody faults any more; /proc readers see an empty tree under map_lock. */
static void make_empty(struct vm_space *s)
{
	struct vm_area *dead = NULL, **tail = &dead, *a;

	space_note_peak(s);
	lazy_forget(s);
	mutex_lock(&s->map_lock);
	for (a = area_find(s, 0); a; a = area_next(a)) {
		area_forget(a, a->start, a->end);
		/* Off the object's list before tables go: truncation must not walk them. */
		area_unlink_object(a);
		space_account(s, a->flags, -(s64)area_pages(a));
		if (area_is_accounted(a->flags))
			vm_uncommit(area_pages(a));
		*tail = a;
		tail = &a->next_dead;
	}
	seq_write_begin(&s->seq);
	WRITE_ONCE(s->areas.node, NULL);
	seq_write_end(&s->seq);
	s->nareas = 0;
	zap_space(s);
	memset(s->rss, 0, sizeof(s->rss));
	mutex_unlock(&s->map_lock);
	area_dispose(dead);
}

void vm_space_put_user(struct vm_space *s)
{
	if (__atomic_fetch_sub(&s->users, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	if (s->aio)
		s->aio->leave(s->aio);
	make_empty(s);
	vm_space_put(s);
}

void space_account(struct vm_space *s, u32 flags, s64 npages)
{
	s->total_pages += (u64)npages;
	if (flags & VM_LOCKED)
		s->locked_pages += (u64)npages;
	if (flags & VM_GROWSDOWN)
		s->stack_pages += (u64)npages;
	else if ((flags & (VM_WRITE | VM_SHARED)) == VM_WRITE)
		s->data_pages += (u64)npages;
	else if (flags & VM_EXEC)
		s->exec_pages += (u64)npages;
	if (s->total_pages > s->peak_total)
		s->peak_total = s->total_pages;
}

int space_may_grow(struct vm_space *s, u32 flags, u64 npages, u64 limit_as, u64 limit_data)
{
	if (s->total_pages + npages > limit_as >> PAGE_SHIFT)
		return -ENOMEM;
	if ((flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) == VM_WRITE &&
		s->data_pages + npages > limit_data >> PAGE_SHIFT)
		return -ENOMEM;
	return 0;
}

int vm_space_reap(struct vm_space *s)
{
	struct vm_area *a;
	struct gather g;

	if (!mutex_trylock(&s->map_lock))
		return -EAGAIN;
	for (a = area_find(s, 0); a; a = area_next(a)) {
		if (!area_is_anonymous(a) || (a->flags & (VM_SHARED | VM_LOCKED)))
			continue;
		gather_init(&g, s);
		zap_range(&g, a->start, a->end, NULL);
		gather_finish(&g);
	}
	mutex_unlock(&s->map_lock);
	return 0;
}

static void sum_rss(const struct vm_space *s, struct vm_rss *out)
{
	*out = (struct vm_rss){0};
	for (unsigned i = 0; i < VM_RSS_CELLS; i++) {
		out->anon += READ_ONCE(s->rss[i].anon);
		out->file += READ_ONCE(s->rss[i].file);
		out->shmem += READ_ONCE(s->rss[i].shmem);
		out->hugetlb += READ_ONCE(s->rss[i].hugetlb);
	}
}

void space_note_peak(struct vm_space *s)
{
	struct vm_rss sum;
	s64 now;

	sum_rss(s, &sum);
	now = sum.anon + sum.file + sum.shmem;
	if (now > READ_ONCE(s->peak_rss))
		WRITE_ONCE(s->peak_rss, now);
}

void vm_space_rss(struct vm_space *s, struct vm_rss *out_rss, s64 *out_peak)
{
	space_note_peak(s);
	sum_rss(s, out_rss);
	out_rss->anon = max(out_rss->anon, 0ll);
	out_rss->file = max(out_rss->file, 0ll);
	out_rss->shmem = max(out_rss->shmem, 0ll);
	out_rss->hugetlb = max(out_rss->hugetlb, 0ll);
	*out_peak = READ_ONCE(s->peak_rss);
}

u64 vm_space_tables(struct vm_space *s)
{
	u64 n = 0;
	vaddr_t va = 0;
	struct pt_at at;

	mutex_lock(&s->map_lock);
	while ((at = pt_next(s, &va, USER_VA_END)).e) {
		n += at.level == 0;
		va = pt_end(va, at.level);
	}
	mutex_unlock(&s->map_lock);
	return n;
}

void vm_for_each_area(
	struct vm_space *s, vaddr_t from, bool (*fn)(struct vm_area *, void *), void *arg)
{
	struct vm_area *a;

	mutex_lock(&s->map_lock);
	for (a = area_find(s, from); a; a = area_next(a)) {
		if (!fn(a, arg))
			break;
	}
	mutex_unlock(&s->map_lock);
}

void vm_init(void)
{
	kmap_init();
	kstack_init();
	space_cache = slab_cache_create("vm_space", sizeof(struct vm_space), 64, SLAB_PANIC);
	area_init();
	vm_object_cache_init();
	lazy_init();
	vm_commit_init();
	vm_zero_page = page_alloc(0, ALLOC_ZERO);
	if (!vm_zero_page)
		panic("no memory for the page of zeroes");
}
