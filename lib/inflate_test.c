/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Streams come from a generator that writes random blocks of all kinds with random codes and knows
 * what they mean; then bits of them are flipped and the fuzz target must hold.
 */
#include "fuzz/inflate.c"

#include <stdlib.h>
#include <string.h>

#include <lib/crc.h>
#include <lib/endian.h>
#include <lib/test.h>

#define GZIP_HCRC    0x02
#define GZIP_EXTRA   0x04
#define GZIP_NAME    0x08
#define GZIP_COMMENT 0x10

#define STREAM_MAX 200000
#define PLAIN_MAX  150000

static struct {
	u8 bytes[STREAM_MAX];
	size_t nbits;
} stream;
static u8 plain[PLAIN_MAX];
static size_t plain_len;

static void put_bits(u64 value, unsigned n)
{
	for (; n; n--, value >>= 1, stream.nbits++) {
		if (stream.nbits % 8 == 0)
			stream.bytes[stream.nbits / 8] = 0;
		stream.bytes[stream.nbits / 8] |= (u8)((value & 1) << (stream.nbits % 8));
	}
}

struct huffman {
	u8 lens[320];
	u16 codes[320];
};

static void put_symbol(const struct huffman *h, unsigned sym)
{
	for (unsigned i = h->lens[sym]; i-- > 0;)
		put_bits(h->codes[sym] >> i & 1, 1);
}

/* Canonical codes for the lengths [rfc1951 3.2.2]. */
static void assign_codes(struct huffman *h, unsigned n)
{
	unsigned code = 0;

	for (unsigned len = 1; len <= 15; len++, code <<= 1) {
		for (unsigned sym = 0; sym < n; sym++) {
			if (h->lens[sym] == len)
				h->codes[sym] = (u16)code++;
		}
	}
}

/* A random complete code of at most @max_len bits for @used of @n symbols, symbol @must among them.
 */
static void random_code(
	struct huffman *h, unsigned n, unsigned used, unsigned max_len, unsigned must)
{
	u8 leaves[320] = {1, 1};
	unsigned nleaves = 2, skew = (unsigned)test_rand_below(3);

	memset(h, 0, sizeof(*h));
	while (nleaves < used) {
		unsigned i = (unsigned)test_rand_below(nleaves);

		if (skew && test_rand_below(2))
			i = nleaves - 1;
		if (leaves[i] >= max_len)
			continue;
		leaves[nleaves++] = ++leaves[i];
	}
	for (unsigned i = 0; i < nleaves; i++) {
		unsigned sym = i == 0 ? must : (unsigned)test_rand_below(n);

		while (h->lens[sym])
			sym = (sym + 1) % n;
		h->lens[sym] = leaves[i];
	}
	assign_codes(h, n);
}

/* The lengths of both codes, with runs, in a random code of their own. */
static void put_lens(const u8 *lens, unsigned total)
{
	static const u8 order[19] = {
		16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
	struct huffman h;

	random_code(&h, 19, 19, 7, 0);
	put_bits(19 - 4, 4);
	for (unsigned i = 0; i < 19; i++)
		put_bits(h.lens[order[i]], 3);
	for (unsigned i = 0, run; i < total; i += run) {
		bool repeats = i > 0 && lens[i] == lens[i - 1] && test_rand_below(4);

		for (run = 1; i + run < total && lens[i + run] == lens[i]; run++)
			;
		if (lens[i] == 0 && run >= 11) {
			run = min(run, 138U);
			put_symbol(&h, 18);
			put_bits(run - 11, 7);
		} else if (lens[i] == 0 && run >= 3) {
			put_symbol(&h, 17);
			put_bits(run - 3, 3);
		} else if (repeats && run >= 3) {
			run = min(run, 6U);
			put_symbol(&h, 16);
			put_bits(run - 3, 2);
		} else {
			run = 1;
			put_symbol(&h, lens[i]);
		}
	}
}

static const u16 bases[29] = {3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51,
	59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
static const u8 extras[29] = {
	0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};

/* A match by symbols that have codes; nothing when the distance would lie before the beginning. */
static void put_match_token(const struct huffman *lit, const struct huffman *dist, unsigned sym)
{
	unsigned extra = extras[sym - 257], dsym = (unsigned)test_rand_below(30), dextra;
	u32 len = bases[sym - 257], back, low;

	while (!dist->lens[dsym])
		dsym = (dsym + 1) % 30;
	dextra = dsym < 4 ? 0 : dsym / 2 - 1;
	low = (u32)test_rand_below(1ULL << dextra);
	back = (dsym < 4 ? dsym + 1 : ((2 + (dsym & 1)) << dextra) + 1) + low;
	if (back > plain_len)
		return;
	put_symbol(lit, sym);
	if (extra) {
		u32 more = (u32)test_rand_below(sym == 284 ? 31 : 1ULL << extra);

		put_bits(more, extra);
		len += more;
	}
	put_symbol(dist, dsym);
	put_bits(low, dextra);
	for (; len; len--, plain_len++)
		plain[plain_len] = plain[plain_len - back];
}

static void put_tokens(const struct huffman *lit, const struct huffman *dist)
{
	for (u64 n = test_rand_below(1ULL << test_rand_below(13)); n; n--) {
		unsigned sym = (unsigned)test_rand_below(286);

		while (!lit->lens[sym] || sym == 256)
			sym = (sym + 1) % 286;
		if (plain_len + 258 > PLAIN_MAX || stream.nbits / 8 + 100 > STREAM_MAX)
			break;
		if (sym > 256) {
			put_match_token(lit, dist, sym);
		} else {
			put_symbol(lit, sym);
			plain[plain_len++] = (u8)sym;
		}
	}
	put_symbol(lit, 256);
}

static void put_stored(void)
{
	u64 len = test_rand_below(1ULL << test_rand_below(15));

	len = min(len, (u64)PLAIN_MAX - plain_len);
	len = min(len, (u64)STREAM_MAX - stream.nbits / 8 - 100);
	put_bits(0, (unsigned)(-stream.nbits & 7));
	put_bits(len, 16);
	put_bits(~len, 16);
	for (; len; len--) {
		plain[plain_len] = (u8)test_rand();
		put_bits(plain[plain_len++], 8);
	}
}

static void put_block(bool last)
{
	static struct huffman lit, dist;
	unsigned type = (unsigned)test_rand_below(3), ndist = 1 + (unsigned)test_rand_below(30);

	put_bits(last, 1);
	put_bits(type, 2);
	if (type == 0) {
		put_stored();
		return;
	}
	if (type == 1) {
		memset(&dist, 0, sizeof(dist));
		memset(lit.lens, 8, 144);
		memset(lit.lens + 144, 9, 112);
		memset(lit.lens + 256, 7, 24);
		memset(lit.lens + 280, 8, 8);
		memset(dist.lens, 5, 32);
		assign_codes(&lit, 288);
		assign_codes(&dist, 32);
	} else {
		u8 both[286 + 30];

		random_code(&lit, 286, 3 + (unsigned)test_rand_below(283), 15, 256);
		random_code(&dist, 30, ndist, 15, 0);
		if (ndist == 1) {
			memset(&dist, 0, sizeof(dist));
			dist.lens[test_rand_below(30)] = 1;
		}
		put_bits(286 - 257, 5);
		put_bits(30 - 1, 5);
		memcpy(both, lit.lens, 286);
		memcpy(both + 286, dist.lens, 30);
		put_lens(both, 286 + 30);
	}
	put_tokens(&lit, &dist);
}

static void make_stream(void)
{
	u64 blocks = 1 + test_rand_below(6);

	while (blocks--)
		put_block(blocks == 0);
	put_bits(0, (unsigned)(-stream.nbits & 7));
}

static int decode_whole(bool gzip, const u8 *data, size_t len, u8 *out, size_t cap, size_t *out_len)
{
	static struct inflate_work work;
	struct inflate_io io = {.in = data, .in_end = data + len, .out = out, .out_cap = cap};
	int err = gzip ? gzip_inflate(&work, &io) : inflate_raw(&work, &io);

	*out_len = io.out_len;
	if (!err)
		CHECK(io.in == io.in_end);
	return err;
}

TEST(inflate_generated)
{
	static u8 out[PLAIN_MAX], again[STREAM_MAX + 1];

	for (u64 round = 0; round < test_rounds(300); round++) {
		size_t len, got;

		stream.nbits = plain_len = 0;
		make_stream();
		len = stream.nbits / 8;
		CHECK_EQ(decode_whole(false, stream.bytes, len, out, PLAIN_MAX, &got), 0);
		CHECK_EQ(got, plain_len);
		CHECK_MEM_EQ(out, plain, plain_len);
		if (plain_len)
			CHECK_EQ(decode_whole(false, stream.bytes, len, out, plain_len - 1, &got),
				-ENOBUFS);
		CHECK_EQ(decode_whole(false, stream.bytes, len, out, plain_len, &got), 0);
		CHECK_EQ(decode_whole(
				 false, stream.bytes, test_rand_below(len), out, PLAIN_MAX, &got),
			-ENODATA);
		again[0] = (u8)test_rand();
		memcpy(again + 1, stream.bytes, len);
		LLVMFuzzerTestOneInput(again, len + 1);
		for (int flips = 0; flips < 8; flips++) {
			again[1 + test_rand_below(min(len, (size_t)(20 << (2 * flips))))] ^=
				(u8)(1 << test_rand_below(8));
			LLVMFuzzerTestOneInput(again, len + 1);
		}
	}
}

static const u8 hello[] = {0x1f, 0x8b, 0x08, 0x08, 0x00, 0x00, 0x00, 0x00, 0x02, 0xff, 0x68, 0x65,
	0x6c, 0x6c, 0x6f, 0x2e, 0x74, 0x78, 0x74, 0x00, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xd7, 0x51,
	0xc8, 0x40, 0xa2, 0x14, 0xca, 0xf3, 0x8b, 0x72, 0x52, 0xb8, 0x00, 0x87, 0x5d, 0x46, 0x2b,
	0x1a, 0x00, 0x00, 0x00};

TEST(gzip_with_name)
{
	u8 out[64], bad[sizeof(hello)];
	size_t got;

	CHECK(gzip_has_magic(hello, sizeof(hello)));
	CHECK_EQ(decode_whole(true, hello, sizeof(hello), out, sizeof(out), &got), 0);
	CHECK_EQ(got, 26);
	CHECK_MEM_EQ(out, "hello, hello, hello world\n", 26);
	for (size_t len = 0; len < sizeof(hello); len++)
		CHECK_EQ(decode_whole(true, hello, len, out, sizeof(out), &got), -ENODATA);
	for (size_t bit = 0; bit < 8 * sizeof(hello); bit++) {
		memcpy(bad, hello, sizeof(hello));
		bad[bit / 8] ^= (u8)(1 << bit % 8);
		got = (size_t)decode_whole(true, bad, sizeof(bad), out, sizeof(out), &got);
		/* Text flag, time, level, system and name may be anything. */
		if (bit != 24 && (bit / 8 < 4 || bit / 8 >= 20))
			CHECK(got != 0);
	}
}

/* Header fields of all kinds, and members one after the other. */
TEST(gzip_generated)
{
	static u8 out[PLAIN_MAX], file[STREAM_MAX + 1];

	for (u64 round = 0; round < test_rounds(100); round++) {
		u8 flags = (u8)test_rand_below(32);
		size_t got;

		stream.nbits = plain_len = 0;
		put_bits(0x088b1f, 24);
		put_bits(flags, 8);
		put_bits(test_rand(), 48);
		if (flags & GZIP_EXTRA) {
			put_bits(3, 16);
			put_bits(test_rand(), 24);
		}
		if (flags & GZIP_NAME)
			put_bits('a' | 'b' << 8, 24);
		if (flags & GZIP_COMMENT)
			put_bits(0, 8);
		if (flags & GZIP_HCRC)
			put_bits(crc32(stream.bytes, stream.nbits / 8), 16);
		make_stream();
		put_bits(crc32(plain, plain_len), 32);
		put_bits(plain_len, 32);
		CHECK_EQ(decode_whole(true, stream.bytes, stream.nbits / 8, out, PLAIN_MAX, &got),
			0);
		CHECK_EQ(got, plain_len);
		CHECK_MEM_EQ(out, plain, plain_len);
		file[0] = (u8)round;
		memcpy(file + 1, stream.bytes, stream.nbits / 8);
		LLVMFuzzerTestOneInput(file, stream.nbits / 8 + 1);
	}
}

TEST(inflate_arguments)
{
	static struct inflate_work work;
	struct inflate_io io = {.in = hello, .in_end = hello + sizeof(hello), .flush = fuzz_flush};

	CHECK_EQ(gzip_inflate(&work, &io), -EINVAL);
	CHECK_EQ(inflate_raw(&work, &io), -EINVAL);
}
