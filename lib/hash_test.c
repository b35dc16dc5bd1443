/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/hash.h>

#include <stdio.h>
#include <string.h>

#include <lib/test.h>

/* [SipHash, 2012, appendix A] and the first and last vectors of the authors' reference
 * implementation. */
TEST(siphash_vectors)
{
	struct siphash_key key = {0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};
	u8 data[64];

	for (u8 i = 0; i < sizeof(data); i++)
		data[i] = i;
	CHECK_EQ(siphash(&key, data, 0), 0x726fdb47dd0e0e31ULL);
	CHECK_EQ(siphash(&key, data, 1), 0x74f839c593dc67fdULL);
	CHECK_EQ(siphash(&key, data, 15), 0xa129ca6149be45e5ULL);
	CHECK_EQ(siphash(&key, data, 63), 0x958a324ceb064572ULL);
}

TEST(halfsiphash_vectors)
{
	struct halfsiphash_key key = {0x03020100U, 0x07060504U};
	u8 data[4] = {0, 1, 2, 3};

	CHECK_EQ(halfsiphash(&key, data, 0), 0x5b9f35a9U);
	CHECK_EQ(halfsiphash(&key, data, 1), 0xb85a4727U);
}

TEST(siphash_words_are_bytes)
{
	for (u64 i = 0; i < test_rounds(500); i++) {
		struct siphash_key key = {test_rand(), test_rand()};
		u64 w[2] = {test_rand(), test_rand()};

		CHECK_EQ(siphash_u64(&key, w[0]), siphash(&key, w, 8));
		CHECK_EQ(siphash_2u64(&key, w[0], w[1]), siphash(&key, w, 16));
	}
}

TEST(name_hash_component_is_name_hash)
{
	static char path[96 + 8];

	for (u64 i = 0; i < test_rounds(20000); i++) {
		size_t start = test_rand_below(8), len = test_rand_below(80), got;
		u64 salt = test_rand();

		for (size_t j = 0; j < sizeof(path); j++) {
			path[j] = (char)test_rand();
			if (j >= start && j < start + len && (path[j] == '/' || !path[j]))
				path[j] = '0';
		}
		path[start + len] = test_rand_below(2) ? '/' : '\0';
		CHECK_EQ(name_hash_component(salt, path + start, &got),
			name_hash(salt, path + start, len));
		CHECK_EQ(got, len);
	}
}

/* Low and high bits of the hashes of similar names fill 1 Ki buckets about as evenly as chance. */
static void check_spread(const char *format)
{
	static u32 low[1024], high[1024];
	u64 low_square = 0, high_square = 0;

	memset(low, 0, sizeof(low));
	memset(high, 0, sizeof(high));
	for (unsigned i = 0; i < 65536; i++) {
		char name[32];
		u32 h = name_hash(12345, name, (size_t)snprintf(name, sizeof(name), format, i));

		low[h % 1024]++;
		high[h >> 22]++;
	}
	for (unsigned i = 0; i < 1024; i++) {
		low_square += (u64)low[i] * low[i];
		high_square += (u64)high[i] * high[i];
	}
	/* Mean 64 in each: the sum over buckets is 64 (65536 + chi-square), by chance 1023 +- 45.
	 */
	CHECK(low_square / 64 < 65536 + 1300);
	CHECK(high_square / 64 < 65536 + 1300);
}

TEST(name_hash_spreads)
{
	check_spread("%u");
	check_spread("file%04x.txt");
	check_spread("%08x");
	check_spread("%x.o");
	check_spread("/tmp/long-prefix/%05u-x");
}

TEST(hash_numbers_in_range)
{
	bool seen[16] = {false};

	for (u64 i = 0; i < 64; i++) {
		CHECK(hash_u64(i << 12, 4) < 16 && hash_u32((u32)i << 12, 4) < 16);
		seen[hash_u64(i << 12, 4)] = true;
	}
	for (int i = 0; i < 16; i++)
		CHECK(seen[i]);
	CHECK(hash_mix64(1) != hash_mix64(2));
	CHECK(hash_ptr(seen, 10) < 1024);
}
