/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What /proc/net and sock_diag(7) tell of a socket, a request or a TIME-WAIT, taken at one time.
 */
#include "sock_impl.h"

enum show_timer { SHOW_TIMER_NONE, SHOW_TIMER_RETRANSMIT, SHOW_TIMER_KEEPALIVE, SHOW_TIMER_TIME_WAIT, SHOW_TIMER_PROBE }; /* as Linux numbers them */

struct sock_view {
	const struct sock *sock; /* NULL: a request or a TIME-WAIT */
	u64 inode, number;
	u16 family, lport, rport;
	u8 state, shutdown; /* state: enum tcp_state's numbers, of datagrams too */
	union ipaddr laddr, raddr;
	u32 bound_if, mark, uid, refs;
	u32 rqueue, wqueue; /* what tools show: bytes to read and to be acknowledged, of a listener connections and their limit */
	u32 rmem, wmem, rcvbuf, sndbuf, drops;
	u8 timer, retransmits; /* enum show_timer */
	u64 expires_ns;	       /* from now */
};

/* Context: read section. Locks: takes the sock's. */
void sock_look(struct sock *s, struct sock_view *out);

/* Requests and TIME-WAITs of @family from *@cursor on, until @fn says false; see table_walk. */
void tcp_look_minis(struct inet *in, u16 family, u64 *cursor, bool (*fn)(const struct sock_view *v, void *arg), void *arg);
