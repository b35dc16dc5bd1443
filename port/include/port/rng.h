/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * rng: the kernel asks a source of entropy for bytes. See port.h for the life of a request.
 *
 * Survives a provider's death: nothing; -EOWNERDEAD requests are simply made again.
 */
#include <lib/compiler.h>
#include <lib/types.h>
#include <env/iobuf.h>
#include <port/port.h>

struct rng_request {
	struct iobuf data; /* kernel memory; filled from its position */
	u32 got;           /* out: bytes that are there; 0 only with a status */
	s32 status; /* out: 0, also when got is less than asked; -EIO -ENODEV -ETIMEDOUT -ECANCELED
		     */
	/* ---- */
	void (*done)(struct rng_request *rq);
	u64 provider[2];
};

struct rng_info {
	u32 bits_per_1024; /* entropy claimed per 1024 bits; 0: a stranger's word, mix without
			      credit */
	u32 max_bytes;     /* of one request; longer ones are answered short */
};

struct rng_ops {
	/* Constant.  Context: any. */
	void (*info)(void *self, struct rng_info *out);
	/* Context: any. One at a time; -EBUSY is the status of a second. */
	void (*submit)(void *self, struct rng_request *rq);
	/* End it soon. Nothing if it is done already.  Context: may sleep; it is done on return. */
	void (*cancel)(void *self, struct rng_request *rq);
};
