/* SPDX-License-Identifier: BSD-2-Clause */
#include "rtnl.h"

int ip6_set_option(struct sock *s, u32 name, struct iobuf *value) { return -ENOPROTOOPT; }
int ip6_get_option(struct sock *s, u32 name, struct iobuf *value, u32 *out_len) { return -ENOPROTOOPT; }
int inet_diag_request(struct rtnl_request *r) { return -EOPNOTSUPP; }
ssize_t inet_text(struct inet *in, u32 which, struct iobuf *out, u64 *resume) { return -EINVAL; }
int inet_sysctl_get(struct inet *in, const char *path, s64 *out, u32 *out_n) { return -ENOENT; }
int inet_sysctl_set(struct inet *in, const char *path, const s64 *values, u32 n) { return -ENOENT; }
