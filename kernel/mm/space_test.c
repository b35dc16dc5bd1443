/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address spaces. A "processor" (peek, poke) walks the tables as hardware would and calls vm_fault; what it reads is compared with a model.
 */
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <linux/mman.h>
#include <arch/trap.h>
#include <lib/test.h>
#include <mm/object.h>
#include <mm/page.h>
#include <mm/reclaim.h>
#include <mm/slab.h>
#include <mm/space.h>
#include "pt.h"
#include "space_impl.h"
#include "test_env.h"

#define BASE  0x10000000ull
#define MB    (1ull << 20)
#define RW    (VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC)
#define STACK (8 * MB)

static int last_signo, last_code;
static u64 kernel_tables; /* of the vmap region: how many depends on where the host has put it */

static void start(u64 mem, unsigned cpus)
{
	struct page_stats st;

	env_init(mem, cpus);
	env_kill_pending = false;
	slab_init();
	vm_init();
	page_stats(&st);
	kernel_tables = st.by_kind[PAGE_TABLE];
}

static u64 page_zones_reserve(void)
{
	struct page_stats st;

	page_stats(&st);
	return st.reserve;
}

static u64 free_pages(void)
{
	struct page_stats st;

	env_rcu_flush();
	reclaim_memory(~0ull);
	page_drain();
	page_stats(&st);
	return st.free;
}

/* The byte that the processor would access at @va; NULL: a signal. */
static u8 *access_byte(struct vm_space *s, vaddr_t va, bool write)
{
	for (int i = 0; i < 100; i++) {
		struct pte *e = pt_find(&s->mmu, va);
		struct pte pte = e ? pte_load(e) : pte_none();

		if (pte_is_user(pte) && (!write || pte_is_writable(pte)))
			return (u8 *)paddr_va(pte_paddr(pte)) + (va & (PAGE_SIZE - 1));
		if (vm_fault(s, va, FAULT_USER | (write ? FAULT_WRITE : 0), STACK, &last_signo, &last_code))
			return NULL;
	}
	test_fail(__FILE__, __LINE__, "the fault at %#llx never ends", va);
	return NULL;
}

static bool poke(struct vm_space *s, vaddr_t va, u8 value)
{
	u8 *p = access_byte(s, va, true);

	if (p)
		*p = value;
	return p != NULL;
}

/* -1: a signal */
static int peek(struct vm_space *s, vaddr_t va)
{
	u8 *p = access_byte(s, va, false);

	return p ? *p : -1;
}

static struct vm_map_args args_of(vaddr_t hint, u64 len, u32 flags)
{
	return (struct vm_map_args){.hint = hint, .len = len, .flags = flags, .fixed = hint != 0,
		.limit_as = ~0ull, .limit_data = ~0ull, .limit_memlock = ~0ull};
}

static int map(struct vm_space *s, vaddr_t hint, u64 len, u32 flags, vaddr_t *va)
{
	struct vm_map_args args = args_of(hint, len, flags);

	return vm_map(s, &args, va);
}

static const struct vm_object_ops memory_ops = {0};

static int map_object(struct vm_space *s, vaddr_t hint, u64 len, u32 flags, struct vm_object *obj, u64 pgoff)
{
	struct vm_map_args args = args_of(hint, len, flags);
	vaddr_t va;

	args.object = obj;
	args.pgoff = pgoff;
	return vm_map(s, &args, &va);
}

TEST(space_map_touch_unmap)
{
	vaddr_t va, vb;

	start(32 * MB, 1);
	struct vm_space *s = vm_space_create();
	u64 before = free_pages();

	REQUIRE(s && !map(s, 0, 10 * PAGE_SIZE, RW, &va));
	CHECK_EQ(peek(s, va), 0);
	CHECK(poke(s, va + 5 * PAGE_SIZE + 3, 7));
	CHECK_EQ(peek(s, va + 5 * PAGE_SIZE + 3), 7);
	CHECK(poke(s, va, 1));
	CHECK(vm_space_check(s));
	CHECK_EQ(s->nareas, 1);
	REQUIRE(!map(s, 0, PAGE_SIZE, RW, &vb));
	CHECK_EQ(vb, va - PAGE_SIZE);
	CHECK_EQ(s->nareas, 1); /* merged */
	CHECK(!vm_unmap(s, va + 2 * PAGE_SIZE, PAGE_SIZE));
	CHECK_EQ(s->nareas, 2);
	CHECK_EQ(peek(s, va + 2 * PAGE_SIZE), -1);
	CHECK_EQ(last_signo, SIGSEGV);
	CHECK_EQ(last_code, SEGV_MAPERR);
	CHECK_EQ(peek(s, va + 5 * PAGE_SIZE + 3), 7);
	CHECK(vm_space_check(s));
	CHECK(!vm_unmap(s, vb, 11 * PAGE_SIZE));
	CHECK_EQ(s->nareas, 0);
	CHECK_EQ(s->total_pages, 0);
	CHECK(vm_space_check(s));
	vm_space_put_user(s);
	CHECK(free_pages() + 3 >= before);
	CHECK_EQ(vm_committed(), 0);
}

TEST(space_rights)
{
	vaddr_t va;

	start(32 * MB, 1);
	struct vm_space *s = vm_space_create();

	REQUIRE(!map(s, BASE, 4 * PAGE_SIZE, VM_READ | VM_MAYREAD | VM_MAYWRITE, &va));
	CHECK_EQ(peek(s, va), 0);
	CHECK(!poke(s, va, 1));
	CHECK_EQ(last_code, SEGV_ACCERR);
	CHECK_EQ(vm_protect(s, va, PAGE_SIZE, VM_READ | VM_EXEC, false), -EACCES);
	CHECK(!vm_protect(s, va + PAGE_SIZE, PAGE_SIZE, VM_READ | VM_WRITE, false));
	CHECK_EQ(s->nareas, 3);
	CHECK(poke(s, va + PAGE_SIZE, 9));
	CHECK(!vm_protect(s, va + PAGE_SIZE, PAGE_SIZE, 0, false));
	CHECK_EQ(peek(s, va + PAGE_SIZE), -1);
	CHECK(!vm_protect(s, va + PAGE_SIZE, PAGE_SIZE, VM_READ | VM_WRITE, false));
	CHECK_EQ(peek(s, va + PAGE_SIZE), 9);
	CHECK(poke(s, va + PAGE_SIZE, 10));
	CHECK_EQ(vm_protect(s, va, 5 * PAGE_SIZE, VM_READ, false), -ENOMEM);
	CHECK_EQ(vm_protect(s, va + 1, PAGE_SIZE, VM_READ, false), -EINVAL);
	CHECK(!vm_protect(s, va, 4 * PAGE_SIZE, VM_READ, false));
	CHECK(vm_space_check(s));
	vm_space_put_user(s);
	CHECK_EQ(vm_committed(), 0);
}

TEST(space_fork_copies_on_write)
{
	vaddr_t va;
	struct vm_space *child;

	start(32 * MB, 1);
	struct vm_space *s = vm_space_create();
	u64 before = free_pages();

	REQUIRE(!map(s, BASE, 600 * PAGE_SIZE, RW, &va));
	for (u64 i = 0; i < 600; i += 7)
		CHECK(poke(s, va + i * PAGE_SIZE, (u8)i));
	REQUIRE(!vm_space_fork(s, &child));
	CHECK(vm_space_check(s) && vm_space_check(child));
	for (u64 i = 0; i < 600; i += 7) {
		CHECK_EQ(peek(child, va + i * PAGE_SIZE), (u8)i);
		CHECK(poke(child, va + i * PAGE_SIZE, (u8)(i + 1)));
		CHECK_EQ(peek(s, va + i * PAGE_SIZE), (u8)i);
	}
	CHECK(vm_space_check(s) && vm_space_check(child));
	vm_space_put_user(child);
	/* The parent's frames are its own again: no copy. */
	u64 have = free_pages();

	CHECK(poke(s, va, 100));
	CHECK_EQ(free_pages(), have);
	CHECK(vm_space_check(s));
	vm_space_put_user(s);
	CHECK(free_pages() + 3 >= before);
	CHECK_EQ(vm_committed(), 0);
}

TEST(space_objects)
{
	struct vm_object obj;
	struct vm_space *child;

	start(32 * MB, 1);
	struct vm_space *s = vm_space_create();

	vm_object_init(&obj, &memory_ops, NULL);
	vm_object_truncate(&obj, 20 * PAGE_SIZE + 100);
	REQUIRE(!map_object(s, BASE, 32 * PAGE_SIZE, RW | VM_SHARED, &obj, 0));
	REQUIRE(!map_object(s, BASE + MB, 32 * PAGE_SIZE, RW, &obj, 0));
	CHECK(poke(s, BASE, 1));
	CHECK_EQ(peek(s, BASE + MB), 1);
	CHECK(poke(s, BASE + MB, 2));
	CHECK_EQ(peek(s, BASE), 1);
	CHECK(poke(s, BASE + 20 * PAGE_SIZE + 200, 3));
	CHECK(!poke(s, BASE + 21 * PAGE_SIZE, 3));
	CHECK_EQ(last_signo, SIGBUS);
	REQUIRE(!vm_space_fork(s, &child));
	CHECK(poke(child, BASE, 5));
	CHECK_EQ(peek(s, BASE), 5);
	CHECK_EQ(peek(child, BASE + MB), 2);
	CHECK(vm_space_check(s) && vm_space_check(child));
	CHECK_EQ(vm_object_seal_write(&obj), -EBUSY);
	/* Truncation takes pages out of every space, private copies, too. */
	CHECK(poke(s, BASE + MB + 10 * PAGE_SIZE, 9));
	vm_object_truncate(&obj, 5 * PAGE_SIZE + 1);
	CHECK_EQ(peek(s, BASE + MB + 10 * PAGE_SIZE), -1);
	CHECK_EQ(peek(s, BASE + 6 * PAGE_SIZE), -1);
	CHECK_EQ(peek(child, BASE), 5);
	CHECK(vm_space_check(s) && vm_space_check(child));
	vm_space_put_user(child);
	vm_space_put_user(s);
	CHECK(!vm_object_seal_write(&obj));
	vm_object_fini(&obj);
	env_rcu_flush();
	struct page_stats st;

	page_stats(&st);
	CHECK_EQ(st.by_kind[PAGE_CACHE], 0);
	CHECK_EQ(st.by_kind[PAGE_ANON], 0);
	CHECK_EQ(st.by_kind[PAGE_TABLE], kernel_tables);
}

TEST(space_stack_grows)
{
	vaddr_t va, vb;

	start(32 * MB, 1);
	struct vm_space *s = vm_space_create();

	REQUIRE(!map(s, BASE + 64 * MB, 4 * PAGE_SIZE, RW | VM_GROWSDOWN, &va));
	CHECK(poke(s, va - 100 * PAGE_SIZE, 1));
	CHECK_EQ(s->stack_pages, 104);
	CHECK(!poke(s, va - STACK, 1));
	REQUIRE(!map(s, BASE + 60 * MB, PAGE_SIZE, RW, &vb));
	CHECK(!poke(s, vb + 255 * PAGE_SIZE, 1));
	CHECK(poke(s, vb + 257 * PAGE_SIZE, 1));
	CHECK(vm_space_check(s));
	vm_space_put_user(s);
}

TEST(space_brk)
{
	start(32 * MB, 1);
	struct vm_space *s = vm_space_create();

	s->brk_start = s->brk = BASE;
	CHECK_EQ(vm_brk(s, 0, ~0ull, ~0ull), BASE);
	CHECK_EQ(vm_brk(s, BASE + 10000, ~0ull, ~0ull), BASE + 10000);
	CHECK(poke(s, BASE + 10000, 1));
	CHECK(!poke(s, BASE + 3 * PAGE_SIZE, 1));
	CHECK_EQ(vm_brk(s, BASE + MB, ~0ull, ~0ull), BASE + MB);
	CHECK_EQ(s->nareas, 1);
	CHECK_EQ(vm_brk(s, BASE + 2 * MB, MB, ~0ull), BASE + MB);
	CHECK_EQ(vm_brk(s, BASE + 1, ~0ull, ~0ull), BASE + 1);
	CHECK_EQ(s->total_pages, 1);
	CHECK(vm_space_check(s));
	vm_space_put_user(s);
}

TEST(space_limits_and_errors)
{
	vaddr_t va;

	start(32 * MB, 1);
	struct vm_space *s = vm_space_create();
	struct vm_map_args args = args_of(0, 10 * PAGE_SIZE, RW);

	args.limit_as = 9 * PAGE_SIZE;
	CHECK_EQ(vm_map(s, &args, &va), -ENOMEM);
	args = args_of(0, 10 * PAGE_SIZE, RW);
	args.limit_data = 9 * PAGE_SIZE;
	CHECK_EQ(vm_map(s, &args, &va), -ENOMEM);
	args = args_of(0, 10 * PAGE_SIZE, RW | VM_LOCKED);
	args.limit_memlock = 9 * PAGE_SIZE;
	CHECK_EQ(vm_map(s, &args, &va), -EAGAIN);
	CHECK_EQ(map(s, 0, 0, RW, &va), -EINVAL);
	CHECK_EQ(map(s, 0, 1ull << 47, RW, &va), -ENOMEM);
	CHECK_EQ(map(s, 0, ~0ull, RW, &va), -ENOMEM);
	CHECK_EQ(map(s, BASE + 1, PAGE_SIZE, RW, &va), -EINVAL);
	CHECK_EQ(map(s, 4096, PAGE_SIZE, RW, &va), -EPERM);
	CHECK_EQ(map(s, 0, 64 * MB, RW, &va), -ENOMEM); /* more than there is */
	CHECK_EQ(map(s, 0, 64 * MB, RW | VM_NORESERVE, &va), 0);
	CHECK_EQ(vm_unmap(s, va, 0), -EINVAL);
	CHECK_EQ(vm_unmap(s, va + 1, PAGE_SIZE), -EINVAL);
	vm_overcommit_policy = 2;
	CHECK_EQ(map(s, 0, 20 * MB, RW, &va), -ENOMEM);
	vm_overcommit_policy = 0;
	CHECK_EQ(s->total_pages, 64 * MB / PAGE_SIZE);
	CHECK(vm_space_check(s));
	vm_space_put_user(s);
	CHECK_EQ(vm_committed(), 0);
}

TEST(space_lock_and_mincore)
{
	vaddr_t va;
	u8 vec[8];

	start(32 * MB, 1);
	struct vm_space *s = vm_space_create();

	REQUIRE(!map(s, BASE, 8 * PAGE_SIZE, RW, &va));
	CHECK(!vm_mincore(s, va, 8, vec));
	CHECK(!vec[0] && !vec[7]);
	CHECK(!vm_lock(s, va + 2 * PAGE_SIZE + 5, PAGE_SIZE, VM_LOCKED, ~0ull));
	CHECK(!vm_mincore(s, va, 8, vec));
	CHECK(!vec[1] && vec[2] && vec[3] && !vec[4]);
	CHECK_EQ(s->locked_pages, 2);
	CHECK_EQ(vm_lock(s, va, 8 * PAGE_SIZE, VM_LOCKED, 7 * PAGE_SIZE), -ENOMEM);
	CHECK_EQ(vm_madvise(s, va + 2 * PAGE_SIZE, PAGE_SIZE, MADV_DONTNEED), -EINVAL);
	CHECK(!vm_lock(s, va, 8 * PAGE_SIZE, 0, 0));
	CHECK_EQ(s->locked_pages, 0);
	CHECK_EQ(s->nareas, 1);
	CHECK_EQ(vm_mincore(s, va, 9, vec), -ENOMEM);
	CHECK(!vm_lock_all(s, MCL_CURRENT | MCL_FUTURE, ~0ull));
	CHECK(!vm_mincore(s, va, 8, vec));
	CHECK(vec[0] && vec[7]);
	CHECK(vm_space_check(s));
	vm_space_put_user(s);
}

TEST(space_pin_and_access)
{
	vaddr_t va;
	char buf[20000];
	struct vm_space *child;

	start(32 * MB, 1);
	struct vm_space *s = vm_space_create();

	REQUIRE(!map(s, BASE, 8 * PAGE_SIZE, RW, &va));
	memset(buf, 'x', sizeof(buf));
	CHECK_EQ(vm_access(s, va + 100, buf, sizeof(buf), true, false), sizeof(buf));
	CHECK_EQ(peek(s, va + 100), 'x');
	CHECK_EQ(vm_access(s, va + 7 * PAGE_SIZE, buf, 2 * PAGE_SIZE, false, false), PAGE_SIZE);
	CHECK_EQ(vm_access(s, va - 5, buf, 5, false, false), -EFAULT);
	/* A debugger writes into what is read-only, and shared since fork. */
	CHECK(!vm_protect(s, va, 8 * PAGE_SIZE, VM_READ, false));
	REQUIRE(!vm_space_fork(s, &child));
	CHECK_EQ(vm_access(s, va + 100, "y", 1, true, false), -EFAULT);
	CHECK_EQ(vm_access(s, va + 100, "y", 1, true, true), 1);
	CHECK_EQ(peek(s, va + 100), 'y');
	CHECK_EQ(peek(child, va + 100), 'x');
	CHECK(!poke(s, va + 100, 1));
	CHECK(vm_space_check(s) && vm_space_check(child));
	vm_space_get(child);
	vm_space_put_user(child);
	CHECK_EQ(vm_access(child, va, buf, 1, false, false), -EFAULT);
	vm_space_put(child);
	vm_space_put_user(s);
}

TEST(space_out_of_memory)
{
	vaddr_t va;
	bool failed = false;

	start(8 * MB, 1);
	struct vm_space *s = vm_space_create();

	REQUIRE(!map(s, 0, 64 * MB, RW | VM_NORESERVE, &va));
	for (u64 i = 0; i < 64 * MB && !failed; i += PAGE_SIZE)
		failed = !poke(s, va + i, 1);
	CHECK(failed);
	CHECK_EQ(env_oom_kills, 1);
	CHECK(vm_space_check(s));
	vm_space_put_user(s);
	env_kill_pending = false;
	s = vm_space_create();
	REQUIRE(s && !map(s, 0, MB, RW, &va));
	CHECK(poke(s, va, 1));
	vm_space_put_user(s);
}

/* ---- random operations against a model ---- */

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
	return BASE + 2 * MB - 40 * PAGE_SIZE + i * PAGE_SIZE;
}

static void op_map(struct model *m, unsigned i, unsigned n)
{
	unsigned kind = (unsigned)test_rand_below(3), off = (unsigned)test_rand_below(NOBJ / 2);
	u32 rwx = test_rand_below(4) ? VM_READ | VM_WRITE : VM_READ;
	u32 flags = (RW & ~VM_RWX) | rwx | (kind == 2 ? VM_SHARED : 0);
	vaddr_t va;
	int err = kind ? map_object(m->s, at(i), n * PAGE_SIZE, flags, &obj, off)
		       : map(m->s, at(i), n * PAGE_SIZE, flags, &va);

	CHECK_EQ(err, 0);
	for (unsigned k = 0; k < n; k++)
		m->p[i + k] = (struct mpage){.mapped = true, .rwx = (u8)rwx, .kind = (u8)kind,
			.objpage = (u16)(off + k)};
}

static void op_protect(struct model *m, unsigned i, unsigned n)
{
	u32 rwx = (u32[]){0, VM_READ, VM_READ | VM_WRITE}[test_rand_below(3)];
	int err = vm_protect(m->s, at(i), n * PAGE_SIZE, rwx, false);
	unsigned k;

	/* What comes before a hole has changed. */
	for (k = 0; k < n && m->p[i + k].mapped; k++)
		m->p[i + k].rwx = (u8)rwx;
	CHECK_EQ(err, k == n ? 0 : -ENOMEM);
}

static void op_dontneed(struct model *m, unsigned i, unsigned n)
{
	int err = vm_madvise(m->s, at(i), n * PAGE_SIZE, MADV_DONTNEED);
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
	int err = vm_remap(m->s, at(i), n * PAGE_SIZE, n * PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, at(to),
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

	vm_object_truncate(&obj, pages * PAGE_SIZE);
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
		CHECK_EQ(vm_unmap(m->s, at(i), n * PAGE_SIZE), 0);
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

TEST(space_random_against_model)
{
	struct model *models = calloc(4, sizeof(*models));
	struct page_stats st;

	start(64 * MB, 1);
	vm_object_init(&obj, &memory_ops, NULL);
	memset(obj_value, 0, sizeof(obj_value));
	vm_object_truncate(&obj, NOBJ * PAGE_SIZE);
	obj_pages = NOBJ;
	for (unsigned k = 0; k < 4; k++)
		models[k].s = vm_space_create();
	for (u64 round = 0; round < test_rounds(40000) && !test_failures(); round++) {
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

/* ---- many CPUs in one space ---- */

#define STRESS_CPUS 4
static struct vm_space *shared_space;

static void stress_cpu(void *arg)
{
	u64 seed = host_cpu * 7919 + 1;
	vaddr_t mine = BASE + host_cpu * 16 * PAGE_SIZE, va;
	int signo, code;

	for (u64 i = 0; i < *(u64 *)arg; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		switch (seed >> 60) {
		case 0: ASSERT(!map(shared_space, mine, 16 * PAGE_SIZE, RW, &va)); break;
		case 1: ASSERT(!vm_unmap(shared_space, mine + (seed >> 50) % 16 * PAGE_SIZE, PAGE_SIZE)); break;
		case 2: (void)!vm_protect(shared_space, mine, 8 * PAGE_SIZE, VM_READ, false); break;
		case 3: (void)!vm_madvise(shared_space, mine, 16 * PAGE_SIZE, MADV_DONTNEED); break;
		default:
			/* Anybody's pages. */
			(void)!vm_fault(shared_space, BASE + (seed >> 40) % (STRESS_CPUS * 16) * PAGE_SIZE,
				FAULT_USER | (seed >> 30 & 1 ? FAULT_WRITE : 0), STACK, &signo, &code);
		}
	}
}

TEST(space_stress_on_cpus)
{
	u64 rounds = test_rounds(5000);

	start(32 * MB, STRESS_CPUS);
	shared_space = vm_space_create();
	env_run_cpus(STRESS_CPUS, stress_cpu, &rounds);
	CHECK(vm_space_check(shared_space));
	vm_space_put_user(shared_space);
	CHECK_EQ(vm_committed(), 0);
}

/* ---- truncation and fork beside faults ---- */

static struct vm_object shared_obj;

static void object_cpu(void *arg)
{
	u64 seed = host_cpu * 104729 + 1;
	int signo, code;

	for (u64 i = 0; i < *(u64 *)arg; i++) {
		vaddr_t va;

		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		va = BASE + (seed >> 40) % 96 * PAGE_SIZE;
		if (host_cpu == 0 && (seed >> 58) < 4) {
			vm_object_truncate(&shared_obj, (seed >> 30) % 40 * PAGE_SIZE);
			vm_object_truncate(&shared_obj, 40 * PAGE_SIZE);
		} else if (host_cpu == 1 && (seed >> 58) < 4) {
			struct vm_space *child;

			ASSERT(!vm_space_fork(shared_space, &child));
			(void)!vm_fault(child, va, FAULT_USER | FAULT_WRITE, STACK, &signo, &code);
			vm_space_put_user(child);
		} else {
			(void)!vm_fault(shared_space, va, FAULT_USER | (seed >> 20 & 1 ? FAULT_WRITE : 0), STACK,
				&signo, &code);
		}
	}
}

TEST(space_truncate_and_fork_beside_faults)
{
	u64 rounds = test_rounds(3000);
	struct page_stats st;
	vaddr_t va;

	start(32 * MB, STRESS_CPUS);
	vm_object_init(&shared_obj, &memory_ops, NULL);
	vm_object_truncate(&shared_obj, 40 * PAGE_SIZE);
	shared_space = vm_space_create();
	REQUIRE(!map_object(shared_space, BASE, 32 * PAGE_SIZE, RW | VM_SHARED, &shared_obj, 0));
	REQUIRE(!map_object(shared_space, BASE + 32 * PAGE_SIZE, 32 * PAGE_SIZE, RW, &shared_obj, 0));
	REQUIRE(!map(shared_space, BASE + 64 * PAGE_SIZE, 32 * PAGE_SIZE, RW, &va));
	env_run_cpus(STRESS_CPUS, object_cpu, &rounds);
	CHECK(vm_space_check(shared_space));
	vm_object_truncate(&shared_obj, 0);
	CHECK(vm_space_check(shared_space));
	vm_space_put_user(shared_space);
	vm_object_fini(&shared_obj);
	env_rcu_flush();
	page_stats(&st);
	CHECK_EQ(st.by_kind[PAGE_CACHE], 0);
	CHECK_EQ(st.by_kind[PAGE_ANON], 0);
	CHECK_EQ(st.by_kind[PAGE_TABLE], kernel_tables);
}

/* ---- every amount of memory: errors, never a leak or a half-done change ---- */

static void script(unsigned *done)
{
	struct vm_space *s = vm_space_create(), *child;
	struct vm_object o;
	vaddr_t va, vb;

	if (!s)
		return;
	vm_object_init(&o, &memory_ops, NULL);
	vm_object_truncate(&o, 8 * PAGE_SIZE);
	*done += !map(s, BASE, 8 * PAGE_SIZE, RW, &va);
	*done += !map(s, BASE + 600 * MB, 4 * PAGE_SIZE, RW, &vb);
	*done += !map_object(s, BASE + 300 * MB, 8 * PAGE_SIZE, RW | VM_SHARED, &o, 0);
	for (unsigned i = 0; i < 4; i++) {
		*done += poke(s, BASE + i * PAGE_SIZE, 1);
		*done += poke(s, BASE + 600 * MB + i * PAGE_SIZE, 1);
		*done += poke(s, BASE + 300 * MB + i * PAGE_SIZE, 1);
	}
	*done += !vm_protect(s, BASE + PAGE_SIZE, PAGE_SIZE, VM_READ, false);
	*done += !vm_unmap(s, BASE + 2 * PAGE_SIZE, PAGE_SIZE);
	*done += !vm_remap(s, BASE, PAGE_SIZE, 4 * PAGE_SIZE, MREMAP_MAYMOVE, 0, ~0ull, ~0ull, &va);
	CHECK(vm_space_check(s));
	if (!vm_space_fork(s, &child)) {
		*done += 1 + poke(child, BASE + 600 * MB, 2);
		CHECK(vm_space_check(child));
		vm_space_put_user(child);
	}
	CHECK(vm_space_check(s));
	vm_space_put_user(s);
	vm_object_fini(&o);
	env_rcu_flush();
}

TEST(space_every_amount_of_memory)
{
	struct page **held = calloc(4096, sizeof(*held));
	unsigned most = 0;

	start(8 * MB, 1);
	for (unsigned leave = 0; leave < 64; leave++) {
		struct page_stats after;
		unsigned n = 0, done = 0;

		while ((held[n] = page_alloc(0, ALLOC_RESERVE)))
			n++;
		for (unsigned i = 0; i < leave + page_zones_reserve() && n; i++)
			page_free(held[--n], 0);
		script(&done);
		env_kill_pending = false;
		page_stats(&after);
		CHECK_EQ(after.by_kind[PAGE_ANON] + after.by_kind[PAGE_CACHE], 0);
		CHECK_EQ(after.by_kind[PAGE_TABLE], kernel_tables);
		CHECK_EQ(vm_committed(), 0);
		most = max(most, done);
		while (n)
			page_free(held[--n], 0);
		reclaim_memory(~0ull);
	}
	CHECK_EQ(most, 20);
	free(held);
}

/* ---- every failing allocation, each once ---- */

/* But for magazines, which CPUs keep. */
static void count_live(const struct slab_info *info, void *arg)
{
	if (strncmp(info->name, "magazine", 8))
		*(u64 *)arg += info->live;
}

static u64 live_objects(void)
{
	u64 n = 0;

	slab_for_each(count_live, &n);
	return n;
}

TEST(space_every_failing_allocation)
{
	unsigned done = 0, all;
	u32 left = 0;
	u64 live;

	start(32 * MB, 1);
	script(&done);
	all = done;
	live = live_objects();
	for (u32 n = 1; !left; n++) {
		struct page_stats after;

		done = 0;
		env_fail_nth(n);
		script(&done);
		left = env_fail_left();
		env_fail_nth(0);
		env_kill_pending = false;
		page_stats(&after);
		CHECK_EQ(after.by_kind[PAGE_ANON] + after.by_kind[PAGE_CACHE], 0);
		CHECK_EQ(after.by_kind[PAGE_TABLE], kernel_tables);
		CHECK_EQ(vm_committed(), 0);
		CHECK_EQ(live_objects(), live);
		/* One step fails, and what needs it. */
		CHECK(done <= all);
		REQUIRE(n < 1000);
	}
	CHECK_EQ(done, all);
}
