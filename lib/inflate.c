/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The decoder keeps up to 63 bits of input in a register and looks codes up in two steps, see
 * inflate_impl.h. One loop, fast_block, has the state in registers and needs room on both sides;
 * near the ends of input and output decode() goes symbol by symbol.
 *
 * Near the end of the input zeroes are appended to the register; `phantom` counts them, and whoever
 * has dropped a bit of them has read beyond the end.
 */
#include <lib/inflate.h>

#include <lib/bits.h>
#include <lib/crc.h>
#include <lib/endian.h>
#include <lib/errno.h>
#include <lib/string.h>

#include "inflate_impl.h"

struct inflate {
	struct inflate_io *io;
	struct inflate_work *work;
	const u8 *piece;  /* where the current piece of input began */
	u64 bits;         /* above nbits: zeroes, or what the next bytes of `in` will put there */
	unsigned nbits;   /* at most 63 */
	unsigned phantom; /* bits appended behind the end of the input */
	size_t start;     /* back references end here in out */
	size_t flushed;   /* out[0, flushed) has gone to io->flush */
	u32 crc;          /* of what went out */
	u32 total;        /* bytes that went out, modulo 2^32 */
	bool gzip;        /* crc is wanted */
};

/* --- input ------------------------------------------------------------------------------------ */

/* 1: there is a byte at io->in; 0: end of input. */
static int next_piece(struct inflate *z)
{
	while (z->io->in == z->io->in_end) {
		int got = z->io->more ? z->io->more(z->io) : 0;

		if (got <= 0)
			return got;
		z->piece = z->io->in;
	}
	return 1;
}

/* At least 56 bits in the register. */
static int refill(struct inflate *z)
{
	while (z->nbits < 56) {
		int got = z->phantom ? 0 : next_piece(z);

		if (got < 0)
			return got;
		if (got)
			z->bits |= (u64)*z->io->in++ << z->nbits;
		else
			z->phantom += 8;
		z->nbits += 8;
	}
	return 0;
}

static u32 take(struct inflate *z, unsigned n)
{
	u32 v = (u32)(z->bits & ((1ULL << n) - 1));

	z->bits >>= n;
	z->nbits -= n;
	return v;
}

static bool past_end(const struct inflate *z)
{
	return z->nbits < z->phantom;
}

static void start_input(struct inflate *z)
{
	z->piece = z->io->in;
	for (unsigned i = 0; i < z->io->nheld; i++)
		z->bits |= (u64)z->io->held[i] << (8 * i);
	z->nbits = 8 * z->io->nheld;
	z->io->nheld = 0;
}

/* Give back the whole bytes of the register, those of the current piece by moving `in`. */
static void finish_input(struct inflate *z)
{
	unsigned nbytes = (z->nbits - z->phantom) / 8;
	unsigned here = (unsigned)min_t(size_t, nbytes, (size_t)(z->io->in - z->piece));

	take(z, z->nbits % 8);
	z->io->in -= here;
	for (unsigned i = 0; i < nbytes - here; i++)
		z->io->held[z->io->nheld++] = (u8)take(z, 8);
}

/* The next byte; the register is at the boundary of one. */
static int take_byte(struct inflate *z, u8 *out)
{
	if (z->nbits < 8) {
		int err = refill(z);

		if (err)
			return err;
	}
	*out = (u8)take(z, 8);
	return past_end(z) ? -ENODATA : 0;
}

/* --- output ----------------------------------------------------------------------------------- */

/* Everything up to out_len goes out. */
static int emit(struct inflate *z)
{
	const u8 *data = z->io->out + z->flushed;
	size_t len = z->io->out_len - z->flushed;

	if (z->gzip)
		z->crc = crc32_update(z->crc, data, len);
	z->total += (u32)len;
	z->flushed = z->io->out_len;
	return z->io->flush && len ? z->io->flush(z->io, data, len) : 0;
}

/* The buffer is full: make room, and keep the window. */
static int make_room(struct inflate *z)
{
	struct inflate_io *io = z->io;
	size_t shift = io->out_len - INFLATE_WINDOW;
	int err;

	if (!io->flush)
		return -ENOBUFS;
	err = emit(z);
	if (err)
		return err;
	memmove(io->out, io->out + shift, INFLATE_WINDOW);
	io->out_len = z->flushed = INFLATE_WINDOW;
	z->start = z->start > shift ? z->start - shift : 0;
	return 0;
}

static int put_byte(struct inflate *z, u8 byte)
{
	if (unlikely(z->io->out_len == z->io->out_cap)) {
		int err = make_room(z);

		if (err)
			return err;
	}
	z->io->out[z->io->out_len++] = byte;
	return 0;
}

static int put_match(struct inflate *z, u32 len, u32 dist)
{
	if (dist > z->io->out_len - z->start)
		return -EBADMSG;
	for (; len; len--) {
		int err = put_byte(z, z->io->out[z->io->out_len - dist]);

		if (err)
			return err;
	}
	return 0;
}

/* --- blocks ----------------------------------------------------------------------------------- */

/* One code of @table and its extra bits: *out_entry is the entry, *out_value its base plus extra.
 */
static int decode(
	struct inflate *z, const u32 *table, unsigned root, u32 *out_entry, u32 *out_value)
{
	u32 e;
	int err = refill(z);

	if (err)
		return err;
	e = table[z->bits & ((1U << root) - 1)];
	if (e & ENTRY_SUB) {
		take(z, root);
		e = table[(e >> 16) + (z->bits & ((1U << (e >> 8 & 31)) - 1))];
	}
	if (!e)
		return past_end(z) || z->phantom ? -ENODATA : -EBADMSG;
	take(z, e & 0xff);
	*out_entry = e;
	*out_value = (e >> 16) + take(z, e >> 8 & 31);
	return past_end(z) ? -ENODATA : 0;
}

/* The lengths of the two codes, themselves coded [rfc1951 3.2.7]. */
static int read_lens(struct inflate *z, unsigned total)
{
	u8 *lens = z->work->lens;
	u32 entry, sym;

	for (unsigned i = 0; i < total;) {
		unsigned repeat = 1;
		u8 len = 0;
		int err = decode(z, z->work->dist, ORDER_BITS, &entry, &sym);

		if (err)
			return err;
		if (sym < 16) {
			len = (u8)sym;
		} else if (sym == 16) {
			if (i == 0)
				return -EBADMSG;
			len = lens[i - 1];
			repeat = 3 + take(z, 2);
		} else {
			repeat = sym == 17 ? 3 + take(z, 3) : 11 + take(z, 7);
		}
		if (repeat > total - i)
			return -EBADMSG;
		memset(lens + i, len, repeat);
		i += repeat;
	}
	return past_end(z) ? -ENODATA : 0;
}

static int build_dynamic(struct inflate *z)
{
	static const u8 order[19] = {
		16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
	u8 order_lens[19] = {0};
	unsigned nlit, ndist, norder;
	int err = refill(z);

	if (err)
		return err;
	nlit = 257 + take(z, 5);
	ndist = 1 + take(z, 5);
	norder = 4 + take(z, 4);
	if (nlit > 286 || ndist > 30)
		return past_end(z) ? -ENODATA : -EBADMSG;
	for (unsigned i = 0; i < norder; i++) {
		err = refill(z);
		if (err)
			return err;
		order_lens[order[i]] = (u8)take(z, 3);
	}
	if (past_end(z))
		return -ENODATA;
	err = inflate_build_order(z->work, order_lens);
	if (!err)
		err = read_lens(z, nlit + ndist);
	if (!err && z->work->lens[256] == 0)
		err = -EBADMSG;
	return err ? err : inflate_build_codes(z->work, nlit, ndist);
}

static __always_inline u8 *copy_match(u8 *out, size_t back, u32 len)
{
	const u8 *src = out - back;
	u8 *end = out + len;

	if (likely(back >= 8)) {
		do {
			*(u64_any *)out = *(const u64_any *)src;
			out += 8;
			src += 8;
		} while (out < end);
	} else if (back == 1) {
		u64 pattern = *src * 0x0101010101010101ULL;

		do {
			*(u64_any *)out = pattern;
			out += 8;
		} while (out < end);
	} else {
		do {
			*out++ = *src++;
		} while (out < end);
	}
	return end;
}

#define FAST_REFILL()                           \
	do {                                    \
		bits |= load_le64(in) << nbits; \
		in += (63 - nbits) >> 3;        \
		nbits |= 56;                    \
	} while (0)
#define FAST_DROP(n)            (bits >>= (n), nbits -= (n))
#define FAST_FIRST(table, root) ((table)[bits & ((1U << (root)) - 1)])
#define FAST_SUB(table, e)      ((table)[((e) >> 16) + (bits & ((1U << ((e) >> 8 & 31)) - 1))])
#define FAST_LITERAL(e)         (bits >>= (e)&0xff, nbits -= (e)&0xff, *out++ = (u8)((e) >> 16))
#define FAST_EXTRA(e)           (((e) >> 16) + (u32)(bits & ((1U << ((e) >> 8 & 31)) - 1)))

/*
 * Decode while two refills and the longest match with its overrun fit, with the state in registers.
 * A match takes at most 48 bits, two literals by the first table at most 20, and a refill gives 56.
 * Returns: 1 at the end of the block; 0: the careful way must go on; -EBADMSG.
 */
static int fast_block(struct inflate *z)
{
	const u32 *lit = z->work->lit, *dist = z->work->dist;
	const u8 *in = z->io->in, *in_end = z->io->in_end;
	u8 *out = z->io->out + z->io->out_len, *out_end = z->io->out + z->io->out_cap;
	const u8 *start = z->io->out + z->start;
	u64 bits = z->bits;
	unsigned nbits = z->nbits;
	int result = 0;

	while (in_end - in >= 16 && out_end - out >= 258 + 8 + 2) {
		u32 e, len, back;

		FAST_REFILL();
		e = FAST_FIRST(lit, LIT_BITS);
		if (e & ENTRY_LIT) {
			FAST_LITERAL(e);
			e = FAST_FIRST(lit, LIT_BITS);
			if (e & ENTRY_LIT) {
				FAST_LITERAL(e);
				e = FAST_FIRST(lit, LIT_BITS);
				if (e & ENTRY_LIT) {
					FAST_LITERAL(e);
					continue;
				}
			}
			FAST_REFILL();
		}
		if (e & ENTRY_SUB) {
			FAST_DROP(LIT_BITS);
			e = FAST_SUB(lit, e);
			if (e & ENTRY_LIT) {
				FAST_LITERAL(e);
				continue;
			}
		}
		FAST_DROP(e & 0xff);
		if (unlikely(e & ENTRY_EOB || !e)) {
			result = e ? 1 : -EBADMSG;
			break;
		}
		len = FAST_EXTRA(e);
		FAST_DROP(e >> 8 & 31);
		e = FAST_FIRST(dist, DIST_BITS);
		if (e & ENTRY_SUB) {
			FAST_DROP(DIST_BITS);
			e = FAST_SUB(dist, e);
		}
		FAST_DROP(e & 0xff);
		back = FAST_EXTRA(e);
		FAST_DROP(e >> 8 & 31);
		if (unlikely(!e || back > (size_t)(out - start))) {
			result = -EBADMSG;
			break;
		}
		out = copy_match(out, back, len);
	}
	z->io->in = in;
	z->io->out_len = (size_t)(out - z->io->out);
	z->bits = bits;
	z->nbits = nbits;
	return result;
}

static int coded_block(struct inflate *z)
{
	for (;;) {
		u32 entry, value, dist;
		int err = fast_block(z);

		if (err)
			return err < 0 ? err : 0;
		err = decode(z, z->work->lit, LIT_BITS, &entry, &value);
		if (err)
			return err;
		if (entry & ENTRY_EOB)
			return 0;
		if (entry & ENTRY_LIT) {
			err = put_byte(z, (u8)value);
		} else {
			err = decode(z, z->work->dist, DIST_BITS, &entry, &dist);
			if (!err)
				err = put_match(z, value, dist);
		}
		if (err)
			return err;
	}
}

static int stored_block(struct inflate *z)
{
	struct inflate_io *io = z->io;
	u32 len;
	int err = refill(z);

	if (err)
		return err;
	take(z, z->nbits % 8);
	len = take(z, 16);
	if ((len ^ take(z, 16)) != 0xffff || past_end(z))
		return past_end(z) ? -ENODATA : -EBADMSG;
	for (; len && z->nbits; len--) {
		u8 byte;

		err = take_byte(z, &byte);
		if (!err)
			err = put_byte(z, byte);
		if (err)
			return err;
	}
	if (len)
		z->bits = 0;
	while (len) {
		size_t n = len;

		err = next_piece(z);
		if (err <= 0)
			return err ? err : -ENODATA;
		if (io->out_len == io->out_cap) {
			err = make_room(z);
			if (err)
				return err;
		}
		n = min(n, (size_t)(io->in_end - io->in));
		n = min(n, io->out_cap - io->out_len);
		memcpy(io->out + io->out_len, io->in, n);
		io->in += n;
		io->out_len += n;
		len -= (u32)n;
	}
	return 0;
}

static int one_block(struct inflate *z, bool *out_last)
{
	int err = refill(z);
	u32 type;

	if (err)
		return err;
	*out_last = take(z, 1);
	type = take(z, 2);
	if (past_end(z))
		return -ENODATA;
	switch (type) {
	case 0: return stored_block(z);
	case 1: err = inflate_build_fixed(z->work); break;
	case 2: err = build_dynamic(z); break;
	default: return -EBADMSG;
	}
	return err ? err : coded_block(z);
}

static int all_blocks(struct inflate *z)
{
	bool last = false;
	int err = 0;

	z->start = z->flushed = z->io->out_len;
	while (!err && !last)
		err = one_block(z, &last);
	return err ? err : emit(z);
}

/* Nothing that was flushed is needed by the next stream. */
static int finish(struct inflate *z)
{
	finish_input(z);
	if (z->io->flush)
		z->io->out_len = 0;
	return 0;
}

int inflate_raw(struct inflate_work *w, struct inflate_io *io)
{
	struct inflate z = {.io = io, .work = w};
	int err;

	if (io->flush && io->out_cap < INFLATE_OUT_MIN)
		return -EINVAL;
	start_input(&z);
	err = all_blocks(&z);
	return err ? err : finish(&z);
}

/* --- gzip ------------------------------------------------------------------------------------- */

#define GZIP_HCRC     0x02
#define GZIP_EXTRA    0x04
#define GZIP_NAME     0x08
#define GZIP_COMMENT  0x10
#define GZIP_RESERVED 0xe0

static int header_byte(struct inflate *z, u8 *out)
{
	int err = take_byte(z, out);

	if (!err)
		z->crc = crc32_update(z->crc, out, 1);
	return err;
}

/* Little-endian number of @n bytes, from header or trailer. */
static int take_number(struct inflate *z, unsigned n, bool header, u32 *out)
{
	u32 v = 0;

	for (unsigned i = 0; i < n; i++) {
		u8 byte;
		int err = header ? header_byte(z, &byte) : take_byte(z, &byte);

		if (err)
			return err;
		v |= (u32)byte << (8 * i);
	}
	*out = v;
	return 0;
}

static int skip_text(struct inflate *z)
{
	u8 byte;
	int err;

	do {
		err = header_byte(z, &byte);
	} while (!err && byte);
	return err;
}

/* [rfc1952 2.3] */
static int gzip_header(struct inflate *z)
{
	u32 magic, flags, skipped, extra, crc;
	int err = take_number(z, 3, true, &magic);

	if (!err && magic != 0x088b1f)
		return -EBADMSG;
	if (!err)
		err = take_number(z, 1, true, &flags);
	if (err || flags & GZIP_RESERVED)
		return err ? err : -EBADMSG;
	err = take_number(z, 4, true, &skipped); /* time */
	if (!err)
		err = take_number(z, 2, true, &skipped); /* compressor, system */
	if (!err && flags & GZIP_EXTRA) {
		err = take_number(z, 2, true, &extra);
		for (; !err && extra; extra--)
			err = take_number(z, 1, true, &skipped);
	}
	if (!err && flags & GZIP_NAME)
		err = skip_text(z);
	if (!err && flags & GZIP_COMMENT)
		err = skip_text(z);
	if (!err && flags & GZIP_HCRC) {
		u32 want = ~z->crc & 0xffff;

		err = take_number(z, 2, false, &crc);
		if (!err && crc != want)
			return -EBADMSG;
	}
	return err;
}

int gzip_inflate(struct inflate_work *w, struct inflate_io *io)
{
	struct inflate z = {.io = io, .work = w, .crc = ~0U};
	u32 crc, size;
	int err;

	if (io->flush && io->out_cap < INFLATE_OUT_MIN)
		return -EINVAL;
	start_input(&z);
	err = gzip_header(&z);
	if (err)
		return err;
	z.gzip = true;
	z.crc = ~0U;
	err = all_blocks(&z);
	if (err)
		return err;
	take(&z, z.nbits % 8);
	err = take_number(&z, 4, false, &crc);
	if (!err)
		err = take_number(&z, 4, false, &size);
	if (err)
		return err;
	if (crc != ~z.crc || size != z.total)
		return -EBADMSG;
	return finish(&z);
}
