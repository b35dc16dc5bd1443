/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Strings and atomics in user memory.
 */
#include <linux/futex.h>
#include <lib/string.h>
#include <arch/usercopy.h>

/* A byte of @v that is zero has its top bit set in the result (and the lowest such bit is exact). */
static inline u64 zero_bytes(u64 v)
{
	return (v - 0x0101010101010101ull) & ~v & 0x8080808080808080ull;
}

ssize_t arch_strncpy_from_user(char *dst, struct uptr src, size_t size)
{
	size_t n = 0;

	while (n < size) {
		u64 word;
		u8 c;

		/* An aligned word does not cross a page: it faults only if its first byte does. */
		if (size - n >= 8 && !((src.va + n) & 7)) {
			if (user_load64(&word, uptr_add(src, n)))
				return -EFAULT;
			memcpy(dst + n, &word, 8);
			if (zero_bytes(word))
				return (ssize_t)(n + (unsigned)__builtin_ctzll(zero_bytes(word)) / 8);
			n += 8;
			continue;
		}
		if (user_load8(&c, uptr_add(src, n)))
			return -EFAULT;
		dst[n] = (char)c;
		if (!c)
			return (ssize_t)n;
		n++;
	}
	return -ENAMETOOLONG;
}

int arch_user_cmpxchg32(struct uptr p, u32 old, u32 new_value, u32 *out_old)
{
	unsigned long va = user_sanitize(p.va);

	__asm__ goto volatile(STAC "1: lock cmpxchgl %2, %1\n" CLAC EXTABLE_("1b", "%l[fault]")
		: "+a"(old)
		: "m"(*(u32 *)va), "r"(new_value)
		: "memory", "cc"
		: fault);
	*out_old = old;
	return 0;
fault:
	__asm__ volatile(CLAC);
	return -EFAULT;
}

static bool apply(int op, u32 old, u32 operand, u32 *out)
{
	switch (op) {
	case FUTEX_OP_SET: *out = operand; return true;
	case FUTEX_OP_ADD: *out = old + operand; return true;
	case FUTEX_OP_OR: *out = old | operand; return true;
	case FUTEX_OP_ANDN: *out = old & ~operand; return true;
	case FUTEX_OP_XOR: *out = old ^ operand; return true;
	default: return false;
	}
}

int arch_user_atomic_op32(struct uptr p, int op, u32 operand, u32 *out_old)
{
	u32 old, want, found;
	int err = user_load32(&old, p);

	while (!err) {
		if (!apply(op, old, operand, &want))
			return -ENOSYS;
		err = arch_user_cmpxchg32(p, old, want, &found);
		if (!err && found == old) {
			*out_old = old;
			return 0;
		}
		old = found;
	}
	return err;
}
