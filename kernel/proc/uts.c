/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UTS namespaces [man uts_namespaces(7)].
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <lib/config.h>
#include <arch/elf.h>
#include <linux/sched.h>
#include <mm/slab.h>
#include <proc/uts.h>
#include <sync/spinlock.h>

LOCK_CLASS(uts, RANK_LEAF, "host and domain names");

static struct spinlock uts_lock = SPINLOCK_INIT(uts);

static int uts_copy(struct ns *old, struct fs_context *fs, struct ns **out)
{
	struct uts_ns *ns = kmalloc(sizeof(*ns), 0);
	int err;

	if (!ns)
		return -ENOMEM;
	err = ns_init(&ns->ns, old->type);
	if (err) {
		kfree(ns);
		return err;
	}
	spin_lock(&uts_lock);
	ns->names = container_of(old, struct uts_ns, ns)->names;
	spin_unlock(&uts_lock);
	*out = &ns->ns;
	return 0;
}

static void uts_destroy(struct ns *ns)
{
	ns_fini(ns);
	kfree(container_of(ns, struct uts_ns, ns));
}

static const struct ns_type uts_type = {.name = "uts", .flag = CLONE_NEWUTS, .copy = uts_copy, .destroy = uts_destroy};

/* Programs look at the release for what the kernel can do: it names the Linux whose interface this is. */
struct uts_ns uts_ns_init = {
	.ns = {.refs = REFCOUNT_INIT(1), .ino = 0xeffffffe, .type = &uts_type},
	.names = {
		.sysname = "Linux",
		.nodename = "(none)",
		.release = "6.12.0-nos",
		.version = "#1 SMP PREEMPT NOS",
		.machine = ARCH_UTS_MACHINE,
		.domainname = "(none)",
	},
};

static struct new_utsname *current_names(void)
{
	return &container_of(nsproxy_current()->slot[NS_UTS], struct uts_ns, ns)->names;
}

void uts_read(struct new_utsname *out)
{
	spin_lock(&uts_lock);
	*out = *current_names();
	spin_unlock(&uts_lock);
}

void uts_write(bool domain, const char *name, size_t len)
{
	struct new_utsname *names = current_names();
	char *field = domain ? names->domainname : names->nodename;

	spin_lock(&uts_lock);
	memset(field, 0, sizeof(names->nodename));
	memcpy(field, name, len);
	spin_unlock(&uts_lock);
}
