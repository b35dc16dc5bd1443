/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Partition tables: bytes of a disk in, partitions out. Pure: nothing but the source's read is called, and it may tell anything.
 *
 *	GPT	[uefi-2.10 5.3] behind a protective MBR; header and entries by their CRCs; the backup at the end of the disk when the first is damaged
 *	MBR	four entries, and a chain of extended boot records: partitions from 5 on
 *
 * What Linux does with broken tables is done here too: an entry that lies outside the disk is left out or cut, a chain that turns back ends.
 */
#include <lib/compiler.h>
#include <lib/types.h>

#define PART_MAX     256
#define PART_NAME_MAX 36

struct part_source {
	void *ctx;
	/* [pos, pos + len), both multiples of logical_bytes, inside the disk. 0; -errno. */
	int (*read)(void *ctx, u64 pos, void *buf, u32 len);
	u64 n512;
	u32 logical_bytes;
};

struct part_entry {
	u64 start512, n512; /* inside the disk, not empty; in blocks of logical_bytes */
	u32 nr;		    /* from 1 */
	char uuid[37];	    /* PARTUUID; "": none */
	char name[PART_NAME_MAX + 1]; /* PARTNAME: printable ASCII, '!' for what is not */
};

enum part_kind { PART_NONE, PART_GPT, PART_MBR };

struct part_table {
	u8 kind;	   /* enum part_kind */
	bool from_backup;  /* GPT: the first header is damaged */
	u16 n;
	char uuid[37];	   /* of the disk: PTUUID */
	struct part_entry entries[PART_MAX];
};

/*
 * Read what is there into @out. @scratch: PART_SCRATCH bytes, aligned as the source's read wants it.
 * Returns: 0, also when there is no table (PART_NONE); -EIO and the like of the source, when it could not be told.
 */
#define PART_SCRATCH (2u * 65536)
int part_scan(const struct part_source *src, void *scratch, struct part_table *out) MUST_CHECK;

/* The text of a GUID as GPT stores it. */
void part_guid_text(const u8 guid[16], char out[37]);

/* ---- the two formats, for part_scan ---- */

/* 1: it is one; 0: not; -errno. @scratch: PART_SCRATCH. */
int part_scan_gpt(const struct part_source *src, void *scratch, struct part_table *out) MUST_CHECK;
int part_scan_mbr(const struct part_source *src, void *scratch, struct part_table *out) MUST_CHECK;
/* Cut or leave out what is behind the end of the disk, and add it. False: the table is full. */
bool part_add(const struct part_source *src, struct part_table *t, u32 nr, u64 start512, u64 n512);

#define MBR_TYPE_GPT 0xee

struct mbr_entry { /* unaligned, little endian */
	u8 boot, chs_first[3], type, chs_last[3], start[4], count[4];
};
static_assert(sizeof(struct mbr_entry) == 16, "as on the disk");
#define MBR_ENTRIES_AT 446
#define MBR_DISKSIG_AT 440
/* Is there a boot record at @sector with a signature? Its four entries are copied out. */
bool mbr_entries(const u8 *sector, struct mbr_entry out[4]);

static inline u32 part_get32(const u8 *p)
{
	return (u32)(p[0] | p[1] << 8 | p[2] << 16) | (u32)p[3] << 24;
}

static inline u64 part_get64(const u8 *p)
{
	return part_get32(p) | (u64)part_get32(p + 4) << 32;
}
