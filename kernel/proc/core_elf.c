/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The contents of a core file [gabi 5], [man elf(5)]:
 *
 *     ELF header | program headers: PT_NOTE, a PT_LOAD for each area | notes | up to a page boundary | what is dumped of each area
 *
 * Notes: for the thread that dies NT_PRSTATUS, NT_PRPSINFO, NT_SIGINFO, NT_AUXV, NT_FILE and its other register sets; for each other one NT_PRSTATUS and
 * those. All threads are parked (coredump.c), but memory may be shared with another process: areas are looked at once, and what is gone when it is read
 * is a hole. Pages that nobody has touched are holes too: not written to a file, zeroes in a pipe.
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/elf.h>
#include <linux/limits.h>
#include <arch/elf.h>
#include <mm/page.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <sched/sched.h>
#include <vfs/inode.h>
#include <vm/pages.h>
#include "core_impl.h"

#define NOTES_ROOM (64u << 10) /* at first */

struct core_area {
	vaddr_t start, end;
	u32 flags;
	u64 dumped; /* bytes */
	bool anonymous, vdso;
};

struct notes {
	char *buf;
	size_t len, size;
	bool failed;
};

struct core_elf {
	struct core *core;
	struct vm_space *space;
	struct core_area *areas;
	u32 nareas, room;
	struct notes notes;
	struct notes files, names; /* of NT_FILE while areas are collected */
	u64 nfiles;
	u32 filter;
	char *path;
};

/* ---- writing ---- */

static bool emit(struct core *c, const void *data, size_t len)
{
	if (len > c->limit - c->written)
		return false;
	while (len) {
		ssize_t n = thread_kill_pending() ? -EINTR : file_write_at(c->file, data, len, (s64)c->pos);

		if (n <= 0)
			return false;
		c->pos += (u64)n;
		c->end = c->pos;
		c->written += (u64)n;
		data = (const char *)data + n;
		len -= (size_t)n;
	}
	return true;
}

/* Bytes that are zero. */
static bool skip(struct core *c, u64 len)
{
	static const u8 zeroes[1024];

	if (!c->is_pipe) {
		c->pos += len;
		return !thread_kill_pending();
	}
	while (len) {
		u64 n = min(len, (u64)sizeof(zeroes));

		if (!emit(c, zeroes, n))
			return false;
		len -= n;
	}
	return true;
}

/* ---- notes ---- */

static void append(struct notes *n, const void *data, size_t len)
{
	size_t size = n->size;
	char *bigger;

	if (n->failed)
		return;
	while (n->len + len > size)
		size = size ? size * 2 : NOTES_ROOM;
	if (size != n->size) {
		bigger = kmalloc(size, ALLOC_SLEEP);
		if (!bigger) {
			n->failed = true;
			return;
		}
		if (n->len)
			memcpy(bigger, n->buf, n->len);
		kfree(n->buf);
		n->buf = bigger;
		n->size = size;
	}
	if (data)
		memcpy(n->buf + n->len, data, len);
	else
		memset(n->buf + n->len, 0, len);
	n->len += len;
}

static void pad(struct notes *n)
{
	append(n, NULL, -n->len & 3);
}

static void note_begin(struct notes *n, const char *owner, u32 type, size_t len)
{
	struct elf64_note head = {.n_namesz = (u32)strlen(owner) + 1, .n_descsz = (u32)len, .n_type = type};

	append(n, &head, sizeof(head));
	append(n, owner, head.n_namesz);
	pad(n);
}

static void note(struct notes *n, const char *owner, u32 type, const void *data, size_t len)
{
	note_begin(n, owner, type, len);
	append(n, data, len);
	pad(n);
}

struct timeval64 {
	s64 sec, usec;
};

/* As debuggers know them: struct elf_prstatus without the registers that stand before its last word, struct elf_prpsinfo. */
struct core_status {
	s32 signo, code, error;
	s16 cursig, unused;
	u64 pending, held;
	s32 pid, ppid, pgrp, sid;
	struct timeval64 utime, stime, cutime, cstime;
};
static_assert(sizeof(struct core_status) == 112, "pr_reg follows");

struct core_psinfo {
	char state, sname, zombie, nice;
	u32 unused;
	u64 flag;
	u32 uid, gid;
	s32 pid, ppid, pgrp, sid;
	char fname[16], args[80];
};
static_assert(sizeof(struct core_psinfo) == 136, "as debuggers know it");

static struct timeval64 timeval(u64 ns)
{
	return (struct timeval64){(s64)(ns / 1000000000), (s64)(ns / 1000 % 1000000)};
}

static s32 parent_of(const struct proc *p)
{
	s32 nr;

	spin_lock(&proc_tree_lock);
	nr = p->parent ? pid_nr(p->parent->pid) : 0;
	spin_unlock(&proc_tree_lock);
	return nr;
}

static void note_regset(struct notes *n, struct task *t, const char *owner, u32 type)
{
	ssize_t size = arch_regset_size(type);
	char *buf = size > 0 ? kmalloc((size_t)size, ALLOC_SLEEP) : NULL;

	if (buf && !arch_regset_get(&t->thread, type, buf, 0, (size_t)size))
		note(n, owner, type, buf, (size_t)size);
	kfree(buf);
}

static void note_status(struct core_elf *e, struct task *t)
{
	const siginfo_t *info = e->core->info;
	size_t size = (size_t)arch_regset_size(NT_PRSTATUS);
	struct proc *p = t->proc;
	struct proc_usage u;
	struct core_status st = {
		.signo = info->si_signo,
		.code = info->si_code,
		.error = info->si_errno,
		.cursig = (s16)info->si_signo,
		.pending = t->pending.mask,
		.held = t->blocked,
		.pid = task_tid(t),
		.ppid = parent_of(p),
		.pgrp = pid_nr(t->pids[PID_PGID]),
		.sid = pid_nr(t->pids[PID_SID]),
	};
	u64 fp_valid = 1, regs[64];

	task_usage_get(t, &u);
	if (t == p->leader)
		proc_usage_get(p, &u);
	st.utime = timeval(u.utime_ns);
	st.stime = timeval(u.stime_ns);
	st.cutime = timeval(p->children_usage.utime_ns);
	st.cstime = timeval(p->children_usage.stime_ns);
	if (size > sizeof(regs) || arch_regset_get(&t->thread, NT_PRSTATUS, regs, 0, size))
		return;
	note_begin(&e->notes, "CORE", NT_PRSTATUS, sizeof(st) + size + sizeof(fp_valid));
	append(&e->notes, &st, sizeof(st));
	append(&e->notes, regs, size);
	append(&e->notes, &fp_valid, sizeof(fp_valid));
	pad(&e->notes);
}

static void note_psinfo(struct core_elf *e, struct task *t)
{
	struct vm_space *s = e->space;
	struct sched_params sp;
	struct core_psinfo ps = {
		.sname = 'R',
		.uid = t->cred->uid,
		.gid = t->cred->gid,
		.pid = task_tgid(t),
		.ppid = parent_of(t->proc),
		.pgrp = pid_nr(t->pids[PID_PGID]),
		.sid = pid_nr(t->pids[PID_SID]),
	};
	u64 len = min(s->arg_end - s->arg_start, sizeof(ps.args) - 1);

	sched_get_params(&t->thread, &sp);
	ps.nice = (char)sp.nice;
	strscpy(ps.fname, t->thread.name, sizeof(ps.fname));
	if (s->arg_start < s->arg_end && vm_access(s, s->arg_start, ps.args, len, false, true) == (ssize_t)len) {
		for (u64 i = 0; i < len; i++) {
			if (!ps.args[i])
				ps.args[i] = ' ';
		}
	}
	note(&e->notes, "CORE", NT_PRPSINFO, &ps, sizeof(ps));
}

static void note_auxv(struct core_elf *e)
{
	size_t n = 0;

	while (n + 2 < ARRAY_SIZE(e->space->auxv) && e->space->auxv[n])
		n += 2;
	note(&e->notes, "CORE", NT_AUXV, e->space->auxv, (n + 2) * sizeof(u64));
}

static void note_files(struct core_elf *e)
{
	u64 head[2] = {e->nfiles, PAGE_SIZE};

	if (!e->nfiles || e->files.failed || e->names.failed)
		return;
	note_begin(&e->notes, "CORE", NT_FILE, sizeof(head) + e->files.len + e->names.len);
	append(&e->notes, head, sizeof(head));
	append(&e->notes, e->files.buf, e->files.len);
	append(&e->notes, e->names.buf, e->names.len);
	pad(&e->notes);
}

static void note_thread(struct core_elf *e, struct task *t, bool first)
{
	if (!first)
		(void)thread_wait_inactive(&t->thread);
	note_status(e, t);
	if (first) {
		note_psinfo(e, t);
		note(&e->notes, "CORE", NT_SIGINFO, e->core->info, sizeof(*e->core->info));
		note_auxv(e);
		note_files(e);
	}
	note_regset(&e->notes, t, "CORE", NT_PRFPREG);
	note_regset(&e->notes, t, "LINUX", NT_X86_XSTATE);
}

/* The next thread after @t that is parked, referenced; @t's reference goes. */
static struct task *next_parked(struct proc *p, struct task *t)
{
	struct task *found = NULL, *at;
	bool passed = !t;

	spin_lock(&proc_tree_lock);
	list_for_each_entry(at, &p->threads, thread_link)
	{
		if (passed && READ_ONCE(at->core_state) == (CORE_PASSED | CORE_COUNTED)) {
			found = at;
			task_get(at);
			break;
		}
		passed |= at == t;
	}
	spin_unlock(&proc_tree_lock);
	if (t)
		task_put(t);
	return found;
}

static void make_notes(struct core_elf *e)
{
	struct task *me = task_current();

	note_thread(e, me, true);
	for (struct task *t = next_parked(me->proc, NULL); t; t = next_parked(me->proc, t))
		note_thread(e, t, false);
}

/* ---- areas ---- */

static bool is_program(const struct vm_area *a)
{
	return a->object && a->pgoff == 0 && (a->flags & VM_READ);
}

/* Bytes to dump, without what must be looked at outside of map_lock: private memory counts as written to. */
static u64 wanted(const struct core_elf *e, const struct vm_area *a, bool has_file)
{
	u64 all = a->end - a->start;

	if (a->flags & (VM_DONTDUMP | VM_DEVICE))
		return a->label && !strcmp(a->label, "[vdso]") ? all : 0;
	if (a->flags & VM_HUGETLB)
		return e->filter & (a->flags & VM_SHARED ? CORE_HUGETLB_SHARED : CORE_HUGETLB_PRIVATE) ? all : 0;
	if (a->flags & VM_SHARED)
		return e->filter & (has_file ? CORE_FILE_SHARED : CORE_ANON_SHARED) ? all : 0;
	if (!a->object)
		return e->filter & CORE_ANON_PRIVATE ? all : 0;
	if (e->filter & CORE_FILE_PRIVATE)
		return all;
	return (e->filter & CORE_ANON_PRIVATE) || ((e->filter & CORE_ELF_HEADERS) && is_program(a)) ? all : 0;
}

/* A file that stands in no directory is memory that processes share, and no more. */
static bool is_deleted(const char *path, size_t len)
{
	static const char mark[] = " (deleted)";

	return len >= sizeof(mark) - 1 && !strcmp(path + len - (sizeof(mark) - 1), mark);
}

static bool collect(struct vm_area *a, void *arg)
{
	struct core_elf *e = arg;
	u64 range[3] = {a->start, a->end, a->pgoff};
	bool named = !a->label && a->backing && a->backing_ops && a->backing_ops->name;
	size_t len = 0;

	if (e->nareas == e->room)
		return false;
	if (named)
		len = min_t(size_t, a->backing_ops->name(a->backing, e->path, PATH_MAX), PATH_MAX - 1);
	e->path[len] = '\0';
	e->areas[e->nareas++] = (struct core_area){
		.start = a->start,
		.end = a->end,
		.flags = a->flags,
		.dumped = wanted(e, a, len && !is_deleted(e->path, len)),
		.anonymous = !a->object,
		.vdso = a->label && !strcmp(a->label, "[vdso]"),
	};
	if (named) {
		append(&e->files, range, sizeof(range));
		append(&e->names, e->path, len + 1);
		e->nfiles++;
	}
	return true;
}

/* Of a private map of a file: all of it where it was written to, else the page that tells what it was. */
static void refine(struct core_elf *e, struct core_area *a)
{
	struct vm_usage u = {0};
	char magic[SELFMAG];

	if (!a->dumped || a->vdso || (a->flags & (VM_SHARED | VM_HUGETLB)) || (e->filter & CORE_FILE_PRIVATE))
		return;
	vm_usage(e->space, a->start, a->end, &u);
	if (u.anonymous && (e->filter & CORE_ANON_PRIVATE))
		return;
	a->dumped = 0;
	if (a->anonymous || !(e->filter & CORE_ELF_HEADERS) || !(a->flags & VM_READ))
		return;
	if (vm_access(e->space, a->start, magic, sizeof(magic), false, true) == sizeof(magic) && !memcmp(magic, ELFMAG, SELFMAG))
		a->dumped = PAGE_SIZE;
}

static int collect_areas(struct core_elf *e)
{
	e->room = min(READ_ONCE(e->space->nareas) + 16, (u32)PN_XNUM - 2);
	e->areas = kmalloc(e->room * sizeof(*e->areas), ALLOC_SLEEP);
	e->path = kmalloc(PATH_MAX, ALLOC_SLEEP);
	if (!e->areas || !e->path)
		return -ENOMEM;
	vm_for_each_area(e->space, 0, collect, e);
	for (u32 i = 0; i < e->nareas; i++)
		refine(e, &e->areas[i]);
	return 0;
}

/* ---- the file ---- */

static bool emit_headers(struct core_elf *e)
{
	u64 notes_at = sizeof(struct elf64_hdr) + (e->nareas + 1) * sizeof(struct elf64_phdr);
	u64 at = align_up(notes_at + e->notes.len, PAGE_SIZE);
	struct elf64_hdr eh = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT, ELFOSABI_NONE},
		.e_type = ET_CORE,
		.e_machine = ARCH_ELF_MACHINE,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(eh),
		.e_ehsize = sizeof(eh),
		.e_phentsize = sizeof(struct elf64_phdr),
		.e_phnum = (u16)(e->nareas + 1),
	};
	struct elf64_phdr ph = {.p_type = PT_NOTE, .p_offset = notes_at, .p_filesz = e->notes.len, .p_align = 4};

	if (!emit(e->core, &eh, sizeof(eh)) || !emit(e->core, &ph, sizeof(ph)))
		return false;
	for (u32 i = 0; i < e->nareas; i++) {
		const struct core_area *a = &e->areas[i];

		ph = (struct elf64_phdr){
			.p_type = PT_LOAD,
			.p_flags = (a->flags & VM_READ ? PF_R : 0) | (a->flags & VM_WRITE ? PF_W : 0) | (a->flags & VM_EXEC ? PF_X : 0),
			.p_offset = at,
			.p_vaddr = a->start,
			.p_filesz = a->dumped,
			.p_memsz = a->end - a->start,
			.p_align = PAGE_SIZE,
		};
		at += a->dumped;
		if (!emit(e->core, &ph, sizeof(ph)))
			return false;
	}
	return emit(e->core, e->notes.buf, e->notes.len) && skip(e->core, -e->core->pos & (PAGE_SIZE - 1));
}

static bool emit_area(struct core_elf *e, const struct core_area *a, char *page)
{
	u64 words[64];

	for (vaddr_t va = a->start; va < a->start + a->dumped; va += PAGE_SIZE) {
		u64 i = ((va - a->start) >> PAGE_SHIFT) % ARRAY_SIZE(words);
		bool ok;

		if (a->anonymous && !i)
			vm_pagemap(e->space, va, min((a->start + a->dumped - va) >> PAGE_SHIFT, (u64)ARRAY_SIZE(words)), words, false);
		if ((a->anonymous && !(words[i] >> 63)) || vm_access(e->space, va, page, PAGE_SIZE, false, true) != (ssize_t)PAGE_SIZE)
			ok = skip(e->core, PAGE_SIZE);
		else
			ok = emit(e->core, page, PAGE_SIZE);
		if (!ok)
			return false;
	}
	return true;
}

/* A hole at the end is part of the file, too. */
static bool emit_end(struct core *c)
{
	if (c->pos == c->end)
		return true;
	c->pos--;
	return emit(c, "", 1);
}

static bool write_all(struct core_elf *e)
{
	char *page = kmalloc(PAGE_SIZE, ALLOC_SLEEP);
	bool ok = page && emit_headers(e);

	for (u32 i = 0; i < e->nareas && ok; i++)
		ok = emit_area(e, &e->areas[i], page);
	kfree(page);
	return ok && emit_end(e->core);
}

bool core_write(struct core *c)
{
	struct core_elf e = {.core = c, .space = thread_current()->space};
	bool ok = false;

	e.filter = READ_ONCE(e.space->core_filter);
	if (!collect_areas(&e)) {
		make_notes(&e);
		ok = !e.notes.failed && write_all(&e);
	}
	kfree(e.areas);
	kfree(e.path);
	kfree(e.notes.buf);
	kfree(e.files.buf);
	kfree(e.names.buf);
	return ok;
}
