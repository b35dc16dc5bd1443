/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/errno.h>
#include <lib/string.h>
#include <dev/acpi.h>

#define TABLE_MAX  (1u << 20)
#define TABLES_MAX 256
#define HEADER_LEN 36

struct header {
	char signature[4];
	u32 len;
	u8 revision, checksum;
	char oem[6], oem_table[8];
	u32 oem_revision, creator, creator_revision;
} __packed;
static_assert(sizeof(struct header) == HEADER_LEN, "[acpi-6.5 5.2.6]");

struct reader {
	acpi_map_t map;
	struct acpi_info *info;
};

static u16 get16(const u8 *p)
{
	return (u16)(p[0] | p[1] << 8);
}

static u32 get32(const u8 *p)
{
	return get16(p) | (u32)get16(p + 2) << 16;
}

static u64 get64(const u8 *p)
{
	return get32(p) | (u64)get32(p + 4) << 32;
}

static bool sum_is_zero(const u8 *p, size_t len)
{
	u8 sum = 0;

	while (len--)
		sum += *p++;
	return sum == 0;
}

/* A whole table with a good checksum, its length in *out_len; or NULL. */
static const u8 *get_table(const struct reader *r, paddr_t pa, u32 *out_len)
{
	const u8 *p = pa ? r->map(pa, HEADER_LEN) : NULL;
	u32 len;

	if (!p)
		return NULL;
	len = get32(p + 4);
	if (len < HEADER_LEN || len > TABLE_MAX)
		return NULL;
	p = r->map(pa, len);
	if (!p || !sum_is_zero(p, len))
		return NULL;
	*out_len = len;
	return p;
}

static void add_cpu(struct acpi_info *info, u32 apic_id, u32 flags)
{
	/* Enabled; "online capable" ones are empty sockets. */
	if (!(flags & 1) || info->ncpus == ACPI_MAX_CPUS)
		return;
	for (unsigned i = 0; i < info->ncpus; i++)
		if (info->cpus[i].apic_id == apic_id)
			return;
	info->cpus[info->ncpus++].apic_id = apic_id;
}

static void add_override(struct acpi_info *info, const u8 *e)
{
	u16 flags = get16(e + 8);

	if (e[2] != 0 || e[3] >= ACPI_ISA_IRQS)
		return;
	/* Polarity and trigger: 0 as the bus has it (ISA: high, edge), 1 high/edge, 3 low/level. */
	info->isa[e[3]] = (struct acpi_override){
		.gsi = get32(e + 4), .present = true, .low = (flags & 3) == 3, .level = (flags >> 2 & 3) == 3};
}

static void madt_entry(struct acpi_info *info, const u8 *e, u8 len)
{
	switch (e[0]) {
	case 0: /* local APIC */
		if (len >= 8)
			add_cpu(info, e[3], get32(e + 4));
		break;
	case 1: /* I/O APIC */
		if (len >= 12 && info->nioapics < ACPI_MAX_IOAPICS)
			info->ioapics[info->nioapics++] = (struct acpi_ioapic){e[2], get32(e + 4), get32(e + 8)};
		break;
	case 2: /* interrupt source override */
		if (len >= 10)
			add_override(info, e);
		break;
	case 5: /* 64-bit address of the local APIC */
		if (len >= 12)
			info->lapic = get64(e + 4);
		break;
	case 9: /* local x2APIC */
		if (len >= 16)
			add_cpu(info, get32(e + 4), get32(e + 8));
		break;
	default: break;
	}
}

static void read_madt(struct acpi_info *info, const u8 *t, u32 len)
{
	u32 at = 44;

	if (len < 44)
		return;
	info->lapic = get32(t + 36);
	info->has_8259 = t[40] & 1;
	while (at + 2 <= len) {
		u8 n = t[at + 1];

		if (n < 2 || at + n > len)
			break;
		madt_entry(info, t + at, n);
		at += n;
	}
}

static struct acpi_register get_gas(const u8 *p)
{
	struct acpi_register r = {.addr = get64(p + 4), .is_io = p[0] == 1, .width = p[1]};

	if (p[0] > 1)
		r.addr = 0;
	return r;
}

static struct acpi_register io_register(u32 port, u8 width)
{
	return (struct acpi_register){.addr = port, .is_io = true, .width = width};
}

/* The extended form counts if the table has it and it is not zero. */
static struct acpi_register choose(const u8 *t, u32 len, u32 ext_at, u32 port, u8 width)
{
	if (ext_at + 12 <= len && get64(t + ext_at + 4))
		return get_gas(t + ext_at);
	return io_register(port, width);
}

/* An integer object of AML: ZeroOp, OneOp, BytePrefix, WordPrefix. Advances *p. */
static bool aml_integer(const u8 **p, const u8 *end, u32 *out)
{
	u8 op;

	if (*p >= end)
		return false;
	op = *(*p)++;
	if (op <= 1) {
		*out = op;
		return true;
	}
	if (op == 0x0a && *p < end) {
		*out = *(*p)++;
		return true;
	}
	if (op == 0x0b && end - *p >= 2) {
		*out = get16(*p);
		*p += 2;
		return true;
	}
	return false;
}

/* Name (\_S5_, Package () {type a, type b, ...}) among the bytes of AML: the only thing we need of it. */
static bool find_s5(const u8 *t, u32 len, u32 *out_a, u32 *out_b)
{
	const u8 *end = t + len;

	for (const u8 *p = t + HEADER_LEN; end - p >= 8; p++) {
		const u8 *q = p + 4;

		if (memcmp(p, "_S5_", 4) || *q++ != 0x12)
			continue;
		/* PackageLength: its first byte says how many more there are; then the number of elements. */
		if (end - q < 1 + (*q >> 6))
			continue;
		q += 1 + (*q >> 6);
		if (end - q < 2 || *q++ < 1 || !aml_integer(&q, end, out_a))
			continue;
		if (!aml_integer(&q, end, out_b))
			*out_b = 0;
		return *out_a < 8 && *out_b < 8;
	}
	return false;
}

/* The first @len bytes equal to @what in [p, end), or @end. */
static const u8 *find_bytes(const u8 *p, const u8 *end, const void *what, size_t len)
{
	for (; (size_t)(end - p) >= len; p++)
		if (!memcmp(p, what, len))
			return p;
	return end;
}

/*
 * Devices named LNRO0005, whose _CRS is a buffer of constants behind the name: Memory32Fixed and Extended Interrupt
 * [acpi-6.5 6.4.3.4, 6.4.3.6]. Without an interpreter this finds what firmwares of virtual machines write.
 */
static void find_virtio(struct acpi_info *info, const u8 *t, u32 len)
{
	static const char id[] = "LNRO0005";
	static const u8 memory[] = {0x86, 9, 0}, irq[] = {0x89, 6, 0};
	const u8 *end = t + len, *p = find_bytes(t + HEADER_LEN, end, id, 8);

	while (p < end && info->nvirtio < ACPI_MAX_VIRTIO) {
		const u8 *next = find_bytes(p + 8, end, id, 8);
		const u8 *m = find_bytes(p + 8, next, memory, sizeof(memory)), *i = find_bytes(m, next, irq, sizeof(irq));

		if (next - m >= 12 && next - i >= 9 && i[4] == 1)
			info->virtio[info->nvirtio++] = (struct acpi_virtio){.base = get32(m + 4), .len = get32(m + 8),
				.gsi = get32(i + 5), .level = !(i[3] & 2), .low = i[3] & 4};
		p = next;
	}
}

static void read_dsdt(const struct reader *r, paddr_t pa)
{
	u32 len, a, b;
	const u8 *t = get_table(r, pa, &len);

	if (!t || memcmp(t, "DSDT", 4))
		return;
	find_virtio(r->info, t, len);
	if (!find_s5(t, len, &a, &b))
		return;
	r->info->has_s5 = true;
	r->info->s5_type_a = (u8)a;
	r->info->s5_type_b = (u8)b;
}

static void read_fadt(const struct reader *r, const u8 *t, u32 len)
{
	struct acpi_info *info = r->info;
	paddr_t dsdt;
	u32 flags;

	if (len < 116)
		return;
	dsdt = len >= 148 && get64(t + 140) ? get64(t + 140) : get32(t + 40);
	info->sci_irq = get16(t + 46);
	flags = get32(t + 112);
	info->hardware_reduced = flags >> 20 & 1;
	info->pm_timer_32bit = flags >> 8 & 1;
	if (!info->hardware_reduced) {
		info->pm_timer = choose(t, len, 208, t[91] >= 4 ? get32(t + 76) : 0, 32);
		info->pm1a_control = choose(t, len, 172, get32(t + 64), 16);
		info->pm1b_control = choose(t, len, 184, get32(t + 68), 16);
	}
	if (t[8] >= 3) {
		u16 arch = get16(t + 109);

		info->no_8042 = !(arch & 2);
		info->no_vga = arch >> 2 & 1;
		info->no_rtc = arch >> 5 & 1;
	}
	if (len >= 129) {
		info->reset = get_gas(t + 116);
		info->reset_value = t[128];
		info->has_reset = (flags >> 10 & 1) && info->reset.addr;
	}
	if (len >= 256)
		info->sleep_control = get_gas(t + 244);
	read_dsdt(r, dsdt);
}

static void read_hpet(struct acpi_info *info, const u8 *t, u32 len)
{
	if (len >= 52 && t[40] == 0)
		info->hpet = get64(t + 44);
}

static void read_mcfg(struct acpi_info *info, const u8 *t, u32 len)
{
	for (u32 at = 44; at + 16 <= len && info->necam < ACPI_MAX_ECAM; at += 16)
		info->ecam[info->necam++] = (struct acpi_ecam){get64(t + at), get16(t + at + 8), t[at + 10], t[at + 11]};
}

static void set_node(struct acpi_info *info, u32 apic_id, u32 node)
{
	if (node >= ACPI_MAX_NODES)
		return;
	for (unsigned i = 0; i < info->ncpus; i++)
		if (info->cpus[i].apic_id == apic_id)
			info->cpus[i].node = node;
	if (node >= info->nnodes)
		info->nnodes = node + 1;
}

static void srat_memory(struct acpi_info *info, const u8 *e)
{
	u32 node = get32(e + 2);

	if (!(get32(e + 28) & 1) || node >= ACPI_MAX_NODES || info->nmemory == ACPI_MAX_MEMORY)
		return;
	info->memory[info->nmemory++] = (struct acpi_memory){get64(e + 8), get64(e + 16), node};
	if (node >= info->nnodes)
		info->nnodes = node + 1;
}

static void read_srat(struct acpi_info *info, const u8 *t, u32 len)
{
	u32 at = 48;

	while (at + 2 <= len) {
		const u8 *e = t + at;
		u8 n = e[1];

		if (n < 2 || at + n > len)
			break;
		if (e[0] == 0 && n >= 16 && get32(e + 4) & 1)
			set_node(info, e[3], e[2] | (u32)e[9] << 8 | (u32)e[10] << 16 | (u32)e[11] << 24);
		else if (e[0] == 1 && n >= 40)
			srat_memory(info, e);
		else if (e[0] == 2 && n >= 24 && get32(e + 12) & 1)
			set_node(info, get32(e + 8), get32(e + 4));
		at += n;
	}
}

static void read_slit(struct acpi_info *info, const u8 *t, u32 len)
{
	u64 n = len >= 44 ? get64(t + 36) : 0;

	if (n > 4096 || 44 + n * n > len)
		return;
	for (u64 i = 0; i < n && i < ACPI_MAX_NODES; i++)
		for (u64 k = 0; k < n && k < ACPI_MAX_NODES; k++)
			info->distance[i][k] = t[44 + i * n + k];
}

/* MADT first: other tables refer to its processors. */
static void read_one(const struct reader *r, paddr_t pa, bool madt)
{
	u32 len;
	const u8 *t = get_table(r, pa, &len);

	if (!t || madt != !memcmp(t, "APIC", 4))
		return;
	if (madt)
		read_madt(r->info, t, len);
	else if (!memcmp(t, "FACP", 4))
		read_fadt(r, t, len);
	else if (!memcmp(t, "HPET", 4))
		read_hpet(r->info, t, len);
	else if (!memcmp(t, "MCFG", 4))
		read_mcfg(r->info, t, len);
	else if (!memcmp(t, "SRAT", 4))
		read_srat(r->info, t, len);
	else if (!memcmp(t, "SLIT", 4))
		read_slit(r->info, t, len);
}

static int read_root(const struct reader *r, paddr_t pa, unsigned width)
{
	u32 len;
	const u8 *t = get_table(r, pa, &len);

	if (!t || memcmp(t, width == 8 ? "XSDT" : "RSDT", 4))
		return -ENOENT;
	for (int pass = 0; pass < 2; pass++) {
		for (u32 at = HEADER_LEN; at + width <= len && at < TABLES_MAX * 8; at += width) {
			t = r->map(pa, len); /* reading a table may have moved the window */
			if (!t)
				return -ENOENT;
			read_one(r, width == 8 ? get64(t + at) : get32(t + at), pass == 0);
		}
	}
	return 0;
}

static bool is_rsdp(const u8 *p)
{
	return p && !memcmp(p, "RSD PTR ", 8) && sum_is_zero(p, 20);
}

static paddr_t scan_for_rsdp(acpi_map_t map, paddr_t from, paddr_t to)
{
	for (; from < to; from += 16)
		if (is_rsdp(map(from, 20)))
			return from;
	return 0;
}

/* [acpi-6.5 5.2.5.1]: the first KiB of the extended BIOS data area, then the BIOS ROM. */
static paddr_t find_rsdp(acpi_map_t map)
{
	const u8 *bda = map(0x40e, 2);
	paddr_t ebda = bda ? (paddr_t)get16(bda) << 4 : 0, found = 0;

	if (ebda >= 0x80000 && ebda < 0xa0000)
		found = scan_for_rsdp(map, ebda, ebda + 1024);
	return found ? found : scan_for_rsdp(map, 0xe0000, 0x100000);
}

int acpi_read(paddr_t rsdp, acpi_map_t map, struct acpi_info *out)
{
	struct reader r = {.map = map, .info = out};
	const u8 *p;
	int err = -ENOENT;

	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < ACPI_MAX_NODES; i++)
		for (unsigned k = 0; k < ACPI_MAX_NODES; k++)
			out->distance[i][k] = i == k ? 10 : 20;
	if (!rsdp)
		rsdp = find_rsdp(map);
	p = rsdp ? map(rsdp, 20) : NULL;
	if (!is_rsdp(p))
		return -ENOENT;
	if (p[15] >= 2) {
		p = map(rsdp, 36);
		if (p && sum_is_zero(p, 36) && get64(p + 24))
			err = read_root(&r, get64(p + 24), 8);
		p = map(rsdp, 20);
	}
	if (err && p)
		err = read_root(&r, get32(p + 16), 4);
	if (err) {
		memset(out, 0, sizeof(*out));
		return err;
	}
	out->present = true;
	if (!out->nnodes)
		out->nnodes = 1;
	return 0;
}
