/* SPDX-License-Identifier: MIT */
/*
 * The user's words -> struct Config. One table of keys serves -o, long options and the config file:
 * each key has one setter, which takes a value or refuses it and changes nothing then.
 *
 * Invariants: a Config is valid after every call, also after one that failed; a key set by
 * config_set() has its bit in `given`, and config_load() checks such a key but does not apply it.
 */
#include "app/config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG_GROUP          "aoefs"
#define CONFIG_NAME_BYTES_MAX 15 /* of an interface: IFNAMSIZ without its NUL */

struct key {
        const char *name;
        bool is_flag; /* may stand without a value */
        bool (*set)(Config *c, const char *value);
        const char *wrong;   /* why a value is refused */
        const char *allowed; /* what to give instead */
};

GQuark config_error_quark(void)
{
        return g_quark_from_static_string("aoefs-config");
}

Config *config_new(void)
{
        Config *c = g_new0(Config, 1);

        c->interfaces = g_ptr_array_new_with_free_func(g_free);
        c->only = g_ptr_array_new_with_free_func(g_free);
        c->deny = g_ptr_array_new_with_free_func(g_free);
        c->attach = g_ptr_array_new_with_free_func(g_free);
        c->attach_index = -1;
        c->source = g_strdup("any");
        c->uid = getuid();
        c->gid = getgid();
        c->mode = 0600;
        c->timeout = CONFIG_TIMEOUT_SEC_DEFAULT * NSEC_SEC;
        c->memory_mib = CONFIG_MEMORY_MIB_DEFAULT;
        c->max_read = CONFIG_MAX_READ_DEFAULT;
        return c;
}

void config_free(Config *c)
{
        if (!c)
                return;
        g_ptr_array_unref(c->interfaces);
        g_ptr_array_unref(c->only);
        g_ptr_array_unref(c->deny);
        g_ptr_array_unref(c->attach);
        g_free(c->mountpoint);
        g_free(c->nbd);
        g_free(c->source);
        g_free(c->pidfile);
        g_free(c);
}

/* ---- values ---- */

/* Decimal digits only, within min..max. */
static bool value_number(const char *value, uint64_t min, uint64_t max, unsigned *ret)
{
        guint64 n;

        if (!g_ascii_string_to_unsigned(value, 10, min, max, &n, NULL))
                return false;
        *ret = (unsigned)n;
        return true;
}

static bool value_flag(const char *value, bool *ret)
{
        static const char *const yes[] = {"true", "yes", "on", "1", NULL};
        static const char *const no[] = {"false", "no", "off", "0", NULL};

        if (!value || g_strv_contains(yes, value))
                *ret = true;
        else if (g_strv_contains(no, value))
                *ret = false;
        else
                return false;
        return true;
}

/* "a, b" is appended to list when each item is good; an empty item is not. */
static bool value_list(const char *value, bool (*is_good)(const char *), GPtrArray *list)
{
        g_auto(GStrv) items = g_strsplit(value, ",", -1);

        for (char **item = items; *item; item++)
                if (!is_good(g_strstrip(*item)))
                        return false;
        for (char **item = items; *item; item++)
                g_ptr_array_add(list, g_strdup(*item));
        return items[0];
}

static bool is_interface(const char *item)
{
        size_t bytes = strlen(item);

        /* A glob may be longer than any name it matches. */
        if (bytes == 0 || (bytes > CONFIG_NAME_BYTES_MAX && !strpbrk(item, "*?[")))
                return false;
        for (const char *p = item; *p; p++)
                if (*p == '/' || *p == ':' || g_ascii_isspace(*p) || g_ascii_iscntrl(*p))
                        return false;
        return strcmp(item, ".") && strcmp(item, "..");
}

/* A glob that may match eX.Y: "7.1" never would, and a deny= without effect is a trap. */
static bool is_device_glob(const char *item)
{
        return *item && strchr("e*?[", *item) && !item[strspn(item, "e0123456789.*?[]!^-")];
}

static bool is_line(const char *value)
{
        if (!*value)
                return false;
        for (const char *p = value; *p; p++)
                if (g_ascii_iscntrl(*p))
                        return false;
        return true;
}

/* ---- setters ---- */

static bool set_interface(Config *c, const char *value)
{
        return value_list(value, is_interface, c->interfaces);
}

static bool set_only(Config *c, const char *value)
{
        return value_list(value, is_device_glob, c->only);
}

static bool set_deny(Config *c, const char *value)
{
        return value_list(value, is_device_glob, c->deny);
}

static bool set_ro(Config *c, const char *value)
{
        return value_flag(value, &c->read_only);
}

static bool set_rw(Config *c, const char *value)
{
        bool rw;

        if (!value_flag(value, &rw))
                return false;
        c->read_only = !rw;
        return true;
}

static bool set_allow_other(Config *c, const char *value)
{
        return value_flag(value, &c->allow_other);
}

static bool set_shared(Config *c, const char *value)
{
        return value_flag(value, &c->shared);
}

static bool set_debug(Config *c, const char *value)
{
        return value_flag(value, &c->debug);
}

static bool set_uid(Config *c, const char *value)
{
        const struct passwd *pw;

        /* UINT32_MAX means "no such" to chown(2). */
        if (value_number(value, 0, UINT32_MAX - 1, &c->uid))
                return true;
        pw = getpwnam(value);
        if (!pw)
                return false;
        c->uid = pw->pw_uid;
        return true;
}

static bool set_gid(Config *c, const char *value)
{
        const struct group *gr;

        if (value_number(value, 0, UINT32_MAX - 1, &c->gid))
                return true;
        gr = getgrnam(value);
        if (!gr)
                return false;
        c->gid = gr->gr_gid;
        return true;
}

static bool set_mode(Config *c, const char *value)
{
        guint64 mode;

        if (!g_ascii_string_to_unsigned(value, 8, 0, 0777, &mode, NULL))
                return false;
        c->mode = (mode_t)mode;
        return true;
}

static bool set_on_loss(Config *c, const char *value)
{
        bool waits = g_str_equal(value, "wait");

        if (!waits && !g_str_equal(value, "fail"))
                return false;
        c->loss_waits = waits;
        return true;
}

/* face.md's third word, writeback, is not made. */
static bool set_cache(Config *c, const char *value)
{
        bool reads = g_str_equal(value, "read");

        if (!reads && !g_str_equal(value, "none"))
                return false;
        c->cache_reads = reads;
        return true;
}

static bool set_timeout(Config *c, const char *value)
{
        unsigned sec;

        if (!value_number(value, 1, CONFIG_TIMEOUT_SEC_MAX, &sec))
                return false;
        c->timeout = sec * NSEC_SEC;
        return true;
}

static bool set_memory(Config *c, const char *value)
{
        return value_number(value, CONFIG_MEMORY_MIB_MIN, CONFIG_MEMORY_MIB_MAX, &c->memory_mib);
}

static bool set_window(Config *c, const char *value)
{
        return value_number(value, 1, CONFIG_WINDOW_MAX, &c->window);
}

static bool set_payload(Config *c, const char *value)
{
        unsigned bytes;

        if (!value_number(value, AOE_SECTOR_BYTES, CONFIG_PAYLOAD_BYTES_MAX, &bytes) ||
            bytes % AOE_SECTOR_BYTES)
                return false;
        c->payload_bytes = bytes;
        return true;
}

static bool set_max_read(Config *c, const char *value)
{
        return value_number(value, CONFIG_MAX_READ_MIN, CONFIG_MAX_READ_MAX, &c->max_read);
}

static bool set_fsname(Config *c, const char *value)
{
        if (!is_line(value))
                return false;
        g_free(c->source);
        c->source = g_strdup(value);
        return true;
}

static bool set_pidfile(Config *c, const char *value)
{
        if (!is_line(value))
                return false;
        g_free(c->pidfile);
        c->pidfile = g_canonicalize_filename(value, NULL);
        return true;
}

static bool set_nbd(Config *c, const char *value)
{
        if (!is_line(value))
                return false;
        g_free(c->nbd);
        c->nbd = g_canonicalize_filename(value, NULL);
        return true;
}

/* ---- keys ---- */

#define TEXT(x)     #x
#define TEXT_OF(x)  TEXT(x)
#define FLAG_TEXT   "is neither yes nor no", "leave the value out, or give yes or no"
#define DEVICE_TEXT "is not a list of device names", "give names such as e7.1 or globs such as e7.*"

static const struct key keys[] = {
        {"interface", false, set_interface, "is not a list of interfaces",
         "give names or globs with commas between them, such as eth1,enp*"},
        {"only", false, set_only, DEVICE_TEXT},
        {"deny", false, set_deny, DEVICE_TEXT},
        {"ro", true, set_ro, FLAG_TEXT},
        {"allow_other", true, set_allow_other, FLAG_TEXT},
        {"shared", true, set_shared, FLAG_TEXT},
        {"debug", true, set_debug, FLAG_TEXT},
        {"uid", false, set_uid, "is no user of this host", "give a user's name or number"},
        {"gid", false, set_gid, "is no group of this host", "give a group's name or number"},
        {"mode", false, set_mode, "is not a set of permission bits",
         "give octal digits from 0 to 0777, such as 0640"},
        {"on_loss", false, set_on_loss, "is not a known answer to loss", "give fail or wait"},
        {"timeout", false, set_timeout, "is not a time in seconds",
         "give a whole number from 1 to " TEXT_OF(CONFIG_TIMEOUT_SEC_MAX)},
        {"memory", false, set_memory, "is not an allowed number of MiB",
         "give a whole number from " TEXT_OF(CONFIG_MEMORY_MIB_MIN) " to " TEXT_OF(
                 CONFIG_MEMORY_MIB_MAX)},
        {"window", false, set_window, "is not an allowed number of frames",
         "give a whole number from 1 to " TEXT_OF(CONFIG_WINDOW_MAX)},
        {"payload", false, set_payload, "is not an allowed number of bytes",
         "give a multiple of 512 from 512 to 130560"},
        {"max_read", false, set_max_read, "is not an allowed number of bytes",
         "give a whole number from " TEXT_OF(CONFIG_MAX_READ_MIN) " to " TEXT_OF(
                 CONFIG_MAX_READ_MAX)},
        {"cache", false, set_cache, "is not a known kind of cache", "give none or read"},
        {"fsname", false, set_fsname, "is no name", "give one line of text"},
        {"nbd", false, set_nbd, "is no file name", "give the path of the socket to make"},
        {"pidfile", false, set_pidfile, "is no file name", "give the file to write"},
};

_Static_assert(CONFIG_PAYLOAD_BYTES_MAX == 130560, "the text of payload= names the limit");
_Static_assert(G_N_ELEMENTS(keys) <= 32, "Config.given has a bit for each key");

/* The file that says ro is overruled by rw in fstab: it is ro's other value, not a key of its own.
 */
static const struct key key_rw = {"rw", true, set_rw, FLAG_TEXT};

static const struct key *key_find(const char *name)
{
        for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
                if (g_str_equal(keys[i].name, name))
                        return &keys[i];
        return g_str_equal(name, key_rw.name) ? &key_rw : NULL;
}

static uint32_t key_bit(const struct key *key)
{
        return UINT32_C(1) << ((key == &key_rw ? key_find("ro") : key) - keys);
}

static bool key_set(const struct key *key, Config *c, const char *value, GError **error)
{
        if (!value && !key->is_flag) {
                g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE, "%s: needs a value: %s",
                            key->name, key->allowed);
                return false;
        }
        if (!key->set(c, value)) {
                g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE, "%s=%s: %s: %s", key->name,
                            value, key->wrong, key->allowed);
                return false;
        }
        return true;
}

bool config_set(Config *c, const char *key, const char *value, GError **error)
{
        const struct key *k = key_find(key);

        if (!k) {
                g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_KEY,
                            "%s: no such option: aoefs mount --help lists them", key);
                return false;
        }
        if (!key_set(k, c, value, error))
                return false;
        c->given |= key_bit(k);
        return true;
}

/* ---- lists of options ---- */

/* What mount(8), systemd and fstab write for themselves. */
static bool is_fstab_word(const char *key)
{
        static const char *const words[] = {
                "_netdev", "nofail",   "defaults",   "dev",      "nodev",      "suid",    "nosuid",
                "exec",    "noexec",   "auto",       "noauto",   "user",       "nouser",  "users",
                "nousers", "owner",    "noowner",    "group",    "nogroup",    "async",   "atime",
                "noatime", "relatime", "norelatime", "diratime", "nodiratime", "comment", NULL,
        };

        return g_strv_contains(words, key) || g_str_has_prefix(key, "x-");
}

/* Cuts the next option off *at: up to a comma that no backslash quotes, quotes taken off. NULL at
 * the end. */
static char *option_next(const char **at)
{
        GString *word;

        if (!**at)
                return NULL;
        word = g_string_new(NULL);
        for (; **at && **at != ','; (*at)++) {
                if (**at == '\\' && (*at)[1])
                        (*at)++;
                g_string_append_c(word, **at);
        }
        if (**at)
                (*at)++;
        return g_string_free(word, FALSE);
}

static bool option_set(Config *c, char *word, GError **error)
{
        char *equals = strchr(word, '=');

        if (equals)
                *equals = '\0';
        if (is_fstab_word(word))
                return true;
        return config_set(c, word, equals ? equals + 1 : NULL, error);
}

bool config_set_list(Config *c, const char *options, GError **error)
{
        const char *at = options;

        for (;;) {
                g_autofree char *word = option_next(&at);

                if (!word)
                        return true;
                if (*word && !option_set(c, word, error))
                        return false;
        }
}

/* ---- the file ---- */

/* The whole file as a string, or NULL with errno. EFBIG: more than any real one; EILSEQ: a NUL. */
static char *file_read(const char *path)
{
        g_autofree char *text = g_malloc(CONFIG_FILE_BYTES_MAX + 1);
        size_t bytes = 0;
        ssize_t n;
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        int err;

        if (fd < 0)
                return NULL;
        do {
                n = TEMP_FAILURE_RETRY(read(fd, text + bytes, CONFIG_FILE_BYTES_MAX + 1 - bytes));
                bytes += n > 0 ? (size_t)n : 0;
        } while (n > 0);
        err = n < 0 ? errno : bytes > CONFIG_FILE_BYTES_MAX ? EFBIG : 0;
        if (!err && memchr(text, '\0', bytes))
                err = EILSEQ;
        close(fd);
        errno = err;
        if (err)
                return NULL;
        text[bytes] = '\0';
        return g_steal_pointer(&text);
}

/* The number of the line, after line `after`, that sets key; 0: none. */
static unsigned file_line(const char *text, const char *key, unsigned after)
{
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

        for (unsigned i = 0; lines[i]; i++) {
                const char *line = g_strstrip(lines[i]);

                if (i < after || !g_str_has_prefix(line, key))
                        continue;
                line += strlen(key);
                if (line[strspn(line, " \t")] == '=')
                        return i + 1;
        }
        return 0;
}

static bool file_fail(const char *path, GError **error, const char *why, const char *advice)
{
        g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_FILE, "%s: %s: %s", path, why, advice);
        return false;
}

/* Only [aoefs] is known; a group with another name is a misspelt one. */
static bool file_check_groups(GKeyFile *file, const char *path, GError **error)
{
        g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);

        for (char **group = groups; *group; group++) {
                if (g_str_equal(*group, CONFIG_GROUP))
                        continue;
                g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_FILE,
                            "%s: [%s]: no such group: all keys belong under [" CONFIG_GROUP "]",
                            path, *group);
                return false;
        }
        return true;
}

static bool file_set(Config *c, GKeyFile *file, const char *key, GError **error)
{
        g_autoptr(Config) unused = config_new();
        const struct key *k = key_find(key);
        g_autoptr(GError) why = NULL;
        g_autofree char *value = g_key_file_get_string(file, CONFIG_GROUP, key, &why);

        if (!k || k == &key_rw) {
                g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_KEY,
                            "%s: no such key: man aoefs lists them", key);
                return false;
        }
        if (why) {
                g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
                            "%s: not readable: write UTF-8, and \\\\ for a backslash", key);
                return false;
        }
        return key_set(k, c->given & key_bit(k) ? unused : c, value, error);
}

static bool file_set_all(Config *c, GKeyFile *file, const char *text, const char *path,
                         GError **error)
{
        g_auto(GStrv) names = g_key_file_get_keys(file, CONFIG_GROUP, NULL, NULL);

        for (char **name = names; name && *name; name++) {
                unsigned line = file_line(text, *name, 0);
                unsigned again = file_line(text, *name, line);

                if (again) {
                        g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_FILE,
                                    "%s:%u: %s: set in line %u already: keep one of them", path,
                                    again, *name, line);
                        return false;
                }
                if (!file_set(c, file, *name, error)) {
                        g_prefix_error(error, "%s:%u: ", path, line);
                        return false;
                }
        }
        return true;
}

bool config_load(Config *c, const char *path, bool must_exist, GError **error)
{
        g_autoptr(GKeyFile) file = g_key_file_new();
        g_autoptr(GError) why = NULL;
        g_autofree char *text = file_read(path);

        if (!text && !must_exist && (errno == ENOENT || errno == ENOTDIR))
                return true;
        if (!text && (errno == EFBIG || errno == EILSEQ))
                return file_fail(path, error, "is no config file",
                                 "give the right file with --config");
        if (!text)
                return file_fail(path, error, g_strerror(errno),
                                 "give a file that can be read with --config");
        if (!g_key_file_load_from_data(file, text, strlen(text), G_KEY_FILE_NONE, &why) &&
            !g_error_matches(why, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_NOT_FOUND))
                return file_fail(path, error, why->message, "write key = value under [aoefs]");
        if (!file_check_groups(file, path, error))
                return false;
        return file_set_all(c, file, text, path, error);
}
