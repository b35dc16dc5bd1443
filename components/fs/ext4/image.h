/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Images that mke2fs makes and e2fsck judges, for tests. */
#include "model_disk.h"

struct image {
	char path[64];
	struct model_disk disk;
};

#define IMAGE_KINDS 20
/* One of the combinations of features; what it is for messages. */
bool image_make(struct image *im, unsigned kind);
const char *image_kind(unsigned kind);
/* Of any options ("-t ext4 -b 4096 %s 32M"). */
bool image_make_with(struct image *im, const char *options);
/* e2fsck -fn finds nothing; what it finds is printed. */
bool image_is_clean(struct image *im);
bool image_bytes_clean(struct image *im, const u8 *mem, u64 bytes);
/* Write the image to im->path for a tool; read it back when the tool has changed it. */
bool image_save(struct image *im);
bool image_load(struct image *im);
/* A command of the shell with im->path as "$I" and the directories of e2fsprogs in its path; its
 * status, its output in a log that is shown if it is above @most. */
bool image_tool(struct image *im, const char *command, int most);
/* Run a debugfs command and say whether its output has @want. */
bool image_debugfs(struct image *im, const char *command, const char *want);
void image_end(struct image *im);
