/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The random source.
 *
 *     RDSEED/RDRAND, cycle jitter,      BLAKE2s pool          ChaCha20 stream per CPU
 *     boot loader, virtio-rng, irqs --> (one, with a lock) --> (reseeded when its generation is old) --> bytes
 *
 * Fast key erasure: a CPU's key makes STREAM_SIZE bytes at once; the first of them take the key's place, the others are given out, each once, and erased as they
 * are: what was given out cannot be computed again from what is kept. A long request takes a key of its own from there, so that it runs with interrupts on.
 * The pool is "ready" when sources have been credited 256 bits; each extraction that follows new credit starts a generation.
 * A hardware source is believed only after a health test (repetition and counts of ones over 64 words).
 */
#include <lib/bits.h>
#include <lib/blake2s.h>
#include <lib/chacha20.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <arch/cpu.h>
#include <arch/time.h>
#include <debug/log.h>
#include <init/initcall.h>
#include <security/random.h>
#include <sync/spinlock.h>
#include <sync/wait.h>
#include <time/clock.h>

#define KEY_SIZE      CHACHA20_KEY_SIZE
#define READY_BITS    256
#define RESEED_NS     (60ull * 1000000000)
#define HEALTH_WORDS  64

LOCK_CLASS(random_pool, RANK_LEAF, "the entropy pool");

#define STREAM_SIZE   (8 * CHACHA20_BLOCK_SIZE)
#define SHORT_REQUEST 256

/* stream: the key, then what has been given out (zeroes), then `left` bytes. */
struct cpu_generator {
	u64 generation;
	u32 left;
	u8 stream[STREAM_SIZE];
};

static DEFINE_PER_CPU(struct cpu_generator, generator);
static struct spinlock pool_lock = SPINLOCK_INIT(random_pool);
static struct blake2s pool;	/* pool_lock */
static bool pool_started;	/* pool_lock */
static unsigned credit;		/* pool_lock; saturates at READY_BITS */
static u64 generation;		/* written under pool_lock */
static u64 extracted_ns;	/* pool_lock */
static bool ready;
static struct wait_queue ready_wait;

/* Do @n words of @source look like noise? Catches the stuck and the broken, as AMD's all-ones RDRAND after resume. */
static bool source_healthy(bool (*source)(u64 *))
{
	u64 word, last = 0;
	unsigned ones = 0;

	for (unsigned i = 0; i < HEALTH_WORDS; i++) {
		if (!source(&word) || (i && word == last))
			return false;
		ones += popcount64(word);
		last = word;
	}
	/* 4096 fair coins: mean 2048, sigma 32; eight sigma is never */
	return ones > 2048 - 256 && ones < 2048 + 256;
}

/* Timing noise of the processor itself; worth little, better than nothing. */
static void mix_jitter(struct blake2s *b)
{
	u64 samples[32];

	for (unsigned i = 0; i < ARRAY_SIZE(samples); i++) {
		samples[i] = cpu_cycles();
		for (unsigned spin = 0; spin < (samples[i] & 7); spin++)
			cpu_relax();
	}
	blake2s_update(b, samples, sizeof(samples));
}

static void pool_start_locked(void)
{
	u64 word;

	pool_started = true;
	blake2s_init(&pool, BLAKE2S_HASH_SIZE, NULL, 0);
	mix_jitter(&pool);
	if (source_healthy(cpu_random_seed) || source_healthy(cpu_random)) {
		for (unsigned i = 0; i < 2 * READY_BITS / 64; i++) {
			if (cpu_random_seed(&word) || cpu_random(&word))
				blake2s_update(&pool, &word, sizeof(word));
		}
		credit = READY_BITS;
	}
}

/* A fresh key for this CPU; the pool goes on from a hash of itself. pool_lock held. */
static void extract_locked(u8 key[KEY_SIZE])
{
	u8 seed[BLAKE2S_HASH_SIZE], next[BLAKE2S_HASH_SIZE];
	u64 words[3] = {cpu_cycles(), 0, generation};

	if (!cpu_random(&words[1]))
		words[1] = cpu_cycles();
	blake2s_update(&pool, words, sizeof(words));
	blake2s_final(&pool, seed);
	blake2s(seed, sizeof(seed), "key", 3, key);
	blake2s(seed, sizeof(seed), "pool", 4, next);
	blake2s_init(&pool, BLAKE2S_HASH_SIZE, next, sizeof(next));
	memzero_explicit(seed, sizeof(seed));
	memzero_explicit(next, sizeof(next));
}

static void reseed(struct cpu_generator *g)
{
	irqflags_t flags = spin_lock_irqsave(&pool_lock);

	if (!pool_started)
		pool_start_locked();
	if (credit >= READY_BITS && !ready) {
		WRITE_ONCE(ready, true);
		generation++;
	}
	extract_locked(g->stream);
	g->left = 0;
	g->generation = generation + 1; /* 0 is a generator that was never seeded */
	spin_unlock_irqrestore(&pool_lock, flags);
}

static void refill(struct cpu_generator *g)
{
	static const u8 nonce[CHACHA20_NONCE_SIZE];
	struct chacha20 c;

	chacha20_init(&c, g->stream, nonce, 0);
	chacha20_stream(&c, g->stream, STREAM_SIZE);
	g->left = STREAM_SIZE - KEY_SIZE;
	memzero_explicit(&c, sizeof(c));
}

/* At most SHORT_REQUEST bytes that nobody else gets. */
static void take(u8 *out, size_t len)
{
	irqflags_t flags = irq_save();
	struct cpu_generator *g = this_cpu_ptr(&generator);

	if (unlikely(g->generation != READ_ONCE(generation) + 1))
		reseed(g);
	while (len) {
		u8 *from = g->stream + STREAM_SIZE - g->left;
		size_t n = min(len, (size_t)g->left);

		if (!n) {
			refill(g);
			continue;
		}
		memcpy(out, from, n);
		memset(from, 0, n);
		g->left -= (u32)n;
		out += n;
		len -= n;
	}
	irq_restore(flags);
}

void random_bytes(void *buf, size_t len)
{
	static const u8 nonce[CHACHA20_NONCE_SIZE];
	struct chacha20 c;
	u8 key[KEY_SIZE];

	if (len <= SHORT_REQUEST) {
		take(buf, len);
		return;
	}
	take(key, KEY_SIZE);
	chacha20_init(&c, key, nonce, 0);
	chacha20_stream(&c, buf, len);
	memzero_explicit(&c, sizeof(c));
	memzero_explicit(key, sizeof(key));
}

u64 random_u64(void)
{
	u64 v;

	random_bytes(&v, sizeof(v));
	return v;
}

/* Multiply-shift with rejection of the uneven rest: uniform. */
u64 random_below(u64 bound)
{
	unsigned __int128 wide = (unsigned __int128)random_u64() * bound;
	u64 threshold = bound ? -bound % bound : 0;

	while ((u64)wide < threshold)
		wide = (unsigned __int128)random_u64() * bound;
	return (u64)(wide >> 64);
}

bool random_is_ready(void)
{
	return READ_ONCE(ready);
}

void random_mix(const void *data, size_t len, unsigned credit_bits)
{
	irqflags_t flags = spin_lock_irqsave(&pool_lock);
	u64 now = clock_monotonic();
	bool became_ready = false;

	if (!pool_started)
		pool_start_locked();
	blake2s_update(&pool, data, len);
	credit = min(credit + min(credit_bits, (unsigned)READY_BITS), (unsigned)READY_BITS);
	if (credit >= READY_BITS && (!ready || now - extracted_ns > RESEED_NS)) {
		became_ready = !ready;
		WRITE_ONCE(ready, true);
		WRITE_ONCE(generation, generation + 1); /* every CPU takes a new key */
		extracted_ns = now;
	}
	spin_unlock_irqrestore(&pool_lock, flags);
	if (became_ready)
		wait_wake_all(&ready_wait);
}

int random_wait_ready(void)
{
	return random_is_ready() ? 0 : wait_event_interruptible(&ready_wait, random_is_ready());
}

struct wait_queue *random_wait_queue(void)
{
	return &ready_wait;
}

static int random_init(void)
{
	u64 boot = (u64)clock_realtime();

	wait_queue_init(&ready_wait);
	random_mix(&boot, sizeof(boot), 0);
	if (!random_is_ready()) {
		u64 unused = random_u64();

		(void)unused;
	}
	klog(LOG_INFO, "random: %s", random_is_ready() ? "seeded by the processor" : "waiting for entropy");
	return 0;
}
INITCALL(random, "", random_init);
