/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decode the input as DEFLATE and as gzip, at once and piece by piece: both must agree, whatever
 * the bytes are. The first byte chooses the size of the pieces.
 */
#include <lib/inflate.h>

#include <lib/errno.h>
#include <lib/string.h>

#define FUZZ_OUT_MAX (4 * INFLATE_OUT_MIN)

struct fuzz_stream {
	struct inflate_io io; /* must be the first member: the callbacks cast */
	const u8 *rest;
	size_t rest_len;
	size_t piece_len;
	u8 *copy;
	size_t copy_len;
};

int LLVMFuzzerTestOneInput(const u8 *data, size_t len);

static int fuzz_more(struct inflate_io *io)
{
	struct fuzz_stream *s = (struct fuzz_stream *)io;
	size_t n = min(s->piece_len, s->rest_len);

	io->in = s->rest;
	io->in_end = s->rest + n;
	s->rest += n;
	s->rest_len -= n;
	return n != 0;
}

static int fuzz_flush(struct inflate_io *io, const u8 *data, size_t len)
{
	struct fuzz_stream *s = (struct fuzz_stream *)io;

	if (len > FUZZ_OUT_MAX - s->copy_len)
		return -ENOBUFS;
	memcpy(s->copy + s->copy_len, data, len);
	s->copy_len += len;
	return 0;
}

static void fuzz_one(int (*decode)(struct inflate_work *, struct inflate_io *), const u8 *data,
	size_t len, size_t piece)
{
	static struct inflate_work work;
	static u8 out[FUZZ_OUT_MAX], window[INFLATE_OUT_MIN + 100], copy[FUZZ_OUT_MAX];
	struct inflate_io io = {
		.in = data, .in_end = data + len, .out = out, .out_cap = sizeof(out)};
	struct fuzz_stream s = {.rest = data, .rest_len = len, .piece_len = piece, .copy = copy};
	int whole, pieces;
	size_t left;

	whole = decode(&work, &io);
	s.io.more = fuzz_more;
	s.io.flush = fuzz_flush;
	s.io.out = window;
	s.io.out_cap = sizeof(window);
	pieces = decode(&work, &s.io);
	if (whole != pieces)
		__builtin_trap();
	if (whole)
		return;
	left = s.rest_len + (size_t)(s.io.in_end - s.io.in) + s.io.nheld;
	if (io.out_len != s.copy_len || left != (size_t)(io.in_end - io.in) || io.nheld)
		__builtin_trap();
	if (memcmp(out, copy, io.out_len) != 0)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	size_t piece;

	if (len == 0)
		return 0;
	piece = data[0] % 32 + 1;
	fuzz_one(inflate_raw, data + 1, len - 1, piece);
	fuzz_one(gzip_inflate, data + 1, len - 1, piece);
	return 0;
}
