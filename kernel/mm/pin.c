/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages of a space from outside: pins, copies, futex keys.
 */
#include <arch/trap.h>
#include <lib/string.h>
#include <sync/rcu.h>
#include "pt.h"
#include "space_impl.h"

/* The frame at @va if its entry allows the access now; a reference. *out_uncounted: there is one that nobody can refer to. */
static struct page *pin_present(struct vm_space *s, vaddr_t va, bool write, bool force, bool *out_uncounted)
{
	struct page *page = NULL;
	struct pte *e, pte;
	struct pt_at at;

	rcu_read_lock();
	at = pt_walk(&s->mmu, va, 0);
	e = at.e;
	if (!e)
		goto out;
	pt_lock(e);
	pte = pte_load(e);
	if (at.level && !pte_is_none(pte) && !pte_is_table(pte))
		pte = pte_part(pte, 1, pt_index(va, 0));
	else if (at.level)
		pte = pte_none();
	if (!pt_is_dead(e) && pte_is_present(pte) && (pte_is_user(pte) || force)) {
		struct page *p = paddr_page(pte_paddr(pte));

		*out_uncounted = !p || (pte_is_special(pte) && p != vm_zero_page);
		if (*out_uncounted)
			p = NULL;
		else if (write && !pte_is_writable(pte) && !(force && p->kind == PAGE_ANON && READ_ONCE(p->maps) == 1))
			p = NULL;
		if (p) {
			page_get(p);
			if (write && p->kind == PAGE_CACHE)
				page_set_dirty(p);
			page = p;
		}
	}
	pt_unlock(e);
out:
	rcu_read_unlock();
	return page;
}

static int pin(struct vm_space *s, vaddr_t va, bool write, bool force, struct page **out_page)
{
	unsigned flags = (write ? FAULT_WRITE : 0) | (force ? FAULT_FORCE : 0);

	if (va >= USER_VA_END)
		return -EFAULT;
	/* After a fault the page may be gone again at once; not for ever. */
	for (unsigned tries = 0; tries < 1000; tries++) {
		bool uncounted = false;
		struct page *page = pin_present(s, va, write, force, &uncounted);

		if (page) {
			*out_page = page;
			return 0;
		}
		if (uncounted && !write)
			return -EFAULT;
		if (fault_serve(s, va, flags, 0) != FR_DONE)
			return -EFAULT;
	}
	return -EFAULT;
}

int vm_pin(struct vm_space *s, vaddr_t va, bool write, bool force, struct page **out_page)
{
	int err;

	if (!vm_space_tryget_user(s))
		return -EFAULT;
	err = pin(s, va, write, force, out_page);
	vm_space_put_user(s);
	return err;
}

/* Of what is not counted, the vDSO can be read: pages of the kernel's image that can be executed. */
static bool read_uncounted(struct vm_space *s, vaddr_t va, void *buf, size_t n)
{
	bool found = false;
	struct pt_at at;
	struct pte pte;

	rcu_read_lock();
	at = pt_walk(&s->mmu, va, 0);
	pte = at.e && !at.level ? pte_load(at.e) : pte_none();
	if (pte_is_present(pte) && pte_is_special(pte) && pte_is_user(pte) && pte_is_exec(pte) && paddr_page(pte_paddr(pte))) {
		memcpy(buf, (const char *)paddr_va(pte_paddr(pte)) + (va & (PAGE_SIZE - 1)), n);
		found = true;
	}
	rcu_read_unlock();
	return found;
}

ssize_t vm_access(struct vm_space *s, vaddr_t va, void *buf, size_t len, bool write, bool force)
{
	size_t done = 0;

	if (!vm_space_tryget_user(s))
		return -EFAULT;
	while (done < len) {
		size_t in_page = (va + done) & (PAGE_SIZE - 1), n = min(len - done, PAGE_SIZE - in_page);
		struct page *page;
		char *p;

		if (pin(s, va + done, write, force, &page)) {
			if (write || !read_uncounted(s, va + done, (char *)buf + done, n))
				break;
			done += n;
			continue;
		}
		p = (char *)page_va(page) + in_page;
		if (write) {
			memcpy(p, (char *)buf + done, n);
			page_note_written(page);
		} else {
			memcpy((char *)buf + done, p, n);
		}
		page_put(page);
		done += n;
	}
	vm_space_put_user(s);
	return done || !len ? (ssize_t)done : -EFAULT;
}

int vm_futex_key(struct vm_space *s, vaddr_t va, bool shared, struct vm_key *out_key)
{
	struct area_view v;
	int err = -EFAULT;

	if (va >= USER_VA_END)
		return -EFAULT;
	if (!shared) {
		*out_key = (struct vm_key){(u64)(unsigned long)s, va};
		return 0;
	}
	rcu_read_lock();
	if (area_view(s, va, &v) == AREA_HIT && (v.flags & VM_RWX)) {
		u64 offset = (v.pgoff << PAGE_SHIFT) + (va - v.start);

		/* Private memory has one address space only, whatever the caller says. Bit 0 tells the kinds apart. */
		if (!v.object && !(v.flags & VM_WRITE))
			goto out; /* a word that never changes is none */
		if (v.object && (v.flags & VM_SHARED))
			*out_key = (struct vm_key){(u64)(unsigned long)v.object | 1, offset};
		else
			*out_key = (struct vm_key){(u64)(unsigned long)s, va};
		err = 0;
	}
out:
	rcu_read_unlock();
	return err;
}
