/* SPDX-License-Identifier: MIT */
/* app/config.c: each key with values that are taken and values that are refused, the three ways a
 * key comes in, who wins, and the command line that a Config is turned back into. */
#include "app/config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct pair {
        const char *key;
        const char *value;
};

/* ---- values ---- */

Test(app_config, defaults)
{
        g_autoptr(Config) c = config_new();

        cr_assert_eq(c->interfaces->len + c->only->len + c->deny->len, 0);
        cr_assert_str_eq(c->source, "any");
        cr_assert_null(c->mountpoint);
        cr_assert_null(c->pidfile);
        cr_assert_not(c->read_only || c->allow_other || c->shared || c->loss_waits);
        cr_assert_eq(c->uid, getuid());
        cr_assert_eq(c->gid, getgid());
        cr_assert_eq(c->mode, 0600);
        cr_assert_eq(c->timeout, 180 * NSEC_SEC);
        cr_assert_eq(c->memory_mib, 256);
        cr_assert_eq(c->window, 0);
        cr_assert_eq(c->payload_bytes, 0);
        cr_assert_eq(c->max_read, CONFIG_MAX_READ_DEFAULT);
}

Test(app_config, free_takes_null)
{
        config_free(NULL);
}

static const struct pair good[] = {
        {"interface", "eth0"},
        {"interface", "eth0,veth*"},
        {"interface", " eth0 , eth1 "},
        {"interface", "a-glob-that-is-longer-than-any-name*"},
        {"only", "e7.*"},
        {"only", "e7.1,e8.[0-3]"},
        {"deny", "*.1"},
        {"deny", "?7.1"},
        {"ro", NULL},
        {"ro", "yes"},
        {"ro", "0"},
        {"rw", NULL},
        {"allow_other", NULL},
        {"shared", "on"},
        {"debug", NULL},
        {"uid", "0"},
        {"uid", "4294967294"},
        {"uid", "root"},
        {"gid", "root"},
        {"gid", "1000"},
        {"mode", "0"},
        {"mode", "0777"},
        {"mode", "640"},
        {"on_loss", "fail"},
        {"on_loss", "wait"},
        {"timeout", "1"},
        {"timeout", "31536000"},
        {"memory", "32"},
        {"memory", "65536"},
        {"window", "1"},
        {"window", "256"},
        {"payload", "512"},
        {"payload", "8704"},
        {"payload", "130560"},
        {"max_read", "4096"},
        {"max_read", "1048576"},
        {"cache", "none"},
        {"cache", "read"},
        {"fsname", "a, b"},
        {"pidfile", "/run/x.pid"},
};

Test(app_config, good_values)
{
        for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
                g_autoptr(Config) c = config_new();
                g_autoptr(GError) why = NULL;

                cr_assert(config_set(c, good[i].key, good[i].value, &why), "%s=%s: %s", good[i].key,
                          good[i].value, why ? why->message : "");
                cr_assert_null(why);
                cr_assert_neq(c->given, 0, "%s", good[i].key);
        }
}

static const struct pair bad[] = {
        {"interface", ""},
        {"interface", "eth0,"},
        {"interface", ",eth0"},
        {"interface", "eth 0"},
        {"interface", "eth/0"},
        {"interface", "eth0:1"},
        {"interface", ".."},
        {"interface", "sixteen-letters-"},
        {"interface", NULL},
        {"only", ""},
        {"only", "7.1"},
        {"only", "e7.1,disk"},
        {"only", "e7.1;e8.1"},
        {"deny", "e7/1"},
        {"deny", NULL},
        {"ro", ""},
        {"ro", "maybe"},
        {"ro", "2"},
        {"rw", "x"},
        {"allow_other", "root"},
        {"shared", "TRUE"},
        {"uid", ""},
        {"uid", "-1"},
        {"uid", "4294967295"},
        {"uid", "no-such-user-here"},
        {"uid", "0x10"},
        {"gid", "no-such-group-here"},
        {"gid", " 1"},
        {"mode", ""},
        {"mode", "0999"},
        {"mode", "01777"},
        {"mode", "-1"},
        {"mode", "+6"},
        {"mode", "u=rw"},
        {"mode", "0600 "},
        {"on_loss", "panic"},
        {"on_loss", ""},
        {"on_loss", "Wait"},
        {"timeout", "0"},
        {"timeout", "-5"},
        {"timeout", "1.5"},
        {"timeout", "180s"},
        {"timeout", "31536001"},
        {"timeout", "99999999999999999999"},
        {"timeout", NULL},
        {"memory", "31"},
        {"memory", "65537"},
        {"memory", "256M"},
        {"window", "0"},
        {"window", "257"},
        {"payload", "0"},
        {"payload", "511"},
        {"payload", "513"},
        {"payload", "131072"},
        {"max_read", "4095"},
        {"max_read", "1048577"},
        {"cache", "writeback"},
        {"cache", ""},
        {"cache", NULL},
        {"fsname", ""},
        {"fsname", "a\nb"},
        {"pidfile", ""},
        {"pidfile", "/run/\x1b[2J"},
        {"mount", "x"},
        {"", "x"},
        {"config", "/x"},
        {"threads", "4"},
        {"Mode", "0600"},
};

static void assert_untouched(const Config *c)
{
        g_autoptr(Config) fresh = config_new();

        cr_assert_eq(c->interfaces->len + c->only->len + c->deny->len, 0);
        cr_assert_str_eq(c->source, fresh->source);
        cr_assert_null(c->pidfile);
        cr_assert_not(c->read_only || c->allow_other || c->shared || c->debug || c->loss_waits ||
                      c->cache_reads);
        cr_assert(c->uid == fresh->uid && c->gid == fresh->gid && c->mode == fresh->mode);
        cr_assert(c->timeout == fresh->timeout && c->memory_mib == fresh->memory_mib);
        cr_assert(c->window == 0 && c->payload_bytes == 0 && c->max_read == fresh->max_read);
        cr_assert_eq(c->given, 0);
}

/* A refusal is one line that names the key and, when there is one, the value. */
Test(app_config, bad_values)
{
        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(Config) c = config_new();
                g_autoptr(GError) why = NULL;

                cr_assert_not(config_set(c, bad[i].key, bad[i].value, &why), "%s=%s", bad[i].key,
                              bad[i].value);
                cr_assert_not_null(why);
                cr_assert_eq(why->domain, CONFIG_ERROR);
                cr_assert_not_null(strstr(why->message, bad[i].key), "%s", why->message);
                if (bad[i].value && why->code == CONFIG_ERROR_VALUE)
                        cr_assert_not_null(strstr(why->message, bad[i].value), "%s", why->message);
                assert_untouched(c);
        }
}

Test(app_config, values_arrive)
{
        g_autoptr(Config) c = config_new();

        cr_assert(config_set(c, "interface", "eth0, eth1", NULL));
        cr_assert(config_set(c, "interface", "veth*", NULL));
        cr_assert(config_set(c, "mode", "0644", NULL));
        cr_assert(config_set(c, "uid", "root", NULL));
        cr_assert(config_set(c, "timeout", "7", NULL));
        cr_assert(config_set(c, "on_loss", "wait", NULL));
        cr_assert(config_set(c, "cache", "read", NULL));
        cr_assert(config_set(c, "payload", "1024", NULL));
        cr_assert(config_set(c, "pidfile", "x.pid", NULL));
        cr_assert_eq(c->interfaces->len, 3);
        cr_assert_str_eq(g_ptr_array_index(c->interfaces, 1), "eth1");
        cr_assert_eq(c->mode, 0644);
        cr_assert_eq(c->uid, 0);
        cr_assert_eq(c->timeout, 7 * NSEC_SEC);
        cr_assert(c->loss_waits);
        cr_assert(c->cache_reads);
        cr_assert_eq(c->payload_bytes, 1024);
        cr_assert_eq(c->pidfile[0], '/', "a daemon leaves its working folder");
}

Test(app_config, rw_takes_ro_back)
{
        g_autoptr(Config) c = config_new();

        cr_assert(config_set(c, "ro", NULL, NULL));
        cr_assert(c->read_only);
        cr_assert(config_set(c, "rw", NULL, NULL));
        cr_assert_not(c->read_only);
}

/* ---- lists of options ---- */

Test(app_config, list_splits_at_commas)
{
        g_autoptr(Config) c = config_new();

        cr_assert(config_set_list(c, "ro,uid=5,only=e7.*,deny=e7.9\\,e7.8,fsname=a\\\\b", NULL));
        cr_assert(c->read_only);
        cr_assert_eq(c->uid, 5);
        cr_assert_eq(c->only->len, 1);
        cr_assert_eq(c->deny->len, 2, "a quoted comma belongs to the value");
        cr_assert_str_eq(c->source, "a\\b");
}

Test(app_config, list_takes_empty_parts)
{
        g_autoptr(Config) c = config_new();

        cr_assert(config_set_list(c, "", NULL));
        cr_assert(config_set_list(c, ",,ro,", NULL));
        cr_assert(c->read_only);
        cr_assert(config_set_list(c, "fsname=x\\", NULL), "a backslash at the end is itself");
        cr_assert_str_eq(c->source, "x\\");
}

Test(app_config, list_takes_the_words_of_fstab)
{
        g_autoptr(Config) c = config_new();

        cr_assert(config_set_list(c,
                                  "_netdev,nofail,defaults,dev,nodev,suid,nosuid,exec,noexec,auto,"
                                  "noauto,user,nouser,users,user=joe,noatime,relatime,async,"
                                  "x-systemd.requires=network.target,x-gvfs-hide,comment=hello",
                                  NULL));
        assert_untouched(c);
        cr_assert(config_set_list(c, "rw", NULL));
        cr_assert_not(c->read_only);
}

Test(app_config, list_refuses_what_it_does_not_know)
{
        static const char *const wrong[] = {"foo", "ro,foo=1", "x=1", "=", "=5", "mode", "ro=5"};

        for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_autoptr(Config) c = config_new();
                g_autoptr(GError) why = NULL;

                cr_assert_not(config_set_list(c, wrong[i], &why), "%s", wrong[i]);
                cr_assert_not_null(why, "%s", wrong[i]);
        }
}

/* ---- the file ---- */

static char path[] = "/tmp/aoefs-config.XXXXXX";

static void file_write(const char *text, size_t bytes)
{
        int fd = mkstemp(path);

        cr_assert_geq(fd, 0);
        cr_assert_eq(write(fd, text, bytes), (ssize_t)bytes);
        close(fd);
}

/* Loads text into c; what went wrong, or NULL; the caller's. */
static char *load(Config *c, const char *text)
{
        g_autoptr(GError) why = NULL;
        bool loaded;

        strcpy(path + strlen(path) - 6, "XXXXXX");
        file_write(text, strlen(text));
        loaded = config_load(c, path, true, &why);
        unlink(path);
        cr_assert_eq(loaded, why == NULL);
        if (why)
                cr_assert_not_null(strstr(why->message, path), "%s", why->message);
        return why ? g_strdup(strstr(why->message, path) + strlen(path)) : NULL;
}

Test(app_config, file_sets_keys)
{
        g_autoptr(Config) c = config_new();
        g_autofree char *why = load(c, "# comment\n\n[aoefs]\ninterface = eth0, eth1\nro=true\n"
                                       "mode = 0640\nonly=e7.*,e8.*\nfsname = my disks\n");

        cr_assert_null(why, "%s", why);
        cr_assert_eq(c->interfaces->len, 2);
        cr_assert(c->read_only);
        cr_assert_eq(c->mode, 0640);
        cr_assert_eq(c->only->len, 2);
        cr_assert_str_eq(c->source, "my disks");
        cr_assert_eq(c->given, 0, "only the command line is `given`");
}

Test(app_config, file_may_be_empty_or_missing)
{
        g_autoptr(Config) c = config_new();
        g_autoptr(GError) why = NULL;

        cr_assert_null(load(c, ""));
        cr_assert_null(load(c, "[aoefs]\n"));
        cr_assert_null(load(c, "# nothing\n"));
        cr_assert(config_load(c, "/dev/null", true, &why));
        cr_assert(config_load(c, "/nonexistent/aoefs.conf", false, &why));
        cr_assert_not(config_load(c, "/nonexistent/aoefs.conf", true, &why));
        cr_assert_eq(why->code, CONFIG_ERROR_FILE);
}

Test(app_config, command_line_wins_over_file)
{
        g_autoptr(Config) c = config_new();

        cr_assert(config_set(c, "interface", "eth5", NULL));
        cr_assert(config_set_list(c, "rw,mode=0600", NULL));
        cr_assert_null(load(c, "[aoefs]\ninterface=eth0\nro=true\nmode=0644\ntimeout=9\n"));
        cr_assert_eq(c->interfaces->len, 1);
        cr_assert_str_eq(g_ptr_array_index(c->interfaces, 0), "eth5");
        cr_assert_not(c->read_only);
        cr_assert_eq(c->mode, 0600);
        cr_assert_eq(c->timeout, 9 * NSEC_SEC);
}

struct wrong_file {
        const char *text;
        const char *message; /* after the file's name */
};

static const struct wrong_file wrong_files[] = {
        {"[aoefs]\nro=yes\nmdoe=0600\n", ":3: mdoe: no such key"},
        {"[aoefs]\n\n# mode=0600\nmode = 0888\n", ":4: mode=0888: "},
        {"[aoefs]\nmode=0600\nmode=0644\n", ":3: mode: set in line 2 already"},
        {"[aoefs]\nro\n", ": "},
        {"[aoefs]\nro=\n", ":2: ro=: "},
        {"[aoefs]\nrw=true\n", ":2: rw: no such key"},
        {"[aoefs]\nfsname=a\\qb\n", ":2: fsname: "},
        {"ro=true\n", ": "},
        {"[mount]\nro=true\n", ": [mount]: no such group"},
        {"[aoefs]\nro=true\n[more]\nro=true\n", ": [more]: no such group"},
};

Test(app_config, wrong_files_are_refused_with_their_line)
{
        for (size_t i = 0; i < G_N_ELEMENTS(wrong_files); i++) {
                g_autoptr(Config) c = config_new();
                g_autofree char *why = load(c, wrong_files[i].text);

                cr_assert_not_null(why, "%s", wrong_files[i].text);
                cr_assert(g_str_has_prefix(why, wrong_files[i].message), "%s: %s",
                          wrong_files[i].text, why);
                cr_assert_null(strchr(why, '\n'), "%s", why);
        }
}

Test(app_config, wrong_value_in_file_is_refused_though_overruled)
{
        g_autoptr(Config) c = config_new();
        g_autofree char *why = NULL;

        cr_assert(config_set(c, "mode", "0600", NULL));
        why = load(c, "[aoefs]\nmode=0999\n");
        cr_assert_not_null(why);
        cr_assert_eq(c->mode, 0600);
}

Test(app_config, endless_and_unreadable_files_are_refused)
{
        static const char *const files[] = {"/dev/zero", "/", "/proc/self/mem"};

        for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
                g_autoptr(Config) c = config_new();
                g_autoptr(GError) why = NULL;

                cr_assert_not(config_load(c, files[i], false, &why), "%s", files[i]);
                cr_assert_eq(why->code, CONFIG_ERROR_FILE);
        }
}

Test(app_config, binary_files_are_refused)
{
        static const char nul[] = "[aoefs]\nfsname=a\0b\nro=maybe\n";
        g_autoptr(Config) c = config_new();
        g_autoptr(GError) why = NULL;
        g_autofree char *not_utf8 = load(c, "[aoefs]\nfsname=\xff\xfe\n");

        cr_assert_not_null(not_utf8);
        strcpy(path + strlen(path) - 6, "XXXXXX");
        file_write(nul, sizeof(nul) - 1);
        cr_assert_not(config_load(c, path, true, &why));
        unlink(path);
}

/* ---- questions ---- */

static bool allowed(const Config *c, uint16_t shelf, uint8_t slot)
{
        return config_is_allowed((void *)c, aoe_addr_make(shelf, slot));
}

Test(app_config, only_and_deny)
{
        g_autoptr(Config) c = config_new();

        cr_assert(allowed(c, 7, 1));
        cr_assert(config_set_list(c, "deny=e7.9", NULL));
        cr_assert(allowed(c, 7, 1));
        cr_assert_not(allowed(c, 7, 9));
        cr_assert(config_set_list(c, "only=e7.*,only=e1?.0", NULL));
        cr_assert(allowed(c, 7, 1));
        cr_assert_not(allowed(c, 7, 9), "deny is stronger");
        cr_assert(allowed(c, 10, 0));
        cr_assert_not(allowed(c, 100, 0));
        cr_assert_not(allowed(c, 8, 1));
}

Test(app_config, interfaces)
{
        g_autoptr(Config) c = config_new();

        cr_assert(config_has_interface(c, "eth0", true));
        cr_assert_not(config_has_interface(c, "lo", false));
        cr_assert(config_set(c, "interface", "eth1,veth*", NULL));
        cr_assert_not(config_has_interface(c, "eth0", true), "named ones replace the default");
        cr_assert(config_has_interface(c, "eth1", false));
        cr_assert(config_has_interface(c, "veth77", false));
}

/* ---- back to words ---- */

/* What the worker does with its command line, without GOption. */
static void apply(Config *c, char **argv)
{
        for (char **word = argv + 2; !g_str_equal(*word, "--"); word++) {
                g_auto(GStrv) parts = g_strsplit(*word + 2, "=", 2);
                g_autoptr(GError) why = NULL;

                if (g_str_equal(parts[0], "config"))
                        cr_assert_str_eq(parts[1], "/dev/null");
                else
                        cr_assert(config_set(c, parts[0], parts[1], &why), "%s", *word);
        }
}

Test(app_config, argv_makes_the_same_config)
{
        g_autoptr(Config) c = config_new();
        g_autoptr(Config) again = config_new();
        g_auto(GStrv) first = NULL;
        g_auto(GStrv) second = NULL;

        cr_assert(config_set_list(c,
                                  "interface=eth0\\,eth1,only=e7.*,deny=e7.1,ro,allow_other,shared,"
                                  "debug,uid=7,gid=8,mode=0640,on_loss=wait,timeout=3,memory=64,"
                                  "window=9,payload=1024,max_read=8192,cache=read,fsname=x y,"
                                  "pidfile=/p",
                                  NULL));
        c->mountpoint = g_strdup("/mnt/a b");
        first = config_to_argv(c, "aoefs");
        apply(again, first);
        again->mountpoint = g_strdup(c->mountpoint);
        second = config_to_argv(again, "aoefs");
        cr_assert(g_strv_equal((const char *const *)first, (const char *const *)second));
        cr_assert_str_eq(first[g_strv_length(first) - 1], "/mnt/a b");
        cr_assert(again->loss_waits && again->cache_reads && again->timeout == 3 * NSEC_SEC &&
                  again->mode == 0640);
}
