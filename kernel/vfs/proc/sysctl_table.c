/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The settings of /proc/sys whose owners have no table of their own. Each is backed by what it names.
 */
#include "proc_fs.h"
#include <debug/log.h>
#include <debug/panic.h>
#include <lib/ctype.h>
#include <lib/parse.h>
#include <lib/string.h>
#include <vm/hugetlb.h>
#include <mm/page.h>
#include <mm/reclaim.h>
#include <mm/space.h>
#include <proc/coredump.h>
#include <proc/cred.h>
#include <proc/uts.h>
#include <security/random.h>
#include <sync/rcu.h>
#include <vfs/fdtable.h>
#include <vfs/hugetlbfs.h>
#include <vfs/locks.h>
#include <vfs/shmem.h>
#include <vfs/writeback.h>

/* ---- kernel ---- */

static int get_uts(const struct sysctl *s, struct strbuf *sb)
{
	struct new_utsname u;

	uts_read(&u);
	strbuf_printf(sb, "%s\n", (const char *)&u + (unsigned long)s->min);
	return 0;
}

/* As Linux: what is too long is cut. */
static int set_uts(const struct sysctl *s, char *text)
{
	uts_write(s->min == offsetof(struct new_utsname, domainname), text, min_t(size_t, strlen(text), __NEW_UTS_LEN));
	return 0;
}

static int get_pid_max(const struct sysctl *s, struct strbuf *sb)
{
	strbuf_printf(sb, "%d\n", pid_max());
	return 0;
}

static int set_pid_max(const struct sysctl *s, char *text)
{
	s32 v;

	return strtos32(text, 0, &v) ? -EINVAL : pid_set_max(v);
}

static int get_printk(const struct sysctl *s, struct strbuf *sb)
{
	strbuf_printf(sb, "%d\t%d\t1\t%d\n", log_console_level(), LOG_WARN, LOG_DEBUG);
	return 0;
}

/* Of the four numbers only the first, the level of the consoles, can be changed. */
static int set_printk(const struct sysctl *s, char *text)
{
	size_t len = 0;
	s32 v;

	while (text[len] && !is_space(text[len]))
		len++;
	text[len] = '\0';
	if (strtos32(text, 10, &v))
		return -EINVAL;
	log_set_console_level(v);
	return 0;
}

/* In use, free, at most. */
static int get_file_nr(const struct sysctl *s, struct strbuf *sb)
{
	strbuf_printf(sb, "%llu\t0\t%llu\n", vfs_files(), READ_ONCE(vfs_file_max));
	return 0;
}

static int get_min_free(const struct sysctl *s, struct strbuf *sb)
{
	struct page_stats st;

	page_stats(&st);
	strbuf_printf(sb, "%llu\n", st.reserve * (PAGE_SIZE / 1024));
	return 0;
}

static int get_const(const struct sysctl *s, struct strbuf *sb)
{
	strbuf_printf(sb, "%lld\n", s->min);
	return 0;
}

/* ---- vm ---- */

static int get_overcommit(const struct sysctl *s, struct strbuf *sb)
{
	strbuf_printf(sb, "%llu\n", s->min ? READ_ONCE(vm_overcommit_kbytes) : READ_ONCE(vm_overcommit_ratio));
	return 0;
}

/* The one that was set last counts, the other is 0. */
static int set_overcommit_ratio(const struct sysctl *s, char *text)
{
	s32 v;

	if (strtos32(text, 0, &v) || v < 0)
		return -EINVAL;
	vm_overcommit_ratio = (unsigned)v;
	vm_overcommit_kbytes = 0;
	return 0;
}

static int set_overcommit_kbytes(const struct sysctl *s, char *text)
{
	u64 v;

	if (strtou64(text, 0, &v))
		return -EINVAL;
	vm_overcommit_kbytes = v;
	vm_overcommit_ratio = 0;
	return 0;
}

/* ---- kernel/random ---- */

static void make_uuid(u8 id[16])
{
	random_bytes(id, 16);
	id[6] = (u8)((id[6] & 0x0f) | 0x40); /* version 4: random [rfc9562 5.4] */
	id[8] = (u8)((id[8] & 0x3f) | 0x80);
}

static void put_uuid(struct strbuf *sb, const u8 id[16])
{
	for (int i = 0; i < 16; i++)
		strbuf_printf(sb, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", id[i]);
	strbuf_putc(sb, '\n');
}

static u8 boot_id[16];

static int get_uuid(const struct sysctl *s, struct strbuf *sb)
{
	u8 id[16];

	if (s->min) { /* boot_id */
		put_uuid(sb, boot_id);
		return 0;
	}
	make_uuid(id);
	put_uuid(sb, id);
	return 0;
}

static int get_entropy(const struct sysctl *s, struct strbuf *sb)
{
	strbuf_printf(sb, "%d\n", random_is_ready() ? 256 : 0);
	return 0;
}

/* ---- vm ---- */

static int no_text(const struct sysctl *s, struct strbuf *sb)
{
	return -EINVAL;
}

static int set_drop_caches(const struct sysctl *s, char *text)
{
	s32 v;

	if (strtos32(text, 0, &v) || v < 1 || v > 4)
		return -EINVAL;
	/* 1: pages of files; 2: names and the like; 4 only says that Linux should not log it. */
	while ((v & 1) && reclaim_files(1u << 16))
		rcu_barrier();
	while ((v & 2) && reclaim_shrink(1u << 16))
		;
	return 0;
}

enum { POOL_TOTAL, POOL_OVERCOMMIT };

static int get_pool(const struct sysctl *s, struct strbuf *sb)
{
	struct hugetlb_stats pool;

	hugetlb_stats(&pool);
	strbuf_printf(sb, "%llu\n", s->min == POOL_TOTAL ? pool.total - pool.surplus : pool.overcommit);
	return 0;
}

static int set_pool(const struct sysctl *s, char *text)
{
	u64 n;

	if (strtou64(text, 0, &n))
		return -EINVAL;
	(s->min == POOL_TOTAL ? hugetlb_set_total : hugetlb_set_overcommit)(n);
	return 0;
}

/* Of a ratio and a number of bytes the one that was set last counts, the other is 0. */
static int set_dirty_ratio(const struct sysctl *s, char *text)
{
	bool background = s->min;
	s32 v;

	if (strtos32(text, 0, &v) || v < 0 || v > 100)
		return -EINVAL;
	WRITE_ONCE(*(background ? &dirty_background_ratio : &dirty_ratio), (unsigned)v);
	WRITE_ONCE(*(background ? &dirty_background_bytes : &dirty_bytes), 0);
	bdi_wake_all();
	return 0;
}

static int get_dirty_ratio(const struct sysctl *s, struct strbuf *sb)
{
	strbuf_printf(sb, "%u\n", READ_ONCE(*(s->min ? &dirty_background_ratio : &dirty_ratio)));
	return 0;
}

static int set_dirty_bytes(const struct sysctl *s, char *text)
{
	bool background = s->min;
	u64 v;

	if (strtou64(text, 0, &v) || v < (background ? 1 : 2 * PAGE_SIZE))
		return -EINVAL;
	WRITE_ONCE(*(background ? &dirty_background_bytes : &dirty_bytes), v);
	WRITE_ONCE(*(background ? &dirty_background_ratio : &dirty_ratio), 0);
	bdi_wake_all();
	return 0;
}

static int get_dirty_bytes(const struct sysctl *s, struct strbuf *sb)
{
	strbuf_printf(sb, "%llu\n", READ_ONCE(*(s->min ? &dirty_background_bytes : &dirty_bytes)));
	return 0;
}

static int set_dirty_period(const struct sysctl *s, char *text)
{
	s32 v;

	if (strtos32(text, 0, &v) || v < 0)
		return -EINVAL;
	WRITE_ONCE(dirty_writeback_centisecs, (unsigned)v);
	bdi_wake_all();
	return 0;
}

static int get_dirty_period(const struct sysctl *s, struct strbuf *sb)
{
	strbuf_printf(sb, "%u\n", READ_ONCE(dirty_writeback_centisecs));
	return 0;
}

#define UTS(field) .min = offsetof(struct new_utsname, field)
#define ROOT_INT(var_, lo, hi) .type = SYSCTL_INT, .var = &(var_), .min = lo, .max = hi

static const struct sysctl table[] = {
	{"kernel/hostname", 0644, SYSCTL_CALL, SYSCTL_CAP(CAP_SYS_ADMIN), UTS(nodename), .get = get_uts, .set = set_uts},
	{"kernel/domainname", 0644, SYSCTL_CALL, SYSCTL_CAP(CAP_SYS_ADMIN), UTS(domainname), .get = get_uts, .set = set_uts},
	{"kernel/ostype", 0444, SYSCTL_CALL, UTS(sysname), .get = get_uts},
	{"kernel/osrelease", 0444, SYSCTL_CALL, UTS(release), .get = get_uts},
	{"kernel/version", 0444, SYSCTL_CALL, UTS(version), .get = get_uts},
	{"kernel/arch", 0444, SYSCTL_CALL, UTS(machine), .get = get_uts},
	{"kernel/pid_max", 0644, SYSCTL_CALL, .get = get_pid_max, .set = set_pid_max},
	{"kernel/core_pattern", 0644, SYSCTL_STRING, 0, core_pattern, .max = sizeof(core_pattern)},
	{"kernel/core_uses_pid", 0644, ROOT_INT(core_uses_pid, S32_MIN, S32_MAX)},
	{"kernel/core_pipe_limit", 0644, ROOT_INT(core_pipe_limit, S32_MIN, S32_MAX)},
	{"kernel/printk", 0644, SYSCTL_CALL, .get = get_printk, .set = set_printk},
	{"kernel/panic", 0644, ROOT_INT(panic_timeout, S32_MIN, S32_MAX)},
	{"kernel/dmesg_restrict", 0644, ROOT_INT(log_restricted, 0, 1)},
	{"kernel/cap_last_cap", 0444, SYSCTL_CALL, .get = get_const, .min = CAP_LAST_CAP},
	{"kernel/ngroups_max", 0444, SYSCTL_CALL, .get = get_const, .min = NGROUPS_MAX},
	{"kernel/randomize_va_space", 0644, ROOT_INT(exec_randomize, 0, 2)},
	{"kernel/overflowuid", 0444, SYSCTL_CALL, .get = get_const, .min = 65534},
	{"kernel/overflowgid", 0444, SYSCTL_CALL, .get = get_const, .min = 65534},
	{"kernel/panic_on_oops", 0444, SYSCTL_CALL, .get = get_const, .min = 1}, /* there is no other way to go on */
	{"kernel/tainted", 0444, SYSCTL_CALL, .get = get_const, .min = 0},
	{"kernel/random/uuid", 0444, SYSCTL_CALL, .get = get_uuid},
	{"kernel/random/boot_id", 0444, SYSCTL_CALL, .get = get_uuid, .min = 1},
	{"kernel/random/entropy_avail", 0444, SYSCTL_CALL, .get = get_entropy},
	{"kernel/random/poolsize", 0444, SYSCTL_CALL, .get = get_const, .min = 256},
	{"vm/overcommit_memory", 0644, ROOT_INT(vm_overcommit_policy, 0, 2)},
	{"vm/overcommit_ratio", 0644, SYSCTL_CALL, .get = get_overcommit, .set = set_overcommit_ratio},
	{"vm/overcommit_kbytes", 0644, SYSCTL_CALL, .get = get_overcommit, .set = set_overcommit_kbytes, .min = 1},
	{"vm/admin_reserve_kbytes", 0644, SYSCTL_U64, 0, &vm_admin_reserve_kbytes},
	{"vm/user_reserve_kbytes", 0644, SYSCTL_U64, 0, &vm_user_reserve_kbytes},
	{"vm/max_map_count", 0644, ROOT_INT(vm_max_map_count, 0, S32_MAX)},
	{"vm/memfd_noexec", 0644, SYSCTL_INT, SYSCTL_CAP(CAP_SYS_ADMIN), &memfd_noexec, 0, 2},
	{"vm/mmap_min_addr", 0644, SYSCTL_U64, SYSCTL_CAP(CAP_SYS_RAWIO), &vm_mmap_min_addr},
	{"vm/nr_hugepages", 0644, SYSCTL_CALL, .get = get_pool, .set = set_pool, .min = POOL_TOTAL},
	{"vm/nr_overcommit_hugepages", 0644, SYSCTL_CALL, .get = get_pool, .set = set_pool, .min = POOL_OVERCOMMIT},
	{"vm/hugetlb_shm_group", 0644, ROOT_INT(hugetlb_shm_group, 0, S32_MAX)},
	{"vm/drop_caches", 0200, SYSCTL_CALL, .get = no_text, .set = set_drop_caches},
	{"vm/dirty_ratio", 0644, SYSCTL_CALL, .get = get_dirty_ratio, .set = set_dirty_ratio},
	{"vm/dirty_background_ratio", 0644, SYSCTL_CALL, .get = get_dirty_ratio, .set = set_dirty_ratio, .min = 1},
	{"vm/dirty_bytes", 0644, SYSCTL_CALL, .get = get_dirty_bytes, .set = set_dirty_bytes},
	{"vm/dirty_background_bytes", 0644, SYSCTL_CALL, .get = get_dirty_bytes, .set = set_dirty_bytes, .min = 1},
	{"vm/dirty_expire_centisecs", 0644, ROOT_INT(dirty_expire_centisecs, 0, S32_MAX)},
	{"vm/dirty_writeback_centisecs", 0644, SYSCTL_CALL, .get = get_dirty_period, .set = set_dirty_period},
	{"vm/min_free_kbytes", 0444, SYSCTL_CALL, .get = get_min_free},
	{"fs/overflowuid", 0444, SYSCTL_CALL, .get = get_const, .min = 65534},
	{"fs/overflowgid", 0444, SYSCTL_CALL, .get = get_const, .min = 65534},
	{"fs/file-nr", 0444, SYSCTL_CALL, .get = get_file_nr},
	{"fs/file-max", 0644, SYSCTL_U64, 0, &vfs_file_max},
	{"fs/nr_open", 0644, ROOT_INT(vfs_nr_open, 64, 1 << 30)},
	{"fs/suid_dumpable", 0644, ROOT_INT(suid_dumpable, DUMPABLE_NOT, DUMPABLE_ROOT)},
	{"fs/leases-enable", 0644, ROOT_INT(vfs_leases_enable, 0, 1)},
	{"fs/lease-break-time", 0644, ROOT_INT(vfs_lease_break_time, 0, S32_MAX)},
	{"fs/dir-notify-enable", 0644, ROOT_INT(vfs_dnotify_enable, 0, 1)},
	{"fs/protected_symlinks", 0600, ROOT_INT(vfs_protected_symlinks, 0, 1)},
	{"fs/protected_hardlinks", 0600, ROOT_INT(vfs_protected_hardlinks, 0, 1)},
	{"fs/protected_fifos", 0600, ROOT_INT(vfs_protected_fifos, 0, 2)},
	{"fs/protected_regular", 0600, ROOT_INT(vfs_protected_regular, 0, 2)},
};

void proc_sysctl_init(void)
{
	make_uuid(boot_id);
	sysctl_register(table, ARRAY_SIZE(table));
}
