// SPDX-License-Identifier: BSD-2-Clause
/* Overlays: names that move, with and without redirect_dir. */
#include "overlay.h"
#include <linux/fs.h>

static int rename2(const char *from, const char *to, unsigned flags)
{
	return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

static void fresh(void)
{
	NEED(chdir(top));
	NEED(umount2(".", MNT_DETACH) ? 0 : 0);
	NEED(mount("play", top, "tmpfs", 0, "mode=755"));
	NEED(chdir(top));
	layers();
	put("l1/f1", "f1");
	put("l2/f2", "f2");
	NEED(mkdir("l1/both", 0755));
	NEED(mkdir("l2/both", 0755));
	put("l1/both/a", "a");
	put("l2/both/b", "b");
	NEED(mkdir("l2/low", 0755));
	put("l2/low/c", "c");
	NEED(mkdir("l2/low/sub", 0755));
	put("l2/low/sub/d", "d");
	NEED(mkdir("l2/empty", 0755));
}

static void files(void)
{
	HEAD("files");
	fresh();
	OK(overlay(STD));
	OK(rename("m/f1", "m/g1"));
	OK(rename("m/f2", "m/g1"));
	cat("m/g1");
	OK(rename("m/g1", "m/f2"));
	cat("m/f2");
	show_tree("u", true);
	OK(rename("m/f2", "m/both/a"));
	cat("m/both/a");
	OK(rename("m/both/b", "m/b"));
	R(rename2("m/b", "m/both/a", RENAME_NOREPLACE));
	OK(rename2("m/b", "m/bb", RENAME_NOREPLACE));
	OK(rename2("m/bb", "m/both/a", RENAME_EXCHANGE));
	cat("m/bb");
	cat("m/both/a");
	R(rename2("m/bb", "m/b", RENAME_WHITEOUT));
	R(rename2("m/bb", "m/b", RENAME_EXCHANGE));
	show_tree("m", true);
	show_tree("u", true);
	OK(umount("m"));
	OK(overlay(STD));
	show_tree("m", true);
	OK(umount("m"));
}

static void directories(const char *options)
{
	HEAD(options);
	fresh();
	OK(overlay(options));
	show_mounts("mounts");
	R(rename("m/both", "m/moved"));
	R(rename("m/low", "m/moved2"));
	R(rename("m/empty", "m/moved3"));
	OK(mkdir("m/new", 0755));
	put("m/new/f", "new");
	OK(rename("m/new", "m/new2"));
	OK(rename("m/new2", "m/empty"));
	OK(mkdir("m/new", 0755));
	R(rename("m/new", "m/low"));
	OK(rename("m/new", "m/fresh"));
	R(rename("m/fresh", "m/f1"));
	R(rename("m/f1", "m/fresh"));
	R(rename("m/fresh", "m/fresh/in"));
	R(rename2("m/fresh", "m/f1", RENAME_EXCHANGE));
	R(rename2("m/fresh", "m/low", RENAME_EXCHANGE));
	show_tree("m", true);
	show_tree("u", true);
	OK(umount("m"));
	OK(overlay(options));
	show_tree("m", true);
	OK(umount("m"));
}

static void redirects(void)
{
	HEAD("redirects");
	fresh();
	OK(overlay(STD ",redirect_dir=on"));
	OK(rename("m/low", "m/deep"));
	OK(rename("m/deep/sub", "m/sub"));
	OK(mkdir("m/p", 0755));
	OK(rename("m/deep", "m/p/q"));
	put("m/p/q/c", "changed");
	OK(rename("m/sub", "m/p/sub"));
	show_tree("m", true);
	show_tree("u", true);
	OK(umount("m"));
	OK(overlay(STD));
	show_tree("m", true);
	OK(umount("m"));
	OK(overlay(STD ",redirect_dir=nofollow"));
	show_mounts("mounts");
	OK(umount("m"));
}

int main(void)
{
	own_mounts();
	files();
	directories(STD);
	directories(STD ",redirect_dir=on");
	redirects();
	return 0;
}
