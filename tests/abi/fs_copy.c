// SPDX-License-Identifier: BSD-2-Clause
/* sendfile, copy_file_range, splice, tee, vmsplice: data, positions, short counts, errors. */
#include "abi.h"
#include <sys/sendfile.h>

static char buf[1 << 17];
static int in, out, p[2];

static void drain(void)
{
	int fl = fcntl(p[0], F_GETFL);
	long total = 0;

	fcntl(p[0], F_SETFL, fl | O_NONBLOCK);
	for (ssize_t n; (n = read(p[0], buf, sizeof(buf))) > 0; total += n)
		;
	fcntl(p[0], F_SETFL, fl);
	say("drained %ld\n", total);
}

static void send_file(void)
{
	off_t off = 5;

	HEAD("sendfile");
	R(sendfile(out, in, NULL, 10));
	R(lseek(in, 0, SEEK_CUR));
	R(lseek(out, 0, SEEK_CUR));
	R(sendfile(out, in, &off, 10));
	V(off);
	R(lseek(in, 0, SEEK_CUR));
	R(sendfile(out, in, NULL, 1 << 20));
	R(sendfile(out, in, NULL, 10));
	R(sendfile(p[1], in, &off, 100));
	drain();
	R(sendfile(out, p[0], NULL, 10));
	R(sendfile(out, in, NULL, 0));
	off = -1;
	R(sendfile(out, in, &off, 1));
	R(sendfile(99, in, NULL, 1));
	R(sendfile(out, 99, NULL, 1));
	R(sendfile(in, in, NULL, 1));
	R(syscall(SYS_sendfile, out, in, 8, 1));
	int ro = NEED(open("in", O_RDONLY)), ap = NEED(open("out", O_WRONLY | O_APPEND));
	R(sendfile(ro, in, NULL, 1));
	off = 0;
	R(sendfile(ap, in, &off, 1));
	int null = NEED(open("/dev/null", O_WRONLY));
	off = 0;
	R(sendfile(null, in, &off, 1000));
	int d = NEED(open(".", O_RDONLY));
	R(sendfile(out, d, NULL, 1));
	close(ro);
	close(ap);
	close(null);
	close(d);
}

static void copy_range(void)
{
	loff_t a = 0, b = 100;
	struct stat st;

	HEAD("copy_file_range");
	ftruncate(out, 0);
	lseek(in, 0, SEEK_SET);
	lseek(out, 0, SEEK_SET);
	R(copy_file_range(in, NULL, out, NULL, 50, 0));
	R(lseek(in, 0, SEEK_CUR));
	R(lseek(out, 0, SEEK_CUR));
	R(copy_file_range(in, &a, out, &b, 1 << 20, 0));
	V(a);
	V(b);
	fstat(out, &st);
	V(st.st_size);
	R(copy_file_range(in, &a, out, &b, 10, 0));
	R(copy_file_range(in, NULL, out, NULL, 10, 1));
	a = 0;
	b = 5;
	R(copy_file_range(in, &a, in, &b, 10, 0));
	b = 50;
	R(copy_file_range(in, &a, in, &b, 10, 0));
	R(copy_file_range(p[0], NULL, out, NULL, 10, 0));
	R(copy_file_range(in, NULL, p[1], NULL, 10, 0));
	int d = NEED(open(".", O_RDONLY));
	R(copy_file_range(d, NULL, out, NULL, 10, 0));
	int ap = NEED(open("out", O_WRONLY | O_APPEND));
	R(copy_file_range(in, NULL, ap, NULL, 10, 0));
	R(copy_file_range(ap, NULL, out, NULL, 10, 0));
	R(copy_file_range(in, NULL, 99, NULL, 10, 0));
	a = -1;
	R(copy_file_range(in, &a, out, NULL, 10, 0));
	close(d);
	close(ap);
}

static void splicing(void)
{
	loff_t off = 3;
	int q[2], size = 0;

	HEAD("splice tee vmsplice");
	NEED(pipe(q));
	R(splice(in, &off, p[1], NULL, 10, 0));
	V(off);
	R(read(p[0], buf, 100));
	say_bytes("piped", buf, 10);
	R(write(p[1], "0123456789", 10));
	R(tee(p[0], q[1], 4, 0));
	R(read(q[0], buf, 100));
	say_bytes("teed", buf, 4);
	R(read(p[0], buf, 3));
	R(splice(p[0], NULL, q[1], NULL, 5, 0));
	R(read(q[0], buf, 100));
	say_bytes("moved", buf, 5);
	off = 0;
	R(splice(p[0], NULL, out, &off, 100, 0));
	R(splice(p[0], NULL, out, &off, 100, SPLICE_F_NONBLOCK));
	R(tee(p[0], q[1], 4, SPLICE_F_NONBLOCK));
	R(splice(p[0], &off, out, NULL, 1, 0));
	R(splice(in, NULL, out, NULL, 1, 0));
	R(splice(p[0], NULL, p[1], NULL, 1, 0));
	R(tee(p[0], p[1], 1, 0));
	R(tee(in, p[1], 1, 0));
	R(splice(in, NULL, p[1], NULL, 1, 0x100));
	R(splice(99, NULL, p[1], NULL, 1, 0));
	R(splice(in, NULL, 99, NULL, 1, 0));
	R(splice(in, NULL, p[1], NULL, 0, 0));
	off = 1 << 20;
	R(splice(in, &off, p[1], NULL, 10, 0));
	struct iovec v[2] = {{"abc", 3}, {"defg", 4}};
	R(vmsplice(p[1], v, 2, 0));
	memset(buf, 0, 10);
	struct iovec to = {buf, 100};
	R(vmsplice(p[0], &to, 1, 0));
	say_bytes("vmspliced", buf, 7);
	R(vmsplice(in, v, 1, 0));
	R(vmsplice(p[1], v, 1, 0x100));
	R(vmsplice(p[1], v, 1025, 0));
	off = 0;
	fcntl(p[1], F_SETFL, O_NONBLOCK);
	long total = 0;
	for (ssize_t n; (n = splice(in, &off, p[1], NULL, 100000, SPLICE_F_NONBLOCK)) > 0; total += n)
		;
	IS(total > 0 && total <= 65536);
	close(p[0]);
	signal(SIGPIPE, SIG_IGN);
	off = 0;
	R(splice(in, &off, p[1], NULL, 10, 0));
	(void)size;
}

int main(void)
{
	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = 'a' + i % 26;
	put_file("in", buf, 1000, 0644);
	in = NEED(open("in", O_RDWR));
	out = NEED(open("out", O_RDWR | O_CREAT, 0644));
	NEED(pipe(p));
	send_file();
	copy_range();
	splicing();
	return 0;
}
