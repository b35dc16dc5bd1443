/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel log.
 *
 * Record number n has descriptor n % NDESC and its text in one piece in the byte ring; a new record evicts the oldest ones that are in its way. One
 * lock, taken with interrupts off for a few hundred instructions, and never waited for by its own holder: an NMI or a fault inside klog finds
 * itself to be the owner and writes to the early console only.
 *
 * Consoles are written by whoever gets console_lock without waiting; others leave their records to the one who has it, who looks again after
 * letting go. So klog never waits for a slow console of another CPU.
 */
#include <stdarg.h>
#include <lib/string.h>
#include <lib/printf.h>
#include <lib/errno.h>
#include <arch/boot.h>
#include <arch/cpu.h>
#include <debug/log.h>
#include <debug/log_impl.h>
#include <irq/irq.h>
#include <sync/wait.h>
#include <time/clock.h>

#define NDESC	 1024
#define TEXT_LEN 65536
#define LINE_MAX 1000

struct desc {
	u64 pos; /* of the text, counted without wrapping */
	u64 time_ns;
	u16 len;
	u8 level, facility;
};

static struct desc descs[NDESC];
static char text[TEXT_LEN];
static u64 first_seq, next_seq, clear_seq, text_head; /* all by log_lock */
static u32 log_lock;				      /* 0, or owner CPU + 1 */
static u32 console_lock;			      /* 0 or 1; guards the consoles' list and the four below */
static u64 console_seq;
static char console_line[LINE_MAX + 40];
static struct log_console *consoles;
static int console_level = 7;
static bool panicking;
static struct wait_queue readers;
static bool readers_ready;

/* False: this CPU holds it already (or, in a panic, somebody who is not coming back does). */
static bool lock_log(irqflags_t *flags)
{
	u32 me, zero;

	*flags = irq_save();
	me = cpu_id() + 1;
	for (u32 spins = 0;; spins++) {
		zero = 0;
		if (__atomic_compare_exchange_n(&log_lock, &zero, me, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return true;
		if (zero == me || (panicking && spins > 1000000))
			break;
		cpu_relax();
	}
	irq_restore(*flags);
	return false;
}

static void unlock_log(irqflags_t flags)
{
	__atomic_store_n(&log_lock, 0, __ATOMIC_RELEASE);
	irq_restore(flags);
}

/* Room for @len bytes in one piece: evict, and give the position. */
static u64 make_room(size_t len)
{
	u64 pos = text_head;

	if (pos % TEXT_LEN + len > TEXT_LEN)
		pos += TEXT_LEN - pos % TEXT_LEN;
	while (first_seq < next_seq &&
		(descs[first_seq % NDESC].pos + TEXT_LEN < pos + len || next_seq - first_seq >= NDESC))
		first_seq++;
	text_head = pos + len;
	return pos;
}

static void store(unsigned level, unsigned facility, const char *s, size_t len)
{
	irqflags_t flags;
	struct desc *d;

	if (!lock_log(&flags)) {
		arch_early_console(s, len);
		arch_early_console("\n", 1);
		return;
	}
	u64 pos = make_room(len);
	memcpy(text + pos % TEXT_LEN, s, len);
	d = &descs[next_seq % NDESC];
	d->pos = pos;
	d->len = (u16)len;
	d->level = (u8)level;
	d->facility = (u8)facility;
	d->time_ns = clock_monotonic();
	next_seq++;
	unlock_log(flags);
}

/* Copy record *seq, or the first after it that is left; false: there is none. */
static bool fetch(u64 *seq, struct desc *out, char *buf, bool *out_lost)
{
	irqflags_t flags;
	bool ok = false;

	*out_lost = false;
	if (!lock_log(&flags))
		return false;
	if (*seq < first_seq) {
		*seq = first_seq;
		*out_lost = true;
	}
	if (*seq < next_seq) {
		*out = descs[*seq % NDESC];
		memcpy(buf, text + out->pos % TEXT_LEN, out->len);
		ok = true;
	}
	unlock_log(flags);
	return ok;
}

static void console_write(size_t len)
{
	if (!consoles || panicking) {
		arch_early_console(console_line, len);
		return;
	}
	for (struct log_console *c = consoles; c; c = c->next)
		c->write(c, console_line, len);
}

/* Make the line of the next record from *seq on that is to be shown; its length, 0: there is none. */
static size_t next_line(u64 *seq)
{
	char prefix[40];
	struct desc d;
	bool lost;

	do {
		if (!fetch(seq, &d, console_line + sizeof(prefix), &lost))
			return 0;
		(*seq)++;
	} while (d.level >= console_level && !panicking);
	size_t n = (size_t)scnprintf(prefix, sizeof(prefix), "[%5llu.%06llu] ", d.time_ns / 1000000000, d.time_ns / 1000 % 1000000);

	memmove(console_line + n, console_line + sizeof(prefix), d.len);
	memcpy(console_line, prefix, n);
	n += d.len;
	console_line[n++] = '\n';
	return n;
}

static void console_pass(void)
{
	size_t len;

	while ((len = next_line(&console_seq)))
		console_write(len);
}

static void console_flush(void)
{
	do {
		irqflags_t flags = irq_save();

		if (__atomic_exchange_n(&console_lock, 1, __ATOMIC_ACQUIRE) && !panicking) {
			irq_restore(flags);
			return;
		}
		console_pass();
		__atomic_store_n(&console_lock, 0, __ATOMIC_SEQ_CST);
		irq_restore(flags);
	} while (__atomic_load_n(&next_seq, __ATOMIC_SEQ_CST) > __atomic_load_n(&console_seq, __ATOMIC_RELAXED));
}

static void wake_readers(struct soft_work *w)
{
	wait_wake_all(&readers);
}

static void notify(void)
{
	static struct soft_work work = {.fn = wake_readers};

	console_flush();
	/* Not from here: klog may be called with any lock held. */
	if (readers_ready && !panicking && wait_queue_active(&readers))
		soft_work_queue(&work);
}

void klog(enum log_level level, const char *fmt, ...)
{
	char line[LINE_MAX];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vscnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	while (len && line[len - 1] == '\n')
		len--;
	store(level, 0, line, (size_t)len);
	notify();
}

void log_user(unsigned prio, const char *s, size_t len)
{
	while (len && s[len - 1] == '\n')
		len--;
	store(prio & 7, prio >> 3 ? prio >> 3 : 1, s, min_t(size_t, len, LINE_MAX));
	notify();
}

bool log_ratelimit(struct log_ratelimit *rl)
{
	u64 now = clock_monotonic();

	if (now - READ_ONCE(rl->window_ns) >= 5000000000ull || !rl->window_ns) {
		u32 missed = __atomic_exchange_n(&rl->missed, 0, __ATOMIC_RELAXED);

		WRITE_ONCE(rl->window_ns, now ? now : 1);
		WRITE_ONCE(rl->count, 0);
		if (missed)
			klog(LOG_WARN, "%u messages suppressed", missed);
	}
	if (__atomic_fetch_add(&rl->count, 1, __ATOMIC_RELAXED) < 10)
		return true;
	__atomic_fetch_add(&rl->missed, 1, __ATOMIC_RELAXED);
	return false;
}

void log_console_register(struct log_console *c)
{
	struct log_console **tail = &consoles;
	irqflags_t flags = irq_save();
	size_t len;

	while (__atomic_exchange_n(&console_lock, 1, __ATOMIC_ACQUIRE))
		cpu_relax();
	while (*tail)
		tail = &(*tail)->next;
	c->next = NULL;
	*tail = c;
	/* The early console has shown what was before, but where there is a picture it is gone. */
	for (u64 seq = 0; c->history && seq < console_seq && (len = next_line(&seq));)
		c->write(c, console_line, len);
	__atomic_store_n(&console_lock, 0, __ATOMIC_SEQ_CST);
	irq_restore(flags);
	console_flush();
}

void log_set_console_level(int level)
{
	console_level = clamp(level, 1, 8);
}

int log_console_level(void)
{
	return console_level;
}

/* "prio,seq,microseconds,-;text\n", as /dev/kmsg has it; what is not printable as \xNN. */
static ssize_t format_record(const struct desc *d, u64 seq, const char *s, char *buf, size_t size)
{
	int n = scnprintf(buf, size, "%u,%llu,%llu,-;", (unsigned)d->facility << 3 | d->level, seq, d->time_ns / 1000);

	for (unsigned i = 0; i < d->len && (size_t)n + 1 < size; i++) {
		u8 c = (u8)s[i];

		if (c < ' ' || c >= 127 || c == '\\')
			n += scnprintf(buf + n, size - (size_t)n, "\\x%02x", c);
		else
			buf[n++] = (char)c;
	}
	if ((size_t)n < size)
		buf[n++] = '\n';
	return n;
}

ssize_t log_read(u64 *seq, char *buf, size_t size)
{
	struct desc d;
	char line[LINE_MAX];
	bool lost;
	bool found = fetch(seq, &d, line, &lost);

	if (lost)
		return -EPIPE;
	if (!found)
		return -EAGAIN;
	ssize_t n = format_record(&d, *seq, line, buf, size);
	(*seq)++;
	return n;
}

static u64 read_locked(const u64 *p)
{
	irqflags_t flags;
	bool locked = lock_log(&flags);
	u64 v = *p;

	if (locked)
		unlock_log(flags);
	return v;
}

int log_restricted = 1;

size_t log_buffer_size(void)
{
	return TEXT_LEN;
}

u64 log_first_seq(void)
{
	return read_locked(&first_seq);
}

u64 log_next_seq(void)
{
	return read_locked(&next_seq);
}

u64 log_clear_seq(void)
{
	return read_locked(&clear_seq);
}

void log_clear(void)
{
	irqflags_t flags;

	if (!lock_log(&flags))
		return;
	clear_seq = next_seq;
	unlock_log(flags);
}

struct wait_queue *log_wait_queue(void)
{
	return &readers;
}

void log_init(void)
{
	wait_queue_init(&readers);
	WRITE_ONCE(readers_ready, true);
}

void log_enter_panic(void)
{
	WRITE_ONCE(panicking, true);
}
