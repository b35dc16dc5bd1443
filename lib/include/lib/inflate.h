/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DEFLATE decoder [rfc1951] and gzip members [rfc1952], for input that may be hostile.
 *
 * Input comes from memory, or piece by piece from `more`. Output goes to a buffer that holds all of
 * it, or, when `flush` is given, through a buffer that is used again and again and keeps the last
 * 32 KiB for back references. The work area is the caller's: about 8 KiB, no need to clear it.
 *
 * Returns: 0; -EBADMSG not a valid stream, or a wrong checksum; -ENODATA the input ends too early;
 * -ENOBUFS the output does not fit (without flush); what `more` and `flush` return when negative.
 * After success `in` stands right behind the stream, so that what follows can be looked at. (With
 * `more`, bytes of a piece that is gone may be kept in `held`; the next call begins with them.)
 */
#pragma once

#include <lib/types.h>

#define INFLATE_WINDOW  32768
#define INFLATE_OUT_MIN (2 * INFLATE_WINDOW) /* least out_cap with flush; more makes it faster */

struct inflate_io {
	const u8 *in;
	const u8 *in_end;
	/* Set in and in_end to the next piece. 1: done; 0: there is none; negative: error. NULL:
	 * none. */
	int (*more)(struct inflate_io *io);

	u8 *out;
	size_t out_cap;
	size_t out_len; /* bytes of out that are written; 0 at the start */
	/* Take the next @len bytes of output, 0 or negative error. NULL: all of it stays in out. */
	int (*flush)(struct inflate_io *io, const u8 *data, size_t len);

	u8 held[8];
	unsigned nheld;
};

struct inflate_work {
	u32 lit[1536];
	u32 dist[512];
	u8 lens[288 + 32];
};

/* Decode one DEFLATE stream. */
MUST_CHECK
int inflate_raw(struct inflate_work *w, struct inflate_io *io);

/* Decode one gzip member with its header and trailer; loop over the members of a file. */
MUST_CHECK
int gzip_inflate(struct inflate_work *w, struct inflate_io *io);

static inline bool gzip_has_magic(const void *data, size_t len)
{
	const u8 *p = data;

	return len >= 3 && p[0] == 0x1f && p[1] == 0x8b && p[2] == 8;
}
