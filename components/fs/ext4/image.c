/* SPDX-License-Identifier: BSD-2-Clause */
#include "image.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <lib/string.h>

#define TOOLS "PATH=$PATH:/sbin:/usr/sbin "

static const char *const kinds[IMAGE_KINDS] = {
	"-t ext4 -b 4096 %s 32M",
	"-t ext4 -b 1024 %s 24M",
	"-t ext4 -b 2048 -O ^flex_bg %s 24M",
	"-t ext4 -b 4096 -O ^has_journal %s 32M",
	"-t ext4 -b 4096 -O ^metadata_csum,uninit_bg %s 32M",
	"-t ext4 -b 4096 -O ^metadata_csum,^uninit_bg %s 32M",
	"-t ext4 -b 1024 -O ^64bit %s 24M",
	"-t ext4 -b 4096 -O metadata_csum_seed,orphan_file %s 32M",
	"-t ext4 -b 1024 -O orphan_file,sparse_super2 %s 24M",
	"-t ext4 -b 1024 -O meta_bg,^resize_inode %s 24M",
	"-t ext4 -b 4096 -O inline_data %s 32M",
	"-t ext4 -b 4096 -O ^dir_index %s 32M",
	"-t ext4 -b 4096 -O large_dir,project -E root_owner=0:0 %s 32M",
	"-t ext4 -b 1024 -I 128 -O ^metadata_csum %s 24M",
	"-t ext4 -b 1024 -O ^extra_isize,^huge_file,^dir_nlink %s 24M",
	"-t ext4 -b 1024 -g 2048 %s 24M",
	"-t ext4 -b 4096 -I 1024 %s 32M",
	"-t ext4 -b 2048 -O metadata_csum_seed,^resize_inode,^sparse_super %s 24M",
	"-t ext4 -b 1024 -O inline_data,large_dir,metadata_csum_seed %s 24M",
	"-t ext4 -b 1024 -O orphan_file,64bit -G 4 -g 4096 %s 24M",
};

const char *image_kind(unsigned kind)
{
	return kinds[kind];
}

bool image_make_with(struct image *im, const char *options)
{
	const char *p = strstr(options, "%s");
	char cmd[512];

	snprintf(im->path, sizeof(im->path), "%s/ext4-test-%d.img",
		access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm", (int)getpid());
	unlink(im->path);
	snprintf(cmd, sizeof(cmd), TOOLS "mke2fs -q -F -E nodiscard %.*s %s %s 2>/dev/null >&2",
		(int)(p - options), options, im->path, p + 2);
	return !system(cmd) && model_disk_load(&im->disk, im->path);
}

bool image_make(struct image *im, unsigned kind)
{
	return image_make_with(im, kinds[kind]);
}

bool image_bytes_clean(struct image *im, const u8 *mem, u64 bytes)
{
	struct model_disk d = {.mem = (u8 *)mem, .bytes = bytes};
	char cmd[512];
	bool ok;

	if (!model_disk_save(&d, im->path))
		return false;
	snprintf(cmd, sizeof(cmd), TOOLS "e2fsck -fn %s >%s.log 2>&1", im->path, im->path);
	ok = !system(cmd);
	if (!ok) {
		snprintf(cmd, sizeof(cmd), "cat %s.log", im->path);
		(void)!system(cmd);
	}
	return ok;
}

bool image_is_clean(struct image *im)
{
	return image_bytes_clean(im, im->disk.mem, im->disk.bytes);
}

bool image_debugfs(struct image *im, const char *command, const char *want)
{
	char cmd[512];

	if (!model_disk_save(&im->disk, im->path))
		return false;
	snprintf(cmd, sizeof(cmd), TOOLS "debugfs -R '%s' %s 2>/dev/null | grep -qF -e '%s'",
		command, im->path, want);
	return !system(cmd);
}

bool image_save(struct image *im)
{
	return model_disk_save(&im->disk, im->path);
}

bool image_load(struct image *im)
{
	model_disk_fini(&im->disk);
	return model_disk_load(&im->disk, im->path);
}

bool image_tool(struct image *im, const char *command, int most)
{
	char cmd[4096];
	int status;

	snprintf(cmd, sizeof(cmd), "export PATH=$PATH:/sbin:/usr/sbin I=%s; { %s\n } >%s.log 2>&1",
		im->path, command, im->path);
	status = system(cmd);
	if (WIFEXITED(status) && WEXITSTATUS(status) <= most)
		return true;
	fprintf(stderr, "%s: status %#x\n", command, (unsigned)status);
	snprintf(cmd, sizeof(cmd), "cat %s.log >&2", im->path);
	(void)!system(cmd);
	return false;
}

void image_end(struct image *im)
{
	char log[80];

	model_disk_fini(&im->disk);
	unlink(im->path);
	snprintf(log, sizeof(log), "%s.log", im->path);
	unlink(log);
}
