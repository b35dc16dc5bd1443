/* SPDX-License-Identifier: BSD-2-Clause */
#include "screen.h"
#include <lib/test.h>
#include <port/display.h>
#include <stdio.h>
#include <string.h>

#define COLUMNS 20
#define ROWS	6

static struct screen s;
static u32 cells[COLUMNS * ROWS];

static void put(const char *text)
{
	screen_write(&s, (const u8 *)text, strlen(text));
}

static void begin(const char *text)
{
	screen_init(&s, COLUMNS, ROWS, cells);
	put(text);
}

/* All rows, without blanks at their ends, "|" between; what is not ASCII as <hex>. */
static const char *grid(void)
{
	static char out[COLUMNS * ROWS * 8];
	char *o = out;

	for (u32 row = 0; row < ROWS; row++) {
		u32 n = COLUMNS;

		while (n && DISPLAY_CHAR(cells[row * COLUMNS + n - 1]) == ' ')
			n--;
		for (u32 i = 0; i < n; i++) {
			u32 c = DISPLAY_CHAR(cells[row * COLUMNS + i]);

			o += c < 0x7f ? sprintf(o, "%c", c) : sprintf(o, "<%x>", c);
		}
		o += sprintf(o, "|");
	}
	while (o > out && o[-1] == '|')
		*--o = 0;
	return out;
}

static const char *answers(void)
{
	static char out[SCREEN_ANSWER + 1];

	memcpy(out, s.answer, s.nanswer);
	out[s.nanswer] = 0;
	s.nanswer = 0;
	return out;
}

static u32 cell(u32 row, u32 column)
{
	return cells[row * COLUMNS + column];
}

TEST(screen_lines_wrap_and_scroll)
{
	begin("abc\r\ndef");
	CHECK_STR_EQ(grid(), "abc|def");
	begin("01234567890123456789");
	CHECK_EQ(s.pen.row, 0);
	CHECK_EQ(s.pen.column, COLUMNS - 1);
	put("x");
	CHECK_STR_EQ(grid(), "01234567890123456789|x");
	begin("1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n7");
	CHECK_STR_EQ(grid(), "2|3|4|5|6|7");
	begin("\033[?7l01234567890123456789xy");
	CHECK_STR_EQ(grid(), "0123456789012345678y");
	begin("a\tb\bc\r\tX");
	CHECK_STR_EQ(grid(), "a       X");
}

TEST(screen_cursor_moves_and_reports)
{
	begin("\033[3;5Hx\033[A\033[2Dy\033[6n");
	CHECK_STR_EQ(grid(), "|   y|    x");
	CHECK_STR_EQ(answers(), "\033[2;5R");
	put("\033[99;99H\033[6n\033[5n\033[c");
	CHECK_STR_EQ(answers(), "\033[6;20R\033[0n\033[?6c");
	put("\033[2;3H\0337\033[H\0338z");
	CHECK_EQ(DISPLAY_CHAR(cell(1, 2)), 'z');
	put("\033[4d\033[7Gq\033[Er\033[Fs");
	CHECK_EQ(DISPLAY_CHAR(cell(3, 6)), 'q');
	CHECK_EQ(DISPLAY_CHAR(cell(4, 0)), 'r');
	CHECK_EQ(DISPLAY_CHAR(cell(3, 0)), 's');
}

TEST(screen_erases_inserts_deletes)
{
	begin("abcdef\r\nghijkl\r\nmnopqr\033[2;3H\033[K");
	CHECK_STR_EQ(grid(), "abcdef|gh|mnopqr");
	put("\033[1J");
	CHECK_STR_EQ(grid(), "||mnopqr");
	begin("abcdef\033[1;3H\033[2@XY");
	CHECK_STR_EQ(grid(), "abXYcdef");
	put("\033[1;2H\033[3P");
	CHECK_STR_EQ(grid(), "acdef");
	put("\033[1;2H\033[2X");
	CHECK_STR_EQ(grid(), "a  ef");
	begin("1\r\n2\r\n3\r\n4\033[2;1H\033[L");
	CHECK_STR_EQ(grid(), "1||2|3|4");
	put("\033[2M");
	CHECK_STR_EQ(grid(), "1|3|4");
	put("\033[1;1H\033[4hin\033[4l");
	CHECK_STR_EQ(grid(), "in1|3|4");
	put("\033[2J");
	CHECK_STR_EQ(grid(), "");
}

TEST(screen_scrolls_within_its_region)
{
	begin("1\r\n2\r\n3\r\n4\r\n5\r\n6\033[2;4r\033[4;1H\n");
	CHECK_STR_EQ(grid(), "1|3|4||5|6");
	put("\033[2;1H\033M");
	CHECK_STR_EQ(grid(), "1||3|4|5|6");
	put("\033[?6h\033[1;1Ho\033[9;1Hp\033[?6l");
	CHECK_STR_EQ(grid(), "1|o|3|p|5|6");
	put("\033[r\033[6;1H\n");
	CHECK_STR_EQ(grid(), "o|3|p|5|6");
}

TEST(screen_paints)
{
	begin("\033[1;31;44mx\033[0my\033[7mz\033[27;4mu\033[38;5;196mv\033[48;2;0;0;255mw\033[97;100m!");
	CHECK_EQ(cell(0, 0), DISPLAY_CELL('x', 9, 4));
	CHECK_EQ(cell(0, 1), DISPLAY_CELL('y', 7, 0));
	CHECK_EQ(cell(0, 2), DISPLAY_CELL('z', 0, 7));
	CHECK_EQ(cell(0, 3), DISPLAY_CELL('u', 7, 0) | DISPLAY_UNDERLINE);
	CHECK_EQ(DISPLAY_FRONT(cell(0, 4)), 9);
	CHECK_EQ(DISPLAY_BACK(cell(0, 5)), 12);
	CHECK_EQ(cell(0, 6), DISPLAY_CELL('!', 15, 8) | DISPLAY_UNDERLINE);
	put("\033[0;42m\033[K");
	CHECK_EQ(DISPLAY_BACK(cell(0, COLUMNS - 1)), 2);
}

TEST(screen_reads_utf8_and_charsets)
{
	begin("\xc3\xa9\xe2\x82\xac\xff" "a\xe2\x82" "b");
	CHECK_STR_EQ(grid(), "<e9><20ac><fffd>a<fffd>b");
	begin("\016qx\017q\033(0l\033(Bl");
	CHECK_STR_EQ(grid(), "<2500><2502>q<250c>l");
	begin("\033[11m\xc4\001\033[10m");
	CHECK_STR_EQ(grid(), "<2500><263a>");
	begin("\033%@\xe9\033%G\xc3\xa9");
	CHECK_STR_EQ(grid(), "<e9><e9>");
	begin("e\xcc\x81\xe4\xb8\xad.");
	CHECK_STR_EQ(grid(), "e<4e2d> .");
}

TEST(screen_swallows_what_it_does_not_know)
{
	begin("a\033]0;title\007b\033Pdata\033\\c\033[>4;1md\033[1;2:3me\033]P1ffaa00f\033]Rg\033[[Ah\033[?12345hi");
	CHECK_STR_EQ(grid(), "abcdefghi");
	CHECK_EQ(cell(0, 4), DISPLAY_CELL('e', 7, 0));
	begin("ab\033[3\030m\033[3\r1mx");
	CHECK_STR_EQ(grid(), "xbm");
}

TEST(screen_cursor_is_seen_as_told)
{
	begin("");
	CHECK_EQ(screen_cursor_shape(&s), DISPLAY_CURSOR_LINE);
	put("\033[?25l");
	CHECK_EQ(screen_cursor_shape(&s), DISPLAY_CURSOR_NONE);
	put("\033[?25h\033[?8c");
	CHECK_EQ(screen_cursor_shape(&s), DISPLAY_CURSOR_BLOCK);
	put("\033[?1c");
	CHECK_EQ(screen_cursor_shape(&s), DISPLAY_CURSOR_NONE);
	put("\033c");
	CHECK_EQ(screen_cursor_shape(&s), DISPLAY_CURSOR_LINE);
}

TEST(screen_survives_noise)
{
	static const char likely[] = "\033\033\033[[[?;0123456789hlmHJKLMPX@r\n\r\t\bABCD78cM";

	begin("");
	for (u64 i = 0; i < test_rounds(200000); i++) {
		u8 c = test_rand_below(3) ? (u8)likely[test_rand_below(sizeof(likely) - 1)] : (u8)test_rand();

		screen_write(&s, &c, 1);
		s.nanswer = 0;
		REQUIRE(s.pen.row < ROWS && s.pen.column < COLUMNS && s.top < s.bottom && s.bottom <= ROWS);
	}
}
