// SPDX-License-Identifier: BSD-2-Clause
/* Overlays: many copy the same file up at once, names move meanwhile, directories are read while they change. */
#include "overlay.h"
#include <pthread.h>

#define FILES	40
#define WRITERS 4

static pthread_barrier_t start;

static void *append(void *arg)
{
	char path[64];

	pthread_barrier_wait(&start);
	for (int i = 0; i < FILES; i++) {
		int fd;

		snprintf(path, sizeof(path), "m/a/b/f%d", i);
		fd = open(path, O_WRONLY | O_APPEND);
		if (fd < 0 || write(fd, "x", 1) != 1)
			say("append %d: %s\n", i, err_name(errno));
		close(fd);
	}
	return arg;
}

static void *mode(void *arg)
{
	char path[64];

	pthread_barrier_wait(&start);
	for (int i = FILES - 1; i >= 0; i--) {
		snprintf(path, sizeof(path), "m/a/b/f%d", i);
		if (chmod(path, 0600))
			say("chmod %d: %s\n", i, err_name(errno));
	}
	return arg;
}

static void copying(void)
{
	pthread_t t[WRITERS + 1];
	struct stat st;
	char path[64];
	long long sizes = 0, modes = 0;

	HEAD("copy-up by many");
	OK(overlay(STD));
	pthread_barrier_init(&start, NULL, WRITERS + 1);
	for (long i = 0; i < WRITERS; i++)
		NEED(pthread_create(&t[i], NULL, append, NULL) ? -1 : 0);
	NEED(pthread_create(&t[WRITERS], NULL, mode, NULL) ? -1 : 0);
	for (int i = 0; i <= WRITERS; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "m/a/b/f%d", i);
		NEED(stat(path, &st));
		sizes += st.st_size;
		modes += st.st_mode & 0777;
	}
	V(sizes);
	V(modes);
	show_tree("w", false);
	OK(umount("m"));
}

static void *move(void *arg)
{
	char from[64], to[64];

	pthread_barrier_wait(&start);
	for (int i = 0; i < FILES; i++) {
		snprintf(from, sizeof(from), "m/c/g%d", i);
		snprintf(to, sizeof(to), "m/d/g%d", i);
		if (rename(from, to))
			say("rename %d: %s\n", i, err_name(errno));
	}
	return arg;
}

/* By either name, whichever it has just now. */
static void *change(void *arg)
{
	char path[64];

	pthread_barrier_wait(&start);
	for (int i = FILES - 1; i >= 0; i--) {
		int tries = 0, fd = -1;

		while (fd < 0 && tries++ < 100) {
			snprintf(path, sizeof(path), "m/%c/g%d", tries % 2 ? 'c' : 'd', i);
			fd = open(path, O_WRONLY | O_APPEND);
		}
		if (fd < 0 || write(fd, "y", 1) != 1)
			say("change %d: %s\n", i, err_name(errno));
		close(fd);
	}
	return arg;
}

static void *list(void *arg)
{
	pthread_barrier_wait(&start);
	for (int i = 0; i < 20; i++) {
		DIR *d = opendir(i % 2 ? "m/c" : "m/d");

		while (d && readdir(d))
			;
		if (!d)
			say("opendir: %s\n", err_name(errno));
		else
			closedir(d);
	}
	return arg;
}

static void moving(void)
{
	static void *(*const fns[])(void *) = {move, change, change, list};
	pthread_t t[4];
	struct stat st;
	char path[64];
	long long sizes = 0;

	HEAD("renames and copy-up");
	OK(overlay(STD));
	pthread_barrier_init(&start, NULL, 4);
	for (int i = 0; i < 4; i++)
		NEED(pthread_create(&t[i], NULL, fns[i], NULL) ? -1 : 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "m/d/g%d", i);
		NEED(stat(path, &st));
		sizes += st.st_size;
	}
	V(sizes);
	show_tree("m/c", false);
	OK(umount("m"));
}

int main(void)
{
	char path[64];

	own_mounts();
	layers();
	NEED(mkdir("l1/a", 0755));
	NEED(mkdir("l1/a/b", 0755));
	NEED(mkdir("l1/c", 0755));
	NEED(mkdir("l2/d", 0755));
	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "l1/a/b/f%d", i);
		put(path, "base");
		snprintf(path, sizeof(path), "l1/c/g%d", i);
		put(path, "base");
	}
	copying();
	moving();
	return 0;
}
