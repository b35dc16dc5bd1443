/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * User address spaces.
 *
 * The areas of a space stand in a tree that writers change under map_lock (a mutex) and that faults read under RCU and a sequence count. A fault
 * takes no lock of the space: it finds its area, prepares the page, takes the lock of the one page table it writes to, checks under it that
 * the area has not changed since (area->seq), and installs the entry. An operation that shrinks or changes an area first marks the change, then takes the
 * page-table locks one by one: so either the fault sees the change, or the operation sees the entry. Page tables are freed after an RCU grace period.
 * Areas are in a SLAB_RCU cache: a reader that comes late sees another area, whose seq is another.
 *
 * Anonymous pages live in page-table entries only (page->maps, page->refs); a private copy is made when a write finds the page shared.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/list.h>
#include <lib/rbtree.h>
#include <lib/atomic.h>
#include <arch/mmu.h>
#include <sync/mutex.h>
#include <sync/seqlock.h>
#include <sync/spinlock.h>
#include <sync/rcu.h>
#include <linux/fs.h>
#include <linux/prctl.h>

struct vm_object;
struct page;
struct file;
struct vm_watch;
struct vm_policy;

enum vm_flags {
	VM_READ = 1u << 0,
	VM_WRITE = 1u << 1,
	VM_EXEC = 1u << 2,
	VM_SHARED = 1u << 3,
	VM_MAYREAD = 1u << 4, /* mprotect may turn it on */
	VM_MAYWRITE = 1u << 5,
	VM_MAYEXEC = 1u << 6,
	VM_GROWSDOWN = 1u << 7,
	VM_LOCKED = 1u << 8,
	VM_LOCKONFAULT = 1u << 9,
	VM_DONTFORK = 1u << 10,
	VM_WIPEONFORK = 1u << 11,
	VM_DONTDUMP = 1u << 12,
	VM_NORESERVE = 1u << 13,
	VM_DEVICE = 1u << 14,	/* frames without struct page, or not counted */
	VM_HUGE = 1u << 15,
	VM_NOHUGE = 1u << 16,
	VM_SEQ_READ = 1u << 17,
	VM_RAND_READ = 1u << 18,
	VM_ACCOUNT = 1u << 19,
	VM_SEALED = 1u << 20,
	VM_UFFD_MISSING = 1u << 21,	/* registered with area->watch */
	VM_UFFD_WP = 1u << 22,
	VM_UFFD_MINOR = 1u << 23,
	VM_KEY = 15u << 24,	/* protection key, as PROT_KEY */
	VM_SOFTCLEAN = 1u << 28,	/* clear_refs has made its pages soft-clean; entries get the right to write by a fault only */
	VM_HUGETLB = 1u << 29,	/* its object is memory of huge pages (object->ops->blocks); bounds are multiples of one */
	VM_UFFD_ASYNC = 1u << 30,	/* guards go by themselves */
	VM_UNMAP_NOTE = 1u << 31,	/* no area: what its watcher will be told of */
};

/*
 * What the personality lends an area that maps a file: the object and a reference to the open file. Handed in so that the core never sees a struct file.
 */
struct vm_backing_ops {
	void (*get)(void *backing);
	void (*put)(void *backing);
	/* An area of it came (map_lock held) or is gone (perhaps held). NULL: nobody counts them. */
	void (*opened)(void *backing);
	void (*closed)(void *backing);
	/* Path for /proc/PID/maps: writes at most size bytes, returns the length. */
	size_t (*name)(void *backing, char *buf, size_t size);
	/* dev, ino for maps. */
	void (*ident)(void *backing, u32 *out_dev, u64 *out_ino);
	/*
	 * A fault in an area with @vm_flags is about to wait for the page at @index of a file, or has met one that is AHEAD: take the mark off, read ahead.
	 * May sleep. NULL: no reading ahead.
	 */
	void (*ahead)(void *backing, u64 index, u32 vm_flags);
	/* MADV_WILLNEED, MS_SYNC: pages [index, index + n) of the file. May sleep. NULL: nothing is to be done. */
	void (*willneed)(void *backing, u64 index, u64 n);
	int (*sync)(void *backing, u64 index, u64 n);
	/* Device memory and the like: make an entry for the page at @pgoff; NULL: use the object. 0 with *out_pte, or an errno. */
	int (*fault)(void *backing, u64 pgoff, unsigned fault_flags, struct pte *out_pte);
};

struct vm_area {
	vaddr_t start, end;	/* writers: map_lock; readers: space->seq */
	u32 flags;		/* enum vm_flags; likewise */
	u32 seq;		/* atomic; changes whenever a fault that saw the area before must look again; odd: going away. Goes on counting when the memory becomes another area */
	u64 pgoff;		/* page offset of start in the object; for anonymous memory start>>12 at creation */
	struct vm_object *object;	/* NULL: anonymous private */
	const struct vm_backing_ops *backing_ops;
	void *backing;
	struct vm_space *space;
	struct rb_node node;	/* space->areas; augmented with the largest gap below */
	u64 gap, subtree_gap;
	struct list_head object_link;	/* object->maps */
	struct vm_area *next_dead;	/* while being unmapped */
	const char *label;	/* "[heap]", "[stack]", "[vdso]" or NULL; static string */
	char *anon_name;	/* PR_SET_VMA_ANON_NAME */
	struct vm_watch *watch;	/* who is asked of its faults and told of changes; a reference; map_lock */
	struct vm_policy *policy;	/* a reference, or NULL: the thread's; map_lock, or read under RCU */
};

/* The root table of a space: new entries are stored under the lock; a bit of @used per 16 entries that may not be empty. */
struct pt_root {
	struct spinlock lock;
	u32 used;
	bool large;		/* atomic: there was a leaf above level 0 some time */
};

#define VM_RSS_CELLS 8 /* a power of two */
struct vm_rss {
	s64 anon, file, shmem;	/* pages; atomic; a single cell may be negative */
	s64 hugetlb;		/* of the pool; not resident in the sense of the others */
} __aligned(64);

/* What the personality keeps with a space: told when the last user leaves, before memory goes. May sleep. */
struct vm_tenant {
	void (*leave)(struct vm_tenant *t);
};

struct vm_space {
	struct mmu_space mmu;
	u32 users;		/* atomic: threads that run in it; last one empties it */
	u32 refs;		/* atomic: plus lazy users and /proc readers */
	struct mutex map_lock;
	struct seqcount seq;	/* areas tree */
	struct rb_root areas;
	u32 nareas;
	vaddr_t mmap_top;	/* highest address for mmap's top-down search */
	vaddr_t brk_start, brk;
	vaddr_t stack_top, arg_start, arg_end, env_start, env_end, code_start, code_end, data_start, data_end, vdso;
	u64 auxv[52];
	u64 total_pages, locked_pages, data_pages, stack_pages, exec_pages; /* map_lock */
	u64 peak_total;
	struct vm_rss rss[VM_RSS_CELLS];	/* of groups of CPUs: vm_space_rss() adds them up */
	s64 peak_rss;		/* pages; as of the last unmap, fork or look */
	struct pt_root root;
	u32 dumpable;		/* the personality's; for it alone, as the next */
	u32 core_filter;
	u32 membarrier;		/* atomic: MEMBARRIER_CMD_REGISTER_* done */
	struct vm_tenant *aio;	/* set once; the tenant frees itself */
	u32 def_flags;		/* mlockall(MCL_FUTURE) */
	u32 keys;		/* atomic: protection keys that are allocated; bit 0 always */
	u32 exec_key;		/* map_lock: that of memory that may only be executed; 0: none yet */
	bool no_huge;		/* PR_SET_THP_DISABLE */
	u8 exec_gain;		/* PR_SET_MDWE: what was not made executable never becomes so, what is can never be written */
	bool sealed;		/* map_lock: some area is, or was */
	bool hugetlb;		/* map_lock: likewise, of the pool's pages */
	bool lazy;		/* map_lock: MADV_FREE has marked pages some time */
	struct list_head lazy_link;	/* lazy.c */
};

/* What a child of @s, and the program after it, has of PR_SET_MDWE. */
static inline u8 space_exec_gain(const struct vm_space *s)
{
	return s->exec_gain & PR_MDWE_NO_INHERIT ? 0 : s->exec_gain;
}

/* A new empty space with one user; NULL on -ENOMEM. */
struct vm_space *vm_space_create(void);
/* A copy of @parent as fork makes it: private writable pages become copy-on-write in both. -ENOMEM. May sleep. */
int vm_space_fork(struct vm_space *parent, struct vm_space **out_child) MUST_CHECK;
void vm_space_get_user(struct vm_space *s);
/* The same for who only has a reference; false: the space is empty for ever. */
bool vm_space_tryget_user(struct vm_space *s) MUST_CHECK;
/* The last user leaving unmaps everything. No CPU has it as a thread's space then (lazily loaded is fine). May sleep, takes RANK_OBJECT_MAPS. */
void vm_space_put_user(struct vm_space *s);
void vm_space_get(struct vm_space *s);
void vm_space_put(struct vm_space *s);

/* Resident pages, and the most there ever were (pages, all kinds). */
void vm_space_rss(struct vm_space *s, struct vm_rss *out_rss, s64 *out_peak);
/* Page-table frames of the space, for VmPTE. Takes map_lock. */
u64 vm_space_tables(struct vm_space *s);

struct vm_map_args {
	vaddr_t hint;		/* page aligned */
	size_t len;		/* rounded up by the callee */
	u32 flags;		/* enum vm_flags */
	u64 pgoff;
	struct vm_object *object;
	const struct vm_backing_ops *backing_ops;
	void *backing;		/* on success the area holds its own reference (ops->get) */
	bool fixed, noreplace, populate, low32;
	const char *label;
	u64 limit_as, limit_data, limit_memlock; /* the caller's rlimits in bytes; ~0 none; memlock ~0 for CAP_IPC_LOCK */
};

/* mmap: choose an address, unmap what is in the way (fixed), merge with neighbours. -EINVAL -ENOMEM -EEXIST -EAGAIN(locked). May sleep. */
int vm_map(struct vm_space *s, const struct vm_map_args *args, vaddr_t *out_va) MUST_CHECK;
int vm_unmap(struct vm_space *s, vaddr_t va, size_t len) MUST_CHECK;
/* remap_file_pages(2): the range shows its shared file from @pgoff on; @args has limits and populate, the rest is filled in. */
int vm_remap_pages(struct vm_space *s, vaddr_t va, u64 len, u64 pgoff, struct vm_map_args *args) MUST_CHECK;
/* @key: a protection key for the range, or -1: each page keeps its own. VM_MAYEXEC in @vm_rwx: to be executed, too, where that is allowed. */
int vm_protect_key(struct vm_space *s, vaddr_t va, size_t len, u32 vm_rwx, bool growsdown, int key) MUST_CHECK;
static inline int MUST_CHECK vm_protect(struct vm_space *s, vaddr_t va, size_t len, u32 vm_rwx, bool growsdown)
{
	return vm_protect_key(s, va, len, vm_rwx, growsdown, -1);
}
/* pkey_alloc, pkey_free: -ENOSPC; -EINVAL. */
int vm_key_alloc(struct vm_space *s, unsigned *out_key) MUST_CHECK;
int vm_key_free(struct vm_space *s, int key) MUST_CHECK;
bool vm_key_is_allocated(const struct vm_space *s, int key);
/* The key of the page at @va; 0 if there is none. */
unsigned vm_key_at(struct vm_space *s, vaddr_t va);
int vm_remap(struct vm_space *s, vaddr_t old, size_t old_len, size_t new_len, int mremap_flags, vaddr_t new_addr, u64 limit_as,
	u64 limit_memlock, vaddr_t *out_va) MUST_CHECK;
int vm_madvise(struct vm_space *s, vaddr_t va, size_t len, int advice) MUST_CHECK;
int vm_seal(struct vm_space *s, vaddr_t va, size_t len) MUST_CHECK; /* mseal(2) */
int vm_lock(struct vm_space *s, vaddr_t va, size_t len, u32 lock_flags, u64 limit_memlock) MUST_CHECK; /* VM_LOCKED, VM_LOCKONFAULT or 0: unlock */
int vm_lock_all(struct vm_space *s, int mcl_flags, u64 limit_memlock) MUST_CHECK;
int vm_sync(struct vm_space *s, vaddr_t va, size_t len, int ms_flags) MUST_CHECK;
int vm_mincore(struct vm_space *s, vaddr_t va, size_t npages, u8 *vec) MUST_CHECK;
/* brk(2): the new break or the old one. */
vaddr_t vm_brk(struct vm_space *s, vaddr_t brk, u64 limit_data, u64 limit_as);

/*
 * Serve a fault of the running thread. 0: the access can be tried again. -EFAULT: a signal is in *out_signo, *out_code (SIGSEGV MAPERR, ACCERR,
 * PKUERR; SIGBUS ADRERR). -ENOMEM: the thread is being killed for want of memory (oom_kill() was called) or a fatal signal is pending. May sleep.
 */
int vm_fault(struct vm_space *s, vaddr_t va, unsigned fault_flags, u64 limit_stack, int *out_signo, int *out_code) MUST_CHECK;
/*
 * The frame behind a user address, made present (and private, if @write), with a reference: for futex keys, ptrace, process_vm_*, O_DIRECT.
 * @force: ptrace may write to read-only private areas. -EFAULT.
 */
int vm_pin(struct vm_space *s, vaddr_t va, bool write, bool force, struct page **out_page) MUST_CHECK;
/* Copy from/to another space; bytes copied (may be short) or -EFAULT. */
ssize_t vm_access(struct vm_space *s, vaddr_t va, void *buf, size_t len, bool write, bool force);

/* What a futex word is keyed by: (object, page index) for shared memory, (space, address) for private. */
struct vm_key {
	u64 a, b;
};
int vm_futex_key(struct vm_space *s, vaddr_t va, bool shared, struct vm_key *out_key) MUST_CHECK;

/* One area as /proc shows it; fn returns false to stop. Consistent: under map_lock. */
void vm_for_each_area(struct vm_space *s, vaddr_t from, bool (*fn)(struct vm_area *, void *), void *arg);
/* Give up the private anonymous pages of a space whose process is dying. -EAGAIN: it is busy. */
int vm_space_reap(struct vm_space *s) MUST_CHECK;
/* Remove the entries of all mappings of pages [first, last] of @obj; @private_too: their private copies also (truncate). */
void vm_object_unmap(struct vm_object *obj, u64 first, u64 last, bool private_too);

/*
 * Address layout of a fresh program, before anything is mapped: mmap_top and stack_top. With @randomize Linux' entropy: 28 bits of pages for mmap,
 * 22 for the stack.
 */
void vm_space_set_layout(struct vm_space *s, u64 stack_limit, bool randomize);
/* Where the heap starts: brk_start and brk at or after @end of the program's data; with @randomize up to 32 MiB behind it. */
void vm_space_set_brk(struct vm_space *s, vaddr_t end, bool randomize);

/* sysctls (/proc/sys/vm) */
extern int vm_overcommit_policy;	/* 0 heuristic, 1 always, 2 never more than the limit */
extern unsigned vm_overcommit_ratio;	/* % of memory, for policy 2; not used while the next is not 0 */
extern u64 vm_overcommit_kbytes;
extern u64 vm_admin_reserve_kbytes, vm_user_reserve_kbytes; /* policy 2: not for others than root; not for one process */
/* /sys/kernel/mm/transparent_hugepage/{enabled,defrag}, in the order in which Linux lists the words */
enum vm_huge_policy { VM_HUGE_ALWAYS, VM_HUGE_MADVISE, VM_HUGE_NEVER };
enum vm_defrag_policy { VM_DEFRAG_ALWAYS, VM_DEFRAG_DEFER, VM_DEFRAG_DEFER_MADVISE, VM_DEFRAG_MADVISE, VM_DEFRAG_NEVER };
extern int vm_huge_enabled, vm_huge_defrag;
/* Pages of files and of shared memory that are mapped. */
u64 vm_mapped(void);
/* Pages that huge leaves map, each leaf counted (AnonHugePages). */
u64 vm_huge_mapped(void);
/* Would a fault in @a get a huge page (THPeligible)? map_lock. */
bool vm_huge_fits(const struct vm_area *a);
extern u64 vm_mmap_min_addr;
extern unsigned vm_max_map_count;
extern u64 vm_stack_guard_gap;		/* bytes */
/* Pages promised (Committed_AS), and how many may be (CommitLimit). */
s64 vm_committed(void);
/* Pages that no promise can be kept with: those of pools. Written by their owner. */
extern u64 vm_set_aside;
u64 vm_commit_limit(void);
/* Promise pages that no area stands for (shared memory objects); -ENOMEM. */
int vm_commit(u64 npages) MUST_CHECK;
void vm_commit_init(void); /* by vm_init */
/* Upcall: may the running thread have what is kept for root? */
bool vm_commit_is_privileged(void);
/* May the running thread map below vm_mmap_min_addr? (CAP_SYS_RAWIO) */
bool vm_low_is_privileged(void);
void vm_uncommit(u64 npages);
void vm_init(void);
