/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Native AIO: contexts, whose ring of results is mapped in the program. [man io_setup(2), io_submit(2), io_getevents(2)]
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <io/request.h>
#include <linux/aio_abi.h>

struct aio_context;
struct file;

/* One that is submitted. Made by aio_request_get, freed with its end. */
struct aio_request {
	struct io_request io;
	struct aio_context *ctx;
	struct io_event event;	/* with data and obj */
	struct file *eventfd;	/* a reference, or NULL */
	struct list_head link;	/* ctx->active */
};

/* The space's contexts are those of the running thread's. -EINVAL -EAGAIN -ENOMEM. *out_id is the address of the ring. */
int aio_create(u32 nr_events, u64 *out_id) MUST_CHECK;
/* The context at @id, a reference; NULL. */
struct aio_context *aio_get(u64 id);
void aio_put(struct aio_context *ctx);
/* No new request; those that wait are cancelled, and waited for; the ring is unmapped. -EINVAL: somebody else has. */
int aio_destroy(struct aio_context *ctx) MUST_CHECK;
/* How many requests one call may submit. */
u32 aio_room(const struct aio_context *ctx);
/* Room in the ring for one more result, and the request for it; NULL: -EAGAIN. */
struct aio_request *aio_request_get(struct aio_context *ctx);
/* It was not started, and its file is not its own. */
void aio_request_drop(struct aio_request *r);
/* The active request with this obj: asked to end. -EINPROGRESS: it will; -EINVAL: none that could. */
int aio_cancel(struct aio_context *ctx, u64 obj) MUST_CHECK;
/* It can be cancelled from now on, before it is started. */
void aio_request_activate(struct aio_request *r);
/* Results to @events: at least @min if they come before the deadline, at most @max. How many; -EFAULT -EINVAL (destroyed). A signal ends it, too. */
s64 aio_read_events(struct aio_context *ctx, s64 min, s64 max, struct uptr events, u64 deadline);
