/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/bpf_classic.h>
#include <lib/errno.h>
#include <lib/test.h>

static u16 scratch[BPF_MAXINSNS];
#define CHECK_PROG(p) bpf_check(p, ARRAY_SIZE(p), scratch)

static u32 run_on(const struct sock_filter *p, const void *bytes, u32 len)
{
	return bpf_run(p, &(struct bpf_input){.bytes = bytes, .len = len});
}

TEST(bpf_loads)
{
	static const u8 packet[] = {0x12, 0x34, 0x56, 0x78, 0x45};
	static const struct sock_filter word[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_STMT(BPF_RET | BPF_A, 0)};
	static const struct sock_filter half[] = {
		BPF_STMT(BPF_LDX | BPF_IMM, 1), BPF_STMT(BPF_LD | BPF_H | BPF_IND, 1), BPF_STMT(BPF_RET | BPF_A, 0)};
	static const struct sock_filter msh[] = {BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 4), BPF_STMT(BPF_MISC | BPF_TXA, 0), BPF_STMT(BPF_RET | BPF_A, 0)};
	static const struct sock_filter past[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), BPF_STMT(BPF_RET | BPF_K, 7)};
	static const struct sock_filter len[] = {BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_RET | BPF_A, 0)};

	CHECK_EQ(CHECK_PROG(word), 0);
	CHECK_EQ(run_on(word, packet, 5), 0x12345678u);
	CHECK_EQ(CHECK_PROG(half), 0);
	CHECK_EQ(run_on(half, packet, 5), 0x5678u);
	CHECK_EQ(CHECK_PROG(msh), 0);
	CHECK_EQ(run_on(msh, packet, 5), 20u);
	CHECK_EQ(CHECK_PROG(past), 0);
	CHECK_EQ(run_on(past, packet, 5), 0u);
	CHECK_EQ(run_on(len, packet, 5), 5u);
}

TEST(bpf_jumps_and_arithmetic)
{
	static const struct sock_filter p[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'a', 0, 2),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 2),
		BPF_STMT(BPF_RET | BPF_A, 0),
		BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), /* X is 0: ends with 0 */
		BPF_STMT(BPF_RET | BPF_K, 9),
	};

	CHECK_EQ(CHECK_PROG(p), 0);
	CHECK_EQ(run_on(p, "a", 1), 2u * 'a');
	CHECK_EQ(run_on(p, "b", 1), 0u);
}

TEST(bpf_refused)
{
	static const struct sock_filter no_end[] = {BPF_STMT(BPF_LD | BPF_IMM, 1)};
	static const struct sock_filter far[] = {BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), BPF_STMT(BPF_RET | BPF_K, 0)};
	static const struct sock_filter ja[] = {BPF_STMT(BPF_JMP | BPF_JA, 0xffffffff), BPF_STMT(BPF_RET | BPF_K, 0)};
	static const struct sock_filter div[] = {BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), BPF_STMT(BPF_RET | BPF_K, 0)};
	static const struct sock_filter shift[] = {BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), BPF_STMT(BPF_RET | BPF_K, 0)};
	static const struct sock_filter mem[] = {BPF_STMT(BPF_ST, 16), BPF_STMT(BPF_RET | BPF_K, 0)};
	static const struct sock_filter unset[] = {BPF_STMT(BPF_LD | BPF_MEM, 3), BPF_STMT(BPF_RET | BPF_K, 0)};
	static const struct sock_filter one_way[] = {
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
		BPF_STMT(BPF_ST, 3),
		BPF_STMT(BPF_LD | BPF_MEM, 3),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	static const struct sock_filter odd[] = {{.code = 0xffff}, BPF_STMT(BPF_RET | BPF_K, 0)};
	static const struct sock_filter ret_x[] = {BPF_STMT(BPF_RET | BPF_X, 0)};

	CHECK_EQ(bpf_check(no_end, 0, scratch), -EINVAL);
	CHECK_EQ(CHECK_PROG(no_end), -EINVAL);
	CHECK_EQ(CHECK_PROG(far), -EINVAL);
	CHECK_EQ(CHECK_PROG(ja), -EINVAL);
	CHECK_EQ(CHECK_PROG(div), -EINVAL);
	CHECK_EQ(CHECK_PROG(shift), -EINVAL);
	CHECK_EQ(CHECK_PROG(mem), -EINVAL);
	CHECK_EQ(CHECK_PROG(unset), -EINVAL);
	CHECK_EQ(CHECK_PROG(one_way), -EINVAL);
	CHECK_EQ(CHECK_PROG(odd), -EINVAL);
	CHECK_EQ(CHECK_PROG(ret_x), -EINVAL);
}

TEST(bpf_seccomp)
{
	static const struct sock_filter good[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4), BPF_STMT(BPF_RET | BPF_A, 0)};
	static const struct sock_filter odd[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), BPF_STMT(BPF_RET | BPF_A, 0)};
	static const struct sock_filter half[] = {BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 4), BPF_STMT(BPF_RET | BPF_A, 0)};
	static const u32 data[2] = {1, 0x11223344};

	CHECK_EQ(bpf_check_seccomp(good, 2, 8), 0);
	CHECK_EQ(bpf_check_seccomp(good, 2, 4), -EINVAL);
	CHECK_EQ(bpf_check_seccomp(odd, 2, 8), -EINVAL);
	CHECK_EQ(bpf_check_seccomp(half, 2, 8), -EINVAL);
	CHECK_EQ(bpf_run(good, &(struct bpf_input){.bytes = (const u8 *)data, .len = 8, .native = true}), 0x11223344u);
}
