/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fault sweep, in sim: the n-th allocation, or the n-th request, fails, alone or with all from then
 * on. Nothing leaks (sim looks); what an fsync said before is there after a reboot; the file system
 * is whole then, or the next mount makes it so.
 *
 * With --scale 100 (./nos test --full) for each n, else for some.
 */
#include "workload.h"
#include <stdlib.h>
#include <lib/test.h>
#include <env_sim/sim.h>

struct reboot {
	struct work *w;
	bool ok;
};

static void use(void *arg)
{
	struct reboot *r = arg;
	struct client c;
	int err = client_mount(&c, model_disk_port(&r->w->im->disk), r->w->options, false);

	CHECK_EQ(err, 0);
	if (err)
		return;
	work_check(r->w, &c, ~0ull); /* what nothing changed afterwards */
	CHECK(client_readdir(&c, c.root, 4096, NULL, NULL) >= 2);
	CHECK_EQ(client_unmount(&c), 0);
	r->ok = true;
}

static void after_reboot(struct work *w)
{
	struct reboot r = {w};

	w->im->disk.logging = false;
	sim_run(&(struct sim_options){.seed = 5}, use, &r);
	if (!r.ok || !image_is_clean(w->im))
		FAIL("after the fault it is not whole");
}

static void fault_sweep(const char *kind, const char *options, bool allocs, bool stay, u32 step)
{
	struct image im;
	struct work *w = calloc(1, sizeof(*w));
	bool more = true;
	u8 *base;

	REQUIRE(image_make_with(&im, kind));
	base = malloc(im.disk.bytes);
	memcpy(base, im.disk.mem, im.disk.bytes);
	host_log_level(0);
	if (test_rounds(1) >= 100)
		step = 1;
	for (u64 n = 1; more && !test_failures(); n += 1 + test_rand_below(step)) {
		struct sim_options o = {.seed = n, .fail_alloc = allocs ? n : 0};

		memcpy(im.disk.mem, base, im.disk.bytes);
		model_disk_log_clear(&im.disk);
		im.disk.logging = true;
		im.disk.requests = 0;
		im.disk.fail_at = allocs ? 0 : n;
		im.disk.fail_on = stay;
		*w = (struct work){.im = &im, .options = options, .seed = 9, .rounds = 24};
		sim_run(&o, work_run, w);
		more = allocs ? w->allocs >= n : im.disk.requests >= n;
		im.disk.fail_at = 0;
		after_reboot(w);
		if (test_failures())
			FAIL("%s %llu, %s", allocs ? "allocation" : "request", n, kind);
		work_fini(w);
	}
	host_log_level(ENV_LOG_WARN);
	image_end(&im);
	free(base);
	free(w);
}

#define SMALL_1K     "-t ext4 -b 1024 -J size=1 -N 128 %s 4M"
#define ORPHANS_4K   "-t ext4 -b 4096 -O orphan_file -J size=4 -N 128 %s 10M"

TEST(faults_every_allocation)
{
	fault_sweep(SMALL_1K, NULL, true, false, 120);
}

TEST(faults_every_allocation_orphan_file)
{
	fault_sweep(ORPHANS_4K, NULL, true, false, 240);
}

TEST(faults_every_request)
{
	fault_sweep(SMALL_1K, NULL, false, false, 40);
}

TEST(faults_every_request_data_journal)
{
	fault_sweep(SMALL_1K, "data=journal", false, false, 80);
}

TEST(faults_device_dies)
{
	fault_sweep(SMALL_1K, NULL, false, true, 40);
}
