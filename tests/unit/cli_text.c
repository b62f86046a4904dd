/* SPDX-License-Identifier: MIT */
/* cli/text.c: nothing foreign steers a terminal or breaks JSON; sizes as people read them. */
#include "cli/text.h"

#include <criterion/criterion.h>
#include <glib.h>
#include <string.h>

struct sample {
        const char *in;
        size_t bytes;
        const char *safe;
        const char *utf8;
};

#define IN(text) text, sizeof(text) - 1

static const struct sample samples[] = {
        {IN(""), "", ""},
        {IN("plain text"), "plain text", "plain text"},
        {IN("back\\slash"), "back\\slash", "back\\slash"},
        {IN("\x1b[2J\x1b]0;owned\x07"), "\\x1b[2J\\x1b]0;owned\\x07", "\x1b[2J\x1b]0;owned\x07"},
        {IN("two\nlines\r"), "two\\x0alines\\x0d", "two\nlines\r"},
        {IN("\x7f"), "\\x7f", "\x7f"},
        {IN("\xc2\x9b"
            "2J"),
         "\\x9b"
         "2J",
         "\xc2\x9b"
         "2J"}, /* C1: one letter that means ESC [ */
        {IN("\x9b"
            "2J"),
         "\\x9b"
         "2J",
         "\\x9b"
         "2J"}, /* the same as a bare byte: not UTF-8 */
        {IN("\xc3\xa4"), "\xc3\xa4", "\xc3\xa4"},
        {IN("\xc3"), "\\xc3", "\\xc3"},
        {IN("\xc0\x80"), "\\xc0\\x80", "\\xc0\\x80"},               /* overlong NUL */
        {IN("\xed\xa0\x80"), "\\xed\\xa0\\x80", "\\xed\\xa0\\x80"}, /* a surrogate */
        {IN("a\0b"), "a\\x00b", "a\\x00b"},
        {IN("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80", "\\xf4\\x90\\x80\\x80"},
};

Test(cli_text, samples)
{
        for (size_t i = 0; i < G_N_ELEMENTS(samples); i++) {
                g_autofree char *safe = text_safe(samples[i].in, samples[i].bytes);
                g_autofree char *utf8 = text_utf8(samples[i].in, samples[i].bytes);

                cr_assert_str_eq(safe, samples[i].safe);
                cr_assert_str_eq(utf8, samples[i].utf8);
        }
}

/* Every byte alone, before and after others: valid, and safe. */
Test(cli_text, all_bytes)
{
        for (unsigned b = 0; b < 65536; b++) {
                const char in[2] = {(char)(b >> 8), (char)b};
                g_autofree char *safe = text_safe(in, sizeof(in));
                g_autofree char *utf8 = text_utf8(in, sizeof(in));

                cr_assert(g_utf8_validate(safe, -1, NULL), "%04x", b);
                cr_assert(g_utf8_validate(utf8, -1, NULL), "%04x", b);
                for (const char *at = safe; *at; at = g_utf8_next_char(at))
                        cr_assert_not(g_unichar_iscntrl(g_utf8_get_char(at)), "%04x", b);
        }
}

/* A string that ends in the middle of a letter is not read past its end. */
Test(cli_text, end_is_respected)
{
        static const char in[] = "\xe2\x82\xac";
        g_autofree char *cut = text_safe(in, 2);

        cr_assert_str_eq(cut, "\\xe2\\x82");
}

Test(cli_text, json_hides_del_and_c1)
{
        g_autofree char *json = text_json_safe("{\"a\": \"\x7f\xc2\x9b\xc3\xa4\xc2\xa0\"}");

        cr_assert_str_eq(json, "{\"a\": \"\\u007f\\u009b\xc3\xa4\xc2\xa0\"}");
}

struct size {
        uint64_t bytes;
        const char *text;
};

static const struct size sizes[] = {
        {0, "0B"},
        {1, "1B"},
        {1023, "1023B"},
        {1024, "1K"},
        {1536, "1.5K"},
        {1075, "1K"},
        {1076, "1.1K"},
        {536870912, "512M"},
        {536870912 + 1, "512M"},
        {1048576 - 512, "1023.5K"},
        {1048576 - 1, "1M"},
        {UINT64_C(1) << 40, "1T"},
        {UINT64_C(3000592982016), "2.7T"},
        {(UINT64_C(1) << 57), "128P"},
        {UINT64_MAX, "16E"},
};

Test(cli_text, sizes)
{
        for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
                g_autofree char *text = text_size(sizes[i].bytes);

                cr_assert_str_eq(text, sizes[i].text, "%lu: %s, not %s",
                                 (unsigned long)sizes[i].bytes, text, sizes[i].text);
        }
}

Test(cli_text, macs)
{
        static const uint8_t mac[6] = {0x02, 0, 0xab, 0xff, 1, 0x10};
        char text[TEXT_MAC_BYTES];

        text_mac(mac, text);
        cr_assert_str_eq(text, "02:00:ab:ff:01:10");
}
