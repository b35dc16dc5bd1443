/* SPDX-License-Identifier: BSD-2-Clause */
/* A terminal of a size that the first two bytes choose, and the rest written to it. */
#include "screen.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t len);

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	struct screen s;
	u32 columns, rows, *cells;

	if (len < 2)
		return 0;
	columns = data[0] + 1u;
	rows = data[1] + 1u;
	cells = malloc(columns * rows * sizeof(*cells));
	screen_init(&s, columns, rows, cells);
	screen_write(&s, data + 2, len - 2);
	if (s.pen.row >= rows || s.pen.column >= columns || s.top >= s.bottom || s.bottom > rows)
		abort();
	free(cells);
	return 0;
}
