/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What user mode is told of the processor: /proc/cpuinfo, the ELF auxiliary vector, /sys/devices/system/cpu/vulnerabilities.
 */
#include <lib/string.h>
#include <lib/strbuf.h>
#include <arch/boot.h>
#include <arch/elf.h>
#include <arch/smp.h>
#include <arch/time.h>
#include <arch_x86/feature.h>
#include <arch_x86/firmware.h>
#include <arch_x86/insn.h>

struct flag {
	u8 word, bit;
	char name[19];
};

enum word { D1, C1, B7, C7, D7, ED, EC, WORDS };

/* By Linux' names, for the CPUID bits that are of interest to programs. */
static const struct flag flags[] = {
	{D1, 0, "fpu"}, {D1, 1, "vme"}, {D1, 2, "de"}, {D1, 3, "pse"}, {D1, 4, "tsc"}, {D1, 5, "msr"}, {D1, 6, "pae"}, {D1, 7, "mce"},
	{D1, 8, "cx8"}, {D1, 9, "apic"}, {D1, 11, "sep"}, {D1, 12, "mtrr"}, {D1, 13, "pge"}, {D1, 14, "mca"}, {D1, 15, "cmov"},
	{D1, 16, "pat"}, {D1, 17, "pse36"}, {D1, 19, "clflush"}, {D1, 23, "mmx"}, {D1, 24, "fxsr"}, {D1, 25, "sse"}, {D1, 26, "sse2"},
	{D1, 27, "ss"}, {D1, 28, "ht"}, {ED, 11, "syscall"}, {ED, 20, "nx"}, {ED, 22, "mmxext"}, {ED, 25, "fxsr_opt"},
	{ED, 26, "pdpe1gb"}, {ED, 27, "rdtscp"}, {ED, 29, "lm"}, {C1, 0, "pni"}, {C1, 1, "pclmulqdq"}, {C1, 9, "ssse3"}, {C1, 12, "fma"},
	{C1, 13, "cx16"}, {C1, 17, "pcid"}, {C1, 19, "sse4_1"}, {C1, 20, "sse4_2"}, {C1, 21, "x2apic"}, {C1, 22, "movbe"},
	{C1, 23, "popcnt"}, {C1, 24, "tsc_deadline_timer"}, {C1, 25, "aes"}, {C1, 26, "xsave"}, {C1, 28, "avx"},
	{C1, 29, "f16c"}, {C1, 30, "rdrand"}, {C1, 31, "hypervisor"}, {EC, 0, "lahf_lm"}, {EC, 2, "svm"}, {EC, 5, "abm"},
	{EC, 6, "sse4a"}, {EC, 8, "3dnowprefetch"}, {B7, 0, "fsgsbase"}, {B7, 3, "bmi1"}, {B7, 5, "avx2"}, {B7, 7, "smep"},
	{B7, 8, "bmi2"}, {B7, 9, "erms"}, {B7, 10, "invpcid"}, {B7, 16, "avx512f"}, {B7, 17, "avx512dq"}, {B7, 18, "rdseed"},
	{B7, 19, "adx"}, {B7, 20, "smap"}, {B7, 23, "clflushopt"}, {B7, 24, "clwb"}, {B7, 28, "avx512cd"}, {B7, 29, "sha_ni"},
	{B7, 30, "avx512bw"}, {B7, 31, "avx512vl"}, {C7, 2, "umip"}, {C7, 3, "pku"}, {C7, 4, "ospke"}, {C7, 9, "vaes"}, {C7, 10, "vpclmulqdq"}, {C7, 16, "la57"},
	{C7, 22, "rdpid"}, {D7, 4, "fsrm"},
};

static void put_flags(struct strbuf *sb)
{
	const struct cpu_model *m = &cpu_model;
	u32 words[WORDS] = {m->f1d, m->f1c, m->f7b, m->f7c, m->f7d, m->e1d, m->e1c};

	strbuf_puts(sb, "flags\t\t:");
	for (unsigned i = 0; i < ARRAY_SIZE(flags); i++)
		if (words[flags[i].word] >> flags[i].bit & 1)
			strbuf_printf(sb, " %s", flags[i].name);
	if (cpu_has(F_TSC_STABLE))
		strbuf_puts(sb, " constant_tsc nonstop_tsc");
	if (cpu_has(F_PTI))
		strbuf_puts(sb, " pti");
	strbuf_putc(sb, '\n');
}

size_t arch_cpuinfo(unsigned cpu, char *buf, size_t size)
{
	const struct cpu_model *m = &cpu_model;
	struct strbuf sb;

	if (!size)
		return 0;
	strbuf_init(&sb, buf, size);
	strbuf_printf(&sb, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\nmodel name\t: %s\nstepping\t: %u\n", cpu, m->vendor,
		m->family, m->model, m->name[0] ? m->name : "unknown", m->stepping);
	strbuf_printf(&sb, "cpu MHz\t\t: %llu.%03llu\n", arch_counter_hz() / 1000000, arch_counter_hz() / 1000 % 1000);
	strbuf_printf(&sb, "physical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: %u\napicid\t\t: %u\n", cpu_count(), cpu, cpu_count(),
		cpu_apic_ids[cpu]);
	strbuf_printf(&sb, "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %u\nwp\t\t: yes\n", m->max_leaf);
	put_flags(&sb);
	strbuf_printf(&sb, "bogomips\t: %llu.%02llu\nclflush size\t: 64\ncache_alignment\t: 64\n", arch_counter_hz() / 500000,
		arch_counter_hz() / 5000 % 100);
	strbuf_printf(&sb, "address sizes\t: %u bits physical, %u bits virtual\npower management:\n\n", m->phys_bits, m->virt_bits);
	return sb.len + sb.lost;
}

u64 arch_elf_hwcap(void)
{
	return cpu_model.f1d;
}

u64 arch_elf_hwcap2(void)
{
	return cpu_has(F_FSGSBASE) ? 1 << 1 : 0;
}

const char *arch_vulnerability(const char *name)
{
	bool intel = !strcmp(cpu_model.vendor, "GenuineIntel");

	if (!strcmp(name, "meltdown")) {
		if (cpu_has(F_PTI))
			return "Mitigation: PTI";
		return intel && !(cpu_model.arch_cap & 1) ? "Vulnerable" : "Not affected";
	}
	if (!strcmp(name, "spectre_v1"))
		return cpu_has(F_CLEAR_REGS) ? "Mitigation: usercopy/swapgs barriers and __user pointer sanitization" :
					       "Vulnerable: __user pointer sanitization and usercopy barriers only; no swapgs barriers";
	if (!strcmp(name, "spectre_v2"))
		return cpu_has(F_NO_RETPOLINE) ? "Vulnerable" : cpu_has(F_IBPB) ? "Mitigation: Retpolines; IBPB: always-on; RSB filling" :
										  "Mitigation: Retpolines; RSB filling";
	if (!strcmp(name, "l1tf"))
		return intel ? "Mitigation: PTE Inversion" : "Not affected";
	if (!strcmp(name, "mds"))
		return cpu_has(F_MDS_CLEAR) ? "Mitigation: Clear CPU buffers" :
		       intel && !(cpu_model.arch_cap & 1 << 5)	    ? "Vulnerable" : "Not affected";
	return NULL;
}

#define TOPOLOGY_LEAF	  0xb
#define LEVEL_TYPE(ecx)	  ((ecx) >> 8 & 0xff)
#define LEVEL_SHIFT(eax)  ((eax) & 0x1f)
#define MAX_LEVELS	  8

/*
 * An APIC ID is package : core : thread; CPUID tells how many bits each level and those below it have [sdm vol. 2 CPUID 0BH]. Without the leaf
 * every CPU is a package.
 */
struct cpu_place arch_cpu_place(unsigned cpu)
{
	u32 id = cpu_apic_ids[cpu], thread_bits = 0, package_bits = 0;

	for (u32 level = 0; cpuid(0, 0).a >= TOPOLOGY_LEAF && level < MAX_LEVELS; level++) {
		struct cpuid_regs r = cpuid(TOPOLOGY_LEAF, level);

		if (!LEVEL_TYPE(r.c))
			break;
		if (level == 0)
			thread_bits = LEVEL_SHIFT(r.a);
		package_bits = LEVEL_SHIFT(r.a);
	}
	return (struct cpu_place){.package = id >> package_bits,
		.core = (id & ((1u << package_bits) - 1)) >> thread_bits,
		.thread = id & ((1u << thread_bits) - 1)};
}

#define CACHE_LEAF_INTEL 4
#define CACHE_LEAF_AMD	 0x8000001d

/* [sdm vol. 2 CPUID 04H], and AMD's leaf of the same form. */
bool arch_cpu_cache(unsigned index, struct cpu_cache *out)
{
	u32 leaf = cpuid(0x80000000, 0).a >= CACHE_LEAF_AMD && (cpuid(0x80000001, 0).c & 1u << 22) ? CACHE_LEAF_AMD : CACHE_LEAF_INTEL;
	struct cpuid_regs r;

	if (leaf == CACHE_LEAF_INTEL && cpuid(0, 0).a < CACHE_LEAF_INTEL)
		return false;
	r = cpuid(leaf, index);
	if (!(r.a & 0x1f) || (r.a & 0x1f) > 3)
		return false;
	*out = (struct cpu_cache){.level = r.a >> 5 & 7, .line = (r.b & 0xfff) + 1, .ways = (r.b >> 22) + 1, .sets = r.c + 1,
		.type = "?DIU"[r.a & 3]};
	out->size = out->line * out->ways * out->sets * ((r.b >> 12 & 0x3ff) + 1);
	return true;
}
