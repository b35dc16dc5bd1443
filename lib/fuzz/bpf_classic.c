/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The input is a program and, after its count of instructions in the first byte, what it looks at: a program that is passed must end and stay inside.
 */
#include <lib/bpf_classic.h>
#include <lib/string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t len);

static bool ancillary(const struct bpf_input *in, u32 off, u32 a, u32 x, u32 *out)
{
	*out = off ^ a ^ x;
	return off < 32;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	static u16 scratch[256];
	struct sock_filter prog[256];
	size_t n;

	if (len < 1)
		return 0;
	n = min((size_t)data[0], (len - 1) / sizeof(prog[0]));
	memcpy(prog, data + 1, n * sizeof(prog[0]));
	if (bpf_check(prog, (u32)n, scratch) == 0) {
		const u8 *rest = data + 1 + n * sizeof(prog[0]);
		struct bpf_input in = {.bytes = rest, .len = (u32)(len - 1 - n * sizeof(prog[0])), .ancillary = ancillary};

		(void)bpf_run(prog, &in);
		if (bpf_check_seccomp(prog, (u32)n, 64) == 0) {
			u8 words[64] = {0};

			(void)bpf_run(prog, &(struct bpf_input){.bytes = words, .len = 64, .native = true});
		}
	}
	return 0;
}
