/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address spaces: random operations on some of them, forked from one another, and what can be read compared with a model. The model counts in units of
 * @unit bytes, each with one value: small ones, and such that a few make a huge page.
 */
#include "space_test.h"

#define WINDOW 96u
#define NOBJ   40u

struct mpage {
	bool mapped, own;
	u8 rwx, kind; /* 0 anonymous, 1 private of the object, 2 shared */
	u16 objpage;
	u8 value;
};
struct model {
	struct vm_space *s;
	struct mpage p[WINDOW];
};
static u64 unit;
static u8 obj_value[NOBJ];
static struct vm_object obj;
static u64 obj_pages;

static int model_read(const struct model *m, unsigned i)
{
	const struct mpage *p = &m->p[i];

	if (!p->mapped || !p->rwx)
		return -1;
	if (p->kind && p->objpage >= obj_pages)
		return -1;
	if (p->kind == 2 || (p->kind == 1 && !p->own))
		return obj_value[p->objpage];
	return p->own ? p->value : 0;
}

static bool model_write(struct model *m, unsigned i, u8 value)
{
	struct mpage *p = &m->p[i];

	if (!p->mapped || !(p->rwx & VM_WRITE) || (p->kind && p->objpage >= obj_pages))
		return false;
	if (p->kind == 2) {
		obj_value[p->objpage] = value;
	} else {
		p->own = true;
		p->value = value;
	}
	return true;
}

static vaddr_t at(unsigned i)
{
	return BASE + align_down(2 * MB - 40 * PAGE_SIZE, unit) + i * unit;
}

static void op_map(struct model *m, unsigned i, unsigned n)
{
	unsigned kind = (unsigned)test_rand_below(3), off = (unsigned)test_rand_below(NOBJ / 2);
	u32 rwx = test_rand_below(4) ? VM_READ | VM_WRITE : VM_READ;
	u32 flags = (RW & ~VM_RWX) | rwx | (kind == 2 ? VM_SHARED : 0);
	vaddr_t va;
	int err = kind ? map_object(m->s, at(i), n * unit, flags, &obj, off * (unit / PAGE_SIZE))
		       : map(m->s, at(i), n * unit, flags, &va);

	CHECK_EQ(err, 0);
	for (unsigned k = 0; k < n; k++)
		m->p[i + k] = (struct mpage){.mapped = true, .rwx = (u8)rwx, .kind = (u8)kind,
			.objpage = (u16)(off + k)};
}

static void op_protect(struct model *m, unsigned i, unsigned n)
{
	u32 rwx = (u32[]){0, VM_READ, VM_READ | VM_WRITE}[test_rand_below(3)];
	int err = vm_protect(m->s, at(i), n * unit, rwx, false);
	unsigned k;

	/* What comes before a hole has changed. */
	for (k = 0; k < n && m->p[i + k].mapped; k++)
		m->p[i + k].rwx = (u8)rwx;
	CHECK_EQ(err, k == n ? 0 : -ENOMEM);
}

static void op_dontneed(struct model *m, unsigned i, unsigned n)
{
	int err = vm_madvise(m->s, at(i), n * unit, MADV_DONTNEED);
	bool whole = true;

	for (unsigned k = 0; k < n; k++) {
		whole &= m->p[i + k].mapped;
		m->p[i + k].own = false;
	}
	CHECK_EQ(err, whole ? 0 : -ENOMEM);
}

static void op_remap(struct model *m, unsigned i, unsigned n, unsigned to)
{
	struct mpage moved[WINDOW];
	vaddr_t va;
	int err = vm_remap(m->s, at(i), n * unit, n * unit, MREMAP_MAYMOVE | MREMAP_FIXED, at(to),
		~0ull, ~0ull, &va);

	if (err) {
		/* Not one area. What stood at the destination is gone in some cases: learn it from the space. */
		for (unsigned k = to; k < to + n; k++) {
			struct vm_area *a = area_find(m->s, at(k));

			if (!a || a->start > at(k))
				m->p[k].mapped = false;
		}
		return;
	}
	CHECK_EQ(va, at(to));
	memcpy(moved, m->p + i, n * sizeof(*moved));
	for (unsigned k = 0; k < n; k++)
		m->p[i + k].mapped = false;
	memcpy(m->p + to, moved, n * sizeof(*moved));
}

static void op_truncate(struct model *models, unsigned nmodels)
{
	u64 pages = test_rand_below(NOBJ + 1);

	vm_object_truncate(&obj, pages * unit);
	for (u64 k = pages; k < NOBJ; k++)
		obj_value[k] = 0;
	for (unsigned k = 0; k < nmodels; k++) {
		for (unsigned i = 0; models[k].s && i < WINDOW; i++) {
			struct mpage *p = &models[k].p[i];

			if (p->mapped && p->kind == 1 && p->objpage >= pages)
				p->own = false;
		}
	}
	obj_pages = pages;
}

static void random_op(struct model *models, unsigned nmodels)
{
	struct model *m = &models[test_rand_below(nmodels)];
	unsigned i = (unsigned)test_rand_below(WINDOW), n = 1 + (unsigned)test_rand_below(min(WINDOW - i, 20u));
	unsigned to;

	if (!m->s)
		return;
	switch (test_rand_below(16)) {
	case 0: op_map(m, i, n); break;
	case 1:
		CHECK_EQ(vm_unmap(m->s, at(i), n * unit), 0);
		for (unsigned k = 0; k < n; k++)
			m->p[i + k].mapped = false;
		break;
	case 2: op_protect(m, i, n); break;
	case 3: op_dontneed(m, i, n); break;
	case 4:
		to = (unsigned)test_rand_below(WINDOW - n + 1);
		if (to + n <= i || i + n <= to)
			op_remap(m, i, n, to);
		break;
	case 5:
		if (test_rand_below(8) == 0)
			op_truncate(models, nmodels);
		break;
	case 6:
		if (test_rand_below(8) == 0) {
			struct model *c = &models[test_rand_below(nmodels)];

			if (c == m)
				break;
			if (c->s)
				vm_space_put_user(c->s);
			memcpy(c->p, m->p, sizeof(c->p));
			CHECK_EQ(vm_space_fork(m->s, &c->s), 0);
		}
		break;
	default: {
		u8 value = (u8)test_rand();

		if (test_rand_below(2))
			CHECK_EQ(poke(m->s, at(i), value), model_write(m, i, value));
		else
			CHECK_EQ(peek(m->s, at(i)), model_read(m, i));
	}
	}
}

static void run_model(u64 bytes, u64 rounds)
{
	struct model *models = calloc(4, sizeof(*models));
	struct page_stats st;

	unit = bytes;
	start(128 * MB, 1);
	vm_object_init(&obj, &memory_ops, NULL);
	memset(obj_value, 0, sizeof(obj_value));
	vm_object_truncate(&obj, NOBJ * unit);
	obj_pages = NOBJ;
	for (unsigned k = 0; k < 4; k++)
		models[k].s = vm_space_create();
	for (u64 round = 0; round < rounds && !test_failures(); round++) {
		random_op(models, 4);
		if (round % 64 == 0) {
			for (unsigned k = 0; k < 4; k++)
				CHECK(vm_space_check(models[k].s));
			env_rcu_flush();
		}
	}
	for (unsigned k = 0; k < 4; k++)
		vm_space_put_user(models[k].s);
	vm_object_fini(&obj);
	env_rcu_flush();
	page_stats(&st);
	CHECK_EQ(st.by_kind[PAGE_ANON], 0);
	CHECK_EQ(st.by_kind[PAGE_CACHE], 0);
	CHECK_EQ(st.by_kind[PAGE_TABLE], kernel_tables);
	CHECK_EQ(vm_committed(), 0);
	free(models);
}

TEST(space_random_against_model)
{
	run_model(PAGE_SIZE, test_rounds(40000));
}

TEST(space_random_huge_pages)
{
	run_model(32 * PAGE_SIZE, test_rounds(10000));
}
