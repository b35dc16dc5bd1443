/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Classic BPF: the check and the interpreter. The machine: accumulator A, index X, sixteen words M[].
 *
 *	| code u16 | jt u8 | jf u8 | k u32 |
 */
#include <lib/bpf_classic.h>
#include <lib/errno.h>

#ifndef BPF_MEMWORDS
#define BPF_MEMWORDS 16
#endif
#define ANCILLARY ((u32)SKF_AD_OFF)

static bool is_known(u16 code)
{
	u16 op = BPF_OP(code), mode = BPF_MODE(code), size = BPF_SIZE(code);
	bool exact;

	switch (BPF_CLASS(code)) {
	case BPF_LD:
		if (mode == BPF_ABS || mode == BPF_IND)
			return (size == BPF_W || size == BPF_H || size == BPF_B) && !(code & ~0xffu);
		return code == (BPF_LD | BPF_IMM) || code == (BPF_LD | BPF_MEM) || code == (BPF_LD | BPF_W | BPF_LEN);
	case BPF_LDX:
		return code == (BPF_LDX | BPF_IMM) || code == (BPF_LDX | BPF_MEM) || code == (BPF_LDX | BPF_W | BPF_LEN)
		       || code == (BPF_LDX | BPF_B | BPF_MSH);
	case BPF_ST: return code == BPF_ST;
	case BPF_STX: return code == BPF_STX;
	case BPF_ALU:
		exact = code == (BPF_ALU | op | BPF_K) || code == (BPF_ALU | op | BPF_X);
		return op == BPF_NEG ? code == (BPF_ALU | BPF_NEG) : exact && op <= BPF_XOR;
	case BPF_JMP:
		exact = code == (BPF_JMP | op | BPF_K) || code == (BPF_JMP | op | BPF_X);
		return op == BPF_JA ? code == (BPF_JMP | BPF_JA) : exact && op <= BPF_JSET;
	case BPF_RET: return code == (BPF_RET | BPF_K) || code == (BPF_RET | BPF_A);
	default: return code == (BPF_MISC | BPF_TAX) || code == (BPF_MISC | BPF_TXA);
	}
}

/* Operands that could go wrong: divisors, shifts, words of M, jumps, ancillary data. */
static bool is_sound(const struct sock_filter *f, u32 at, u32 n)
{
	switch (BPF_CLASS(f->code)) {
	case BPF_ALU:
		if (BPF_SRC(f->code) == BPF_X)
			return true;
		if (BPF_OP(f->code) == BPF_DIV || BPF_OP(f->code) == BPF_MOD)
			return f->k != 0;
		return (BPF_OP(f->code) != BPF_LSH && BPF_OP(f->code) != BPF_RSH) || f->k < 32;
	case BPF_LD:
		if (BPF_MODE(f->code) == BPF_ABS && f->k >= ANCILLARY)
			return f->k < ANCILLARY + SKF_AD_MAX && !((f->k - ANCILLARY) & 3);
		return BPF_MODE(f->code) != BPF_MEM || f->k < BPF_MEMWORDS;
	case BPF_LDX: return BPF_MODE(f->code) != BPF_MEM || f->k < BPF_MEMWORDS;
	case BPF_ST:
	case BPF_STX: return f->k < BPF_MEMWORDS;
	case BPF_JMP:
		if (BPF_OP(f->code) == BPF_JA)
			return f->k < n - at - 1;
		return at + f->jt + 1 < n && at + f->jf + 1 < n;
	default: return true;
	}
}

/* On every way to a load from M[] there is a store. @written[i]: bits that are written on all ways to i found so far. */
static int MUST_CHECK check_memory(const struct sock_filter *prog, u32 n, u16 *written)
{
	u16 have = 0;

	for (u32 i = 0; i < n; i++)
		written[i] = 0xffff;
	for (u32 i = 0; i < n; i++) {
		const struct sock_filter *f = &prog[i];

		have &= written[i];
		switch (BPF_CLASS(f->code)) {
		case BPF_ST:
		case BPF_STX: have |= (u16)(1u << f->k); break;
		case BPF_LD:
		case BPF_LDX:
			if (BPF_MODE(f->code) == BPF_MEM && !(have & 1u << f->k))
				return -EINVAL;
			break;
		case BPF_JMP:
			if (BPF_OP(f->code) == BPF_JA) {
				written[i + 1 + f->k] &= have;
			} else {
				written[i + 1 + f->jt] &= have;
				written[i + 1 + f->jf] &= have;
			}
			have = 0xffff; /* what follows is reached by jumps only */
			break;
		default: break;
		}
	}
	return 0;
}

int bpf_check(const struct sock_filter *prog, u32 n, u16 *scratch)
{
	if (!n || n > BPF_MAXINSNS)
		return -EINVAL;
	for (u32 i = 0; i < n; i++) {
		if (!is_known(prog[i].code) || !is_sound(&prog[i], i, n))
			return -EINVAL;
	}
	if (BPF_CLASS(prog[n - 1].code) != BPF_RET)
		return -EINVAL;
	return check_memory(prog, n, scratch);
}

int bpf_check_seccomp(const struct sock_filter *prog, u32 n, u32 data_len)
{
	for (u32 i = 0; i < n; i++) {
		const struct sock_filter *f = &prog[i];

		switch (BPF_CLASS(f->code)) {
		case BPF_LD:
			if (f->code == (BPF_LD | BPF_W | BPF_ABS) && (f->k >= data_len || (f->k & 3)))
				return -EINVAL;
			if (BPF_MODE(f->code) == BPF_IND || (BPF_MODE(f->code) == BPF_ABS && BPF_SIZE(f->code) != BPF_W))
				return -EINVAL;
			break;
		case BPF_LDX:
			if (BPF_MODE(f->code) == BPF_MSH)
				return -EINVAL;
			break;
		case BPF_ALU:
			if (BPF_OP(f->code) == BPF_MOD)
				return -EINVAL;
			break;
		default: break;
		}
	}
	return 0;
}

/* ---- running ---- */

static u32 big_endian(const u8 *p, u32 size)
{
	u32 v = 0;

	while (size--)
		v = v << 8 | *p++;
	return v;
}

/* Offsets of negative sign count from the link or network header. */
static bool load(const struct bpf_input *in, u32 off, u32 size, u32 a, u32 x, u32 *out)
{
	const u8 *bytes = in->bytes;
	u32 len = in->len;

	if (unlikely(off >= (u32)SKF_LL_OFF)) {
		bool net = off >= (u32)SKF_NET_OFF;
		const u8 *from = net ? in->net : in->link;

		if (off >= ANCILLARY)
			return in->ancillary && in->ancillary(in, off - ANCILLARY, a, x, out);
		off -= net ? (u32)SKF_NET_OFF : (u32)SKF_LL_OFF;
		if (from) {
			bytes = from;
			len = net ? in->net_len : in->link_len;
		}
	}
	if (off > len || len - off < size)
		return false;
	if (in->native)
		__builtin_memcpy(out, bytes + off, sizeof(*out));
	else
		*out = big_endian(bytes + off, size);
	return true;
}

static u32 size_of(u16 code)
{
	return BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1;
}

/* False: division by zero. */
static bool alu(u16 op, u32 *a, u32 v)
{
	switch (op) {
	case BPF_ADD: *a += v; break;
	case BPF_SUB: *a -= v; break;
	case BPF_MUL: *a *= v; break;
	case BPF_OR: *a |= v; break;
	case BPF_AND: *a &= v; break;
	case BPF_XOR: *a ^= v; break;
	case BPF_LSH: *a <<= v & 31; break;
	case BPF_RSH: *a >>= v & 31; break;
	case BPF_NEG: *a = -*a; break;
	case BPF_DIV:
		if (!v)
			return false;
		*a /= v;
		break;
	default: /* BPF_MOD */
		if (!v)
			return false;
		*a %= v;
	}
	return true;
}

static bool compare(u16 op, u32 a, u32 v)
{
	switch (op) {
	case BPF_JEQ: return a == v;
	case BPF_JGT: return a > v;
	case BPF_JGE: return a >= v;
	default: return (a & v) != 0; /* BPF_JSET */
	}
}

struct machine {
	u32 a, x, mem[BPF_MEMWORDS];
};

/* LD and LDX. False: outside the input. */
static bool load_any(struct machine *m, const struct sock_filter *f, const struct bpf_input *in)
{
	u32 *to = BPF_CLASS(f->code) == BPF_LD ? &m->a : &m->x;

	switch (BPF_MODE(f->code)) {
	case BPF_IMM: *to = f->k; return true;
	case BPF_MEM: *to = m->mem[f->k]; return true;
	case BPF_LEN: *to = in->len; return true;
	case BPF_ABS: return load(in, f->k, size_of(f->code), m->a, m->x, to);
	case BPF_IND: return load(in, m->x + f->k, size_of(f->code), m->a, m->x, to);
	default: /* BPF_MSH: the length of an IPv4 header */
		if (!load(in, f->k, 1, 0, 0, to))
			return false;
		*to = (*to & 15) << 2;
		return true;
	}
}

u32 bpf_run(const struct sock_filter *prog, const struct bpf_input *in)
{
	struct machine m = {0};

	for (const struct sock_filter *f = prog;; f++) {
		u32 v = BPF_SRC(f->code) == BPF_X ? m.x : f->k;

		switch (BPF_CLASS(f->code)) {
		case BPF_LD:
		case BPF_LDX:
			if (!load_any(&m, f, in))
				return 0;
			break;
		case BPF_ST: m.mem[f->k] = m.a; break;
		case BPF_STX: m.mem[f->k] = m.x; break;
		case BPF_ALU:
			if (!alu(BPF_OP(f->code), &m.a, v))
				return 0;
			break;
		case BPF_JMP:
			if (BPF_OP(f->code) == BPF_JA)
				f += f->k;
			else
				f += compare(BPF_OP(f->code), m.a, v) ? f->jt : f->jf;
			break;
		case BPF_RET: return f->code == (BPF_RET | BPF_A) ? m.a : f->k;
		default:
			if (f->code == (BPF_MISC | BPF_TAX))
				m.x = m.a;
			else
				m.a = m.x;
		}
	}
}
