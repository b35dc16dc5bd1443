/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc: the kernel itself and what it runs on; and settings of /proc/sys that only show.
 */
#include "proc_fs.h"
#include <arch/boot.h>
#include <debug/panic.h>
#include <debug/symtab.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <proc/cred.h>

static u32 kptr_restrict;

/* One function a record. Who may not know where the kernel lies sees zeroes. */
static int next_kallsyms(struct pseudo_text *t)
{
	const char *name;
	vaddr_t addr;

	if (!symtab_at(&symtab_kernel, (u32)t->cursor, &name, &addr))
		return 0;
	if (READ_ONCE(kptr_restrict) >= 2 || !capable(CAP_SYSLOG))
		addr = 0;
	strbuf_printf(&t->sb, "%016llx t %s\n", (u64)addr, name);
	t->cursor++;
	return 1;
}

static const char *const range_names[] = {
	[MEM_USABLE] = "System RAM", [MEM_RESERVED] = "Reserved", [MEM_ACPI] = "ACPI Tables", [MEM_NVS] = "ACPI Non-volatile Storage",
	[MEM_BAD] = "Unusable memory", [MEM_KERNEL] = "System RAM", [MEM_INITRD] = "System RAM"};

/* What the firmware said of memory; the kernel's and the initramfs' places are memory like any other. */
static int show_iomem(struct pseudo_text *t)
{
	bool hide = !capable(CAP_SYS_ADMIN);

	for (unsigned i = 0; i < boot_info.nranges; i++) {
		const struct mem_range *r = &boot_info.ranges[i];
		const char *name = range_names[r->kind];
		u64 end = r->base + r->len;

		for (; i + 1 < boot_info.nranges && boot_info.ranges[i + 1].base == end && range_names[boot_info.ranges[i + 1].kind] == name; i++)
			end += boot_info.ranges[i + 1].len;
		strbuf_printf(&t->sb, "%08llx-%08llx : %s\n", hide ? 0 : (u64)r->base, hide ? 0 : end - 1, name);
	}
	return 0;
}

/* There are no modules. */
static int show_modules(struct pseudo_text *t)
{
	return 0;
}

static int show_execdomains(struct pseudo_text *t)
{
	strbuf_puts(&t->sb, "0-0\tLinux           \t[kernel]\n");
	return 0;
}

/* The drivers of kernel/io/tty and vt: name, node, major, minors, kind. */
static int show_tty_drivers(struct pseudo_text *t)
{
	strbuf_puts(&t->sb, "/dev/tty             /dev/tty        5       0 system:/dev/tty\n"
			    "/dev/console         /dev/console    5       1 system:console\n"
			    "/dev/ptmx            /dev/ptmx       5       2 system\n"
			    "/dev/vc/0            /dev/vc/0       4       0 system:vtmaster\n"
			    "serial               /dev/ttyS       4 64-255 serial\n"
			    "pty_slave            /dev/pts      136 0-1048575 pty:slave\n"
			    "pty_master           /dev/ptm      128 0-1048575 pty:master\n"
			    "unknown              /dev/tty        4 1-63 console\n");
	return 0;
}

static const struct pseudo_file files[] = {
	{.name = "kallsyms", .mode = 0444, .next = next_kallsyms},
	{.name = "iomem", .mode = 0400, .show = show_iomem},
	{.name = "modules", .mode = 0444, .show = show_modules},
	{.name = "execdomains", .mode = 0444, .show = show_execdomains},
};
static const struct pseudo_file tty_drivers = {.name = "drivers", .mode = 0444, .show = show_tty_drivers};

/* ---- settings ---- */

struct objects {
	const char *name;
	u64 live;
};

static void find_cache(const struct slab_info *i, void *arg)
{
	struct objects *o = arg;

	if (strcmp(i->name, o->name) == 0)
		o->live = i->live;
}

static u64 live(const char *cache)
{
	struct objects o = {.name = cache};

	slab_for_each(find_cache, &o);
	return o.live;
}

/* Names in the cache; of the unused ones there is no count that could be read without a lock. */
static int get_dentry_state(const struct sysctl *s, struct strbuf *sb)
{
	strbuf_printf(sb, "%llu\t0\t45\t0\t0\t0\n", live("dentry"));
	return 0;
}

static int get_inode_nr(const struct sysctl *s, struct strbuf *sb)
{
	strbuf_printf(sb, s->min ? "%llu\t0\t0\t0\t0\t0\t0\n" : "%llu\t0\n", live("inode") + live("tmpfs_inode"));
	return 0;
}

static int get_number(const struct sysctl *s, struct strbuf *sb)
{
	strbuf_printf(sb, "%lld\n", s->min);
	return 0;
}

static int get_last_pid(const struct sysctl *s, struct strbuf *sb)
{
	strbuf_printf(sb, "%d\n", pid_last());
	return 0;
}

static const struct sysctl table[] = {
	{"kernel/kptr_restrict", 0644, SYSCTL_INT, SYSCTL_CAP(CAP_SYS_ADMIN), &kptr_restrict, 0, 2},
	{"kernel/modules_disabled", 0444, SYSCTL_CALL, .get = get_number, .min = 1},
	{"kernel/ns_last_pid", 0444, SYSCTL_CALL, .get = get_last_pid},
	{"kernel/sysrq", 0444, SYSCTL_CALL, .get = get_number, .min = 1},
	{"fs/dentry-state", 0444, SYSCTL_CALL, .get = get_dentry_state},
	{"fs/inode-nr", 0444, SYSCTL_CALL, .get = get_inode_nr},
	{"fs/inode-state", 0444, SYSCTL_CALL, .get = get_inode_nr, .min = 1},
};

void proc_machine_init(void)
{
	struct pseudo_node *tty;

	if (pseudo_add_files(procfs_root, files, ARRAY_SIZE(files), NULL) || pseudo_add_dir(procfs_root, "tty", &tty)
		|| pseudo_add_file(tty, &tty_drivers, NULL, NULL))
		panic("no memory for /proc");
	sysctl_register(table, ARRAY_SIZE(table));
}
