/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * One operation on an open file whose result is told later: what native AIO submits (and whatever else queues operations).
 *
 * Life: the owner embeds a request, fills in file (a reference that the request takes over) and done, and starts it by one of the calls below. done() is called
 * exactly once, perhaps before the start returns, from any thread, without locks; afterwards the request has forgotten its file. The memory is the owner's again
 * when free() is called, which is once too, at or after done(); until then the owner must keep it.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <sched/work.h>
#include <sync/wait.h>

struct file;
struct iobuf;
struct io_request;

#define IO_REQUEST_QUEUES 4
struct io_request_entry {
	struct wait_entry entry;
	struct wait_queue *queue;
	struct io_request *request;
};

struct io_request {
	struct file *file;
	void (*done)(struct io_request *r, s64 result);
	void (*free)(struct io_request *r);
	/* The rest is the engine's. */
	u32 refs;		/* atomic: the operation, and each run of work that is queued */
	u32 finished;		/* atomic */
	u32 cancelled, armed;	/* atomic */
	u32 events;
	u32 nentries;
	bool datasync;
	struct work work;
	struct io_request_entry entries[IO_REQUEST_QUEUES];
};

void io_request_init(struct io_request *r, struct file *f);
/* Read or write; runs in the caller, as far as the file has no other way. */
void io_request_rw(struct io_request *r, bool write, struct iobuf *b, s64 pos, unsigned rwf);
/* fsync, fdatasync by a worker. */
void io_request_sync(struct io_request *r, bool datasync);
/* Done with the events, when some of @events (EPOLLIN...) are there. -EINVAL: the file has too many queues; the request was not started. */
int io_request_poll(struct io_request *r, u32 events) MUST_CHECK;
/* A poll that waits is done soon, with 0. Others end by themselves. The caller knows that the request is not freed meanwhile. */
void io_request_cancel(struct io_request *r);
