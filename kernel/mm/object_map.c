/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From an object to the areas that map it. obj->maps_lock holds the areas, and their spaces' page tables, in place: an area leaves the list before
 * its space frees tables.
 */
#include "space_impl.h"

void vm_object_unmap(struct vm_object *obj, u64 first, u64 last, bool private_too)
{
	struct zap_filter filter = {.private_too = private_too};
	struct vm_area *a;
	struct gather g;

	mutex_lock(&obj->maps_lock);
	list_for_each_entry(a, &obj->maps, object_link) {
		u64 end = a->pgoff + area_pages(a);
		u64 from = max(first, a->pgoff), to = last < end - 1 ? last + 1 : end;

		if (from >= to)
			continue;
		/* A guard that comes or goes beside us may be missed: it says nothing of what is not there. */
		filter.keep_guards = READ_ONCE(a->flags) & VM_UFFD_WP;
		gather_init(&g, a->space);
		zap_range(&g, a->start + ((from - a->pgoff) << PAGE_SHIFT),
			a->start + ((to - a->pgoff) << PAGE_SHIFT), &filter);
		gather_finish(&g);
	}
	mutex_unlock(&obj->maps_lock);
}
