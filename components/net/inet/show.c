/* SPDX-License-Identifier: BSD-2-Clause */
#include "show.h"

void sock_look(struct sock *s, struct sock_view *v)
{
	const struct inet_client_ops *client = s->in->client_ops;
	unsigned long flags = env_spin_lock(&s->lock);

	*v = (struct sock_view){.sock = s,
		.number = s->number,
		.family = s->family,
		.lport = s->lport,
		.rport = s->rport,
		.state = s->connected ? 1 : 7, /* ESTABLISHED, CLOSE */
		.shutdown = s->shutdown,
		.laddr = s->laddr,
		.raddr = s->raddr,
		.bound_if = s->bound_if,
		.mark = s->mark,
		.uid = s->uid,
		.refs = refcount_read(&s->refs),
		.rmem = (u32)READ_ONCE(s->rmem),
		.wmem = (u32)READ_ONCE(s->wmem),
		.rcvbuf = READ_ONCE(s->rcvbuf),
		.sndbuf = READ_ONCE(s->sndbuf),
		.drops = READ_ONCE(s->drops)};
	v->rqueue = v->rmem;
	v->wqueue = v->wmem;
	if (s->proto->look)
		s->proto->look(s, v);
	env_spin_unlock(&s->lock, flags);
	if (client && client->inode && !READ_ONCE(s->released))
		v->inode = client->inode(s->in->client, READ_ONCE(s->cookie));
}
