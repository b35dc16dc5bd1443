/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests to the kernel, their acknowledgements, and answers. [man netlink(7), rfc3549 2.3]
 *
 *	| nlmsghdr 16 bytes | body | attributes: | len u16 | type u16 | value | pad to 4 | ... |
 */
#include "netlink_impl.h"
#include <lib/string.h>
#include <mm/slab.h>

#define DUMP_ROOM 16384u

/* ---- building ---- */

int nl_out_init(struct nl_out *o, u32 room)
{
	*o = (struct nl_out){.buf = nl_buf_alloc(room), .room = room};
	return o->buf ? 0 : -ENOMEM;
}

/* @n bytes more, zeroed, and what pads them to 4; NULL: full. */
static void *reserve(struct nl_out *o, u32 n)
{
	u32 len = align_up(n, 4u);
	char *at = o->buf->bytes + o->len;

	if (o->full || o->room - o->len < len) {
		o->full = true;
		return NULL;
	}
	memset(at, 0, len);
	o->len += len;
	return at;
}

void *nl_begin(struct nl_out *o, u16 type, u16 flags, u32 seq, u32 port, u32 size)
{
	struct nlmsghdr *h;

	o->start = o->len;
	o->full = false;
	h = reserve(o, (u32)sizeof(*h) + size);
	if (!h)
		return NULL;
	*h = (struct nlmsghdr){.nlmsg_type = type, .nlmsg_flags = flags, .nlmsg_seq = seq, .nlmsg_pid = port};
	return h + 1;
}

bool nl_end(struct nl_out *o)
{
	struct nlmsghdr *h = (struct nlmsghdr *)(void *)(o->buf->bytes + o->start);

	if (o->full) {
		o->len = o->start;
		return false;
	}
	h->nlmsg_len = o->len - o->start;
	return true;
}

void nl_attr(struct nl_out *o, u16 type, const void *data, u32 len)
{
	struct nlattr *a = reserve(o, NLA_HDRLEN + len);

	if (!a)
		return;
	a->nla_type = type;
	a->nla_len = (u16)(NLA_HDRLEN + len);
	memcpy(a + 1, data, len);
}

void nl_attr_string(struct nl_out *o, u16 type, const char *s)
{
	nl_attr(o, type, s, (u32)strlen(s) + 1);
}

u32 nl_nest(struct nl_out *o, u16 type)
{
	u32 at = o->len;

	nl_attr(o, type | NLA_F_NESTED, "", 0);
	return at;
}

void nl_nest_end(struct nl_out *o, u32 nest)
{
	if (!o->full)
		((struct nlattr *)(void *)(o->buf->bytes + nest))->nla_len = (u16)(o->len - nest);
}

void nl_reply(struct nl_sock *to, struct nl_out *o)
{
	o->buf->len = o->len;
	if (o->len && nl_deliver(to, o->buf, 0, 0, NULL))
		nl_overrun(to);
	nl_buf_put(o->buf);
}

int nl_parse(const void *at, u32 len, const struct nlattr **table, u32 max)
{
	const char *p = at;

	memset(table, 0, (max + 1) * sizeof(*table));
	while (len >= NLA_HDRLEN) {
		const struct nlattr *a = (const struct nlattr *)(const void *)p;
		u32 type = a->nla_type & NLA_TYPE_MASK, step;

		if (a->nla_len < NLA_HDRLEN || a->nla_len > len)
			return -EINVAL;
		if (type <= max)
			table[type] = a;
		step = min((u32)NLA_ALIGN(a->nla_len), len);
		p += step;
		len -= step;
	}
	return 0;
}

/* ---- acknowledgements ---- */

static void put_ext(struct nl_out *o, const struct nl_extack *e)
{
	if (e->text)
		nl_attr_string(o, NLMSGERR_ATTR_MSG, e->text);
	if (e->offset)
		nl_attr_u32(o, NLMSGERR_ATTR_OFFS, e->offset);
	if (e->missing_type)
		nl_attr_u32(o, NLMSGERR_ATTR_MISS_TYPE, e->missing_type);
}

/* The request goes back with an error, its header alone with success or if the receiver wants no more. */
static void acknowledge(struct nl_request *r, int err)
{
	u32 flags = READ_ONCE(r->from->flags);
	bool whole = err && !(flags & NLF_CAP_ACK);
	bool ext = (flags & NLF_EXT_ACK) && (r->ext.text || r->ext.offset || r->ext.missing_type);
	u16 msg_flags = (u16)((whole ? 0 : NLM_F_CAPPED) | (ext ? NLM_F_ACK_TLVS : 0));
	u32 body = (u32)sizeof(struct nlmsgerr) + (whole ? r->len : 0);
	struct nlmsgerr *e;
	struct nl_out o;

	if (nl_out_init(&o, NLMSG_HDRLEN + align_up(body, 4u) + 256)) {
		WRITE_ONCE(r->from->sock.err, ENOBUFS);
		socket_wake_read(&r->from->sock, 0);
		return;
	}
	e = nl_begin(&o, NLMSG_ERROR, msg_flags, r->h->nlmsg_seq, r->from->port, body);
	e->error = err;
	memcpy(&e->msg, r->h, whole ? r->h->nlmsg_len : sizeof(e->msg));
	if (ext)
		put_ext(&o, &r->ext);
	(void)nl_end(&o);
	nl_reply(r->from, &o);
}

void nl_input(struct nl_sock *from, const struct nl_buf *buf)
{
	const char *at = buf->bytes;
	u32 left = buf->len;

	while (left >= NLMSG_HDRLEN) {
		const struct nlmsghdr *h = (const struct nlmsghdr *)(const void *)at;
		struct nl_request r = {.from = from, .h = h, .body = h + 1};
		int err = 0;
		u32 step;

		if (h->nlmsg_len < NLMSG_HDRLEN || h->nlmsg_len > left)
			return;
		r.len = h->nlmsg_len - NLMSG_HDRLEN;
		if ((h->nlmsg_flags & NLM_F_REQUEST) && h->nlmsg_type >= NLMSG_MIN_TYPE)
			err = from->proto->request(&r);
		if (err != NL_NO_ACK && (err || (h->nlmsg_flags & NLM_F_ACK)))
			acknowledge(&r, err);
		step = min((u32)NLMSG_ALIGN(h->nlmsg_len), left);
		at += step;
		left -= step;
	}
}

/* ---- dumps ---- */

/* One buffer more of the dump; its end comes in the last one, or alone. dump_lock held. True: that was the end. */
static bool dump_some(struct nl_sock *n)
{
	struct nl_dump *d = n->dump;
	struct nl_out o;
	int more, *done;

	if (nl_out_init(&o, DUMP_ROOM)) {
		WRITE_ONCE(n->sock.err, ENOBUFS);
		return true;
	}
	more = d->fill ? d->fill(d, &o) : 0;
	if (more <= 0) {
		d->fill = NULL; /* nothing more, but the end may still have to come */
		done = nl_begin(&o, NLMSG_DONE, NLM_F_MULTI | d->flags, d->seq, d->port, sizeof(int));
		if (done)
			*done = more;
		more = !nl_end(&o);
	}
	nl_reply(n, &o);
	return !more;
}

static void dump_end(struct nl_sock *n)
{
	kfree(n->dump);
	WRITE_ONCE(n->dump, NULL);
}

int nl_dump_start(struct nl_request *r, const struct nl_dump *d)
{
	struct nl_sock *n = r->from;
	int err = 0;

	mutex_lock(&n->dump_lock);
	if (n->dump) {
		err = -EBUSY;
	} else {
		n->dump = kmalloc(sizeof(*d), 0);
		err = n->dump ? 0 : -ENOMEM;
	}
	if (!err) {
		*n->dump = *d;
		n->dump->seq = r->h->nlmsg_seq;
		n->dump->port = n->port;
		if (dump_some(n))
			dump_end(n);
	}
	mutex_unlock(&n->dump_lock);
	return err ? err : NL_NO_ACK;
}

void nl_dump_go_on(struct nl_sock *n)
{
	if (likely(!READ_ONCE(n->dump)) || READ_ONCE(n->charge) > READ_ONCE(n->sock.rcvbuf) / 2)
		return;
	mutex_lock(&n->dump_lock);
	if (n->dump && dump_some(n))
		dump_end(n);
	mutex_unlock(&n->dump_lock);
}
