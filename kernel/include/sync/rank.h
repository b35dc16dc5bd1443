/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The order in which locks are taken: a lock's rank is larger than that of every lock already held. docs/locking.md is generated from here and from LOCK_CLASS.
 */
enum lock_rank {
	RANK_NONE = 0,
	RANK_NAMESPACE = 100,	/* mount tree, rename */
	RANK_STACK = 101,	/* + 4 times how many stand above it: rename, directory, inode, copy-up of a stacked file system (vfs/overlay) */
	RANK_FS_RENAME = 110,
	RANK_FS_DIR = 120,	/* directory inode (parents before children: nested) */
	RANK_FS_INODE = 130,
	RANK_FILE_POS = 90,
	RANK_TTY = 140,
	RANK_PIPE = 150,
	RANK_EPOLL = 160,
	RANK_NOTIFY = 162,	/* events are told under directories' locks and with a pipe locked */
	RANK_TASK_EXEC = 80,
	RANK_TASK_TREE = 200,	/* process tree, pids, sessions */
	RANK_POSIX_TIMER = 205,	/* a firing timer sends its signal */
	RANK_CPU_WATCH = 206,	/* timers are armed under the lock of their table */
	RANK_SIGHAND = 210,
	RANK_TASK_ALLOC = 220,	/* task->alloc_lock */
	RANK_TRACE = 176,	/* rings are made under it */
	RANK_MAP = 180,		/* vm_space.map_lock: taken by faults in user copies, so above what copies under it */
	RANK_OBJECT_MAPS = 185,
	RANK_SYSV_TABLE = 190,	/* the last detach of a segment comes with its area */
	RANK_SYSV_OBJECT = 192,
	RANK_SYSV_UNDO = 194,
	RANK_FASYNC = 195,	/* signals are sent under it */
	RANK_FUTEX = 300,
	RANK_SOCKET = 310,
	RANK_RECLAIM = 315,	/* held while shrinkers run: above every mutex under which memory is allocated, below what shrinkers take */
	RANK_LAZY = 317,	/* spaces with pages that may go: under map_lock, and in a shrinker */
	RANK_DENTRY = 320,
	RANK_FDTABLE = 330,
	RANK_OBJECT = 340,	/* vm_object.lock */
	RANK_PT = 350,		/* one page table */
	RANK_WAITQ = 400,
	RANK_TIMER = 420,
	RANK_WORK = 430,
	RANK_IRQ_BIND = 376,	/* a device is opened, or a component starts one under its own locks */
	RANK_SLAB_LIST = 390,	/* list of caches: held while they are reaped */
	RANK_SLAB = 500,
	RANK_KMAP = 510,
	RANK_PAGE = 520,	/* zone of page frames */
	RANK_IRQ = 540,
	RANK_LEAF = 900,	/* takes nothing inside */
	RANK_LOG = 1000,
};
