/* SPDX-License-Identifier: MIT */
/* Command lines for GOption: values are cut off their letters, flags with a value are refused. */
#include "cli/argv.h"

#include <stdbool.h>
#include <string.h>

/* The entry of a letter, or of a name of some bytes; NULL: unknown, and GOption will say so. */
static const GOptionEntry *entry_of_letter(const GOptionEntry *entries, char letter)
{
        for (const GOptionEntry *entry = entries; entry->long_name; entry++)
                if (entry->short_name == letter)
                        return entry;
        return NULL;
}

static const GOptionEntry *entry_of_name(const GOptionEntry *entries, const char *name,
                                         size_t bytes)
{
        for (const GOptionEntry *entry = entries; entry->long_name; entry++)
                if (strlen(entry->long_name) == bytes && !memcmp(entry->long_name, name, bytes))
                        return entry;
        return NULL;
}

static bool takes_value(const GOptionEntry *entry)
{
        return entry && entry->arg != G_OPTION_ARG_NONE && !(entry->flags & G_OPTION_FLAG_NO_ARG);
}

/* -fdoVALUE -> -fdo VALUE. Is the next word the value? */
static bool letters_split(const GOptionEntry *entries, const char *word, GPtrArray *words)
{
        for (size_t i = 1; word[i]; i++) {
                if (!takes_value(entry_of_letter(entries, word[i])))
                        continue;
                g_ptr_array_add(words, g_strndup(word, i + 1));
                if (word[i + 1])
                        g_ptr_array_add(words, g_strdup(word + i + 1));
                return word[i + 1] == '\0';
        }
        g_ptr_array_add(words, g_strdup(word));
        return false;
}

/* Is the next word the value of --name? false with error: it has one that it does not take. */
static bool name_check(const GOptionEntry *entries, const char *word, bool *ret_is_value,
                       GError **error)
{
        size_t bytes = strcspn(word, "=");
        const GOptionEntry *entry = entry_of_name(entries, word + 2, bytes - 2);

        *ret_is_value = !word[bytes] && takes_value(entry);
        if (!entry || takes_value(entry) || !word[bytes])
                return true;
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s: takes no value", word);
        return false;
}

char **argv_split(const GOptionEntry *entries, char *const argv[], GError **error)
{
        g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
        bool is_value = false; /* this word belongs to the option before it */
        bool is_rest = false;  /* after "--" */

        for (char *const *word = argv; *word; word++) {
                bool is_option = !is_value && !is_rest && (*word)[0] == '-' && (*word)[1];

                is_value = false;
                if (is_option && (*word)[1] != '-') {
                        is_value = letters_split(entries, *word, words);
                        continue;
                }
                if (is_option && (*word)[2] && !name_check(entries, *word, &is_value, error))
                        return NULL;
                is_rest = is_rest || (is_option && !(*word)[2]);
                g_ptr_array_add(words, g_strdup(*word));
        }
        g_ptr_array_add(words, NULL);
        return (char **)g_ptr_array_free(g_steal_pointer(&words), FALSE);
}
