/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CBMC: a table that symtab_check accepts is never read outside its bytes, whatever the address, and a hit
 * contains the address. Tables of up to 3 symbols and 12 bytes of names, all contents.
 *
 * sources: kernel/debug/symtab.c
 * cbmc: --function check_lookup --unwind 14 --unwinding-assertions --bounds-check --pointer-check
 * cbmc: --signed-overflow-check --no-standard-checks
 */
#include <debug/symtab.h>

#define WORDS 10

struct symtab_hit nondet_hit(void);
u32 nondet_u32(void);
u64 nondet_u64(void);
void check_lookup(void);

void check_lookup(void)
{
	static u32 words[WORDS];
	const struct symtab *tab = (const struct symtab *)words;
	vaddr_t base = (vaddr_t)(uintptr_t)tab;
	vaddr_t addr = base + nondet_u64();
	struct symtab_hit hit = nondet_hit();

	for (int i = 0; i < WORDS; i++)
		words[i] = nondet_u32();
	__CPROVER_assume(tab->nsyms <= 3 && tab->nblocks <= 1 && tab->names_len <= 12);
	__CPROVER_assume(symtab_check(tab, sizeof(words)));
	if (symtab_lookup(tab, addr, &hit)) {
		__CPROVER_assert(hit.offset < hit.size, "the address is inside the function");
		__CPROVER_assert(hit.name >= (const char *)words, "the name is in the table");
		__CPROVER_assert(hit.name < (const char *)words + sizeof(words), "and not behind it");
	}
}
