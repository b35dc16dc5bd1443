/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mount options [man ext4(5)]. What is about the way and not about the result (allocation hints,
 * batching) is accepted and changes nothing; what promises something that is not there is refused.
 */
#include "impl.h"
#include <lib/parse.h>
#include <lib/strbuf.h>

static const char *const ignored[] = {"acl", "user_xattr", "minixdf", "bsddf", "debug", "orlov",
	"oldalloc", "journal_checksum", "nojournal_checksum", "auto_da_alloc", "noauto_da_alloc",
	"dioread_nolock", "dioread_lock", "nodioread_nolock", "i_version", "init_itable",
	"noinit_itable", "block_validity", "noquota", "nombcache", "no_mbcache", "lazytime",
	"nolazytime", "noblock_validity", "prefetch_block_bitmaps", "no_prefetch_block_bitmaps",
	"mb_optimize_scan", "seclabel"};
static const char *const ignored_values[] = {
	"inode_readahead_blks=", "stripe=", "max_batch_time=", "min_batch_time=", "journal_ioprio=",
	"init_itable=", "max_dir_size_kb=", "auto_da_alloc=", "mb_optimize_scan="};

static int parse_data(struct ext4_options *o, const char *v)
{
	static const char *const modes[] = {"ordered", "writeback", "journal"};

	for (u32 i = 0; i < ARRAY_SIZE(modes); i++) {
		if (!strcmp(v, modes[i])) {
			o->data = (u8)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_errors(struct ext4_options *o, const char *v)
{
	static const char *const modes[] = {"", "continue", "remount-ro", "panic"};

	for (u32 i = 1; i < ARRAY_SIZE(modes); i++) {
		if (!strcmp(v, modes[i])) {
			o->errors = (u8)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_value(struct ext4_options *o, const char *name, const char *v)
{
	u32 n;

	if (!strcmp(name, "data"))
		return parse_data(o, v);
	if (!strcmp(name, "errors"))
		return parse_errors(o, v);
	if (strtou32(v, 0, &n))
		return -EINVAL;
	if (!strcmp(name, "commit"))
		o->commit_s = n ? min(n, 3600u) : 5;
	else if (!strcmp(name, "barrier"))
		o->barrier = n;
	else if (!strcmp(name, "resuid"))
		o->resuid = n;
	else if (!strcmp(name, "resgid"))
		o->resgid = n;
	else if (strcmp(name, "sb") || n != 1)
		return -EINVAL;
	return 0;
}

static int parse_flag(struct ext4_options *o, const char *name)
{
	const struct {
		const char *name;
		bool *flag;
		bool value;
	} flags[] = {{"barrier", &o->barrier, true}, {"nobarrier", &o->barrier, false},
		{"discard", &o->discard, true}, {"nodiscard", &o->discard, false},
		{"noload", &o->noload, true}, {"norecovery", &o->noload, true},
		{"delalloc", &o->delalloc, true}, {"nodelalloc", &o->delalloc, false},
		{"grpid", &o->grpid, true}, {"bsdgroups", &o->grpid, true},
		{"nogrpid", &o->grpid, false}, {"sysvgroups", &o->grpid, false}};

	for (u32 i = 0; i < ARRAY_SIZE(flags); i++) {
		if (!strcmp(name, flags[i].name)) {
			*flags[i].flag = flags[i].value;
			return 0;
		}
	}
	for (u32 i = 0; i < ARRAY_SIZE(ignored); i++) {
		if (!strcmp(name, ignored[i]))
			return 0;
	}
	return -EINVAL;
}

static int parse_one(struct ext4_options *o, char *word)
{
	char *eq = strchr(word, '=');

	for (u32 i = 0; i < ARRAY_SIZE(ignored_values); i++) {
		if (str_has_prefix(word, ignored_values[i]))
			return 0;
	}
	if (!eq)
		return parse_flag(o, word);
	*eq = '\0';
	return parse_value(o, word, eq + 1);
}

int ext4_options_parse(struct ext4_options *o, char *text)
{
	struct ext4_options fresh = *o;
	char *word;

	while ((word = strsep(&text, ","))) {
		char name[64];

		if (!*word)
			continue;
		(void)!strscpy(name, word, sizeof(name));
		if (parse_one(&fresh, word)) {
			env_log(ENV_LOG_ERR,
				"ext4: mount option '%s' is not known or not supported", name);
			return -EINVAL;
		}
	}
	*o = fresh;
	return 0;
}

u32 ext4_options_show(const struct ext4 *fs, char *to, u32 max)
{
	static const char *const data[] = {"ordered", "writeback", "journal"};
	static const char *const errors[] = {"", "continue", "remount-ro", "panic"};
	const struct ext4_options *o = &fs->opt;
	struct strbuf sb;

	strbuf_init(&sb, to, max);
	if (o->errors != EXT4_ERRORS_CONTINUE)
		strbuf_printf(&sb, ",errors=%s", errors[o->errors]);
	if (!o->barrier)
		strbuf_puts(&sb, ",nobarrier");
	if (o->discard)
		strbuf_puts(&sb, ",discard");
	if (o->noload)
		strbuf_puts(&sb, ",norecovery");
	if (!o->delalloc)
		strbuf_puts(&sb, ",nodelalloc");
	if (o->grpid)
		strbuf_puts(&sb, ",grpid");
	if (o->resuid)
		strbuf_printf(&sb, ",resuid=%u", o->resuid);
	if (o->resgid)
		strbuf_printf(&sb, ",resgid=%u", o->resgid);
	if (o->commit_s != 5)
		strbuf_printf(&sb, ",commit=%u", o->commit_s);
	if (fs->j.has_log && o->data != EXT4_DATA_ORDERED)
		strbuf_printf(&sb, ",data=%s", data[o->data]);
	if (sb.len) { /* without the comma in front */
		memmove(to, to + 1, sb.len);
		sb.len--;
	}
	return (u32)sb.len;
}
