/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/hash.h>

#include <lib/bits.h>
#include <lib/endian.h>

#define NAME_MULTIPLIER 0x9e3779b97f4a7c15ULL

#define ONES  0x0101010101010101ULL
#define HIGHS 0x8080808080808080ULL

/* Both halves of the 128-bit product: every bit of the result depends on every bit of @a. */
static __always_inline u64 fold_multiply(u64 a, u64 b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (u64)product ^ (u64)(product >> 64);
}

static __always_inline u64 name_step(u64 h, u64 word)
{
	return fold_multiply(rol64(h, 32) ^ word, NAME_MULTIPLIER);
}

static __always_inline u32 name_finish(u64 h, size_t len)
{
	return (u32)fold_multiply(h ^ len, NAME_MULTIPLIER);
}

/* The last @len < 8 bytes at @p as a little-endian word, without reading beyond them. */
static __always_inline u64 load_tail(const u8 *p, size_t len)
{
	if (len >= 4)
		return load_le32(p) | (u64)load_le32(p + len - 4) << (8 * (len - 4));
	if (len)
		return p[0] | (u64)p[len / 2] << (8 * (len / 2)) |
		       (u64)p[len - 1] << (8 * (len - 1));
	return 0;
}

u32 name_hash(u64 salt, const char *name, size_t len)
{
	const u8 *p = (const u8 *)name;
	size_t left = len;
	u64 h = salt;

	for (; left >= 8; left -= 8, p += 8)
		h = name_step(h, load_le64(p));
	if (left)
		h = name_step(h, load_tail(p, left));
	return name_finish(h, len);
}

/* A mark (0x80) at each zero byte of @w; exact up to the first. */
static __always_inline u64 zero_bytes(u64 w)
{
	return (w - ONES) & ~w & HIGHS;
}

u32 name_hash_component(u64 salt, const char *s, size_t *out_len)
{
	size_t len = 0;
	u64 h = salt;
	u64 w, ends;

	for (;; len += 8) {
		w = load_le64(s + len);
		ends = zero_bytes(w) | zero_bytes(w ^ ('/' * ONES));
		if (ends)
			break;
		h = name_step(h, w);
	}
	ends &= -ends; /* 0x80 at the byte that ends the name: the bytes below it belong to it */
	len += ctz64(ends) / 8;
	w &= (ends >> 7) - 1;
	if (ends != 0x80)
		h = name_step(h, w);
	*out_len = len;
	return name_finish(h, len);
}

struct sip {
	u64 v0, v1, v2, v3;
};

static __always_inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rol64(s->v1, 13) ^ s->v0;
	s->v0 = rol64(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rol64(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rol64(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rol64(s->v1, 17) ^ s->v2;
	s->v2 = rol64(s->v2, 32);
}

static __always_inline struct sip sip_start(const struct siphash_key *key)
{
	return (struct sip){key->k0 ^ 0x736f6d6570736575ULL, key->k1 ^ 0x646f72616e646f6dULL,
		key->k0 ^ 0x6c7967656e657261ULL, key->k1 ^ 0x7465646279746573ULL};
}

static __always_inline void sip_word(struct sip *s, u64 m)
{
	s->v3 ^= m;
	sip_round(s);
	sip_round(s);
	s->v0 ^= m;
}

static __always_inline u64 sip_finish(struct sip *s, u64 tail, size_t len)
{
	sip_word(s, tail | (u64)len << 56);
	s->v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

u64 siphash(const struct siphash_key *key, const void *data, size_t len)
{
	struct sip s = sip_start(key);
	const u8 *p = data;
	size_t left = len;

	for (; left >= 8; left -= 8, p += 8)
		sip_word(&s, load_le64(p));
	return sip_finish(&s, load_tail(p, left), len);
}

u64 siphash_u64(const struct siphash_key *key, u64 a)
{
	struct sip s = sip_start(key);

	sip_word(&s, a);
	return sip_finish(&s, 0, 8);
}

u64 siphash_2u64(const struct siphash_key *key, u64 a, u64 b)
{
	struct sip s = sip_start(key);

	sip_word(&s, a);
	sip_word(&s, b);
	return sip_finish(&s, 0, 16);
}

struct halfsip {
	u32 v0, v1, v2, v3;
};

static __always_inline void halfsip_round(struct halfsip *s)
{
	s->v0 += s->v1;
	s->v1 = rol32(s->v1, 5) ^ s->v0;
	s->v0 = rol32(s->v0, 16);
	s->v2 += s->v3;
	s->v3 = rol32(s->v3, 8) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rol32(s->v3, 7) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rol32(s->v1, 13) ^ s->v2;
	s->v2 = rol32(s->v2, 16);
}

static __always_inline void halfsip_word(struct halfsip *s, u32 m)
{
	s->v3 ^= m;
	halfsip_round(s);
	halfsip_round(s);
	s->v0 ^= m;
}

u32 halfsiphash(const struct halfsiphash_key *key, const void *data, size_t len)
{
	struct halfsip s = {key->k0, key->k1, key->k0 ^ 0x6c796765U, key->k1 ^ 0x74656462U};
	const u8 *p = data;
	size_t left = len;

	for (; left >= 4; left -= 4, p += 4)
		halfsip_word(&s, load_le32(p));
	halfsip_word(&s, (u32)load_tail(p, left) | (u32)len << 24);
	s.v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		halfsip_round(&s);
	return s.v1 ^ s.v3;
}
