/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walk the input as a cpio archive, whole and in pieces: both must give the same events. The first
 * byte chooses the size of the pieces.
 */
#include <lib/cpio.h>

#include <lib/hash.h>
#include <lib/string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t len);

struct fuzz_digest {
	u64 events, bytes, hash;
	int err, finish;
};

static void fuzz_add(struct fuzz_digest *d, const void *data, size_t len)
{
	const u8 *p = data;

	for (size_t i = 0; i < len; i++)
		d->hash = hash_mix64(d->hash ^ p[i]);
}

static struct fuzz_digest fuzz_walk(const u8 *data, size_t len, size_t piece)
{
	static struct cpio c;
	struct fuzz_digest d = {0};
	struct cpio_event ev = {0};

	cpio_init(&c);
	for (size_t at = 0, n; at < len && !d.err && ev.type != CPIO_FOREIGN; at += n) {
		n = min(piece, len - at);
		cpio_feed(&c, data + at, n);
		while ((d.err = cpio_next(&c, &ev)) == 0 && ev.type != CPIO_NEED_INPUT) {
			if (ev.type == CPIO_DATA) {
				if (ev.len == 0 || ev.data < data + at ||
					ev.data + ev.len > data + at + n)
					__builtin_trap();
				fuzz_add(&d, ev.data, ev.len);
				d.bytes += ev.len;
				continue;
			}
			d.events++;
			fuzz_add(&d, &ev.type, sizeof(ev.type));
			if (ev.type == CPIO_ENTRY) {
				fuzz_add(&d, c.name, strlen(c.name));
				fuzz_add(&d, &c.entry.mode, sizeof(c.entry.mode));
			}
			if (ev.type == CPIO_FOREIGN)
				break;
		}
	}
	d.finish = d.err ? 0 : cpio_finish(&c);
	return d;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	struct fuzz_digest whole, pieces;

	if (len == 0)
		return 0;
	whole = fuzz_walk(data + 1, len - 1, len);
	pieces = fuzz_walk(data + 1, len - 1, data[0] % 64 + 1);
	if (memcmp(&whole, &pieces, sizeof(whole)) != 0)
		__builtin_trap();
	return 0;
}
