/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A driver that keeps its queue busy beside a device that writes what the input says into all of
 * the shared memory.
 */
#include "virtq.h"
#include <stdlib.h>
#include <lib/string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t len);

#define SIZE  8
#define TABLE 4

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	size_t bytes = virtq_shared_bytes(SIZE, TABLE);
	char *shared = aligned_alloc(64, align_up(bytes, 64ul));
	struct virtq_slot slots[SIZE] = {0};
	struct virtq q;
	unsigned inflight = 0;

	memset(shared, 0, bytes);
	if (len < 1 ||
		virtq_init(&q, SIZE, data[0] & 1 ? TABLE : 0, data[0] & 2, shared, 0, slots)) {
		free(shared);
		return 0;
	}
	for (size_t i = 1; i + 4 <= len; i += 4) {
		struct virtq_seg segs[3] = {{1, data[i + 1] + 1u}, {2, data[i + 2] + 1u}, {3, 7}};
		void *token;
		u32 got;

		switch (data[i] % 4) {
		case 0:
			inflight +=
				!virtq_add(&q, segs, data[i + 3] & 1, 1 + (data[i + 3] & 1), &q);
			break;
		case 1: (void)virtq_publish(&q); break;
		case 2: shared[(data[i + 1] | data[i + 2] << 8) % bytes] = (char)data[i + 3]; break;
		default:
			if (virtq_pop(&q, &token, &got) == 1) {
				inflight--;
				if (token != &q || got > 256 + 256 + 7)
					__builtin_trap();
			}
			(void)virtq_arm(&q);
		}
		if (!virtq_check(&q) || q.inflight != inflight)
			__builtin_trap();
	}
	while (virtq_abort(&q))
		inflight--;
	if (inflight)
		__builtin_trap();
	free(shared);
	return 0;
}
