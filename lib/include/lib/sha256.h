/* SPDX-License-Identifier: BSD-2-Clause */
/* SHA-256 [FIPS 180-4]. */
#pragma once

#include <lib/types.h>

#define SHA256_HASH_SIZE  32
#define SHA256_BLOCK_SIZE 64

struct sha256 {
	u32 h[8];
	u64 total; /* bytes */
	u8 block[SHA256_BLOCK_SIZE];
};

void sha256_init(struct sha256 *s);
void sha256_update(struct sha256 *s, const void *data, size_t len);

/* Write the hash; @s holds nothing any more. */
void sha256_final(struct sha256 *s, u8 out_hash[SHA256_HASH_SIZE]);

static inline void sha256(const void *data, size_t len, u8 out_hash[SHA256_HASH_SIZE])
{
	struct sha256 s;

	sha256_init(&s);
	sha256_update(&s, data, len);
	sha256_final(&s, out_hash);
}
