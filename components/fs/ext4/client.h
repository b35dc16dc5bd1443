/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The VFS' part, for tests: paths, whole reads and writes through page-sized requests. Negative
 * errno. */
#include "impl.h"

struct client {
	void *self;
	u64 root;
	u64 now;
};

int client_mount(struct client *c, struct blk_port device, const char *options, bool ro);
int client_unmount(struct client *c);
/* The node at the end of @path (with a count), without following links. */
int client_open(struct client *c, const char *path, struct fsys_attr *out);
void client_close(struct client *c, u64 node);
int client_create(
	struct client *c, const char *path, u32 mode, struct fsys_attr *out); /* keeps a count */
int client_mkdir(struct client *c, const char *path);
int client_symlink(struct client *c, const char *path, const char *target);
int client_link(struct client *c, const char *from, const char *to);
int client_unlink(struct client *c, const char *path);
int client_rename(struct client *c, const char *from, const char *to, u32 flags);
int client_write(struct client *c, u64 node, u64 off, const void *data, u32 len);
int client_read(struct client *c, u64 node, u64 off, void *data, u32 len);
int client_truncate(struct client *c, u64 node, u64 size);
int client_setxattr(
	struct client *c, u64 node, const char *name, const void *value, u32 len, u32 flags);
ssize_t client_getxattr(struct client *c, u64 node, const char *name, void *value, u32 len);
/* All names of a directory, read @chunk bytes at a time: how many, "." and ".." counted. */
int client_readdir(struct client *c, u64 dir, u32 chunk,
	void (*each)(void *arg, const char *name, u32 len, const struct fsys_dirent *d), void *arg);
struct fsys_cred client_cred(struct client *c);
