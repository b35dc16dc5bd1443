/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several threads at once, each in a directory of its own and all in the root's names, with a
 * reader beside them: interleavings of sim, races of the thread sanitizer. Nothing deadlocks, each
 * finds what it wrote, and the image is clean.
 */
#include "client.h"
#include "image.h"
#include <stdio.h>
#include <stdlib.h>
#include <lib/test.h>
#include <env_sim/sim.h>
#include <linux/falloc.h>

#define WORKERS 3

struct shared {
	struct image *im;
	struct client c;
	const char *options;
	u32 rounds;
	bool stop;  /* atomic */
	s32 failed; /* atomic */
};

struct worker {
	struct shared *s;
	u32 id;
	u64 random;
	struct env_task *task;
};

static u32 draw(struct worker *w, u32 n)
{
	w->random = w->random * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)((w->random >> 33) % n);
}

static void expect(struct worker *w, bool ok, int line)
{
	if (!ok) {
		fprintf(stderr, "worker %u: line %d\n", w->id, line);
		__atomic_store_n(&w->s->failed, line, __ATOMIC_RELAXED);
	}
}
#define EXPECT(w, x) expect(w, x, __LINE__)

static void write_and_check(struct worker *w, struct client *c, const char *path)
{
	u32 len = 1 + draw(w, 30000);
	u8 *data = malloc(len), *back = malloc(len);
	struct fsys_attr a;
	int err = client_create(c, path, 0100644, &a);

	EXPECT(w, err == 0);
	if (err)
		goto out;
	memset(data, (int)draw(w, 256), len);
	EXPECT(w, client_write(c, a.node, 0, data, len) == 0);
	EXPECT(w, client_read(c, a.node, 0, back, len) == 0);
	EXPECT(w, !memcmp(data, back, len));
	if (draw(w, 2))
		EXPECT(w, ext4_ops.fsync(c->self, a.node, 0, ~0ull, 0) == 0);
	EXPECT(w, client_truncate(c, a.node, len / 2) == 0);
	client_close(c, a.node);
out:
	free(data);
	free(back);
}

static void work(void *arg)
{
	struct worker *w = arg;
	struct client c = w->s->c; /* of its own: names and times */
	char dir[16], path[32], other[32];

	snprintf(dir, sizeof(dir), "w%u", w->id);
	for (u32 k = 0; k < w->s->rounds; k++) {
		snprintf(path, sizeof(path), "%s/f%u", dir, draw(w, 3));
		snprintf(other, sizeof(other), "%s/g%u", dir, draw(w, 3));
		write_and_check(w, &c, path);
		EXPECT(w, client_rename(&c, path, other, 0) == 0);
		if (draw(w, 3) == 0)
			EXPECT(w, client_symlink(&c, path, "somewhere") == 0 &&
					  client_unlink(&c, path) == 0);
		if (draw(w, 4) == 0)
			EXPECT(w, ext4_ops.sync(c.self) == 0);
		if (draw(w, 2))
			EXPECT(w, client_unlink(&c, other) == 0);
	}
}

static void look(struct worker *w)
{
	struct client *c = &w->s->c;
	struct fsys_statfs st;
	struct fsys_attr a;
	char path[16];

	snprintf(path, sizeof(path), "w%u", draw(w, WORKERS));
	if (client_open(c, path, &a)) {
		EXPECT(w, false);
		return;
	}
	EXPECT(w, client_readdir(c, a.node, 500, NULL, NULL) >= 2);
	client_close(c, a.node);
	ext4_ops.statfs(c->self, &st);
}

static void run(void *arg)
{
	struct shared *s = arg;
	struct worker w[WORKERS + 1] = {0};

	s->failed = client_mount(&s->c, model_disk_port(&s->im->disk), s->options, false);
	if (s->failed)
		return;
	for (u32 i = 0; i < WORKERS; i++) {
		char dir[16];

		w[i] = (struct worker){.s = s, .id = i, .random = i + 1};
		snprintf(dir, sizeof(dir), "w%u", i);
		EXPECT(&w[i], client_mkdir(&s->c, dir) == 0);
	}
	w[WORKERS] = (struct worker){.s = s, .id = WORKERS};
	for (u32 i = 0; i < WORKERS; i++)
		EXPECT(&w[i], env_task_start(work, &w[i], "worker", &w[i].task) == 0);
	for (u32 i = 0; i < s->rounds; i++)
		look(&w[WORKERS]);
	for (u32 i = 0; i < WORKERS; i++)
		env_task_stop(w[i].task, NULL);
	EXPECT(&w[WORKERS], client_unmount(&s->c) == 0);
}

static void many(const char *kind, const char *options, u64 seeds, u32 rounds)
{
	for (u64 seed = 1; seed <= test_rounds(seeds) && !test_failures(); seed++) {
		struct image im;
		struct shared s = {.im = &im, .options = options, .rounds = rounds};

		REQUIRE(image_make_with(&im, kind));
#if ENV_SIM
		sim_run(&(struct sim_options){.seed = seed}, run, &s);
#else
		run(&s);
#endif
		CHECK_EQ(s.failed, 0);
		CHECK(image_is_clean(&im));
		if (test_failures())
			FAIL("seed %llu, %s", seed, kind);
		image_end(&im);
	}
}

TEST(concurrent_1k)
{
	many("-t ext4 -b 1024 -J size=1 -N 512 %s 8M", NULL, 6, 12);
}

TEST(concurrent_4k_orphan_file)
{
	many("-t ext4 -b 4096 -O orphan_file -N 512 %s 16M", NULL, 4, 12);
}

TEST(concurrent_data_journal)
{
	many("-t ext4 -b 1024 -J size=1 -N 512 %s 8M", "data=journal", 4, 8);
}
