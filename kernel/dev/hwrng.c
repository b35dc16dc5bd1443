/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sources of entropy behind rng ports feed the one pool (security/random.h): a thread per source
 * asks for SEED_BYTES at once, then every PERIOD; after an error it waits as long.
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <debug/log.h>
#include <dev/device.h>
#include <env/task.h>
#include <env/time.h>
#include <mm/slab.h>
#include <port/rng.h>
#include <security/random.h>
#include <sync/spinlock.h>

#define SEED_BYTES 64
#define PERIOD_NS  60000000000ull

LOCK_CLASS(hwrng, RANK_LEAF, "list of entropy sources");

struct source {
	struct source *next;
	const struct rng_ops *ops;
	void *self;
	const char *name;
	struct env_task *task;
	struct env_event ev;
	struct rng_request rq;
	u32 ended; /* atomic */
	u64 fed;
	u8 bytes[SEED_BYTES];
};

static struct spinlock sources_lock = SPINLOCK_INIT(hwrng);
static struct source *sources; /* sources_lock */

static void request_done(struct rng_request *rq)
{
	struct source *s = container_of(rq, struct source, rq);

	STORE_RELEASE(s->ended, 1);
	env_event_signal(&s->ev);
}

/* Until the request has ended (the port promises that it does), or the task is to stop: then it is
 * cancelled. */
static void await(struct source *s)
{
	for (;;) {
		u32 seq = env_event_read(&s->ev);

		if (LOAD_ACQUIRE(s->ended))
			return;
		if (env_task_should_stop()) {
			s->ops->cancel(s->self, &s->rq);
			return;
		}
		(void)!env_event_wait(&s->ev, seq, env_deadline(PERIOD_NS));
	}
}

static void feed(struct source *s)
{
	struct rng_info info;

	s->ops->info(s->self, &info);
	iobuf_init_kernel(&s->rq.data, s->bytes, sizeof(s->bytes));
	s->rq.done = request_done;
	WRITE_ONCE(s->ended, 0);
	s->ops->submit(s->self, &s->rq);
	await(s);
	if (s->rq.status) {
		if (s->rq.status != -ECANCELED)
			klog_ratelimited(LOG_WARN, "%s: entropy: error %d", s->name, s->rq.status);
		return;
	}
	random_mix(s->bytes, s->rq.got, s->rq.got * 8 * min(info.bits_per_1024, 1024u) / 1024);
	if (!s->fed)
		klog(LOG_INFO, "%s: feeds the random source, %u bytes", s->name, s->rq.got);
	s->fed += s->rq.got;
	memzero_explicit(s->bytes, sizeof(s->bytes));
}

static void source_main(void *arg)
{
	struct source *s = arg;

	while (!env_task_should_stop()) {
		u64 next = env_deadline(PERIOD_NS);

		feed(s);
		for (;;) {
			u32 seq = env_event_read(&s->ev);

			if (env_task_should_stop() || env_now() >= next ||
				env_event_wait(&s->ev, seq, next))
				break;
		}
	}
}

int hwrng_add(const char *name, const struct rng_ops *ops, void *self)
{
	struct source *s = kzalloc(sizeof(*s), ALLOC_SLEEP);
	int err;

	if (!s)
		return -ENOMEM;
	s->ops = ops;
	s->self = self;
	s->name = name;
	env_event_init(&s->ev);
	err = env_task_start(source_main, s, "hwrng", &s->task);
	if (err) {
		kfree(s);
		return err;
	}
	spin_lock(&sources_lock);
	s->next = sources;
	sources = s;
	spin_unlock(&sources_lock);
	return 0;
}

void hwrng_remove(void *self)
{
	struct source **at, *s;

	spin_lock(&sources_lock);
	for (at = &sources; (s = *at) && s->self != self; at = &s->next)
		;
	if (s)
		*at = s->next;
	spin_unlock(&sources_lock);
	if (!s)
		return;
	env_task_stop(s->task, &s->ev);
	kfree(s);
}
