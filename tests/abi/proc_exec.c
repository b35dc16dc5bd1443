// SPDX-License-Identifier: BSD-2-Clause
/* execve(2): arguments, environment, auxiliary vector, errors, scripts, what survives. */
#include "abi.h"
#include <elf.h>
#include <sys/auxv.h>

static char self[256];

static void child_main(int argc, char **argv, char **envp)
{
	if (!strcmp(argv[1], "args")) {
		V(argc);
		for (int i = 0; i < argc; i++)
			say_bytes("arg", argv[i], strlen(argv[i]) > 60 ? 60 : strlen(argv[i]));
		for (char **e = envp; *e; e++)
			say_bytes("env", *e, strlen(*e));
	} else if (!strcmp(argv[1], "state")) {
		sigset_t s;
		struct sigaction sa;
		sigprocmask(SIG_SETMASK, NULL, &s);
		V(sigismember(&s, SIGUSR1));
		sigpending(&s);
		V(sigismember(&s, SIGUSR1));
		sigaction(SIGUSR2, NULL, &sa);
		IS(sa.sa_handler == SIG_IGN);
		sigaction(SIGHUP, NULL, &sa);
		IS(sa.sa_handler == SIG_DFL);
		stack_t ss;
		sigaltstack(NULL, &ss);
		X(ss.ss_flags);
		char name[17];
		prctl(PR_GET_NAME, name);
		S(name);
		V(prctl(PR_GET_DUMPABLE));
		V(prctl(PR_GET_PDEATHSIG, &argc));
		IS(alarm(0) > 0);
		V(umask(022));
		char cwd[64];
		syscall(SYS_getcwd, cwd, 64);
		S(cwd);
		say("comm %s", get_file("/proc/self/comm"));
	} else if (!strcmp(argv[1], "auxv")) {
		V(getauxval(AT_PAGESZ));
		V(getauxval(AT_CLKTCK));
		V(getauxval(AT_UID));
		V(getauxval(AT_EUID));
		V(getauxval(AT_SECURE));
		V(getauxval(AT_PHENT));
		IS(getauxval(AT_PHNUM) > 2);
		IS(getauxval(AT_ENTRY) != 0);
		IS(getauxval(AT_RANDOM) != 0);
		IS(getauxval(AT_SYSINFO_EHDR) != 0);
		IS(getauxval(AT_HWCAP) != 0);
		V(getauxval(AT_BASE));
		V(getauxval(AT_FLAGS));
		V(getauxval(AT_HWCAP2) & 0);
		S((char *)getauxval(AT_PLATFORM));
		S((char *)getauxval(AT_EXECFN));
		IS(getauxval(AT_MINSIGSTKSZ) >= 1024);
	} else if (!strcmp(argv[1], "ids")) {
		uid_t r, e, s;
		gid_t rg, eg, sg;
		getresuid(&r, &e, &s);
		getresgid(&rg, &eg, &sg);
		say("uid %d %d %d gid %d %d %d secure %ld dumpable %d\n", r, e, s, rg, eg, sg,
			getauxval(AT_SECURE), prctl(PR_GET_DUMPABLE));
	}
	exit(0);
}

static void run(const char *path, char *const argv[], char *const envp[])
{
	CHILD {
		execve(path, argv, envp);
		say("execve %s: %s\n", path, err_name(errno));
	}
	REAP("exec");
}
#define ARGV(...) ((char *[]){__VA_ARGS__, NULL})
static char *no_env[] = {NULL};

static void arguments(void)
{
	HEAD("arguments");
	run(self, ARGV("proc_exec", "args", "", "two words", "\xff\x01"),
		ARGV("A=1", "", "B", "LONG=xxxxxxxx"));
	run(self, ARGV("proc_exec", "auxv"), no_env);
	run("/proc/self/exe", ARGV("proc_exec", "auxv"), no_env);
	CHILD {
		syscall(SYS_execve, self, NULL, NULL);
	}
	int st;
	waitpid(child_pid, &st, 0);
	say_status("no argv", st);
	CHILD {
		int fd = NEED(open(self, O_RDONLY));
		syscall(SYS_execveat, fd, "", ARGV("proc_exec", "args"), NULL, AT_EMPTY_PATH);
		say("execveat %s\n", err_name(errno));
	}
	REAP("execveat");
	CHILD {
		int fd = NEED(open(self, O_RDONLY));
		R(syscall(SYS_execveat, fd, "", ARGV("x"), NULL, 0));
		R(syscall(SYS_execveat, fd, "", ARGV("x"), NULL, 0x8000));
		R(syscall(SYS_execveat, 99, "x", ARGV("x"), NULL, 0));
		R(syscall(SYS_execveat, AT_FDCWD, "lnk", ARGV("x"), NULL, AT_SYMLINK_NOFOLLOW));
	}
	REAP("execveat errors");
}

static void failures(void)
{
	HEAD("errors");
	put_file("text", "just text\n", 10, 0755);
	put_file("noexec", "#!/bin/sh\n", 10, 0644);
	put_file("empty", "", 0, 0755);
	put_file("badelf", "\177ELF\2\1\1", 7, 0755);
	put_file("badinterp", "#!/none/such\n", 13, 0755);
	put_file("bangspace", "#!   \n", 6, 0755);
	put_file("dirinterp", "#!/work\n", 8, 0755);
	static char longline[400];
	memset(longline, 'a', sizeof(longline));
	memcpy(longline, "#!/", 3);
	put_file("longbang", longline, sizeof(longline), 0755);
	mkdir("dir", 0755);
	symlink("lnk2", "lnk");
	symlink("lnk", "lnk2");
	run("none", ARGV("x"), no_env);
	run("text", ARGV("x"), no_env);
	run("noexec", ARGV("x"), no_env);
	run("empty", ARGV("x"), no_env);
	run("badelf", ARGV("x"), no_env);
	run("badinterp", ARGV("x"), no_env);
	run("bangspace", ARGV("x"), no_env);
	run("dirinterp", ARGV("x"), no_env);
	run("longbang", ARGV("x"), no_env);
	run("dir", ARGV("x"), no_env);
	run("text/x", ARGV("x"), no_env);
	run("lnk", ARGV("x"), no_env);
	run("", ARGV("x"), no_env);
	run("/dev/null", ARGV("x"), no_env);
	CHILD {
		R(syscall(SYS_execve, NULL, NULL, NULL));
		R(syscall(SYS_execve, self, (void *)8, NULL));
		R(syscall(SYS_execve, self, ARGV((char *)8), NULL));
		R(syscall(SYS_execve, self, ARGV("x"), (void *)8));
	}
	REAP("bad pointers");
	char *big = malloc(1 << 18);
	memset(big, 'b', 1 << 18);
	big[131071] = 0;
	run(self, ARGV("proc_exec", "args", big), no_env);
	big[131071] = 'b';
	big[131072] = 0;
	run(self, ARGV("proc_exec", "args", big), no_env);
	big[131071] = 0;
	char *many[40];
	for (int i = 0; i < 39; i++)
		many[i] = big;
	many[0] = "proc_exec";
	many[1] = "none";
	many[39] = NULL;
	run(self, many, no_env);
	many[14] = NULL;
	run(self, many, no_env);
	int fd = NEED(open(self, O_RDONLY));
	R(open(self, O_RDWR));
	close(fd);
	/* A copy that is open for writing cannot run, and a running one cannot be written. */
	CHILD {
		NEED(chdir("/work"));
		execve("/bin/busybox", ARGV("cp", "/bin/busybox", "bb"), no_env);
	}
	REAP("copy");
	fd = NEED(open("bb", O_RDWR));
	run("bb", ARGV("true"), no_env);
	close(fd);
	run("bb", ARGV("true"), no_env);
	CHILD {
		execve("bb", ARGV("sleep", "1000"), no_env);
	}
	await_state(child_pid, 'S');
	for (int w; (w = open("bb", O_RDWR)) >= 0;)
		close(w);
	R(open("bb", O_WRONLY));
	R(truncate("bb", 0));
	OK(unlink("bb"));
	kill(child_pid, SIGKILL);
	REAP("running");
	free(big);
}

static void scripts(void)
{
	char text[600];

	HEAD("scripts");
	snprintf(text, sizeof(text), "#!%s args\n", self);
	put_file("s1", text, strlen(text), 0755);
	run("./s1", ARGV("zero", "one", "two"), no_env);
	snprintf(text, sizeof(text), "#! \t%s \t args and more \t \nrest", self);
	put_file("s2", text, strlen(text), 0755);
	run("./s2", ARGV("zero", "one"), no_env);
	snprintf(text, sizeof(text), "#!/work/s1\n");
	put_file("s3", text, strlen(text), 0755);
	run("s3", ARGV("zero", "one"), no_env);
	strcpy(text, "#!/work/r0\n");
	put_file("r0", text, strlen(text), 0755);
	run("r0", ARGV("zero"), no_env);
	strcpy(text, "#!/bin/sh\necho shell got \"$0\" \"$@\"; exit 7\n");
	put_file("s4", text, strlen(text), 0755);
	run("/work/s4", ARGV("ignored", "a", "b c"), no_env);
	CHILD {
		become(1000);
		run("/work/s4", ARGV("x", "u"), no_env);
	}
	REAP("user");
	chmod("s4", 0744);
	CHILD {
		become(1000);
		run("/work/s4", ARGV("x", "u"), no_env);
	}
	REAP("user without x");
	chmod("s4", 0644);
	run("/work/s4", ARGV("x", "root"), no_env);
}

static char alt[16384];

/* What a script that was opened by a descriptor sees as its name; and a descriptor that is closed leads nowhere. */
static void by_descriptor(void)
{
	static const char text[] = "#!/bin/sh\necho \"$0 $1\"\n";
	char edge[256];

	HEAD("scripts by descriptor");
	NEED(mkdir("bydir", 0755));
	put_file("bydir/script", text, sizeof(text) - 1, 0755);
	int dir = NEED(dup2(NEED(open("bydir", O_PATH)), 50));
	int file = NEED(dup2(NEED(open("bydir/script", O_PATH)), 51));
	CHILD syscall(SYS_execveat, dir, "script", ARGV("x", "a"), NULL, 0);
	REAP("relative");
	CHILD syscall(SYS_execveat, file, "", ARGV("x", "b"), NULL, AT_EMPTY_PATH);
	REAP("empty");
	CHILD {
		NEED(fcntl(dir, F_SETFD, FD_CLOEXEC));
		NEED(fcntl(file, F_SETFD, FD_CLOEXEC));
		R(syscall(SYS_execveat, dir, "script", ARGV("x"), NULL, 0));
		R(syscall(SYS_execveat, file, "", ARGV("x"), NULL, AT_EMPTY_PATH));
	}
	REAP("closed");
	HEAD("a line that ends with what is read");
	for (int blank = 0; blank < 2; blank++) {
		memset(edge, '/', sizeof(edge));
		memcpy(edge, "#!", 2);
		memcpy(edge + sizeof(edge) - blank - 6, "bin/sh", 6);
		if (blank)
			edge[sizeof(edge) - 1] = ' ';
		put_file("edge", edge, sizeof(edge), 0755);
		CHILD {
			execve("edge", ARGV("x"), NULL);
			say("%s\n", err_name(errno));
		}
		REAP("edge");
	}
}

static void surviving(void)
{
	HEAD("what survives");
	CHILD {
		sigset_t usr1 = sig_set(SIGUSR1);
		sigprocmask(SIG_BLOCK, &usr1, NULL);
		raise(SIGUSR1);
		signal(SIGUSR2, SIG_IGN);
		on_signal(SIGHUP, (void (*)(int))_exit, 0);
		stack_t ss = {.ss_sp = alt, .ss_size = sizeof(alt)};
		sigaltstack(&ss, NULL);
		prctl(PR_SET_NAME, "before");
		prctl(PR_SET_DUMPABLE, 0);
		prctl(PR_SET_PDEATHSIG, SIGUSR2);
		alarm(1000);
		umask(031);
		execv(self, ARGV("proc_exec", "state"));
	}
	REAP("state");
}

static void set_ids(void)
{
	HEAD("set-id programs");
	CHILD {
		execve("/bin/busybox", ARGV("cp", self, "suid"), no_env);
	}
	waitpid(child_pid, NULL, 0);
	static const struct {
		mode_t mode;
		uid_t uid;
		gid_t gid;
	} all[] = {{0755, 0, 0}, {04755, 0, 0}, {04755, 500, 0}, {02755, 0, 600}, {06755, 500, 600},
		{02745, 0, 600}};
	symlink("suid", "proc_exec");
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		NEED(chown("suid", all[i].uid, all[i].gid));
		NEED(chmod("suid", all[i].mode));
		CHILD {
			become(1000);
			execve("/work/proc_exec", ARGV("proc_exec", "ids"), no_env);
			say("%s\n", err_name(errno));
		}
		waitpid(child_pid, NULL, 0);
	}
	chown("suid", 500, 600);
	chmod("suid", 06755);
	CHILD {
		execve("/work/proc_exec", ARGV("proc_exec", "ids"), no_env);
	}
	REAP("root runs set-uid 500");
	CHILD {
		become(1000);
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		execve("/work/proc_exec", ARGV("proc_exec", "ids"), no_env);
	}
	REAP("no new privileges");
}

/* What runs cannot be written; as soon as it has been waited for, it can. */
static void busy(void)
{
	char buf[65536];
	int in = open("/proc/self/exe", O_RDONLY), out = open("copy", O_WRONLY | O_CREAT, 0755), go[2], fd;
	ssize_t n;

	HEAD("a program that runs");
	while ((n = read(in, buf, sizeof(buf))) > 0)
		write(out, buf, n);
	close(out);
	pipe(go);
	for (int i = 0; i < 20; i++) {
		CHILD {
			dup2(go[0], 0);
			close(go[1]);
			execl("copy", "proc_exec", "wait", NULL);
		}
		if (!i) {
			while ((fd = open("copy", O_WRONLY)) >= 0) {
				close(fd);
				sleep_ms(1);
			}
			say("%s\n", err_name(errno));
		}
		write(go[1], "x", 1);
		waitpid(child_pid, NULL, 0);
		fd = open("copy", O_WRONLY);
		if (fd < 0)
			say("still: %s\n", err_name(errno));
		close(fd);
	}
	close(in);
	unlink("copy");
}

int main(int argc, char **argv, char **envp)
{
	snprintf(self, sizeof(self), "/abi/proc_exec");
	if (argc > 1 && !strcmp(argv[1], "wait"))
		return (int)read(0, self, 1);
	if (argc > 1)
		child_main(argc, argv, envp);
	arguments();
	failures();
	scripts();
	by_descriptor();
	surviving();
	set_ids();
	busy();
	return 0;
}
