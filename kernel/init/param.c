/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line, split once into words. "a=b c" is a=b and c; double quotes keep spaces together; '-' and '_' are the same in names, as on Linux.
 * Whatever param_get was asked for by boot's end is the kernel's; the rest goes to init: NAME=VALUE to its environment, bare words to its arguments.
 */
#include <lib/string.h>
#include <lib/parse.h>
#include <arch/boot.h>
#include <init/param.h>

#define MAX_WORDS 128

struct word {
	char *name;
	char *value; /* NULL: a bare word */
	bool claimed;
};

static char text[BOOT_CMDLINE_MAX];
static struct word words[MAX_WORDS];
static unsigned nwords;
static unsigned first_init_arg; /* words behind "--" */

/* End the word at @s, without its quotes; the start of the rest. */
static char *cut_word(char *s)
{
	char *to = s;
	bool quoted = false;

	for (; *s && (quoted || *s != ' '); s++) {
		if (*s == '"')
			quoted = !quoted;
		else
			*to++ = *s;
	}
	if (*s)
		s++;
	*to = '\0';
	return s;
}

/* What Linux knows as a word of its own though nobody here asks for it, must not become an argument of init. */
static bool is_kernel_word(const char *name)
{
	static const char *const known[] = {"BOOT_IMAGE", "quiet", "ro", "rw", "debug", "nokaslr", "panic", "console", "loglevel",
		"earlyprintk", "root", "rootfstype", "rootflags", "rootwait", "rootdelay", "init", "rdinit", "noinitrd", "mem",
		"maxcpus", "pti", "mitigations", "nopti", "nosmp", "acpi", "reboot", "tsc", "clocksource", "initcall_debug"};

	for (unsigned i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(known[i], name))
			return true;
	return false;
}

static bool same_name(const char *a, const char *b)
{
	for (;; a++, b++) {
		char x = *a == '-' ? '_' : *a, y = *b == '-' ? '_' : *b;

		if (x != y)
			return false;
		if (!x)
			return true;
	}
}

void param_init(const char *cmdline)
{
	char *s = text;

	strscpy(text, cmdline, sizeof(text));
	first_init_arg = MAX_WORDS;
	while (nwords < MAX_WORDS) {
		while (*s == ' ')
			s++;
		if (!*s)
			break;
		char *word = s;
		s = cut_word(s);
		if (first_init_arg == MAX_WORDS && !strcmp(word, "--")) {
			first_init_arg = nwords;
			continue;
		}
		struct word *w = &words[nwords++];
		w->name = word;
		if (nwords > first_init_arg)
			continue; /* as it stands */
		w->value = strchr(word, '=');
		if (w->value)
			*w->value++ = '\0';
		/* module.parameter words are for modules */
		w->claimed = is_kernel_word(word) || strchr(word, '.');
	}
	if (first_init_arg > nwords)
		first_init_arg = nwords;
}

const char *param_nth(const char *name, unsigned n)
{
	const char *found = NULL;

	for (unsigned i = 0; i < first_init_arg; i++) {
		struct word *w = &words[i];

		if (!same_name(w->name, name))
			continue;
		w->claimed = true;
		if (!found && n-- == 0)
			found = w->value ? w->value : "";
	}
	return found;
}

const char *param_get(const char *name)
{
	const char *found = NULL;

	for (unsigned i = 0; i < first_init_arg; i++) {
		if (same_name(words[i].name, name)) {
			words[i].claimed = true;
			found = words[i].value ? words[i].value : "";
		}
	}
	return found;
}

bool param_bool(const char *name, bool dflt)
{
	const char *v = param_get(name);
	bool b;

	if (!v)
		return dflt;
	return !*v ? true : parse_bool(v, &b) ? dflt : b;
}

u64 param_u64(const char *name, u64 dflt)
{
	const char *v = param_get(name);
	u64 n;

	return v && !parse_size(v, &n) ? n : dflt;
}

unsigned param_init_args(const char **argv, unsigned max)
{
	unsigned n = 0;

	for (unsigned i = 0; i < nwords && n < max; i++)
		if (i >= first_init_arg || (!words[i].claimed && !words[i].value))
			argv[n++] = words[i].name;
	return n;
}

unsigned param_init_env(const char **envp, unsigned max)
{
	unsigned n = 0;

	for (unsigned i = 0; i < first_init_arg && n < max; i++) {
		struct word *w = &words[i];

		if (w->claimed || !w->value)
			continue;
		w->value[-1] = '='; /* whole again; nobody asks for it any more */
		envp[n++] = w->name;
	}
	return n;
}
