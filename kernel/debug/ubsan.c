/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What -fsanitize=undefined calls in the debug kernel: one line and a backtrace per place.
 *
 * The compiler passes a structure that starts with the source location. A place reports once: its
 * column is overwritten by an atomic exchange, so two CPUs do not both print. The layouts are those
 * of gcc 12-14 and clang 14-19 for x86-64 and other LP64 targets. This file is compiled without the
 * sanitizer; a report that causes another one on the same place ends there by the same exchange.
 *
 * A report is a warning, not a panic: the tests fail on the word "UBSAN" in the log.
 */
#include <debug/log.h>
#include <debug/panic.h>

#define REPORTED (~0U)

struct ubsan_location {
	const char *file;
	u32 line;
	u32 column;
};

struct ubsan_type {
	u16 kind; /* 0: integer, 1: float, 0xffff: other */
	u16 info; /* integer: bit 0 signed, the rest log2 of the width */
	char name[];
};

struct ubsan_value_data {
	struct ubsan_location at;
	const struct ubsan_type *type;
};

struct ubsan_two_types {
	struct ubsan_location at;
	const struct ubsan_type *left, *right;
};

struct ubsan_mismatch_data {
	struct ubsan_location at;
	const struct ubsan_type *type;
	u8 log_alignment;
	u8 kind;
};

struct ubsan_conversion_data {
	struct ubsan_location at;
	const struct ubsan_type *from, *to;
	u8 kind;
};

struct ubsan_nonnull_data {
	struct ubsan_location at;
	struct ubsan_location attribute;
	int argument;
};

struct ubsan_nonnull_return_data {
	struct ubsan_location attribute;
};

struct ubsan_builtin_data {
	struct ubsan_location at;
	u8 kind;
};

struct ubsan_assumption_data {
	struct ubsan_location at;
	struct ubsan_location assumption;
	const struct ubsan_type *type;
};

static bool ubsan_first(struct ubsan_location *at)
{
	return __atomic_exchange_n(&at->column, REPORTED, __ATOMIC_RELAXED) != REPORTED;
}

#define REPORT(location, fmt, ...)                                                                 \
	do {                                                                                       \
		if (ubsan_first(location)) {                                                       \
			klog(LOG_ERR, "UBSAN: %s:%u: " fmt, (location)->file,                      \
				(location)->line, ##__VA_ARGS__);                                  \
			print_backtrace();                                                         \
		}                                                                                  \
	} while (0)

/* The value of an operand that fits a register; wider ones come by address and give their low half. */
static s64 ubsan_value(const struct ubsan_type *type, unsigned long value)
{
	u32 bits = 1U << (type->info >> 1);

	if (type->kind != 0)
		return (s64)value;
	if (bits > 64)
		return *(const s64 *)value;
	if ((type->info & 1) && bits < 64)
		return (s64)(value << (64 - bits)) >> (64 - bits);
	return (s64)value;
}

#define ARITHMETIC(op, sign)                                                                       \
	void __ubsan_handle_##op(                                                                  \
		struct ubsan_value_data *data, unsigned long left, unsigned long right);           \
	void __ubsan_handle_##op(                                                                  \
		struct ubsan_value_data *data, unsigned long left, unsigned long right)            \
	{                                                                                          \
		REPORT(&data->at, "%lld " sign " %lld overflows %s",                               \
			ubsan_value(data->type, left), ubsan_value(data->type, right),             \
			data->type->name);                                                         \
	}

ARITHMETIC(add_overflow, "+")
ARITHMETIC(sub_overflow, "-")
ARITHMETIC(mul_overflow, "*")
ARITHMETIC(divrem_overflow, "/")

/* The compiler's entry points have no header; each is declared where it is defined. */
#define HANDLER(name, ...)                                                                         \
	void __ubsan_handle_##name(__VA_ARGS__);                                                   \
	void __ubsan_handle_##name(__VA_ARGS__)

HANDLER(negate_overflow, struct ubsan_value_data *data, unsigned long value)
{
	REPORT(&data->at, "-(%lld) overflows %s", ubsan_value(data->type, value), data->type->name);
}

HANDLER(pointer_overflow, struct ubsan_location *at, unsigned long base, unsigned long result)
{
	REPORT(at, "pointer arithmetic from %#lx to %#lx", base, result);
}

HANDLER(shift_out_of_bounds, struct ubsan_two_types *data, unsigned long left, unsigned long right)
{
	REPORT(&data->at, "shift of %lld (%s) by %lld", ubsan_value(data->left, left),
		data->left->name, ubsan_value(data->right, right));
}

HANDLER(out_of_bounds, struct ubsan_two_types *data, unsigned long index)
{
	REPORT(&data->at, "index %lld out of %s", ubsan_value(data->right, index),
		data->left->name);
}

HANDLER(type_mismatch_v1, struct ubsan_mismatch_data *data, unsigned long address)
{
	if (address == 0)
		REPORT(&data->at, "null pointer to %s", data->type->name);
	else if (address & ((1UL << data->log_alignment) - 1))
		REPORT(&data->at, "misaligned pointer %#lx to %s", address, data->type->name);
	else
		REPORT(&data->at, "no room at %#lx for %s", address, data->type->name);
}

HANDLER(load_invalid_value, struct ubsan_value_data *data, unsigned long value)
{
	REPORT(&data->at, "%lld is no value of %s", ubsan_value(data->type, value),
		data->type->name);
}

HANDLER(implicit_conversion, struct ubsan_conversion_data *data, unsigned long from,
	unsigned long to)
{
	REPORT(&data->at, "%lld (%s) becomes %lld (%s)", ubsan_value(data->from, from),
		data->from->name, ubsan_value(data->to, to), data->to->name);
}

HANDLER(vla_bound_not_positive, struct ubsan_value_data *data, unsigned long bound)
{
	REPORT(&data->at, "array of length %lld", ubsan_value(data->type, bound));
}

HANDLER(nonnull_arg, struct ubsan_nonnull_data *data)
{
	REPORT(&data->at, "null for argument %d", data->argument);
}

HANDLER(nonnull_return_v1, struct ubsan_nonnull_return_data *data, struct ubsan_location *at)
{
	(void)data;
	REPORT(at, "null returned");
}

HANDLER(invalid_builtin, struct ubsan_builtin_data *data)
{
	REPORT(&data->at, "zero for a builtin that counts bits");
}

HANDLER(alignment_assumption, struct ubsan_assumption_data *data, unsigned long pointer,
	unsigned long alignment, unsigned long offset)
{
	REPORT(&data->at, "%#lx - %#lx is not aligned to %lu", pointer, offset, alignment);
}

/* After these two the compiler has no code to go on with. */
HANDLER(builtin_unreachable, struct ubsan_location *at)
{
	panic("UBSAN: %s:%u: reached the unreachable", at->file, at->line);
}

HANDLER(missing_return, struct ubsan_location *at)
{
	panic("UBSAN: %s:%u: end of a function that returns a value", at->file, at->line);
}
