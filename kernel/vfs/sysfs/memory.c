/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /sys/kernel/mm/{transparent_hugepage,hugepages}. Only anonymous memory gets huge pages, so shmem_enabled has one value.
 */
#include "sysfs_impl.h"
#include <lib/parse.h>
#include <lib/string.h>
#include <vm/hugetlb.h>
#include <mm/space.h>

struct choice {
	int *value;
	const char *const *words;
	unsigned n;
};

static const char *const enabled_words[] = {"always", "madvise", "never"};
static const char *const defrag_words[] = {"always", "defer", "defer+madvise", "madvise", "never"};
static const char *const shmem_words[] = {"always", "within_size", "advise", "never", "deny", "force"};
static const struct choice enabled = {&vm_huge_enabled, enabled_words, ARRAY_SIZE(enabled_words)};
static const struct choice defrag = {&vm_huge_defrag, defrag_words, ARRAY_SIZE(defrag_words)};

static void put_words(struct strbuf *sb, const char *const *words, unsigned n, unsigned chosen)
{
	for (unsigned i = 0; i < n; i++)
		strbuf_printf(sb, i == chosen ? "%s[%s]" : "%s%s", i ? " " : "", words[i]);
	strbuf_putc(sb, '\n');
}

static const struct choice *choice_of(const struct pseudo_text *t)
{
	return t->arg ? &defrag : &enabled;
}

static int show_choice(struct pseudo_text *t)
{
	const struct choice *c = choice_of(t);

	put_words(&t->sb, c->words, c->n, (unsigned)READ_ONCE(*c->value));
	return 0;
}

/* The word of @text, with or without a newline: its number, or -EINVAL. */
static int find_word(const char *const *words, unsigned n, char *text, size_t len)
{
	if (len && text[len - 1] == '\n')
		text[len - 1] = '\0';
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(text, words[i]) == 0)
			return (int)i;
	}
	return -EINVAL;
}

static int store_choice(struct pseudo_text *t, char *text, size_t len)
{
	const struct choice *c = choice_of(t);
	int i = find_word(c->words, c->n, text, len);

	if (i < 0)
		return i;
	WRITE_ONCE(*c->value, i);
	return 0;
}

static int show_shmem(struct pseudo_text *t)
{
	put_words(&t->sb, shmem_words, ARRAY_SIZE(shmem_words), 3);
	return 0;
}

static int store_shmem(struct pseudo_text *t, char *text, size_t len)
{
	return find_word(shmem_words, ARRAY_SIZE(shmem_words), text, len) == 3 ? 0 : -EINVAL;
}

static int show_size(struct pseudo_text *t)
{
	strbuf_printf(&t->sb, "%lu\n", PAGE_SIZE << PT_SHIFT);
	return 0;
}

static const struct pseudo_file files[] = {
	{.name = "enabled", .mode = 0644, .show = show_choice, .store = store_choice},
	{.name = "shmem_enabled", .mode = 0644, .show = show_shmem, .store = store_shmem},
	{.name = "hpage_pmd_size", .mode = 0444, .show = show_size},
};
static const struct pseudo_file defrag_file = {.name = "defrag", .mode = 0644, .show = show_choice, .store = store_choice};

/* ---- the pool of huge pages ---- */

enum { POOL_TOTAL, POOL_OVERCOMMIT, POOL_FREE, POOL_RESERVED, POOL_SURPLUS };

static int show_pool(struct pseudo_text *t)
{
	struct hugetlb_stats pool;

	hugetlb_stats(&pool);
	strbuf_printf(&t->sb, "%llu\n", (u64[]){[POOL_TOTAL] = pool.total, [POOL_OVERCOMMIT] = pool.overcommit,
		[POOL_FREE] = pool.free, [POOL_RESERVED] = pool.reserved, [POOL_SURPLUS] = pool.surplus}[(unsigned long)t->arg]);
	return 0;
}

static int store_pool(struct pseudo_text *t, char *text, size_t len)
{
	u64 n;

	if (strtou64(pseudo_trim(text), 10, &n))
		return -EINVAL;
	((unsigned long)t->arg == POOL_TOTAL ? hugetlb_set_total : hugetlb_set_overcommit)(n);
	return 0;
}

static const struct pseudo_file pool_setting = {.show = show_pool, .store = store_pool}, pool_count = {.show = show_pool};

/* Memory is one node: what it has is what there is. */
int sysfs_add_pool(struct pseudo_node *at, bool is_node)
{
	static const struct {
		const char *name;
		bool setting, of_node;
	} files[] = {[POOL_TOTAL] = {"nr_hugepages", true, true}, [POOL_OVERCOMMIT] = {"nr_overcommit_hugepages", true, false},
		[POOL_FREE] = {"free_hugepages", false, true}, [POOL_RESERVED] = {"resv_hugepages", false, false},
		[POOL_SURPLUS] = {"surplus_hugepages", false, true}};
	struct pseudo_node *dir;
	int err = pseudo_make_path(at, "hugepages/hugepages-2048kB", &dir);

	static_assert(HUGETLB_SIZE == 2048 * 1024, "the name of the directory");
	for (unsigned long i = 0; i < ARRAY_SIZE(files) && !err; i++) {
		if (files[i].of_node || !is_node)
			err = pseudo_add_named(dir, files[i].name, files[i].setting ? 0644 : 0444, files[i].setting ? &pool_setting : &pool_count,
				(void *)i, NULL);
	}
	return err;
}

int sysfs_memory_init(void)
{
	struct pseudo_node *dir;
	int err = pseudo_make_path(sysfs_kernel, "mm/transparent_hugepage", &dir);

	if (!err)
		err = pseudo_add_files(dir, files, ARRAY_SIZE(files), NULL);
	if (!err)
		err = pseudo_add_file(dir, &defrag_file, &vm_huge_defrag, NULL);
	if (!err)
		err = pseudo_make_path(sysfs_kernel, "mm", &dir);
	return err ? err : sysfs_add_pool(dir, false);
}
