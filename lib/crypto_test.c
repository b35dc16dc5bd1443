/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/blake2s.h>
#include <lib/chacha20.h>
#include <lib/sha256.h>

#include <stdio.h>
#include <string.h>

#include <lib/test.h>

static const char *hex(const u8 *p, size_t len)
{
	static char text[2 * 64 + 1];

	for (size_t i = 0; i < len; i++)
		sprintf(text + 2 * i, "%02x", p[i]);
	return text;
}

/* The bytes 0, 1, 2, ... */
static const u8 *counted(void)
{
	static u8 data[256];

	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = (u8)i;
	return data;
}

/* [rfc8439 2.3.2] */
TEST(chacha20_block_vector)
{
	static const u8 nonce[12] = {0, 0, 0, 9, 0, 0, 0, 0x4a};
	struct chacha20 c;
	u8 out[64];

	chacha20_init(&c, counted(), nonce, 1);
	chacha20_block(&c, out);
	CHECK_STR_EQ(hex(out, 64),
		"10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
		"d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e");
	CHECK_EQ(c.state[12], 2);
}

/* [rfc8439 2.4.2], its beginning */
TEST(chacha20_xor_vector)
{
	static const char text[] =
		"Ladies and Gentlemen of the class of '99: If I could offer you only "
		"one tip for the future, sunscreen would be it.";
	static const u8 nonce[12] = {0, 0, 0, 0, 0, 0, 0, 0x4a};
	struct chacha20 c;
	u8 out[sizeof(text) - 1];

	chacha20_init(&c, counted(), nonce, 1);
	chacha20_xor(&c, out, text, sizeof(out));
	CHECK_EQ(sizeof(out), 114);
	CHECK_STR_EQ(hex(out, 16), "6e2e359a2568f98041ba0728dd0d6981");
	chacha20_init(&c, counted(), nonce, 1);
	chacha20_xor(&c, out, out, sizeof(out));
	CHECK_MEM_EQ(out, text, sizeof(out));
}

TEST(chacha20_stream_is_xor_with_zero)
{
	u8 stream[200], zero[200] = {0}, out[200];
	struct chacha20 a, b;

	for (size_t len = 0; len <= 200; len++) {
		chacha20_init(&a, counted(), counted(), (u32)len);
		chacha20_init(&b, counted(), counted(), (u32)len);
		chacha20_stream(&a, stream, len);
		chacha20_xor(&b, out, zero, len);
		CHECK_MEM_EQ(stream, out, len);
		CHECK_EQ(a.state[12], b.state[12]);
	}
}

static const struct {
	size_t len;
	const char *blake2s, *sha256;
} counted_hashes[] = {
	{0, "69217a3079908094e11121d042354a7c1f55b6482ca1a51e1b250dfd1ed0eef9",
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	{3, "e8f91c6ef232a041452ab0e149070cdd7dd1769e75b3a5921be37876c45c9900",
		"ae4b3280e56e2faf83f414a6e3dabe9d5fbe18976544c05fed121accb85b53fc"},
	{64, "56f34e8b96557e90c1f24b52d0c89d51086acf1b00f634cf1dde9233b8eaaa3e",
		"fdeab9acf3710362bd2658cdc9a29e8f9c757fcf9811603a8c447cd1d9151108"},
	{65, "1b53ee94aaf34e4b159d48de352c7f0661d0a40edff95a0b1639b4090e974472",
		"4bfd2c8b6f1eec7a2afeb48b934ee4b2694182027e6d0fc075074f2fabb31781"},
	{200, "6d244e1a06ce4ef578dd0f63aff0936706735119ca9c8d22d86c801414ab9741",
		"1901da1c9f699b48f6b2636e65cbf73abf99d0441ef67f5c540a42f7051dec6f"},
};

TEST(hashes_of_counted_bytes)
{
	u8 hash[32];

	for (unsigned i = 0; i < ARRAY_SIZE(counted_hashes); i++) {
		blake2s(NULL, 0, counted(), counted_hashes[i].len, hash);
		CHECK_STR_EQ(hex(hash, 32), counted_hashes[i].blake2s);
		sha256(counted(), counted_hashes[i].len, hash);
		CHECK_STR_EQ(hex(hash, 32), counted_hashes[i].sha256);
	}
	/* [FIPS 180-4, rfc7693 appendix B] */
	sha256("abc", 3, hash);
	CHECK_STR_EQ(
		hex(hash, 32), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	blake2s(NULL, 0, "abc", 3, hash);
	CHECK_STR_EQ(
		hex(hash, 32), "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982");
}

TEST(blake2s_key_and_length)
{
	struct blake2s b;
	u8 hash[32];

	memset(hash, 0, sizeof(hash));
	blake2s_init(&b, 16, counted(), 32);
	blake2s_update(&b, "abc", 3);
	blake2s_final(&b, hash);
	CHECK_STR_EQ(hex(hash, 17), "61ba5f165c194692e09d12520cc4c74a00");
}

TEST(hashes_in_pieces)
{
	static u8 data[500];

	for (u64 round = 0; round < test_rounds(300); round++) {
		size_t len = test_rand_below(sizeof(data));
		u8 whole[32], pieces[32];
		struct blake2s b;
		struct sha256 s;

		for (size_t i = 0; i < len; i++)
			data[i] = (u8)test_rand();
		blake2s_init(&b, 32, data, round % 33);
		sha256_init(&s);
		for (size_t at = 0, n; at < len; at += n) {
			n = min(len - at, (size_t)(1 + test_rand_below(150)));
			blake2s_update(&b, data + at, n);
			sha256_update(&s, data + at, n);
		}
		blake2s(data, round % 33, data, len, whole);
		blake2s_final(&b, pieces);
		CHECK_MEM_EQ(pieces, whole, 32);
		sha256(data, len, whole);
		sha256_final(&s, pieces);
		CHECK_MEM_EQ(pieces, whole, 32);
	}
}
