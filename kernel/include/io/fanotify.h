/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * fanotify: groups and their marks.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <vfs/file.h>

struct fan_group;

/* A group as fanotify_init(2) asks for once its flags were checked. @privileged: CAP_SYS_ADMIN. -EMFILE -ENFILE -ENOMEM. */
int fanotify_create_file(unsigned flags, unsigned event_f_flags, bool privileged, struct file **out) MUST_CHECK;
/* NULL: another kind of file. */
struct fan_group *fanotify_group(const struct file *f);
unsigned fanotify_flags(const struct fan_group *g);
bool fanotify_is_privileged(const struct fan_group *g);
/* FAN_MARK_ADD and _REMOVE of @mask on what @p names, as @flags say. -EEXIST -ENOSPC -ENOMEM; -ENOENT. May sleep. */
int fanotify_mark_add(struct fan_group *g, const struct path *p, unsigned flags, u32 mask) MUST_CHECK;
int fanotify_mark_remove(struct fan_group *g, const struct path *p, unsigned flags, u32 mask) MUST_CHECK;
/* FAN_MARK_FLUSH: all marks of one type, FAN_MARK_INODE, _MOUNT or _FILESYSTEM. */
void fanotify_mark_flush(struct fan_group *g, unsigned type);

/* Groups of bits that fanotify_init(2) and fanotify_mark(2) tell apart. */
#define FAN_FID_MODES (FAN_REPORT_FID | FAN_REPORT_DIR_FID | FAN_REPORT_NAME | FAN_REPORT_TARGET_FID)
#define FAN_MARK_TYPES (FAN_MARK_MOUNT | FAN_MARK_FILESYSTEM)
#define FAN_IGNORES (FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORE)
#define FAN_PERM_EVENTS (FAN_OPEN_PERM | FAN_ACCESS_PERM | FAN_OPEN_EXEC_PERM)
#define FAN_PATH_EVENTS (FAN_ACCESS | FAN_MODIFY | FAN_CLOSE | FAN_OPEN | FAN_OPEN_EXEC)
#define FAN_NAME_EVENTS (FAN_MOVE | FAN_CREATE | FAN_DELETE | FAN_RENAME)
#define FAN_FLAG_BITS (FAN_EVENT_ON_CHILD | FAN_ONDIR)
#define FAN_KNOWN_EVENTS (FAN_PATH_EVENTS | FAN_NAME_EVENTS | FAN_ATTRIB | FAN_MOVE_SELF | FAN_DELETE_SELF | FAN_FS_ERROR | FAN_PERM_EVENTS)
