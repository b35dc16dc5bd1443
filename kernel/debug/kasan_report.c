/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What KASAN says of a bad access: what kind, by whom, and what the memory is or was. A report is a warning, not a panic: the tests fail on the word "KASAN"
 * in the log. A place reports once, and after MAX_REPORTS of them nothing is said any more.
 */
#include <arch/cpu.h>
#include <arch/mmu.h>
#include <debug/kasan.h>
#include <debug/kasan_impl.h>
#include <debug/log.h>
#include <debug/panic.h>
#include <debug/symtab.h>
#include <sched/thread.h>

#define MAX_REPORTS 32
#define PATIENCE    100000000u /* turns that a report waits for another CPU's */
#define ROW	    16	       /* bytes of shadow around the bad one */

static vaddr_t places[MAX_REPORTS]; /* return addresses that have reported; reporter */
static unsigned nplaces, nreported;
static u32 reporter; /* 0, or CPU + 1: the one that prints */

static const char *kind_of(vaddr_t bad)
{
	u8 code = kasan_shadow(bad);

	/* The end of something: what comes behind says what. */
	if (code && code < 8)
		code = kasan_shadow(bad + 8);
	switch (code) {
	case 0xf1:
	case 0xf2:
	case 0xf3:
	case 0xca:
	case 0xcb: return "stack-out-of-bounds";
	case 0xf5:
	case 0xf8: return "stack-use-after-scope";
	case KASAN_GLOBAL: return "global-out-of-bounds";
	case KASAN_SLAB_FREE: return "slab-use-after-free";
	case KASAN_SLAB_REDZONE: return "slab-out-of-bounds";
	case KASAN_PERCPU_FREE: return "percpu-out-of-bounds";
	case KASAN_VMAP_REDZONE: return "vmap-out-of-bounds";
	case KASAN_PAGE_FREE: return "page-use-after-free";
	case KASAN_PAGE_REDZONE: return "page-out-of-bounds";
	case KASAN_STACK_FREE: return "stack-use-after-exit";
	default: return "out-of-bounds";
	}
}

/* True: this CPU is to print. A report inside a report is dropped. */
static bool enter(vaddr_t pc)
{
	u32 me = cpu_id() + 1, owner;

	for (u32 i = 0; i < PATIENCE; i++) {
		owner = 0;
		if (__atomic_compare_exchange_n(&reporter, &owner, me, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			break;
		if (owner == me || i + 1 == PATIENCE)
			return false;
		cpu_relax();
	}
	for (unsigned i = 0; i < nplaces; i++)
		if (places[i] == pc)
			goto leave;
	if (nplaces == MAX_REPORTS)
		goto leave;
	places[nplaces++] = pc;
	nreported++;
	return true;
leave:
	__atomic_store_n(&reporter, 0, __ATOMIC_RELEASE);
	return false;
}

static void print_shadow(vaddr_t bad)
{
	static const char digit[] = "0123456789abcdef";
	char line[3 * ROW + 1];

	for (unsigned i = 0; i < ROW; i++) {
		u8 s = kasan_shadow((bad & ~7ull) + i * 8ull - ROW / 2 * 8);

		line[3 * i] = i == ROW / 2 ? '>' : ' ';
		line[3 * i + 1] = digit[s >> 4];
		line[3 * i + 2] = digit[s & 15];
	}
	line[3 * ROW] = '\0';
	klog(LOG_ERR, "  shadow around it:%s", line);
}

static void print_memory(vaddr_t bad)
{
	const char *name;

	if (bad >= kernel_layout.image_base && bad < kernel_layout.image_end) {
		name = kasan_find_global(bad);
		if (name)
			klog(LOG_ERR, "  at the global %s", name);
	} else {
		slab_debug_describe(bad);
	}
}

void kasan_report(vaddr_t va, vaddr_t bad, size_t len, bool write, vaddr_t pc)
{
	irqflags_t flags = irq_save();
	struct thread *t = thread_current();
	struct symtab_hit hit = {.name = "?"};

	/* The compiler tells only where the access starts. */
	if (va == bad && kasan_shadow(va) < 8 && (va & 7) + len > 8)
		bad = (va & ~7ull) + 8;
	if (!enter(pc)) {
		irq_restore(flags);
		return;
	}
	symtab_lookup(&symtab_kernel, pc - 1, &hit);
	klog(LOG_ERR, "BUG: KASAN: %s in %s", kind_of(bad), hit.name);
	klog(LOG_ERR, "%s of %zu bytes at %016llx by %.16s on cpu %u", write ? "write" : "read", len, va, t ? t->name : "(boot)",
		cpu_id());
	print_backtrace();
	print_memory(bad);
	print_shadow(bad);
	__atomic_store_n(&reporter, 0, __ATOMIC_RELEASE);
	irq_restore(flags);
}

unsigned kasan_reports(void)
{
	return READ_ONCE(nreported);
}

void kasan_forget(void)
{
	nplaces = 0;
}

bool kasan_explain_fault(vaddr_t fault)
{
	vaddr_t start = (LAYOUT_DIRECT_FIRST >> 3) + LAYOUT_SHADOW_OFFSET;

	if (fault - start >= 1ull << 44)
		return false;
	klog(LOG_EMERG, "KASAN: nothing is mapped near %016llx", (fault - LAYOUT_SHADOW_OFFSET) << 3);
	return true;
}
