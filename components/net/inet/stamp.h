/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What a socket is told of its own packets: SO_TIMESTAMPING and SO_ZEROCOPY (stamp.c). */
#include "sock.h"

/* SO_TIMESTAMPING as the user gives it; @fresh: the _NEW form. -EINVAL. */
int sock_set_timestamping(struct sock *s, bool fresh, struct iobuf *value) MUST_CHECK;
int sock_set_zerocopy(struct sock *s, struct iobuf *value) MUST_CHECK;

/* Does a send with these SOF_TIMESTAMPING_* flags tell anything? */
bool stamp_wanted(u32 tsflags);
/* The number of the next packet; 0 without SOF_TIMESTAMPING_OPT_ID. Lock held. */
u32 stamp_next_id(struct sock *s);
/* One message of @what (SCM_TSTAMP_*) in the error queue; @frame: the packet as it left, or NULL. Lock held. */
void stamp_tell(struct sock *s, u32 what, u32 id, const struct pkt *frame);
/*
 * A datagram has left: tell what @tsflags ask. @clone, taken: it from its transport's header on, NULL where only the stamp is wanted or
 * memory is short. Lock held.
 */
void stamp_datagram(struct sock *s, u32 tsflags, struct pkt *clone, const struct inet_route *r, const struct ip_tx *tx);
/* A send with MSG_ZEROCOPY is done with the user's memory. Lock held. */
void zerocopy_done(struct sock *s);
/* SO_TIMESTAMP and SO_TIMESTAMPING of a packet that came, or with @own of one of the error queue's. */
void cmsg_put_stamps(struct sock *s, struct inet_msg *msg, u64 stamp_ns, bool own);
