/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables made here, read back; then the same with random damage, which must neither crash nor read outside.
 */
#include <stdlib.h>
#include <string.h>
#include <lib/errno.h>
#include <lib/test.h>
#include <dev/acpi.h>

#define MEMORY 8192
#define RSDP   0x100
#define XSDT   0x200
#define MADT   0x300
#define FADT   0x500
#define DSDT   0x700
#define SRAT   0x800
#define HPET   0x900
#define MCFG   0xa00
#define SLIT   0xb00

static u8 memory[MEMORY];

/* A copy of exactly @len bytes, so that the sanitizer sees every step beyond. */
static const void *map(paddr_t pa, size_t len)
{
	static void *window;

	if (pa > MEMORY || len > MEMORY - pa)
		return NULL;
	free(window);
	window = malloc(len);
	memcpy(window, memory + pa, len);
	return window;
}

static void put(u32 at, u64 v, unsigned bytes)
{
	memcpy(memory + at, &v, bytes);
}

static void seal(u32 at, u32 len, u32 sum_at)
{
	u8 sum = 0;

	memory[at + sum_at] = 0;
	for (u32 i = 0; i < len; i++)
		sum += memory[at + i];
	memory[at + sum_at] = (u8)-sum;
}

static void table(u32 at, const char *signature, u32 len, u8 revision)
{
	memcpy(memory + at, signature, 4);
	put(at + 4, len, 4);
	memory[at + 8] = revision;
	seal(at, len, 9);
}

static void make_madt(void)
{
	static const u8 entries[] = {
		0, 8, 0, 0, 1, 0, 0, 0,			    /* cpu, apic 0, enabled */
		0, 8, 1, 5, 1, 0, 0, 0,			    /* apic 5 */
		0, 8, 2, 6, 0, 0, 0, 0,			    /* disabled */
		9, 16, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, /* x2apic 256 */
		1, 12, 7, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0,   /* ioapic */
		2, 10, 0, 0, 2, 0, 0, 0, 0, 0,		    /* irq 0 -> gsi 2 */
		2, 10, 0, 9, 9, 0, 0, 0, 0xf, 0,	    /* irq 9: level, low */
	};

	put(MADT + 36, 0xfee00000, 4);
	put(MADT + 40, 1, 4);
	memcpy(memory + MADT + 44, entries, sizeof(entries));
	table(MADT, "APIC", 44 + sizeof(entries), 3);
}

static void make_fadt(void)
{
	static const u8 s5[] = {0x08, '_', 'S', '5', '_', 0x12, 6, 4, 0x0a, 5, 1, 0, 0};

	memcpy(memory + DSDT + 36 + 11, s5, sizeof(s5));
	table(DSDT, "DSDT", 36 + 11 + sizeof(s5), 2);
	put(FADT + 40, DSDT, 4);
	put(FADT + 46, 9, 2);
	put(FADT + 64, 0x604, 4);
	put(FADT + 76, 0x608, 4);
	memory[FADT + 91] = 4;
	put(FADT + 109, 2, 2);
	put(FADT + 112, 1 << 10, 4);
	memory[FADT + 116] = 1;
	memory[FADT + 117] = 8;
	put(FADT + 120, 0xcf9, 8);
	memory[FADT + 128] = 0xf;
	table(FADT, "FACP", 244, 3);
}

static void make_all(void)
{
	static const u8 srat[] = {
		0, 16, 1, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* apic 5 on node 1 */
		1, 40, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0,
	};

	memset(memory, 0, sizeof(memory));
	make_madt();
	make_fadt();
	memcpy(memory + SRAT + 48, srat, sizeof(srat));
	table(SRAT, "SRAT", 48 + sizeof(srat), 3);
	put(HPET + 44, 0xfed00000, 8);
	table(HPET, "HPET", 56, 1);
	put(MCFG + 44, 0xb0000000, 8);
	memory[MCFG + 55] = 255;
	table(MCFG, "MCFG", 60, 1);
	put(SLIT + 36, 2, 8);
	memcpy(memory + SLIT + 44, "\x0a\x15\x15\x0a", 4);
	table(SLIT, "SLIT", 48, 1);
	/* SRAT before MADT: the order must not matter. */
	static const u32 order[] = {SRAT, FADT, MADT, HPET, MCFG, SLIT};
	for (unsigned i = 0; i < 6; i++)
		put(XSDT + 36 + 8 * i, order[i], 8);
	table(XSDT, "XSDT", 36 + 48, 1);
	memcpy(memory + RSDP, "RSD PTR ", 8);
	memory[RSDP + 15] = 2;
	put(RSDP + 20, 36, 4);
	put(RSDP + 24, XSDT, 8);
	seal(RSDP, 20, 8);
	seal(RSDP, 36, 32);
}

TEST(acpi_reads_what_is_there)
{
	static struct acpi_info a;

	make_all();
	REQUIRE(acpi_read(RSDP, map, &a) == 0);
	CHECK_EQ(a.ncpus, 3);
	CHECK_EQ(a.cpus[1].apic_id, 5);
	CHECK_EQ(a.cpus[1].node, 1);
	CHECK_EQ(a.cpus[2].apic_id, 256);
	CHECK_EQ(a.lapic, 0xfee00000);
	CHECK(a.has_8259);
	CHECK_EQ(a.nioapics, 1);
	CHECK_EQ(a.ioapics[0].addr, 0xfec00000);
	CHECK(a.isa[0].present && a.isa[0].gsi == 2 && !a.isa[0].level && !a.isa[0].low);
	CHECK(a.isa[9].present && a.isa[9].level && a.isa[9].low);
	CHECK_EQ(a.pm1a_control.addr, 0x604);
	CHECK_EQ(a.pm_timer.addr, 0x608);
	CHECK(a.has_reset && a.reset.is_io && a.reset.addr == 0xcf9 && a.reset_value == 0xf);
	CHECK(a.has_s5 && a.s5_type_a == 5 && a.s5_type_b == 1);
	CHECK(!a.no_8042 && !a.hardware_reduced);
	CHECK_EQ(a.hpet, 0xfed00000);
	CHECK_EQ(a.necam, 1);
	CHECK_EQ(a.ecam[0].last_bus, 255);
	CHECK_EQ(a.nnodes, 2);
	CHECK_EQ(a.nmemory, 1);
	CHECK_EQ(a.distance[0][1], 0x15);
}

TEST(acpi_needs_a_root)
{
	static struct acpi_info a;

	make_all();
	memory[RSDP + 9] ^= 1;
	CHECK_EQ((u64)acpi_read(RSDP, map, &a), (u64)-ENOENT);
	CHECK(!a.present && !a.ncpus);
	make_all();
	memory[XSDT + 10] ^= 1;
	CHECK_EQ((u64)acpi_read(RSDP, map, &a), (u64)-ENOENT);
	CHECK_EQ((u64)acpi_read(MEMORY + 5, map, &a), (u64)-ENOENT);
}

/* Every checksum right again after the damage, so that it reaches the readers. */
TEST(acpi_survives_damage)
{
	static const struct {
		u32 at, len;
	} tables[] = {{MADT, 0x100}, {FADT, 0x100}, {DSDT, 0x80}, {SRAT, 0x80}, {HPET, 0x40}, {MCFG, 0x40}, {SLIT, 0x40}, {XSDT, 0x60}};
	static struct acpi_info a;

	for (u64 round = test_rounds(20000); round; round--) {
		make_all();
		for (u64 n = 1 + test_rand_below(4); n; n--) {
			u64 t = test_rand_below(8);
			u32 len;

			memory[tables[t].at + test_rand_below(tables[t].len)] = (u8)test_rand();
			memcpy(&len, memory + tables[t].at + 4, 4);
			if (len >= 36 && tables[t].at + (u64)len <= MEMORY)
				seal(tables[t].at, len, 9);
		}
		if (!acpi_read(RSDP, map, &a)) {
			CHECK(a.ncpus <= ACPI_MAX_CPUS && a.nmemory <= ACPI_MAX_MEMORY);
			CHECK(a.nnodes <= ACPI_MAX_NODES && a.nioapics <= ACPI_MAX_IOAPICS && a.necam <= ACPI_MAX_ECAM);
		}
	}
}
