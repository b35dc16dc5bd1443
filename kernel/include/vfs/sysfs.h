/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * /sys: directories, attributes (struct pseudo_file with show and store) and links that modules add with <vfs/pseudo.h>, and devices. Their initcalls run after
 * "sysfs".
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <vfs/pseudo.h>

extern struct pseudo_node *sysfs_root;
/* devices, devices/system, devices/virtual, class, bus, block, kernel, fs */
extern struct pseudo_node *sysfs_devices, *sysfs_system, *sysfs_virtual, *sysfs_class, *sysfs_bus, *sysfs_block, *sysfs_kernel, *sysfs_fs;

/*
 * A device of a class:
 *	/sys/devices/virtual/CLASS/NAME/ (or PARENT/NAME/)	uevent, dev, subsystem -> class/CLASS, and @files
 *	/sys/class/CLASS/NAME, /sys/dev/{char,block}/MAJ:MIN	links to it
 */
struct sysfs_device {
	const char *name, *class;
	struct pseudo_node *parent;	/* NULL: devices/virtual/CLASS */
	u32 rdev;			/* 0: has no node in /dev */
	u16 mode;			/* of its node, when that is not 0600 */
	bool is_block;
	const char *devtype;		/* "disk": is seen in /sys/block; "partition"; NULL */
	void (*more)(const struct sysfs_device *d, struct strbuf *sb, char end); /* further words of its events: "KEY=value", each with @end; NULL */
	bool quiet;			/* who adds it tells "add" himself, when all below it is there */
	const char *devname;		/* its node, relative to /dev; NULL: name */
	const struct pseudo_file *files; /* attributes of its own */
	size_t nfiles;
	void *arg;			/* of the files */
	struct pseudo_node *node;	/* set by sysfs_add_device */
};
/* @d stays until removed. Tells the listener "add". -EEXIST -ENOMEM. May sleep. */
int sysfs_add_device(struct sysfs_device *d) MUST_CHECK;
void sysfs_remove_device(struct sysfs_device *d); /* tells "remove" first; may sleep */
void sysfs_drop_device(struct sysfs_device *d);	  /* without a word: it comes again by another name */

/*
 * A character device that stays: its node in /dev, and a device of @class in /sys with @files, at the latest when there is a /sys. -EEXIST -ENOMEM. May sleep.
 */
struct device_node {
	const char *class, *name;
	u32 mode, rdev;			/* permissions */
	const struct pseudo_file *files; /* constant; their arg is NULL */
	size_t nfiles;
};
int device_node_add(const struct device_node *n) MUST_CHECK;

/*
 * Who hears of devices (the netlink of uevents): @text is "ACTION@/devices/...", then "KEY=value" strings, each NUL-terminated. One listener, set at boot.
 * Thread context, no locks.
 */
void sysfs_set_uevent_listener(void (*fn)(const char *text, size_t len));
void sysfs_uevent(struct sysfs_device *d, const char *action);
void sysfs_uevent_word(struct sysfs_device *d, const char *action, const char *word); /* with one more word: "RESIZE=1" */
u64 sysfs_uevent_seq_next(void); /* the number of an event that somebody else makes */
