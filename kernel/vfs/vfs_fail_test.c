/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every operation with every of its allocations failing once: it succeeds nevertheless, or says -ENOMEM and has changed nothing. Afterwards the same
 * operation works, and when it is undone nothing of it is left in memory.
 */
#include "test_env.h"
#include "test_ops.h"
#include "tmpfs.h"
#include "vfs_impl.h"
#include "../mm/test_env.h"
#include <lib/test.h>
#include <lib/string.h>
#include <mm/object.h>
#include <mm/reclaim.h>
#include <mm/slab.h>
#include <sched/work.h>
#include <vfs/fdtable.h>
#include <vfs/locks.h>
#include <vfs/rw.h>
#include <vfs/shmem.h>
#include <linux/fs.h>
#include <linux/mount.h>

#define LONG "a-name-that-is-longer-than-what-fits-into-the-entry-itself"

struct operation {
	const char *name;
	int (*run)(void);
	void (*undo)(void); /* NULL: run has undone it */
};

static struct file *held; /* an open file of 1 MiB, mostly holes */

static int op_mkdir(void)
{
	return t_mkdir("/f/" LONG);
}

static void undo_mkdir(void)
{
	CHECK_EQ(t_rmdir("/f/" LONG), 0);
}

static int op_create(void)
{
	return t_create("/f/" LONG);
}

static void undo_create(void)
{
	CHECK_EQ(t_unlink("/f/" LONG), 0);
}

static int op_symlink(void)
{
	return t_symlink("/f/" LONG "/" LONG "/" LONG, "/f/" LONG);
}

static int op_link(void)
{
	return t_link("/f/file", "/f/" LONG);
}

static int op_rename(void)
{
	return t_rename("/f/file", "/f/dir/" LONG, 0);
}

static void undo_rename(void)
{
	CHECK_EQ(t_rename("/f/dir/" LONG, "/f/file", 0), 0);
}

static int op_exchange(void)
{
	return t_rename("/f/file", "/f/dir", RENAME_EXCHANGE);
}

static void undo_exchange(void)
{
	CHECK_EQ(t_rename("/f/file", "/f/dir", RENAME_EXCHANGE), 0);
}

static int op_open(void)
{
	struct file *f;
	int err = t_open("/f/../f/./dir/../link", O_RDWR, &f);

	if (!err)
		file_put_sync(f);
	return err;
}

static int op_lookup_missing(void)
{
	s64 ino = t_ino("/f/dir/no-" LONG, 0);

	return ino == -ENOENT ? 0 : (int)ino;
}

static int op_write(void)
{
	static const char bytes[3 * PAGE_SIZE];
	ssize_t n = file_write_at(held, bytes, sizeof(bytes), 123456789);

	/* What was written stays, as on Linux: a short count is no error. */
	return n == sizeof(bytes) ? 0 : n < 0 ? (int)n : -ENOMEM;
}

static void undo_write(void)
{
	CHECK_EQ(inode_truncate(held->inode, 0, 0), 0);
	CHECK_EQ(inode_truncate(held->inode, 1 << 20, 0), 0);
}

static int op_read_hole(void)
{
	char buf[100];
	ssize_t n = file_read_at(held, buf, sizeof(buf), 70000);

	return n == sizeof(buf) ? 0 : (int)n;
}

static int op_xattr(void)
{
	return tmpfs_setxattr(held->inode, "user." LONG, LONG LONG, sizeof(LONG LONG), 0);
}

static void undo_xattr(void)
{
	CHECK_EQ(tmpfs_removexattr(held->inode, "user." LONG), 0);
}

static int op_descriptors(void)
{
	int n, fd = 0;

	for (n = 0; n < 300; n++) {
		file_get(held);
		fd = fd_add(held, false);
		if (fd < 0) {
			file_put(held);
			break;
		}
	}
	fd_close_range(0, ~0u, false);
	env_task_work_run();
	return fd < 0 ? fd : 0;
}

static int op_shmem(void)
{
	struct file *f;
	int err = shmem_create("some memory", 0, &f);

	if (!err)
		file_put_sync(f);
	return err;
}

static int op_mount(void)
{
	char options[] = "size=1m,mode=0700";
	struct path p;
	int err = path_lookup_kernel("/f/dir", 0, &p);

	if (err)
		return err;
	err = vfs_mount("none", &p, "tmpfs", MS_NODEV, options);
	path_put(&p);
	return err;
}

static void undo_mount(void)
{
	struct path p;

	REQUIRE(path_lookup_kernel("/f/dir", 0, &p) == 0);
	CHECK_EQ(vfs_umount(&p, 0), 0);
}

static int lock_range(u8 type, s64 start, s64 end)
{
	struct lock_range r = {.start = start, .end = end, .type = type, .pid = 1};

	return file_lock_set(held, LOCK_KIND_POSIX, env_task.files, &r, false);
}

/* A lock in the middle of another splits it. */
static int op_lock(void)
{
	int err = lock_range(F_WRLCK, 0, 100) ?: lock_range(F_RDLCK, 30, 40) ?: lock_range(F_UNLCK, 60, 70);

	file_locks_close(held, env_task.files);
	return err == -ENOLCK ? -ENOMEM : err;
}

static const struct operation operations[] = {
	{"mkdir", op_mkdir, undo_mkdir},
	{"create", op_create, undo_create},
	{"symlink", op_symlink, undo_create},
	{"link", op_link, undo_create},
	{"rename", op_rename, undo_rename},
	{"exchange", op_exchange, undo_exchange},
	{"open", op_open, NULL},
	{"lookup_missing", op_lookup_missing, NULL},
	{"write", op_write, undo_write},
	{"read_hole", op_read_hole, NULL},
	{"xattr", op_xattr, undo_xattr},
	{"descriptors", op_descriptors, NULL},
	{"shmem", op_shmem, NULL},
	{"mount", op_mount, undo_mount},
	{"lock", op_lock, NULL},
};

/* Objects in use, but for the magazines, which CPUs keep. */
static void count_live(const struct slab_info *info, void *arg)
{
	if (strncmp(info->name, "magazine", 8))
		*(u64 *)arg += info->live;
}

static u64 live_objects(void)
{
	u64 n = 0;

	env_task_work_run();
	vfs_shrink_dentries(~0ull);
	env_rcu_flush();
	reclaim_memory(~0ull);
	env_rcu_flush();
	slab_for_each(count_live, &n);
	return n;
}

static u64 pages_in_use(void)
{
	struct page_stats st;

	page_stats(&st);
	return st.by_kind[PAGE_CACHE] + st.by_kind[PAGE_ANON] + st.by_kind[PAGE_TABLE] + st.by_kind[PAGE_KERNEL];
}

static void undo(const struct operation *op)
{
	if (op->undo)
		op->undo();
}

static void sweep(const struct operation *op)
{
	u64 live, pages;
	u32 n = 1, left = 0;

	/* What is made once and kept is no leak. */
	CHECK_EQ(op->run(), 0);
	undo(op);
	live = live_objects();
	pages = pages_in_use();
	for (; !left && !test_failures(); n++) {
		int err;

		env_fail_nth(n);
		err = op->run();
		left = env_fail_left();
		env_fail_nth(0);
		/* tmpfs says ENOSPC where no inode can be had, as Linux' does. */
		if (err && err != -ENOMEM && err != -ENOSPC)
			FAIL("%s: allocation %u fails: error %d", op->name, n, err);
		if (err && left)
			FAIL("%s: error %d, and nothing had failed", op->name, err);
		if (err) {
			err = op->run();
			if (err)
				FAIL("%s: allocation %u failed: error %d afterwards", op->name, n, err);
		}
		undo(op);
		if (live_objects() != live || pages_in_use() != pages)
			FAIL("%s: allocation %u fails: %lld objects and %lld pages are left", op->name, n,
				(s64)(live_objects() - live), (s64)(pages_in_use() - pages));
		REQUIRE(n < 10000);
	}
}

TEST(every_failing_allocation)
{
	struct path p;

	vfs_env_init();
	REQUIRE(t_mkdir("/f") == 0 && t_mkdir("/f/dir") == 0 && t_create("/f/file") == 0);
	REQUIRE(t_symlink("dir/../file", "/f/link") == 0);
	REQUIRE(t_open("/f/held", O_CREAT | O_RDWR, &held) == 0);
	REQUIRE(inode_truncate(held->inode, 1 << 20, 0) == 0);
	REQUIRE(path_lookup_kernel("/f/dir", 0, &p) == 0);
	path_put(&p);
	for (unsigned i = 0; i < ARRAY_SIZE(operations); i++)
		sweep(&operations[i]);
	file_put_sync(held);
}
