/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Protection keys of user memory: the register with each key's rights belongs to a thread. It is switched apart from the XSAVE area (XCR0 leaves it
 * out), since it guards the kernel's own accesses to user memory, too, and has to be right whenever the thread runs.
 */
#include <arch/mmu.h>
#include <arch_x86/feature.h>
#include <arch_x86/pkey.h>

unsigned mmu_keys(void)
{
	return cpu_has(F_PKU) ? 16 : 1;
}

void mmu_key_restrict(unsigned key, unsigned rights)
{
	unsigned shift = key * 2;

	if (cpu_has(F_PKU))
		wrpkru((rdpkru() & ~(3u << shift)) | (rights & 3u) << shift);
}

unsigned mmu_key_restrictions(unsigned key)
{
	return cpu_has(F_PKU) ? rdpkru() >> key * 2 & 3 : 0;
}
