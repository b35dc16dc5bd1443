/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/string.h>
#include <lib/config.h>
#include <arch/elf.h>
#include <proc/uts.h>
#include <sync/spinlock.h>

LOCK_CLASS(uts, RANK_LEAF, "host and domain name");

static struct spinlock uts_lock = SPINLOCK_INIT(uts);

/* Programs look at the release for what the kernel can do: it names the Linux whose interface this is. */
static struct new_utsname uts = {
	.sysname = "Linux",
	.nodename = "(none)",
	.release = "6.12.0-nos",
	.version = "#1 SMP PREEMPT NOS",
	.machine = ARCH_UTS_MACHINE,
	.domainname = "(none)",
};

void uts_read(struct new_utsname *out)
{
	spin_lock(&uts_lock);
	*out = uts;
	spin_unlock(&uts_lock);
}

void uts_write(bool domain, const char *name, size_t len)
{
	char *field = domain ? uts.domainname : uts.nodename;

	spin_lock(&uts_lock);
	memset(field, 0, sizeof(uts.nodename));
	memcpy(field, name, len);
	spin_unlock(&uts_lock);
}
