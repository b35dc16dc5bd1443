/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * TUN and TAP: network devices whose other end is a file [Linux' Documentation/networking/tuntap.rst].
 *
 *	network ──tx──► queue of a file ──read──► program
 *	network ◄─poll── queue of the device ◄──write── program
 *
 * A device is a nic of <port/nic.h> with one pair of queues; with IFF_MULTI_QUEUE several files are attached to it and frames out are spread over them by flow. The
 * network asks for no offloads, so that every frame out is whole; frames in may have partial sums and be large where a virtio_net_hdr says so.
 *
 * Locks. tun_mutex: devices come and go, files are attached and detached, what ioctls set. device.lock (spin): both directions' queues; tx comes with locks of the
 * network held, which are below it.
 */
#include <lib/errno.h>
#include <lib/list.h>
#include <lib/refcount.h>
#include <net/device.h>
#include <net/filter.h>
#include <sync/mutex.h>
#include <sync/spinlock.h>
#include <sync/wait.h>
#include <vfs/fown.h>
#include <linux/eventpoll.h>
#include <linux/if_tun.h>

#define TUN_DEPTH	64
#define TUN_FILES_MOST	256
#define TUN_QUEUE_MOST	500	/* frames that wait for a reader */
#define TUN_FRAME_MOST	65535u

#define TUN_OPTIONS (IFF_NO_PI | IFF_ONE_QUEUE | IFF_VNET_HDR | IFF_MULTI_QUEUE | IFF_NAPI | IFF_NAPI_FRAGS)
/* Shown beside them; not of the request that makes a device. */
#define TUN_PERSISTENT 0x0800

struct tun;

struct tun_frame {
	struct list_head node;
	u32 len, off;		/* off: bytes given to the network */
	u16 protocol;		/* to the network: of the packet information; 0: none */
	u8 gso, flags;		/* enum nic_gso, nic_frame_flags */
	u16 gso_size, csum_start, csum_off;
	u8 bytes[];
};

/* An open /dev/net/tun. */
struct tun_file {
	struct tun *tun;	/* tun_mutex; NULL: not attached */
	bool enabled;		/* tun_mutex: takes frames (TUNSETQUEUE) */
	u32 slot;		/* tun_mutex: in tun->files */
	u32 ifindex;		/* TUNSETIFINDEX; kept, and not obeyed */
	struct list_head queue;	/* device.lock while it is attached */
	u32 nqueued;
	bool shut;		/* the device is gone */
	struct wait_queue wait;
	struct fasync_list async;
};

struct tun {
	struct list_head node;	/* tun_mutex: all devices */
	struct refcount refs;	/* the device's, and those of calls */
	u32 ifindex, flags;	/* tun_mutex */
	u32 owner, group;	/* tun_mutex; ~0: anybody */
	u32 vnet_size, sndbuf;
	struct bpf_prog *filter; /* TUNATTACHFILTER; RCU */
	struct nic_port nic;
	const struct nic_client_ops *client; /* from open to close */
	void *client_arg;
	bool destroying;	/* tun_mutex */

	struct spinlock lock;	/* all that follows */
	u8 mac[6];
	u16 mtu;
	bool up, armed, carrier;
	struct tun_file *files[TUN_FILES_MOST]; /* those that take frames, nfiles of them in a row */
	u32 nfiles, ndisabled;
	struct nic_frame *fill[TUN_DEPTH], *done[TUN_DEPTH];
	u32 nfill, ndone;
	struct list_head to_network;
	u32 nto_network;
	struct nic_stats stats;
};

extern struct mutex tun_mutex;

static inline bool tun_is_tap(const struct tun *t)
{
	return t->flags & IFF_TAP;
}

/* tun.c */
/* tun_mutex held. */
int tun_create(const char *name, u32 flags, struct tun **out) MUST_CHECK;
struct tun *tun_find(u32 ifindex);
void tun_put(struct tun *t);
/* tun_mutex held, which is given up meanwhile: no file is attached and nobody keeps it. */
void tun_destroy(struct tun *t);
void tun_attach(struct tun *t, struct tun_file *f);
void tun_detach(struct tun *t, struct tun_file *f);
/* A frame for the network; takes it. False: it is not up. */
bool tun_inject(struct tun *t, struct tun_frame *fr);
/* The next frame for the reader; NULL: none. */
struct tun_frame *tun_take(struct tun *t, struct tun_file *f);
extern const struct file_ops tun_file_ops;
