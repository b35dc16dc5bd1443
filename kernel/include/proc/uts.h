/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The names of the system: uname(2), as the running task's UTS namespace has them.
 */
#include <lib/types.h>
#include <proc/ns.h>
#include <linux/utsname.h>

struct uts_ns {
	struct ns ns;			/* first */
	struct new_utsname names;	/* node and domain name: under a lock */
};
extern struct uts_ns uts_ns_init;

void uts_read(struct new_utsname *out);
/* Node name, or NIS domain name; len <= __NEW_UTS_LEN. */
void uts_write(bool domain, const char *name, size_t len);
