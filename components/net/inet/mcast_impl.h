/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Between the files of multicast. */
#include "mcast.h"

struct mc_group {
	struct list_head node; /* link.groups: config; RCU */
	union ipaddr addr;
	u32 users;	/* sockets and ourselves; config */
	u64 report_at;	/* ns; 0: nothing to say; config */
	u8 changes;	/* state-change reports still to send; config */
	bool reporter;	/* v1/v2: the last report of the group was ours; config */
	struct env_rcu rcu;
};

#define SOURCES_MAX 64

/* What a socket has joined. config; read sections. */
struct sock_member {
	struct list_head node; /* sock.members; RCU */
	union ipaddr group;
	u32 ifindex;
	bool exclude; /* all but the sources; otherwise only these */
	u32 nsources; /* atomic */
	union ipaddr sources[SOURCES_MAX];
	struct env_rcu rcu;
};

/* igmp.c and mld.c: one message about @g; TO_EX or IS_EX, or that we left. Context: read section, no lock. */
enum mc_say { MC_SAY_MEMBER, MC_SAY_JOIN, MC_SAY_LEAVE };
void igmp_send(struct link *l, const union ipaddr *group, enum mc_say what);
void mld_send(struct link *l, const union ipaddr *group, enum mc_say what);

/* A query came: answer for @group (any: for all) within @max_ns. */
void mcast_query(struct link *l, const union ipaddr *group, bool v4, u64 max_ns);
/* Another host reported @group: we need not. */
void mcast_heard_report(struct link *l, const union ipaddr *group);
/* Groups that are never reported: all hosts, and what stays on the host. */
bool mcast_is_quiet(const union ipaddr *group);
