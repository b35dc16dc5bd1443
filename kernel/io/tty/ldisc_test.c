/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host tests of the line discipline.
 */
#include "ldisc.h"
#include <lib/string.h>
#include <lib/test.h>

static struct ldisc ld;
static char got[LDISC_OUT + 1];

static const struct termios2 cooked = {
	.c_iflag = ICRNL | IXON,
	.c_oflag = OPOST | ONLCR,
	.c_cflag = CS8 | CREAD,
	.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
	.c_cc = {[VINTR] = 3, [VQUIT] = 28, [VERASE] = 127, [VKILL] = 21, [VEOF] = 4, [VMIN] = 1, [VSTART] = 17, [VSTOP] = 19,
		[VSUSP] = 26, [VREPRINT] = 18, [VWERASE] = 23, [VLNEXT] = 22},
};

static void begin(void)
{
	ldisc_init(&ld, &cooked);
}

static void set(u32 iflag, u32 oflag, u32 lflag)
{
	struct termios2 t = cooked;

	t.c_iflag = iflag;
	t.c_oflag = oflag;
	t.c_lflag = lflag;
	ldisc_set_termios(&ld, &t);
}

static size_t type(const char *s)
{
	return ldisc_receive(&ld, (const u8 *)s, strlen(s));
}

static const char *shown(void)
{
	size_t n = ldisc_take(&ld, (u8 *)got, LDISC_OUT);

	got[n] = '\0';
	return got;
}

static const char *line(size_t n, bool *done)
{
	static char buf[LDISC_IN + 1];

	n = ldisc_read(&ld, (u8 *)buf, n, true, done);
	buf[n] = '\0';
	return buf;
}

TEST(ldisc_line_is_readable_at_its_end)
{
	bool done;

	begin();
	type("ab");
	CHECK(!ldisc_readable(&ld, 0));
	CHECK_STR_EQ(shown(), "ab");
	type("c\rnext");
	CHECK(ldisc_readable(&ld, 0));
	CHECK_EQ(ldisc_inq(&ld), 4);
	CHECK_STR_EQ(shown(), "c\r\nnext");
	CHECK_STR_EQ(line(2, &done), "ab");
	CHECK(!done);
	CHECK_STR_EQ(line(100, &done), "c\n");
	CHECK(done);
	CHECK(!ldisc_readable(&ld, 0));
}

TEST(ldisc_editing)
{
	bool done;

	begin();
	type("one twx\177o  three\027\027wo\n");
	CHECK_STR_EQ(line(100, &done), "one wo\n");
	shown();
	type("a\tb");
	CHECK_STR_EQ(shown(), "a\tb");
	type("\177\177");
	CHECK_STR_EQ(shown(), "\b \b\b\b\b\b\b\b\b");
	type("\001\177");
	CHECK_STR_EQ(shown(), "^A\b \b\b \b");
	type("xyz\025q\n");
	CHECK_STR_EQ(line(100, &done), "q\n");
	shown();
	type("\026\003k\022");
	CHECK_STR_EQ(shown(), "^\b^Ck^R\r\n^Ck");
	type("\n");
	CHECK_STR_EQ(line(100, &done), "\003k\n");
}

TEST(ldisc_multibyte_erase)
{
	struct termios2 t = cooked;
	bool done;

	begin();
	t.c_iflag |= IUTF8;
	ldisc_set_termios(&ld, &t);
	type("a\xc3\xa4\177b\n");
	CHECK_STR_EQ(line(100, &done), "ab\n");
	CHECK_STR_EQ(shown(), "a\xc3\xa4\b \bb\r\n");
}

TEST(ldisc_end_of_file)
{
	bool done;

	begin();
	type("ab\004\004c\n");
	CHECK_EQ(ldisc_inq(&ld), 4);
	CHECK_STR_EQ(line(2, &done), "ab"); /* and the end-of-file character behind */
	CHECK(done);
	CHECK_STR_EQ(line(100, &done), "");
	CHECK(done);
	CHECK_STR_EQ(line(100, &done), "c\n");
}

TEST(ldisc_signals_flush)
{
	bool done;

	begin();
	type("lost\nalso");
	(void)ldisc_take_events(&ld);
	type("\003");
	CHECK(ldisc_take_events(&ld) & LDISC_EV_SIGINT);
	CHECK(!ldisc_readable(&ld, 0));
	CHECK_STR_EQ(shown(), "^C");
	set(ICRNL, OPOST, cooked.c_lflag | NOFLSH);
	type("kept\n\032");
	CHECK(ldisc_take_events(&ld) & LDISC_EV_SIGTSTP);
	CHECK_STR_EQ(line(100, &done), "kept\n");
}

TEST(ldisc_flow_control)
{
	begin();
	(void)ldisc_write(&ld, (const u8 *)"abc", 3);
	type("\023");
	CHECK_STR_EQ(shown(), "");
	type("\021");
	CHECK(ldisc_take_events(&ld) & LDISC_EV_OUTPUT);
	CHECK_STR_EQ(shown(), "abc");
	set(cooked.c_iflag | IXANY, cooked.c_oflag, cooked.c_lflag);
	type("\023");
	CHECK(ld.flow_stopped);
	type("x");
	CHECK(!ld.flow_stopped);
}

TEST(ldisc_direct_holds_writers_only)
{
	begin();
	ld.direct = true;
	CHECK_EQ(ldisc_write(&ld, (const u8 *)"said", 4), 4);
	type("\023");
	CHECK_EQ(ldisc_write(&ld, (const u8 *)"more", 4), 0);
	type("x"); /* its echo waits too */
	CHECK_STR_EQ(shown(), "said");
	ldisc_put_now(&ld, 17);
	CHECK_STR_EQ(shown(), "x\021");
	type("\021");
	CHECK(ldisc_take_events(&ld) & LDISC_EV_WRITABLE);
	CHECK_EQ(ldisc_write(&ld, (const u8 *)"more", 4), 4);
	ldisc_tc_stop(&ld, true);
	ldisc_put_now(&ld, 17);
	CHECK_STR_EQ(shown(), "more");
	CHECK_EQ(ldisc_ready(&ld), 0);
}

TEST(ldisc_output_processing)
{
	begin();
	set(cooked.c_iflag, OPOST | ONLCR | XTABS, cooked.c_lflag);
	CHECK_EQ(ldisc_write(&ld, (const u8 *)"ab\tc\n\td", 7), 7);
	CHECK_STR_EQ(shown(), "ab      c\r\n        d");
	set(cooked.c_iflag, OPOST | OCRNL | OLCUC, cooked.c_lflag);
	ldisc_write(&ld, (const u8 *)"x\ry", 3);
	CHECK_STR_EQ(shown(), "X\nY");
	set(cooked.c_iflag, 0, cooked.c_lflag);
	ldisc_write(&ld, (const u8 *)"x\n\ty", 4);
	CHECK_STR_EQ(shown(), "x\n\ty");
}

TEST(ldisc_raw_and_mode_changes)
{
	bool done;

	begin();
	type("half");
	set(0, 0, 0);
	CHECK(ldisc_readable(&ld, 4));
	CHECK(!ldisc_readable(&ld, 5));
	type("\003\n");
	CHECK_STR_EQ(line(100, &done), "half\003\n");
	type("typed");
	set(cooked.c_iflag, cooked.c_oflag, cooked.c_lflag);
	CHECK(ldisc_readable(&ld, 0));
	CHECK_STR_EQ(line(100, &done), "typed");
}

TEST(ldisc_long_line)
{
	u8 big[6000];
	bool done;

	begin();
	set(cooked.c_iflag, cooked.c_oflag, cooked.c_lflag & ~(u32)ECHO);
	memset(big, 'x', sizeof(big));
	CHECK_EQ(ldisc_receive(&ld, big, sizeof(big)), sizeof(big)); /* the end of the line is lost */
	CHECK_EQ(type("\n"), 1);
	CHECK_EQ(ldisc_inq(&ld), LDISC_LINE_MAX + 1);
	CHECK_EQ(ldisc_receive(&ld, big, 10), 0); /* now nothing more is taken */
	CHECK_EQ(strlen(line(LDISC_IN, &done)), LDISC_LINE_MAX + 1);
	CHECK(ldisc_take_events(&ld) & LDISC_EV_ROOM);
}

TEST(ldisc_errors_are_marked)
{
	bool done;

	begin();
	set(INPCK | PARMRK, 0, 0);
	ldisc_receive_error(&ld, 'x', LDISC_PARITY);
	ldisc_receive_error(&ld, 0, LDISC_BREAK);
	type("\377");
	CHECK_EQ(ldisc_inq(&ld), 8);
	line(8, &done);
	set(BRKINT, 0, cooked.c_lflag);
	ldisc_receive_error(&ld, 0, LDISC_BREAK);
	CHECK(ldisc_take_events(&ld) & LDISC_EV_SIGINT);
}

/* Whatever is typed and set, the positions stay in order and nothing is written outside. */
TEST(ldisc_random)
{
	static const u32 lflags[] = {0, ICANON, ICANON | ECHO | ECHOE | ECHOK | ECHOKE | ECHOCTL | IEXTEN | ISIG, ECHO | ISIG, ICANON | ECHO | ECHOPRT | IEXTEN};
	u8 buf[600];
	bool done;

	begin();
	for (u64 i = 0; i < test_rounds(20000); i++) {
		size_t n = test_rand_below(sizeof(buf));

		for (size_t k = 0; k < n; k++)
			buf[k] = (u8)(test_rand_below(4) ? test_rand_below(32) : test_rand_below(256));
		switch (test_rand_below(6)) {
		case 0: set((u32)test_rand_below(1u << 15), (u32)test_rand_below(1u << 6), lflags[test_rand_below(ARRAY_SIZE(lflags))]); break;
		case 1: ldisc_write(&ld, buf, n); break;
		case 2: ldisc_take(&ld, buf, n); break;
		case 3: ldisc_read(&ld, buf, n, test_rand_below(2), &done); break;
		default: ldisc_receive(&ld, buf, n);
		}
		REQUIRE(ld.head - ld.tail <= LDISC_IN);
		REQUIRE(ld.canon_head - ld.tail <= ld.head - ld.tail);
		REQUIRE(ldisc_outq(&ld) <= LDISC_OUT);
	}
}
