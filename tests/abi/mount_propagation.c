// SPDX-License-Identifier: BSD-2-Clause
/* Shared, slave, private and unbindable mounts: what goes where when something is mounted, bound, moved or taken off. */
#include "mnt.h"

static int type(const char *path, unsigned long t)
{
	return mount(NULL, path, NULL, t, NULL);
}

static void change_types(void)
{
	HEAD("types");
	dirs("a a/b");
	R(type("a", MS_SHARED));
	NEED(mount("m", "a", "tmpfs", 0, NULL));
	dirs("a/b");
	R(type("a/b", MS_SHARED));
	R(type("a", MS_SHARED | MS_PRIVATE));
	R(type("a", MS_SHARED | MS_NODEV));
	R(type("none", MS_SHARED));
	R(type("a", MS_SHARED));
	show_mounts("shared");
	R(type("a", MS_SLAVE));
	show_mounts("slave of nobody");
	R(type("a", MS_UNBINDABLE | MS_SILENT));
	R(mount("a", "a/b", NULL, MS_BIND, NULL));
	R(type("a", MS_SLAVE));
	show_mounts("unbindable stays by slave");
	R(type("a", MS_PRIVATE));
	R(mount("n", "a/b", "tmpfs", 0, NULL));
	R(type("a", MS_SHARED | MS_REC));
	show_mounts("recursive");
	R(umount2("a", 0));
	R(umount2("a", MNT_DETACH));
	R(rmdir("a/b"));
	R(rmdir("a"));
}

static void peers(void)
{
	HEAD("peers");
	dirs("a b c d");
	NEED(mount("m", "a", "tmpfs", 0, NULL));
	dirs("a/x a/y a/x/z");
	R(type("a", MS_SHARED));
	R(mount("a", "b", NULL, MS_BIND, NULL));
	R(mount("a/x", "c", NULL, MS_BIND, NULL));
	R(mount("a", "d", NULL, MS_BIND, NULL));
	R(type("d", MS_SLAVE));
	show_mounts("three peers, a slave");
	R(mount("n", "b/x", "tmpfs", 0, NULL));
	show_mounts("mounted on one: not seen where the place is not");
	R(mkdir("d/x/q", 0755));
	R(mount("o", "d/x/q", "tmpfs", 0, NULL));
	show_mounts("the slave keeps what it gets");
	R(umount2("a/x", 0));
	show_mounts("gone where nothing stands on it");
	R(umount2("d/x/q", 0));
	R(umount2("d/x", 0));
	R(mount("n", "c/z", "tmpfs", 0, NULL));
	show_mounts("from the deeper one");
	R(umount2("b/x/z", 0));
	show_mounts("and gone");
	R(umount2("d", 0));
	R(umount2("c", 0));
	R(umount2("b", 0));
	show_mounts("one is left");
	R(umount2("a", 0));
}

static void chains(void)
{
	HEAD("chains");
	dirs("a b c d e");
	NEED(mount("m", "a", "tmpfs", 0, NULL));
	dirs("a/x a/y");
	R(type("a", MS_SHARED));
	R(mount("a", "b", NULL, MS_BIND, NULL));
	R(type("b", MS_SLAVE));
	R(type("b", MS_SHARED));
	R(mount("b", "c", NULL, MS_BIND, NULL));
	R(mount("c", "d", NULL, MS_BIND, NULL));
	R(type("d", MS_SLAVE));
	R(mount("d", "e", NULL, MS_BIND, NULL));
	show_mounts("shared and slave");
	R(mount("n", "a/x", "tmpfs", 0, NULL));
	R(mount("o", "c/y", "tmpfs", 0, NULL));
	show_mounts("two mounted");
	R(type("c", MS_PRIVATE));
	show_mounts("a peer leaves");
	R(type("b", MS_PRIVATE));
	show_mounts("the last peer leaves: its slaves go up");
	R(umount2("a/x", 0));
	show_mounts("down the line");
	R(umount2("e", MNT_DETACH));
	R(umount2("d", MNT_DETACH));
	R(umount2("c", MNT_DETACH));
	R(umount2("b", MNT_DETACH));
	R(umount2("a", MNT_DETACH));
}

static void binds(void)
{
	HEAD("binds");
	dirs("a b c");
	NEED(mount("m", "a", "tmpfs", 0, NULL));
	dirs("a/x a/y a/x/z a/u");
	NEED(mount("n", "a/x", "tmpfs", 0, NULL));
	dirs("a/x/z");
	NEED(mount("o", "a/x/z", "tmpfs", 0, NULL));
	NEED(mount("p", "a/u", "tmpfs", 0, NULL));
	NEED(mount("q", "a/y", "tmpfs", 0, NULL));
	R(type("a/u", MS_UNBINDABLE));
	R(type("a/x", MS_SHARED));
	R(mount("a", "b", NULL, MS_BIND | MS_REC, NULL));
	show_mounts("recursive bind: not the unbindable");
	R(mount("a/x", "c", NULL, MS_BIND, NULL));
	show_mounts("a bind alone");
	R(mount("a/u", "c", NULL, MS_BIND, NULL));
	R(mount("a", "a/x/z", NULL, MS_MOVE, NULL));
	R(mount("b/x", "c", NULL, MS_MOVE, NULL));
	R(mount("a/x/z", "b/y", NULL, MS_MOVE, NULL));
	show_mounts("its parent is shared: not moved");
	R(mount("c", "b/y", NULL, MS_MOVE, NULL));
	show_mounts("moved");
	R(type("b", MS_SHARED));
	R(mount("a/u", "b/y", NULL, MS_MOVE, NULL));
	R(mount("a", "b", NULL, MS_MOVE, NULL));
	R(mount("a/y", "b/u", NULL, MS_MOVE, NULL));
	show_mounts("moved into a shared one");
	R(mount("b/y", "a/x", NULL, MS_MOVE, NULL));
	show_mounts("as before");
	for (const char *d = "abc"; *d; d++) {
		while (umount2((char[]){*d, 0}, MNT_DETACH) == 0)
			;
	}
	show_mounts("nothing");
}

static void self_copies(void)
{
	HEAD("self");
	dirs("a");
	NEED(mount("m", "a", "tmpfs", 0, NULL));
	dirs("a/in a/in/k");
	R(type("a", MS_SHARED));
	R(mount("a", "a/in", NULL, MS_BIND, NULL));
	show_mounts("bound into itself");
	R(mount("a", "a/in", NULL, MS_BIND | MS_REC, NULL));
	show_mounts("once more, with all");
	R(umount2("a/in", 0));
	show_mounts("one off");
	R(umount2("a/in", MNT_DETACH));
	show_mounts("all off");
	R(umount2("a", MNT_DETACH));
}

static void covered(void)
{
	HEAD("covered");
	dirs("a b");
	NEED(mount("m", "a", "tmpfs", 0, NULL));
	dirs("a/x");
	R(type("a", MS_SHARED));
	R(mount("a", "b", NULL, MS_BIND, NULL));
	R(type("b", MS_SLAVE));
	R(mount("own", "b/x", "tmpfs", 0, NULL));
	R(mount("n", "a/x", "tmpfs", 0, NULL));
	show_mounts("comes below what stands there");
	R(umount2("a/x", 0));
	show_mounts("goes from below");
	R(umount2("b/x", 0));
	R(umount2("b", 0));
	R(umount2("a", 0));
}

static void namespaces(void)
{
	int go[2], done[2];
	char c, pid[16];

	HEAD("namespaces");
	dirs("a s p");
	for (const char *d = "asp"; *d; d++) {
		char n[2] = {*d, 0};

		NEED(mount(n, n, "tmpfs", 0, NULL));
	}
	dirs("a/x s/x p/x");
	R(type("a", MS_SHARED));
	R(type("s", MS_SHARED));
	pipe(go);
	pipe(done);
	CHILD {
		R(unshare(CLONE_NEWNS));
		R(type("s", MS_SLAVE));
		show_mounts("in the new one");
		write(done[1], "", 1);
		read(go[0], &c, 1);
		R(mount("fc", "s/x", "tmpfs", 0, NULL));
		R(mkdir("a/x/y", 0755));
		R(mount("fc", "a/x/y", "tmpfs", 0, NULL));
		write(done[1], "", 1);
		read(go[0], &c, 1);
	}
	snprintf(pid, sizeof(pid), "%d", child_pid);
	read(done[0], &c, 1);
	R(mount("fp", "a/x", "tmpfs", 0, NULL));
	R(mount("fp", "s/x", "tmpfs", 0, NULL));
	R(mount("fp", "p/x", "tmpfs", 0, NULL));
	show_mounts_of("child after the parent's", pid);
	write(go[1], "", 1);
	read(done[0], &c, 1);
	show_mounts("parent after the child's");
	R(umount2("s/x", 0));
	show_mounts_of("child after the parent's umount", pid);
	write(go[1], "", 1);
	REAP("child");
	show_mounts("parent alone");
}

int main(void)
{
	own_mounts();
	change_types();
	peers();
	chains();
	binds();
	self_copies();
	covered();
	namespaces();
	return 0;
}
