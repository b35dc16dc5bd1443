/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this processor is, what we do about its weaknesses, and its control registers.
 *
 * Mitigations, each with Linux' words on the command line: mitigations=off, pti=on|off, nopti, spectre_v2=off, nospectre_v1, nospectre_v2, mds=off,
 * nosmap, nosmep. Which processors need what: [intel, "Affected Processors"]; [amd, "Software techniques for managing speculation"].
 */
#include <lib/string.h>
#include <lib/printf.h>
#include <arch/boot.h>
#include <arch/smp.h>
#include <arch_x86/early.h>
#include <arch_x86/feature.h>
#include <arch_x86/insn.h>
#include <arch_x86/image.h>
#include <init/param.h>
#include <mm/page.h>
#include <debug/panic.h>

#define ARCH_CAP_RDCL_NO   (1ull << 0)
#define ARCH_CAP_IBRS_ALL  (1ull << 1)
#define ARCH_CAP_MDS_NO	   (1ull << 5)

u64 cpu_features;
struct cpu_model cpu_model;
extern const struct alternative __start_alternatives[], __stop_alternatives[];

static void set_if(unsigned feature, bool on)
{
	if (on)
		cpu_features |= 1ull << feature;
}

static bool is_vendor(const char *name)
{
	return strcmp(cpu_model.vendor, name) == 0;
}

static void read_name(struct cpu_model *m)
{
	struct cpuid_regs r;
	char *s = m->name;

	if (m->max_ext_leaf < 0x80000004)
		return;
	for (u32 leaf = 0x80000002; leaf <= 0x80000004; leaf++) {
		r = cpuid(leaf, 0);
		memcpy(s, &r, sizeof(r));
		s += sizeof(r);
	}
	*s = '\0';
}

static void read_model(struct cpu_model *m)
{
	struct cpuid_regs r = cpuid(0, 0);

	m->max_leaf = r.a;
	memcpy(m->vendor, &r.b, 4);
	memcpy(m->vendor + 4, &r.d, 4);
	memcpy(m->vendor + 8, &r.c, 4);
	r = cpuid(1, 0);
	m->stepping = r.a & 15;
	m->family = (r.a >> 8 & 15) + ((r.a >> 8 & 15) == 15 ? r.a >> 20 & 255 : 0);
	m->model = (r.a >> 4 & 15) | (m->family >= 6 ? (r.a >> 16 & 15) << 4 : 0);
	m->f1c = r.c;
	m->f1d = r.d;
	if (m->max_leaf >= 7) {
		r = cpuid(7, 0);
		m->f7b = r.b;
		m->f7c = r.c;
		m->f7d = r.d;
	}
	m->max_ext_leaf = cpuid(0x80000000, 0).a;
	r = cpuid(0x80000001, 0);
	m->e1c = r.c;
	m->e1d = r.d;
	if (m->max_ext_leaf >= 0x80000007)
		m->e7d = cpuid(0x80000007, 0).d;
	m->phys_bits = 36;
	m->virt_bits = 48;
	if (m->max_ext_leaf >= 0x80000008) {
		r = cpuid(0x80000008, 0);
		m->phys_bits = (u8)r.a;
		m->virt_bits = (u8)(r.a >> 8);
		m->e8b = r.b;
	}
	if (m->f7d & 1u << 29)
		m->arch_cap = rdmsr(MSR_ARCH_CAP);
	read_name(m);
}

static bool is_off(const char *name)
{
	const char *v = param_get(name);

	return v && strcmp(v, "off") == 0;
}

static void decide_mitigations(const struct cpu_model *m)
{
	bool off = is_off("mitigations");
	bool intel = is_vendor("GenuineIntel");
	bool v2_off = off || is_off("spectre_v2") || param_get("nospectre_v2");

	set_if(F_PTI, pti_wanted(boot_info.cmdline));
	set_if(F_NO_RETPOLINE, v2_off);
	set_if(F_RSB_FILL, !v2_off);
	set_if(F_IBPB, !v2_off && ((m->f7d & 1u << 26) || (m->e8b & 1u << 12)));
	set_if(F_LFENCE_SWAPGS, !off && !param_get("nospectre_v1") && intel);
	set_if(F_CLEAR_REGS, !off && !param_get("nospectre_v1"));
	set_if(F_MDS_CLEAR, !off && !is_off("mds") && intel && !(m->arch_cap & ARCH_CAP_MDS_NO) && (m->f7d & 1u << 10));
}

void features_init(void)
{
	const struct cpu_model *m = &cpu_model;
	struct cpuid_regs r;

	read_model(&cpu_model);
	set_if(F_FSGSBASE, m->f7b & 1u << 0);
	set_if(F_SMEP, (m->f7b & 1u << 7) && !param_get("nosmep"));
	set_if(F_SMAP, (m->f7b & 1u << 20) && !param_get("nosmap"));
	set_if(F_UMIP, m->f7c & 1u << 2);
	set_if(F_PKU, (m->f7c & 1u << 3) && !param_get("nopku"));
	if (cpu_has(F_PKU))
		cpu_model.f7c |= 1u << 4; /* what CPUID says from then on */
	set_if(F_PGE, m->f1d & 1u << 13);
	set_if(F_PCID, (m->f1c & 1u << 17) && (m->f7b & 1u << 10) && !param_get("nopcid"));
	set_if(F_XSAVE, (m->f1c & 1u << 26) && !param_get("noxsave"));
	if (cpu_has(F_XSAVE)) {
		r = cpuid(13, 1);
		set_if(F_XSAVEOPT, r.a & 1);
	}
	set_if(F_ERMS, m->f7b & 1u << 9);
	set_if(F_FSRM, m->f7d & 1u << 4);
	set_if(F_RDRAND, m->f1c & 1u << 30);
	set_if(F_RDSEED, m->f7b & 1u << 18);
	set_if(F_TSC_DEADLINE, m->f1c & 1u << 24);
	set_if(F_CRC32, m->f1c & 1u << 20);
	set_if(F_X2APIC, (m->f1c & 1u << 21) && !param_get("nox2apic"));
	set_if(F_RDTSCP, m->e1d & 1u << 27);
	set_if(F_RDPID, m->f7c & 1u << 22);
	set_if(F_TSC_STABLE, m->e7d & 1u << 8);
	set_if(F_HYPERVISOR, m->f1c & 1u << 31);
	decide_mitigations(m);
}

/* The longest no-operations, as the makers recommend them. */
static void fill_nops(u8 *p, size_t len)
{
	static const u8 nops[9][8] = {
		{0}, {0x90}, {0x66, 0x90}, {0x0f, 0x1f, 0x00}, {0x0f, 0x1f, 0x40, 0x00}, {0x0f, 0x1f, 0x44, 0x00, 0x00},
		{0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00}, {0x0f, 0x1f, 0x80, 0, 0, 0, 0}, {0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0},
	};

	while (len) {
		size_t n = min_t(size_t, len, 8);

		memcpy(p, nops[n], n);
		p += n;
		len -= n;
	}
}

void alternatives_apply(void)
{
	for (const struct alternative *a = __start_alternatives; a < __stop_alternatives; a++) {
		const u8 *site = (const u8 *)&a->site + a->site;
		u8 *alias = paddr_va(va_paddr(site));

		if (!cpu_has(a->feature))
			continue;
		ASSERT(a->repl_len <= a->len);
		if (a->repl_len)
			memcpy(alias, (const u8 *)&a->repl + a->repl, a->repl_len);
		fill_nops(alias + a->repl_len, (size_t)a->len - a->repl_len);
	}
	/* The bytes were changed through another address: a serialising instruction before they are run. */
	cpuid(0, 0);
}

void cpu_control_init(void)
{
	u64 cr4 = read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_MCE;

	if (cpu_has(F_PGE))
		cr4 |= CR4_PGE;
	if (cpu_has(F_FSGSBASE))
		cr4 |= CR4_FSGSBASE;
	if (cpu_has(F_SMEP))
		cr4 |= CR4_SMEP;
	if (cpu_has(F_SMAP))
		cr4 |= CR4_SMAP;
	if (cpu_has(F_UMIP))
		cr4 |= CR4_UMIP;
	if (cpu_has(F_XSAVE))
		cr4 |= CR4_OSXSAVE;
	if (cpu_has(F_PKU))
		cr4 |= CR4_PKE;
	write_cr4(cr4);
	/* PCID may be turned on only while CR3 names PCID 0, as it does here. */
	if (cpu_has(F_PCID))
		write_cr4(cr4 | CR4_PCIDE);
	write_cr0(CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG | CR0_AM);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE | EFER_NXE);
	/* WB, WC, UC-, UC twice: PWT alone is write-combining. */
	wrmsr(MSR_PAT, 0x0007010600070106);
	if (cpu_has(F_RDTSCP))
		wrmsr(MSR_TSC_AUX, cpu_id() | (u64)cpu_node(cpu_id()) << 12);
	/* Indirect branches restricted for good, where the processor does it by itself. */
	if (!cpu_has(F_NO_RETPOLINE) && (cpu_model.arch_cap & ARCH_CAP_IBRS_ALL) && (cpu_model.f7d & 1u << 26))
		wrmsr(MSR_SPEC_CTRL, 1);
}

bool cpu_random(u64 *out)
{
	u8 ok;

	if (!cpu_has(F_RDRAND))
		return false;
	for (int i = 0; i < 10; i++) {
		__asm__ volatile("rdrand %0; setc %1" : "=r"(*out), "=qm"(ok)::"cc");
		if (ok)
			return true;
	}
	return false;
}

bool cpu_random_seed(u64 *out)
{
	u8 ok;

	if (!cpu_has(F_RDSEED))
		return false;
	__asm__ volatile("rdseed %0; setc %1" : "=r"(*out), "=qm"(ok)::"cc");
	return ok;
}
