/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/sysvipc and the limits in /proc/sys/kernel.
 */
#include <init/initcall.h>
#include <io/sysv.h>
#include <lib/parse.h>
#include <lib/strbuf.h>
#include <lib/string.h>
#include <vfs/procfs.h>
#include <linux/capability.h>

/* cursor 0: the heading; i + 1: the first object from index i on. */
static int next_line(struct pseudo_text *t, const char *heading, bool (*show)(u32 *index, struct strbuf *sb))
{
	u32 index = (u32)t->cursor - 1;

	if (!t->cursor) {
		strbuf_puts(&t->sb, heading);
		t->cursor = 1;
		return 1;
	}
	if (!show(&index, &t->sb))
		return 0;
	t->cursor = index + 2;
	return 1;
}

static int next_shm(struct pseudo_text *t)
{
	return next_line(t,
		"       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime"
		"                   rss                  swap\n",
		sysv_shm_show);
}

static int next_sem(struct pseudo_text *t)
{
	return next_line(t, "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n", sysv_sem_show);
}

static int next_msg(struct pseudo_text *t)
{
	return next_line(t,
		"       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n",
		sysv_msg_show);
}

static const struct pseudo_file files[] = {
	{.name = "shm", .mode = 0444, .next = next_shm},
	{.name = "sem", .mode = 0444, .next = next_sem},
	{.name = "msg", .mode = 0444, .next = next_msg},
};

static int get_sem(const struct sysctl *s, struct strbuf *sb)
{
	const u32 *l = sysv_sem_limits;

	strbuf_printf(sb, "%u\t%u\t%u\t%u\n", READ_ONCE(l[0]), READ_ONCE(l[1]), READ_ONCE(l[2]), READ_ONCE(l[3]));
	return 0;
}

/* As many of the four as are written; nothing changes if one is wrong. */
static int set_sem(const struct sysctl *s, char *text)
{
	static const u32 most[4] = {65536, 0x7fffffff, 65536, 32768};
	u32 given[4], n = 0;
	char *word;

	while (n < 4 && (word = strsep(&text, " \t"))) {
		if (!*word)
			continue;
		if (strtou32(word, 0, &given[n]) || given[n] > most[n])
			return -EINVAL;
		n++;
	}
	for (u32 i = 0; i < n; i++)
		WRITE_ONCE(sysv_sem_limits[i], given[i]);
	return 0;
}

static const struct sysctl sysctls[] = {
	{.path = "kernel/shmmax", .mode = 0644, .type = SYSCTL_U64, .var = &sysv_shmmax},
	{.path = "kernel/shmall", .mode = 0644, .type = SYSCTL_U64, .var = &sysv_shmall},
	{.path = "kernel/shmmni", .mode = 0644, .type = SYSCTL_INT, .var = &sysv_shmmni, .max = 32768},
	{.path = "kernel/msgmax", .mode = 0644, .type = SYSCTL_INT, .var = &sysv_msgmax, .max = 0x7fffffff},
	{.path = "kernel/msgmnb", .mode = 0644, .type = SYSCTL_INT, .var = &sysv_msgmnb, .max = 0x7fffffff},
	{.path = "kernel/msgmni", .mode = 0644, .type = SYSCTL_INT, .var = &sysv_msgmni, .max = 32768},
	{.path = "kernel/sem", .mode = 0644, .type = SYSCTL_CALL, .get = get_sem, .set = set_sem},
};

static int sysv_show_init(void)
{
	struct pseudo_node *dir;
	int err = pseudo_add_dir(procfs_root, "sysvipc", &dir);

	if (!err)
		err = pseudo_add_files(dir, files, ARRAY_SIZE(files), NULL);
	if (!err)
		sysctl_register(sysctls, ARRAY_SIZE(sysctls));
	return err;
}

INITCALL(sysvipc, "procfs", sysv_show_init);
