/* SPDX-License-Identifier: MIT */
/* Who keeps a mount busy? */
#pragma once

/* Where to look; the real ones are "/sys/block" and "/proc". */
struct busy_roots {
        const char *block; /* borrowed */
        const char *proc;
};

/*
 * One holder of something in the mount: a loop device, a mount inside of it, or a process, in words
 * that say what to do: "/dev/loop0 uses e7.1: detach it with losetup -d /dev/loop0". Owned by the
 * caller; NULL: none was found (what may not be read is not seen). Only names are compared: nothing
 * here asks the mount itself, which may not answer.
 */
char *busy_find(const struct busy_roots *roots, const char *mountpoint);
