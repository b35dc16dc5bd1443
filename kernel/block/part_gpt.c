/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GPT [uefi-2.10 5.3].
 *
 *	header	0 "EFI PART" | 8 revision | 12 bytes | 16 CRC of the header | 24 my LBA | 32 the other header's | 40 first usable | 48 last usable
 *		56 disk GUID | 72 LBA of the entries | 80 how many | 84 bytes of each | 88 CRC of them all
 *	entry	0 type GUID | 16 GUID | 32 first LBA | 40 last LBA | 48 attributes | 56 name, 36 of UTF-16
 */
#include "part.h"
#include <lib/crc.h>
#include <lib/errno.h>
#include <lib/printf.h>
#include <lib/string.h>

#define HEADER_MIN  92u
#define ENTRY_BYTES 128u
#define ENTRIES_MAX 65536u

struct gpt {
	u64 my_lba, entries_lba, last_lba;
	u32 nentries, entries_crc;
	u8 guid[16];
};

void part_guid_text(const u8 g[16], char out[37])
{
	scnprintf(out, 37, "%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x", part_get32(g), g[4] | g[5] << 8, g[6] | g[7] << 8, g[8], g[9], g[10],
		g[11], g[12], g[13], g[14], g[15]);
}

static u64 last_lba(const struct part_source *src)
{
	return src->n512 / (src->logical_bytes / 512) - 1;
}

/* One block of the disk; false: there is none, or it cannot be read (*err). */
static bool read_lba(const struct part_source *src, u64 lba, u8 *buf, int *err)
{
	if (lba > last_lba(src))
		return false;
	*err = src->read(src->ctx, lba * src->logical_bytes, buf, src->logical_bytes);
	return !*err;
}

static bool parse_header(const struct part_source *src, u64 lba, u8 *h, struct gpt *out)
{
	static const u8 none[4];
	u32 size = part_get32(h + 12), crc = ~0u;
	u64 first = part_get64(h + 40);

	if (memcmp(h, "EFI PART", 8) || size < HEADER_MIN || size > src->logical_bytes)
		return false;
	crc = crc32_update(crc, h, 16);
	crc = crc32_update(crc, none, 4);
	crc = ~crc32_update(crc, h + 20, size - 20);
	*out = (struct gpt){.my_lba = part_get64(h + 24),
		.last_lba = part_get64(h + 48),
		.entries_lba = part_get64(h + 72),
		.nentries = part_get32(h + 80),
		.entries_crc = part_get32(h + 88)};
	memcpy(out->guid, h + 56, 16);
	return crc == part_get32(h + 16) && out->my_lba == lba && first <= out->last_lba && out->last_lba <= last_lba(src) &&
	       part_get32(h + 84) == ENTRY_BYTES && out->nentries <= ENTRIES_MAX && out->entries_lba <= last_lba(src) &&
	       DIV_ROUND_UP((u64)out->nentries * ENTRY_BYTES, (u64)src->logical_bytes) <= last_lba(src) - out->entries_lba + 1;
}

/* Each entry in turn, a piece of the disk at a time; fn NULL: only the CRC. */
static int walk_entries(const struct part_source *src, const struct gpt *g, u8 *buf, u32 *out_crc,
	void (*fn)(const struct part_source *src, const struct gpt *g, u32 nr, const u8 *entry, struct part_table *out), struct part_table *out)
{
	u32 piece = PART_SCRATCH / 2 / src->logical_bytes * src->logical_bytes, crc = ~0u;
	u64 left = (u64)g->nentries * ENTRY_BYTES, pos = g->entries_lba * src->logical_bytes;
	u32 nr = 1;

	while (left) {
		u32 want = (u32)min(left, (u64)piece), bytes = (u32)align_up(want, src->logical_bytes);
		int err = src->read(src->ctx, pos, buf, bytes);

		if (err)
			return err;
		crc = crc32_update(crc, buf, want);
		for (u32 at = 0; fn && at + ENTRY_BYTES <= want; at += ENTRY_BYTES)
			fn(src, g, nr++, buf + at, out);
		left -= want;
		pos += bytes;
	}
	*out_crc = ~crc;
	return 0;
}

static void copy_name(const u8 *utf16, char *out)
{
	int i;

	for (i = 0; i < PART_NAME_MAX; i++) {
		unsigned c = utf16[2 * i] | utf16[2 * i + 1] << 8;

		if (!c)
			break;
		out[i] = c >= ' ' && c < 0x7f ? (char)c : '!';
	}
	out[i] = '\0';
}

static void take_entry(const struct part_source *src, const struct gpt *g, u32 nr, const u8 *e, struct part_table *out)
{
	static const u8 unused[16];
	u64 first = part_get64(e + 32), last = part_get64(e + 40), unit = src->logical_bytes / 512;
	u16 before = out->n;

	if (!memcmp(e, unused, 16) || first > last || last > last_lba(src) || nr > PART_MAX)
		return;
	if (!part_add(src, out, nr, first * unit, (last - first + 1) * unit) || out->n == before)
		return;
	part_guid_text(e + 16, out->entries[before].uuid);
	copy_name(e + 56, out->entries[before].name);
}

/* Is there a good table, whose header is at @lba? Its entries are in *out then. */
static bool take_table(const struct part_source *src, u64 lba, u8 *scratch, struct part_table *out, int *err)
{
	struct gpt g;
	u32 crc;

	if (!read_lba(src, lba, scratch, err) || !parse_header(src, lba, scratch, &g))
		return false;
	*err = walk_entries(src, &g, scratch, &crc, NULL, NULL);
	if (*err || crc != g.entries_crc)
		return false;
	/* Once more, now that they are known to be good; what has changed meanwhile is as good as any. */
	*err = walk_entries(src, &g, scratch, &crc, take_entry, out);
	if (*err) {
		out->n = 0;
		return false;
	}
	part_guid_text(g.guid, out->uuid);
	return true;
}

static bool has_protective_mbr(const u8 *sector)
{
	struct mbr_entry e[4];

	if (!mbr_entries(sector, e))
		return false;
	for (int i = 0; i < 4; i++)
		if (e[i].type == MBR_TYPE_GPT && part_get32(e[i].start) == 1)
			return true;
	return false;
}

int part_scan_gpt(const struct part_source *src, void *scratch, struct part_table *out)
{
	int err = 0, other = 0;

	if (!read_lba(src, 0, scratch, &err))
		return err;
	if (!has_protective_mbr(scratch) || last_lba(src) < 2)
		return 0;
	if (!take_table(src, 1, scratch, out, &err)) {
		if (!take_table(src, last_lba(src), scratch, out, &other))
			return err ? err : other;
		out->from_backup = true;
	}
	out->kind = PART_GPT;
	return 1;
}
