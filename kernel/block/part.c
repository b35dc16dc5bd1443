/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What both formats of partition tables share; and MBR. See part.h.
 *
 *	boot record	..440 code | 440 disk signature, 4 | 444 2 | 446 four entries of 16 | 510 0x55 0xaa
 *	entry		boot flag 0 or 0x80 | CHS 3 | type | CHS 3 | start 4 | count 4
 */
#include "part.h"
#include <lib/errno.h>
#include <lib/printf.h>
#include <lib/string.h>

#define EBR_MAX 100 /* records of a chain */

bool part_add(const struct part_source *src, struct part_table *t, u32 nr, u64 start512, u64 n512)
{
	struct part_entry *e = &t->entries[t->n];
	u64 mask = src->logical_bytes / 512 - 1;

	if (t->n == PART_MAX)
		return false;
	if (start512 >= src->n512)
		return true;
	n512 = min(n512, src->n512 - start512) & ~mask;
	if (!n512)
		return true;
	*e = (struct part_entry){.start512 = start512, .n512 = n512, .nr = nr};
	t->n++;
	return true;
}

int part_scan(const struct part_source *src, void *scratch, struct part_table *out)
{
	int got;

	memset(out, 0, offsetof(struct part_table, entries));
	if (src->logical_bytes < 512 || src->logical_bytes > 65536 || src->n512 < src->logical_bytes / 512)
		return 0;
	got = part_scan_gpt(src, scratch, out);
	if (!got)
		got = part_scan_mbr(src, scratch, out);
	return got < 0 ? got : 0;
}

/* ---- MBR ---- */

bool mbr_entries(const u8 *sector, struct mbr_entry out[4])
{
	memcpy(out, sector + MBR_ENTRIES_AT, 4 * sizeof(*out));
	return sector[510] == 0x55 && sector[511] == 0xaa;
}

static bool is_extended(const struct mbr_entry *e)
{
	return part_get32(e->count) && (e->type == 0x05 || e->type == 0x0f || e->type == 0x85);
}

static void set_uuid(struct part_table *t, u32 sig)
{
	struct part_entry *e = t->n ? &t->entries[t->n - 1] : NULL;

	if (e && sig)
		scnprintf(e->uuid, sizeof(e->uuid), "%08x-%02x", sig, e->nr);
}

static bool add(const struct part_source *src, struct part_table *t, u32 nr, u64 start512, u64 n512, u32 sig)
{
	u16 before = t->n;

	if (!part_add(src, t, nr, start512, n512))
		return false;
	if (t->n > before)
		set_uuid(t, sig);
	return true;
}

/* A partition of an extended record at @at512, which has @this512 for itself of the chain's [first512, first512 + all512). */
static bool is_inside(u64 at512, u64 off512, u64 n512, u64 this512, u64 first512, u64 all512)
{
	u64 start = at512 + off512;

	return off512 + n512 <= this512 && start >= first512 && start + n512 <= first512 + all512;
}

static int scan_chain(const struct part_source *src, u8 *sector, struct part_table *out, u64 first512, u64 all512, u32 sig)
{
	u64 at = first512, this512 = all512, unit = src->logical_bytes / 512;
	u32 nr = 5;

	for (int i = 0; i < EBR_MAX; i++) {
		struct mbr_entry e[4];
		int link = -1, err;

		if (at >= src->n512 || at % unit)
			return 0;
		err = src->read(src->ctx, at * 512, sector, src->logical_bytes);
		if (err)
			return err;
		if (!mbr_entries(sector, e))
			return 0;
		for (int k = 0; k < 4; k++) {
			u64 off = part_get32(e[k].start) * unit, n = part_get32(e[k].count) * unit;

			if (is_extended(&e[k])) {
				link = link < 0 ? k : link;
				continue;
			}
			if (!n || (k >= 2 && !is_inside(at, off, n, this512, first512, all512)))
				continue;
			if (!add(src, out, nr++, at + off, n, sig))
				return 0;
		}
		if (link < 0)
			return 0;
		at = first512 + part_get32(e[link].start) * unit;
		this512 = part_get32(e[link].count) * unit;
	}
	return 0;
}

/* Flags that no table has: this is the first sector of something else. */
static bool is_plausible(const struct mbr_entry e[4])
{
	for (int i = 0; i < 4; i++)
		if (e[i].boot & 0x7f)
			return false;
	return true;
}

/* The first sector of a FAT file system has the signature too; a table there is what it is not. */
static bool is_fat(const u8 *s)
{
	u32 sector_bytes = s[11] | s[12] << 8, cluster = s[13];

	return (s[0] == 0xeb || s[0] == 0xe9) && s[16] >= 1 && s[16] <= 2 && (s[21] >= 0xf8 || s[21] == 0xf0) && cluster && !(cluster & (cluster - 1)) &&
	       sector_bytes >= 512 && sector_bytes <= 4096 && !(sector_bytes & (sector_bytes - 1)) && (s[14] | s[15] << 8);
}

int part_scan_mbr(const struct part_source *src, void *scratch, struct part_table *out)
{
	u64 unit = src->logical_bytes / 512;
	struct mbr_entry e[4];
	u8 *sector = scratch;
	int err = src->read(src->ctx, 0, sector, src->logical_bytes);
	u32 sig;

	if (err)
		return err;
	if (!mbr_entries(sector, e) || !is_plausible(e) || is_fat(sector))
		return 0;
	for (int i = 0; i < 4; i++)
		if (e[i].type == MBR_TYPE_GPT)
			return 0;
	sig = part_get32(sector + MBR_DISKSIG_AT);
	out->kind = PART_MBR;
	if (sig)
		scnprintf(out->uuid, sizeof(out->uuid), "%08x", sig);
	for (u32 i = 0; i < 4; i++) {
		u64 start = part_get32(e[i].start) * unit, n = part_get32(e[i].count) * unit;

		/* Of an extended partition only what a boot loader may want is left to be opened. */
		if (n)
			(void)add(src, out, i + 1, start, is_extended(&e[i]) ? min(n, max(unit, 2ull)) : n, sig);
	}
	for (u32 i = 0; i < 4 && !err; i++)
		if (is_extended(&e[i]))
			err = scan_chain(src, sector, out, part_get32(e[i].start) * unit, part_get32(e[i].count) * unit, sig);
	return err ? err : 1;
}
