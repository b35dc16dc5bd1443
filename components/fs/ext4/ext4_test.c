/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Images of mke2fs in many combinations of features, filled and read through the port, judged by
 * e2fsck and debugfs.
 */
#include "client.h"
#include "image.h"
#include <stdio.h>
#include <stdlib.h>
#include <lib/test.h>

static void fill_bytes(u8 *to, u32 len, u32 seed)
{
	for (u32 i = 0; i < len; i++)
		to[i] = (u8)((i * 2654435761u + seed) >> 13);
}

static void write_file(struct client *c, const char *path, u32 len, u32 seed)
{
	struct fsys_attr a;
	u8 *data = malloc(len + 1);
	int err = client_create(c, path, 0100644, &a);

	CHECK_EQ(err, 0);
	if (!err) {
		fill_bytes(data, len, seed);
		CHECK_EQ(client_write(c, a.node, 0, data, len), 0);
		client_close(c, a.node);
	}
	free(data);
}

static void check_file(struct client *c, const char *path, u32 len, u32 seed)
{
	struct fsys_attr a;
	u8 *data = malloc(len + 1), *want = malloc(len + 1);
	int err = client_open(c, path, &a);

	CHECK_EQ(err, 0);
	if (!err) {
		CHECK_EQ(a.size, len);
		fill_bytes(want, len, seed);
		CHECK_EQ(client_read(c, a.node, 0, data, len), 0);
		CHECK(!memcmp(data, want, len));
		client_close(c, a.node);
	}
	free(data);
	free(want);
}

static void fill_tree(struct client *c)
{
	char path[300];
	struct fsys_attr a;

	CHECK_EQ(client_mkdir(c, "d"), 0);
	CHECK_EQ(client_mkdir(c, "d/e"), 0);
	CHECK_EQ(client_mkdir(c, "d"), -EEXIST);
	write_file(c, "small", 10, 1);
	write_file(c, "page", 4096, 2);
	write_file(c, "d/big", 300000, 3);
	write_file(c, "d/e/gone", 100000, 4);
	CHECK_EQ(client_unlink(c, "d/e/gone"), 0);
	CHECK_EQ(client_open(c, "d/e/gone", &a), -ENOENT);
	CHECK_EQ(client_symlink(c, "d/short", "target"), 0);
	memset(path, 'x', 200);
	path[200] = 0;
	CHECK_EQ(client_symlink(c, "d/long", path), 0);
	CHECK_EQ(client_link(c, "small", "d/hard"), 0);
	CHECK_EQ(client_rename(c, "page", "d/e/moved", 0), 0);
	CHECK_EQ(client_rename(c, "d/e", "e2", 0), 0);
	CHECK_EQ(client_unlink(c, "d"), -ENOTEMPTY);
	for (u32 i = 0; i < 600; i++) {
		snprintf(path, sizeof(path), "d/file-with-a-longer-name-%u", i);
		CHECK_EQ(client_create(c, path, 0100600, &a), 0);
		client_close(c, a.node);
	}
	for (u32 i = 0; i < 600; i += 3) {
		snprintf(path, sizeof(path), "d/file-with-a-longer-name-%u", i);
		CHECK_EQ(client_unlink(c, path), 0);
	}
}

static void check_tree(struct client *c)
{
	struct fsys_attr a;
	char path[300];

	check_file(c, "small", 10, 1);
	check_file(c, "d/hard", 10, 1);
	check_file(c, "e2/moved", 4096, 2);
	check_file(c, "d/big", 300000, 3);
	for (u32 i = 0; i < 600; i++) {
		int err;

		snprintf(path, sizeof(path), "d/file-with-a-longer-name-%u", i);
		err = client_open(c, path, &a);
		CHECK_EQ(err, i % 3 ? 0 : -ENOENT);
		if (!err)
			client_close(c, a.node);
	}
	if (!client_open(c, "d", &a)) {
		CHECK_EQ(client_readdir(c, a.node, 4096, NULL, NULL), 400 + 2 + 4);
		CHECK_EQ(client_readdir(c, a.node, 300, NULL, NULL), 400 + 2 + 4);
		client_close(c, a.node);
	}
}

TEST(ext4_fills_all_kinds)
{
	for (u32 i = 0; i < IMAGE_KINDS; i++) {
		struct image im;
		struct client c;
		u64 failures = test_failures();
		int err;

		if (!image_make(&im, i)) {
			FAIL("mke2fs: %s", image_kind(i));
			continue;
		}
		err = client_mount(&c, model_disk_port(&im.disk), NULL, false);
		CHECK_EQ(err, 0);
		if (!err) {
			fill_tree(&c);
			check_tree(&c);
			CHECK_EQ(client_unmount(&c), 0);
			CHECK(image_is_clean(&im));
			CHECK_EQ(client_mount(&c, model_disk_port(&im.disk), NULL, true), 0);
			check_tree(&c);
			CHECK_EQ(client_unmount(&c), 0);
		}
		CHECK_EQ(host_live_bytes(), 0);
		if (test_failures() != failures) {
			FAIL("kind: %s", image_kind(i));
			return;
		}
		image_end(&im);
	}
}
