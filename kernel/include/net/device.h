/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Network devices: numbers, names, /sys/class/net; the links themselves are the network's (<port/inet.h>).
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/list.h>
#include <port/nic.h>
#include <vfs/sysfs.h>

#define NET_NAME_MAX 16

/* Of a device that users made. */
struct net_device_extra {
	const struct pseudo_file *files; /* attributes of its own; their arg is the nic's self */
	size_t nfiles;
	int (*delete)(u32 ifindex);	 /* `ip link del`; NULL: -EOPNOTSUPP. -ENODEV */
};

struct net_device {
	struct list_head link;	/* all devices */
	char name[NET_NAME_MAX];
	u32 ifindex;		/* 1: lo */
	struct nic_port nic;	/* ops NULL: lo */
	bool attached;		/* the network has it */
	const struct net_device_extra *extra; /* constant; NULL: none */
	struct sysfs_device sysfs;
	void *counters;		/* of statistics/ */
};

/*
 * A nic: it becomes the next ethN, or what @format ("tun%u") says; the network gets it now or when there is one.
 * 0; -EEXIST; -ENOMEM. May sleep.
 */
int net_device_add(const char *format, const struct nic_port *nic, const struct net_device_extra *extra, u32 *out_ifindex) MUST_CHECK;
/* The one whose nic has this self; the network lets go of it. May sleep. */
void net_device_remove(void *nic_self);
/* Another name. -ENODEV -EEXIST -EINVAL (no name) -ENOMEM. May sleep. */
int net_device_rename(u32 ifindex, const char *name) MUST_CHECK;
/* As its maker does it. -ENODEV -EOPNOTSUPP. May sleep. */
int net_device_delete(u32 ifindex) MUST_CHECK;
int net_device_name(u32 ifindex, char name[NET_NAME_MAX]) MUST_CHECK; /* -ENODEV */
/* There is a network: lo, and what was found before. May sleep. */
int net_devices_start(void) MUST_CHECK;
/* The one called @wanted, or for "" the first that a nic stands behind: its number, 0: none; its name to @name. */
u32 net_device_find(const char *wanted, char name[NET_NAME_MAX]);
/* The attributes of /sys/class/net/NAME. (sysfs.c) */
extern const struct pseudo_file net_device_files[];
extern const size_t net_device_files_nr;
/* statistics/. 0; -ENOMEM. */
int net_device_add_statistics(struct net_device *d) MUST_CHECK;
