/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * POSIX timers: what all timers of a process are (interval timers and the CPU limit, too: itimer.c), and the calls of those that have an id.
 *
 * A process has a table of timers, made at first use: slots by id, the three itimers, and one for RLIMIT_CPU. The table's lock (irqsave) guards all
 * timers of the process; it comes before the sighand lock (a firing timer sends its signal under it). Delivery, which holds the sighand lock, counts the
 * periods that passed meanwhile: what both change is also under the timer's own lock, which comes last. A timer that fires for a period that delivery has
 * counted finds that it is early.
 *
 *     DISARMED --set--> ARMED --fires--> PENDING (its signal is queued; further periods count as overruns) --delivered--> ARMED
 *
 * Lifetime: the table lives as long as the process; a deleted timer is freed when its signal is no longer queued.
 */
#include <lib/errno.h>
#include <lib/strbuf.h>
#include <lib/string.h>
#include <linux/time.h>
#include <mm/slab.h>
#include <proc/cred.h>
#include <proc/posix_timer.h>
#include <time/clock.h>
#include "posix_timer_impl.h"
#include "proc_impl.h"

#define TIMERS_MAX 65536

LOCK_CLASS(posix_timers, RANK_POSIX_TIMER, "timers of one process");
LOCK_CLASS(posix_timer, RANK_LEAF, "when one timer expires, and how often it has");

struct posix_timers *posix_timers_table(void)
{
	struct proc *p = task_current()->proc;
	struct posix_timers *t = LOAD_ACQUIRE(p->timers), *expected = NULL;

	if (t)
		return t;
	t = kzalloc(sizeof(*t), ALLOC_SLEEP);
	if (!t)
		return NULL;
	spin_init(&t->lock, posix_timers);
	t->proc = p;
	if (!__atomic_compare_exchange_n(&p->timers, &expected, t, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		kfree(t);
		t = expected;
	}
	return t;
}

static u64 clock_now(const struct posix_timer *pt)
{
	if (pt->watch.task)
		return cpu_watch_now(&pt->watch);
	switch (pt->timer.clock) {
	case TIMER_REALTIME: return (u64)clock_realtime();
	case TIMER_BOOTTIME: return clock_boottime();
	case TIMER_TAI: return (u64)clock_tai();
	default: return clock_monotonic();
	}
}

static void hardware_arm(struct posix_timer *pt)
{
	u64 at = READ_ONCE(pt->expires);

	if (pt->watch.task)
		cpu_watch_arm(&pt->watch, at);
	else
		timer_arm(&pt->timer, at, 0);
}

static void hardware_cancel(struct posix_timer *pt)
{
	if (pt->watch.task)
		cpu_watch_cancel(&pt->watch);
	else
		timer_cancel(&pt->timer);
}

/* Move expires past @now; how many whole periods were skipped. The timer's lock. */
static u64 advance(struct posix_timer *pt, u64 now)
{
	u64 skipped;

	if (!pt->interval || now < pt->expires)
		return 0;
	skipped = (now - pt->expires) / pt->interval;
	pt->expires += (skipped + 1) * pt->interval;
	return skipped;
}

static void send(struct posix_timer *pt)
{
	struct proc *p = pt->table->proc;

	if (pt->notify == SIGEV_NONE)
		return;
	if (pt->id < 0) {
		siginfo_t info;

		siginfo_kernel(&info, pt->signo);
		signal_send_proc(p, &info);
		return;
	}
	pt->queue.info = pt->info;
	WRITE_ONCE(pt->pending, true);
	if (signal_send_prealloc(pt->target, p, &pt->queue))
		WRITE_ONCE(pt->pending, false); /* ignored: nobody will deliver it */
}

/* The limit: SIGXCPU at the soft limit and each second after, SIGKILL at the hard one. */
static void limit_fire(struct posix_timer *pt, u64 now)
{
	struct proc *p = pt->table->proc;
	u64 hard = READ_ONCE(p->rlimits[RLIMIT_CPU].max);

	if (hard != ~0ull && now / NS_PER_SEC >= hard) {
		pt->expires = 0;
		signal_kill_proc(p);
		return;
	}
	send(pt);
	pt->expires = now + NS_PER_SEC;
	hardware_arm(pt);
}

/* Count the period that is over, if it is; is there a signal to be sent for it? Table lock. */
static bool period_ends(struct posix_timer *pt, u64 now)
{
	bool tell = false;

	spin_lock(&pt->lock);
	if (now < pt->expires)
		goto out; /* a clock set back, the timer set anew meanwhile, or delivery was first */
	if (pt->pending) {
		/* the last signal is still waiting: this period, and those that were missed, are overruns */
		pt->overrun += 1 + advance(pt, now);
	} else {
		pt->overrun = advance(pt, now); /* overrun_last is that of the signal delivered last */
		tell = true;
	}
	if (!pt->interval)
		pt->expires = 0;
out:
	spin_unlock(&pt->lock);
	return tell;
}

static void fire(struct posix_timer *pt)
{
	irqflags_t flags = spin_lock_irqsave(&pt->table->lock);
	u64 now;

	if (!pt->expires || pt->deleted)
		goto out;
	now = clock_now(pt);
	if (pt == pt->table->fixed[LIMIT_TIMER] && now >= pt->expires) {
		limit_fire(pt, now);
		goto out;
	}
	if (period_ends(pt, now))
		send(pt);
	if (pt->expires)
		hardware_arm(pt);
out:
	spin_unlock_irqrestore(&pt->table->lock, flags);
}

static void timer_fire(struct timer *t)
{
	fire(container_of(t, struct posix_timer, timer));
}

static void watch_fire(struct cpu_watch *w)
{
	fire(container_of(w, struct posix_timer, watch));
}

/* The sighand lock comes after the table's: what is armed now stays so, and finds that it is early. */
void posix_timer_delivered(struct posix_timer *pt, siginfo_t *info)
{
	u64 now = clock_now(pt);

	spin_lock(&pt->lock);
	if (pt->interval && pt->expires && now >= pt->expires)
		pt->overrun += 1 + advance(pt, now);
	info->si_overrun = (int)min(pt->overrun, (u64)S32_MAX);
	pt->overrun_last = pt->overrun;
	pt->overrun = 0;
	WRITE_ONCE(pt->pending, false);
	spin_unlock(&pt->lock);
}

int posix_timer_alloc(struct posix_timers *table, int clock, struct posix_timer **out)
{
	struct posix_timer *pt = kzalloc(sizeof(*pt), ALLOC_SLEEP);
	enum timer_clock kind = TIMER_MONOTONIC;
	int err;

	if (!pt)
		return -ENOMEM;
	spin_init(&pt->lock, posix_timer);
	pt->table = table;
	pt->clock = clock;
	pt->queue.prealloc = true;
	pt->queue.timer = pt;
	list_init(&pt->queue.link);
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_ALARM: kind = TIMER_REALTIME; break;
	case CLOCK_MONOTONIC: break;
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM: kind = TIMER_BOOTTIME; break;
	case CLOCK_TAI: kind = TIMER_TAI; break;
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE: kfree(pt); return -EOPNOTSUPP;
	default:
		pt->watch.fn = watch_fire;
		err = cpu_clock_task(clock, &pt->watch.task, &pt->watch.process);
		if (err) {
			kfree(pt);
			return err;
		}
	}
	timer_init(&pt->timer, kind, timer_fire);
	*out = pt;
	return 0;
}

void posix_timer_free(struct posix_timer *pt)
{
	if (pt->watch.task)
		cpu_watch_cancel_sync(&pt->watch);
	else
		timer_cancel_sync(&pt->timer);
	signal_cancel_prealloc(pt->table->proc, pt->target, &pt->queue);
	if (pt->target)
		task_put(pt->target);
	if (pt->watch.task)
		task_put(pt->watch.task);
	kfree(pt);
}

/* A slot for a new timer: the next id, as Linux counts. Table lock; may have to grow first (*out_grow). */
static s32 slot_find(struct posix_timers *t, u32 *out_grow)
{
	for (u32 n = 0; n < t->nslots; n++) {
		s32 id = (s32)(((u32)t->next_id + n) % t->nslots);

		if (!t->slots[id]) {
			t->next_id = id + 1;
			return id;
		}
	}
	*out_grow = t->nslots ? t->nslots * 2 : 8;
	return -1;
}

static int MUST_CHECK slot_insert(struct posix_timers *t, struct posix_timer *pt, s32 *out_id)
{
	struct posix_timer **bigger = NULL, **old;
	u32 grow = 0, have = 0;
	irqflags_t flags;
	s32 id;

	for (;;) {
		flags = spin_lock_irqsave(&t->lock);
		if (bigger && have > t->nslots) {
			if (t->nslots)
				memcpy(bigger, t->slots, t->nslots * sizeof(*bigger));
			t->next_id = (s32)t->nslots;
			t->nslots = have;
			swap(bigger, t->slots);
		}
		id = slot_find(t, &grow);
		if (id >= 0) {
			pt->id = id;
			t->slots[id] = pt;
		}
		spin_unlock_irqrestore(&t->lock, flags);
		old = bigger;
		bigger = NULL;
		kfree(old);
		if (id >= 0) {
			*out_id = id;
			return 0;
		}
		if (grow > TIMERS_MAX)
			return -EAGAIN;
		bigger = kcalloc(grow, sizeof(*bigger), ALLOC_SLEEP);
		have = grow;
		if (!bigger)
			return -EAGAIN;
	}
}

static int MUST_CHECK set_notify(struct posix_timer *pt, const sigevent_t *ev)
{
	struct task *me = task_current();

	pt->notify = ev->sigev_notify;
	pt->signo = ev->sigev_signo;
	switch (ev->sigev_notify) {
	case SIGEV_NONE: return 0;
	case SIGEV_SIGNAL:
	case SIGEV_THREAD: break;
	case SIGEV_SIGNAL | SIGEV_THREAD_ID:
		pt->target = task_find_get(ev->_sigev_un._tid, PID_TID);
		if (!pt->target || pt->target->proc != me->proc)
			return -EINVAL;
		break;
	default: return -EINVAL;
	}
	return pt->signo < 1 || pt->signo > SIG_MAX ? -EINVAL : 0;
}

/* ev NULL: SIGALRM, whose value is the timer's id. */
int posix_timer_create(int clock, const sigevent_t *ev, s32 *out_id)
{
	static const sigevent_t standard = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
	struct posix_timers *table = posix_timers_table();
	struct posix_timer *pt;
	int err;

	if (!table)
		return -EAGAIN;
	err = posix_timer_alloc(table, clock, &pt);
	if (err)
		return err;
	err = set_notify(pt, ev ? ev : &standard);
	if (!err && (clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM) && !capable(CAP_WAKE_ALARM))
		err = -EPERM;
	if (!err)
		err = slot_insert(table, pt, out_id);
	if (err) {
		posix_timer_free(pt);
		return err;
	}
	memset(&pt->info, 0, sizeof(pt->info));
	pt->info.si_signo = pt->signo;
	pt->info.si_code = SI_TIMER;
	pt->info.si_tid = *out_id;
	if (ev)
		pt->info.si_value = ev->sigev_value;
	else
		pt->info.si_int = *out_id;
	return 0;
}

/* The timer with its table locked; NULL. */
static struct posix_timer *timer_lock(s32 id, irqflags_t *flags)
{
	struct posix_timers *t = LOAD_ACQUIRE(task_current()->proc->timers);
	struct posix_timer *pt;

	if (!t || id < 0)
		return NULL;
	*flags = spin_lock_irqsave(&t->lock);
	pt = (u32)id < t->nslots ? t->slots[index_nospec((u32)id, t->nslots)] : NULL;
	if (!pt)
		spin_unlock_irqrestore(&t->lock, *flags);
	return pt;
}

void posix_timer_read_locked(struct posix_timer *pt, struct timer_spec *out)
{
	u64 now = clock_now(pt);

	spin_lock(&pt->lock);
	*out = (struct timer_spec){.interval = pt->interval};
	/* nothing fires one that tells nobody: periods pass unseen */
	if (pt->notify == SIGEV_NONE && pt->expires && now >= pt->expires)
		advance(pt, now);
	/* due but not yet served still counts as running */
	if (pt->expires > now)
		out->value = pt->expires - now;
	else if (pt->expires && pt->notify != SIGEV_NONE)
		out->value = 1;
	spin_unlock(&pt->lock);
}

void posix_timer_set_locked(struct posix_timer *pt, bool absolute, const struct timer_spec *spec)
{
	u64 now = clock_now(pt), at = absolute ? spec->value : now + spec->value;

	if (!spec->value)
		hardware_cancel(pt);
	spin_lock(&pt->lock);
	pt->overrun = pt->overrun_last = 0;
	pt->interval = spec->value ? spec->interval : 0;
	/* A firing of the old setting waits for the lock, and then finds that it is early. */
	pt->expires = !spec->value ? 0 : at < spec->value ? ~0ull : at;
	spin_unlock(&pt->lock);
	if (spec->value && pt->notify != SIGEV_NONE)
		hardware_arm(pt);
}

int posix_timer_set(s32 id, bool absolute, const struct timer_spec *spec, struct timer_spec *out_old)
{
	irqflags_t flags;
	struct posix_timer *pt = timer_lock(id, &flags);

	if (!pt)
		return -EINVAL;
	if (out_old)
		posix_timer_read_locked(pt, out_old);
	posix_timer_set_locked(pt, absolute, spec);
	spin_unlock_irqrestore(&pt->table->lock, flags);
	return 0;
}

int posix_timer_get(s32 id, struct timer_spec *out)
{
	irqflags_t flags;
	struct posix_timer *pt = timer_lock(id, &flags);

	if (!pt)
		return -EINVAL;
	posix_timer_read_locked(pt, out);
	spin_unlock_irqrestore(&pt->table->lock, flags);
	return 0;
}

s64 posix_timer_overrun(s32 id)
{
	irqflags_t flags;
	struct posix_timer *pt = timer_lock(id, &flags);
	s64 n;

	if (!pt)
		return -EINVAL;
	n = (s64)min(pt->overrun_last, (u64)S32_MAX);
	spin_unlock_irqrestore(&pt->table->lock, flags);
	return n;
}

int posix_timer_delete(s32 id)
{
	irqflags_t flags;
	struct posix_timer *pt = timer_lock(id, &flags);

	if (!pt)
		return -EINVAL;
	pt->table->slots[id] = NULL;
	pt->deleted = true;
	spin_unlock_irqrestore(&pt->table->lock, flags);
	posix_timer_free(pt);
	return 0;
}

static void delete_slots(struct posix_timers *t)
{
	for (u32 i = 0; i < t->nslots; i++) {
		if (t->slots[i]) {
			int ignored = posix_timer_delete((s32)i);

			(void)ignored;
		}
	}
}

/* timer_create's timers go with the program; itimers stay [man execve(2)]. */
void posix_timers_exec(struct proc *p)
{
	if (p->timers)
		delete_slots(p->timers);
}

void posix_timers_exit(struct proc *p)
{
	struct posix_timers *t = p->timers;

	if (!t)
		return;
	delete_slots(t);
	for (int i = 0; i < FIXED_TIMERS; i++) {
		if (t->fixed[i]) {
			irqflags_t flags = spin_lock_irqsave(&t->lock);

			t->fixed[i]->expires = 0;
			spin_unlock_irqrestore(&t->lock, flags);
			posix_timer_free(t->fixed[i]);
			t->fixed[i] = NULL;
		}
	}
	kfree(t->slots);
	p->timers = NULL;
	kfree(t);
}

int posix_timers_show(struct proc *p, s32 tgid, struct strbuf *sb)
{
	static const char *const kinds[] = {[SIGEV_SIGNAL] = "signal", [SIGEV_NONE] = "none", [SIGEV_THREAD] = "thread"};
	struct posix_timers *table = LOAD_ACQUIRE(p->timers);
	irqflags_t flags;

	if (!table)
		return 0;
	flags = spin_lock_irqsave(&table->lock);
	for (u32 i = 0; i < table->nslots; i++) {
		const struct posix_timer *pt = table->slots[i];

		if (!pt || pt->deleted)
			continue;
		strbuf_printf(sb, "ID: %d\nsignal: %d/%016llx\nnotify: %s/%s.%d\nClockID: %d\n", pt->id, pt->signo,
			(u64)pt->info.si_value.sival_ptr, kinds[pt->notify & ~SIGEV_THREAD_ID],
			pt->notify & SIGEV_THREAD_ID ? "tid" : "pid", pt->target ? task_tid(pt->target) : tgid, pt->clock);
	}
	spin_unlock_irqrestore(&table->lock, flags);
	return 0;
}
