// SPDX-License-Identifier: BSD-2-Clause
/* Overlays: open files over a copy-up, mappings, numbers, sparse files, locks, watches, execution, attributes. */
#include "overlay.h"
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/statfs.h>

static void say_read(const char *what, int fd)
{
	char buf[64];
	ssize_t n = pread(fd, buf, sizeof(buf) - 1, 0);

	buf[n < 0 ? 0 : n] = 0;
	say("%s: %zd \"%s\"\n", what, n, buf);
}

static void descriptors(void)
{
	int ro, rw;
	char *map;

	HEAD("descriptors");
	put("l1/f", "lower bytes");
	OK(overlay(STD));
	ro = (int)OK(open("m/f", O_RDONLY));
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, ro, 0);
	IS(map != MAP_FAILED);
	say("map: %.5s\n", map);
	rw = (int)OK(open("m/f", O_RDWR));
	R(pwrite(rw, "UPPER", 5, 0));
	say_read("rw", rw);
	say_read("ro", ro);
	say("map: %.5s\n", map);
	munmap(map, 4096);
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, rw, 0);
	IS(map != MAP_FAILED);
	memcpy(map, "mapped", 6);
	say_read("ro", ro);
	R(msync(map, 4096, MS_SYNC));
	munmap(map, 4096);
	cat("u/f");
	cat("l1/f");
	R(fsync(ro));
	R(fdatasync(rw));
	R(ftruncate(rw, 3));
	R(lseek(ro, 0, SEEK_END));
	R(posix_fallocate(rw, 0, 100));
	R(lseek(ro, 0, SEEK_END));
	OK(unlink("m/f"));
	say_read("ro", ro);
	R(pwrite(rw, "x", 1, 0));
	R(fchmod(ro, 0600));
	close(ro);
	close(rw);
	put("l1/g", "goes");
	ro = (int)OK(open("m/g", O_RDONLY));
	OK(unlink("m/g"));
	say_read("unlinked lower", ro);
	IS(fchmod(ro, 0600) != 0);
	close(ro);
	OK(umount("m"));
}

static void numbers(const char *options)
{
	struct stat before, after, dir, sub;
	struct dirent *e;
	DIR *d;

	HEAD(options);
	put("l1/num", "n");
	NEED(mkdir("l1/numdir", 0755));
	NEED(mkdir("l2/numdir", 0755));
	put("l1/numdir/f", "n");
	put("u/pure", "p");
	OK(overlay(options));
	NEED(stat("m/num", &before));
	NEED(stat("m", &dir));
	NEED(stat("l1/num", &after));
	IS(before.st_ino == after.st_ino);
	IS(before.st_dev == dir.st_dev);
	IS(before.st_dev == after.st_dev);
	OK(chmod("m/num", 0600));
	NEED(stat("m/num", &after));
	IS(before.st_ino == after.st_ino && before.st_dev == after.st_dev);
	NEED(stat("m/numdir", &before));
	IS(before.st_dev == dir.st_dev);
	V(before.st_nlink);
	OK(chmod("m/numdir/f", 0600));
	NEED(stat("m/numdir", &after));
	IS(before.st_ino == after.st_ino && before.st_dev == after.st_dev);
	NEED(stat("m/pure", &before));
	IS(before.st_dev == dir.st_dev);
	NEED(stat("m/numdir/f", &sub));
	d = opendir("m/numdir");
	while (d && (e = readdir(d))) {
		/* Without unique numbers Linux shows that of the copy. */
		if (!strcmp(e->d_name, "f") && sub.st_dev == dir.st_dev)
			IS(e->d_ino == sub.st_ino);
	}
	closedir(d);
	OK(umount("m"));
	OK(overlay(options));
	NEED(stat("m/numdir/f", &after));
	IS(after.st_ino == sub.st_ino);
	OK(umount("m"));
	OK(unlink("u/num"));
	OK(unlink("u/numdir/f"));
	OK(rmdir("u/numdir"));
	OK(unlink("u/pure"));
	unlink("l1/num");
	unlink("l1/numdir/f");
	rmdir("l1/numdir");
	rmdir("l2/numdir");
}

static void links(void)
{
	struct stat a, b;

	HEAD("hard links");
	put("l1/one", "one");
	OK(link("l1/one", "l1/two"));
	put("l1/single", "s");
	OK(overlay(STD));
	NEED(stat("m/one", &a));
	NEED(stat("m/two", &b));
	IS(a.st_ino == b.st_ino);
	V(a.st_nlink);
	put("m/one", "changed");
	cat("m/two");
	NEED(stat("m/one", &a));
	V(a.st_nlink);
	OK(link("m/single", "m/single2"));
	NEED(stat("m/single", &a));
	NEED(stat("m/single2", &b));
	IS(a.st_ino == b.st_ino);
	V(a.st_nlink);
	put("m/single2", "both");
	cat("m/single");
	OK(unlink("m/single"));
	cat("m/single2");
	NEED(stat("m/single2", &b));
	V(b.st_nlink);
	OK(rename("m/single2", "m/two"));
	cat("m/two");
	OK(link("m/two", "l2/x"));
	int fd = (int)OK(open("m", O_TMPFILE | O_RDWR, 0600));
	R(write(fd, "tmp", 3));
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	OK(linkat(AT_FDCWD, path, AT_FDCWD, "m/tmp", AT_SYMLINK_FOLLOW));
	close(fd);
	cat("m/tmp");
	show_tree("u", true);
	OK(umount("m"));
}

static void sparse(void)
{
	struct stat st;
	int fd = (int)NEED(open("l1/sparse", O_RDWR | O_CREAT, 0644));

	HEAD("sparse");
	NEED(pwrite(fd, "x", 1, 8 << 20));
	NEED(ftruncate(fd, 16 << 20));
	close(fd);
	OK(overlay(STD));
	OK(chmod("m/sparse", 0600));
	NEED(stat("u/sparse", &st));
	V(st.st_size);
	IS(st.st_blocks <= 4096);
	fd = (int)OK(open("m/sparse", O_RDONLY));
	R(lseek(fd, 0, SEEK_DATA));
	R(lseek(fd, 10 << 20, SEEK_DATA));
	close(fd);
	OK(umount("m"));
}

static void attributes(void)
{
	struct stat a, b;
	struct timespec t[2] = {{1000, 5}, {2000, 7}};
	char val[64];

	HEAD("attributes");
	put("l1/attr", "a");
	OK(setxattr("l1/attr", "user.u", "1", 1, 0));
	OK(setxattr("l1/attr", "trusted.t", "2", 1, 0));
	OK(setxattr("l1/attr", "trusted.overlay.odd", "3", 1, 0));
	OK(chown("l1/attr", 7, 8));
	OK(chmod("l1/attr", 06755));
	OK(utimensat(AT_FDCWD, "l1/attr", t, 0));
	OK(overlay(STD));
	R(getxattr("m/attr", "trusted.overlay.odd", val, sizeof(val)));
	OK(setxattr("m/attr", "user.v", "4", 1, 0));
	NEED(stat("l1/attr", &a));
	NEED(stat("u/attr", &b));
	IS(a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec);
	IS(a.st_atim.tv_sec == b.st_atim.tv_sec && a.st_atim.tv_nsec == b.st_atim.tv_nsec);
	show_tree("u/attr", true);
	R(getxattr("m/attr", "trusted.overlay.origin", val, sizeof(val)));
	OK(setxattr("m/attr", "trusted.overlay.mine", "5", 1, 0));
	R(getxattr("m/attr", "trusted.overlay.mine", val, sizeof(val)));
	show_tree("m/attr", true);
	show_tree("u/attr", true);
	OK(removexattr("m/attr", "trusted.overlay.mine"));
	R(removexattr("m/attr", "user.none"));
	R(setxattr("m/attr", "user.u", "x", 1, XATTR_CREATE));
	R(setxattr("m/attr", "user.w", "x", 1, XATTR_REPLACE));
	CHILD {
		NEED(setresuid(9, 9, 9));
		show_xattrs("m/attr");
		say("\n");
		R(setxattr("m/attr", "user.v", "5", 1, 0));
	}
	wait(NULL);
	CHILD {
		NEED(setresuid(7, 7, 7));
		int fd = (int)OK(open("m/attr", O_WRONLY));

		R(write(fd, "b", 1));
	}
	wait(NULL);
	NEED(stat("m/attr", &a));
	say("mode %o\n", a.st_mode);
	NEED(stat("u/attr", &a));
	say("mode %o\n", a.st_mode);
	OK(umount("m"));
}

static void watching(void)
{
	char buf[4096];
	ssize_t n;
	int in = (int)NEED(inotify_init1(IN_NONBLOCK));

	HEAD("watches");
	put("l1/w", "w");
	NEED(mkdir("l1/wd", 0755));
	OK(overlay(STD));
	OK(inotify_add_watch(in, "m/w", IN_ALL_EVENTS));
	OK(inotify_add_watch(in, "m/wd", IN_ALL_EVENTS));
	put("m/w", "new");
	put("m/wd/f", "f");
	OK(chmod("m/wd", 0700));
	OK(rename("m/wd/f", "m/wd/g"));
	OK(unlink("m/wd/g"));
	n = read(in, buf, sizeof(buf));
	for (char *p = buf; n > 0 && p < buf + n;) {
		struct inotify_event *e = (void *)p;

		say("wd %d mask %#x %s\n", e->wd, e->mask, e->len ? e->name : "");
		p += sizeof(*e) + e->len;
	}
	close(in);
	OK(umount("m"));
}

static void locking(void)
{
	struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int a, b;

	HEAD("locks");
	put("l1/lock", "l");
	OK(overlay(STD));
	a = (int)OK(open("m/lock", O_RDONLY));
	R(flock(a, LOCK_EX | LOCK_NB));
	b = (int)OK(open("m/lock", O_RDWR));
	R(flock(b, LOCK_EX | LOCK_NB));
	R(fcntl(b, F_SETLK, &fl));
	CHILD {
		struct flock q = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

		R(fcntl(a, F_GETLK, &q));
		V(q.l_type);
	}
	wait(NULL);
	close(a);
	close(b);
	OK(umount("m"));
}

static void places(void)
{
	static const char letters[] = "abcdefghij";
	char path[32];
	struct dirent *e;
	int n = 0;
	DIR *d;

	HEAD("reading directories");
	NEED(mkdir("l1/many", 0755));
	NEED(mkdir("l2/many", 0755));
	for (int i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), "l%d/many/%c%d", i % 2 + 1, letters[i % 10], i);
		put(path, "");
	}
	OK(overlay(STD));
	d = opendir("m/many");
	while ((e = readdir(d)) && n < 50)
		n++;
	long at = telldir(d);
	char want[256];
	e = readdir(d);
	strcpy(want, e->d_name);
	seekdir(d, at);
	e = readdir(d);
	IS(!strcmp(want, e->d_name));
	OK(unlink("m/many/a0"));
	put("m/many/zz", "");
	rewinddir(d);
	bool gone = true, there = false;
	for (n = 0; (e = readdir(d)); n++) {
		gone &= strcmp(e->d_name, "a0") != 0;
		there |= !strcmp(e->d_name, "zz");
	}
	IS(gone);
	IS(there);
	V(n);
	closedir(d);
	OK(umount("m"));
}

static void rest(void)
{
	struct statfs sf, sm;

	HEAD("rest");
	OK(overlay(STD));
	NEED(statfs("u", &sf));
	NEED(statfs("m", &sm));
	X(sm.f_type);
	IS(sf.f_bsize == sm.f_bsize && sf.f_blocks == sm.f_blocks && sf.f_namelen == sm.f_namelen);
	int fd = (int)OK(open("m", O_RDONLY | O_DIRECTORY));
	R(fsync(fd));
	R(syncfs(fd));
	R(read(fd, &sf, 1));
	close(fd);
	R(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, "nonsense"));
	R(open("m/new", O_WRONLY | O_CREAT, 0600));
	R(mount(NULL, "m", NULL, MS_REMOUNT, NULL));
	OK(open("m/new", O_WRONLY | O_CREAT, 0600));
	OK(umount2("m", MNT_DETACH));
}

int main(void)
{
	own_mounts();
	layers();
	descriptors();
	numbers(STD);
	NEED(mount("other", "l1", "tmpfs", 0, NULL));
	numbers(STD);
	numbers(STD ",xino=on");
	NEED(umount("l1"));
	links();
	sparse();
	attributes();
	watching();
	locking();
	places();
	rest();
	return 0;
}
