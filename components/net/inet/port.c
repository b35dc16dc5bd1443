/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Local ports; see sock.h.
 */
#include "sock.h"

#include <lib/bitmap.h>

u32 port_hash(u16 port)
{
	return hash_u32(port, 32); /* the bucket's number is no secret: all who share a port share it */
}

int port_table_init(struct port_table *t)
{
	memset(t, 0, sizeof(*t));
	return table_init(&t->table, 20);
}

void port_table_fini(struct port_table *t)
{
	table_fini(&t->table);
}

static bool devices_overlap(const struct sock *a, const struct sock *b)
{
	return !a->bound_if || !b->bound_if || a->bound_if == b->bound_if;
}

/* Can a socket bound to @any take what one bound to @other takes? An unbound IPv6 socket takes IPv4 too unless it is IPV6_V6ONLY. */
static bool any_covers(const struct sock *any, const struct sock *other)
{
	if (!ip_is_any(&any->laddr))
		return false;
	if (ip_is4(&any->laddr)) /* 0.0.0.0: IPv4 only */
		return ip_is4(&other->laddr) || (ip_is_any(&other->laddr) && !(other->flags & SOCK_F_V6ONLY));
	return !(any->flags & SOCK_F_V6ONLY) || !ip_is4(&other->laddr);
}

bool sock_binds_overlap(const struct sock *a, const struct sock *b)
{
	if (!devices_overlap(a, b))
		return false;
	return ip_equal(&a->laddr, &b->laddr) || any_covers(a, b) || any_covers(b, a);
}

bool sock_bind_covers(const struct sock *s, const union ipaddr *addr)
{
	if (!ip_is_any(&s->laddr))
		return ip_equal(&s->laddr, addr);
	return ip_is4(&s->laddr) ? ip_is4(addr) : !(s->flags & SOCK_F_V6ONLY) || !ip_is4(addr);
}

static bool excluded(struct port_table *t, const struct sock *s, u16 port, bool (*conflict)(const struct sock *a, const struct sock *b))
{
	struct table_node *n;

	table_for_each(&t->table, port_hash(port), n) {
		const struct sock *o = container_of(n, struct sock, bind_node);

		if (o != s && READ_ONCE(o->lport) == port && sock_binds_overlap(s, o) && conflict(s, o))
			return true;
	}
	return false;
}

static void bind_locked(struct port_table *t, struct sock *s, u16 port)
{
	s->lport = port;
	s->bind_node.hash = port_hash(port);
	table_insert(&t->table, &s->bind_node);
	if (!t->users[port]++)
		bitmap_set_atomic((unsigned long *)t->used, port);
}

static int try_port(struct port_table *t, struct sock *s, u16 port, bool (*conflict)(const struct sock *a, const struct sock *b))
{
	unsigned long flags = table_lock(&t->table, port_hash(port));
	bool no = excluded(t, s, port, conflict);

	if (!no)
		bind_locked(t, s, port);
	table_unlock(&t->table, port_hash(port), flags);
	return no ? -EADDRINUSE : 0;
}

/* Nobody's port first, from a random place; then one that can be shared. */
static int any_port(struct port_table *t, struct sock *s, bool (*conflict)(const struct sock *a, const struct sock *b))
{
	const unsigned long *used = (const unsigned long *)t->used;
	u32 low = s->in->conf.ip_port_low, n = s->in->conf.ip_port_high - low + 1, start = inet_random_below(n);

	for (u32 pass = 0; pass < 2; pass++) {
		size_t from = low + (pass ? 0 : start), end = low + (pass ? start : n), at;

		while ((at = bitmap_find_next_clear(used, end, from)) < end) {
			if (!try_port(t, s, (u16)at, conflict))
				return 0;
			from = at + 1;
		}
	}
	for (u32 i = 0; i < n; i++)
		if (!try_port(t, s, (u16)(low + (start + i) % n), conflict))
			return 0;
	return -EAGAIN;
}

int port_bind(struct port_table *t, struct sock *s, u16 port, bool (*conflict)(const struct sock *a, const struct sock *b))
{
	env_spin_assert_held(&s->lock);
	return port ? try_port(t, s, port, conflict) : any_port(t, s, conflict);
}

void port_bind_share(struct port_table *t, struct sock *s, u16 port)
{
	unsigned long flags = table_lock(&t->table, port_hash(port));

	bind_locked(t, s, port);
	table_unlock(&t->table, port_hash(port), flags);
}

void port_unbind(struct port_table *t, struct sock *s)
{
	u16 port = s->lport;
	unsigned long flags = table_lock(&t->table, port_hash(port));

	if (table_remove(&t->table, &s->bind_node) && !--t->users[port])
		bitmap_clear_atomic((unsigned long *)t->used, port);
	table_unlock(&t->table, port_hash(port), flags);
}
