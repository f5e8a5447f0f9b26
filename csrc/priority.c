/* SPDX-License-Identifier: MIT
 *
 * Structured fields as far as a dictionary may hold them (RFC 9651 section 4.2), of which only `u` and `i` are kept.
 * Each part moves the position behind itself, or returns -1: then the whole field is ignored.
 */
#include "priority.h"

#include <string.h>

#include "chars.h"

#define DIGITS_MAX         15 /* of an integer */
#define DECIMAL_DIGITS_MAX 12 /* before the point; up to three follow it */

typedef struct {
  const char *p;
  const char *end;
} fc_input;

enum fc_item { FC_ITEM_OTHER, FC_ITEM_INTEGER, FC_ITEM_DECIMAL, FC_ITEM_BOOLEAN };

typedef struct {
  enum fc_item type;
  int number; /* of an integer from 0 to 9, else -1; of a boolean 0 or 1 */
} fc_value;

static int at(const fc_input *in, char c) {
  return in->p < in->end && *in->p == c;
}

static int skip_if(fc_input *in, char c) {
  if (!at(in, c)) return 0;
  in->p++;
  return 1;
}

static int is_lower(char c) {
  return (unsigned)(c - 'a') < 26u;
}

static int key_read(fc_input *in, const char **key, size_t *len) {
  const char *start = in->p;
  if (in->p == in->end || (!is_lower(*in->p) && *in->p != '*')) return -1;
  while (in->p < in->end && (is_lower(*in->p) || fc_is(*in->p, FC_DIGIT) || memchr("_-.*", *in->p, 4))) in->p++;
  *key = start;
  *len = (size_t)(in->p - start);
  return 0;
}

/* An integer of up to 15 digits or a decimal (section 4.2.4). */
static int number_read(fc_input *in, fc_value *value) {
  int negative = skip_if(in, '-');
  const char *start = in->p;
  while (in->p < in->end && fc_is(*in->p, FC_DIGIT)) in->p++;
  size_t digits = (size_t)(in->p - start);
  if (digits == 0 || digits > DIGITS_MAX) return -1;
  if (at(in, '.')) {
    const char *point = in->p++;
    while (in->p < in->end && fc_is(*in->p, FC_DIGIT)) in->p++;
    size_t fraction = (size_t)(in->p - point) - 1;
    value->type = FC_ITEM_DECIMAL;
    return digits > DECIMAL_DIGITS_MAX || fraction == 0 || fraction > 3 ? -1 : 0;
  }
  while (digits > 1 && *start == '0') {
    start++;
    digits--;
  }
  value->type = FC_ITEM_INTEGER;
  value->number = digits > 1 || (negative && *start != '0') ? -1 : *start - '0';
  return 0;
}

/* "text" with \" and \\ as its only escapes (section 4.2.5). */
static int string_read(fc_input *in) {
  for (in->p++; in->p < in->end; in->p++) {
    if (*in->p == '"') {
      in->p++;
      return 0;
    }
    if (*in->p == '\\' && (++in->p == in->end || (*in->p != '"' && *in->p != '\\'))) return -1;
    if ((unsigned char)*in->p < 0x20 || (unsigned char)*in->p >= 0x7f) return -1;
  }
  return -1;
}

/* %"text" with hex escapes in lower case; whether they make UTF-8 is nothing to us (section 4.2.10). */
static int display_read(fc_input *in) {
  in->p++;
  if (!skip_if(in, '"')) return -1;
  while (in->p < in->end && *in->p != '"') {
    unsigned char c = (unsigned char)*in->p++;
    if (c < 0x20 || c >= 0x7f) return -1;
    if (c != '%') continue;
    for (int i = 0; i < 2; i++, in->p++) {
      if (in->p == in->end || !fc_is(*in->p, FC_HEX) || (unsigned)(*in->p - 'A') < 6u) return -1;
    }
  }
  return skip_if(in, '"') ? 0 : -1;
}

/* :base64: (section 4.2.7). */
static int bytes_read(fc_input *in) {
  for (in->p++; in->p < in->end; in->p++) {
    char c = *in->p;
    if (c == ':') {
      in->p++;
      return 0;
    }
    if (!is_lower((char)fc_lower_byte((unsigned char)c)) && !fc_is(c, FC_DIGIT) && c != '+' && c != '/' && c != '=') {
      return -1;
    }
  }
  return -1;
}

static int token_read(fc_input *in) {
  while (in->p < in->end && (fc_is(*in->p, FC_TOKEN) || *in->p == ':' || *in->p == '/')) in->p++;
  return 0;
}

/* @ and an integer (section 4.2.9). */
static int date_read(fc_input *in, fc_value *value) {
  in->p++;
  if (number_read(in, value) < 0 || value->type == FC_ITEM_DECIMAL) return -1;
  value->type = FC_ITEM_OTHER;
  return 0;
}

static int item_read(fc_input *in, fc_value *value) {
  value->type = FC_ITEM_OTHER;
  value->number = -1;
  if (in->p == in->end) return -1;
  char c = *in->p;
  if (c == '-' || fc_is(c, FC_DIGIT)) return number_read(in, value);
  if (c == '"') return string_read(in);
  if (c == ':') return bytes_read(in);
  if (c == '%') return display_read(in);
  if (c == '*' || is_lower((char)fc_lower_byte((unsigned char)c))) return token_read(in);
  if (c == '@') return date_read(in, value);
  if (c != '?' || in->end - in->p < 2 || (in->p[1] != '0' && in->p[1] != '1')) return -1;
  value->type = FC_ITEM_BOOLEAN;
  value->number = in->p[1] - '0';
  in->p += 2;
  return 0;
}

/* ;key=item ... behind an item (section 4.2.3.2). */
static int parameters_skip(fc_input *in) {
  while (skip_if(in, ';')) {
    const char *key;
    size_t len;
    fc_value value;
    while (skip_if(in, ' ')) {
    }
    if (key_read(in, &key, &len) < 0) return -1;
    if (skip_if(in, '=') && item_read(in, &value) < 0) return -1;
  }
  return 0;
}

/* ( item item ... ) (section 4.2.1.2). */
static int inner_list_skip(fc_input *in) {
  in->p++;
  for (;;) {
    fc_value value;
    while (skip_if(in, ' ')) {
    }
    if (skip_if(in, ')')) return 0;
    if (item_read(in, &value) < 0 || parameters_skip(in) < 0) return -1;
    if (!at(in, ' ') && !at(in, ')')) return -1;
  }
}

static int member_read(fc_input *in, fc_priority *priority) {
  const char *key;
  size_t len;
  fc_value value = {FC_ITEM_BOOLEAN, 1}; /* a key without "=" is true */
  if (key_read(in, &key, &len) < 0) return -1;
  if (skip_if(in, '=')) {
    if (at(in, '(')) {
      value.type = FC_ITEM_OTHER;
      if (inner_list_skip(in) < 0) return -1;
    } else if (item_read(in, &value) < 0) {
      return -1;
    }
  }
  if (parameters_skip(in) < 0) return -1;
  /* The last of equal keys counts (section 4.2.2), and a value that is ignored leaves the default. */
  if (len == 1 && *key == 'u') {
    int known = value.type == FC_ITEM_INTEGER && value.number >= 0 && value.number <= FC_URGENCY_MAX;
    priority->urgency = known ? value.number : FC_URGENCY_DEFAULT;
  } else if (len == 1 && *key == 'i') {
    priority->incremental = value.type == FC_ITEM_BOOLEAN && value.number;
  }
  return 0;
}

static int dictionary_read(fc_input *in, fc_priority *priority) {
  while (skip_if(in, ' ')) {
  }
  while (in->end > in->p && in->end[-1] == ' ') in->end--;
  while (in->p < in->end) {
    if (member_read(in, priority) < 0) return -1;
    while (in->p < in->end && fc_is_space(*in->p)) in->p++;
    if (in->p == in->end) return 0;
    if (!skip_if(in, ',')) return -1;
    while (in->p < in->end && fc_is_space(*in->p)) in->p++;
    if (in->p == in->end) return -1; /* a comma at the end */
  }
  return 0;
}

int fc_priority_parse(const char *src, size_t len, fc_priority *priority) {
  fc_input in = {src, src + len};
  priority->urgency = FC_URGENCY_DEFAULT;
  priority->incremental = 0;
  if (dictionary_read(&in, priority) == 0) return 0;
  priority->urgency = FC_URGENCY_DEFAULT;
  priority->incremental = 0;
  return -1;
}
