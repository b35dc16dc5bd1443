/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a disk, with the check sums of GPT made right first when the first byte says so: otherwise nothing would be behind them.
 */
#include "part.h"
#include <stdlib.h>
#include <lib/crc.h>
#include <lib/errno.h>
#include <lib/string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t len);

struct image {
	u8 *bytes;
	size_t len;
	u32 reads;
};

static int read_image(void *ctx, u64 pos, void *buf, u32 len)
{
	struct image *im = ctx;

	if (pos > im->len || len > im->len - pos)
		__builtin_trap(); /* outside the disk was promised not to be asked */
	if (++im->reads > 5000)
		__builtin_trap();
	memcpy(buf, im->bytes + pos, len);
	return 0;
}

static void put32(u8 *p, u32 v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (u8)(v >> 8 * i);
}

static void mend_sums(struct image *im, u32 block)
{
	u8 *h = im->bytes + block;
	u64 at = part_get64(h + 72), size = (u64)part_get32(h + 80) * 128;
	u32 bytes = part_get32(h + 12);

	if (at < im->len / block && size <= im->len - at * block)
		put32(h + 88, crc32(im->bytes + at * block, size));
	put32(h + 16, 0);
	if (bytes >= 92 && bytes <= block)
		put32(h + 16, crc32(h, bytes));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	u32 block = len && data[0] & 2 ? 4096 : 512;
	struct image im = {.len = len ? (len - 1) / block * block : 0};
	struct part_source src = {&im, read_image, im.len / 512, block};
	struct part_table *t = malloc(sizeof(*t));
	void *scratch = malloc(PART_SCRATCH);

	if (im.len >= 3 * block) {
		im.bytes = malloc(im.len);
		memcpy(im.bytes, data + 1, im.len);
		if (data[0] & 1)
			mend_sums(&im, block);
		if (part_scan(&src, scratch, t) || t->n > PART_MAX)
			__builtin_trap();
		for (u16 i = 0; i < t->n; i++)
			if (!t->entries[i].n512 || t->entries[i].start512 + t->entries[i].n512 > src.n512 || strlen(t->entries[i].uuid) > 36)
				__builtin_trap();
		free(im.bytes);
	}
	free(scratch);
	free(t);
	return 0;
}
