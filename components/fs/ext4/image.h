/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Images that mke2fs makes and e2fsck judges, for tests. */
#include "model_disk.h"

struct image {
	char path[64];
	struct model_disk disk;
};

#define IMAGE_KINDS 17
/* One of the combinations of features; what it is for messages. */
bool image_make(struct image *im, unsigned kind);
const char *image_kind(unsigned kind);
/* Of any options ("-t ext4 -b 4096 %s 32M"). */
bool image_make_with(struct image *im, const char *options);
/* e2fsck -fn finds nothing; what it finds is printed. */
bool image_is_clean(struct image *im);
bool image_bytes_clean(struct image *im, const u8 *mem, u64 bytes);
/* Run a debugfs command and say whether its output has @want. */
bool image_debugfs(struct image *im, const char *command, const char *want);
void image_end(struct image *im);
