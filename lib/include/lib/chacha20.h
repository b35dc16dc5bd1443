/* SPDX-License-Identifier: BSD-2-Clause */
/* The ChaCha20 stream cipher [rfc8439 2.3, 2.4]; time does not depend on key or data. */
#pragma once

#include <lib/types.h>

#define CHACHA20_KEY_SIZE   32
#define CHACHA20_NONCE_SIZE 12
#define CHACHA20_BLOCK_SIZE 64

struct chacha20 {
	u32 state[16]; /* constants, key, block counter, nonce */
};

void chacha20_init(struct chacha20 *c, const u8 key[CHACHA20_KEY_SIZE],
	const u8 nonce[CHACHA20_NONCE_SIZE], u32 counter);

/* The next block of key stream. */
void chacha20_block(struct chacha20 *c, u8 out[CHACHA20_BLOCK_SIZE]);

/*
 * The next @len bytes of key stream, or the same exclusive or @src (which may be @dst). What is
 * left of the last block is lost: only the last call for a message may have a length that is not a
 * multiple of the block.
 */
void chacha20_stream(struct chacha20 *c, void *dst, size_t len);
void chacha20_xor(struct chacha20 *c, void *dst, const void *src, size_t len);
