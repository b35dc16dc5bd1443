/* SPDX-License-Identifier: BSD-2-Clause */
/* Decoding tables of canonical Huffman codes [rfc1951 3.2.2]. */
#include "inflate_impl.h"

#include <lib/errno.h>
#include <lib/string.h>

static const u16 len_base[29] = {3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43,
	51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
static const u8 len_extra[29] = {
	0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};

static u32 lit_entry(unsigned sym)
{
	if (sym < 256)
		return ENTRY(sym, ENTRY_LIT, 0);
	if (sym == 256)
		return ENTRY(0, ENTRY_EOB, 0);
	if (sym < 286)
		return ENTRY(len_base[sym - 257], 0, len_extra[sym - 257]);
	return 0;
}

static u32 dist_entry(unsigned sym)
{
	unsigned extra = sym < 4 ? 0 : sym / 2 - 1;

	if (sym >= 30)
		return 0;
	return ENTRY(sym < 4 ? sym + 1 : ((2 + (sym & 1)) << extra) + 1, 0, extra);
}

static u32 plain_entry(unsigned sym)
{
	return ENTRY(sym, ENTRY_LIT, 0);
}

static unsigned reverse_bits(unsigned code, unsigned len)
{
	unsigned r = 0;

	for (; len; len--, code >>= 1)
		r = r << 1 | (code & 1);
	return r;
}

struct code {
	u32 *table;
	unsigned cap; /* entries of table */
	unsigned root;
	u32 (*entry)(unsigned sym);
	bool one_ok; /* a single code of one bit, or none at all, is allowed */
	u16 count[CODE_MAX + 1];
	u16 sorted[288]; /* symbols by length, then by number */
};

/* Sort the symbols; is the code neither oversubscribed nor, without need, incomplete? */
static int sort_symbols(struct code *c, const u8 *lens, unsigned nsyms)
{
	u16 place[CODE_MAX + 2] = {0};
	int left = 1;
	unsigned longest = 0;

	memset(c->count, 0, sizeof(c->count));
	for (unsigned sym = 0; sym < nsyms; sym++)
		c->count[lens[sym]]++;
	c->count[0] = 0;
	for (unsigned len = 1; len <= CODE_MAX; len++) {
		left = 2 * left - c->count[len];
		if (left < 0)
			return -EBADMSG;
		if (c->count[len])
			longest = len;
		place[len + 1] = (u16)(place[len] + c->count[len]);
	}
	if (left > 0 && !(c->one_ok && longest <= 1))
		return -EBADMSG;
	for (unsigned sym = 0; sym < nsyms; sym++) {
		if (lens[sym])
			c->sorted[place[lens[sym]]++] = (u16)sym;
	}
	return 0;
}

/* Index bits of a subtable that begins with a code of @len: what the remaining codes fill. */
static unsigned subtable_bits(const struct code *c, unsigned len)
{
	unsigned bits = len - c->root;
	int left = 1 << bits;

	for (;;) {
		left -= c->count[len];
		if (left <= 0 || len == CODE_MAX)
			return bits;
		bits++;
		len++;
		left *= 2;
	}
}

static void fill(u32 *table, unsigned first, unsigned step, unsigned size, u32 entry)
{
	for (unsigned i = first; i < size; i += step)
		table[i] = entry;
}

static int build(struct code *c, const u8 *lens, unsigned nsyms)
{
	unsigned next = 1U << c->root, code = 0, prefix = ~0U, sub = 0, sub_bits = 0, i = 0;
	int err = sort_symbols(c, lens, nsyms);

	if (err)
		return err;
	memset(c->table, 0, sizeof(*c->table) << c->root);
	for (unsigned len = 1; len <= CODE_MAX; len++, code <<= 1) {
		for (; c->count[len]; c->count[len]--, code++, i++) {
			unsigned reversed = reverse_bits(code, len);
			u32 entry = c->entry(c->sorted[i]);

			if (len <= c->root) {
				fill(c->table, reversed, 1U << len, 1U << c->root,
					entry ? entry | len : 0);
				continue;
			}
			if ((reversed & ((1U << c->root) - 1)) != prefix) {
				prefix = reversed & ((1U << c->root) - 1);
				sub = next;
				sub_bits = subtable_bits(c, len);
				next += 1U << sub_bits;
				if (next > c->cap)
					return -EBADMSG;
				c->table[prefix] = ENTRY(sub, ENTRY_SUB, sub_bits) | c->root;
			}
			fill(c->table + sub, reversed >> c->root, 1U << (len - c->root),
				1U << sub_bits, entry ? entry | (len - c->root) : 0);
		}
	}
	return 0;
}

int inflate_build_codes(struct inflate_work *w, unsigned nlit, unsigned ndist)
{
	struct code c = {w->lit, ARRAY_SIZE(w->lit), LIT_BITS, lit_entry, .one_ok = true};
	int err = build(&c, w->lens, nlit);

	if (err)
		return err;
	c.table = w->dist;
	c.cap = ARRAY_SIZE(w->dist);
	c.root = DIST_BITS;
	c.entry = dist_entry;
	return build(&c, w->lens + nlit, ndist);
}

int inflate_build_fixed(struct inflate_work *w)
{
	for (unsigned i = 0; i < 288; i++)
		w->lens[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
	for (unsigned i = 0; i < 32; i++)
		w->lens[288 + i] = 5;
	return inflate_build_codes(w, 288, 32);
}

int inflate_build_order(struct inflate_work *w, const u8 lens[19])
{
	struct code c = {w->dist, ARRAY_SIZE(w->dist), ORDER_BITS, plain_entry, .one_ok = false};

	return build(&c, lens, 19);
}
