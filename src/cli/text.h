/* SPDX-License-Identifier: MIT */
/* Foreign bytes -> text that a terminal and a JSON reader may see. Results are the caller's. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define TEXT_MAC_BYTES 18

/* Valid UTF-8 without control characters: each other byte becomes \xNN. */
char *text_safe(const void *bytes, size_t n);
/* Valid UTF-8 that keeps control characters (a JSON writer escapes them): only bytes that are not
 * UTF-8, and NUL, become \xNN. */
char *text_utf8(const void *bytes, size_t n);
/* JSON with DEL and the C1 controls as \u00NN: some terminals obey those too. */
char *text_json_safe(const char *json);
/* 536870912 -> "512M"; at most one decimal, as lsblk does it. */
char *text_size(uint64_t bytes);
void text_mac(const uint8_t mac[6], char ret[TEXT_MAC_BYTES]);
