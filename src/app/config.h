/* SPDX-License-Identifier: MIT */
/*
 * Command line, -o options and config file -> one validated struct with units. The same keys
 * everywhere (face.md): --key=value, -o key=value, and key = value under [aoefs] in the file; the
 * command line wins over the file.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/nsec.h"
#include "wire/aoe.h"

#define CONFIG_MEMORY_MIB_MIN      32
#define CONFIG_MEMORY_MIB_DEFAULT  256
#define CONFIG_MEMORY_MIB_MAX      65536
#define CONFIG_TIMEOUT_SEC_DEFAULT 180
#define CONFIG_TIMEOUT_SEC_MAX     31536000 /* a year */
#define CONFIG_WINDOW_MAX          256
#define CONFIG_PAYLOAD_BYTES_MAX   (255 * 512) /* a command's sector count has 8 bits */
#define CONFIG_MAX_READ_MIN        4096
#define CONFIG_MAX_READ_MAX        1048576
#define CONFIG_MAX_READ_DEFAULT    524288 /* one at a time wants more, several at once less */
#define CONFIG_FILE_BYTES_MAX      65536
#define CONFIG_FILE_DEFAULT        "/etc/aoefs/aoefs.conf"

typedef struct Config Config;

struct Config {
        GPtrArray *interfaces; /* owned: globs; empty: the default choice */
        GPtrArray *only;       /* owned: globs on eX.Y; empty: all */
        GPtrArray *deny;
        char *mountpoint;  /* owned: absolute, or /dev/fd/N; NULL: nothing is mounted */
        char *nbd;         /* owned: path of the NBD server's socket, or NULL */
        char *source;      /* owned: what the mount is called in /proc/mounts (fsname=) */
        GPtrArray *attach; /* owned: names of devices for the kernel's NBD client */
        bool attach_only;  /* and for nobody else */
        int attach_index;  /* N of their /dev/nbdN; -1: any that is free */
        char *pidfile;     /* owned, or NULL */
        bool foreground;   /* -f */
        bool debug;        /* -d */
        unsigned verbose;  /* -v, counted; quiet: 0 with -q */
        bool quiet;
        bool read_only; /* ro */
        bool allow_other;
        bool loss_waits;  /* on_loss=wait */
        bool cache_reads; /* cache=read */
        bool shared;      /* --shared: write although another daemon does */
        uid_t uid;
        gid_t gid;
        mode_t mode;
        nsec timeout;
        unsigned memory_mib;
        unsigned window;        /* 0: the target's buffer count */
        unsigned payload_bytes; /* 0: as the path allows */
        unsigned max_read;      /* bytes */
        uint32_t given;         /* keys of config_set(): config_load() leaves these as they are */
};

Config *config_new(void); /* all defaults */
void config_free(Config *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Config, config_free)

/* One option by its name in face.md ("mode", "0640"); value NULL for flags (ro). The error is a
 * whole line without the program's name: what, why, what to do. */
bool config_set(Config *c, const char *key, const char *value, GError **error);
/* "ro,uid=5,only=e7.*": commas split, backslash quotes. fstab's own words (_netdev, nofail, x-*,
 * rw, dev, suid, exec, auto, user and their opposites) are taken silently. */
bool config_set_list(Config *c, const char *options, GError **error);
/* A key file with the group [aoefs]. A missing file is an error only when must_exist. Keys that
 * config_set() has set stay as they are: the command line wins, whatever the order of calls. */
bool config_load(Config *c, const char *path, bool must_exist, GError **error);
/* only= and deny= of a device; pure, fit for engine_options.is_allowed. arg: const Config *. */
bool config_is_allowed(void *arg, aoe_addr addr);
/* What the daemon is called by: its mount point, else its socket. Borrowed. */
static inline const char *config_place(const Config *c)
{
        return c->mountpoint ? c->mountpoint : c->nbd;
}
/* Is this interface name chosen by the globs? With no globs: fallback decides. */
bool config_has_interface(const Config *c, const char *name, bool fallback);

/* A command line, NULL-terminated and ending in the mount point if there is one, that makes the
 * same c whatever the working folder and the config file are by then: for the worker. Owned by the
 * caller. */
char **config_to_argv(const Config *c, const char *program);

#define CONFIG_ERROR (config_error_quark())
GQuark config_error_quark(void);
enum config_error { CONFIG_ERROR_KEY, CONFIG_ERROR_VALUE, CONFIG_ERROR_FILE };
