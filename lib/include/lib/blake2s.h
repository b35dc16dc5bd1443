/* SPDX-License-Identifier: BSD-2-Clause */
/* BLAKE2s [rfc7693]: a fast cryptographic hash, with or without a key. */
#pragma once

#include <lib/types.h>

#define BLAKE2S_HASH_SIZE  32
#define BLAKE2S_KEY_SIZE   32
#define BLAKE2S_BLOCK_SIZE 64

struct blake2s {
	u32 h[8];
	u64 total; /* bytes compressed so far */
	u8 block[BLAKE2S_BLOCK_SIZE];
	u8 fill;
	u8 hash_len;
};

/* 1 <= @hash_len <= 32, @key_len <= 32; the lengths are part of the hash. */
void blake2s_init(struct blake2s *b, size_t hash_len, const void *key, size_t key_len);
void blake2s_update(struct blake2s *b, const void *data, size_t len);

/* Write the hash; @b holds nothing any more. */
void blake2s_final(struct blake2s *b, u8 *out_hash);

static inline void blake2s(const void *key, size_t key_len, const void *data, size_t len,
	u8 out_hash[BLAKE2S_HASH_SIZE])
{
	struct blake2s b;

	blake2s_init(&b, BLAKE2S_HASH_SIZE, key, key_len);
	blake2s_update(&b, data, len);
	blake2s_final(&b, out_hash);
}
