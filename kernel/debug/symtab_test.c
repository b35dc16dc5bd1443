/* SPDX-License-Identifier: BSD-2-Clause */
#include <debug/symtab.h>
#include <lib/test.h>

#include <string.h>

#define NSYMS 40

/* A table for functions 100 bytes apart, the first 1000 bytes before the table. */
static struct {
	struct symtab head;
	s32 offset[NSYMS + 1];
	u32 block[3];
	char names[512];
} table __attribute__((__aligned__(4)));

static const struct symtab *make_table(void)
{
	u32 at = 0;

	memset(&table, 0, sizeof(table));
	table.head.nsyms = NSYMS + 1;
	table.head.nblocks = 3;
	for (u32 i = 0; i <= NSYMS; i++) {
		table.offset[i] = (s32)(i * 100) - 1000;
		if (i % 16 == 0)
			table.block[i / 16] = at;
		if (i < NSYMS) {
			table.names[at++] = 'f';
			table.names[at++] = (char)('a' + i / 10);
			table.names[at++] = (char)('0' + i % 10);
		}
		table.names[at++] = '\0';
	}
	table.head.names_len = (at + 3) & ~3U;
	return &table.head;
}

TEST(symtab_finds_every_function)
{
	const struct symtab *tab = make_table();
	vaddr_t base = (vaddr_t)(uintptr_t)tab - 1000;

	for (u32 i = 0; i < NSYMS * 100; i += 7) {
		struct symtab_hit hit = {0};

		REQUIRE(symtab_lookup(tab, base + i, &hit));
		char want[4] = {'f', (char)('a' + i / 1000), (char)('0' + i / 100 % 10), 0};
		CHECK_STR_EQ(hit.name, want);
		CHECK_EQ(hit.offset, i % 100);
		CHECK_EQ(hit.size, 100);
	}
}

TEST(symtab_knows_its_ends)
{
	const struct symtab *tab = make_table();
	vaddr_t base = (vaddr_t)(uintptr_t)tab - 1000;
	struct symtab_hit hit;

	CHECK(!symtab_lookup(tab, base - 1, &hit));
	CHECK(symtab_lookup(tab, base, &hit));
	CHECK(symtab_lookup(tab, base + NSYMS * 100 - 1, &hit));
	CHECK(!symtab_lookup(tab, base + NSYMS * 100, &hit));
	CHECK(!symtab_lookup(tab, 0, &hit));
	CHECK(!symtab_lookup(tab, ~0ULL, &hit));
}

TEST(symtab_empty)
{
	static const struct symtab none;
	struct symtab_hit hit;
	vaddr_t addr;

	CHECK(!symtab_lookup(&none, (vaddr_t)(uintptr_t)&none, &hit));
	CHECK(!symtab_find(&none, "fa0", &addr));
	CHECK(symtab_check(&none, sizeof(none)));
}

TEST(symtab_find_by_name)
{
	const struct symtab *tab = make_table();
	vaddr_t addr = 0;

	REQUIRE(symtab_find(tab, "fb7", &addr));
	CHECK_EQ(addr, (vaddr_t)(uintptr_t)tab - 1000 + 1700);
	CHECK(!symtab_find(tab, "fb", &addr));
	CHECK(!symtab_find(tab, "", &addr));
}

TEST(symtab_check_sees_damage)
{
	const struct symtab *tab = make_table();

	CHECK(symtab_check(tab, sizeof(table)));
	CHECK(!symtab_check(tab, 100));
	table.block[1]++;
	CHECK(!symtab_check(tab, sizeof(table)));
	make_table();
	table.offset[5] = table.offset[4];
	CHECK(!symtab_check(tab, sizeof(table)));
	make_table();
	table.head.names_len = 20;
	CHECK(!symtab_check(tab, sizeof(table)));
}
