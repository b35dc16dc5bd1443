/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page cache's policy, step by step, with a disk that answers at once or by hand.
 */
#include <lib/errno.h>
#include <time/clock.h>
#include "cache_test.h"
#include "../../mm/space_test.h"

static u8 buf[FILE_BYTES], want[FILE_BYTES];

static void pattern(u8 *p, size_t n, u8 seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (u8)(seed + i * 7 + i / 251);
}

/* A file of @pages on the disk. */
static struct disk_file *file_of(unsigned pages)
{
	struct disk_file *d = disk_file_create();

	pattern(d->bytes, pages * PAGE_SIZE, 3);
	d->size = d->inode.data.size = pages * PAGE_SIZE;
	return d;
}

TEST(cache_reads_what_the_disk_has)
{
	struct file f = {0};
	struct disk_file *d;

	disk_start(16 << 20, 1);
	d = file_of(20);
	d->inode.data.size = d->size -= 100;
	memset(d->bytes + d->size, 0, 100);
	CHECK_EQ(disk_read(d, &f, buf, 0, FILE_BYTES), d->size);
	CHECK(!memcmp(buf, d->bytes, d->size));
	CHECK(d->reads <= 4);
	CHECK_EQ(d->pages_read, 20);
	CHECK_EQ(disk_read(d, &f, buf, 5000, 10), 10);
	CHECK_EQ(d->pages_read, 20);
	disk_file_put(d);
	CHECK_EQ(d->evicted, 1);
	disk_stop();
	free(d);
}

TEST(cache_reads_ahead_of_streams_only)
{
	struct file seq = {0}, rnd = {0}, strided = {0};
	struct disk_file *d;
	u32 before;

	disk_start(16 << 20, 1);
	d = file_of(FILE_PAGES);
	CHECK_EQ(disk_read(d, &seq, buf, 0, 100), 100);
	CHECK(d->pages_read >= 4);
	for (unsigned i = 0; i < FILE_PAGES; i++)
		CHECK_EQ(disk_read(d, &seq, buf, i * PAGE_SIZE, PAGE_SIZE), PAGE_SIZE);
	CHECK_EQ(d->pages_read, FILE_PAGES);
	CHECK(d->reads < 10);
	CHECK_EQ(cache_invalidate_range(&d->cache, 0, ~0ull), 0);
	before = d->pages_read;
	CHECK_EQ(disk_read(d, &rnd, buf, 40 * PAGE_SIZE, 10), 10);
	CHECK_EQ(disk_read(d, &rnd, buf, 20 * PAGE_SIZE, 10), 10);
	CHECK_EQ(disk_read(d, &rnd, buf, 50 * PAGE_SIZE, 10), 10);
	CHECK_EQ(d->pages_read - before, 3);
	CHECK_EQ(cache_invalidate_range(&d->cache, 0, ~0ull), 0);
	before = d->pages_read;
	for (unsigned i = 2; i < FILE_PAGES; i += 5)
		CHECK_EQ(disk_read(d, &strided, buf, i * PAGE_SIZE, PAGE_SIZE), PAGE_SIZE);
	CHECK_EQ(d->pages_read - before, (FILE_PAGES - 2 + 4) / 5);
	before = d->reads;
	disk_file_put(d);
	disk_stop();
	free(d);
}

TEST(cache_writes_parts_of_pages)
{
	struct file f = {0};
	struct disk_file *d;

	disk_start(16 << 20, 1);
	d = file_of(4);
	memcpy(want, d->bytes, FILE_BYTES);
	pattern(buf, FILE_BYTES, 77);
	/* Whole pages and what is behind the end are not read first; the edges are. */
	CHECK_EQ(disk_write(d, buf, PAGE_SIZE, 2 * PAGE_SIZE), 2 * PAGE_SIZE);
	memcpy(want + PAGE_SIZE, buf, 2 * PAGE_SIZE);
	CHECK_EQ(d->reads, 0);
	CHECK_EQ(disk_write(d, buf, 4 * PAGE_SIZE + 10, 100), 100);
	memcpy(want + 4 * PAGE_SIZE + 10, buf, 100);
	CHECK_EQ(d->reads, 0);
	CHECK_EQ(disk_write(d, buf, 5, 100), 100);
	memcpy(want + 5, buf, 100);
	CHECK_EQ(d->pages_read, 1);
	CHECK_EQ(d->inode.data.size, 4 * PAGE_SIZE + 110);
	CHECK_EQ(test_bdi.ndirty, 4);
	CHECK_EQ(d->nreserved, 4);
	CHECK_EQ(cache_fsync(&f, &d->cache, 0, S64_MAX, false), 0);
	CHECK_EQ(test_bdi.ndirty, 0);
	CHECK_EQ(d->nreserved, 0);
	CHECK_EQ(d->stores, 1);
	CHECK(!memcmp(want, d->bytes, FILE_BYTES));
	CHECK_EQ(d->size, 4 * PAGE_SIZE + 110);
	/* Runs: 0-2 and 4. */
	CHECK_EQ(d->writes, 2);
	disk_file_put(d);
	disk_stop();
	free(d);
}

TEST(cache_takes_what_fits_on_a_full_disk)
{
	struct disk_file *d;

	disk_start(16 << 20, 1);
	d = file_of(0);
	d->room = 5;
	pattern(buf, FILE_BYTES, 1);
	CHECK_EQ(disk_write(d, buf, 100, 10 * PAGE_SIZE), 5 * PAGE_SIZE - 100);
	CHECK_EQ(d->inode.data.size, 5 * PAGE_SIZE);
	CHECK_EQ((s64)disk_write(d, buf, 5 * PAGE_SIZE, 10), -ENOSPC);
	CHECK_EQ(disk_write(d, buf, 3 * PAGE_SIZE, 10), 10);
	disk_truncate(d, PAGE_SIZE);
	CHECK_EQ(d->nreserved, 1);
	CHECK_EQ(test_bdi.ndirty, 1);
	d->inode.nlink = 0;
	disk_file_put(d);
	CHECK_EQ(d->evicted, 1);
	CHECK_EQ(d->nreserved, 0);
	CHECK_EQ(d->writes, 0);
	disk_stop();
	free(d);
}

TEST(cache_errors_are_told_once_to_each)
{
	struct file a = {0}, b = {0}, late = {0}, later = {0};
	struct disk_file *d;

	disk_start(16 << 20, 1);
	d = file_of(2);
	cache_open(&a, &d->cache);
	cache_open(&b, &d->cache);
	pattern(buf, FILE_BYTES, 9);
	d->fail_write = -EIO;
	d->fail_count = 1;
	CHECK_EQ(disk_write(d, buf, 0, 100), 100);
	CHECK_EQ(bdi_sync(&test_bdi, true), 0);
	cache_open(&late, &d->cache); /* nobody was told yet: it is */
	CHECK_EQ(cache_fsync(&a, &d->cache, 0, S64_MAX, false), -EIO);
	CHECK_EQ(cache_fsync(&a, &d->cache, 0, S64_MAX, false), 0);
	cache_open(&later, &d->cache);
	CHECK_EQ(cache_fsync(&later, &d->cache, 0, S64_MAX, false), 0);
	CHECK_EQ(cache_fsync(&b, &d->cache, 0, S64_MAX, true), -EIO);
	CHECK_EQ(cache_fsync(&b, &d->cache, 0, S64_MAX, true), 0);
	CHECK_EQ(cache_fsync(&late, &d->cache, 0, S64_MAX, true), -EIO);
	CHECK_EQ(bdi_error(&late, &test_bdi), -EIO);
	CHECK_EQ(bdi_error(&late, &test_bdi), 0);
	d->fail_write = -ENOSPC;
	d->fail_count = 1;
	CHECK_EQ(disk_write(d, buf, 0, 100), 100);
	CHECK_EQ(cache_fsync(&b, &d->cache, 0, S64_MAX, true), -ENOSPC);
	CHECK_EQ(cache_fsync(&later, &d->cache, 0, S64_MAX, true), -ENOSPC);
	/* What could not be tried is no error. */
	d->fail_write = -ENOMEM;
	d->fail_count = 1;
	CHECK_EQ(disk_write(d, buf, 0, 100), 100);
	CHECK_EQ(cache_fsync(&b, &d->cache, 0, S64_MAX, true), 0);
	CHECK_EQ(test_bdi.ndirty, 1);
	CHECK_EQ(cache_fsync(&b, &d->cache, 0, S64_MAX, true), 0);
	CHECK_EQ(test_bdi.ndirty, 0);
	CHECK_EQ(memcmp(d->bytes, buf, 100), 0);
	disk_file_put(d);
	disk_stop();
	free(d);
}

TEST(cache_read_errors_are_of_one_page)
{
	struct file f = {0};
	struct disk_file *d;

	disk_start(16 << 20, 1);
	d = file_of(8);
	d->fail_read = -EIO;
	d->fail_count = 2; /* the window, then the page alone */
	CHECK_EQ((s64)disk_read(d, &f, buf, 0, 4 * PAGE_SIZE), -EIO);
	CHECK_EQ(disk_read(d, &f, buf, 0, 8 * PAGE_SIZE), 8 * PAGE_SIZE);
	CHECK(!memcmp(buf, d->bytes, 8 * PAGE_SIZE));
	disk_file_put(d);
	disk_stop();
	free(d);
}

TEST(cache_keeps_dirty_files_until_they_are_written)
{
	struct disk_file *d;

	disk_start(16 << 20, 1);
	d = file_of(0);
	pattern(buf, FILE_BYTES, 4);
	CHECK_EQ(disk_write(d, buf, 0, 3 * PAGE_SIZE), 3 * PAGE_SIZE);
	disk_file_put(d);
	CHECK_EQ(d->evicted, 0);
	(void)bdi_pass(&test_bdi, clock_monotonic()); /* not old enough */
	CHECK_EQ(d->writes, 0);
	(void)bdi_pass(&test_bdi, clock_monotonic() + 31000000000ull);
	CHECK_EQ(d->writes, 1);
	CHECK_EQ(d->evicted, 1);
	CHECK(!memcmp(buf, d->bytes, 3 * PAGE_SIZE));
	disk_stop();
	free(d);
}

/* ---- mappings ---- */

#define SHARED (RW | VM_SHARED)

TEST(cache_mapped_stores_are_written)
{
	struct file f = {0};
	struct disk_file *d;
	struct vm_space *s;

	disk_start(16 << 20, 1);
	d = file_of(8);
	s = vm_space_create();
	CHECK_EQ(map_object(s, BASE, 8 * PAGE_SIZE, SHARED, &d->inode.data, 0), 0);
	CHECK_EQ(peek(s, BASE + 5), d->bytes[5]);
	CHECK_EQ(test_bdi.ndirty, 0);
	CHECK(poke(s, BASE + 5, 200));
	CHECK_EQ(test_bdi.ndirty, 1);
	CHECK(poke(s, BASE + 6, 201));
	CHECK_EQ(cache_fsync(&f, &d->cache, 0, S64_MAX, true), 0);
	CHECK_EQ(test_bdi.ndirty, 0);
	CHECK_EQ(d->bytes[5], 200);
	CHECK_EQ(d->bytes[6], 201);
	/* The entry can only be read now: the next store is noticed. */
	CHECK(poke(s, BASE + 7, 202));
	CHECK_EQ(test_bdi.ndirty, 1);
	CHECK_EQ(d->nreserved, 1);
	/* A private mapping sees it, and writes for itself. */
	CHECK_EQ(map_object(s, BASE + MB, 8 * PAGE_SIZE, RW, &d->inode.data, 0), 0);
	CHECK_EQ(peek(s, BASE + MB + 7), 202);
	CHECK(poke(s, BASE + MB + 7, 99));
	CHECK_EQ(peek(s, BASE + 7), 202);
	/* It is unmapped dirty: still written. */
	CHECK_EQ(vm_unmap(s, BASE, 8 * PAGE_SIZE), 0);
	CHECK_EQ(bdi_sync(&test_bdi, true), 0);
	CHECK_EQ(d->bytes[7], 202);
	CHECK_EQ(test_bdi.ndirty, 0);
	vm_space_put_user(s);
	disk_file_put(d);
	disk_stop();
	free(d);
}

TEST(cache_faults_tell_errors)
{
	struct disk_file *d;
	struct vm_space *s;

	disk_start(16 << 20, 1);
	d = file_of(8);
	s = vm_space_create();
	CHECK_EQ(map_object(s, BASE, 16 * PAGE_SIZE, SHARED, &d->inode.data, 0), 0);
	d->fail_read = -EIO;
	d->fail_count = 1;
	CHECK_EQ(peek(s, BASE + PAGE_SIZE), -1);
	CHECK_EQ(last_signo, SIGBUS);
	CHECK_EQ(peek(s, BASE + PAGE_SIZE), d->bytes[PAGE_SIZE]);
	CHECK_EQ(peek(s, BASE + 8 * PAGE_SIZE), -1);
	CHECK_EQ(last_signo, SIGBUS);
	d->room = 0;
	CHECK_EQ(poke(s, BASE, 1), false);
	CHECK_EQ(last_signo, SIGBUS);
	CHECK_EQ(peek(s, BASE), d->bytes[0]);
	vm_space_put_user(s);
	disk_file_put(d);
	disk_stop();
	free(d);
}

/* ---- reclaim ---- */

TEST(cache_reclaim_drops_what_is_clean)
{
	struct file f = {0};
	struct disk_file *d;
	struct vm_space *s;

	disk_start(16 << 20, 1);
	d = file_of(FILE_PAGES);
	s = vm_space_create();
	CHECK_EQ(map_object(s, BASE, FILE_BYTES, SHARED, &d->inode.data, 0), 0);
	CHECK_EQ(disk_read(d, &f, buf, 0, FILE_BYTES), FILE_BYTES);
	CHECK(poke(s, BASE + 3 * PAGE_SIZE, 1));
	CHECK_EQ(peek(s, BASE + 5 * PAGE_SIZE), d->bytes[5 * PAGE_SIZE]);
	CHECK_EQ(reclaim_file_pages(), FILE_PAGES);
	for (int i = 0; i < 4; i++)
		(void)reclaim_files(1000);
	env_rcu_flush();
	/* What is dirty stays. */
	CHECK_EQ(reclaim_file_pages(), 1);
	CHECK_EQ(d->inode.data.npages, 1);
	CHECK_EQ(peek(s, BASE + 3 * PAGE_SIZE), 1);
	CHECK_EQ(peek(s, BASE + 5 * PAGE_SIZE), d->bytes[5 * PAGE_SIZE]);
	CHECK(vm_space_check(s));
	vm_space_put_user(s);
	disk_file_put(d);
	(void)bdi_pass(&test_bdi, ~0ull >> 1);
	CHECK_EQ(d->evicted, 1);
	disk_stop();
	free(d);
}

static u64 resident(struct disk_file *d)
{
	return d->inode.data.npages;
}

TEST(cache_scan_leaves_the_working_set)
{
	struct disk_file *work, *stream[40];
	struct file f = {0};
	u64 before;

	disk_start(8 << 20, 1);
	work = file_of(FILE_PAGES);
	for (int i = 0; i < 3; i++) {
		f.ahead.prev = 0;
		CHECK_EQ(disk_read(work, &f, buf, 0, FILE_BYTES), FILE_BYTES);
	}
	CHECK_EQ(resident(work), FILE_PAGES);
	before = work->pages_read;
	/* Much more than memory, once. */
	for (unsigned i = 0; i < ARRAY_SIZE(stream); i++) {
		struct file g = {0};

		stream[i] = file_of(FILE_PAGES);
		CHECK_EQ(disk_read(stream[i], &g, buf, 0, FILE_BYTES), FILE_BYTES);
		while (reclaim_file_pages() > 8 * FILE_PAGES) {
			CHECK(reclaim_files(32) > 0);
			env_rcu_flush();
		}
	}
	CHECK_EQ(disk_read(work, &f, buf, 0, FILE_BYTES), FILE_BYTES);
	CHECK_EQ(work->pages_read, before);
	for (unsigned i = 0; i < ARRAY_SIZE(stream); i++) {
		disk_file_put(stream[i]);
		free(stream[i]);
	}
	disk_file_put(work);
	disk_stop();
	free(work);
}
