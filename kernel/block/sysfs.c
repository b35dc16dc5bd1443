/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block devices in /sys, their events, /proc/partitions and /proc/diskstats.
 */
#include "block_impl.h"
#include <lib/errno.h>
#include <lib/parse.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <init/initcall.h>
#include <vfs/procfs.h>

static struct blk_info info_of(const struct bdev *b)
{
	struct blk_info info;

	blkq_info(b->disk->q, &info);
	return info;
}

static int put_number(struct pseudo_text *t, u64 n)
{
	strbuf_printf(&t->sb, "%llu\n", n);
	return 0;
}

/* ---- accounts ---- */

/* The numbers of /sys/block/vda/stat (in columns) and /proc/diskstats. */
static void put_stats(struct strbuf *sb, struct bdev *b, bool columns)
{
	static const enum blkq_group order[] = {BLKQ_READ, BLKQ_WRITE};
	u64 v[17], inflight = 0, total = 0;
	struct blkq_stats s;
	int n = 0;

	blkq_range_sum(b->disk->q, &b->range, &s);
	for (int i = 0; i < 2; i++) {
		v[n++] = s.ended[order[i]];
		v[n++] = s.joined[order[i]];
		v[n++] = s.sectors[order[i]];
		v[n++] = s.ns[order[i]] / 1000000;
	}
	for (int g = 0; g < BLKQ_GROUPS; g++) {
		inflight += g == BLKQ_FLUSH ? 0 : s.begun[g] - s.ended[g];
		total += s.ns[g];
	}
	v[n++] = inflight;
	v[n++] = READ_ONCE(b->range.busy_ns) / 1000000;
	v[n++] = total / 1000000;
	v[n++] = s.ended[BLKQ_DISCARD];
	v[n++] = s.joined[BLKQ_DISCARD];
	v[n++] = s.sectors[BLKQ_DISCARD];
	v[n++] = s.ns[BLKQ_DISCARD] / 1000000;
	v[n++] = s.ended[BLKQ_FLUSH];
	v[n++] = s.ns[BLKQ_FLUSH] / 1000000;
	for (int i = 0; i < n; i++) {
		if (i || !columns)
			strbuf_putc(sb, ' ');
		strbuf_printf(sb, columns ? "%8llu" : "%llu", v[i]);
	}
	strbuf_putc(sb, '\n');
}

static int show_stat(struct pseudo_text *t)
{
	put_stats(&t->sb, t->arg, true);
	return 0;
}

static int show_inflight(struct pseudo_text *t)
{
	struct bdev *b = t->arg;
	struct blkq_stats s;

	blkq_range_sum(b->disk->q, &b->range, &s);
	strbuf_printf(&t->sb, "%8llu %8llu\n", s.begun[BLKQ_READ] - s.ended[BLKQ_READ], s.begun[BLKQ_WRITE] - s.ended[BLKQ_WRITE]);
	return 0;
}

/* ---- attributes ---- */

#define SHOW_NUMBER(name_, expr_)                                                                                                                    \
	static int show_##name_(struct pseudo_text *t)                                                                                               \
	{                                                                                                                                            \
		struct bdev *b UNUSED = t->arg;                                                                                                      \
		struct blk_info info UNUSED = info_of(b);                                                                                            \
                                                                                                                                                     \
		return put_number(t, (expr_));                                                                                                       \
	}

SHOW_NUMBER(size, bdev_size(b) / 512)
SHOW_NUMBER(ro, bdev_is_read_only(b))
SHOW_NUMBER(start, b->range.start512)
SHOW_NUMBER(partition, b->partno)
SHOW_NUMBER(removable, b->disk->removable)
SHOW_NUMBER(range, b->disk->ops->minors)
SHOW_NUMBER(ext_range, b->disk->no_parts ? 1 : 256)
SHOW_NUMBER(partscan, !b->disk->no_parts)
SHOW_NUMBER(diskseq, b->disk->seq)
SHOW_NUMBER(zero, 0)
SHOW_NUMBER(one, 1)
SHOW_NUMBER(logical, info.logical_bytes)
SHOW_NUMBER(physical, info.physical_bytes)
SHOW_NUMBER(optimal, info.optimal_bytes)
SHOW_NUMBER(rotational, !!(info.flags & BLK_INFO_ROTATIONAL))
SHOW_NUMBER(fua, !!(info.flags & BLK_INFO_FUA))
SHOW_NUMBER(max_sectors, min(info.max_bytes / 512, BDEV_MAX_SECTORS) / 2)
SHOW_NUMBER(max_hw_sectors, info.max_bytes / 1024)
SHOW_NUMBER(max_segments, info.max_segs)
SHOW_NUMBER(max_segment_size, info.max_seg_bytes)
SHOW_NUMBER(nr_requests, 256)
SHOW_NUMBER(read_ahead, b->disk->whole->read_ahead512 / 2)
SHOW_NUMBER(discard_max, info.flags & BLK_INFO_DISCARD ? info.max_discard512 * 512 : 0)
SHOW_NUMBER(discard_unit, info.flags & BLK_INFO_DISCARD ? max((u64)info.discard_align512 * 512, (u64)info.logical_bytes) : 0)
SHOW_NUMBER(zeroes_max, info.flags & BLK_INFO_ZEROES ? info.max_zeroes512 * 512 : 0)
SHOW_NUMBER(dma_alignment, 511)
SHOW_NUMBER(timeout, 30000)

static int show_empty(struct pseudo_text *t)
{
	strbuf_putc(&t->sb, '\n');
	return 0;
}

static int show_never(struct pseudo_text *t)
{
	strbuf_puts(&t->sb, "-1\n");
	return 0;
}

static int show_serial(struct pseudo_text *t)
{
	const struct bdev *b = t->arg;

	strbuf_puts(&t->sb, b->disk->serial);
	return 0;
}

static int show_cache(struct pseudo_text *t)
{
	strbuf_puts(&t->sb, info_of(t->arg).flags & BLK_INFO_VOLATILE_CACHE ? "write back\n" : "write through\n");
	return 0;
}

static int show_scheduler(struct pseudo_text *t)
{
	strbuf_puts(&t->sb, "[none]\n");
	return 0;
}

static int store_scheduler(struct pseudo_text *t, char *text, size_t len)
{
	return strcmp(pseudo_trim(text), "none") == 0 ? 0 : -EINVAL;
}

static int show_zoned(struct pseudo_text *t)
{
	strbuf_puts(&t->sb, "none\n");
	return 0;
}

static int store_read_ahead(struct pseudo_text *t, char *text, size_t len)
{
	struct bdev *b = t->arg;
	u32 kib;

	if (strtou32(pseudo_trim(text), 10, &kib) || kib > 1u << 22)
		return -EINVAL;
	bdev_set_ahead(b, kib * 2);
	return 0;
}

/* Of disks and partitions alike, then of one kind. */
static const struct pseudo_file part_files[] = {
	{.name = "alignment_offset", .mode = 0444, .show = show_zero},
	{.name = "discard_alignment", .mode = 0444, .show = show_zero},
	{.name = "inflight", .mode = 0444, .show = show_inflight},
	{.name = "ro", .mode = 0444, .show = show_ro},
	{.name = "size", .mode = 0444, .show = show_size},
	{.name = "stat", .mode = 0444, .show = show_stat},
	{.name = "partition", .mode = 0444, .show = show_partition},
	{.name = "start", .mode = 0444, .show = show_start},
};
#define COMMON_FILES 6

static const struct pseudo_file disk_files[] = {
	{.name = "capability", .mode = 0444, .show = show_zero},
	{.name = "diskseq", .mode = 0444, .show = show_diskseq},
	{.name = "events", .mode = 0444, .show = show_empty},
	{.name = "events_async", .mode = 0444, .show = show_empty},
	{.name = "events_poll_msecs", .mode = 0644, .show = show_never},
	{.name = "ext_range", .mode = 0444, .show = show_ext_range},
	{.name = "hidden", .mode = 0444, .show = show_zero},
	{.name = "partscan", .mode = 0444, .show = show_partscan},
	{.name = "range", .mode = 0444, .show = show_range},
	{.name = "removable", .mode = 0444, .show = show_removable},
};

static const struct pseudo_file virtio_files[] = {
	{.name = "cache_type", .mode = 0444, .show = show_cache},
	{.name = "serial", .mode = 0444, .show = show_serial},
};

static const struct pseudo_file queue_files[] = {
	{.name = "add_random", .mode = 0444, .show = show_zero},
	{.name = "chunk_sectors", .mode = 0444, .show = show_zero},
	{.name = "dax", .mode = 0444, .show = show_zero},
	{.name = "discard_granularity", .mode = 0444, .show = show_discard_unit},
	{.name = "discard_max_bytes", .mode = 0444, .show = show_discard_max},
	{.name = "discard_max_hw_bytes", .mode = 0444, .show = show_discard_max},
	{.name = "discard_zeroes_data", .mode = 0444, .show = show_zero},
	{.name = "dma_alignment", .mode = 0444, .show = show_dma_alignment},
	{.name = "fua", .mode = 0444, .show = show_fua},
	{.name = "hw_sector_size", .mode = 0444, .show = show_logical},
	{.name = "io_poll", .mode = 0444, .show = show_zero},
	{.name = "io_timeout", .mode = 0444, .show = show_timeout},
	{.name = "iostats", .mode = 0444, .show = show_one},
	{.name = "logical_block_size", .mode = 0444, .show = show_logical},
	{.name = "max_active_zones", .mode = 0444, .show = show_zero},
	{.name = "max_discard_segments", .mode = 0444, .show = show_one},
	{.name = "max_hw_sectors_kb", .mode = 0444, .show = show_max_hw_sectors},
	{.name = "max_integrity_segments", .mode = 0444, .show = show_zero},
	{.name = "max_open_zones", .mode = 0444, .show = show_zero},
	{.name = "max_sectors_kb", .mode = 0444, .show = show_max_sectors},
	{.name = "max_segment_size", .mode = 0444, .show = show_max_segment_size},
	{.name = "max_segments", .mode = 0444, .show = show_max_segments},
	{.name = "minimum_io_size", .mode = 0444, .show = show_physical},
	{.name = "nomerges", .mode = 0444, .show = show_zero},
	{.name = "nr_requests", .mode = 0444, .show = show_nr_requests},
	{.name = "nr_zones", .mode = 0444, .show = show_zero},
	{.name = "optimal_io_size", .mode = 0444, .show = show_optimal},
	{.name = "physical_block_size", .mode = 0444, .show = show_physical},
	{.name = "read_ahead_kb", .mode = 0644, .show = show_read_ahead, .store = store_read_ahead},
	{.name = "rotational", .mode = 0444, .show = show_rotational},
	{.name = "rq_affinity", .mode = 0444, .show = show_one},
	{.name = "scheduler", .mode = 0644, .show = show_scheduler, .store = store_scheduler},
	{.name = "stable_writes", .mode = 0444, .show = show_zero},
	{.name = "virt_boundary_mask", .mode = 0444, .show = show_zero},
	{.name = "write_cache", .mode = 0444, .show = show_cache},
	{.name = "write_same_max_bytes", .mode = 0444, .show = show_zero},
	{.name = "write_zeroes_max_bytes", .mode = 0444, .show = show_zeroes_max},
	{.name = "zone_append_max_bytes", .mode = 0444, .show = show_zero},
	{.name = "zone_write_granularity", .mode = 0444, .show = show_zero},
	{.name = "zoned", .mode = 0444, .show = show_zoned},
};

/* ---- devices ---- */

static void more_words(const struct sysfs_device *d, struct strbuf *sb, char end)
{
	const struct bdev *b = d->arg;

	strbuf_printf(sb, "DISKSEQ=%llu%c", b->disk->seq, end);
	if (!bdev_is_part(b))
		return;
	strbuf_printf(sb, "PARTN=%u%c", b->partno, end);
	if (b->uuid[0])
		strbuf_printf(sb, "PARTUUID=%s%c", b->uuid, end);
	if (b->label[0])
		strbuf_printf(sb, "PARTNAME=%s%c", b->label, end);
}

static int fill_disk(struct bdev *b)
{
	const struct disk_ops *ops = b->disk->ops;
	struct pseudo_node *node = b->sys.node, *queue, *slaves;
	int err = pseudo_add_files(node, disk_files, ARRAY_SIZE(disk_files), b);

	if (!err && ops->major == VIRTBLK_MAJOR)
		err = pseudo_add_files(node, virtio_files, ARRAY_SIZE(virtio_files), b);
	if (!err)
		err = pseudo_add_dir(node, "queue", &queue);
	if (!err)
		err = pseudo_add_files(queue, queue_files, ARRAY_SIZE(queue_files), b);
	if (!err)
		err = pseudo_add_dir(node, "slaves", &slaves);
	return err;
}

int bdev_sysfs_add(struct bdev *b)
{
	bool part = bdev_is_part(b);
	int err;

	b->sys = (struct sysfs_device){.name = b->name,
		.class = "block",
		.parent = part ? b->disk->whole->sys.node : NULL,
		.rdev = b->rdev,
		.is_block = true,
		.devtype = part ? "partition" : "disk",
		.more = more_words,
		.quiet = true,
		.files = part_files,
		.nfiles = part ? ARRAY_SIZE(part_files) : COMMON_FILES,
		.arg = b};
	err = sysfs_add_device(&b->sys);
	if (err)
		return err;
	err = pseudo_add_dir(b->sys.node, "holders", &b->holders);
	if (!err && !part)
		err = fill_disk(b);
	if (err) {
		sysfs_remove_device(&b->sys);
		return err;
	}
	sysfs_uevent(&b->sys, "add");
	return 0;
}

void bdev_sysfs_remove(struct bdev *b)
{
	sysfs_remove_device(&b->sys);
}

void bdev_uevent_resize(struct bdev *b)
{
	sysfs_uevent_word(&b->sys, "change", "RESIZE=1");
}

/* ---- /proc ---- */

static int show_partitions(struct pseudo_text *t)
{
	struct bdev *b;
	struct disk *d;

	strbuf_puts(&t->sb, "major minor  #blocks  name\n\n");
	mutex_lock(&block_lock);
	list_for_each_entry(d, &block_disks, link) {
		list_for_each_entry(b, &d->bdevs, link) {
			if (b->listed && bdev_size(d->whole))
				strbuf_printf(&t->sb, "%4u  %7u %10llu %s\n", vfs_major(b->rdev), vfs_minor(b->rdev), bdev_size(b) / 1024, b->name);
		}
	}
	mutex_unlock(&block_lock);
	return 0;
}

static int show_diskstats(struct pseudo_text *t)
{
	struct bdev *b;
	struct disk *d;

	mutex_lock(&block_lock);
	list_for_each_entry(d, &block_disks, link) {
		list_for_each_entry(b, &d->bdevs, link) {
			if (!b->listed || (bdev_is_part(b) && !bdev_size(b)))
				continue;
			strbuf_printf(&t->sb, "%4u %7u %s", vfs_major(b->rdev), vfs_minor(b->rdev), b->name);
			put_stats(&t->sb, b, false);
		}
	}
	mutex_unlock(&block_lock);
	return 0;
}

static const struct pseudo_file proc_files[] = {
	{.name = "diskstats", .mode = 0444, .show = show_diskstats},
	{.name = "partitions", .mode = 0444, .show = show_partitions},
};

static int block_proc_init(void)
{
	return pseudo_add_files(procfs_root, proc_files, ARRAY_SIZE(proc_files), NULL);
}

INITCALL(block_proc, "procfs", block_proc_init);
