/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hashes of three strengths:
 *	hash_u32/hash_u64/hash_ptr	one multiplication, for numbers that nobody chooses in
 *malice name_hash			file names, a word at a time, with a secret salt siphash,
 *halfsiphash		keyed functions against chosen input [SipHash, 2012]
 */
#pragma once

#include <lib/types.h>

/* The top @bits of the product with an odd constant near 2^64 / golden ratio; 1 <= @bits. */
static inline u32 hash_u64(u64 x, unsigned bits)
{
	return (u32)(x * 0x9e3779b97f4a7c15ULL >> (64 - bits));
}

static inline u32 hash_u32(u32 x, unsigned bits)
{
	return (u32)(x * 0x9e3779b9U) >> (32 - bits);
}

static inline u32 hash_ptr(const void *p, unsigned bits)
{
	return hash_u64((u64)(unsigned long)p, bits);
}

/* A bijection that mixes all bits into all bits. */
static inline u64 hash_mix64(u64 x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ULL;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ULL;
	return x ^ x >> 32;
}

/*
 * Hash of a name of known length. Equal bytes and salt give equal hashes, nothing else is
 * promised across versions.
 */
u32 name_hash(u64 salt, const char *name, size_t len);

/*
 * Hash the path component at @s, which ends at '/' or NUL, and find its length in the same pass;
 * the hash equals name_hash(salt, s, len). Reads whole words: 8 bytes after the end of the string
 * must be readable.
 */
u32 name_hash_component(u64 salt, const char *s, size_t *out_len);

struct siphash_key {
	u64 k0, k1;
};

struct halfsiphash_key {
	u32 k0, k1;
};

/* SipHash-2-4 with 64 bits of result. */
u64 siphash(const struct siphash_key *key, const void *data, size_t len);
u64 siphash_u64(const struct siphash_key *key, u64 a);
u64 siphash_2u64(const struct siphash_key *key, u64 a, u64 b);

/* HalfSipHash-2-4 with 32 bits of result: for hash tables only. */
u32 halfsiphash(const struct halfsiphash_key *key, const void *data, size_t len);
