/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The filters of INET_DIAG: a program of comparisons, each with where to go on, in bytes, if it holds and if not. One that ends exactly at its
 * end has said yes; the way of `no` may pass the end by a word, which says no [Linux: <linux/inet_diag.h>, ss(8)].
 *
 *	u8 code | u8 yes | u16 no	then, by code: a port in the next op's `no`; a struct inet_diag_hostcond and address; a u32
 *
 * A program is checked before it runs: each step goes forward, by words, to an operation.
 */
#include "diag_filter.h"

#define OP sizeof(struct inet_diag_bc_op)

static bool host_ok(const u8 *at, u32 len, u32 *size)
{
	struct inet_diag_hostcond c;
	u32 addr;

	if (len < OP + sizeof(c))
		return false;
	memcpy(&c, at + OP, sizeof(c));
	addr = c.family == AF_INET ? 4 : c.family == AF_INET6 ? 16 : 0;
	*size = OP + (u32)sizeof(c) + addr;
	return (addr || c.family == AF_UNSPEC) && len >= *size && c.prefix_len <= 8 * addr;
}

/* Does the operation at @at know its code, and how long is it at least? */
static bool op_ok(const u8 *at, u32 len, u32 *size)
{
	*size = OP;
	switch (at[0]) {
	case INET_DIAG_BC_S_COND:
	case INET_DIAG_BC_D_COND:
		return host_ok(at, len, size);
	case INET_DIAG_BC_DEV_COND:
	case INET_DIAG_BC_S_GE:
	case INET_DIAG_BC_S_LE:
	case INET_DIAG_BC_S_EQ:
	case INET_DIAG_BC_D_GE:
	case INET_DIAG_BC_D_LE:
	case INET_DIAG_BC_D_EQ:
		*size = OP + 4;
		return len >= *size;
	case INET_DIAG_BC_MARK_COND:
		*size = OP + sizeof(struct inet_diag_markcond);
		return len >= *size;
	case INET_DIAG_BC_NOP:
	case INET_DIAG_BC_JMP:
	case INET_DIAG_BC_AUTO:
		return true;
	}
	return false;
}

static struct inet_diag_bc_op op_at(const u8 *at)
{
	struct inet_diag_bc_op op;

	memcpy(&op, at, sizeof(op));
	return op;
}

/* Is @to an operation that going on by `yes` from the start comes by? */
static bool is_reached(const u8 *code, u32 len, u32 to)
{
	u32 at = 0;

	while (at < to && at < len)
		at += op_at(code + at).yes;
	return at == to;
}

bool diag_filter_ok(const u8 *code, u32 len)
{
	u32 at = 0, size;

	if (!len || len % 4)
		return false;
	while (at < len) {
		struct inet_diag_bc_op op = op_at(code + at);
		u32 left = len - at;

		if (!op_ok(code + at, left, &size))
			return false;
		if (op.yes < size || op.yes > left || op.yes & 3)
			return false;
		if (op.code != INET_DIAG_BC_NOP && (op.no < size || op.no > left + 4 || op.no & 3))
			return false;
		at += op.yes;
	}
	for (at = 0; at < len; at += op_at(code + at).yes) { /* every `yes` is known to be good */
		struct inet_diag_bc_op op = op_at(code + at);

		if (op.code != INET_DIAG_BC_NOP && at + op.no < len && !is_reached(code, len, at + op.no))
			return false;
	}
	return true;
}

static bool prefix_equal(const u8 *a, const u8 *b, u32 bits)
{
	u8 mask = (u8)(0xff00 >> bits % 8);

	return !memcmp(a, b, bits / 8) && (!mask || !((a[bits / 8] ^ b[bits / 8]) & mask));
}

static bool host_holds(const u8 *at, const struct sock_view *v, const union ipaddr *addr, u16 port)
{
	struct inet_diag_hostcond c;
	const u8 *want = at + OP + sizeof(c);

	memcpy(&c, at + OP, sizeof(c));
	if (c.port != -1 && c.port != port)
		return false;
	if (c.family == AF_UNSPEC)
		return true;
	if (c.family != v->family && !(c.family == AF_INET && ip_is4(addr)))
		return false;
	return prefix_equal(c.family == AF_INET ? addr->b + 12 : addr->b, want, c.prefix_len);
}

static bool holds(const u8 *at, u32 len, const struct sock_view *v)
{
	u16 number = len >= 2 * OP ? op_at(at + OP).no : 0;
	struct inet_diag_markcond mark;
	u32 word;

	switch (at[0]) {
	case INET_DIAG_BC_JMP: return false;
	case INET_DIAG_BC_S_GE: return v->lport >= number;
	case INET_DIAG_BC_S_LE: return v->lport <= number;
	case INET_DIAG_BC_S_EQ: return v->lport == number;
	case INET_DIAG_BC_D_GE: return v->rport >= number;
	case INET_DIAG_BC_D_LE: return v->rport <= number;
	case INET_DIAG_BC_D_EQ: return v->rport == number;
	case INET_DIAG_BC_AUTO: return v->sock && !(v->sock->flags & SOCK_F_PORT_LOCKED);
	case INET_DIAG_BC_S_COND: return host_holds(at, v, &v->laddr, v->lport);
	case INET_DIAG_BC_D_COND: return host_holds(at, v, &v->raddr, v->rport);
	case INET_DIAG_BC_DEV_COND:
		memcpy(&word, at + OP, sizeof(word));
		return word == v->bound_if;
	case INET_DIAG_BC_MARK_COND:
		memcpy(&mark, at + OP, sizeof(mark));
		return (v->mark & mark.mask) == mark.mark;
	}
	return true;
}

bool diag_filter_run(const u8 *code, u32 len, const struct sock_view *v)
{
	u32 at = 0;

	while (at < len) {
		struct inet_diag_bc_op op = op_at(code + at);

		at += holds(code + at, len - at, v) ? op.yes : op.no;
	}
	return at == len;
}
