/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console before there are drivers, and when there may be none any more: first serial port, polled, and the text screen, each if the command
 * line's console= wants it (both when it says nothing).
 */
#include <lib/string.h>
#include <arch/boot.h>
#include <arch_impl/layout.h>
#include <arch_x86/insn.h>
#include "../../boot/boot_impl.h"

#define COM1	 0x3f8
#define VGA_TEXT 0xb8000
#define COLUMNS	 80
#define ROWS	 25

enum { UNKNOWN, ABSENT, PRESENT };
static u8 serial_state, vga_state;
static unsigned vga_row, vga_column;

/* Any console=@prefix..., or no console= at all. */
static bool console_wanted(const char *prefix)
{
	const char *s = boot_info.cmdline;
	bool any = false;

	for (; *s; s++) {
		if (strncmp(s, "console=", 8) || (s != boot_info.cmdline && s[-1] != ' '))
			continue;
		any = true;
		if (!strncmp(s + 8, prefix, strlen(prefix)))
			return true;
	}
	return !any;
}

static void serial_probe(void)
{
	outb(COM1 + 7, 0x5a); /* scratch register */
	serial_state = inb(COM1 + 7) == 0x5a && console_wanted("ttyS") ? PRESENT : ABSENT;
	if (serial_state == ABSENT)
		return;
	outb(COM1 + 1, 0);
	outb(COM1 + 3, 0x80);
	outb(COM1, 1); /* 115200 baud */
	outb(COM1 + 1, 0);
	outb(COM1 + 3, 3);
	outb(COM1 + 2, 0xc7);
	outb(COM1 + 4, 0x0b);
}

static void serial_put(char c)
{
	for (int i = 0; i < 100000 && !(inb(COM1 + 5) & 0x20); i++)
		;
	outb(COM1, (u8)c);
}

static volatile u16 *vga_cells(void)
{
	return (volatile u16 *)(kernel_layout.direct_base + VGA_TEXT);
}

static void vga_probe(void)
{
	/* Nobody else lists it as memory, so the early code maps it for us or nobody does. */
	vga_state = kernel_layout.direct_base && boot_info.fb.is_text && boot_info.fb.base == VGA_TEXT &&
			console_wanted("tty0") ? PRESENT : ABSENT;
}

static void vga_scroll(void)
{
	volatile u16 *cells = vga_cells();

	for (unsigned i = 0; i < COLUMNS * (ROWS - 1); i++)
		cells[i] = cells[i + COLUMNS];
	for (unsigned i = COLUMNS * (ROWS - 1); i < COLUMNS * ROWS; i++)
		cells[i] = 0x0720;
	vga_row = ROWS - 1;
}

static void vga_put(char c)
{
	if (c == '\n') {
		vga_row++;
		vga_column = 0;
	} else if (c == '\r') {
		vga_column = 0;
	} else {
		if (vga_row >= ROWS)
			vga_scroll();
		vga_cells()[vga_row * COLUMNS + vga_column++] = (u16)(0x0700 | (u8)c);
		if (vga_column == COLUMNS) {
			vga_column = 0;
			vga_row++;
		}
	}
	if (vga_row >= ROWS)
		vga_scroll();
}

void arch_early_console(const char *s, size_t len)
{
	if (serial_state == UNKNOWN)
		serial_probe();
	if (vga_state == UNKNOWN)
		vga_probe();
	for (size_t i = 0; i < len; i++) {
		if (serial_state == PRESENT) {
			if (s[i] == '\n')
				serial_put('\r');
			serial_put(s[i]);
		}
		if (vga_state == PRESENT)
			vga_put(s[i]);
	}
}
