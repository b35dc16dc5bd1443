/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Crashes and faults, in sim.
 *
 * Crash sweep: a workload is recorded as the writes that reached the disk. For each place to cut
 * there are several states of the disk: what was flushed, or forced (FUA), is there; of the blocks
 * written since the last flush all, none, or any. Each state must mount, hold what fsync promised
 * at that moment, and (a sample, with --scale more) satisfy e2fsck.
 *
 * Fault sweep: the n-th allocation, or the n-th request, fails (alone, or all from then on). Then
 * nothing leaks, and after a reboot the file system is whole.
 */
#include "client.h"
#include "image.h"
#include <stdio.h>
#include <stdlib.h>
#include <lib/test.h>
#include <env_sim/sim.h>

#define NAMES 6
#define MAX   40000u

struct promise {
	char path[24];
	u32 len, seed;
	bool gone;         /* it is not there */
	u64 made, changed; /* places in the log */
};

struct work {
	struct image *im;
	struct client c;
	const char *options;
	u64 seed, random;
	struct promise promises[400];
	u32 npromises, rounds;
	int mounted, unmounted;
	u64 allocs;
};

static u32 draw(struct work *w, u32 n)
{
	w->random = w->random * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)((w->random >> 33) % n);
}

static void fill_bytes(u8 *to, u32 len, u32 seed)
{
	for (u32 i = 0; i < len; i++)
		to[i] = (u8)((i * 2654435761u + seed * 97) >> 11);
}

/* What was promised of @path is void from here on. */
static void will_change(struct work *w, const char *path)
{
	for (u32 i = 0; i < w->npromises; i++) {
		if (!strcmp(w->promises[i].path, path) && w->promises[i].changed == ~0ull)
			w->promises[i].changed = w->im->disk.nlog;
	}
}

static void promise(struct work *w, const char *path, u32 len, u32 seed, bool gone)
{
	struct promise *p = &w->promises[w->npromises];

	if (w->npromises == ARRAY_SIZE(w->promises))
		return;
	*p = (struct promise){
		.len = len, .seed = seed, .gone = gone, .made = w->im->disk.nlog, .changed = ~0ull};
	snprintf(p->path, sizeof(p->path), "%s", path);
	w->npromises++;
}

static int sync_node(struct work *w, u64 node)
{
	return ext4_ops.fsync(w->c.self, node, 0, ~0ull, 0);
}

static int write_new(struct work *w, const char *path, u32 len, u32 seed, bool sync)
{
	struct fsys_attr a;
	u8 *data;
	int err = client_open(&w->c, path, &a);

	if (err == -ENOENT)
		err = client_create(&w->c, path, 0100644, &a);
	if (err)
		return err;
	data = malloc(len);
	fill_bytes(data, len, seed);
	err = client_truncate(&w->c, a.node, 0);
	if (!err)
		err = client_write(&w->c, a.node, 0, data, len);
	if (!err && sync)
		err = sync_node(w, a.node);
	client_close(&w->c, a.node);
	free(data);
	return err;
}

static int sync_parent(struct work *w, const char *path)
{
	struct fsys_attr a;
	int err;

	if (!strchr(path, '/'))
		return sync_node(w, w->c.root);
	err = client_open(&w->c, "dir", &a);
	if (!err) {
		err = sync_node(w, a.node);
		client_close(&w->c, a.node);
	}
	return err;
}

/* Write aside, sync, rename over, sync: what dpkg does. */
static int replace_file(struct work *w, const char *path, u32 len, u32 seed)
{
	struct fsys_attr a;
	int err = write_new(w, "tmp", len, seed, true);

	if (!err)
		err = client_rename(&w->c, "tmp", path, 0);
	if (!err)
		err = sync_parent(w, path);
	if (!err && !client_open(&w->c, path, &a))
		client_close(&w->c, a.node);
	return err;
}

static int append(struct work *w, const char *path, u32 len, u32 more, u32 seed)
{
	u8 *data = malloc(len + more);
	struct fsys_attr a;
	int err = client_open(&w->c, path, &a);

	fill_bytes(data, len + more, seed);
	if (!err) {
		err = client_write(&w->c, a.node, len, data + len, more);
		if (!err)
			err = sync_node(w, a.node);
		client_close(&w->c, a.node);
	}
	free(data);
	return err;
}

static void one_step(struct work *w, u32 *lens, u32 *seeds)
{
	u32 i = draw(w, NAMES), len = 1 + draw(w, MAX), seed = draw(w, 1000), what = draw(w, 8);
	char path[24], other[24];
	struct fsys_attr a;

	snprintf(path, sizeof(path), i & 1 ? "dir/f%u" : "f%u", i);
	snprintf(other, sizeof(other), "link%u", draw(w, 4));
	switch (what) {
	case 0:
	case 1:
		will_change(w, path);
		if (!write_new(w, path, len, seed, true)) {
			promise(w, path, len, seed, false);
			lens[i] = len;
			seeds[i] = seed;
		}
		break;
	case 2:
	case 3:
		will_change(w, path);
		if (!replace_file(w, path, len, seed)) {
			promise(w, path, len, seed, false);
			lens[i] = len;
			seeds[i] = seed;
		}
		break;
	case 4: /* an append leaves what was there before in place */
		if (!lens[i] || lens[i] > MAX)
			break;
		will_change(w, path);
		if (!append(w, path, lens[i], 1 + len / 4, seeds[i])) {
			lens[i] += 1 + len / 4;
			promise(w, path, lens[i], seeds[i], false);
		}
		break;
	case 5:
		will_change(w, path);
		if (!client_unlink(&w->c, path) && !sync_parent(w, path))
			promise(w, path, 0, 0, true);
		lens[i] = 0;
		break;
	case 6: /* names, directories, attributes: nothing is promised */
		(void)!client_unlink(&w->c, other);
		(void)!client_link(&w->c, path, other);
		(void)!client_mkdir(&w->c, "dir/sub");
		(void)!client_unlink(&w->c, "dir/sub");
		break;
	default:
		if (!client_open(&w->c, path, &a)) {
			u8 value[200];

			fill_bytes(value, sizeof(value), seed);
			(void)!client_setxattr(&w->c, a.node, "user.x", value, 1 + seed % 200, 0);
			client_close(&w->c, a.node);
		}
		(void)!write_new(w, "scratch", len, seed, false);
		if (!client_open(&w->c, "scratch", &a)) {
			(void)!client_truncate(&w->c, a.node, len / 3);
			client_close(&w->c, a.node);
		}
		break;
	}
}

static void run_work(void *arg)
{
	struct work *w = arg;
	u32 lens[NAMES] = {0}, seeds[NAMES] = {0};

	w->random = w->seed;
	w->npromises = 0;
	w->unmounted = -1;
	w->mounted = client_mount(&w->c, model_disk_port(&w->im->disk), w->options, false);
	w->allocs = host_allocs();
	if (w->mounted)
		return;
	(void)!client_mkdir(&w->c, "dir");
	for (u32 k = 0; k < w->rounds; k++)
		one_step(w, lens, seeds);
	w->unmounted = client_unmount(&w->c);
	w->allocs = host_allocs();
}

/* ---- crashes ---- */

struct state {
	struct work *w;
	struct model_disk *disk;
	u64 cut;
	bool ok;
};

static void check_promise(struct state *s, struct client *c, const struct promise *p)
{
	struct fsys_attr a;
	u8 *data, *want;
	int err = client_open(c, p->path, &a);

	if (p->gone) {
		CHECK_EQ(err, -ENOENT);
		if (!err)
			client_close(c, a.node);
		return;
	}
	CHECK_EQ(err, 0);
	if (err) {
		FAIL("cut %llu: %s was promised at %llu", s->cut, p->path, p->made);
		return;
	}
	data = malloc(p->len);
	want = malloc(p->len);
	fill_bytes(want, p->len, p->seed);
	CHECK_EQ(a.size, p->len);
	err = client_read(c, a.node, 0, data, p->len);
	CHECK_EQ(err, 0);
	if (err || memcmp(data, want, p->len))
		FAIL("cut %llu: %s differs, promised at %llu", s->cut, p->path, p->made);
	client_close(c, a.node);
	free(data);
	free(want);
}

static void count_names(void *arg, const char *name, u32 len, const struct fsys_dirent *d)
{
	++*(u32 *)arg;
}

static void check_state(void *arg)
{
	struct state *s = arg;
	struct client c;
	struct fsys_attr a;
	u32 names = 0;
	int err = client_mount(&c, model_disk_port(s->disk), s->w->options, false);

	CHECK_EQ(err, 0);
	if (err)
		return;
	for (u32 i = 0; i < s->w->npromises; i++) {
		const struct promise *p = &s->w->promises[i];

		if (p->made <= s->cut && s->cut <= p->changed)
			check_promise(s, &c, p);
	}
	CHECK(client_readdir(&c, c.root, 4096, count_names, &names) >= 2);
	if (!client_open(&c, "dir", &a)) {
		CHECK(client_readdir(&c, a.node, 4096, count_names, &names) >= 2);
		client_close(&c, a.node);
	}
	CHECK_EQ(client_unmount(&c), 0);
	s->ok = true;
}

enum variant { ALL, NONE, ANY, VARIANTS = 5 };

/* Blocks of 1024 bytes are old or new, each for itself. */
static void apply(struct model_disk *d, const struct model_write *w, bool some)
{
	for (u32 at = 0; at < w->len; at += 1024) {
		if (!some || test_rand_below(2))
			memcpy(d->mem + w->off + at, w->data + at, min(1024u, w->len - at));
	}
}

static void make_state(
	struct model_disk *d, const u8 *base, const struct model_disk *from, u64 cut, u32 variant)
{
	u64 flushed = 0;

	memcpy(d->mem, base, d->bytes);
	for (u64 i = 0; i < cut; i++) {
		if (from->log[i].op == BLK_FLUSH)
			flushed = i;
	}
	for (u64 i = 0; i < cut; i++) {
		const struct model_write *w = &from->log[i];

		if (w->op != BLK_WRITE)
			continue;
		if (i < flushed || w->fua || variant == ALL)
			apply(d, w, false);
		else if (variant != NONE)
			apply(d, w, true);
	}
}

static void crash_sweep(const char *kind, const char *options, u64 seed, u32 rounds, u32 step)
{
	struct image im;
	struct work *w = calloc(1, sizeof(*w));
	struct model_disk disk;
	struct state s = {.w = w, .disk = &disk};
	u64 states = 0, cuts;
	u8 *base;

	REQUIRE(image_make_with(&im, kind));
	base = malloc(im.disk.bytes);
	memcpy(base, im.disk.mem, im.disk.bytes);
	im.disk.logging = true;
	*w = (struct work){.im = &im, .options = options, .seed = seed, .rounds = rounds};
	sim_run(&(struct sim_options){.seed = seed}, run_work, w);
	CHECK_EQ(w->mounted, 0);
	CHECK_EQ(w->unmounted, 0);
	CHECK(image_is_clean(&im));
	cuts = im.disk.nlog;
	model_disk_init(&disk, im.disk.bytes);
	for (u64 cut = seed % step; cut <= cuts && !test_failures(); cut += step) {
		for (u32 v = 0; v < VARIANTS && !test_failures(); v++) {
			make_state(&disk, base, &im.disk, cut, v);
			s.cut = cut;
			s.ok = false;
			sim_run(&(struct sim_options){.seed = cut * 7 + v}, check_state, &s);
			CHECK(s.ok);
			if (states++ % 61 == 0 || test_failures())
				CHECK(image_bytes_clean(&im, disk.mem, disk.bytes));
			if (test_failures())
				FAIL("cut %llu of %llu, variant %u, %s", cut, cuts, v, kind);
		}
	}
	model_disk_fini(&disk);
	image_end(&im);
	free(base);
	free(w);
}

#define SMALL_1K "-t ext4 -b 1024 -J size=1 -N 128 %s 4M"
#define SMALL_4K "-t ext4 -b 4096 -J size=4 -N 128 %s 10M"

TEST(crash_ordered_1k)
{
	for (u64 i = 0; i < test_rounds(1); i++)
		crash_sweep(SMALL_1K, NULL, 1 + i, 40, 5);
}

TEST(crash_ordered_4k_orphan_file)
{
	for (u64 i = 0; i < test_rounds(1); i++)
		crash_sweep("-t ext4 -b 4096 -O orphan_file -J size=4 -N 128 %s 10M", NULL, 100 + i,
			25, 5);
}

TEST(crash_data_journal)
{
	for (u64 i = 0; i < test_rounds(1); i++)
		crash_sweep(SMALL_1K, "data=journal", 200 + i, 20, 7);
}

TEST(crash_old_checksums)
{
	for (u64 i = 0; i < test_rounds(1); i++)
		crash_sweep("-t ext4 -b 1024 -O ^metadata_csum,^64bit -J size=1 -N 128 %s 4M", NULL,
			300 + i, 20, 7);
}

/* ---- faults ---- */

static void after_reboot(struct work *w)
{
	struct state s = {.w = w, .disk = &w->im->disk};

	w->npromises = 0;
	sim_run(&(struct sim_options){.seed = 5}, check_state, &s);
	if (!s.ok || !image_is_clean(w->im))
		FAIL("after the fault it is not whole");
}

static void fault_sweep(bool allocs, bool stay, u32 step)
{
	struct image im;
	struct work *w = calloc(1, sizeof(*w));
	bool more = true;
	u8 *base;

	REQUIRE(image_make_with(&im, SMALL_1K));
	base = malloc(im.disk.bytes);
	memcpy(base, im.disk.mem, im.disk.bytes);
	host_log_level(0);
	for (u64 n = 1; more && !test_failures(); n += 1 + test_rand_below(step)) {
		struct sim_options o = {.seed = n, .fail_alloc = allocs ? n : 0};

		memcpy(im.disk.mem, base, im.disk.bytes);
		im.disk.requests = 0;
		im.disk.fail_at = allocs ? 0 : n;
		im.disk.fail_on = stay;
		*w = (struct work){.im = &im, .seed = 9, .rounds = 12};
		sim_run(&o, run_work, w);
		more = allocs ? w->allocs >= n : im.disk.requests >= n;
		im.disk.fail_at = 0;
		after_reboot(w);
		if (test_failures())
			FAIL("%s %llu", allocs ? "allocation" : "request", n);
	}
	host_log_level(ENV_LOG_WARN);
	image_end(&im);
	free(base);
	free(w);
}

TEST(faults_every_allocation)
{
	fault_sweep(true, false, 60 / (u32)min_t(u64, test_rounds(1), 30));
}

TEST(faults_every_request)
{
	fault_sweep(false, false, 20 / (u32)min_t(u64, test_rounds(1), 20));
}

TEST(faults_device_dies)
{
	fault_sweep(false, true, 20 / (u32)min_t(u64, test_rounds(1), 20));
}
