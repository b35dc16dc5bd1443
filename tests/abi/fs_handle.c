// SPDX-License-Identifier: BSD-2-Clause
/* name_to_handle_at(2), open_by_handle_at(2). */
#include "mnt.h"

#ifndef AT_HANDLE_FID
#define AT_HANDLE_FID 0x200
#endif

static union {
	struct file_handle h;
	char room[256];
} u, v;

static int name_to(int dirfd, const char *path, unsigned bytes, int *id, int flags)
{
	memset(&u, 0, sizeof(u));
	u.h.handle_bytes = bytes;
	return syscall(SYS_name_to_handle_at, dirfd, path, &u, id, flags);
}

static int by_handle(int fd, void *h, int flags)
{
	return syscall(SYS_open_by_handle_at, fd, h, flags);
}

int main(void)
{
	int id, id2, fd, top_fd;
	unsigned long long unique = 0;

	own_mounts();
	dirs("d");
	put_file("d/f", "content", 7, 0644);
	symlink("d/f", "link");
	top_fd = open(".", O_RDONLY | O_DIRECTORY);
	R(name_to(AT_FDCWD, "d/f", 0, &id, 0));
	V(u.h.handle_bytes);
	V(u.h.handle_type);
	R(name_to(AT_FDCWD, "d/f", 11, &id, 0));
	R(name_to(AT_FDCWD, "d/f", 129, &id, 0));
	R(name_to(AT_FDCWD, "d/f", 128, &id, 0x8000));
	R(name_to(AT_FDCWD, "d/none", 128, &id, 0));
	R(name_to(AT_FDCWD, "d/f", 128, NULL, 0));
	R(syscall(SYS_name_to_handle_at, AT_FDCWD, "d/f", NULL, &id, 0));
	R(name_to(AT_FDCWD, "", 128, &id, 0));
	R(name_to(top_fd, "", 128, &id2, AT_EMPTY_PATH));
	R(name_to(AT_FDCWD, "d/f", 128, &id, 0));
	V(u.h.handle_bytes);
	V(u.h.handle_type);
	IS(id == id2);
	R(syscall(SYS_name_to_handle_at, AT_FDCWD, "d/f", &u, &unique, 1));
	IS(unique > 1ull << 31);
	v = u;
	name_to(AT_FDCWD, "link", 128, &id, 0);
	IS(memcmp(&u, &v, 20) != 0);
	name_to(AT_FDCWD, "link", 128, &id, AT_SYMLINK_FOLLOW);
	IS(memcmp(&u, &v, 20) == 0);
	R(by_handle(-7, &u, O_RDONLY));
	R((fd = by_handle(top_fd, &u, O_RDONLY)) >= 0);
	char buf[64] = "";
	R(read(fd, buf, sizeof(buf)));
	S(buf);
	close(fd);
	R(by_handle(AT_FDCWD, &u, O_RDONLY | O_DIRECTORY));
	R(rename("d/f", "moved"));
	R(link("moved", "second"));
	R(unlink("moved"));
	R((fd = by_handle(top_fd, &u, O_RDWR)) >= 0);
	R(write(fd, "C", 1));
	close(fd);
	S(get_file("second"));
	R(unlink("second"));
	R(by_handle(top_fd, &u, O_RDONLY));
	name_to(AT_FDCWD, "d", 128, &id, 0);
	R((fd = by_handle(top_fd, &u, O_RDONLY | O_DIRECTORY)) >= 0);
	R(openat(fd, "new", O_CREAT | O_WRONLY, 0600) >= 0);
	R(access("d/new", F_OK));
	u.h.handle_bytes = 0;
	R(by_handle(top_fd, &u, O_RDONLY));
	u.h.handle_bytes = 129;
	R(by_handle(top_fd, &u, O_RDONLY));
	u.h.handle_bytes = 8;
	R(by_handle(top_fd, &u, O_RDONLY));
	R(by_handle(top_fd, NULL, O_RDONLY));
	memset(&u, 0xff, sizeof(u));
	u.h.handle_bytes = 12;
	u.h.handle_type = 1;
	R(by_handle(top_fd, &u, O_RDONLY));
	R(name_to(AT_FDCWD, "/proc/self", 128, &id, 0));
	R(name_to(AT_FDCWD, "/proc/self", 128, &id, AT_HANDLE_FID));
	CHILD {
		become(1000);
		R(name_to(AT_FDCWD, "d", 128, &id, 0));
		R(by_handle(top_fd, &u, O_RDONLY));
	}
	REAP("user");
	return 0;
}
