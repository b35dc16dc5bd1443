/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file with everything at once against an array of bytes: reads, writes, stores through a mapping, truncation, holes, fsync, invalidation, reclaim, on one
 * processor; write-back by age on another; reclaim on a third; the disk, which ends requests in any order, on a fourth.
 */
#include <sched.h>
#include <stdlib.h>
#include <lib/errno.h>
#include <sync/rcu.h>
#include <time/clock.h>
#include "cache_test.h"
#include "../../mm/space_test.h"

enum { USER, DISK, FLUSHER, RECLAIMER, CPUS };

static struct {
	struct disk_file *d;
	struct vm_space *s;
	struct file f;
	u8 bytes[FILE_BYTES];
	u64 size;
	u64 rounds;
	bool done;
	u64 seed;
} m;
static u8 buf[FILE_BYTES];

static u64 rnd(u64 below)
{
	m.seed = m.seed * 6364136223846793005ull + 1442695040888963407ull;
	return (m.seed >> 33) % below;
}

static u64 place(void)
{
	return rnd(4) ? rnd(FILE_BYTES) : rnd(FILE_PAGES) * PAGE_SIZE;
}

/* What a program does to its memory races with the disk's and write-back's copies by design: not for TSan to judge. */
static __attribute__((no_sanitize("thread"), noinline)) u8 use_entry(struct pte pte, vaddr_t va, bool write, u8 value)
{
	volatile u8 *p = (u8 *)paddr_va(pte_paddr(pte)) + (va & (PAGE_SIZE - 1));

	if (write)
		*p = value;
	return *p;
}

/* Translations are used with preemption off: a flush waits for that. */
static bool store(vaddr_t va, u8 value)
{
	for (int i = 0; i < 1000; i++) {
		int signo, code;
		struct pt_at at;
		struct pte pte;

		rcu_read_lock();
		at = pt_walk(&m.s->mmu, va, 0);
		pte = at.e ? pte_load(at.e) : pte_none();
		if (pte_is_user(pte) && pte_is_writable(pte)) {
			(void)use_entry(pte, va, true, value);
			rcu_read_unlock();
			return true;
		}
		rcu_read_unlock();
		if (vm_fault(m.s, va, FAULT_USER | FAULT_WRITE, STACK, &signo, &code))
			return false;
	}
	test_fail(__FILE__, __LINE__, "a store never ends");
	return false;
}

static void check_bytes(u64 at, size_t len, const u8 *have, const char *what)
{
	for (size_t i = 0; i < len; i++) {
		if (have[i] != m.bytes[at + i]) {
			test_fail(__FILE__, __LINE__, "%s: byte %#llx is %#x, not %#x; size %#llx", what, at + i, have[i], m.bytes[at + i], m.size);
			return;
		}
	}
}

static void do_write(void)
{
	u64 at = place(), len = 1 + rnd(rnd(3) ? 100 : 5 * PAGE_SIZE);
	u8 value = (u8)rnd(256);

	len = min(len, FILE_BYTES - at);
	memset(buf, value, len);
	CHECK_EQ(disk_write(m.d, buf, at, len), len);
	if (at > m.size)
		memset(m.bytes + m.size, 0, at - m.size);
	memset(m.bytes + at, value, len);
	m.size = max(m.size, at + len);
}

static void do_read(void)
{
	u64 at = place(), len = 1 + rnd(rnd(2) ? 100 : 9 * PAGE_SIZE), have = at < m.size ? min(len, m.size - at) : 0;

	CHECK_EQ(disk_read(m.d, &m.f, buf, at, len), have);
	check_bytes(at, have, buf, "read");
}

static void do_store(void)
{
	u64 at = place();
	u8 value = (u8)rnd(256);
	bool ok = store(BASE + at, value);

	CHECK_EQ(ok, at < align_up(m.size, PAGE_SIZE));
	if (ok && at < m.size)
		m.bytes[at] = value;
}

static void do_load(void)
{
	u64 at = place();
	int got = -1;

	if (at >= m.size)
		return;
	rcu_read_lock();
	{
		struct pt_at e = pt_walk(&m.s->mmu, BASE + at, 0);
		struct pte pte = e.e ? pte_load(e.e) : pte_none();

		if (pte_is_user(pte))
			got = use_entry(pte, at, false, 0);
	}
	rcu_read_unlock();
	if (got >= 0)
		CHECK_EQ(got, m.bytes[at]);
	else
		CHECK_EQ(vm_fault(m.s, BASE + at, FAULT_USER, STACK, &last_signo, &last_code), 0);
}

static void do_truncate(void)
{
	u64 size = rnd(3) ? min(place(), m.size) : place();

	disk_truncate(m.d, size);
	if (size < m.size)
		memset(m.bytes + size, 0, m.size - size);
	m.size = size;
}

static void do_punch(void)
{
	u64 at = place(), end = min(at + 1 + rnd(4 * PAGE_SIZE), m.size);

	if (at >= end)
		return;
	disk_punch(m.d, at, end);
	memset(m.bytes + at, 0, end - at);
}

static void do_fsync(void)
{
	CHECK_EQ(cache_fsync(&m.f, &m.d->cache, 0, S64_MAX, false), 0);
	check_bytes(0, m.size, m.d->bytes, "after fsync");
}

static void step(void)
{
	switch (rnd(20)) {
	case 0: case 1: case 2: case 3: case 4: do_write(); break;
	case 5: case 6: case 7: case 8: do_read(); break;
	case 9: case 10: case 11: do_store(); break;
	case 12: case 13: do_load(); break;
	case 14: do_truncate(); break;
	case 15: do_punch(); break;
	case 16:
		if (!rnd(8))
			do_fsync();
		break;
	case 17: (void)!cache_invalidate_range(&m.d->cache, place(), FILE_BYTES); break;
	case 18: cache_ahead(&m.d->cache, rnd(FILE_PAGES), 8); break;
	default:
		if (!rnd(8)) {
			CHECK_EQ(vm_unmap(m.s, BASE, FILE_BYTES), 0);
			CHECK_EQ(map_object(m.s, BASE, FILE_BYTES, RW | VM_SHARED, &m.d->inode.data, 0), 0);
		}
	}
}

static void run_cpu(void *arg)
{
	switch (host_cpu) {
	case USER:
		for (u64 i = 0; i < m.rounds && !test_failures(); i++)
			step();
		__atomic_store_n(&m.done, true, __ATOMIC_RELEASE);
		return;
	case DISK:
		while (!__atomic_load_n(&m.done, __ATOMIC_ACQUIRE)) {
			if (!disk_finish())
				sched_yield();
		}
		/* The others may still wait. */
		for (int i = 0; i < 2000; i++) {
			if (!disk_finish())
				sched_yield();
		}
		return;
	case FLUSHER:
		while (!__atomic_load_n(&m.done, __ATOMIC_ACQUIRE)) {
			(void)bdi_pass(&test_bdi, clock_monotonic() + 40000000000ull);
			sched_yield();
		}
		return;
	default:
		while (!__atomic_load_n(&m.done, __ATOMIC_ACQUIRE)) {
			(void)reclaim_files(16);
			env_rcu_flush();
			sched_yield();
		}
	}
}

static void run(u32 flags)
{
	disk_start(16 << 20, CPUS);
	test_bdi.flags = flags;
	m.d = disk_file_create();
	m.s = vm_space_create();
	m.size = 0;
	m.done = false;
	m.rounds = test_rounds(4000);
	m.seed = test_rand();
	memset(m.bytes, 0, sizeof(m.bytes));
	memset(&m.f, 0, sizeof(m.f));
	CHECK_EQ(map_object(m.s, BASE, FILE_BYTES, RW | VM_SHARED, &m.d->inode.data, 0), 0);
	host_tlb_wait = rcu_synchronize;
	disk_by_hand = true;
	env_run_cpus(CPUS, run_cpu, NULL);
	disk_by_hand = false;
	while (disk_finish())
		;
	do_fsync();
	CHECK_EQ(disk_read(m.d, &m.f, buf, 0, FILE_BYTES), m.size);
	check_bytes(0, m.size, buf, "at the end");
	CHECK(radix_check(&m.d->inode.data.pages));
	CHECK(vm_space_check(m.s));
	vm_space_put_user(m.s);
	host_tlb_wait = NULL;
	disk_file_put(m.d);
	disk_stop();
	free(m.d);
}

#if !defined(__SANITIZE_THREAD__) /* a page on its way to the disk may change: by design, a race */
TEST(cache_agrees_with_a_model)
{
	run(0);
}
#endif

TEST(cache_agrees_with_a_model_with_stable_pages)
{
	run(BDI_STABLE);
}
