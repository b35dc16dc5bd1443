/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * rtnetlink(7): one request in, answers out.
 *
 * A request is read as struct rtnl_attrs: a pointer for each attribute type below a limit, lengths checked. An answer is written message by
 * message into the reply; a dump that does not fit says in @resume which object comes next.
 */
#include "link_impl.h"
#include "neigh_impl.h"
#include "route_impl.h"
#include "sock_impl.h"

#define RTNL_ATTRS_MAX 64
#define RTNL_REQUEST_MAX 4096

struct rtnl_attr {
	const u8 *data; /* NULL: not there */
	u16 len;
};

struct rtnl_attrs {
	struct rtnl_attr a[RTNL_ATTRS_MAX];
};

struct rtnl_request {
	struct inet *in;
	const struct nlmsghdr *h;
	const u8 *body; /* behind the header */
	u32 body_len;
	struct iobuf *reply;
	u64 *resume;
	struct link_change *change;
};

/* Attributes in [at, at + len), up to the first that is none. 0. Types beyond the limit are skipped. */
int rtnl_parse(const u8 *at, u32 len, struct rtnl_attrs *out) MUST_CHECK;
static inline const struct rtnl_attr *rtnl_get(const struct rtnl_attrs *as, unsigned type, u32 min_len)
{
	const struct rtnl_attr *a = &as->a[type];

	return a->data && a->len >= min_len ? a : NULL;
}
u32 rtnl_u32(const struct rtnl_attrs *as, unsigned type, u32 otherwise);
/* An address of @family. False: not there or of a wrong length. */
bool rtnl_addr(const struct rtnl_attrs *as, unsigned type, u8 family, union ipaddr *out);

/* A message being made in memory. */
struct rtnl_msg {
	u8 bytes[2048] __aligned(8);
	u32 len;
	bool full;
};
void rtnl_begin(struct rtnl_msg *m, u16 type, u16 flags, u32 seq, u32 pid, const void *body, u32 body_len);
void rtnl_put(struct rtnl_msg *m, u16 type, const void *data, u32 len);
void rtnl_put_u32(struct rtnl_msg *m, u16 type, u32 v);
void rtnl_put_addr(struct rtnl_msg *m, u16 type, const union ipaddr *a);
u32 rtnl_nest(struct rtnl_msg *m, u16 type);
void rtnl_unnest(struct rtnl_msg *m, u32 at);
/* Put it into the reply whole. -EMSGSIZE: it does not fit. */
int rtnl_emit(struct rtnl_request *r, struct rtnl_msg *m) MUST_CHECK;
/* Tell the members of @group (RTNLGRP_*) when this thread leaves. Any lock may be held. */
void rtnl_notify(struct inet *in, u32 group, struct rtnl_msg *m);

/*
 * A dump walks objects by a number that only grows; @resume is the first not yet sent. Each returns 0 at the end, -EMSGSIZE for more.
 */
int rtnl_link(struct rtnl_request *r);
int rtnl_addr_request(struct rtnl_request *r);
int rtnl_route(struct rtnl_request *r);
int rtnl_neigh(struct rtnl_request *r);
int rtnl_rule(struct rtnl_request *r);
int inet_diag_request(struct rtnl_request *r);
