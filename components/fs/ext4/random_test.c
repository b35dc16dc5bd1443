/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random changes of files beside a model of what they hold; then e2fsck, and all is read again.
 * Attributes and orphans too.
 */
#include "client.h"
#include "image.h"
#include <stdio.h>
#include <stdlib.h>
#include <lib/test.h>
#include <linux/falloc.h>
#include <linux/xattr.h>

#define FILES 4
#define MAX   (600u * 1024)

struct model {
	u8 *data[FILES];
	u64 size[FILES], node[FILES];
	u32 bs;
};

static void make_files(struct client *c, struct model *m)
{
	for (u32 i = 0; i < FILES; i++) {
		struct fsys_attr a;
		char name[16];

		snprintf(name, sizeof(name), "f%u", i);
		CHECK_EQ(client_create(c, name, 0100644, &a), 0);
		m->node[i] = a.node;
		m->data[i] = calloc(1, 2 * MAX);
		m->size[i] = 0;
	}
}

static int falloc(struct client *c, u64 node, u32 mode, u64 off, u64 len)
{
	struct fsys_cred who = client_cred(c);

	return ext4_ops.fallocate(c->self, node, mode, off, len, &who);
}

static void do_write(struct client *c, struct model *m, u32 i)
{
	u64 off = test_rand_below(MAX - 1);
	u32 len =
		1 + (u32)test_rand_below(min_t(u64, MAX - off, test_rand_below(2) ? 3000 : 100000));
	u8 *data = malloc(len);

	for (u32 k = 0; k < len; k++)
		data[k] = (u8)test_rand();
	CHECK_EQ(client_write(c, m->node[i], off, data, len), 0);
	memcpy(m->data[i] + off, data, len);
	m->size[i] = max(m->size[i], off + len);
	free(data);
}

static void do_truncate(struct client *c, struct model *m, u32 i)
{
	u64 size = test_rand_below(MAX);

	CHECK_EQ(client_truncate(c, m->node[i], size), 0);
	if (size < m->size[i])
		memset(m->data[i] + size, 0, m->size[i] - size);
	m->size[i] = size;
}

static void do_falloc(struct client *c, struct model *m, u32 i)
{
	u64 off = test_rand_below(MAX / 2), len = 1 + test_rand_below(MAX / 4), *size = &m->size[i];
	u8 *d = m->data[i];

	switch (test_rand_below(5)) {
	case 0:
		CHECK_EQ(falloc(c, m->node[i], 0, off, len), 0);
		*size = max(*size, off + len);
		break;
	case 1:
		CHECK_EQ(
			falloc(c, m->node[i], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, len),
			0);
		memset(d + off, 0, len);
		break;
	case 2:
		CHECK_EQ(falloc(c, m->node[i], FALLOC_FL_ZERO_RANGE, off, len), 0);
		memset(d + off, 0, len);
		*size = max(*size, off + len);
		break;
	case 3:
		off &= ~(u64)(m->bs - 1);
		len = align_up(len, (u64)m->bs);
		if (off + len >= *size) {
			CHECK_EQ(
				falloc(c, m->node[i], FALLOC_FL_COLLAPSE_RANGE, off, len), -EINVAL);
			break;
		}
		CHECK_EQ(falloc(c, m->node[i], FALLOC_FL_COLLAPSE_RANGE, off, len), 0);
		memmove(d + off, d + off + len, *size - off - len);
		memset(d + *size - len, 0, len);
		*size -= len;
		break;
	default:
		off &= ~(u64)(m->bs - 1);
		len = min(align_up(len, (u64)m->bs),
			(MAX - min_t(u64, MAX, *size)) & ~(u64)(m->bs - 1));
		if (off >= *size || !len)
			break;
		CHECK_EQ(falloc(c, m->node[i], FALLOC_FL_INSERT_RANGE, off, len), 0);
		memmove(d + off + len, d + off, *size - off);
		memset(d + off, 0, len);
		*size += len;
		break;
	}
}

static void check_one(struct client *c, struct model *m, u32 i)
{
	u8 *data = malloc(2 * MAX);
	struct fsys_attr a;

	CHECK_EQ(ext4_ops.getattr(c->self, m->node[i], &a), 0);
	CHECK_EQ(a.size, m->size[i]);
	if (m->size[i]) {
		CHECK_EQ(client_read(c, m->node[i], 0, data, (u32)m->size[i]), 0);
		for (u64 k = 0; k < m->size[i]; k++) {
			if (data[k] != m->data[i][k]) {
				FAIL("file %u differs at %llu of %llu: %u, not %u", i, k,
					m->size[i], data[k], m->data[i][k]);
				break;
			}
		}
	}
	free(data);
}

static void random_ops(struct client *c, struct model *m, u32 n)
{
	for (u32 k = 0; k < n && !test_failures(); k++) {
		u32 i = (u32)test_rand_below(FILES), what = (u32)test_rand_below(10);

		if (what < 4)
			do_write(c, m, i);
		else if (what < 6)
			do_truncate(c, m, i);
		else
			do_falloc(c, m, i);
		if (test_rand_below(4) == 0)
			check_one(c, m, i);
		if (test_rand_below(20) == 0)
			CHECK_EQ(ext4_ops.fsync(c->self, m->node[i], 0, ~0ull, 0), 0);
	}
}

static void run_kind(u32 kind, const char *options)
{
	struct model m = {0};
	struct image im;
	struct client c;

	if (!image_make(&im, kind)) {
		FAIL("mke2fs");
		return;
	}
	CHECK_EQ(client_mount(&c, model_disk_port(&im.disk), options, false), 0);
	if (test_failures())
		return;
	m.bs = ((struct ext4 *)c.self)->block_bytes;
	make_files(&c, &m);
	random_ops(&c, &m, (u32)test_rounds(250));
	for (u32 i = 0; i < FILES; i++) {
		check_one(&c, &m, i);
		client_close(&c, m.node[i]);
	}
	CHECK_EQ(client_unmount(&c), 0);
	CHECK(image_is_clean(&im));
	CHECK_EQ(client_mount(&c, model_disk_port(&im.disk), NULL, true), 0);
	for (u32 i = 0; i < FILES; i++) {
		struct fsys_attr a;
		char name[16];

		snprintf(name, sizeof(name), "f%u", i);
		CHECK_EQ(client_open(&c, name, &a), 0);
		m.node[i] = a.node;
		check_one(&c, &m, i);
		client_close(&c, a.node);
		free(m.data[i]);
	}
	CHECK_EQ(client_unmount(&c), 0);
	CHECK_EQ(host_live_bytes(), 0);
	if (test_failures())
		FAIL("kind %u: %s", kind, image_kind(kind));
	else
		image_end(&im);
}

TEST(random_4k)
{
	run_kind(0, NULL);
}

TEST(random_1k)
{
	run_kind(1, NULL);
}

TEST(random_1k_small_groups)
{
	run_kind(15, NULL);
}

TEST(random_no_journal)
{
	run_kind(3, NULL);
}

TEST(random_data_journal)
{
	run_kind(0, "data=journal");
}

TEST(random_data_journal_1k)
{
	run_kind(1, "data=journal");
}

TEST(random_data_writeback)
{
	run_kind(1, "data=writeback");
}

TEST(random_inline)
{
	run_kind(10, NULL);
}

/* ---- attributes ---- */

static void random_xattrs(struct client *c, u64 node, u8 values[16][600], int *sizes, u32 rounds)
{
	for (u32 k = 0; k < rounds; k++) {
		u32 i = (u32)test_rand_below(16),
		    size = (u32)test_rand_below(test_rand_below(4) ? 60 : 600);
		char name[32];
		u8 value[600];
		int err;

		snprintf(name, sizeof(name), "%s.attribute-%u", i % 3 ? "user" : "trusted", i);
		if (test_rand_below(3) == 0) {
			err = client_setxattr(c, node, name, NULL, 0, 0);
			CHECK_EQ(err, sizes[i] < 0 ? -ENODATA : 0);
			sizes[i] = -1;
			continue;
		}
		for (u32 b = 0; b < size; b++)
			value[b] = (u8)test_rand();
		err = client_setxattr(
			c, node, name, value, size, sizes[i] < 0 ? XATTR_CREATE : XATTR_REPLACE);
		CHECK(!err || err == -ENOSPC);
		if (!err) {
			memcpy(values[i], value, size);
			sizes[i] = (int)size;
		}
	}
}

static void check_xattrs(struct client *c, u64 node, u8 values[16][600], const int *sizes)
{
	for (u32 i = 0; i < 16; i++) {
		char name[32];
		u8 value[600];

		snprintf(name, sizeof(name), "%s.attribute-%u", i % 3 ? "user" : "trusted", i);
		CHECK_EQ(client_getxattr(c, node, name, value, sizeof(value)),
			sizes[i] < 0 ? -ENODATA : sizes[i]);
		if (sizes[i] > 0)
			CHECK(!memcmp(value, values[i], (size_t)sizes[i]));
	}
}

TEST(xattrs_random)
{
	static const u32 some[] = {0, 1, 13, 16};
	static u8 values[16][600];

	for (u32 k = 0; k < ARRAY_SIZE(some); k++) {
		struct image im;
		struct client c;
		struct fsys_attr a;
		int sizes[16];
		u8 acl[44] = {2, 0, 0, 0}, back[64];

		memset(sizes, -1, sizeof(sizes));
		REQUIRE(image_make(&im, some[k]));
		REQUIRE(client_mount(&c, model_disk_port(&im.disk), NULL, false) == 0);
		CHECK_EQ(client_create(&c, "x", 0100644, &a), 0);
		random_xattrs(&c, a.node, values, sizes, 300);
		check_xattrs(&c, a.node, values, sizes);
		client_close(&c, a.node);
		CHECK_EQ(client_create(&c, "acl", 0100644, &a), 0);
		for (u32 i = 0; i < 5; i++) {
			static const u8 tags[] = {1, 2, 4, 16, 32};

			acl[4 + i * 8] = tags[i];
			acl[6 + i * 8] = 6;
			store_le32(acl + 8 + i * 8, i == 1 ? 1001 : ~0u);
		}
		CHECK_EQ(client_setxattr(&c, a.node, "system.posix_acl_access", acl, 44, 0), 0);
		CHECK_EQ(client_getxattr(&c, a.node, "system.posix_acl_access", back, 64), 44);
		CHECK_MEM_EQ(acl, back, 44);
		client_close(&c, a.node);
		CHECK_EQ(client_unmount(&c), 0);
		CHECK(image_is_clean(&im));
		CHECK_EQ(client_mount(&c, model_disk_port(&im.disk), NULL, false), 0);
		CHECK_EQ(client_open(&c, "x", &a), 0);
		check_xattrs(&c, a.node, values, sizes);
		client_close(&c, a.node);
		CHECK_EQ(client_unlink(&c, "x"), 0);
		CHECK_EQ(client_unlink(&c, "acl"), 0);
		CHECK_EQ(client_unmount(&c), 0);
		CHECK(image_is_clean(&im));
		image_end(&im);
	}
}

/* ---- names ---- */

TEST(names_rename_flags_tmpfile_and_open_unlinked)
{
	static const u32 some[] = {0, 1, 7, 8, 10};

	for (u32 k = 0; k < ARRAY_SIZE(some); k++) {
		struct image im;
		struct client c;
		struct fsys_attr a, b, t;
		struct fsys_cred who;

		REQUIRE(image_make(&im, some[k]));
		REQUIRE(client_mount(&c, model_disk_port(&im.disk), NULL, false) == 0);
		who = client_cred(&c);
		CHECK_EQ(client_mkdir(&c, "d1"), 0);
		CHECK_EQ(client_mkdir(&c, "d2"), 0);
		CHECK_EQ(client_mkdir(&c, "d1/sub"), 0);
		CHECK_EQ(client_create(&c, "d1/a", 0100644, &a), 0);
		CHECK_EQ(client_create(&c, "d2/b", 0100644, &b), 0);
		CHECK_EQ(client_rename(&c, "d1/a", "d2/b", FSYS_RENAME_NOREPLACE), -EEXIST);
		CHECK_EQ(client_rename(&c, "d1/a", "d2/b", FSYS_RENAME_EXCHANGE), 0);
		CHECK_EQ(client_rename(&c, "d1/sub", "d2/b", FSYS_RENAME_EXCHANGE), 0);
		CHECK_EQ(client_rename(&c, "d2/b", "d1/sub", FSYS_RENAME_EXCHANGE), 0);
		CHECK_EQ(client_rename(&c, "d1/sub", "d2/moved", 0), 0);
		CHECK_EQ(client_mkdir(&c, "d1/victim"), 0);
		CHECK_EQ(client_rename(&c, "d2/moved", "d1/victim", 0), 0);
		CHECK_EQ(client_rename(&c, "d1/a", "d1/white", FSYS_RENAME_WHITEOUT), 0);
		CHECK_EQ(client_rename(&c, "d1/white", "d2/b", 0), 0);
		/* b was exchanged, then renamed over: a is still open */
		CHECK_EQ(client_write(&c, a.node, 0, "still here", 10), 0);
		CHECK_EQ(ext4_ops.tmpfile(c.self, c.root, 0100600, &who, &t), 0);
		CHECK_EQ(client_write(&c, t.node, 0, "nameless", 8), 0);
		client_close(&c, a.node);
		client_close(&c, b.node);
		if (k & 1) {
			struct fsys_name n = {0};
			struct fsys_attr l;

			iobuf_init_kernel(&n.bytes, (void *)"named", 5);
			CHECK_EQ(ext4_ops.link(c.self, t.node, c.root, &n, &who, &l), 0);
			client_close(&c, l.node);
		}
		client_close(&c, t.node);
		CHECK_EQ(client_unmount(&c), 0);
		CHECK(image_is_clean(&im));
		CHECK_EQ(host_live_bytes(), 0);
		image_end(&im);
	}
}

TEST(big_directory_and_disk_full)
{
	struct image im;
	struct client c;
	struct fsys_attr a;
	char name[64];
	u32 n = 0, made;
	int err = 0;

	REQUIRE(image_make_with(&im, "-t ext4 -b 1024 -N 12000 -O ^64bit %s 10M"));
	REQUIRE(client_mount(&c, model_disk_port(&im.disk), NULL, false) == 0);
	CHECK_EQ(client_mkdir(&c, "d"), 0);
	for (; n < 20000 && !err; n++) {
		snprintf(name, sizeof(name), "d/entry-%u-%llx", n, (u64)n * 0x9e3779b97f4a7c15ull);
		err = client_create(&c, name, 0100644, &a);
		if (!err)
			client_close(&c, a.node);
	}
	made = n - 1;
	CHECK_EQ(err, -ENOSPC);
	CHECK(made > 8000);
	CHECK_EQ(client_open(&c, "d", &a), 0);
	CHECK_EQ(client_readdir(&c, a.node, 1000, NULL, NULL), made + 2);
	client_close(&c, a.node);
	CHECK_EQ(client_unmount(&c), 0);
	CHECK(image_is_clean(&im));
	CHECK_EQ(client_mount(&c, model_disk_port(&im.disk), NULL, false), 0);
	for (n = 0; n < made; n += 2) {
		snprintf(name, sizeof(name), "d/entry-%u-%llx", n, (u64)n * 0x9e3779b97f4a7c15ull);
		CHECK_EQ(client_unlink(&c, name), 0);
	}
	CHECK_EQ(client_create(&c, "full", 0100644, &a), 0);
	for (u64 off = 0; !err || off == 0; off += sizeof(name)) {
		static u8 block[65536];

		err = client_write(&c, a.node, off * 1024, block, sizeof(block));
		if (err)
			break;
	}
	CHECK_EQ(err, -ENOSPC);
	client_close(&c, a.node);
	CHECK_EQ(client_unlink(&c, "full"), 0);
	CHECK_EQ(client_unmount(&c), 0);
	CHECK(image_is_clean(&im));
	image_end(&im);
}
