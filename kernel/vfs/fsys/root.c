/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * root= on the command line, when the initramfs has no program to run: the device's file system is mounted over the root, as Linux does it, with devtmpfs on its
 * /dev. Words: root= rootfstype= rootflags= rootwait rootdelay= ro rw. [man bootparam(7), kernel-command-line(7)]
 */
#include "fsys_impl.h"
#include <debug/log.h>
#include <env/time.h>
#include <init/param.h>
#include <lib/parse.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <linux/mount.h>

#define SETTLE_NS 3000000000ull /* drivers may still be at it, though nobody asked to wait for ever */
#define STEP_NS	  50000000ull

static int find_device(const char *spec, struct bdev **out)
{
	bool forever = param_get("rootwait");
	u64 until = env_deadline(SETTLE_NS);
	int err;

	env_sleep_until(env_deadline(param_u64("rootdelay", 0) * 1000000000ull));
	for (;;) {
		err = bdev_find(spec, out);
		if (err != -ENODEV || (!forever && env_now() >= until))
			return err;
		env_sleep_until(env_deadline(STEP_NS));
	}
}

static int make_node(const char *path, u32 rdev)
{
	struct path_name *n;
	int err = path_name_kernel(path, &n);

	if (err)
		return err;
	err = vfs_mknodat(AT_FDCWD, n, S_IFBLK | 0600, rdev);
	path_name_put(n);
	return err == -EEXIST ? 0 : err;
}

static int mount_at(const char *source, const char *where, const char *type, u64 flags, const char *options)
{
	char *text = options ? kzalloc(PAGE_SIZE, 0) : NULL;
	struct path p;
	int err = options && !text ? -ENOMEM : path_lookup_kernel(where, LOOKUP_FOLLOW, &p);

	if (!err) {
		if (text)
			(void)!strscpy(text, options, PAGE_SIZE);
		err = vfs_mount(source, &p, type, flags, text);
		path_put(&p);
	}
	kfree(text);
	return err;
}

/* The types that rootfstype= names, or all that want a device, until one says that it is its own. */
static int try_types(u64 flags)
{
	const char *want = param_get("rootfstype"), *options = param_get("rootflags");
	char list[64], *rest = list, *type;
	int err = -ENODEV;

	if (want && *want) {
		(void)!strscpy(list, want, sizeof(list));
		while (err && (type = strsep(&rest, ",")))
			err = mount_at("/dev/root", "/root", type, flags, options);
		return err;
	}
	for (unsigned i = 0; err && i < fsys_placements_nr; i++) {
		if (fsys_placements[i].component->flags & FSYS_TYPE_NEEDS_DEVICE)
			err = mount_at("/dev/root", "/root", fsys_placements[i].type.name, flags, options);
	}
	return err;
}

/* What is mounted on /root becomes the root of everybody. */
static int move_root(void)
{
	struct path fresh, old;
	int err = path_lookup_kernel("/root", LOOKUP_FOLLOW, &fresh);

	if (err)
		return err;
	err = path_lookup_kernel("/", LOOKUP_FOLLOW, &old);
	if (!err) {
		err = vfs_move_mount(&fresh, &old, 0);
		path_put(&old);
	}
	if (!err) {
		fs_set_cwd(&fresh);
		fs_set_root(&fresh);
		fs_context_set(&fs_context_init, &fresh);
	}
	path_put(&fresh);
	return err;
}

int vfs_mount_root(void)
{
	const char *spec = param_get("root");
	u64 flags = param_get("rw") ? 0 : MS_RDONLY;
	struct bdev *b;
	u64 size;
	int err;

	if (!spec || !*spec)
		return -ENODEV;
	err = find_device(spec, &b);
	if (err) {
		klog(LOG_ERR, "root: there is no device '%s' (%d)", spec, err);
		return err;
	}
	size = bdev_size(b);
	err = make_node("/dev/root", bdev_rdev(b));
	if (!err)
		err = try_types(flags);
	if (err == -EACCES || err == -EROFS)
		err = try_types(flags | MS_RDONLY);
	if (!err)
		err = move_root();
	if (!err && mount_at("devtmpfs", "/dev", "devtmpfs", 0, NULL))
		klog(LOG_WARN, "root: devtmpfs cannot be mounted on /dev");
	klog(err ? LOG_ERR : LOG_INFO, "root: %s (%s, %llu MiB)%s: %d", spec, bdev_name(b), (unsigned long long)(size >> 20),
		err ? " cannot be mounted" : flags ? " mounted read-only" : " mounted", err);
	bdev_put(b);
	return err;
}
