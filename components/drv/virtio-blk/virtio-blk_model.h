/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A disk in memory behind the virtio model, with a cache that power loss would empty: `durable` has what a flush has made so.
 */
#include "../virtio/virtio_model.h"

#define DISK_SECTORS 1024u

struct disk_model {
	struct virtio_model m;
	u8 now[DISK_SECTORS * 512], durable[DISK_SECTORS * 512];
	u64 requests, flushes;
	u64 fail_at; /* the N-th request ends with an error; 0: none */
	u8 wrong_status; /* what it says then */
};

void disk_model_init(struct disk_model *d, enum env_bus bus, u64 features, u32 nqueues);
void disk_model_resize(struct disk_model *d, u64 sectors);
