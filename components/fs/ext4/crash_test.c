/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Crash sweep, in sim. A workload is recorded as the requests that the disk saw. The machine may
 * stop before each of them (a place). Then the disk has what is durable: writes that were done when
 * a flush began that is done too, and those with FUA that are done; of the others each may be there
 * or not, and of a write each sector of 512 bytes for itself. For a place there are these states:
 *	all of the others are there; none
 *	up to 5 of them: every choice; more: all but one, none but one, for each
 *	some choices at random of sectors
 * Each mounts, holds what the workload was promised at that place, and (a sample) satisfies e2fsck;
 * another sample is stopped again while it recovers.
 *
 * With --scale 100 (./nos test --full): all states of all places. Else a fixed part.
 */
#include "workload.h"
#include <stdio.h>
#include <stdlib.h>
#include <lib/test.h>
#include <env_sim/sim.h>

#define SECTOR    512u
#define AT_RANDOM 6 /* states of a place whose sectors are chosen at random */

struct sweep {
	struct work w;
	struct image im;      /* with the log of the workload */
	struct model_disk at; /* a state */
	u8 *base;             /* the first @nbase entries of the log, all durable */
	u64 nbase, place, states, judged;
	bool ok;
	u32 *others, nothers, cap; /* what may be there or not at the place */
};

static bool whole_sweep(void)
{
	return test_rounds(1) >= 100;
}

/* ---- states ---- */

/* The last flush that is done at @place; -1: none. */
static s64 last_flush(const struct model_disk *d, u64 place)
{
	for (s64 i = (s64)place - 1; i >= 0; i--) {
		if (d->log[i].op == BLK_FLUSH && d->log[i].done_at <= place)
			return i;
	}
	return -1;
}

static bool durable(const struct model_write *w, s64 flush, u64 place)
{
	return !w->data || (s64)min_t(u64, w->done_at, S64_MAX) <= flush ||
	       (w->fua && w->done_at <= place);
}

static void put_sectors(u8 *mem, const struct model_write *w, bool some)
{
	for (u32 at = 0; at < w->len; at += SECTOR) {
		if (!some || test_rand_below(2))
			memcpy(mem + w->off + at, w->data + at, SECTOR);
	}
}

/* Go to @place: what is durable there in front of all that is not becomes the base. */
static void go_to(struct sweep *s, const struct model_disk *log, u64 place)
{
	s64 flush = last_flush(log, place);

	s->place = place;
	for (; s->nbase < place && durable(&log->log[s->nbase], flush, place); s->nbase++) {
		const struct model_write *w = &log->log[s->nbase];

		if (!w->data)
			continue;
		put_sectors(s->base, w, false);
		model_disk_mark(&s->at, w->off, w->len);
	}
	s->nothers = 0;
	for (u64 i = s->nbase; i < place; i++) {
		if (durable(&log->log[i], flush, place))
			continue;
		if (s->nothers == s->cap) {
			s->cap = s->cap ? s->cap * 2 : 64;
			s->others = realloc(s->others, s->cap * sizeof(*s->others));
		}
		s->others[s->nothers++] = (u32)i;
	}
}

static u32 systematic(u32 n)
{
	return !n ? 1 : n <= 5 ? 1u << n : 2 + 2 * n;
}

static u32 variants(u32 n)
{
	return systematic(n) + (n ? AT_RANDOM : 0);
}

/* Is the @k-th of @n there in variant @v? */
static bool is_there(u32 v, u32 k, u32 n)
{
	if (n <= 5)
		return ~v >> k & 1;
	if (v < 2)
		return !v;
	v -= 2;
	return v < n ? k != v : k == v - n;
}

static void make_state(struct sweep *s, const struct model_disk *log, u32 v)
{
	u32 k = 0;

	for (u64 i = 0; i < s->at.bytes / 4096; i++) {
		if (s->at.dirty[i])
			memcpy(s->at.mem + i * 4096, s->base + i * 4096, 4096);
		s->at.dirty[i] = 0;
	}
	for (u64 i = s->nbase; i < s->place; i++) {
		const struct model_write *w = &log->log[i];
		bool other = k < s->nothers && s->others[k] == i;
		bool some = other && v >= systematic(s->nothers);

		if (w->data && (!other || some || is_there(v, k, s->nothers))) {
			put_sectors(s->at.mem, w, some);
			model_disk_mark(&s->at, w->off, w->len);
		}
		k += other;
	}
}

/* ---- what is demanded of them ---- */

static void use_state(void *arg)
{
	struct sweep *s = arg;
	struct fsys_attr a;
	struct client c;
	int err = client_mount(&c, model_disk_port(&s->at), s->w.options, false);

	CHECK_EQ(err, 0);
	if (err)
		return;
	work_check(&s->w, &c, s->place);
	CHECK(client_readdir(&c, c.root, 4096, NULL, NULL) >= 2);
	if (!client_open(&c, "dir", &a)) {
		CHECK(client_readdir(&c, a.node, 4096, NULL, NULL) >= 2);
		client_close(&c, a.node);
	}
	CHECK_EQ(client_unmount(&c), 0);
	s->ok = true;
}

static void check_state(struct sweep *s, u64 seed, bool judge)
{
	s->ok = false;
	s->states++;
	sim_run(&(struct sim_options){.seed = seed}, use_state, s);
	CHECK(s->ok);
	if (judge || test_failures()) {
		s->judged++;
		CHECK(image_bytes_clean(&s->im, s->at.mem, s->at.bytes));
	}
}

/* The state is mounted again, and the machine stops again while it is used. */
static void check_twice(struct sweep *s, u64 seed)
{
	struct sweep again = {0};
	struct model_disk log;
	u64 place;

	again.base = malloc(s->at.bytes);
	memcpy(again.base, s->at.mem, s->at.bytes);
	s->at.logging = true;
	check_state(s, seed, false);
	s->at.logging = false;
	log = s->at; /* its log; the memory is the state's */
	s->at.log = NULL;
	s->at.nlog = s->at.log_cap = 0;
	place = test_rand_below(log.nlog + 1);
	again.at = s->at;
	go_to(&again, &log, place);
	make_state(&again, &log, (u32)test_rand_below(variants(again.nothers)));
	check_state(s, seed + 1, true); /* it is in s->at.mem; the promises are of s->place */
	memset(s->at.dirty, 1, s->at.bytes / 4096);
	model_disk_log_clear(&log);
	free(log.log);
	free(again.base);
	free(again.others);
}

static void check_place(struct sweep *s, u64 place)
{
	u32 n, all;

	go_to(s, &s->im.disk, place);
	n = variants(s->nothers);
	all = whole_sweep() ? n : min(n, 4u);
	for (u32 k = 0; k < all && !test_failures(); k++) {
		u32 v = k < 2 || whole_sweep() ? k : (u32)test_rand_below(n);
		u64 seed = place * 131 + v;

		make_state(s, &s->im.disk, v);
		if (s->states % 40 == 39)
			check_twice(s, seed);
		else
			check_state(s, seed, s->states % 24 == 0);
		if (test_failures())
			FAIL("place %llu of %llu, variant %u of %u (%u may be there)", place,
				s->im.disk.nlog, v, n, s->nothers);
	}
}

static u64 all_states, all_judged;

static void crash_sweep(const char *kind, const char *options, u64 seed, u32 rounds)
{
	struct sweep *s = calloc(1, sizeof(*s));
	u32 step = whole_sweep() ? 1 : 17;

	REQUIRE(image_make_with(&s->im, kind));
	s->base = malloc(s->im.disk.bytes);
	memcpy(s->base, s->im.disk.mem, s->im.disk.bytes);
	s->im.disk.logging = true;
	s->w = (struct work){.im = &s->im, .options = options, .seed = seed, .rounds = rounds};
	sim_run(&(struct sim_options){.seed = seed}, work_run, &s->w);
	CHECK_EQ(s->w.mounted, 0);
	CHECK_EQ(s->w.unmounted, 0);
	CHECK(image_is_clean(&s->im));
	model_disk_init(&s->at, s->im.disk.bytes);
	s->at.dirty = malloc(s->at.bytes / 4096);
	memset(s->at.dirty, 1, s->at.bytes / 4096);
	for (u64 place = 0; place <= s->im.disk.nlog && !test_failures(); place += step)
		check_place(s, place);
	if (test_failures())
		FAIL("%s %s, seed %llu", kind, options ? options : "", seed);
	all_states += s->states;
	all_judged += s->judged;
	free(s->at.dirty);
	model_disk_fini(&s->at);
	image_end(&s->im);
	work_fini(&s->w);
	free(s->others);
	free(s->base);
	free(s);
}

TEST(crash_ordered_1k)
{
	crash_sweep("-t ext4 -b 1024 -J size=1 -N 128 %s 4M", NULL, 1, 60);
}

TEST(crash_ordered_1k_again)
{
	crash_sweep("-t ext4 -b 1024 -J size=1 -N 128 %s 4M", NULL, 2, 60);
}

TEST(crash_ordered_4k_orphan_file)
{
	crash_sweep("-t ext4 -b 4096 -O orphan_file -J size=4 -N 128 %s 10M", NULL, 100, 60);
}

TEST(crash_data_journal)
{
	crash_sweep("-t ext4 -b 1024 -J size=1 -N 128 %s 4M", "data=journal", 200, 40);
}

TEST(crash_old_checksums)
{
	crash_sweep("-t ext4 -b 1024 -O ^metadata_csum,^64bit -J size=1 -N 128 %s 4M", NULL, 300, 40);
}

TEST(crash_z_count) /* the last one */
{
	printf("%llu states after a crash, %llu of them judged by e2fsck\n", all_states, all_judged);
	if (whole_sweep())
		CHECK(all_states >= 100000);
}
