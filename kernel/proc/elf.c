/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading ELF programs and their interpreters into an address space under construction [gabi 5], [x86-64 psABI 5].
 *
 * Every number of the file is hostile: sizes are checked against overflow and the user address range before use.
 */
#include <lib/errno.h>
#include <lib/overflow.h>
#include <lib/string.h>
#include <linux/elf.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/personality.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <arch/elf.h>
#include <arch/mmu.h>
#include <proc/task.h>
#include <security/random.h>
#include <vfs/namei.h>
#include "exec_impl.h"

#define PHDRS_MAX (65536 / sizeof(struct elf64_phdr))
#define BRK_RANDOM (32ull << 20)

struct elf_image {
	struct file *file;
	struct elf64_hdr eh;
	struct elf64_phdr *ph;
	vaddr_t low, high;	/* of the PT_LOAD segments, page aligned, as linked */
	u64 max_align;
	vaddr_t bias;
	vaddr_t bss_end;	/* highest byte in use, biased */
};

static int MUST_CHECK read_exact(struct file *f, void *buf, size_t len, u64 off)
{
	ssize_t n;

	if (off > S64_MAX - len)
		return -ENOEXEC;
	n = file_read_at(f, buf, len, (s64)off);
	if (n < 0)
		return (int)n;
	return (size_t)n == len ? 0 : -ENOEXEC;
}

static bool header_ok(const struct elf64_hdr *eh)
{
	return !memcmp(eh->e_ident, ELFMAG, SELFMAG) && eh->e_ident[EI_CLASS] == ELFCLASS64 &&
	       eh->e_ident[EI_DATA] == ELFDATA2LSB && (eh->e_type == ET_EXEC || eh->e_type == ET_DYN) &&
	       eh->e_machine == ARCH_ELF_MACHINE && eh->e_phentsize == sizeof(struct elf64_phdr) &&
	       eh->e_phnum > 0 && eh->e_phnum <= PHDRS_MAX;
}

/* Range and alignment of the segments to load. -EINVAL, -ENOEXEC. */
static int MUST_CHECK image_measure(struct elf_image *im)
{
	bool any = false;

	im->low = ~0ull;
	im->max_align = PAGE_SIZE;
	for (unsigned i = 0; i < im->eh.e_phnum; i++) {
		const struct elf64_phdr *ph = &im->ph[i];
		vaddr_t end;

		if (ph->p_type != PT_LOAD)
			continue;
		if (add_overflow(ph->p_vaddr, ph->p_memsz, &end) || end > USER_VA_END ||
			ph->p_filesz > ph->p_memsz || ph->p_offset > S64_MAX - ph->p_filesz)
			return -EINVAL;
		if ((ph->p_vaddr ^ ph->p_offset) & (PAGE_SIZE - 1))
			return -EINVAL;
		im->low = min(im->low, align_down(ph->p_vaddr, PAGE_SIZE));
		im->high = max(im->high, align_up(end, PAGE_SIZE));
		if (ph->p_align && !(ph->p_align & (ph->p_align - 1)) && ph->p_align < (1ull << 40))
			im->max_align = max(im->max_align, ph->p_align);
		any = true;
	}
	return any ? 0 : -ENOEXEC;
}

static int MUST_CHECK image_open(struct elf_image *im, struct file *f, const struct elf64_hdr *eh)
{
	size_t size = eh->e_phnum * sizeof(struct elf64_phdr);
	int err;

	*im = (struct elf_image){.file = f, .eh = *eh};
	im->ph = kmalloc(size, ALLOC_SLEEP);
	if (!im->ph)
		return -ENOMEM;
	err = read_exact(f, im->ph, size, eh->e_phoff);
	if (!err)
		err = image_measure(im);
	if (err)
		kfree(im->ph);
	return err;
}

static u32 segment_rwx(const struct elf64_phdr *ph)
{
	return (ph->p_flags & PF_R ? VM_READ : 0) | (ph->p_flags & PF_W ? VM_WRITE : 0) | (ph->p_flags & PF_X ? VM_EXEC : 0);
}

static int MUST_CHECK zero_user(struct vm_space *s, vaddr_t va, size_t len)
{
	static const u8 zeroes[256];

	while (len) {
		size_t n = min(len, sizeof(zeroes));

		if (vm_access(s, va, (void *)zeroes, n, true, true) != (ssize_t)n)
			return -EFAULT;
		va += n;
		len -= n;
	}
	return 0;
}

static int MUST_CHECK map_anonymous(struct vm_space *s, vaddr_t va, size_t len, u32 rwx)
{
	struct vm_map_args args = {
		.hint = va,
		.len = len,
		.flags = rwx | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | VM_ACCOUNT,
		.fixed = true,
		.limit_as = rlimit_cur(RLIMIT_AS),
		.limit_data = rlimit_cur(RLIMIT_DATA),
		.limit_memlock = ~0ull,
	};
	vaddr_t got;

	return vm_map(s, &args, &got);
}

/* One PT_LOAD: file pages, the zero tail of the last one, anonymous pages behind. */
static int MUST_CHECK segment_map(struct exec *x, struct elf_image *im, const struct elf64_phdr *ph)
{
	vaddr_t va = ph->p_vaddr + im->bias;
	vaddr_t start = align_down(va, PAGE_SIZE);
	vaddr_t file_end = va + ph->p_filesz, mem_end = va + ph->p_memsz;
	vaddr_t zero_start = start;
	u32 rwx = segment_rwx(ph);
	int err = 0;

	if (ph->p_filesz) {
		zero_start = align_up(file_end, PAGE_SIZE);
		err = exec_map_file(x, im->file, start, zero_start - start, rwx, align_down(ph->p_offset, PAGE_SIZE));
		if (!err && ph->p_memsz > ph->p_filesz && (rwx & VM_WRITE) && zero_start > file_end)
			err = zero_user(x->space, file_end, zero_start - file_end);
	}
	if (!err && align_up(mem_end, PAGE_SIZE) > zero_start)
		err = map_anonymous(x->space, zero_start, align_up(mem_end, PAGE_SIZE) - zero_start, rwx);
	im->bss_end = max(im->bss_end, mem_end);
	return err;
}

/* Choose where a position-independent image goes: @base 0: wherever mmap puts it. */
static int MUST_CHECK image_place(struct vm_space *s, struct elf_image *im, vaddr_t base)
{
	u64 span = im->high - im->low;
	struct vm_map_args args = {
		.len = span + im->max_align - PAGE_SIZE,
		.flags = VM_NORESERVE,
		.limit_as = rlimit_cur(RLIMIT_AS),
		.limit_data = ~0ull,
		.limit_memlock = ~0ull,
	};
	vaddr_t va;
	int err;

	if (base) {
		im->bias = align_down(base, im->max_align) - im->low;
		return 0;
	}
	/* nobody else maps into a space under construction: what is free now stays free */
	err = vm_map(s, &args, &va);
	if (err)
		return err;
	err = vm_unmap(s, va, args.len);
	im->bias = align_up(va, im->max_align) - im->low;
	return err;
}

static int MUST_CHECK image_map(struct exec *x, struct elf_image *im)
{
	for (unsigned i = 0; i < im->eh.e_phnum; i++) {
		int err;

		if (im->ph[i].p_type != PT_LOAD)
			continue;
		err = segment_map(x, im, &im->ph[i]);
		if (err)
			return err;
	}
	return 0;
}

/* Path of the interpreter into @buf; *out_len 0: there is none. */
static int MUST_CHECK interp_path(struct elf_image *im, char *buf, size_t *out_len)
{
	*out_len = 0;
	for (unsigned i = 0; i < im->eh.e_phnum; i++) {
		const struct elf64_phdr *ph = &im->ph[i];
		int err;

		if (ph->p_type != PT_INTERP)
			continue;
		if (ph->p_filesz < 2 || ph->p_filesz > PATH_MAX)
			return -ENOEXEC;
		err = read_exact(im->file, buf, ph->p_filesz, ph->p_offset);
		if (err)
			return err;
		if (buf[ph->p_filesz - 1])
			return -ENOEXEC;
		*out_len = ph->p_filesz;
		return 0;
	}
	return 0;
}

static int MUST_CHECK interp_open(const char *path, struct file **out, struct elf64_hdr *eh)
{
	struct path_name *name;
	int err = path_name_kernel(path, &name);

	if (err)
		return err;
	err = file_open_exec(AT_FDCWD, name, 0, out);
	path_name_put(name);
	if (err)
		return err;
	err = read_exact(*out, eh, sizeof(*eh), 0);
	if (!err && header_ok(eh))
		return 0;
	file_put(*out);
	return err == -ENOEXEC || !err ? -ELIBBAD : err;
}

static int MUST_CHECK interp_load(struct exec *x, const char *path)
{
	struct elf_image im;
	struct elf64_hdr eh;
	struct file *f;
	int err = interp_open(path, &f, &eh);

	if (err)
		return err;
	err = image_open(&im, f, &eh);
	if (err)
		goto out_file;
	if (eh.e_type == ET_DYN)
		err = image_place(x->space, &im, 0);
	if (!err)
		err = image_map(x, &im);
	if (!err) {
		x->base = im.bias + im.low;
		x->entry = im.eh.e_entry + im.bias;
	}
	kfree(im.ph);
out_file:
	file_put(f);
	return err;
}

/* Where the program headers are in memory, for AT_PHDR. */
static vaddr_t phdr_address(const struct elf_image *im)
{
	for (unsigned i = 0; i < im->eh.e_phnum; i++) {
		const struct elf64_phdr *ph = &im->ph[i];

		if (ph->p_type == PT_PHDR)
			return ph->p_vaddr + im->bias;
	}
	for (unsigned i = 0; i < im->eh.e_phnum; i++) {
		const struct elf64_phdr *ph = &im->ph[i];

		if (ph->p_type == PT_LOAD && im->eh.e_phoff >= ph->p_offset &&
			im->eh.e_phoff - ph->p_offset < ph->p_filesz)
			return im->eh.e_phoff - ph->p_offset + ph->p_vaddr + im->bias;
	}
	return 0;
}

static void layout_set(struct exec *x, const struct elf_image *im)
{
	struct vm_space *s = x->space;
	vaddr_t brk = align_up(im->bss_end, PAGE_SIZE);

	for (unsigned i = 0; i < im->eh.e_phnum; i++) {
		const struct elf64_phdr *ph = &im->ph[i];
		vaddr_t start = ph->p_vaddr + im->bias, end = start + ph->p_filesz;

		if (ph->p_type == PT_GNU_STACK)
			x->stack_exec = ph->p_flags & PF_X;
		if (ph->p_type != PT_LOAD)
			continue;
		if ((ph->p_flags & PF_X) && (!s->code_start || start < s->code_start))
			s->code_start = start;
		if (ph->p_flags & PF_X)
			s->code_end = max(s->code_end, end);
		s->data_start = max(s->data_start, start);
		s->data_end = max(s->data_end, end);
	}
	if (exec_randomizes(2))
		brk += random_below(BRK_RANDOM / PAGE_SIZE) * PAGE_SIZE;
	s->brk_start = s->brk = brk;
	x->phdr = phdr_address(im);
	x->phnum = im->eh.e_phnum;
	x->program_entry = im->eh.e_entry + im->bias;
}

static vaddr_t pie_base(void)
{
	vaddr_t base = ARCH_PIE_BASE;

	if (exec_randomizes(1))
		base += (random_u64() & ((1ull << ARCH_MMAP_RND_BITS) - 1)) << PAGE_SHIFT;
	return base;
}

static int MUST_CHECK program_load(struct exec *x, struct elf_image *im)
{
	size_t interp_len;
	char *path;
	int err;

	path = kmalloc(PATH_MAX, ALLOC_SLEEP);
	if (!path)
		return -ENOMEM;
	err = interp_path(im, path, &interp_len);
	/* an interpreter started by hand goes where mappings go, not where programs go */
	if (!err && im->eh.e_type == ET_DYN)
		err = image_place(x->space, im, interp_len ? pie_base() : 0);
	if (!err)
		err = image_map(x, im);
	if (err)
		goto out;
	layout_set(x, im);
	x->entry = x->program_entry;
	if (interp_len)
		err = interp_load(x, path);
out:
	kfree(path);
	return err;
}

int elf_load(struct exec *x)
{
	struct elf64_hdr eh;
	struct elf_image im;
	int err;

	memcpy(&eh, x->header, sizeof(eh));
	if (!header_ok(&eh))
		return -ENOEXEC;
	err = image_open(&im, x->file, &eh);
	if (err)
		return err;
	err = program_load(x, &im);
	kfree(im.ph);
	return err;
}
