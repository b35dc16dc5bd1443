/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NOS' ext4 and e2fsprogs on the same images, in all kinds of image.c: what one wrote the other
 * reads, names, contents, links, attributes and access lists; a journal that one left dirty is
 * recovered by the other.
 */
#include "client.h"
#include "image.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <lib/test.h>

enum what { DIRECTORY, REGULAR, SYMLINK, HARDLINK, SPARSE };

static const struct entry {
	const char *path;
	enum what what;
	u32 len;            /* of data */
	const char *target; /* of links */
	u32 xattr;          /* bytes of user.x; 0: none */
	bool acl;
} tree[] = {
	{"d", DIRECTORY, .acl = true},
	{"d/e", DIRECTORY},
	{"d/e/f", DIRECTORY, .xattr = 20},
	{"empty", REGULAR},
	{"tiny", REGULAR, 40, .xattr = 5},
	{"inline", REGULAR, 130},
	{"page", REGULAR, 4096, .acl = true},
	{"odd", REGULAR, 12345, .xattr = 600, .acl = true},
	{"d/big", REGULAR, 700001, .xattr = 60},
	{"d/e/f/g", REGULAR, 1},
	{"holes", SPARSE, 2872200}, /* ends with data: mke2fs -d forgets a hole at the end of inline_data */
	{"short", SYMLINK, .target = "d/big"},
	{"d/long", SYMLINK,
		.target = "a/target/that/has/more/than/sixty/bytes/so/that/it/needs/a/block/of/its/"
			  "own"},
	{"hard", HARDLINK, .target = "odd"},
};

#define MANY 150 /* names in d/e, beside f */

static u8 byte_of(const struct entry *e, u32 at)
{
	if (e->what == SPARSE && at / 8192 % 50)
		return 0;
	return (u8)(((at + (u32)(e - tree) * 7919) * 2654435761u) >> 13) | 1;
}

static void fill(const struct entry *e, u8 *to, u32 off, u32 len)
{
	for (u32 i = 0; i < len; i++)
		to[i] = byte_of(e, off + i);
}

/* An access list as programs say it: owner, user 1000, group, mask, others. */
static u32 make_acl(u8 *to)
{
	static const u16 tags[] = {1, 2, 4, 0x10, 0x20}, rights[] = {6, 4, 4, 6, 4};

	store_le32(to, 2);
	for (u32 i = 0; i < 5; i++) {
		store_le16(to + 4 + i * 8, tags[i]);
		store_le16(to + 6 + i * 8, rights[i]);
		store_le32(to + 8 + i * 8, tags[i] == 2 ? 1000 : ~0u);
	}
	return 44;
}

static const char *acl_name(const struct entry *e)
{
	return e->what == DIRECTORY ? "system.posix_acl_default" : "system.posix_acl_access";
}

/* ---- ours ---- */

static void write_data(struct client *c, const struct entry *e, u64 node)
{
	u32 piece = e->what == SPARSE ? 8192 : 1 << 20, step = e->what == SPARSE ? 50 * piece : piece;
	u8 *data = malloc(piece);

	for (u32 at = 0; at < e->len; at += step) {
		u32 n = min(piece, e->len - at);

		fill(e, data, at, n);
		CHECK_EQ(client_write(c, node, at, data, n), 0);
	}
	if (e->what == SPARSE)
		CHECK_EQ(client_truncate(c, node, e->len), 0);
	free(data);
}

static void write_entry(struct client *c, const struct entry *e)
{
	struct fsys_attr a;
	u8 value[1024];

	if (e->what == SYMLINK) {
		CHECK_EQ(client_symlink(c, e->path, e->target), 0);
		return;
	}
	if (e->what == HARDLINK) {
		CHECK_EQ(client_link(c, e->target, e->path), 0);
		return;
	}
	if (client_create(c, e->path, e->what == DIRECTORY ? 0040755 : 0100644, &a)) {
		FAIL("%s cannot be made", e->path);
		return;
	}
	write_data(c, e, a.node);
	fill(e, value, 0, e->xattr);
	if (e->xattr)
		CHECK_EQ(client_setxattr(c, a.node, "user.x", value, e->xattr, 0), 0);
	if (e->acl)
		CHECK_EQ(client_setxattr(c, a.node, acl_name(e), value, make_acl(value), 0), 0);
	client_close(c, a.node);
}

static void write_ours(struct client *c)
{
	struct fsys_attr a;
	char path[64];

	for (u32 i = 0; i < ARRAY_SIZE(tree); i++)
		write_entry(c, &tree[i]);
	for (u32 i = 0; i < MANY; i++) {
		snprintf(path, sizeof(path), "d/e/one-name-of-many-%u", i);
		CHECK_EQ(client_create(c, path, 0100600, &a), 0);
		client_close(c, a.node);
	}
}

static void read_xattrs(struct client *c, const struct entry *e, u64 node)
{
	u8 want[1024], got[1024];

	fill(e, want, 0, e->xattr);
	CHECK_EQ(client_getxattr(c, node, "user.x", got, sizeof(got)),
		e->xattr ? (s64)e->xattr : -ENODATA);
	CHECK(!e->xattr || !memcmp(want, got, e->xattr));
	CHECK_EQ(client_getxattr(c, node, acl_name(e), got, sizeof(got)),
		e->acl ? (s64)make_acl(want) : -ENODATA);
	CHECK(!e->acl || !memcmp(want, got, 44));
}

static void read_entry(struct client *c, const struct entry *e)
{
	const struct entry *of = e;
	struct fsys_attr a;
	u8 *data, *want;

	for (u32 i = 0; e->what == HARDLINK && i < ARRAY_SIZE(tree); i++)
		of = !strcmp(tree[i].path, e->target) ? &tree[i] : of;
	if (client_open(c, e->path, &a)) {
		FAIL("%s is not there", e->path);
		return;
	}
	if (e->what == SYMLINK) {
		char text[256] = {0};
		struct iobuf to;

		iobuf_init_kernel(&to, text, sizeof(text));
		CHECK_EQ(ext4_ops.readlink(c->self, a.node, &to), a.size);
		CHECK_EQ(a.size, strlen(e->target));
		CHECK(!strncmp(text, e->target, a.size));
	} else if (e->what != DIRECTORY) {
		CHECK_EQ(a.size, of->len);
		data = calloc(1, of->len + 1);
		want = malloc(of->len + 1);
		fill(of, want, 0, of->len);
		CHECK_EQ(client_read(c, a.node, 0, data, of->len), 0);
		if (memcmp(data, want, of->len))
			FAIL("%s differs", e->path);
		free(data);
		free(want);
	}
	if (e->what != SYMLINK)
		read_xattrs(c, of, a.node);
	client_close(c, a.node);
}

static void read_ours(struct client *c)
{
	struct fsys_attr a;

	for (u32 i = 0; i < ARRAY_SIZE(tree); i++)
		read_entry(c, &tree[i]);
	CHECK_EQ(client_open(c, "d/e", &a), 0);
	CHECK_EQ(client_readdir(c, a.node, 4096, NULL, NULL), MANY + 3);
	client_close(c, a.node);
}

/* ---- theirs ---- */

static char top[64]; /* a directory of the machine */

static bool fresh_top(struct image *im)
{
	char cmd[256];

	snprintf(top, sizeof(top), "/tmp/ext4-agree-%d", (int)getpid());
	snprintf(cmd, sizeof(cmd), "rm -rf %s && mkdir %s", top, top);
	return !system(cmd);
}

static void remove_top(void)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", top);
	CHECK(!system(cmd));
}

static bool write_there(const struct entry *e)
{
	char path[256], other[256];
	u8 *data = malloc(8192);
	bool ok = true;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", top, e->path);
	switch (e->what) {
	case DIRECTORY: ok = !mkdir(path, 0755); break;
	case SYMLINK: ok = !symlink(e->target, path); break;
	case HARDLINK:
		snprintf(other, sizeof(other), "%s/%s", top, e->target);
		ok = !link(other, path);
		break;
	default:
		fd = open(path, O_CREAT | O_WRONLY, 0644);
		ok = fd >= 0 && !ftruncate(fd, e->len);
		for (u32 at = 0; ok && at < e->len; at += 8192) {
			u32 n = min(8192u, e->len - at);

			fill(e, data, at, n);
			ok = !byte_of(e, at) || pwrite(fd, data, n, at) == n;
		}
		close(fd);
	}
	free(data);
	return ok;
}

/* When all is there: what is made in a directory with a default list inherits it. */
static bool attach_there(const struct entry *e)
{
	char path[256];
	u8 data[1024];
	bool ok = true;

	snprintf(path, sizeof(path), "%s/%s", top, e->path);
	fill(e, data, 0, e->xattr);
	if (e->xattr)
		ok = !setxattr(path, "user.x", data, e->xattr, 0);
	if (ok && e->acl)
		ok = !setxattr(path, acl_name(e), data, make_acl(data), 0);
	return ok;
}

static bool write_theirs(void)
{
	char path[256];
	bool ok = true;

	for (u32 i = 0; ok && i < ARRAY_SIZE(tree); i++)
		ok = write_there(&tree[i]);
	for (u32 i = 0; ok && i < MANY; i++) {
		FILE *f;

		snprintf(path, sizeof(path), "%s/d/e/one-name-of-many-%u", top, i);
		f = fopen(path, "w");
		ok = f && !fclose(f);
	}
	for (u32 i = 0; ok && i < ARRAY_SIZE(tree); i++)
		ok = attach_there(&tree[i]);
	return ok;
}

static bool is_there(const struct entry *e)
{
	const struct entry *of = e;
	char path[256], text[256] = {0};
	struct stat st;
	u8 *data, *want;
	bool ok;
	FILE *f;

	for (u32 i = 0; e->what == HARDLINK && i < ARRAY_SIZE(tree); i++)
		of = !strcmp(tree[i].path, e->target) ? &tree[i] : of;
	snprintf(path, sizeof(path), "%s/%s", top, e->path);
	if (lstat(path, &st))
		return false;
	if (e->what == DIRECTORY)
		return S_ISDIR(st.st_mode);
	if (e->what == SYMLINK)
		return readlink(path, text, sizeof(text)) > 0 && !strcmp(text, e->target);
	data = malloc(of->len + 1);
	want = malloc(of->len + 1);
	fill(of, want, 0, of->len);
	f = fopen(path, "rb");
	ok = f && st.st_size == of->len && fread(data, 1, of->len, f) == of->len &&
	     !memcmp(data, want, of->len);
	if (f)
		fclose(f);
	free(data);
	free(want);
	return ok;
}

/* What debugfs takes out of the image is what was put in. */
static void read_theirs(struct image *im)
{
	char cmd[512], path[256];
	struct stat st;

	snprintf(cmd, sizeof(cmd), "debugfs -R 'rdump / %s' $I", top);
	CHECK(image_tool(im, cmd, 0));
	for (u32 i = 0; i < ARRAY_SIZE(tree); i++) {
		if (!is_there(&tree[i]))
			FAIL("debugfs reads another %s", tree[i].path);
	}
	for (u32 i = 0; i < MANY; i++) {
		snprintf(path, sizeof(path), "%s/d/e/one-name-of-many-%u", top, i);
		CHECK(!stat(path, &st));
	}
}

/* An attribute as debugfs reads it. */
static void read_their_xattr(struct image *im, const char *path, const char *name, const u8 *want,
	u32 len)
{
	char cmd[512];
	u8 got[1024];
	FILE *f;

	snprintf(cmd, sizeof(cmd), "debugfs -R 'ea_get -r -f %s/value %s %s' $I", top, path, name);
	CHECK(image_tool(im, cmd, 0));
	snprintf(cmd, sizeof(cmd), "%s/value", top);
	f = fopen(cmd, "rb");
	if (!f || fread(got, 1, sizeof(got), f) != len || memcmp(got, want, len))
		FAIL("debugfs reads another %s of %s", name, path);
	if (f)
		fclose(f);
	unlink(cmd);
}

static void read_their_xattrs(struct image *im)
{
	/* On the disk an entry without a qualifier is 4 bytes. */
	static const u8 acl[] = {1, 0, 0, 0, 1, 0, 6, 0, 2, 0, 4, 0, 0xe8, 3, 0, 0, 4, 0, 4, 0, 16, 0,
		6, 0, 32, 0, 4, 0};
	u8 want[1024];

	for (u32 i = 0; i < ARRAY_SIZE(tree); i++) {
		const struct entry *e = &tree[i];

		fill(e, want, 0, e->xattr);
		if (e->xattr)
			read_their_xattr(im, e->path, "user.x", want, e->xattr);
		if (e->acl)
			read_their_xattr(im, e->path, acl_name(e), acl, sizeof(acl));
	}
}

/* ---- the tests ---- */

static bool start(struct image *im, unsigned kind)
{
	return fresh_top(im) && image_make(im, kind);
}

TEST(agree_ours_read_by_debugfs)
{
	for (u32 k = 0; k < IMAGE_KINDS && !test_failures(); k++) {
		struct image im;
		struct client c;

		REQUIRE(start(&im, k));
		CHECK_EQ(client_mount(&c, model_disk_port(&im.disk), NULL, false), 0);
		write_ours(&c);
		CHECK_EQ(client_unmount(&c), 0);
		CHECK(image_is_clean(&im));
		read_theirs(&im);
		read_their_xattrs(&im);
		if (test_failures())
			FAIL("kind: %s", image_kind(k));
		image_end(&im);
	}
	remove_top();
}

/* mke2fs fills it, debugfs adds to it and takes away. */
TEST(agree_theirs_read_by_us)
{
	for (u32 k = 0; k < IMAGE_KINDS && !test_failures(); k++) {
		char options[256], cmd[1024];
		const char *kind = image_kind(k), *p = strstr(kind, "%s");
		struct image im;
		struct client c;
		struct fsys_attr a;

		REQUIRE(fresh_top(&im) && write_theirs());
		snprintf(options, sizeof(options), "%.*s -d %s %s", (int)(p - kind), kind, top, p);
		REQUIRE(image_make_with(&im, options));
		snprintf(cmd, sizeof(cmd),
			"printf 'rm tiny\\nwrite %s/tiny tiny\\nea_set -f %s/x tiny user.x\\n"
			"mkdir more\\nln odd more/odd\\nmknod pipe p\\n' >%s/cmd; head -c 5 %s/tiny >%s/x;"
			"debugfs -w -f %s/cmd $I",
			top, top, top, top, top, top);
		CHECK(image_tool(&im, cmd, 0) && image_load(&im));
		CHECK_EQ(client_mount(&c, model_disk_port(&im.disk), NULL, false), 0);
		read_ours(&c);
		CHECK_EQ(client_open(&c, "more/odd", &a), 0);
		CHECK_EQ(a.size, 12345);
		client_close(&c, a.node);
		CHECK_EQ(client_open(&c, "pipe", &a), 0);
		CHECK_EQ(a.mode & 0170000, 0010000);
		client_close(&c, a.node);
		CHECK_EQ(client_unlink(&c, "d/big"), 0);
		CHECK_EQ(client_unlink(&c, "pipe"), 0);
		CHECK_EQ(client_unmount(&c), 0);
		/* ln of debugfs does not count the link: that is what it finds */
		CHECK(image_tool(&im, "true", 0) && image_save(&im));
		CHECK(image_tool(&im, "e2fsck -fy $I", 1));
		if (test_failures())
			FAIL("kind: %s", kind);
		image_end(&im);
	}
	remove_top();
}

/* The machine stops when all was synced: e2fsck replays our journal. */
TEST(agree_our_journal_recovered_by_e2fsck)
{
	for (u32 k = 0; k < IMAGE_KINDS && !test_failures(); k++) {
		struct image im, cut;
		struct client c;
		u8 *mem;

		if (strstr(image_kind(k), "^has_journal"))
			continue;
		REQUIRE(start(&im, k));
		CHECK_EQ(client_mount(&c, model_disk_port(&im.disk), NULL, false), 0);
		write_ours(&c);
		CHECK_EQ(ext4_ops.sync(c.self), 0);
		mem = malloc(im.disk.bytes);
		memcpy(mem, im.disk.mem, im.disk.bytes);
		CHECK_EQ(client_unmount(&c), 0);
		memcpy(im.disk.mem, mem, im.disk.bytes);
		free(mem);
		cut = im;
		CHECK(image_save(&cut));
		CHECK(image_tool(&cut, "dumpe2fs -h $I | grep -q needs_recovery", 0));
		CHECK(image_tool(&cut, "e2fsck -fy $I", 1)); /* 1: it has replayed */
		CHECK(image_tool(&cut, "e2fsck -fn $I", 0));
		CHECK(image_load(&im));
		read_theirs(&im);
		read_their_xattrs(&im);
		if (test_failures())
			FAIL("kind: %s", image_kind(k));
		image_end(&im);
	}
	remove_top();
}

/* debugfs writes a block of a file into the journal and no further: our mount puts it in place. */
TEST(agree_their_journal_recovered_by_us)
{
	for (u32 k = 0; k < IMAGE_KINDS && !test_failures(); k++) {
		bool old = strstr(image_kind(k), "^metadata_csum");
		struct image im;
		struct client c;
		struct fsys_attr a;
		char cmd[1024];
		u8 data[4096];

		if (strstr(image_kind(k), "^has_journal"))
			continue;
		REQUIRE(start(&im, k));
		snprintf(cmd, sizeof(cmd),
			"set -e; cd %s; B=$(dumpe2fs -h $I 2>/dev/null | sed -n 's/^Block size: *//p');"
			"head -c 4096 /dev/zero | tr '\\0' a >old; head -c $B /dev/zero | tr '\\0' b >new;"
			"debugfs -w -R 'write old f' $I; N=$(debugfs -R 'bmap f 0' $I);"
			"printf 'jo %s\\njw -b %%s new\\njc\\n' $N >cmd; debugfs -w -f cmd $I;"
			"dumpe2fs -h $I | grep needs_recovery",
			top, old ? "" : "-c -v 3");
		CHECK(image_save(&im) && image_tool(&im, cmd, 0) && image_load(&im));
		CHECK_EQ(client_mount(&c, model_disk_port(&im.disk), NULL, false), 0);
		CHECK_EQ(client_open(&c, "f", &a), 0);
		CHECK_EQ(client_read(&c, a.node, 0, data, sizeof(data)), 0);
		CHECK(data[0] == 'b' && data[1023] == 'b');
		client_close(&c, a.node);
		CHECK_EQ(client_unmount(&c), 0);
		CHECK(image_is_clean(&im));
		if (test_failures())
			FAIL("kind: %s", image_kind(k));
		image_end(&im);
	}
	remove_top();
}
