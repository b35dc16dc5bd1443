/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names, tmpfs, descriptors, locks and buffers, on the host.
 */
#include "test_env.h"
#include "test_ops.h"
#include "vfs_impl.h"
#include <lib/printf.h>
#include <lib/test.h>
#include <vfs/fdtable.h>
#include <vfs/locks.h>
#include <vfs/rw.h>
#include <vfs/shmem.h>
#include <linux/fs.h>
#include <linux/mount.h>

#include <lib/string.h>

TEST(walk_names_and_errors)
{
	vfs_env_init();
	CHECK_EQ(t_mkdir("/w"), 0);
	CHECK_EQ(t_mkdir("/w/a"), 0);
	CHECK_EQ(t_mkdir("/w/a/b"), 0);
	CHECK_EQ(t_create("/w/a/b/f"), 0);
	CHECK_EQ(t_ino("/w/a/b/f", 0), t_ino("//w/./a//b/../b/f", 0));
	CHECK_EQ(t_ino("/../../w", 0), t_ino("/w/", 0));
	CHECK_EQ(t_ino("/w/a/b/f/", 0), -ENOTDIR);
	CHECK_EQ(t_ino("/w/a/b/f/x", 0), -ENOTDIR);
	CHECK_EQ(t_ino("/w/none", 0), -ENOENT);
	CHECK_EQ(t_ino("/w/none", 0), -ENOENT); /* from the negative dentry */
	CHECK_EQ(t_ino("/w/none/x", 0), -ENOENT);
	CHECK_EQ(t_mkdir("/w/a"), -EEXIST);
	CHECK_EQ(t_rmdir("/w/a"), -ENOTEMPTY);
	CHECK_EQ(t_unlink("/w/a"), -EISDIR);
	CHECK_EQ(t_rmdir("/w/a/b/f"), -ENOTDIR);
	CHECK_EQ(t_rmdir("/w/a/."), -EINVAL);
	CHECK_EQ(t_rmdir("/w/a/.."), -ENOTEMPTY);
	CHECK_EQ(t_unlink("/w/a/b/f"), 0);
	CHECK_EQ(t_rmdir("/w/a/b"), 0);
	CHECK_EQ(t_rmdir("/w/a"), 0);
	CHECK_EQ(t_rmdir("/w"), 0);
}

TEST(walk_links)
{
	vfs_env_init();
	CHECK_EQ(t_mkdir("/l"), 0);
	CHECK_EQ(t_mkdir("/l/d"), 0);
	CHECK_EQ(t_create("/l/d/f"), 0);
	CHECK_EQ(t_symlink("d", "/l/rel"), 0);
	CHECK_EQ(t_symlink("/l/d/", "/l/abs"), 0);
	CHECK_EQ(t_symlink("rel/../abs/f", "/l/far"), 0);
	CHECK_EQ(t_symlink("loop2", "/l/loop1"), 0);
	CHECK_EQ(t_symlink("loop1", "/l/loop2"), 0);
	CHECK_EQ(t_ino("/l/rel/f", 0), t_ino("/l/d/f", 0));
	CHECK_EQ(t_ino("/l/abs/f", 0), t_ino("/l/d/f", 0));
	CHECK_EQ(t_ino("/l/far", LOOKUP_FOLLOW), t_ino("/l/d/f", 0));
	CHECK(t_ino("/l/far", 0) != t_ino("/l/d/f", 0));
	CHECK_EQ(t_ino("/l/rel/", 0), t_ino("/l/d", 0));
	CHECK_EQ(t_ino("/l/loop1", LOOKUP_FOLLOW), -ELOOP);
	CHECK_EQ(t_ino("/l/rel/f", LOOKUP_NO_SYMLINKS), -ELOOP);
	CHECK_EQ(t_ino("/l/d/f", LOOKUP_NO_SYMLINKS), t_ino("/l/d/f", 0));
	CHECK_EQ(t_unlink("/l/rel"), 0);
	CHECK_EQ(t_ino("/l/far", LOOKUP_FOLLOW), -ENOENT);
	CHECK_EQ(t_unlink("/l/abs"), 0);
	CHECK_EQ(t_unlink("/l/far"), 0);
	CHECK_EQ(t_unlink("/l/loop1"), 0);
	CHECK_EQ(t_unlink("/l/loop2"), 0);
	CHECK_EQ(t_unlink("/l/d/f"), 0);
	CHECK_EQ(t_rmdir("/l/d"), 0);
	CHECK_EQ(t_rmdir("/l"), 0);
}

TEST(rename_rules)
{
	s64 f, g;

	vfs_env_init();
	CHECK_EQ(t_mkdir("/r"), 0);
	CHECK_EQ(t_mkdir("/r/a"), 0);
	CHECK_EQ(t_mkdir("/r/a/in"), 0);
	CHECK_EQ(t_mkdir("/r/b"), 0);
	CHECK_EQ(t_create("/r/f"), 0);
	CHECK_EQ(t_create("/r/g-with-a-name-that-does-not-fit-inline-in-a-dentry"), 0);
	f = t_ino("/r/f", 0);
	g = t_ino("/r/g-with-a-name-that-does-not-fit-inline-in-a-dentry", 0);
	CHECK_EQ(t_rename("/r/a", "/r/a/in/x", 0), -EINVAL);
	CHECK_EQ(t_rename("/r/a/in", "/r/a", 0), -ENOTEMPTY);
	CHECK_EQ(t_rename("/r/f", "/r/a", 0), -EISDIR);
	CHECK_EQ(t_rename("/r/a", "/r/f", 0), -ENOTDIR);
	CHECK_EQ(t_rename("/r/f", "/r/a/f", RENAME_NOREPLACE), 0);
	CHECK_EQ(t_ino("/r/f", 0), -ENOENT);
	CHECK_EQ(t_ino("/r/a/f", 0), f);
	CHECK_EQ(t_rename("/r/a/f", "/r/g-with-a-name-that-does-not-fit-inline-in-a-dentry", RENAME_NOREPLACE), -EEXIST);
	CHECK_EQ(t_rename("/r/a/f", "/r/g-with-a-name-that-does-not-fit-inline-in-a-dentry", RENAME_EXCHANGE), 0);
	CHECK_EQ(t_ino("/r/a/f", 0), g);
	CHECK_EQ(t_ino("/r/g-with-a-name-that-does-not-fit-inline-in-a-dentry", 0), f);
	CHECK_EQ(t_rename("/r/a/f", "/r/g-with-a-name-that-does-not-fit-inline-in-a-dentry", 0), 0);
	CHECK_EQ(t_ino("/r/g-with-a-name-that-does-not-fit-inline-in-a-dentry", 0), g);
	CHECK_EQ(t_rename("/r/g-with-a-name-that-does-not-fit-inline-in-a-dentry", "/r/h", RENAME_WHITEOUT), 0);
	CHECK(t_ino("/r/g-with-a-name-that-does-not-fit-inline-in-a-dentry", 0) > 0);
	CHECK_EQ(t_rename("/r/a/in", "/r/b/in", 0), 0);
	CHECK_EQ(t_ino("/r/b/in/..", 0), t_ino("/r/b", 0));
	CHECK_EQ(t_unlink("/r/h"), 0);
	CHECK_EQ(t_unlink("/r/g-with-a-name-that-does-not-fit-inline-in-a-dentry"), 0);
	CHECK_EQ(t_rmdir("/r/b/in"), 0);
	CHECK_EQ(t_rmdir("/r/a"), 0);
	CHECK_EQ(t_rmdir("/r/b"), 0);
	CHECK_EQ(t_rmdir("/r"), 0);
}

/* Random names against a table of what should exist. */
#define NAMES 24
TEST(names_against_a_model)
{
	bool exists[NAMES] = {false};
	s64 ino[NAMES] = {0};

	vfs_env_init();
	CHECK_EQ(t_mkdir("/m"), 0);
	for (u64 round = 0; round < test_rounds(4000); round++) {
		unsigned a = (unsigned)test_rand_below(NAMES), b = (unsigned)test_rand_below(NAMES);
		char na[96], nb[96];

		snprintf(na, sizeof(na), "/m/%.*s%u", (int)(a % 3) * 20, "a-long-name-a-long-name-a-long-name-a-long", a);
		snprintf(nb, sizeof(nb), "/m/%.*s%u", (int)(b % 3) * 20, "a-long-name-a-long-name-a-long-name-a-long", b);
		switch (test_rand_below(6)) {
		case 0:
			CHECK_EQ(t_create(na), exists[a] ? -EEXIST : 0);
			if (!exists[a])
				ino[a] = t_ino(na, 0);
			exists[a] = true;
			break;
		case 1:
			CHECK_EQ(t_unlink(na), exists[a] ? 0 : -ENOENT);
			exists[a] = false;
			break;
		case 2:
			CHECK_EQ(t_rename(na, nb, 0), exists[a] ? 0 : -ENOENT);
			if (exists[a] && a != b && ino[a] != (exists[b] ? ino[b] : -1)) {
				exists[b] = true;
				ino[b] = ino[a];
				exists[a] = false;
			}
			break;
		case 3:
			CHECK_EQ(t_link(na, nb), !exists[a] ? -ENOENT : exists[b] ? -EEXIST : 0);
			if (exists[a] && !exists[b]) {
				exists[b] = true;
				ino[b] = ino[a];
			}
			break;
		case 4:
			if (test_rand_below(20) == 0)
				vfs_shrink_dentries(test_rand_below(64));
			FALLTHROUGH;
		default: CHECK_EQ(t_ino(na, 0), exists[a] ? ino[a] : -ENOENT);
		}
	}
	for (unsigned a = 0; a < NAMES; a++) {
		char na[96];

		snprintf(na, sizeof(na), "/m/%.*s%u", (int)(a % 3) * 20, "a-long-name-a-long-name-a-long-name-a-long", a);
		CHECK_EQ(t_unlink(na), exists[a] ? 0 : -ENOENT);
	}
	CHECK_EQ(t_rmdir("/m"), 0);
}

TEST(files_hold_bytes)
{
	char buf[64];
	struct file *f;

	vfs_env_init();
	REQUIRE(t_open("/bytes", O_CREAT | O_RDWR, &f) == 0);
	CHECK_EQ(file_write_at(f, "hello", 5, 10000), 5);
	CHECK_EQ(f->inode->data.size, 10005);
	memset(buf, 1, sizeof(buf));
	CHECK_EQ(file_read_at(f, buf, sizeof(buf), 9998), 7);
	CHECK_MEM_EQ(buf, "\0\0hello", 7);
	CHECK_EQ(f->ops->lseek(f, 0, SEEK_DATA), 8192);
	CHECK_EQ(f->ops->lseek(f, 0, SEEK_HOLE), 0);
	CHECK_EQ(f->ops->lseek(f, 9000, SEEK_HOLE), 10005);
	CHECK_EQ(inode_truncate(f->inode, 10002, 0), 0);
	CHECK_EQ(inode_truncate(f->inode, 10010, 0), 0);
	CHECK_EQ(file_read_at(f, buf, sizeof(buf), 10000), 10);
	CHECK_MEM_EQ(buf, "he\0\0\0\0\0\0\0\0", 10);
	env_fsize = 20000;
	CHECK_EQ(file_write_at(f, "abcdef", 6, 19998), 2);
	env_signals = 0;
	CHECK_EQ(file_write_at(f, "abcdef", 6, 20000), -EFBIG);
	CHECK_EQ(env_signals, 1);
	env_fsize = ~0ull;
	CHECK_EQ(t_unlink("/bytes"), 0);
	CHECK_EQ(f->inode->nlink, 0);
	CHECK_EQ(file_read_at(f, buf, 2, 10000), 2);
	file_put(f);
	env_task_work_run();
}

TEST(descriptors)
{
	struct file *f;
	struct fd_ref r;

	vfs_env_init();
	REQUIRE(shmem_create("x", 0, &f) == 0);
	for (int i = 0; i < 300; i++) {
		file_get(f);
		CHECK_EQ(fd_add(f, i % 2), i);
	}
	CHECK_EQ(fd_close(7), 0);
	CHECK_EQ(fd_close(200), 0);
	CHECK_EQ(fd_close(200), -EBADF);
	CHECK_EQ(fd_reserve(0, false), 7);
	r = fd_get(7);
	CHECK(!r.file);
	CHECK_EQ(fd_replace(7, f, false), -EBUSY);
	fd_cancel(7);
	CHECK_EQ(fd_replace(7, f, true), 7);
	CHECK(files_cloexec(env_task.files, 7));
	CHECK_EQ(fd_reserve(8, false), 200);
	fd_cancel(200);
	env_nofile = 300;
	CHECK_EQ(fd_reserve(250, false), -EMFILE);
	env_nofile = 1024;
	CHECK_EQ(files_next(env_task.files, 199), 199);
	CHECK_EQ(files_next(env_task.files, 200), 201);
	fd_close_range(10, 19, true);
	CHECK(files_cloexec(env_task.files, 10));
	files_close_on_exec(env_task.files);
	CHECK_EQ(files_next(env_task.files, 9), 20);
	fd_close_range(0, ~0u, false);
	CHECK_EQ(files_next(env_task.files, 0), -1);
	CHECK_EQ(f->refs, 1);
	file_put_sync(f);
}

static int lock_one(struct file *f, enum lock_kind kind, u8 type, s64 start, s64 end)
{
	struct lock_range r = {.start = start, .end = end, .type = type, .pid = 1};

	return file_lock_set(f, kind, env_task.files, &r, false);
}

/* A POSIX owner's ranges against a byte map. */
TEST(lock_ranges_against_a_map)
{
	u8 map[64] = {0};
	struct file *f, *other;

	vfs_env_init();
	REQUIRE(t_open("/locked", O_CREAT | O_RDWR, &f) == 0);
	REQUIRE(t_open("/locked", O_RDWR, &other) == 0);
	for (u64 round = 0; round < test_rounds(3000); round++) {
		s64 start = (s64)test_rand_below(64), end = start + (s64)test_rand_below(64 - (u64)start);
		u8 type = (u8)test_rand_below(3);

		CHECK_EQ(lock_one(f, LOCK_KIND_POSIX, type, start, end), 0);
		memset(map + start, type == F_UNLCK ? 0 : type + 1, (size_t)(end - start + 1));
		for (s64 at = 0; at < 64; at += 1 + (s64)test_rand_below(8)) {
			struct lock_range r = {.start = at, .end = at, .type = F_WRLCK};

			CHECK_EQ(file_lock_test(other, LOCK_KIND_OFD, NULL, &r), 0);
			CHECK_EQ(r.type, map[at] == 0 ? F_UNLCK : map[at] - 1);
		}
	}
	CHECK_EQ(lock_one(f, LOCK_KIND_POSIX, F_WRLCK, 0, 63), 0);
	CHECK_EQ(lock_one(other, LOCK_KIND_OFD, F_RDLCK, 63, 70), -EAGAIN);
	file_locks_close(f, env_task.files);
	CHECK_EQ(lock_one(other, LOCK_KIND_OFD, F_RDLCK, 63, 70), 0);
	CHECK_EQ(lock_one(f, LOCK_KIND_FLOCK, F_WRLCK, 0, S64_MAX), 0);
	CHECK_EQ(lock_one(other, LOCK_KIND_FLOCK, F_RDLCK, 0, S64_MAX), -EAGAIN);
	CHECK_EQ(lock_one(f, LOCK_KIND_FLOCK, F_RDLCK, 0, S64_MAX), 0);
	CHECK_EQ(lock_one(other, LOCK_KIND_FLOCK, F_RDLCK, 0, S64_MAX), 0);
	file_put_sync(f);
	file_put_sync(other);
	CHECK_EQ(t_unlink("/locked"), 0);
}

TEST(buffers)
{
	char a[16] = "0123456789abcde", out[32] = {0};
	struct iobuf_seg segs[4] = {{.base = (u64)(unsigned long)a, .len = 3}, {.base = 0, .len = 0},
		{.base = (u64)(unsigned long)(a + 3), .len = 5}, {.base = (u64)(unsigned long)(a + 8), .len = 2}};
	struct iobuf b;

	iobuf_init_segs(&b, IOBUF_KERNEL, segs, 4);
	CHECK_EQ(b.left, 10);
	CHECK_EQ(iobuf_get(&b, out, 4), 4);
	CHECK_EQ(iobuf_get(&b, out + 4, 20), 6);
	CHECK_STR_EQ(out, "0123456789");
	iobuf_init_segs(&b, IOBUF_KERNEL, segs, 4);
	iobuf_limit(&b, 4);
	CHECK_EQ(iobuf_zero(&b, 10), 4);
	CHECK_EQ(a[3], 0);
	CHECK_EQ(a[4], '4');
	CHECK_EQ(iobuf_init_user(&b, uptr_make(USER_VA_END - 4), 5), -EFAULT);
	CHECK_EQ(iobuf_init_user(&b, uptr_make(16), 5), 0); /* faults: host user memory below a page */
	CHECK_EQ(iobuf_put(&b, "hello", 5), 0);
}

TEST(mounts)
{
	char options[] = "size=1m,mode=0700";
	struct path p;
	s64 below;

	vfs_env_init();
	CHECK_EQ(t_mkdir("/mnt"), 0);
	below = t_ino("/mnt", 0);
	REQUIRE(path_lookup_kernel("/mnt", 0, &p) == 0);
	CHECK_EQ(vfs_mount("none", &p, "tmpfs", MS_NODEV, options), 0);
	path_put(&p);
	CHECK(t_ino("/mnt", LOOKUP_NO_XDEV) == -EXDEV);
	CHECK_EQ(t_create("/mnt/f"), 0);
	CHECK_EQ(t_rmdir("/mnt"), -EBUSY);
	CHECK_EQ(t_ino("/mnt/..", 0), t_ino("/", 0));
	CHECK_EQ(t_rename("/mnt/f", "/f", 0), -EXDEV);
	REQUIRE(path_lookup_kernel("/mnt", 0, &p) == 0);
	path_get(&p);
	CHECK_EQ(vfs_umount(&p, 0), -EBUSY); /* our second reference */
	CHECK_EQ(vfs_umount(&p, 0), 0);
	CHECK_EQ(t_ino("/mnt", 0), below);
	CHECK_EQ(t_rmdir("/mnt"), 0);
}
