/* SPDX-License-Identifier: BSD-2-Clause */
#include "format.h"
#include <lib/bitmap.h>
#include <lib/string.h>

static void put(struct strbuf *sb, u64 v)
{
	strbuf_putc(sb, ' ');
	strbuf_put_u64(sb, v);
}

static void put_signed(struct strbuf *sb, s64 v)
{
	strbuf_putc(sb, ' ');
	if (v < 0)
		strbuf_putc(sb, '-');
	strbuf_put_u64(sb, v < 0 ? 0 - (u64)v : (u64)v);
}

void proc_format_stat(struct strbuf *sb, const struct stat_fields *f)
{
	strbuf_put_u64(sb, (u64)f->pid);
	strbuf_puts(sb, " (");
	proc_put_escaped(sb, f->comm, "");
	strbuf_puts(sb, ") ");
	strbuf_putc(sb, f->state);
	put_signed(sb, f->ppid);
	put_signed(sb, f->pgrp);
	put_signed(sb, f->session);
	put_signed(sb, f->tty_nr);
	put_signed(sb, f->tpgid);
	put(sb, f->flags);
	put(sb, f->minflt);
	put(sb, f->cminflt);
	put(sb, f->majflt);
	put(sb, f->cmajflt);
	put(sb, f->utime);
	put(sb, f->stime);
	put_signed(sb, f->cutime);
	put_signed(sb, f->cstime);
	put_signed(sb, f->priority);
	put_signed(sb, f->nice);
	put(sb, f->num_threads);
	put(sb, 0); /* itrealvalue */
	put(sb, f->starttime);
	put(sb, f->vsize);
	put(sb, f->rss);
	put(sb, f->rsslim);
	put(sb, f->startcode);
	put(sb, f->endcode);
	put(sb, f->startstack);
	put(sb, f->kstkesp);
	put(sb, f->kstkeip);
	put(sb, f->pending & 0x7fffffff);
	put(sb, f->blocked & 0x7fffffff);
	put(sb, f->sigignore & 0x7fffffff);
	put(sb, f->sigcatch & 0x7fffffff);
	put(sb, f->wchan);
	put(sb, 0); /* nswap */
	put(sb, 0); /* cnswap */
	put_signed(sb, f->exit_signal);
	put_signed(sb, f->processor);
	put(sb, f->rt_priority);
	put(sb, f->policy);
	put(sb, 0); /* delayacct_blkio_ticks */
	put(sb, 0); /* guest_time */
	put(sb, 0); /* cguest_time */
	put(sb, f->start_data);
	put(sb, f->end_data);
	put(sb, f->start_brk);
	put(sb, f->arg_start);
	put(sb, f->arg_end);
	put(sb, f->env_start);
	put(sb, f->env_end);
	put_signed(sb, f->exit_code);
	strbuf_putc(sb, '\n');
}

const char *proc_state_name(char state)
{
	static const char *const names[] = {"R (running)", "S (sleeping)", "D (disk sleep)", "T (stopped)", "t (tracing stop)",
		"X (dead)", "Z (zombie)", "I (idle)"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (names[i][0] == state)
			return names[i];
	}
	return "? (unknown)";
}

void proc_put_escaped(struct strbuf *sb, const char *s, const char *also)
{
	for (; *s; s++) {
		if (*s == '\n')
			strbuf_puts(sb, *also ? "\\012" : "\\n");
		else if (*s == '\\' && !*also)
			strbuf_puts(sb, "\\\\");
		else if (strchr(also, *s))
			strbuf_printf(sb, "\\%03o", (unsigned)(u8)*s);
		else
			strbuf_putc(sb, *s);
	}
}

void proc_put_list(struct strbuf *sb, const unsigned long *bits, u32 nbits)
{
	bool first = true;

	for (size_t i = bitmap_find_next_set(bits, nbits, 0), end; i < nbits; i = bitmap_find_next_set(bits, nbits, end)) {
		end = bitmap_find_next_clear(bits, nbits, i);
		if (!first)
			strbuf_putc(sb, ',');
		first = false;
		strbuf_put_u64(sb, i);
		if (end - i > 1)
			strbuf_printf(sb, "-%zu", end - 1);
	}
}

void proc_put_mask(struct strbuf *sb, const unsigned long *bits, u32 nbits)
{
	for (u32 i = DIV_ROUND_UP(nbits, 32u); i-- > 0;) {
		u32 word = (u32)(bits[i / 2] >> (i % 2 * 32));
		u32 n = min(nbits - i * 32, 32u);

		if (n < 32)
			word &= (1u << n) - 1;
		strbuf_printf(sb, "%0*x%s", (int)DIV_ROUND_UP(n, 4u), word, i ? "," : "");
	}
}

static void put_mem(struct strbuf *sb, const struct status_mem *m)
{
	const struct {
		const char *name;
		u64 kib;
	} lines[] = {{"VmPeak", m->peak}, {"VmSize", m->size}, {"VmLck", m->lck}, {"VmPin", 0}, {"VmHWM", m->hwm}, {"VmRSS", m->rss},
		{"RssAnon", m->anon}, {"RssFile", m->file}, {"RssShmem", m->shmem}, {"VmData", m->data}, {"VmStk", m->stk},
		{"VmExe", m->exe}, {"VmLib", m->lib}, {"VmPTE", m->pte}, {"VmSwap", 0}, {"HugetlbPages", m->hugetlb}};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		strbuf_printf(sb, "%s:\t%8llu kB\n", lines[i].name, lines[i].kib);
}

void proc_format_status(struct strbuf *sb, const struct status_fields *f)
{
	strbuf_puts(sb, "Name:\t");
	proc_put_escaped(sb, f->comm, "");
	strbuf_putc(sb, '\n');
	if (f->has_umask)
		strbuf_printf(sb, "Umask:\t%#04o\n", f->umask);
	strbuf_printf(sb, "State:\t%s\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t%d\n", proc_state_name(f->state), f->tgid,
		f->pid, f->ppid, f->tracer);
	strbuf_printf(sb, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nFDSize:\t%u\nGroups:\t", f->uid[0], f->uid[1], f->uid[2], f->uid[3],
		f->gid[0], f->gid[1], f->gid[2], f->gid[3], f->fdsize);
	for (u32 i = 0; i < f->ngroups; i++)
		strbuf_printf(sb, "%s%u", i ? " " : "", f->groups[i]);
	strbuf_printf(sb, " \nNStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\nKthread:\t%d\n", f->tgid, f->pid, f->pgrp, f->session,
		f->is_kthread);
	if (f->has_mem) {
		put_mem(sb, &f->mem);
		strbuf_printf(sb, "CoreDumping:\t%d\nTHP_enabled:\t0\nuntag_mask:\t0xffffffffffffffff\n", f->core_dumping);
	}
	strbuf_printf(sb, "Threads:\t%u\nSigQ:\t%llu/%llu\n", f->threads, f->sigq, f->sigq_limit);
	strbuf_printf(sb, "SigPnd:\t%016llx\nShdPnd:\t%016llx\nSigBlk:\t%016llx\nSigIgn:\t%016llx\nSigCgt:\t%016llx\n", f->pending,
		f->shared_pending, f->blocked, f->ignored, f->caught);
	strbuf_printf(sb, "CapInh:\t%016llx\nCapPrm:\t%016llx\nCapEff:\t%016llx\nCapBnd:\t%016llx\nCapAmb:\t%016llx\n", f->cap_inh,
		f->cap_prm, f->cap_eff, f->cap_bnd, f->cap_amb);
	strbuf_printf(sb, "NoNewPrivs:\t%d\nSeccomp:\t%u\nSeccomp_filters:\t%u\nCpus_allowed:\t", f->no_new_privs, f->seccomp,
		f->seccomp_filters);
	proc_put_mask(sb, f->cpus, f->ncpus);
	strbuf_puts(sb, "\nCpus_allowed_list:\t");
	proc_put_list(sb, f->cpus, f->ncpus);
	strbuf_printf(sb, "\nMems_allowed:\t1\nMems_allowed_list:\t0\nvoluntary_ctxt_switches:\t%llu\nnonvoluntary_ctxt_switches:\t%llu\n",
		f->voluntary, f->involuntary);
}

void proc_format_maps(struct strbuf *sb, const struct maps_line *l)
{
	size_t before = sb->len + sb->lost, width;

	strbuf_printf(sb, "%08llx-%08llx %c%c%c%c %08llx %02x:%02x %llu", l->start, l->end, l->read ? 'r' : '-', l->write ? 'w' : '-',
		l->exec ? 'x' : '-', l->shared ? 's' : 'p', l->off, l->major, l->minor, l->ino);
	if (l->name && *l->name) {
		/* Names stand in column 73 [seq_pad]. */
		width = sb->len + sb->lost - before;
		do
			strbuf_putc(sb, ' ');
		while (++width < 73);
		for (const char *s = l->name; *s; s++) {
			if (*s == '\n')
				strbuf_puts(sb, "\\012");
			else
				strbuf_putc(sb, *s);
		}
	} else {
		strbuf_putc(sb, ' ');
	}
	strbuf_putc(sb, '\n');
}
