// SPDX-License-Identifier: BSD-2-Clause
/* Core files: when there is one, what is in it, who may have it. */
#include "abi.h"
#include <elf.h>
#include <pthread.h>
#include <sys/procfs.h>

#define MAX_CORE (64 << 20)

static unsigned char *core;
static size_t core_len;
static pthread_barrier_t bar;
static volatile long marker = 0x5a5aa5a512345678;
static char *anon, *hidden, *shared, *untouched;

static void limit(unsigned long bytes)
{
	struct rlimit r = {bytes, RLIM_INFINITY};

	NEED(getrlimit(RLIMIT_CORE, &r));
	r.rlim_cur = bytes < r.rlim_max ? bytes : r.rlim_max;
	NEED(setrlimit(RLIMIT_CORE, &r));
}

static void say_end(const char *what)
{
	int st;

	waitpid(child_pid, &st, 0);
	say("%s: %s core %d, file %d\n", what, WIFSIGNALED(st) ? sig_name(WTERMSIG(st)) : "exited", WIFSIGNALED(st) && WCOREDUMP(st),
		access("core", F_OK) == 0);
}

static void load(void)
{
	int fd = open("core", O_RDONLY);
	struct stat st;

	core_len = 0;
	if (fd < 0)
		return;
	fstat(fd, &st);
	core = mmap(NULL, MAX_CORE, PROT_READ, MAP_PRIVATE, fd, 0);
	core_len = st.st_size;
	close(fd);
}

static Elf64_Phdr *headers(void)
{
	return (Elf64_Phdr *)(core + ((Elf64_Ehdr *)core)->e_phoff);
}

static int count(void)
{
	return ((Elf64_Ehdr *)core)->e_phnum;
}

/* The header of what was at @p; is it in the file? */
static Elf64_Phdr *segment(const volatile void *p)
{
	for (int i = 0; i < count(); i++) {
		Elf64_Phdr *h = headers() + i;

		if (h->p_type == PT_LOAD && (unsigned long)p - h->p_vaddr < h->p_memsz)
			return h;
	}
	return NULL;
}

static const unsigned char *at(const volatile void *p)
{
	Elf64_Phdr *h = segment(p);
	unsigned long off = h ? (unsigned long)p - h->p_vaddr : 0;

	return h && off < h->p_filesz && h->p_offset + off < core_len ? core + h->p_offset + off : NULL;
}

static void say_dumped(const char *what, const volatile void *p)
{
	Elf64_Phdr *h = segment(p);

	say("  %s: %s\n", what, !h ? "not listed" : !h->p_filesz ? "listed" : at(p) ? "dumped" : "dumped in part");
}

static void *thread(void *arg)
{
	pthread_barrier_wait(&bar);
	pause();
	return arg;
}

static void crash(void)
{
	pthread_t t;

	pthread_barrier_init(&bar, NULL, 3);
	for (int i = 0; i < 2; i++)
		pthread_create(&t, NULL, thread, NULL);
	pthread_barrier_wait(&bar);
	*(volatile int *)8 = 1;
}

static void say_note(Elf64_Nhdr *n, const char *owner, const unsigned char *desc)
{
	switch (n->n_type) {
	case NT_PRSTATUS: {
		const struct elf_prstatus *s = (const void *)desc;

		say("  %s status %d: signal %d, of the child %d, group %d\n", owner, n->n_descsz == sizeof(*s), s->pr_cursig, s->pr_pid == child_pid,
			s->pr_pgrp == getpgrp());
		break;
	}
	case NT_PRPSINFO: {
		const struct elf_prpsinfo *p = (const void *)desc;

		say("  %s psinfo %d: %.16s, ours %d %d, state %c\n", owner, n->n_descsz == sizeof(*p), p->pr_fname, p->pr_ppid == getpid(),
			p->pr_pid == child_pid, p->pr_sname);
		break;
	}
	case NT_SIGINFO: {
		const siginfo_t *si = (const void *)desc;

		say("  %s siginfo %d: %s code %d addr %p\n", owner, n->n_descsz == sizeof(*si), sig_name(si->si_signo), si->si_code, si->si_addr);
		break;
	}
	case NT_AUXV: say("  %s auxv\n", owner); break;
	case NT_FILE: {
		const long *v = (const void *)desc;
		const char *name = (const char *)(v + 2 + 3 * v[0]);

		say("  %s files %d, pages of %ld, first is the program %d\n", owner, v[0] > 0, v[1], strstr(name, "coredump") || strstr(name, "abi-all"));
		break;
	}
	case NT_FPREGSET: say("  %s fpregset %d\n", owner, n->n_descsz); break;
	case NT_X86_XSTATE: say("  %s xstate %d\n", owner, n->n_descsz >= 576); break;
	default: break; /* newer kernels have more */
	}
}

static void notes(void)
{
	for (int i = 0; i < count(); i++) {
		Elf64_Phdr *h = headers() + i;

		if (h->p_type != PT_NOTE)
			continue;
		for (unsigned long off = 0; off < h->p_filesz;) {
			Elf64_Nhdr *n = (Elf64_Nhdr *)(core + h->p_offset + off);
			const char *owner = (const char *)(n + 1);
			unsigned long desc = off + sizeof(*n) + ((n->n_namesz + 3) & ~3u);

			say_note(n, owner, core + h->p_offset + desc);
			off = desc + ((n->n_descsz + 3) & ~3u);
		}
	}
}

static void contents(void)
{
	struct stat st;

	HEAD("contents");
	unlink("core");
	anon = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	hidden = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	untouched = mmap(NULL, 65536, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	shared = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	strcpy(anon + 4096, "private");
	strcpy(hidden, "hidden");
	strcpy(shared, "shared");
	madvise(hidden, 65536, MADV_DONTDUMP);
	limit(RLIM_INFINITY);
	marker++;
	CHILD crash();
	say_end("crash");
	load();
	if (core_len < sizeof(Elf64_Ehdr)) {
		say("no core\n");
		return;
	}
	stat("core", &st);
	say("mode %o owner %d\n", st.st_mode, st.st_uid);
	Elf64_Ehdr *e = (Elf64_Ehdr *)core;
	say("ELF %d class %d type %d machine %d, headers %d of %d\n", !memcmp(e->e_ident, ELFMAG, SELFMAG), e->e_ident[EI_CLASS], e->e_type,
		e->e_machine, e->e_phnum > 4, e->e_phentsize);
	notes();
	say_dumped("data", &marker);
	const unsigned char *m = at(&marker);
	say("  its value is right: %d\n", m && !memcmp(m, (void *)&marker, 8));
	say_dumped("private", anon);
	say("  %.8s\n", at(anon + 4096) ? (const char *)at(anon + 4096) : "?");
	say_dumped("not to be dumped", hidden);
	say_dumped("shared", shared);
	say("  %.8s\n", at(shared) ? (const char *)at(shared) : "?");
	say_dumped("untouched", untouched);
	Elf64_Phdr *h = segment(shared);
	say("  rights of shared %x align %ld\n", h ? h->p_flags : 0, h ? (long)h->p_align : 0);
	munmap(core, MAX_CORE);
}

static void filter(const char *bits)
{
	unlink("core");
	CHILD {
		int fd = NEED(open("/proc/self/coredump_filter", O_WRONLY));
		NEED(write(fd, bits, strlen(bits)));
		abort();
	}
	say("filter %s\n", bits);
	say_end("abort");
	load();
	if (!core_len)
		return;
	say_dumped("private", anon);
	say_dumped("shared", shared);
	munmap(core, MAX_CORE);
}

static void filters(void)
{
	HEAD("filters");
	say("filter is %s", get_file("/proc/self/coredump_filter"));
	filter("0");
	filter("1");
	filter("2");
	filter("0x3");
	R(open("/proc/self/coredump_filter", O_WRONLY) < 0);
	int fd = open("/proc/self/coredump_filter", O_WRONLY);
	R(write(fd, "x", 1));
	R(write(fd, "0xffffffff", 10));
	say("filter is %s", get_file("/proc/self/coredump_filter"));
	R(write(fd, "0x23", 4));
	close(fd);
	CHILD say("inherited %s", get_file("/proc/self/coredump_filter"));
	REAP("child");
}

static void end_by(const char *what, int sig)
{
	unlink("core");
	CHILD {
		raise(sig);
	}
	say_end(what);
}

static void whether(void)
{
	struct stat st;

	HEAD("which signals");
	limit(RLIM_INFINITY);
	end_by("SIGQUIT", SIGQUIT);
	end_by("SIGILL", SIGILL);
	end_by("SIGTRAP", SIGTRAP);
	end_by("SIGSYS", SIGSYS);
	end_by("SIGXFSZ", SIGXFSZ);
	end_by("SIGXCPU", SIGXCPU);
	end_by("SIGFPE", SIGFPE);
	end_by("SIGTERM", SIGTERM);
	end_by("SIGKILL", SIGKILL);
	end_by("SIGUSR1", SIGUSR1);
	HEAD("limits");
	limit(0);
	end_by("0", SIGQUIT);
	limit(100);
	end_by("100", SIGQUIT);
	limit(8192);
	end_by("8192", SIGQUIT);
	say("size at most 8192: %d\n", stat("core", &st) == 0 && st.st_size <= 8192);
	limit(RLIM_INFINITY);
	HEAD("dumpable");
	unlink("core");
	CHILD {
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
		raise(SIGQUIT);
	}
	say_end("not dumpable");
	CHILD {
		chmod(".", 0777);
		become(1000);
		say("dumpable %d\n", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
		raise(SIGQUIT);
	}
	say_end("changed user");
	CHILD {
		become(1000);
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
		raise(SIGQUIT);
	}
	say_end("dumpable again");
	if (!stat("core", &st))
		say("owner %d mode %o\n", st.st_uid, st.st_mode);
	HEAD("what is in the way");
	put_file("core", "old", 3, 0644);
	CHILD raise(SIGQUIT);
	say_end("a file");
	say("replaced %d\n", stat("core", &st) == 0 && st.st_size > 4096);
	unlink("core");
	mkdir("core", 0777);
	CHILD raise(SIGQUIT);
	say_end("a directory");
	rmdir("core");
	symlink("elsewhere", "core");
	CHILD raise(SIGQUIT);
	say_end("a link");
	say("lstat %d, elsewhere %d\n", lstat("core", &st) == 0 && S_ISREG(st.st_mode), access("elsewhere", F_OK) == 0);
	unlink("core");
	chmod(".", 0555);
	CHILD {
		become(1000);
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
		raise(SIGQUIT);
	}
	say_end("a directory not to be written");
	chmod(".", 0777);
	CHILD {
		struct rlimit r = {1000, 1000};

		setrlimit(RLIMIT_FSIZE, &r);
		raise(SIGQUIT);
	}
	say_end("RLIMIT_FSIZE");
	unlink("core");
}

static void waits(void)
{
	siginfo_t si;

	HEAD("waitid");
	limit(RLIM_INFINITY);
	CHILD raise(SIGQUIT);
	memset(&si, 0, sizeof(si));
	R(waitid(P_PID, child_pid, &si, WEXITED));
	say("dumped %d by %s\n", si.si_code == CLD_DUMPED, sig_name(si.si_status));
	limit(0);
	CHILD raise(SIGQUIT);
	memset(&si, 0, sizeof(si));
	R(waitid(P_PID, child_pid, &si, WEXITED));
	say("killed %d by %s\n", si.si_code == CLD_KILLED, sig_name(si.si_status));
	unlink("core");
}

int main(void)
{
	contents();
	filters();
	whether();
	waits();
	return 0;
}
