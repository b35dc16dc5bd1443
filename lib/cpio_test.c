/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz/cpio.c"

#include <stdio.h>
#include <string.h>

#include <lib/errno.h>
#include <lib/test.h>

static u8 image[65536];
static size_t image_len;

static void put(const void *data, size_t len)
{
	memcpy(image + image_len, data, len);
	image_len += len;
}

static void pad(void)
{
	while (image_len % 4)
		image[image_len++] = 0;
}

/* Archives must begin at a multiple of 4 of the image, as these helpers pad by it. */
static void put_entry(int magic, u32 ino, u32 mode, const char *name, const void *data, u32 len)
{
	char header[CPIO_HEADER_SIZE + 1];
	u32 sum = 0;

	for (u32 i = 0; i < len; i++)
		sum += ((const u8 *)data)[i];
	snprintf(header, sizeof(header),
		"07070%d%08x%08X%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", magic, ino, mode,
		1000, 1001, 1, 0x5f000000, len, 8, 1, 4, 64, (u32)strlen(name) + 1,
		magic == 2 ? sum : 0);
	put(header, CPIO_HEADER_SIZE);
	put(name, strlen(name) + 1);
	pad();
	put(data, len);
	pad();
}

static void put_trailer(void)
{
	put_entry(1, 0, 0, "TRAILER!!!", "", 0);
}

/* The events of the whole image as text. */
static const char *events(void)
{
	static char text[3 * CPIO_NAME_MAX];
	static struct cpio c;
	size_t n = 0;
	struct cpio_event ev;
	int err;

	cpio_init(&c);
	cpio_feed(&c, image, image_len);
	text[0] = '\0';
	while ((err = cpio_next(&c, &ev)) == 0 && ev.type != CPIO_NEED_INPUT) {
		if (ev.type == CPIO_ENTRY)
			n += (size_t)sprintf(
				text + n, "%s %o %u:", c.name, c.entry.mode, c.entry.ino);
		else if (ev.type == CPIO_DATA)
			n += (size_t)sprintf(text + n, "%.*s", (int)ev.len, ev.data);
		else if (ev.type == CPIO_ENTRY_END)
			n += (size_t)sprintf(text + n, ";");
		else
			n += (size_t)sprintf(text + n, ev.type == CPIO_TRAILER ? "END;" : "?");
		if (ev.type == CPIO_FOREIGN)
			return text;
	}
	if (!err)
		err = cpio_finish(&c);
	if (err)
		sprintf(text + n, "err %d", err);
	return text;
}

TEST(cpio_one_archive)
{
	image_len = 0;
	put_entry(1, 7, 0100644, "file", "contents", 8);
	put_entry(1, 8, 040755, "dir", "", 0);
	put_entry(1, 9, 0120777, "dir/link", "../x", 4);
	put_entry(2, 10, 0100600, "summed", "abc", 3);
	put_trailer();
	CHECK_STR_EQ(events(), "file 100644 7:contents;dir 40755 8:;dir/link 120777 9:../x;"
			       "summed 100600 10:abc;END;");
}

TEST(cpio_fields)
{
	static struct cpio c;
	struct cpio_event ev;

	image_len = 0;
	put_entry(1, 0xabcdef01, 020600, "n", "", 0);
	cpio_init(&c);
	cpio_feed(&c, image, image_len);
	REQUIRE(cpio_next(&c, &ev) == 0 && ev.type == CPIO_ENTRY);
	CHECK_EQ(c.entry.ino, 0xabcdef01U);
	CHECK_EQ(c.entry.uid, 1000);
	CHECK_EQ(c.entry.gid, 1001);
	CHECK_EQ(c.entry.nlink, 1);
	CHECK_EQ(c.entry.mtime, 0x5f000000);
	CHECK_EQ(c.entry.dev_major, 8);
	CHECK_EQ(c.entry.dev_minor, 1);
	CHECK_EQ(c.entry.rdev_major, 4);
	CHECK_EQ(c.entry.rdev_minor, 64);
	REQUIRE(cpio_next(&c, &ev) == 0 && ev.type == CPIO_ENTRY_END);
	REQUIRE(cpio_next(&c, &ev) == 0 && ev.type == CPIO_NEED_INPUT);
	CHECK_EQ(cpio_finish(&c), -ENODATA);
}

TEST(cpio_concatenated)
{
	static const u8 zeros[512];

	image_len = 0;
	put(zeros, 4);
	put_entry(1, 1, 0100644, "a", "1", 1);
	put_trailer();
	put(zeros, 512);
	put_entry(1, 1, 0100644, "b", "2", 1);
	put_trailer();
	CHECK_STR_EQ(events(), "a 100644 1:1;END;b 100644 1:2;END;");
	put("\x1f\x8b\x08", 3);
	CHECK_STR_EQ(events(), "a 100644 1:1;END;b 100644 1:2;END;?");
	image_len = 0;
	CHECK_STR_EQ(events(), "");
	put(zeros, 3);
	CHECK_STR_EQ(events(), "");
}

/* Names that begin as the trailer does, and the other way round. */
TEST(cpio_almost_trailer)
{
	image_len = 0;
	put_entry(1, 1, 0100644, "TRAILER!!!x", "", 0);
	put_entry(1, 1, 0100644, "TRAILER", "", 0);
	put_trailer();
	CHECK_STR_EQ(events(), "TRAILER!!!x 100644 1:;TRAILER 100644 1:;END;");
}

TEST(cpio_bad)
{
	char text[32];

	sprintf(text, "err %d", -EBADMSG);
	image_len = 0;
	put_entry(3, 1, 0100644, "a", "", 0);
	CHECK_STR_EQ(events(), text);
	image_len = 0;
	put_entry(1, 1, 0100644, "", "", 0);
	CHECK_STR_EQ(events(), text);
	image_len = 0;
	put_entry(1, 1, 0100644, "a", "", 0);
	image[20] = 'g';
	CHECK_STR_EQ(events(), text);
	image_len = 0;
	put_entry(1, 1, 0100644, "a", "", 0);
	image[CPIO_HEADER_SIZE + 1] = 'x'; /* no NUL */
	CHECK_STR_EQ(events(), text);
	image_len = 0;
	put_entry(2, 1, 0100644, "a", "data", 4);
	image[image_len - 1] ^= 1;
	sprintf(text, "a 100644 1:dat%cerr %d", 'a' ^ 1, -EBADMSG);
	CHECK_STR_EQ(events(), text);
	image_len = 0;
	put_entry(1, 1, 0100644, "a", "", 0);
	memcpy(image + 6 + 11 * 8, "00001001", 8);
	sprintf(text, "err %d", -ENAMETOOLONG);
	CHECK_STR_EQ(events(), text);
}

TEST(cpio_random_and_mutated)
{
	static u8 file[sizeof(image) + 1];
	static char data[600], name[300];

	for (u64 round = 0; round < test_rounds(300); round++) {
		image_len = 0;
		for (u64 n = test_rand_below(12); n; n--) {
			u32 len = (u32)test_rand_below(1ULL << test_rand_below(10));
			size_t name_len = 1 + test_rand_below(1ULL << test_rand_below(9));

			for (u32 i = 0; i < len && i < sizeof(data); i++)
				data[i] = (char)test_rand();
			for (size_t i = 0; i < name_len && i < sizeof(name); i++)
				name[i] = (char)('a' + test_rand_below(26));
			name[min(name_len, sizeof(name) - 1)] = '\0';
			put_entry(1 + (int)test_rand_below(2), 1, 0100644, name, data,
				min(len, (u32)sizeof(data)));
			if (test_rand_below(8) == 0)
				put_trailer();
		}
		file[0] = (u8)test_rand();
		memcpy(file + 1, image, image_len);
		LLVMFuzzerTestOneInput(file, image_len + 1);
		CHECK(fuzz_walk(image, image_len, 7).err == 0);
		for (int i = 0; i < 10 && image_len; i++) {
			file[1 + test_rand_below(image_len)] ^= (u8)(1 << test_rand_below(8));
			LLVMFuzzerTestOneInput(file, 1 + test_rand_below(image_len + 1));
		}
	}
	CHECK(true);
}
