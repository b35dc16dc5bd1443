/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trace rings: who writes (the owning CPU, interrupts off), how all CPUs' records are read in the order of time, and how they look.
 *
 *	word 0   1                                  2, 3                  4, 5, 6
 *	time     event | cpu << 16 | id << 32       the thread's name     arguments
 *
 * The times of a ring grow strictly, so (time, CPU) is a total order, which readers keep as their cursor: they need no place in each ring.
 */
#include <lib/errno.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <arch/cpu.h>
#include <arch/smp.h>
#include <debug/log.h>
#include <debug/trace.h>
#include <debug/trace_ring.h>
#include <init/initcall.h>
#include <init/param.h>
#include <mm/kmap.h>
#include <sched/thread.h>
#include <sync/mutex.h>
#include <time/clock.h>

#define CURSOR_CPU_BITS 8 /* a cursor is time << 8 | CPU */
#define DUMP_MAX	64

static_assert(MAX_CPUS <= 1 << CURSOR_CPU_BITS, "a cursor names every CPU");
static_assert(sizeof(struct trace_slot) == 64, "a cache line");

LOCK_CLASS(trace, RANK_TRACE, "which trace events are chosen");

u32 trace_enabled;
static struct mutex trace_lock = MUTEX_INIT(trace_lock, trace);
static u32 selected;			    /* trace_lock */
static bool is_on = true;		    /* trace_lock */
static u64 cleared_at;			    /* older records are not shown; atomic */
static struct trace_ring *rings[MAX_CPUS]; /* set once */
static DEFINE_PER_CPU(u64, last_time);

static const char *const event_names[TRACE_EVENTS] = {
	[TRACE_SYS_ENTER] = "raw_syscalls:sys_enter",
	[TRACE_SYS_EXIT] = "raw_syscalls:sys_exit",
	[TRACE_SWITCH] = "sched:sched_switch",
	[TRACE_WAKE] = "sched:sched_wakeup",
	[TRACE_FAULT] = "exceptions:page_fault_user",
	[TRACE_IRQ_ENTER] = "irq:irq_enter",
	[TRACE_IRQ_EXIT] = "irq:irq_exit",
};

/* ---- writing ---- */

static void record(enum trace_event event, const struct thread *t, u64 a, u64 b, u64 c)
{
	irqflags_t flags = irq_save();
	unsigned cpu = cpu_id();
	struct trace_ring *r = LOAD_ACQUIRE(rings[cpu]);
	u64 words[TRACE_WORDS] = {0}, time = clock_monotonic();

	if (r) {
		time = max(time, this_cpu_read(last_time) + 1);
		this_cpu_write(last_time, time);
		words[0] = time;
		words[1] = event | (u64)cpu << 16 | (u64)(t ? t->id : 0) << 32;
		if (t)
			memcpy(&words[2], t->name, sizeof(t->name));
		words[4] = a;
		words[5] = b;
		words[6] = c;
		trace_ring_put(r, words);
	}
	irq_restore(flags);
}

void trace_record(enum trace_event event, u64 a, u64 b, u64 c)
{
	record(event, thread_current(), a, b, c);
}

void trace_record_thread(enum trace_event event, const struct thread *by, const struct thread *t, u32 more)
{
	u64 name[2];

	memcpy(name, t->name, sizeof(name));
	record(event, by, name[0], name[1], t->id | (u64)more << 32);
}

/* ---- reading ---- */

static u64 cursor_of(const u64 words[TRACE_WORDS])
{
	return words[0] << CURSOR_CPU_BITS | (words[1] >> 16 & 0xffff);
}

/* Of one ring the first record after @cursor, by bisection; what is overwritten meanwhile is before. */
static bool next_of(const struct trace_ring *r, u64 cursor, u64 words[TRACE_WORDS])
{
	u64 lo = trace_ring_first(r), last = trace_ring_last(r), hi = last;

	while (lo < hi) {
		u64 mid = lo + (hi - lo) / 2;

		if (trace_ring_get(r, mid, words) && cursor_of(words) > cursor)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo < last && trace_ring_get(r, lo, words);
}

static void unpack(const u64 words[TRACE_WORDS], struct trace_record *out)
{
	out->time_ns = words[0];
	out->event = (u8)words[1];
	out->cpu = (u16)(words[1] >> 16);
	out->id = (u32)(words[1] >> 32);
	memcpy(out->name, &words[2], 16);
	out->name[16] = '\0';
	memcpy(out->arg, &words[4], sizeof(out->arg));
}

bool trace_next(u64 *cursor, struct trace_record *out)
{
	u64 words[TRACE_WORDS], best = ~0ull, from = max(*cursor, READ_ONCE(cleared_at));

	for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
		const struct trace_ring *r = LOAD_ACQUIRE(rings[cpu]);

		if (r && next_of(r, from, words) && cursor_of(words) < best) {
			best = cursor_of(words);
			unpack(words, out);
		}
	}
	if (best == ~0ull)
		return false;
	*cursor = best;
	return true;
}

static const char *state_letter(u32 state)
{
	switch (state) {
	case THREAD_SLEEP_INTR: return "S";
	case THREAD_SLEEP_KILL:
	case THREAD_SLEEP_UNINTR: return "D";
	case THREAD_STOPPED: return "T";
	case THREAD_DEAD: return "X";
	default: return "R";
	}
}

static int format_args(const struct trace_record *r, char *buf, size_t size)
{
	const u64 *a = r->arg;
	u32 id = (u32)a[2], more = (u32)(a[2] >> 32);
	char name[17];

	memcpy(name, a, 16);
	name[16] = '\0';
	switch ((enum trace_event)r->event) {
	case TRACE_SYS_ENTER: return scnprintf(buf, size, "NR %lld (%llx, %llx)", (s64)a[0], a[1], a[2]);
	case TRACE_SYS_EXIT: return scnprintf(buf, size, "NR %lld = %lld", (s64)a[0], (s64)a[1]);
	case TRACE_SWITCH:
		return scnprintf(buf, size, "prev_comm=%s prev_pid=%u prev_state=%s ==> next_comm=%s next_pid=%u", r->name, r->id,
			state_letter(more), name, id);
	case TRACE_WAKE: return scnprintf(buf, size, "comm=%s pid=%u target_cpu=%03u", name, id, more);
	case TRACE_FAULT: return scnprintf(buf, size, "address=0x%llx ip=0x%llx flags=0x%llx", a[0], a[1], a[2]);
	case TRACE_IRQ_ENTER:
	case TRACE_IRQ_EXIT: return scnprintf(buf, size, "vector=%llu", a[0]);
	case TRACE_EVENTS: break;
	}
	return 0;
}

const char *trace_event_name(enum trace_event event)
{
	return event_names[event];
}

int trace_format(const struct trace_record *r, char *buf, size_t size)
{
	const char *event = r->event < TRACE_EVENTS ? str_chr_or_end(event_names[r->event], ':') + 1 : "?";
	int n = scnprintf(buf, size, "%16s-%-7u [%03u] ..... %5llu.%06llu: %s: ", r->name, r->id, r->cpu, r->time_ns / 1000000000,
		r->time_ns / 1000 % 1000000, event);

	return n + format_args(r, buf + n, size - (size_t)n);
}

/* ---- control ---- */

/* trace_lock. */
static void apply(void)
{
	__atomic_store_n(&trace_enabled, is_on ? selected : 0, __ATOMIC_RELAXED);
}

/* trace_lock. */
static int make_rings(void)
{
	for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
		struct trace_ring *r = rings[cpu] ? rings[cpu] : vmap_alloc(sizeof(*r));

		if (!r)
			return -ENOMEM;
		STORE_RELEASE(rings[cpu], r);
	}
	return 0;
}

int trace_select(u32 events)
{
	int err = 0;

	mutex_lock(&trace_lock);
	if (events)
		err = make_rings();
	if (!err) {
		selected = events;
		apply();
	}
	mutex_unlock(&trace_lock);
	return err;
}

u32 trace_selected(void)
{
	return READ_ONCE(selected);
}

void trace_set_on(bool on)
{
	mutex_lock(&trace_lock);
	is_on = on;
	apply();
	mutex_unlock(&trace_lock);
}

bool trace_get_on(void)
{
	return READ_ONCE(is_on);
}

void trace_clear(void)
{
	WRITE_ONCE(cleared_at, clock_monotonic() << CURSOR_CPU_BITS);
}

/* Does @name, "system:event", fit @word? */
static bool event_fits(const char *name, const char *word)
{
	const char *colon = str_chr_or_end(name, ':'), *star = strchr(word, '*');
	size_t system_len = (size_t)(colon - name) + 1;

	if (!strcmp(word, "*:*") || !strcmp(word, "*") || !strcmp(word, name) || !strcmp(word, colon + 1))
		return true;
	return star && !star[1] && (size_t)(star - word) == system_len && !strncmp(word, name, system_len);
}

int trace_parse_event(const char *word, u32 *events)
{
	bool remove = *word == '!';
	u32 mask = 0;

	for (unsigned i = 0; i < TRACE_EVENTS; i++)
		if (event_fits(event_names[i], word + remove))
			mask |= 1u << i;
	if (!mask)
		return -EINVAL;
	*events = remove ? *events & ~mask : *events | mask;
	return 0;
}

/* Debug kernels trace from the start, for the panic that may come; others what trace_event= names. */
static int trace_init(void)
{
	const char *words = param_get("trace_event");
	u32 events = NOS_DEBUG ? (1u << TRACE_EVENTS) - 1 : 0;
	char buf[128], *rest = buf, *word;

	if (words) {
		events = 0;
		strscpy(buf, words, sizeof(buf));
		while ((word = strsep(&rest, ",")))
			if (trace_parse_event(word, &events))
				klog(LOG_WARN, "trace_event=: no event %s", word);
	}
	return trace_select(events);
}
INITCALL(trace, "", trace_init);

void trace_dump(unsigned n)
{
	u64 words[TRACE_WORDS], first = ~0ull, from[DUMP_MAX], cursor = 0;
	struct trace_record r;
	char line[200];

	__atomic_store_n(&trace_enabled, 0, __ATOMIC_RELAXED);
	n = min_t(unsigned, n, DUMP_MAX);
	/* The last @n of all: keep the newest cursors, in order. */
	for (unsigned i = 0; i < n; i++)
		from[i] = 0;
	for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
		const struct trace_ring *ring = rings[cpu];
		u64 last = ring ? trace_ring_last(ring) : 0;

		for (u64 k = last > n ? last - n : 0; k < last; k++) {
			unsigned at = 0;

			if (!trace_ring_get(ring, k, words) || cursor_of(words) <= from[0])
				continue;
			for (; at + 1 < n && from[at + 1] < cursor_of(words); at++)
				from[at] = from[at + 1];
			from[at] = cursor_of(words);
		}
	}
	for (unsigned i = 0; i < n; i++)
		if (from[i])
			first = min(first, from[i]);
	if (first == ~0ull)
		return;
	klog(LOG_EMERG, "the last trace events:");
	cursor = first - 1;
	for (unsigned i = 0; i < n && trace_next(&cursor, &r); i++) {
		trace_format(&r, line, sizeof(line));
		klog(LOG_EMERG, "%s", line);
	}
}
