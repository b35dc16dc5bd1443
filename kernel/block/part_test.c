/* SPDX-License-Identifier: BSD-2-Clause */
#include "part.h"
#include <stdlib.h>
#include <lib/crc.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <lib/test.h>

#define DISK (8u << 20)

static u8 *disk;
static u8 scratch[PART_SCRATCH];
static struct part_table table;
static u64 fail_at;

static int read_disk(void *ctx, u64 pos, void *buf, u32 len)
{
	CHECK(pos + len <= DISK);
	if (fail_at && pos <= fail_at && fail_at < pos + len)
		return -EIO;
	memcpy(buf, disk + pos, len);
	return 0;
}

static int scan(u32 block)
{
	const struct part_source src = {NULL, read_disk, DISK / 512, block};

	return part_scan(&src, scratch, &table);
}

static void put(u8 *p, u64 v, int n)
{
	for (int i = 0; i < n; i++)
		p[i] = (u8)(v >> 8 * i);
}

static void fresh(void)
{
	if (!disk)
		disk = malloc(DISK);
	memset(disk, 0, DISK);
	fail_at = 0;
}

static void mbr_entry(u64 at512, int i, u8 type, u32 start, u32 count)
{
	u8 *e = disk + at512 * 512 + MBR_ENTRIES_AT + 16 * i;

	e[4] = type;
	put(e + 8, start, 4);
	put(e + 12, count, 4);
	disk[at512 * 512 + 510] = 0x55;
	disk[at512 * 512 + 511] = 0xaa;
}

static void gpt_header(u32 block, u64 lba, u64 other, u64 entries_lba)
{
	u8 *h = disk + lba * block;
	u32 n = 128;

	memcpy(h, "EFI PART", 8);
	put(h + 8, 0x10000, 4);
	put(h + 12, 92, 4);
	put(h + 24, lba, 8);
	put(h + 32, other, 8);
	put(h + 40, 34, 8);
	put(h + 48, DISK / block - 34, 8);
	memset(h + 56, 0xab, 16);
	put(h + 72, entries_lba, 8);
	put(h + 80, n, 4);
	put(h + 84, 128, 4);
	put(h + 88, crc32(disk + entries_lba * block, n * 128), 4);
	put(h + 16, 0, 4);
	put(h + 16, crc32(h, 92), 4);
}

static void gpt_entry(u64 pos, int i, u64 first, u64 last, const char *name)
{
	u8 *e = disk + pos + 128 * i;

	memset(e, 0x11, 16);
	for (int k = 0; k < 16; k++)
		e[16 + k] = (u8)(k + 1);
	put(e + 32, first, 8);
	put(e + 40, last, 8);
	for (int k = 0; name[k]; k++)
		put(e + 56 + 2 * k, (u8)name[k], 2);
}

static void gpt_disk(u32 block)
{
	u64 last = DISK / block - 1, back = last - 128 * 128 / block;

	fresh();
	mbr_entry(0, 0, MBR_TYPE_GPT, 1, 0xffffffff);
	for (int copy = 0; copy < 2; copy++) {
		u64 pos = (copy ? back : 2) * block;

		gpt_entry(pos, 0, 40, 99, "root");
		gpt_entry(pos, 2, 100, 100, "b\x01z");
		gpt_entry(pos, 3, 100, DISK, "outside");
		gpt_entry(pos, 4, 99, 98, "nothing");
	}
	gpt_header(block, 1, last, 2);
	gpt_header(block, last, 1, back);
}

static void expect_gpt(u32 block, bool backup)
{
	u64 unit = block / 512;

	CHECK_EQ(scan(block), 0);
	CHECK_EQ(table.kind, PART_GPT);
	CHECK_EQ(table.from_backup, backup);
	CHECK_EQ(table.n, 2);
	CHECK_EQ(table.entries[0].nr, 1);
	CHECK_EQ(table.entries[0].start512, 40 * unit);
	CHECK_EQ(table.entries[0].n512, 60 * unit);
	CHECK_STR_EQ(table.entries[0].uuid, "04030201-0605-0807-090a-0b0c0d0e0f10");
	CHECK_STR_EQ(table.entries[0].name, "root");
	CHECK_EQ(table.entries[1].nr, 3);
	CHECK_STR_EQ(table.entries[1].name, "b!z");
	CHECK_STR_EQ(table.uuid, "abababab-abab-abab-abab-abababababab");
}

TEST(part_gpt)
{
	for (u32 block = 512; block <= 4096; block *= 8) {
		gpt_disk(block);
		expect_gpt(block, false);
	}
}

TEST(part_gpt_backup)
{
	gpt_disk(512);
	disk[512 + 60] ^= 1; /* a header with a wrong sum */
	expect_gpt(512, true);
	gpt_disk(512);
	disk[1024 + 5 * 128] ^= 1; /* an entry */
	expect_gpt(512, true);
	gpt_disk(512);
	fail_at = 512; /* a bad sector */
	expect_gpt(512, true);
	gpt_disk(512);
	disk[512] = disk[DISK - 512] = 0;
	CHECK_EQ(scan(512), 0);
	CHECK_EQ(table.kind, PART_NONE);
	CHECK_EQ(table.n, 0);
	gpt_disk(512);
	disk[510] = 0; /* without its protection it is none */
	CHECK_EQ(scan(512), 0);
	CHECK_EQ(table.kind, PART_NONE);
}

TEST(part_mbr)
{
	fresh();
	put(disk + MBR_DISKSIG_AT, 0xdeadbeef, 4);
	mbr_entry(0, 0, 0x83, 2048, 1000);
	mbr_entry(0, 1, 0x05, 4096, 4000);
	mbr_entry(0, 3, 0x82, 9000, 1u << 30); /* cut at the end of the disk */
	mbr_entry(4096, 0, 0x83, 10, 100);
	mbr_entry(4096, 1, 0x05, 500, 200);
	mbr_entry(4596, 0, 0x83, 10, 90);
	CHECK_EQ(scan(512), 0);
	CHECK_EQ(table.kind, PART_MBR);
	CHECK_EQ(table.n, 5);
	CHECK_STR_EQ(table.uuid, "deadbeef");
	CHECK_EQ(table.entries[0].start512, 2048);
	CHECK_STR_EQ(table.entries[0].uuid, "deadbeef-01");
	CHECK_EQ(table.entries[1].n512, 2);
	CHECK_EQ(table.entries[2].nr, 4);
	CHECK_EQ(table.entries[2].n512, DISK / 512 - 9000);
	CHECK_EQ(table.entries[3].nr, 5);
	CHECK_EQ(table.entries[3].start512, 4106);
	CHECK_EQ(table.entries[4].nr, 6);
	CHECK_EQ(table.entries[4].start512, 4606);
	CHECK_STR_EQ(table.entries[4].uuid, "deadbeef-06");
}

TEST(part_mbr_broken)
{
	fresh();
	mbr_entry(0, 0, 0x05, 100, 1000);
	mbr_entry(100, 0, 0x83, 1, 10);
	mbr_entry(100, 1, 0x05, 0, 1000); /* a chain that turns back */
	CHECK_EQ(scan(512), 0);
	CHECK(table.n <= 101);
	fresh();
	mbr_entry(0, 0, 0x83, 100, 1000);
	disk[MBR_ENTRIES_AT] = 0x12;
	CHECK_EQ(scan(512), 0);
	CHECK_EQ(table.kind, PART_NONE);
	fresh();
	fail_at = 1;
	CHECK_EQ(scan(512), -EIO);
	fresh();
	mbr_entry(0, 0, 0x83, ~0u, ~0u);
	CHECK_EQ(scan(512), 0);
	CHECK_EQ(table.n, 0);
}
