/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Block devices: disks (over a blk port), their partitions, loop devices. File systems, swap and the openers of /dev/vda meet here.
 *
 *	disk port --bdev_disk_add--> LIVE --bdev_disk_remove--> GONE (requests end with -ENODEV; the memory stays while anybody has a reference)
 *
 * A client of the kernel claims a device and is given a blk port for it, with everything that <port/blk.h> promises: requests of any size and of any number
 * of segments (the layer splits them), in sectors of the device (of the partition, not of the disk), ended in any context, also an interrupt's.
 * Submitting collects: adjacent requests are joined until the client kicks, or a millisecond has passed.
 *
 * The page cache of the device (what read and write of /dev/vda1 use) is not on the way of a port's requests: claiming a device for writing writes it back
 * and empties it, so does giving the claim back.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <port/blk.h>

struct bdev;
struct bdev_claim;
struct file;
struct pseudo_node;

/* ---- finding; each gives a reference ---- */

/* By number (<vfs/inode.h> vfs_mkdev).  Context: may sleep.  Returns: 0; -ENXIO. */
int bdev_lookup(u32 rdev, struct bdev **out_bdev) MUST_CHECK;
/* By the path of a node, as the running task sees it, rights checked as mount(2) does.  Context: may sleep.  Returns: 0; -ENOENT and the like; -ENOTBLK;
 * -EACCES: the mount has nodev; -ENXIO: nothing behind it. */
int bdev_lookup_path(const char *path, struct bdev **out_bdev) MUST_CHECK;
/*
 * What root= and swap tables name: "/dev/vda1" (by the device's name, no node is needed), "254:1", "fe01", "PARTUUID=" (also with "/PARTNROFF=n"),
 * "PARTLABEL=", "UUID=", "LABEL=" (of the file systems that the kernel knows: ext2 to ext4, swap). Looks at what is there now, waits for nothing.
 * Context: may sleep.  Returns: 0; -ENODEV: nothing is so named now; -EINVAL: makes no sense; -ENOMEM.
 */
int bdev_find(const char *spec, struct bdev **out_bdev) MUST_CHECK;

void bdev_get(struct bdev *b);
void bdev_put(struct bdev *b); /* may sleep */

/* ---- claiming ---- */

enum bdev_mode { BDEV_READ = 1, BDEV_WRITE = 2 };

/*
 * Nobody else may claim @b, its disk (for a partition), or its partitions (for a disk) as long as the claim stands, but claims with the same @holder; open(2)
 * without O_EXCL still works. @holder is a pointer that identifies (a super block, a swap area), never looked into.
 * *out_port: of this claim; its client says who it is by port->ops->open before the first submit and calls close before bdev_release.
 *
 * Context: may sleep.  Returns: 0; -EBUSY: claimed; -EROFS (BDEV_WRITE); -ENXIO: gone; -ENOMEDIUM: a loop device without a file; -ENOMEM.
 * Ownership: the claim holds a reference of its own to @b.
 */
int bdev_claim(struct bdev *b, unsigned mode, const void *holder, struct bdev_claim **out_claim, struct blk_port *out_port) MUST_CHECK;
void bdev_release(struct bdev_claim *claim); /* all requests of its port are done; may sleep */
struct bdev *bdev_of_claim(const struct bdev_claim *claim); /* borrowed */

/* ---- asking; any context ---- */

u32 bdev_rdev(const struct bdev *b);
const char *bdev_name(const struct bdev *b); /* "vda1": as in /dev */
u64 bdev_size(const struct bdev *b);	     /* bytes */
bool bdev_is_read_only(const struct bdev *b);
u32 bdev_logical_bytes(const struct bdev *b);

/* ---- without a claim, synchronously ---- */

/* [pos, pos + len) of the device, past its page cache; aligned to logical blocks; @buf: kmalloc'ed or pages.  Context: may sleep.  0; -EIO -ENXIO -EINVAL... */
int bdev_read(struct bdev *b, u64 pos, void *buf, size_t len) MUST_CHECK;
/* Write back the page cache of @b and flush the device.  Context: may sleep.  0, or the first error. */
int bdev_sync(struct bdev *b) MUST_CHECK;
void bdev_invalidate(struct bdev *b); /* drop clean pages; may sleep */

/* The device behind an open file of /dev; borrowed from the file; NULL: it is none. */
struct bdev *bdev_of_file(const struct file *f);

/* ---- providers ---- */

struct bdev_disk_args {
	const char *device;	/* "pci:00:03.0": for the log */
	const struct blk_ops *ops;
	void *self;
};
/* A disk has come, vda or vdb...: nodes, /sys, partitions. The port's self identifies it.  Context: may sleep.  0; -ENOMEM -ENOSPC. */
int bdev_disk_add(const struct bdev_disk_args *args) MUST_CHECK;
/* It goes: no request reaches the port any more when this returns; those in flight the provider ends.  Context: may sleep. */
void bdev_disk_remove(void *self);
