/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NETLINK_GENERIC: families that are found by name through the controller, which is a family itself. There is no other yet; one is a row here.
 */
#include "netlink_impl.h"
#include <lib/string.h>
#include <linux/capability.h>
#include <linux/genetlink.h>
#include <proc/cred.h>

struct genl_family {
	u16 id;
	const char *name;
	u32 version, hdrsize, maxattr;
	struct genl_op {
		u32 cmd, flags;
	} ops[2];
	u32 nops;
	const char *group; /* multicast; NULL: none */
	u32 group_id;
	int (*request)(struct nl_request *r, const struct genlmsghdr *g);
};

static int ctrl_request(struct nl_request *r, const struct genlmsghdr *g);

static const struct genl_family families[] = {
	{
		.id = GENL_ID_CTRL,
		.name = "nlctrl",
		.version = 2,
		.maxattr = CTRL_ATTR_MAX,
		.ops = {{CTRL_CMD_GETFAMILY, GENL_CMD_CAP_DO | GENL_CMD_CAP_DUMP | GENL_CMD_CAP_HASPOL}},
		.nops = 1,
		.group = "notify",
		.group_id = GENL_ID_CTRL,
		.request = ctrl_request,
	},
};

static bool put_family(struct nl_out *o, const struct genl_family *f, u32 seq, u32 port, u16 flags)
{
	struct genlmsghdr *g = nl_begin(o, GENL_ID_CTRL, flags, seq, port, GENL_HDRLEN);
	u32 all, one;

	if (!g)
		return nl_end(o);
	*g = (struct genlmsghdr){.cmd = CTRL_CMD_NEWFAMILY, .version = 2};
	nl_attr_string(o, CTRL_ATTR_FAMILY_NAME, f->name);
	nl_attr_u16(o, CTRL_ATTR_FAMILY_ID, f->id);
	nl_attr_u32(o, CTRL_ATTR_VERSION, f->version);
	nl_attr_u32(o, CTRL_ATTR_HDRSIZE, f->hdrsize);
	nl_attr_u32(o, CTRL_ATTR_MAXATTR, f->maxattr);
	all = nl_nest(o, CTRL_ATTR_OPS);
	for (u32 i = 0; i < f->nops; i++) {
		one = nl_nest(o, (u16)(i + 1));
		nl_attr_u32(o, CTRL_ATTR_OP_ID, f->ops[i].cmd);
		nl_attr_u32(o, CTRL_ATTR_OP_FLAGS, f->ops[i].flags);
		nl_nest_end(o, one);
	}
	nl_nest_end(o, all);
	if (f->group) {
		all = nl_nest(o, CTRL_ATTR_MCAST_GROUPS);
		one = nl_nest(o, 1);
		nl_attr_u32(o, CTRL_ATTR_MCAST_GRP_ID, f->group_id);
		nl_attr_string(o, CTRL_ATTR_MCAST_GRP_NAME, f->group);
		nl_nest_end(o, one);
		nl_nest_end(o, all);
	}
	return nl_end(o);
}

static int fill_families(struct nl_dump *d, struct nl_out *o)
{
	for (; d->cursor < ARRAY_SIZE(families); d->cursor++) {
		if (!put_family(o, &families[d->cursor], d->seq, d->port, NLM_F_MULTI))
			return 1;
	}
	return 0;
}

static const struct genl_family *find_family(const struct nlattr *id, const struct nlattr *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		const struct genl_family *f = &families[i];

		if (id ? *(const u16 *)nl_attr_data(id) == f->id
		       : strnlen(nl_attr_data(name), nl_attr_len(name)) == strlen(f->name)
				    && memcmp(nl_attr_data(name), f->name, strlen(f->name)) == 0)
			return f;
	}
	return NULL;
}

static int ctrl_request(struct nl_request *r, const struct genlmsghdr *g)
{
	const struct nlattr *at[CTRL_ATTR_MAX + 1], *id, *name;
	const struct genl_family *f;
	struct nl_out o;
	int err;

	if (g->cmd != CTRL_CMD_GETFAMILY)
		return -EOPNOTSUPP;
	if (r->h->nlmsg_flags & NLM_F_DUMP)
		return nl_dump_start(r, &(struct nl_dump){.fill = fill_families});
	err = nl_parse(g + 1, r->len - GENL_HDRLEN, at, CTRL_ATTR_MAX);
	if (err)
		return err;
	id = at[CTRL_ATTR_FAMILY_ID];
	name = at[CTRL_ATTR_FAMILY_NAME];
	if ((!id && !name) || (id && nl_attr_len(id) != sizeof(u16)) || (!id && nl_attr_len(name) > GENL_NAMSIZ))
		return -EINVAL;
	f = find_family(id, name);
	if (!f)
		return -ENOENT;
	err = nl_out_init(&o, 1024);
	if (err)
		return err;
	(void)put_family(&o, f, r->h->nlmsg_seq, r->from->port, 0);
	nl_reply(r->from, &o);
	return 0;
}

static int generic_request(struct nl_request *r)
{
	const struct genlmsghdr *g = r->body;

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		if (families[i].id != r->h->nlmsg_type)
			continue;
		if (r->len < GENL_HDRLEN + families[i].hdrsize)
			return -EINVAL;
		return families[i].request(r, g);
	}
	return -ENOENT;
}

struct nl_protocol nl_generic = {.name = "generic", .ngroups = 32, .nonroot_receive = true, .input = nl_input, .request = generic_request};
