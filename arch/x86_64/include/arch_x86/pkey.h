/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The rights register of protection keys [intel-sdm 3A 4.6.2]: two bits a key, access and write disabled.
 */
#include <lib/types.h>

#define PKRU_INITIAL   0x55555554u /* of a new program: memory of key 0 only */
#define PKRU_COMPONENT 9	   /* its number in an XSAVE area */

static inline u32 rdpkru(void)
{
	u32 value, zero;

	__asm__ volatile("rdpkru" : "=a"(value), "=d"(zero) : "c"(0));
	return value;
}

static inline void wrpkru(u32 value)
{
	__asm__ volatile("wrpkru" ::"a"(value), "c"(0), "d"(0) : "memory");
}
