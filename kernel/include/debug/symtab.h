/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's own symbol table: which function is at this address?
 *
 * tools/build/gen-symtab writes it into the image between the two links. It is one block of words,
 * read-only, position independent, needing no relocation:
 *
 *	u32 nsyms, nblocks, names_len;
 *	s32 offset[nsyms];	address of symbol i, relative to the table; ascending
 *	u32 block[nblocks];	where in names[] the name of symbol 16 * i starts
 *	char names[names_len];	NUL-terminated, in the order of offset[]
 *
 * The last symbol has an empty name and marks the end of the code. Looking up takes no lock, needs
 * no memory and may be done from any context, a panic included.
 */
#pragma once

#include <lib/types.h>

struct symtab {
	u32 nsyms;
	u32 nblocks;
	u32 names_len;
	s32 offset[];
};

struct symtab_hit {
	const char *name; /* in the table, never freed */
	u64 offset;	  /* of the address within the function */
	u64 size;	  /* of the function, up to the next symbol */
};

/* The table of the running kernel; empty in the first link. */
extern const struct symtab symtab_kernel;

/*
 * Find the function that contains @addr.
 *
 * Context: any.  Returns: false when @addr is outside the code; then @out_hit is untouched.
 */
bool symtab_lookup(const struct symtab *tab, vaddr_t addr, struct symtab_hit *out_hit);

/*
 * Find the address of the function @name: linear, for debuggers and tests.
 *
 * Context: any.  Returns: false when there is none; then @out_addr is untouched.
 */
bool symtab_find(const struct symtab *tab, const char *name, vaddr_t *out_addr);

/* The function number @index, in order of addresses. Context: any.  Returns: false: there are fewer. */
bool symtab_at(const struct symtab *tab, u32 index, const char **out_name, vaddr_t *out_addr);

/* True when counts, order and name blocks fit together within @len_bytes. Context: any. */
bool symtab_check(const struct symtab *tab, u64 len_bytes);
