/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A disk in memory behind the blk port, for tests: its contents from and to a file, a log of what
 * was written, the n-th request failing. done() comes from a call in any context.
 */
#include <env_host/host.h>
#include <env/lock.h>
#include <port/blk.h>

struct model_write {
	u8 op; /* enum blk_op */
	bool fua;
	u64 off;
	u64 done_at; /* how many entries the log had when its done() came */
	u32 len;
	u8 *data;
};

struct model_disk {
	u8 *mem;
	u64 bytes;
	u32 logical_bytes;
	bool read_only, logging, dead;
	bool immediate; /* done() from within submit, which a port must not: for fuzzers, it is fast
			 */
	u64 requests, fail_at; /* the n-th fails, once; 0: none */
	bool fail_on;          /* and all after it */
	struct model_write *log;
	u64 nlog, log_cap;
	u8 *dirty; /* unless NULL: one for each 4 KiB that were written */
	/* ---- */
	struct env_spin lock;
	struct blk_request *first, *last;
	struct host_call call;
	u32 inflight;
};

void model_disk_init(struct model_disk *d, u64 bytes);
/* Returns: whether it could be read. */
bool model_disk_load(struct model_disk *d, const char *path);
bool model_disk_save(const struct model_disk *d, const char *path);
void model_disk_log_clear(struct model_disk *d);
void model_disk_mark(struct model_disk *d, u64 off, u64 len);
void model_disk_fini(struct model_disk *d);
struct blk_port model_disk_port(struct model_disk *d);
