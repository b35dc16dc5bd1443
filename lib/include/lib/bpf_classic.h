/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Classic BPF: programs of filters of sockets and of system calls, which users bring. [man socket(7), seccomp(2)]
 *
 * A program that bpf_check has passed reads no word of its scratch memory that it has not written, jumps forward only and ends in a return: it needs at most as
 * many steps as it has instructions.
 */
#pragma once

#include <lib/types.h>
#include <linux/filter.h>

/* What a program looks at. */
struct bpf_input {
	const u8 *bytes;
	u32 len;
	/* Where loads at SKF_NET_OFF and SKF_LL_OFF begin; NULL: at bytes. */
	const u8 *net, *link;
	u32 net_len, link_len;
	bool native;	/* whole aligned words in the processor's order (seccomp), else bytes of a packet */
	/* Loads at SKF_AD_OFF + @off; NULL: there are none. False: not known, the program ends with 0. */
	bool (*ancillary)(const struct bpf_input *in, u32 off, u32 a, u32 x, u32 *out);
	const void *arg;
};

/* @scratch: room for @n marks. 0; -EINVAL. */
MUST_CHECK
int bpf_check(const struct sock_filter *prog, u32 n, u16 *scratch);
/* The narrower language of seccomp, for a checked program: only loads of whole words of @data_len bytes. 0; -EINVAL. */
MUST_CHECK
int bpf_check_seccomp(const struct sock_filter *prog, u32 n, u32 data_len);
/* Run a checked program. A load outside the input ends it with 0. */
u32 bpf_run(const struct sock_filter *prog, const struct bpf_input *in);
