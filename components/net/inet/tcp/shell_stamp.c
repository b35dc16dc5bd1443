/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a stream is told beside its bytes: stamps of what it sent (when the last byte of a send left, and when the peer had it), stamps of
 * what it receives, and how much is left (TCP_INQ). The sock's lock is held unless said.
 */
#include "tcp_sock.h"

#include <linux/net_tstamp.h>
#include <linux/tcp.h>
#include "../stamp.h"
#include "../uapi.h"
#include "impl.h"

#define MARKS_MAX 32
#define TOLD_SENT (SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_SCHED)

/* The last bytes of sends that are to be told of; allocated by the first. */
struct tcp_marks {
	u32 n;
	struct tcp_mark {
		u32 seq, todo; /* SOF_TIMESTAMPING_TX_* */
	} mark[MARKS_MAX];
};

void tcp_marks_add(struct tcp_sock *t, u32 tsflags)
{
	struct tcp_marks *m = t->marks;

	tsflags &= TOLD_SENT | SOF_TIMESTAMPING_TX_ACK;
	if (!tsflags)
		return;
	if (!m)
		m = t->marks = env_alloc(sizeof(*m), ENV_ALLOC_NOWAIT | ENV_ALLOC_ZERO);
	if (m && m->n < MARKS_MAX) /* otherwise it goes untold, as with a full error queue */
		m->mark[m->n++] = (struct tcp_mark){t->c.snd_end - 1, tsflags};
}

void tcp_marks_free(struct tcp_sock *t)
{
	if (t->marks)
		env_free(t->marks, sizeof(*t->marks));
	t->marks = NULL;
}

static void tell(struct tcp_sock *t, struct tcp_mark *k, u32 flag, u32 what)
{
	struct sock *s = &t->sock;

	if (!(k->todo & flag))
		return;
	k->todo &= ~flag;
	stamp_tell(s, what, s->tsflags & SOF_TIMESTAMPING_OPT_ID ? k->seq - s->tskey : 0, NULL);
}

void tcp_marks_sent(struct tcp_sock *t, u32 seq, u32 len)
{
	for (u32 i = 0; i < t->marks->n; i++) {
		struct tcp_mark *k = &t->marks->mark[i];

		if (k->seq - seq >= len)
			continue;
		tell(t, k, SOF_TIMESTAMPING_TX_SCHED, SCM_TSTAMP_SCHED);
		tell(t, k, SOF_TIMESTAMPING_TX_SOFTWARE, SCM_TSTAMP_SND);
	}
}

void tcp_marks_acked(struct tcp_sock *t)
{
	struct tcp_marks *m = t->marks;
	u32 kept = 0;

	for (u32 i = 0; i < m->n; i++) {
		if (seq_lt(m->mark[i].seq, t->c.snd_una))
			tell(t, &m->mark[i], SOF_TIMESTAMPING_TX_ACK, SCM_TSTAMP_ACK);
		else
			m->mark[kept++] = m->mark[i];
	}
	m->n = kept;
}

/* ---- receiving ---- */

u32 tcp_left_to_read(const struct tcp_sock *t)
{
	u32 n = tcp_readable(&t->c);

	return n ? n : t->c.rcv_fin; /* the end is one thing to read */
}

/* The lock is not held. */
void tcp_tell_beside(struct tcp_sock *t, struct inet_msg *msg, u64 stamp_ns, u32 left)
{
	struct sock *s = &t->sock;

	if (stamp_ns && s->flags & (SOCK_F_TIMESTAMP | SOCK_F_TIMESTAMPING))
		cmsg_put_stamps(s, msg, stamp_ns, false);
	if (t->tell_left)
		cmsg_put(msg, SOL_TCP, TCP_CM_INQ, &left, sizeof(left));
}
